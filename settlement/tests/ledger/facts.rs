//! Facts: a block's writes are all that it changed, and the facts are all that there is.

use super::traffic::Traffic;
use super::world::*;
use plinth_settlement::block::{Action, Transaction};
use plinth_settlement::ledger::State;
use plinth_settlement::ledger::facts::{Fact, FactKey, FactsError, apply_writes};
use plinth_types::codec::Codec;
use plinth_types::id::TimestampNs;
use std::collections::BTreeMap;

#[test]
fn the_writes_of_a_random_run_replayed_are_the_facts_of_its_end() {
    for seed in seeds(6) {
        let mut traffic = Traffic::new(seed);
        for _ in 0..120 {
            traffic.step(seed);
            assert!(traffic.facts.iter().map(|(key, fact)| (*key, fact.clone())).eq(traffic.state.facts()), "seed {seed}");
        }
        let restored = State::from_facts(genesis(), traffic.facts.clone()).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert_eq!(restored.digest(), traffic.state.digest(), "seed {seed}");
        assert!(restored.facts().eq(traffic.facts), "seed {seed}");
    }
}

#[test]
fn the_writes_across_epochs_and_decisions_are_all_that_changed() {
    let mut state = state();
    let mut facts: BTreeMap<FactKey, Fact> = state.facts().collect();
    for height in 1..=3 * u64::from(EPOCH_BLOCKS) {
        let validators = super::epochs::committee_with(&[0, 1, 2, 4 + (height % 2) as u8]);
        let transactions = if height == 3 || height == 5 {
            vec![decide(state.decisions() + 1, Action::SetCommittee { validators })]
        } else {
            Vec::new()
        };
        let outcome = advance(&mut state, transactions);
        apply_writes(&mut facts, &outcome.writes);
        assert!(facts.iter().map(|(key, fact)| (*key, fact.clone())).eq(state.facts()), "height {height}");
        let restored = State::from_facts(genesis(), state.facts()).unwrap();
        assert_eq!(restored.digest(), state.digest(), "height {height}");
    }
}

/// What a block costs the store follows from what is in it.
#[test]
fn a_block_writes_what_its_transactions_touch() {
    let mut state = state();
    let writes = |outcome: plinth_settlement::ledger::Outcome| outcome.writes.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    assert_eq!(writes(advance(&mut state, Vec::new())), [FactKey::Head]);
    let key = owner(0).public_key();
    let keys = writes(advance(&mut state, vec![Transaction::Deposit(deposit(0, 1, TRADING, BTC, 500))]));
    let index = plinth_types::id::InboxIndex::new(1);
    let expected = [
        FactKey::Head,
        FactKey::Asset(BTC),
        FactKey::Nonce(key),
        FactKey::Balance(key, BTC),
        FactKey::Zone(TRADING),
        FactKey::Turnstile(TRADING, BTC),
        FactKey::Inbox(TRADING, index),
    ];
    assert_eq!(keys, expected);
    assert_eq!(state.fact(&FactKey::Balance(key, BTC)), None, "nobody keeps a zero");
}

#[test]
fn facts_that_are_not_those_of_a_state_are_refused() {
    let mut state = state();
    advance(&mut state, vec![Transaction::Deposit(deposit(0, 1, TRADING, BTC, 100))]);
    let facts: Vec<_> = state.facts().collect();
    let refused = |facts: Vec<(FactKey, Fact)>| State::from_facts(genesis(), facts).unwrap_err();
    for left_out in 0..facts.len() {
        let mut fewer = facts.clone();
        let (key, _) = fewer.remove(left_out);
        // An owner's number and a committee's absence have meanings of their own; everything else is missed.
        if !matches!(key, FactKey::Nonce(_)) {
            refused(fewer);
        }
    }
    let mut swapped = facts.clone();
    swapped.swap(0, 1);
    assert_eq!(refused(swapped), FactsError::Order { key: FactKey::Head });
    let mut misfit = facts.clone();
    misfit[0].1 = Fact::Nonce(3);
    assert_eq!(refused(misfit), FactsError::Misfit { key: FactKey::Head });
    let mut later = draft();
    later.time = TimestampNs::new(1_001);
    let other = State::from_facts(std::sync::Arc::new(later.build().unwrap()), facts);
    assert_eq!(other.unwrap_err(), FactsError::Genesis);
}

#[test]
fn keys_and_facts_decode_to_themselves_and_cut_ones_do_not() {
    let mut state = state();
    advance(&mut state, vec![Transaction::Deposit(deposit(0, 1, TRADING, BTC, 100))]);
    let header = Producer::new(TRADING).next(&state, 1);
    advance(&mut state, vec![order(header), Transaction::Deposit(deposit(1, 1, PRIVACY, BTC, 7))]);
    let mut keys = std::collections::BTreeSet::new();
    for (key, fact) in state.facts() {
        let (key_bytes, bytes) = (key.to_bytes(), fact.to_bytes());
        assert_eq!(FactKey::decode(&key_bytes), Ok(key));
        assert_eq!(Fact::decode(&bytes), Ok(fact));
        assert!((0..key_bytes.len()).all(|size| FactKey::decode(&key_bytes[..size]).is_err()), "{key:?}");
        assert!((0..bytes.len()).all(|size| Fact::decode(&bytes[..size]).is_err()), "{key:?}");
        assert!(keys.insert(key_bytes), "two facts under one key");
    }
}
