//! From durable records to increments: an engine that replays the journal, and a mirror of what is shown.
//!
//! Events name orders; what is shown of an order is asked of the engine behind the command. So whatever kind of order it is, the feed says
//! what the engine's book holds. Within one command trades come first, in their order; then what the command has made of each other
//! order, and those that have a new place last, as they stand in the queue.
//!
//! What comes up and trades within the same command is never shown, be it a part of an iceberg or an order that was triggered: that trade is
//! said as one with a hidden order.

use crate::limits::ITCH_SHARES_MAX;
use crate::numbers::NumberMap;
use crate::update::{Change, Reference, ShownOrder, Snapshot, Update, UpdateSeq};
use plinth_matching::engine::{Engine, RestingOrder};
use plinth_matching::limits::Capacity;
use plinth_types::codec::{Codec, Reader};
use plinth_types::command::{Body, Command, Side};
use plinth_types::event::Event;
use plinth_types::id::{InstrumentId, OrderId, TimestampNs, TradeId};
use plinth_types::quantity::{Lots, Price, Qty};
use plinth_types::quote::{QuoteEntries, QuoteEntry};
use plinth_types::reference::Instrument;

/// The zone's public side.
#[derive(Debug)]
pub struct Publisher {
    engine: Engine,
    shown: NumberMap<OrderId, Shown>,
    /// Orders that wait for a trade and are not on the book.
    waiting: NumberMap<OrderId, Terms>,
    places: u64,
    /// Last update of each listed instrument.
    seqs: Vec<UpdateSeq>,
    events: Vec<Event>,
    /// Orders that the command has touched, to be compared with the engine.
    touched: Vec<OrderId>,
    /// Those of them that have lost their place.
    moved: Vec<RestingOrder>,
    /// Orders that came into the book with the command, from wherever.
    incoming: Vec<(OrderId, Terms)>,
}

/// What is known of an order that is not shown.
#[derive(Clone, Copy, Debug)]
struct Terms {
    instrument: InstrumentId,
    side: Side,
}

/// An order as it was shown last.
#[derive(Clone, Copy, Debug)]
struct Shown {
    reference: Reference,
    instrument: InstrumentId,
    side: Side,
    price: Price,
    /// Zero between the trade that takes the last of it and the end of the command.
    lots: u64,
    /// It has lost its place in the queue.
    displaced: bool,
}

/// Where the updates of a command go.
struct Out<'a> {
    seqs: &'a mut Vec<UpdateSeq>,
    time: TimestampNs,
    updates: &'a mut Vec<Update>,
}

impl Publisher {
    /// The zone before its first record.
    #[must_use]
    pub fn new(capacity: Capacity) -> Self {
        Self {
            engine: Engine::new(capacity, ()),
            shown: NumberMap::default(),
            waiting: NumberMap::default(),
            places: 0,
            seqs: Vec::new(),
            events: Vec::new(),
            touched: Vec::new(),
            moved: Vec::new(),
            incoming: Vec::new(),
        }
    }

    /// Executes a durable record and appends what it changes in what is shown.
    ///
    /// # Panics
    ///
    /// If the record is out of sequence, as [`Engine::apply`].
    pub fn apply(&mut self, command: &Command, tail: &[u8], updates: &mut Vec<Update>) {
        self.events.clear();
        self.engine.apply(command, tail, &mut self.events);
        let mut out = Out { seqs: &mut self.seqs, time: command.time, updates };
        if command.body == Body::Configure {
            list(&self.engine, &mut out);
        }
        let Self { engine, shown, waiting, places, touched, moved, incoming, .. } = self;
        incoming.clear();
        if let Body::New(new) = command.body {
            incoming.push((new.order, Terms { instrument: new.instrument, side: new.side }));
        }
        if let Body::MassQuote(quotes) = command.body
            && let Ok(entries) = QuoteEntries::read(&mut Reader::new(tail))
        {
            for (QuoteEntry { instrument, .. }, orders) in entries.iter().zip(quotes.numbers()) {
                let sides = orders.into_iter().zip([Side::Buy, Side::Sell]);
                incoming.extend(sides.map(|(order, side)| (order, Terms { instrument, side })));
            }
        }
        let mut mirror = Mirror { engine, shown, waiting, places, touched, moved, incoming };
        let last = self.events.len().saturating_sub(1);
        for (at, event) in self.events.iter().enumerate() {
            mirror.event(event, at == last, &mut out);
        }
        mirror.compare_touched(&mut out);
    }

