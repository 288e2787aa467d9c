//! One replay from its arguments to its report.

use super::child::{self, ChildAppliance, ChildError, Login, Ready, Status};
use super::expect::compare;
use super::plan::{Action, Plan};
use super::player::{self, PlayError, Played, Speed};
use super::report::ReplayReport;
use super::tape::{Tape, TapeError};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// What `plinth replay` takes.
#[derive(Clone, Debug, clap::Args)]
pub struct ReplayArgs {
    /// Folder with orders.csv.gz and trades.csv (scripts/sample-data.sh fetches them)
    #[arg(long, value_name = "DIR")]
    pub bitstamp: PathBuf,
    /// Which way the orders go in
    #[arg(long, value_enum, default_value_t = Via::Fix)]
    pub via: Via,
    /// Sessions, one for each firm
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub sessions: u8,
    /// At which pace
    #[arg(long, value_enum, default_value_t = Speed::Max)]
    pub speed: Speed,
    /// Only the first so many orders and cancels
    #[arg(long)]
    pub limit: Option<usize>,
    /// Play against a running appliance (give its --data-dir too) rather than one started for it
    #[arg(long, value_name = "HOST:PORT", requires = "data_dir")]
    pub connect: Option<SocketAddr>,
    /// Data directory: of the running appliance, or for the one that is started (by default a temporary one, removed afterwards)
    #[arg(long)]
    pub data_dir: Option<PathBuf>,
    /// Durability of the appliance that is started
    #[arg(long, value_parser = ["sync", "async"])]
    pub durability: Option<String>,
    /// The program that is started, if it is not this one
    #[arg(long, hide = true)]
    pub binary: Option<PathBuf>,
    /// Print one line of JSON
    #[arg(long)]
    pub json: bool,
}

/// Which way orders go in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Via {
    /// Through FIX sessions
    Fix,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The tape cannot be read.
    #[error(transparent)]
    Tape(#[from] TapeError),
    /// The appliance does not run.
    #[error(transparent)]
    Child(#[from] ChildError),
    /// The plan was not played to its end.
    #[error(transparent)]
    Play(#[from] PlayError),
    /// The system refused something of ours.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        error: io::Error,
    },
}

/// Replays and prints the report. Failure is when the ledger is not conserved.
///
/// # Errors
///
/// [`ReplayError`] when there is nothing to report.
pub fn main(args: &ReplayArgs) -> Result<ExitCode, ReplayError> {
    let report = run(args)?;
    if args.json {
        println!("{}", report.to_json());
    } else {
        print!("{report}");
    }
    Ok(if report.ledger_conserved { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Replays.
///
/// # Errors
///
/// [`ReplayError`] when the tape cannot be read, the appliance does not run, or it stops answering.
pub fn run(args: &ReplayArgs) -> Result<ReplayReport, ReplayError> {
    let mut tape = Tape::read(&args.bitstamp)?;
    let mut plan = Plan::new(&tape, args.sessions);
    if let Some(limit) = args.limit {
        plan.truncate(limit);
        let last_ms = plan.actions.last().map_or(0, Action::at_ms);
        tape.trades.retain(|trade| trade.received_at_ms <= last_ms);
    }
    match &args.connect {
        Some(address) => against_running(args, &tape, &plan, *address),
        None => against_child(args, &tape, &plan),
    }
}

fn against_child(args: &ReplayArgs, tape: &Tape, plan: &Plan) -> Result<ReplayReport, ReplayError> {
    let binary = program(args)?;
    let scratch = match &args.data_dir {
        Some(_) => None,
        None => Some(Scratch::new().map_err(|error| ReplayError::Io { what: "make a temporary directory", error })?),
    };
    let data_dir = args.data_dir.as_deref().or(scratch.as_ref().map(Scratch::path)).unwrap_or(Path::new("."));
    let durability: Vec<&str> = args.durability.iter().flat_map(|mode| ["--durability", mode.as_str()]).collect();
    let appliance = ChildAppliance::start(&binary, data_dir, &durability)?;
    let ready = appliance.ready();
    let played = player::play(plan, args.sessions.into(), args.speed, ready.fix, &ready.sessions, &ready.instruments, "")?;
    let status = appliance.status()?;
    let memory_peak_kib = appliance.memory_peak_kib();
    let mut report = report(tape, plan, played, &status, memory_peak_kib);
    // That it does not stop is a finding, not a reason to lose the others.
    report.stopped_cleanly = Some(appliance.stop().is_ok_and(|status| status.success()));
    Ok(report)
}

fn against_running(args: &ReplayArgs, tape: &Tape, plan: &Plan, address: SocketAddr) -> Result<ReplayReport, ReplayError> {
    let binary = program(args)?;
    let data_dir = args.data_dir.as_deref().unwrap_or(Path::new("."));
    let credentials = std::fs::read(data_dir.join("demo-credentials.json"))
        .map_err(|error| ReplayError::Io { what: "read demo-credentials.json of the data directory", error })?;
    let logins: Vec<Login> =
        serde_json::from_slice(&credentials).map_err(|error| ChildError::Unreadable { what: "demo-credentials.json", error })?;
    let before = child::status_of(&binary, data_dir)?;
    let listing = child::Listing { symbol: "BTC/USD".into(), price_decimals: 2, qty_decimals: 8 };
    let ready =
        Ready { pid: before.pid, fix: address, fix_tls: None, sessions: logins, instruments: vec![listing], market_data: None };
    // Client order ids are remembered for good: a second run against one appliance needs its own.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let run = format!("{:x}-", since.as_secs());
    let played = player::play(plan, args.sessions.into(), args.speed, ready.fix, &ready.sessions, &ready.instruments, &run)?;
    let status = child::status_of(&binary, data_dir)?;
    Ok(report(tape, plan, played, &status, child::memory_peak_kib(ready.pid)))
}

fn program(args: &ReplayArgs) -> Result<PathBuf, ReplayError> {
    match &args.binary {
        Some(binary) => Ok(binary.clone()),
        None => std::env::current_exe().map_err(|error| ReplayError::Io { what: "find this program", error }),
    }
}

fn report(tape: &Tape, plan: &Plan, played: Played, status: &Status, memory_peak_kib: Option<u64>) -> ReplayReport {
    let comparison = compare(&tape.trades, &played.trades);
    ReplayReport::new(tape, plan, &played, &comparison, status, memory_peak_kib)
}

/// A temporary directory that goes with this value.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> io::Result<Self> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let path = std::env::temp_dir().join(format!("plinth-replay-{}-{}", std::process::id(), since.as_nanos()));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // It is in the system's temporary directory: what cannot be removed goes with that.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
