//! The pool's formats, pinned. Values are shaped by hand: what is in a proof or a ciphertext matters to nobody who reads the format.

#![allow(clippy::unwrap_used, reason = "what surrounds the tests is test too")]

use plinth_golden::Fixtures;
use plinth_privacy::circuit::keys::{CircuitVersion, PROOF_SIZE, Proof};
use plinth_privacy::field::{Anchor, Commitment, Nullifier, Owner, RegistryRoot, Word};
use plinth_privacy::note::{Eligibility, Jurisdiction, PoolAsset, Value};
use plinth_privacy::pool::block::{Block, BlockWitness};
use plinth_privacy::pool::directive::{Directive, SignedDirective};
use plinth_privacy::pool::nullifiers::Trie;
use plinth_privacy::pool::state::{AssetState, Credit, Gate, PoolState};
use plinth_privacy::registry::{AuditKey, Day, Registration, Registry};
use plinth_privacy::transaction::{Leg, PoolId, PublicSide, Skeleton, Transaction};
use plinth_privacy::wallet::encryption::EncryptedNotes;
use plinth_privacy::wallet::keyfile::{self, Cost};
use plinth_privacy::wallet::keys::Seed;
use plinth_types::codec::Codec;
use plinth_types::digest::Digest;
use plinth_types::id::{AccountId, AssetId, ChainId, Height, InboxIndex, PublicKey, Signature, TimestampNs, ZoneId};
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::quantity::Amount;
use plinth_types::transfer::{Address, Party};
use rand::rand_core::{TryCryptoRng, TryRng};
use std::convert::Infallible;

const BONDS: AssetId = AssetId::new(7);
const ZONE: ZoneId = ZoneId::new(2);

fn fixtures() -> Fixtures {
    Fixtures::of(env!("CARGO_MANIFEST_DIR"))
}

fn word(n: u64) -> Word {
    Word::from_u64(n)
}

fn bonds() -> PoolAsset {
    PoolAsset::new(BONDS, eligible()).unwrap()
}

fn eligible() -> Eligibility {
    Eligibility::of(&[Jurisdiction::new(0).unwrap(), Jurisdiction::new(9).unwrap()])
}

fn pool_id() -> PoolId {
    PoolId { chain: ChainId::new(1), zone: ZONE, generation: 3, circuit: CircuitVersion::V1 }
}

fn leg(n: u64, public: PublicSide) -> Leg {
    Leg {
        anchor: Anchor::new(word(n)),
        nullifiers: [1, 2].map(|i| Nullifier::new(word(n + i))),
        commitments: [3, 4].map(|i| Commitment::new(word(n + i))),
        public,
        audit: core::array::from_fn(|i| word(n + 5 + i as u64)),
        notes: EncryptedNotes::decode(&vec![n as u8; EncryptedNotes::SIZE]).unwrap(),
    }
}

fn transaction(publics: &[PublicSide]) -> Transaction {
    let legs: Vec<_> = publics.iter().enumerate().map(|(place, public)| leg(20 * place as u64 + 10, *public)).collect();
    let proofs = legs.iter().map(|_| Proof::from_bytes(&[1; PROOF_SIZE]).unwrap()).collect();
    let shields = publics.iter().filter(|public| matches!(public, PublicSide::Shield { .. })).count();
    let skeleton =
        Skeleton { pool: pool_id(), expires: Height::new(90), day: Day::new(20_000), registry: RegistryRoot::new(word(5)), legs };
    Transaction { skeleton, proofs, signatures: vec![Signature([0x51; 64]); shields] }
}

fn shield() -> PublicSide {
    PublicSide::Shield { asset: bonds(), value: Value::new(1_000), credit: Digest([0x61; 32]) }
}

fn unshield() -> PublicSide {
    PublicSide::Unshield { asset: bonds(), value: Value::new(400), to: PublicKey([0x62; 32]) }
}

fn arrival() -> InboxMessage {
    InboxMessage {
        zone: ZONE,
        index: InboxIndex::new(4),
        id: Digest([0x63; 32]),
        from: Party::owner(PublicKey([0x64; 32])),
        channel_seq: 2,
        kind: InboxKind::Transfer,
        asset: BONDS,
        amount: Amount::new(1_000).unwrap(),
        account: Address::of_account(AccountId::new(0)),
    }
}

fn state() -> PoolState {
    let mut state = PoolState::genesis(pool_id(), PublicKey([0x65; 32]), PublicKey([0x66; 32]));
    state.directives = 2;
    state.height = Height::new(8);
    state.time = TimestampNs::new(9);
    state.inbox = InboxIndex::new(3);
    state.paid_out = 4;
    state.gate = Gate::Halted;
    (0..5).for_each(|n| state.notes.append(Commitment::new(word(n))).unwrap());
    state.anchors.push(state.notes.root());
    state.registries.push(RegistryRoot::new(word(5)));
    state.assets.insert(BONDS, AssetState { eligible: eligible(), total: Value::new(600), frozen: true });
    state.credits.insert(Digest([0x63; 32]), Credit { asset: BONDS, value: Value::new(7), owner: PublicKey([0x64; 32]) });
    state
}

