//! Dispersal on the deterministic runtime: the shard store through crashes, and bodies through lying producers and late validators.

use crate::chain::{Fixture, Zone};
use crate::liar;
use crate::network::{Simulation, assert_agreement};
use bytes::Bytes;
use commonware_runtime::{Clock as _, Runner as _, Supervisor as _, deterministic};
use futures::FutureExt as _;
use plinth_settlement::block::header_id;
use plinth_settlement::consensus::{Chain, OpeningAnswer, SubmitAnswer, open_store};
use plinth_settlement::digest::sha256;
use plinth_settlement::dispersal::{
    BodyCommitment, CheckedShard, Encoded, Layout, Opening, ReaderKey, ShardStore, StoreError, rebuild,
};
use plinth_settlement::ledger::{FreezeCause, ZoneStatus};
use plinth_types::block::SignedHeader;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, TimestampNs, ZoneId};
use std::time::Duration;

const ZONE: ZoneId = ZoneId::TRADING;
const VALIDATORS: usize = 4;

fn id(height: u64) -> Digest {
    sha256(&[&height.to_le_bytes()])
}

fn frame(height: u64) -> Bytes {
    vec![height as u8; 1_000 + height as usize].into()
}

async fn chain_of_four(context: &deterministic::Context) -> Chain {
    let genesis = Fixture::new(4).genesis;
    let store = open_store(context, "ledger", &genesis).await.unwrap();
    Chain::open(genesis, store).await.unwrap()
}

/// At a crash the runtime forgets whatever was not synced.
#[test]
fn what_was_kept_survives_a_crash() {
    let (kept, checkpoint) = deterministic::Runner::seeded(3).start_and_recover(|context| async move {
        let chain = chain_of_four(&context).await;
        let (store, _task) = ShardStore::open(context, "v", chain, 1 << 20).await.unwrap();
        let keep = |height| store.keep(ZONE, Height::new(height), id(height), frame(height));
        let kept = futures::future::join_all((1..=100).map(keep)).await;
        // Handed to the store, and nobody was told that it is kept.
        assert!(keep(101).now_or_never().is_none());
        kept
    });
    assert!(kept.iter().all(Result::is_ok));
    deterministic::Runner::from(checkpoint).start(|context| async move {
        let chain = chain_of_four(&context).await;
        let (store, _task) = ShardStore::open(context, "v", chain, 1 << 20).await.unwrap();
        for height in 1..=100 {
            assert_eq!(store.get(id(height)).await, Some(frame(height)), "height {height}");
        }
        assert!(!store.has(id(102)).await && store.get(id(102)).await.is_none());
        assert_eq!(store.keep(ZONE, Height::new(1), id(1), frame(1)).await, Ok(()), "it is kept already");
        let stranger = ZoneId::new(9);
        let refused = store.keep(stranger, Height::new(1), id(200), frame(1)).await;
        assert_eq!(refused, Err(StoreError::UnknownZone { zone: stranger }));
    });
}

#[test]
fn a_zone_that_does_not_settle_fills_its_share_and_nothing_of_it_is_given_up() {
    deterministic::Runner::seeded(4).start(|context| async move {
        let chain = chain_of_four(&context).await;
        let (store, _task) = ShardStore::open(context, "v", chain, 10_000).await.unwrap();
        let large = Bytes::from(vec![0; 3_000]);
        for height in 1..=3 {
            store.keep(ZONE, Height::new(height), id(height), large.clone()).await.unwrap();
        }
        let refused = store.keep(ZONE, Height::new(4), id(4), large.clone()).await;
        assert_eq!(refused, Err(StoreError::Full { zone: ZONE, size: 9_000 }));
        for height in 1..=3 {
            assert_eq!(store.get(id(height)).await, Some(large.clone()));
        }
    });
}

