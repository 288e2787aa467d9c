//! Bounds of the pipeline's queues.

use crate::ring::record::RECORD_CELLS_MAX;

/// Cells of the ring that new orders leave free, so that cancels and the appliance's own records still pass when it is full: room for
/// this many of the longest records.
pub const RESERVED_CELLS: usize = 64 * RECORD_CELLS_MAX;
/// Most records executed and not yet released.
pub const HELD_RECORDS_MAX: usize = 1 << 17;
/// Of these, how many new orders leave free.
pub const HELD_RECORDS_RESERVED: usize = 1 << 12;

const _: () = assert!(HELD_RECORDS_RESERVED < HELD_RECORDS_MAX, "new orders have room too");
