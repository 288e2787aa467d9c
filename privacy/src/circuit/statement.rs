//! What the public sees of a join-split, in the order in which the circuit reads it.

use super::F;
use crate::field::{Anchor, Commitment, Nullifier, RegistryRoot, TransactionWord, Word};
use crate::limits::{AUDIT_WORDS, NOTES_PER_SIDE};
use crate::note::{PoolAsset, Value};
use crate::registry::Day;
use ff::Field;

/// Places of the public inputs.
pub(super) mod public {
    use crate::limits::{AUDIT_WORDS, NOTES_PER_SIDE};

    pub(crate) const ANCHOR: usize = 0;
    pub(crate) const NULLIFIERS: usize = 1;
    pub(crate) const COMMITMENTS: usize = NULLIFIERS + NOTES_PER_SIDE;
    pub(crate) const ASSET: usize = COMMITMENTS + NOTES_PER_SIDE;
    pub(crate) const DEPOSIT: usize = ASSET + 1;
    pub(crate) const WITHDRAWAL: usize = DEPOSIT + 1;
    pub(crate) const TRANSACTION: usize = WITHDRAWAL + 1;
    pub(crate) const REGISTRY: usize = TRANSACTION + 1;
    pub(crate) const DAY: usize = REGISTRY + 1;
    pub(crate) const AUDIT: usize = DAY + 1;
    pub(crate) const COUNT: usize = AUDIT + AUDIT_WORDS;
}

/// What enters or leaves the pool in public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Nothing: a transfer inside the pool.
    None,
    /// An amount enters.
    Shield(PoolAsset, Value),
    /// An amount leaves.
    Unshield(PoolAsset, Value),
}

impl Flow {
    /// What enters.
    #[must_use]
    pub const fn deposit(self) -> Value {
        match self {
            Self::Shield(_, value) => value,
            Self::None | Self::Unshield(..) => Value::ZERO,
        }
    }

    /// What leaves.
    #[must_use]
    pub const fn withdrawal(self) -> Value {
        match self {
            Self::Unshield(_, value) => value,
            Self::None | Self::Shield(..) => Value::ZERO,
        }
    }

    /// Of which asset; the circuit leaves this input free when nothing flows, so it is then 0 by construction.
    fn asset(self) -> F {
        match self {
            Self::None => F::ZERO,
            Self::Shield(asset, _) | Self::Unshield(asset, _) => asset.fp(),
        }
    }
}

/// The public side of a join-split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The root of the note tree under which the inputs are.
    pub anchor: Anchor,
    /// Of the notes spent.
    pub nullifiers: [Nullifier; NOTES_PER_SIDE],
    /// Of the notes made.
    pub commitments: [Commitment; NOTES_PER_SIDE],
    /// What enters or leaves.
    pub flow: Flow,
    /// The transaction that it belongs to, and no other.
    pub transaction: TransactionWord,
    /// The root of the registry under which the holders are.
    pub registry: RegistryRoot,
    /// The day on which the registrations must be good.
    pub day: Day,
    /// The auditor's ciphertext.
    pub audit: [Word; AUDIT_WORDS],
}

impl Statement {
    pub(crate) fn public_inputs(&self) -> [F; public::COUNT] {
        let mut inputs = [F::ZERO; public::COUNT];
        inputs[public::ANCHOR] = self.anchor.fp();
        for index in 0..NOTES_PER_SIDE {
            inputs[public::NULLIFIERS + index] = self.nullifiers[index].fp();
            inputs[public::COMMITMENTS + index] = self.commitments[index].fp();
        }
        inputs[public::ASSET] = self.flow.asset();
        inputs[public::DEPOSIT] = F::from(self.flow.deposit().units());
        inputs[public::WITHDRAWAL] = F::from(self.flow.withdrawal().units());
        inputs[public::TRANSACTION] = self.transaction.fp();
        inputs[public::REGISTRY] = self.registry.fp();
        inputs[public::DAY] = F::from(u64::from(self.day.number()));
        for (index, word) in self.audit.iter().enumerate() {
            inputs[public::AUDIT + index] = word.0;
        }
        inputs
    }
}
