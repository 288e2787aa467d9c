//! The host's end.

use crate::error::ProtocolError;
use crate::frame::{FrameReader, write};
use crate::limits::{FRAME_TIMEOUT, HELLO_TIMEOUT, NEW_SUFFIX, SOCKET_PATH_SIZE_MAX, STALL_MAX};
use crate::list::Reason;
use crate::message::{Block, Finalized, Hello, HostMessage, Refusal, Welcome, ZoneMessage};
use crate::status::HostStatus;
use plinth_types::id::Height;
use std::fs::{self, Permissions};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// Where a host is called. The socket is the owner's alone (mode 0600), and takes the place of one that a killed host left behind: who
/// listens has to see that nobody else does.
#[derive(Debug)]
pub struct Listener {
    listener: UnixListener,
    path: PathBuf,
}

/// Somebody who called.
#[derive(Debug)]
pub struct Caller {
    stream: UnixStream,
    reader: FrameReader,
}

/// What a caller wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// It is a zone process.
    Zone(Hello),
    /// It asks how the host is.
    Status,
}

/// What a zone hands over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handed {
    /// A block.
    Block(Box<Block>),
    /// It needs no news up to this settlement block any more.
    Processed(Height),
}

/// The half that hears a zone.
#[derive(Debug)]
pub struct FromZone(FrameReader);

/// The half that tells a zone.
#[derive(Debug)]
pub struct ToZone(UnixStream);

impl Listener {
    /// Listens at `path`.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::PathSize`], [`ProtocolError::Socket`].
    pub fn bind(path: &Path) -> Result<Self, ProtocolError> {
        if path.as_os_str().len() > SOCKET_PATH_SIZE_MAX {
            return Err(ProtocolError::PathSize { path: path.into() });
        }
        let mut new = path.as_os_str().to_owned();
        new.push(NEW_SUFFIX);
        let new = PathBuf::from(new);
        let made = || {
            match fs::remove_file(&new) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
            let listener = UnixListener::bind(&new)?;
            fs::set_permissions(&new, Permissions::from_mode(0o600))?;
            fs::rename(&new, path)?;
            Ok(listener)
        };
        let listener = made().map_err(|error| ProtocolError::Socket { path: path.into(), error })?;
        Ok(Self { listener, path: path.into() })
    }

    /// Waits for the next caller.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::Io`]: too many files are open, perhaps; the next try may succeed.
    pub fn accept(&self) -> Result<Caller, ProtocolError> {
        let (stream, _) = self.listener.accept().map_err(ProtocolError::Io)?;
        let clone = stream.try_clone().map_err(ProtocolError::Io)?;
        stream.set_write_timeout(Some(STALL_MAX)).map_err(ProtocolError::Io)?;
        Ok(Caller { stream, reader: FrameReader::new(clone, FRAME_TIMEOUT) })
    }

    /// Where it listens.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Caller {
    /// What the caller wants.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`]; the caller is to be refused.
    pub fn wish(&mut self) -> Result<Wish, ProtocolError> {
        match self.reader.receive(Some(HELLO_TIMEOUT))? {
            ZoneMessage::Hello(hello) => Ok(Wish::Zone(hello)),
            ZoneMessage::Status => Ok(Wish::Status),
            other @ (ZoneMessage::Block(_) | ZoneMessage::Processed(_)) => {
                Err(ProtocolError::Unexpected { expected: "a hello", got: other.name() })
            }
        }
    }

    /// Says how the host is, and ends.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`].
    pub fn tell_status(mut self, status: HostStatus) -> Result<(), ProtocolError> {
        write(&mut self.stream, &HostMessage::Status(Box::new(status)))
    }

    /// Welcomes a zone.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`].
    pub fn welcome(mut self, welcome: Welcome) -> Result<(FromZone, ToZone), ProtocolError> {
        write(&mut self.stream, &HostMessage::Welcome(Box::new(welcome)))?;
        Ok((FromZone(self.reader), ToZone(self.stream)))
    }

    /// Ends it with a reason.
    pub fn refuse(self, refusal: Refusal) {
        ToZone(self.stream).refuse(refusal);
    }

    /// A handle that only hangs up.
    ///
    /// # Errors
    ///
    /// [`ProtocolError::Io`].
    pub fn hanger(&self) -> Result<Hanger, ProtocolError> {
        self.stream.try_clone().map(Hanger).map_err(ProtocolError::Io)
    }
}

/// Hangs up from another thread.
#[derive(Debug)]
pub struct Hanger(UnixStream);

impl Hanger {
    /// Ends the connection: both halves find it closed.
    pub fn hang_up(&self) {
        // Gone already says the same.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

impl FromZone {
    /// Waits for what the zone hands over next.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`], and then there is nothing more to come.
    pub fn receive(&mut self) -> Result<Handed, ProtocolError> {
        match self.0.receive(None)? {
            ZoneMessage::Block(block) => Ok(Handed::Block(block)),
            ZoneMessage::Processed(height) => Ok(Handed::Processed(height)),
            other @ (ZoneMessage::Hello(_) | ZoneMessage::Status) => {
                Err(ProtocolError::Unexpected { expected: "a block", got: other.name() })
            }
        }
    }
}

impl ToZone {
    /// Tells the next news.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`].
    pub fn finalized(&mut self, news: Finalized) -> Result<(), ProtocolError> {
        write(&mut self.0, &HostMessage::Finalized(Box::new(news)))
    }

    /// Tells that validators refuse a block.
    ///
    /// # Errors
    ///
    /// [`ProtocolError`].
    pub fn block_refused(&mut self, height: Height, reason: Reason) -> Result<(), ProtocolError> {
        write(&mut self.0, &HostMessage::BlockRefused { height, reason })
    }

    /// Ends the connection with a reason.
    pub fn refuse(mut self, refusal: Refusal) {
        // Who is gone need not be told.
        let _ = write(&mut self.0, &HostMessage::Refused(refusal));
        let _ = self.0.shutdown(Shutdown::Both);
    }
}
