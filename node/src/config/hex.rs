//! Hexadecimal text of keys and signatures.

use std::fmt;

/// Why text is not `N` bytes of hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HexError {
    /// Not two digits a byte.
    Length {
        /// Digits wanted.
        expected: usize,
        /// Digits found.
        found: usize,
    },
    /// A character that is no digit.
    Digit {
        /// Its position.
        at: usize,
    },
}

impl fmt::Display for HexError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { expected, found } => write!(f, "expected {expected} hexadecimal digits, found {found}"),
            Self::Digit { at } => write!(f, "not a hexadecimal digit at position {at}"),
        }
    }
}

impl std::error::Error for HexError {}

/// Lower-case hexadecimal of `bytes`.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Reads exactly `N` bytes.
///
/// # Errors
///
/// [`HexError`] with the position at fault.
pub fn decode<const N: usize>(text: &str) -> Result<[u8; N], HexError> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return Err(HexError::Length { expected: 2 * N, found: digits.len() });
    }
    let digit = |at: usize| (digits[at] as char).to_digit(16).ok_or(HexError::Digit { at });
    let mut bytes = [0; N];
    for (index, byte) in bytes.iter_mut().enumerate() {
        let value = digit(2 * index)? * 16 + digit(2 * index + 1)?;
        *byte = u8::try_from(value).expect("two hexadecimal digits are a byte");
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_decodes_and_what_is_wrong_says_where() {
        assert_eq!(decode::<3>(&encode(&[0, 127, 255])), Ok([0, 127, 255]));
        assert_eq!(decode::<3>("00ff"), Err(HexError::Length { expected: 6, found: 4 }));
        assert_eq!(decode::<2>("00fg"), Err(HexError::Digit { at: 3 }));
        assert_eq!(decode::<1>("é"), Err(HexError::Digit { at: 0 }));
    }
}
