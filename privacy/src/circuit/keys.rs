//! Keys, proofs, and the check of one proof.
//!
//! * A proof has exactly [`PROOF_SIZE`] bytes; anything else is refused before it is looked at, and so is a point at infinity.
//! * The version of the circuit is always named; there is no default. A proof of one version fails under another's key.
//! * Nobody set anything up: keys are a function of the circuit. Making them takes seconds of CPU; make them once.

use super::statement::Statement;
use super::witness::Witness;
use super::{F, JoinSplit};
use crate::circuit::rules::Rule;
use halo2_proofs::plonk::{self, SingleVerifier};
use halo2_proofs::poly::commitment::Params;
use halo2_proofs::transcript::{Blake2bRead, Blake2bWrite};
use pasta_curves::vesta;
use plinth_types::choice;
use plinth_types::codec::{Codec, DecodeError, Reader};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use thiserror::Error;

/// The version of the circuit. A pool is of one version for life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CircuitVersion {
    /// The first; not reviewed by anyone outside.
    V1,
}

choice!(CircuitVersion, "circuit version" { 1 => V1 });

/// Rows of the circuit, as a power of two.
pub(crate) const ROWS_LOG2: u32 = 11;
/// Bytes of a proof.
pub const PROOF_SIZE: usize = 5_600;
/// Points at the front of a proof: commitments to the advice columns.
const LEADING_POINTS: usize = 4 * super::columns::LANES + 1;

/// A proof of a join-split: of the right size, its first commitments points of the curve. Nothing else is known of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Proof(Box<[u8; PROOF_SIZE]>);

/// Why bytes are not a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProofError {
    /// Shorter or longer.
    #[error("a proof has {PROOF_SIZE} bytes, not {received}")]
    Size {
        /// How many came.
        received: usize,
    },
    /// A commitment is no point of the curve, or the point at infinity.
    #[error("commitment {index} of the proof is not a point other than infinity")]
    Point {
        /// Which one.
        index: usize,
    },
}

impl Proof {
    /// Reads a proof.
    ///
    /// # Errors
    ///
    /// [`ProofError`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProofError> {
        let whole: Box<[u8; PROOF_SIZE]> =
            bytes.to_vec().into_boxed_slice().try_into().map_err(|_| ProofError::Size { received: bytes.len() })?;
        for (index, point) in whole.chunks_exact(32).take(LEADING_POINTS).enumerate() {
            // The encoding of infinity is all zeros; that the rest decompress is left to the transcript, which reads them once anyway.
            if point.iter().all(|byte| *byte == 0) {
                return Err(ProofError::Point { index });
            }
        }
        Ok(Self(whole))
    }

    /// As it goes over the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Proof({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

impl Codec for Proof {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.as_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = reader.bytes(PROOF_SIZE)?;
        Self::from_bytes(bytes).map_err(|_| reader.invalid("proof"))
    }
}

/// Checks proofs of one version of the circuit.
#[derive(Debug)]
pub struct VerifyingKey {
    version: CircuitVersion,
    pub(crate) params: Params<vesta::Affine>,
    pub(crate) key: plonk::VerifyingKey<vesta::Affine>,
}

impl VerifyingKey {
    /// Makes the key. About two seconds of CPU.
    ///
    /// # Errors
    ///
    /// When the circuit does not fit its rows, which a test of the crate excludes.
    pub fn new(version: CircuitVersion) -> Result<Self, plonk::Error> {
        match version {
            CircuitVersion::V1 => {
                let params = Params::new(ROWS_LOG2);
                let key = plonk::keygen_vk(&params, &JoinSplit { secrets: None })?;
                Ok(Self { version, params, key })
            }
        }
    }

    /// Which circuit it is of.
    #[must_use]
    pub const fn version(&self) -> CircuitVersion {
        self.version
    }

    /// The key as text, to be pinned.
    #[must_use]
    pub fn pinned(&self) -> String {
        format!("{:#?}\n", self.key.pinned())
    }

    /// Checks one proof, without the saving of a batch; see [`crate::pool::batch`].
    #[must_use]
    pub fn verify(&self, statement: &Statement, proof: &Proof) -> bool {
        self.verify_inputs(&statement.public_inputs(), proof)
    }

    pub(crate) fn verify_inputs(&self, inputs: &[F], proof: &Proof) -> bool {
        let mut transcript = Blake2bRead::init(proof.as_bytes());
        let strategy = SingleVerifier::new(&self.params);
        plonk::verify_proof(&self.params, &self.key, strategy, &[&[inputs]], &mut transcript).is_ok()
    }
}

/// Makes proofs of one version of the circuit.
#[derive(Debug)]
pub struct ProvingKey {
    version: CircuitVersion,
    params: Params<vesta::Affine>,
    key: plonk::ProvingKey<vesta::Affine>,
}

/// Why no proof was made.
#[derive(Debug, Error)]
pub enum ProveError {
    /// The statement is false.
    #[error("the statement is false: {0:?} does not hold")]
    False(Rule),
    /// The proof system refused a true statement.
    #[error("the proof system failed: {0}")]
    System(plonk::Error),
}

impl ProvingKey {
    /// Makes the key. About two seconds of CPU.
    ///
    /// # Errors
    ///
    /// As [`VerifyingKey::new`].
    pub fn new(version: CircuitVersion) -> Result<Self, plonk::Error> {
        let VerifyingKey { params, key, .. } = VerifyingKey::new(version)?;
        let key = plonk::keygen_pk(&params, key, &JoinSplit { secrets: None })?;
        Ok(Self { version, params, key })
    }

    /// Which circuit it is of.
    #[must_use]
    pub const fn version(&self) -> CircuitVersion {
        self.version
    }

    /// The key that checks what this one proves.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        VerifyingKey { version: self.version, params: self.params.clone(), key: self.key.get_vk().clone() }
    }

    /// Proves a statement; it is checked in plain Rust first, so that a mistake is named.
    ///
    /// # Errors
    ///
    /// [`ProveError`].
    pub fn prove(&self, witness: &Witness, statement: &Statement) -> Result<Proof, ProveError> {
        witness.check(statement).map_err(ProveError::False)?;
        self.prove_unchecked(witness.circuit(statement.day), &statement.public_inputs())
    }

    pub(super) fn prove_unchecked(&self, circuit: JoinSplit, inputs: &[F]) -> Result<Proof, ProveError> {
        let mut transcript = Blake2bWrite::init(Vec::with_capacity(PROOF_SIZE));
        plonk::create_proof(&self.params, &self.key, &[circuit], &[&[inputs]], UnwrapErr(SysRng), &mut transcript)
            .map_err(ProveError::System)?;
        let bytes = transcript.finalize();
        let proof = bytes.into_boxed_slice().try_into().map_err(|_| ProveError::System(plonk::Error::Opening))?;
        Ok(Proof(proof))
    }
}
