//! One test per refusal: the named error with the numbers that decided, and a ledger as it was.

use super::world::*;
use plinth_settlement::block::{Block, HeaderTransaction, SignedDeposit, Transaction, header_id};
use plinth_settlement::digest::sha256;
use plinth_settlement::genesis::ChainLimits;
use plinth_settlement::keys::SignatureError;
use plinth_settlement::ledger::{
    BlockError, Freeze, FreezeCause, OneByOne, Overdrawn, Signer, State, TransactionError, Verifier, ZoneStatus,
};
use plinth_settlement::receipt::QuorumError;
use plinth_types::block::ZoneHeader;
use plinth_types::digest::Digest;
use plinth_types::event::AssetAmount;
use plinth_types::id::{AssetId, ChainId, Height, InboxIndex, ProducerEpoch, Seq, Signature, TimestampNs, ZoneId};
use plinth_types::limits::BODY_SIZE_MAX;
use plinth_types::message::Deposit;
use plinth_types::transfer::Address;
use std::sync::Arc;

/// A chain in motion: both zones have ordered a block, one message waits in the trading zone's inbox.
fn moving() -> (State, Producer) {
    let mut state = state();
    let mut trading = Producer::new(TRADING);
    let mut privacy = Producer::new(PRIVACY);
    advance(&mut state, vec![Transaction::Deposit(deposit(0, 1, TRADING, BTC, 100))]);
    let headers = vec![order(trading.next(&state, 3)), order(privacy.next(&state, 1))];
    advance(&mut state, headers);
    advance(&mut state, vec![Transaction::Deposit(deposit(0, 2, TRADING, USD, 1_000))]);
    (state, trading)
}

/// Checks that the ledger refuses the transaction with this error, and stays as it was.
#[track_caller]
fn refused(state: &State, transaction: Transaction, expected: TransactionError) {
    let before = state.digest();
    assert_eq!(check(state, vec![transaction]), Err(BlockError::Transaction { index: 0, error: expected }));
    assert_eq!(state.digest(), before);
}

#[track_caller]
fn refused_header(change: impl FnOnce(&mut ZoneHeader), expected: TransactionError) {
    let (state, mut trading) = moving();
    let mut header = trading.next(&state, 2);
    assert!(check(&state, vec![order(header.clone())]).is_ok(), "valid before the change");
    change(&mut header);
    refused(&state, order(header), expected);
}

#[track_caller]
fn refused_deposit(change: impl FnOnce(&mut Deposit), expected: TransactionError) {
    let (state, _) = moving();
    let mut changed = deposit(0, 3, TRADING, BTC, 10).deposit;
    assert!(check(&state, vec![Transaction::Deposit(SignedDeposit::sign(changed, CHAIN, &owner(0)))]).is_ok());
    change(&mut changed);
    refused(&state, Transaction::Deposit(SignedDeposit::sign(changed, CHAIN, &owner(0))), expected);
}

// ── deposits ──

#[test]
fn a_deposit_into_a_zone_that_is_not_there() {
    let zone = ZoneId::new(9);
    refused_deposit(|deposit| deposit.zone = zone, TransactionError::UnknownZone { zone });
    let zone = ZoneId::BASE;
    refused_deposit(|deposit| deposit.zone = zone, TransactionError::UnknownZone { zone });
}

#[test]
fn a_deposit_of_an_asset_that_is_not_there() {
    let asset = AssetId::new(2);
    refused_deposit(|deposit| deposit.asset = asset, TransactionError::UnknownAsset { asset });
}

#[test]
fn a_deposit_of_nothing() {
    refused_deposit(|deposit| deposit.amount = amount(0), TransactionError::ZeroAmount);
}

#[test]
fn a_deposit_that_came_already_or_too_early() {
    let owner = owner(0).public_key();
    for nonce in [0, 1, 2, 4, u64::MAX] {
        refused_deposit(|deposit| deposit.nonce = nonce, TransactionError::Nonce { owner, nonce, expected: 3 });
    }
}

#[test]
fn a_deposit_of_more_than_the_owner_has() {
    let (owner, asset, balance) = (owner(0).public_key(), BTC, amount(400));
    for units in [401, 1 << 120] {
        let amount = amount(units);
        refused_deposit(|deposit| deposit.amount = amount, TransactionError::Balance { owner, asset, balance, amount });
    }
}

