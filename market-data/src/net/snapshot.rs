//! Snapshots on the wire, and their service: bounded connections that are sent bytes as they take them.

use crate::itch::SessionName;
use crate::itch::feed::Feed;
use crate::limits::{SNAPSHOT_AGE_MESSAGES_MAX, SNAPSHOT_CONNECTIONS_MAX, SNAPSHOT_PATIENCE, SNAPSHOT_SIZE_MAX};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Instant;
use thiserror::Error;

/// What stands before the blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotHead {
    /// Of which session.
    pub session: SessionName,
    /// The message with which the stream goes on.
    pub next: u64,
    /// Messages of the snapshot.
    pub count: u64,
    /// Bytes of their blocks.
    pub size: u64,
}

/// Why there is no snapshot.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// The connection.
    #[error("snapshot: {0}")]
    Io(#[from] io::Error),
    /// The server speaks another version.
    #[error("a snapshot of version {found}, not {VERSION}")]
    Version {
        /// What it said.
        found: u8,
    },
    /// The head cannot be so.
    #[error("a snapshot of session {session:?}, message {next}, {size} bytes")]
    Head {
        /// The session's name.
        session: [u8; 10],
        /// The next message.
        next: u64,
        /// Bytes of the blocks.
        size: u64,
    },
}

const VERSION: u8 = 1;
const HEAD_SIZE: usize = 35;

impl SnapshotHead {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> [u8; HEAD_SIZE] {
        let mut bytes = [VERSION; HEAD_SIZE];
        bytes[1..11].copy_from_slice(self.session.bytes());
        for (at, field) in [(11, self.next), (19, self.count), (27, self.size)] {
            bytes[at..at + 8].copy_from_slice(&field.to_be_bytes());
        }
        bytes
    }

    /// Reads a whole snapshot: its head and its blocks.
    ///
    /// # Errors
    ///
    /// [`SnapshotError`]; an end of stream within it is an I/O error.
    pub fn read(stream: &mut impl Read) -> Result<(Self, Vec<u8>), SnapshotError> {
        let mut bytes = [0; HEAD_SIZE];
        stream.read_exact(&mut bytes)?;
        if bytes[0] != VERSION {
            return Err(SnapshotError::Version { found: bytes[0] });
        }
        let number = |at: usize| u64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        let name: [u8; 10] = bytes[1..11].try_into().expect("ten bytes");
        let (next, count, size) = (number(11), number(19), number(27));
        let session = SessionName::new(name).filter(|_| next > 0 && size <= SNAPSHOT_SIZE_MAX as u64);
        let session = session.ok_or(SnapshotError::Head { session: name, next, size })?;
        // Grown as bytes come, not by what the head promises.
        let mut blocks = Vec::new();
        stream.take(size).read_to_end(&mut blocks)?;
        if blocks.len() as u64 != size {
            return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
        }
        Ok((Self { session, next, count, size }, blocks))
    }
}

/// Sends snapshots to whoever may have them.
#[derive(Debug)]
pub(super) struct Snapshots {
    pub(super) listener: TcpListener,
    connections: Vec<Connection>,
    cached: Option<(SessionName, u64, Arc<[u8]>)>,
    pub(super) sent: u64,
}

#[derive(Debug)]
struct Connection {
    stream: TcpStream,
    bytes: Arc<[u8]>,
    sent: usize,
    until: Instant,
}

impl Snapshots {
    pub(super) const fn new(listener: TcpListener) -> Self {
        Self { listener, connections: Vec::new(), cached: None, sent: 0 }
    }

    pub(super) fn turn(&mut self, feed: &Feed, next: u64, allowed: impl Fn(IpAddr) -> bool) {
        // So many at a time, whoever they are: publishing goes on between.
        for _ in self.connections.len()..SNAPSHOT_CONNECTIONS_MAX {
            let Ok((stream, from)) = self.listener.accept() else { break };
            let Some(session) = feed.session().filter(|_| allowed(from.ip()) && stream.set_nonblocking(true).is_ok()) else {
                continue;
            };
            let bytes = self.bytes(feed, session, next);
            self.connections.push(Connection { stream, bytes, sent: 0, until: Instant::now() + SNAPSHOT_PATIENCE });
        }
        let sent = &mut self.sent;
        self.connections.retain_mut(|connection| match connection.send() {
            Ok(true) => {
                *sent += 1;
                false
            }
            Ok(false) => Instant::now() < connection.until,
            Err(_) => false,
        });
    }

    /// Those who are not done yet.
    pub(super) fn streams(&self) -> impl Iterator<Item = &TcpStream> {
        self.connections.iter().map(|connection| &connection.stream)
    }

    pub(super) fn is_full(&self) -> bool {
        self.connections.len() >= SNAPSHOT_CONNECTIONS_MAX
    }

    /// A snapshot that is new enough, made at most once in [`SNAPSHOT_AGE_MESSAGES_MAX`] messages however often it is asked for.
    fn bytes(&mut self, feed: &Feed, session: SessionName, next: u64) -> Arc<[u8]> {
        if let Some((of, at, bytes)) = &self.cached
            && *of == session
            && next - at <= SNAPSHOT_AGE_MESSAGES_MAX
        {
            return Arc::clone(bytes);
        }
        let (count, blocks) = feed.snapshot();
        let head = SnapshotHead { session, next, count, size: blocks.len() as u64 };
        let bytes: Arc<[u8]> = [&head.bytes()[..], &blocks].concat().into();
        self.cached = Some((session, next, Arc::clone(&bytes)));
        bytes
    }
}

impl Connection {
    /// Whether it has everything.
    fn send(&mut self) -> io::Result<bool> {
        while self.sent < self.bytes.len() {
            match self.stream.write(&self.bytes[self.sent..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(sent) => self.sent += sent,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_head_is_pinned_and_an_impossible_one_is_refused() {
        let session = SessionName::new(*b"2026112201").unwrap();
        let head = SnapshotHead { session, next: 258, count: 1, size: 3 };
        let bytes = head.bytes();
        assert_eq!(bytes, *b"\x012026112201\0\0\0\0\0\0\x01\x02\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x03");
        let whole = [&bytes[..], b"\0\x01x"].concat();
        assert_eq!(SnapshotHead::read(&mut &whole[..]).unwrap(), (head, b"\0\x01x".to_vec()));
        for cut in 0..whole.len() {
            assert!(matches!(SnapshotHead::read(&mut &whole[..cut]), Err(SnapshotError::Io(_))), "{cut}");
        }
        let mut other = whole.clone();
        other[0] = 2;
        assert!(matches!(SnapshotHead::read(&mut &other[..]), Err(SnapshotError::Version { found: 2 })));
        other = whole;
        other[27] = 1;
        assert!(matches!(SnapshotHead::read(&mut &other[..]), Err(SnapshotError::Head { .. })));
    }
}
