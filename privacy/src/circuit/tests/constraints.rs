//! The table of constraints. Each line names a place where the circuit enforces something and a cheating prover's way past it: a forged
//! cell from which everything else follows, secrets that no honest wallet has, public inputs to match.
//!
//! A line passes when the forgery is refused, and accepted once that one place is deleted: then the place is what refused it, and
//! nothing else in the circuit repeats it. So a constraint lost by mistake turns its line red.

use super::super::forge::seam::{Attack, Forgery};
use super::super::rules::{Part, Rule, Site};
use super::super::statement::public;
use super::super::witness::owner_of;
use super::super::{F, JoinSplit, Secrets};
use super::sample::{TODAY, to_oneself};
use super::{satisfied, under};
use crate::hash::{Tag, hash};
use ff::Field;

/// One line.
struct Line {
    site: Site,
    forgery: Option<Forgery>,
    secrets: fn(&mut Secrets),
    inputs: fn(&mut [F; public::COUNT]),
}

enum Verdict {
    Killed,
    Accepted,
    RefusedBySomethingElse,
}

const ADD_ONE: Option<Forgery> = Some(Forgery::Add(F::ONE));
const SET_ZERO: Option<Forgery> = Some(Forgery::Set(F::ZERO));
const SET_ONE: Option<Forgery> = Some(Forgery::Set(F::ONE));

fn honest_secrets(_: &mut Secrets) {}
fn honest_inputs(_: &mut [F; public::COUNT]) {}

fn line(rule: Rule, part: Part, forgery: Option<Forgery>) -> Line {
    Line { site: rule.part(part), forgery, secrets: honest_secrets, inputs: honest_inputs }
}

/// A cell one off, for each of these parts of a rule.
fn one_off(rule: Rule, parts: &[Part]) -> Vec<Line> {
    parts.iter().map(|part| line(rule, *part, ADD_ONE)).collect()
}

impl Line {
    fn secrets(mut self, change: fn(&mut Secrets)) -> Self {
        self.secrets = change;
        self
    }

    fn inputs(mut self, change: fn(&mut [F; public::COUNT])) -> Self {
        self.inputs = change;
        self
    }

    fn try_out(&self) -> Verdict {
        let (witness, statement) = to_oneself();
        let mut circuit = witness.circuit(TODAY);
        (self.secrets)(circuit.secrets.as_mut().expect("secrets"));
        let forge = self.forgery.map(|forgery| (self.site, forgery));
        let attack = Attack { forge, ..Attack::default() };
        let mut inputs = statement.public_inputs();
        let ((), computed) = under(attack.clone(), || {
            let _ = laid_out(&circuit, &inputs);
        });
        computed.into_iter().for_each(|(index, value)| inputs[index] = value);
        (self.inputs)(&mut inputs);
        if under(attack.clone(), || satisfied(&circuit, &inputs)).0 {
            return Verdict::Accepted;
        }
        let deleted = Attack { delete: Some(self.site), ..attack };
        if under(deleted, || satisfied(&circuit, &inputs)).0 { Verdict::Killed } else { Verdict::RefusedBySomethingElse }
    }
}

/// Lays the circuit out to learn what the forged computation comes to.
fn laid_out(circuit: &JoinSplit, inputs: &[F; public::COUNT]) -> bool {
    halo2_proofs::dev::MockProver::run(super::super::keys::ROWS_LOG2, circuit, vec![inputs.to_vec()]).is_ok()
}

fn outputs_to(secrets: &mut Secrets, owner: F) {
    secrets.outputs.iter_mut().for_each(|output| output.owner = owner);
}

fn two_to_the_64() -> F {
    F::from(u64::MAX) + F::ONE
}

/// A resident of a place that is not in the terms of the asset.
fn elsewhere(secrets: &mut Secrets) {
    for holder in &mut secrets.holders {
        holder.place = [F::ZERO; crate::limits::JURISDICTIONS_MAX];
        holder.place[0] = F::ONE;
    }
}

/// More than 64 bits in, less than 64 bits out.
fn input_too_large(secrets: &mut Secrets) {
    secrets.inputs[0].value = two_to_the_64();
    secrets.outputs[0].value = two_to_the_64() - F::from(6);
    secrets.outputs[1].value = F::ONE;
}

/// An output of minus one pays for one more elsewhere.
fn output_negative(secrets: &mut Secrets) {
    secrets.outputs[0].value = -F::ONE;
    secrets.outputs[1].value = F::from(66);
}

