//! The committee is replaced while zone blocks flow, over real sockets on loopback.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../../settlement/tests/chain/mod.rs"]
mod chain;
mod cluster;

use chain::{CHAIN, Fixture, Zone, governor};
use cluster::{Cluster, DEADLINE, wait_until};
use plinth_settlement::block::{Action, GovernedTransaction};
use plinth_settlement::checkpoint::Keys;
use plinth_settlement::committee::Committee;
use plinth_settlement::link::{LinkEvent, SealedBlock, ZoneLink};
use plinth_settlement::store::StoreParameters;
use plinth_types::id::Height;
use plinth_validator::{Validator, ValidatorHandle, ValidatorStatus};
use std::process::Command;
use std::time::Instant;

const EPOCH_BLOCKS: u32 = 12;
/// Not in the first committee.
const JOINING: usize = 4;

/// The first block of an epoch, and some more.
fn epoch(number: u32, blocks: u32) -> Height {
    Height::new(u64::from(number * EPOCH_BLOCKS + blocks))
}

/// A chain whose committee changes, and a zone that never stops.
struct World {
    cluster: Cluster,
    validators: Vec<Option<ValidatorHandle>>,
    link: ZoneLink,
    zone: Zone,
    last: Height,
    decisions: u64,
}

impl World {
    fn new(cluster: Cluster) -> Self {
        let validators = (0..4).map(|index| Some(cluster.start(index))).chain([None]).collect();
        let link = cluster.link(Height::new(1));
        Self { cluster, validators, link, zone: Zone::default(), last: Height::new(0), decisions: 0 }
    }

    /// Has one zone block after the other made available until the chain has this height; asserts that no height is missing.
    fn trade_until(&mut self, height: Height) {
        let deadline = Instant::now() + DEADLINE;
        while self.last < height {
            let (header, body) = self.zone.next(&[], 3);
            let sealed = header.height;
            self.link.submit(SealedBlock { header, body: body.into(), outbox: Vec::new() }).unwrap();
            loop {
                let last = self.last;
                let event = self.link.events().recv_deadline(deadline);
                let event = event.unwrap_or_else(|_| panic!("at {last}, zone block {sealed}: not within {DEADLINE:?}"));
                let LinkEvent::Finalized(block) = event else { panic!("{event:?}") };
                assert_eq!(block.height, last.next(), "a height is lost");
                self.last = block.height;
                if block.available.iter().any(|available| available.height == sealed) {
                    break;
                }
            }
        }
    }

    /// The governors decide that these validate, by the word of a validator that runs.
    fn decide(&mut self, committee: &Committee) {
        self.decisions += 1;
        let action = Action::SetCommittee { validators: committee.keys().to_vec() };
        let decision = GovernedTransaction::sign(self.decisions, action, CHAIN, [&governor()]);
        self.validators.iter().flatten().next().unwrap().govern(decision).unwrap();
    }

    /// They decide on another format of the store, for the first block of the epoch after the next.
    fn decide_on_format(&mut self, parameters: StoreParameters) {
        self.decisions += 1;
        let decision = GovernedTransaction::sign(self.decisions, Action::SetStoreFormat { parameters }, CHAIN, [&governor()]);
        self.validators.iter().flatten().next().unwrap().govern(decision).unwrap();
    }

    fn start(&mut self, index: usize) {
        self.validators[index] = Some(self.cluster.start(index));
    }

    fn stop(&mut self, index: usize) {
        self.validators[index].take().unwrap().stop().unwrap();
    }

    fn of(&self, index: usize) -> &ValidatorHandle {
        self.validators[index].as_ref().unwrap()
    }

    fn status(&self, index: usize) -> ValidatorStatus {
        self.of(index).status()
    }
}

/// The program of that name, and its files.
struct Light {
    folder: tempfile::TempDir,
    validators: Vec<String>,
}

#[derive(Debug)]
struct Shown {
    present: bool,
    epochs_walked: u64,
    /// Height and fact.
    what: (u64, String),
}

impl Shown {
    fn of(output: &[u8]) -> Self {
        let json: serde_json::Value = serde_json::from_slice(output).unwrap();
        Self {
            present: json["present"].as_bool().unwrap(),
            epochs_walked: json["epochs_walked"].as_u64().unwrap(),
            what: (json["state"]["height"].as_u64().unwrap(), json["fact"].as_str().unwrap().to_owned()),
        }
    }
}

