//! The light client: from what it trusts to one fact, with no ledger and no store in between. Sans-IO, but for [`Asking`].
//!
//! ```text
//!  genesis ──► committees of epochs 0, 1 ── Succession 1 ──► committee of 2 ── Succession 2 ──► …            each certified by its own epoch
//!  group key ── handovers ──► newest group key ── checkpoint ──► state ── Anchor ──► committees of e, e + 1
//!                                                                                        │
//!  committee of e ── 2f+1 ed25519 ──► certificate ─► last head ─parent─► … ─► first head ─► pre_state ──► proof ─► fact
//! ```
//!
//! * **Nothing is believed**: whoever answers can refuse or be late, and cannot lie about a fact that is, or is not.
//! * **Two roads to the committee at work.** From a genesis, or from where an earlier run was, epoch by epoch ([`Succession`]): believes votes
//!   alone. From one public key ([`Anchor`]): a few signatures however long the chain is, and the dealers of the groups are trusted
//!   ([`crate::checkpoint`]). Validators take the first road only.
//! * **No epoch is left out, none comes twice**: a committee is what the committee before says, so a gap, an old step and one that somebody
//!   else signed are each refused.
//! * **Never backwards**: a client keeps the newest [`Seen`] and refuses what is older, or another block of the same height.
//! * What is shown is the state behind one block, named in the answer; it may have changed since. A [`Receipt`] shows the same again, at any
//!   time and to anybody who has the same [`Root`].
//!
//! Known limitations: as for every chain of signatures, 2f+1 keys of an old committee that are stolen later can make up another
//! succession from that epoch on, for a client that has not seen the true one. A client that keeps what it has seen ([`Trusted`]) and asks
//! within days is not fooled by keys of years ago; one that begins at genesis should begin at a key or a memory of somebody it trusts.

mod anchor;
mod ask;
mod receipt;
mod start;
mod succession;
mod trusted;

pub use anchor::{Anchor, AnchorError};
pub use ask::{Asking, FollowError, follow};
pub use receipt::{Receipt, ReceiptError};
pub use start::{Root, Start, StartError};
pub use succession::{NamedError, Succession};
pub use trusted::{EPOCHS_KEPT, Seen, TRUSTED_SIZE_MAX, Trusted};

use crate::block::Head;
use crate::consensus::verifier_under;
use crate::digest::to_consensus;
use crate::genesis::Genesis;
use crate::store::{FactProof, ProofError, Proven};
use crate::wire::CertifiedHeads;
use commonware_parallel::Sequential;
use plinth_types::id::{Epoch, Height};
use thiserror::Error;

