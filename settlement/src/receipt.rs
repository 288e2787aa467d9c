//! A validator's word about a zone block's dispersed body.
//!
//! ```text
//! BodyStatement  which body: chain, zone, height, header id, shard root
//! Word           what is said of it: shard i checked and kept, rebuilt, or not opening under its key
//! Receipt        who says it: validator, signature            stands in a settlement block
//! SignedReceipt  all three                                     what validators send each other
//! ```
//!
//! * **2f+1 of [`Word::ShardChecked`] let a header into a block**: among them are f+1 of honest validators, whose shards rebuild the
//!   body. Each is a promise to keep the shard, so it is signed only when the shard is durable. It says which one of how many, so it is
//!   of no use to a committee in which that is not the signer's shard.
//! * **f+1 of [`Word::Rebuilt`] make it available**: at least one is of an honest validator that rebuilt the ciphertext, coded it again
//!   and found the header's root.
//! * **f+1 of [`Word::Unopenable`] halt the zone**: at least one is of an honest validator that opened the ciphertext with the key that
//!   the header commits to, and did not find the header's body. The key is in the word, so anyone can do the same.

use crate::committee::Committee;
use crate::dispersal::BodyKey;
use crate::keys::{self, SecretKey, SignatureError};
use crate::limits::HEADER_RECEIPTS_MAX;
use plinth_types::block::ZoneHeader;
use plinth_types::codec::{Codec, DecodeError, Reader, encode_count};
use plinth_types::digest::Digest;
use plinth_types::id::{ChainId, Height, PublicKey, Signature, ZoneId};
use plinth_types::record;

/// Which body a receipt is about.
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
    /// What the header commits to as the root of its shards.
    pub shard_root: Digest,
}

/// What a receipt says of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The signer has checked its own shard, the one of its place in the committee, and keeps it.
    ShardChecked {
        /// The signer's place.
        index: u16,
        /// Of so many: the shards of two committees' codes have nothing in common.
        count: u16,
    },
    /// The signer has rebuilt the ciphertext and coded it again to the root.
    Rebuilt,
    /// The ciphertext, opened with this key, to which the header commits, is not the header's body.
    Unopenable {
        /// The body's key.
        key: BodyKey,
    },
}

/// One validator's signature under a [`BodyStatement`] and [`Word`].
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
    /// Of which body.
    pub statement: BodyStatement,
    /// What is said.
    pub word: Word,
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
        /// 2f + 1 or f + 1, as the word asks.
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
    /// What is to be said of the body of `header`, whose id is `id`.
    #[must_use]
    pub const fn of(header: &ZoneHeader, id: Digest) -> Self {
        Self { chain: header.chain, zone: header.zone, height: header.height, header: id, shard_root: header.shard_root }
    }

    /// What a validator signs: the word's domain, the statement, what the word adds to it.
    #[must_use]
    pub fn signed_bytes(&self, word: Word) -> Vec<u8> {
        let mut out = word.domain().to_vec();
        self.encode(&mut out);
        word.encode_tail(&mut out);
        out
    }

    /// Signs. The caller knows what it says: outside tests that is the shard store's receipt and the rebuilder.
    #[must_use]
    pub fn sign(self, word: Word, key: &SecretKey) -> SignedReceipt {
        let receipt = Receipt { validator: key.public_key(), signature: key.sign(&self.signed_bytes(word)) };
        SignedReceipt { statement: self, word, receipt }
    }
}

impl Word {
    /// What a validator of this committee says of its shard; `None` if it is none.
    #[must_use]
    pub fn shard_checked(committee: &Committee, validator: &PublicKey) -> Option<Self> {
        committee.index_of(validator).map(|index| Self::ShardChecked { index, count: committee.count().get() })
    }

    /// Domain of the validator's signature.
    #[must_use]
    pub const fn domain(&self) -> &'static [u8] {
        match self {
            Self::ShardChecked { .. } => b"plinth/shard-receipt/1",
            Self::Rebuilt => b"plinth/rebuilt-receipt/1",
            Self::Unopenable { .. } => b"plinth/unopenable-receipt/1",
        }
    }

    fn encode_tail(&self, out: &mut Vec<u8>) {
        match self {
            Self::ShardChecked { index, count } => {
                index.encode(out);
                count.encode(out);
            }
            Self::Rebuilt => {}
            Self::Unopenable { key } => key.encode(out),
        }
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
        keys::verify(&self.receipt.validator, &self.statement.signed_bytes(self.word), &self.receipt.signature)
    }
}

/// Checks that receipts are at least `count_min`, of distinct validators, and in order; not their signatures.
///
/// # Errors
///
/// [`QuorumError`].
pub fn check_quorum(receipts: &[Receipt], count_min: u16, committee: &Committee) -> Result<(), QuorumError> {
    let (count, count_min) = (receipts.len(), usize::from(count_min));
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

record!(BodyStatement { chain, zone, height, header, shard_root });

impl Codec for Word {
    fn encode(&self, out: &mut Vec<u8>) {
        let tag: u8 = match self {
            Self::ShardChecked { .. } => 1,
            Self::Rebuilt => 2,
            Self::Unopenable { .. } => 3,
        };
        tag.encode(out);
        self.encode_tail(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::read(reader)? {
            1 => Ok(Self::ShardChecked { index: Codec::read(reader)?, count: Codec::read(reader)? }),
            2 => Ok(Self::Rebuilt),
            3 => Ok(Self::Unopenable { key: Codec::read(reader)? }),
            _ => Err(reader.invalid("receipt word")),
        }
    }
}

record!(Receipt { validator, signature });

record!(SignedReceipt { statement, word, receipt }, version "receipt version");

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

    const CHECKED: Word = Word::ShardChecked { index: 2, count: 4 };

    #[test]
    fn a_receipt_says_one_thing() {
        let (keys, _) = committee();
        let key = BodyKey::decode(&[3; 32]).unwrap();
        let other_places = [Word::ShardChecked { index: 3, count: 4 }, Word::ShardChecked { index: 2, count: 5 }];
        let words = [CHECKED, other_places[0], other_places[1], Word::Rebuilt, Word::Unopenable { key }];
        for word in words {
            let signed = statement().sign(word, &keys[0]);
            assert_eq!(signed.verify(), Ok(()));
            assert_eq!(SignedReceipt::decode(&signed.to_bytes()), Ok(signed));
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
            for other in words.into_iter().filter(|other| *other != word) {
                assert!(SignedReceipt { word: other, ..signed }.verify().is_err(), "{word:?} as {other:?}");
            }
        }
    }

    #[test]
    fn a_quorum_is_of_distinct_validators() {
        let (keys, committee) = committee();
        let mut receipts: Vec<_> = keys.iter().map(|key| statement().sign(CHECKED, key).receipt).collect();
        receipts.sort_by_key(|receipt| receipt.validator);
        let check = |receipts: &[Receipt]| check_quorum(receipts, 3, &committee);
        assert_eq!(check(&receipts), Ok(()));
        assert_eq!(check(&receipts[1..]), Ok(()));
        assert_eq!(check(&receipts[2..]), Err(QuorumError::TooFew { count: 2, count_min: 3 }));
        let twice = [receipts[0], receipts[1], receipts[1]];
        assert_eq!(check(&twice), Err(QuorumError::NotAscending { index: 2 }));
        let mut stranger = receipts.clone();
        stranger[0] = statement().sign(CHECKED, &SecretKey::from_seed([9; 32])).receipt;
        stranger.sort_by_key(|receipt| receipt.validator);
        assert!(matches!(check(&stranger), Err(QuorumError::NotAValidator { .. })));
    }
}
