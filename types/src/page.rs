//! A zone's state is pages: snapshot, witness and root are the same bytes.
//!
//! State is a set of regions. A region is a table of records of one fixed size that divides [`crate::limits::PAGE_SIZE`]; a page is
//! the canonical little-endian bytes of neighbouring records. Slots, free lists and links are state. A page whose bytes are all
//! zero is as if it were not there.
//!
//! Code that changes a record says so to a [`Touch`]: the core passes `()`, which costs nothing; the replica passes a set of dirty
//! pages; a guest passes a checked load.

/// Told of every record that is read or written, before it is.
pub trait Touch {
    /// Record `slot` of `region` is about to be written, and perhaps read.
    fn touch(&mut self, region: RegionId, slot: usize);

    /// Record `slot` of `region` is about to be read only. Who needs no difference (a checked load) leaves it as it is.
    #[inline(always)]
    fn touch_read(&mut self, region: RegionId, slot: usize) {
        self.touch(region, slot);
    }
}

impl Touch for () {
    #[inline(always)]
    fn touch(&mut self, _: RegionId, _: usize) {}
}

/// Which table. The numbers are part of the state root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct RegionId(u16);

impl RegionId {
    /// Wraps a region's number.
    #[must_use]
    pub const fn new(region: u16) -> Self {
        Self(region)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }
}
