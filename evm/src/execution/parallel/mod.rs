//! The parallel executor.
//!
//! # How it works
//!
//! Every transaction carries a **release**: how many transactions before it must be committed until it may start ([`crate::schedule`] computes
//! it from predicted access sets; a wrong or missing prediction is allowed). Workers take released transactions, lowest first, and execute
//! them against the [`overlay`]: the base state and, above it, what is committed so far. They note each value they read. Finished transactions
//! are **committed strictly in block order**, by whichever worker comes by: the commit checks that every value read is still the value, and
//! only then writes. If one differs, the transaction runs again on the spot, where all before it are committed and nothing else moves.
//!
//! # Why a block equals the serial one
//!
//! By induction over the commit order. When transaction `i` is committed the overlay holds exactly the state after `0..i`. Its effects are a
//! function of the values it read (code is named by its hash, block hashes do not change), and each of those was compared with that state, or
//! read from it. So its effects are those of the serial execution, whatever it saw while it ran, however the predictions erred and however
//! threads interleaved. Predictions and scheduling decide speed alone.
//!
//! Two effects are sums and not values, so that they conflict with nobody: the beneficiary's fees ([`fees`]) and the recipient's balance in a
//! plain transfer ([`transfer`]). The commit adds them to the committed value. Whoever reads such an account reads, and is checked against,
//! the sum.
//!
//! # Promises
//!
//! - The result is the same for any number of workers, any release values, any interleaving (`tests/parallel_equals_serial.rs`; the unkind ones
//!   through [`execute_interleaved`]).
//! - A worker that panics ends the block: the panic is passed on, the others leave.
//! - Nothing is read but the base state and the transactions: no clock, no random number.
//!
//! # Known limitations
//!
//! - Commits are in order, so one long transaction holds back the commits, and therefore the dependants, of later ones.
//! - The hot slots of a contract (one pool, one ERC-20 recipient) are values, not sums: such transactions run one after another.
//! - A transaction that reads the beneficiary's balance waits for all before it.

mod commit;
mod database;
mod fees;
mod keys;
mod overlay;
mod queue;
mod transfer;
mod worker;

pub use keys::{account_key, slot_key};
pub use worker::{Pool, PoolError, Stats, execute, execute_interleaved};
