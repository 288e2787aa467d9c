//! Making a leg: which notes to spend, what to make, for whom; then the proof.

use super::Wallet;
use super::encryption::{EncryptedNotes, Memo};
use super::keys::{Address, SpendingKey};
use crate::circuit::keys::{ProveError, ProvingKey};
use crate::circuit::witness::{Make, Spend, Terms, Witness};
use crate::field::{Nullifier, RegistryRoot, TransactionWord, Word};
use crate::limits::{LEGS_MAX, MEMO_SIZE, NOTES_PER_SIDE};
use crate::note::{Note, PoolAsset, Value};
use crate::registry::{Day, Registry};
use crate::transaction::{Leg, PoolId, PublicSide, Skeleton, Transaction};
use crate::tree::NotePath;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, PublicKey, Signature};
use rand::CryptoRng;
use thiserror::Error;

/// What a transaction is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The pool.
    pub pool: PoolId,
    /// The last height at which it may be in a block.
    pub expires: Height,
    /// Today.
    pub day: Day,
}

/// What a leg does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Takes a whole credit of the base layer in.
    Shield {
        /// What.
        asset: PoolAsset,
        /// How much.
        value: Value,
        /// Which credit.
        credit: Digest,
    },
    /// Pays an address.
    Send {
        /// What.
        asset: PoolAsset,
        /// How much.
        value: Value,
        /// To whom.
        to: Address,
        /// A line for the receiver.
        memo: Memo,
    },
    /// Pays an owner of the base layer.
    Unshield {
        /// What.
        asset: PoolAsset,
        /// How much.
        value: Value,
        /// To whom.
        to: PublicKey,
    },
}

impl Intent {
    const fn asset(&self) -> PoolAsset {
        match self {
            Self::Shield { asset, .. } | Self::Send { asset, .. } | Self::Unshield { asset, .. } => *asset,
        }
    }

    const fn value(&self) -> Value {
        match self {
            Self::Shield { value, .. } | Self::Send { value, .. } | Self::Unshield { value, .. } => *value,
        }
    }

    const fn public(&self) -> PublicSide {
        match *self {
            Self::Shield { asset, value, credit } => PublicSide::Shield { asset, value, credit },
            Self::Send { .. } => PublicSide::None,
            Self::Unshield { asset, value, to } => PublicSide::Unshield { asset, value, to },
        }
    }
}

/// Why no leg was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DraftError {
    /// Nothing to do.
    #[error("an amount of 0")]
    Nothing,
    /// Not enough.
    #[error("{wanted} wanted, {available} available: unspent, scanned, and in no other draft")]
    Balance {
        /// Asked for.
        wanted: Value,
        /// Unspent and not held back.
        available: u128,
    },
    /// Enough, but in more notes than one leg spends.
    #[error("no {NOTES_PER_SIDE} notes reach {wanted}; send to yourself first, which makes one note of two")]
    TooManyNotes {
        /// Asked for.
        wanted: Value,
    },
    /// The spending key is not the wallet's.
    #[error("the spending key is another account's")]
    OtherAccount,
    /// The spender is not in the registry.
    #[error("this account is not registered under its audit key")]
    SpenderNotRegistered,
    /// The receiver is not in the registry.
    #[error("the receiver is not registered")]
    ReceiverNotRegistered,
    /// The receiver's address cannot be encrypted to.
    #[error("the receiver's address holds an unusable key")]
    Address,
}

/// A leg that is not proven yet, with the secrets that prove it.
#[derive(Clone, Debug)]
pub struct Draft {
    leg: Leg,
    witness: Witness,
    registry: RegistryRoot,
}

impl Draft {
    /// The public side.
    #[must_use]
    pub const fn leg(&self) -> &Leg {
        &self.leg
    }

    /// The note that it makes for the receiver: to show them, and nobody else.
    #[must_use]
    pub fn opening(&self) -> Note {
        self.witness.output_notes()[0]
    }

