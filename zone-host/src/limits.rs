//! Bounds and pauses of a host.

use std::time::Duration;

/// Callers served at once, the zone process among them; more are cut off.
pub const CALLERS_MAX: usize = 16;
/// How long a full link is left alone.
pub const LINK_RETRY_INTERVAL: Duration = Duration::from_millis(5);
/// A zone whose news end at a block that the ledger has not reached after this is told to call again: meanwhile no other one is served.
pub const WELCOME_WITHIN: Duration = Duration::from_secs(30);
/// How often the ledger is looked at while it is not yet where the zone was.
pub const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// Pause when a caller cannot be accepted.
pub const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);
/// How often a host looks whether the zone is still its producer's.
pub const WATCH_INTERVAL: Duration = Duration::from_secs(1);
/// Most bytes of bodies that wait to be proven: then the zone waits.
pub const PROOF_BODIES_SIZE_MAX: usize = 256 << 20;
/// How often it is looked whether a block can be proven.
pub const PROOF_LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// Pause before a proof is brought again that a validator refused.
pub const PROOF_REFUSED_DELAY: Duration = Duration::from_secs(5);
/// Most bytes of a configuration file or key file.
pub const CONFIG_SIZE_MAX: u64 = 1 << 20;
