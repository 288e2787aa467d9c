//! Frames: a length of four bytes, little-endian, and one message.

use crate::error::ProtocolError;
use crate::limits::{FRAME_SIZE_MAX, STALL_MAX};
use plinth_types::codec::Codec;
use std::io::{Error, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

const LENGTH_SIZE: usize = 4;
/// Memory grows with what came, in such steps.
const CHUNK_SIZE: usize = 64 << 10;

/// Reads the messages of one stream. Waits for a message as long as it is told, for the rest of one that has begun `patience`.
#[derive(Debug)]
pub(crate) struct FrameReader {
    stream: UnixStream,
    patience: Duration,
}

impl FrameReader {
    pub(crate) const fn new(stream: UnixStream, patience: Duration) -> Self {
        Self { stream, patience }
    }

    /// The next message; `within` bounds the wait for its first byte, `None` waits for ever.
    pub(crate) fn receive<T: Codec>(&mut self, within: Option<Duration>) -> Result<T, ProtocolError> {
        let mut length = [0; LENGTH_SIZE];
        let begun = self.first_byte(&mut length[..1], within)?;
        let deadline = begun + self.patience;
        let mut rest = Vec::new();
        self.fill(&mut rest, LENGTH_SIZE - 1, deadline)?;
        length[1..].copy_from_slice(&rest);
        let size = u32::from_le_bytes(length) as usize;
        if size > FRAME_SIZE_MAX {
            return Err(ProtocolError::FrameSize { size });
        }
        let mut frame = Vec::new();
        self.fill(&mut frame, size, deadline)?;
        Ok(T::decode(&frame)?)
    }

    fn first_byte(&mut self, byte: &mut [u8], within: Option<Duration>) -> Result<Instant, ProtocolError> {
        let deadline = within.map(|within| Instant::now() + within);
        loop {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) {
                return Err(ProtocolError::Silent { waited: within.unwrap_or_default() });
            }
            match self.read(byte, left)? {
                Some(0) => return Err(ProtocolError::Closed),
                Some(_) => return Ok(Instant::now()),
                None => {}
            }
        }
    }

    fn fill(&mut self, bytes: &mut Vec<u8>, size: usize, deadline: Instant) -> Result<(), ProtocolError> {
        while bytes.len() < size {
            let (at, missing) = (bytes.len(), size - bytes.len());
            let left = deadline.saturating_duration_since(Instant::now());
            bytes.resize(at + missing.min(CHUNK_SIZE), 0);
            let read = if left == Duration::ZERO { None } else { self.read(&mut bytes[at..], Some(left))? };
            match read {
                Some(0) => return Err(ProtocolError::HalfFrame { missing }),
                Some(count) => bytes.truncate(at + count),
                None if Instant::now() < deadline => bytes.truncate(at),
                None => return Err(ProtocolError::HalfFrame { missing }),
            }
        }
        Ok(())
    }

    /// How many bytes were read; `None` if none came in time.
    fn read(&mut self, bytes: &mut [u8], within: Option<Duration>) -> Result<Option<usize>, ProtocolError> {
        self.stream.set_read_timeout(within).map_err(ProtocolError::Io)?;
        match self.stream.read(bytes) {
            Ok(count) => Ok(Some(count)),
            Err(error) if is_timeout(&error) || error.kind() == ErrorKind::Interrupted => Ok(None),
            Err(error) if is_end(&error) => Ok(Some(0)),
            Err(error) => Err(ProtocolError::Io(error)),
        }
    }
}

/// Writes one message whole; waits as long as the other end reads nothing, or as long as the stream was told to.
pub(crate) fn write(stream: &mut UnixStream, message: &impl Codec) -> Result<(), ProtocolError> {
    let mut frame = vec![0; LENGTH_SIZE];
    message.encode(&mut frame);
    let size = frame.len() - LENGTH_SIZE;
    if size > FRAME_SIZE_MAX {
        return Err(ProtocolError::FrameSize { size });
    }
    frame[..LENGTH_SIZE].copy_from_slice(&(size as u32).to_le_bytes());
    match stream.write_all(&frame) {
        Ok(()) => Ok(()),
        Err(error) if is_end(&error) => Err(ProtocolError::Closed),
        Err(error) if is_timeout(&error) => Err(ProtocolError::Silent { waited: STALL_MAX }),
        Err(error) => Err(ProtocolError::Io(error)),
    }
}

fn is_timeout(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

fn is_end(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::NotConnected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_frame_and_then_silence_is_an_error() {
        let (mut other, stream) = UnixStream::pair().unwrap();
        let mut reader = FrameReader::new(stream, Duration::from_millis(20));
        other.write_all(&[8, 0, 0, 0, 1, 2]).unwrap();
        let error = reader.receive::<u64>(None).unwrap_err();
        assert!(matches!(error, ProtocolError::HalfFrame { missing: 6 }), "{error}");
    }

    #[test]
    fn silence_is_an_error_where_somebody_should_speak() {
        let (_other, stream) = UnixStream::pair().unwrap();
        let error = FrameReader::new(stream, STALL_MAX).receive::<u64>(Some(Duration::from_millis(20))).unwrap_err();
        assert!(matches!(error, ProtocolError::Silent { .. }), "{error}");
    }

    #[test]
    fn a_frame_in_pieces_is_whole() {
        let (mut other, stream) = UnixStream::pair().unwrap();
        let writer = std::thread::spawn(move || {
            [8, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8].iter().for_each(|byte| other.write_all(&[*byte]).unwrap())
        });
        assert_eq!(FrameReader::new(stream, STALL_MAX).receive::<u64>(None).unwrap(), 0x0807_0605_0403_0201);
        writer.join().unwrap();
    }
}
