//! A proof that a fact is so, or that there is no such fact, behind one root.
//!
//! ```text
//! version u8 │ 1 present │ value size u32 │ value │ proof size u32 │ proof
//!            │ 2 absent  │ proof size u32 │ proof
//! ```
//!
//! The proof is the library's: location, chunk of the activity bitmap, Merkle path, and the key that follows in the order of hashes.
//! Absence is shown by the one active neighbour whose following key is beyond the key asked for.

use super::codec::{encode_sized, read_sized};
use super::limits::{FACT_VALUE_SIZE_MAX, PROOF_DIGESTS_MAX, PROOF_SIZE_MAX};
use super::parameters::BITMAP_CHUNK_SIZE;
use super::qmdb::{Encoding, Family, operation_codec};
use super::state::{Fact, key_hash};
use crate::digest::to_consensus;
use bytes::Bytes;
use commonware_cryptography::{Sha256, sha256};
use commonware_storage::qmdb::current::ordered::proof::constant::{ExclusionProof, KeyValueProof};
use plinth_types::codec::{Codec, DecodeError, Reader, encode_count};
use plinth_types::digest::Digest;
use thiserror::Error;

type Presence = KeyValueProof<Family, sha256::Digest, sha256::Digest, BITMAP_CHUNK_SIZE>;
type Absence = ExclusionProof<Family, sha256::Digest, Encoding, sha256::Digest, BITMAP_CHUNK_SIZE>;

/// A proof of one fact against one root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FactProof(Shape);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Shape {
    Present { value: Bytes, proof: Box<Presence> },
    Absent { proof: Box<Absence> },
}

/// What a proof showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proven {
    /// The fact has this value.
    Present(Bytes),
    /// There is no such fact.
    Absent,
}

/// A proof does not hold: it is of another key, value or root, or made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the proof does not show the fact behind root {root}")]
pub struct ProofError {
    /// The root that it was held against.
    pub root: Digest,
}

impl FactProof {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;

    pub(super) fn present(value: Bytes, proof: Presence) -> Self {
        Self(Shape::Present { value, proof: Box::new(proof) })
    }

    pub(super) fn absent(proof: Absence) -> Self {
        Self(Shape::Absent { proof: Box::new(proof) })
    }

    /// What it shows of the fact `key` behind `root`.
    ///
    /// # Errors
    ///
    /// [`ProofError`] if it shows nothing.
    pub fn verify(self, key: &[u8], root: Digest) -> Result<Proven, ProofError> {
        let (hash, library_root) = (to_consensus(key_hash(key)), to_consensus(root));
        let (holds, proven) = match self.0 {
            Shape::Present { value, proof } => {
                let entry = Fact::entry(key, &value);
                (proof.verify::<Sha256, Encoding>(hash, entry, &library_root), Proven::Present(value))
            }
            Shape::Absent { proof } => (proof.verify::<Sha256>(&hash, &library_root), Proven::Absent),
        };
        if holds { Ok(proven) } else { Err(ProofError { root }) }
    }
}

impl Codec for FactProof {
    fn encode(&self, out: &mut Vec<u8>) {
        Self::VERSION.encode(out);
        match &self.0 {
            Shape::Present { value, proof } => {
                1_u8.encode(out);
                encode_count(value.len(), out);
                out.extend_from_slice(value);
                encode_sized(proof.as_ref(), out);
            }
            Shape::Absent { proof } => {
                2_u8.encode(out);
                encode_sized(proof.as_ref(), out);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if u8::read(reader)? != Self::VERSION {
            return Err(reader.invalid("proof version"));
        }
        match u8::read(reader)? {
            1 => {
                let size = reader.count("bytes of a fact's value", FACT_VALUE_SIZE_MAX)?;
                let value = Bytes::copy_from_slice(reader.bytes(size)?);
                Ok(Self::present(value, read_sized(reader, PROOF_SIZE_MAX, &(PROOF_DIGESTS_MAX, ()), "proof of presence")?))
            }
            2 => {
                let (key, entry) = operation_codec();
                let config = (PROOF_DIGESTS_MAX, (key, entry), entry);
                Ok(Self::absent(read_sized(reader, PROOF_SIZE_MAX, &config, "proof of absence")?))
            }
            _ => Err(reader.invalid("proof tag")),
        }
    }
}
