//! `plinth-zone --config FILE`: the host of one zone, a process beside the zone's own and the validators.

use clap::{Parser, Subcommand};
use plinth_settlement::block::{SignedDeposit, Transaction};
use plinth_settlement::keys::SecretKey;
use plinth_settlement::link::{LinkConfig, LinkEvent, ZoneLink};
use plinth_types::id::{AssetId, Height};
use plinth_types::message::Deposit;
use plinth_types::quantity::Amount;
use plinth_types::transfer::Address;
use plinth_zone_host::limits::{LOOK_INTERVAL, WATCH_INTERVAL};
use plinth_zone_host::{Host, HostConfig, read_secret};
use plinth_zone_protocol::{HostStatus, ask_status};
use serde_json::{Value, json};
use std::error::Error;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant};
use tracing_subscriber::EnvFilter;

/// Joins a zone process to settlement: takes its blocks over a local socket, seals and signs them, and tells it what is final.
#[derive(Debug, Parser)]
#[command(name = "plinth-zone", version)]
struct Arguments {
    /// The configuration, TOML
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Seconds between two lines about itself
    #[arg(long, default_value_t = 10, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    report: u64,
    #[command(subcommand)]
    instead: Option<Instead>,
}

/// Instead of running.
#[derive(Debug, Subcommand)]
enum Instead {
    /// Ask the running host of --config how it is
    Status {
        /// One line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a new key file, and print the public key
    Key {
        /// Where; a file that is there is not written over
        file: PathBuf,
    },
    /// Move an owner's value from the base layer into the zone; returns when settlement has ordered it
    Deposit {
        /// File with the owner's secret key
        #[arg(long)]
        key: PathBuf,
        /// Number of the asset
        #[arg(long)]
        asset: u16,
        /// In smallest units
        #[arg(long)]
        amount: u128,
        /// Whose it becomes in the zone, in the zone's words: 64 hexadecimal digits
        #[arg(long, value_parser = address)]
        account: Address,
        /// Give up after so many seconds
        #[arg(long, default_value_t = 60)]
        within: u64,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("plinth-zone: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    if let Some(Instead::Key { file }) = &arguments.instead {
        return make_key(file);
    }
    let config = HostConfig::load(arguments.config.as_deref().ok_or("no --config")?)?;
    match &arguments.instead {
        Some(Instead::Status { json }) => {
            let status = ask_status(&config.socket)?;
            say(&if *json { to_json(&status).to_string() } else { line(&status) });
            Ok(())
        }
        Some(Instead::Deposit { key, asset, amount, account, within }) => {
            let amount = Amount::new(*amount).ok_or("no such amount")?;
            deposit(&config, &read_secret(key)?, (AssetId::new(*asset), amount), *account, Duration::from_secs(*within))
        }
        Some(Instead::Key { .. }) | None => serve(config, Duration::from_secs(arguments.report)),
    }
}

fn serve(config: HostConfig, report: Duration) -> Result<(), Box<dyn Error>> {
    let (host, ended) = Host::start(config)?;
    let mut reported = None;
    loop {
        if reported.is_none_or(|at: Instant| at.elapsed() >= report) {
            reported = Some(Instant::now());
            say(&line(&host.status()));
        }
        match ended.recv_timeout(WATCH_INTERVAL) {
            Ok(error) => return Err(error.into()),
            Err(RecvTimeoutError::Timeout) => host.check()?,
            Err(RecvTimeoutError::Disconnected) => return Err("the host ended by itself; the log says why".into()),
        }
    }
}

fn line(status: &HostStatus) -> String {
    let HostStatus { zone, settlement_height, executed, ordered, available, settled, waiting_count, .. } = status;
    let mut line = format!(
        "zone {zone}: settlement {settlement_height}, executed {executed}, ordered {ordered}, available {available}, settled {settled}, \
         {waiting_count} waiting, inbox {} of {}, epoch {}, {} validators",
        status.inbox_consumed, status.inbox_appended, status.epoch, status.validators_connected
    );
    line += if status.connected { ", zone process connected" } else { ", no zone process" };
    if status.frozen {
        line += ", FROZEN";
    }
    if status.producer != status.key {
        line += &format!(", NOT THE PRODUCER: that is {}", status.producer);
    }
    line
}

fn to_json(status: &HostStatus) -> Value {
    let assets = status.assets.iter().map(|flow| {
        json!({
            "asset": flow.asset.get(), "in_flight": flow.in_flight.to_string(), "paid_in": flow.paid_in.to_string(),
            "leaving": flow.leaving.to_string(), "paid_out": flow.paid_out.to_string(),
        })
    });
    json!({
        "chain": status.chain.get(), "zone": status.zone.get(), "key": status.key.to_string(), "producer": status.producer.to_string(),
        "epoch": status.epoch.get(), "frozen": status.frozen, "validators_connected": status.validators_connected,
        "settlement_height": status.settlement_height.get(), "settlement_time": status.settlement_time.get(),
        "connected": status.connected, "welcomed_count": status.welcomed_count, "refused": status.refused.to_string(),
        "executed": status.executed.get(), "ordered": status.ordered.get(), "available": status.available.get(),
        "settled": status.settled.get(), "waiting_count": status.waiting_count, "told": status.told.get(),
        "processed": status.processed.get(), "inbox_appended": status.inbox_appended.get(),
        "inbox_consumed": status.inbox_consumed.get(), "assets": assets.collect::<Vec<_>>(),
    })
}

fn deposit(
    config: &HostConfig,
    owner: &SecretKey,
    (asset, amount): (AssetId, Amount),
    account: Address,
    within: Duration,
) -> Result<(), Box<dyn Error>> {
    let link = ZoneLink::start(LinkConfig {
        producer: config.key.clone(),
        reader_key: config.reader_key.clone(),
        zone: config.zone,
        genesis: config.genesis.clone(),
        validators: config.validators.clone(),
        from: Height::new(u64::MAX),
    })?;
    let deadline = Instant::now() + within;
    let mut brought: Option<Transaction> = None;
    loop {
        while let Ok(event) = link.events().try_recv() {
            if let LinkEvent::TransactionRefused { reason, .. } = event {
                return Err(format!("the validators refuse the deposit: {reason}").into());
            }
        }
        match (&brought, link.ledger()) {
            (Some(brought), Some(ledger)) if ledger.is_past(brought) => {
                say(&format!("the deposit is ordered by settlement block {} at the latest", ledger.height()));
                return Ok(());
            }
            (None, Some(ledger)) => {
                let key = owner.public_key();
                let nonce = ledger.deposit_nonce(&key) + 1;
                let deposit = Deposit { zone: config.zone, nonce, asset, amount, owner: key, account };
                let transaction = Transaction::Deposit(SignedDeposit::sign(deposit, ledger.chain(), owner));
                link.bring(transaction.clone())?;
                brought = Some(transaction);
            }
            (Some(_), _) | (None, None) => {}
        }
        if Instant::now() > deadline {
            return Err(format!("not ordered within {within:?}").into());
        }
        std::thread::sleep(LOOK_INTERVAL);
    }
}

fn make_key(file: &Path) -> Result<(), Box<dyn Error>> {
    let wrong = |error: std::io::Error| format!("{}: {error}", file.display());
    let mut seed = [0; 32];
    std::fs::File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut seed))?;
    let digits: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(wrong)?;
    writeln!(made, "{digits}").and_then(|()| made.sync_all()).map_err(wrong)?;
    say(&SecretKey::from_seed(seed).public_key().to_string());
    Ok(())
}

fn address(text: &str) -> Result<Address, String> {
    let digits = text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    let bytes: Option<Vec<u8>> = digits.collect();
    let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()).filter(|_| text.len() == 64);
    bytes.map(Address).ok_or_else(|| "64 hexadecimal digits".to_owned())
}

/// A host goes on when nobody reads what it says.
fn say(line: &str) {
    let _nobody_reads = writeln!(std::io::stdout(), "{line}").is_err();
}
