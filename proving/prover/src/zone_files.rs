//! Blocks of a zone out of its files: headers of the block log, bodies of the journal. Reads only, so the zone may be running.

use plinth_matching::journal::{Identity, JournalError, Reader};
use plinth_matching::replica::{BlockLog, ReplicaError, SealedBlock};
use plinth_matching::tally::hash_of;
use plinth_types::command::Body;
use plinth_types::id::{Height, Seq};
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A zone's files, read in order.
#[derive(Debug)]
pub struct ZoneFiles {
    log: BlockLog,
    path: PathBuf,
    identity: Identity,
    journal: Reader,
    height: Height,
}

/// Why files give no block.
#[derive(Debug, Error)]
pub enum ZoneFilesError {
    /// The block log's.
    #[error("block log: {0}")]
    Log(#[from] ReplicaError),
    /// The journal's.
    #[error("journal: {0}")]
    Journal(#[from] JournalError),
}

impl ZoneFiles {
    /// The files below `folder`, as a trading zone lays them out.
    ///
    /// # Errors
    ///
    /// [`ZoneFilesError`].
    pub fn open(folder: &Path, identity: Identity) -> Result<Self, ZoneFilesError> {
        let path = folder.join("blocks.log");
        let log = BlockLog::read(&path, identity)?;
        let journal = Reader::open(&folder.join("journal"), Seq::new(1))?;
        Ok(Self { log, path, identity, journal, height: Height::new(0) })
    }

    /// The last block that was given; 0 before the first.
    #[must_use]
    pub const fn height(&self) -> Height {
        self.height
    }

    /// Sees what was sealed since the log was opened.
    ///
    /// # Errors
    ///
    /// [`ZoneFilesError`].
    pub fn look_again(&mut self) -> Result<(), ZoneFilesError> {
        self.log = BlockLog::read(&self.path, self.identity)?;
        Ok(())
    }

    /// The next block, as it was sealed; `None` behind the last one that the log had when it was last looked at.
    ///
    /// # Errors
    ///
    /// [`ZoneFilesError`]. None comes after it.
    pub fn next_block(&mut self) -> Result<Option<SealedBlock>, ZoneFilesError> {
        if self.height >= self.log.height() {
            return Ok(None);
        }
        let height = self.height.next();
        let (header, outbox) = self.log.entry(height)?;
        let mut body = Vec::with_capacity(header.body_size as usize);
        while let Some((command, tail)) = self.journal.next(header.last_seq)? {
            if command.body != Body::Note {
                body.extend_from_slice(&command.head());
                body.extend_from_slice(tail);
            }
        }
        let (hash, hash_recorded) = (hash_of(&body), header.body_hash);
        if hash != hash_recorded {
            return Err(ReplicaError::BodyMismatch { height, hash, hash_recorded }.into());
        }
        self.height = height;
        Ok(Some(SealedBlock { header, body, outbox }))
    }
}
