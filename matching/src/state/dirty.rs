//! Which pages have changed.

use crate::engine::region::END;
use crate::limits::Capacity;
use alloc::boxed::Box;
use alloc::vec;
use plinth_types::limits::PAGE_SIZE;
use plinth_types::page::{RegionId, Touch};

/// A set of pages: told of every record written, it knows what a root or snapshot must look at again. Reads leave no trace.
#[derive(Clone, Debug)]
pub struct Dirty {
    words: Box<[u64]>,
    regions: [Range; END],
}

/// One region's part of the words.
#[derive(Clone, Copy, Debug, Default)]
struct Range {
    first_word: usize,
    word_count: usize,
    /// Records of a page are two to the power of this.
    shift: u32,
}

impl Dirty {
    /// No page, of a zone with this capacity.
    #[must_use]
    pub fn new(capacity: &Capacity) -> Self {
        let mut regions = [Range::default(); END];
        let mut first_word = 0;
        for layout in crate::state::layout(capacity) {
            let pages = layout.record_count.div_ceil(PAGE_SIZE / layout.record_size);
            let word_count = pages.div_ceil(64);
            let shift = (PAGE_SIZE / layout.record_size).ilog2();
            regions[usize::from(layout.region.get())] = Range { first_word, word_count, shift };
            first_word += word_count;
        }
        Self { words: vec![0; first_word].into_boxed_slice(), regions }
    }

    /// Takes the pages of `region` out of the set, and says which they were, ascending.
    pub(crate) fn drain(&mut self, region: RegionId, mut each: impl FnMut(usize)) {
        let Range { first_word, word_count, .. } = self.regions[usize::from(region.get())];
        for (at, word) in self.words[first_word..first_word + word_count].iter_mut().enumerate() {
            let mut left = core::mem::take(word);
            while left != 0 {
                each(at * 64 + left.trailing_zeros() as usize);
                left &= left - 1;
            }
        }
    }

    /// Numbers of the pages of `region` that are in the set, ascending.
    pub(crate) fn pages(&self, region: RegionId) -> impl Iterator<Item = usize> + '_ {
        let Range { first_word, word_count, .. } = self.regions[usize::from(region.get())];
        let words = self.words[first_word..first_word + word_count].iter().enumerate();
        words
            .filter(|(_, word)| **word != 0)
            .flat_map(|(at, &word)| (0..64).filter(move |bit| word >> bit & 1 != 0).map(move |bit| at * 64 + bit))
    }

    /// How many pages are in the set.
    #[must_use]
    pub fn count(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }
}

impl Touch for Dirty {
    #[inline(always)]
    fn touch(&mut self, region: RegionId, slot: usize) {
        let Range { first_word, shift, .. } = self.regions[usize::from(region.get())];
        let page = slot >> shift;
        self.words[first_word + page / 64] |= 1 << (page % 64);
    }

    #[inline(always)]
    fn touch_read(&mut self, _: RegionId, _: usize) {}
}
