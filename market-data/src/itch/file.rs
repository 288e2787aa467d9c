//! Files of a day: blocks one behind the other, as the public sample files are. One file for each session, `SESSION.itch`.
//!
//! A file is never written twice in two ways: the feed says the same bytes again after a restart, so what the file holds already is compared
//! and the rest appended, from within a message if need be. It is flushed, not synced: the journal can say all of it again.

use super::day::SessionName;
use super::feed::BlockSink;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why a day's file could not be written.
#[derive(Debug, Error)]
pub enum FileError {
    /// The operating system's.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file is not of this zone's journal, or was changed.
    #[error("{} differs from the zone's feed before byte {offset}", path.display())]
    Differs {
        /// Which file.
        path: PathBuf,
        /// End of the messages that differ.
        offset: u64,
    },
}

/// Writes the files of a folder.
#[derive(Debug)]
pub struct DayFiles {
    folder: PathBuf,
    open: Option<DayFile>,
    error: Option<FileError>,
}

#[derive(Debug)]
struct DayFile {
    path: PathBuf,
    /// What is there already and was not compared yet.
    old: Option<BufReader<File>>,
    new: BufWriter<File>,
    offset: u64,
}

impl DayFiles {
    /// Writes into `folder`, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn new(folder: &Path) -> Result<Self, FileError> {
        let made = std::fs::create_dir_all(folder);
        made.map_err(|error| FileError::Io { path: folder.to_path_buf(), error })?;
        Ok(Self { folder: folder.to_path_buf(), open: None, error: None })
    }

    /// Gives what was said to the operating system.
    ///
    /// # Errors
    ///
    /// The first error since the last call. The file of that day is given up; the next day's is tried again.
    pub fn flush(&mut self) -> Result<(), FileError> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let Some(DayFile { path, new, .. }) = &mut self.open else { return Ok(()) };
        let flushed = new.flush().map_err(|error| FileError::Io { path: path.clone(), error });
        if flushed.is_err() {
            self.open = None;
        }
        flushed
    }

    fn keep<T>(&mut self, done: Result<T, FileError>) -> Option<T> {
        match done {
            Ok(done) => Some(done),
            Err(error) => {
                self.open = None;
                self.error.get_or_insert(error);
                None
            }
        }
    }
}

impl BlockSink for DayFiles {
    fn begin(&mut self, session: SessionName) {
        let opened = DayFile::open(self.folder.join(format!("{session}.itch")));
        self.open = self.keep(opened);
    }

    fn blocks(&mut self, _: u64, blocks: &[u8]) {
        if let Some(file) = &mut self.open {
            let written = file.take(blocks);
            self.keep(written);
        }
    }

    fn end(&mut self) {
        let flushed = self.flush();
        self.keep(flushed);
        self.open = None;
    }
}

impl DayFile {
    fn open(path: PathBuf) -> Result<Self, FileError> {
        let open = || {
            let new = OpenOptions::new().create(true).append(true).open(&path)?;
            Ok((BufReader::new(File::open(&path)?), BufWriter::new(new)))
        };
        match open() {
            Ok((old, new)) => Ok(Self { path, old: Some(old), new, offset: 0 }),
            Err(error) => Err(FileError::Io { path, error }),
        }
    }

    fn take(&mut self, blocks: &[u8]) -> Result<(), FileError> {
        let known = self.compare(blocks)?;
        self.offset += blocks.len() as u64;
        self.new.write_all(&blocks[known..]).map_err(|error| FileError::Io { path: self.path.clone(), error })
    }

    /// How many of the bytes are in the file already.
    fn compare(&mut self, blocks: &[u8]) -> Result<usize, FileError> {
        let Some(old) = &mut self.old else { return Ok(0) };
        let mut there = Vec::with_capacity(blocks.len());
        let read = old.take(blocks.len() as u64).read_to_end(&mut there);
        let known = read.map_err(|error| FileError::Io { path: self.path.clone(), error })?;
        if there != blocks[..known] {
            return Err(FileError::Differs { path: self.path.clone(), offset: self.offset + blocks.len() as u64 });
        }
        if known < blocks.len() {
            self.old = None;
        }
        Ok(known)
    }
}

/// The messages of a file or of blocks; an error where the bytes end within one.
pub fn messages(bytes: &[u8]) -> impl Iterator<Item = Result<&[u8], TornBlock>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let at = bytes.len() - rest.len();
        let split = rest.split_first_chunk().and_then(|(size, behind)| behind.split_at_checked(u16::from_be_bytes(*size).into()));
        let Some((message, behind)) = split else {
            rest = &[];
            return Some(Err(TornBlock { at }));
        };
        rest = behind;
        Some(Ok(message))
    })
}

/// The bytes end within a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the block at byte {at} is cut off")]
pub struct TornBlock {
    /// Where it begins.
    pub at: usize,
}