    /// The engine behind the last record.
    #[must_use]
    pub const fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Listed instruments, by number.
    pub fn instruments(&self) -> impl Iterator<Item = Instrument> + '_ {
        self.engine.instruments()
    }

    /// The last update of an instrument; 0 if it is not listed.
    #[must_use]
    pub fn seq(&self, instrument: InstrumentId) -> UpdateSeq {
        self.seqs.get(instrument.get() as usize).copied().unwrap_or_default()
    }

    /// What is shown of an instrument now: bids, then offers, each in the order in which they would trade.
    pub fn shown(&self, instrument: InstrumentId) -> impl Iterator<Item = ShownOrder> + '_ {
        [Side::Buy, Side::Sell].into_iter().flat_map(move |side| self.engine.queue(instrument, side)).filter_map(|resting| {
            let shown = self.shown.get(&resting.order)?;
            Some(ShownOrder { reference: shown.reference, side: shown.side, price: shown.price, lots: Lots::new(shown.lots) })
        })
    }

    /// All that is shown of an instrument now; nothing, behind update 0, if it is not listed.
    #[must_use]
    pub fn snapshot(&self, instrument: InstrumentId) -> Snapshot {
        Snapshot { instrument, seq: self.seq(instrument), orders: self.shown(instrument).collect() }
    }
}

/// Says which instruments were listed since.
fn list(engine: &Engine, out: &mut Out<'_>) {
    while let Some(instrument) = engine.instrument(InstrumentId::new(out.seqs.len() as u32)) {
        out.seqs.push(UpdateSeq::default());
        out.say(instrument.id, Change::Listed(instrument));
    }
}

impl Out<'_> {
    fn say(&mut self, instrument: InstrumentId, change: Change) {
        let seq = &mut self.seqs[instrument.get() as usize];
        *seq = seq.next();
        self.updates.push(Update { instrument, seq: *seq, time: self.time, change });
    }
}

/// What is shown, on its way to what the engine has.
struct Mirror<'a> {
    engine: &'a Engine,
    shown: &'a mut NumberMap<OrderId, Shown>,
    waiting: &'a mut NumberMap<OrderId, Terms>,
    places: &'a mut u64,
    touched: &'a mut Vec<OrderId>,
    moved: &'a mut Vec<RestingOrder>,
    incoming: &'a mut Vec<(OrderId, Terms)>,
}