#[test]
fn a_deposit_of_all_that_the_owner_has_leaves_nothing() {
    let (mut state, _) = moving();
    advance(&mut state, vec![Transaction::Deposit(deposit(0, 3, TRADING, BTC, 400))]);
    assert_eq!(state.balance(&owner(0).public_key(), BTC), amount(0));
    let refusal = TransactionError::Balance { owner: owner(0).public_key(), asset: BTC, balance: amount(0), amount: amount(1) };
    refused(&state, Transaction::Deposit(deposit(0, 4, TRADING, BTC, 1)), refusal);
}

#[test]
fn a_deposit_that_another_owner_signed() {
    let (state, _) = moving();
    let stolen = deposit(1, 1, TRADING, BTC, 10).deposit;
    let forged = SignedDeposit::sign(stolen, CHAIN, &owner(2));
    let error = BlockError::Signature { index: 0, signer: Signer::Owner, error: SignatureError { key: owner(1).public_key() } };
    assert_eq!(check(&state, vec![Transaction::Deposit(forged)]), Err(error));
}

#[test]
fn a_deposit_that_was_signed_for_another_chain_or_redirected() {
    let (state, _) = moving();
    let error = BlockError::Signature { index: 0, signer: Signer::Owner, error: SignatureError { key: owner(0).public_key() } };
    let signed = deposit(0, 3, TRADING, BTC, 10);
    let replayed = SignedDeposit::sign(signed.deposit, ChainId::new(8), &owner(0));
    assert_eq!(check(&state, vec![Transaction::Deposit(replayed)]), Err(error.clone()));
    let redirected = SignedDeposit { deposit: Deposit { account: Address([9; 32]), ..signed.deposit }, ..signed };
    assert_eq!(check(&state, vec![Transaction::Deposit(redirected)]), Err(error));
}

#[test]
fn a_deposit_into_a_full_inbox() {
    let mut draft = draft();
    draft.limits = ChainLimits { inbox_pending_max: 2, ..draft.limits };
    let mut state = State::genesis(Arc::new(draft.build().unwrap()));
    advance(&mut state, (1..=2).map(|nonce| Transaction::Deposit(deposit(0, nonce, TRADING, BTC, 1))).collect());
    let refusal = TransactionError::InboxFull { zone: TRADING, pending: 2, pending_max: 2 };
    refused(&state, Transaction::Deposit(deposit(0, 3, TRADING, BTC, 1)), refusal);
    advance(&mut state, vec![Transaction::Deposit(deposit(0, 3, PRIVACY, BTC, 1))]);
}

// ── headers: chain ──

#[test]
fn a_header_of_another_chain() {
    let (chain, expected) = (ChainId::new(8), CHAIN);
    refused_header(|header| header.chain = chain, TransactionError::Chain { chain, expected });
}

#[test]
fn a_header_of_a_zone_that_is_not_there() {
    let zone = ZoneId::new(4);
    refused_header(|header| header.zone = zone, TransactionError::UnknownZone { zone });
}

#[test]
fn a_header_that_repeats_or_skips_a_height() {
    for height in [0, 1, 3, u64::MAX] {
        let (height, expected) = (Height::new(height), Height::new(2));
        refused_header(|header| header.height = height, TransactionError::HeaderHeight { zone: TRADING, height, expected });
    }
}

#[test]
fn a_header_on_top_of_another_block() {
    let (state, _) = moving();
    let expected = state.zone(TRADING).unwrap().head();
    refused_header(|header| header.parent = Digest([9; 32]), TransactionError::HeaderParent { parent: Digest([9; 32]), expected });
}

#[test]
fn a_header_of_a_producer_that_was_replaced() {
    let (mut state, mut trading) = moving();
    let mut header = trading.next(&state, 1);
    header.epoch = ProducerEpoch::new(5);
    advance(&mut state, vec![order(header.clone())]);
    trading.follow(&header);
    let mut stale = trading.next(&state, 1);
    for epoch in [0, 1, 4] {
        stale.epoch = ProducerEpoch::new(epoch);
        let refusal = TransactionError::Epoch { epoch: stale.epoch, current: ProducerEpoch::new(5) };
        refused(&state, order(stale.clone()), refusal);
    }
    stale.epoch = ProducerEpoch::new(5);
    advance(&mut state, vec![order(stale)]);
}

#[test]
fn a_header_that_claims_a_proof_in_an_attested_zone() {
    refused_header(|header| header.guest_image = Digest([1; 32]), TransactionError::GuestImage);
}

