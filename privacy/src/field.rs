//! Words of the circuit's field, and how bytes become words.
//!
//! * A word has exactly one encoding: 32 little-endian bytes below the modulus. `n` and `n + p` are the same word, so a nullifier
//!   read without this check could be spent twice; [`Word::from_bytes`] refuses the second form.
//! * [`Commitment`], [`Nullifier`], [`Anchor`] and the others are words of their own kind; none converts into another.

use ff::{FromUniformBytes, PrimeField};
use pasta_curves::Fp;
use plinth_types::codec::{Codec, DecodeError, Reader};
use std::fmt;

/// An element of the Pallas base field, the field that the circuit computes in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word(pub(crate) Fp);

impl Word {
    /// Zero.
    pub const ZERO: Self = Self(Fp::zero());

    /// A small number.
    #[must_use]
    pub fn from_u64(value: u64) -> Self {
        Self(Fp::from(value))
    }

    /// Reads the canonical form; `None` at or above the modulus.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Option<Self> {
        Option::from(Fp::from_repr(bytes)).map(Self)
    }

    /// Reduces 64 uniform bytes, so that the result is uniform too.
    #[must_use]
    pub fn from_uniform(bytes: &[u8; 64]) -> Self {
        Self(Fp::from_uniform_bytes(bytes))
    }

    /// The canonical form.
    #[must_use]
    pub fn canonical(self) -> [u8; 32] {
        self.0.to_repr()
    }

    /// The number, if it is below `2^128`.
    #[must_use]
    pub fn to_u128(self) -> Option<u128> {
        let bytes = self.canonical();
        let (low, high) = bytes.split_at(16);
        if high.iter().any(|byte| *byte != 0) {
            return None;
        }
        Some(u128::from_le_bytes(low.try_into().ok()?))
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.canonical();
        write!(f, "0x{:02x}{:02x}{:02x}{:02x}…", bytes[31], bytes[30], bytes[29], bytes[28])
    }
}

impl Codec for Word {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.canonical());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = reader.array()?;
        Self::from_bytes(bytes).ok_or_else(|| reader.invalid("field element"))
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name(pub(crate) Word);

        impl $name {
            /// Wraps a word read at a wire edge.
            #[must_use]
            pub const fn new(word: Word) -> Self {
                Self(word)
            }

            /// The word.
            #[must_use]
            pub const fn word(self) -> Word {
                self.0
            }

            pub(crate) const fn fp(self) -> Fp {
                self.0.0
            }
        }

        impl Codec for $name {
            fn encode(&self, out: &mut Vec<u8>) {
                self.0.encode(out);
            }

            fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                Word::read(reader).map(Self)
            }
        }
    )*};
}

words! {
    /// A note as the tree holds it: hides asset, amount and owner.
    Commitment;
    /// What spending a note at its place in the tree reveals, and nothing else does.
    Nullifier;
    /// A root of the note tree.
    Anchor;
    /// A root of the registry.
    RegistryRoot;
    /// Whose a note is: a hash of the spend authority and the nullifier key.
    Owner;
    /// The hash of a transaction without its proofs, reduced to a word.
    TransactionWord;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_one_encoding() {
        let modulus_less_one = Word(-Fp::one()).canonical();
        assert!(Word::from_bytes(modulus_less_one).is_some());
        let mut modulus = modulus_less_one;
        modulus[0] += 1;
        assert!(Word::from_bytes(modulus).is_none(), "the modulus is zero in a second form");
        assert!(Nullifier::decode(&[0xff; 32]).is_err());
    }
}
