//! Lists with a bound, and text with one.

use crate::limits::REASON_SIZE_MAX;
use plinth_types::codec::{Buffer, Codec, DecodeError, Reader, encode_count};
use std::fmt;

/// Items in order, at most `N`: more are refused where they are read. Memory grows with what was read, never with what was claimed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T, const N: usize>(pub Vec<T>);

impl<T, const N: usize> Default for List<T, N> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const N: usize> From<Vec<T>> for List<T, N> {
    fn from(items: Vec<T>) -> Self {
        Self(items)
    }
}

impl<T, const N: usize> std::ops::Deref for List<T, N> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: Codec, const N: usize> Codec for List<T, N> {
    fn encode(&self, out: &mut Buffer) {
        encode_count(self.0.len(), out);
        self.0.iter().for_each(|item| item.encode(out));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.count("items of a list", N)?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(T::read(reader)?);
        }
        Ok(Self(items))
    }
}

/// Bytes, at most `N`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Bytes<const N: usize>(pub Vec<u8>);

impl<const N: usize> fmt::Debug for Bytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl<const N: usize> Codec for Bytes<N> {
    fn encode(&self, out: &mut Buffer) {
        encode_count(self.0.len(), out);
        out.extend_from_slice(&self.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.count("bytes", N)?;
        reader.bytes(count).map(|bytes| Self(bytes.to_vec()))
    }
}

/// A reason in words, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reason(String);

impl Reason {
    /// This text, as far as it fits.
    #[must_use]
    pub fn new(text: impl fmt::Display) -> Self {
        let mut text = text.to_string();
        text.truncate(text.floor_char_boundary(REASON_SIZE_MAX));
        Self(text)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Codec for Reason {
    fn encode(&self, out: &mut Buffer) {
        encode_count(self.0.len(), out);
        out.extend_from_slice(self.0.as_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = reader.count("bytes of a reason", REASON_SIZE_MAX)?;
        let bytes = reader.bytes(count)?.to_vec();
        String::from_utf8(bytes).map(Self).map_err(|_| reader.invalid("reason"))
    }
}
