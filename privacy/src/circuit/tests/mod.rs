//! The circuit, held to its statement: what it accepts, what it refuses, and that each constraint is needed.

mod agreement;
mod cells;
mod constraints;
pub(crate) mod proofs;
pub(crate) mod sample;
mod second;

use super::forge::seam::{ATTACK, Attack};
use super::keys::ROWS_LOG2;
use super::statement::public;
use super::{F, JoinSplit};
use halo2_proofs::dev::MockProver;

/// Whether the constraints hold, checked exactly and without a proof.
fn satisfied(circuit: &JoinSplit, inputs: &[F; public::COUNT]) -> bool {
    MockProver::run(ROWS_LOG2, circuit, vec![inputs.to_vec()]).is_ok_and(|prover| prover.verify().is_ok())
}

/// Runs `body` under an attack and returns its result with what the forged computation came to.
fn under<T>(attack: Attack, body: impl FnOnce() -> T) -> (T, Vec<(usize, F)>) {
    ATTACK.set(attack);
    let result = body();
    let attack = ATTACK.take();
    (result, attack.computed)
}
