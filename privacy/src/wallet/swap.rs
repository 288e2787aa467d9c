//! Private delivery versus payment: two parties, two legs, one transaction, both or neither.
//!
//! ```text
//! 1  terms agreed elsewhere ([`super::rfq`], the trading zone)
//! 2  each drafts its leg and shows the other the leg and the opening of the note it owes: an [`Offer`]
//! 3  each checks the other's offer against the terms ([`accept`]); both have the same skeleton, hence the same hash
//! 4  each proves its own leg; whoever has both proofs assembles and sends
//! ```
//!
//! * Neither shows inputs, change or keys. A proof is bound to the hash of the whole transaction, so it is worthless without the other leg.
//! * The pool applies a transaction whole: both payments happen, or, once it has expired, neither can.
//!
//! Known limitations: whoever proves last may walk away and has had a free option until the expiry; keep it short. What everyone sees
//! is that a transaction of two legs happened, and when. Offers travel over a channel of the parties' own.

use super::draft::Draft;
use super::keys::IncomingViewingKey;
use crate::circuit::keys::Proof;
use crate::field::RegistryRoot;
use crate::note::{Note, PoolAsset, Value};
use crate::transaction::{Leg, PublicSide, Skeleton, Transaction};
use plinth_types::record;
use thiserror::Error;

/// What one party shows the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its leg.
    pub leg: Leg,
    /// The note that the leg makes for the other, its output 0.
    pub opening: Note,
    /// The registry's root that it will be proven under.
    pub registry: RegistryRoot,
}

impl Offer {
    /// The offer of a draft.
    #[must_use]
    pub fn of(draft: &Draft) -> Self {
        Self { leg: draft.leg().clone(), opening: draft.opening(), registry: draft.registry() }
    }
}

record!(Offer { leg, opening, registry });

/// Why an offer is not what was agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OfferError {
    /// The opening is of another note than the leg makes.
    #[error("the opening is not of the note that the leg makes")]
    Opening,
    /// Another asset or amount than agreed.
    #[error("the note is not of the asset and amount agreed")]
    Terms,
    /// For another owner.
    #[error("the note is for another owner")]
    Owner,
    /// Not encrypted to this wallet, so that it would not find the note.
    #[error("the note is not encrypted to this wallet")]
    Encryption,
    /// The leg shields or unshields.
    #[error("the leg has a public side")]
    Public,
}

/// Checks what the other party owes.
///
/// # Errors
///
/// [`OfferError`].
pub fn accept(key: &IncomingViewingKey, offer: &Offer, asset: PoolAsset, value: Value) -> Result<(), OfferError> {
    let Offer { leg, opening, .. } = offer;
    if opening.commitment() != leg.commitments[0] {
        return Err(OfferError::Opening);
    }
    if (opening.asset, opening.value) != (asset, value) {
        return Err(OfferError::Terms);
    }
    if opening.owner != key.owner() {
        return Err(OfferError::Owner);
    }
    if leg.public != PublicSide::None {
        return Err(OfferError::Public);
    }
    let found = leg.notes.receive(key, &leg.commitments).any(|opened| opened.index == 0 && opened.note == *opening);
    if found { Ok(()) } else { Err(OfferError::Encryption) }
}

/// Puts proofs, in the order of the legs, to a skeleton without public sides.
#[must_use]
pub fn assemble(skeleton: Skeleton, proofs: Vec<Proof>) -> Transaction {
    Transaction { skeleton, proofs, signatures: Vec::new() }
}
