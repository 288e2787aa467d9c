//! The channels between validators: what each carries, how urgent it is, how long its frames may be.

use super::limits::{
    BLOCK_FRAME_SIZE_MAX, CHECKPOINT_FRAME_SIZE_MAX, GOSSIP_FRAME_SIZE_MAX, SHARD_FRAME_SIZE_MAX, VOTE_FRAME_SIZE_MAX,
};
use std::num::NonZeroU32;

/// What a stream between two validators carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Channel {
    /// Votes of simplex.
    Votes,
    /// Certificates of simplex.
    Certificates,
    /// Requests and answers of simplex for certificates that were missed.
    Resolver,
    /// Receipts, headers and deposits on their way to a proposer.
    Gossip,
    /// Blocks as their proposers send them.
    Blocks,
    /// Requests and answers for blocks that were missed.
    Backfill,
    /// Parts of the group's signatures under checkpoints.
    Checkpoints,
    /// Requests and answers for shards of zone bodies, and proofs of fraud.
    Shards,
}

impl Channel {
    /// All, in order of their codes.
    pub const ALL: [Self; 8] = [
        Self::Votes,
        Self::Certificates,
        Self::Resolver,
        Self::Gossip,
        Self::Blocks,
        Self::Backfill,
        Self::Checkpoints,
        Self::Shards,
    ];

    /// The byte that opens its stream.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The channel of a byte.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }

    /// Priority of its stream: what is higher overtakes what is lower on the same connection.
    #[must_use]
    pub const fn priority(self) -> i32 {
        match self {
            Self::Votes | Self::Certificates => 3,
            Self::Resolver => 2,
            Self::Gossip | Self::Blocks => 1,
            Self::Backfill | Self::Checkpoints | Self::Shards => 0,
        }
    }

    /// Longest frame, in bytes.
    #[must_use]
    pub const fn frame_size_max(self) -> usize {
        match self {
            Self::Votes | Self::Certificates | Self::Resolver => VOTE_FRAME_SIZE_MAX,
            Self::Gossip => GOSSIP_FRAME_SIZE_MAX,
            Self::Blocks | Self::Backfill => BLOCK_FRAME_SIZE_MAX,
            Self::Checkpoints => CHECKPOINT_FRAME_SIZE_MAX,
            Self::Shards => SHARD_FRAME_SIZE_MAX,
        }
    }

    /// Messages a second that one peer may send here, and this end may send it; beyond them its stream is not read. A hundred views a
    /// second of one vote to notarize and one to finalize stay far below.
    #[must_use]
    pub const fn frames_per_second_max(self) -> NonZeroU32 {
        let count = match self {
            Self::Votes | Self::Gossip => 4_096,
            Self::Certificates | Self::Backfill => 2_048,
            Self::Resolver | Self::Blocks | Self::Shards => 1_024,
            Self::Checkpoints => 256,
        };
        NonZeroU32::new(count).expect("above zero")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_pinned() {
        for (code, channel) in (0_u8..).zip(Channel::ALL) {
            assert_eq!((channel.code(), Channel::from_code(code)), (code, Some(channel)));
        }
        assert_eq!(Channel::from_code(8), None);
    }
}
