//! Ladders: levels in sorted arrays of fixed length, the nearest to the market last. Each side of a book has two: its levels outside the
//! window, and the triggers that its orders wait for. Slower than the window, correct, and bounded.
//!
//! An entry beyond the array's used part holds the slot of an unused level, so that no other free list is needed.

use crate::engine::book::better;
use crate::engine::region;
use core::ops::Range;
use plinth_types::command::Side;
use plinth_types::page::Touch;
use plinth_types::table::Table;
use plinth_types::table_record;

table_record! {
    pub(crate) struct SpillEntry in region::SPILL, 16 bytes {
        /// In ticks; 0 in the unused part.
        pub(crate) price: i64,
        /// Slot of the level.
        pub(crate) level: u32,
    }
}

/// The arrays of all books.
#[derive(Clone, Debug)]
pub(crate) struct Spill {
    pub(crate) entries: Table<SpillEntry>,
}

impl Spill {
    pub(crate) fn new(entry_count: usize) -> Self {
        Self { entries: Table::new(entry_count) }
    }

    /// Gives an array its unused levels, from `level` on.
    pub(crate) fn furnish<T: Touch>(&mut self, touch: &mut T, array: Range<usize>, level: u32) {
        for (at, level) in array.zip(level..) {
            *self.entries.get_mut(touch, at) = SpillEntry { price: 0, level };
        }
    }

    /// Where `price` is (`Ok`) or would be (`Err`) in the used part `used`.
    pub(crate) fn search<T: Touch>(&self, touch: &mut T, used: Range<usize>, side: Side, price: i64) -> Result<usize, usize> {
        let Range { start: mut low, end: mut high } = used;
        while low < high {
            let middle = low.midpoint(high);
            let found = self.entries.get(touch, middle).price;
            if found == price {
                return Ok(middle);
            }
            if better(side, price, found) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Err(low)
    }

    /// Puts `price` at `at`, before the used part's `end`, and says which level it has.
    pub(crate) fn insert<T: Touch>(&mut self, touch: &mut T, at: usize, end: usize, price: i64) -> u32 {
        let level = self.entries.get(touch, end).level;
        for to in (at + 1..=end).rev() {
            *self.entries.get_mut(touch, to) = *self.entries.get(touch, to - 1);
        }
        *self.entries.get_mut(touch, at) = SpillEntry { price, level };
        level
    }

    /// Takes the entry at `at` out of a used part that ends at `end`.
    pub(crate) fn remove<T: Touch>(&mut self, touch: &mut T, at: usize, end: usize) {
        let level = self.entries.get(touch, at).level;
        for to in at..end - 1 {
            *self.entries.get_mut(touch, to) = *self.entries.get(touch, to + 1);
        }
        *self.entries.get_mut(touch, end - 1) = SpillEntry { price: 0, level };
    }
}
