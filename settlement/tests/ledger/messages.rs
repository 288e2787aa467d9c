//! Outbox, settlement, inbox: once, in order, or back to the sender.

use super::world::{advance_rebuilt as advance, *};
use plinth_settlement::block::{OutboxTransaction, Transaction};
use plinth_settlement::ledger::{BlockError, State, TransactionError};
use plinth_types::block::ZoneHeader;
use plinth_types::id::{Height, InboxIndex, PublicKey, TimestampNs, ZoneId};
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::transfer::{OutboxMessage, Party};

const HOUR_NS: u64 = 3_600_000_000_000;

#[track_caller]
fn refused(state: &State, transaction: Transaction, expected: TransactionError) {
    assert_eq!(check(state, vec![transaction]), Err(BlockError::Transaction { index: 0, error: expected }));
}

/// The trading zone holds 300 BTC, settled.
fn funded() -> (State, Producer) {
    let mut state = state();
    advance(&mut state, vec![Transaction::Deposit(deposit(0, 1, TRADING, BTC, 300))]);
    let mut trading = Producer::new(TRADING);
    let header = trading.next(&state, 1);
    advance(&mut state, vec![order(header)]);
    idle(&mut state, DELAY_BLOCKS);
    (state, trading)
}

/// A block of the trading zone that sends these, settled.
fn send(state: &mut State, trading: &mut Producer, messages: &[OutboxMessage]) {
    let (header, list) = trading.send(state, messages);
    advance(state, vec![order(header), list]);
    idle(state, DELAY_BLOCKS);
}

fn inbox(state: &State, zone: ZoneId) -> Vec<InboxMessage> {
    state.zone(zone).unwrap().inbox().kept().copied().collect()
}

fn base(state: &State, index: u8) -> u128 {
    state.balance(&owner(index).public_key(), BTC).units()
}

#[test]
fn a_withdrawal_is_paid_when_its_block_settles_and_not_before() {
    let (mut state, mut trading) = funded();
    let to = Party::owner(owner(2).public_key());
    let (header, list) = trading.send(&state, &[message(1, to, BTC, 120)]);
    advance(&mut state, vec![order(header), list]);
    assert_eq!((base(&state, 2), state.zone(TRADING).unwrap().turnstile(BTC).leaving), (0, amount(120)));
    idle(&mut state, DELAY_BLOCKS - 1);
    assert_eq!(base(&state, 2), 0, "provisional");
    idle(&mut state, 1);
    assert_eq!(base(&state, 2), 120);
    assert_eq!(state.zone(TRADING).unwrap().turnstile(BTC).held(), amount(180));
    idle(&mut state, 5);
    assert_eq!(base(&state, 2), 120, "once");
}

#[test]
fn a_transfer_between_zones_arrives_once_and_in_order_and_says_where_it_is_from() {
    let (mut state, mut trading) = funded();
    let to = account(PRIVACY, 8);
    let sent = [message(1, to, BTC, 10), message(2, to, BTC, 20), message(1, account(EVM, 9), BTC, 30)];
    send(&mut state, &mut trading, &sent);
    send(&mut state, &mut trading, &[message(3, to, BTC, 40)]);
    let arrived = inbox(&state, PRIVACY);
    let expected: Vec<_> = [(1, 10), (2, 20), (3, 40)].into();
    assert_eq!(arrived.iter().map(|message| (message.channel_seq, message.amount.units())).collect::<Vec<_>>(), expected);
    let [first, ..] = arrived[..] else { panic!() };
    assert_eq!(first.id, plinth_settlement::digest::sha256(&[&sent[0].id_bytes(CHAIN, TRADING)]));
    assert_eq!((first.from, first.account), (Party { zone: TRADING, address: sent[0].sender }, to.address));
    assert_eq!(inbox(&state, EVM).len(), 1);
    let mut privacy = Producer::new(PRIVACY);
    let header = privacy.next(&state, 1);
    advance(&mut state, vec![order(header)]);
    idle(&mut state, DELAY_BLOCKS);
    assert_eq!(state.zone(PRIVACY).unwrap().turnstile(BTC).held(), amount(70));
}

