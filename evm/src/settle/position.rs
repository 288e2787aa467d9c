//! How far the news of settlement are processed: a small file, replaced whole.
//!
//! It may be behind the journal, and is never ahead of it. Without it the news are told again from the first, which takes longer.

use plinth_types::codec::{Codec as _, DecodeError};
use plinth_types::digest::Digest;
use plinth_types::id::Height;
use plinth_types::record;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

const CHECKSUM_SIZE: usize = 4;

/// What the file holds: this encoding, and its CRC-32C.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The genesis of settlement; zero before the first welcome.
    pub genesis: Digest,
    /// The last settlement block processed.
    pub settlement_height: Height,
}

impl Position {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;
}

record!(Position { genesis, settlement_height }, version "version of a settlement position");

/// The file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum PositionError {
    /// The file system.
    #[error("{path}: {error}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Not what was written.
    #[error("{path} is damaged: {what}; without the file, settlement's news are told again from the first")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

/// Where positions are kept.
#[derive(Clone, Debug)]
pub struct PositionFile(PathBuf);

impl PositionFile {
    /// At this path.
    pub const fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// What was kept; the beginning if there is no file.
    pub fn load(&self) -> Result<Position, PositionError> {
        let bytes = match fs::read(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Position::default()),
            read => read.map_err(|error| self.io(error))?,
        };
        let damaged = |what: String| PositionError::Damaged { path: self.0.clone(), what };
        let Some((encoding, checksum)) = bytes.len().checked_sub(CHECKSUM_SIZE).and_then(|at| bytes.split_at_checked(at)) else {
            return Err(damaged(format!("{} bytes", bytes.len())));
        };
        if crc32c::crc32c(encoding).to_le_bytes() != checksum {
            return Err(damaged("its checksum".into()));
        }
        Position::decode(encoding).map_err(|error: DecodeError| damaged(error.to_string()))
    }

    /// Keeps a position: when this returns it is on disk, and at no time is half of it.
    pub fn store(&self, position: Position) -> Result<(), PositionError> {
        let mut bytes = position.to_bytes();
        bytes.extend_from_slice(&crc32c::crc32c(&bytes).to_le_bytes());
        let new = self.0.with_extension("new");
        let replace = || {
            let mut file = File::create(&new)?;
            file.write_all(&bytes)?;
            file.sync_all()?;
            fs::rename(&new, &self.0)?;
            let folder = self.0.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            File::open(folder)?.sync_all()
        };
        replace().map_err(|error| self.io(error))
    }

    fn io(&self, error: io::Error) -> PositionError {
        PositionError::Io { path: self.0.clone(), error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_kept_in_the_bytes_of_version_1_and_damage_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = PositionFile::at(folder.path().join("settlement.position"));
        assert_eq!(file.load().unwrap(), Position::default());
        let position = Position { genesis: Digest([0xAB; 32]), settlement_height: Height::new(0x0102) };
        file.store(position).unwrap();
        assert_eq!(file.load().unwrap(), position);
        let bytes = fs::read(&file.0).unwrap();
        assert_eq!((bytes[0], &bytes[1..33], &bytes[33..41], bytes.len()), (1, &[0xAB; 32][..], &[2, 1, 0, 0, 0, 0, 0, 0][..], 45));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            fs::write(&file.0, &damaged).unwrap();
            assert!(file.load().is_err(), "byte {at}");
            fs::write(&file.0, &bytes[..at]).unwrap();
            assert!(file.load().is_err(), "cut at {at}");
        }
    }
}