impl Light {
    fn new(cluster: &Cluster) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("genesis.toml"), cluster.genesis.to_text()).unwrap();
        // The producer's key: [`chain::secret`] of kind 2.
        std::fs::write(folder.path().join("key"), format!("02{}\n", "0".repeat(62))).unwrap();
        let validators = cluster.peers.iter().map(|peer| format!("{}@{}", peer.key, peer.address)).collect();
        Self { folder, validators }
    }

    fn by_genesis(&self) -> [String; 2] {
        ["--genesis".to_owned(), self.folder.path().join("genesis.toml").to_str().unwrap().to_owned()]
    }

    /// What a validator shows of the asset of the chain, as soon as it can; a receipt of that name is kept.
    fn shows(&self, validator: usize, trust: &[String], receipt: &str) -> Shown {
        let mut shown = None;
        wait_until("plinth-light shows a fact", || {
            let output = Command::new(env!("CARGO_BIN_EXE_plinth-light"))
                .args(trust)
                .args(["--key-file", self.folder.path().join("key").to_str().unwrap()])
                .args(["--validator", &self.validators[validator], "--receipt", self.folder.path().join(receipt).to_str().unwrap()])
                .args(["asset", "0"])
                .output()
                .unwrap();
            if !output.status.success() {
                eprintln!("{}", String::from_utf8_lossy(&output.stderr));
                return false;
            }
            shown = Some(Shown::of(&output.stdout));
            true
        });
        shown.unwrap()
    }

    /// What a receipt shows, with nobody to ask.
    fn verifies(&self, trust: &[String], receipt: &str) -> Shown {
        let mut light = Command::new(env!("CARGO_BIN_EXE_plinth-light"));
        let output = light.args(trust).arg("verify").arg(self.folder.path().join(receipt)).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Shown::of(&output.stdout)
    }
}

fn committee(fixture: &Fixture, members: &[usize]) -> Committee {
    Committee::new(members.iter().map(|&index| fixture.keys[index].public_key()).collect()).unwrap()
}

