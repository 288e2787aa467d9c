//! Which levels of a window hold orders: one bit each, and two summaries of 64 to 1 above, so that the next level is found in a few
//! words however far it is.
//!
//! Words of one window lie together: first the bits of the levels, then one bit for each of those words that is not zero, then one bit
//! for each of these. A window has at most 2^20 levels, so the top is at most four words, which are scanned.

use crate::engine::region;
use plinth_types::page::Touch;
use plinth_types::table::Table;
use plinth_types::table_record;

table_record! {
    pub(crate) struct Word in region::BITMAP, 8 bytes {
        pub(crate) bits: u64,
    }
}

/// Where a window's words lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// First word.
    pub(crate) base: u32,
    /// The window has `2^window_bits` levels.
    pub(crate) window_bits: u8,
}

/// Bits of levels, and two summaries.
pub(crate) const TIERS: usize = 3;

impl Span {
    /// Words that a window of `2^window_bits` levels is given: what one of 64 levels needs, for each 64 levels. Wider ones leave some unused,
    /// and the sum is a shift.
    pub(crate) const fn word_count(window_bits: u8) -> usize {
        TIERS << (window_bits - 6)
    }

    /// The word that holds the bit of `level`.
    #[inline(always)]
    const fn bottom_word(self, level: u32) -> usize {
        (self.base + level / 64) as usize
    }

    /// First word of each tier, and the end.
    const fn tiers(self) -> [usize; TIERS + 1] {
        let bottom = 1_usize << (self.window_bits - 6);
        let middle = bottom.div_ceil(64);
        let base = self.base as usize;
        [base, base + bottom, base + bottom + middle, base + bottom + middle + middle.div_ceil(64)]
    }
}

/// The words of all windows.
#[derive(Clone, Debug)]
pub(crate) struct Bitmap {
    pub(crate) words: Table<Word>,
}

impl Bitmap {
    pub(crate) fn new(word_count: usize) -> Self {
        Self { words: Table::new(word_count) }
    }

    /// Marks `level`.
    #[inline(always)]
    pub(crate) fn set<T: Touch>(&mut self, touch: &mut T, span: Span, level: u32) {
        let word = &mut self.words.get_mut(touch, span.bottom_word(level)).bits;
        let was_empty = *word == 0;
        *word |= 1 << (level % 64);
        if was_empty {
            self.set_above(touch, span, level);
        }
    }

    #[cold]
    fn set_above<T: Touch>(&mut self, touch: &mut T, span: Span, level: u32) {
        let mut at = level as usize / 64;
        for tier in &span.tiers()[1..TIERS] {
            let word = &mut self.words.get_mut(touch, tier + at / 64).bits;
            let was_empty = *word == 0;
            *word |= 1 << (at % 64);
            if !was_empty {
                break;
            }
            at /= 64;
        }
    }

    /// Clears `level`.
    #[inline(always)]
    pub(crate) fn clear<T: Touch>(&mut self, touch: &mut T, span: Span, level: u32) {
        let word = &mut self.words.get_mut(touch, span.bottom_word(level)).bits;
        *word &= !(1 << (level % 64));
        if *word == 0 {
            self.clear_above(touch, span, level);
        }
    }

    #[cold]
    fn clear_above<T: Touch>(&mut self, touch: &mut T, span: Span, level: u32) {
        let mut at = level as usize / 64;
        for tier in &span.tiers()[1..TIERS] {
            let word = &mut self.words.get_mut(touch, tier + at / 64).bits;
            *word &= !(1 << (at % 64));
            if *word != 0 {
                break;
            }
            at /= 64;
        }
    }

    /// The highest marked level below `end`, which may be the window's width.
    #[inline(always)]
    pub(crate) fn below<T: Touch>(&self, touch: &mut T, span: Span, end: u32) -> Option<u32> {
        let last = end.checked_sub(1)?;
        let word = self.word(touch, span.bottom_word(last)) & (u64::MAX >> (63 - last % 64));
        if word != 0 {
            return Some(last / 64 * 64 + highest(word) as u32);
        }
        self.far_below(touch, span, end)
    }

    #[cold]
    fn far_below<T: Touch>(&self, touch: &mut T, span: Span, end: u32) -> Option<u32> {
        let tiers = span.tiers();
        let mut end = end as usize;
        for tier in 0..TIERS {
            // `end` is exclusive: the bit before it, in its word and lower, then whole words by the tier above.
            let last = end.checked_sub(1)?;
            let word = self.word(touch, tiers[tier] + last / 64) & (u64::MAX >> (63 - last % 64));
            if word != 0 {
                return Some(self.descend_high(touch, &tiers, tier, last / 64 * 64 + highest(word)));
            }
            end = last / 64;
        }
        let top = tiers[TIERS - 1];
        (0..end).rev().find_map(|at| {
            let word = self.word(touch, top + at);
            (word != 0).then(|| self.descend_high(touch, &tiers, TIERS - 1, at * 64 + highest(word)))
        })
    }

