//! Bounds and pauses of the simulation, all of simulated time.

use std::time::Duration;

/// Validators of one world.
pub const VALIDATORS_MIN: usize = 4;
/// Most validators of one world: verification of votes grows with the square.
pub const VALIDATORS_MAX: usize = 7;
/// Keys of a world whose committee, of [`VALIDATORS_MIN`], changes.
pub const EPOCH_KEYS: usize = 6;
/// Zones of one world.
pub const ZONES: u8 = 3;
/// Owners that deposit.
pub const OWNERS: u8 = 3;
/// Assets of the chain.
pub const ASSETS: u16 = 2;

/// How often clients and producers act.
pub const TICK: Duration = Duration::from_millis(50);
/// How long an idle proposer waits.
pub const IDLE_INTERVAL: Duration = Duration::from_millis(100);
/// From healing to the first block that was not final before. Six times the longest view that nobody finishes: idle interval,
/// leader's and certification grace are 1.1 s, a Byzantine leader has one view in four, links lose messages, and a validator that starts
/// anew asks for what it missed first.
pub const PROGRESS_WITHIN: Duration = Duration::from_millis(6_600);
/// The same where committees change: a validator that joins asks for the end of the epoch before first, and may have to ask again.
pub const PROGRESS_WITHIN_EPOCHS: Duration = Duration::from_secs(10);
/// How long a plan waits for the end of an epoch, or for a committee.
pub const EPOCH_WITHIN: Duration = Duration::from_secs(60);
/// What was sent before links were cut still comes in for so long.
pub const IN_FLIGHT: Duration = Duration::from_millis(500);
/// From healing until everybody is level and everything that honest clients and producers sent is final.
pub const SETTLED_WITHIN: Duration = Duration::from_secs(30);
/// Settlement blocks that all honest validators must gain after healing.
pub const BLOCKS_AFTER_HEALING: u64 = 5;
/// A world that runs longer than this is stuck.
pub const WORLD_TIMEOUT: Duration = Duration::from_secs(1_800);

/// Zone blocks that a producer keeps in flight.
pub const ZONE_BLOCKS_IN_FLIGHT: usize = 3;
/// Messages of the simulated network per second and peer.
pub const MESSAGES_PER_SECOND: u32 = 4_096;
