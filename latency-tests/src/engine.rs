//! `engine`: the matching engine alone, accounts on, over a workload with a known result.
//!
//! Commands are made from records in batches outside the clock, as the sequencer would have them ready; what is timed is
//! `Engine::apply` and the storing of trades, in CPU time of the one thread. Each repetition starts from a fresh engine, must give the
//! header's trade hash, and the median counts. Unless a workload file is given, a second workload follows: a hundred books with so many
//! live orders that the engine's memory exceeds the near caches, which is what a venue's core pays beyond its instructions.

pub(crate) mod zone;

use crate::cpu_time;
use crate::figures::{Figures, rounded};
use crate::workload::{self, Recipe, TradeHash, Workload};
use plinth_matching::engine::Engine;
use plinth_types::event::{Event, EventSink};
use std::path::PathBuf;
use std::time::Duration;

/// Commands made and executed in turn: few enough that they and the trades they make do not push the engine out of the near caches, enough that
/// reading the clock costs nothing.
const BATCH_COMMANDS: usize = 512;
/// Room for the trades of a batch; more are kept as well, at the price of an allocation under the clock.
const TRADES_PER_BATCH: usize = 16 * BATCH_COMMANDS;

/// The second workload.
const MULTI_SYMBOL: Recipe = Recipe { op_count: 2_000_000, seed: 42, depth: 1_000, symbol_count: 100 };

/// What `engine` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct EngineArgs {
    /// A workload file (format OBWL0001); without it the workload is generated
    #[arg(long)]
    workload: Option<PathBuf>,
    /// Seed of the generated workload
    #[arg(long, default_value_t = Recipe::default().seed)]
    seed: u64,
    /// Operations of the generated workload
    #[arg(long, default_value_t = Recipe::default().op_count)]
    ops: u64,
    /// Live orders of a side that the generated workload holds
    #[arg(long, default_value_t = Recipe::default().depth)]
    depth: u64,
    /// Books of the generated workload
    #[arg(long, default_value_t = Recipe::default().symbol_count)]
    symbols: u64,
    /// Repetitions
    #[arg(long, default_value_t = 5)]
    repetitions: usize,
}

/// Runs; `Ok(false)` if a trade hash differs from the workload's.
pub(crate) fn run(args: &EngineArgs, figures: &mut Figures) -> Result<bool, Box<dyn std::error::Error>> {
    let workload = match &args.workload {
        Some(path) => workload::read(path)?,
        None => {
            let recipe = Recipe { op_count: args.ops, seed: args.seed, depth: args.depth, symbol_count: args.symbols };
            workload::generate(recipe)
        }
    };
    let runs = Runs::of(&workload, args.repetitions);
    let median = runs.median();
    figures.add("engine.ops_per_cpu_s", runs.ops_per_cpu_s(median).round());
    figures.add("engine.ops_per_cpu_s_best", runs.ops_per_cpu_s(&runs.by_cpu[0]).round());
    figures.add("engine.ns_per_op", rounded(1e9 / runs.ops_per_cpu_s(median)));
    figures.add("engine.trade_hash", median.hash.to_string());
    figures.add("engine.trade_hash_expected", workload.header.trade_hash.to_string());
    figures.add("engine.trades", median.trade_count);
    figures.add("engine.ops", runs.timed_count);
    figures.add("engine.repetitions", runs.by_cpu.len());
    let mut right = runs.right;
    if args.workload.is_none() {
        drop(workload);
        let multi_symbol = Runs::of(&workload::generate(MULTI_SYMBOL), args.repetitions.min(3));
        figures.add("engine.multi_symbol_ops_per_cpu_s", multi_symbol.ops_per_cpu_s(multi_symbol.median()).round());
        figures.add("engine.multi_symbol_books", MULTI_SYMBOL.symbol_count);
        right &= multi_symbol.right;
    }
    if !right {
        eprintln!("the trades are not the workload's: price-time priority is broken, or the workload is of another seed");
    }
    Ok(right)
}

