//! Why the store refused.

use super::limits::{FACT_KEY_SIZE_MAX, FACT_VALUE_SIZE_MAX};
use super::parameters::StoreParameters;
use commonware_storage::merkle::mmb;
use plinth_types::digest::Digest;
use plinth_types::id::Height;
use thiserror::Error;

/// What went wrong in the store.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The library refused; a change was under way, so the store is closed.
    #[error("store: {0}")]
    Storage(#[from] commonware_storage::qmdb::Error<mmb::Family>),
    /// What was written did not become durable.
    #[error("store: {0}")]
    Runtime(#[from] commonware_runtime::Error),
    /// An earlier change failed: open the store again.
    #[error("the store was closed by an earlier error")]
    Closed,
    /// A fact's key is too long.
    #[error("a fact's key of {size} bytes, at most {FACT_KEY_SIZE_MAX} are stored")]
    KeySize {
        /// Its size.
        size: usize,
    },
    /// A fact's value is too long.
    #[error("a fact's value of {size} bytes, at most {FACT_VALUE_SIZE_MAX} are stored")]
    ValueSize {
        /// Its size.
        size: usize,
    },
    /// What is stored is no entry of ours: another format, or damaged.
    #[error("a stored entry cannot be read: {0}")]
    Entry(#[from] plinth_types::codec::DecodeError),
    /// What is stored was written under other parameters than its ledger says, so its roots are others.
    #[error("the store is of another format ({found}) than its ledger says ({expected})")]
    OtherFormat {
        /// Of what is stored.
        found: StoreParameters,
        /// Of the ledger.
        expected: StoreParameters,
    },
    /// This program cannot write it.
    #[error("this program does not know the store's format ({parameters}): it needs one that does, and goes on where it stopped")]
    UnknownFormat {
        /// What was asked for.
        parameters: StoreParameters,
    },
    /// Where the store lies cannot be read or written down.
    #[error("record of the store's place: {0}")]
    Place(#[from] commonware_storage::metadata::Error),
    /// The record of where the store lies is none of ours, or damaged.
    #[error("the record of the store's place cannot be read")]
    PlaceMalformed,
    /// The store holds no state of this chain.
    #[error("the store names no block that it is behind")]
    PositionMissing,
    /// The store is behind another block than it should be.
    #[error("the store is behind block {found} at height {height}, expected {expected}")]
    OtherBlock {
        /// Where.
        height: Height,
        /// The block in the store.
        found: Digest,
        /// The block of the chain.
        expected: Digest,
    },
    /// The state has another root than was certified.
    #[error("the root behind height {height} is {found}, expected {expected}")]
    Root {
        /// Where.
        height: Height,
        /// Of the store.
        found: Digest,
        /// As certified.
        expected: Digest,
    },
}
