//! Proofs of OpenVM 2.0: one STARK for each segment of an execution, 100 provable bits.

use crate::image::Image;
use crate::limits::{PROOF_SIZE_MAX, SEGMENT_SIZE_MAX, SEGMENTS_MAX, STATEMENT_SIZE};
use crate::linked::{Linked, Value, digest_of};
use crate::{ProofError, Statement, Verify};
use openvm_stark_backend::StarkProtocolConfig;
use openvm_stark_backend::codec::{DecodableConfig, Decode, Encode};
use openvm_stark_backend::hasher::MerkleHasher;
use openvm_stark_backend::keygen::types::MultiStarkVerifyingKey;
use openvm_stark_backend::p3_field::PrimeCharacteristicRing;
use openvm_stark_backend::proof::Proof;
use openvm_stark_backend::verifier::verify;
use openvm_stark_sdk::config::baby_bear_poseidon2::{BabyBearPoseidon2Config, default_duplex_sponge};
use plinth_types::digest::Digest;
use sha2::{Digest as _, Sha256};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The virtual machine's verifying key, as the prover makes it: `postcard` of the backend's type.
const VERIFYING_KEY: &[u8] = include_bytes!("../../guest/images/openvm.vk");

/// Cells of memory that one digest covers.
const CHUNK: usize = 8;
/// Levels of the tree over the memory: 8 address spaces of 2^29 cells.
const MEMORY_HEIGHT: usize = 3 + 26;
/// Levels of the tree over the statement, which is that of the first cells of address space 3, the third one.
const STATEMENT_HEIGHT: usize = (STATEMENT_SIZE / CHUNK).ilog2() as usize;
const STATEMENT_INDEX: u64 = (2 << 26) >> STATEMENT_HEIGHT;
/// Digests between the statement and the root of the memory.
pub(crate) const PATH_LENGTH: usize = MEMORY_HEIGHT - STATEMENT_HEIGHT;

/// Verifies proofs of one image.
#[derive(Debug)]
pub struct OpenVm {
    image: Image,
    config: BabyBearPoseidon2Config,
    key: MultiStarkVerifyingKey<BabyBearPoseidon2Config>,
}

/// Why no verifier can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The key is not the one that the image names.
    #[error("the verifying key is not the image's")]
    OtherKey,
    /// The bytes are no key.
    #[error("the verifying key cannot be read")]
    Malformed,
}

impl OpenVm {
    /// Version of a proof's encoding.
    pub const VERSION: u8 = 1;

    /// The verifier of this image's proofs, with the committed key.
    ///
    /// # Errors
    ///
    /// [`KeyError`].
    pub fn new(image: Image) -> Result<Self, KeyError> {
        if Digest(Sha256::digest(VERIFYING_KEY).into()) != image.verifying_key {
            return Err(KeyError::OtherKey);
        }
        let key: MultiStarkVerifyingKey<_> = postcard::from_bytes(VERIFYING_KEY).map_err(|_| KeyError::Malformed)?;
        let config = BabyBearPoseidon2Config::default_from_params(key.inner.params.clone());
        Ok(Self { image, config, key })
    }

    /// A proof of its parts: segments as the backend encodes them, digests from the statement up to the memory's root.
    #[must_use]
    pub fn frame(segments: &[Vec<u8>], path: &[[u8; 32]]) -> Vec<u8> {
        let mut out = vec![Self::VERSION];
        out.extend_from_slice(&(segments.len() as u16).to_le_bytes());
        for segment in segments {
            out.extend_from_slice(&(segment.len() as u32).to_le_bytes());
            out.extend_from_slice(segment);
        }
        out.extend_from_slice(path.as_flattened());
        out
    }

    fn segment(&self, segment: usize, bytes: &[u8]) -> Result<Proof<BabyBearPoseidon2Config>, ProofError> {
        let proof = Proof::decode_from_bytes(bytes).map_err(|_| ProofError::Encoding { segment })?;
        match proof.encode_to_vec() {
            Ok(again) if again == bytes => {}
            Ok(_) | Err(_) => return Err(ProofError::Encoding { segment }),
        }
        verify(&self.config, &self.key, &proof, &mut default_duplex_sponge())
            .map_err(|error| ProofError::Unproven { segment, reason: error.to_string() })?;
        Ok(proof)
    }

