//! What a guest is given.

use alloc::vec::Vec;
use core::fmt;
use plinth_matching::limits::Capacity;
use plinth_matching::tally::Given;
use plinth_types::codec::{Codec, Reader};

/// Bytes of an encoded [`Given`].
const GIVEN_SIZE: usize = 8 + 2 + 8 + 8 + 3 * 32;
/// Bytes before the witness's size: version, given fields, capacity.
const FIXED_SIZE: usize = 4 + GIVEN_SIZE + Capacity::ENCODED_SIZE;

/// A block to be executed on a witness.
#[derive(Debug)]
pub struct Input<'a> {
    /// What execution does not decide.
    pub given: Given,
    /// Bounds of the zone.
    pub capacity: Capacity,
    /// The pages that it uses.
    pub witness: &'a mut [u8],
    /// Its commands.
    pub body: &'a [u8],
}

/// Bytes that are no input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputError {
    /// They end early or go on.
    Size,
    /// Of another version.
    Version,
    /// Fields that nothing encodes to.
    Fields,
    /// No zone has this capacity.
    Capacity,
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Size => "the sizes of the input do not fit",
            Self::Version => "the input has another version",
            Self::Fields => "the input's fields have no such encoding",
            Self::Capacity => "no zone has the input's capacity",
        })
    }
}

impl core::error::Error for InputError {}

impl<'a> Input<'a> {
    /// Version of the encoding.
    pub const VERSION: u32 = 1;

    /// The bytes of a block and its witness.
    ///
    /// # Panics
    ///
    /// If witness or body has 4 GiB.
    #[must_use]
    pub fn encode(given: &Given, capacity: &Capacity, witness: &[u8], body: &[u8]) -> Vec<u8> {
        let mut out = Self::VERSION.to_le_bytes().to_vec();
        given.encode(&mut out);
        out.extend_from_slice(&capacity.to_bytes());
        debug_assert_eq!(out.len(), FIXED_SIZE, "sizes of fields");
        out.resize(FIXED_SIZE.next_multiple_of(4), 0);
        for part in [witness, body] {
            out.extend_from_slice(&u32::try_from(part.len()).expect("a block and its pages are far smaller").to_le_bytes());
            out.extend_from_slice(part);
        }
        out
    }

    /// Reads [`Input::encode`].
    ///
    /// # Errors
    ///
    /// [`InputError`].
    pub fn read(bytes: &'a mut [u8]) -> Result<Self, InputError> {
        let (fixed, rest) = bytes.split_at_mut_checked(FIXED_SIZE.next_multiple_of(4)).ok_or(InputError::Size)?;
        let (version, fields) = fixed.split_first_chunk::<4>().ok_or(InputError::Size)?;
        if u32::from_le_bytes(*version) != Self::VERSION {
            return Err(InputError::Version);
        }
        let mut reader = Reader::new(fields);
        let given = Given::read(&mut reader).map_err(|_| InputError::Fields)?;
        let capacity = reader.array().map_err(|_| InputError::Size)?;
        let capacity = Capacity::from_bytes(&capacity).map_err(|_| InputError::Capacity)?;
        let (witness, rest) = part(rest)?;
        let (body, rest) = part(rest)?;
        if !rest.is_empty() {
            return Err(InputError::Size);
        }
        Ok(Self { given, capacity, witness, body })
    }
}

/// A size and so many bytes, and what follows.
fn part(bytes: &mut [u8]) -> Result<(&mut [u8], &mut [u8]), InputError> {
    let (size, rest) = bytes.split_first_chunk_mut::<4>().ok_or(InputError::Size)?;
    rest.split_at_mut_checked(u32::from_le_bytes(*size) as usize).ok_or(InputError::Size)
}
