//! Two firms from deposit to payout with real proofs, and what each of the onlookers can and cannot see.

mod public_leg;

use super::draft::{self, Draft, DraftError, Frame, Intent};
use super::keys::{Seed, SpendingKey};
use super::swap::{self, Offer, OfferError};
use super::{Event, Wallet};
use crate::circuit::tests::proofs::KEY;
use crate::disclosure::{Auditor, Scope};
use crate::field::{Owner, Word};
use crate::limits::{BAD_PROOFS_PER_SENDER_MAX, MEMO_SIZE};
use crate::note::{Eligibility, Jurisdiction, PoolAsset, Value};
use crate::pool::batch::{SenderId, Verifier};
use crate::pool::block::{BlockWitness, check};
use crate::pool::directive::{Directive, SignedDirective};
use crate::pool::error::{BlockError, TransactionError};
use crate::pool::nullifiers::InsertError;
use crate::pool::state::PoolState;
use crate::pool::{Draft as BlockDraft, Pool, Refusal, Sealed};
use crate::registry::{Day, Registration, Registry};
use crate::transaction::{PoolId, Transaction};
use ed25519_dalek::{Signer, SigningKey};
use plinth_types::codec::Codec;
use plinth_types::digest::Digest;
use plinth_types::id::{AssetId, ChainId, Height, InboxIndex, PublicKey, Signature, TimestampNs, ZoneId};
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::quantity::Amount;
use plinth_types::transfer::{Address, Party};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;

const BONDS: AssetId = AssetId::new(7);
const CASH: AssetId = AssetId::new(8);
const TODAY: Day = Day::new(20_000);
const NOW: TimestampNs = TimestampNs::new(20_000 * 86_400_000_000_000 + 5);
const SENDER: SenderId = SenderId(1);

fn random() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}

fn signer(n: u8) -> SigningKey {
    SigningKey::from_bytes(&[n; 32])
}

fn public(n: u8) -> PublicKey {
    PublicKey(signer(n).verifying_key().to_bytes())
}

fn sign(n: u8, bytes: &[u8]) -> Signature {
    Signature(signer(n).sign(bytes).to_bytes())
}

struct Firm {
    key: SpendingKey,
    wallet: Wallet,
}

impl Firm {
    fn new(n: u8) -> Self {
        let key = Seed::new([n; 32]).account(0);
        let wallet = Wallet::new(key.full_viewing_key());
        Self { key, wallet }
    }

    fn owner(&self) -> Owner {
        self.wallet.key().owner()
    }

    fn has(&self, asset: PoolAsset) -> u128 {
        self.wallet.balance().get(&asset).copied().unwrap_or_default()
    }
}

struct World {
    pool: Pool,
    verifier: Verifier,
    registry: Registry,
    firms: [Firm; 2],
    messages: u64,
    blocks: Vec<Sealed>,
}

impl World {
    fn new() -> Self {
        let id = PoolId { chain: ChainId::new(1), zone: ZoneId::new(2), generation: 1, circuit: KEY.version() };
        let verifier = Verifier::new(KEY.verifying_key(), 2).expect("threads");
        let firms = [Firm::new(1), Firm::new(2)];
        let mut registry = Registry::default();
        for firm in &firms {
            registry.add(registration(firm)).expect("room");
        }
        let mut pool = Pool::new(PoolState::genesis(id, public(11), public(12)));
        let directive = |number, key, directive| {
            let bytes = SignedDirective::signed_bytes(id, number, directive);
            SignedDirective { number, directive, signature: sign(key, &bytes) }
        };
        let directives = vec![
            directive(1, 11, Directive::Registry(registry.root())),
            directive(2, 12, Directive::List(BONDS, Eligibility::ALL)),
            directive(3, 12, Directive::List(CASH, Eligibility::of(&[jurisdiction()]))),
        ];
        let first = pool.seal(&verifier, BlockDraft { time: NOW, directives, ..BlockDraft::default() }).expect("a block");
        let mut world = Self { pool, verifier, registry, firms, messages: 0, blocks: vec![] };
        world.follow(first);
        world
    }

    fn asset(&self, asset: AssetId) -> PoolAsset {
        self.pool.state().pool_asset(asset).expect("listed")
    }

    fn frame(&self) -> Frame {
        Frame { pool: self.pool.state().id, expires: Height::new(self.pool.state().height.get() + 5), day: TODAY }
    }

