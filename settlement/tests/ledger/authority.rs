//! Freezes, exits, modes, verdicts, replaced producers: who may stop or undo what, and what goes on meanwhile.

use super::world::{advance_rebuilt as advance, *};
use plinth_settlement::block::{Action, ExitTransaction, Transaction, exit_tree, header_id};
use plinth_settlement::genesis::{AssetCap, ZoneMode};
use plinth_settlement::ledger::{BlockError, Overdrawn, ProofWanted, State, TransactionError, ZoneStatus};
use plinth_settlement::receipt::{QuorumError, Receipt};
use plinth_settlement::verdict::{ProofRefused, Verdict, VerdictTransaction, VerifiedProof, Word, ZoneVerifier};
use plinth_types::block::ZoneHeader;
use plinth_types::digest::Digest;
use plinth_types::exit::ExitLeaf;
use plinth_types::id::{ChainId, Height, ProducerEpoch, ZoneId};
use plinth_types::transfer::Party;
use std::sync::Arc;

#[track_caller]
fn refused(state: &State, transaction: Transaction, expected: impl Into<TransactionError>) {
    assert_eq!(check(state, vec![transaction]), Err(BlockError::Transaction { index: 0, error: expected.into() }));
}

fn act(state: &mut State, action: Action) {
    let decision = decide(state.decisions() + 1, action);
    advance(state, vec![decision]);
}

/// A zone with 100 BTC in its first block, which offers exits; settled.
fn funded(state: &mut State, zone: ZoneId, exit_root: Digest) -> Producer {
    let nonce = state.deposit_nonce(&owner(0).public_key()) + 1;
    advance(state, vec![Transaction::Deposit(deposit(0, nonce, zone, BTC, 100))]);
    let mut producer = Producer::new(zone);
    let mut header = producer.clone().next(state, 1);
    header.exit_root = exit_root;
    producer.follow(&header);
    let mut transactions = vec![order(header.clone())];
    transactions.extend((zone == EVM).then(|| proven(&header)));
    advance(state, transactions);
    idle(state, DELAY_BLOCKS);
    assert_eq!(state.zone(zone).unwrap().turnstile(BTC).held(), amount(100));
    producer
}

fn is_frozen(state: &State, zone: ZoneId) -> bool {
    state.zone(zone).unwrap().status() != ZoneStatus::Open
}

#[test]
fn a_frozen_zone_pays_nothing_delays_nobody_and_thaws() {
    let mut state = state();
    let mut trading = funded(&mut state, TRADING, Digest::ZERO);
    let mut evm = funded(&mut state, EVM, Digest::ZERO);
    let to = Party::owner(owner(2).public_key());
    let (header, list) = trading.send(&state, &[message(1, to, BTC, 40)]);
    advance(&mut state, vec![order(header), list]);
    act(&mut state, Action::Freeze { zone: TRADING });
    assert!(is_frozen(&state, TRADING));
    let at = state.height();
    refused(&state, decide(2, Action::Freeze { zone: TRADING }), TransactionError::ZoneFrozen { zone: TRADING, at });
    // Others go on, and what is meant for it goes back.
    let (header, list) = evm.send(&state, &[message(1, account(TRADING, 1), BTC, 30), message(1, to, BTC, 20)]);
    advance(&mut state, vec![order(header.clone()), list, proven(&header)]);
    assert_eq!(state.balance(&owner(2).public_key(), BTC), amount(20));
    assert_eq!(state.zone(EVM).unwrap().inbox().pending().len(), 1, "back from the frozen zone");
    idle(&mut state, 4 * DELAY_BLOCKS);
    assert_eq!(state.balance(&owner(2).public_key(), BTC), amount(20), "a frozen zone settles nothing");
    act(&mut state, Action::Thaw { zone: TRADING });
    assert_eq!(state.balance(&owner(2).public_key(), BTC), amount(60));
    refused(&state, decide(3, Action::Thaw { zone: TRADING }), TransactionError::NotFrozen { zone: TRADING });
}

