//! The command journal: every record that the zone was asked, in sequence, durable before anything it caused is said.
//!
//! A directory of segment files, allocated ahead, each a header and then batches (`format` draws the bytes). A batch is what the
//! journal's thread found in its ring when the batch before it was durable: group commit without a timer.
//!
//! | file | idea |
//! | --- | --- |
//! | `thread` | ring → batch → disk → published sequence numbers; allocation ahead |
//! | `batch` | the buffer that is filled and written |
//! | `writer` | appends, rolls, poisons itself |
//! | `format` | the bytes |
//! | `disk`, `kernel` | the seam where faults go in; the system calls (`unsafe`) |
//! | `walk`, `recover`, `reader` | batches in order; what a start makes of them; records for the replica |
//!
//! # Invariants
//!
//! * What [`JournalStatus::acknowledgeable`] names is recovered after any crash that the durability covers; what is recovered beyond
//!   it was really handed over, and is at most what one batch holds. In order, without holes.
//! * After a failed write or sync nothing is published any more.
//! * A start never cuts off what a floor on disk says was durable; it names the record and refuses (`recover` says what one disk
//!   can and cannot tell).
//! * A batch starts at a multiple of 512 and shares no sector with another, so a torn write damages none but itself. Batches do share
//!   pages; the kernel writes a page with the earlier batches' bytes as they were.
//! * The steady path allocates nothing; memory is the ring and one batch.
//!
//! # Known limitations
//!
//! Segments are kept for good: nothing prunes them behind a snapshot yet. A disk that lies about `fdatasync` is believed.

mod batch;
#[cfg(test)]
mod crash_tests;
mod disk;
mod error;
mod format;
mod kernel;
pub mod limits;
mod reader;
mod recover;
#[cfg(test)]
mod sim;
mod thread;
mod walk;
mod writer;

pub use batch::Batch;
pub use disk::{Directory, Disk, FileDisk, ReadSegments};
pub use error::{Corruption, DiskError, DiskOp, Fault, JournalError};
pub use format::SegmentIndex;
pub use reader::Reader;
pub use recover::{Identity, Report};
pub use thread::{Hook, Journal, JournalConfig, JournalStatus};
pub use writer::{Durability, End, Writer, open};

use std::path::Path;

/// Checks the journal in `path` without changing it: `plinth verify-journal`.
///
/// # Errors
///
/// When it cannot be read. Damage is in the report.
pub fn verify(path: &Path) -> Result<Report, JournalError> {
    recover::verify(Directory::open(path)?, None)
}

/// As [`verify`], of the journal that this must be.
///
/// # Errors
///
/// As [`verify`], and [`JournalError::Foreign`].
pub fn verify_as(path: &Path, identity: Identity) -> Result<Report, JournalError> {
    recover::verify(Directory::open(path)?, Some(identity))
}
