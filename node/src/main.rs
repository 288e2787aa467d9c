//! `plinth`: the appliance. Alone it starts everything on loopback; `plinth help` lists the rest.

use clap::{Args, Parser, Subcommand};
use plinth_node::appliance::{self, Appliance, Options};
use plinth_node::config::demo;
use plinth_node::replay::{self, ReplayArgs};
use std::error::Error;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(name = "plinth", version, about = "A trading and settlement appliance", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    up: UpArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the appliance: FIX gateway, matching core, journal, settlement with its validators (the default)
    Up(UpArgs),
    /// Make a data directory with a configuration, fresh keys and eight funded demo firms, and start nothing
    Init {
        #[command(flatten)]
        folder: Folder,
        /// How many of the four validators run in the appliance; each of the others gets a validator.toml for plinth-validator
        #[arg(long, default_value_t = demo::VALIDATOR_COUNT, value_parser = clap::value_parser!(u16).range(0..=4))]
        validators_here: u16,
    },
    /// Ask a running appliance how it is
    Status {
        #[command(flatten)]
        folder: Folder,
        /// One line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Play recorded order flow through the FIX gateway and compare the trades
    Replay(ReplayArgs),
    /// Read the whole command journal and name the exact record at fault, if there is one
    VerifyJournal(Folder),
    /// Read a password from standard input and print its Argon2 hash for a [[session]]
    HashPassword,
}

#[derive(Debug, Args)]
struct Folder {
    /// Where configuration, keys, journal and blocks are
    #[arg(long, default_value = "plinth-data")]
    data_dir: PathBuf,
}

#[derive(Debug, Args)]
struct UpArgs {
    #[command(flatten)]
    folder: Folder,
    /// Configuration file; by default plinth.toml of the data directory, written on the first start
    #[arg(long)]
    config: Option<PathBuf>,
    /// Listen for FIX here instead (loopback; port 0 takes a free one)
    #[arg(long)]
    fix_listen: Option<SocketAddr>,
    /// Acknowledge when the kernel has a command (async) rather than the disk (sync)
    #[arg(long, value_parser = ["sync", "async"])]
    durability: Option<String>,
    /// When everything runs, write its addresses and sessions here as JSON
    #[arg(long)]
    ready_file: Option<PathBuf>,
}

fn main() -> ExitCode {
    abort_on_panic();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_env("PLINTH_LOG").unwrap_or_else(|_| "warn".into()))
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let cli = Cli::parse();
    let done = match cli.command.unwrap_or(Command::Up(cli.up)) {
        Command::Up(args) => up(args),
        Command::Init { folder, validators_here } => init(&folder, validators_here),
        Command::Status { folder, json } => status(&folder, json),
        Command::Replay(args) => replay::main(&args).map_err(Into::into),
        Command::VerifyJournal(folder) => verify_journal(&folder),
        Command::HashPassword => hash_password(),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("plinth: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A stage that panicked has broken an invariant; the others must not go on acknowledging without it. The journal is complete at
/// every moment, so the next start recovers.
fn abort_on_panic() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        report(panic);
        std::process::abort();
    }));
}

fn up(args: UpArgs) -> Result<ExitCode, Box<dyn Error>> {
    let durability = args.durability.as_deref().map(|mode| match mode {
        "async" => plinth_node::config::schema::Durability::Async,
        _ => plinth_node::config::schema::Durability::Sync,
    });
    let options = Options { folder: args.folder.data_dir, config: args.config, fix_listen: args.fix_listen, durability };
    let appliance = Appliance::start(options)?;
    appliance::announce(&appliance, args.ready_file.as_deref())?;
    let stopped = appliance.run_until_signal();
    eprintln!("{stopped}");
    Ok(if stopped.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn init(folder: &Folder, validators_here: u16) -> Result<ExitCode, Box<dyn Error>> {
    demo::create(&folder.data_dir, validators_here)?;
    println!("{}", folder.data_dir.join(demo::CONFIG_FILE).display());
    Ok(ExitCode::SUCCESS)
}

fn status(folder: &Folder, json: bool) -> Result<ExitCode, Box<dyn Error>> {
    let text = appliance::request_status(&folder.data_dir)
        .map_err(|error| format!("no appliance answers in {}: {error}", folder.data_dir.display()))?;
    if json {
        print!("{text}");
    } else {
        println!("{}", serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(&text)?)?);
    }
    Ok(ExitCode::SUCCESS)
}

fn verify_journal(folder: &Folder) -> Result<ExitCode, Box<dyn Error>> {
    let journal = folder.data_dir.join(appliance::JOURNAL_FOLDER);
    let report = plinth_matching::journal::verify(&journal).map_err(|error| format!("{}: {error}", journal.display()))?;
    let seq = |seq: Option<plinth_types::id::Seq>| seq.map_or_else(|| "none".to_owned(), |seq| seq.to_string());
    println!(
        "{}: {} segments, {} batches, {} records, {} bytes; first record {}, last record {}, known durable up to {}",
        journal.display(),
        report.segment_count,
        report.batch_count,
        report.record_count,
        report.byte_count,
        seq(report.first_seq),
        seq(report.last_seq),
        report.floor,
    );
    if let Some(torn) = &report.torn {
        println!("torn tail, never acknowledged; the next start cuts it off: {torn}");
    }
    match &report.corruption {
        None => {
            println!("intact");
            Ok(ExitCode::SUCCESS)
        }
        Some(corruption) => {
            println!("CORRUPT: {corruption}");
            Ok(ExitCode::FAILURE)
        }
    }
}

fn hash_password() -> Result<ExitCode, Box<dyn Error>> {
    let mut password = String::new();
    std::io::stdin().read_line(&mut password)?;
    println!("{}", demo::hash_password(password.trim_end_matches(['\r', '\n']))?);
    Ok(ExitCode::SUCCESS)
}