    fn draft(&mut self, firm: usize, intent: Intent) -> Result<Draft, DraftError> {
        let frame = self.frame();
        let Firm { key, wallet } = &mut self.firms[firm];
        wallet.draft(key, &frame, &self.registry, &intent, &mut random())
    }

    fn transact(&mut self, firm: usize, intent: Intent) -> Transaction {
        let draft = self.draft(firm, intent).expect("enough");
        let skeleton = draft::skeleton(&self.frame(), &[(draft.leg().clone(), draft.registry())]).expect("one leg");
        draft::finish(&KEY, skeleton, &[draft], |bytes| sign(20 + firm as u8, bytes)).expect("true")
    }

    /// A deposit of a firm on the base layer, seen by the pool.
    fn arrival(&mut self, firm: usize, asset: AssetId, amount: u64) -> InboxMessage {
        self.messages += 1;
        InboxMessage {
            zone: ZoneId::new(2),
            index: InboxIndex::new(self.messages),
            id: Digest([self.messages as u8; 32]),
            asset,
            amount: Amount::new(amount.into()).expect("an amount"),
            from: Party::owner(public(20 + firm as u8)),
            channel_seq: 1,
            kind: InboxKind::Transfer,
            account: Address::of_owner(public(20 + firm as u8)),
        }
    }

    fn seal(&mut self, arrivals: Vec<InboxMessage>, transactions: Vec<Transaction>) -> &Sealed {
        let candidates = transactions.into_iter().map(|transaction| (SENDER, transaction)).collect();
        let draft = BlockDraft { time: NOW, directives: vec![], arrivals, candidates };
        let sealed = self.pool.seal(&self.verifier, draft).expect("a block");
        self.follow(sealed);
        self.blocks.last().expect("just sealed")
    }

    /// A validator without state checks the block as it comes over the wire; then the wallets scan it.
    fn follow(&mut self, sealed: Sealed) {
        let block = Codec::decode(&sealed.block.to_bytes()).expect("canonical");
        let witness = BlockWitness::decode(&sealed.witness.to_bytes()).expect("canonical");
        let effects = check(|| &self.verifier, sealed.pre_root, sealed.post_root, &block, witness).expect("a good block");
        assert_eq!(effects, sealed.effects);
        for firm in &mut self.firms {
            firm.wallet.scan(&block.compact()).expect("the next block");
        }
        self.blocks.push(sealed);
    }
}

fn jurisdiction() -> Jurisdiction {
    Jurisdiction::new(3).expect("below the bound")
}

fn registration(firm: &Firm) -> Registration {
    Registration {
        owner: firm.owner(),
        audit_key: firm.wallet.key().audit_key(),
        expires: Day::new(20_100),
        jurisdiction: jurisdiction(),
    }
}

/// Firm 0 has 1,000 bonds, firm 1 has 500 in cash, shielded.
fn shielded() -> World {
    let mut world = World::new();
    let arrivals = vec![world.arrival(0, BONDS, 1_000), world.arrival(1, CASH, 500)];
    world.seal(arrivals, vec![]);
    let (bonds, cash) = (world.asset(BONDS), world.asset(CASH));
    let first = world.transact(0, Intent::Shield { asset: bonds, value: Value::new(1_000), credit: Digest([1; 32]) });
    let second = world.transact(1, Intent::Shield { asset: cash, value: Value::new(500), credit: Digest([2; 32]) });
    let sealed = world.seal(vec![], vec![first, second]);
    assert_eq!(sealed.refused, []);
    world
}

