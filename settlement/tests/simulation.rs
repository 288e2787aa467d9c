//! The production consensus stack on the deterministic runtime and a simulated network: same seed, same run.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod chain;
mod simulated;

use chain::{Zone, secret};
use commonware_runtime::{Clock as _, Runner as _, deterministic};
use plinth_settlement::consensus::{DepositAnswer, Fault, SubmitAnswer};
use plinth_types::id::{Height, TimestampNs};
use simulated::{Byzantine, Simulation, assert_agreement};
use std::time::Duration;

const VALIDATORS: usize = 4;

/// Runs a scenario from a seed; returns the digest of everything that the runtime saw.
fn run<F, Fut>(seed: u64, scenario: F) -> String
where
    F: FnOnce(deterministic::Context) -> Fut,
    Fut: Future<Output = ()>,
{
    println!("seed {seed}");
    let config = deterministic::Config::default().with_seed(seed).with_timeout(Some(Duration::from_secs(600)));
    deterministic::Runner::new(config).start(|context| async move {
        let auditor = context.auditor();
        scenario(context).await;
        auditor.state()
    })
}

/// Deposits and zone blocks under load, one validator crashed and restarted on its storage.
async fn crash_and_restart(context: deterministic::Context) {
    let mut simulation = Simulation::new(context, VALIDATORS).await;
    for index in 0..VALIDATORS {
        simulation.start(index).await;
    }
    simulation.wait_height(0..VALIDATORS, 3).await;

    let deposit = simulation.fixture.deposit(1, 500);
    assert_eq!(simulation.running[&1].intake.deposit(deposit), DepositAnswer::Accepted);
    simulation
        .wait_for("the message", |simulation| {
            simulation.running.values().all(|validator| {
                validator.chain.finalized().zone(plinth_types::id::ZoneId::TRADING).unwrap().inbox().pending().len() == 1
            })
        })
        .await;

    let crashed = 2;
    simulation.crash(crashed).await;
    let height = simulation.height(0);
    simulation.wait_height([0, 1, 3], height + 6).await;

    // With one of four gone, the three others' receipts are exactly a quorum.
    let messages: Vec<_> = simulation.running[&0]
        .chain
        .finalized()
        .zone(plinth_types::id::ZoneId::TRADING)
        .unwrap()
        .inbox()
        .pending()
        .copied()
        .collect();
    // Not this host's clock: the run depends on nothing but its seed.
    let mut zone = Zone { clock: || TimestampNs::new(0), ..Zone::default() };
    zone.time = simulation.now();
    let (signed, body) = zone.sealed(&simulation.fixture, &messages, 3);
    for index in [0, 1, 3] {
        let answer = simulation.running[&index].intake.submit(&signed, body.clone().into(), simulation.now());
        assert!(matches!(answer, SubmitAnswer::Receipt(_)), "{answer:?}");
    }
    simulation.wait_for("the zone block", |simulation| simulation.zone_height(0) == Height::new(1)).await;

    simulation.start(crashed).await;
    assert!(simulation.height(crashed) >= 3, "rebuilt {} from storage", simulation.height(crashed));
    let height = simulation.height(0);
    simulation.wait_height(0..VALIDATORS, height + 6).await;
    assert_eq!(simulation.zone_height(crashed), Height::new(1));
    assert_agreement(&simulation);
}

#[test]
fn a_crashed_validator_comes_back_and_all_agree() {
    run(11, crash_and_restart);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let (first, second) = (run(5, crash_and_restart), run(5, crash_and_restart));
    assert_eq!(first, second);
    assert_ne!(first, run(6, crash_and_restart));
}

#[test]
fn a_validator_that_votes_twice_is_named_and_stops_nobody() {
    run(23, |context| async move {
        let mut simulation = Simulation::new(context, VALIDATORS).await;
        simulation.start_byzantine(0, Byzantine::Conflicter).await;
        for index in 1..VALIDATORS {
            simulation.start(index).await;
        }
        simulation.wait_height(1..VALIDATORS, 10).await;
        assert_agreement(&simulation);
        let byzantine = secret(1, 0).public_key();
        let evidence: Vec<_> = simulation.running.values().flat_map(|validator| validator.chain.evidence()).collect();
        assert!(!evidence.is_empty());
        assert!(evidence.iter().all(|evidence| evidence.validator == byzantine), "{evidence:?}");
        assert!(evidence.iter().any(|evidence| evidence.fault == Fault::ConflictingNotarize), "{evidence:?}");
        assert!(simulation.blocked().await.iter().all(|(_, blocked)| *blocked == byzantine));
    });
}

#[test]
fn garbage_from_a_validator_gets_it_blocked_and_stops_nobody() {
    run(31, |context| async move {
        let mut simulation = Simulation::new(context, VALIDATORS).await;
        simulation.start_byzantine(3, Byzantine::Garbage).await;
        for index in 0..3 {
            simulation.start(index).await;
        }
        simulation.wait_height(0..3, 8).await;
        assert_agreement(&simulation);
        let byzantine = secret(1, 3).public_key();
        let blocked = simulation.blocked().await;
        assert!(!blocked.is_empty());
        assert!(blocked.iter().all(|(_, blocked)| *blocked == byzantine), "{blocked:?}");
    });
}

#[test]
fn without_a_quorum_nothing_is_final_and_healing_brings_it_back() {
    run(47, |context| async move {
        let mut simulation = Simulation::new(context, VALIDATORS).await;
        for index in 0..VALIDATORS {
            simulation.start(index).await;
        }
        simulation.wait_height(0..VALIDATORS, 3).await;
        simulation.partition(&[0, 1], &[2, 3]).await;
        // What was under way may still arrive.
        simulation.context.sleep(Duration::from_secs(5)).await;
        let heights: Vec<u64> = (0..VALIDATORS).map(|index| simulation.height(index)).collect();
        simulation.context.sleep(Duration::from_secs(60)).await;
        assert_eq!(heights, (0..VALIDATORS).map(|index| simulation.height(index)).collect::<Vec<_>>(), "progress without a quorum");
        simulation.heal(&[0, 1], &[2, 3]).await;
        let height = heights.iter().max().unwrap();
        simulation.wait_height(0..VALIDATORS, height + 5).await;
        assert_agreement(&simulation);
    });
}
