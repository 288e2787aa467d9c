//! What the zone has durably: blocks as they are handed over, and how far the news of settlement are processed.
//!
//! ```text
//! file    "PLINTHPV" version(1) policy(32) crc32c(4)      of the 41 bytes before
//! record  length(4) crc32c-of-length(4) crc32c-of-payload(4) payload(length)
//! ```
//!
//! * Numbers are little-endian. A length has a checksum of its own: a damaged length must not pass for a torn tail, which is cut off.
//! * A record that was appended is on disk when [`Journal::append`] returns. After a failed append nothing more is written.
//! * One process at a time: the file is locked.
//! * [`Archive`] reads blocks by height, from other threads.
//!
//! Known limitations: the last record cannot be told from a torn write when it is damaged later.

use crate::limits::RECORD_SIZE_MAX;
use plinth_types::codec::{Codec, DecodeError};
use plinth_types::digest::Digest;
use plinth_types::id::Height;
use plinth_types::{choice, record};
use plinth_zone_protocol::Block;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use thiserror::Error;

const MAGIC: &[u8; 8] = b"PLINTHPV";
const VERSION: u8 = 1;
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
}

record!(Position { genesis, settlement });
choice!(Record, "journal record" { 1 => Block(position, block), 2 => Position(position) });

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
}

/// Blocks by height.
#[derive(Debug)]
pub struct Archive {
    file: File,
    path: PathBuf,
    /// Where the record of block 1, 2, … begins.
    blocks: RwLock<Vec<u64>>,
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
            return Ok(Self { archive: Arc::new(archive), end: FILE_HEAD as u64, broken: false });
        }
        archive.check_head(policy)?;
        let mut at = FILE_HEAD as u64;
        while let Some((record, next)) = archive.record(at, size)? {
            archive.note(&record, at);
            replay(record)?;
            at = next;
        }
        if at < size {
            archive.io(archive.file.set_len(at).and_then(|()| archive.file.sync_all()))?;
        }
        Ok(Self { archive: Arc::new(archive), end: at, broken: false })
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
        self.archive.note(record, self.end);
        self.end += bytes.len() as u64;
        self.broken = false;
        Ok(())
    }
}

impl Archive {
    fn open(path: &Path) -> Result<Self, JournalError> {
        let error = |error| JournalError::Io { path: path.into(), error };
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path).map_err(error)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file, path: path.into(), blocks: RwLock::default() }),
            Err(TryLockError::WouldBlock) => Err(JournalError::Locked { path: path.into() }),
            Err(TryLockError::Error(cause)) => Err(error(cause)),
        }
    }

    /// The last block's height.
    #[must_use]
    pub fn height(&self) -> Height {
        Height::new(self.blocks.read().unwrap_or_else(PoisonError::into_inner).len() as u64)
    }

    /// The block of a height, its checksum tested again.
    pub fn block(&self, height: Height) -> Result<Block, JournalError> {
        let place = height.get().checked_sub(1).and_then(|place| usize::try_from(place).ok());
        let at = place.and_then(|place| self.blocks.read().unwrap_or_else(PoisonError::into_inner).get(place).copied());
        let at = at.ok_or(JournalError::Unknown(height))?;
        match self.record(at, u64::MAX)? {
            Some((Record::Block(_, block), _)) if block.header.height == height => Ok(*block),
            Some(_) | None => Err(JournalError::Damaged { offset: at, what: "it is another record than was written" }),
        }
    }

    fn note(&self, record: &Record, at: u64) {
        if let Record::Block(..) = record {
            self.blocks.write().unwrap_or_else(PoisonError::into_inner).push(at);
        }
    }

    fn create(&self, policy: Digest) -> Result<(), JournalError> {
        let created = || {
            self.file.set_len(0)?;
            self.file.write_all_at(&file_head(policy), 0)?;
            self.file.sync_all()?;
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            File::open(folder)?.sync_all()
        };
        self.io(created())
    }

    fn check_head(&self, policy: Digest) -> Result<(), JournalError> {
        let mut head = [0; FILE_HEAD];
        self.io(self.file.read_exact_at(&mut head, 0))?;
        let mut found = Digest::ZERO;
        found.0.copy_from_slice(&head[9..41]);
        if head[..] != file_head(found)[..] {
            return Err(JournalError::Foreign { path: self.path.clone() });
        }
        if found == policy { Ok(()) } else { Err(JournalError::OtherPool { found, expected: policy }) }
    }

    /// The record at a place and where the next one begins; `None` where a file of this size ends, whole or torn.
    fn record(&self, at: u64, size: u64) -> Result<Option<(Record, u64)>, JournalError> {
        let left = size - at;
        if left < RECORD_HEAD as u64 {
            return Ok(None);
        }
        let mut head = [0; RECORD_HEAD];
        self.io(self.file.read_exact_at(&mut head, at))?;
        let word = |from: usize| u32::from_le_bytes([head[from], head[from + 1], head[from + 2], head[from + 3]]);
        let damaged = |what| Err(JournalError::Damaged { offset: at, what });
        let length = word(0) as usize;
        if crc32c::crc32c(&head[..4]) != word(4) || length > RECORD_SIZE_MAX {
            // A file system may have made the file longer before the bytes arrived.
            return if head == [0; RECORD_HEAD] && self.is_zero(at, size)? { Ok(None) } else { damaged("its length") };
        }
        let next = at + (RECORD_HEAD + length) as u64;
        if next > size {
            return Ok(None);
        }
        let mut payload = vec![0; length];
        self.io(self.file.read_exact_at(&mut payload, at + RECORD_HEAD as u64))?;
        if crc32c::crc32c(&payload) != word(8) {
            return if next == size { Ok(None) } else { damaged("its payload") };
        }
        let record = Record::decode(&payload).map_err(|error| JournalError::Record { offset: at, error })?;
        Ok(Some((record, next)))
    }

    fn is_zero(&self, from: u64, to: u64) -> Result<bool, JournalError> {
        let mut chunk = [0; 4_096];
        let mut at = from;
        while at < to {
            let count = chunk.len().min(usize::try_from(to - at).unwrap_or(usize::MAX));
            self.io(self.file.read_exact_at(&mut chunk[..count], at))?;
            if chunk[..count].iter().any(|byte| *byte != 0) {
                return Ok(false);
            }
            at += count as u64;
        }
        Ok(true)
    }

    fn size(&self) -> Result<u64, JournalError> {
        self.io(self.file.metadata()).map(|metadata| metadata.len())
    }

    fn io<T>(&self, result: io::Result<T>) -> Result<T, JournalError> {
        result.map_err(|error| JournalError::Io { path: self.path.clone(), error })
    }
}

fn file_head(policy: Digest) -> Vec<u8> {
    let mut head = Vec::with_capacity(FILE_HEAD);
    head.extend_from_slice(MAGIC);
    head.push(VERSION);
    head.extend_from_slice(&policy.0);
    head.extend_from_slice(&crc32c::crc32c(&head).to_le_bytes());
    head
}
