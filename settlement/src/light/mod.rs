//! The light client: from what it trusts to one fact, with no ledger and no store in between. Sans-IO, but for [`Asking`].
//!
//! ```text
//!  committee (genesis) ── 2f+1 ed25519 ──► certificate ─► last head ─parent─► … ─► first head ─► pre_state ──► proof ─► fact
//! ```
//!
//! * **Nothing is believed**: whoever answers can refuse or be late, and cannot lie about a fact that is, or is not.
//! * **Never backwards**: a client keeps the newest [`Seen`] and refuses what is older, or another block of the same height.
//! * What is shown is the state behind one block, named in the answer; it may have changed since.

mod ask;

pub use ask::Asking;

use crate::block::Head;
use crate::consensus::{Scheme, verifier};
use crate::digest::to_consensus;
use crate::genesis::Genesis;
use crate::store::{FactProof, ProofError, Proven};
use crate::wire::CertifiedHeads;
use commonware_parallel::Sequential;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, TimestampNs};
use thiserror::Error;

/// Checks answers of one chain.
#[derive(Clone, Debug)]
pub struct LightClient {
    scheme: Scheme,
    newest: Option<Seen>,
}

/// A state of which a certificate was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The block that it is behind: the certified heads follow it.
    pub height: Height,
    /// The block's id.
    pub block: Digest,
    /// Time of the first block that follows it.
    pub time: TimestampNs,
    /// The state's root.
    pub root: Digest,
}

/// Why an answer shows nothing.
#[derive(Debug, Error)]
pub enum LightError {
    /// Heads that do not follow each other.
    #[error("head {height} does not follow the one before")]
    Chain {
        /// The first that does not.
        height: Height,
    },
    /// The certificate is of another block.
    #[error("the certificate is not of block {height}")]
    OtherBlock {
        /// The last head's height.
        height: Height,
    },
    /// The certificate is not signed by 2f+1 validators of this chain.
    #[error("the certificate of block {height} does not hold")]
    Certificate {
        /// Of which block.
        height: Height,
    },
    /// Older than what was seen.
    #[error("the answer is behind height {height}, and height {newest} was seen")]
    Older {
        /// The answer's.
        height: Height,
        /// The newest seen.
        newest: Height,
    },
    /// Another block than was seen at this height: more than a third of the validators are Byzantine.
    #[error("another block of height {height} than the one seen")]
    Fork {
        /// Where.
        height: Height,
    },
    /// The proof does not hold.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

impl LightClient {
    /// Trusts the validators of a genesis; `newest` is what an earlier run saw.
    #[must_use]
    pub fn new(genesis: &Genesis, newest: Option<Seen>) -> Self {
        Self { scheme: verifier(genesis), newest }
    }

    /// What was seen last.
    #[must_use]
    pub const fn newest(&self) -> Option<Seen> {
        self.newest
    }

    /// What the proof shows of the fact `key`, and behind which block.
    ///
    /// # Errors
    ///
    /// [`LightError`].
    pub fn fact(&mut self, key: &[u8], certified: &CertifiedHeads, proof: FactProof) -> Result<(Seen, Proven), LightError> {
        let seen = self.check(certified)?;
        let proven = proof.verify(key, seen.root)?;
        self.newest = Some(seen);
        Ok((seen, proven))
    }

    /// The state that the heads certify.
    ///
    /// # Errors
    ///
    /// [`LightError`].
    pub fn check(&self, certified: &CertifiedHeads) -> Result<Seen, LightError> {
        let CertifiedHeads { heads, certificate } = certified;
        let (Some(first), Some(last)) = (heads.first(), heads.last()) else {
            return Err(LightError::Chain { height: Height::new(0) });
        };
        let follows = |pair: &&[Head]| pair[1].parent == pair[0].id() && pair[1].height == pair[0].height.next();
        if let Some(pair) = heads.windows(2).find(|pair| !follows(pair)) {
            return Err(LightError::Chain { height: pair[1].height });
        }
        let height = last.height;
        if certificate.proposal.payload != to_consensus(last.id()) {
            return Err(LightError::OtherBlock { height });
        }
        if !certificate.verify(&mut rand::rng(), &self.scheme, &Sequential) {
            return Err(LightError::Certificate { height });
        }
        let before = Height::new(first.height.get().checked_sub(1).ok_or(LightError::Chain { height: first.height })?);
        let seen = Seen { height: before, block: first.parent, time: first.time, root: first.pre_state };
        match self.newest {
            Some(newest) if seen.height < newest.height => Err(LightError::Older { height: seen.height, newest: newest.height }),
            Some(newest) if seen.height == newest.height && (seen.block, seen.root) != (newest.block, newest.root) => {
                Err(LightError::Fork { height: seen.height })
            }
            Some(_) | None => Ok(seen),
        }
    }
}
