//! A validator's word that it has a zone block's body and that the body re-encodes to the header's shard root.
//!
//! ```text
//! BodyStatement  what is said: chain, zone, height, header id, shard root
//! Receipt        who says it: validator, signature            stands behind a header in a settlement block
//! SignedReceipt  both                                          what validators send each other
//! ```
//!
//! 2f+1 receipts let a header into a block: among them are f+1 of honest validators, whose shards rebuild the body.

use crate::committee::Committee;
use crate::keys::{self, SecretKey, SignatureError};
use crate::limits::HEADER_RECEIPTS_MAX;
use plinth_types::block::ZoneHeader;
use plinth_types::codec::{Codec, DecodeError, Reader, encode_count};
use plinth_types::digest::Digest;
use plinth_types::id::{ChainId, Height, PublicKey, Signature, ZoneId};

/// What a receipt says of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BodyStatement {
    /// On which chain.
    pub chain: ChainId,
    /// Of which zone.
    pub zone: ZoneId,
    /// At which height of the zone.
    pub height: Height,
    /// SHA-256 of the header's signed bytes.
    pub header: Digest,
    /// What the body re-encodes to.
    pub shard_root: Digest,
}

/// One validator's signature under a [`BodyStatement`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Whose.
    pub validator: PublicKey,
    /// Over [`BodyStatement::signed_bytes`].
    pub signature: Signature,
}

/// A receipt with what it says, as validators send it to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedReceipt {
    /// What is said.
    pub statement: BodyStatement,
    /// Who says it.
    pub receipt: Receipt,
}

/// Why a list of receipts is no quorum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuorumError {
    /// Too few.
    #[error("{count} receipts, {count_min} are needed")]
    TooFew {
        /// How many there are.
        count: usize,
        /// 2f + 1.
        count_min: usize,
    },
    /// Receipts ascend by validator, so that none counts twice and one set has one encoding.
    #[error("receipt {index} is not in ascending order of validators")]
    NotAscending {
        /// The first that is not.
        index: usize,
    },
    /// Not in the genesis.
    #[error("receipt {index} is of {validator}, which is no validator")]
    NotAValidator {
        /// Its place.
        index: usize,
        /// Its key.
        validator: PublicKey,
    },
    /// Not among the zone's.
    #[error("signature {index} is of {auditor}, which is no auditor of the zone")]
    NotAnAuditor {
        /// Its place.
        index: usize,
        /// Its key.
        auditor: PublicKey,
    },
}

impl BodyStatement {
    /// Domain of the validator's signature.
    pub const DOMAIN: &'static [u8] = b"plinth/body-receipt/1";

    /// What is to be said of the body of `header`, whose id is `id`.
    #[must_use]
    pub const fn of(header: &ZoneHeader, id: Digest) -> Self {
        Self { chain: header.chain, zone: header.zone, height: header.height, header: id, shard_root: header.shard_root }
    }

    /// What a validator signs: domain, statement.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        let mut out = Self::DOMAIN.to_vec();
        self.encode(&mut out);
        out
    }

    /// Signs. The caller has checked the body: see [`crate::body::CheckedBody::sign`], which is the only caller outside tests.
    #[must_use]
    pub fn sign(self, key: &SecretKey) -> SignedReceipt {
        let receipt = Receipt { validator: key.public_key(), signature: key.sign(&self.signed_bytes()) };
        SignedReceipt { statement: self, receipt }
    }
}

impl SignedReceipt {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;

    /// Checks the signature, not that the signer is a validator.
    ///
    /// # Errors
    ///
    /// [`SignatureError`].
    pub fn verify(&self) -> Result<(), SignatureError> {
        keys::verify(&self.receipt.validator, &self.statement.signed_bytes(), &self.receipt.signature)
    }
}

/// Checks that receipts are enough, of distinct validators, and in order; not their signatures.
///
/// # Errors
///
/// [`QuorumError`].
pub fn check_quorum(receipts: &[Receipt], committee: &Committee) -> Result<(), QuorumError> {
    let (count, count_min) = (receipts.len(), usize::from(committee.count().receipts_min()));
    if count < count_min {
        return Err(QuorumError::TooFew { count, count_min });
    }
    for (index, Receipt { validator, .. }) in receipts.iter().enumerate() {
        if index > 0 && receipts[index - 1].validator >= *validator {
            return Err(QuorumError::NotAscending { index });
        }
        if !committee.contains(validator) {
            return Err(QuorumError::NotAValidator { index, validator: *validator });
        }
    }
    Ok(())
}