    /// The lowest marked level at or above `start`, which may be the window's width.
    #[inline(always)]
    pub(crate) fn at_or_above<T: Touch>(&self, touch: &mut T, span: Span, start: u32) -> Option<u32> {
        if start.wrapping_shr(span.window_bits.into()) != 0 {
            return None;
        }
        let word = self.word(touch, span.bottom_word(start)) & (u64::MAX << (start % 64));
        if word != 0 {
            return Some(start / 64 * 64 + lowest(word) as u32);
        }
        self.far_above(touch, span, start)
    }

    #[cold]
    fn far_above<T: Touch>(&self, touch: &mut T, span: Span, start: u32) -> Option<u32> {
        let tiers = span.tiers();
        let mut start = start as usize;
        for tier in 0..TIERS {
            if tiers[tier] + start / 64 >= tiers[tier + 1] {
                return None;
            }
            let word = self.word(touch, tiers[tier] + start / 64) & (u64::MAX << (start % 64));
            if word != 0 {
                return Some(self.descend_low(touch, &tiers, tier, start / 64 * 64 + lowest(word)));
            }
            start = start / 64 + 1;
        }
        let (top, end) = (tiers[TIERS - 1], tiers[TIERS]);
        (start..end - top).find_map(|at| {
            let word = self.word(touch, top + at);
            (word != 0).then(|| self.descend_low(touch, &tiers, TIERS - 1, at * 64 + lowest(word)))
        })
    }

    #[inline(always)]
    fn descend_high<T: Touch>(&self, touch: &mut T, tiers: &[usize; TIERS + 1], tier: usize, mut at: usize) -> u32 {
        for below in (0..tier).rev() {
            at = at * 64 + highest(self.word(touch, tiers[below] + at));
        }
        at as u32
    }

    #[inline(always)]
    fn descend_low<T: Touch>(&self, touch: &mut T, tiers: &[usize; TIERS + 1], tier: usize, mut at: usize) -> u32 {
        for below in (0..tier).rev() {
            at = at * 64 + lowest(self.word(touch, tiers[below] + at));
        }
        at as u32
    }

    #[inline(always)]
    fn word<T: Touch>(&self, touch: &mut T, at: usize) -> u64 {
        self.words.get(touch, at).bits
    }
}

/// Position of the highest bit of a word that is not zero.
#[inline(always)]
const fn highest(word: u64) -> usize {
    63 - word.leading_zeros() as usize
}

/// Position of the lowest bit of a word that is not zero.
#[inline(always)]
const fn lowest(word: u64) -> usize {
    word.trailing_zeros() as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;

    /// Every width, sparse and dense, against an ordered set.
    #[test]
    fn neighbours_are_those_of_an_ordered_set() {
        for window_bits in 6..=20_u8 {
            let base = 5;
            let span = Span { base, window_bits };
            let mut bitmap = Bitmap::new(base as usize + Span::word_count(window_bits));
            let mut model = BTreeSet::new();
            let mut random = u64::from(window_bits);
            let width = 1_u32 << window_bits;
            for step in 0..4_000_u32 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let level = ((random >> 33) as u32) % width;
                // Half of the time empty rather than fill, so that summaries are cleared too.
                if step % 1_000 < 500 || !model.contains(&level) {
                    bitmap.set(&mut (), span, level);
                    model.insert(level);
                } else {
                    bitmap.clear(&mut (), span, level);
                    model.remove(&level);
                }
                if step % 1_000 > 800
                    && let Some(&some) = model.range(level..).next()
                {
                    bitmap.clear(&mut (), span, some);
                    model.remove(&some);
                }
                for at in [0, level, level + 1, width / 2, width - 1, width] {
                    assert_eq!(
                        bitmap.below(&mut (), span, at),
                        model.range(..at).next_back().copied(),
                        "bits {window_bits} below {at}"
                    );
                    assert_eq!(
                        bitmap.at_or_above(&mut (), span, at),
                        model.range(at..).next().copied(),
                        "bits {window_bits} from {at}"
                    );
                }
            }
            for level in model {
                bitmap.clear(&mut (), span, level);
            }
            assert!(bitmap.words.records().iter().all(|word| word.bits == 0), "an empty window has zero words");
        }
    }
}
