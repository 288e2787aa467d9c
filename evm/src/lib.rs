//! The EVM zone of Plinth.

pub mod conformance;
pub mod ethereum;
pub mod execution;
pub mod limits;
pub mod machine;
pub mod schedule;
pub mod state;
pub mod transaction;
pub mod trie;
