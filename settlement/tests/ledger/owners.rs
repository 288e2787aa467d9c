//! What owners order on the base layer: transfers, issue and redeem, requests.

use super::world::{advance_rebuilt as advance, *};
use plinth_settlement::block::Transaction;
use plinth_settlement::ledger::{BlockError, State, TransactionError};
use plinth_types::id::{Height, InboxIndex, OrderId, PublicKey, SessionId};
use plinth_types::message::InboxKind;
use plinth_types::owner::{Act, Request};

#[track_caller]
fn refused(state: &State, transaction: Transaction, expected: TransactionError) {
    assert_eq!(check(state, vec![transaction]), Err(BlockError::Transaction { index: 0, error: expected }));
}

fn key_of(index: u8) -> PublicKey {
    owner(index).public_key()
}

fn cancel() -> Request {
    Request::Cancel { order: OrderId::new(SessionId::new(1), 7).unwrap() }
}

#[test]
fn an_owner_pays_another_under_the_count_that_deposits_share() {
    let mut state = state();
    let pay = |nonce| instruct(0, nonce, Act::Transfer { to: key_of(7), asset: BTC, amount: amount(200) });
    advance(&mut state, vec![Transaction::Deposit(deposit(0, 1, TRADING, BTC, 100)), pay(2)]);
    assert_eq!((state.balance(&key_of(0), BTC), state.balance(&key_of(7), BTC)), (amount(200), amount(200)));
    refused(&state, pay(2), TransactionError::Nonce { owner: key_of(0), nonce: 2, expected: 3 });
    let zero = Act::Transfer { to: key_of(7), asset: BTC, amount: amount(0) };
    refused(&state, instruct(0, 3, zero), TransactionError::ZeroAmount);
    let to = PublicKey([2; 32]);
    refused(&state, instruct(0, 3, Act::Transfer { to, asset: BTC, amount: amount(1) }), TransactionError::NotAKey { key: to });
    let error = TransactionError::Balance { owner: key_of(0), asset: BTC, balance: amount(200), amount: amount(201) };
    refused(&state, instruct(0, 3, Act::Transfer { to: key_of(7), asset: BTC, amount: amount(201) }), error);
    let Transaction::Instruct(mut forged) = pay(3) else { unreachable!() };
    forged.instruction.act = Act::Transfer { to: key_of(8), asset: BTC, amount: amount(200) };
    assert!(matches!(check(&state, vec![Transaction::Instruct(forged)]), Err(BlockError::Signature { .. })));
    let own = Act::Transfer { to: key_of(0), asset: BTC, amount: amount(200) };
    advance(&mut state, vec![instruct(0, 3, own)]);
    assert_eq!(state.balance(&key_of(0), BTC), amount(200), "to oneself changes nothing");
}

#[test]
fn only_the_issuer_issues_and_redeems_and_the_statement_says_so() {
    let mut state = state();
    let issuer = key(0x40);
    let issue = |nonce, units| instruct_with(&issuer, nonce, Act::Issue { to: key_of(5), asset: BTC, amount: amount(units) });
    advance(&mut state, vec![issue(1, 50)]);
    assert_eq!((state.issued(BTC), state.balance(&key_of(5), BTC)), (Some(amount(850)), amount(50)));
    let not = TransactionError::NotTheIssuer { owner: key_of(0), asset: BTC };
    refused(&state, instruct(0, 1, Act::Issue { to: key_of(0), asset: BTC, amount: amount(1) }), not);
    refused(&state, instruct(0, 1, Act::Redeem { asset: BTC, amount: amount(1) }), not);
    refused(&state, issue(2, 1 << 120), TransactionError::IssuedTooMuch { asset: BTC });
    let back = instruct(5, 1, Act::Transfer { to: issuer.public_key(), asset: BTC, amount: amount(50) });
    let redeem = instruct_with(&issuer, 2, Act::Redeem { asset: BTC, amount: amount(50) });
    advance(&mut state, vec![back, redeem]);
    let statement = state.conservation(BTC).unwrap();
    assert_eq!((statement.issued, statement.base), (amount(800), amount(800)));
    let error = TransactionError::Balance { owner: issuer.public_key(), asset: BTC, balance: amount(0), amount: amount(1) };
    refused(&state, instruct_with(&issuer, 3, Act::Redeem { asset: BTC, amount: amount(1) }), error);
}

#[test]
fn a_request_is_paid_for_and_its_zone_answers_in_time_or_makes_no_blocks() {
    let mut state = state();
    let mut trading = Producer::new(TRADING);
    let request = |nonce| instruct(0, nonce, Act::Request { zone: TRADING, request: cancel() });
    advance(&mut state, vec![request(1)]);
    assert_eq!(state.balance(&key_of(0), USD), amount(9_997));
    assert_eq!(state.balance(&key(0x61).public_key(), USD), amount(3));
    // It ignores the request in two blocks; in the third it must answer.
    for _ in 0..2 {
        let (header, _) = trading.header(&[], 1);
        trading.follow(&header);
        advance(&mut state, vec![order(header)]);
    }
    let (header, _) = trading.header(&[], 1);
    let overdue = TransactionError::RequestOverdue { zone: TRADING, index: InboxIndex::new(1), deadline: Height::new(3) };
    refused(&state, order(header), overdue);
    let mut header = trading.clone().next(&state, 1);
    header.inbox_refused = vec![InboxIndex::new(1)];
    trading.follow(&header);
    advance(&mut state, vec![order(header)]);
    idle(&mut state, DELAY_BLOCKS);
    assert_eq!(state.zone(TRADING).unwrap().inbox().kept().len(), 0);
    assert_eq!(state.balance(&key_of(0), USD), amount(9_997), "a fee is not given back");
    // Answered at once, as done.
    advance(&mut state, vec![request(2)]);
    let waiting: Vec<_> = state.zone(TRADING).unwrap().inbox().pending().copied().collect();
    assert!(matches!(waiting[..], [message] if message.kind == InboxKind::Request(cancel()) && message.amount == amount(0)));
    let header = trading.next(&state, 1);
    advance(&mut state, vec![order(header)]);
}

#[test]
fn requests_have_a_price_a_number_per_block_and_zones_that_take_them() {
    let mut draft = draft();
    draft.zones[1].rules.request_blocks = 0;
    let mut state = State::genesis(std::sync::Arc::new(draft.build().unwrap()));
    let request = |index, nonce, zone| instruct(index, nonce, Act::Request { zone, request: cancel() });
    refused(&state, request(0, 1, PRIVACY), TransactionError::NoRequests { zone: PRIVACY });
    let error = TransactionError::Balance { owner: key_of(2), asset: USD, balance: amount(1), amount: amount(3) };
    refused(&state, request(2, 1, TRADING), error);
    let many = vec![request(0, 1, TRADING), request(0, 2, EVM), request(0, 3, TRADING), request(0, 4, TRADING)];
    let error = TransactionError::TooManyRequests { zone: TRADING, count_max: 2 };
    assert_eq!(check(&state, many.clone()), Err(BlockError::Transaction { index: 3, error }));
    advance(&mut state, many[..3].to_vec());
}
