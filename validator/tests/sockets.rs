//! Validators and a zone's link over real sockets on loopback.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../../settlement/tests/chain/mod.rs"]
mod chain;
mod cluster;

use chain::Zone;
use cluster::{Cluster, DEADLINE, wait_until};
use commonware_cryptography::Signer as _;
use plinth_settlement::block::{Block, Transaction};
use plinth_settlement::keys::to_consensus;
use plinth_settlement::ledger::State;
use plinth_settlement::link::{Finalized, LinkEvent, SealedBlock, ZoneLink};
use plinth_settlement::stages::Stage;
use plinth_settlement::transport::{AllowList, ClientEndpoint, Identity, Transport, TransportConfig, read_frame, write_frame};
use plinth_settlement::wire::{Answer as _, FollowAnswer, Request};
use plinth_types::id::{Height, TimestampNs};
use plinth_validator::ValidatorHandle;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Takes events until one fits; asserts that none is missing and none comes twice.
fn wait_for(link: &ZoneLink, last: &mut Height, what: &str, mut fits: impl FnMut(&Finalized) -> bool) -> Finalized {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let event = link.events().recv_deadline(deadline).unwrap_or_else(|_| panic!("not within {DEADLINE:?}: {what}"));
        let finalized = match event {
            LinkEvent::Finalized(finalized) => finalized,
            LinkEvent::TransactionRefused { .. } | LinkEvent::BlockRefused { .. } => panic!("{event:?}"),
        };
        assert_eq!(finalized.height, last.next(), "{what}");
        *last = finalized.height;
        if fits(&finalized) {
            return finalized;
        }
    }
}

fn submit(link: &ZoneLink, zone: &mut Zone, messages: &[plinth_types::message::InboxMessage]) {
    let (header, body) = zone.next(messages, 3);
    link.submit(SealedBlock { header, body: body.into(), outbox: Vec::new() }).unwrap();
}

fn stop_all(validators: Vec<ValidatorHandle>) {
    for validator in validators {
        validator.stop().unwrap();
    }
}

#[test]
fn a_deposit_and_the_zone_block_that_consumes_it_become_final() {
    let cluster = Cluster::new(4);
    let validators = cluster.start_all();
    let link_1 = cluster.link(Height::new(1));
    let (mut last, mut zone) = (Height::new(0), Zone::default());

    let deposit = cluster.deposit(1, 500);
    link_1.bring(Transaction::Deposit(deposit)).unwrap();
    let deposited = wait_for(&link_1, &mut last, "the deposit", |block| !block.inbox.is_empty());
    assert_eq!(deposited.inbox[0].id, deposit.id(chain::CHAIN));

    submit(&link_1, &mut zone, &deposited.inbox);
    let available = wait_for(&link_1, &mut last, "available", |block| !block.available.is_empty());
    assert_eq!(available.available[0].height, Height::new(1));
    let settled = wait_for(&link_1, &mut last, "settled", |block| !block.settled.is_empty());
    assert_eq!(settled.settled[0].id, available.available[0].id);
    assert!(settled.height > available.height);
    link_1.stop();

    // A restarted node goes on behind what it kept; what is ordered is not ordered again.
    let link_2 = cluster.link(settled.height.next());
    let mut resubmitting = Zone::default();
    submit(&link_2, &mut resubmitting, &deposited.inbox);
    submit(&link_2, &mut resubmitting, &[]);
    let second = wait_for(&link_2, &mut last, "the second block", |block| !block.ordered.is_empty());
    assert_eq!(second.ordered.len(), 1);
    assert_eq!(second.ordered[0].block.height, Height::new(2));
    assert!(!second.ordered[0].conflicts);
    wait_until("the second block at every validator", || {
        validators.iter().all(|validator| validator.status().zones[0].available == Height::new(2))
    });
    link_2.stop();
    stop_all(validators);
}

#[test]
fn a_validator_restarted_on_its_folder_catches_up() {
    let cluster = Cluster::new(4);
    let mut validators = cluster.start_all();
    wait_until("height 4 everywhere", || validators.iter().all(|validator| validator.status().height >= Height::new(4)));
    let stopped = validators.pop().unwrap();
    let height_stopped = stopped.status().height;
    stopped.stop().unwrap();
    let height_missed = Height::new(height_stopped.get() + 4);
    wait_until("the others go on", || validators.iter().all(|validator| validator.status().height >= height_missed));

    let restarted = cluster.start(3);
    assert!(restarted.status().height >= Height::new(4), "rebuilt {} from the folder", restarted.status().height);
    wait_until("it catches up", || restarted.status().height >= height_missed);
    wait_until("it has the others' ledger", || {
        let (ours, theirs) = (restarted.ledger(), validators[0].ledger());
        ours.height() == theirs.height() && ours.digest() == theirs.digest()
    });
    validators.push(restarted);
    stop_all(validators);
}

