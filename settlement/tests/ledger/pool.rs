//! The pool: what it takes, what it proposes, and what a flood does to it.

use super::epochs::committee_with;
use super::world::*;
use plinth_settlement::block::{Action, HeaderTransaction, SignedDeposit, SignedInstruction, Transaction, header_id};
use plinth_settlement::genesis::GenesisBalance;
use plinth_settlement::keys::SecretKey;
use plinth_settlement::ledger::{State, TransactionError};
use plinth_settlement::limits::{
    POOL_DEPOSITS_MAX, POOL_DEPOSITS_PER_OWNER_MAX, POOL_HEADERS_AHEAD_MAX, POOL_HEADERS_PER_HEIGHT_MAX,
    POOL_ORPHAN_RECEIPTS_PER_VALIDATOR_MAX,
};
use plinth_settlement::mempool::{Inserted, Mempool, Other, PoolError};
use plinth_settlement::receipt::{self, BodyStatement, SignedReceipt, Word};
use plinth_types::block::{SignedHeader, ZoneHeader};
use plinth_types::digest::Digest;
use plinth_types::id::{Height, ProducerEpoch, Signature, TimestampNs};
use plinth_types::message::Deposit;
use plinth_types::owner::{Act, Instruction};
use plinth_types::transfer::Party;

const ROOM: usize = 1 << 20;

/// A header and three receipts, in the pool.
fn insert_with_quorum(pool: &mut Mempool, state: &State, header: &ZoneHeader) {
    assert_eq!(pool.insert_header(state, sign_header(header.clone())), Ok(Inserted::New));
    for index in 0..3 {
        assert_eq!(pool.insert_receipt(state, signed_receipt(header, index)), Ok(Inserted::New));
    }
}

/// Orders whatever the pool proposes until it proposes nothing.
fn drain(pool: &mut Mempool, state: &mut State) -> usize {
    let mut blocks = 0;
    while pool.has_proposal(state) {
        let transactions = pool.propose(state, ROOM);
        advance(state, transactions);
        pool.prune(state);
        blocks += 1;
    }
    blocks
}

#[test]
fn deposits_are_proposed_in_order_of_arrival_and_of_their_numbers() {
    let (mut state, mut pool) = (state(), Mempool::new());
    let arrivals = [deposit(0, 2, TRADING, BTC, 1), deposit(1, 1, PRIVACY, BTC, 1), deposit(0, 1, PRIVACY, USD, 1)];
    for signed in arrivals {
        assert_eq!(pool.insert_deposit(&state, signed), Ok(Inserted::New));
        assert_eq!(pool.insert_deposit(&state, signed), Ok(Inserted::Known));
    }
    let expected = [arrivals[1], arrivals[2], arrivals[0]].map(Transaction::Deposit);
    assert_eq!(pool.propose(&state, ROOM), expected);
    assert_eq!(drain(&mut pool, &mut state), 1);
    assert_eq!(pool.deposit_count(), 0);
    let refused = pool.insert_deposit(&state, arrivals[0]);
    assert_eq!(refused, Err(PoolError::Behind { number: 2, last: 2 }));
}

#[test]
fn headers_wait_for_their_quorum_and_for_the_header_before() {
    let (mut state, mut pool) = (state(), Mempool::new());
    let mut trading = Producer::new(TRADING);
    let headers: Vec<_> = (0..3).map(|_| trading.next(&state, 1)).collect();
    // The last comes first, and receipts come before their header.
    for header in headers.iter().rev() {
        for index in 0..2 {
            assert_eq!(pool.insert_receipt(&state, signed_receipt(header, index)), Ok(Inserted::New));
            assert_eq!(pool.insert_receipt(&state, signed_receipt(header, index)), Ok(Inserted::Known));
        }
        assert_eq!(pool.insert_header(&state, sign_header(header.clone())), Ok(Inserted::New));
        assert_eq!(pool.insert_header(&state, sign_header(header.clone())), Ok(Inserted::Known));
    }
    assert_eq!(pool.orphan_count(), 0, "every receipt found its header");
    assert!(pool.propose(&state, ROOM).is_empty(), "two of four are no quorum");
    for header in &headers[1..] {
        pool.insert_receipt(&state, signed_receipt(header, 3)).unwrap();
    }
    assert!(pool.propose(&state, ROOM).is_empty(), "the first still has no quorum");
    pool.insert_receipt(&state, signed_receipt(&headers[0], 2)).unwrap();
    assert_eq!(pool.propose(&state, ROOM).len(), 3);
    assert_eq!(drain(&mut pool, &mut state), 1);
    assert_eq!(state.zone(TRADING).unwrap().height(), Height::new(3));
    assert_eq!(pool.headers(TRADING).count(), 0);
    let late = pool.insert_receipt(&state, signed_receipt(&headers[0], 3));
    assert_eq!(late, Err(PoolError::Behind { number: 1, last: 3 }));
}