fn directives() -> Vec<(&'static str, SignedDirective)> {
    let signed = |number, directive| SignedDirective { number, directive, signature: Signature([0x52; 64]) };
    vec![
        ("registry", signed(1, Directive::Registry(RegistryRoot::new(word(5))))),
        ("list", signed(2, Directive::List(BONDS, eligible()))),
        ("freeze", signed(3, Directive::Freeze(BONDS, true))),
        ("gate", signed(4, Directive::Gate(Gate::Retired))),
    ]
}

#[test]
fn transactions_are_pinned() {
    let swap = transaction(&[PublicSide::None, unshield()]);
    let deposit = transaction(&[shield()]);
    for transaction in [&swap, &deposit] {
        assert_eq!(Transaction::decode(&transaction.to_bytes()).as_ref(), Ok(transaction));
    }
    // The proof is left out of the fixture: its five kilobytes are its own.
    fixtures().values("skeleton", &[("swap", swap.skeleton.clone()), ("deposit", deposit.skeleton.clone())]);
    fixtures().named(
        "transaction_hashes",
        &[
            ("swap_id", swap.id().0.to_vec()),
            ("swap_digest", swap.digest().0.to_vec()),
            ("deposit_id", deposit.id().0.to_vec()),
            ("deposit_shielding_bytes", deposit.skeleton.shielding_bytes()),
        ],
    );
    let behind_skeleton = deposit.to_bytes().split_off(deposit.skeleton.to_bytes().len());
    assert_eq!(behind_skeleton, [[1; PROOF_SIZE].as_slice(), &[0x51; 64]].concat(), "proofs, then signatures");
}

#[test]
fn directives_are_pinned() {
    fixtures().values("directive", &directives());
    let Directive::List(..) = directives()[1].1.directive else { panic!("another directive") };
    fixtures().bytes("directive_signed_bytes", &SignedDirective::signed_bytes(pool_id(), 2, directives()[1].1.directive));
}

#[test]
fn a_block_and_its_witness_are_pinned() {
    let mut nullifiers = Trie::default();
    (0..9).for_each(|n| nullifiers.insert(Nullifier::new(word(n * 0x1234_5678_9abc))).unwrap());
    let shown = nullifiers.witness([Nullifier::new(word(3)), Nullifier::new(word(4))]);
    fixtures().bytes("nullifier_root", &nullifiers.root().0);
    let mut state = state();
    state.nullifiers = nullifiers.root();
    fixtures().bytes("pool_root", &state.root().0);
    let block = Block {
        height: Height::new(9),
        time: TimestampNs::new(10),
        directives: directives().into_iter().map(|(_, signed)| signed).collect(),
        arrivals: vec![arrival()],
        transactions: vec![],
    };
    fixtures().values("block", &[("without_transactions", block.clone())]);
    fixtures().values("block_witness", &[("witness", BlockWitness { state, nullifiers: shown })]);
    let full = Block { transactions: vec![transaction(&[shield()])], ..block };
    assert_eq!(Block::decode(&full.to_bytes()).as_ref(), Ok(&full));
    fixtures().values("compact_block", &[("compact", full.compact())]);
}

#[test]
fn a_registry_is_pinned_as_it_is_published() {
    let registration = |n: u64| Registration {
        owner: Owner::new(word(n)),
        audit_key: AuditKey::new(word(100 + n)),
        expires: Day::new(20_000 + n as u32),
        jurisdiction: Jurisdiction::new(n as u8).unwrap(),
    };
    let mut registry = Registry::default();
    (1..4).for_each(|n| registry.add(registration(n)).unwrap());
    registry.remove(Owner::new(word(2))).unwrap();
    let [published, root] = [registry.to_bytes(), registry.root().to_bytes()];
    fixtures().named("registry", &[("published", published), ("root", root), ("registration", registration(1).to_bytes())]);
}

/// Bytes that count up: a key file is pinned with its salt and nonce.
struct Counting(u8);

impl TryRng for Counting {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        rand::rand_core::utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        rand::rand_core::utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for byte in bytes {
            *byte = self.0;
            self.0 = self.0.wrapping_add(1);
        }
        Ok(())
    }
}

impl TryCryptoRng for Counting {}

#[test]
fn keys_and_key_files_are_pinned() {
    let seed = Seed::new([5; 32]);
    let key = seed.account(3).full_viewing_key();
    fixtures().named("keys", &[("full_viewing_key", key.to_bytes()), ("address", key.address().to_bytes())]);
    let file = keyfile::seal(&seed, b"pass", Cost::LEAST, &mut Counting(0)).unwrap();
    fixtures().bytes("key_file", &file);
    let opened = keyfile::open(&file, b"pass").unwrap();
    assert_eq!(opened.account(3).full_viewing_key().to_bytes(), key.to_bytes());
}
