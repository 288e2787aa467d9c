//! One step from an epoch to the next: the committee of epoch e certifies a state, and the state names the committee of e + 1.
//!
//! ```text
//! version u8 │ certified heads │ proof of the fact Committee(e + 1)
//! ```

use super::Seen;
use crate::committee::Committee;
use crate::keys;
use crate::ledger::facts::{Fact, FactKey};
use crate::store::{FactProof, ProofError, Proven};
use crate::wire::CertifiedHeads;
use plinth_types::codec::Codec as _;
use plinth_types::digest::Digest;
use plinth_types::id::{Epoch, PublicKey};
use plinth_types::record;
use thiserror::Error;

/// Who validates in the next epoch, by the word of the validators of this one.
#[derive(Clone, Debug)]
pub struct Succession {
    /// Blocks of which the last is certified in epoch e.
    pub certified: CertifiedHeads,
    /// That the state behind the block before the first of them names the committee of epoch e + 1.
    pub committee: FactProof,
}

/// A proof that shows no committee.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NamedError {
    /// It does not hold.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// It holds, and there is no such committee, or bytes that are none.
    #[error("the state names no committee of epoch {0}")]
    Nobody(Epoch),
    /// A key that nobody can sign with, which no ledger takes.
    #[error("the state names a validator of epoch {epoch} whose key {key} is none")]
    Key {
        /// Of which epoch.
        epoch: Epoch,
        /// The key.
        key: PublicKey,
    },
}

impl Succession {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;

    /// e, as the certificate says.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.certified.epoch()
    }

    /// The state that shows the way, if its heads are there; nothing of it is checked.
    pub(crate) fn seen(&self) -> Option<Seen> {
        self.certified.seen()
    }

    /// The committee of epoch e + 1 that the state of the first head's root names. The root is worth what the certificate is.
    ///
    /// # Errors
    ///
    /// [`NamedError`].
    pub fn named(&self) -> Result<Committee, NamedError> {
        let root = self.certified.heads.first().map_or(Digest::ZERO, |first| first.pre_state);
        let epoch = self.epoch();
        let next = epoch.get().checked_add(1).map(Epoch::new).ok_or(NamedError::Nobody(epoch))?;
        committee_in(self.committee.clone(), next, root)
    }
}

record!(Succession { certified, committee }, version "succession version");

/// The committee of an epoch that the state of this root names.
pub(super) fn committee_in(proof: FactProof, epoch: Epoch, root: Digest) -> Result<Committee, NamedError> {
    let Proven::Present(value) = proof.verify(&FactKey::Committee(epoch).to_bytes(), root)? else {
        return Err(NamedError::Nobody(epoch));
    };
    let Ok(Fact::Committee(committee)) = Fact::decode(&value) else { return Err(NamedError::Nobody(epoch)) };
    match committee.keys().iter().find(|key| keys::to_consensus(key).is_err()) {
        Some(&key) => Err(NamedError::Key { epoch, key }),
        None => Ok(committee),
    }
}
