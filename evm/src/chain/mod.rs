//! The chain of blocks: genesis, import, building, what is remembered of the past, what waits.
//!
//! - Rules are those of Osaka on every block; blocks of earlier or later forks are refused.
//! - A block is executed in parallel, sealed with its real state root, appended to the journal, and only then becomes the head.
//! - State can be asked for at the last [`crate::limits::STATE_HISTORY_BLOCKS`] blocks.
//!
//! # Known limitations
//!
//! - One chain, no forks: a block that does not extend the head is refused.
//! - The state root is computed by all workers, but before the next block starts.
//! - All blocks and receipts are kept in memory.

mod blocks;
mod error;
mod genesis;
mod head;
mod history;
mod outcome;
mod pool;
mod replay;
mod requests;
mod rules;
mod trial;

pub use blocks::{Blocks, Location, Sealed};
pub use error::ChainError;
pub use genesis::{GenesisError, genesis_state};
pub use head::{Built, Chain, Finality};
pub use history::HistoricState;
pub use pool::{Pool, PoolError, PoolStatus};
pub use rules::{BlockError, HeaderError};
pub use trial::{Trial, TrialDatabase};
