//! `plinth-validator --config FILE`: one settlement validator as a program of its own.

use clap::Parser;
use plinth_settlement::checkpoint::deal;
use plinth_settlement::committee::ValidatorCount;
use plinth_settlement::stages::{Histograms, Stage, read_log, write_log, write_percentiles};
use plinth_validator::limits::LOG_SIZE_MAX;
use plinth_validator::{Validator, ValidatorConfig, ValidatorHandle, ValidatorStatus, ZoneView};
use std::error::Error;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, SystemTime};
use tracing_subscriber::EnvFilter;

/// Orders zone blocks with the other validators of a chain, keeps their bodies for a while, and serves followers.
#[derive(Debug, Parser)]
#[command(name = "plinth-validator", version)]
struct Arguments {
    /// The configuration, TOML.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["deal", "merge"])]
    config: Option<PathBuf>,
    /// Instead of running: deal a group that signs checkpoints for so many validators, and write group.hex and share-0.hex, share-1.hex …
    /// into the folder of --out, by the order of the validators' keys. Whoever runs this could forge checkpoints: see that the shares
    /// reach their owners and nobody keeps the rest.
    #[arg(long, value_name = "VALIDATORS", requires = "out", conflicts_with = "config")]
    deal: Option<usize>,
    /// Where --deal writes.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Instead of running: print the histograms of several validators as one HDR V2 log, from what they serve at /histograms.hlog.
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["config", "deal"])]
    merge: Vec<PathBuf>,
    /// Print this stage of --merge by percentiles instead, as .hgrm.
    #[arg(long, value_name = "STAGE", requires = "merge", value_parser = stage)]
    percentiles: Option<Stage>,
    /// Seconds between two lines about itself.
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    report: u64,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("plinth-validator: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    if let (Some(count), Some(folder)) = (arguments.deal, &arguments.out) {
        return deal_group(count, folder);
    }
    if !arguments.merge.is_empty() {
        return merge_logs(&arguments.merge, arguments.percentiles);
    }
    let config = ValidatorConfig::load(arguments.config.as_deref().ok_or("no --config")?)?;
    let interrupted = interrupted()?;
    let validator = Validator::start(config)?;
    print_status(&validator);
    loop {
        match interrupted.recv_timeout(Duration::from_secs(arguments.report)) {
            Err(RecvTimeoutError::Timeout) if validator.status().running => print_status(&validator),
            Err(RecvTimeoutError::Timeout) => {
                validator.stop()?;
                return Err("the validator ended by itself; the log says why".into());
            }
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    say("stopping");
    Ok(validator.stop()?)
}

fn deal_group(count: usize, folder: &Path) -> Result<(), Box<dyn Error>> {
    let count = ValidatorCount::new(count).ok_or("a group has as many validators as a committee may have: 4 to 100")?;
    let (polynomial, shares) = deal(count, rand::rng());
    std::fs::create_dir_all(folder)?;
    write_new(&folder.join("group.hex"), &polynomial.to_text(), 0o644)?;
    for share in &shares {
        write_new(&folder.join(format!("share-{}.hex", share.signer())), &share.expose_text(), 0o600)?;
    }
    say(&format!("group key {}", polynomial.key().to_text()));
    Ok(())
}

fn stage(name: &str) -> Result<Stage, String> {
    let names = || Stage::ALL.map(Stage::name).join(", ");
    Stage::ALL.into_iter().find(|stage| stage.name() == name).ok_or_else(|| format!("stages are {}", names()))
}

fn merge_logs(paths: &[PathBuf], percentiles: Option<Stage>) -> Result<(), Box<dyn Error>> {
    let mut merged = Histograms::default();
    for path in paths {
        let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let file = std::fs::File::open(path).map_err(|error| wrong(&error))?;
        let mut log = Vec::new();
        file.take(LOG_SIZE_MAX + 1).read_to_end(&mut log).map_err(|error| wrong(&error))?;
        if log.len() as u64 > LOG_SIZE_MAX {
            return Err(wrong(&format!("more than {LOG_SIZE_MAX} bytes")).into());
        }
        merged.merge(&read_log(&log).map_err(|error| wrong(&error))?);
    }
    let mut out = std::io::stdout().lock();
    match percentiles {
        Some(stage) => write_percentiles(merged.of(stage), &mut out)?,
        None => {
            let whose = format!("{} validators", paths.len());
            write_log(&merged, &whose, SystemTime::now(), Duration::ZERO, &mut out)?;
        }
    }
    Ok(())
}

/// Never writes over a share that is there.
fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), Box<dyn Error>> {
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = file.map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(writeln!(file, "{text}")?)
}

fn print_status(validator: &ValidatorHandle) {
    let ValidatorStatus { key, listen, epoch, votes, height, peers_connected, evidence_count, zones, .. } = validator.status();
    let mut line = format!("validator {key} at {listen}: height {height}, {peers_connected} peers");
    if !votes {
        line += &format!(", no validator of epoch {epoch}: follows");
    }
    for zone in zones {
        let ZoneView { zone, available, settled, mode } = zone;
        line += &format!(", zone {zone} available {available} settled {settled} ({mode})");
    }
    if evidence_count > 0 {
        line += &format!(", {evidence_count} pieces of evidence against validators");
    }
    if let Some(checkpoint) = validator.checkpoint() {
        line += &format!(", checkpoint of height {}", checkpoint.statement.height);
    }
    say(&line);
}

/// A validator goes on when nobody reads what it says.
fn say(line: &str) {
    let _nobody_reads = writeln!(std::io::stdout(), "{line}").is_err();
}

/// Says when Ctrl-C or a termination signal comes.
fn interrupted() -> std::io::Result<mpsc::Receiver<()>> {
    let (sender, receiver) = mpsc::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
                (Ok(mut interrupt), Ok(mut terminate)) => {
                    tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
                }
                (Err(error), _) | (_, Err(error)) => eprintln!("plinth-validator: no signals: {error}"),
            }
        });
        let _main_gone = sender.send(()).is_err();
    })?;
    Ok(receiver)
}
