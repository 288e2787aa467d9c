//! What the root depends on beside the blocks.

use plinth_types::codec::{Codec, DecodeError, Reader};

/// The store's consensus parameters. Two validators that differ in one of them have different roots from the first block on.
///
/// There is one set per version; a chain that wants another one migrates (see [`super::Migration`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreParameters {
    /// Layout of entries and positions, and hash of keys.
    pub layout: u8,
    /// Year and month of the library's release train: its log format and its tree are part of the root.
    pub release: u32,
    /// Bytes of a chunk of the activity bitmap.
    pub bitmap_chunk_size: u16,
    /// How a block raises the inactivity floor: 1 is in proportion to what it made inactive.
    pub floor_policy: u8,
}

impl StoreParameters {
    /// The parameters of this program.
    pub const CURRENT: Self = Self { layout: 1, release: 202_610, bitmap_chunk_size: BITMAP_CHUNK_SIZE as u16, floor_policy: 1 };
}

/// Bytes of a chunk of the activity bitmap, as the library takes them: at compile time.
pub(super) const BITMAP_CHUNK_SIZE: usize = 32;

impl Codec for StoreParameters {
    fn encode(&self, out: &mut Vec<u8>) {
        self.layout.encode(out);
        self.release.encode(out);
        self.bitmap_chunk_size.encode(out);
        self.floor_policy.encode(out);
    }

    /// Reads the parameters of this program, and no others.
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (layout, release) = (Codec::read(reader)?, Codec::read(reader)?);
        let (bitmap_chunk_size, floor_policy) = (Codec::read(reader)?, Codec::read(reader)?);
        let read = Self { layout, release, bitmap_chunk_size, floor_policy };
        if read == Self::CURRENT { Ok(read) } else { Err(reader.invalid("store parameters")) }
    }
}
