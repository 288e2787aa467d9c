//! Committees by epoch: frozen one epoch ahead, changed by k of n governors, a third at a time.

use super::world::*;
use plinth_settlement::block::{Action, Approval, GovernedTransaction, Transaction};
use plinth_settlement::committee::Committee;
use plinth_settlement::genesis::Governance;
use plinth_settlement::ledger::{AuthorityError, BlockError, CommitteeError, State, TransactionError};
use plinth_settlement::receipt::QuorumError;
use plinth_types::id::{Epoch, PublicKey};
use std::sync::Arc;

/// These validators' keys, ascending.
pub(crate) fn committee_with(indexes: &[u8]) -> Vec<PublicKey> {
    let mut keys: Vec<_> = indexes.iter().map(|&index| validator(index).public_key()).collect();
    keys.sort_unstable();
    keys
}

fn committee(indexes: &[u8]) -> Committee {
    Committee::new(committee_with(indexes)).unwrap()
}

fn set_committee(state: &State, indexes: &[u8]) -> Transaction {
    decide(state.decisions() + 1, Action::SetCommittee { validators: committee_with(indexes) })
}

#[track_caller]
fn refused(state: &State, transaction: Transaction, expected: impl Into<TransactionError>) {
    assert_eq!(check(state, vec![transaction]), Err(BlockError::Transaction { index: 0, error: expected.into() }));
}

fn advance_to(state: &mut State, height: u32) {
    while state.height().get() < u64::from(height) {
        advance(state, Vec::new());
    }
}

#[test]
fn a_decision_in_one_epoch_is_at_work_two_epochs_later_and_known_one_epoch_ahead() {
    let mut state = state();
    let (old, new) = (committee(&[0, 1, 2, 3]), committee(&[0, 1, 2, 4]));
    let of = |state: &State, epoch| state.committee_of(Epoch::new(epoch)).cloned();
    let decision = set_committee(&state, &[0, 1, 2, 4]);
    advance(&mut state, vec![decision]);
    assert_eq!((state.epoch(), state.committee_planned()), (Epoch::new(0), &new));
    assert_eq!((of(&state, 0), of(&state, 1), of(&state, 2)), (Some(old.clone()), Some(old.clone()), None));
    advance_to(&mut state, EPOCH_BLOCKS - 1);
    assert_eq!(of(&state, 2), Some(new.clone()), "frozen behind the last block of epoch 0");
    advance_to(&mut state, EPOCH_BLOCKS);
    assert_eq!((state.epoch(), of(&state, 0)), (Epoch::new(1), None));
    // Too late for epoch 2: it takes effect in epoch 3.
    let late = set_committee(&state, &[0, 1, 4, 5]);
    advance(&mut state, vec![late]);
    assert_eq!(of(&state, 2), Some(new.clone()));
    advance_to(&mut state, 2 * EPOCH_BLOCKS - 2);
    assert_eq!(state.committee(), &old, "of the last block of epoch 1");
    advance_to(&mut state, 2 * EPOCH_BLOCKS - 1);
    assert_eq!(state.committee(), &new, "of the first block of epoch 2");
    advance_to(&mut state, 3 * EPOCH_BLOCKS);
    assert_eq!(state.committee(), &committee(&[0, 1, 4, 5]));
}

#[test]
fn the_last_decision_of_an_epoch_counts_and_each_is_measured_against_the_frozen_committee() {
    let mut state = state();
    let first = set_committee(&state, &[0, 1, 2, 4]);
    advance(&mut state, vec![first]);
    let second = set_committee(&state, &[0, 1, 2, 5]);
    advance(&mut state, vec![second]);
    advance_to(&mut state, EPOCH_BLOCKS);
    assert_eq!(state.committee_of(Epoch::new(2)), Some(&committee(&[0, 1, 2, 5])));
    refused(&state, set_committee(&state, &[0, 1, 3, 4]), CommitteeError::Replaced { left: 2, joined: 2, replaced_max: 1 });
}

