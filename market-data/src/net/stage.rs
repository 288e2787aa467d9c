//! The stage: reads durable records, feeds the server and the day's files. It waits for the journal, and nothing waits for it.

use super::server::{Server, ServerConfig, ServerCounts};
use crate::itch::SessionName;
use crate::itch::feed::{BlockSink, Feed, Left};
use crate::itch::file::{DayFiles, FileError};
use plinth_matching::journal::{JournalError, Reader};
use plinth_matching::limits::Capacity;
use plinth_types::id::{Seq, ZoneId};
use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;
use thiserror::Error;

/// What a stage publishes, and how.
#[derive(Clone, Debug)]
pub struct StageConfig {
    /// The zone.
    pub zone: ZoneId,
    /// Its bounds.
    pub capacity: Capacity,
    /// The server, if there is one.
    pub server: Option<ServerConfig>,
    /// Folder of the day's files, if they are written.
    pub files: Option<PathBuf>,
}

/// Why a stage cannot go on.
#[derive(Debug, Error)]
pub enum StageError {
    /// What is durable cannot be read back.
    #[error("market data: {0}")]
    Journal(#[from] JournalError),
    /// A socket.
    #[error("market data: {0}")]
    Io(#[from] io::Error),
    /// The folder of the day's files.
    #[error("market data: {0}")]
    File(#[from] FileError),
}

/// Where durable records are, and how far they are.
pub trait Journal {
    /// The last durable record.
    fn durable(&self) -> Seq;
}

impl Journal for plinth_matching::journal::JournalStatus {
    fn durable(&self) -> Seq {
        Self::durable(self)
    }
}

/// Records between two looks at the sockets.
const RECORDS_PER_TURN_MAX: usize = 1_024;
/// Longest sleep.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// A stage.
#[derive(Debug)]
pub struct Stage {
    reader: Reader,
    feed: Feed,
    out: Out,
}

#[derive(Debug)]
struct Out {
    server: Option<Server>,
    files: Option<DayFiles>,
}

impl Stage {
    /// Opens the sockets and the journal in `journal`, which has its first segment.
    ///
    /// # Errors
    ///
    /// [`StageError`].
    pub fn open(config: &StageConfig, journal: &Path) -> Result<Self, StageError> {
        let server = config.server.as_ref().map(Server::bind).transpose()?;
        let files = config.files.as_deref().map(DayFiles::new).transpose()?;
        let reader = Reader::open(journal, Seq::new(1))?;
        Ok(Self { reader, feed: Feed::new(config.zone, config.capacity), out: Out { server, files } })
    }

    /// Reads what is durable now and says none of it to the network: it was said before, or nobody was there. It is kept for requests, and
    /// the files are completed.
    ///
    /// # Errors
    ///
    /// [`StageError`].
    pub fn catch_up(&mut self, journal: &impl Journal) -> Result<(), StageError> {
        let durable = journal.durable();
        while self.read(durable)? {
            self.skip();
        }
        self.skip();
        Ok(self.flush_files()?)
    }

    fn skip(&mut self) {
        if let Some(server) = &mut self.out.server {
            server.downstream().flush();
            server.downstream().skip();
        }
    }

    /// Publishes what has become durable, and serves who asks. Says whether there is more.
    ///
    /// # Errors
    ///
    /// [`StageError::Journal`], [`StageError::File`]; behind the latter the stage goes on without the day's file.
    pub fn turn(&mut self, journal: &impl Journal) -> Result<bool, StageError> {
        let more = self.read(journal.durable())?;
        if let Some(server) = &mut self.out.server {
            server.turn(&self.feed);
        }
        self.flush_files()?;
        Ok(more)
    }

    /// Sleeps until the server is wanted, `wake` can be read, or something is due.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn wait(&self, wake: BorrowedFd<'_>) -> io::Result<()> {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        if let Some(server) = &self.out.server {
            return server.wait(wake, LOOK_INTERVAL);
        }
        let timeout = Timespec::try_from(LOOK_INTERVAL).unwrap_or(Timespec { tv_sec: 0, tv_nsec: 0 });
        match poll(&mut [PollFd::from_borrowed_fd(wake, PollFlags::IN)], Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn read(&mut self, durable: Seq) -> Result<bool, StageError> {
        for _ in 0..RECORDS_PER_TURN_MAX {
            let Some((command, tail)) = self.reader.next(durable)? else { return Ok(false) };
            self.feed.apply(&command, tail, &mut self.out);
        }
        Ok(true)
    }

    fn flush_files(&mut self) -> Result<(), FileError> {
        self.out.files.as_mut().map_or(Ok(()), DayFiles::flush)
    }

    /// The feed.
    #[must_use]
    pub const fn feed(&self) -> &Feed {
        &self.feed
    }

    /// The server, if there is one.
    #[must_use]
    pub const fn server(&self) -> Option<&Server> {
        self.out.server.as_ref()
    }

    /// What the server has done, and what could not be said.
    #[must_use]
    pub fn counts(&self) -> (ServerCounts, Left) {
        (self.out.server.as_ref().map(Server::counts).unwrap_or_default(), self.feed.left())
    }
}

impl BlockSink for Out {
    fn begin(&mut self, session: SessionName) {
        if let Some(server) = &mut self.server {
            server.downstream().begin(session);
        }
        if let Some(files) = &mut self.files {
            files.begin(session);
        }
    }

    fn blocks(&mut self, count: u64, blocks: &[u8]) {
        if let Some(server) = &mut self.server {
            server.downstream().blocks(count, blocks);
        }
        if let Some(files) = &mut self.files {
            files.blocks(count, blocks);
        }
    }

    fn end(&mut self) {
        if let Some(server) = &mut self.server {
            server.downstream().end();
        }
        if let Some(files) = &mut self.files {
            files.end();
        }
    }
}