#[test]
fn a_key_that_nobody_listed_does_not_get_through_the_handshake() {
    let cluster = Cluster::new(4);
    let validator = cluster.start(0);
    let (key, address) = (to_consensus(&cluster.peers[0].key).unwrap(), cluster.peers[0].address);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stranger = Identity::new(commonware_cryptography::ed25519::PrivateKey::from_seed(99));
        let endpoint = ClientEndpoint::new(stranger, address).unwrap();
        // In TLS 1.3 the client is done before the server has seen its key; the refusal comes right behind.
        let refused = match endpoint.connect(&key, address).await {
            Ok(connection) => tokio::time::timeout(DEADLINE, connection.closed()).await.unwrap().to_string(),
            Err(error) => error.to_string(),
        };
        assert!(refused.contains("handshake failed") || refused.contains("certificate"), "{refused}");

        let producer = Identity::new(cluster.producer.to_consensus());
        let endpoint = ClientEndpoint::new(producer, address).unwrap();
        let wrong_key = to_consensus(&cluster.peers[1].key).unwrap();
        assert!(endpoint.connect(&wrong_key, address).await.is_err(), "a validator that is not the one expected");
        let connection = endpoint.connect(&key, address).await.unwrap();
        assert!(connection.open().await.is_ok());
    });
    validator.stop().unwrap();
}

/// In the place of validator 0: lets clients in, and shows them a block that nobody certified.
async fn lie(cluster: &Cluster) {
    let validators = cluster.peers.iter().map(|peer| (to_consensus(&peer.key).unwrap(), Some(peer.address))).collect();
    let mut transport = Transport::start(TransportConfig {
        identity: Identity::new(cluster.keys[0].to_consensus()),
        listen: Some(cluster.peers[0].address),
        validators,
        clients: AllowList::new([cluster.producer.to_consensus().public_key()]),
    })
    .unwrap();
    let mut streams = transport.take_clients();
    let state = State::genesis(Arc::clone(&cluster.genesis));
    let forged = state.propose(TimestampNs::new(u64::MAX), Vec::new());
    while let Some(mut stream) = streams.recv().await {
        let request = read_frame(&mut stream.receive, 1 << 20).await.unwrap().unwrap();
        if matches!(Request::from_frame(&request), Ok(Request::Follow(_))) {
            let unlinked = Block::new(Height::new(9), forged.id(), TimestampNs::new(9), forged.id(), Vec::new());
            for block in [forged.clone(), unlinked] {
                let _left = write_frame(&mut stream.send, FollowAnswer { block, certificate: None }.to_frame()).await;
            }
        }
    }
}

#[test]
fn a_link_survives_a_lying_and_a_dying_validator() {
    let cluster = Cluster::new(4);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut validators: Vec<_> = (1..4).map(|index| cluster.start(index)).collect();
    let cluster = Arc::new(cluster);
    let liar = Arc::clone(&cluster);
    let lying = runtime.spawn(async move { lie(&liar).await });
    // The liar is the first that the link follows.
    let link = cluster.link(Height::new(1));
    let mut last = Height::new(0);
    wait_for(&link, &mut last, "a block of the honest ones", |block| block.height == Height::new(2));
    assert!(!lying.is_finished());
    lying.abort();
    runtime.shutdown_background();

    // Without the liar and without the one that is followed now, there is no quorum: the liar's place is taken by an honest one.
    validators.push(cluster.start(0));
    validators.remove(0).stop().unwrap();
    let height = Height::new(last.get() + 4);
    wait_for(&link, &mut last, "blocks after the followed validator died", |block| block.height == height);
    link.stop();
    stop_all(validators);
}

/// Not a bound that a loaded machine would break: the figure is printed, and must only be sane.
#[test]
fn finality_is_measured_stage_by_stage() {
    const BLOCKS: u64 = 100;
    let cluster = Cluster::new(4);
    let validators = cluster.start_all();
    let link = cluster.link(Height::new(1));
    let (mut last, mut zone) = (Height::new(0), Zone::default());
    wait_for(&link, &mut last, "the first block", |_| true);
    for height in 1..=BLOCKS {
        submit(&link, &mut zone, &[]);
        wait_for(&link, &mut last, "available", |block| {
            block.available.iter().any(|available| available.height == Height::new(height))
        });
    }
    for figures in validators[0].status().stages.iter().chain(&link.status().stages) {
        println!("{:>20}: p50 {:>6} us, p99 {:>6} us, n {}", figures.stage.name(), figures.us_p50, figures.us_p99, figures.count);
    }
    let total = validators[0].status().stages.into_iter().find(|figures| figures.stage == Stage::Total).unwrap();
    assert_eq!(total.count, BLOCKS);
    assert!(total.us_p50 < Duration::from_secs(10).as_micros() as u64, "{total:?}");
    let mut log = Vec::new();
    validators[0].write_stages(&mut log).unwrap();
    assert!(String::from_utf8(log).unwrap().contains("Tag=executed-finalized"));
    link.stop();
    stop_all(validators);
}
