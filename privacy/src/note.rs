//! Assets, notes, commitments and nullifiers, as the circuit knows them.
//!
//! | | |
//! | --- | --- |
//! | asset word | `a = id + 2^16·eligible`: the asset's number (the base layer's plus one, never 0) and its terms of issue, one bit for each jurisdiction whose residents may hold it |
//! | commitment | `cm = H_Note(a + 2^32·v, owner, r)`; `r` is uniform and hides the rest |
//! | nullifier | `nf = H_Nullifier(nk, cm, position)` |
//!
//! * The nullifier binds the note's place in the tree. Two notes with one commitment have two places and two nullifiers, so nobody
//!   can make a received note unspendable by making its twin, and one note has one nullifier because its owner fixes `nk`.
//! * Terms of issue are part of the asset inside the pool. Changing them makes another asset; a holder is taken off by the registry.

use crate::field::{Commitment, Nullifier, Owner, Word};
use crate::hash::{Tag, hash};
use crate::limits::JURISDICTIONS_MAX;
use pasta_curves::Fp;
use plinth_types::codec::{Codec, DecodeError, Reader};
use plinth_types::id::AssetId;
use plinth_types::quantity::Amount;
use plinth_types::record;
use std::fmt;

/// A jurisdiction that registrations and terms of issue name, below [`JURISDICTIONS_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Jurisdiction(u8);

impl Jurisdiction {
    /// `None` at or above [`JURISDICTIONS_MAX`].
    #[must_use]
    pub const fn new(index: u8) -> Option<Self> {
        if (index as usize) < JURISDICTIONS_MAX { Some(Self(index)) } else { None }
    }

    /// Its number.
    #[must_use]
    pub const fn index(self) -> u8 {
        self.0
    }

    pub(crate) const fn bit(self) -> u16 {
        1 << self.0
    }
}

impl Codec for Jurisdiction {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::new(u8::read(reader)?).ok_or_else(|| reader.invalid("jurisdiction"))
    }
}

/// The jurisdictions whose residents may hold an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Eligibility(u16);

impl Eligibility {
    /// Everybody who is registered.
    pub const ALL: Self = Self(u16::MAX);

    /// Residents of these.
    #[must_use]
    pub fn of(jurisdictions: &[Jurisdiction]) -> Self {
        Self(jurisdictions.iter().fold(0, |bits, jurisdiction| bits | jurisdiction.bit()))
    }

    /// From one bit for each jurisdiction.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// One bit for each jurisdiction.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Whether a resident of `jurisdiction` may hold the asset.
    #[must_use]
    pub const fn admits(self, jurisdiction: Jurisdiction) -> bool {
        self.0 & jurisdiction.bit() != 0
    }
}

impl Codec for Eligibility {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Codec::read(reader).map(Self)
    }
}

/// An asset with its terms of issue, as notes carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PoolAsset {
    number: u16,
    eligible: Eligibility,
}

impl PoolAsset {
    /// `None` for the last asset number, which has no successor.
    #[must_use]
    pub const fn new(asset: AssetId, eligible: Eligibility) -> Option<Self> {
        match asset.get().checked_add(1) {
            Some(number) => Some(Self { number, eligible }),
            None => None,
        }
    }

    /// The asset of the base layer.
    #[must_use]
    pub const fn asset(self) -> AssetId {
        AssetId::new(self.number - 1)
    }

    /// Its terms.
    #[must_use]
    pub const fn eligible(self) -> Eligibility {
        self.eligible
    }

    pub(crate) const fn number(self) -> u16 {
        self.number
    }

    pub(crate) fn bits(self) -> u32 {
        u32::from(self.number) | (u32::from(self.eligible.0) << 16)
    }

    pub(crate) fn from_bits(bits: u32) -> Option<Self> {
        let [low, high] = [bits as u16, (bits >> 16) as u16];
        if low == 0 { None } else { Some(Self { number: low, eligible: Eligibility(high) }) }
    }

    pub(crate) fn fp(self) -> Fp {
        Fp::from(u64::from(self.bits()))
    }
}

impl Codec for PoolAsset {
    fn encode(&self, out: &mut Vec<u8>) {
        self.bits().encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bits = u32::read(reader)?;
        Self::from_bits(bits).ok_or_else(|| reader.invalid("pool asset"))
    }
}

/// An amount inside the pool, in the asset's smallest unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Value(u64);

impl Value {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// Wraps units read at a wire edge.
    #[must_use]
    pub const fn new(units: u64) -> Self {
        Self(units)
    }

    /// In the asset's smallest unit.
    #[must_use]
    pub const fn units(self) -> u64 {
        self.0
    }

    /// The same outside the pool.
    ///
    /// # Panics
    ///
    /// Never: 64 bits are an amount.
    #[must_use]
    pub fn amount(self) -> Amount {
        Amount::new(u128::from(self.0)).expect("64 bits are an amount")
    }

    /// `None` above 64 bits.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// `None` when `other` is larger.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Codec for Value {
    fn encode(&self, out: &mut Vec<u8>) {
        self.0.encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        u64::read(reader).map(Self)
    }
}

/// Place of a note in the tree, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position(pub(crate) u64);

impl Position {
    /// Wraps a place counted by the tree.
    #[must_use]
    pub const fn new(index: u64) -> Self {
        Self(index)
    }

    /// The place.
    #[must_use]
    pub const fn index(self) -> u64 {
        self.0
    }
}

/// What a commitment hides. Showing it opens the note to whoever is shown; spending needs the keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Note {
    /// What.
    pub asset: PoolAsset,
    /// How much.
    pub value: Value,
    /// Whose.
    pub owner: Owner,
    /// The hiding randomness.
    pub randomness: Word,
}

impl fmt::Debug for Note {
    /// The commitment only: logs are not a disclosure.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Note").field(&self.commitment()).finish()
    }
}

record!(Note { asset, value, owner, randomness });

impl Note {
    /// As the tree holds it.
    #[must_use]
    pub fn commitment(&self) -> Commitment {
        let word = self.asset.fp() + Fp::from(self.value.units()) * Fp::from(1 << 32);
        Commitment(Word(hash(Tag::Note, [word, self.owner.fp(), self.randomness.0])))
    }
}

/// What spending the note with this commitment at this place reveals.
#[must_use]
pub(crate) fn nullifier(nullifier_key: Fp, commitment: Commitment, position: Position) -> Nullifier {
    Nullifier(Word(hash(Tag::Nullifier, [nullifier_key, commitment.fp(), Fp::from(position.0)])))
}
