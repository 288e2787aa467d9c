//! The join-split circuit: one circuit for everything the pool does, so that shielding, sending and unshielding look alike.
//!
//! * Two notes in, two notes out, all of one hidden asset; an amount of it may enter or leave in public. Poseidon, range checks and four
//!   small gates; no elliptic-curve gadget.
//! * [`rules::Rule`] names every constraint; `docs/privacy.md` states them. [`statement::Statement`] is what the public sees,
//!   [`witness::Witness`] what only the prover knows, and [`witness::Witness::check`] the same rules in plain Rust, which the tests hold
//!   against the circuit both ways.
//! * The proof is the authorisation: whoever proves knows the spend key. Nothing else signs for the owner.
//! * An input of value 0 need not exist; its nullifier is new by its randomness. The host refuses a nullifier that is known.
//! * The verifying key is pinned as text (`fixtures/circuit_v1.txt`); a change of the circuit is a change of that file and of
//!   [`keys::CircuitVersion`].
//!
//! Known limitations: no outside review yet. All four notes of a join-split have one asset, and both inputs one owner; a swap is two
//! join-splits in one transaction. Proving can only be delegated to a machine that may spend (`docs/privacy.md` says what another design costs).

mod chip;
mod columns;
mod forge;
pub mod keys;
pub mod rules;
pub mod statement;
pub mod witness;

#[cfg(test)]
pub(crate) mod tests;

use crate::hash::Tag;
use crate::limits::{
    ASSET_ID_BITS, AUDIT_WORDS, DAY_BITS, HOLDERS, JURISDICTIONS_MAX, NOTE_TREE_DEPTH, NOTES_PER_SIDE, REGISTRY_DEPTH, VALUE_BITS,
};
use crate::registry::EXPIRY_FIELD_BITS;
use chip::{Cell, Chip, Steps};
use columns::Columns;
use ff::{Field, PrimeField};
use halo2_proofs::circuit::{Layouter, Value, floor_planner::V1};
use halo2_proofs::plonk::{Circuit, ConstraintSystem, Error};
use pasta_curves::Fp as F;
use rules::{Part, Rule};
use statement::public;

/// The prover's side of a join-split, word by word. Tests put here what no [`witness::Witness`] can say.
#[derive(Clone, Debug)]
struct Secrets {
    spend_key: F,
    nullifier_key: F,
    asset_number: F,
    eligible: [F; JURISDICTIONS_MAX],
    inputs: [Input; NOTES_PER_SIDE],
    outputs: [Output; NOTES_PER_SIDE],
    holders: [Holder; HOLDERS],
}

#[derive(Clone, Copy, Debug)]
struct Input {
    value: F,
    randomness: F,
    path: Steps<NOTE_TREE_DEPTH>,
}

#[derive(Clone, Copy, Debug)]
struct Output {
    value: F,
    owner: F,
    randomness: F,
}

#[derive(Clone, Copy, Debug)]
struct Holder {
    audit_key: F,
    margin: F,
    place: [F; JURISDICTIONS_MAX],
    path: Steps<REGISTRY_DEPTH>,
}

/// The circuit, with the prover's secrets or, for keys, without.
#[derive(Clone, Debug)]
pub(crate) struct JoinSplit {
    secrets: Option<Box<Secrets>>,
}

impl JoinSplit {
    fn secret<T>(&self, of: impl FnOnce(&Secrets) -> T) -> Value<T> {
        self.secrets.as_deref().map_or_else(Value::unknown, |secrets| Value::known(of(secrets)))
    }
}

/// What both sides and the holders' part share.
struct Common {
    asset: Cell,
    eligible: Vec<Cell>,
    owner: Cell,
    nullifier_key: Cell,
    public: Vec<Cell>,
}

/// What a side of the join-split leaves for the balance and the auditor.
struct Sides {
    inputs: Vec<Cell>,
    outputs: Vec<Cell>,
    owners: Vec<Cell>,
    first_nullifier: Cell,
}

impl Circuit<F> for JoinSplit {
    type Config = Columns;
    type FloorPlanner = V1;

    fn without_witnesses(&self) -> Self {
        Self { secrets: None }
    }

    fn configure(system: &mut ConstraintSystem<F>) -> Columns {
        Columns::configure(system)
    }