#[test]
fn two_firms_swap_privately_and_leave_with_what_was_agreed() {
    let mut world = shielded();
    let (bonds, cash) = (world.asset(BONDS), world.asset(CASH));
    assert_eq!((world.firms[0].has(bonds), world.firms[1].has(cash)), (1_000, 500));

    // Bonds against cash.
    let addresses = [0, 1].map(|firm| world.firms[firm].wallet.key().address());
    let pay = |asset, value, to| Intent::Send { asset, value: Value::new(value), to, memo: [7; MEMO_SIZE] };
    let delivers = world.draft(0, pay(bonds, 300, addresses[1])).expect("enough");
    let pays = world.draft(1, pay(cash, 450, addresses[0])).expect("enough");
    let offers = [Offer::of(&delivers), Offer::of(&pays)];
    let incoming = [0, 1].map(|firm: usize| world.firms[firm].wallet.key().incoming());
    assert_eq!(swap::accept(&incoming[1], &offers[0], bonds, Value::new(300)), Ok(()));
    assert_eq!(swap::accept(&incoming[0], &offers[1], cash, Value::new(450)), Ok(()));
    assert_eq!(swap::accept(&incoming[0], &offers[1], cash, Value::new(451)), Err(OfferError::Terms));
    assert_eq!(swap::accept(&incoming[1], &offers[1], cash, Value::new(450)), Err(OfferError::Owner));
    let legs = offers.map(|offer| (offer.leg, offer.registry));
    let skeleton = draft::skeleton(&world.frame(), &legs).expect("two legs");
    let proofs = [&delivers, &pays].map(|draft| draft::prove(&KEY, &skeleton, draft).expect("true"));
    let swap = swap::assemble(skeleton.clone(), proofs.to_vec());

    // One leg alone, with its good proof, is no transaction: the proof is bound to both.
    let mut alone = swap.clone();
    alone.skeleton.legs.truncate(1);
    alone.proofs.truncate(1);
    assert_eq!(world.seal(vec![], vec![alone]).refused, [(0, Refusal::BadProof)]);
    assert_eq!(world.seal(vec![], vec![swap.clone()]).refused, []);
    assert_eq!([world.firms[0].has(bonds), world.firms[0].has(cash)], [700, 450]);
    assert_eq!([world.firms[1].has(bonds), world.firms[1].has(cash)], [300, 50]);

    // The same transaction again spends nothing.
    let spent = swap.skeleton.legs[0].nullifiers[0];
    let again = TransactionError::Nullifier(InsertError::Spent(spent));
    assert_eq!(world.seal(vec![], vec![swap]).refused, [(0, Refusal::Rules(again))]);

    // What comes out.
    let out = world.transact(0, Intent::Unshield { asset: cash, value: Value::new(450), to: public(20) });
    let sealed = world.seal(vec![], vec![out]);
    let paid: Vec<_> = sealed.effects.payouts.iter().map(|payout| (payout.asset, payout.amount.units(), payout.to)).collect();
    assert_eq!(paid, [(CASH, 450, public(20))]);
    assert_eq!(world.pool.state().assets[&CASH].total, Value::new(50));

    disclosure_is_as_stated(&world);
    a_block_that_was_tampered_with_is_refused(&world);
}

fn disclosure_is_as_stated(world: &World) {
    let (bonds, first) = (world.asset(BONDS), &world.firms[0]);
    let firms = || world.firms.iter().map(registration);
    let everything = Scope { assets: None, jurisdictions: Eligibility::ALL };
    let read = |scope: Scope, firms: Vec<Registration>| {
        let auditor = Auditor::new(scope, firms);
        world.blocks.iter().flat_map(|sealed| auditor.read(&sealed.block.compact())).collect::<Vec<_>>()
    };
    let all = read(everything.clone(), firms().collect());
    assert_eq!(all.len(), 5, "two shields, two legs, one unshield");
    assert_eq!(read(everything.clone(), world.registry.holders().collect()), [], "whoever has the registry reads nothing");
    let turnover = Auditor::turnover(&all);
    assert_eq!(turnover[&(first.owner(), BONDS)], 300);
    assert_eq!(turnover[&(world.firms[1].owner(), CASH)], 450);
    let of_one = read(everything, firms().take(1).collect());
    assert!(of_one.iter().all(|finding| finding.sender == first.owner()) && of_one.len() == 3);
    let bonds_only = Scope { assets: Some([BONDS].into()), jurisdictions: Eligibility::ALL };
    assert_eq!(read(bonds_only, firms().collect()).len(), 2);
    let elsewhere = Eligibility::of(&[Jurisdiction::new(4).expect("below the bound")]);
    assert_eq!(read(Scope { assets: None, jurisdictions: elsewhere }, firms().collect()).len(), 0);

    let own = first.wallet.notes().find(|own| own.note.asset == bonds && own.spent_at.is_none()).expect("change");
    let opening = first.wallet.opening(own).expect("a leaf");
    let anchor = *world.pool.state().anchors.last().expect("never empty");
    assert!(opening.holds(anchor));
    let mut inflated = opening.clone();
    inflated.note.value = Value::new(701);
    assert!(!inflated.holds(anchor));
    let sent = first.wallet.history().iter().filter(|entry| matches!(entry.event, Event::Sent(_))).count();
    assert_eq!(sent, 1);
    assert!(first.wallet.notes().any(|own| own.memo == [7; MEMO_SIZE]));
}

