//! The bytes of datagrams and requests.

use crate::itch::SessionName;
use crate::limits::{MOLD_HEADER_SIZE, REQUEST_SIZE};
use thiserror::Error;

/// The head of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Which session.
    pub session: SessionName,
    /// Number of the first message; of the next one if there is none.
    pub first: u64,
    /// What follows.
    pub count: Count,
}

/// What follows a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// So many messages, at least one.
    Messages(u16),
    /// Nothing: the server is there.
    Heartbeat,
    /// Nothing ever: the session has ended.
    End,
}

/// What a consumer asks to be sent again. Same bytes as a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Which session.
    pub session: SessionName,
    /// The first message that is lacking.
    pub first: u64,
    /// How many are.
    pub count: u16,
}

/// Why a datagram is none of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PacketError {
    /// Too few bytes, or more than a request has.
    #[error("a datagram of {size} bytes")]
    Size {
        /// So many.
        size: usize,
    },
    /// The session's name is not printable.
    #[error("a session name that is not ASCII")]
    Session,
    /// The messages do not fill the datagram, or do not fit.
    #[error("{count} messages that are not as long as the datagram")]
    Blocks {
        /// So many should be there.
        count: u16,
    },
    /// The numbers of its messages exceed 64 bits, or begin with 0.
    #[error("message number {first}")]
    Number {
        /// Of the first message.
        first: u64,
    },
}

const COUNT_END: u16 = u16::MAX;

impl Header {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> [u8; MOLD_HEADER_SIZE] {
        let count = match self.count {
            Count::Messages(count) => count,
            Count::Heartbeat => 0,
            Count::End => COUNT_END,
        };
        bytes(self.session, self.first, count)
    }

    /// Reads a datagram; what is behind the header are the blocks, whole and as many as it says.
    ///
    /// # Errors
    ///
    /// [`PacketError`].
    pub fn read(datagram: &[u8]) -> Result<(Self, &[u8]), PacketError> {
        let (head, blocks) = datagram.split_first_chunk().ok_or(PacketError::Size { size: datagram.len() })?;
        let (session, first, count) = fields(head)?;
        if first == 0 || first.checked_add(count.into()).is_none() {
            return Err(PacketError::Number { first });
        }
        let header = |count| Self { session, first, count };
        match count {
            0 if blocks.is_empty() => Ok((header(Count::Heartbeat), blocks)),
            COUNT_END if blocks.is_empty() => Ok((header(Count::End), blocks)),
            0 | COUNT_END => Err(PacketError::Blocks { count }),
            _ => {
                let whole = crate::itch::file::messages(blocks).try_fold(0_u64, |sum, block| block.map(|_| sum + 1));
                if whole != Ok(u64::from(count)) {
                    return Err(PacketError::Blocks { count });
                }
                Ok((header(Count::Messages(count)), blocks))
            }
        }
    }
}

impl Request {
    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> [u8; REQUEST_SIZE] {
        bytes(self.session, self.first, self.count)
    }

    /// Reads a request.
    ///
    /// # Errors
    ///
    /// [`PacketError`], also for bytes behind it, for message 0 and for no message.
    pub fn read(datagram: &[u8]) -> Result<Self, PacketError> {
        let head = datagram.try_into().map_err(|_| PacketError::Size { size: datagram.len() })?;
        let (session, first, count) = fields(head)?;
        if first == 0 || count == 0 {
            return Err(PacketError::Number { first });
        }
        Ok(Self { session, first, count })
    }
}

fn bytes(session: SessionName, first: u64, count: u16) -> [u8; MOLD_HEADER_SIZE] {
    let mut bytes = [0; MOLD_HEADER_SIZE];
    bytes[..10].copy_from_slice(session.bytes());
    bytes[10..18].copy_from_slice(&first.to_be_bytes());
    bytes[18..].copy_from_slice(&count.to_be_bytes());
    bytes
}

fn fields(head: &[u8; MOLD_HEADER_SIZE]) -> Result<(SessionName, u64, u16), PacketError> {
    let name = head.first_chunk().expect("ten of twenty bytes");
    let session = SessionName::new(*name).ok_or(PacketError::Session)?;
    let first = u64::from_be_bytes(head[10..18].try_into().expect("eight bytes"));
    Ok((session, first, u16::from_be_bytes([head[18], head[19]])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_requests_are_pinned() {
        let session = SessionName::new(*b"2026112201").unwrap();
        let header = Header { session, first: 0x0102_0304_0506_0708, count: Count::Messages(0x0a0b) };
        assert_eq!(header.bytes(), *b"2026112201\x01\x02\x03\x04\x05\x06\x07\x08\x0a\x0b");
        let heartbeat = Header { session, first: 9, count: Count::Heartbeat };
        assert_eq!(Header::read(&heartbeat.bytes()), Ok((heartbeat, &[][..])));
        let end = Header { session, first: 9, count: Count::End };
        assert_eq!(end.bytes()[18..], [0xff, 0xff]);
        assert_eq!(Header::read(&end.bytes()), Ok((end, &[][..])));
        let request = Request { session, first: 1, count: 3 };
        assert_eq!(request.bytes(), *b"2026112201\0\0\0\0\0\0\0\x01\0\x03");
        assert_eq!(Request::read(&request.bytes()), Ok(request));
    }

    #[test]
    fn what_is_not_whole_is_refused() {
        let session = SessionName::new(*b"2026112201").unwrap();
        let with = |first, count, blocks: &[u8]| [&bytes(session, first, count)[..], blocks].concat();
        let read = |datagram: &[u8]| Header::read(datagram).map(|(header, _)| header.count);
        assert_eq!(read(&with(1, 2, b"\0\x01a\0\0")), Ok(Count::Messages(2)));
        for (count, blocks) in
            [(1, &b""[..]), (1, b"\0"), (1, b"\0\x02a"), (2, b"\0\x01a"), (1, b"\0\x01a\0\x01b"), (0, b"a"), (COUNT_END, b"a")]
        {
            assert_eq!(read(&with(1, count, blocks)), Err(PacketError::Blocks { count }), "{count} {blocks:?}");
        }
        assert_eq!(read(&with(0, 0, b"")), Err(PacketError::Number { first: 0 }));
        assert_eq!(read(&with(u64::MAX, 1, b"\0\x01a")), Err(PacketError::Number { first: u64::MAX }));
        assert_eq!(read(b"2026112201"), Err(PacketError::Size { size: 10 }));
        assert_eq!(read(&[0; 20]), Err(PacketError::Session));
        assert_eq!(Request::read(&with(1, 1, b"x")), Err(PacketError::Size { size: 21 }));
        assert_eq!(Request::read(&with(1, 0, b"")), Err(PacketError::Number { first: 1 }));
    }
}