#[test]
fn headers_of_one_height_have_a_bound() {
    deterministic::Runner::seeded(5).start(|context| async move {
        let chain = chain_of_four(&context).await;
        let (store, _task) = ShardStore::open(context, "v", chain, 1 << 20).await.unwrap();
        for number in 0..8 {
            store.keep(ZONE, Height::new(1), id(number), frame(1)).await.unwrap();
        }
        let refused = store.keep(ZONE, Height::new(1), id(8), frame(1)).await;
        assert_eq!(refused, Err(StoreError::TooManyHeaders { zone: ZONE, height: Height::new(1) }));
    });
}

/// Runs a scenario over validators that all run.
fn run<F, Fut>(seed: u64, scenario: F)
where
    F: FnOnce(Simulation) -> Fut,
    Fut: Future<Output = ()>,
{
    let config = deterministic::Config::default().with_seed(seed).with_timeout(Some(Duration::from_secs(600)));
    deterministic::Runner::new(config).start(|context| async move {
        let mut simulation = Simulation::new(context.child("simulation"), VALIDATORS).await;
        for index in 0..VALIDATORS {
            simulation.start(index).await;
        }
        simulation.wait_height(0..VALIDATORS, 2).await;
        scenario(simulation).await;
    });
}

fn zone(simulation: &Simulation) -> Zone {
    // Not this host's clock: the run depends on nothing but its seed.
    Zone { clock: || TimestampNs::new(0), time: simulation.now(), ..Zone::default() }
}

async fn submit(simulation: &Simulation, validators: &[usize], signed: &SignedHeader, shards: &Encoded) {
    for &index in validators {
        let shard = shards.shard(simulation.fixture.place(index)).unwrap();
        let answer = simulation.running[&index].intake.submit(signed, shard, simulation.now()).await;
        assert!(matches!(answer, SubmitAnswer::Receipt(_) | SubmitAnswer::Ordered), "{answer:?}");
    }
}

/// A producer that sends to three of four, whichever: the body is rebuilt, and the fourth repairs its own shard.
#[test]
fn a_producer_that_sends_to_2f_plus_1_only_gets_a_body_that_all_have() {
    run(61, |simulation| async move {
        let mut zone = zone(&simulation);
        for left_out in 0..VALIDATORS {
            let (signed, shards) = zone.sealed(&simulation.fixture, &[], 3);
            let told: Vec<usize> = (0..VALIDATORS).filter(|index| *index != left_out).collect();
            submit(&simulation, &told, &signed, &shards).await;
            let height = signed.header.height;
            simulation.wait_for("available", |simulation| (0..4).all(|index| simulation.zone_available(index) >= height)).await;
            let place = simulation.fixture.place(left_out);
            let mut repaired = None;
            for _ in 0..500 {
                repaired = simulation.running[&left_out].intake.shard(header_id(&signed.header)).await;
                if repaired.is_some() {
                    break;
                }
                simulation.context.sleep(Duration::from_millis(20)).await;
            }
            assert_eq!(repaired, shards.shard(place), "validator {left_out} repaired its shard");
        }
        assert_agreement(&simulation);
    });
}

/// With f receipts nothing is ordered; the zone stands still, and settlement does not.
#[test]
fn a_producer_that_sends_to_f_only_delays_itself() {
    run(62, |simulation| async move {
        let mut zone = zone(&simulation);
        let (signed, shards) = zone.sealed(&simulation.fixture, &[], 3);
        submit(&simulation, &[2], &signed, &shards).await;
        let height = simulation.height(0);
        simulation.wait_height(0..VALIDATORS, height + 10).await;
        assert_eq!(simulation.zone_height(0), Height::new(0));
        submit(&simulation, &[0, 1], &signed, &shards).await;
        simulation.wait_for("available", |simulation| simulation.zone_available(3) == Height::new(1)).await;
    });
}