/// A workload's repetitions.
struct Runs {
    /// Fastest first.
    by_cpu: Vec<Run>,
    timed_count: f64,
    /// Whether every one made the workload's trades.
    right: bool,
}

impl Runs {
    fn of(workload: &Workload, repetitions: usize) -> Self {
        let mut by_cpu: Vec<Run> = (0..repetitions.max(1)).map(|_| drive(workload)).collect();
        let header = &workload.header;
        let right = by_cpu.iter().all(|run| run.hash == header.trade_hash && run.trade_count == header.trade_count);
        by_cpu.sort_by_key(|run| run.cpu);
        Self { by_cpu, timed_count: (header.op_count - header.prefill_count) as f64, right }
    }

    fn median(&self) -> &Run {
        &self.by_cpu[self.by_cpu.len() / 2]
    }

    fn ops_per_cpu_s(&self, run: &Run) -> f64 {
        self.timed_count / run.cpu.as_secs_f64()
    }
}

struct Run {
    cpu: Duration,
    hash: TradeHash,
    trade_count: u64,
}

fn drive(workload: &Workload) -> Run {
    let (mut engine, mut commands) = zone::open(workload);
    let mut sink = Trades { made: Vec::with_capacity(TRADES_PER_BATCH), refused: 0 };
    let (mut hash, mut trade_count) = (TradeHash::EMPTY, 0);
    let (prefill, timed) = workload.records.split_at(workload.header.prefill_count as usize);
    let mut cpu = Duration::ZERO;
    let mut batch = Vec::with_capacity(BATCH_COMMANDS);
    for (records, counts) in [(prefill, false), (timed, true)] {
        for records in records.chunks(BATCH_COMMANDS) {
            batch.clear();
            batch.extend(records.iter().map(|record| commands.command(record)));
            let started = cpu_time::thread();
            for command in &batch {
                engine.apply(command, &[], &mut sink);
            }
            if counts {
                cpu += cpu_time::thread() - started;
            }
            trade_count += sink.made.len() as u64;
            for trade in sink.made.drain(..) {
                hash.add(zone::number(trade.maker), zone::number(trade.taker), trade.price, trade.qty);
            }
        }
    }
    assert_eq!(sink.refused, 0, "the workload's accounts can pay for every order");
    drop::<Engine>(engine);
    Run { cpu, hash, trade_count }
}

/// A trade as the oracle hashes it, orders by the engine's numbers.
#[derive(Clone, Copy, Debug, Default)]
struct Trade {
    maker: u64,
    taker: u64,
    price: u64,
    qty: u64,
}

struct Trades {
    made: Vec<Trade>,
    refused: u64,
}

impl EventSink for Trades {
    #[inline]
    fn emit(&mut self, event: Event) {
        match event {
            Event::Traded { maker, taker, price, qty, .. } => self.made.push(Trade {
                maker: maker.bits(),
                taker: taker.bits(),
                price: price.ticks().unsigned_abs(),
                qty: qty.lots(),
            }),
            Event::Rejected { .. } => self.refused += 1,
            Event::Accepted { .. }
            | Event::Cancelled { .. }
            | Event::Replaced { .. }
            | Event::Reduced { .. }
            | Event::PhaseChanged { .. }
            | Event::Indicative { .. }
            | Event::TookEffect { .. }
            | Event::Quoted { .. }
            | Event::QuotesRefused { .. }
            | Event::QuotesStopped { .. }
            | Event::Triggered { .. }
            | Event::Repriced { .. }
            | Event::MassCancelled { .. }
            | Event::MassCancelRejected { .. }
            | Event::CancelRejected { .. }
            | Event::Credited { .. }
            | Event::InboxRefused { .. }
            | Event::InboxIgnored { .. }
            | Event::Withdrawn { .. }
            | Event::WithdrawalRefused { .. }
            | Event::Configured
            | Event::ConfigurationRefused { .. } => {}
        }
    }
}
