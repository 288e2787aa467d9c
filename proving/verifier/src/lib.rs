//! Verifies that a zone header is what a guest image computes: a validator's part of proofs of execution, without the prover's.
//!
//! ```text
//! proof = │ version u8 │ segments u16 │ for each: size u32, bytes │ 26 digests of 32 bytes │
//! ```
//!
//! * [`Verify`] is all that a validator knows of a proving system; [`OpenVm`] is the one there is.
//! * Cheap things come first: sizes and counts, then canonical encoding, then cryptography segment by segment.
//! * **What is pinned** by an [`Image`]: the verifying key of the virtual machine, and the commitment to program, initial memory and first
//!   instruction. A proof of any other program is refused, whatever it says in public.
//! * **What a proof says** is one [`Statement`]: 64 bytes that the guest made public. They are not in the proof: whoever verifies knows
//!   what must stand there, so a proof of another block, zone or chain is refused.
//! * One proof has one encoding: bytes that decode but would not be written so are refused.
//!
//! The segments are linked as `openvm-circuit`'s `verify_segments` links them (a test of the prover compares the two): each begins at the
//! instruction and memory at which the one before ended, only the last one ends the program, with exit code 0.
//!
//! # Known limitations
//!
//! Segments are not aggregated: size and time grow with their number, which is bounded. A proof hides nothing.

mod image;
pub mod limits;
mod linked;
mod openvm;
pub mod program;

pub use image::{IMAGE_TRADING, Image, ImageError};
pub use openvm::OpenVm;

use plinth_types::digest::Digest;

/// Public values of a proof.
pub type Statement = [u8; limits::STATEMENT_SIZE];

/// A proving system, to who verifies.
pub trait Verify {
    /// Checks that the guest of `image` can have said `statement`.
    ///
    /// # Errors
    ///
    /// [`ProofError`]; no bytes make it panic.
    fn verify(&self, statement: &Statement, proof: &[u8]) -> Result<(), ProofError>;

    /// The image whose proofs it verifies, as a header names it.
    fn image(&self) -> Digest;
}

/// Why a proof is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Larger than any proof may be.
    #[error("proof of {size} bytes, at most {max} are taken")]
    Size {
        /// Its bytes.
        size: usize,
        /// The most that are taken.
        max: usize,
    },
    /// Of another version.
    #[error("proof of version {found}")]
    Version {
        /// The version found.
        found: u8,
    },
    /// No segment, or too many.
    #[error("proof of {found} segments, 1 to {max} are taken")]
    Segments {
        /// How many.
        found: usize,
        /// The most that are taken.
        max: usize,
    },
    /// It ends early, or goes on.
    #[error("the parts of the proof do not fit its size")]
    Framing,
    /// The bytes are no proof of a segment, or not written as one is.
    #[error("segment {segment} is not encoded as a proof is")]
    Encoding {
        /// Which.
        segment: usize,
    },
    /// The cryptography says no.
    #[error("segment {segment} proves nothing: {reason}")]
    Unproven {
        /// Which.
        segment: usize,
        /// What the proving system says.
        reason: String,
    },
    /// A segment does not go on where the one before ended, or the program did not end well.
    #[error("segment {segment}: {what}")]
    Unlinked {
        /// Which.
        segment: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// A proof of another program.
    #[error("proof of another program: its commitment is {found}")]
    OtherImage {
        /// Its commitment.
        found: Digest,
    },
    /// The program said something else in public.
    #[error("the program proven says something else in public")]
    OtherStatement,
}