/// Checks answers of one chain.
#[derive(Clone, Debug)]
pub struct LightClient {
    trusted: Trusted,
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
    /// The certificate is not signed by 2f+1 validators of its epoch.
    #[error("the certificate of block {height} does not hold")]
    Certificate {
        /// Of which block.
        height: Height,
    },
    /// The committee of that epoch is not known yet: there are steps to be made first ([`follow`]).
    #[error("a certificate of epoch {epoch}, and the committees are known up to epoch {last}")]
    EpochAhead {
        /// The certificate's.
        epoch: Epoch,
        /// The last known.
        last: Epoch,
    },
    /// The committee of that epoch is known no more.
    #[error("a certificate of epoch {epoch}, and epoch {first} is the first that is still known")]
    EpochPast {
        /// The certificate's.
        epoch: Epoch,
        /// The first known.
        first: Epoch,
    },
    /// A step from another epoch than the last one.
    #[error("a step from epoch {epoch}, the next one is from epoch {last}")]
    Step {
        /// The step's.
        epoch: Epoch,
        /// The last known.
        last: Epoch,
    },
    /// A certified step that leads elsewhere than the one that was made: more than a third of a committee were Byzantine.
    #[error("two committees of epoch {epoch}, both certified")]
    TwoCommittees {
        /// Which epoch's.
        epoch: Epoch,
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
    /// The step's proof names no committee.
    #[error(transparent)]
    Named(#[from] NamedError),
}

impl LightClient {
    /// Goes on from what an earlier run trusted and saw.
    #[must_use]
    pub const fn new(trusted: Trusted) -> Self {
        Self { trusted }
    }

    /// Trusts the validators of a genesis.
    #[must_use]
    pub fn of_genesis(genesis: &Genesis) -> Self {
        Self::new(Trusted::of_genesis(genesis))
    }

    /// What it trusts and has seen now.
    #[must_use]
    pub const fn trusted(&self) -> &Trusted {
        &self.trusted
    }

    /// What was seen last.
    #[must_use]
    pub const fn newest(&self) -> Option<Seen> {
        self.trusted.newest
    }

    /// What the proof shows of the fact `key`, and behind which block.
    ///
    /// # Errors
    ///
    /// [`LightError`].
    pub fn fact(&mut self, key: &[u8], certified: &CertifiedHeads, proof: FactProof) -> Result<(Seen, Proven), LightError> {
        let seen = self.check(certified)?;
        let proven = proof.verify(key, seen.root)?;
        self.trusted.newest = Some(seen);
        Ok((seen, proven))
    }

    /// The state that the heads certify.
    ///
    /// # Errors
    ///
    /// [`LightError`].
    pub fn check(&self, certified: &CertifiedHeads) -> Result<Seen, LightError> {
        let seen = self.certified(certified)?;
        match self.trusted.newest {
            Some(newest) if seen.height < newest.height => Err(LightError::Older { height: seen.height, newest: newest.height }),
            Some(newest) if is_other(&seen, &newest) => Err(LightError::Fork { height: seen.height }),
            Some(_) | None => Ok(seen),
        }
    }

    /// Goes one epoch on, and says which state showed the way.
    ///
    /// # Errors
    ///
    /// [`LightError`]; nothing changes then.
    pub fn take(&mut self, step: &Succession) -> Result<Seen, LightError> {
        let (epoch, last) = (step.epoch(), self.trusted.last());
        if epoch > last {
            return Err(LightError::Step { epoch, last });
        }
        let seen = self.certified(&step.certified)?;
        let committee = step.named()?;
        if epoch < last {
            let known = self.trusted.committee_of(epoch.next());
            let error = if known.is_some_and(|known| *known != committee) {
                LightError::TwoCommittees { epoch: epoch.next() }
            } else {
                LightError::Step { epoch, last }
            };
            return Err(error);
        }
        if self.trusted.newest.is_some_and(|newest| is_other(&seen, &newest)) {
            return Err(LightError::Fork { height: seen.height });
        }
        self.trusted.extend(committee);
        Ok(seen)
    }

    /// The state that the heads certify, however old it is.
    fn certified(&self, certified: &CertifiedHeads) -> Result<Seen, LightError> {
        let CertifiedHeads { heads, certificate } = certified;
        let (Some(first), Some(last)) = (heads.first(), heads.last()) else {
            return Err(LightError::Chain { height: Height::new(0) });
        };
        let follows =
            |pair: &&[Head]| pair[1].parent == pair[0].id() && pair[0].height.get().checked_add(1) == Some(pair[1].height.get());
        if let Some(pair) = heads.windows(2).find(|pair| !follows(pair)) {
            return Err(LightError::Chain { height: pair[1].height });
        }
        let height = last.height;
        if certificate.proposal.payload != to_consensus(last.id()) {
            return Err(LightError::OtherBlock { height });
        }
        let epoch = certified.epoch();
        let Some(committee) = self.trusted.committee_of(epoch) else {
            let Trusted { first, .. } = self.trusted;
            let last = self.trusted.last();
            return Err(if epoch > last { LightError::EpochAhead { epoch, last } } else { LightError::EpochPast { epoch, first } });
        };
        let scheme = verifier_under(self.trusted.genesis, committee);
        if !certificate.verify(&mut rand::rng(), &scheme, &Sequential) {
            return Err(LightError::Certificate { height });
        }
        certified.seen().ok_or(LightError::Chain { height: first.height })
    }
}

/// Whether one of them is of a fork.
fn is_other(seen: &Seen, newest: &Seen) -> bool {
    seen.height == newest.height && (seen.block, seen.root) != (newest.block, newest.root)
}
