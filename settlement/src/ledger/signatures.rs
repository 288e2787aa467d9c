//! Signatures apart from the rules: a check lists what must have been signed, and a verifier says whether it was. So signatures come
//! last, can be verified in a batch or found in a memory of those already verified, and can be counted.

use crate::keys::{self, SignatureError};
use core::fmt;
use plinth_types::id::{PublicKey, Signature};
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
    /// A deposit.
    Owner,
    /// A header.
    Producer,
    /// A receipt.
    Validator,
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Owner => "owner's deposit",
            Self::Producer => "producer's header",
            Self::Validator => "validator's receipt",
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
