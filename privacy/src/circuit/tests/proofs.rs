//! Real proofs: what is accepted, and that nothing else is.

use super::super::keys::{CircuitVersion, PROOF_SIZE, Proof, ProofError, ProvingKey, VerifyingKey};
use super::super::rules::{Part, Rule};
use super::super::statement::Statement;
use super::sample::to_another;
use super::{Attack, F, public, under};
use ff::Field;
use std::sync::LazyLock;

pub(crate) static KEY: LazyLock<ProvingKey> = LazyLock::new(|| ProvingKey::new(CircuitVersion::V1).expect("the circuit fits"));
static VERIFYING: LazyLock<VerifyingKey> = LazyLock::new(|| KEY.verifying_key());
static PROVEN: LazyLock<(Statement, Proof)> = LazyLock::new(|| {
    let (witness, statement) = to_another(25, 8);
    let proof = KEY.prove(&witness, &statement).expect("a true statement");
    (statement, proof)
});

#[test]
fn the_verifying_key_is_the_pinned_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/circuit_v1.txt");
    let text = VERIFYING.pinned();
    if std::env::var_os("PLINTH_REGENERATE").is_some() {
        std::fs::write(path, &text).expect("a writable fixture");
    }
    let pinned = std::fs::read_to_string(path).expect("the pinned key");
    assert!(text == pinned, "the circuit is not version 1 any more: give it a new version, or mend it");
}

#[test]
fn a_proof_is_accepted_and_fails_with_any_public_input_changed() {
    let (statement, proof) = &*PROVEN;
    assert!(VERIFYING.verify(statement, proof));
    for index in 0..public::COUNT {
        let mut inputs = statement.public_inputs();
        inputs[index] += F::ONE;
        assert!(!VERIFYING.verify_inputs(&inputs, proof), "public input {index}");
    }
}

/// Bytes between two flipped bits; odd, so that every kind of element and every bit of a byte is met.
const FLIP_STRIDE: usize = 211;

#[test]
fn a_proof_with_a_bit_flipped_is_refused() {
    let (statement, proof) = &*PROVEN;
    let mut flipped = 0;
    for (nth, at) in (0..PROOF_SIZE).step_by(FLIP_STRIDE).chain([PROOF_SIZE - 1]).enumerate() {
        let mut bytes = proof.as_bytes().to_vec();
        bytes[at] ^= 1 << (nth % 8);
        let accepted = Proof::from_bytes(&bytes).is_ok_and(|proof| VERIFYING.verify(statement, &proof));
        assert!(!accepted, "bit {} of byte {at}", nth % 8);
        flipped += 1;
    }
    assert!(flipped > 20);
}

#[test]
fn a_proof_has_one_length_and_no_point_at_infinity() {
    let (_, proof) = &*PROVEN;
    let mut long = proof.as_bytes().to_vec();
    long.push(0);
    assert_eq!(Proof::from_bytes(&long), Err(ProofError::Size { received: PROOF_SIZE + 1 }));
    assert_eq!(Proof::from_bytes(&long[..PROOF_SIZE - 1]), Err(ProofError::Size { received: PROOF_SIZE - 1 }));
    let mut infinity = proof.as_bytes().to_vec();
    infinity[96..128].fill(0);
    assert_eq!(Proof::from_bytes(&infinity), Err(ProofError::Point { index: 3 }));
}

#[test]
fn a_false_statement_has_no_proof_even_without_the_check_in_front() {
    let (witness, mut statement) = to_another(25, 8);
    statement.commitments.swap(0, 1);
    let made = KEY.prove_unchecked(witness.circuit(statement.day), &statement.public_inputs());
    assert!(made.map_or(true, |proof| !VERIFYING.verify(&statement, &proof)));
}

#[test]
fn a_proof_of_another_circuit_is_refused() {
    // Another circuit: the same but for one rule. Its proofs are of the same size and say almost the same.
    let other = Attack { delete: Some(Rule::OutputRange.part(Part::Result)), ..Attack::default() };
    let (witness, statement) = to_another(25, 8);
    let (made, _) = under(other, || {
        let key = ProvingKey::new(CircuitVersion::V1).expect("the circuit fits");
        let proof = key.prove_unchecked(witness.circuit(statement.day), &statement.public_inputs()).expect("true");
        assert!(key.verifying_key().verify(&statement, &proof), "good under its own key");
        proof
    });
    assert!(!VERIFYING.verify(&statement, &made));
}
