//! Proof that a producer's shard root commits to no ciphertext: f+1 parts of one segment that lie under the root and are of no codeword.
//!
//! ```text
//! version u8 │ statement │ segment u16 │ roots u32 × 32 │ parts u32 × (index u16 │ size u32 │ part with its path)
//! ```
//!
//! Anyone can check it with the header: nobody's word is in it. Parts of a root that an honest producer made always decode, so there is
//! no such proof against one. It stands in a settlement block; the ledger checks it again.

use super::coding::{CheckedShard, CodingError, Layout, check_part, combine, decode_segment};
use super::limits::{FRAUD_SIZE_MAX, SEGMENT_SHARD_HEAD_SIZE_MAX, SEGMENT_SIZE_MAX, SEGMENTS_MAX};
use super::seal::BodyCommitment;
use crate::committee::ValidatorCount;
use crate::limits::VALIDATORS_MAX;
use crate::receipt::BodyStatement;
use bytes::Bytes;
use plinth_types::codec::{Codec, DecodeError, Reader, encode_count};
use plinth_types::digest::Digest;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FraudProof {
    /// Of which body.
    pub statement: BodyStatement,
    segment: u16,
    roots: Vec<Digest>,
    /// Ascending by index.
    parts: Vec<(u16, Bytes)>,
}

/// Why a proof of fraud shows none.
#[derive(Debug, thiserror::Error)]
pub enum FraudError {
    /// Roots, segment or parts that do not fit a body of this size.
    #[error("segment {segment} of {roots} roots with {parts} parts does not fit the header")]
    Shape {
        /// The segment named.
        segment: u16,
        /// Roots shown.
        roots: usize,
        /// Parts shown.
        parts: usize,
    },
    /// A part or the roots are not what the header commits to.
    #[error(transparent)]
    Part(#[from] CodingError),
    /// The parts are of a codeword.
    #[error("the parts of segment {segment} are of a codeword")]
    Codeword {
        /// Which segment.
        segment: u16,
    },
}

impl FraudProof {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;

    /// From f+1 or more different shards that do not rebuild `segment`.
    #[must_use]
    pub fn new(statement: BodyStatement, layout: &Layout, segment: usize, shards: &[CheckedShard]) -> Option<Self> {
        let roots = shards.first()?.roots().to_vec();
        let part = |shard: &CheckedShard| (shard.index(), shard.part(segment).1.clone());
        let mut parts: Vec<_> = shards.iter().take(layout.shards_min()).map(part).collect();
        parts.sort_unstable_by_key(|(index, _)| *index);
        Some(Self { statement, segment: u16::try_from(segment).ok()?, roots, parts })
    }