#[test]
fn owners_leave_a_frozen_zone_by_their_leaves_each_once_and_never_above_its_turnstile() {
    let leaf = |index, tag, units| ExitLeaf { index, owner: owner(tag).public_key(), asset: BTC, amount: amount(units) };
    // The last leaf is of an unsound zone: 60 + 30 + 20 is more than 100.
    let leaves = [leaf(0, 5, 60), leaf(1, 6, 30), leaf(2, 7, 20)];
    let (root, paths) = exit_tree(CHAIN, TRADING, &leaves);
    let exit = |index: usize| {
        Transaction::Exit(Box::new(ExitTransaction { zone: TRADING, leaf: leaves[index], path: paths[index].clone() }))
    };
    let mut state = state();
    let mut trading = funded(&mut state, TRADING, root);
    refused(&state, exit(0), TransactionError::NotFrozen { zone: TRADING });
    // Behind the last settled block: what an ordered one says does not count.
    let mut header = trading.next(&state, 1);
    header.exit_root = Digest([5; 32]);
    advance(&mut state, vec![order(header)]);
    act(&mut state, Action::Freeze { zone: TRADING });
    advance(&mut state, vec![exit(1), exit(0)]);
    let paid = |state: &State, tag| state.balance(&owner(tag).public_key(), BTC).units();
    assert_eq!((paid(&state, 5), paid(&state, 6)), (60, 30));
    refused(&state, exit(0), TransactionError::Exited { zone: TRADING, index: 0 });
    refused(&state, exit(2), Overdrawn { asset: BTC, held: amount(10), requested: amount(20) });
    let wrong = TransactionError::ExitProof { zone: TRADING };
    let bent = |change: &dyn Fn(&mut ExitTransaction)| {
        let mut exit = ExitTransaction { zone: TRADING, leaf: leaves[0], path: paths[0].clone() };
        change(&mut exit);
        Transaction::Exit(Box::new(exit))
    };
    refused(&state, bent(&|exit| exit.leaf.amount = amount(61)), wrong);
    refused(&state, bent(&|exit| exit.leaf.owner = owner(7).public_key()), wrong);
    refused(&state, bent(&|exit| exit.leaf.index = 1), wrong);
    refused(&state, bent(&|exit| exit.leaf.index = 4), wrong);
    refused(&state, bent(&|exit| _ = exit.path.pop()), wrong);
    refused(&state, bent(&|exit| exit.path[0] = Digest::ZERO), wrong);
    refused(&state, decide(2, Action::Thaw { zone: TRADING }), TransactionError::ThawAfterExit { zone: TRADING, exits: 2 });
}

#[test]
fn a_rejected_block_goes_back_to_the_last_good_root_and_its_inputs_wait_again() {
    let mut state = state();
    let good = funded(&mut state, TRADING, Digest::ZERO);
    advance(&mut state, vec![Transaction::Deposit(deposit(1, 1, TRADING, BTC, 30))]);
    let to = Party::owner(owner(2).public_key());
    let mut bad = good.clone();
    let (header, list) = bad.send(&state, &[message(1, to, BTC, 130)]);
    let (behind, _) = bad.header(&[], 1);
    advance(&mut state, vec![order(header.clone()), list, order(behind)]);
    let turnstile = state.zone(TRADING).unwrap().turnstile(BTC);
    assert_eq!((turnstile.consumed, turnstile.leaving), (amount(30), amount(130)));
    let Transaction::Verdict(mut few) = verdict(&header, Word::Rejected) else { unreachable!() };
    few.signatures.pop();
    refused(&state, Transaction::Verdict(few), QuorumError::TooFew { count: 2, count_min: 3 });
    let outcome = advance(&mut state, vec![verdict(&header, Word::Rejected)]);
    assert_eq!(outcome.rejected.iter().map(|block| block.height.get()).collect::<Vec<_>>(), [2, 3]);
    let zone = state.zone(TRADING).unwrap();
    assert_eq!((zone.height(), zone.head(), zone.post_root()), (Height::new(1), good.parent, good.root));
    assert_eq!((zone.inbox().pending().len(), zone.sent(ZoneId::BASE)), (1, 0));
    assert_eq!((zone.turnstile(BTC).consumed, zone.turnstile(BTC).leaving), (amount(0), amount(0)));
    // The same header is fenced off; the same body under a new header is taken.
    refused(&state, order(header), TransactionError::Epoch { epoch: ProducerEpoch::new(1), current: ProducerEpoch::new(2) });
    let mut again = Producer { epoch: ProducerEpoch::new(2), ..good };
    let (header, list) = again.send(&state, &[message(1, to, BTC, 20)]);
    advance(&mut state, vec![order(header), list]);
    idle(&mut state, DELAY_BLOCKS);
    assert_eq!(state.balance(&owner(2).public_key(), BTC), amount(20));
    assert_eq!(state.zone(TRADING).unwrap().turnstile(BTC).held(), amount(110));
}

/// A proof is the header's bytes, hashed; enough to tell a right one from a wrong one.
struct Hashes;

impl ZoneVerifier for Hashes {
    fn verify(&self, header: &ZoneHeader, proof: &[u8]) -> Result<(), ProofRefused> {
        let expected = plinth_settlement::digest::sha256(&[&header.guest_image.0, &header.execution_bytes()]);
        if proof == expected.0 { Ok(()) } else { Err(ProofRefused { reason: "another hash".to_owned() }) }
    }
}