#[test]
fn a_list_that_is_not_what_the_header_committed_to_is_refused() {
    let (mut state, mut trading) = funded();
    let to = account(PRIVACY, 8);
    let list_of = |header: &ZoneHeader, messages: &[OutboxMessage]| {
        Transaction::Outbox(Box::new(OutboxTransaction::of(header, messages.to_vec())))
    };
    let (header, list) = trading.send(&state, &[message(1, to, BTC, 10)]);
    refused(&state, list.clone(), TransactionError::NotUnsettled { zone: TRADING, height: header.height });
    let (later, later_list) = trading.send(&state, &[message(2, to, BTC, 10)]);
    advance(&mut state, vec![order(header.clone()), order(later.clone())]);
    let other = [message(1, account(PRIVACY, 7), BTC, 10)];
    let root = plinth_settlement::block::outbox_root(&other);
    refused(&state, list_of(&header, &other), TransactionError::OutboxRoot { root, expected: header.outbox_root });
    let (zone, height) = (TRADING, header.height);
    refused(&state, list_of(&header, &[]), TransactionError::OutboxKnown { zone, height });
    refused(&state, later_list.clone(), TransactionError::OutboxOrder { zone, height: later.height, first: height });
    idle(&mut state, 4 * DELAY_BLOCKS);
    assert_eq!(state.zone(TRADING).unwrap().settled(), Height::new(1), "a zone that keeps its list back delays itself");
    advance(&mut state, vec![list.clone(), later_list]);
    let gone = TransactionError::NotUnsettled { zone, height };
    refused(&state, list, gone);
    assert_eq!(inbox(&state, PRIVACY).len(), 2);
}

#[test]
fn a_list_with_a_wrong_number_or_wrong_totals_never_settles() {
    let to = account(PRIVACY, 8);
    let (state, trading) = funded();
    let (header, list) = trading.clone().send(&state, &[message(2, to, BTC, 10)]);
    let mut wrong_number = state.clone();
    advance(&mut wrong_number, vec![order(header)]);
    refused(&wrong_number, list, TransactionError::ChannelSeq { index: 0, to: PRIVACY, seq: 2, expected: 1 });
    let (mut header, list) = trading.clone().send(&state, &[message(1, to, BTC, 10)]);
    header.outbox_totals[0].amount = amount(9);
    let mut wrong_totals = state.clone();
    advance(&mut wrong_totals, vec![order(header)]);
    refused(&wrong_totals, list, TransactionError::OutboxContradiction);
    for mut state in [wrong_number, wrong_totals] {
        idle(&mut state, 3 * DELAY_BLOCKS);
        assert_eq!(state.zone(TRADING).unwrap().settled(), Height::new(1));
    }
}

#[test]
fn an_expired_message_and_one_for_nobody_come_back_and_a_bounce_cannot_be_refused() {
    let (mut state, mut trading) = funded();
    let late = OutboxMessage { expires_at: state.time(), ..message(1, account(PRIVACY, 8), BTC, 10) };
    let nobody = message(1, account(ZoneId::new(9), 1), BTC, 20);
    let no_key = message(1, Party::owner(PublicKey([2; 32])), BTC, 30);
    let itself = message(1, account(TRADING, 1), BTC, 40);
    send(&mut state, &mut trading, &[late, nobody, no_key, itself]);
    assert!(inbox(&state, PRIVACY).is_empty());
    let back = inbox(&state, TRADING);
    assert!(back.iter().all(|message| message.kind == InboxKind::Bounce && message.account == late.sender));
    assert_eq!(back.iter().map(|message| message.amount.units()).sum::<u128>(), 100);
    let mut header = trading.clone().next(&state, 1);
    header.inbox_refused = vec![back[0].index];
    refused(&state, order(header), TransactionError::Refused { zone: TRADING, index: back[0].index });
    let header = trading.next(&state, 1);
    advance(&mut state, vec![order(header)]);
    idle(&mut state, DELAY_BLOCKS);
    assert_eq!(state.zone(TRADING).unwrap().turnstile(BTC).held(), amount(300));
}

