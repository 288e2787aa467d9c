//! The increments: what has changed in what is shown of one instrument.

use plinth_types::command::Side;
use plinth_types::id::{InstrumentId, TimestampNs, TradeId};
use plinth_types::quantity::{Lots, Price, Qty};
use plinth_types::reference::{Instrument, Phase};
use std::fmt;

/// A place in a queue, counted by the publisher from 1, ever upwards: of two orders at one price the one with the lower number trades first.
///
/// An order that loses its place (a replace, an iceberg that shows more) gets another one. Numbers are skipped; see [`crate::itch::Pieces`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Reference(u64);

/// Position of an update among those of its instrument; the first is 1, and 0 means "before the first".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub struct UpdateSeq(u64);

/// One change of one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Update {
    /// Of what.
    pub instrument: InstrumentId,
    /// Its position; one more than the update before it.
    pub seq: UpdateSeq,
    /// When the command that caused it was sequenced.
    pub time: TimestampNs,
    /// What it is.
    pub change: Change,
}

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The instrument trades from now on; its book is empty.
    Listed(Instrument),
    /// The instrument is in this phase now; the trades of an uncrossing follow.
    Phase(Phase),
    /// What an uncrossing would come to now.
    Indicative {
        /// The price; `None` if nothing would trade.
        price: Option<Price>,
        /// How much would trade.
        lots: Lots,
        /// How much would be left at the price.
        surplus: Lots,
        /// On which side; meaningless without a surplus.
        surplus_side: Side,
    },
    /// An order is shown, behind all others at its price.
    Added {
        /// Its place.
        reference: Reference,
        /// Which side.
        side: Side,
        /// At what price.
        price: Price,
        /// What is shown of it.
        qty: Qty,
    },
    /// A shown order has traded at its price; what is left of it keeps its place.
    Executed {
        /// Its place.
        reference: Reference,
        /// How much.
        qty: Qty,
        /// In which trade.
        trade: TradeId,
    },
    /// A shown order has traded at another price than its own.
    ExecutedAt {
        /// Its place.
        reference: Reference,
        /// How much.
        qty: Qty,
        /// In which trade.
        trade: TradeId,
        /// At what price.
        price: Price,
        /// Whether it counts as volume; the other side of the same trade has said it otherwise.
        printable: bool,
    },
    /// A shown order is smaller and keeps its place.
    Reduced {
        /// Its place.
        reference: Reference,
        /// By how much; less than what is shown.
        qty: Qty,
    },
    /// A shown order is gone without a trade.
    Deleted {
        /// Its place.
        reference: Reference,
    },
    /// A shown order has a new place, behind all others at its new price.
    Replaced {
        /// The place that it had.
        old: Reference,
        /// The place that it has.
        new: Reference,
        /// Which side.
        side: Side,
        /// At what price.
        price: Price,
        /// What is shown of it.
        qty: Qty,
    },
    /// A trade with an order that was not shown.
    Traded {
        /// The side of that order.
        side: Side,
        /// At what price.
        price: Price,
        /// How much.
        qty: Qty,
        /// In which trade.
        trade: TradeId,
    },
}

/// An order as anybody may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShownOrder {
    /// Its place.
    pub reference: Reference,
    /// Which side.
    pub side: Side,
    /// At what price.
    pub price: Price,
    /// What is shown of it, in lots; never zero.
    pub lots: Lots,
}

/// All that is shown of an instrument behind one update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Of what.
    pub instrument: InstrumentId,
    /// The update behind which it was taken.
    pub seq: UpdateSeq,
    /// Bids, then offers, each in the order in which they would trade.
    pub orders: Vec<ShownOrder>,
}

impl Reference {
    /// Wraps a number read at a wire edge or counted by the publisher.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The place so many numbers behind.
    #[must_use]
    pub const fn plus(self, count: u64) -> Self {
        Self(self.0 + count)
    }
}

impl UpdateSeq {
    /// Wraps a position.
    #[must_use]
    pub const fn new(position: u64) -> Self {
        Self(position)
    }

    /// The position.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The one behind it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for UpdateSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
