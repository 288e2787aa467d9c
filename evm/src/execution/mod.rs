//! Execution of a block, twice: in order on plain revm ([`serial`], the oracle), and in parallel ([`parallel`], the product).
//!
//! Both take the same [`BlockPlan`] and the same transactions in the same order, and give the same [`BlockResult`] bit for bit: results, gas,
//! logs, changes. A transaction that the rules refuse (nonce, funds, gas) leaves no trace but its [`Rejection`]; whether that voids the block
//! (import) or only leaves the transaction out (building) is for the caller to say.

mod context;
mod effects;
pub mod parallel;
pub mod serial;

pub use context::{BlockContext, BlockPlan, SystemCall};

use crate::ethereum::{Address, Bytes, Log};
use crate::machine::{EVMError, ExecutionResult, HaltReason, InvalidTransaction, Output};
use crate::state::Changes;

/// What a transaction did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransactionResult {
    /// How it ended.
    pub ending: Ending,
    /// Gas paid for, after refunds and the floor of EIP-7623.
    pub gas_used: u64,
    /// Logs in order.
    pub logs: Vec<Log>,
    /// Return data, or the data of a revert.
    pub output: Bytes,
    /// The contract it created, if it was a creation that succeeded.
    pub created: Option<Address>,
}

/// How a transaction ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Receipt status 1.
    Success,
    /// Status 0: REVERT.
    Revert,
    /// Status 0: out of gas, bad opcode and the like.
    Halt(HaltReason),
}

impl TransactionResult {
    /// Receipt status 1.
    pub fn is_success(&self) -> bool {
        self.ending == Ending::Success
    }
}

impl From<ExecutionResult> for TransactionResult {
    fn from(result: ExecutionResult) -> Self {
        let gas_used = result.tx_gas_used();
        match result {
            ExecutionResult::Success { logs, output, .. } => {
                let (output, created) = match output {
                    Output::Call(bytes) => (bytes, None),
                    Output::Create(bytes, created) => (bytes, created),
                };
                Self { ending: Ending::Success, gas_used, logs, output, created }
            }
            ExecutionResult::Revert { logs, output, .. } => Self { ending: Ending::Revert, gas_used, logs, output, created: None },
            ExecutionResult::Halt { reason, logs, .. } => {
                Self { ending: Ending::Halt(reason), gas_used, logs, output: Bytes::new(), created: None }
            }
        }
    }
}

/// Why a transaction cannot stand at its place in the block.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// A rule of Ethereum.
    #[error("{0}")]
    Invalid(InvalidTransaction),
    /// The block has no room left.
    #[error("gas limit {gas_limit} of the transaction exceeds the {gas_left} left in the block")]
    BlockFull {
        /// What the transaction may use.
        gas_limit: u64,
        /// What earlier transactions left.
        gas_left: u64,
    },
    /// The block has no room left for blobs.
    #[error("{blobs} blobs of the transaction exceed the {blobs_left} left in the block")]
    BlobsFull {
        /// Blobs of the transaction.
        blobs: u64,
        /// What earlier transactions left.
        blobs_left: u64,
    },
    /// The virtual machine refused for a reason of its own.
    #[error("virtual machine: {0}")]
    Machine(String),
}

impl<E: std::error::Error> From<EVMError<E>> for Rejection {
    fn from(error: EVMError<E>) -> Self {
        match error {
            EVMError::Transaction(invalid) => Self::Invalid(invalid),
            EVMError::Header(header) => Self::Machine(header.to_string()),
            EVMError::Database(error) => Self::Machine(error.to_string()),
            EVMError::Custom(text) => Self::Machine(text),
            EVMError::CustomAny(error) => Self::Machine(error.to_string()),
        }
    }
}

/// What a block did.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockResult {
    /// One for each transaction given, in order.
    pub transactions: Vec<Result<TransactionResult, Rejection>>,
    /// Return data of [`BlockPlan::before`], in order; an error if such a call did not succeed.
    pub opening_outputs: Vec<Result<Bytes, Ending>>,
    /// Return data of [`BlockPlan::after`], in order; an error if such a call did not succeed.
    pub system_outputs: Vec<Result<Bytes, Ending>>,
    /// Sum over the transactions that stood.
    pub gas_used: u64,
    /// Blob gas of the transactions that stood.
    pub blob_gas_used: u64,
    /// The new state, as a difference; see [`Changes::normalise`] before comparing.
    pub changes: Changes,
}