fn expired(secrets: &mut Secrets) {
    secrets.holders.iter_mut().for_each(|holder| holder.margin = -F::ONE);
}

fn table() -> Vec<Line> {
    use Part::{Bit, Left, Match, Operand, Public, Result, Right, Sum};
    let hash_of = |count: usize| (0..count).map(Operand).chain([Result]).collect::<Vec<_>>();
    let mut table = vec![
        // Whose authority.
        line(Rule::SpendAuthority, Operand(0), ADD_ONE).secrets(|secrets| {
            let authority = hash(Tag::SpendAuthority, [secrets.spend_key + F::ONE]);
            outputs_to(secrets, owner_of(authority, secrets.nullifier_key).fp());
        }),
        line(Rule::SpendAuthority, Result, ADD_ONE).secrets(|secrets| {
            let authority = hash(Tag::SpendAuthority, [secrets.spend_key]) + F::ONE;
            outputs_to(secrets, owner_of(authority, secrets.nullifier_key).fp());
        }),
        line(Rule::Owner, Operand(0), ADD_ONE).secrets(|secrets| {
            let authority = hash(Tag::SpendAuthority, [secrets.spend_key]) + F::ONE;
            outputs_to(secrets, owner_of(authority, secrets.nullifier_key).fp());
        }),
        line(Rule::Owner, Operand(1), ADD_ONE).secrets(|secrets| {
            let authority = hash(Tag::SpendAuthority, [secrets.spend_key]);
            outputs_to(secrets, owner_of(authority, secrets.nullifier_key + F::ONE).fp());
        }),
        line(Rule::Owner, Result, ADD_ONE).secrets(|secrets| {
            let authority = hash(Tag::SpendAuthority, [secrets.spend_key]);
            outputs_to(secrets, owner_of(authority, secrets.nullifier_key).fp() + F::ONE);
        }),
        // The asset.
        line(Rule::AssetTerms, Bit, None).secrets(|secrets| secrets.eligible[5] = F::from(2)),
        line(Rule::AssetRange, Operand(0), SET_ZERO).secrets(|secrets| secrets.asset_number = F::from(65_537)),
        line(Rule::AssetRange, Result, None).secrets(|secrets| secrets.asset_number = F::from(65_537)),
        // Inputs are in the tree.
        line(Rule::InputPath, Bit, None).secrets(|secrets| secrets.inputs[0].path.turns[1] = F::from(2)),
        line(Rule::InputAnchored, Operand(0), SET_ZERO).inputs(|inputs| inputs[public::ANCHOR] += F::ONE),
        line(Rule::InputAnchored, Operand(1), ADD_ONE).inputs(|inputs| inputs[public::ANCHOR] += F::ONE),
        line(Rule::InputAnchored, Operand(2), ADD_ONE).inputs(|inputs| inputs[public::ANCHOR] -= F::ONE),
        line(Rule::InputAnchored, Result, None).inputs(|inputs| inputs[public::ANCHOR] += F::ONE),
        line(Rule::InputNullifier, Public, None).inputs(|inputs| inputs[public::NULLIFIERS] += F::ONE),
        line(Rule::OutputNote, Public, None).inputs(|inputs| inputs[public::COMMITMENTS] += F::ONE),
        // Amounts.
        line(Rule::InputRange, Operand(0), SET_ZERO).secrets(input_too_large),
        line(Rule::InputRange, Result, None).secrets(input_too_large),
        line(Rule::OutputRange, Operand(0), SET_ZERO).secrets(output_negative),
        line(Rule::OutputRange, Result, None).secrets(output_negative),
        line(Rule::Balance, Public, None).secrets(|secrets| secrets.outputs[0].value += F::ONE),
        line(Rule::PublicFlow, Operand(0), Some(Forgery::Add(-F::from(5)))).inputs(|inputs| inputs[public::ASSET] += F::ONE),
        line(Rule::PublicFlow, Operand(1), SET_ZERO).inputs(|inputs| inputs[public::ASSET] += F::ONE),
        line(Rule::PublicFlow, Result, SET_ZERO).inputs(|inputs| inputs[public::ASSET] += F::ONE),
        line(Rule::PublicAsset, Operand(0), SET_ZERO).inputs(|inputs| inputs[public::ASSET] += F::ONE),
        line(Rule::PublicAsset, Operand(1), ADD_ONE).inputs(|inputs| inputs[public::ASSET] += F::ONE),
        line(Rule::PublicAsset, Operand(2), ADD_ONE).inputs(|inputs| inputs[public::ASSET] -= F::ONE),
        line(Rule::PublicAsset, Result, None).inputs(|inputs| inputs[public::ASSET] += F::ONE),
        // Holders.
        line(Rule::HolderMargin, Operand(0), SET_ZERO).secrets(expired),
        line(Rule::HolderMargin, Result, None).secrets(expired),
        line(Rule::HolderTerms, Operand(0), SET_ONE).secrets(elsewhere),
        line(Rule::HolderTerms, Operand(2), SET_ONE).secrets(elsewhere),
        line(Rule::HolderTerms, Match, SET_ONE).secrets(elsewhere),
        line(Rule::HolderTerms, Result, None).secrets(elsewhere),
        line(Rule::HolderTerms, Bit, None)
            .secrets(|secrets| secrets.holders.iter_mut().for_each(|holder| holder.place[0] = F::from(2))),
        line(Rule::HolderPath, Bit, None)
            .secrets(|secrets| secrets.holders.iter_mut().for_each(|holder| holder.path.turns[1] = F::from(2))),
        line(Rule::HolderPath, Public, None).inputs(|inputs| inputs[public::REGISTRY] += F::ONE),
        line(Rule::AuditCipher, Public, None).inputs(|inputs| inputs[public::AUDIT] += F::ONE),
    ];
    let linear = [Operand(0), Operand(1), Result];
    let path = [Operand(0), Operand(1), Operand(2), Left, Right, Result];
    table.extend(one_off(Rule::AssetTerms, &[Operand(1), Sum]));
    table.extend(one_off(Rule::AssetWord, &linear));
    table.extend(one_off(Rule::InputWord, &linear));
    table.extend(one_off(Rule::InputNote, &hash_of(3)));
    table.extend(one_off(Rule::InputPath, &path));
    table.extend(one_off(Rule::InputPath, &[Operand(3), Sum]));
    table.extend(one_off(Rule::InputNullifier, &hash_of(3)));
    table.extend(one_off(Rule::OutputWord, &linear));
    table.extend(one_off(Rule::OutputNote, &hash_of(3)));
    table.extend(one_off(Rule::Balance, &linear));
    table.extend(one_off(Rule::HolderExpiry, &linear));
    table.extend(one_off(Rule::HolderTerms, &[Operand(1), Sum]));
    table.extend(one_off(Rule::HolderAttributes, &linear));
    table.extend(one_off(Rule::HolderLeaf, &hash_of(3)));
    table.extend(one_off(Rule::HolderPath, &path));
    table.extend(one_off(Rule::AuditWord, &linear));
    table.extend(one_off(Rule::AuditMask, &hash_of(2)));
    table.extend(one_off(Rule::AuditCipher, &linear));
    table
}

