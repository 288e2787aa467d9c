//! The circuit against the statement in plain Rust, both ways: what one accepts the other accepts.

use super::sample::{TODAY, bonds, keys, to_another, to_oneself};
use super::satisfied;
use crate::circuit::rules::Rule;
use crate::circuit::statement::{Flow, Statement};
use crate::circuit::witness::Witness;
use crate::field::Word;
use crate::note::{Eligibility, Jurisdiction, PoolAsset, Value};
use crate::registry::Day;
use plinth_types::id::AssetId;

fn agree(name: &str, witness: &Witness, statement: &Statement, expected: Result<(), Rule>) {
    assert_eq!(witness.check(statement), expected, "{name}: in plain Rust");
    let circuit = satisfied(&witness.circuit(statement.day), &statement.public_inputs());
    assert_eq!(circuit, expected.is_ok(), "{name}: in the circuit");
}

#[test]
fn honest_join_splits_are_accepted() {
    let (witness, statement) = to_another(25, 8);
    agree("a payment", &witness, &statement, Ok(()));
    let (witness, statement) = to_oneself();
    agree("a withdrawal", &witness, &statement, Ok(()));
}

#[test]
fn what_a_thief_would_try_is_refused_by_both() {
    type Change = fn(&mut Witness, &mut Statement);
    let tries: [(&str, Rule, Change); 8] = [
        ("another's key", Rule::InputAnchored, |witness, _| witness.keys = keys(77)),
        ("another place", Rule::InputAnchored, |witness, _| witness.inputs[0].path.position = crate::note::Position::new(5)),
        ("value from nothing", Rule::Balance, |witness, statement| {
            witness.outputs[0].value = Value::new(26);
            statement.commitments = witness.output_notes().map(|note| note.commitment());
        }),
        ("a sum beyond 64 bits", Rule::Balance, |witness, statement| {
            witness.outputs[0].value = Value::new(u64::MAX);
            witness.outputs[1].value = Value::new(101);
            statement.commitments = witness.output_notes().map(|note| note.commitment());
        }),
        ("paid out in another asset", Rule::PublicAsset, |witness, statement| {
            witness.outputs[1].value = Value::new(70);
            statement.commitments = witness.output_notes().map(|note| note.commitment());
            let other = PoolAsset::new(AssetId::new(8), bonds().eligible()).expect("a number");
            statement.flow = Flow::Unshield(other, Value::new(5));
        }),
        ("after the registration's last day", Rule::HolderMargin, |_, statement| statement.day = Day::new(TODAY.number() + 31)),
        ("another jurisdiction than registered", Rule::HolderPath, |witness, _| {
            witness.holders[0].registration.jurisdiction = Jurisdiction::new(4).expect("below the bound");
        }),
        ("words for the auditor that say nothing", Rule::AuditCipher, |_, statement| statement.audit[0] = Word::ZERO),
    ];
    for (name, rule, change) in tries {
        let (mut witness, mut statement) = to_another(25, 8);
        change(&mut witness, &mut statement);
        agree(name, &witness, &statement, Err(rule));
    }
}

#[test]
fn an_asset_keeps_to_its_terms() {
    let (mut witness, mut statement) = to_oneself();
    witness.asset = PoolAsset::new(bonds().asset(), Eligibility::of(&[])).expect("a number");
    // The note with these terms is put where the tree has the other one, so that only the terms are wrong.
    statement.anchor = witness.inputs[0].path.root(
        crate::note::Note {
            asset: witness.asset,
            value: witness.inputs[0].value,
            owner: witness.keys.owner(),
            randomness: witness.inputs[0].randomness,
        }
        .commitment(),
    );
    let mut moved = witness.statement(crate::circuit::witness::Terms {
        anchor: statement.anchor,
        flow: Flow::Unshield(witness.asset, Value::new(5)),
        transaction: statement.transaction,
        registry: statement.registry,
        day: TODAY,
    });
    agree("terms that admit nobody", &witness, &moved, Err(Rule::HolderTerms));
    moved.day = Day::new(0);
    assert_eq!(witness.check(&moved), Err(Rule::HolderTerms));
}
