//! Proofs of the trading zone's blocks: what provers are asked, what they give, and how it reaches the validators.
//!
//! ```text
//!  settlement ── available, not proven ──► ProofStage ── HEIGHT.wanted ──►┐
//!  validators ◄── header, proof ────────── ProofStage ◄── HEIGHT.proof ───┤ DATA/proving ◄──► plinth-prove, one or more
//!      └── 2f+1 words ──► verdict ──► settled ──► both files are removed
//! ```
//!
//! * [`Spool`]: the folder between this process and its provers. Provers are processes of their own and are believed nothing: what validators
//!   refuse is set aside, said, and asked for again.
//! * [`ProofStage`]: asks for the proofs of what is available, in order, and brings what has come.
//! * [`Prover`]: a prover that this process starts, and starts again when it ends.
//!
//! Nothing here is durable, and nothing has to be: what is wanted follows from the ledger, and a proof that is lost is made again.

mod child;
pub mod limits;
mod spool;
mod stage;

pub use child::{Prover, guest_image};
pub use spool::{Spool, SpoolError, ZoneFacts};
pub use stage::{ProofReport, ProofStage};
