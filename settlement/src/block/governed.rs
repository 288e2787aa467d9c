//! What k of n genesis keys decide, and their signatures.
//!
//! Until a governance of stake exists this is the authority over freezes, committees and keys, and it is shown as such.

use crate::keys::SecretKey;
use crate::limits::{GOVERNORS_MAX, VALIDATORS_MAX};
use plinth_types::codec::{Codec, DecodeError, Reader, encode_count};
use plinth_types::id::{ChainId, PublicKey, Signature};

/// A decision with the signatures of those who made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GovernedTransaction {
    /// The count of decisions, from 1; each number is used once.
    pub nonce: u64,
    /// What is decided.
    pub action: Action,
    /// Who decided, ascending by key.
    pub approvals: Vec<Approval>,
}

/// What can be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The committee of the first epoch that is not yet frozen: with this decision in epoch e, the one of epoch e + 2.
    SetCommittee {
        /// Its keys, ascending.
        validators: Vec<PublicKey>,
    },
}

/// One governor's signature over [`GovernedTransaction::signed_bytes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Whose.
    pub governor: PublicKey,
    /// Its signature.
    pub signature: Signature,
}

impl GovernedTransaction {
    /// Domain of the governors' signatures.
    pub const DOMAIN: &'static [u8] = b"plinth/governed/1";

    /// Signs with these keys.
    #[must_use]
    pub fn sign<'a>(nonce: u64, action: Action, chain: ChainId, keys: impl IntoIterator<Item = &'a SecretKey>) -> Self {
        let mut transaction = Self { nonce, action, approvals: Vec::new() };
        let bytes = transaction.signed_bytes(chain);
        let approve = |key: &SecretKey| Approval { governor: key.public_key(), signature: key.sign(&bytes) };
        transaction.approvals = keys.into_iter().map(approve).collect();
        transaction.approvals.sort_by_key(|approval| approval.governor);
        transaction
    }

    /// What each governor signs: domain, chain, number, action.
    #[must_use]
    pub fn signed_bytes(&self, chain: ChainId) -> Vec<u8> {
        let mut out = Self::DOMAIN.to_vec();
        chain.encode(&mut out);
        self.nonce.encode(&mut out);
        self.action.encode(&mut out);
        out
    }
}

impl Codec for GovernedTransaction {
    fn encode(&self, out: &mut Vec<u8>) {
        self.nonce.encode(out);
        self.action.encode(out);
        encode_count(self.approvals.len(), out);
        for Approval { governor, signature } in &self.approvals {
            governor.encode(out);
            signature.encode(out);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (nonce, action) = (Codec::read(reader)?, Codec::read(reader)?);
        let count = reader.count("approvals", GOVERNORS_MAX)?;
        let mut approvals = Vec::new();
        for _ in 0..count {
            approvals.push(Approval { governor: Codec::read(reader)?, signature: Codec::read(reader)? });
        }
        Ok(Self { nonce, action, approvals })
    }
}

impl Codec for Action {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::SetCommittee { validators } => {
                1_u8.encode(out);
                encode_count(validators.len(), out);
                validators.iter().for_each(|key| key.encode(out));
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::read(reader)? {
            1 => {
                let count = reader.count("validators", VALIDATORS_MAX)?;
                let mut validators = Vec::new();
                for _ in 0..count {
                    validators.push(Codec::read(reader)?);
                }
                Ok(Self::SetCommittee { validators })
            }
            _ => Err(reader.invalid("action tag")),
        }
    }
}