#[test]
fn wrong_shards_are_refused_before_anything_is_kept() {
    run(63, |simulation| async move {
        let mut zone = zone(&simulation);
        let (signed, shards) = zone.sealed(&simulation.fixture, &[], 3);
        let (_, others) = zone.sealed(&simulation.fixture, &[], 5);
        let own = simulation.fixture.place(0);
        let mut bent = shards.shard(own).unwrap().to_vec();
        *bent.last_mut().unwrap() ^= 1;
        let wrong = [others.shard(own).unwrap(), vec![1; 1 << 20].into(), bent.into(), Bytes::new()];
        let intake = &simulation.running[&0].intake;
        // In another epoch's committee it could be the right one.
        let elsewhere = intake.submit(&signed, shards.shard((own + 1) % 4).unwrap(), simulation.now()).await;
        assert_eq!(elsewhere, SubmitAnswer::NotYet);
        for frame in wrong {
            let answer = intake.submit(&signed, frame, simulation.now()).await;
            assert!(matches!(answer, SubmitAnswer::Refused(_)), "{answer:?}");
        }
        assert_eq!(intake.shard(header_id(&signed.header)).await, None);
        // And none of it stands in the way of the right one, which comes twice.
        submit(&simulation, &[0, 0, 1, 2], &signed, &shards).await;
        simulation.wait_for("available", |simulation| simulation.zone_available(3) == Height::new(1)).await;
    });
}

/// The lie passes every check of a shard. It is ordered, found out by whoever rebuilds, proven in a block, and the zone is frozen.
#[test]
fn a_lying_encoder_is_convicted_and_its_block_taken_back() {
    run(64, |simulation| async move {
        let mut zone = zone(&simulation);
        let (mut signed, honest) = zone.sealed(&simulation.fixture, &[], 3);
        let layout = Layout::new(signed.header.body_size as usize, simulation.fixture.genesis.committee().count()).unwrap();
        let (root, frames) = liar::not_a_codeword(&vec![5; layout.size()], 4, 2);
        signed.header.shard_root = Digest(root);
        assert_ne!(signed.header.shard_root, honest.root());
        signed.signature = simulation.fixture.producer.sign(&signed.header.signed_bytes());
        for index in 0..VALIDATORS {
            let frame = frames[usize::from(simulation.fixture.place(index))].clone();
            let answer = simulation.running[&index].intake.submit(&signed, frame, simulation.now()).await;
            assert!(matches!(answer, SubmitAnswer::Receipt(_) | SubmitAnswer::Ordered), "{answer:?}");
        }
        let cause = FreezeCause::NotACodeword { header: header_id(&signed.header) };
        let frozen = |simulation: &Simulation, index: usize| {
            let state = simulation.running[&index].chain.finalized();
            matches!(state.zone(ZONE).unwrap().status(), ZoneStatus::Frozen(freeze) if freeze.cause == cause)
        };
        simulation.wait_for("the conviction", |simulation| (0..4).all(|index| frozen(simulation, index))).await;
        assert_eq!(simulation.zone_available(0), Height::new(0));
        let height = simulation.height(0);
        simulation.wait_height(0..VALIDATORS, height + 4).await;
        assert_agreement(&simulation);
    });
}

/// A body whose ciphertext is not that of the proven hash: rebuilt and available, until a reader shows the key.
#[test]
fn a_reader_shows_the_key_of_a_body_that_does_not_open_and_the_zone_halts() {
    run(65, |simulation| async move {
        let mut zone = zone(&simulation);
        let (honest, _) = zone.sealed(&simulation.fixture, &[], 3);
        let mut header = zone.next(&[], 3).0;
        header.parent = header_id(&honest.header);
        // What an honest reader of the first block shows proves nothing.
        let first = {
            let mut again = self::zone(&simulation);
            again.sealed(&simulation.fixture, &[], 3)
        };
        submit(&simulation, &[0, 1, 2, 3], &first.0, &first.1).await;
        header.parent = header_id(&first.0.header);
        header.pre_root = first.0.header.post_root;
        let key = simulation.fixture.reader_key.body_key(&header);
        let hidden = key.close(header.height, &vec![1; header.body_size as usize]);
        let shards = Encoded::new(&hidden.into(), simulation.fixture.genesis.committee().count()).unwrap();
        (header.body_key, header.shard_root) = (key.commitment(), shards.root());
        let signature = simulation.fixture.producer.sign(&header.signed_bytes());
        let signed = SignedHeader { header, signature };
        simulation.wait_for("the first", |simulation| simulation.zone_height(0) == Height::new(1)).await;
        submit(&simulation, &[0, 1, 2, 3], &signed, &shards).await;
        simulation.wait_for("ordered", |simulation| (0..4).all(|index| simulation.zone_height(index) == Height::new(2))).await;

        let first_key = simulation.fixture.reader_key.body_key(&first.0.header);
        let id = header_id(&signed.header);
        let guess = Opening { header: id, key: ReaderKey::new([1; 32]).body_key(&signed.header) };
        let intake = |index: usize| simulation.running[&index].intake.clone();
        assert!(matches!(intake(0).open(guess).await, OpeningAnswer::Refused(_)), "the header commits to another key");
        for index in 0..VALIDATORS {
            let honest = Opening { header: header_id(&first.0.header), key: first_key };
            let _settled_or_accepted = intake(index).open(honest).await;
            assert_eq!(intake(index).open(Opening { header: id, key }).await, OpeningAnswer::Accepted);
        }
        let halted = |simulation: &Simulation| {
            let state = simulation.running[&0].chain.finalized();
            matches!(state.zone(ZONE).unwrap().status(),
                ZoneStatus::Frozen(freeze) if freeze.cause == (FreezeCause::Unopenable { header: id, key }))
        };
        simulation.wait_for("the halt", halted).await;
    });
}

