//! Bounds and pauses of dispersal.

use crate::limits::{BLOCK_SIZE_MAX, VALIDATORS_MAX};
use plinth_types::limits::BODY_SIZE_MAX;
use std::time::Duration;

/// Bytes that the cipher adds to a body: its tag.
pub const TAG_SIZE: usize = 16;
/// Most bytes of a body's ciphertext.
pub const CIPHERTEXT_SIZE_MAX: usize = BODY_SIZE_MAX + TAG_SIZE;
/// Most bytes of ciphertext that are coded as one piece: a body of one MiB and its tag. Smaller pieces make smaller proofs of fraud,
/// larger ones fewer paths to send.
pub const SEGMENT_SIZE_MAX: usize = (1 << 20) + TAG_SIZE;
/// Most segments of one body.
pub const SEGMENTS_MAX: usize = CIPHERTEXT_SIZE_MAX.div_ceil(SEGMENT_SIZE_MAX);
/// Most bytes of a shard beside its share of the ciphertext, per segment: root, sizes, index, path.
pub const SEGMENT_SHARD_HEAD_SIZE_MAX: usize = 32 + 4 + 16 + 8 * 32;
/// Most bytes of one validator's shard: half of the ciphertext, with four validators.
pub const SHARD_SIZE_MAX: usize = 8 + CIPHERTEXT_SIZE_MAX.div_ceil(2) + SEGMENTS_MAX * (SEGMENT_SHARD_HEAD_SIZE_MAX + 64);
/// Most bytes of a proof of fraud: as many shards of one segment as rebuild it, and the roots of all.
pub const FRAUD_SIZE_MAX: usize = 256 + SEGMENTS_MAX * 32 + SEGMENT_SIZE_MAX + VALIDATORS_MAX * (SEGMENT_SHARD_HEAD_SIZE_MAX + 64);

/// Bytes of shards of one zone that a validator keeps. The oldest settled ones go first; while there are none, no new shard is taken,
/// so that a zone whose blocks do not become available stops itself and nobody else.
pub const SHARDS_PER_ZONE_SIZE_MAX: usize = 4 << 30;
/// Zone blocks behind the last settled one whose shards are kept for late validators and new producers.
pub const SHARDS_RETAINED_BLOCKS: u64 = 65_536;
/// Headers of one height whose shards are kept: honest producers make one, and another after a rejection.
pub const SHARDS_PER_HEIGHT_MAX: u64 = 8;
/// Zone blocks of one file of shards.
pub const SHARDS_SECTION_BLOCKS: u64 = 512;
/// Requests that wait for the shard store.
pub const STORE_QUEUE_MAX: usize = 1_024;
/// Shards that are made durable with one sync.
pub const STORE_BATCH_MAX: usize = 64;

/// How long those whose turn it is have to say that they rebuilt a body, before all others try.
pub const ROTATION_TIMEOUT: Duration = Duration::from_millis(1_000);
/// How long a validator that is asked for a shard has to send it, before another one is asked.
pub const SHARD_TIMEOUT: Duration = Duration::from_millis(500);
/// How long a validator that said that it rebuilt a body waits for the others before it says so again.
pub const REPEAT_INTERVAL: Duration = Duration::from_millis(500);
/// How long a validator that lacks its own shard of an ordered block waits before it rebuilds it.
pub const REPAIR_DELAY: Duration = Duration::from_millis(2_000);
/// How often a validator asks all others for shards of a settled block before it gives its own up for lost.
pub const REPAIR_ROUNDS_MAX: u32 = 8;
/// Bodies of one zone that are rebuilt at once, and as many more whose shards are repaired.
pub const REBUILDS_PER_ZONE_MAX: usize = 4;
/// Shards that one validator may ask of us in a second.
pub const SHARDS_SERVED_PER_SECOND_MAX: u32 = 256;

const _: () = assert!(FRAUD_SIZE_MAX + 4_096 <= BLOCK_SIZE_MAX, "a proof of fraud stands in a block");
const _: () = assert!(SEGMENT_SIZE_MAX <= u32::MAX as usize, "the coding carries a segment's size in four bytes");
const _: () = assert!(
    SHARDS_PER_ZONE_SIZE_MAX >= 3 * SHARDS_SECTION_BLOCKS as usize * SHARD_SIZE_MAX,
    "files go as a whole, so the share holds several of the largest shards"
);