    /// The registry's root that it is proven under.
    #[must_use]
    pub const fn registry(&self) -> RegistryRoot {
        self.registry
    }
}

impl Wallet {
    /// Makes a leg and holds its notes back until `expires` has passed.
    ///
    /// # Errors
    ///
    /// [`DraftError`].
    pub fn draft(
        &mut self,
        key: &SpendingKey,
        frame: &Frame,
        registry: &Registry,
        intent: &Intent,
        random: &mut impl CryptoRng,
    ) -> Result<Draft, DraftError> {
        if key.full_viewing_key() != self.key {
            return Err(DraftError::OtherAccount);
        }
        if intent.value() == Value::ZERO {
            return Err(DraftError::Nothing);
        }
        let (asset, home) = (intent.asset(), self.incoming.address());
        let chosen = match intent {
            Intent::Shield { .. } => Vec::new(),
            Intent::Send { value, .. } | Intent::Unshield { value, .. } => self.choose(asset, *value)?,
        };
        let spent: u128 = chosen.iter().map(|nullifier| u128::from(self.notes[nullifier].note.value.units())).sum();
        let (outputs, flow) = outputs(intent, spent, home).ok_or(DraftError::TooManyNotes { wanted: intent.value() })?;

        let receiving = |owner| registry.receiving(owner).ok_or(DraftError::ReceiverNotRegistered);
        let holders = [
            registry.paying(home.owner, self.key.audit_key()).ok_or(DraftError::SpenderNotRegistered)?,
            receiving(outputs[0].1.owner)?,
            receiving(outputs[1].1.owner)?,
        ];
        let made = outputs.map(|(value, address, _)| Make { value, owner: address.owner, randomness: random_word(random) });
        let inputs = std::array::from_fn(|index| match chosen.get(index).and_then(|nullifier| self.spend(nullifier)) {
            Some(spend) => spend,
            None => Spend { value: Value::ZERO, randomness: random_word(random), path: NotePath::dummy() },
        });
        let witness = Witness { keys: key.secrets().clone(), asset, inputs, outputs: made, holders };
        let notes = witness.output_notes();
        let sealed = [(notes[0], outputs[0].1, outputs[0].2), (notes[1], outputs[1].1, outputs[1].2)];
        let notes = EncryptedNotes::seal(random_bytes(random), &sealed, &self.outgoing).ok_or(DraftError::Address)?;
        let terms = Terms {
            anchor: self.tree.frontier().root(),
            flow: flow.flow(),
            transaction: TransactionWord::new(Word::ZERO),
            registry: registry.root(),
            day: frame.day,
        };
        let statement = witness.statement(terms);
        let leg = Leg {
            anchor: statement.anchor,
            nullifiers: statement.nullifiers,
            commitments: statement.commitments,
            public: flow,
            audit: statement.audit,
            notes,
        };
        self.hold(&chosen, frame.expires);
        Ok(Draft { leg, witness, registry: registry.root() })
    }

    /// Holds notes back until `expires` has passed: those of a draft that another wallet of the same key made.
    pub fn hold(&mut self, nullifiers: &[Nullifier], expires: Height) {
        for nullifier in nullifiers {
            if let Some(own) = self.notes.get_mut(nullifier) {
                own.held_until = Some(expires);
            }
        }
    }

    /// Gives the notes of a draft back that will not be sent.
    pub fn release(&mut self, draft: &Draft) {
        for nullifier in draft.leg.nullifiers {
            if let Some(own) = self.notes.get_mut(&nullifier) {
                own.held_until = None;
            }
        }
    }

