//! The canonical encoding: little-endian, fixed width, no padding, sequences preceded by a count that has a named bound.
//!
//! `decode(encode(x)) == x`, and a byte string decodes to at most one value: every decoder refuses what an encoder would not have
//! written (an unknown tag, a count over its bound, bytes left over).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

/// Where encodings are written.
pub type Buffer = Vec<u8>;

/// Why bytes are not a value. `at` is the byte offset where reading stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The bytes end inside a field.
    Truncated {
        /// Offset of the field.
        at: usize,
        /// Bytes that the field needs beyond the end.
        missing: usize,
    },
    /// The value is complete and bytes are left.
    TrailingBytes {
        /// Offset of the first byte left.
        at: usize,
        /// How many are left.
        count: usize,
    },
    /// A version, tag or value that no encoder writes.
    Invalid {
        /// Offset behind the field.
        at: usize,
        /// Which field.
        field: &'static str,
    },
    /// A count above its bound.
    TooMany {
        /// Offset behind the count.
        at: usize,
        /// Which sequence.
        field: &'static str,
        /// The count claimed.
        count: usize,
        /// The bound.
        count_max: usize,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { at, missing } => write!(f, "bytes end at offset {at}, {missing} more are needed"),
            Self::TrailingBytes { at, count } => write!(f, "{count} bytes left over at offset {at}"),
            Self::Invalid { at, field } => write!(f, "invalid {field} before offset {at}"),
            Self::TooMany { at, field, count, count_max } => {
                write!(f, "{count} {field} before offset {at}, at most {count_max} are allowed")
            }
        }
    }
}

impl core::error::Error for DecodeError {}

/// A value with a canonical encoding.
pub trait Codec: Sized {
    /// Appends the encoding to `out`.
    fn encode(&self, out: &mut Vec<u8>);

    /// Reads one value.
    ///
    /// # Errors
    ///
    /// When the bytes are not an encoding; nothing is allocated in proportion to a claimed count.
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;

    /// The encoding.
    fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }

    /// Reads one value that fills `bytes`.
    ///
    /// # Errors
    ///
    /// As [`Codec::read`], and when bytes are left over.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let value = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(value)
    }
}

/// Reads fields from the front of a byte string.
#[derive(Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Takes `count` bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`].
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let Some(taken) = rest.get(..count) else {
            return Err(DecodeError::Truncated { at: self.at, missing: count - rest.len() });
        };
        self.at += count;
        Ok(taken)
    }

    /// Takes `N` bytes as an array.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`].
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N)?);
        Ok(array)
    }

    /// Takes a count of at most `count_max`, stored in four bytes.
    ///
    /// # Errors
    ///
    /// [`DecodeError::Truncated`], [`DecodeError::TooMany`].
    pub fn count(&mut self, field: &'static str, count_max: usize) -> Result<usize, DecodeError> {
        let count = u32::from_le_bytes(self.array()?) as usize;
        if count > count_max {
            return Err(DecodeError::TooMany { at: self.at, field, count, count_max });
        }
        Ok(count)
    }

    /// The error for a value that no encoder writes, at the present offset.
    #[must_use]
    pub const fn invalid(&self, field: &'static str) -> DecodeError {
        DecodeError::Invalid { at: self.at, field }
    }

    /// Says that the value is complete.
    ///
    /// # Errors
    ///
    /// [`DecodeError::TrailingBytes`].
    pub const fn finish(&self) -> Result<(), DecodeError> {
        if self.at < self.bytes.len() {
            return Err(DecodeError::TrailingBytes { at: self.at, count: self.bytes.len() - self.at });
        }
        Ok(())
    }
}

macro_rules! integers {
    ($($int:ty),*) => {$(
        impl Codec for $int {
            #[inline]
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.to_le_bytes());
            }
            #[inline]
            fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                reader.array().map(Self::from_le_bytes)
            }
        }
    )*};
}
integers!(u8, u16, u32, u64, u128, i32, i64);

/// One byte, 0 or 1.
impl Codec for bool {
    fn encode(&self, out: &mut Vec<u8>) {
        u8::from(*self).encode(out);
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match u8::read(reader)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(reader.invalid("yes or no")),
        }
    }
}