/// Killed between the store and the receipt, or behind it: the shard is there, and the receipt comes when the producer asks again.
#[test]
fn a_validator_killed_before_it_signed_signs_after_its_restart() {
    run(66, |mut simulation| async move {
        let mut zone = zone(&simulation);
        let (signed, shards) = zone.sealed(&simulation.fixture, &[], 3);
        let shard = shards.shard(simulation.fixture.place(1)).unwrap();
        let intake = simulation.running[&1].intake.clone();
        let unkept = intake.check(&signed, shard.clone(), simulation.now()).unwrap();
        // Kept, and the answer dropped with the one who asked.
        let mut keeping = Box::pin(intake.keep(unkept));
        for _ in 0..200 {
            if simulation.running[&1].intake.shard(header_id(&signed.header)).await.is_some() {
                break;
            }
            assert!(keeping.as_mut().now_or_never().is_none());
            simulation.context.sleep(Duration::from_millis(1)).await;
        }
        drop(keeping);
        drop(intake);
        simulation.crash(1).await;
        simulation.start(1).await;
        assert_eq!(simulation.running[&1].intake.shard(header_id(&signed.header)).await, Some(shard));
        submit(&simulation, &[0, 1, 2], &signed, &shards).await;
        simulation.wait_for("available", |simulation| simulation.zone_available(1) == Height::new(1)).await;
    });
}

/// Whatever validator is gone, any f+1 of the others give a reader its body.
#[test]
fn any_f_plus_1_validators_give_the_body_back() {
    run(67, |simulation| async move {
        let mut zone = zone(&simulation);
        let (header, body) = Zone { clock: zone.clock, time: zone.time, ..Zone::default() }.next(&[], 40);
        let (signed, shards) = zone.sealed(&simulation.fixture, &[], 40);
        assert_eq!((signed.header.body_hash, signed.header.body_size), (header.body_hash, header.body_size));
        submit(&simulation, &[0, 1, 2, 3], &signed, &shards).await;
        let layout = Layout::new(header.body_size as usize, simulation.fixture.genesis.committee().count()).unwrap();
        for pair in [[0, 1], [1, 2], [2, 3], [0, 3]] {
            let mut found = Vec::new();
            for index in pair {
                let frame = simulation.running[&index].intake.shard(header_id(&signed.header)).await.unwrap();
                let place = simulation.fixture.place(index);
                found.push(CheckedShard::check(&layout, signed.header.shard_root, place, frame).unwrap());
            }
            let ciphertext = rebuild(&layout, &found).unwrap();
            assert!(!ciphertext.windows(6).any(|window| window == b"cancel"), "validators hold nothing in the clear");
            let key = simulation.fixture.reader_key.body_key(&signed.header);
            assert_eq!(key.open(&BodyCommitment::of(&signed.header), &ciphertext), Ok(body.clone()));
        }
    });
}
