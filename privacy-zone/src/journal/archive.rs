//! What the journal has, by height.

use super::{FILE_HEAD, JournalError, RECORD_HEAD, Record, VERSION, VERSION_WITHOUT_HEADERS, file_head};
use crate::limits::RECORD_SIZE_MAX;
use plinth_types::block::ZoneHeader;
use plinth_types::codec::Codec as _;
use plinth_types::digest::Digest;
use plinth_types::id::Height;
use plinth_zone_protocol::{Block, Completion};
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

/// Blocks, and headers as they were ordered, by height.
#[derive(Debug)]
pub struct Archive {
    pub(super) file: File,
    path: PathBuf,
    places: RwLock<Places>,
}

/// Where records begin.
#[derive(Debug, Default)]
struct Places {
    /// Of block 1, 2, …
    blocks: Vec<u64>,
    /// Of what settlement wrote into the header of block 1, 2, …
    ordered: Vec<u64>,
}

impl Archive {
    pub(super) fn open(path: &Path) -> Result<Self, JournalError> {
        let error = |error| JournalError::Io { path: path.into(), error };
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path).map_err(error)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file, path: path.into(), places: RwLock::default() }),
            Err(TryLockError::WouldBlock) => Err(JournalError::Locked { path: path.into() }),
            Err(TryLockError::Error(cause)) => Err(error(cause)),
        }
    }

    /// The last block's height.
    #[must_use]
    pub fn height(&self) -> Height {
        Height::new(self.places().blocks.len() as u64)
    }

    /// The last block's of which is known what settlement wrote into its header; a rejected one counts until its height is ordered again.
    #[must_use]
    pub fn ordered(&self) -> Height {
        Height::new(self.places().ordered.len() as u64)
    }

    /// The block of a height, its checksum tested again.
    pub fn block(&self, height: Height) -> Result<Block, JournalError> {
        let at = place(&self.places().blocks, height)?;
        match self.record(at, u64::MAX)? {
            Some((Record::Block(_, block), _)) if block.header.height == height => Ok(*block),
            Some(_) | None => Err(JournalError::Damaged { offset: at, what: "it is another record than was written" }),
        }
    }

    /// What settlement wrote into the header of this block.
    pub fn completion(&self, height: Height) -> Result<Completion, JournalError> {
        let at = place(&self.places().ordered, height)?;
        match self.record(at, u64::MAX)? {
            Some((Record::Ordered(_, of, completion), _)) if of == height => Ok(completion),
            Some(_) | None => Err(JournalError::Damaged { offset: at, what: "it is another record than was written" }),
        }
    }

    /// The header of this block as settlement ordered it.
    pub fn header(&self, height: Height) -> Result<ZoneHeader, JournalError> {
        Ok(self.completion(height)?.complete(self.block(height)?.header))
    }

    fn places(&self) -> RwLockReadGuard<'_, Places> {
        self.places.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, record: &Record, at: u64) -> Result<(), JournalError> {
        let mut places = self.places.write().unwrap_or_else(PoisonError::into_inner);
        match *record {
            Record::Block(..) => places.blocks.push(at),
            Record::Position(_) => {}
            Record::Ordered(_, height, _) => {
                let before = height.get().checked_sub(1).and_then(|before| usize::try_from(before).ok());
                let before = before.filter(|before| *before <= places.ordered.len());
                let before = before.ok_or(JournalError::Damaged { offset: at, what: "the header of a block before is missing" })?;
                places.ordered.truncate(before);
                places.ordered.push(at);
            }
        }
        Ok(())
    }

    pub(super) fn create(&self, policy: Digest) -> Result<(), JournalError> {
        let created = || {
            self.file.set_len(0)?;
            self.file.write_all_at(&file_head(VERSION, policy), 0)?;
            self.file.sync_all()?;
            let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            File::open(folder)?.sync_all()
        };
        self.io(created())
    }

    /// The file's version.
    pub(super) fn check_head(&self, policy: Digest) -> Result<u8, JournalError> {
        let mut head = [0; FILE_HEAD];
        self.io(self.file.read_exact_at(&mut head, 0))?;
        let version = head[8];
        let mut found = Digest::ZERO;
        found.0.copy_from_slice(&head[9..41]);
        if !matches!(version, VERSION | VERSION_WITHOUT_HEADERS) || head[..] != file_head(version, found)[..] {
            return Err(JournalError::Foreign { path: self.path.clone() });
        }
        if found == policy { Ok(version) } else { Err(JournalError::OtherPool { found, expected: policy }) }
    }

    /// The record at a place and where the next one begins; `None` where a file of this size ends, whole or torn.
    pub(super) fn record(&self, at: u64, size: u64) -> Result<Option<(Record, u64)>, JournalError> {
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

    pub(super) fn size(&self) -> Result<u64, JournalError> {
        self.io(self.file.metadata()).map(|metadata| metadata.len())
    }

    pub(super) fn io<T>(&self, result: io::Result<T>) -> Result<T, JournalError> {
        result.map_err(|error| JournalError::Io { path: self.path.clone(), error })
    }
}

/// Where the record of this height begins.
fn place(places: &[u64], height: Height) -> Result<u64, JournalError> {
    let index = height.get().checked_sub(1).and_then(|index| usize::try_from(index).ok());
    index.and_then(|index| places.get(index).copied()).ok_or(JournalError::Unknown(height))
}
