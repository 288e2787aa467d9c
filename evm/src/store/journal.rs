//! The file.
//!
//! ```text
//! file    "PLINTHEV" version(1) genesis-hash(32) crc32c(4)      of the 41 bytes before
//! record  length(4) crc32c-of-length(4) crc32c-of-payload(4) payload(length)
//! ```
//!
//! Numbers are little-endian. The length has a checksum of its own: a damaged length must not pass for a torn tail, which is cut off.

use super::record::{Record, RecordError};
use crate::ethereum::B256;
use crate::limits::RECORD_BYTES_MAX;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

const MAGIC: &[u8; 8] = b"PLINTHEV";
const VERSION: u8 = 1;
const FILE_HEAD: usize = 8 + 1 + 32 + 4;
/// Bytes before a record's payload.
pub const RECORD_HEAD: usize = 12;

/// The journal, open for appending.
#[derive(Debug)]
pub struct Journal {
    file: File,
    /// Where the next record goes.
    end: u64,
    /// An append failed in an unknown state; nothing more is written.
    broken: bool,
}

/// The journal cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system.
    #[error("journal: {0}")]
    Io(#[from] io::Error),
    /// Another file, or one of another version.
    #[error("not a journal of this version: its head is {0:02x?}")]
    Foreign(Vec<u8>),
    /// The chain it was written for is another.
    #[error("the journal belongs to genesis {found}, not to {expected}")]
    OtherGenesis {
        /// In the file.
        found: B256,
        /// Of this node.
        expected: B256,
    },
    /// Bytes changed after they were written.
    #[error("record {index} at byte {offset} is damaged: {what}")]
    Damaged {
        /// Counted from zero.
        index: usize,
        /// Where it begins.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// A whole record that makes no sense.
    #[error("record {index} at byte {offset}: {error}")]
    Record {
        /// Counted from zero.
        index: usize,
        /// Where it begins.
        offset: u64,
        /// What is wrong.
        error: RecordError,
    },
    /// The block does not fit.
    #[error("a record of {0} bytes exceeds {RECORD_BYTES_MAX}")]
    TooLarge(usize),
    /// An earlier append failed.
    #[error("the journal failed before and takes nothing more")]
    Broken,
}

impl Journal {
    /// Opens or creates the file and returns all its records in order. A torn last record is cut off.
    pub fn open(path: &Path, genesis: B256) -> Result<(Self, Vec<Record>), JournalError> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        if bytes.len() < FILE_HEAD {
            // Empty, or torn while it was created: nothing was ever written.
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&file_head(genesis))?;
            file.sync_all()?;
            if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
                File::open(directory)?.sync_all()?;
            }
            return Ok((Self { file, end: FILE_HEAD as u64, broken: false }, Vec::new()));
        }
        check_head(&bytes[..FILE_HEAD], genesis)?;
        let (records, end) = parse(&bytes)?;
        if end < bytes.len() {
            file.set_len(end as u64)?;
            file.sync_all()?;
        }
        Ok((Self { file, end: end as u64, broken: false }, records))
    }

    /// Appends a record and returns once it is on disk.
    pub fn append(&mut self, record: &Record) -> Result<(), JournalError> {
        if self.broken {
            return Err(JournalError::Broken);
        }
        let payload = record.encode();
        if payload.len() > RECORD_BYTES_MAX {
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
        self.file.seek(SeekFrom::Start(self.end))?;
        self.file.write_all(&bytes)?;
        self.file.sync_data()?;
        self.end += bytes.len() as u64;
        self.broken = false;
        Ok(())
    }
}

fn file_head(genesis: B256) -> Vec<u8> {
    let mut head = Vec::with_capacity(FILE_HEAD);
    head.extend_from_slice(MAGIC);
    head.push(VERSION);
    head.extend_from_slice(genesis.as_slice());
    head.extend_from_slice(&crc32c::crc32c(&head).to_le_bytes());
    head
}

fn check_head(head: &[u8], genesis: B256) -> Result<(), JournalError> {
    let found = B256::from_slice(&head[9..41]);
    if head[..9] != file_head(found)[..9] || head != file_head(found) {
        return Err(JournalError::Foreign(head[..9].to_vec()));
    }
    if found != genesis {
        return Err(JournalError::OtherGenesis { found, expected: genesis });
    }
    Ok(())
}

/// All whole records, and where they end.
fn parse(bytes: &[u8]) -> Result<(Vec<Record>, usize), JournalError> {
    let mut records = Vec::new();
    let mut at = FILE_HEAD;
    while at < bytes.len() {
        let damaged = |what| JournalError::Damaged { index: records.len(), offset: at as u64, what };
        let rest = &bytes[at..];
        let Some(head) = rest.get(..RECORD_HEAD) else { break };
        let word = |from: usize| u32::from_le_bytes([head[from], head[from + 1], head[from + 2], head[from + 3]]);
        let length = word(0) as usize;
        if crc32c::crc32c(&head[..4]) != word(4) || length > RECORD_BYTES_MAX {
            // A file system may have made the file longer before the bytes arrived.
            if rest.iter().all(|byte| *byte == 0) {
                break;
            }
            return Err(damaged("its length"));
        }
        let Some(payload) = rest.get(RECORD_HEAD..RECORD_HEAD + length) else { break };
        if crc32c::crc32c(payload) != word(8) {
            if rest.len() == RECORD_HEAD + length {
                break;
            }
            return Err(damaged("its payload"));
        }
        let record =
            Record::decode(payload).map_err(|error| JournalError::Record { index: records.len(), offset: at as u64, error })?;
        records.push(record);
        at += RECORD_HEAD + length;
    }
    Ok((records, at))
}