#[test]
fn a_proposal_fits_the_size_and_the_next_one_has_the_rest() {
    let (mut state, mut pool) = (state(), Mempool::new());
    for nonce in 1..=20 {
        pool.insert_deposit(&state, deposit(0, nonce, TRADING, BTC, 1)).unwrap();
    }
    let one = state.propose(state.time(), pool.propose(&state, ROOM)[..1].to_vec()).size();
    let transactions = pool.propose(&state, one + 2 * 170);
    assert_eq!(transactions.len(), 3);
    assert!(state.propose(state.time(), transactions).size() <= one + 2 * 170);
    assert!(pool.propose(&state, 0).is_empty());
    assert_eq!(drain(&mut pool, &mut state), 1);
}

#[test]
fn a_deposit_that_cannot_be_covered_holds_up_its_owner_only() {
    let (state, mut pool) = (state(), Mempool::new());
    // Each alone could be covered; both cannot.
    for signed in [deposit(0, 1, TRADING, BTC, 300), deposit(0, 2, TRADING, BTC, 300), deposit(1, 1, TRADING, BTC, 300)] {
        pool.insert_deposit(&state, signed).unwrap();
    }
    let expected = [deposit(0, 1, TRADING, BTC, 300), deposit(1, 1, TRADING, BTC, 300)].map(Transaction::Deposit);
    assert_eq!(pool.propose(&state, ROOM), expected);
}

#[test]
fn what_nobody_known_signed_does_not_get_in() {
    let (state, mut pool) = (state(), Mempool::new());
    let header = Producer::new(TRADING).next(&state, 1);
    let forged = SignedHeader { signature: Signature([1; 64]), header: header.clone() };
    assert!(matches!(pool.insert_header(&state, forged), Err(PoolError::Signature(_))));
    let mut receipt = signed_receipt(&header, 0);
    receipt.receipt.signature.0[9] ^= 1;
    assert!(matches!(pool.insert_receipt(&state, receipt), Err(PoolError::Signature(_))));
    let stranger = signed_receipt(&header, 9);
    assert!(matches!(pool.insert_receipt(&state, stranger), Err(PoolError::NotAValidator { .. })));
    let forged = SignedDeposit { signature: Signature([1; 64]), ..deposit(0, 1, TRADING, BTC, 1) };
    assert!(matches!(pool.insert_deposit(&state, forged), Err(PoolError::Signature(_))));
    let unknown = deposit(7, 1, TRADING, BTC, 1);
    assert!(matches!(pool.insert_deposit(&state, unknown), Err(PoolError::UnknownOwner { .. })));
    let poor = deposit(2, 1, TRADING, BTC, 1);
    assert!(matches!(pool.insert_deposit(&state, poor), Err(PoolError::Refused(TransactionError::Balance { .. }))));
    assert_eq!((pool.deposit_count(), pool.orphan_count(), pool.headers(TRADING).count()), (0, 0, 0));
}

