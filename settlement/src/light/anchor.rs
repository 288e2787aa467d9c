//! From one public key to the committee at work: the newest checkpoint, and what its state says of the validators.
//!
//! ```text
//! version u8 │ checkpoint 145 │ proof of Head │ proof of Committee(e) │ proof of Committee(e + 1)         e: the epoch of the checkpoint
//! ```

use super::succession::{NamedError, committee_in};
use super::{LightClient, Seen, Trusted};
use crate::checkpoint::{Checkpoint, CheckpointError, Keys};
use crate::ledger::facts::{Fact, FactKey, Head};
use crate::store::{FactProof, ProofError, Proven};
use plinth_types::codec::Codec as _;
use plinth_types::id::{Epoch, Height};
use plinth_types::record;
use thiserror::Error;

/// A checkpoint, and proofs of what a light client needs of the state that it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Signed by the group of its height.
    pub checkpoint: Checkpoint,
    /// Of the chain: its genesis, under which votes are signed.
    pub head: FactProof,
    /// Of the committee of the checkpoint's epoch.
    pub committee: FactProof,
    /// Of the committee of the epoch after.
    pub next: FactProof,
}

/// Why an anchor holds nothing.
#[derive(Debug, Error)]
pub enum AnchorError {
    /// The checkpoint is not the group's.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A proof does not hold.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// A committee is none.
    #[error(transparent)]
    Named(#[from] NamedError),
    /// The state is behind another block than the checkpoint says: its signers are broken.
    #[error("the state of the checkpoint of height {0} is of another block")]
    OtherBlock(Height),
    /// An epoch that no chain reaches.
    #[error("the checkpoint is of epoch {0}")]
    Epoch(Epoch),
}

impl Anchor {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;
}

impl LightClient {
    /// Trusts a group's key, or one that follows from it: the checkpoint's state says who validates.
    ///
    /// # Errors
    ///
    /// [`AnchorError`].
    pub fn anchored(keys: &Keys, anchor: Anchor) -> Result<Self, AnchorError> {
        let Anchor { checkpoint, head, committee, next } = anchor;
        keys.verify(&checkpoint)?;
        let said = checkpoint.statement;
        let Proven::Present(value) = head.verify(&FactKey::Head.to_bytes(), said.state)? else {
            return Err(AnchorError::OtherBlock(said.height));
        };
        let Ok(Fact::Head(Head { genesis, block, height, .. })) = Fact::decode(&value) else {
            return Err(AnchorError::OtherBlock(said.height));
        };
        if (block, height) != (said.block, said.height) {
            return Err(AnchorError::OtherBlock(said.height));
        }
        let first = Epoch::new(said.epoch);
        let second = Epoch::new(said.epoch.checked_add(1).ok_or(AnchorError::Epoch(first))?);
        let committees = [committee_in(committee, first, said.state)?, committee_in(next, second, said.state)?].into();
        let newest = Some(Seen { height, block, time: said.time, root: said.state });
        Ok(Self::new(Trusted { chain: said.chain, genesis, first, committees, newest }))
    }
}

record!(Anchor { checkpoint, head, committee, next }, version "anchor version");