#[test]
fn a_header_from_another_state() {
    let (state, _) = moving();
    let expected = state.zone(TRADING).unwrap().post_root();
    refused_header(|header| header.pre_root = Digest([9; 32]), TransactionError::PreRoot { pre_root: Digest([9; 32]), expected });
}

// ── headers: counts ──

#[test]
fn a_header_of_records_that_were_in_the_block_before() {
    // The block before had one message and three requests: records 1 to 4.
    let (before, last) = (Seq::new(4), Seq::new(7));
    for first in [0, 4] {
        let first = Seq::new(first);
        refused_header(|header| header.first_seq = first, TransactionError::SeqRange { first, last, before });
    }
    let (first, last) = (Seq::new(5), Seq::new(4));
    refused_header(|header| header.last_seq = last, TransactionError::SeqRange { first, last, before });
}

#[test]
fn a_header_of_no_command_or_of_more_than_there_are_records() {
    let (first, last) = (Seq::new(5), Seq::new(7));
    for count in [0, 4, u32::MAX] {
        refused_header(|header| header.command_count = count, TransactionError::CommandCount { count, first, last });
    }
}

#[test]
fn a_header_of_a_body_that_cannot_be() {
    for size in [0, 2, BODY_SIZE_MAX as u32 + 1, u32::MAX] {
        refused_header(|header| header.body_size = size, TransactionError::BodySize { size, count: 3 });
    }
}

#[test]
fn a_header_earlier_than_the_block_before() {
    let (time, before) = (TimestampNs::new(39), TimestampNs::new(40));
    refused_header(|header| header.time = time, TransactionError::HeaderTime { time, before });
}

// ── headers: inbox and outbox ──

#[test]
fn a_header_that_consumes_what_was_not_appended_or_takes_consumption_back() {
    let (consumed, appended) = (InboxIndex::new(1), InboxIndex::new(2));
    for index in [0, 3, u64::MAX] {
        let index = InboxIndex::new(index);
        refused_header(|header| header.inbox_index = index, TransactionError::InboxIndex { index, consumed, appended });
    }
}

#[test]
fn a_header_that_consumes_other_messages_than_were_appended() {
    let (state, _) = moving();
    let message = *state.zone(TRADING).unwrap().inbox().pending().next().unwrap();
    let expected = plinth_settlement::body::inbox_root(&[message]);
    let root = Digest([9; 32]);
    refused_header(|header| header.inbox_root = root, TransactionError::InboxRoot { root, expected });
    // Nothing consumed, and yet a root; something consumed, and no root.
    let root = expected;
    refused_header(|header| header.inbox_index = InboxIndex::new(1), TransactionError::InboxRoot { root, expected: Digest::ZERO });
    let root = Digest::ZERO;
    refused_header(|header| header.inbox_root = root, TransactionError::InboxRoot { root, expected });
}

#[test]
fn a_header_whose_outbox_contradicts_itself() {
    let total = AssetAmount { asset: BTC, amount: amount(1) };
    refused_header(|header| header.outbox_root = Digest([1; 32]), TransactionError::OutboxContradiction);
    refused_header(|header| header.outbox_totals = vec![total], TransactionError::OutboxContradiction);
    for totals in [vec![total, total], vec![AssetAmount { amount: amount(0), ..total }]] {
        let change = |header: &mut ZoneHeader| (header.outbox_root, header.outbox_totals) = (Digest([1; 32]), totals);
        refused_header(change, TransactionError::OutboxTotals);
    }
}

/// F16: whatever made this header is unsound. The zone stops; the others, and all money, stay as they are.
#[test]
fn a_header_that_takes_out_more_than_was_paid_in_freezes_its_zone_and_no_other() {
    for (asset, held, requested) in [(BTC, 100, 101), (USD, 1_000, 1 << 120), (AssetId::new(7), 0, 1)] {
        let (mut state, mut trading) = moving();
        let balances: Vec<_> = state.balances().collect();
        let mut header = trading.next(&state, 1);
        header.outbox_root = Digest([1; 32]);
        header.outbox_totals = vec![AssetAmount { asset, amount: amount(requested) }];
        let outcome = advance(&mut state, vec![order(header.clone())]);
        let overdrawn = Overdrawn { asset, held: amount(held), requested: amount(requested) };
        let freeze =
            Freeze { zone: TRADING, at: state.height(), cause: FreezeCause::Overdrawn { header: header_id(&header), overdrawn } };
        assert_eq!((outcome.frozen.as_slice(), outcome.ordered.as_slice()), (&[freeze][..], &[][..]));

        let zone = state.zone(TRADING).unwrap();
        assert_eq!((zone.status(), zone.height()), (ZoneStatus::Frozen(freeze), Height::new(1)));
        assert_eq!(zone.turnstile(BTC).paid_out, amount(0));
        assert_eq!(state.balances().collect::<Vec<_>>(), balances);
        let frozen = TransactionError::ZoneFrozen { zone: TRADING, at: freeze.at };
        refused(&state, order(header), frozen);
        refused(&state, Transaction::Deposit(deposit(0, 3, TRADING, BTC, 1)), frozen);
        advance(&mut state, vec![Transaction::Deposit(deposit(0, 3, PRIVACY, BTC, 1))]);
        let mut privacy = Producer::new(PRIVACY);
        privacy.next(&super::world::state(), 1);
        let next = privacy.next(&state, 1);
        advance(&mut state, vec![order(next)]);
        assert_eq!(state.zone(PRIVACY).unwrap().turnstile(BTC).consumed, amount(1));
    }
}

