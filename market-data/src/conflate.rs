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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::depth::Depth;
    use crate::update::Reference;
    use plinth_types::id::InstrumentId;
    use plinth_types::quantity::Qty;

    #[test]
    fn who_is_too_far_behind_is_given_the_whole_book() {
        let mut book = Book::new(InstrumentId::new(0));
        let (mut conflator, mut depth) = (Conflator::new(), Depth::default());
        let qty = Qty::from_lots(1).unwrap();
        let add = |book: &mut Book, number: u64, conflator: &mut Conflator| {
            let price = Price::from_ticks(number as i64).unwrap();
            let changed = book.add(Reference::new(number), Side::Sell, price, qty).unwrap();
            conflator.note(changed);
        };
        depth.apply(&conflator.take(&book).unwrap()).unwrap();
        for number in 1..=CONFLATED_LEVELS_MAX as u64 + 1 {
            add(&mut book, number, &mut conflator);
        }
        assert!(conflator.bids.is_empty() && conflator.offers.is_empty(), "no more is remembered");
        let update = conflator.take(&book).unwrap();
        assert_eq!((update.before, update.levels.len()), (None, CONFLATED_LEVELS_MAX + 1));
        depth.apply(&update).unwrap();
        assert_eq!(depth.levels(Side::Sell), book.levels(Side::Sell).collect::<Vec<_>>());
    }
}