#[test]
fn a_receipt_that_contradicts_its_header_is_refused_or_never_counts() {
    let (state, mut pool) = (state(), Mempool::new());
    let header = Producer::new(TRADING).next(&state, 1);
    let statement = BodyStatement::of(&header, header_id(&header));
    let lie = BodyStatement { shard_root: Digest([9; 32]), ..statement };
    // Before the header is known it waits, and does not join it.
    pool.insert_receipt(&state, lie.sign(shard_word(0), &validator(0))).unwrap();
    pool.insert_header(&state, sign_header(header.clone())).unwrap();
    assert_eq!(pool.headers(TRADING).next().unwrap().receipts().len(), 0);
    let refused = pool.insert_receipt(&state, lie.sign(shard_word(1), &validator(1)));
    assert_eq!(refused, Err(PoolError::Contradiction { header: header_id(&header) }));
}

/// F12 in small: two headers of one height under one key. Both are kept as evidence, the one with a quorum is ordered.
#[test]
fn a_producer_that_equivocates_is_found_out_and_does_not_stop_its_zone() {
    let (mut state, mut pool) = (state(), Mempool::new());
    let producer = Producer::new(TRADING);
    let (first, _) = producer.header(&[], 1);
    let (second, _) = producer.header(&[], 2);
    pool.insert_header(&state, sign_header(first.clone())).unwrap();
    let inserted = pool.insert_header(&state, sign_header(second.clone()));
    assert_eq!(inserted, Ok(Inserted::Conflicting { first: header_id(&first) }));
    let evidence: Vec<_> = pool.equivocations().collect();
    assert_eq!((&evidence[0].first.header, &evidence[0].second.header, evidence.len()), (&first, &second, 1));
    let (third, _) = producer.header(&[], 3);
    let refused = pool.insert_header(&state, sign_header(third));
    let count = POOL_HEADERS_PER_HEIGHT_MAX;
    assert_eq!(refused, Err(PoolError::TooManyHeaders { zone: TRADING, height: Height::new(1), count }));
    for index in 1..4 {
        pool.insert_receipt(&state, signed_receipt(&second, index)).unwrap();
    }
    drain(&mut pool, &mut state);
    assert_eq!(state.zone(TRADING).unwrap().head(), header_id(&second));
    assert_eq!(pool.headers(TRADING).count(), 0);
}

#[test]
fn an_owner_who_signs_two_deposits_of_one_number_gets_the_first() {
    let (state, mut pool) = (state(), Mempool::new());
    pool.insert_deposit(&state, deposit(0, 1, TRADING, BTC, 1)).unwrap();
    let refused = pool.insert_deposit(&state, deposit(0, 1, PRIVACY, BTC, 1));
    assert_eq!(refused, Err(PoolError::NonceTaken { owner: owner(0).public_key(), nonce: 1 }));
}

/// A flood of the worst kind: everything well signed, by one owner, one producer, one validator.
#[test]
fn a_flood_fills_its_signers_share_and_nothing_else() {
    let (mut state, mut pool) = (state(), Mempool::new());
    for nonce in 1..=200 {
        let inserted = pool.insert_deposit(&state, deposit(0, nonce, TRADING, USD, 1));
        assert_eq!(inserted.is_ok(), nonce <= POOL_DEPOSITS_PER_OWNER_MAX as u64);
    }
    assert_eq!(pool.deposit_count(), POOL_DEPOSITS_PER_OWNER_MAX);
    let (template, _) = Producer::new(TRADING).header(&[], 1);
    for height in (1..=600).chain([u64::MAX]) {
        let header = ZoneHeader { height: Height::new(height), ..template.clone() };
        assert_eq!(pool.insert_header(&state, sign_header(header)).is_ok(), height <= POOL_HEADERS_AHEAD_MAX);
    }
    assert_eq!(pool.headers(TRADING).count() as u64, POOL_HEADERS_AHEAD_MAX);
    for made_up in 0..700_u64 {
        let mut header = Digest::ZERO;
        header.0[..8].copy_from_slice(&made_up.to_le_bytes());
        let statement = BodyStatement { header, ..BodyStatement::of(&template, header) };
        assert_eq!(pool.insert_receipt(&state, statement.sign(shard_word(3), &validator(3))), Ok(Inserted::New));
    }
    assert_eq!(pool.orphan_count(), POOL_ORPHAN_RECEIPTS_PER_VALIDATOR_MAX);
    // The others do not notice.
    pool.insert_deposit(&state, deposit(1, 1, PRIVACY, BTC, 1)).unwrap();
    let header = Producer::new(PRIVACY).next(&state, 1);
    insert_with_quorum(&mut pool, &state, &header);
    drain(&mut pool, &mut state);
    let zone = state.zone(PRIVACY).unwrap();
    assert_eq!((zone.height(), zone.inbox().pending().len()), (Height::new(1), 1));
}