    /// Checks that it shows that the body of this commitment cannot be rebuilt. That statement and commitment are of one header is the
    /// caller's to check.
    ///
    /// # Errors
    ///
    /// [`FraudError`]: it shows nothing.
    pub fn check(&self, commitment: &BodyCommitment, validators: ValidatorCount) -> Result<(), FraudError> {
        let shape = FraudError::Shape { segment: self.segment, roots: self.roots.len(), parts: self.parts.len() };
        let segment = usize::from(self.segment);
        let Some(layout) = Layout::new(commitment.size as usize, validators) else { return Err(shape) };
        let ascending = self.parts.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let fits = self.roots.len() == layout.segments() && segment < layout.segments() && self.parts.len() == layout.shards_min();
        if !ascending || !fits || self.parts.iter().any(|(_, part)| part.len() > layout.part_size_max(segment)) {
            return Err(shape);
        }
        let root = combine(self.roots.iter().copied());
        if root != commitment.shard_root {
            return Err(CodingError::Root { root, root_claimed: commitment.shard_root }.into());
        }
        let root = self.roots[segment];
        let parts = self.parts.iter().map(|(index, bytes)| check_part(&layout, segment, root, *index, bytes));
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        match decode_segment(&layout, segment, root, parts.iter()) {
            Some(_) => Err(FraudError::Codeword { segment: self.segment }),
            None => Ok(()),
        }
    }
}

impl Codec for FraudProof {
    fn encode(&self, out: &mut Vec<u8>) {
        Self::VERSION.encode(out);
        self.statement.encode(out);
        self.segment.encode(out);
        encode_count(self.roots.len(), out);
        self.roots.iter().for_each(|root| root.encode(out));
        encode_count(self.parts.len(), out);
        for (index, part) in &self.parts {
            index.encode(out);
            encode_count(part.len(), out);
            out.extend_from_slice(part);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if u8::read(reader)? != Self::VERSION {
            return Err(reader.invalid("fraud proof version"));
        }
        let statement = Codec::read(reader)?;
        let segment = Codec::read(reader)?;
        let roots_count = reader.count("roots", SEGMENTS_MAX)?;
        let mut roots = Vec::new();
        for _ in 0..roots_count {
            roots.push(Codec::read(reader)?);
        }
        let parts_count = reader.count("parts", VALIDATORS_MAX)?;
        let (mut parts, mut size_left) = (Vec::new(), FRAUD_SIZE_MAX);
        for _ in 0..parts_count {
            let index = Codec::read(reader)?;
            let size = reader.count("part bytes", size_left.min(SEGMENT_SIZE_MAX + SEGMENT_SHARD_HEAD_SIZE_MAX))?;
            size_left -= size;
            parts.push((index, Bytes::copy_from_slice(reader.bytes(size)?)));
        }
        Ok(Self { statement, segment, roots, parts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispersal::coding::{Encoded, RebuildError, rebuild};
    use crate::dispersal::liar::not_a_codeword;
    use plinth_types::id::{ChainId, Height, ZoneId};

    fn validators() -> ValidatorCount {
        ValidatorCount::new(4).unwrap()
    }

    fn commitment(size: usize, shard_root: Digest) -> BodyCommitment {
        BodyCommitment { height: Height::new(1), hash: Digest::ZERO, size: size as u32, key: Digest::ZERO, shard_root }
    }

    fn statement(shard_root: Digest) -> BodyStatement {
        BodyStatement { chain: ChainId::new(7), zone: ZoneId::TRADING, height: Height::new(1), header: Digest([1; 32]), shard_root }
    }

    fn checked(layout: &Layout, root: Digest, frames: &[Bytes], indices: &[u16]) -> Vec<CheckedShard> {
        let check = |index: &u16| CheckedShard::check(layout, root, *index, frames[usize::from(*index)].clone()).unwrap();
        indices.iter().map(check).collect()
    }

    /// Every shard of the lie passes its own check; whichever f+1 are taken, the rebuild fails and the proof stands.
    #[test]
    fn shards_of_no_codeword_convict_whoever_made_them() {
        let size = 5_000;
        let layout = Layout::new(size, validators()).unwrap();
        let ciphertext: Vec<u8> = (0..layout.size()).map(|at| (at * 31 % 251) as u8).collect();
        let (root, frames) = not_a_codeword(&ciphertext, 4, 2);
        let root = Digest(root);
        for indices in [[0, 1], [1, 2], [0, 3], [2, 3]] {
            let shards = checked(&layout, root, &frames, &indices);
            let Err(RebuildError::NotACodeword { segment }) = rebuild(&layout, &shards) else { panic!("{indices:?} rebuild") };
            let proof = FraudProof::new(statement(root), &layout, segment, &shards).unwrap();
            proof.check(&commitment(size, root), validators()).unwrap();

            let bytes = proof.to_bytes();
            assert!(bytes.len() <= FRAUD_SIZE_MAX);
            assert_eq!(FraudProof::decode(&bytes).unwrap(), proof);
            let others = [commitment(size, Digest([9; 32])), commitment(2 << 20, root)];
            assert!(others.iter().all(|other| proof.check(other, validators()).is_err()));
            for at in 0..64 {
                assert!(FraudProof::decode(&bytes[..bytes.len() - 1 - at]).is_err());
            }
        }
    }

    #[test]
    fn honest_shards_convict_nobody() {
        let size = (1 << 20) + 5;
        let layout = Layout::new(size, validators()).unwrap();
        let encoded = Encoded::new(&vec![7; layout.size()].into(), validators()).unwrap();
        let frames: Vec<_> = (0..4).map(|index| encoded.shard(index).unwrap()).collect();
        let shards = checked(&layout, encoded.root(), &frames, &[1, 3]);
        for segment in 0..layout.segments() {
            let mut proof = FraudProof::new(statement(encoded.root()), &layout, segment, &shards).unwrap();
            let commitment = commitment(size, encoded.root());
            assert!(matches!(proof.check(&commitment, validators()), Err(FraudError::Codeword { .. })));
            proof.parts.pop();
            assert!(matches!(proof.check(&commitment, validators()), Err(FraudError::Shape { .. })), "too few prove nothing");
            proof.parts.push(proof.parts[0].clone());
            assert!(matches!(proof.check(&commitment, validators()), Err(FraudError::Shape { .. })), "one twice proves nothing");
        }
        // The parts of one segment under the root of another are no parts of it.
        let mut swapped = FraudProof::new(statement(encoded.root()), &layout, 0, &shards).unwrap();
        swapped.segment = 1;
        assert!(matches!(swapped.check(&commitment(size, encoded.root()), validators()), Err(FraudError::Part(_))));
    }
}
