//! What the zone has durably: blocks as they are handed over, and how far the news of settlement are processed.
//!
//! ```text
//! file    "PLINTHPV" version(1) policy(32) crc32c(4)      of the 41 bytes before; version 2, or 1 without what settlement wrote into headers
//! record  length(4) crc32c-of-length(4) crc32c-of-payload(4) payload(length)
//! ```
//!
//! * Numbers are little-endian. A length has a checksum of its own: a damaged length must not pass for a torn tail, which is cut off.
//! * A record that was appended is on disk when [`Journal::append`] returns. After a failed append nothing more is written.
//! * One process at a time: the file is locked.
//! * A block's header is whole once settlement has ordered it: then a record says what it wrote into it. Ordered again, after a rejection, it has
//!   another record, and those of blocks behind it count no more.
//! * [`Archive`] reads blocks and ordered headers by height, from other threads.
//!
//! Known limitations: the last record cannot be told from a torn write when it is damaged later.

mod archive;

pub use archive::Archive;

use crate::limits::RECORD_SIZE_MAX;
use plinth_types::codec::{Codec, DecodeError};
use plinth_types::digest::Digest;
use plinth_types::id::Height;
use plinth_types::{choice, record};
use plinth_zone_protocol::{Block, Completion};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

const MAGIC: &[u8; 8] = b"PLINTHPV";
const VERSION: u8 = 2;
/// Of journals that may hold ordered blocks of which they do not say so.
const VERSION_WITHOUT_HEADERS: u8 = 1;
const FILE_HEAD: usize = 8 + 1 + 32 + 4;
/// Bytes before a record's payload.
pub const RECORD_HEAD: usize = 12;

/// How far settlement's news have their effects in the records up to here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The genesis of settlement; zero before the first welcome.
    pub genesis: Digest,
    /// The last settlement block processed.
    pub settlement: Height,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The next block, and the position with it.
    Block(Position, Box<Block>),
    /// Settlement went on, and there was nothing to do.
    Position(Position),
    /// Settlement has ordered the block of this height, in the settlement block behind the position.
    Ordered(Position, Height, Completion),
}

record!(Position { genesis, settlement });
choice!(Record, "journal record" { 1 => Block(position, block), 2 => Position(position), 3 => Ordered(position, height, completion) });

/// The journal cannot be read or written.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The file system.
    #[error("{path}: {error}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another process has it.
    #[error("{path}: another process works on this journal")]
    Locked {
        /// Which file.
        path: PathBuf,
    },
    /// Another file, or one of another version.
    #[error("{path}: not a journal of this version")]
    Foreign {
        /// Which file.
        path: PathBuf,
    },
    /// The pool it was written for is another.
    #[error("the journal is of pool {found}, the configuration is of {expected}")]
    OtherPool {
        /// In the file.
        found: Digest,
        /// Of the configuration.
        expected: Digest,
    },
    /// Bytes changed after they were written.
    #[error("record at byte {offset} is damaged: {what}")]
    Damaged {
        /// Where it begins.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// A whole record that makes no sense.
    #[error("record at byte {offset}: {error}")]
    Record {
        /// Where it begins.
        offset: u64,
        /// What is wrong.
        error: DecodeError,
    },
    /// No such block.
    #[error("no block {0}")]
    Unknown(Height),
    /// The record does not fit.
    #[error("a record of {0} bytes, at most {RECORD_SIZE_MAX} are written")]
    TooLarge(usize),
    /// An earlier append failed.
    #[error("the journal failed before and takes nothing more")]
    Broken,
}

/// The journal, open for appending.
#[derive(Debug)]
pub struct Journal {
    archive: Arc<Archive>,
    /// Where the next record goes.
    end: u64,
    broken: bool,
    version: u8,
}

impl Journal {
    /// Opens or creates the file, and gives every record in order to `replay`. A torn last record is cut off.
    pub fn open<E: From<JournalError>>(
        path: &Path,
        policy: Digest,
        mut replay: impl FnMut(Record) -> Result<(), E>,
    ) -> Result<Self, E> {
        let archive = Archive::open(path)?;
        let size = archive.size()?;
        if size < FILE_HEAD as u64 {
            // Empty, or torn while it was created: nothing was ever written.
            archive.create(policy)?;
            return Ok(Self { archive: Arc::new(archive), end: FILE_HEAD as u64, broken: false, version: VERSION });
        }
        let version = archive.check_head(policy)?;
        let mut at = FILE_HEAD as u64;
        while let Some((record, next)) = archive.record(at, size)? {
            archive.note(&record, at)?;
            replay(record)?;
            at = next;
        }
        if at < size {
            archive.io(archive.file.set_len(at).and_then(|()| archive.file.sync_all()))?;
        }
        Ok(Self { archive: Arc::new(archive), end: at, broken: false, version })
    }

    /// Whether blocks may have been ordered of which it does not say so: it is of an earlier version, and has not begun to.
    #[must_use]
    pub fn lacks_headers(&self) -> bool {
        self.version == VERSION_WITHOUT_HEADERS && self.archive.ordered() == Height::new(0)
    }

    /// Its blocks, for readers.
    #[must_use]
    pub fn archive(&self) -> Arc<Archive> {
        Arc::clone(&self.archive)
    }

    /// Appends a record and returns once it is on disk.
    pub fn append(&mut self, record: &Record) -> Result<(), JournalError> {
        if self.broken {
            return Err(JournalError::Broken);
        }
        let payload = record.to_bytes();
        if payload.len() > RECORD_SIZE_MAX {
            return Err(JournalError::TooLarge(payload.len()));
        }
        let length = (payload.len() as u32).to_le_bytes();
        let mut bytes = Vec::with_capacity(RECORD_HEAD + payload.len());
        bytes.extend_from_slice(&length);
        bytes.extend_from_slice(&crc32c::crc32c(&length).to_le_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(&payload).to_le_bytes());
        bytes.extend_from_slice(&payload);
        // After a failed sync nobody knows what is on disk.
        self.broken = true;
        let file = &self.archive.file;
        self.archive.io(file.write_all_at(&bytes, self.end).and_then(|()| file.sync_data()))?;
        self.archive.note(record, self.end)?;
        self.end += bytes.len() as u64;
        self.broken = false;
        Ok(())
    }
}

fn file_head(version: u8, policy: Digest) -> Vec<u8> {
    let mut head = Vec::with_capacity(FILE_HEAD);
    head.extend_from_slice(MAGIC);
    head.push(version);
    head.extend_from_slice(&policy.0);
    head.extend_from_slice(&crc32c::crc32c(&head).to_le_bytes());
    head
}
