//! What `plinth-verify` is asked and what it says.
//!
//! `│ version u8 │ header size u32 │ header │ proof │` is one request; its answer is a line: `valid` or `refused`, the request's SHA-256, and why not.

use crate::limits::{HEADER_SIZE_MAX, PROOF_SIZE_MAX};
use crate::{ProofError, Verify};
use plinth_types::block::ZoneHeader;
use plinth_types::codec::Codec;
use plinth_types::digest::Digest;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// Version of a request.
pub const VERSION: u8 = 1;
/// Most bytes of a request.
pub const REQUEST_SIZE_MAX: usize = 5 + HEADER_SIZE_MAX + PROOF_SIZE_MAX;

/// Kind of an output that says that a block executes.
const EXECUTED: u32 = 1;

/// Why a header is not shown.
#[derive(Debug, Error)]
pub enum Refused {
    /// No request.
    #[error("what was asked is no request")]
    Request,
    /// Of a guest that is not pinned here.
    #[error("guest {0} is none that is pinned here")]
    Guest(Digest),
    /// The proof's fault.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// The answer to a request.
pub fn answer(verifier: &impl Verify, request: &[u8]) -> String {
    let asked = Digest(Sha256::digest(request).into());
    match verify(verifier, request) {
        Ok(()) => format!("valid {asked}\n"),
        Err(refused) => format!("refused {asked} {}\n", refused.to_string().replace('\n', " ")),
    }
}

fn verify(verifier: &impl Verify, request: &[u8]) -> Result<(), Refused> {
    let (header, proof) = header_of(request).ok_or(Refused::Request)?;
    if header.guest_image != verifier.image() {
        return Err(Refused::Guest(header.guest_image));
    }
    Ok(verifier.verify(&executed(&header), proof)?)
}

/// Header and proof of a request, or of a file of a proof, which is the same.
#[must_use]
pub fn header_of(request: &[u8]) -> Option<(ZoneHeader, &[u8])> {
    let (&version, rest) = request.split_first()?;
    let (size, rest) = rest.split_first_chunk()?;
    let size = u32::from_le_bytes(*size) as usize;
    if version != VERSION || size > HEADER_SIZE_MAX {
        return None;
    }
    let (header, proof) = rest.split_at_checked(size)?;
    Some((ZoneHeader::decode(header).ok()?, proof))
}

/// A proof with its header, as [`header_of`] reads it.
#[must_use]
pub fn with_header(header: &ZoneHeader, proof: &[u8]) -> Vec<u8> {
    let header = header.to_bytes();
    let mut out = vec![VERSION];
    out.extend_from_slice(&(header.len() as u32).to_le_bytes());
    out.extend_from_slice(&header);
    out.extend_from_slice(proof);
    out
}

/// What the trading zone's guest says of a block with this header: its hash without the root of exits, which the guest does not compute.
#[must_use]
pub fn executed(header: &ZoneHeader) -> crate::Statement {
    let bytes = ZoneHeader { exit_root: Digest::ZERO, ..header.clone() }.execution_bytes();
    let mut statement = [0; crate::limits::STATEMENT_SIZE];
    statement[..4].copy_from_slice(&EXECUTED.to_le_bytes());
    statement[8..40].copy_from_slice(&Sha256::digest(bytes));
    statement
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Statement;

    /// Settlement's own fixture of a header with a proof.
    const FIXTURE: &str = include_str!("../../../settlement/tests/golden/header_proof.hex");

    /// Knows one statement, and takes the word `proof` for a proof of it.
    struct Only(Statement, Digest);

    impl Verify for Only {
        fn verify(&self, statement: &Statement, proof: &[u8]) -> Result<(), ProofError> {
            if *statement == self.0 && proof == b"proof" { Ok(()) } else { Err(ProofError::OtherStatement) }
        }

        fn image(&self) -> Digest {
            self.1
        }
    }

    #[test]
    fn what_validators_ask_is_what_is_read_and_the_answer_names_it() {
        let hex = FIXTURE.replace('\n', "");
        let request: Vec<u8> = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        let (header, proof) = header_of(&request).unwrap();
        assert_eq!((with_header(&header, proof), proof), (request.clone(), &b"proof"[..]));
        let verifier = Only(executed(&header), header.guest_image);
        let asked = |request: &[u8]| Digest(Sha256::digest(request).into());
        assert_eq!(answer(&verifier, &request), format!("valid {}\n", asked(&request)));
        let refused = |verifier: &Only, request: &[u8]| {
            let said = answer(verifier, request);
            assert!(said.starts_with(&format!("refused {} ", asked(request))) && said.lines().count() == 1, "{said}");
        };
        for at in 0..request.len() {
            let mut other = request.clone();
            other[at] ^= 1;
            // The root of exits and how a body is dispersed are under no proof: docs/proofs.md.
            let is_unproven = header_of(&other).is_some_and(|(header, _)| executed(&header) == verifier.0);
            if !is_unproven || at >= request.len() - 5 {
                refused(&verifier, &other);
            }
        }
        refused(&verifier, &[]);
        refused(&verifier, &request[..request.len() - 1]);
        refused(&Only(verifier.0, Digest([1; 32])), &request);
    }
}