#[test]
fn an_overdrawn_header_needs_the_producer_and_a_quorum_to_freeze_anything() {
    let (state, mut trading) = moving();
    let mut header = trading.next(&state, 1);
    header.outbox_root = Digest([1; 32]);
    header.outbox_totals = vec![AssetAmount { asset: BTC, amount: amount(101) }];
    let too_few = QuorumError::TooFew { count: 2, count_min: 3 };
    refused(&state, order_with(header.clone(), [0, 1]), TransactionError::Quorum(too_few));
    let receipts = receipts(&header, [0, 1, 2]);
    let mut signed = sign_header(header);
    signed.signature = Signature([0; 64]);
    let forged = Transaction::Header(Box::new(HeaderTransaction { signed, receipts }));
    assert!(matches!(check(&state, vec![forged]), Err(BlockError::Signature { signer: Signer::Producer, .. })));
}

// ── headers: signatures ──

#[test]
fn a_header_that_its_producer_did_not_sign() {
    let (state, mut trading) = moving();
    let header = trading.next(&state, 1);
    let receipts = receipts(&header, [0, 1, 2]);
    let mut signed = sign_header(header.clone());
    signed.signature = producer(PRIVACY).sign(&header.signed_bytes());
    let forged = Transaction::Header(Box::new(HeaderTransaction { signed, receipts }));
    let error = SignatureError { key: producer(TRADING).public_key() };
    assert_eq!(check(&state, vec![forged]), Err(BlockError::Signature { index: 0, signer: Signer::Producer, error }));
}

#[test]
fn a_header_without_a_quorum_of_receipts() {
    let (state, mut trading) = moving();
    let header = trading.next(&state, 1);
    for (validators, count) in [(vec![], 0), (vec![3], 1), (vec![1, 3], 2)] {
        let error = QuorumError::TooFew { count, count_min: 3 };
        refused(&state, order_with(header.clone(), validators), TransactionError::Quorum(error));
    }
    let error = QuorumError::NotAscending { index: 1 };
    let mut twice = receipts(&header, [0, 0, 1]);
    twice.sort_by_key(|receipt| (receipt.validator != validator(0).public_key(), receipt.validator));
    let signed = sign_header(header.clone());
    let transaction = Transaction::Header(Box::new(HeaderTransaction { signed, receipts: twice }));
    refused(&state, transaction, TransactionError::Quorum(error));
    assert!(check(&state, vec![order_with(header, [0, 1, 2, 3])]).is_ok());
}

#[test]
fn a_header_with_the_receipt_of_a_stranger() {
    let (state, mut trading) = moving();
    let header = trading.next(&state, 1);
    let transaction = order_with(header, [0, 1, 0xcf]);
    let Err(BlockError::Transaction { error: TransactionError::Quorum(error), .. }) = check(&state, vec![transaction]) else {
        panic!("a stranger's receipt counted");
    };
    assert!(matches!(error, QuorumError::NotAValidator { validator: stranger, .. } if stranger == validator(0xcf).public_key()));
}

#[test]
fn a_header_with_a_receipt_for_another_body() {
    let (state, mut trading) = moving();
    let header = trading.next(&state, 1);
    let other = ZoneHeader { shard_root: Digest([9; 32]), ..header.clone() };
    let mut mixed = receipts(&header, [0, 1, 2]);
    let position = mixed.iter().position(|receipt| receipt.validator == validator(1).public_key()).unwrap();
    mixed[position] = receipts(&other, [1])[0];
    let transaction = Transaction::Header(Box::new(HeaderTransaction { signed: sign_header(header), receipts: mixed }));
    let error = SignatureError { key: validator(1).public_key() };
    assert_eq!(check(&state, vec![transaction]), Err(BlockError::Signature { index: 0, signer: Signer::Validator, error }));
}

