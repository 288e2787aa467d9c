//! The group: a polynomial whose value at each validator's place is that validator's share, and whose constant term is the group's.

use crate::committee::ValidatorCount;
use crate::limits::VALIDATORS_MAX;
use commonware_codec::{Copying, Decode as _, DecodeExt as _, Encode as _};
use commonware_cryptography::bls12381::dkg::feldman_desmedt::deal_anonymous;
use commonware_cryptography::bls12381::primitives::group;
use commonware_cryptography::bls12381::primitives::ops::{self, threshold};
use commonware_cryptography::bls12381::primitives::sharing::{Mode, ModeVersion, Sharing};
use commonware_cryptography::bls12381::primitives::variant::{MinSig, PartialSignature, Variant};
use commonware_parallel::Sequential;
use commonware_utils::{N3f1, NZU32, Participant, non_empty};
use plinth_types::codec::{Codec, DecodeError, Reader, encode_count};
use rand::CryptoRng;
use std::num::NonZeroU32;

type Point = <MinSig as Variant>::Public;
type SignaturePoint = <MinSig as Variant>::Signature;

/// Most validators that a polynomial is read for.
const TOTAL_MAX: NonZeroU32 = NZU32!(VALIDATORS_MAX as u32);
/// Most bytes of a polynomial: mode, count, length, one point for each of 2f+1 coefficients.
const POLYNOMIAL_SIZE_MAX: usize = 1 + 4 + 5 + VALIDATORS_MAX * GroupKey::SIZE;

/// The public key of a group: a point of G2, checked to be in the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupKey(Point);

/// A signature of a group: a point of G1, checked to be in the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupSignature(SignaturePoint);

/// One validator's part of a group's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partial(PartialSignature<MinSig>);

/// One validator's secret share. `Debug` shows whose, not what.
#[derive(Clone)]
pub struct Share(group::Share);

/// The public side of a group: its key, and what each validator's part is checked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polynomial(Sharing<MinSig>);

/// Why partial signatures make no group signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecoverError {
    /// Too few distinct ones.
    #[error("{count} partial signatures, {count_min} are needed")]
    TooFew {
        /// How many there are.
        count: usize,
        /// 2f + 1.
        count_min: usize,
    },
    /// Some are not their signers'.
    #[error("wrong partial signatures of validators {signers:?}")]
    Invalid {
        /// Places of those whose part is wrong.
        signers: Vec<usize>,
    },
}

/// Deals a group for so many validators, in the order of their keys: any 2f+1 sign for it. Whoever runs this knows the group's secret
/// until it returns.
#[must_use]
pub fn deal(count: ValidatorCount, rng: impl CryptoRng) -> (Polynomial, Vec<Share>) {
    let total = NonZeroU32::new(u32::from(count.get())).expect("a committee is not empty");
    let (sharing, shares) = deal_anonymous::<MinSig, N3f1>(rng, Mode::NonZeroCounter, total);
    (Polynomial(sharing), shares.into_iter().map(Share).collect())
}

impl GroupKey {
    /// Bytes of the encoding.
    pub const SIZE: usize = 96;

    /// Whether this group signed the message under the namespace.
    #[must_use]
    pub(super) fn verifies(&self, namespace: &[u8], message: &[u8], signature: &GroupSignature) -> bool {
        ops::verify_message::<MinSig>(&self.0, namespace, message, &signature.0).is_ok()
    }
}

impl GroupSignature {
    /// Bytes of the encoding.
    pub const SIZE: usize = 48;
}

impl Partial {
    /// Most bytes of the encoding: signer, point.
    pub const SIZE: usize = 2 + GroupSignature::SIZE;

    /// The place of the validator whose part it claims to be, among the committee's ascending keys.
    #[must_use]
    pub fn signer(&self) -> usize {
        usize::from(self.0.index)
    }
}

impl Share {
    /// The place of the validator whose share it is, among the committee's ascending keys.
    #[must_use]
    pub fn signer(&self) -> usize {
        usize::from(self.0.index)
    }

    pub(super) fn sign(&self, namespace: &[u8], message: &[u8]) -> Partial {
        Partial(threshold::sign_message::<MinSig>(&self.0, namespace, message))
    }

