//! What pegged orders cost, and when that changes.
//!
//! * **Price.** The reference is the best price of orders that are not pegged: of the own side (primary), of the other side (market), or
//!   the middle of both, a half tick rounded away from the other side. The offset is added. A buy is then bounded from above by its limit,
//!   by the upper band, and by one below the lowest offer, the pegged orders before it included, and then goes to the next price of the
//!   instrument's tick table; a sell the other way round. So a pegged order never crosses the book and never takes. Older pegged orders
//!   are priced first.
//! * **It waits**, off the book, while a reference is missing, the price would be beyond the far band, or the phase is not continuous.
//! * **When.** At the end of every command after which a reference, a band, the phase, the tick table, or the set of the book's pegged orders is
//!   another one. What keeps its price keeps its place; the others leave together and come in at the end of their new levels, oldest
//!   first. `Repriced` says the price, or that the order waits. Within a command, triggered orders included, pegged orders stay where they are.
//! * **Money.** On the book an order has reserved what its price needs, waiting what its last price did. One whose new price its account
//!   cannot pay is cancelled as `FundsExhausted`, one whose price finds no level as `NoRoom`; then all are priced again.
//! * **Work.** At most [`PEGGED_MAX`](crate::limits::PEGGED_MAX) on each side of a book: so many moves with a command, and as many orders
//!   looked at to find a reference behind them. A zone without pegged orders pays for one compare with every command.
//!
//! Known limitations: a command of another kind than new, cancel and replace looks at every book of a zone that has pegged orders. Where
//! orders trade by size a pegged order is never the top order.

use crate::engine::Engine;
use crate::engine::book::{Book, side_of};
use crate::engine::incoming::{Incoming, resting};
use crate::engine::levels::Levels;
use crate::engine::pegs::{BOOK_MAX, PegBook, Pegged, Pegs, passive};
use crate::engine::pool::{Mark, Node, Slot};
use crate::engine::terms::TermsRecord;
use crate::engine::waiting::{Waiting, code_of};
use plinth_types::command::{Body, Command, Side, TimeInForce};
use plinth_types::event::{CancelReason, Event, EventSink};
use plinth_types::id::OrderId;
use plinth_types::page::Touch;
use plinth_types::quantity::Price;
use plinth_types::table::{Record, Table};

/// The book's pegged orders, oldest first, each with its price, 0 if it is to wait.
pub(crate) type Slate = [(Slot, i64); BOOK_MAX];

impl<T: Touch> Engine<T> {
    /// Executes a command in a zone that has pegged orders.
    #[cold]
    pub(crate) fn apply_pegged<S: EventSink>(&mut self, command: &Command, tail: &[u8], dated: bool, sink: &mut S) {
        let late = self.has_due(command.time);
        self.watch.stopped = false;
        let concerned = match &command.body {
            Body::New(new) => Some(new.instrument.get()),
            Body::Cancel { order } | Body::Replace { order, .. } => {
                let place = self.index.find(&mut self.touch, &self.nodes, order.bits());
                place.map(|place| self.nodes.get(&mut self.touch, place.slot as usize).instrument)
            }
            Body::MassCancel(_) | Body::MassQuote(_) | Body::Configure | Body::Inbox | Body::Withdraw | Body::Note => None,
        };
        self.apply_late(command, tail, sink);
        let instruments = self.counters.get(&mut self.touch).instruments;
        match (&command.body, concerned) {
            (Body::New(_) | Body::Cancel { .. } | Body::Replace { .. }, concerned) if !late && !dated && !self.watch.stopped => {
                if let Some(instrument) = concerned.filter(|&instrument| instrument < instruments) {
                    self.reprice(instrument, sink);
                }
            }
            _ => (0..instruments).for_each(|instrument| self.reprice(instrument, sink)),
        }
    }

