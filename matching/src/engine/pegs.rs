//! Which orders are pegged: for each book an array of its pegged orders, oldest first, and what they were last priced by.

use crate::engine::book::{index_of, side_of};
use crate::engine::counters::Counters;
use crate::engine::pool::{Node, Slot};
use crate::engine::region;
use crate::limits::{Capacity, PEGGED_MAX};
use plinth_types::command::Side;
use plinth_types::instructions::{Peg, PegReference};
use plinth_types::page::Touch;
use plinth_types::table::{Record, Table};
use plinth_types::table_record;

table_record! {
    /// A pegged order; zero behind its book's last one.
    pub(crate) struct Pegged in region::PEGGED, 32 bytes {
        /// The worst price that it may have, in ticks; 0 without one.
        pub(crate) limit: i64,
        /// What is added to its reference, in ticks.
        pub(crate) offset: i64,
        /// The order.
        pub(crate) slot: Slot,
        /// The code of its reference.
        pub(crate) to: u8,
    }
}

table_record! {
    /// The pegged orders of a book, and all that their prices follow from; zero without any.
    pub(crate) struct PegBook in region::PEG_BOOKS, 64 bytes {
        /// Best price of each side, of orders that are not pegged; 0 without one.
        pub(crate) references: [i64; 2],
        /// The bands.
        pub(crate) bands: [i64; 2],
        /// How many there are on each side.
        pub(crate) counts: [u32; 2],
        /// The code of the phase.
        pub(crate) phase: u8,
        /// 1 if one has come or gone, or the terms have changed, since they were priced; between commands 0.
        pub(crate) changed: u8,
    }
}

/// Most pegged orders of a book.
pub(crate) const BOOK_MAX: usize = 2 * PEGGED_MAX as usize;

impl Pegged {
    pub(crate) const fn new(slot: Slot, peg: Peg, limit: i64) -> Self {
        let to = match peg.to {
            PegReference::Primary => 1,
            PegReference::Mid => 2,
            PegReference::Market => 3,
        };
        Self { limit, offset: peg.offset_ticks as i64, slot, to }
    }

    /// What it follows; `None` for a code that there is not.
    pub(crate) const fn reference(&self) -> Option<PegReference> {
        match self.to {
            1 => Some(PegReference::Primary),
            2 => Some(PegReference::Mid),
            3 => Some(PegReference::Market),
            _ => None,
        }
    }

    /// The price that its reference gives, before any bound but its limit; the middle is rounded away from the other side.
    pub(crate) fn target(&self, side: Side, references: [i64; 2]) -> Option<i64> {
        let [bid, offer] = references;
        let (own, other) = if side == Side::Buy { (bid, offer) } else { (offer, bid) };
        let reference = match self.reference()? {
            PegReference::Primary => own,
            PegReference::Market => other,
            PegReference::Mid if bid == 0 || offer == 0 => 0,
            PegReference::Mid => (bid + offer + i64::from(side == Side::Sell)).div_euclid(2),
        };
        let limit = (self.limit != 0).then_some(self.limit);
        (reference != 0).then(|| limit.map_or(reference + self.offset, |limit| passive(side, limit, reference + self.offset)))
    }
}

/// The one of two prices that is further from the other side.
pub(crate) fn passive(side: Side, price: i64, other: i64) -> i64 {
    if side == Side::Buy { price.min(other) } else { price.max(other) }
}

impl PegBook {
    pub(crate) const fn count(&self) -> usize {
        (self.counts[0] + self.counts[1]) as usize
    }
}

/// The pegged orders of all books.
#[derive(Clone, Debug)]
pub(crate) struct Pegs {
    pub(crate) orders: Table<Pegged>,
    pub(crate) books: Table<PegBook>,
}

impl Pegs {
    pub(crate) fn new(capacity: &Capacity) -> Self {
        let books = capacity.instruments_max as usize;
        Self { orders: Table::new(books * BOOK_MAX), books: Table::new(books) }
    }

    /// Notes that something changed that their prices follow from.
    pub(crate) fn note_change<T: Touch>(&mut self, touch: &mut T, instrument: usize) {
        if self.books.get(touch, instrument).count() != 0 {
            self.books.get_mut(touch, instrument).changed = 1;
        }
    }

    /// Makes the order the youngest of its book's.
    pub(crate) fn add<T: Touch>(&mut self, touch: &mut T, counters: &mut Counters, instrument: u32, side: Side, pegged: Pegged) {
        counters.pegged += 1;
        counters.watched += 1;
        let book = self.books.get_mut(touch, instrument as usize);
        let at = instrument as usize * BOOK_MAX + book.count();
        book.counts[index_of(side)] += 1;
        book.changed = 1;
        *self.orders.get_mut(touch, at) = pegged;
    }

    /// Forgets the order in `slot`, and says what it was. Cost: a shift of those behind it.
    pub(crate) fn end<T: Touch>(&mut self, touch: &mut T, counters: &mut Counters, nodes: &Table<Node>, slot: Slot) -> Pegged {
        let node = *nodes.get(touch, slot as usize);
        let at = self.find(touch, node.instrument, slot);
        let book = self.books.get_mut(touch, node.instrument as usize);
        let end = node.instrument as usize * BOOK_MAX + book.count();
        book.counts[index_of(side_of(node.side))] -= 1;
        book.changed = 1;
        counters.pegged -= 1;
        counters.watched -= 1;
        let pegged = *self.orders.get(touch, at);
        for to in at..end - 1 {
            *self.orders.get_mut(touch, to) = *self.orders.get(touch, to + 1);
        }
        *self.orders.get_mut(touch, end - 1) = Pegged::ZERO;
        pegged
    }

    /// What the order in `slot`, which is pegged, follows.
    pub(crate) fn get<T: Touch>(&self, touch: &mut T, instrument: u32, slot: Slot) -> Pegged {
        let at = self.find(touch, instrument, slot);
        *self.orders.get(touch, at)
    }

    fn find<T: Touch>(&self, touch: &mut T, instrument: u32, slot: Slot) -> usize {
        let start = instrument as usize * BOOK_MAX;
        let count = self.books.get(touch, instrument as usize).count();
        (start..start + count).find(|&at| self.orders.get(touch, at).slot == slot).expect("a pegged order is among its book's")
    }
}