    pub(super) fn expose(&self) -> Vec<u8> {
        self.0.encode().to_vec()
    }

    pub(super) fn from_exposed(bytes: &[u8]) -> Option<Self> {
        group::Share::decode(Copying(bytes)).ok().map(Self)
    }
}

impl std::fmt::Debug for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Share(of validator {})", self.signer())
    }
}

impl Polynomial {
    /// The group's key.
    #[must_use]
    pub fn key(&self) -> GroupKey {
        GroupKey(*self.0.public())
    }

    /// For how many validators it was dealt.
    #[must_use]
    pub fn total(&self) -> usize {
        self.0.total().get() as usize
    }

    /// How many partial signatures make one of the group.
    #[must_use]
    pub fn required(&self) -> usize {
        self.0.required() as usize
    }

    /// Whether it fits a committee of this size: as many shares as validators, 2f+1 of which sign.
    #[must_use]
    pub fn fits(&self, count: ValidatorCount) -> bool {
        self.total() == usize::from(count.get()) && self.required() == usize::from(count.get() - count.faults_max())
    }

    /// Whether a share is this group's.
    #[must_use]
    pub fn holds(&self, share: &Share) -> bool {
        self.0.partial_public(share.0.index).is_ok_and(|public| public == share.0.public::<MinSig>())
    }

    /// Checks all partial signatures at once and puts them together.
    pub(super) fn recover(&self, namespace: &[u8], message: &[u8], partials: &[Partial]) -> Result<GroupSignature, RecoverError> {
        let mut partials: Vec<&PartialSignature<MinSig>> = partials.iter().map(|partial| &partial.0).collect();
        partials.sort_by_key(|partial| partial.index);
        partials.dedup_by_key(|partial| partial.index);
        let (count, count_min) = (partials.len(), self.required());
        if count < count_min {
            return Err(RecoverError::TooFew { count, count_min });
        }
        let checked = threshold::batch_verify_same_message::<_, MinSig, _>(
            &mut rand::rng(),
            &self.0,
            namespace,
            message,
            non_empty![@partials.iter().copied()],
            &Sequential,
        );
        if let Err(invalid) = checked {
            return Err(RecoverError::Invalid { signers: invalid.iter().map(|partial| usize::from(partial.index)).collect() });
        }
        let recovered = threshold::recover::<MinSig, _>(&self.0, partials, &Sequential);
        recovered.map(GroupSignature).map_err(|_| RecoverError::TooFew { count, count_min })
    }
}

impl Codec for GroupKey {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.encode());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = reader.bytes(Self::SIZE)?;
        Point::decode(Copying(bytes)).map(Self).map_err(|_| reader.invalid("group key"))
    }
}

impl Codec for GroupSignature {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.0.encode());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = reader.bytes(Self::SIZE)?;
        SignaturePoint::decode(Copying(bytes)).map(Self).map_err(|_| reader.invalid("group signature"))
    }
}

impl Codec for Partial {
    fn encode(&self, out: &mut Vec<u8>) {
        encode_place(self.0.index, out);
        out.extend_from_slice(&self.0.value.encode());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let index = Participant::new(u32::from(u16::read(reader)?));
        let GroupSignature(value) = Codec::read(reader)?;
        Ok(Self(PartialSignature { index, value }))
    }
}

impl Codec for Polynomial {
    fn encode(&self, out: &mut Vec<u8>) {
        let bytes = self.0.encode();
        encode_count(bytes.len(), out);
        out.extend_from_slice(&bytes);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let size = reader.count("polynomial bytes", POLYNOMIAL_SIZE_MAX)?;
        let bytes = reader.bytes(size)?;
        let sharing = Sharing::decode_cfg(Copying(bytes), &(TOTAL_MAX, ModeVersion::v0()));
        sharing.map(Self).map_err(|_| reader.invalid("polynomial"))
    }
}

fn encode_place(index: Participant, out: &mut Vec<u8>) {
    out.extend_from_slice(&u16::try_from(index.get()).expect("a committee has a bound").to_le_bytes());
}

const _: () = assert!(VALIDATORS_MAX <= u16::MAX as usize);