    fn synthesize(&self, columns: Columns, layouter: impl Layouter<F>) -> Result<(), Error> {
        let mut chip = Chip::new(&columns, layouter);
        chip.load_table()?;
        let common = self.common(&mut chip)?;
        let mut sides = Sides { inputs: vec![], outputs: vec![], owners: vec![], first_nullifier: common.owner.clone() };
        for index in 0..NOTES_PER_SIDE {
            self.input(&mut chip, &common, &mut sides, index)?;
        }
        for index in 0..NOTES_PER_SIDE {
            self.output(&mut chip, &common, &mut sides, index)?;
        }
        balance(&mut chip, &common, &sides)?;
        self.holders_and_audit(&mut chip, &common, &sides)
    }
}

impl JoinSplit {
    fn common<L: Layouter<F>>(&self, chip: &mut Chip<'_, L>) -> Result<Common, Error> {
        let public = (0..public::COUNT).map(|index| chip.public(index)).collect::<Result<Vec<_>, _>>()?;
        let spend_key = chip.witness(self.secret(|secrets| secrets.spend_key))?;
        let nullifier_key = chip.witness(self.secret(|secrets| secrets.nullifier_key))?;
        let authority = chip.hash(Rule::SpendAuthority, 0, Tag::SpendAuthority, [&spend_key])?;
        let owner = chip.hash(Rule::Owner, 0, Tag::Owner, [&authority, &nullifier_key])?;

        let number = chip.witness(self.secret(|secrets| secrets.asset_number))?;
        chip.range(Rule::AssetRange, &number, ASSET_ID_BITS)?;
        let zeros = vec![chip.constant(F::ZERO)?; JURISDICTIONS_MAX];
        let (eligible, sum, _) = chip.terms(Rule::AssetTerms, self.secret(|secrets| secrets.eligible), &zeros)?;
        let asset = chip.linear(Rule::AssetWord, &number, power_of_two(ASSET_ID_BITS), &sum)?;
        forge::computed(public::ASSET, asset.value().copied());
        Ok(Common { asset, eligible, owner, nullifier_key, public })
    }

    fn input<L: Layouter<F>>(&self, chip: &mut Chip<'_, L>, common: &Common, sides: &mut Sides, index: usize) -> Result<(), Error> {
        let value = chip.witness(self.secret(|secrets| secrets.inputs[index].value))?;
        let randomness = chip.witness(self.secret(|secrets| secrets.inputs[index].randomness))?;
        let word = chip.linear(Rule::InputWord, &common.asset, power_of_two(VALUE_SHIFT), &value)?;
        let commitment = chip.hash(Rule::InputNote, index, Tag::Note, [&word, &common.owner, &randomness])?;
        let steps = self.secret(|secrets| secrets.inputs[index].path);
        // Rules of a path are told apart by level; only the first input's can be forged, so that a test meets one site at a time.
        let (root, position) = chip.path(Rule::InputPath, Tag::NoteTree, commitment.clone(), steps)?;
        if index == 0 {
            forge::computed(public::ANCHOR, root.value().copied());
        }
        chip.product_is_zero(Rule::InputAnchored, &value, &root, &common.public[public::ANCHOR])?;
        let nullifier = chip.hash(Rule::InputNullifier, index, Tag::Nullifier, [&common.nullifier_key, &commitment, &position])?;
        let at = public::NULLIFIERS + index;
        chip.expose(Rule::InputNullifier, &nullifier, at, &common.public[at])?;
        chip.range(Rule::InputRange, &value, VALUE_BITS)?;
        sides.inputs.push(value);
        if index == 0 {
            sides.first_nullifier = nullifier;
        }
        Ok(())
    }

    fn output<L: Layouter<F>>(
        &self,
        chip: &mut Chip<'_, L>,
        common: &Common,
        sides: &mut Sides,
        index: usize,
    ) -> Result<(), Error> {
        let value = chip.witness(self.secret(|secrets| secrets.outputs[index].value))?;
        let owner = chip.witness(self.secret(|secrets| secrets.outputs[index].owner))?;
        let randomness = chip.witness(self.secret(|secrets| secrets.outputs[index].randomness))?;
        let word = chip.linear(Rule::OutputWord, &common.asset, power_of_two(VALUE_SHIFT), &value)?;
        let commitment = chip.hash(Rule::OutputNote, index, Tag::Note, [&word, &owner, &randomness])?;
        let at = public::COMMITMENTS + index;
        chip.expose(Rule::OutputNote, &commitment, at, &common.public[at])?;
        chip.range(Rule::OutputRange, &value, VALUE_BITS)?;
        sides.outputs.push(value);
        sides.owners.push(owner);
        Ok(())
    }

