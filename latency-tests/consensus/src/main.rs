//! `consensus-bench`: the same chain over our QUIC transport, and over commonware's own authenticated TCP. `latency-tests settle` runs it.
//!
//! Four validators in one process, a worker thread each, their storage in one folder. No zone brings anything: what is measured is proposed →
//! finalized of settlement blocks, as every validator's own histogram says, and CPU time. A program of its own, because the engine is
//! generated here once more.

mod chain;
mod cpu_time;
mod quic;
mod tcp;

use chain::{Chain, measure};
use clap::{Parser, ValueEnum};
use plinth_settlement::stages::Stage;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Parser)]
#[command(name = "consensus-bench", version, about = "Proposed to finalized, over one transport or the other")]
struct Args {
    /// What the validators speak
    #[arg(long)]
    transport: Transport,
    /// An empty or missing folder for their storage
    #[arg(long)]
    dir: PathBuf,
    /// How many blocks are measured
    #[arg(long, default_value_t = 150, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    blocks: u64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Transport {
    Quic,
    Tcp,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("consensus-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<String, Box<dyn Error>> {
    let chain = Chain::new()?;
    let indices = 0..chain.keys.len();
    let (histograms, cpu_ms) = match args.transport {
        Transport::Quic => {
            measure(&indices.map(|index| quic::start(&chain, index, &args.dir)).collect::<Result<Vec<_>, _>>()?, args.blocks)?
        }
        Transport::Tcp => {
            measure(&indices.map(|index| tcp::start(&chain, index, &args.dir)).collect::<Result<Vec<_>, _>>()?, args.blocks)?
        }
    };
    let stage = histograms.of(Stage::Consensus);
    let ms = |quantile| stage.value_at_quantile(quantile) as f64 / 1e3;
    let line = serde_json::json!({ "p50_ms": ms(0.5), "p99_ms": ms(0.99), "cpu_ms_per_block": cpu_ms, "count": stage.len() });
    Ok(line.to_string())
}