// ── blocks ──

#[test]
fn a_block_of_another_height_parent_time_or_ledger() {
    let (state, _) = moving();
    let (height, parent, time) = (state.height().next(), state.block(), TimestampNs::new(state.time().get() + 1));
    let block = |height, parent, time, pre_state| Block::new(height, parent, time, pre_state, Vec::new());
    let check = |block: &Block| state.check(block, &mut OneByOne::default()).map(|_| ());
    let pre_state = state.digest();
    assert_eq!(check(&block(height, parent, time, pre_state)), Ok(()));
    for wrong in [state.height(), height.next(), Height::new(0), Height::new(u64::MAX)] {
        let refusal = BlockError::Height { height: wrong, expected: height };
        assert_eq!(check(&block(wrong, parent, time, pre_state)), Err(refusal));
    }
    let (wrong, expected) = (Digest([9; 32]), parent);
    assert_eq!(check(&block(height, wrong, time, pre_state)), Err(BlockError::Parent { parent: wrong, expected }));
    for wrong in [state.time(), TimestampNs::new(0)] {
        let refusal = BlockError::Time { time: wrong, parent: state.time() };
        assert_eq!(check(&block(height, parent, wrong, pre_state)), Err(refusal));
    }
    let (wrong, expected) = (Digest([9; 32]), pre_state);
    assert_eq!(check(&block(height, parent, time, wrong)), Err(BlockError::PreState { pre_state: wrong, expected }));
}

#[test]
fn a_block_that_is_too_large_is_refused_before_anything_in_it_is_read() {
    let mut draft = draft();
    let size_max = 2 * plinth_settlement::limits::TRANSACTION_SIZE_MAX as u32;
    draft.limits = ChainLimits { block_size_max: size_max, block_transactions_max: 1_000, ..draft.limits };
    let state = State::genesis(Arc::new(draft.build().unwrap()));
    // Every one of them is forged, and nobody looks.
    let forged = |nonce| {
        let signed = deposit(0, nonce, TRADING, BTC, 1);
        Transaction::Deposit(SignedDeposit { signature: Signature([0; 64]), ..signed })
    };
    let mut verifier = OneByOne::default();
    let block = state.propose(TimestampNs::new(2_000), (1..=600).map(forged).collect());
    let size = block.size();
    assert_eq!(state.check(&block, &mut verifier).map(|_| ()), Err(BlockError::Size { size, size_max }));
    let mut draft = super::world::draft();
    draft.limits = ChainLimits { block_transactions_max: 3, ..draft.limits };
    let state = State::genesis(Arc::new(draft.build().unwrap()));
    let block = state.propose(TimestampNs::new(2_000), (1..=4).map(forged).collect());
    let refusal = BlockError::TransactionCount { count: 4, count_max: 3 };
    assert_eq!(state.check(&block, &mut verifier).map(|_| ()), Err(refusal));
    assert_eq!(verifier.verified_count, 0);
}

/// One bad apple: a block is valid whole or not at all, and the place of the bad one is named.
#[test]
fn a_block_with_one_bad_transaction_changes_nothing() {
    let (state, mut trading) = moving();
    let good = order(trading.next(&state, 1));
    let bad = Transaction::Deposit(deposit(0, 9, TRADING, BTC, 1));
    let before = state.digest();
    let refusal = check(&state, vec![good, bad]);
    let error = TransactionError::Nonce { owner: owner(0).public_key(), nonce: 9, expected: 3 };
    assert_eq!(refusal, Err(BlockError::Transaction { index: 1, error }));
    assert_eq!(state.digest(), before);
}

/// Signatures come last and can be counted: a block that breaks a cheap rule costs none, a valid one costs one per claim.
#[test]
fn cheap_rules_are_checked_before_signatures() {
    let (state, mut trading) = moving();
    let header = trading.next(&state, 1);
    let mut verifier = OneByOne::default();
    let good = state.propose(TimestampNs::new(5_000), vec![order(header.clone())]);
    assert!(state.check(&good, &mut verifier).is_ok());
    assert_eq!(verifier.verified_count, 4, "the producer's and three validators'");
    let late = Transaction::Deposit(deposit(0, 9, TRADING, BTC, 1));
    let bad = state.propose(TimestampNs::new(5_000), vec![order(header), late]);
    assert!(state.check(&bad, &mut verifier).is_err());
    assert_eq!(verifier.verified_count, 4);
}

