//! The zone's state as pages, and its root.

mod dirty;

pub use dirty::Dirty;

use crate::limits::Capacity;
use plinth_types::page::RegionId;

/// What a region is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RegionLayout {
    /// Which.
    pub region: RegionId,
    /// Bytes of a record.
    pub record_size: usize,
    /// Records.
    pub record_count: usize,
}

/// All regions of a zone with this capacity, by number.
pub(crate) fn layout(_capacity: &Capacity) -> alloc::vec::Vec<RegionLayout> {
    alloc::vec::Vec::new()
}
