//! The zone's state as pages: its root, its snapshot, and the way back.
//!
//! **Pages.** State is the engine's and custody's tables (*regions*), each an array of records of one fixed size; a page is
//! [`PAGE_SIZE`] bytes of neighbouring records in their canonical little-endian encoding ([`plinth_types::table`]), the last one ended by
//! zeros. Nothing that affects a later transition lies elsewhere: counters, free lists, links, bitmaps and the places of index entries
//! are state. A page of zeros is as if it were not there.
//!
//! | Region | Record | Bytes | Records |
//! | --- | --- | --- | --- |
//! | 1 census, 2 assets, 3 accounts, 4 balances | custody | 16, 64, 64, 64 | 1, assets, accounts, assets × accounts |
//! | 5 counters | what the zone counts | 128 | 1 |
//! | 6 mandates, 7 sessions | who may act; last order index | 16, 16 | mandates, sessions |
//! | 8 books | instrument and touch | 256 | instruments |
//! | 9 levels | head, tail, lots | 16 | 1 + twice the levels + 4 ladders of spill levels for each book |
//! | 10 bitmap | 64 levels, or 64 words below | 8 | 6 for each 64 levels |
//! | 11 spill | price, level | 16 | 4 ladders of spill levels for each book |
//! | 12 orders | one resting order | 64 | 1 + orders |
//! | 13 index | tag, slot | 8 | twice the orders, to a power of two |
//! | 14 guarded | what accounts are protected from | 32 | accounts |
//! | 15 hidden | what is hidden of one resting order | 16 | 1 + orders |
//! | 16 channels | messages sent to one zone | 8 | 64 |
//! | 17 waiting | what one order waits for | 32 | 1 + orders |
//! | 18 terms, 20 calendars | what orders must be like; when they trade | 512, 512 | instruments |
//! | 19 dated | a change that waits for its date | 512 | 64 |
//! | 21 quote groups | bounds of a market maker | 64 | 256 |
//! | 22 quotes | what a group quotes of one instrument | 32 | 256 × 64 |
//! | 23 firms | limits of several accounts | 32 | 1,024 |
//! | 24 lifetimes, 26 deadlines | how long one order lives; which one's time comes first | 16, 16 | 1 + orders |
//! | 25 lists | the orders of one book that have a lifetime | 64 | instruments |
//! | 27 pegged, 28 peg books | the pegged orders of one book; what they were priced by | 32, 64 | 64 × instruments, instruments |
//! | 29 ties | orders whose fate is tied | 64 | 1 + 16,384 |
//!
//! **Root.** Pages are leaves of a tree of 16 children a node, one tree for each region; all digests are SHA-256, each kind under its own
//! domain, and a leaf commits to its region and number:
//!
//! ```text
//! leaf = H(512 bytes  │ "plinth/page/1" │ region u16 │ page u32)                    zero digest for a zero page
//! node = H(16 digests │ "plinth/node/1" │ region u16 │ tier u8 │ number u32)        zero digest for 16 zero digests
//! root = H("plinth/state/1" │ layout version u16 │ capacity │ for each region: number u16, record size u16, records u64, top)
//! ```
//!
//! The place of a page or node stands behind its bytes, whose 512 are whole blocks of the hash: who proves an execution hashes them where
//! they lie. All messages of a kind have one length, so none is also another's.
//!
//! [`StateTree`] keeps the digests and hashes again only what a [`Dirty`] set names; [`root_of`] hashes everything. [`restore`] makes an
//! engine of pages that behaves as the one they were taken from. [`check`] says whether tables are a state that an engine can be in.
//!
//! [`witness`](fn@witness) is the part of a state that a block uses, with one proof that it stands in the root; [`open`] makes a partial
//! engine of it.
//!
//! Known limitations: leaves are not salted yet (they are not published yet).

mod check;
mod dirty;
mod hash;
mod restore;
mod tree;
mod witness;

pub use check::{Inconsistency, check};
pub use dirty::Dirty;
pub use restore::{RestoreError, restore};
pub use tree::{StateTree, root_of};
pub use witness::{Accessed, Missing, Opened, Present, WitnessError, open, witness};

use crate::engine::book::LADDERS;
use crate::engine::pegs::BOOK_MAX;
use crate::engine::{Engine, region};
use crate::limits::{CHANNELS_MAX, Capacity, DATED_MAX, FIRMS_MAX, QUOTE_GROUPS_MAX, QUOTE_PLACES_MAX, TIES_MAX};
use alloc::vec::Vec;
use core::fmt;
use plinth_clearing::region as custody;
use plinth_types::limits::PAGE_SIZE;
use plinth_types::page::{RegionId, Touch};
use plinth_types::table::{PageBytes, Region};
use plinth_types::words::bytes_of;

