//! Why the chain cannot be opened or extended.

use super::genesis::GenesisError;
use super::rules::BlockError;
use crate::bridge::BridgeError;
use crate::ethereum::B256;
use crate::store::JournalError;

/// The chain cannot be opened or extended.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The genesis file.
    #[error("genesis: {0}")]
    Genesis(#[from] GenesisError),
    /// Its bridge.
    #[error("genesis: {0}")]
    Bridge(#[from] BridgeError),
    /// The block given.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// The disk.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The journal's blocks do not follow each other.
    #[error("the journal's block {number} does not extend the block before it")]
    Gap {
        /// Of the block.
        number: u64,
    },
    /// The journal's changes do not lead to the root its last block states.
    #[error("recovery gives state root {recovered}, block {number} says {stated}")]
    Root {
        /// Computed.
        recovered: B256,
        /// In the header.
        stated: B256,
        /// Of the last block.
        number: u64,
    },
}