    fn verify_parts(&self, statement: &Statement, parts: &Parts<'_>) -> Result<(), ProofError> {
        let mut linked = Linked::default();
        for (segment, bytes) in parts.segments.iter().enumerate() {
            let proof = self.segment(segment, bytes)?;
            linked.push(segment, segment + 1 == parts.segments.len(), &proof)?;
        }
        let hasher = self.config.hasher();
        let (commitment, memory) = linked.end(hasher).ok_or(ProofError::Framing)?;
        let found = digest_of(&commitment);
        if found != self.image.exe_commitment {
            return Err(ProofError::OtherImage { found });
        }
        let (chunks, _) = statement.as_chunks::<CHUNK>();
        let leaves = chunks.iter().map(|chunk| hasher.compress(chunk.map(Value::from_u8), [Value::ZERO; CHUNK])).collect();
        let root = parts.path.iter().enumerate().fold(hasher.tree_compress(leaves), |node, (height, sibling)| {
            if STATEMENT_INDEX >> height & 1 == 1 { hasher.compress(*sibling, node) } else { hasher.compress(node, *sibling) }
        });
        if root == memory { Ok(()) } else { Err(ProofError::OtherStatement) }
    }
}

impl Verify for OpenVm {
    fn verify(&self, statement: &Statement, proof: &[u8]) -> Result<(), ProofError> {
        let parts = Parts::read(proof)?;
        // The proving system's code is not ours and reads what a peer sent: if it panics, the proof is refused.
        catch_unwind(AssertUnwindSafe(|| self.verify_parts(statement, &parts)))
            .unwrap_or_else(|_| Err(ProofError::Unproven { segment: 0, reason: "the proving system panicked".to_owned() }))
    }

    fn image(&self) -> Digest {
        self.image.id()
    }
}

/// A proof taken apart, its sizes checked.
struct Parts<'a> {
    segments: Vec<&'a [u8]>,
    path: Vec<[Value; CHUNK]>,
}

impl<'a> Parts<'a> {
    fn read(proof: &'a [u8]) -> Result<Self, ProofError> {
        if proof.len() > PROOF_SIZE_MAX {
            return Err(ProofError::Size { size: proof.len(), max: PROOF_SIZE_MAX });
        }
        let (&version, rest) = proof.split_first().ok_or(ProofError::Framing)?;
        if version != OpenVm::VERSION {
            return Err(ProofError::Version { found: version });
        }
        let (count, mut rest) = rest.split_first_chunk().ok_or(ProofError::Framing)?;
        let count = usize::from(u16::from_le_bytes(*count));
        if !(1..=SEGMENTS_MAX).contains(&count) {
            return Err(ProofError::Segments { found: count, max: SEGMENTS_MAX });
        }
        let mut segments = Vec::with_capacity(count);
        for _ in 0..count {
            let (size, behind) = rest.split_first_chunk().ok_or(ProofError::Framing)?;
            let size = u32::from_le_bytes(*size) as usize;
            if size > SEGMENT_SIZE_MAX {
                return Err(ProofError::Size { size, max: SEGMENT_SIZE_MAX });
            }
            let (segment, behind) = behind.split_at_checked(size).ok_or(ProofError::Framing)?;
            segments.push(segment);
            rest = behind;
        }
        let (digests, trailing) = rest.as_chunks::<32>();
        if digests.len() != PATH_LENGTH || !trailing.is_empty() {
            return Err(ProofError::Framing);
        }
        let mut path = Vec::with_capacity(PATH_LENGTH);
        for mut digest in digests.iter().map(|digest| &digest[..]) {
            path.push(BabyBearPoseidon2Config::decode_digest(&mut digest).map_err(|_| ProofError::Framing)?);
        }
        Ok(Self { segments, path })
    }
}