#[test]
fn a_flood_of_forgeries_costs_one_verification_each_and_repeats_cost_none() {
    let (state, mut pool) = (state(), Mempool::new());
    let good = deposit(0, 1, TRADING, BTC, 1);
    (0..100).for_each(|_| _ = pool.insert_deposit(&state, good));
    assert_eq!(pool.signatures_verified_count(), 1);
    let header = Producer::new(TRADING).next(&state, 1);
    (0..100).for_each(|_| _ = pool.insert_header(&state, sign_header(header.clone())));
    (0..100).for_each(|_| _ = pool.insert_receipt(&state, signed_receipt(&header, 0)));
    assert_eq!(pool.signatures_verified_count(), 3);
    // What breaks a cheap rule is not verified at all.
    _ = pool.insert_deposit(&state, deposit(0, 1_000, TRADING, BTC, 1));
    _ = pool.insert_deposit(&state, deposit(0, 2, TRADING, BTC, 501));
    let stale = ZoneHeader { epoch: ProducerEpoch::new(0), height: Height::new(2), ..header };
    assert!(matches!(pool.insert_header(&state, sign_header(stale)), Err(PoolError::Refused(TransactionError::Epoch { .. }))));
    assert_eq!(pool.signatures_verified_count(), 3);
}

/// Each signature is verified once: alone when it comes in, not again in the block; and a forgery is never remembered as valid.
#[test]
fn a_block_of_known_content_costs_no_verification() {
    let (mut state, mut pool) = (state(), Mempool::new());
    let header = Producer::new(TRADING).next(&state, 1);
    insert_with_quorum(&mut pool, &state, &header);
    pool.insert_deposit(&state, deposit(0, 1, TRADING, BTC, 1)).unwrap();
    let known = pool.signatures_verified_count();
    let block = state.propose(TimestampNs::new(2_000), pool.propose(&state, ROOM));
    let mut forged = header.clone();
    forged.trade_count += 1;
    let receipts = receipts(&header, [0, 1, 2]);
    let forged = Transaction::Header(Box::new(HeaderTransaction { signed: sign_header(forged), receipts }));
    let forged = state.propose(TimestampNs::new(2_000), vec![forged]);
    for _ in 0..2 {
        assert!(state.check(&forged, pool.verifier()).is_err(), "receipts of another header");
    }
    assert_eq!(pool.signatures_verified_count(), known + 3, "the forged header's own signature once, its first receipt twice");
    let checked = state.check(&block, pool.verifier()).unwrap();
    assert_eq!(pool.signatures_verified_count(), known + 3);
    assert_eq!(state.apply(checked).ordered.len(), 1);
}

/// Whatever is in the pool, in whatever order it came: what it proposes passes check, and in the end all of it is ordered.
#[test]
fn a_proposal_always_passes_check() {
    for seed in seeds(20) {
        let mut random = Random::new(seed);
        let (mut state, mut pool) = (state(), Mempool::new());
        let mut producers = [TRADING, PRIVACY].map(Producer::new);
        let mut expected = [0; 2];
        let mut nonces = [0_u64; 2];
        for _ in 0..30 {
            let mut deposits: Vec<_> = (0..random.below(5))
                .map(|_| {
                    let index = random.below(2) as usize;
                    nonces[index] += 1;
                    let zone = random.pick(&[TRADING, PRIVACY]);
                    deposit(index as u8, nonces[index], zone, BTC, u128::from(1 + random.below(3)))
                })
                .collect();
            while !deposits.is_empty() {
                let signed = deposits.swap_remove(random.below(deposits.len() as u64) as usize);
                // One that its owner cannot cover any more ends that owner's deposits.
                _ = pool.insert_deposit(&state, signed);
            }
            for (at, producer) in producers.iter_mut().enumerate() {
                if random.one_in(2) {
                    let pending = state.zone(producer.zone).unwrap().inbox().pending().copied();
                    let left: Vec<_> = pending.filter(|message| message.index > producer.before.inbox).collect();
                    let (header, _) = producer.header(&left, 1);
                    producer.follow(&header);
                    insert_with_quorum(&mut pool, &state, &header);
                    expected[at] += 1;
                }
            }
            let transactions = pool.propose(&state, 400 + random.below(4_000) as usize);
            advance(&mut state, transactions);
            pool.prune(&state);
        }
        drain(&mut pool, &mut state);
        for (at, producer) in producers.iter().enumerate() {
            assert_eq!(state.zone(producer.zone).unwrap().height().get(), expected[at], "seed {seed}");
        }
    }
}

