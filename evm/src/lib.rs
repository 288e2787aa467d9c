//! The EVM zone of Plinth.

pub mod bench;
pub mod chain;
pub mod conformance;
pub mod ethereum;
pub mod execution;
pub mod limits;
pub mod machine;
pub mod node;
pub mod rpc;
pub mod schedule;
pub mod state;
pub mod store;
pub mod transaction;
pub mod trie;
pub mod wallet;