impl Codec for BodyStatement {
    fn encode(&self, out: &mut Vec<u8>) {
        self.chain.encode(out);
        self.zone.encode(out);
        self.height.encode(out);
        self.header.encode(out);
        self.shard_root.encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            chain: Codec::read(reader)?,
            zone: Codec::read(reader)?,
            height: Codec::read(reader)?,
            header: Codec::read(reader)?,
            shard_root: Codec::read(reader)?,
        })
    }
}

impl Codec for Receipt {
    fn encode(&self, out: &mut Vec<u8>) {
        self.validator.encode(out);
        self.signature.encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { validator: Codec::read(reader)?, signature: Codec::read(reader)? })
    }
}

impl Codec for SignedReceipt {
    fn encode(&self, out: &mut Vec<u8>) {
        Self::VERSION.encode(out);
        self.statement.encode(out);
        self.receipt.encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if u8::read(reader)? != Self::VERSION {
            return Err(reader.invalid("receipt version"));
        }
        Ok(Self { statement: Codec::read(reader)?, receipt: Codec::read(reader)? })
    }
}

pub(crate) fn encode_receipts(receipts: &[Receipt], out: &mut Vec<u8>) {
    encode_count(receipts.len(), out);
    receipts.iter().for_each(|receipt| receipt.encode(out));
}

pub(crate) fn read_receipts(reader: &mut Reader<'_>) -> Result<Vec<Receipt>, DecodeError> {
    let count = reader.count("receipts", HEADER_RECEIPTS_MAX)?;
    let mut receipts = Vec::new();
    for _ in 0..count {
        receipts.push(Receipt::read(reader)?);
    }
    Ok(receipts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn committee() -> (Vec<SecretKey>, Committee) {
        let keys: Vec<_> = (1..=4).map(|byte| SecretKey::from_seed([byte; 32])).collect();
        let committee = Committee::new(keys.iter().map(SecretKey::public_key).collect()).unwrap();
        (keys, committee)
    }

    fn statement() -> BodyStatement {
        let (header, shard_root) = (Digest([1; 32]), Digest([2; 32]));
        BodyStatement { chain: ChainId::new(7), zone: ZoneId::TRADING, height: Height::new(3), header, shard_root }
    }

    #[test]
    fn a_receipt_says_one_thing() {
        let (keys, _) = committee();
        let signed = statement().sign(&keys[0]);
        assert_eq!(signed.verify(), Ok(()));
        let others = [
            BodyStatement { chain: ChainId::new(8), ..statement() },
            BodyStatement { zone: ZoneId::new(2), ..statement() },
            BodyStatement { height: Height::new(4), ..statement() },
            BodyStatement { header: Digest::ZERO, ..statement() },
            BodyStatement { shard_root: Digest::ZERO, ..statement() },
        ];
        for statement in others {
            assert!(SignedReceipt { statement, ..signed }.verify().is_err(), "{statement:?}");
        }
    }

    #[test]
    fn a_quorum_is_three_distinct_validators_of_four() {
        let (keys, committee) = committee();
        let mut receipts: Vec<_> = keys.iter().map(|key| statement().sign(key).receipt).collect();
        receipts.sort_by_key(|receipt| receipt.validator);
        assert_eq!(check_quorum(&receipts, &committee), Ok(()));
        assert_eq!(check_quorum(&receipts[1..], &committee), Ok(()));
        assert_eq!(check_quorum(&receipts[2..], &committee), Err(QuorumError::TooFew { count: 2, count_min: 3 }));
        let twice = [receipts[0], receipts[1], receipts[1]];
        assert_eq!(check_quorum(&twice, &committee), Err(QuorumError::NotAscending { index: 2 }));
        let mut stranger = receipts.clone();
        stranger[0] = statement().sign(&SecretKey::from_seed([9; 32])).receipt;
        stranger.sort_by_key(|receipt| receipt.validator);
        assert!(matches!(check_quorum(&stranger, &committee), Err(QuorumError::NotAValidator { .. })));
    }
}
