//! Whatever the zone is asked: a book built from a snapshot and the increments behind it is the engine's book, at every record. Oracles are
//! the engine itself and a list that is scanned from end to end; consumers that are conflated end with the same levels.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "../../matching/tests/flow/mod.rs"]
mod flow;

use flow::{Flow, Rng};
use plinth_market_data::conflate::Conflator;
use plinth_market_data::depth::{Depth, Top};
use plinth_market_data::update::{Reference, ShownOrder, Snapshot};
use plinth_market_data::{Book, BookError, Change, Publisher, Update, UpdateSeq};
use plinth_matching::engine::Engine;
use plinth_types::command::Side;
use plinth_types::event::Event;
use plinth_types::id::{InstrumentId, TradeId};
use plinth_types::quantity::{Lots, Price, Qty};
use std::collections::BTreeMap;

const SEEDS: u64 = 200;
const COMMANDS: usize = 1_500;

#[test]
fn snapshot_and_increments_are_the_engines_book_at_every_record() {
    let mut seen = Seen::default();
    for seed in 0..SEEDS {
        let mut flow = Flow::new(seed);
        let mut rng = Rng(!seed);
        let mut publisher = Publisher::new(flow.capacity);
        let mut engine = Engine::new(flow.capacity, ());
        let mut prices = BTreeMap::new();
        let mut consumers: Vec<Consumer> = (0..3).map(|instrument| Consumer::new(InstrumentId::new(instrument))).collect();
        let mut updates = Vec::new();
        for at in 0..COMMANDS {
            let (command, tail) = flow.next_command();
            updates.clear();
            publisher.apply(&command, &tail, &mut updates);
            let mut events = Vec::new();
            engine.apply(&command, &tail, &mut events);
            assert_eq!(trades_said(&mut prices, &updates), trades_made(&events), "seed {seed}, command {at}: {command:?}");
            for update in &updates {
                assert_eq!(update.time, command.time);
                seen.count(update);
                consumers[update.instrument.get() as usize].take(update);
            }
            for consumer in &mut consumers {
                consumer.check(&publisher, &format!("seed {seed}, command {at}: {command:?}"));
                if rng.one_in(40) {
                    consumer.join(&publisher);
                }
                consumer.poll_some(&mut rng);
            }
        }
        consumers.iter_mut().for_each(|consumer| consumer.finish(seed));
    }
    println!("{seen:?}");
    seen.check();
}

#[test]
fn a_lost_or_repeated_increment_is_an_error_and_changes_nothing() {
    let mut flow = Flow::new(3);
    let mut publisher = Publisher::new(flow.capacity);
    let mut updates = Vec::new();
    for _ in 0..COMMANDS {
        let (command, tail) = flow.next_command();
        publisher.apply(&command, &tail, &mut updates);
    }
    let instrument = InstrumentId::new(0);
    updates.retain(|update| update.instrument == instrument);
    let mut book = Book::new(instrument);
    for pair in updates.windows(2) {
        book.apply(&pair[0]).unwrap();
        let before = book.snapshot();
        let (expected, repeated) =
            (before.seq.next(), BookError::Gap { instrument, expected: before.seq.next(), found: before.seq });
        assert_eq!(book.apply(&pair[0]), Err(repeated));
        let skipped = Update { seq: expected.next(), ..pair[1] };
        assert_eq!(book.apply(&skipped), Err(BookError::Gap { instrument, expected, found: expected.next() }));
        assert_eq!(book.snapshot(), before);
    }
    let other = Update { instrument: InstrumentId::new(1), ..updates[0] };
    assert!(matches!(book.apply(&other), Err(BookError::OtherInstrument { .. })));
}

#[test]
fn the_feed_is_a_function_of_the_records() {
    let run = || {
        let mut flow = Flow::new(11);
        let mut publisher = Publisher::new(flow.capacity);
        let mut updates = Vec::new();
        for (command, tail) in flow.commands(COMMANDS) {
            publisher.apply(&command, &tail, &mut updates);
        }
        updates
    };
    assert_eq!(run(), run());
}

type Trade = (TradeId, Price, Qty);

fn trades_made(events: &[Event]) -> Vec<Trade> {
    let mut made = Vec::new();
    for event in events {
        if let Event::Traded { trade, price, qty, .. } = *event {
            made.push((trade, price, qty));
        }
    }
    made
}

/// Each trade once: with its price, or of an order whose price it has.
fn trades_said(prices: &mut BTreeMap<Reference, Price>, updates: &[Update]) -> Vec<Trade> {
    let mut said = Vec::new();
    for update in updates {
        match update.change {
            Change::Added { reference, price, .. } | Change::Replaced { new: reference, price, .. } => {
                prices.insert(reference, price);
            }
            Change::Executed { reference, qty, trade } => said.push((trade, prices[&reference], qty)),
            Change::ExecutedAt { qty, trade, price, printable: true, .. } | Change::Traded { price, qty, trade, .. } => {
                said.push((trade, price, qty));
            }
            Change::Listed(_)
            | Change::Phase(_)
            | Change::Indicative { .. }
            | Change::ExecutedAt { .. }
            | Change::Reduced { .. }
            | Change::Deleted { .. } => {}
        }
    }
    said
}

/// Consumers of one instrument: there from the start, joined later, conflated, and one that is obviously right.
struct Consumer {
    instrument: InstrumentId,
    book: Book,
    late: Vec<Book>,
    list: Vec<ShownOrder>,
    conflated: Vec<(Conflator, Depth)>,
}

impl Consumer {
    fn new(instrument: InstrumentId) -> Self {
        let conflated = (0..3).map(|_| (Conflator::new(), Depth::default())).collect();
        Self { instrument, book: Book::new(instrument), late: Vec::new(), list: Vec::new(), conflated }
    }

