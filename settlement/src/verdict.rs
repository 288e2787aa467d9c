//! What is said of an ordered zone block after it was re-executed or its proof was checked.
//!
//! ```text
//! Attested  m auditors of the zone: we re-executed it, the post-root is right
//! Proven    2f+1 validators: a proof by this guest for this header is valid
//! Rejected  2f+1 validators: its proof is refused, or a fraud was shown
//! ```
//!
//! A proof travels with its header, in files and to the program that verifies it: `│ version u8 │ header size u32 │ header │ proof │` ([`HeaderProof`]).
//!
//! Settlement knows no proof system. Whoever plugs one in implements [`ZoneVerifier`]; only [`VerifiedProof`], which only the check makes,
//! can sign that a proof is valid. A vote then checks signatures, so a settlement block costs the same however large proofs are.

use crate::keys::SecretKey;
use crate::receipt::{Receipt, encode_receipts, read_receipts};
use crate::wire::limits::REQUEST_HEAD_SIZE_MAX;
use plinth_types::block::ZoneHeader;
use plinth_types::choice;
use plinth_types::codec::{Codec, DecodeError, Reader, encode_count};
use plinth_types::digest::Digest;
use plinth_types::id::{ChainId, Height, ZoneId};
use plinth_types::record;

/// What is said of which zone block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// On which chain.
    pub chain: ChainId,
    /// Of which zone.
    pub zone: ZoneId,
    /// At which height of the zone.
    pub height: Height,
    /// The header's id.
    pub header: Digest,
    /// What is said.
    pub word: Word,
}

/// What can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// Re-executing the body from the pre-root gives the post-root and the outbox.
    Attested,
    /// A valid proof exists.
    Proven {
        /// The guest that the proof is of.
        guest_image: Digest,
        /// SHA-256 of the proof's bytes.
        proof: Digest,
    },
    /// The header is wrong.
    Rejected,
}

/// A verdict with the signatures of those whose word it is, ascending by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerdictTransaction {
    /// What is said.
    pub verdict: Verdict,
    /// By whom.
    pub signatures: Vec<Receipt>,
}

/// A header and what is to show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderProof<'a> {
    /// The header, as it was ordered.
    pub header: ZoneHeader,
    /// The proof.
    pub proof: &'a [u8],
}

impl<'a> HeaderProof<'a> {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;

    /// What stands before the proof.
    #[must_use]
    pub fn head(header: &ZoneHeader) -> Vec<u8> {
        let header = header.to_bytes();
        let mut out = vec![Self::VERSION];
        encode_count(header.len(), &mut out);
        out.extend_from_slice(&header);
        out
    }

    /// Reads head and proof; the proof is all that follows.
    ///
    /// # Errors
    ///
    /// [`DecodeError`].
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        if u8::read(&mut reader)? != Self::VERSION {
            return Err(reader.invalid("version of a proof with its header"));
        }
        let size = reader.count("header bytes", REQUEST_HEAD_SIZE_MAX)?;
        let header = ZoneHeader::decode(reader.bytes(size)?)?;
        Ok(Self { header, proof: &bytes[1 + size_of::<u32>() + size..] })
    }
}

/// A proof system, as settlement sees it.
pub trait ZoneVerifier {
    /// Whether `proof` shows that the header's guest makes this header: all of it that execution decides.
    ///
    /// # Errors
    ///
    /// [`ProofRefused`].
    fn verify(&self, header: &ZoneHeader, proof: &[u8]) -> Result<(), ProofRefused>;
}

/// A proof shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the proof is refused: {reason}")]
pub struct ProofRefused {
    /// In the proof system's words.
    pub reason: String,
}

/// A proof that was checked. Holding one is the check.
#[derive(Debug)]
pub struct VerifiedProof {
    verdict: Verdict,
}

impl VerifiedProof {
    /// Checks a proof of a header.
    ///
    /// # Errors
    ///
    /// [`ProofRefused`].
    pub fn check(verifier: &impl ZoneVerifier, header: &ZoneHeader, proof: &[u8]) -> Result<Self, ProofRefused> {
        verifier.verify(header, proof)?;
        Ok(Self { verdict: Verdict::proven(header, proof) })
    }

    /// Says so.
    #[must_use]
    pub fn sign(&self, key: &SecretKey) -> Receipt {
        self.verdict.sign(key)
    }

    /// What was checked.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }
}

impl Verdict {
    /// Domain of the signatures.
    pub const DOMAIN: &'static [u8] = b"plinth/verdict/1";

    /// This word on this header.
    #[must_use]
    pub fn of(header: &ZoneHeader, word: Word) -> Self {
        let id = crate::block::header_id(header);
        Self { chain: header.chain, zone: header.zone, height: header.height, header: id, word }
    }

    /// What is said of a header whose proof this is, by those who checked it.
    #[must_use]
    pub fn proven(header: &ZoneHeader, proof: &[u8]) -> Self {
        Self::of(header, Word::Proven { guest_image: header.guest_image, proof: crate::digest::sha256(&[proof]) })
    }

    /// What is signed: domain, verdict.
    #[must_use]
    pub fn signed_bytes(&self) -> Vec<u8> {
        let mut out = Self::DOMAIN.to_vec();
        self.encode(&mut out);
        out
    }

    /// Signs. Of a proof, [`VerifiedProof::sign`] is the way.
    #[must_use]
    pub fn sign(&self, key: &SecretKey) -> Receipt {
        Receipt { validator: key.public_key(), signature: key.sign(&self.signed_bytes()) }
    }
}

record!(Verdict { chain, zone, height, header, word });

choice!(Word, "verdict" { 1 => Attested, 2 => Proven { guest_image, proof }, 3 => Rejected });

impl Codec for VerdictTransaction {
    fn encode(&self, out: &mut Vec<u8>) {
        self.verdict.encode(out);
        encode_receipts(&self.signatures, out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { verdict: Codec::read(reader)?, signatures: read_receipts(reader)? })
    }
}
