//! Bounds and pauses of the way from provers to validators.

use std::time::Duration;

/// Proofs that are asked for at a time.
pub const WANTED_MAX: usize = 64;
/// How often it is looked whether there is something to ask for or to bring.
pub const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// Pause before a proof is brought again that a validator refused.
pub const REFUSED_DELAY: Duration = Duration::from_secs(5);
/// Most commands of a block that has to be proven: what a verifier takes of segments leaves room for several times as many.
pub const PROVEN_COMMANDS_MAX: usize = 2_048;
/// Longest time that a block stays open because as many wait for their proofs as there are provers.
pub const HELD_OPEN_MAX: Duration = Duration::from_secs(60);
/// First pause before a prover that ended is started again; doubled while it ends at once.
pub const RESTART_DELAY_MIN: Duration = Duration::from_secs(1);
/// Longest such pause.
pub const RESTART_DELAY_MAX: Duration = Duration::from_secs(60);
/// How long a prover has run that did not end at once.
pub const RESTART_PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked whether a prover still runs.
pub const CHILD_LOOK_INTERVAL: Duration = Duration::from_millis(100);
