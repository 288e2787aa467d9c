//! The host's rules with a circuit that accepts everything: no test here has a proof, so whatever holds, holds without one.

use super::block::Payout;
use super::directive::{Directive, SignedDirective};
use super::error::TransactionError;
use super::nullifiers::{InsertError, Trie};
use super::rules;
use super::state::{Gate, PoolState};
use crate::circuit::keys::CircuitVersion;
use crate::field::{Commitment, Nullifier, RegistryRoot, Word};
use crate::limits::{ANCHORS_MAX, AUDIT_WORDS};
use crate::note::{Eligibility, PoolAsset, Value};
use crate::registry::Day;
use crate::transaction::{Leg, PoolId, PublicSide, Skeleton, Transaction};
use crate::wallet::encryption::EncryptedNotes;
use crate::wallet::keys::Seed;
use ed25519_dalek::{Signer, SigningKey};
use plinth_types::codec::Codec;
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, ChainId, Height, InboxIndex, PublicKey, Signature, TimestampNs, ZoneId};
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::quantity::Amount;
use plinth_types::transfer::{Address, Party};

const BONDS: AssetId = AssetId::new(7);
const DAY_NS: u64 = 86_400_000_000_000;

fn signer(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

fn public(n: u8) -> PublicKey {
    PublicKey(signer(n).verifying_key().to_bytes())
}

fn registry() -> RegistryRoot {
    RegistryRoot(Word::from_u64(77))
}

struct World {
    state: PoolState,
    nullifiers: Trie,
}

impl World {
    fn new() -> Self {
        let id = PoolId { chain: ChainId::new(1), zone: ZoneId::new(2), generation: 1, circuit: CircuitVersion::V1 };
        let mut state = PoolState::genesis(id, public(1), public(2));
        state.time = TimestampNs::new(20_000 * DAY_NS);
        let mut world = Self { state, nullifiers: Trie::default() };
        world.direct(1, Directive::Registry(registry())).expect("the registrar's");
        world.direct(2, Directive::List(BONDS, Eligibility::ALL)).expect("the controller's");
        world
    }

    fn direct(&mut self, key: u8, directive: Directive) -> Option<()> {
        let number = self.state.directives + 1;
        let bytes = SignedDirective::signed_bytes(self.state.id, number, directive);
        let signature = Signature(signer(key).sign(&bytes).to_bytes());
        SignedDirective { number, directive, signature }.apply(&mut self.state)
    }

    fn arrive(&mut self, id: u8, amount: u128) -> bool {
        let message = InboxMessage {
            zone: self.state.id.zone,
            index: InboxIndex::new(1),
            id: Digest([id; 32]),
            asset: BONDS,
            amount: Amount::new(amount).expect("an amount"),
            from: Party::owner(public(9)),
            channel_seq: 1,
            kind: InboxKind::Transfer,
            account: Address::of_owner(public(9)),
        };
        rules::take_in(&mut self.state, &message)
    }

    fn transaction(&self, seed: u64, public: PublicSide) -> Transaction {
        let word = |n| Word::from_u64(1_000 * seed + n);
        let leg = Leg {
            anchor: *self.state.anchors.last().expect("never empty"),
            nullifiers: [Nullifier(word(1)), Nullifier(word(2))],
            commitments: [Commitment(word(3)), Commitment(word(4))],
            public,
            audit: [Word::ZERO; AUDIT_WORDS],
            notes: notes(),
        };
        let skeleton = Skeleton {
            pool: self.state.id,
            expires: Height::new(100),
            day: Day::new(20_000),
            registry: registry(),
            legs: vec![leg],
        };
        Transaction { skeleton, proofs: vec![], signatures: vec![] }
    }

    fn apply(&mut self, transaction: &Transaction) -> Result<Vec<Payout>, TransactionError> {
        let before = (self.state.clone(), self.nullifiers.root());
        let result = rules::apply(&mut self.state, &mut self.nullifiers, transaction);
        if result.is_err() {
            assert_eq!((self.state.clone(), self.nullifiers.root()), before, "a refusal changes nothing");
        }
        result
    }

    fn shield(&mut self, id: u8, value: u64) {
        assert!(self.arrive(id, value.into()));
        let shield = signed(self.transaction(u64::from(id), shielding(id, value)), 9);
        self.apply(&shield).expect("a good shield");
    }
}

fn notes() -> EncryptedNotes {
    let key = Seed::new([1; 32]).account(0).full_viewing_key();
    let asset = PoolAsset::new(BONDS, Eligibility::ALL).expect("a number");
    let note = crate::note::Note { asset, value: Value::ZERO, owner: key.owner(), randomness: Word::ZERO };
    let line = (note, key.address(), [0; crate::limits::MEMO_SIZE]);
    EncryptedNotes::seal([2; 32], &[line, line], &key.outgoing()).expect("good keys")
}

fn bonds() -> PoolAsset {
    PoolAsset::new(BONDS, Eligibility::ALL).expect("a number")
}

fn shielding(id: u8, value: u64) -> PublicSide {
    PublicSide::Shield { asset: bonds(), value: Value::new(value), credit: Digest([id; 32]) }
}

fn unshielding(value: u64) -> PublicSide {
    PublicSide::Unshield { asset: bonds(), value: Value::new(value), to: public(8) }
}

fn signed(mut transaction: Transaction, key: u8) -> Transaction {
    let signature = signer(key).sign(&transaction.skeleton.shielding_bytes());
    transaction.signatures = vec![Signature(signature.to_bytes())];
    transaction
}

#[test]
fn no_more_leaves_than_came_in_whatever_the_circuit_says() {
    let mut world = World::new();
    world.shield(1, 100);
    let mut paid = 0;
    for seed in 10..200 {
        let asked = 1 + seed % 37;
        match world.apply(&world.transaction(seed, unshielding(asked))) {
            Ok(payouts) => paid += payouts.iter().map(|payout| payout.amount.units()).sum::<u128>(),
            Err(error) => assert!(matches!(error, TransactionError::Turnstile { .. }), "{error}"),
        }
    }
    assert_eq!(paid, 100, "all that came in went out, and nothing more");
}

#[test]
fn two_legs_together_do_not_pass_the_turnstile_either() {
    let mut world = World::new();
    world.shield(1, 100);
    let mut both = world.transaction(5, unshielding(60));
    both.skeleton.legs.extend(world.transaction(6, unshielding(60)).skeleton.legs);
    let error = world.apply(&both).expect_err("120 of 100");
    assert_eq!(error, TransactionError::Turnstile { asset: BONDS, inside: Value::new(40), requested: Value::new(60) });
}

#[test]
fn a_nullifier_is_taken_once() {
    let mut world = World::new();
    let first = world.transaction(1, PublicSide::None);
    world.apply(&first).expect("new");
    let spent = first.skeleton.legs[0].nullifiers[0];
    assert_eq!(world.apply(&first), Err(TransactionError::Nullifier(InsertError::Spent(spent))));
    let mut twice = world.transaction(2, PublicSide::None);
    twice.skeleton.legs[0].nullifiers[1] = twice.skeleton.legs[0].nullifiers[0];
    assert_eq!(world.apply(&twice), Err(TransactionError::Repeated(twice.skeleton.legs[0].nullifiers[0])));
    let mut across_legs = world.transaction(3, PublicSide::None);
    across_legs.skeleton.legs.extend(across_legs.skeleton.legs.clone());
    assert!(matches!(world.apply(&across_legs), Err(TransactionError::Repeated(_))));
}

#[test]
fn a_credit_is_shielded_once_whole_and_by_its_owner() {
    let mut world = World::new();
    assert!(world.arrive(1, 50));
    let credit = Digest([1; 32]);
    let honest = signed(world.transaction(1, shielding(1, 50)), 9);
    let wrong = [
        (signed(world.transaction(2, shielding(1, 49)), 9), TransactionError::Credit { leg: 0, credit }),
        (signed(world.transaction(3, shielding(2, 50)), 9), TransactionError::Credit { leg: 0, credit: Digest([2; 32]) }),
        (signed(world.transaction(4, shielding(1, 50)), 8), TransactionError::Signature { leg: 0 }),
        (world.transaction(5, shielding(1, 50)), TransactionError::Signature { leg: 0 }),
    ];
    for (transaction, error) in wrong {
        assert_eq!(world.apply(&transaction), Err(error));
    }
    let mut replayed = world.transaction(6, shielding(1, 50));
    replayed.signatures = honest.signatures.clone();
    assert_eq!(world.apply(&replayed), Err(TransactionError::Signature { leg: 0 }), "the signature names its transaction");
    world.apply(&honest).expect("good");
    let again = signed(world.transaction(7, shielding(1, 50)), 9);
    assert_eq!(world.apply(&again), Err(TransactionError::Credit { leg: 0, credit }));
    assert_eq!(world.state.assets[&BONDS].total, Value::new(50));
}

#[test]
fn what_the_pool_cannot_hold_goes_back() {
    let mut world = World::new();
    assert!(!world.arrive(1, u128::from(u64::MAX) + 1), "more than 64 bits");
    assert!(!world.arrive(1, 0), "nothing");
    assert!(world.arrive(1, 5));
    assert!(!world.arrive(1, 5), "its id is known");
    world.direct(2, Directive::Freeze(BONDS, true)).expect("the controller's");
    assert!(!world.arrive(2, 5), "frozen");
    world.direct(2, Directive::Freeze(BONDS, false)).expect("the controller's");
    world.direct(2, Directive::Gate(Gate::Halted)).expect("the controller's");
    assert!(!world.arrive(2, 5), "the kill switch");
}

#[test]
fn nobody_is_paid_who_has_no_key() {
    let mut world = World::new();
    world.shield(1, 100);
    let good = public(3);
    // Of small order; not on the curve; the second form of a coordinate.
    let mut second = [0xff; 32];
    (second[0], second[31]) = (0xf0, 0x7f);
    let off_curve = (0..=u8::MAX).map(|n| [n; 32]).find(|bytes| ed25519_dalek::VerifyingKey::from_bytes(bytes).is_err());
    for to in [[0; 32], off_curve.expect("half of all"), second, [0xff; 32]].map(PublicKey) {
        let asset = PoolAsset::new(BONDS, Eligibility::ALL).expect("a number");
        let side = PublicSide::Unshield { asset, value: Value::new(1), to };
        assert_eq!(world.apply(&world.transaction(9, side)), Err(TransactionError::Receiver { leg: 0, to }));
    }
    let asset = PoolAsset::new(BONDS, Eligibility::ALL).expect("a number");
    let side = PublicSide::Unshield { asset, value: Value::new(1), to: good };
    let paid = world.apply(&world.transaction(9, side)).expect("a key");
    assert_eq!((paid[0].to, paid[0].number), (good, 1));
}

#[test]
fn a_frame_out_of_its_time_or_place_is_refused() {
    type Change = fn(&mut Skeleton);
    type Expected = fn(&TransactionError) -> bool;
    let changes: [(Change, Expected); 6] = [
        (|s| s.pool.generation = 2, |e| matches!(e, TransactionError::OtherPool)),
        (|s| s.pool.chain = ChainId::new(5), |e| matches!(e, TransactionError::OtherPool)),
        (|s| s.day = Day::new(19_998), |e| matches!(e, TransactionError::Day { .. })),
        (|s| s.day = Day::new(20_002), |e| matches!(e, TransactionError::Day { .. })),
        (|s| s.registry = RegistryRoot(Word::ZERO), |e| matches!(e, TransactionError::Registry(_))),
        (|s| s.legs[0].anchor = crate::field::Anchor(Word::ZERO), |e| matches!(e, TransactionError::Anchor(_))),
    ];
    let mut world = World::new();
    for (change, expected) in changes {
        let mut transaction = world.transaction(1, PublicSide::None);
        change(&mut transaction.skeleton);
        let error = world.apply(&transaction).expect_err("out of place");
        assert!(expected(&error), "{error}");
    }
    world.state.height = Height::new(101);
    let late = world.transaction(1, PublicSide::None);
    assert!(matches!(world.apply(&late), Err(TransactionError::Expired { .. })));
}

#[test]
fn an_old_anchor_leaves_the_window() {
    let mut world = World::new();
    let old = world.transaction(1, PublicSide::None);
    for n in 0..ANCHORS_MAX as u64 {
        world.state.push_anchor(crate::field::Anchor(Word::from_u64(n)));
    }
    assert!(matches!(world.apply(&old), Err(TransactionError::Anchor(_))));
}

#[test]
fn the_kill_switch_and_retirement_do_what_they_say() {
    let mut world = World::new();
    world.shield(1, 100);
    assert_eq!(world.direct(1, Directive::Gate(Gate::Halted)), None, "the registrar may not");
    world.direct(2, Directive::Gate(Gate::Halted)).expect("the controller's");
    assert_eq!(world.apply(&world.transaction(5, unshielding(1))), Err(TransactionError::Halted));
    world.direct(2, Directive::Gate(Gate::Retired)).expect("the controller's");
    assert_eq!(world.apply(&world.transaction(5, PublicSide::None)), Err(TransactionError::Retired { leg: 0 }));
    assert_eq!(world.apply(&world.transaction(5, unshielding(1))).map(|paid| paid.len()), Ok(1));
    assert_eq!(world.direct(2, Directive::Gate(Gate::Open)), None, "retired for good");
}

#[test]
fn a_directive_is_given_once_and_in_order() {
    let mut world = World::new();
    let directive = Directive::Freeze(BONDS, true);
    let number = world.state.directives + 2;
    let bytes = SignedDirective::signed_bytes(world.state.id, number, directive);
    let early = SignedDirective { number, directive, signature: Signature(signer(2).sign(&bytes).to_bytes()) };
    assert_eq!(early.apply(&mut world.state), None);
    assert_eq!(world.direct(2, Directive::List(BONDS, Eligibility::of(&[]))), None, "terms do not change");
}

#[test]
fn state_transaction_and_directive_read_back() {
    let mut world = World::new();
    world.shield(1, 100);
    world.arrive(2, 5);
    assert_eq!(PoolState::decode(&world.state.to_bytes()).expect("canonical"), world.state);
    let skeleton = world.transaction(3, unshielding(4)).skeleton;
    assert_eq!(Skeleton::decode(&skeleton.to_bytes()).expect("canonical"), skeleton);
    let mut zero = skeleton.clone();
    zero.legs[0].public = unshielding(0);
    assert!(Skeleton::decode(&zero.to_bytes()).is_err(), "a public value of 0 would leave the asset open");
}