    fn take(&mut self, update: &Update) {
        for late in &mut self.late {
            late.apply(update).unwrap();
        }
        let changed = self.book.apply(update).unwrap();
        self.conflated.iter_mut().for_each(|(conflator, _)| conflator.note(changed));
        scan(&mut self.list, &update.change);
    }

    fn check(&self, publisher: &Publisher, context: &str) {
        let engine = publisher.engine();
        let sides = [Side::Buy, Side::Sell];
        let queue = sides.into_iter().flat_map(|side| engine.queue(self.instrument, side));
        let shown: Vec<_> = queue.map(|order| (order.side, order.price, Lots::from(order.shown))).collect();
        let snapshot = self.book.snapshot();
        assert_eq!(plain(&snapshot), shown, "{context}");
        assert_eq!(publisher.snapshot(self.instrument), snapshot, "{context}");
        assert_eq!(sorted(&self.list), snapshot.orders, "{context}");
        for side in sides {
            let levels: Vec<_> = self.book.levels(side).map(|(price, level)| (price, level.lots)).collect();
            let depth: Vec<_> = engine.depth(self.instrument, side).map(|best| (best.price, best.lots)).collect();
            assert_eq!(levels, depth, "{context}");
        }
        for late in &self.late {
            assert_eq!(late.snapshot(), snapshot, "{context}");
        }
    }

    fn join(&mut self, publisher: &Publisher) {
        if self.late.len() == 4 {
            self.late.remove(0);
        }
        self.late.push(Book::from_snapshot(&publisher.snapshot(self.instrument)).unwrap());
    }

    fn poll_some(&mut self, rng: &mut Rng) {
        for (at, (conflator, depth)) in self.conflated.iter_mut().enumerate() {
            if rng.one_in(1 + 20 * at as u64)
                && let Some(update) = conflator.take(&self.book)
            {
                depth.apply(&update).unwrap();
                assert_eq!(depth.top(), Top::of(&self.book), "what a slow consumer sees is true when it sees it");
            }
        }
    }

    fn finish(&mut self, seed: u64) {
        for (conflator, depth) in &mut self.conflated {
            if let Some(update) = conflator.take(&self.book) {
                depth.apply(&update).unwrap();
            }
            assert_eq!(conflator.take(&self.book), None);
            assert_eq!(depth.seq(), self.book.seq());
            for side in [Side::Buy, Side::Sell] {
                assert_eq!(depth.levels(side), self.book.levels(side).collect::<Vec<_>>(), "seed {seed}");
            }
        }
    }
}

/// The list: oldest place first, as the documentation of each change says it.
fn scan(list: &mut Vec<ShownOrder>, change: &Change) {
    let at = |list: &[ShownOrder], reference| list.iter().position(|order| order.reference == reference).unwrap();
    let less = |order: &mut ShownOrder, qty| order.lots = order.lots.checked_sub(qty).unwrap();
    match *change {
        Change::Added { reference, side, price, qty } => list.push(ShownOrder { reference, side, price, lots: qty.into() }),
        Change::Executed { reference, qty, .. } | Change::ExecutedAt { reference, qty, .. } => {
            let at = at(list, reference);
            less(&mut list[at], qty.into());
            list.retain(|order| order.lots > Lots::ZERO);
        }
        Change::Reduced { reference, qty } => {
            let at = at(list, reference);
            less(&mut list[at], qty.into());
            assert!(list[at].lots > Lots::ZERO, "a reduced order is still there");
        }
        Change::Deleted { reference } => drop(list.remove(at(list, reference))),
        Change::Replaced { old, new, side, price, qty } => {
            let order = list.remove(at(list, old));
            assert!(new > old && side == order.side);
            list.push(ShownOrder { reference: new, price, lots: qty.into(), ..order });
        }
        Change::Listed(_) | Change::Phase(_) | Change::Indicative { .. } | Change::Traded { .. } => {}
    }
}

fn sorted(list: &[ShownOrder]) -> Vec<ShownOrder> {
    let mut list = list.to_vec();
    list.sort_by_key(|order| if order.side == Side::Buy { (0, -order.price.ticks()) } else { (1, order.price.ticks()) });
    list
}

fn plain(snapshot: &Snapshot) -> Vec<(Side, Price, Lots)> {
    snapshot.orders.iter().map(|order| (order.side, order.price, order.lots)).collect()
}

/// How often each kind of change came: a generator that makes none proves nothing.
#[derive(Debug, Default)]
struct Seen {
    listed: u64,
    phases: u64,
    indications: u64,
    added: u64,
    executed: u64,
    reduced: u64,
    deleted: u64,
    replaced: u64,
    traded_hidden: u64,
    executed_at: u64,
}

impl Seen {
    fn count(&mut self, update: &Update) {
        assert!(update.seq > UpdateSeq::default());
        *match update.change {
            Change::Listed(_) => &mut self.listed,
            Change::Phase(_) => &mut self.phases,
            Change::Indicative { .. } => &mut self.indications,
            Change::Added { .. } => &mut self.added,
            Change::Executed { .. } => &mut self.executed,
            Change::ExecutedAt { .. } => &mut self.executed_at,
            Change::Reduced { .. } => &mut self.reduced,
            Change::Deleted { .. } => &mut self.deleted,
            Change::Replaced { .. } => &mut self.replaced,
            Change::Traded { .. } => &mut self.traded_hidden,
        } += 1;
    }

    fn check(&self) {
        let Self { listed, phases, indications, added, executed, executed_at, reduced, deleted, replaced, traded_hidden } = self;
        for count in [listed, phases, indications, added, executed, executed_at, reduced, deleted, replaced, traded_hidden] {
            assert!(*count > 0, "{self:?}");
        }
    }
}
