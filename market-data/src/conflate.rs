//! Conflation: what a consumer that is behind is still to be told, and no more than that.
//!
//! One [`Conflator`] for each consumer and instrument remembers which levels have changed since the consumer was last told, not what they were.
//! What it is told are the levels as they are when it can take them: old states are left out, never delayed, and memory is bounded
//! however slow it is.

use crate::book::{Book, Changed};
use crate::depth::{DepthUpdate, LevelState};
use crate::limits::CONFLATED_LEVELS_MAX;
use crate::update::UpdateSeq;
use plinth_types::command::Side;
use plinth_types::quantity::Price;
use std::collections::BTreeSet;

/// One consumer's view of one book.
#[derive(Clone, Debug)]
pub struct Conflator {
    /// What the consumer has.
    told: Option<UpdateSeq>,
    bids: BTreeSet<Price>,
    offers: BTreeSet<Price>,
}

impl Default for Conflator {
    fn default() -> Self {
        Self::new()
    }
}

impl Conflator {
    /// For a consumer that has nothing yet: it is told the whole book first.
    #[must_use]
    pub const fn new() -> Self {
        Self { told: None, bids: BTreeSet::new(), offers: BTreeSet::new() }
    }

    /// Remembers what an increment has changed.
    pub fn note(&mut self, changed: Changed) {
        if self.told.is_none() {
            return;
        }
        for (side, price) in changed.levels() {
            match side {
                Side::Buy => self.bids.insert(price),
                Side::Sell => self.offers.insert(price),
            };
        }
        if self.bids.len() + self.offers.len() > CONFLATED_LEVELS_MAX {
            *self = Self::new();
        }
    }

    /// Takes what the consumer is to be told now; `None` if it has everything.
    pub fn take(&mut self, book: &Book) -> Option<DepthUpdate> {
        if self.told == Some(book.seq()) {
            return None;
        }
        let state = |side, price| LevelState { side, price, level: book.level(side, price) };
        let levels = if self.told.is_some() {
            let bids = self.bids.iter().rev().map(|&price| state(Side::Buy, price));
            bids.chain(self.offers.iter().map(|&price| state(Side::Sell, price))).collect()
        } else {
            let all = |side| book.levels(side).map(move |(price, level)| LevelState { side, price, level });
            all(Side::Buy).chain(all(Side::Sell)).collect()
        };
        let before = self.told.replace(book.seq());
        self.bids.clear();
        self.offers.clear();
        Some(DepthUpdate { instrument: book.instrument(), before, seq: book.seq(), levels })
    }
}
