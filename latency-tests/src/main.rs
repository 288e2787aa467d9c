//! `latency-tests`: every figure that Plinth prints of itself comes out of here.
//!
//! ```text
//! engine    the matching engine alone, CPU time, against a workload's known trades
//! journal   commands made durable: throughput, a lone record's latency, recovery
//! wire      FIX over TCP against an appliance, open loop, with the floor of a raw echo in the same run
//! jitter    what the machine itself loses: gaps that a spinning thread sees
//! control   no figure of Plinth's: does the harness see a stall that is put into an echo?
//! rate      orders a second that are acknowledged over FIX, closed loop
//! state     durable updates of verifiable state, beside RocksDB; proofs
//! peak      memory of a validator over a thousand blocks
//! settle    from execution to finality, per stage, against an appliance with four validators
//! disperse  a zone body as shards: encoding, checking, rebuilding, and the bytes that each validator gets
//! market-data  updates and ITCH messages encoded, and consumers' books built, each second of CPU time
//! privacy   private transactions proven, checked and found, each second of CPU time, beside Orchard's circuit
//! report    runs as a page with plots
//! compare   which figures of two runs differ by more than their rounds do
//! relay     no figure: a long and lossy road between processes, for scripts
//! ```
//!
//! `--json` prints, as the last line, one object `{"figures": {NAME: value, …}, "env": {…}}`. `--out DIR` keeps the run for `report` and `compare`.

mod appliance;
mod compare;
mod consensus;
mod control;
mod cpu_time;
mod disperse;
mod engine;
mod env;
mod figures;
mod fix;
mod jitter;
mod journal;
mod market_data;
mod privacy;
mod random;
mod relay;
mod report;
mod results;
mod settle;
mod settle_cost;
mod state;
mod wire;
mod workload;

use clap::{Parser, Subcommand};
use figures::Figures;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

#[derive(Debug, Parser)]
#[command(name = "latency-tests", version, about = "The figures of a Plinth appliance, measured")]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print one JSON object as the last line
    #[arg(long, global = true)]
    json: bool,
    /// Keep the run in this folder: env.json, figures.json and the latencies as HDR V2 logs
    #[arg(long, global = true, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The matching engine alone: operations per second of CPU time, accounts on
    Engine(engine::EngineArgs),
    /// The command journal alone: commands per second with fdatasync and without
    Journal(journal::JournalArgs),
    /// From the moment an order is due to its report, over FIX and TCP, beside the floor of a raw echo
    Wire(wire::WireArgs),
    /// Orders a second that an appliance acknowledges over eight FIX sessions
    Rate(wire::rate::RateArgs),
    /// The gaps that a spinning thread sees between two readings of the clock
    Jitter(jitter::JitterArgs),
    /// Whether the harness sees a stall of 100 ms that is put into an echo server
    Control,
    /// From a trade's execution to the finality of its block
    Settle(settle::SettleArgs),
    /// Encipher, encode, check and rebuild zone bodies; count the bytes on the wire
    Disperse(disperse::DisperseArgs),
    /// Publish the books and build them again: updates and ITCH messages per second of CPU time
    MarketData(market_data::MarketDataArgs),
    /// Prove, check, admit and scan private transactions on one thread, beside Zcash's Orchard circuit
    Privacy(privacy::PrivacyArgs),
    /// Write runs as one page with plots
    Report(report::ReportArgs),
    /// Say which figures of two runs differ by more than their rounds do
    Compare(compare::CompareArgs),
    /// Pass UDP datagrams on late, out of order, or not at all, until killed
    Relay(relay::RelayArgs),
    /// Durable updates of the verifiable state, beside RocksDB; its proofs
    State(state::StateArgs),
    /// The memory that a validator needs for a thousand blocks from genesis
    Peak(state::PeakArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut figures = Figures::default();
    let env = env::describe();
    let started = Instant::now();
    let done = match &cli.command {
        Command::Engine(args) => engine::run(args, &mut figures),
        Command::Journal(args) => journal::run(args, &mut figures),
        Command::Wire(args) => wire::run(args, &mut figures),
        Command::Jitter(args) => Ok(jitter::run(args, &mut figures)),
        Command::Report(args) => report::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Control => control::run(&mut figures),
        Command::Rate(args) => wire::rate::run(args, &mut figures),
        Command::Settle(args) => settle::run(args, &mut figures),
        Command::Disperse(args) => disperse::run(args, &mut figures),
        Command::MarketData(args) => market_data::run(args, &mut figures),
        Command::Privacy(args) => privacy::run(args, &mut figures),
        Command::Relay(args) => relay::run(args).map(|()| true),
        Command::State(args) => state::run(args, &mut figures),
        Command::Peak(args) => state::peak(args, &mut figures),
    };
    let kept = done.and_then(|right| {
        if let Some(dir) = cli.out.as_ref().filter(|_| !figures.is_empty()) {
            results::write(dir, &figures, &env, started.elapsed())?;
        }
        Ok(right)
    });
    match kept {
        Ok(right) => {
            if !figures.is_empty() {
                figures.print(&env, cli.json);
            }
            if right { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("latency-tests: {error}");
            ExitCode::FAILURE
        }
    }
}
