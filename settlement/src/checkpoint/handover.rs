//! The old group's word for the new one's key.

use super::group::{GroupKey, GroupSignature, Partial, Polynomial, RecoverError, Share};
use plinth_types::codec::{Codec, DecodeError, Reader};
use plinth_types::id::{ChainId, Height};

/// From this height on, the group of another key signs checkpoints. Signed by the group before.
///
/// ```text
/// version u8 │ chain u64 │ first height u64 │ next key 96 │ signature 48          161 bytes
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handover {
    /// On which chain.
    pub chain: ChainId,
    /// The first height whose checkpoint the next group signs.
    pub first: Height,
    /// The next group's key.
    pub next: GroupKey,
    /// Of the group before.
    pub signature: GroupSignature,
}

/// The signature is not the old group's over this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the handover at height {first} is not signed by this group")]
pub struct HandoverError {
    /// Where.
    pub first: Height,
}

impl Handover {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;
    /// What it is signed under.
    pub const NAMESPACE: &'static [u8] = b"plinth/handover/1";
    /// Bytes of the encoding.
    pub const SIZE: usize = 1 + 8 + 8 + GroupKey::SIZE + GroupSignature::SIZE;

    /// One old validator's part of it.
    #[must_use]
    pub fn sign(chain: ChainId, first: Height, next: &GroupKey, share: &Share) -> Partial {
        share.sign(Self::NAMESPACE, &Self::signed_bytes(chain, first, next))
    }

    /// Puts the old validators' parts together.
    ///
    /// # Errors
    ///
    /// [`RecoverError`]: too few, or some are wrong.
    pub fn recover(
        chain: ChainId,
        first: Height,
        next: GroupKey,
        old: &Polynomial,
        partials: &[Partial],
    ) -> Result<Self, RecoverError> {
        let signature = old.recover(Self::NAMESPACE, &Self::signed_bytes(chain, first, &next), partials)?;
        Ok(Self { chain, first, next, signature })
    }

    /// Checks the old group's signature and returns the key to go on with.
    ///
    /// # Errors
    ///
    /// [`HandoverError`].
    pub fn verify(&self, old: &GroupKey) -> Result<GroupKey, HandoverError> {
        let signed = old.verifies(Self::NAMESPACE, &Self::signed_bytes(self.chain, self.first, &self.next), &self.signature);
        if signed { Ok(self.next) } else { Err(HandoverError { first: self.first }) }
    }

    fn signed_bytes(chain: ChainId, first: Height, next: &GroupKey) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::SIZE);
        Self::VERSION.encode(&mut out);
        chain.encode(&mut out);
        first.encode(&mut out);
        next.encode(&mut out);
        out
    }
}

impl Codec for Handover {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&Self::signed_bytes(self.chain, self.first, &self.next));
        self.signature.encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if u8::read(reader)? != Self::VERSION {
            return Err(reader.invalid("handover version"));
        }
        Ok(Self {
            chain: Codec::read(reader)?,
            first: Codec::read(reader)?,
            next: Codec::read(reader)?,
            signature: Codec::read(reader)?,
        })
    }
}
