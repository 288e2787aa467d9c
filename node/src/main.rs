//! `plinth`: the appliance. Alone it starts everything on loopback; `plinth help` lists the rest.

use clap::{Args, Parser, Subcommand};
use plinth_gateway::clock::Now;
use plinth_gateway::driver::{Backend, DriverConfig};
use plinth_gateway::echo::EchoServer;
use plinth_node::appliance::{self, Appliance, Options, Parts};
use plinth_node::config::{certificates, demo};
use plinth_node::operator::MarketArgs;
use plinth_node::owner::{Decision, Desk, Exit, Issued, Moved, Redeemed, Requested, To};
use plinth_node::recover::Recover;
use plinth_node::replay::{self, ReplayArgs};
use plinth_node::watch::{self, WatchArgs};
use plinth_validator::config::beside;
use std::error::Error;
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

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
    /// Start the trading zone alone, beside validators that run as processes of their own (plinth-validator)
    Run(RunArgs),
    /// Make a data directory with a configuration, fresh keys and eight funded demo firms, and start nothing
    Init {
        #[command(flatten)]
        folder: Folder,
        /// How many validators the chain has
        #[arg(long, default_value_t = demo::VALIDATOR_COUNT, value_parser = clap::value_parser!(u16).range(4..=i64::from(demo::VALIDATOR_COUNT_MAX)))]
        validators: u16,
        /// How many of them run in the appliance (by default all); each of the others gets a validator.toml for plinth-validator
        #[arg(long)]
        validators_here: Option<u16>,
        /// Settle the zone's blocks by validity proofs: plinth-verify, beside this program, says of which guest
        #[arg(long)]
        prove: bool,
    },
    /// Ask a running appliance how it is
    Status {
        #[command(flatten)]
        folder: Folder,
        /// One line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Take value out of the trading zone by its owner's signature; durable when this returns
    Withdraw {
        #[command(flatten)]
        desk: Desk,
        #[command(flatten)]
        moved: Moved,
        #[command(flatten)]
        to: To,
        /// Seconds after which neither the zone nor settlement carries it out any more
        #[arg(long, default_value_t = 86_400)]
        expires_in_s: u64,
    },
    /// Move value from an owner's balance on the base layer into its account
    Deposit {
        #[command(flatten)]
        desk: Desk,
        #[command(flatten)]
        moved: Moved,
    },
    /// Put a cancel or a withdrawal before the trading zone through settlement, for a fee: the zone must answer it
    Request {
        #[command(flatten)]
        desk: Desk,
        #[command(subcommand)]
        requested: Requested,
    },
    /// Make more of an asset on the base layer, by its issuer's signature
    Issue {
        #[command(flatten)]
        desk: Desk,
        #[command(flatten)]
        issued: Issued,
    },
    /// Take an asset out of the world, from its issuer's balance on the base layer
    Redeem {
        #[command(flatten)]
        desk: Desk,
        #[command(flatten)]
        redeemed: Redeemed,
    },
    /// Decide with the keys of governors: freeze, thaw, caps, modes, rejection of blocks, producers and validators
    Govern {
        #[command(flatten)]
        desk: Desk,
        /// File with a governor's secret key; once for each
        #[arg(long, required = true)]
        key: Vec<PathBuf>,
        #[command(subcommand)]
        decision: Decision,
    },
    /// Halt one market by hand, or let it go on
    Market(MarketArgs),
    /// Take all that an account has of an asset out of the frozen trading zone, by proof against its last settled block
    Exit {
        #[command(flatten)]
        desk: Desk,
        #[command(flatten)]
        exit: Exit,
    },
    /// Bring a transaction that was signed elsewhere: a file of hexadecimal digits
    Submit {
        #[command(flatten)]
        desk: Desk,
        /// The file
        file: PathBuf,
    },
    /// Say what an owner has on the base layer
    Balance {
        #[command(flatten)]
        desk: Desk,
        /// Its key
        owner: String,
    },
    /// Take the trading zone over from a producer that is lost: make its files anew from the validators' shards, in a new epoch
    Recover(Recover),
    /// Play recorded order flow through the FIX gateway and compare the trades
    Replay(ReplayArgs),
    /// Read the whole command journal and name the exact record at fault, if there is one
    VerifyJournal(Folder),
    /// Run the acceptor of the QuickFIX acceptance definitions on loopback: every version, orders come back as they were sent
    FixAcceptance {
        /// Echo; there is no other application
        #[arg(long, required = true)]
        echo: bool,
        /// Port on 127.0.0.1; 0 takes a free one
        #[arg(long, default_value_t = 0)]
        port: u16,
        /// epoll instead of io_uring
        #[arg(long)]
        epoll: bool,
    },
    /// Follow a market data feed
    #[command(subcommand)]
    MarketData(MarketDataCommand),
    /// Read a password from standard input and print its Argon2 hash for a [[session]]
    HashPassword,
    /// Make a certificate authority for development, and what it signs: one certificate for the gateway, one for each client
    DevCertificates {
        /// Folder to make
        #[arg(long, default_value = "plinth-certificates")]
        folder: PathBuf,
        /// The name or address under which clients reach the gateway
        #[arg(long, default_value = "localhost")]
        server: String,
        /// CompID of a client; may be given several times
        #[arg(long = "client", required = true)]
        clients: Vec<String>,
    },
    /// Run seeds of the deterministic simulation: `plinth sim --seed N`; the program `plinth-sim` does it
    #[command(disable_help_flag = true)]
    Sim {
        /// Handed to plinth-sim; `plinth sim --help` lists them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

#[derive(Debug, Subcommand)]
enum MarketDataCommand {
    /// Join a feed, recover what is lost, print the books
    Watch(WatchArgs),
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
    #[command(flatten)]
    overrides: Overrides,
    /// Prove the zone's blocks here, by plinth-prove beside this program or by another one; a data directory that is made says that they are to be
    #[arg(long, num_args = 0..=1, value_name = "PROGRAM", default_missing_value = "plinth-prove")]
    prove: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Configuration file; what it says of secret keys of validators is not used
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Where journal and blocks are; by default the configuration's folder
    #[arg(long)]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    overrides: Overrides,
}

/// What replaces the configuration's values.
#[derive(Debug, Args)]
struct Overrides {
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
        Command::Run(args) => run(args),
        Command::Init { folder, validators, validators_here, prove } => {
            init(&folder, validators, validators_here.unwrap_or(validators), prove)
        }
        Command::Status { folder, json } => status(&folder, json),
        Command::Withdraw { desk, moved, to, expires_in_s } => done(desk.withdraw(&moved, &to, Duration::from_secs(expires_in_s))),
        Command::Deposit { desk, moved } => done(desk.deposit(&moved)),
        Command::Request { desk, requested } => done(desk.request(&requested)),
        Command::Issue { desk, issued } => done(desk.issue(&issued)),
        Command::Redeem { desk, redeemed } => done(desk.redeem(&redeemed)),
        Command::Govern { desk, key, decision } => done(desk.decide(&decision, &key)),
        Command::Market(args) => done(args.run()),
        Command::Exit { desk, exit } => done(desk.exit(&exit)),
        Command::Submit { desk, file } => done(desk.submit(&file)),
        Command::Balance { desk, owner } => done(desk.balance(&owner)),
        Command::Recover(recover) => done(recover.run().map_err(Into::into)),
        Command::Replay(args) => replay::main(&args).map_err(Into::into),
        Command::VerifyJournal(folder) => verify_journal(&folder),
        Command::FixAcceptance { echo: _, port, epoll } => fix_acceptance(port, epoll),
        Command::MarketData(MarketDataCommand::Watch(args)) => watch::main(&args),
        Command::HashPassword => hash_password(),
        Command::DevCertificates { folder, server, clients } => dev_certificates(&folder, &server, &clients),
        Command::Sim { arguments } => sim(&arguments),
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

fn done(done: Result<(), Box<dyn Error>>) -> Result<ExitCode, Box<dyn Error>> {
    done.map(|()| ExitCode::SUCCESS)
}

fn fix_acceptance(port: u16, epoll: bool) -> Result<ExitCode, Box<dyn Error>> {
    let backend = if epoll { Backend::Poll } else { Backend::Ring };
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut server = EchoServer::bind(address, DriverConfig { backend, ..DriverConfig::default() })?;
    println!("listening on {}", server.local_addr()?);
    loop {
        server.turn(Now::read())?;
    }
}

fn run(args: RunArgs) -> Result<ExitCode, Box<dyn Error>> {
    // `parent` of a bare file name is empty, and means here.
    let beside = args.config.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = args.data_dir.unwrap_or_else(|| beside.to_path_buf());
    start(folder, Some(args.config), args.overrides, Parts::Zone, None)
}

fn up(args: UpArgs) -> Result<ExitCode, Box<dyn Error>> {
    let UpArgs { folder, config, overrides, prove } = args;
    let prover = prove.map(|program| beside(program, Path::new("")));
    start(folder.data_dir, config, overrides, Parts::Appliance, prover)
}

fn start(
    folder: PathBuf,
    config: Option<PathBuf>,
    overrides: Overrides,
    parts: Parts,
    prover: Option<PathBuf>,
) -> Result<ExitCode, Box<dyn Error>> {
    let Overrides { fix_listen, durability, ready_file } = overrides;
    let durability = durability.as_deref().map(|mode| match mode {
        "async" => plinth_node::config::schema::Durability::Async,
        _ => plinth_node::config::schema::Durability::Sync,
    });
    let options = Options { folder, config, fix_listen, durability, parts, prover };
    let appliance = Appliance::start(options)?;
    appliance::announce(&appliance, ready_file.as_deref())?;
    let stopped = appliance.run_until_signal();
    eprintln!("{stopped}");
    Ok(if stopped.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn init(folder: &Folder, validators: u16, validators_here: u16, prove: bool) -> Result<ExitCode, Box<dyn Error>> {
    if validators_here > validators {
        return Err(format!("--validators-here {validators_here}: the chain has {validators} validators").into());
    }
    let vouching = if prove { demo::Vouching::proven()? } else { demo::Vouching::Attested };
    demo::create(&folder.data_dir, demo::Committee { validators, here: validators_here }, &vouching)?;
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

fn dev_certificates(folder: &Path, server: &str, clients: &[String]) -> Result<ExitCode, Box<dyn Error>> {
    let names = certificates::create(folder, server, clients, Now::read().utc)?;
    // Paths of the configuration are relative to its own folder.
    let folder = folder.canonicalize()?;
    println!("# for plinth.toml; certificates are good for a year, and for development only\n[fix.tls]\nlisten = \"0.0.0.0:9879\"");
    for (entry, file) in
        [("certificate_file", "server.pem"), ("key_file", "server.key"), ("client_authorities_file", "authority.pem")]
    {
        println!("{entry} = {:?}", folder.join(file));
    }
    for (client, name) in clients.iter().zip(names) {
        println!("# in the [[session]] of {client}: certificates = [\"{name}\"]");
    }
    Ok(ExitCode::SUCCESS)
}

/// Becomes `plinth-sim`, which lies beside this program. It is one of its own because its consensus engine is generated for another
/// runtime: that costs a build minutes which `cargo run` need not pay.
fn sim(arguments: &[OsString]) -> Result<ExitCode, Box<dyn Error>> {
    let program = std::env::current_exe()?.with_file_name("plinth-sim");
    // Comes back only if there is no such program.
    let error = std::process::Command::new(&program).args(arguments).exec();
    Err(format!("{}: {error}; `cargo build --release --workspace` builds it", program.display()).into())
}
