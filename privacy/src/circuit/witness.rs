//! What only the prover knows, and the rules of the statement in plain Rust.

use super::chip::Steps;
use super::rules::Rule;
use super::statement::{Flow, Statement};
use super::{F, Holder, Input, JoinSplit, Output, Secrets, VALUE_SHIFT, power_of_two};
use crate::field::{Anchor, Nullifier, Owner, RegistryRoot, TransactionWord, Word};
use crate::hash::{Tag, hash};
use crate::limits::{AUDIT_WORDS, HOLDERS, JURISDICTIONS_MAX, NOTES_PER_SIDE, VALUE_BITS};
use crate::note::{Note, PoolAsset, Value, nullifier};
use crate::registry::{AuditKey, Day, Membership};
use crate::tree::NotePath;
use ff::Field;
use std::fmt;
use zeroize::Zeroize;

/// The keys that spend: `ask` and `nk`.
#[derive(Clone)]
pub struct SpendSecrets {
    pub(crate) spend_key: Word,
    pub(crate) nullifier_key: Word,
}

impl SpendSecrets {
    /// The owner that these keys spend for.
    #[must_use]
    pub fn owner(&self) -> Owner {
        owner_of(self.authority(), self.nullifier_key.0)
    }

    pub(crate) fn authority(&self) -> F {
        hash(Tag::SpendAuthority, [self.spend_key.0])
    }
}

/// `H_Owner(ak, nk)`.
pub(crate) fn owner_of(authority: F, nullifier_key: F) -> Owner {
    Owner(Word(hash(Tag::Owner, [authority, nullifier_key])))
}

impl Drop for SpendSecrets {
    fn drop(&mut self) {
        self.spend_key.0.zeroize();
        self.nullifier_key.0.zeroize();
    }
}

impl fmt::Debug for SpendSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpendSecrets(…)")
    }
}

/// A note to spend: where it is and what makes its commitment.
#[derive(Clone, Debug)]
pub struct Spend {
    /// How much. With 0 the note need not exist.
    pub value: Value,
    /// The hiding randomness.
    pub randomness: Word,
    /// The way to the anchor.
    pub path: NotePath,
}

/// A note to make.
#[derive(Clone, Copy, Debug)]
pub struct Make {
    /// How much.
    pub value: Value,
    /// For whom.
    pub owner: Owner,
    /// The hiding randomness.
    pub randomness: Word,
}

/// The prover's side of a join-split.
#[derive(Clone, Debug)]
pub struct Witness {
    /// The keys that spend both inputs.
    pub keys: SpendSecrets,
    /// Of all four notes.
    pub asset: PoolAsset,
    /// Spent.
    pub inputs: [Spend; NOTES_PER_SIDE],
    /// Made.
    pub outputs: [Make; NOTES_PER_SIDE],
    /// Registrations of the spender and of the owners of the outputs.
    pub holders: [Membership; HOLDERS],
}

/// What the builder of a transaction decides about a join-split.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The root to prove under.
    pub anchor: Anchor,
    /// What enters or leaves.
    pub flow: Flow,
    /// The transaction.
    pub transaction: TransactionWord,
    /// The registry's root.
    pub registry: RegistryRoot,
    /// The day.
    pub day: Day,
}

impl Witness {
    /// The statement that this witness makes true, if any under these terms is.
    #[must_use]
    pub fn statement(&self, terms: Terms) -> Statement {
        let nullifiers = self.nullifiers();
        Statement {
            anchor: terms.anchor,
            nullifiers,
            commitments: self.output_notes().map(|note| note.commitment()),
            flow: terms.flow,
            transaction: terms.transaction,
            registry: terms.registry,
            day: terms.day,
            audit: audit_words(self.holders[0].registration.audit_key, nullifiers[0], &self.audited()),
        }
    }

    /// The notes that it makes.
    #[must_use]
    pub fn output_notes(&self) -> [Note; NOTES_PER_SIDE] {
        self.outputs.map(|make| Note { asset: self.asset, value: make.value, owner: make.owner, randomness: make.randomness })
    }

    /// The nullifiers that it reveals.
    #[must_use]
    pub fn nullifiers(&self) -> [Nullifier; NOTES_PER_SIDE] {
        std::array::from_fn(|index| {
            let note = self.input_note(index);
            nullifier(self.keys.nullifier_key.0, note.commitment(), self.inputs[index].path.position())
        })
    }

    fn input_note(&self, index: usize) -> Note {
        let Spend { value, randomness, .. } = self.inputs[index];
        Note { asset: self.asset, value, owner: self.keys.owner(), randomness }
    }

    fn audited(&self) -> Audited {
        let [first, second] = &self.outputs;
        Audited { asset: self.asset, values: [first.value, second.value], owners: [first.owner, second.owner] }
    }

