//! What is decided before a block is executed: which accounts and slots its transactions will touch, in which order they stand, and how many
//! must be committed before each may start.
//!
//! # The fairness rule
//!
//! Transactions stand in the order in which they arrived, but for one freedom: a transaction may pass others whose predicted access sets do not
//! meet its own ([`frames`]). Two transactions that touch a common account or slot, one of them writing, are never exchanged; so every
//! transaction finds the state that it would have found in order of arrival, and nonces of one sender stay in order. No fee buys a place.
//!
//! # Predictions
//!
//! A prediction ([`Prediction`]) names accounts and slots by 64-bit keys and never decides a result, only speed: the executor checks every value
//! read. Keys of slots found by a mapping are made of the mapping's position and its key instead of their Keccak hash
//! (`templates`), so that predicting costs no hashing; a raw slot from an access list then does not meet them, which costs a repetition.

mod frames;
mod keys;
mod observe;
mod predict;
mod release;
mod templates;

pub use frames::{Framing, Order};
pub use predict::{Effort, Predictor};
pub use release::{Release, releases};

/// Names of what a transaction touches ([`crate::execution::parallel::account_key`], [`crate::execution::parallel::slot_key`]).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessSet {
    /// Read and not written.
    pub reads: Vec<u64>,
    /// Read and written, or written blindly.
    pub writes: Vec<u64>,
    /// Balances that grow by an amount, whatever they are: they meet readers and writers, but not each other.
    pub sums: Vec<u64>,
}

impl AccessSet {
    /// How many names.
    pub fn len(&self) -> usize {
        self.reads.len() + self.writes.len() + self.sums.len()
    }

    /// Whether it touches nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What is known of a transaction before it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prediction {
    /// It will touch these, unless state moves underneath.
    Known(AccessSet),
    /// Nothing is known: it runs optimistically.
    Unknown,
}