/// Instructions share their owner's count with deposits; lists and verdicts fit what is unsettled; all of it is proposed, once.
#[test]
fn what_owners_zones_and_validators_say_is_pooled_and_proposed() {
    let (mut state, mut pool) = (state(), Mempool::new());
    pool.insert_deposit(&state, deposit(0, 1, EVM, BTC, 100)).unwrap();
    let pay = Act::Transfer { to: owner(7).public_key(), asset: BTC, amount: amount(5) };
    let sign =
        |key: &SecretKey, nonce, act| SignedInstruction::sign(Instruction { nonce, owner: key.public_key(), act }, CHAIN, key);
    assert_eq!(pool.insert_instruction(&state, sign(&owner(0), 2, pay)), Ok(Inserted::New));
    assert_eq!(pool.insert_instruction(&state, sign(&owner(0), 2, pay)), Ok(Inserted::Known));
    let forged = SignedInstruction { signature: Signature([1; 64]), ..sign(&owner(0), 3, pay) };
    assert!(matches!(pool.insert_instruction(&state, forged), Err(PoolError::Signature(_))));
    let issue = Act::Issue { to: owner(7).public_key(), asset: BTC, amount: amount(5) };
    assert_eq!(pool.insert_instruction(&state, sign(&key(0x40), 1, issue)), Ok(Inserted::New), "an issuer has nothing yet");
    assert!(matches!(pool.insert_instruction(&state, sign(&owner(9), 1, pay)), Err(PoolError::UnknownOwner { .. })));
    assert_eq!(drain(&mut pool, &mut state), 1);
    assert_eq!(state.balance(&owner(7).public_key(), BTC), amount(10));

    let (header, list) = Producer::new(EVM).send(&state, &[message(1, Party::owner(owner(7).public_key()), BTC, 60)]);
    let Transaction::Outbox(list) = list else { unreachable!() };
    let Transaction::Verdict(verdict) = proven(&header) else { unreachable!() };
    let (list, verdict) = (Other::Outbox(list), Other::Verdict(verdict));
    assert!(matches!(pool.insert_other(&state, list.clone()), Err(PoolError::Refused(TransactionError::NotUnsettled { .. }))));
    insert_with_quorum(&mut pool, &state, &header);
    assert_eq!(drain(&mut pool, &mut state), 1);
    assert_eq!(pool.insert_other(&state, list.clone()), Ok(Inserted::New));
    assert_eq!(pool.insert_other(&state, list), Ok(Inserted::Known));
    let Other::Verdict(mut bent) = verdict.clone() else { unreachable!() };
    bent.signatures[0].signature = Signature([1; 64]);
    assert!(matches!(pool.insert_other(&state, Other::Verdict(bent)), Err(PoolError::Signature(_))));
    assert_eq!(pool.insert_other(&state, verdict), Ok(Inserted::New));
    for index in [1, 3] {
        let said = BodyStatement::of(&header, header_id(&header)).sign(receipt::Word::Rebuilt, &validator(index));
        assert_eq!(pool.insert_receipt(&state, said), Ok(Inserted::New));
    }
    let Transaction::Governed(freeze) = decide(1, Action::Freeze { zone: TRADING }) else { unreachable!() };
    assert_eq!(pool.insert_governed(&state, *freeze), Ok(Inserted::New));
    assert_eq!(drain(&mut pool, &mut state), 1);
    assert_eq!((state.balance(&owner(7).public_key(), BTC), state.decisions()), (amount(70), 1));
    assert!(!pool.has_proposal(&state));
}

