//! What becomes of an ordered body: available, or taken back.

use super::liar::not_a_codeword;
use super::world::*;
use plinth_settlement::block::{Action, Transaction, header_id};
use plinth_settlement::dispersal::{BodyKey, CheckedShard, Encoded, FraudProof, Layout, ReaderKey};
use plinth_settlement::ledger::{BlockError, Freeze, FreezeCause, State, TransactionError, ZoneStatus};
use plinth_settlement::limits::UNAVAILABLE_HEADERS_MAX;
use plinth_settlement::mempool::{Inserted, Mempool, PoolError};
use plinth_settlement::receipt::{BodyStatement, QuorumError, Word};
use plinth_types::block::ZoneHeader;
use plinth_types::digest::Digest;
use plinth_types::id::Height;

/// Three ordered blocks of the trading zone, none of them available, and money in it.
fn ordered() -> (State, Vec<ZoneHeader>) {
    let mut state = state();
    advance(&mut state, vec![Transaction::Deposit(deposit(0, 1, TRADING, BTC, 100))]);
    let mut trading = Producer::new(TRADING);
    let headers: Vec<_> = (0..3).map(|_| trading.next(&state, 1)).collect();
    let first = &headers[0];
    let rest = headers[1..].iter().map(|header| ZoneHeader { inbox_root: Digest::ZERO, ..header.clone() });
    // Only the first consumes the message.
    let mut chained = vec![first.clone()];
    for header in rest {
        let parent = header_id(chained.last().unwrap());
        chained.push(ZoneHeader { parent, ..header });
    }
    advance(&mut state, chained.iter().cloned().map(order).collect());
    (state, chained)
}

fn refused(state: &State, transaction: Transaction, error: TransactionError) {
    assert_eq!(check(state, vec![transaction]), Err(BlockError::Transaction { index: 0, error }));
}

fn available(state: &State) -> Height {
    state.zone(TRADING).unwrap().available()
}