#[test]
fn a_proven_zone_settles_by_proofs_alone_within_its_window() {
    let mut state = state();
    let mut evm = Producer::new(EVM);
    let headers: Vec<ZoneHeader> = (0..5).map(|_| evm.next(&state, 1)).collect();
    for (header, pressure) in headers[..4].iter().zip([25, 50, 75, 100]) {
        advance(&mut state, vec![order(header.clone())]);
        assert_eq!(state.zone(EVM).unwrap().record().pressure, pressure);
    }
    refused(&state, order(headers[4].clone()), TransactionError::UnsettledFull { zone: EVM, count: 4 });
    idle(&mut state, 20);
    assert_eq!(state.zone(EVM).unwrap().settled(), Height::new(0), "no delay stands for a proof");
    assert!(state.zone(EVM).unwrap().available() > Height::new(0) && !state.awaits_blocks(), "nor do blocks bring one");
    assert_eq!(state.wants_proof(&headers[1]), Ok(ProofWanted::Now));
    assert_eq!(state.wants_proof(&headers[4]), Ok(ProofWanted::Later));
    let changed = |change: fn(&mut ZoneHeader)| {
        let mut header = headers[1].clone();
        change(&mut header);
        state.wants_proof(&header).unwrap_err()
    };
    let (chain, expected) = (ChainId::new(8), state.chain());
    assert_eq!(changed(|header| header.chain = ChainId::new(8)), TransactionError::Chain { chain, expected });
    let unknown = changed(|header| header.zone = ZoneId::new(99));
    assert_eq!(unknown, TransactionError::UnknownZone { zone: ZoneId::new(99) });
    assert_eq!(changed(|header| header.zone = TRADING), TransactionError::VerdictOfAnotherMode { zone: TRADING });
    assert_eq!(changed(|header| header.guest_image = Digest::ZERO), TransactionError::VerdictOfAnotherMode { zone: EVM });
    assert!(matches!(changed(|header| header.trade_count += 1), TransactionError::OtherHeader { .. }));
    assert!(matches!(changed(|header| header.height = Height::new(1)), TransactionError::OtherHeader { .. }));
    let proof = plinth_settlement::digest::sha256(&[&GUEST.0, &headers[1].execution_bytes()]);
    assert!(VerifiedProof::check(&Hashes, &headers[0], &proof.0).is_err());
    let verified = VerifiedProof::check(&Hashes, &headers[1], &proof.0).unwrap();
    let mut signatures: Vec<Receipt> = [0, 1, 3].map(|index| verified.sign(&validator(index))).into();
    signatures.sort_by_key(|receipt| receipt.validator);
    advance(&mut state, vec![Transaction::Verdict(Box::new(VerdictTransaction { verdict: verified.verdict(), signatures }))]);
    assert_eq!(state.zone(EVM).unwrap().settled(), Height::new(0), "blocks settle in order");
    assert_eq!(state.wants_proof(&headers[1]), Ok(ProofWanted::Never), "vouched for");
    assert_eq!(state.zone(EVM).unwrap().record().pressure, 100, "behind the deadline");
    let outcome = advance(&mut state, vec![proven(&headers[0])]);
    assert_eq!(outcome.settled.len(), 2);
    assert_eq!(state.wants_proof(&headers[0]), Ok(ProofWanted::Never), "settled");
    let (zone, height) = (EVM, headers[2].height);
    let other_guest = Word::Proven { guest_image: Digest([8; 32]), proof: Digest::ZERO };
    refused(&state, verdict(&headers[2], other_guest), TransactionError::VerdictOfAnotherMode { zone });
    refused(&state, verdict(&headers[2], Word::Attested), TransactionError::VerdictOfAnotherMode { zone });
    refused(&state, proven(&headers[0]), TransactionError::NotUnsettled { zone, height: headers[0].height });
    let mut elsewhere = headers[2].clone();
    elsewhere.post_root = Digest([1; 32]);
    let (header, expected) = (header_id(&elsewhere), header_id(&headers[2]));
    refused(&state, proven(&elsewhere), TransactionError::OtherHeader { header, expected });
    advance(&mut state, vec![proven(&headers[3])]);
    refused(&state, proven(&headers[3]), TransactionError::Vouched { zone, height: height.next() });
}