/// A shard belongs to a place, and places move when the committee changes: what was said of the old one must not be counted as the new.
#[test]
fn a_receipt_for_a_place_that_is_anothers_now_counts_no_more() {
    let (mut state, mut pool) = (state(), Mempool::new());
    // The first one leaves, so the others move up.
    let mut members: Vec<u8> = (0..4).collect();
    members.sort_by_key(|&index| validator(index).public_key());
    let staying = [members[1], members[2], members[3]];
    let joining = (4..100).find(|&index| validator(index).public_key() > validator(members[3]).public_key()).unwrap();
    let committee = committee_with(&[staying[0], staying[1], staying[2], joining]);
    advance(&mut state, vec![decide(1, Action::SetCommittee { validators: committee.clone() })]);
    while state.height().get() < u64::from(2 * EPOCH_BLOCKS) - 2 {
        advance(&mut state, Vec::new());
    }
    let header = Producer::new(TRADING).next(&state, 1);
    pool.insert_header(&state, sign_header(header.clone())).unwrap();
    for &index in &staying[1..] {
        assert_eq!(pool.insert_receipt(&state, signed_receipt(&header, index)), Ok(Inserted::New));
    }
    advance(&mut state, Vec::new());
    pool.prune(&state);

    // Behind the epoch's last block: an honest validator may say the old thing still, and it is no lie.
    let late = pool.insert_receipt(&state, signed_receipt(&header, staying[0]));
    assert_eq!(late, Err(PoolError::OtherPlace { key: validator(staying[0]).public_key() }));
    assert!(pool.propose(&state, ROOM).is_empty());
    let Transaction::Header(ordered) = order_by(header.clone(), staying, &committee) else { panic!("a header") };
    let statement = BodyStatement::of(&header, header_id(&header));
    for (count, receipt) in ordered.receipts.iter().enumerate() {
        assert_eq!(pool.propose(&state, ROOM).len(), 0, "{count} receipts");
        let word = Word::shard_checked(state.committee(), &receipt.validator).unwrap();
        assert_eq!(pool.insert_receipt(&state, SignedReceipt { statement, word, receipt: *receipt }), Ok(Inserted::New));
    }
    assert_eq!(pool.propose(&state, ROOM), [Transaction::Header(ordered)]);
}

/// A deposit that was taken before its zone froze waits; its owner goes on all the same, and with the freeze gone the first word counts.
#[test]
fn a_deposit_into_a_zone_that_froze_does_not_lock_its_owner_out() {
    let (mut state, mut pool) = (state(), Mempool::new());
    let waiting = deposit(0, 1, TRADING, BTC, 5);
    pool.insert_deposit(&state, waiting).unwrap();
    advance(&mut state, vec![decide(1, Action::Freeze { zone: TRADING })]);
    pool.prune(&state);
    assert!(pool.propose(&state, ROOM).is_empty(), "its zone takes nothing");
    let other = deposit(0, 1, PRIVACY, BTC, 7);
    assert_eq!(pool.insert_deposit(&state, other), Ok(Inserted::New));
    assert_eq!(pool.insert_deposit(&state, other), Ok(Inserted::Known));
    let third = deposit(0, 1, PRIVACY, BTC, 8);
    assert!(matches!(pool.insert_deposit(&state, third), Err(PoolError::NonceTaken { .. })), "what can go in stays");
    assert_eq!(pool.deposit_count(), 1);
    assert_eq!(pool.propose(&state, ROOM), [Transaction::Deposit(other)]);
    assert_eq!(drain(&mut pool, &mut state), 1);
    assert_eq!(state.deposit_nonce(&owner(0).public_key()), 1);

    // With nothing else said, the freeze is only a pause.
    let paused = deposit(0, 2, TRADING, BTC, 5);
    assert!(pool.insert_deposit(&state, paused).is_err());
    advance(&mut state, vec![decide(2, Action::Thaw { zone: TRADING })]);
    pool.insert_deposit(&state, paused).unwrap();
    advance(&mut state, vec![decide(3, Action::Freeze { zone: TRADING })]);
    pool.prune(&state);
    advance(&mut state, vec![decide(4, Action::Thaw { zone: TRADING })]);
    pool.prune(&state);
    assert_eq!(pool.propose(&state, ROOM), [Transaction::Deposit(paused)]);
}

