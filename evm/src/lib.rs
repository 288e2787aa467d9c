//! The EVM zone of Plinth: Ethereum to every tool, executed in parallel.
//!
//! From the bytes of a transaction to its receipt:
//!
//! 1. [`transaction`] decodes it and recovers its sender, in batches, once.
//! 2. [`chain::Pool`] lets it wait; [`schedule`] predicts what it will touch, orders the block, and says when each transaction may start.
//! 3. [`execution::parallel`] executes the block; [`execution::serial`] is what it must equal.
//! 4. [`trie`] computes the state root, [`store`] makes the block durable, [`chain`] moves its head.
//! 5. [`rpc`] answers.
//! 6. [`bridge`] brings assets of the base layer in and out; [`zone`] makes each block one of a settlement zone; [`settle`] speaks
//!    with the program that settles.
//!
//! [`machine`] and [`ethereum`] are the only files that name revm and alloy; [`limits`] holds every limit; [`conformance`] runs Ethereum's public
//! suites through all of the above; [`bench`] measures it.
//!
//! # Known limitations
//!
//! - No proof of execution: joined to settlement, the zone is attested.
//! - Osaka's rules alone. The block access list of EIP-7928 belongs to the next fork and is not written.
//! - No consensus and no network of peers: one producer, its journal, its JSON-RPC.

pub mod bench;
pub mod bridge;
pub mod chain;
pub mod conformance;
pub mod ethereum;
pub mod execution;
pub mod limits;
pub mod machine;
pub mod node;
pub mod rpc;
pub mod schedule;
pub mod settle;
pub mod state;
pub mod store;
pub mod transaction;
pub mod trie;
pub mod wallet;
pub mod zone;
