//! Ethereum's Merkle-Patricia tries, kept in memory and hashed incrementally.
//!
//! - [`Trie`] maps 32-byte keys (hashes) to bytes. A change forgets the hashes on its path only, so a root after a block costs what the block
//!   changed.
//! - [`StateTrie`] is the trie of accounts with one trie of storage for each account that has any; its root is the `stateRoot` of a header.
//! - Nodes are encoded by alloy-trie; its `HashBuilder`, which computes a root from all leaves, is the oracle of the tests.
//!
//! # Known limitations
//!
//! - All nodes are in memory, about 300 bytes for an account or slot, and are rebuilt from the state at start.

mod node;
mod state;

pub use node::Trie;
pub use state::{AccountProof, StateTrie, StorageProof};