    /// Moves the book's pegged orders to where they belong now.
    pub(crate) fn reprice<S: EventSink>(&mut self, instrument: u32, sink: &mut S) {
        // Again only after a cancel, so no more often than there are orders.
        for _ in 0..=BOOK_MAX {
            let before = *self.pegs.books.get(&mut self.touch, instrument as usize);
            if before.count() == 0 {
                if before != PegBook::ZERO {
                    *self.pegs.books.get_mut(&mut self.touch, instrument as usize) = PegBook::ZERO;
                }
                return;
            }
            let (market, touch) = self.market();
            let now = market.peg_book(touch, instrument, before.counts);
            if now == before {
                return;
            }
            *self.pegs.books.get_mut(&mut self.touch, instrument as usize) = now;
            self.apply_slate(instrument, &now, sink);
        }
    }

    fn market(&mut self) -> (Market<'_>, &mut T) {
        let Self { touch, books, levels, nodes, pegs, terms, .. } = self;
        (Market { books, levels, nodes, pegs, terms }, touch)
    }

    /// Takes off what moves, then puts it where it belongs.
    fn apply_slate<S: EventSink>(&mut self, instrument: u32, book: &PegBook, sink: &mut S) {
        let (market, touch) = self.market();
        let slate = market.slate(touch, instrument, book);
        let slate = &slate[..book.count()];
        let mut lifted = [false; BOOK_MAX];
        for (&(slot, price), lifted) in slate.iter().zip(&mut lifted) {
            let node = *self.nodes.get(&mut self.touch, slot as usize);
            if node.marks & Mark::WAITING == 0 && node.price != price {
                self.lift(slot);
                *lifted = true;
            }
        }
        for (&(slot, price), lifted) in slate.iter().zip(lifted) {
            let node = *self.nodes.get(&mut self.touch, slot as usize);
            let order = OrderId::from_bits(node.order).expect("a live order has an id");
            if let Some(price) = Price::from_ticks(price).filter(|price| price.ticks() != 0) {
                if node.marks & Mark::WAITING != 0 {
                    match self.place(slot, price) {
                        Ok(()) => sink.emit(Event::Repriced { order, price: Some(price) }),
                        Err(reason) => self.take_off_slot(slot, &node, reason, sink),
                    }
                }
            } else if lifted {
                sink.emit(Event::Repriced { order, price: None });
            }
        }
    }

    /// Takes a pegged order off the book, to wait; what it has reserved stays so.
    pub(crate) fn lift(&mut self, slot: Slot) {
        let Self { touch, counters, books, levels, nodes, waiting, .. } = self;
        let node = *nodes.get(touch, slot as usize);
        let book = books.get_mut(touch, node.instrument as usize);
        levels.unlink(touch, book, nodes, slot, node.lots);
        let node = nodes.get_mut(touch, slot as usize);
        (node.level, node.prev, node.next) = (0, 0, 0);
        node.marks |= Mark::WAITING;
        let since = counters.get(touch).last_seq;
        *waiting.get_mut(touch, slot as usize) = parked(since);
    }

    /// Puts a pegged order that waits on the book, last at this price. Else nothing has changed.
    fn place(&mut self, slot: Slot, price: Price) -> Result<(), CancelReason> {
        let Self { touch, custody, books, levels, nodes, waiting, .. } = self;
        let node = *nodes.get(touch, slot as usize);
        let book = books.get_mut(touch, node.instrument as usize);
        let side = side_of(node.side);
        if !levels.has_room(touch, book, side, price.ticks(), node.lots) {
            return Err(CancelReason::NoRoom);
        }
        let old = resting(book, &node, node.lots);
        let new = Incoming { limit: Some(price), worst: price.ticks(), ..old };
        let (amount, released) = (new.reservation(new.qty), old.reservation(old.qty));
        custody.can_reserve(touch, old.account, old.gives, amount, released).map_err(|_| CancelReason::FundsExhausted)?;
        custody.release(touch, old.account, old.gives, released);
        custody.reserve(touch, old.account, old.gives, amount).expect("it was just found that this can be reserved");
        let place = levels.link(touch, book, nodes, slot, side, price.ticks(), node.lots);
        let node = nodes.get_mut(touch, slot as usize);
        (node.price, node.level, node.prev) = (price.ticks(), place.level, place.prev);
        node.marks &= !Mark::WAITING;
        *waiting.get_mut(touch, slot as usize) = Waiting::ZERO;
        Ok(())
    }