#[test]
fn a_block_is_available_when_two_of_four_rebuilt_it_and_in_order() {
    let (mut state, headers) = ordered();
    let quorum = TransactionError::Quorum(QuorumError::TooFew { count: 1, count_min: 2 });
    refused(&state, say(&headers[0], Word::Rebuilt, [2]), quorum);
    let one_twice = say(&headers[0], Word::Rebuilt, [2, 2]);
    refused(&state, one_twice, TransactionError::Quorum(QuorumError::NotAscending { index: 1 }));
    let stranger = say(&headers[0], Word::Rebuilt, [2, 7]);
    assert!(matches!(check(&state, vec![stranger]), Err(BlockError::Transaction { .. })));
    refused(&state, say(&headers[0], shard_word(0), [0, 1]), TransactionError::NotOfABody);
    let (height, expected) = (Height::new(2), Height::new(1));
    refused(&state, rebuilt(&headers[1]), TransactionError::AvailabilityOrder { zone: TRADING, height, expected });
    let other = ZoneHeader { trade_count: 9, ..headers[0].clone() };
    let unknown = TransactionError::BodyUnknown { zone: TRADING, height: expected, header: header_id(&other) };
    refused(&state, rebuilt(&other), unknown);
    // A validator that checked its shard has not said that it rebuilt.
    let mut mixed = rebuilt(&headers[0]);
    if let Transaction::Body(verdict) = &mut mixed {
        verdict.receipts = receipts(&headers[0], [1, 3]);
    }
    assert!(matches!(check(&state, vec![mixed]), Err(BlockError::Signature { .. })));

    let outcome = advance(&mut state, vec![rebuilt(&headers[0]), say(&headers[1], Word::Rebuilt, [0, 1, 2, 3])]);
    assert_eq!(outcome.available.iter().map(|block| block.height.get()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(available(&state), Height::new(2));
    let expected = Height::new(3);
    refused(&state, rebuilt(&headers[0]), TransactionError::AvailabilityOrder { zone: TRADING, height: Height::new(1), expected });
    assert_eq!(advance(&mut state, vec![]).settled.len(), 0);
    assert_eq!(advance(&mut state, vec![]).settled.len(), 2);
    assert!((0..9).all(|_| advance(&mut state, vec![]).settled.is_empty()), "the third was never rebuilt");
}

/// The zone whose bodies nobody can rebuild stops itself; the other one goes on.
#[test]
fn a_zone_that_withholds_delays_only_itself() {
    let mut state = state();
    let mut trading = Producer::new(TRADING);
    let mut privacy = Producer::new(PRIVACY);
    for _ in 0..UNAVAILABLE_HEADERS_MAX {
        let (withheld, other) = (trading.next(&state, 1), privacy.next(&state, 1));
        advance(&mut state, vec![order(withheld), order(other.clone())]);
        advance(&mut state, vec![rebuilt(&other)]);
    }
    let count = UNAVAILABLE_HEADERS_MAX;
    refused(&state, order(trading.next(&state, 1)), TransactionError::UnavailableFull { zone: TRADING, count });
    assert_eq!(available(&state), Height::new(0));
    assert_eq!(state.zone(PRIVACY).unwrap().available().get(), count as u64);
}

fn trading_behind(header: &ZoneHeader) -> Producer {
    let mut trading = Producer::new(TRADING);
    trading.follow(header);
    trading
}

/// A proof needs nobody's word. It takes back its block and what stands on it; money and the other zone stay as they are.
#[test]
fn a_proof_of_fraud_takes_back_its_block_and_freezes_its_zone() {
    let mut state = state();
    let mut trading = Producer::new(TRADING);
    let honest = trading.next(&state, 1);
    let layout = |header: &ZoneHeader| Layout::new(header.body_size as usize, VALIDATORS).unwrap();
    let (mut lie, _) = trading.header(&[], 2);
    let (root, frames) = not_a_codeword(&vec![5; layout(&lie).size()], 4, 2);
    lie.shard_root = Digest(root);
    trading.follow(&lie);
    let on_top = trading.next(&state, 1);
    advance(&mut state, vec![order(honest.clone()), order(lie.clone()), order(on_top.clone())]);

    let checked = |layout: &Layout, root, frames: &[bytes::Bytes]| {
        [1, 2].map(|index: u16| CheckedShard::check(layout, root, index, frames[usize::from(index)].clone()).unwrap())
    };
    let statement = BodyStatement::of(&lie, header_id(&lie));
    let proof = FraudProof::new(statement, &layout(&lie), 0, &checked(&layout(&lie), lie.shard_root, &frames)).unwrap();
    // The same parts about the honest block, and an honest coding about the lie, show nothing.
    let mut slander = proof.clone();
    slander.statement = BodyStatement::of(&honest, header_id(&honest));
    refused(&state, Transaction::Fraud(Box::new(slander)), TransactionError::NoFraud { header: header_id(&honest) });
    let coded = Encoded::new(&vec![5; layout(&lie).size()].into(), VALIDATORS).unwrap();
    let frames: Vec<_> = (0..4).map(|index| coded.shard(index).unwrap()).collect();
    let honest_parts = FraudProof::new(statement, &layout(&lie), 0, &checked(&layout(&lie), coded.root(), &frames)).unwrap();
    refused(&state, Transaction::Fraud(Box::new(honest_parts.clone())), TransactionError::NoFraud { header: header_id(&lie) });

    let mut pool = Mempool::new();
    let no_fraud = pool.insert_fraud(&state, honest_parts);
    assert_eq!(no_fraud, Err(PoolError::NoFraud { header: header_id(&lie) }));
    assert_eq!(pool.insert_fraud(&state, proof.clone()), Ok(Inserted::New));
    assert_eq!(pool.insert_fraud(&state, proof), Ok(Inserted::Known));
    let proposed = pool.propose(&state, usize::MAX);
    let outcome = advance(&mut state, proposed);
    assert_eq!(outcome.rejected.iter().map(|block| block.id).collect::<Vec<_>>(), [header_id(&lie), header_id(&on_top)]);
    let freeze = Freeze { zone: TRADING, at: state.height(), cause: FreezeCause::NotACodeword { header: header_id(&lie) } };
    assert_eq!(state.zone(TRADING).unwrap().status(), ZoneStatus::Frozen(freeze));
    // The zone stands behind its last good block. That one is still rebuilt, and settles when the governors let the zone go on.
    let zone = state.zone(TRADING).unwrap();
    assert_eq!((zone.height(), zone.head(), zone.epoch()), (honest.height, header_id(&honest), honest.epoch.next()));
    advance(&mut state, vec![rebuilt(&honest)]);
    assert!((0..4).all(|_| advance(&mut state, vec![]).settled.is_empty()), "a frozen zone settles nothing");
    assert_eq!(advance(&mut state, vec![decide(1, Action::Thaw { zone: TRADING })]).settled.len(), 1);
    let (mut again, _) = trading_behind(&honest).header(&[], 1);
    again.epoch = honest.epoch.next();
    advance(&mut state, vec![order(again)]);
    assert!(matches!(check(&state, vec![rebuilt(&on_top)]), Err(BlockError::Transaction { .. })));
    pool.prune(&state);
    assert!(!pool.has_proposal(&state));
    let next = Producer::new(PRIVACY).next(&state, 1);
    advance(&mut state, vec![order(next)]);
}

#[test]
fn a_body_that_does_not_open_under_its_key_halts_its_zone() {
    let mut state = state();
    let mut trading = Producer::new(TRADING);
    let (mut header, _) = trading.header(&[], 1);
    let key = ReaderKey::new([4; 32]).body_key(&header);
    header.body_key = key.commitment();
    trading.follow(&header);
    advance(&mut state, vec![order(header.clone()), order(trading.next(&super::world::state(), 1))]);
    let other: BodyKey = ReaderKey::new([5; 32]).body_key(&header);
    let mismatch = TransactionError::BodyKey { commitment: other.commitment(), commitment_claimed: key.commitment() };
    refused(&state, say(&header, Word::Unopenable { key: other }, [0, 1]), mismatch);
    refused(
        &state,
        say(&header, Word::Unopenable { key }, [0]),
        TransactionError::Quorum(QuorumError::TooFew { count: 1, count_min: 2 }),
    );
    // Through the pool, as validators say it; and after it became available, since a reader may be late.
    advance(&mut state, vec![rebuilt(&header)]);
    let mut pool = Mempool::new();
    let statement = BodyStatement::of(&header, header_id(&header));
    for index in [0, 3] {
        assert!(!pool.has_proposal(&state));
        let said = statement.sign(Word::Unopenable { key }, &validator(index));
        assert_eq!(pool.insert_receipt(&state, said), Ok(Inserted::New));
        assert_eq!(pool.insert_receipt(&state, said), Ok(Inserted::Known));
    }
    let proposed = pool.propose(&state, usize::MAX);
    let outcome = advance(&mut state, proposed);
    assert_eq!(outcome.rejected.len(), 2);
    let [freeze] = outcome.frozen[..] else { panic!("one zone is frozen") };
    assert_eq!((freeze.cause, freeze.zone), (FreezeCause::Unopenable { header: header_id(&header), key }, TRADING));
    assert!((0..5).all(|_| advance(&mut state, vec![]).settled.is_empty()), "what was taken back does not settle");
}

/// Words about a block come before the block does, more than once, and from validators that disagree.
#[test]
fn the_pool_proposes_what_enough_validators_say_of_the_same_body() {
    let mut state = state();
    let mut pool = Mempool::new();
    let header = Producer::new(TRADING).next(&state, 1);
    let statement = BodyStatement::of(&header, header_id(&header));
    let lie = BodyStatement { shard_root: Digest([9; 32]), ..statement };
    assert_eq!(pool.insert_receipt(&state, lie.sign(Word::Rebuilt, &validator(0))), Ok(Inserted::New));
    assert_eq!(pool.insert_receipt(&state, statement.sign(Word::Rebuilt, &validator(1))), Ok(Inserted::New));
    advance(&mut state, vec![order(header.clone())]);
    pool.prune(&state);
    assert!(!pool.has_proposal(&state), "one of two, and one about another body");
    let stranger = statement.sign(Word::Rebuilt, &validator(9));
    assert!(matches!(pool.insert_receipt(&state, stranger), Err(PoolError::NotAValidator { .. })));
    let mut forged = statement.sign(Word::Rebuilt, &validator(2));
    forged.receipt.signature.0[0] ^= 1;
    assert!(matches!(pool.insert_receipt(&state, forged), Err(PoolError::Signature(_))));
    pool.insert_receipt(&state, statement.sign(Word::Rebuilt, &validator(3))).unwrap();
    let proposed = pool.propose(&state, usize::MAX);
    let outcome = advance(&mut state, proposed);
    assert_eq!(outcome.available.len(), 1);
    pool.prune(&state);
    assert!(!pool.has_proposal(&state));
    let late = pool.insert_receipt(&state, statement.sign(Word::Rebuilt, &validator(0)));
    assert_eq!(late, Err(PoolError::Behind { number: 1, last: 1 }));
}
