//! The search for a second witness: with the public inputs fixed, no secret may be another. A pool whose notes could be spent under two
//! nullifiers, or whose proofs did not fix what they hide, would show here as an assignment that is accepted.

use super::super::{F, Secrets};
use super::sample::to_another;
use super::satisfied;
use ff::Field;

/// Every word that the prover gives.
fn words(secrets: &mut Secrets) -> Vec<&mut F> {
    let Secrets { spend_key, nullifier_key, asset_number, eligible, inputs, outputs, holders } = secrets;
    let mut words = vec![spend_key, nullifier_key, asset_number];
    words.extend(eligible.iter_mut());
    for input in inputs {
        words.extend([&mut input.value, &mut input.randomness]);
        words.extend(input.path.turns.iter_mut().chain(&mut input.path.siblings));
    }
    for output in outputs {
        words.extend([&mut output.value, &mut output.owner, &mut output.randomness]);
    }
    for holder in holders {
        words.extend([&mut holder.audit_key, &mut holder.margin]);
        words.extend(holder.place.iter_mut().chain(&mut holder.path.turns).chain(&mut holder.path.siblings));
    }
    words
}

/// Changes every `step`-th word by one, alone and together with the word `partner` places on by minus one.
fn search(step: usize, partner: usize) {
    let (witness, statement) = to_another(25, 8);
    let inputs = statement.public_inputs();
    let honest = witness.circuit(statement.day);
    assert!(satisfied(&honest, &inputs));
    let count = words(&mut honest.secrets.clone().expect("secrets")).len();
    let mut accepted = Vec::new();
    for index in (0..count).step_by(step) {
        for with_partner in [false, true] {
            let mut other = honest.clone();
            let mut words = words(other.secrets.as_mut().expect("secrets"));
            *words[index] += F::ONE;
            if with_partner {
                *words[(index + partner) % count] -= F::ONE;
            }
            if satisfied(&other, &inputs) {
                accepted.push((index, with_partner));
            }
        }
    }
    println!("second witness: {} of {count} words tried, alone and in pairs", count.div_ceil(step));
    assert!(accepted.is_empty(), "a second witness for the same statement: {accepted:?}");
}

#[test]
fn a_sample_of_the_secrets_has_no_second_value() {
    search(37, 1);
}

/// `cargo test --release -p plinth-privacy --lib -- --ignored no_secret_has --nocapture`.
#[test]
#[ignore = "minutes of CPU: every secret"]
fn no_secret_has_a_second_value() {
    search(1, 1);
    search(1, 66);
}