/// Headers of an epoch that a rejection ended hold no place, make nobody an equivocator, and the ones sealed in their place are ordered;
/// again and again.
#[test]
fn headers_of_an_epoch_that_is_over_hold_no_place() {
    let (mut state, mut pool) = (state(), Mempool::new());
    let mut trading = Producer::new(TRADING);
    let first = trading.next(&state, 1);
    insert_with_quorum(&mut pool, &state, &first);
    assert_eq!(drain(&mut pool, &mut state), 1);
    let mut decisions = 0;
    for round in 1..=3 {
        let epoch = state.zone(TRADING).unwrap().epoch();
        let (second, _) = trading.header(&[], 1);
        let (third, _) = trading.header(&[], 2);
        for header in [&second, &third] {
            let header = ZoneHeader { epoch, ..header.clone() };
            assert_eq!(header.height, Height::new(2));
            let inserted = pool.insert_header(&state, sign_header(header)).unwrap();
            assert!(matches!(inserted, Inserted::New | Inserted::Conflicting { .. }), "round {round}");
        }
        assert_eq!(pool.equivocations().count(), 1, "both of one epoch");
        decisions += 1;
        advance(
            &mut state,
            vec![decide(decisions, Action::SetProducer { zone: TRADING, producer: producer(TRADING).public_key() })],
        );
        pool.prune(&state);
        assert_eq!((pool.headers(TRADING).count(), pool.equivocations().count()), (0, 0), "round {round}");
    }
    let epoch = state.zone(TRADING).unwrap().epoch();
    let (sealed_again, _) = trading.header(&[], 1);
    let sealed_again = ZoneHeader { epoch, ..sealed_again };
    // A validator that is a block behind has the old ones still; what is newer takes the place of the oldest.
    for old in [epoch, epoch] {
        let trades = pool.headers(TRADING).count() as u32;
        let dead = ZoneHeader { epoch: old, trade_count: 50 + trades, ..sealed_again.clone() };
        pool.insert_header(&state, sign_header(dead)).unwrap();
    }
    let next = ZoneHeader { epoch: epoch.next(), ..sealed_again };
    assert_eq!(pool.insert_header(&state, sign_header(next.clone())), Ok(Inserted::New));
    assert!(pool.headers(TRADING).any(|candidate| candidate.id() == header_id(&next)));
    assert_eq!(pool.headers(TRADING).count(), POOL_HEADERS_PER_HEIGHT_MAX);
    for index in 0..3 {
        pool.insert_receipt(&state, signed_receipt(&next, index)).unwrap();
    }
    drain(&mut pool, &mut state);
    assert_eq!(state.zone(TRADING).unwrap().head(), header_id(&next));
}

