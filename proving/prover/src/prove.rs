//! Proving systems, and the one there is.

use plinth_machine::{Machine, MachineError, Parts};
use plinth_proof_verifier::limits::{SEGMENT_SIZE_MAX, SEGMENTS_MAX};
use plinth_proof_verifier::{Image, OpenVm, Statement};
use plinth_types::digest::Digest;
use std::fmt;
use thiserror::Error;

/// A proving system, to who has blocks to prove.
pub trait Prove {
    /// What it fails with.
    type Error: fmt::Display;

    /// A proof that the guest, given `input`, says `statement`.
    ///
    /// # Errors
    ///
    /// If the guest says something else, or its execution cannot be proven.
    fn prove(&mut self, input: &[u8], statement: &Statement) -> Result<Vec<u8>, Self::Error>;
}

/// Why there is no proof.
#[derive(Debug, Error)]
pub enum ProveError {
    /// The machine's.
    #[error(transparent)]
    Machine(#[from] MachineError),
    /// More than a verifier takes: the block is too large.
    #[error("{segments} segments, the largest of {size_max} bytes, are more than a verifier takes")]
    TooLarge {
        /// Its segments.
        segments: usize,
        /// Bytes of the largest one.
        size_max: usize,
    },
}

impl Prove for Machine {
    type Error = ProveError;

    fn prove(&mut self, input: &[u8], statement: &Statement) -> Result<Vec<u8>, ProveError> {
        let Parts { segments, path, .. } = Self::prove(self, input, statement)?;
        let size_max = segments.iter().map(Vec::len).max().unwrap_or(0);
        if segments.len() > SEGMENTS_MAX || size_max > SEGMENT_SIZE_MAX {
            return Err(ProveError::TooLarge { segments: segments.len(), size_max });
        }
        Ok(OpenVm::frame(&segments, &path))
    }
}

/// What pins the machine's guest, as a verifier reads it.
#[must_use]
pub fn image_of(machine: &Machine) -> Image {
    let pins = machine.pins();
    Image { elf: Digest(pins.elf), verifying_key: Digest(pins.verifying_key), exe_commitment: Digest(pins.exe_commitment) }
}
