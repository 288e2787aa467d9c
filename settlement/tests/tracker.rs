//! The link believes certificates and nothing else.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "chain/certify.rs"]
mod certify;
mod chain;

use certify::certify;
use chain::Fixture;
use plinth_settlement::block::{Block, Transaction};
use plinth_settlement::consensus::Finalization;
use plinth_settlement::digest::to_consensus;
use plinth_settlement::ledger::{OneByOne, State};
use plinth_settlement::link::{Lie, Tracker};
use plinth_settlement::wire::{Answer as _, FollowAnswer};
use plinth_types::id::{Height, TimestampNs};
use std::sync::Arc;

/// Blocks on top of genesis, each with a deposit.
fn blocks_of(fixture: &Fixture, count: u64) -> Vec<Block> {
    let mut state = State::genesis(Arc::clone(&fixture.genesis));
    let mut blocks = Vec::new();
    for nonce in 1..=count {
        let deposit = Transaction::Deposit(fixture.deposit(nonce, 5));
        let block = state.propose(TimestampNs::new(10_000 + nonce), vec![deposit]);
        let checked = state.check(&block, &mut OneByOne::default()).unwrap();
        state.apply(checked);
        blocks.push(block);
    }
    blocks
}

fn answer(block: &Block, certificate: Option<Finalization>) -> FollowAnswer {
    let answer = FollowAnswer { block: block.clone(), certificate };
    // As it comes over the wire.
    FollowAnswer::from_frame(&answer.to_frame()).unwrap()
}

#[test]
fn a_certificate_makes_its_block_and_all_before_it_final() {
    let fixture = Fixture::new(4);
    let blocks = blocks_of(&fixture, 3);
    let mut tracker = Tracker::new(Arc::clone(&fixture.genesis));
    tracker.push(answer(&blocks[0], None)).unwrap();
    assert!(tracker.flush().unwrap().is_empty());
    tracker.push(answer(&blocks[1], None)).unwrap();
    tracker.push(answer(&blocks[2], Some(certify(&fixture, &blocks[2])))).unwrap();
    let outcomes = tracker.flush().unwrap();
    assert_eq!(outcomes.iter().map(|outcome| outcome.block).collect::<Vec<_>>(), blocks.iter().map(Block::id).collect::<Vec<_>>());
    assert!(outcomes.iter().all(|outcome| outcome.inbox.len() == 1));
    assert_eq!(tracker.state().height(), Height::new(3));
}

#[test]
fn a_forged_certificate_is_a_lie_and_the_truth_is_still_taken() {
    let fixture = Fixture::new(4);
    let blocks = blocks_of(&fixture, 2);
    let mut tracker = Tracker::new(Arc::clone(&fixture.genesis));
    let mut forged = certify(&fixture, &blocks[1]);
    forged.proposal.payload = to_consensus(blocks[0].id());
    tracker.push(answer(&blocks[0], Some(forged))).unwrap();
    assert!(matches!(tracker.flush(), Err(Lie::Certificate { .. })));
    assert_eq!(tracker.state().height(), Height::new(0));

    tracker.reset();
    tracker.push(answer(&blocks[0], Some(certify(&fixture, &blocks[0])))).unwrap();
    assert_eq!(tracker.flush().unwrap().len(), 1);
}

#[test]
fn a_certificate_of_another_chain_does_not_count() {
    let fixture = Fixture::new(4);
    let mut other = Fixture::new(4);
    other.genesis = Arc::new(chain::genesis(&fixture.keys, &fixture.owner, &fixture.owner, 3_600));
    let blocks = blocks_of(&fixture, 1);
    let mut tracker = Tracker::new(Arc::clone(&fixture.genesis));
    tracker.push(answer(&blocks[0], Some(certify(&other, &blocks[0])))).unwrap();
    assert!(matches!(tracker.flush(), Err(Lie::Certificate { .. })));
}

#[test]
fn a_block_out_of_place_or_under_anothers_certificate_is_a_lie() {
    let fixture = Fixture::new(4);
    let blocks = blocks_of(&fixture, 2);
    let mut tracker = Tracker::new(Arc::clone(&fixture.genesis));
    assert!(matches!(tracker.push(answer(&blocks[1], None)), Err(Lie::NotNext { .. })));
    tracker.reset();
    let refused = tracker.push(answer(&blocks[0], Some(certify(&fixture, &blocks[1]))));
    assert!(matches!(refused, Err(Lie::OtherCertificate { .. })));
}
