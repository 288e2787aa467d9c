//! `plinth-validator --config FILE`: one settlement validator as a program of its own.

use clap::Parser;
use plinth_validator::{Validator, ValidatorConfig, ValidatorHandle, ValidatorStatus, ZoneView};
use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// Orders zone blocks with the other validators of a chain, keeps their bodies for a while, and serves followers.
#[derive(Debug, Parser)]
#[command(name = "plinth-validator", version)]
struct Arguments {
    /// The configuration, TOML.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
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
    let config = ValidatorConfig::load(&arguments.config)?;
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

fn print_status(validator: &ValidatorHandle) {
    let ValidatorStatus { key, listen, height, peers_connected, evidence_count, zones, .. } = validator.status();
    let mut line = format!("validator {key} at {listen}: height {height}, {peers_connected} peers");
    for zone in zones {
        let ZoneView { zone, available, settled } = zone;
        line += &format!(", zone {zone} available {available} settled {settled} (attested 1/1, producer only)");
    }
    if evidence_count > 0 {
        line += &format!(", {evidence_count} pieces of evidence against validators");
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