#[test]
fn receipts_count_by_the_committee_of_the_blocks_epoch() {
    let mut state = state();
    let decision = set_committee(&state, &[0, 1, 2, 4]);
    advance(&mut state, vec![decision]);
    advance_to(&mut state, 2 * EPOCH_BLOCKS - 2);
    let mut producer = Producer::new(TRADING);
    let header = producer.next(&state, 1);
    advance(&mut state, vec![order_with(header, [1, 2, 3])]);
    let header = producer.next(&state, 1);
    let index = committee_with(&[1, 2, 3]).iter().position(|key| *key == validator(3).public_key()).unwrap();
    let gone = QuorumError::NotAValidator { index, validator: validator(3).public_key() };
    refused(&state, order_with(header.clone(), [1, 2, 3]), gone);
    let ordered = order_by(header, [1, 2, 4], &committee_with(&[0, 1, 2, 4]));
    advance(&mut state, vec![ordered]);
}

#[test]
fn a_committee_that_cannot_follow_is_refused_and_says_why() {
    let state = state();
    refused(&state, set_committee(&state, &[0, 1, 2]), CommitteeError::Count { count: 3 });
    refused(&state, set_committee(&state, &[0, 1, 4, 5]), CommitteeError::Replaced { left: 2, joined: 2, replaced_max: 1 });
    refused(&state, set_committee(&state, &[0, 1, 2, 3, 4, 5]), CommitteeError::Replaced { left: 0, joined: 2, replaced_max: 1 });
    let mut validators = committee_with(&[0, 1, 2, 4]);
    validators.swap(1, 2);
    refused(&state, decide(1, Action::SetCommittee { validators }), CommitteeError::NotAscending { index: 2 });
    let mut validators = committee_with(&[0, 1, 2, 4]);
    validators[3] = validators[2];
    refused(&state, decide(1, Action::SetCommittee { validators }), CommitteeError::NotAscending { index: 3 });
    let mut validators = committee_with(&[0, 1, 2]);
    let key = PublicKey([2; 32]);
    validators.push(key);
    validators.sort_unstable();
    let index = validators.iter().position(|other| *other == key).unwrap();
    refused(&state, decide(1, Action::SetCommittee { validators }), CommitteeError::Key { index, key });
}

#[test]
fn a_decision_needs_its_number_and_the_signatures_of_enough_governors() {
    let state = state();
    let action = || Action::SetCommittee { validators: committee_with(&[0, 1, 2, 4]) };
    let keys = governors();
    let signed = |nonce, keys: &[plinth_settlement::keys::SecretKey]| GovernedTransaction::sign(nonce, action(), CHAIN, keys);
    let transaction = |governed: GovernedTransaction| Transaction::Governed(Box::new(governed));
    refused(&state, transaction(signed(2, &keys[..2])), TransactionError::DecisionNonce { nonce: 2, expected: 1 });
    refused(&state, transaction(signed(1, &keys[..1])), AuthorityError::TooFew { count: 1, count_min: 2 });
    let mut twice = signed(1, &keys[..2]);
    twice.approvals[1] = twice.approvals[0];
    refused(&state, transaction(twice), AuthorityError::NotAscending { index: 1 });
    let stranger = owner(0);
    let mut of_a_stranger = signed(1, &[keys[0].clone(), stranger.clone()]);
    let index = of_a_stranger.approvals.iter().position(|approval| approval.governor == stranger.public_key()).unwrap();
    refused(&state, transaction(of_a_stranger.clone()), AuthorityError::NotAGovernor { index, governor: stranger.public_key() });
    // A governor named beside a signature that is not its own.
    of_a_stranger.approvals[index] = Approval { governor: keys[1].public_key(), ..of_a_stranger.approvals[index] };
    of_a_stranger.approvals.sort_by_key(|approval| approval.governor);
    assert!(matches!(check(&state, vec![transaction(of_a_stranger)]), Err(BlockError::Signature { .. })));
    // Signed for another chain.
    let elsewhere = GovernedTransaction::sign(1, action(), plinth_types::id::ChainId::new(8), &keys);
    assert!(matches!(check(&state, vec![transaction(elsewhere)]), Err(BlockError::Signature { .. })));
    check(&state, vec![transaction(signed(1, &keys))]).unwrap();
}

#[test]
fn a_genesis_without_governors_changes_nothing() {
    let mut draft = draft();
    draft.governance = Governance::default();
    let state = State::genesis(Arc::new(draft.build().unwrap()));
    refused(&state, set_committee(&state, &[0, 1, 2, 4]), AuthorityError::Nobody);
}
