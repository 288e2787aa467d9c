//! The zone's end.

use crate::error::ProtocolError;
use crate::frame::{FrameReader, write};
use crate::limits::{FRAME_TIMEOUT, REDIAL_DELAY, SOCKET_PATH_SIZE_MAX};
use crate::list::Reason;
use crate::message::{Block, Finalized, Hello, HostMessage, Welcome, ZoneMessage};
use crate::status::HostStatus;
use plinth_types::id::Height;
use std::io::ErrorKind;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// A zone that is joined to its host. Its halves belong on two threads: one that hands over blocks, and waits when settlement is slower
/// than the zone; one that takes news, and never waits for the other.
#[derive(Debug)]
pub struct Port {
    /// What the host said first.
    pub welcome: Welcome,
    /// For blocks and acknowledgements.
    pub outgoing: Outgoing,
    /// For news.
    pub incoming: Incoming,
}

/// The half that speaks.
#[derive(Debug)]
pub struct Outgoing(UnixStream);

/// The half that listens.
#[derive(Debug)]
pub struct Incoming {
    reader: FrameReader,
    next: Height,
}

/// What a zone is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// The next settlement block is final.
    Finalized(Box<Finalized>),
    /// More validators than can be Byzantine refuse a block. It is still sent.
    BlockRefused {
        /// Its height.
        height: Height,
        /// What one of them said.
        reason: Reason,
    },
}

impl Port {
    /// Calls the host at `path` until it is there, at most for `patience`; then waits for its answer, which comes when its ledger is where the
    /// zone says that it was, or when it gives up waiting for that.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::Refused`] is the host's own word, and says whether to try again.
    pub fn connect(path: &Path, hello: &Hello, patience: Duration) -> Result<Self, ProtocolError> {
        let mut stream = dial(path, patience)?;
        write(&mut stream, &ZoneMessage::Hello(*hello))?;
        let clone = stream.try_clone().map_err(ProtocolError::Io)?;
        let mut incoming = Incoming { reader: FrameReader::new(clone, FRAME_TIMEOUT), next: hello.settlement_height.next() };
        match incoming.reader.receive(None)? {
            HostMessage::Welcome(welcome) => Ok(Self { welcome: *welcome, outgoing: Outgoing(stream), incoming }),
            HostMessage::Refused(refusal) => Err(ProtocolError::Refused(refusal)),
            other @ (HostMessage::Finalized(_) | HostMessage::BlockRefused { .. } | HostMessage::Status(_)) => {
                Err(ProtocolError::Unexpected { expected: "a welcome", got: other.name() })
            }
        }
    }
}

/// Asks the host at `path` how it is.
///
/// # Errors
///
/// [`ProtocolError`].
pub fn ask_status(path: &Path) -> Result<HostStatus, ProtocolError> {
    let mut stream = dial(path, Duration::ZERO)?;
    write(&mut stream, &ZoneMessage::Status)?;
    match FrameReader::new(stream, FRAME_TIMEOUT).receive(Some(FRAME_TIMEOUT))? {
        HostMessage::Status(status) => Ok(*status),
        HostMessage::Refused(refusal) => Err(ProtocolError::Refused(refusal)),
        other @ (HostMessage::Welcome(_) | HostMessage::Finalized(_) | HostMessage::BlockRefused { .. }) => {
            Err(ProtocolError::Unexpected { expected: "a status", got: other.name() })
        }
    }
}

impl Outgoing {
    /// Hands a block over. It must be durable here first: who says it once must be able to say it again. Returns when the host has taken
    /// it or the kernel keeps it for the host, so while too much waits to be ordered, this waits.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`]; why the host ended the connection, if it did, [`Incoming::receive`] says.
    pub fn block(&mut self, block: Block) -> Result<(), ProtocolError> {
        write(&mut self.0, &ZoneMessage::Block(Box::new(block)))
    }

    /// Says that all news up to this settlement block have done what they do.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`].
    pub fn processed(&mut self, height: Height) -> Result<(), ProtocolError> {
        write(&mut self.0, &ZoneMessage::Processed(height))
    }

    /// Another handle on the same half. Messages are whole only if the handles take turns.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::Io`].
    pub fn try_clone(&self) -> Result<Self, ProtocolError> {
        self.0.try_clone().map(Self).map_err(ProtocolError::Io)
    }

    /// Ends the connection; whoever waits in [`Incoming::receive`] hears [`ProtocolError::Closed`].
    pub fn close(&self) {
        // Gone already says the same.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

impl Incoming {
    /// Waits for what comes next. News come for each settlement block behind the one that the hello named, in order.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`], and then there is nothing more to come.
    pub fn receive(&mut self) -> Result<News, ProtocolError> {
        match self.reader.receive(None)? {
            HostMessage::Finalized(news) if news.height == self.next => {
                self.next = self.next.next();
                Ok(News::Finalized(news))
            }
            HostMessage::Finalized(news) => Err(ProtocolError::OutOfOrder { height: news.height, expected: self.next }),
            HostMessage::BlockRefused { height, reason } => Ok(News::BlockRefused { height, reason }),
            HostMessage::Refused(refusal) => Err(ProtocolError::Refused(refusal)),
            other @ (HostMessage::Welcome(_) | HostMessage::Status(_)) => {
                Err(ProtocolError::Unexpected { expected: "news", got: other.name() })
            }
        }
    }
}

fn dial(path: &Path, patience: Duration) -> Result<UnixStream, ProtocolError> {
    if path.as_os_str().len() > SOCKET_PATH_SIZE_MAX {
        return Err(ProtocolError::PathSize { path: path.into() });
    }
    let begun = Instant::now();
    loop {
        match UnixStream::connect(path) {
            Ok(stream) => return Ok(stream),
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) && begun.elapsed() < patience => {}
            Err(error) => return Err(ProtocolError::Socket { path: path.into(), error }),
        }
        std::thread::sleep(REDIAL_DELAY);
    }
}