fn run(lines: impl Iterator<Item = Line>) {
    let (mut tried, mut survived) = (0, vec![]);
    for line in lines {
        tried += 1;
        match line.try_out() {
            Verdict::Killed => {}
            Verdict::Accepted => survived.push(format!("{:?}: the forgery is accepted", line.site)),
            Verdict::RefusedBySomethingElse => survived.push(format!("{:?}: refused with the constraint deleted", line.site)),
        }
    }
    println!("constraints: {tried} places forged and deleted, {} killed", tried - survived.len());
    assert!(survived.is_empty(), "{survived:#?}");
}

/// Lines of an ordinary run: every tenth, another tenth each day of the month would not be reproducible, so always the same.
const SAMPLE_STEP: usize = 10;

#[test]
fn a_sample_of_the_constraints_is_needed() {
    run(table().into_iter().step_by(SAMPLE_STEP));
}

/// `cargo test --release -p plinth-privacy --lib -- --ignored every_constraint --nocapture`.
#[test]
#[ignore = "minutes of CPU: the whole table, with the kill rate"]
fn every_constraint_is_needed() {
    run(table().into_iter());
}

#[test]
fn every_rule_has_a_line() {
    use std::collections::BTreeSet;
    let lines = table();
    let rules: BTreeSet<Rule> = lines.iter().map(|line| line.site.rule).collect();
    assert_eq!(rules.len(), RULES, "a rule without a line, or a new rule");
    let sites: BTreeSet<Site> = lines.iter().map(|line| line.site).collect();
    assert_eq!(sites.len(), lines.len(), "a place twice");
}

/// Rules of the circuit.
const RULES: usize = Rule::AuditCipher as usize + 1;