    /// The rules, in plain Rust: says which one the witness breaks.
    ///
    /// # Errors
    ///
    /// The first [`Rule`] broken.
    pub fn check(&self, statement: &Statement) -> Result<(), Rule> {
        for (index, input) in self.inputs.iter().enumerate() {
            let commitment = self.input_note(index).commitment();
            if input.value != Value::ZERO && input.path.root(commitment) != statement.anchor {
                return Err(Rule::InputAnchored);
            }
        }
        holds(self.nullifiers() == statement.nullifiers, Rule::InputNullifier)?;
        holds(self.output_notes().map(|note| note.commitment()) == statement.commitments, Rule::OutputNote)?;
        let sum = |values: [Value; 3]| values.iter().map(|value| u128::from(value.units())).sum::<u128>();
        let spent = sum([self.inputs[0].value, self.inputs[1].value, statement.flow.deposit()]);
        let made = sum([self.outputs[0].value, self.outputs[1].value, statement.flow.withdrawal()]);
        holds(spent == made, Rule::Balance)?;
        if let Flow::Shield(asset, value) | Flow::Unshield(asset, value) = statement.flow {
            holds(value == Value::ZERO || asset == self.asset, Rule::PublicAsset)?;
        }
        let owners = [self.keys.owner(), self.outputs[0].owner, self.outputs[1].owner];
        for (member, owner) in self.holders.iter().zip(owners) {
            let Membership { registration, .. } = member;
            holds(registration.owner == owner, Rule::HolderLeaf)?;
            holds(registration.expires >= statement.day, Rule::HolderMargin)?;
            holds(self.asset.eligible().admits(registration.jurisdiction), Rule::HolderTerms)?;
            holds(member.root() == statement.registry, Rule::HolderPath)?;
        }
        let audit = audit_words(self.holders[0].registration.audit_key, statement.nullifiers[0], &self.audited());
        holds(audit == statement.audit, Rule::AuditCipher)
    }

    pub(crate) fn circuit(&self, day: Day) -> JoinSplit {
        let secrets = Secrets {
            spend_key: self.keys.spend_key.0,
            nullifier_key: self.keys.nullifier_key.0,
            asset_number: F::from(u64::from(self.asset.number())),
            eligible: bits(self.asset.eligible().bits().into()),
            inputs: std::array::from_fn(|index| {
                let Spend { value, randomness, path } = &self.inputs[index];
                let path = Steps { turns: bits(path.position.index()), siblings: path.siblings };
                Input { value: F::from(value.units()), randomness: randomness.0, path }
            }),
            outputs: self.outputs.map(|make| Output {
                value: F::from(make.value.units()),
                owner: make.owner.fp(),
                randomness: make.randomness.0,
            }),
            holders: std::array::from_fn(|index| {
                let Membership { registration, index, siblings } = &self.holders[index];
                Holder {
                    audit_key: registration.audit_key.0.0,
                    margin: F::from(u64::from(registration.expires.number())) - F::from(u64::from(day.number())),
                    place: bits::<JURISDICTIONS_MAX>(registration.jurisdiction.bit().into()),
                    path: Steps { turns: bits(u64::from(*index)), siblings: *siblings },
                }
            }),
        };
        JoinSplit { secrets: Some(Box::new(secrets)) }
    }
}

/// What an auditor reads of a join-split: what was made, and for whom. The sender is whose key opens it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Audited {
    /// Of both outputs.
    pub asset: PoolAsset,
    /// How much each.
    pub values: [Value; NOTES_PER_SIDE],
    /// For whom each.
    pub owners: [Owner; NOTES_PER_SIDE],
}

impl Audited {
    /// Opens the auditor's words with a firm's audit key; `None` if they were made under another key. A wrong key gives a word above
    /// [`AMOUNTS_BITS`] bits except once in 2^94.
    #[must_use]
    pub fn open(key: AuditKey, first_nullifier: Nullifier, words: &[Word; AUDIT_WORDS]) -> Option<Self> {
        let plain: [F; AUDIT_WORDS] = std::array::from_fn(|index| words[index].0 - audit_mask(key, first_nullifier, index));
        let bytes = Word(plain[0]).canonical();
        if bytes[AMOUNTS_BITS / 8..].iter().any(|byte| *byte != 0) {
            return None;
        }
        let read =
            |from: usize| <[u8; 8]>::try_from(&bytes[from..from + 8]).ok().map(|units| Value::new(u64::from_le_bytes(units)));
        let asset = PoolAsset::from_bits(u32::from_le_bytes(bytes[..4].try_into().ok()?))?;
        Some(Self { asset, values: [read(4)?, read(12)?], owners: [Owner(Word(plain[1])), Owner(Word(plain[2]))] })
    }
}

/// Bits of the auditor's first word.
const AMOUNTS_BITS: usize = VALUE_SHIFT + NOTES_PER_SIDE * VALUE_BITS;

fn audit_words(key: AuditKey, first_nullifier: Nullifier, audited: &Audited) -> [Word; AUDIT_WORDS] {
    let [first, second] = audited.values.map(|value| F::from(value.units()));
    let amounts = audited.asset.fp() + first * power_of_two(VALUE_SHIFT) + second * power_of_two(VALUE_SHIFT + VALUE_BITS);
    let plain = [amounts, audited.owners[0].fp(), audited.owners[1].fp()];
    std::array::from_fn(|index| Word(plain[index] + audit_mask(key, first_nullifier, index)))
}

fn audit_mask(key: AuditKey, first_nullifier: Nullifier, index: usize) -> F {
    hash(Tag::Audit(index), [key.0.0, first_nullifier.fp()])
}

fn bits<const N: usize>(number: u64) -> [F; N] {
    std::array::from_fn(|index| if number >> index & 1 == 1 { F::ONE } else { F::ZERO })
}

const fn holds(condition: bool, rule: Rule) -> Result<(), Rule> {
    if condition { Ok(()) } else { Err(rule) }
}