impl<T: Codec> Codec for Box<T> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.as_ref().encode(out);
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        T::read(reader).map(Self::new)
    }
}

impl<T: Codec, const N: usize> Codec for [T; N] {
    fn encode(&self, out: &mut Vec<u8>) {
        self.iter().for_each(|item| item.encode(out));
    }
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let items = (0..N).map(|_| T::read(reader)).collect::<Result<Vec<_>, _>>()?;
        items.try_into().map_err(|_| reader.invalid("array"))
    }
}

macro_rules! ids {
    ($($id:ty),*) => {$(
        impl Codec for $id {
            fn encode(&self, out: &mut Vec<u8>) {
                self.get().encode(out);
            }
            fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Codec::read(reader).map(Self::new)
            }
        }
    )*};
}
use crate::id::{
    AccountId, AssetId, ChainId, Epoch, FirmId, Height, InboxIndex, InstrumentId, MandateId, MsgSeqNum, OrderId, ProducerEpoch,
    PublicKey, QuoteGroupId, Seq, SessionId, Signature, TimestampNs, TradeId, ZoneId,
};
use crate::quantity::{Amount, Lots, Price, Qty};
ids!(AccountId, AssetId, ChainId, Epoch, Height, InboxIndex, InstrumentId, Lots, MandateId, MsgSeqNum, ProducerEpoch, Seq);
ids!(FirmId, QuoteGroupId, SessionId, TimestampNs, TradeId, ZoneId);

macro_rules! checked {
    ($($name:ty, $from:expr, $to:expr, $field:literal;)*) => {$(
        impl Codec for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                $to(*self).encode(out);
            }
            fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                let raw = Codec::read(reader)?;
                $from(raw).ok_or_else(|| reader.invalid($field))
            }
        }
    )*};
}
checked! {
    Price, Self::from_ticks, Self::ticks, "price";
    Qty, Self::from_lots, Self::lots, "quantity";
    Amount, Self::new, Self::units, "amount";
    OrderId, Self::from_bits, Self::bits, "order id";
}

macro_rules! arrays {
    ($($name:ident),*) => {$(
        impl Codec for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.0);
            }
            fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                reader.array().map(Self)
            }
        }
    )*};
}
use crate::digest::Digest;
arrays!(Digest, PublicKey, Signature);

/// Writes a count in four bytes.
///
/// # Panics
///
/// Above `u32::MAX`; every sequence has a far lower bound, kept by whoever fills it.
pub fn encode_count(count: usize, out: &mut Vec<u8>) {
    u32::try_from(count).expect("a sequence with a bound").encode(out);
}

/// What an owner signs: the domain of the kind of order, the chain, the order. No signature counts for another kind, or on another chain.
#[must_use]
pub fn signed_bytes(domain: &[u8], chain: ChainId, order: &impl Codec) -> Vec<u8> {
    let mut out = domain.to_vec();
    chain.encode(&mut out);
    order.encode(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_cut_short_says_where_and_how_much() {
        assert_eq!(u64::decode(&[1, 2, 3]), Err(DecodeError::Truncated { at: 0, missing: 5 }));
        assert_eq!(u16::decode(&[1, 2, 3]), Err(DecodeError::TrailingBytes { at: 2, count: 1 }));
    }

    #[test]
    fn a_claimed_count_is_checked_before_anything_is_read() {
        let bytes = u32::MAX.to_le_bytes();
        let refused = Reader::new(&bytes).count("things", 3);
        let count = u32::MAX as usize;
        assert_eq!(refused, Err(DecodeError::TooMany { at: 4, field: "things", count, count_max: 3 }));
    }

    #[test]
    fn values_out_of_range_do_not_decode() {
        assert!(Qty::decode(&0_u64.to_bytes()).is_err());
        assert!(Price::decode(&i64::MIN.to_bytes()).is_err());
        assert!(Amount::decode(&u128::MAX.to_bytes()).is_err());
        assert!(OrderId::decode(&0_u64.to_bytes()).is_err());
    }
}