    fn holders_and_audit<L: Layouter<F>>(&self, chip: &mut Chip<'_, L>, common: &Common, sides: &Sides) -> Result<(), Error> {
        let owners = [&common.owner, &sides.owners[0], &sides.owners[1]];
        let mut audit_keys = Vec::with_capacity(HOLDERS);
        for (index, owner) in owners.into_iter().enumerate() {
            audit_keys.push(self.holder(chip, common, owner, index)?);
        }
        let first = chip.linear(Rule::AuditWord, &common.asset, power_of_two(VALUE_SHIFT), &sides.outputs[0])?;
        let amounts = chip.linear(Rule::AuditWord, &first, power_of_two(VALUE_SHIFT + VALUE_BITS), &sides.outputs[1])?;
        let words: [&Cell; AUDIT_WORDS] = [&amounts, &sides.owners[0], &sides.owners[1]];
        for (index, word) in words.into_iter().enumerate() {
            let mask = chip.hash(Rule::AuditMask, index, Tag::Audit(index), [&audit_keys[0], &sides.first_nullifier])?;
            let cipher = chip.linear(Rule::AuditCipher, word, F::ONE, &mask)?;
            let at = public::AUDIT + index;
            chip.expose(Rule::AuditCipher, &cipher, at, &common.public[at])?;
        }
        Ok(())
    }

    /// Proves that `owner` may hold the asset today. Returns the audit key of its registration.
    fn holder<L: Layouter<F>>(&self, chip: &mut Chip<'_, L>, common: &Common, owner: &Cell, index: usize) -> Result<Cell, Error> {
        let audit_key = chip.witness(self.secret(|secrets| secrets.holders[index].audit_key))?;
        let margin = chip.witness(self.secret(|secrets| secrets.holders[index].margin))?;
        chip.range(Rule::HolderMargin, &margin, DAY_BITS)?;
        let expiry = chip.linear(Rule::HolderExpiry, &common.public[public::DAY], F::ONE, &margin)?;
        let place = self.secret(|secrets| secrets.holders[index].place);
        let (_, place, in_common) = chip.terms(Rule::HolderTerms, place, &common.eligible)?;
        let one = chip.constant(F::ONE)?;
        chip.equal(Rule::HolderTerms, Part::Result, &in_common, &one)?;
        let attributes = chip.linear(Rule::HolderAttributes, &expiry, power_of_two(EXPIRY_FIELD_BITS), &place)?;
        let leaf = chip.hash(Rule::HolderLeaf, 0, Tag::Registration, [owner, &audit_key, &attributes])?;
        let steps = self.secret(|secrets| secrets.holders[index].path);
        let (root, _) = chip.path(Rule::HolderPath, Tag::RegistryTree, leaf, steps)?;
        chip.expose(Rule::HolderPath, &root, public::REGISTRY, &common.public[public::REGISTRY])?;
        Ok(audit_key)
    }
}

fn balance<L: Layouter<F>>(chip: &mut Chip<'_, L>, common: &Common, sides: &Sides) -> Result<(), Error> {
    let [deposit, withdrawal] = [&common.public[public::DEPOSIT], &common.public[public::WITHDRAWAL]];
    let spent = chip.linear(Rule::Balance, &sides.inputs[0], F::ONE, &sides.inputs[1])?;
    let made = chip.linear(Rule::Balance, &sides.outputs[0], F::ONE, &sides.outputs[1])?;
    let into = chip.linear(Rule::Balance, &spent, F::ONE, deposit)?;
    let out = chip.linear(Rule::Balance, &made, F::ONE, withdrawal)?;
    chip.equal(Rule::Balance, Part::Public, &into, &out)?;
    let flow = chip.linear(Rule::PublicFlow, deposit, F::ONE, withdrawal)?;
    chip.product_is_zero(Rule::PublicAsset, &flow, &common.asset, &common.public[public::ASSET])
}

/// Bits of an asset word: an amount stands above them.
const VALUE_SHIFT: usize = ASSET_ID_BITS + JURISDICTIONS_MAX;

fn power_of_two(exponent: usize) -> F {
    F::from_u128(1 << exponent)
}
