//! What the root depends on beside the blocks.

use plinth_types::record;
use std::fmt;

/// The store's consensus parameters. Two validators that differ in one of them have different roots from the first block on: every root
/// covers them.
///
/// A program knows [`Self::CURRENT`], which its chains begin with, and [`Self::COMPACT`]; a chain goes from one to another by decision of
/// its governors ([`StoreFormat`](crate::ledger::StoreFormat)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreParameters {
    /// Layout of entries and positions, and hash of keys.
    pub layout: u8,
    /// Year and month of the library's release train: its log format and its tree are part of the root.
    pub release: u32,
    /// Bytes of a chunk of the activity bitmap.
    pub bitmap_chunk_size: u16,
    /// How a block raises the inactivity floor: by one active operation for every four that it made inactive (1), or for every one (2), and
    /// one more.
    pub floor_policy: u8,
}

impl StoreParameters {
    /// The parameters of this program.
    pub const CURRENT: Self = Self { layout: 1, release: 202_610, bitmap_chunk_size: BITMAP_CHUNK_SIZE as u16, floor_policy: 1 };
    /// A shorter log for more writes.
    pub const COMPACT: Self = Self { floor_policy: 2, ..Self::CURRENT };
}

/// Bytes of a chunk of the activity bitmap, as the library takes them: at compile time.
pub(super) const BITMAP_CHUNK_SIZE: usize = 32;

impl fmt::Display for StoreParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { layout, release, bitmap_chunk_size, floor_policy } = self;
        write!(f, "layout {layout}, release {release}, bitmap chunks of {bitmap_chunk_size}, floor policy {floor_policy}")
    }
}

record!(StoreParameters { layout, release, bitmap_chunk_size, floor_policy });