#[test]
fn what_a_zone_refuses_goes_back_to_the_owner_or_the_zone_that_sent_it() {
    let (mut state, mut trading) = funded();
    send(&mut state, &mut trading, &[message(1, account(PRIVACY, 8), BTC, 50)]);
    advance(&mut state, vec![Transaction::Deposit(deposit(1, 1, PRIVACY, BTC, 7))]);
    let mut privacy = Producer::new(PRIVACY);
    let mut header = privacy.clone().next(&state, 1);
    header.inbox_refused = vec![InboxIndex::new(1), InboxIndex::new(2)];
    privacy.follow(&header);
    let mut beyond = header.clone();
    beyond.inbox_refused.push(InboxIndex::new(3));
    refused(&state, order(beyond), TransactionError::Refused { zone: PRIVACY, index: InboxIndex::new(3) });
    advance(&mut state, vec![order(header)]);
    assert_eq!(base(&state, 1), 293, "not before the block settles");
    idle(&mut state, DELAY_BLOCKS);
    assert_eq!(base(&state, 1), 300);
    assert_eq!(state.zone(PRIVACY).unwrap().turnstile(BTC).held(), amount(0));
    let [back] = inbox(&state, TRADING)[..] else { panic!("one message comes back") };
    assert_eq!((back.kind, back.amount, back.from), (InboxKind::Bounce, amount(50), account(PRIVACY, 8)));
}

#[test]
fn a_cap_holds_back_until_the_next_hour_and_loses_nothing() {
    let (mut state, mut trading) = funded();
    let to = Party::owner(owner(2).public_key());
    // 200 an hour: the second waits, the third behind it too, another channel goes on with what is left, what fits no hour comes back.
    let sent =
        [message(1, to, BTC, 150), message(2, to, BTC, 60), message(3, to, BTC, 1), message(1, account(PRIVACY, 8), BTC, 49)];
    send(&mut state, &mut trading, &sent);
    assert_eq!((base(&state, 2), inbox(&state, PRIVACY).len()), (150, 1));
    let zone = state.zone(TRADING).unwrap();
    assert_eq!((zone.queued().len(), state.conservation(BTC).unwrap().in_flight.units()), (2, 61 + 49));
    assert!(state.awaits_blocks());
    idle(&mut state, 3);
    assert_eq!(base(&state, 2), 150);
    advance_by(&mut state, HOUR_NS, Vec::new());
    assert_eq!((base(&state, 2), state.zone(TRADING).unwrap().queued().len()), (211, 0));
}

#[test]
fn what_is_above_any_hour_or_waits_too_long_comes_back() {
    let mut draft = draft();
    draft.zones[0].rules.caps[0].per_hour = amount(100);
    let mut state = State::genesis(std::sync::Arc::new(draft.build().unwrap()));
    advance(&mut state, vec![Transaction::Deposit(deposit(0, 1, TRADING, BTC, 300))]);
    let mut trading = Producer::new(TRADING);
    let to = Party::owner(owner(2).public_key());
    let soon = OutboxMessage { expires_at: TimestampNs::new(HOUR_NS / 2), ..message(3, to, BTC, 70) };
    send(&mut state, &mut trading, &[message(1, to, BTC, 101), message(2, to, BTC, 90), soon]);
    assert_eq!(base(&state, 2), 90);
    assert_eq!(inbox(&state, TRADING).iter().map(|back| back.amount.units()).collect::<Vec<_>>(), [101]);
    advance_by(&mut state, HOUR_NS, Vec::new());
    assert_eq!(inbox(&state, TRADING).iter().map(|back| back.amount.units()).collect::<Vec<_>>(), [101, 70]);
}

#[test]
fn without_a_cap_nothing_leaves_a_zone_that_is_not_proven() {
    let mut draft = draft();
    draft.zones[0].rules.caps.clear();
    draft.zones[2].rules.caps.clear();
    let mut state = State::genesis(std::sync::Arc::new(draft.build().unwrap()));
    let deposits = [deposit(0, 1, TRADING, BTC, 250), deposit(1, 1, EVM, BTC, 250)];
    advance(&mut state, deposits.map(Transaction::Deposit).into());
    let (mut trading, mut evm) = (Producer::new(TRADING), Producer::new(EVM));
    let to = Party::owner(owner(2).public_key());
    send(&mut state, &mut trading, &[message(1, to, BTC, 1)]);
    assert_eq!((base(&state, 2), inbox(&state, TRADING).len()), (0, 1));
    let (header, list) = evm.send(&state, &[message(1, to, BTC, 250)]);
    let proof = proven(&header);
    advance(&mut state, vec![order(header), list, proof]);
    assert_eq!(base(&state, 2), 250, "a proven zone has the caps that it was given");
}
