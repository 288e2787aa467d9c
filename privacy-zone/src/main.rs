//! `plinth-privacy`: the privacy zone, and what its wallets, registrar, controller and auditors do.

mod commands;

use clap::{Parser, Subcommand};
use commands::{Outcome, audit, control, registrar, say, status, wallet};
use plinth_privacy_zone::config::ZoneConfig;
use plinth_privacy_zone::process;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(
    name = "plinth-privacy",
    version,
    about = "The privacy zone: amounts, assets and parties hidden, open to the right auditor"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the zone beside plinth-zone
    Serve {
        /// The configuration, TOML
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
    },
    /// Ask a zone how it is
    Status(status::Arguments),
    /// Say who may hold what
    #[command(subcommand)]
    Registrar(registrar::Command),
    /// Say which assets the pool has, and how far it is open
    Control(control::Arguments),
    /// Hold, pay, swap
    Wallet(wallet::Arguments),
    /// Read what is in scope
    Audit(audit::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve { config } => serve(&config),
        Command::Status(arguments) => status::run(&arguments),
        Command::Registrar(command) => registrar::run(&command),
        Command::Control(arguments) => control::run(&arguments),
        Command::Wallet(arguments) => wallet::run(&arguments),
        Command::Audit(arguments) => audit::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("plinth-privacy: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(config: &Path) -> Outcome {
    let running = process::start(ZoneConfig::load(config)?)?;
    say(format_args!("wallets on {}", running.listen));
    Err(running.ended().into())
}
