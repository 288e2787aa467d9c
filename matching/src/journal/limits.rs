//! Bounds of the journal's files and queues.

use plinth_types::limits::{COMMAND_HEAD_SIZE, COMMAND_TAIL_SIZE_MAX};
use std::time::Duration;

/// Bytes in front of a segment's first batch.
pub const SEGMENT_HEADER_SIZE: usize = 4_096;
/// Bytes of a batch's header.
pub const BATCH_HEADER_SIZE: usize = 64;
/// Batches start at multiples of it: what a disk writes whole or not at all, so that a torn batch damages no earlier one.
pub const BATCH_ALIGN: usize = 512;
/// Most bytes of one batch, header and padding included.
pub const BATCH_SIZE_MAX: usize = 4 << 20;
/// Fewest bytes that a writer may be told to keep a batch under: the longest record fits.
pub const BATCH_SIZE_MIN: usize = (BATCH_HEADER_SIZE + COMMAND_HEAD_SIZE + COMMAND_TAIL_SIZE_MAX).next_multiple_of(BATCH_ALIGN);
/// Bytes of a segment, unless configured otherwise.
pub const SEGMENT_SIZE_DEFAULT: u64 = 64 << 20;
/// Largest segment.
pub const SEGMENT_SIZE_MAX: u64 = 1 << 32;
/// Cells of the ring between sequencer and journal, unless configured otherwise: 8 MiB.
pub const RING_CELLS_DEFAULT: usize = 1 << 17;
/// How long the ring must be empty before the journal writes an empty batch, so that its last records lie below a durable floor.
pub const FLOOR_IDLE: Duration = Duration::from_millis(100);
/// How often what an `async` journal has written is synced. Nobody's answer waits for it, only the next block.
pub const SYNC_INTERVAL: Duration = Duration::from_millis(2);
/// How long the journal thread sleeps at most without looking at anything.
pub const IDLE_WAIT_MAX: Duration = Duration::from_secs(1);
/// How long a failed preparation of a segment rests before it is tried again.
pub const PREPARE_RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// Zeros that are written behind a batch which is the first to reach there.
pub const WRITE_AHEAD_SIZE: usize = 1 << 17;
/// Bytes that a reader asks the disk for at once.
pub const READ_AHEAD_SIZE: usize = 1 << 18;

const _: () = assert!(SEGMENT_HEADER_SIZE.is_multiple_of(BATCH_ALIGN), "the first batch is aligned");
const _: () = assert!(BATCH_SIZE_MAX.is_multiple_of(BATCH_ALIGN), "padding never exceeds the largest batch");
const _: () = assert!(BATCH_SIZE_MIN <= BATCH_SIZE_MAX, "the longest record fits a batch");
const _: () = assert!(BATCH_SIZE_MAX as u64 + SEGMENT_HEADER_SIZE as u64 <= SEGMENT_SIZE_DEFAULT, "a segment holds a batch");
