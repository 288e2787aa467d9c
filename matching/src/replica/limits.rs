//! Bounds of block production and snapshots.

use plinth_types::limits::{BODY_COMMANDS_MAX, BODY_SIZE_MAX, HEADER_ASSETS_MAX, HEADER_REFUSED_MAX, OUTBOX_MESSAGES_MAX};
use std::time::Duration;

/// Most bytes of a body, unless configured otherwise.
pub const BLOCK_SIZE_DEFAULT: usize = 1 << 20;
/// Most commands of a block, unless configured otherwise.
pub const BLOCK_COMMANDS_DEFAULT: usize = 8_192;
/// How long a block waits for more commands, unless configured otherwise.
pub const BLOCK_INTERVAL_DEFAULT: Duration = Duration::from_millis(10);
/// Largest encoded header that the block log accepts: the fixed fields, the most totals and the most refusals.
pub const HEADER_SIZE_MAX: usize = 512 + HEADER_ASSETS_MAX * 18 + HEADER_REFUSED_MAX * 8;
/// Largest encoded outbox that the block log accepts.
pub const OUTBOX_SIZE_MAX: usize = 4 + OUTBOX_MESSAGES_MAX * 101;
/// Every so many entries of the block log one offset is kept in memory.
pub const LOG_INDEX_STEP: u64 = 64;
/// Most notes in a row that a rebuilt journal holds the places of: a body whose records skip more is no producer's.
pub const LOST_NOTES_MAX: u64 = 1 << 20;
/// Most rejected blocks that are sealed anew at a start: as many as validators keep the shards of.
pub const RECUT_BLOCKS_MAX: usize = 1 << 16;
/// Snapshots kept; older ones are removed.
pub const SNAPSHOTS_KEPT: usize = 2;

const _: () = assert!(BLOCK_SIZE_DEFAULT <= BODY_SIZE_MAX, "a validator refuses larger bodies");
const _: () = assert!(BLOCK_COMMANDS_DEFAULT <= BODY_COMMANDS_MAX, "a validator refuses more commands");
