//! From one key to the next: what a light client remembers.

use super::{Checkpoint, CheckpointError, GroupKey, Handover, HandoverError};
use plinth_types::id::{ChainId, Height};
use std::collections::BTreeMap;

/// The keys that follow from one trusted key, by the height from which each signs.
#[derive(Clone, Debug)]
pub struct Keys {
    chain: ChainId,
    keys: BTreeMap<Height, GroupKey>,
}

/// Why a handover leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WalkError {
    /// Of another chain.
    #[error("a handover of chain {chain}, this is chain {expected}")]
    Chain {
        /// Its chain.
        chain: ChainId,
        /// The client's.
        expected: ChainId,
    },
    /// It does not come behind the last one. Two groups that hand over at one height would be a fork.
    #[error("a handover at height {first}, the last one was at {last}")]
    Order {
        /// Where it is.
        first: Height,
        /// The last one.
        last: Height,
    },
    /// Not signed by the last group.
    #[error(transparent)]
    Signature(#[from] HandoverError),
}

impl Keys {
    /// Trusts one key, from genesis on.
    #[must_use]
    pub fn new(chain: ChainId, key: GroupKey) -> Self {
        Self::since(chain, Height::new(0), key)
    }

    /// Trusts one key, from a height on, and none before.
    #[must_use]
    pub fn since(chain: ChainId, first: Height, key: GroupKey) -> Self {
        Self { chain, keys: [(first, key)].into() }
    }

    /// Of which chain they are.
    #[must_use]
    pub const fn chain(&self) -> ChainId {
        self.chain
    }

    /// From which height on the last key signs.
    #[must_use]
    pub fn last(&self) -> Height {
        self.keys.last_key_value().map_or(Height::new(0), |(first, _)| *first)
    }

    /// Goes on to the next key.
    ///
    /// # Errors
    ///
    /// [`WalkError`]; nothing changes then.
    pub fn take(&mut self, handover: &Handover) -> Result<(), WalkError> {
        let (chain, expected) = (handover.chain, self.chain);
        if chain != expected {
            return Err(WalkError::Chain { chain, expected });
        }
        let (&last, key) = self.keys.last_key_value().expect("there is one from the start");
        if handover.first <= last {
            return Err(WalkError::Order { first: handover.first, last });
        }
        let next = handover.verify(key)?;
        self.keys.insert(handover.first, next);
        Ok(())
    }

    /// Checks a checkpoint with the key of its height.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`].
    pub fn verify(&self, checkpoint: &Checkpoint) -> Result<(), CheckpointError> {
        let height = checkpoint.statement.height;
        let key = self.keys.range(..=height).next_back().filter(|_| checkpoint.statement.chain == self.chain);
        key.map_or(Err(CheckpointError { height }), |(_, key)| checkpoint.verify(key))
    }
}
