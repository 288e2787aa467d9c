//! Length-prefixed frames on a QUIC stream.

use bytes::{Bytes, BytesMut};
use thiserror::Error;

/// Bytes of a frame's length.
const HEAD_SIZE: usize = 4;
/// Bytes asked of QUIC at a time.
const CHUNK_SIZE: usize = 64 << 10;

/// Why no frame could be read or written.
#[derive(Debug, Error)]
pub enum FrameError {
    /// The length is above the bound; nothing was allocated for it.
    #[error("frame of {size} bytes, at most {size_max} are allowed")]
    TooLarge {
        /// The length claimed.
        size: usize,
        /// The bound.
        size_max: usize,
    },
    /// The stream ended inside a frame.
    #[error("stream ended inside a frame")]
    Truncated,
    /// The stream or its connection failed.
    #[error("read: {0}")]
    Read(#[from] quinn::ReadError),
    /// The stream or its connection failed.
    #[error("write: {0}")]
    Write(#[from] quinn::WriteError),
}

/// Cuts a stream into frames. Its buffer grows with the bytes that arrive, never with the length that is claimed.
#[derive(Debug)]
pub struct FrameReader {
    stream: quinn::RecvStream,
    buffer: BytesMut,
}

impl FrameReader {
    /// Reads from the start of a frame.
    #[must_use]
    pub fn new(stream: quinn::RecvStream) -> Self {
        Self { stream, buffer: BytesMut::new() }
    }

    /// The length of the next frame, as soon as it is known; `None` at the end of the stream. Takes nothing out.
    ///
    /// # Errors
    ///
    /// [`FrameError`], before any byte of a frame that is too long is waited for.
    pub async fn next_size(&mut self, size_max: usize) -> Result<Option<usize>, FrameError> {
        loop {
            if let Some(size) = peek_size(&self.buffer, size_max)? {
                return Ok(Some(size));
            }
            if !self.fill().await? {
                return if self.buffer.is_empty() { Ok(None) } else { Err(FrameError::Truncated) };
            }
        }
    }

    /// The next frame, `None` at the end of the stream. A call that is dropped loses nothing.
    ///
    /// # Errors
    ///
    /// [`FrameError`].
    pub async fn next(&mut self, size_max: usize) -> Result<Option<Bytes>, FrameError> {
        loop {
            if let Some(frame) = take_frame(&mut self.buffer, size_max)? {
                return Ok(Some(frame));
            }
            if !self.fill().await? {
                return if self.buffer.is_empty() { Ok(None) } else { Err(FrameError::Truncated) };
            }
        }
    }

    /// `false` at the end of the stream.
    async fn fill(&mut self) -> Result<bool, FrameError> {
        let chunk = self.stream.read_chunk(CHUNK_SIZE, true).await?;
        Ok(chunk.map(|chunk| self.buffer.extend_from_slice(&chunk.bytes)).is_some())
    }
}

fn peek_size(buffer: &BytesMut, size_max: usize) -> Result<Option<usize>, FrameError> {
    let Some(head) = buffer.first_chunk::<HEAD_SIZE>() else { return Ok(None) };
    let size = u32::from_le_bytes(*head) as usize;
    if size > size_max { Err(FrameError::TooLarge { size, size_max }) } else { Ok(Some(size)) }
}

fn take_frame(buffer: &mut BytesMut, size_max: usize) -> Result<Option<Bytes>, FrameError> {
    let Some(size) = peek_size(buffer, size_max)? else { return Ok(None) };
    if buffer.len() < HEAD_SIZE + size {
        return Ok(None);
    }
    let mut frame = buffer.split_to(HEAD_SIZE + size);
    Ok(Some(frame.split_off(HEAD_SIZE).freeze()))
}

/// Reads one frame and nothing behind it; `None` if the stream ended first.
///
/// # Errors
///
/// [`FrameError`].
pub async fn read_frame(stream: &mut quinn::RecvStream, size_max: usize) -> Result<Option<Bytes>, FrameError> {
    let mut head = [0; HEAD_SIZE];
    match stream.read_exact(&mut head).await {
        Ok(()) => {}
        Err(quinn::ReadExactError::FinishedEarly(0)) => return Ok(None),
        Err(quinn::ReadExactError::FinishedEarly(_)) => return Err(FrameError::Truncated),
        Err(quinn::ReadExactError::ReadError(error)) => return Err(error.into()),
    }
    let size = u32::from_le_bytes(head) as usize;
    if size > size_max {
        return Err(FrameError::TooLarge { size, size_max });
    }
    let mut frame = BytesMut::new();
    while frame.len() < size {
        match stream.read_chunk((size - frame.len()).min(CHUNK_SIZE), true).await? {
            Some(chunk) => frame.extend_from_slice(&chunk.bytes),
            None => return Err(FrameError::Truncated),
        }
    }
    Ok(Some(frame.freeze()))
}

/// Writes one frame.
///
/// # Errors
///
/// [`FrameError::Write`].
///
/// # Panics
///
/// Above 4 GiB; every frame has a far lower bound, kept by whoever makes it.
pub async fn write_frame(stream: &mut quinn::SendStream, frame: Bytes) -> Result<(), FrameError> {
    stream.write_all_chunks(&mut [head_of(&frame), frame]).await?;
    Ok(())
}

/// The length that goes before a frame.
pub(super) fn head_of(frame: &Bytes) -> Bytes {
    let size = u32::try_from(frame.len()).expect("a frame with a bound");
    Bytes::copy_from_slice(&size.to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_above_the_bound_is_refused_before_its_bytes_arrive() {
        let mut buffer = BytesMut::from(&u32::MAX.to_le_bytes()[..]);
        let refused = take_frame(&mut buffer, 10);
        assert!(matches!(refused, Err(FrameError::TooLarge { size: 0xffff_ffff, size_max: 10 })), "{refused:?}");
        assert!(buffer.capacity() < 64);
    }

    #[test]
    fn frames_come_out_as_they_went_in_wherever_the_chunks_break() {
        let frames = [Bytes::from_static(b""), Bytes::from_static(b"vote"), Bytes::from_static(&[7; 300])];
        let wire: Vec<u8> = frames.iter().flat_map(|frame| [head_of(frame).to_vec(), frame.to_vec()].concat()).collect();
        for step in 1..wire.len() {
            let (mut buffer, mut read) = (BytesMut::new(), Vec::new());
            for chunk in wire.chunks(step) {
                buffer.extend_from_slice(chunk);
                while let Some(frame) = take_frame(&mut buffer, 300).unwrap() {
                    read.push(frame);
                }
            }
            assert_eq!(read, frames, "step {step}");
        }
    }
}
