//! The consumer's book of one instrument: every shown order and every level, from increments.
//!
//! * An increment that is not the next one, or does not fit what is there, is an error and changes nothing; the book needs a snapshot then.
//! * Orders at one price trade in the order of their references, so no queue is kept.

use crate::numbers::NumberMap;
use crate::update::{Change, Reference, ShownOrder, Snapshot, Update, UpdateSeq};
use plinth_types::command::Side;
use plinth_types::id::InstrumentId;
use plinth_types::quantity::{Lots, Price, Qty};
use std::collections::BTreeMap;
use thiserror::Error;

/// Why an increment does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BookError {
    /// Increments are missing or came twice.
    #[error("update {found} of instrument {instrument} came, {expected} is next")]
    Gap {
        /// Of what.
        instrument: InstrumentId,
        /// The one that is next.
        expected: UpdateSeq,
        /// The one that came.
        found: UpdateSeq,
    },
    /// It is another instrument's.
    #[error("an update of instrument {found} for the book of {expected}")]
    OtherInstrument {
        /// The book's.
        expected: InstrumentId,
        /// The update's.
        found: InstrumentId,
    },
    /// No such order is shown.
    #[error("no order {reference} is shown")]
    UnknownOrder {
        /// Which.
        reference: Reference,
    },
    /// The order is shown already.
    #[error("order {reference} is shown already")]
    KnownOrder {
        /// Which.
        reference: Reference,
    },
    /// More than is shown of the order.
    #[error("{lots} lots of order {reference}, of which {shown} are shown")]
    TooMuch {
        /// Which.
        reference: Reference,
        /// What was to go.
        lots: Lots,
        /// What is there.
        shown: Lots,
    },
    /// The sum of a level is more than any book's.
    #[error("the level at {price} overflows")]
    LevelOverflow {
        /// Which.
        price: Price,
    },
}

/// The book of one instrument.
#[derive(Clone, Debug)]
pub struct Book {
    instrument: InstrumentId,
    seq: UpdateSeq,
    orders: NumberMap<Reference, BookOrder>,
    bids: BTreeMap<Price, Level>,
    offers: BTreeMap<Price, Level>,
}

#[derive(Clone, Copy, Debug)]
struct BookOrder {
    side: Side,
    price: Price,
    lots: u64,
}

/// What is shown at a price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// Of all orders together.
    pub lots: Lots,
    /// How many there are.
    pub orders: u32,
}

/// The levels that an increment has changed: none, one or two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed([Option<(Side, Price)>; 2]);

impl Changed {
    const fn one(side: Side, price: Price) -> Self {
        Self([Some((side, price)), None])
    }

    /// Side and price of each.
    pub fn levels(self) -> impl Iterator<Item = (Side, Price)> {
        self.0.into_iter().flatten()
    }
}

impl Book {
    /// The book before its first update.
    #[must_use]
    pub fn new(instrument: InstrumentId) -> Self {
        let seq = UpdateSeq::default();
        Self { instrument, seq, orders: NumberMap::default(), bids: BTreeMap::new(), offers: BTreeMap::new() }
    }

    /// The book of a snapshot.
    ///
    /// # Errors
    ///
    /// When an order is in it twice, or a level overflows.
    pub fn from_snapshot(snapshot: &Snapshot) -> Result<Self, BookError> {
        let mut book = Self::new(snapshot.instrument);
        book.seq = snapshot.seq;
        for order in &snapshot.orders {
            let Some(qty) = Qty::from_lots(order.lots.get()) else { continue };
            book.add(order.reference, order.side, order.price, qty)?;
        }
        Ok(book)
    }

    /// Takes the next increment.
    ///
    /// # Errors
    ///
    /// [`BookError`]; the book is as it was, and of no use until a snapshot replaces it.
    pub fn apply(&mut self, update: &Update) -> Result<Changed, BookError> {
        if update.instrument != self.instrument {
            return Err(BookError::OtherInstrument { expected: self.instrument, found: update.instrument });
        }
        let expected = self.seq.next();
        if update.seq != expected {
            return Err(BookError::Gap { instrument: self.instrument, expected, found: update.seq });
        }
        let changed = match update.change {
            Change::Added { reference, side, price, qty } => self.add(reference, side, price, qty)?,
            Change::Executed { reference, qty, .. }
            | Change::ExecutedAt { reference, qty, .. }
            | Change::Reduced { reference, qty } => self.take(reference, qty)?,
            Change::Deleted { reference } => self.delete(reference)?,
            Change::Replaced { old, new, price, qty, .. } => self.replace(old, new, price, qty)?,
            Change::Listed(_) | Change::Phase(_) | Change::Indicative { .. } | Change::Traded { .. } => Changed::default(),
        };
        self.seq = expected;
        Ok(changed)
    }