    /// The price that a new or changed pegged order reserves at until it is priced: its target, or its limit without one.
    pub(crate) fn provisional(&mut self, instrument: u32, side: Side, pegged: &Pegged) -> Option<Price> {
        let counts = self.pegs.books.get(&mut self.touch, instrument as usize).counts;
        let (market, touch) = self.market();
        let book = market.peg_book(touch, instrument, counts);
        let [low, high] = book.bands;
        let target = pegged.target(side, book.references).map(|target| target.clamp(low, high));
        let limit = (pegged.limit != 0).then_some(pegged.limit);
        target.map(|target| limit.map_or(target, |limit| passive(side, limit, target))).or(limit).and_then(Price::from_ticks)
    }
}

/// What the prices of pegged orders follow from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Market<'a> {
    books: &'a Table<Book>,
    levels: &'a Levels,
    nodes: &'a Table<Node>,
    pegs: &'a Pegs,
    terms: &'a Table<TermsRecord>,
}

impl<'a> Market<'a> {
    /// For those who stand outside the transition.
    pub(crate) const fn of<T: Touch>(engine: &'a Engine<T>) -> Self {
        Self { books: &engine.books, levels: &engine.levels, nodes: &engine.nodes, pegs: &engine.pegs, terms: &engine.terms }
    }

    /// All that the prices follow from.
    pub(crate) fn peg_book<T: Touch>(&self, touch: &mut T, instrument: u32, counts: [u32; 2]) -> PegBook {
        let references = [Side::Buy, Side::Sell].map(|side| self.reference(touch, instrument, side));
        let book = self.books.get(touch, instrument as usize);
        PegBook { references, bands: [book.band_low, book.band_high], counts, phase: book.phase, changed: 0 }
    }

    /// The best price of orders that are not pegged; 0 without one.
    fn reference<T: Touch>(&self, touch: &mut T, instrument: u32, side: Side) -> i64 {
        let Self { levels, nodes, .. } = *self;
        let book = self.books.get(touch, instrument as usize);
        let mut level = book.best(side);
        while let Some((level_slot, price)) = level {
            let mut slot = levels.table.get(touch, level_slot as usize).head;
            while slot != 0 {
                let node = nodes.get(touch, slot as usize);
                if node.marks & Mark::PEGGED == 0 {
                    return price;
                }
                slot = node.next;
            }
            level = levels.next(touch, book, side, price);
        }
        0
    }

    /// What every pegged order of the book is to cost.
    pub(crate) fn slate<T: Touch>(&self, touch: &mut T, instrument: u32, book: &PegBook) -> Slate {
        let mut slate = [(0, 0); BOOK_MAX];
        let of_book = self.books.get(touch, instrument as usize);
        let (continuous, has_terms) = (of_book.is_continuous(), of_book.has_terms());
        let [low, high] = book.bands;
        let [mut bid, mut offer] = book.references;
        for (at, place) in slate.iter_mut().enumerate().take(book.count()) {
            let pegged = *self.pegs.orders.get(touch, instrument as usize * BOOK_MAX + at);
            let side = side_of(self.nodes.get(touch, pegged.slot as usize).side);
            let target = pegged.target(side, book.references).filter(|_| continuous);
            let price = target.map_or(0, |target| match side {
                Side::Buy => target.min(high).min(if offer == 0 { high } else { offer - 1 }),
                Side::Sell => target.max(low).max(bid + 1),
            });
            let price =
                if price > 0 && has_terms { self.terms.get(touch, instrument as usize).on_tick(side, price) } else { price };
            let price = if (low..=high).contains(&price) { price } else { 0 };
            *place = (pegged.slot, price);
            if price != 0 && side == Side::Buy {
                bid = bid.max(price);
            } else if price != 0 {
                offer = if offer == 0 { price } else { offer.min(price) };
            }
        }
        slate
    }
}

/// What a pegged order waits for since this command: no trade.
pub(crate) fn parked(since: u64) -> Waiting {
    Waiting { since, time_in_force: code_of(TimeInForce::GoodTillCancel), ..Waiting::ZERO }
}
