//! The body of a zone block: a version byte, the range of the inbox that the block consumes, the block as RLP.
//!
//! The messages themselves are not in it: settlement has them, and the header's inbox root commits to them.

use crate::ethereum::{Block, Encodable as _, TxEnvelope};
use plinth_types::codec::{Codec, DecodeError};
use plinth_types::id::InboxIndex;
use plinth_types::limits::BODY_SIZE_MAX;
use plinth_types::message::InboxMessage;
use plinth_types::record;
use plinth_zone_protocol::Bytes;

/// What re-executes a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneBody {
    inbox_after: InboxIndex,
    inbox_through: InboxIndex,
    block: Bytes<BODY_SIZE_MAX>,
}

impl ZoneBody {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;
}

record!(ZoneBody { inbox_after, inbox_through, block }, version "version of an EVM zone's body");

/// The bytes are no body of the next block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// They do not decode.
    #[error("body: {0}")]
    Malformed(DecodeError),
    /// It goes on from another message.
    #[error("the body consumes messages after {after} up to {through}, the chain has consumed up to {consumed}")]
    Range {
        /// Of the body.
        after: InboxIndex,
        /// Of the body.
        through: InboxIndex,
        /// Of the chain.
        consumed: InboxIndex,
    },
    /// Messages that were not given.
    #[error("the body consumes messages up to {through}, {given} are known after {after}")]
    Missing {
        /// Of the body.
        after: InboxIndex,
        /// Of the body.
        through: InboxIndex,
        /// How many were given.
        given: usize,
    },
}

impl ZoneBody {
    pub(super) fn of(block: &Block<TxEnvelope>, inbox_after: InboxIndex, inbox_through: InboxIndex) -> Self {
        let mut rlp = Vec::with_capacity(block.length());
        block.encode(&mut rlp);
        Self { inbox_after, inbox_through, block: Bytes(rlp) }
    }

    /// From bytes.
    pub fn read(bytes: &[u8]) -> Result<Self, BodyError> {
        <Self as Codec>::decode(bytes).map_err(BodyError::Malformed)
    }

    /// The block.
    pub fn rlp(&self) -> &[u8] {
        &self.block.0
    }

    /// Those of `messages` that the body consumes, on a chain that has consumed up to `consumed`.
    pub fn consumed<'a>(&self, consumed: InboxIndex, messages: &'a [InboxMessage]) -> Result<&'a [InboxMessage], BodyError> {
        let (after, through) = (self.inbox_after, self.inbox_through);
        if after != consumed || through < after {
            return Err(BodyError::Range { after, through, consumed });
        }
        let count = usize::try_from(through.get() - after.get()).unwrap_or(usize::MAX);
        messages.get(..count).ok_or(BodyError::Missing { after, through, given: messages.len() })
    }
}