/// What the ledger would refuse is refused where it is brought, with the ledger's reason; what came early, when its turn has come.
#[test]
fn a_decision_that_does_not_fit_is_refused_and_its_number_stays_free() {
    let (mut state, mut pool) = (state(), Mempool::new());
    let governed = |nonce, action| {
        let Transaction::Governed(governed) = decide(nonce, action) else { unreachable!("a decision") };
        *governed
    };
    let (freeze, thaw) =
        (|nonce| governed(nonce, Action::Freeze { zone: TRADING }), |nonce| governed(nonce, Action::Thaw { zone: TRADING }));
    let not_frozen = Err(PoolError::Refused(TransactionError::NotFrozen { zone: TRADING }));
    assert_eq!(pool.insert_governed(&state, thaw(1)), not_frozen);
    assert!(pool.propose(&state, ROOM).is_empty());
    // Two that come early: one fits when its turn has come, the other one does not.
    assert_eq!(pool.insert_governed(&state, thaw(2)), Ok(Inserted::New));
    assert_eq!(pool.insert_governed(&state, thaw(3)), Ok(Inserted::New));
    assert_eq!(pool.insert_governed(&state, freeze(1)), Ok(Inserted::New));
    assert_eq!(pool.insert_governed(&state, freeze(1)), Ok(Inserted::Known));
    assert_eq!(pool.insert_governed(&state, thaw(1)), not_frozen, "what fits stays");
    assert_eq!(drain(&mut pool, &mut state), 1);
    assert_eq!(state.decisions(), 2);
    assert!(!pool.has_proposal(&state));
    assert_eq!(pool.insert_governed(&state, thaw(3)), not_frozen, "forgotten when its turn came");
    assert_eq!(pool.insert_governed(&state, freeze(3)), Ok(Inserted::New), "its number is free");
    assert_eq!(drain(&mut pool, &mut state), 1);
}

/// Owners who fill the pool give way, one place each, to who has less in it.
#[test]
fn a_full_pool_has_room_for_who_has_least_in_it() {
    let mut draft = draft();
    let crowd: Vec<SecretKey> = (0..=POOL_DEPOSITS_MAX / POOL_DEPOSITS_PER_OWNER_MAX)
        .map(|index| {
            let mut seed = [0x77; 32];
            seed[..8].copy_from_slice(&(index as u64).to_le_bytes());
            SecretKey::from_seed(seed)
        })
        .collect();
    draft.assets[0].issued = crowd.iter().map(|key| GenesisBalance { owner: key.public_key(), amount: amount(1_000) }).collect();
    draft.assets[0].issued.sort_by_key(|balance| balance.owner);
    let state = State::genesis(std::sync::Arc::new(draft.build().unwrap()));
    let mut pool = Mempool::new();
    let sign = |key: &SecretKey, nonce| {
        let unsigned = Deposit { nonce, owner: key.public_key(), ..deposit(0, 1, TRADING, BTC, 1).deposit };
        SignedDeposit::sign(unsigned, CHAIN, key)
    };
    let (late, others) = crowd.split_last().unwrap();
    for key in others {
        for nonce in 1..=POOL_DEPOSITS_PER_OWNER_MAX as u64 {
            pool.insert_deposit(&state, sign(key, nonce)).unwrap();
        }
    }
    assert_eq!(pool.deposit_count(), POOL_DEPOSITS_MAX);
    assert!(matches!(pool.insert_deposit(&state, sign(&others[0], 65)), Err(PoolError::Ahead { .. })));
    for nonce in 1..=3 {
        assert_eq!(pool.insert_deposit(&state, sign(late, nonce)), Ok(Inserted::New));
    }
    assert_eq!(pool.deposit_count(), POOL_DEPOSITS_MAX, "as many as may");
    assert_eq!(pool.insert_deposit(&state, sign(late, 1)), Ok(Inserted::Known));
    assert_eq!(pool.insert_deposit(&state, sign(&others[0], 1)), Ok(Inserted::Known), "its last one gave way");
}

/// What clients may bring, and what validators make of receipts.
#[test]
fn headers_and_verdicts_on_bodies_are_not_brought() {
    let (state, mut pool) = (state(), Mempool::new());
    let header = Producer::new(TRADING).next(&state, 1);
    let ordered = HeaderTransaction { signed: sign_header(header.clone()), receipts: receipts(&header, [0, 1, 2]) };
    assert_eq!(pool.insert(&state, Transaction::Header(Box::new(ordered))), Err(PoolError::NotBrought));
    let brought = Transaction::Deposit(deposit(0, 1, TRADING, BTC, 5));
    assert!(!state.is_past(&brought));
    assert_eq!(pool.insert(&state, brought.clone()), Ok(Inserted::New));
    assert_eq!(pool.propose(&state, ROOM), std::slice::from_ref(&brought));
    let mut after = state;
    advance(&mut after, vec![brought.clone()]);
    assert!(after.is_past(&brought));
}
