//! Price levels (L2) and the best of them (L1): what most consumers want.
//!
//! An increment says levels as they are, not by how much they changed, and which updates it covers: `before` is the last update that the
//! consumer must have had. So states may be left out between two increments, and a lost one is noticed all the same.

use crate::book::{Book, Level};
use crate::update::UpdateSeq;
use plinth_types::command::Side;
use plinth_types::id::InstrumentId;
use plinth_types::quantity::Price;
use std::collections::BTreeMap;
use thiserror::Error;

/// What a level is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelState {
    /// Which side.
    pub side: Side,
    /// At what price.
    pub price: Price,
    /// What is shown; no orders if the level is gone.
    pub level: Level,
}

/// Levels that have changed since an update, or all there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepthUpdate {
    /// Of what.
    pub instrument: InstrumentId,
    /// The last update that it does not cover; `None`: it is all there is, whatever the consumer had.
    pub before: Option<UpdateSeq>,
    /// The last update that it covers.
    pub seq: UpdateSeq,
    /// The levels.
    pub levels: Vec<LevelState>,
}

/// The best level of each side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Top {
    /// Highest bid.
    pub bid: Option<(Price, Level)>,
    /// Lowest offer.
    pub offer: Option<(Price, Level)>,
}

impl Top {
    /// Of a book.
    #[must_use]
    pub fn of(book: &Book) -> Self {
        Self { bid: book.levels(Side::Buy).next(), offer: book.levels(Side::Sell).next() }
    }
}

/// A depth update that does not continue what the consumer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("depth of instrument {instrument} goes on from update {found}, the consumer has {have}")]
pub struct DepthGap {
    /// Of what.
    pub instrument: InstrumentId,
    /// What the consumer has.
    pub have: UpdateSeq,
    /// What it should have.
    pub found: UpdateSeq,
}

/// The consumer's levels of one instrument.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    seq: UpdateSeq,
    bids: BTreeMap<Price, Level>,
    offers: BTreeMap<Price, Level>,
}

impl Depth {
    /// Takes an increment or a whole book.
    ///
    /// # Errors
    ///
    /// [`DepthGap`]; nothing has changed then.
    pub fn apply(&mut self, update: &DepthUpdate) -> Result<(), DepthGap> {
        match update.before {
            Some(before) if before != self.seq => {
                return Err(DepthGap { instrument: update.instrument, have: self.seq, found: before });
            }
            Some(_) => {}
            None => {
                self.bids.clear();
                self.offers.clear();
            }
        }
        for LevelState { side, price, level } in &update.levels {
            let levels = match side {
                Side::Buy => &mut self.bids,
                Side::Sell => &mut self.offers,
            };
            if level.orders == 0 {
                levels.remove(price);
            } else {
                levels.insert(*price, *level);
            }
        }
        self.seq = update.seq;
        Ok(())
    }

    /// The last update that it covers.
    #[must_use]
    pub const fn seq(&self) -> UpdateSeq {
        self.seq
    }

    /// The best levels.
    #[must_use]
    pub fn top(&self) -> Top {
        let pair = |(&price, &level): (&Price, &Level)| (price, level);
        Top { bid: self.bids.last_key_value().map(pair), offer: self.offers.first_key_value().map(pair) }
    }

    /// All levels of a side, best first.
    #[must_use]
    pub fn levels(&self, side: Side) -> Vec<(Price, Level)> {
        let pair = |(&price, &level): (&Price, &Level)| (price, level);
        match side {
            Side::Buy => self.bids.iter().rev().map(pair).collect(),
            Side::Sell => self.offers.iter().map(pair).collect(),
        }
    }
}
