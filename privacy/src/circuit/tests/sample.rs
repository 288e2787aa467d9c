//! Two firms, their registrations, and join-splits between them.

use crate::circuit::statement::{Flow, Statement};
use crate::circuit::witness::{Make, Spend, SpendSecrets, Terms, Witness};
use crate::field::{Owner, TransactionWord, Word};
use crate::note::{Eligibility, Jurisdiction, Note, PoolAsset, Value};
use crate::registry::{AuditKey, Day, Registration, Registry};
use crate::tree::{NotePath, NoteTree};
use plinth_types::id::AssetId;

pub(crate) const TODAY: Day = Day::new(20_779);

pub(crate) fn jurisdiction() -> Jurisdiction {
    Jurisdiction::new(3).expect("below the bound")
}

/// An asset for residents of jurisdictions 3 and 4.
pub(crate) fn bonds() -> PoolAsset {
    let eligible = Eligibility::of(&[jurisdiction(), Jurisdiction::new(4).expect("below the bound")]);
    PoolAsset::new(AssetId::new(7), eligible).expect("a number")
}

pub(crate) fn keys(seed: u64) -> SpendSecrets {
    SpendSecrets { spend_key: Word::from_u64(1_000 + seed), nullifier_key: Word::from_u64(2_000 + seed) }
}

pub(crate) fn registration(owner: Owner, seed: u64) -> Registration {
    Registration {
        owner,
        audit_key: AuditKey::new(Word::from_u64(3_000 + seed)),
        expires: Day::new(TODAY.number() + 30),
        jurisdiction: jurisdiction(),
    }
}

fn terms(anchor: crate::field::Anchor, flow: Flow, registry: &Registry) -> Terms {
    Terms { anchor, flow, transaction: TransactionWord(Word::from_u64(99)), registry: registry.root(), day: TODAY }
}

/// Spends 70 of 70 and nothing else; makes 60 and 5, both for the spender; 5 leave the pool.
pub(crate) fn to_oneself() -> (Witness, Statement) {
    let keys = keys(1);
    let owner = keys.owner();
    let mut registry = Registry::default();
    registry.add(registration(Owner(Word::from_u64(5)), 5)).expect("room");
    registry.add(registration(owner, 1)).expect("room");
    let member = registry.paying(owner, registration(owner, 1).audit_key).expect("registered");
    let randomness = Word::from_u64(40);
    let note = Note { asset: bonds(), value: Value::new(70), owner, randomness };
    let mut tree = NoteTree::default();
    let other = Note { randomness: Word::from_u64(41), ..note };
    for commitment in [other.commitment(), note.commitment(), other.commitment()] {
        tree.append(commitment).expect("room");
    }
    let path = tree.path(crate::note::Position::new(1)).expect("a leaf");
    let witness = Witness {
        keys,
        asset: bonds(),
        inputs: [
            Spend { value: note.value, randomness, path },
            Spend { value: Value::ZERO, randomness: Word::from_u64(42), path: NotePath::dummy() },
        ],
        outputs: [
            Make { value: Value::new(60), owner, randomness: Word::from_u64(43) },
            Make { value: Value::new(5), owner, randomness: Word::from_u64(44) },
        ],
        holders: [member.clone(), member.clone(), member],
    };
    let statement = witness.statement(terms(tree.frontier().root(), Flow::Unshield(bonds(), Value::new(5)), &registry));
    (witness, statement)
}

/// Spends two notes; pays another firm, keeps the change.
pub(crate) fn to_another(paid: u64, seed: u64) -> (Witness, Statement) {
    let (payer, payee) = (keys(seed), keys(seed + 1).owner());
    let owner = payer.owner();
    let mut registry = Registry::default();
    registry.add(registration(owner, seed)).expect("room");
    registry.add(registration(payee, seed + 1)).expect("room");
    let mine = registry.paying(owner, registration(owner, seed).audit_key).expect("registered");
    let theirs = registry.receiving(payee).expect("registered");
    let notes =
        [70, 30].map(|value| Note { asset: bonds(), value: Value::new(value), owner, randomness: Word::from_u64(50 + value) });
    let mut tree = NoteTree::default();
    let places = notes.map(|note| tree.append(note.commitment()).expect("room"));
    let inputs = [0, 1].map(|index| {
        let Note { value, randomness, .. } = notes[index];
        Spend { value, randomness, path: tree.path(places[index]).expect("a leaf") }
    });
    let witness = Witness {
        keys: payer,
        asset: bonds(),
        inputs,
        outputs: [
            Make { value: Value::new(paid), owner: payee, randomness: Word::from_u64(60) },
            Make { value: Value::new(100 - paid), owner, randomness: Word::from_u64(61) },
        ],
        holders: [mine.clone(), theirs, mine],
    };
    let statement = witness.statement(terms(tree.frontier().root(), Flow::None, &registry));
    (witness, statement)
}