#[test]
fn a_mode_changes_with_notice_and_auditors_then_decide() {
    let mut draft = draft();
    draft.limits.notice_blocks = 3;
    let mut state = State::genesis(Arc::new(draft.build().unwrap()));
    let mut auditors: Vec<_> = (0..3).map(|index| key(0x70 + index)).collect();
    auditors.sort_by_key(plinth_settlement::keys::SecretKey::public_key);
    let keys: Vec<_> = auditors.iter().map(plinth_settlement::keys::SecretKey::public_key).collect();
    let mode = ZoneMode::Audited { attestations_min: 2, delay_blocks: 1 };
    let too_many = ZoneMode::Audited { attestations_min: 4, delay_blocks: 1 };
    let set = |mode| Action::SetMode { zone: TRADING, mode, auditors: keys.clone() };
    let error = plinth_settlement::genesis::ZoneRulesError::Attestations { attestations_min: 4, count: 3 };
    refused(&state, decide(1, set(too_many)), error);
    act(&mut state, set(mode));
    idle(&mut state, 2);
    assert!(matches!(state.zone(TRADING).unwrap().mode(), ZoneMode::Attested { .. }), "notice");
    idle(&mut state, 1);
    assert_eq!(state.zone(TRADING).unwrap().mode(), mode);
    let mut trading = Producer::new(TRADING);
    let header = trading.next(&state, 1);
    advance(&mut state, vec![order(header.clone())]);
    idle(&mut state, 9);
    assert_eq!(state.zone(TRADING).unwrap().settled(), Height::new(0));
    let verdict = Verdict::of(&header, Word::Attested);
    let signed = |by: &[plinth_settlement::keys::SecretKey]| {
        let mut signatures: Vec<_> = by.iter().map(|key| verdict.sign(key)).collect();
        signatures.sort_by_key(|receipt| receipt.validator);
        Transaction::Verdict(Box::new(VerdictTransaction { verdict, signatures }))
    };
    refused(&state, signed(&auditors[..1]), QuorumError::TooFew { count: 1, count_min: 2 });
    let strangers = [validator(0), validator(1), validator(2)];
    assert!(matches!(
        check(&state, vec![signed(&strangers)]),
        Err(BlockError::Transaction { error: TransactionError::Quorum(QuorumError::NotAnAuditor { .. }), .. })
    ));
    advance(&mut state, vec![signed(&auditors[..2])]);
    assert_eq!(state.zone(TRADING).unwrap().settled(), Height::new(1));
    let others = Action::SetMode { zone: TRADING, mode, auditors: keys[..2].to_vec() };
    refused(&state, decide(2, others), TransactionError::AuditorsAtWork { zone: TRADING });
    act(&mut state, Action::SetCap { zone: TRADING, cap: AssetCap { asset: BTC, per_hour: amount(1) } });
    assert_eq!(state.zone(TRADING).unwrap().rules().caps[0].per_hour, amount(1));
}

#[test]
fn a_replaced_producer_is_fenced_and_so_is_a_silent_one() {
    let mut draft = draft();
    let standby = key(0x60);
    draft.zones[0].rules.standbys = vec![standby.public_key()];
    draft.zones[0].rules.silence_blocks = 4;
    let mut state = State::genesis(Arc::new(draft.build().unwrap()));
    idle(&mut state, 10);
    assert_eq!(state.zone(TRADING).unwrap().producer(), producer(TRADING).public_key(), "nothing waits, nobody is silent");
    advance(&mut state, vec![Transaction::Deposit(deposit(0, 1, TRADING, BTC, 5))]);
    let zone = state.zone(TRADING).unwrap();
    assert_eq!((zone.producer(), zone.epoch()), (standby.public_key(), ProducerEpoch::new(2)), "silent since long");
    let mut old = Producer::new(TRADING);
    let header = old.next(&state, 1);
    refused(&state, order(header), TransactionError::Epoch { epoch: ProducerEpoch::new(1), current: ProducerEpoch::new(2) });
    let mut forged = Producer { epoch: ProducerEpoch::new(2), ..Producer::new(TRADING) };
    let header = forged.next(&state, 1);
    assert!(matches!(check(&state, vec![order(header)]), Err(BlockError::Signature { .. })));
    idle(&mut state, 4);
    let zone = state.zone(TRADING).unwrap();
    assert_eq!((zone.producer(), zone.epoch()), (producer(TRADING).public_key(), ProducerEpoch::new(3)), "in turn");
    act(&mut state, Action::SetProducer { zone: TRADING, producer: owner(9).public_key() });
    let zone = state.zone(TRADING).unwrap();
    assert_eq!((zone.producer(), zone.epoch()), (owner(9).public_key(), ProducerEpoch::new(4)));
}

#[test]
fn the_governors_revert_what_nobody_vouches_for() {
    let mut state = state();
    let mut trading = Producer::new(TRADING);
    let header = trading.next(&state, 1);
    advance(&mut state, vec![order(header)]);
    refused(
        &state,
        decide(1, Action::Revert { zone: TRADING, height: Height::new(2) }),
        TransactionError::NotUnsettled { zone: TRADING, height: Height::new(2) },
    );
    act(&mut state, Action::Revert { zone: TRADING, height: Height::new(1) });
    let zone = state.zone(TRADING).unwrap();
    assert_eq!((zone.height(), zone.head()), (Height::new(0), Digest::ZERO));
}
