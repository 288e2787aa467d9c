//! Keys, polynomials and shares as hexadecimal digits, for configuration and key files.

use super::group::{GroupKey, Polynomial, Share};
use plinth_types::codec::{Codec, DecodeError};

/// Why text is no group key or polynomial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupTextError {
    /// Not pairs of hexadecimal digits.
    #[error("not an even number of hexadecimal digits")]
    Digits,
    /// Bytes that are none.
    #[error("{0}")]
    Bytes(DecodeError),
}

/// Why text is no share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these digits are no share of a group")]
pub struct ShareTextError;

impl GroupKey {
    /// Reads [`GroupKey::to_text`].
    ///
    /// # Errors
    ///
    /// [`GroupTextError`].
    pub fn from_text(text: &str) -> Result<Self, GroupTextError> {
        Self::decode(&from_hex(text).ok_or(GroupTextError::Digits)?).map_err(GroupTextError::Bytes)
    }

    /// 192 hexadecimal digits.
    #[must_use]
    pub fn to_text(&self) -> String {
        to_hex(&self.to_bytes())
    }
}

impl Polynomial {
    /// Reads [`Polynomial::to_text`].
    ///
    /// # Errors
    ///
    /// [`GroupTextError`].
    pub fn from_text(text: &str) -> Result<Self, GroupTextError> {
        Self::decode(&from_hex(text).ok_or(GroupTextError::Digits)?).map_err(GroupTextError::Bytes)
    }

    /// Hexadecimal digits: 192 for each of the 2f+1 coefficients, and a few.
    #[must_use]
    pub fn to_text(&self) -> String {
        to_hex(&self.to_bytes())
    }
}

impl Share {
    /// Reads a share file.
    ///
    /// # Errors
    ///
    /// [`ShareTextError`]. It does not repeat the text.
    pub fn from_text(text: &str) -> Result<Self, ShareTextError> {
        from_hex(text).and_then(|bytes| Self::from_exposed(&bytes)).ok_or(ShareTextError)
    }

    /// The secret, for a share file. The caller guards it.
    #[must_use]
    pub fn expose_text(&self) -> String {
        to_hex(&self.expose())
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.chars().map(|character| Some(character.to_digit(16)? as u8)).collect::<Option<Vec<u8>>>()?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}
