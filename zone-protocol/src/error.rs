//! Why a connection ends.

use crate::limits::{FRAME_SIZE_MAX, SOCKET_PATH_SIZE_MAX};
use crate::message::Refusal;
use plinth_types::codec::DecodeError;
use plinth_types::id::Height;
use std::path::PathBuf;
use std::time::Duration;
use std::{fmt, io};

/// Why something was not said, or not understood.
#[derive(Debug)]
pub enum ProtocolError {
    /// The host said no; its last word.
    Refused(Refusal),
    /// The other end is gone, between two frames.
    Closed,
    /// The other end is gone, or went on saying nothing, inside a frame.
    HalfFrame {
        /// Bytes still missing.
        missing: usize,
    },
    /// Nothing came in time.
    Silent {
        /// How long was waited.
        waited: Duration,
    },
    /// A frame larger than any message.
    FrameSize {
        /// Bytes claimed.
        size: usize,
    },
    /// A frame that is no message.
    Malformed(DecodeError),
    /// A message that does not belong here.
    Unexpected {
        /// What does.
        expected: &'static str,
        /// What came.
        got: &'static str,
    },
    /// News of another settlement block than the next one.
    OutOfOrder {
        /// Whose news came.
        height: Height,
        /// Whose should have come.
        expected: Height,
    },
    /// A path that no socket can have.
    PathSize {
        /// The path.
        path: PathBuf,
    },
    /// The socket cannot be made, or nobody answers there.
    Socket {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The kernel refused to read or write.
    Io(io::Error),
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Closed => f.write_str("the other end has closed the connection"),
            Self::HalfFrame { missing } => write!(f, "a frame ended {missing} bytes early"),
            Self::Silent { waited } => write!(f, "nothing came for {waited:?}"),
            Self::FrameSize { size } => write!(f, "a frame of {size} bytes, at most {FRAME_SIZE_MAX} are read"),
            Self::Malformed(error) => error.fmt(f),
            Self::Unexpected { expected, got } => write!(f, "{got}, where {expected} belongs"),
            Self::OutOfOrder { height, expected } => write!(f, "news of settlement block {height}, those of {expected} are next"),
            Self::PathSize { path } => {
                write!(f, "{}: the path of a socket has at most {SOCKET_PATH_SIZE_MAX} bytes", path.display())
            }
            Self::Socket { path, error } => write!(f, "{}: {error}", path.display()),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ProtocolError {}

impl From<DecodeError> for ProtocolError {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error)
    }
}
