//! What can go wrong with a journal: refusal (another chain's), failure (disk), and damage (bits that changed).

use super::format::SegmentIndex;
use plinth_types::codec::DecodeError;
use plinth_types::id::{ChainId, Seq, ZoneId};

/// Why a journal cannot be opened, read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The operating system refused. Behind a failed write or sync the journal is poisoned: nothing is published any more, and the
    /// process must exit.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// Durable data has changed. Never truncated, never started from.
    #[error(transparent)]
    Corrupt(#[from] Corruption),
    /// A journal, but not this zone's.
    #[error("the journal belongs to chain {chain_found} zone {zone_found}, not to chain {chain} zone {zone}")]
    Foreign {
        /// The chain asked for.
        chain: ChainId,
        /// The zone asked for.
        zone: ZoneId,
        /// The chain that the journal names.
        chain_found: ChainId,
        /// The zone that the journal names.
        zone_found: ZoneId,
    },
    /// The current segment is full and the next one could not be allocated.
    #[error("no space for the journal's segment {segment}")]
    NoSpace {
        /// The segment that is missing.
        segment: SegmentIndex,
    },
    /// Somebody is writing to it.
    #[error("the journal in {} is in use", .path.display())]
    InUse {
        /// Its directory.
        path: std::path::PathBuf,
    },
    /// A reader was asked for records that the journal does not hold.
    #[error("record {seq} is before the journal's first, {first}")]
    BeforeFirst {
        /// The record asked for.
        seq: Seq,
        /// The first one held.
        first: Seq,
    },
    /// The journal thread is gone.
    #[error("the journal thread ended unexpectedly")]
    ThreadLost,
}

/// Data that was durable is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("journal corrupt at record {seq}: {fault} (segment {segment}, byte {offset})")]
pub struct Corruption {
    /// The first record that cannot be trusted.
    pub seq: Seq,
    /// In which file.
    pub segment: SegmentIndex,
    /// Where in the file.
    pub offset: u64,
    /// What is wrong there.
    pub fault: Fault,
}

/// What is wrong at a place of a journal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The segment's header is damaged.
    #[error("segment header damaged")]
    SegmentHeader,
    /// The segment is missing between two others.
    #[error("segment missing")]
    SegmentMissing,
    /// The segment does not continue the one before it.
    #[error("segment starts at record {found}")]
    SegmentOrder {
        /// The record it says it starts with.
        found: Seq,
    },
    /// The batch's header is damaged, or nothing was found where records were acknowledged.
    #[error("batch header damaged or missing")]
    BatchHeader,
    /// The batch is intact and is not the one that follows.
    #[error("batch out of order, it starts at record {found}")]
    BatchOrder {
        /// The record it says it starts with.
        found: Seq,
    },
    /// The record's bytes are damaged.
    #[error("record damaged")]
    Record,
    /// The batch's bytes are damaged outside its records.
    #[error("batch padding damaged")]
    Padding,
    /// The checksums are right and the record is none.
    #[error("record does not decode: {0}")]
    Decode(DecodeError),
    /// Written by another version of the program.
    #[error("unknown format version {found}")]
    Version {
        /// The version found.
        found: u8,
    },
}

/// A system call on a journal file that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{op} of journal segment {segment} at byte {offset} failed: {}", std::io::Error::from_raw_os_error(*.errno))]
pub struct DiskError {
    /// What was tried.
    pub op: DiskOp,
    /// On which file; 0 for the directory.
    pub segment: SegmentIndex,
    /// Where in the file.
    pub offset: u64,
    /// The operating system's number.
    pub errno: i32,
}

impl DiskError {
    /// Whether the disk is full or the quota used up.
    #[must_use]
    pub const fn is_no_space(&self) -> bool {
        matches!(self.errno, libc::ENOSPC | libc::EDQUOT)
    }

    pub(crate) fn new(op: DiskOp, segment: SegmentIndex, offset: u64, error: &std::io::Error) -> Self {
        Self { op, segment, offset, errno: error.raw_os_error().unwrap_or(libc::EIO) }
    }
}

/// What was asked of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskOp {
    /// Opening, or listing the directory.
    Open,
    /// Allocating a segment.
    Allocate,
    /// Reading.
    Read,
    /// Writing.
    Write,
    /// Making durable.
    Sync,
}

impl std::fmt::Display for DiskOp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Allocate => "allocation",
            Self::Read => "read",
            Self::Write => "write",
            Self::Sync => "sync",
        })
    }
}
