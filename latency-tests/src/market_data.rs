//! `market-data`: what publishing the books costs, and what a consumer's books cost.
//!
//! Over the workload of `engine`: CPU time of the one thread, in turn for the engine alone, the publisher (the engine and the updates), the ITCH feed
//! (that and the messages), and, from what these said, for the consumer's books from updates and from ITCH messages. What encoding costs is
//! the difference to the engine alone, of the same run. Every book built must end as the engine's.

use crate::cpu_time;
use crate::engine::zone;
use crate::figures::{Figures, rounded};
use crate::workload::{self, Recipe, Workload};
use plinth_market_data::itch::SessionName;
use plinth_market_data::itch::feed::{BlockSink, Feed};
use plinth_market_data::itch::file::messages;
use plinth_market_data::itch::view::View;
use plinth_market_data::{Book, Publisher, Update};
use plinth_matching::engine::Engine;
use plinth_types::command::Side;
use plinth_types::id::{InstrumentId, ZoneId};
use std::time::Duration;

/// What `market-data` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct MarketDataArgs {
    /// Seed of the generated workload
    #[arg(long, default_value_t = Recipe::default().seed)]
    seed: u64,
    /// Operations of the generated workload
    #[arg(long, default_value_t = 1_000_000)]
    ops: u64,
    /// Live orders of a side that the generated workload holds
    #[arg(long, default_value_t = Recipe::default().depth)]
    depth: u64,
    /// Repetitions
    #[arg(long, default_value_t = 3)]
    repetitions: usize,
}

/// Runs; `Ok(false)` if a book is not the engine's.
pub(crate) fn run(args: &MarketDataArgs, figures: &mut Figures) -> Result<bool, Box<dyn std::error::Error>> {
    let recipe = Recipe { op_count: args.ops, seed: args.seed, depth: args.depth, symbol_count: 1 };
    let workload = workload::generate(recipe);
    let mut runs: Vec<Run> = (0..args.repetitions.max(1)).map(|_| drive(&workload)).collect();
    let right = runs.iter().all(|run| run.right);
    runs.sort_by_key(|run| run.feed);
    let run = &runs[runs.len() / 2];
    let per_s = |count: u64, cpu: Duration| (count as f64 / cpu.as_secs_f64()).round();
    figures.add("market_data.updates", run.updates);
    figures.add("market_data.itch_messages", run.messages);
    figures.add("market_data.engine_ns_per_op", ns_per(run.engine, args.ops));
    figures.add("market_data.l3_updates_per_cpu_s", per_s(run.updates, run.publisher));
    figures.add("market_data.itch_messages_per_cpu_s", per_s(run.messages, run.feed));
    figures.add("market_data.l3_encode_ns_per_update", ns_per(run.publisher.saturating_sub(run.engine), run.updates));
    figures.add("market_data.itch_encode_ns_per_message", ns_per(run.feed.saturating_sub(run.engine), run.messages));
    figures.add("market_data.book_updates_per_cpu_s", per_s(run.updates, run.book));
    figures.add("market_data.itch_book_messages_per_cpu_s", per_s(run.messages, run.view));
    figures.add("market_data.itch_bytes_per_message", rounded(run.bytes as f64 / run.messages as f64));
    figures.add("market_data.repetitions", runs.len());
    if !right {
        eprintln!("a consumer's book is not the engine's");
    }
    Ok(right)
}

fn ns_per(cpu: Duration, count: u64) -> f64 {
    rounded(cpu.as_nanos() as f64 / count.max(1) as f64)
}

struct Run {
    engine: Duration,
    publisher: Duration,
    feed: Duration,
    book: Duration,
    view: Duration,
    updates: u64,
    messages: u64,
    bytes: u64,
    right: bool,
}

fn drive(workload: &Workload) -> Run {
    let records = &workload.records;
    let (mut engine, opening, mut commands) = zone::open_with_commands(workload);
    let commands: Vec<_> = records.iter().map(|record| commands.command(record)).collect();
    let capacity = *engine.capacity();

    let started = cpu_time::thread();
    commands.iter().for_each(|command| engine.apply(command, &[], &mut ()));
    let engine_cpu = cpu_time::thread() - started;

    let mut publisher = Publisher::new(capacity);
    let mut updates = Vec::with_capacity(2 * commands.len());
    opening.iter().for_each(|(command, tail)| publisher.apply(command, tail, &mut updates));
    let before = updates.len();
    let started = cpu_time::thread();
    commands.iter().for_each(|command| publisher.apply(command, &[], &mut updates));
    let publisher_cpu = cpu_time::thread() - started;

    let mut feed = Feed::new(ZoneId::TRADING, capacity);
    let mut tape = Tape::default();
    opening.iter().for_each(|(command, tail)| feed.apply(command, tail, &mut tape));
    let opening_count = tape.count;
    tape.bytes.reserve(64 * updates.len());
    let started = cpu_time::thread();
    commands.iter().for_each(|command| feed.apply(command, &[], &mut tape));
    let feed_cpu = cpu_time::thread() - started;

    let (book, book_cpu) = timed_book(&updates);
    let mut view = View::default();
    let started = cpu_time::thread();
    let fits = messages(&tape.bytes).all(|message| message.is_ok_and(|message| view.apply(message).is_ok()));
    let view_cpu = cpu_time::thread() - started;
    let right =
        fits && book.is_some_and(|book| same(&book, &engine)) && view.stock(1).is_some_and(|stock| same_lots(&stock.book, &engine));
    Run {
        engine: engine_cpu,
        publisher: publisher_cpu,
        feed: feed_cpu,
        book: book_cpu,
        view: view_cpu,
        updates: (updates.len() - before) as u64,
        messages: tape.count - opening_count,
        bytes: tape.bytes.len() as u64,
        right,
    }
}

fn timed_book(updates: &[Update]) -> (Option<Book>, Duration) {
    let mut book = Book::new(InstrumentId::new(0));
    let started = cpu_time::thread();
    let fits = updates.iter().all(|update| book.apply(update).is_ok());
    let cpu = cpu_time::thread() - started;
    (fits.then_some(book), cpu)
}

fn same(book: &Book, engine: &Engine) -> bool {
    let prices = |side| engine.depth(InstrumentId::new(0), side).map(|best| best.price);
    same_lots(book, engine)
        && [Side::Buy, Side::Sell].into_iter().all(|side| book.levels(side).map(|(price, _)| price).eq(prices(side)))
}

/// Prices of ITCH are in other units.
fn same_lots(book: &Book, engine: &Engine) -> bool {
    let lots = |side| engine.depth(InstrumentId::new(0), side).map(|best| best.lots);
    [Side::Buy, Side::Sell].into_iter().all(|side| book.levels(side).map(|(_, level)| level.lots).eq(lots(side)))
}

/// Keeps everything in memory.
#[derive(Default)]
struct Tape {
    bytes: Vec<u8>,
    count: u64,
}

impl BlockSink for Tape {
    fn begin(&mut self, _: SessionName) {}

    fn blocks(&mut self, count: u64, blocks: &[u8]) {
        self.bytes.extend_from_slice(blocks);
        self.count += count;
    }

    fn end(&mut self) {}
}