    /// One or two notes that reach `value`: the smallest one that does, or the largest two.
    fn choose(&self, asset: PoolAsset, value: Value) -> Result<Vec<Nullifier>, DraftError> {
        let free = |own: &super::OwnNote| {
            own.note.asset == asset && own.spent_at.is_none() && own.held_until.is_none_or(|until| until < self.height)
        };
        let mut notes: Vec<(u64, Nullifier)> =
            self.notes.iter().filter(|(_, own)| free(own)).map(|(nullifier, own)| (own.note.value.units(), *nullifier)).collect();
        notes.sort_unstable();
        if let Some((_, nullifier)) = notes.iter().find(|(units, _)| *units >= value.units()) {
            return Ok(vec![*nullifier]);
        }
        let available: u128 = notes.iter().map(|(units, _)| u128::from(*units)).sum();
        if available < u128::from(value.units()) {
            return Err(DraftError::Balance { wanted: value, available });
        }
        match notes.as_slice() {
            [.., (first, a), (second, b)] if u128::from(*first) + u128::from(*second) >= u128::from(value.units()) => {
                Ok(vec![*a, *b])
            }
            _ => Err(DraftError::TooManyNotes { wanted: value }),
        }
    }

    fn spend(&self, nullifier: &Nullifier) -> Option<Spend> {
        let own = self.notes.get(nullifier)?;
        let path = self.tree.path(own.position)?;
        Some(Spend { value: own.note.value, randomness: own.note.randomness, path })
    }
}

type Output = (Value, Address, Memo);

/// What a leg makes: for the receiver, and the rest for oneself. `None` if the rest does not fit 64 bits.
fn outputs(intent: &Intent, spent: u128, home: Address) -> Option<([Output; NOTES_PER_SIDE], PublicSide)> {
    let no_memo = [0; MEMO_SIZE];
    let value = intent.value();
    let change = || u64::try_from(spent - u128::from(value.units())).ok().map(Value::new);
    let outputs = match *intent {
        Intent::Shield { .. } => [(value, home, no_memo), (Value::ZERO, home, no_memo)],
        Intent::Send { to, memo, .. } => [(value, to, memo), (change()?, home, no_memo)],
        Intent::Unshield { .. } => [(Value::ZERO, home, no_memo), (change()?, home, no_memo)],
    };
    Some((outputs, intent.public()))
}

/// The transaction of some legs, whosever they are. `None` if they are none, too many, or not under one registry root.
#[must_use]
pub fn skeleton(frame: &Frame, legs: &[(Leg, RegistryRoot)]) -> Option<Skeleton> {
    let (_, registry) = legs.first()?;
    if legs.len() > LEGS_MAX || legs.iter().any(|(_, other)| other != registry) {
        return None;
    }
    let legs = legs.iter().map(|(leg, _)| leg.clone()).collect();
    Some(Skeleton { pool: frame.pool, expires: frame.expires, day: frame.day, registry: *registry, legs })
}

/// Proves one's own leg of a transaction.
///
/// # Errors
///
/// [`ProveError`].
pub fn prove(key: &ProvingKey, skeleton: &Skeleton, draft: &Draft) -> Result<crate::circuit::keys::Proof, ProveError> {
    key.prove(&draft.witness, &skeleton.statement(&draft.leg, skeleton.word()))
}

/// A transaction of one's own legs; `sign` signs for the owners of the credits that they shield.
///
/// # Errors
///
/// [`ProveError`].
pub fn finish(
    key: &ProvingKey,
    skeleton: Skeleton,
    drafts: &[Draft],
    sign: impl Fn(&[u8]) -> Signature,
) -> Result<Transaction, ProveError> {
    let proofs = drafts.iter().map(|draft| prove(key, &skeleton, draft)).collect::<Result<_, _>>()?;
    let shields = skeleton.legs.iter().filter(|leg| matches!(leg.public, PublicSide::Shield { .. }));
    let bytes = skeleton.shielding_bytes();
    let signatures = shields.map(|_| sign(&bytes)).collect();
    Ok(Transaction { skeleton, proofs, signatures })
}

fn random_bytes<const N: usize>(random: &mut impl CryptoRng) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill_bytes(&mut bytes);
    bytes
}

fn random_word(random: &mut impl CryptoRng) -> Word {
    Word::from_uniform(&random_bytes(random))
}