    /// Shows an order.
    ///
    /// # Errors
    ///
    /// [`BookError::KnownOrder`], [`BookError::LevelOverflow`].
    pub fn add(&mut self, reference: Reference, side: Side, price: Price, qty: Qty) -> Result<Changed, BookError> {
        let order = BookOrder { side, price, lots: qty.lots() };
        let std::collections::hash_map::Entry::Vacant(place) = self.orders.entry(reference) else {
            return Err(BookError::KnownOrder { reference });
        };
        let side_levels = match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.offers,
        };
        let level = side_levels.entry(price).or_default();
        let Some(sum) = level.lots.checked_add(qty.into()) else { return Err(BookError::LevelOverflow { price }) };
        *level = Level { lots: sum, orders: level.orders + 1 };
        place.insert(order);
        Ok(Changed::one(side, price))
    }

    /// Takes a quantity off an order, and the order off the book if nothing is left.
    ///
    /// # Errors
    ///
    /// [`BookError::UnknownOrder`], [`BookError::TooMuch`].
    pub fn take(&mut self, reference: Reference, qty: Qty) -> Result<Changed, BookError> {
        let order = self.orders.get_mut(&reference).ok_or(BookError::UnknownOrder { reference })?;
        let Some(left) = order.lots.checked_sub(qty.lots()) else {
            return Err(BookError::TooMuch { reference, lots: qty.into(), shown: Lots::new(order.lots) });
        };
        let BookOrder { side, price, .. } = *order;
        order.lots = left;
        if left == 0 {
            self.orders.remove(&reference);
        }
        self.shrink(side, price, qty.lots(), left == 0);
        Ok(Changed::one(side, price))
    }

    /// Takes an order off the book.
    ///
    /// # Errors
    ///
    /// [`BookError::UnknownOrder`].
    pub fn delete(&mut self, reference: Reference) -> Result<Changed, BookError> {
        let BookOrder { side, price, lots } = self.orders.remove(&reference).ok_or(BookError::UnknownOrder { reference })?;
        self.shrink(side, price, lots, true);
        Ok(Changed::one(side, price))
    }

    /// Gives an order another place on its side.
    ///
    /// # Errors
    ///
    /// [`BookError::UnknownOrder`], [`BookError::KnownOrder`], [`BookError::LevelOverflow`].
    pub fn replace(&mut self, old: Reference, new: Reference, price: Price, qty: Qty) -> Result<Changed, BookError> {
        let order = *self.orders.get(&old).ok_or(BookError::UnknownOrder { reference: old })?;
        let added = self.add(new, order.side, price, qty)?;
        let deleted = self.delete(old)?;
        Ok(Changed([added.0[0], deleted.0[0].filter(|_| order.price != price)]))
    }

    fn shrink(&mut self, side: Side, price: Price, lots: u64, gone: bool) {
        let levels = match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.offers,
        };
        let level = levels.get_mut(&price).expect("an order's level is there while the order is");
        level.lots = level.lots.checked_sub(Lots::new(lots)).expect("a level is the sum of its orders");
        level.orders -= u32::from(gone);
        if level.orders == 0 {
            levels.remove(&price);
        }
    }

    /// Of what.
    #[must_use]
    pub const fn instrument(&self) -> InstrumentId {
        self.instrument
    }

    /// The last update that it took.
    #[must_use]
    pub const fn seq(&self) -> UpdateSeq {
        self.seq
    }

    /// What is shown at a price; zero orders if nothing is.
    #[must_use]
    pub fn level(&self, side: Side, price: Price) -> Level {
        let levels = match side {
            Side::Buy => &self.bids,
            Side::Sell => &self.offers,
        };
        levels.get(&price).copied().unwrap_or_default()
    }

    /// All levels of a side, best first.
    pub fn levels(&self, side: Side) -> impl Iterator<Item = (Price, Level)> + '_ {
        let (bids, offers) = match side {
            Side::Buy => (Some(self.bids.iter().rev()), None),
            Side::Sell => (None, Some(self.offers.iter())),
        };
        bids.into_iter().flatten().chain(offers.into_iter().flatten()).map(|(&price, &level)| (price, level))
    }

    /// How many orders are shown.
    #[must_use]
    pub fn order_count(&self) -> usize {
        self.orders.len()
    }

    /// Every shown order: bids, then offers, each in the order in which they would trade. Cost: a sort.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let shown = |(&reference, order): (&Reference, &BookOrder)| ShownOrder {
            reference,
            side: order.side,
            price: order.price,
            lots: Lots::new(order.lots),
        };
        let mut orders: Vec<ShownOrder> = self.orders.iter().map(shown).collect();
        orders.sort_by_key(|order| match order.side {
            Side::Buy => (0, -order.price.ticks(), order.reference),
            Side::Sell => (1, order.price.ticks(), order.reference),
        });
        Snapshot { instrument: self.instrument, seq: self.seq, orders }
    }
}
