//! The governors decide on another format of the store: from when on, what a later decision changes, and what is said of it.

use super::world::*;
use plinth_settlement::block::Action;
use plinth_settlement::ledger::facts::{Fact, FactKey};
use plinth_settlement::ledger::{BlockError, State, StoreFormat, TransactionError};
use plinth_settlement::store::StoreParameters;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, TimestampNs};

const OTHER: StoreParameters = StoreParameters { layout: 7, ..StoreParameters::CURRENT };

fn decide_on(state: &mut State, parameters: StoreParameters) {
    let decision = decide(state.decisions() + 1, Action::SetStoreFormat { parameters });
    advance(state, vec![decision]);
}

#[track_caller]
fn refused(state: &State, parameters: StoreParameters) {
    let decision = decide(state.decisions() + 1, Action::SetStoreFormat { parameters });
    let error = TransactionError::StoreFormat { parameters };
    assert_eq!(check(state, vec![decision]), Err(BlockError::Transaction { index: 0, error }));
}

#[test]
fn it_holds_from_the_epoch_after_the_next_one_on_and_names_the_root_before() {
    let mut state = state();
    assert_eq!(state.fact(&FactKey::Format), None);
    refused(&state, StoreParameters::CURRENT);
    decide_on(&mut state, StoreParameters::COMPACT);
    refused(&state, StoreParameters::COMPACT);
    let last = Height::new(u64::from(2 * EPOCH_BLOCKS) - 1);
    assert_eq!(*state.store_format(), StoreFormat { next: StoreParameters::COMPACT, until: last, ..StoreFormat::GENESIS });
    while state.height().next() < last {
        advance(&mut state, Vec::new());
        assert!(!state.ends_store_format() && state.store_format().parameters == StoreParameters::CURRENT);
    }
    let block = state.propose(TimestampNs::new(state.time().get() + 1), Vec::new());
    let checked = state.check_unsigned(&block).unwrap().finalized().with_root(Digest([7; 32]));
    assert!(checked.state().ends_store_format(), "not before it is final");
    state.apply(checked);
    let begun = StoreFormat {
        parameters: StoreParameters::COMPACT,
        since: last,
        root_before: Digest([7; 32]),
        next: StoreParameters::COMPACT,
        until: Height::new(0),
    };
    assert_eq!(*state.store_format(), begun);
    assert_eq!(state.fact(&FactKey::Format), Some(Fact::Format(begun)));
    assert_ne!(state.root(), Digest([7; 32]), "the holder of the store says the new one");
    let restored = State::from_facts(state.rules().clone(), state.facts()).unwrap();
    assert_eq!((restored.digest(), restored.store_format()), (state.digest(), &begun));
    // What follows says no more of it, and back it goes by a decision.
    advance(&mut state, Vec::new());
    assert_eq!(*state.store_format(), begun);
    refused(&state, StoreParameters::COMPACT);
    decide_on(&mut state, StoreParameters::CURRENT);
    assert_eq!(state.store_format().until, Height::new(u64::from(4 * EPOCH_BLOCKS) - 1));
}

#[test]
fn a_later_decision_takes_the_place_of_one_that_has_not_begun() {
    let mut state = state();
    decide_on(&mut state, OTHER);
    while state.height().get() < u64::from(EPOCH_BLOCKS) {
        advance(&mut state, Vec::new());
    }
    decide_on(&mut state, StoreParameters::COMPACT);
    let until = Height::new(u64::from(3 * EPOCH_BLOCKS) - 1);
    assert_eq!((state.store_format().next, state.store_format().until), (StoreParameters::COMPACT, until));
    // Back to what is at work: nothing happens at any height.
    decide_on(&mut state, StoreParameters::CURRENT);
    assert_eq!(*state.store_format(), StoreFormat::GENESIS);
    assert_eq!(state.fact(&FactKey::Format), None);
    while state.height() <= until {
        advance(&mut state, Vec::new());
        assert!(!state.ends_store_format());
    }
}
