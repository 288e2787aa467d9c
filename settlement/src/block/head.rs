//! The head of a block, without its transactions: what a light client holds.

use super::Block;
use crate::digest::sha256;
use plinth_types::codec::{Codec, DecodeError, Reader};
use plinth_types::digest::Digest;
use plinth_types::id::{Height, TimestampNs};

/// The first [`Block::HEAD_SIZE`] bytes of a block. Its id is the block's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Height of the block.
    pub height: Height,
    /// Id of the block before.
    pub parent: Digest,
    /// Its time.
    pub time: TimestampNs,
    /// Root of the state behind the block before.
    pub pre_state: Digest,
    /// SHA-256 of its transactions.
    pub transactions_hash: Digest,
    /// How many there are.
    pub transaction_count: u32,
}

impl Head {
    /// The block's id.
    #[must_use]
    pub fn id(&self) -> Digest {
        sha256(&[Block::DOMAIN, &self.to_bytes()])
    }
}

impl Codec for Head {
    fn encode(&self, out: &mut Vec<u8>) {
        Block::VERSION.encode(out);
        self.height.encode(out);
        self.parent.encode(out);
        self.time.encode(out);
        self.pre_state.encode(out);
        self.transactions_hash.encode(out);
        self.transaction_count.encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if u8::read(reader)? != Block::VERSION {
            return Err(reader.invalid("block version"));
        }
        Ok(Self {
            height: Codec::read(reader)?,
            parent: Codec::read(reader)?,
            time: Codec::read(reader)?,
            pre_state: Codec::read(reader)?,
            transactions_hash: Codec::read(reader)?,
            transaction_count: Codec::read(reader)?,
        })
    }
}