/// Signatures can be verified by whoever likes: in a batch, from memory, all at once.
#[test]
fn a_verifier_of_ones_own_sees_every_claim() {
    struct Counting(Vec<Signer>);
    impl Verifier for Counting {
        fn verify(&mut self, claims: &[plinth_settlement::ledger::Claim]) -> Result<(), usize> {
            self.0.extend(claims.iter().map(|claim| claim.signer));
            claims.iter().position(|claim| claim.verify().is_err()).map_or(Ok(()), Err)
        }
    }
    let (state, mut trading) = moving();
    let transactions = vec![order(trading.next(&state, 1)), Transaction::Deposit(deposit(0, 3, TRADING, BTC, 1))];
    let block = state.propose(TimestampNs::new(5_000), transactions);
    let mut counting = Counting(Vec::new());
    assert!(state.check_unsigned(&block).unwrap().verify(&mut counting).is_ok());
    let expected = [Signer::Producer, Signer::Validator, Signer::Validator, Signer::Validator, Signer::Owner];
    assert_eq!(counting.0, expected);
}

// ── life ──

#[test]
fn a_zone_block_settles_when_the_delay_has_passed_and_once() {
    let mut state = state();
    let mut trading = Producer::new(TRADING);
    let first = trading.next(&state, 1);
    let ordered = advance(&mut state, vec![order(first.clone())]);
    let [block] = ordered.ordered[..] else { panic!("one block was ordered") };
    assert_eq!((block.id, block.ordered_at, block.last_seq), (header_id(&first), Height::new(1), first.last_seq));
    assert!(ordered.available.is_empty() && !state.awaits_blocks(), "nobody has said that the body is there");
    let made_available = advance(&mut state, vec![rebuilt(&first)]);
    let [block] = made_available.available[..] else { panic!("one block became available") };
    assert_eq!((block.id, block.available_at), (header_id(&first), Some(Height::new(2))));
    assert!(made_available.settled.is_empty() && state.awaits_blocks());
    let second = trading.next(&state, 1);
    assert!(advance(&mut state, vec![order(second.clone())]).settled.is_empty());
    let settled = advance(&mut state, vec![rebuilt(&second)]).settled;
    assert_eq!(settled, vec![block], "two blocks behind the one that made it available");
    assert!(advance(&mut state, vec![]).settled.is_empty());
    assert_eq!(state.zone(TRADING).unwrap().settled(), Height::new(1));
    let settled = advance(&mut state, vec![]).settled;
    assert_eq!(settled.iter().map(|block| block.id).collect::<Vec<_>>(), [header_id(&second)]);
    assert!(advance(&mut state, vec![]).settled.is_empty() && !state.awaits_blocks());
}

#[test]
fn a_deposit_becomes_a_message_that_names_its_id() {
    let mut state = state();
    let signed = deposit(0, 1, TRADING, BTC, 100);
    let outcome = advance(&mut state, vec![Transaction::Deposit(signed)]);
    let [message] = outcome.inbox[..] else { panic!("one message was appended") };
    assert_eq!(message.id, sha256(&[&signed.deposit.signed_bytes(CHAIN)]));
    assert_eq!((message.index, message.amount, message.account), (InboxIndex::new(1), amount(100), Address([0; 32])));
    let zone = state.zone(TRADING).unwrap();
    assert_eq!((zone.turnstile(BTC).in_flight, zone.turnstile(BTC).paid_in), (amount(100), amount(0)));
    let mut trading = Producer::new(TRADING);
    let header = trading.next(&state, 0);
    advance_rebuilt(&mut state, vec![order(header)]);
    let turnstile = state.zone(TRADING).unwrap().turnstile(BTC);
    assert_eq!(
        (turnstile.in_flight, turnstile.consumed, turnstile.held()),
        (amount(100), amount(100), amount(0)),
        "until it settles"
    );
    idle(&mut state, DELAY_BLOCKS);
    let zone = state.zone(TRADING).unwrap();
    assert_eq!((zone.turnstile(BTC).in_flight, zone.turnstile(BTC).held()), (amount(0), amount(100)));
    assert_eq!(zone.inbox().consumed(), InboxIndex::new(1));
}