/// Version of the layout: of every record's fields and every region's meaning. The root commits to it.
pub const LAYOUT_VERSION: u16 = 9;

/// Position of a page in its region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageNumber(u32);

impl PageNumber {
    /// Wraps a number read from a snapshot.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number, for a wire edge.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for PageNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One page of the state.
#[derive(Clone, PartialEq, Eq)]
pub struct Page {
    /// Of which region.
    pub region: RegionId,
    /// Where in it.
    pub number: PageNumber,
    /// Its bytes.
    pub bytes: PageBytes,
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Page({}, {})", self.region.get(), self.number)
    }
}

/// All pages that are not zero, ascending by region and number. Cost: one pass over all tables.
pub fn pages<T: Touch>(engine: &Engine<T>) -> impl Iterator<Item = Page> + '_ {
    engine.regions().into_iter().flat_map(|region| {
        (0..region.page_count()).filter_map(|page| {
            let mut words = [0; PAGE_SIZE / 4];
            region.write_page(page, &mut words);
            if words.iter().all(|&word| word == 0) {
                return None;
            }
            let number = PageNumber(u32::try_from(page).expect("capacities bound the pages of a region"));
            let bytes = bytes_of(&words).try_into().expect("the size of a page");
            Some(Page { region: region.id(), number, bytes })
        })
    })
}

/// What a region is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RegionLayout {
    pub(crate) region: RegionId,
    pub(crate) record_size: usize,
    pub(crate) record_count: usize,
}

impl RegionLayout {
    fn of(table: &dyn Region) -> Self {
        Self { region: table.id(), record_size: table.record_size(), record_count: table.record_count() }
    }
}

/// All regions of a zone with this capacity, by number.
pub(crate) fn layout(capacity: &Capacity) -> Vec<RegionLayout> {
    let (accounts, assets) = (capacity.accounts_max as usize, usize::from(capacity.assets_max));
    let instruments = capacity.instruments_max as usize;
    let spills = instruments * LADDERS * usize::from(capacity.spill_levels_max);
    [
        (custody::CENSUS, 16, 1),
        (custody::ASSETS, 64, assets),
        (custody::ACCOUNTS, 64, accounts),
        (custody::BALANCES, 64, accounts * assets),
        (region::COUNTERS, 128, 1),
        (region::MANDATES, 16, capacity.mandates_max as usize),
        (region::SESSIONS, 16, usize::from(capacity.sessions_max)),
        (region::BOOKS, 256, instruments),
        (region::LEVELS, 16, 1 + 2 * capacity.levels_max as usize + spills),
        (region::BITMAP, 8, capacity.levels_max as usize / 64 * 6),
        (region::SPILL, 16, spills),
        (region::ORDERS, 64, 1 + capacity.orders_max as usize),
        (region::INDEX, 8, crate::engine::index_entries(capacity)),
        (region::GUARDED, 32, accounts),
        (region::HIDDEN, 16, 1 + capacity.orders_max as usize),
        (region::CHANNELS, 8, CHANNELS_MAX),
        (region::WAITING, 32, 1 + capacity.orders_max as usize),
        (region::TERMS, 512, instruments),
        (region::DATED, 512, DATED_MAX),
        (region::CALENDARS, 512, instruments),
        (region::QUOTE_GROUPS, 64, QUOTE_GROUPS_MAX),
        (region::QUOTES, 32, QUOTE_GROUPS_MAX * QUOTE_PLACES_MAX),
        (region::FIRMS, 32, FIRMS_MAX),
        (region::LIFETIMES, 16, 1 + capacity.orders_max as usize),
        (region::LISTS, 64, instruments),
        (region::DEADLINES, 16, 1 + capacity.orders_max as usize),
        (region::PEGGED, 32, instruments * BOOK_MAX),
        (region::PEG_BOOKS, 64, instruments),
        (region::TIES, 64, 1 + TIES_MAX as usize),
    ]
    .map(|(region, record_size, record_count)| RegionLayout { region, record_size, record_count })
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_that_of_the_tables() {
        let small = Capacity {
            orders_max: 100,
            accounts_max: 7,
            assets_max: 3,
            sessions_max: 9,
            instruments_max: 4,
            mandates_max: 11,
            levels_max: 1 << 9,
            spill_levels_max: 5,
        };
        for capacity in [small, Capacity::default()] {
            let engine = Engine::new(capacity, ());
            let tables = engine.regions().map(RegionLayout::of);
            assert_eq!(tables.to_vec(), layout(&capacity));
        }
    }
}