/// One leaves and another one joins; it comes back as one that looks on, and then as a fifth validator, without which there is no quorum.
/// Checkpoints are signed by three groups in turn, and whoever holds the first one's key follows. Meanwhile the store changes its format.
#[test]
fn a_committee_is_replaced_and_grows_under_load_and_one_key_follows_its_checkpoints() {
    let fixture = Fixture::changing(5, 4, EPOCH_BLOCKS);
    // The first in the order of keys, so that the shards of all others are other ones when it is gone.
    let leaving = (0..4).min_by_key(|&index| fixture.keys[index].public_key()).unwrap();
    let staying: Vec<usize> = (0..4).filter(|&index| index != leaving).collect();
    let four = committee(&fixture, &[staying[0], staying[1], staying[2], JOINING]);
    let five = committee(&fixture, &[0, 1, 2, 3, JOINING]);
    let mut cluster = Cluster::of(fixture);
    cluster.later_groups = vec![(epoch(2, 0), four.clone()), (epoch(4, 0), five.clone())];
    let first_key = cluster.groups()[0].2.key();
    let mut world = World::new(cluster);
    world.trade_until(epoch(0, 2));
    world.decide(&four);
    // From epoch 2 on, when one has just joined and before others are away.
    world.decide_on_format(StoreParameters::COMPACT);

    // In epoch 1 everybody knows who joins in epoch 2; it starts only now, and has everything to catch up on.
    world.trade_until(epoch(1, 2));
    world.start(JOINING);
    world.trade_until(epoch(2, 2));
    wait_until("the joining one is in epoch 2", || world.status(JOINING).epoch.get() >= 2);
    assert!(world.status(JOINING).votes);
    assert!(!world.status(leaving).votes || world.status(leaving).epoch.get() < 2, "it follows no further, or knows that it left");

    // Of the new committee's four one stops as well as the one that left: without the joined one there is no quorum.
    world.stop(leaving);
    world.stop(staying[0]);
    world.decide(&five);
    world.trade_until(epoch(3, 1));
    world.start(staying[0]);

    // Back on its folder in an epoch that is not its own: it votes for nothing, and is level when its own begins.
    world.start(leaving);
    assert!(!world.status(leaving).votes);
    world.trade_until(epoch(4, 1));
    wait_until("all five vote", || (0..5).all(|index| world.status(index).votes && world.status(index).epoch.get() >= 4));
    // Four of five are a quorum: with one of them stopped, the one that came back is needed.
    world.stop(staying[1]);
    world.trade_until(epoch(5, 2));

    let (back, joined) = (world.of(leaving), world.of(JOINING));
    for validator in [back, joined] {
        let format = *validator.ledger().store_format();
        assert_eq!((format.parameters, format.since.next()), (StoreParameters::COMPACT, epoch(2, 0)));
    }
    wait_until("the one that came back has the others' ledger", || {
        let (ours, theirs) = (back.ledger(), joined.ledger());
        ours.height() == theirs.height() && ours.digest() == theirs.digest()
    });
    wait_until("a checkpoint of the third group", || {
        joined.checkpoint().is_some_and(|checkpoint| checkpoint.statement.height >= epoch(4, 0))
    });
    // The first was signed when it had just joined: it may have to ask for it.
    wait_until("from the first group to the third", || joined.handovers().len() == 2);
    let (checkpoint, handovers) = (joined.checkpoint().unwrap(), joined.handovers());
    let mut keys = Keys::new(CHAIN, first_key);
    assert!(keys.verify(&checkpoint).is_err(), "not the first group's");
    handovers.iter().for_each(|handover| keys.take(handover).unwrap());
    assert_eq!(keys.verify(&checkpoint), Ok(()));
    wait_until("a checkpoint names the ledger behind its block", || {
        let (ledger, checkpoint) = (joined.ledger(), joined.checkpoint().unwrap().statement);
        ledger.height() == checkpoint.height && (ledger.root(), ledger.block()) == (checkpoint.state, checkpoint.block)
    });
    let light = Light::new(&world.cluster);
    let from_genesis = light.shows(JOINING, &light.by_genesis(), "by-genesis");
    assert!(from_genesis.present && from_genesis.epochs_walked >= 3, "over two changes, a step an epoch: {from_genesis:?}");
    let by_key = ["--group-key", &first_key.to_text(), "--chain", &CHAIN.to_string()].map(str::to_owned);
    let from_key = light.shows(JOINING, &by_key, "by-key");
    assert!(from_key.present && from_key.epochs_walked <= 2, "from checkpoint to certificate: {from_key:?}");

    // One comes back with an empty folder, after both changes, and leads others on as one does that was there.
    let mut config = world.cluster.config(staying[1]);
    (config.state_sync, config.directory) = (true, config.directory.join("fresh"));
    let fresh = Validator::start(config.clone()).unwrap();
    assert!(fresh.status().height >= epoch(4, 0), "it has the state before it votes");
    wait_until("the newcomer has the handovers of before its time", || fresh.handovers() == handovers);
    assert!(light.shows(staying[1], &light.by_genesis(), "later").epochs_walked >= 3);
    // Whoever restarts has them at once.
    wait_until("the newcomer is level", || fresh.status().height.get() + 2 >= world.status(JOINING).height.get());
    world.stop(staying[2]);
    world.start(staying[2]);
    assert_eq!(world.of(staying[2]).handovers(), handovers);
    // And the newcomer, in a later epoch than the certificate that it began with.
    fresh.stop().unwrap();
    let later = u32::try_from(world.status(JOINING).epoch.get()).unwrap() + 2;
    world.trade_until(epoch(later, 1));
    let fresh = Validator::start(config).unwrap();
    wait_until("the newcomer is back", || fresh.status().height >= epoch(later, 1));
    assert!(light.shows(staying[1], &light.by_genesis(), "later").epochs_walked >= u64::from(later) - 2);
    fresh.stop().unwrap();

    assert!(world.validators.iter().flatten().all(|validator| validator.evidence().is_empty()));
    world.link.stop();
    world.validators.into_iter().flatten().for_each(|validator| validator.stop().unwrap());
    for (receipt, trust, shown) in [("by-genesis", &light.by_genesis()[..], &from_genesis), ("by-key", &by_key[..], &from_key)] {
        let verified = light.verifies(trust, receipt);
        assert_eq!((verified.present, &verified.what), (true, &shown.what), "{receipt}");
    }
}