fn a_block_that_was_tampered_with_is_refused(world: &World) {
    let sealed = world.blocks.last().expect("blocks");
    let judge = |block, witness, post_root| check(|| &world.verifier, sealed.pre_root, post_root, block, witness);
    let mut other = sealed.witness.clone();
    other.state.directives += 1;
    assert!(matches!(judge(&sealed.block, other, sealed.post_root), Err(BlockError::PreRoot { .. })));
    let mut empty = sealed.witness.clone();
    empty.nullifiers = crate::pool::nullifiers::Trie::default();
    assert_eq!(judge(&sealed.block, empty, sealed.post_root), Err(BlockError::NullifierRoot));
    let wrong = judge(&sealed.block, sealed.witness.clone(), sealed.pre_root);
    assert!(matches!(wrong, Err(BlockError::PostRoot { .. })));
    let mut unproven = sealed.block.clone();
    unproven.transactions[0].skeleton.day = Day::new(TODAY.number() + 1);
    assert!(matches!(judge(&unproven, sealed.witness.clone(), sealed.post_root), Err(BlockError::Proof(_))));
}

#[test]
fn a_sender_of_bad_proofs_is_found_in_the_batch_and_then_not_heard() {
    let mut world = shielded();
    let bonds = world.asset(BONDS);
    let home = world.firms[1].wallet.key().address();
    let intent = Intent::Send { asset: bonds, value: Value::new(10), to: home, memo: [0; MEMO_SIZE] };
    let good = world.transact(0, intent);
    let mut bad = good.clone();
    bad.skeleton.legs[0].audit[0] = Word::ZERO;
    let attacker = SenderId(66);
    let draft = |candidates| BlockDraft { time: NOW, directives: vec![], arrivals: vec![], candidates };
    for round in 1..=BAD_PROOFS_PER_SENDER_MAX {
        let sealed = world.pool.seal(&world.verifier, draft(vec![(attacker, bad.clone())])).expect("a block");
        assert_eq!(sealed.refused, [(0, Refusal::BadProof)], "round {round}");
        world.follow(sealed);
    }
    let both = vec![(attacker, bad), (SENDER, good)];
    let sealed = world.pool.seal(&world.verifier, draft(both)).expect("a block");
    assert_eq!(sealed.refused, [(0, Refusal::NotHeard)]);
    assert_eq!(sealed.block.transactions.len(), 1);
    world.follow(sealed);
}

#[test]
fn a_bad_proof_is_found_wherever_it_stands_in_a_batch() {
    let (witness, statement) = crate::circuit::tests::sample::to_another(25, 8);
    let proof = KEY.prove(&witness, &statement).expect("true");
    let verifier = Verifier::new(KEY.verifying_key(), 2).expect("threads");
    let mut claims = vec![(statement, proof); 7];
    assert_eq!(verifier.bad_claims(&claims), []);
    claims[5].0.day = Day::new(1);
    assert_eq!(verifier.bad_claims(&claims), [5]);
    claims[0].0.day = Day::new(1);
    claims[6].0.audit[2] = Word::ZERO;
    assert_eq!(verifier.bad_claims(&claims), [0, 5, 6]);
}

#[test]
fn a_draft_says_why_it_cannot_be() {
    let mut world = shielded();
    let (bonds, cash) = (world.asset(BONDS), world.asset(CASH));
    let home = world.firms[0].wallet.key().address();
    let stranger = Firm::new(9).wallet.key().address();
    let send = |asset, value, to| Intent::Send { asset, value: Value::new(value), to, memo: [0; MEMO_SIZE] };
    let refused = |world: &mut World, intent| world.draft(0, intent).map(|_| ()).expect_err("cannot be");
    assert_eq!(refused(&mut world, send(bonds, 0, home)), DraftError::Nothing);
    assert_eq!(refused(&mut world, send(cash, 1, home)), DraftError::Balance { wanted: Value::new(1), available: 0 });
    assert_eq!(refused(&mut world, send(bonds, 1, stranger)), DraftError::ReceiverNotRegistered);
    let held = world.draft(0, send(bonds, 1, home)).expect("enough");
    assert_eq!(refused(&mut world, send(bonds, 1, home)), DraftError::Balance { wanted: Value::new(1), available: 0 });
    world.firms[0].wallet.release(&held);
    assert!(world.draft(0, send(bonds, 1, home)).is_ok());
}
