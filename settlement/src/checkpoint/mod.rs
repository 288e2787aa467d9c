//! What a light client needs of the base layer: one signature of constant size, checked with one public key.
//!
//! ```text
//! Statement   version u8 │ chain u64 │ epoch u64 │ height u64 │ block 32 │ time u64 │ state 32          97 bytes
//! Checkpoint  statement │ signature 48                                                                145 bytes
//!
//! polynomial ──constant term──► GroupKey: all that a light client holds (96 bytes)
//!     │ value at i                                                     ▲ verifies
//!     └────────► public share of validator i ── verifies ── Partial ──recover (2f+1)──► GroupSignature
//! ```
//!
//! * **Votes stay attributable.** Consensus votes with ed25519, so that a certificate names its signers. The group signs only what is
//!   final already: every k-th block.
//! * **`state` is the root of all facts behind the block**: what the next block carries as `pre_state`, known without waiting for that block. Each
//!   signer has executed the block, so a checkpoint says both "this block is final" and "this is where it leads".
//! * **2f+1 partial signatures make one signature**, whichever they are: the same bytes for every set of signers, so checkpoints of one
//!   height are equal everywhere, and how many validators there are does not show.
//! * BLS12-381 with signatures in G1 (48 bytes) and keys in G2 (96 bytes); the group check of every point happens where it is decoded.
//! * [`Handover`]: when the key changes, the old group signs the new key. A light client that holds one key walks the chain of them:
//!   [`Keys`].
//!
//! What is trusted: the dealer of a group's shares ([`deal`]) knew the group's secret and is trusted to have forgotten it; with it,
//! checkpoints can be forged, though no block, vote or balance. A validator follows certificates of votes, never checkpoints.
//!
//! Known limitations: shares are dealt, not generated together, and not reshared when the committee changes: a new committee gets a new
//! group from a dealer, certified by the old one.

mod group;
mod handover;
mod text;
mod walk;

pub use group::{GroupKey, GroupSignature, Partial, Polynomial, RecoverError, Share, deal};
pub use handover::{Handover, HandoverError};
pub use text::{GroupTextError, ShareTextError};
pub use walk::{Keys, WalkError};

use plinth_types::codec::Codec;
use plinth_types::digest::Digest;
use plinth_types::id::{ChainId, Height, TimestampNs};
use plinth_types::record;

/// What the group says of a finalized block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// On which chain.
    pub chain: ChainId,
    /// In which epoch, so by which committee, the block was made final.
    pub epoch: u64,
    /// Of which height.
    pub height: Height,
    /// Id of the block: SHA-256 of domain and head.
    pub block: Digest,
    /// The block's time.
    pub time: TimestampNs,
    /// Root of all facts behind the block: the `pre_state` of the next one.
    pub state: Digest,
}

/// A finalized block, for those who know the group's key and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// What is said.
    pub statement: Statement,
    /// By at least 2f+1 validators together.
    pub signature: GroupSignature,
}

/// The signature is not the group's over this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the checkpoint of height {height} is not signed by this group")]
pub struct CheckpointError {
    /// Which.
    pub height: Height,
}

impl Statement {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;
    /// What partial and group signatures are made under.
    pub const NAMESPACE: &'static [u8] = b"plinth/checkpoint/1";
    /// Bytes of the encoding.
    pub const SIZE: usize = 1 + 8 + 8 + 8 + 32 + 8 + 32;

    /// This validator's part of the group's signature.
    #[must_use]
    pub fn sign(&self, share: &Share) -> Partial {
        share.sign(Self::NAMESPACE, &self.to_bytes())
    }

    /// Puts partial signatures together; names those that are wrong.
    ///
    /// # Errors
    ///
    /// [`RecoverError`]: too few, or some are wrong.
    pub fn recover(&self, polynomial: &Polynomial, partials: &[Partial]) -> Result<Checkpoint, RecoverError> {
        let signature = polynomial.recover(Self::NAMESPACE, &self.to_bytes(), partials)?;
        Ok(Checkpoint { statement: *self, signature })
    }
}

impl Checkpoint {
    /// Bytes of the encoding.
    pub const SIZE: usize = Statement::SIZE + GroupSignature::SIZE;

    /// Checks that the holders of `key` signed this. Two pairings.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`].
    pub fn verify(&self, key: &GroupKey) -> Result<(), CheckpointError> {
        let signed = key.verifies(Statement::NAMESPACE, &self.statement.to_bytes(), &self.signature);
        if signed { Ok(()) } else { Err(CheckpointError { height: self.statement.height }) }
    }
}

record!(Statement { chain, epoch, height, block, time, state }, version "checkpoint version");

record!(Checkpoint { statement, signature });
