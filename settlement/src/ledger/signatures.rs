//! Signatures apart from the rules: a check lists what must have been signed, and a verifier says whether it was. So signatures come
//! last, can be verified in a batch or found in a memory of those already verified, and can be counted.

use crate::digest::sha256;
use crate::keys::{self, SignatureError};
use crate::limits::SIGNATURES_REMEMBERED_MAX;
use core::fmt;
use plinth_types::digest::Digest;
use plinth_types::id::{PublicKey, Signature};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// One signature that a block stands on.
#[derive(Clone, Debug)]
pub struct Claim {
    /// Place of its transaction in the block, from 0.
    pub index: usize,
    /// In which role the key signed.
    pub signer: Signer,
    /// Whose it should be.
    pub key: PublicKey,
    /// What was signed; receipts of one header share it.
    pub signed_bytes: Arc<[u8]>,
    /// By the key.
    pub signature: Signature,
}

/// In which role a key signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// A deposit or an instruction.
    Owner,
    /// A header.
    Producer,
    /// A receipt, or a verdict.
    Validator,
    /// A decision.
    Governor,
    /// An attestation.
    Auditor,
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Owner => "owner's order",
            Self::Producer => "producer's header",
            Self::Validator => "validator's receipt",
            Self::Governor => "governor's approval",
            Self::Auditor => "auditor's attestation",
        })
    }
}

/// Verifies signatures.
pub trait Verifier {
    /// Checks all claims.
    ///
    /// # Errors
    ///
    /// The place in `claims` of one that does not hold; the first one, where the verifier can tell.
    fn verify(&mut self, claims: &[Claim]) -> Result<(), usize>;
}

/// Verifies one signature after the other, and counts them.
#[derive(Clone, Copy, Debug, Default)]
pub struct OneByOne {
    /// Signatures verified so far, good or bad.
    pub verified_count: u64,
}

impl Verifier for OneByOne {
    fn verify(&mut self, claims: &[Claim]) -> Result<(), usize> {
        for (at, claim) in claims.iter().enumerate() {
            self.verified_count += 1;
            if claim.verify().is_err() {
                return Err(at);
            }
        }
        Ok(())
    }
}

/// Verifies what it has not verified before. It remembers the last [`SIGNATURES_REMEMBERED_MAX`] valid signatures, so a receipt that
/// came in alone costs nothing in the block that carries it.
#[derive(Debug, Default)]
pub struct Remembering {
    known: BTreeSet<Digest>,
    /// Oldest first.
    order: VecDeque<Digest>,
    verified_count: u64,
}

impl Remembering {
    /// Checks one signature.
    ///
    /// # Errors
    ///
    /// [`SignatureError`].
    pub fn check(&mut self, key: &PublicKey, signed_bytes: &[u8], signature: &Signature) -> Result<(), SignatureError> {
        // Key and signature have fixed sizes, so no two different claims have the same bytes here.
        let claim = sha256(&[b"plinth/verified/1", &key.0, &signature.0, signed_bytes]);
        if self.known.contains(&claim) {
            return Ok(());
        }
        self.verified_count += 1;
        keys::verify(key, signed_bytes, signature)?;
        if self.order.len() >= SIGNATURES_REMEMBERED_MAX {
            let oldest = self.order.pop_front();
            oldest.map(|oldest| self.known.remove(&oldest));
        }
        self.known.insert(claim);
        self.order.push_back(claim);
        Ok(())
    }

    /// Signatures verified so far, good or bad; those remembered are not counted again.
    #[must_use]
    pub const fn verified_count(&self) -> u64 {
        self.verified_count
    }
}

impl Verifier for Remembering {
    fn verify(&mut self, claims: &[Claim]) -> Result<(), usize> {
        let invalid = |claim: &Claim| self.check(&claim.key, &claim.signed_bytes, &claim.signature).is_err();
        claims.iter().position(invalid).map_or(Ok(()), Err)
    }
}

impl Claim {
    /// Checks this one.
    ///
    /// # Errors
    ///
    /// [`SignatureError`].
    pub fn verify(&self) -> Result<(), SignatureError> {
        keys::verify(&self.key, &self.signed_bytes, &self.signature)
    }
}