impl Mirror<'_> {
    /// `is_last` says that nothing else came of the command.
    fn event(&mut self, event: &Event, is_last: bool, out: &mut Out<'_>) {
        match *event {
            Event::Traded { trade, maker, taker, price, qty } => {
                self.traded(maker, trade, price, qty, true, out);
                // An incoming order is not shown; in an auction both were.
                if self.shown.contains_key(&taker) {
                    self.traded(taker, trade, price, qty, false, out);
                }
            }
            Event::PhaseChanged { instrument, phase } => out.say(instrument, Change::Phase(phase)),
            Event::Indicative { instrument, price, lots, surplus, surplus_side } => {
                out.say(instrument, Change::Indicative { price, lots, surplus, surplus_side });
            }
            Event::Accepted { order } | Event::Reduced { order, .. } => self.touched.push(order),
            Event::Triggered { order } | Event::Repriced { order, .. } => {
                self.incoming.extend(self.waiting.remove(&order).map(|terms| (order, terms)));
                self.touched.push(order);
            }
            Event::Cancelled { order, .. } => {
                if self.engine.order(order).is_none() {
                    self.waiting.remove(&order);
                    self.remove(order, out);
                }
            }
            Event::Replaced { order, kept_priority, .. } => {
                if !kept_priority && !is_last {
                    // It left the book before it traded.
                    let terms = self.shown.get(&order).map(|shown| Terms { instrument: shown.instrument, side: shown.side });
                    self.incoming.extend(terms.map(|terms| (order, terms)));
                    self.remove(order, out);
                } else if let Some(shown) = self.shown.get_mut(&order) {
                    shown.displaced |= !kept_priority;
                }
                self.touched.push(order);
            }
            Event::Rejected { .. }
            | Event::CancelRejected { .. }
            | Event::MassCancelled { .. }
            | Event::MassCancelRejected { .. }
            | Event::Credited { .. }
            | Event::InboxRefused { .. }
            | Event::InboxIgnored { .. }
            | Event::Withdrawn { .. }
            | Event::WithdrawalRefused { .. }
            | Event::Configured
            | Event::TookEffect { .. }
            | Event::Quoted { .. }
            | Event::QuotesRefused { .. }
            | Event::QuotesStopped { .. }
            | Event::ConfigurationRefused { .. } => {}
        }
    }

    fn traded(&mut self, order: OrderId, trade: TradeId, price: Price, qty: Qty, printable: bool, out: &mut Out<'_>) {
        let Some(shown) = self.shown.get_mut(&order) else { return self.traded_hidden(order, trade, price, qty, out) };
        let &mut Shown { reference, instrument, side, .. } = shown;
        match Qty::from_lots(shown.lots.min(qty.lots())) {
            Some(part) if part == qty && shown.price == price && printable => {
                out.say(instrument, Change::Executed { reference, qty, trade });
            }
            Some(part) if part == qty => out.say(instrument, Change::ExecutedAt { reference, qty, trade, price, printable }),
            part => {
                // What was shown goes; the trade is one with what was hidden.
                if let Some(qty) = part {
                    out.say(instrument, Change::ExecutedAt { reference, qty, trade, price, printable: false });
                }
                if printable {
                    out.say(instrument, Change::Traded { side, price, qty, trade });
                }
            }
        }
        shown.lots = shown.lots.saturating_sub(qty.lots());
        if shown.lots == 0 {
            self.touched.push(order);
        }
    }

    /// A trade with an order that came to rest within the command.
    #[cold]
    fn traded_hidden(&mut self, order: OrderId, trade: TradeId, price: Price, qty: Qty, out: &mut Out<'_>) {
        let known = self.incoming.iter().rfind(|(incoming, _)| *incoming == order);
        debug_assert!(known.is_some(), "order {order} trades, and neither is it shown nor did it come with the command");
        let Some(&(_, Terms { instrument, side })) = known else { return };
        out.say(instrument, Change::Traded { side, price, qty, trade });
    }

    fn remove(&mut self, order: OrderId, out: &mut Out<'_>) {
        if let Some(Shown { instrument, reference, lots: 1.., .. }) = self.shown.remove(&order) {
            out.say(instrument, Change::Deleted { reference });
        }
    }

    /// Says how what is shown of the touched orders differs from what the engine has.
    fn compare_touched(&mut self, out: &mut Out<'_>) {
        for at in 0..self.touched.len() {
            let order = self.touched[at];
            match self.engine.order(order) {
                None => self.remove(order, out),
                Some(RestingOrder { waits: true, instrument, side, .. }) => {
                    self.remove(order, out);
                    self.waiting.insert(order, Terms { instrument, side });
                }
                Some(resting) => self.compare(&resting, out),
            }
        }
        self.touched.clear();
        self.sort_moved();
        for at in 0..self.moved.len() {
            let resting = self.moved[at];
            self.give_place(&resting, out);
        }
        self.moved.clear();
    }

    /// An order that has come or has lost its place waits until it is known who stands before whom.
    fn compare(&mut self, resting: &RestingOrder, out: &mut Out<'_>) {
        match self.shown.get_mut(&resting.order) {
            Some(shown) if shown.lots >= resting.shown.lots() && shown.price == resting.price && !shown.displaced => {
                if let Some(qty) = Qty::from_lots(shown.lots - resting.shown.lots()) {
                    shown.lots = resting.shown.lots();
                    out.say(resting.instrument, Change::Reduced { reference: shown.reference, qty });
                }
            }
            Some(_) | None if self.moved.iter().any(|moved| moved.order == resting.order) => {}
            Some(_) | None => self.moved.push(*resting),
        }
    }

    /// Places are given in the order of the engine's queue, which only the engine knows when one command has moved several orders.
    fn sort_moved(&mut self) {
        let mut done = 0;
        while self.moved.len() - done > 1 {
            let (instrument, side) = (self.moved[done].instrument, self.moved[done].side);
            let waiting = self.moved[done..].iter().filter(|moved| moved.instrument == instrument && moved.side == side).count();
            let end = done + waiting;
            for resting in self.engine.queue(instrument, side) {
                if done == end {
                    break;
                }
                if let Some(at) = self.moved[done..].iter().position(|moved| moved.order == resting.order) {
                    self.moved.swap(done, done + at);
                    done += 1;
                }
            }
            assert_eq!(done, end, "a resting order is in its queue");
        }
    }

    fn give_place(&mut self, resting: &RestingOrder, out: &mut Out<'_>) {
        let &RestingOrder { order, instrument, side, price, shown: qty, .. } = resting;
        let new = self.place(qty);
        let shown = Shown { reference: new, instrument, side, price, lots: qty.lots(), displaced: false };
        match self.shown.insert(order, shown) {
            Some(Shown { reference: old, lots: 1.., .. }) => out.say(instrument, Change::Replaced { old, new, side, price, qty }),
            Some(_) | None => out.say(instrument, Change::Added { reference: new, side, price, qty }),
        }
    }

    /// The next place, with as many numbers as ITCH needs for this quantity.
    fn place(&mut self, qty: Qty) -> Reference {
        let reference = Reference::new(*self.places + 1);
        *self.places += qty.lots().div_ceil(u64::from(ITCH_SHARES_MAX));
        reference
    }
}
