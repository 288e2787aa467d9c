//! The data directory: one process at a time, and where things are in it.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Folder of the trading zone in the data directory: journal, block log, snapshots.
pub const ZONE_FOLDER: &str = "zone";
/// Folder of the command journal in the data directory.
pub const JOURNAL_FOLDER: &str = "zone/journal";

/// A data directory that this process has to itself until the value is dropped.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    /// Held for its lock, which the kernel releases however the process ends.
    _lock: File,
}

/// Why a data directory cannot be used.
#[derive(Debug, Error)]
pub enum FolderError {
    /// It cannot be made or written.
    #[error("data directory {}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another process runs on it.
    #[error("data directory {} is in use by another process", path.display())]
    InUse {
        /// Which.
        path: PathBuf,
    },
}

impl DataFolder {
    /// Makes the directory if need be and locks it.
    pub(crate) fn open(path: &Path) -> Result<Self, FolderError> {
        let failed = |error| FolderError::Io { path: path.into(), error };
        fs::create_dir_all(path).map_err(failed)?;
        let lock = File::options().create(true).truncate(false).write(true).open(path.join("lock")).map_err(failed)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => FolderError::InUse { path: path.into() },
            TryLockError::Error(error) => failed(error),
        })?;
        Ok(Self { path: path.into(), _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn zone(&self) -> PathBuf {
        self.path.join(ZONE_FOLDER)
    }

    /// Folder between this process and its provers.
    pub(super) fn proving(&self) -> PathBuf {
        self.path.join("proving")
    }

    /// Folder of the histograms that a stop writes.
    pub(super) fn stages(&self) -> PathBuf {
        self.path.join("stages")
    }

    /// Folder of the `index`-th validator of the configuration.
    pub(super) fn validator(&self, index: usize) -> PathBuf {
        self.path.join(format!("validator-{index}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_use_is_refused_until_it_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let held = DataFolder::open(folder.path()).unwrap();
        assert!(matches!(DataFolder::open(folder.path()), Err(FolderError::InUse { .. })));
        drop(held);
        assert!(DataFolder::open(folder.path()).is_ok());
    }
}
