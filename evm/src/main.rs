//! The EVM zone as a program: serve a chain, run the public test suites, measure.

use clap::{Parser, Subcommand};
use plinth_evm::bridge::BridgeConfig;
use plinth_evm::chain::Chain;
use plinth_evm::conformance::{Report, run_blockchain_tests, run_state_tests};
use plinth_evm::ethereum::{Address, Genesis};
use plinth_evm::execution::parallel::Pool;
use plinth_evm::node::Node;
use plinth_evm::settle::link;
use plinth_evm::settle::position::PositionFile;
use plinth_evm::{bench, rpc};
use serde::de::DeserializeOwned;
use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Parser)]
#[command(version, about = "The EVM zone: Ethereum to every tool, executed in parallel")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Produce blocks and answer JSON-RPC.
    Serve(Serve),
    /// Run Ethereum's public test suites against this build.
    Conformance {
        /// Directory of state tests (JSON).
        #[arg(long)]
        state: Option<PathBuf>,
        /// Directory of blockchain tests (JSON).
        #[arg(long)]
        blockchain: Option<PathBuf>,
    },
    /// Measure the parallel executor against plain revm, and print JSON.
    Bench(bench::Options),
    /// Print the genesis of the development chain, whose keys anybody can compute.
    DevGenesis,
    /// Print a genesis with the bridge in it: that of a settlement zone.
    ZoneGenesis {
        /// The genesis to begin with, as geth writes it; without it, the development chain's.
        #[arg(long)]
        genesis: Option<PathBuf>,
        /// What the bridge is for: {"chain": 7, "zone": 3, "assets": [{"id": 0, "name": "US Dollar", "symbol": "USD", "decimals": 2}]}.
        #[arg(long)]
        bridge: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
struct Serve {
    /// Genesis as geth writes it; without it, the development chain.
    #[arg(long)]
    genesis: Option<PathBuf>,
    /// Directory of the journal; without it, nothing survives.
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Where to answer JSON-RPC, over HTTP and WebSocket. There is no access control.
    #[arg(long, default_value = "127.0.0.1:8545")]
    listen: SocketAddr,
    /// Worker threads of the executor.
    #[arg(long, default_value_t = 2)]
    workers: usize,
    /// Least time between blocks, in milliseconds.
    #[arg(long, default_value_t = 200)]
    interval_ms: u64,
    /// Who receives the fees.
    #[arg(long, default_value_t = Address::ZERO)]
    fees_to: Address,
    /// Socket of the program that settles this zone's blocks (`plinth-zone`); needs a genesis with a bridge, and --data-dir.
    #[arg(long, requires = "data_dir")]
    settle: Option<PathBuf>,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Serve(arguments) => serve(arguments),
        Command::Conformance { state, blockchain } => conformance(state, blockchain),
        Command::Bench(options) => bench::run(&options).map(|report| println!("{report}")).map_err(Into::into),
        Command::DevGenesis => print_genesis(&plinth_evm::wallet::dev_genesis()),
        Command::ZoneGenesis { genesis, bridge } => zone_genesis(genesis.as_deref(), &bridge),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: Serve) -> Result<(), Box<dyn Error>> {
    let genesis = genesis(arguments.genesis.as_deref())?;
    if let Some(directory) = &arguments.data_dir {
        std::fs::create_dir_all(directory).map_err(|error| format!("{}: {error}", directory.display()))?;
    }
    let journal = arguments.data_dir.as_ref().map(|directory| directory.join("blocks.journal"));
    let chain = Chain::open(&genesis, journal.as_deref(), Arc::new(Pool::new(arguments.workers)?))?;
    println!("chain {} at block {} {}", chain.chain_id(), chain.header().number, chain.head().hash);
    let interval = Duration::from_millis(arguments.interval_ms);
    let node = match arguments.settle {
        Some(_) => Node::settling(chain, arguments.fees_to, interval)?,
        None => Node::new(chain, arguments.fees_to, interval),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (address, server) = runtime.block_on(rpc::serve(Arc::clone(&node), arguments.listen))?;
    println!("JSON-RPC on http://{address}");
    let producing = Arc::clone(&node);
    let producer = std::thread::Builder::new().name("producer".into()).spawn(move || producing.produce())?;
    let link = match arguments.settle.zip(arguments.data_dir) {
        Some((socket, folder)) => {
            let (linking, file) = (Arc::clone(&node), PositionFile::at(folder.join("settlement.position")));
            Some(std::thread::Builder::new().name("settle".into()).spawn(move || link::run(&linking, &socket, &file))?)
        }
        None => None,
    };
    runtime.block_on(async {
        tokio::select! {
            signal = tokio::signal::ctrl_c() => signal,
            // The producer ends on its own only when a block cannot be made durable; then nothing may be answered as if it were.
            () = ended(&producer) => Ok(()),
            // The link ends on its own only when settlement refuses this zone for good.
            () = ended_if_any(link.as_ref()) => Ok(()),
        }
    })?;
    node.stop();
    let _ = server.stop();
    producer.join().map_err(|_| "the producer panicked")??;
    // One that still waits for the host ends with the program: whatever it has not said it says after the next start.
    if let Some(link) = link.filter(std::thread::JoinHandle::is_finished) {
        link.join().map_err(|_| "the link to settlement panicked")??;
    }
    Ok(())
}

fn genesis(path: Option<&Path>) -> Result<Genesis, Box<dyn Error>> {
    path.map_or_else(|| Ok(plinth_evm::wallet::dev_genesis()), json)
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T, Box<dyn Error>> {
    let bytes = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(serde_json::from_slice(&bytes).map_err(|error| format!("{}: {error}", path.display()))?)
}

fn zone_genesis(path: Option<&Path>, bridge: &Path) -> Result<(), Box<dyn Error>> {
    let mut genesis = genesis(path)?;
    json::<BridgeConfig>(bridge)?.install(&mut genesis)?;
    print_genesis(&genesis)
}

fn print_genesis(genesis: &Genesis) -> Result<(), Box<dyn Error>> {
    println!("{}", serde_json::to_string_pretty(genesis)?);
    Ok(())
}

async fn ended_if_any<T>(thread: Option<&std::thread::JoinHandle<T>>) {
    match thread {
        Some(thread) => ended(thread).await,
        None => std::future::pending().await,
    }
}

async fn ended<T>(thread: &std::thread::JoinHandle<T>) {
    while !thread.is_finished() {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn conformance(state: Option<PathBuf>, blockchain: Option<PathBuf>) -> Result<(), Box<dyn Error>> {
    let mut failed = 0;
    let mut tell = |suite: &str, report: Report| {
        println!("{suite}: {} passed, {} failed, skipped by fork {:?}", report.passed, report.failed.len(), report.skipped);
        report.failed.iter().for_each(|failure| println!("FAILED {failure}"));
        failed += report.failed.len();
    };
    if let Some(root) = state {
        tell("state tests", run_state_tests(&root)?);
    }
    if let Some(root) = blockchain {
        tell("blockchain tests", run_blockchain_tests(&root)?);
    }
    if failed == 0 { Ok(()) } else { Err(format!("{failed} cases failed").into()) }
}
