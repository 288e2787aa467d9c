//! Validators on the deterministic runtime and a simulated network.

#![allow(dead_code, unreachable_pub, reason = "the tests of one file use a part")]

use crate::chain::Fixture;
use commonware_codec::{DecodeExt as _, Encode as _};
use commonware_consensus::simplex::types::{Finalize, Notarize, Proposal, Vote};
use commonware_cryptography::{Hasher as _, Sha256, ed25519, sha256};
use commonware_p2p::simulated::{self, Link, Network as SimulatedNetwork, Oracle};
use commonware_p2p::utils::mux::{self, GlobalSender};
use commonware_p2p::{Receiver as _, Recipients, Sender as _};
use commonware_runtime::{Clock as _, Handle, IoBuf, Quota, Spawner as _, Supervisor as _, deterministic};
use commonware_utils::{NZU32, NZUsize, probability};
use plinth_settlement::consensus::{self, Consensus, ConsensusConfig, Network, Scheme, namespace, participants};
use plinth_settlement::keys::{from_consensus, to_consensus};
use plinth_settlement::transport::Channel;
use plinth_settlement::transport::limits::SHARD_FRAME_SIZE_MAX;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, PublicKey, TimestampNs, ZoneId};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

type Context = deterministic::Context;
type Ends = (simulated::Sender<ed25519::PublicKey, Context>, simulated::Receiver<ed25519::PublicKey>);

/// How long a condition may take in simulated time.
const DEADLINE: Duration = Duration::from_secs(120);

/// How a validator misbehaves.
#[derive(Clone, Copy, Debug)]
pub enum Byzantine {
    /// Votes for what it sees, and for something else in the same view.
    Conflicter,
    /// Sends bytes that are no message, on every channel.
    Garbage,
}

pub struct Simulation {
    pub context: Context,
    pub fixture: Fixture,
    pub running: BTreeMap<usize, Consensus>,
    parents: BTreeMap<usize, Handle<()>>,
    oracle: Oracle<ed25519::PublicKey, Context>,
    keys: Vec<ed25519::PublicKey>,
    incarnation: u64,
}

impl Simulation {
    pub async fn new(context: Context, count: usize) -> Self {
        Self::of(context, Fixture::new(count as u8)).await
    }

    pub async fn of(context: Context, fixture: Fixture) -> Self {
        let count = fixture.keys.len();
        let keys: Vec<_> = fixture.keys.iter().map(|key| to_consensus(&key.public_key()).unwrap()).collect();
        let config = simulated::Config {
            max_size: SHARD_FRAME_SIZE_MAX as u32,
            max_peers_per_set: NZUsize!(64),
            disconnect_on_block: true,
            tracked_peer_sets: NZUsize!(1),
        };
        let (network, oracle) = SimulatedNetwork::new_with_peers(context.child("network"), config, keys.clone()).await;
        network.start();
        let simulation =
            Self { context, fixture, running: BTreeMap::new(), parents: BTreeMap::new(), oracle, keys, incarnation: 0 };
        let all: Vec<usize> = (0..count).collect();
        simulation.heal(&all, &all).await;
        simulation
    }

    /// Starts a validator on its storage, which outlives it.
    pub async fn start(&mut self, index: usize) {
        self.incarnation += 1;
        let context = self.context.child("validator").with_attribute("index", index).with_attribute("run", self.incarnation);
        let config = ConsensusConfig {
            genesis: Arc::clone(&self.fixture.genesis),
            key: self.fixture.keys[index].clone(),
            idle_interval: self.fixture.idle_interval,
            partition: format!("validator-{index}"),
            donors: Vec::new(),
        };
        let network = Network {
            votes: self.ends(index, Channel::Votes).await,
            certificates: self.ends(index, Channel::Certificates).await,
            resolver: self.ends(index, Channel::Resolver).await,
            blocks: self.ends(index, Channel::Blocks).await,
            backfill: self.ends(index, Channel::Backfill).await,
            gossip: self.ends(index, Channel::Gossip).await,
            shards: self.ends(index, Channel::Shards).await,
            blocker: self.oracle.control(self.keys[index].clone()),
            peers: self.oracle.manager(),
        };
        let (report, started) = futures::channel::oneshot::channel();
        // Tasks end with the one that started them, so aborting it is a crash.
        let parent = context.spawn(move |context| async move {
            let started = consensus::start(context, config, network).await.unwrap();
            assert!(report.send(started).is_ok());
            futures::future::pending::<()>().await;
        });
        self.running.insert(index, started.await.unwrap());
        self.parents.insert(index, parent);
    }

    /// Ends every task of a validator at once.
    pub async fn crash(&mut self, index: usize) {
        drop(self.running.remove(&index));
        let parent = self.parents.remove(&index).unwrap();
        parent.abort();
        let _aborted = parent.await;
    }

    pub async fn start_byzantine(&mut self, index: usize, kind: Byzantine) {
        let genesis = &self.fixture.genesis;
        let key = self.fixture.keys[index].to_consensus();
        let scheme = Scheme::signer(&namespace(genesis), participants(genesis), key).unwrap();
        let context = self.context.child("byzantine");
        match kind {
            Byzantine::Conflicter => {
                let votes = self.ends(index, Channel::Votes).await;
                context.spawn(move |_| contradict(scheme, votes));
            }
            Byzantine::Garbage => {
                let mut channels = Vec::new();
                for channel in Channel::ALL {
                    channels.push(self.ends(index, channel).await.0);
                }
                context.spawn(move |context| async move {
                    for round in 0_u8.. {
                        for channel in &mut channels {
                            let bytes = vec![round; 1 + usize::from(round) * 3];
                            channel.send(Recipients::All, IoBuf::from(bytes), false);
                        }
                        context.sleep(Duration::from_millis(50)).await;
                    }
                });
            }
        }
    }

    pub fn height(&self, index: usize) -> u64 {
        self.running[&index].chain.finalized().height().get()
    }

    pub fn zone_height(&self, index: usize) -> Height {
        self.running[&index].chain.finalized().zone(ZoneId::TRADING).unwrap().height()
    }

    pub fn zone_available(&self, index: usize) -> Height {
        self.running[&index].chain.finalized().zone(ZoneId::TRADING).unwrap().available()
    }

    pub fn now(&self) -> TimestampNs {
        TimestampNs::new(self.context.current().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64)
    }

    pub async fn wait_height(&self, validators: impl IntoIterator<Item = usize>, height: u64) {
        let validators: Vec<usize> = validators.into_iter().collect();
        self.wait_for("height", |simulation| validators.iter().all(|index| simulation.height(*index) >= height)).await;
    }

    pub async fn wait_for(&self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = self.context.current() + DEADLINE;
        while !holds(self) {
            let heights: Vec<_> = self.running.keys().map(|index| (*index, self.height(*index))).collect();
            assert!(self.context.current() < deadline, "not within {DEADLINE:?}: {what}; heights {heights:?}");
            self.context.sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn partition(&self, left: &[usize], right: &[usize]) {
        for (from, to) in across(left, right) {
            self.oracle.remove_link(self.keys[from].clone(), self.keys[to].clone()).await.unwrap();
        }
    }

    pub async fn heal(&self, left: &[usize], right: &[usize]) {
        for (from, to) in across(left, right) {
            let link =
                Link { latency: Duration::from_millis(10), jitter: Duration::from_millis(3), success_rate: probability!(0.99) };
            self.oracle.add_link(self.keys[from].clone(), self.keys[to].clone(), link).await.unwrap();
        }
    }

    /// Who blocks whom.
    pub async fn blocked(&self) -> Vec<(PublicKey, PublicKey)> {
        let pairs = self.oracle.blocked().await.unwrap();
        pairs.iter().map(|(by, blocked)| (from_consensus(by), from_consensus(blocked))).collect()
    }

    async fn ends(&self, index: usize, channel: Channel) -> Ends {
        let control = self.oracle.control(self.keys[index].clone());
        control.register(u64::from(channel.code()), Quota::per_second(NZU32!(4_096))).await.unwrap()
    }
}

/// Every ordered pair of two different validators with one on each side.
fn across(left: &[usize], right: &[usize]) -> Vec<(usize, usize)> {
    let mut pairs: Vec<_> = left.iter().flat_map(|from| right.iter().map(move |to| (*from, *to))).collect();
    pairs.extend(pairs.clone().into_iter().map(|(from, to)| (to, from)));
    pairs.retain(|(from, to)| from != to);
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// No two validators have different blocks of one height, nor different ledgers behind it.
pub fn assert_agreement(simulation: &Simulation) {
    let mut blocks: BTreeMap<u64, Digest> = BTreeMap::new();
    for validator in simulation.running.values() {
        for height in 1..=validator.chain.finalized().height().get() {
            let Some(recent) = validator.chain.recent(Height::new(height)) else { continue };
            let agreed = *blocks.entry(height).or_insert(recent.block.id());
            assert_eq!(agreed, recent.block.id(), "two blocks at height {height}");
        }
    }
    assert!(!blocks.is_empty());
}

async fn contradict(scheme: Scheme, (sender, mut receiver): Ends) {
    // Each epoch's engine has a share of the channel, and votes start with their epoch.
    let mut sender = GlobalSender::new(sender);
    let other = Sha256::hash(&[b"another block"]);
    while let Ok((_, message)) = receiver.recv().await {
        let Ok((epoch, message)) = mux::parse(message) else { continue };
        let Ok(vote) = Vote::<Scheme, sha256::Digest>::decode(message) else { continue };
        match vote {
            Vote::Notarize(vote) => {
                let conflict = Proposal::new(vote.round(), vote.proposal.parent, other);
                for proposal in [conflict, vote.proposal] {
                    let vote = Notarize::<Scheme, _>::sign(&scheme, proposal).unwrap();
                    sender.send(epoch, Recipients::All, Vote::Notarize(vote).encode(), true);
                }
            }
            Vote::Finalize(vote) => {
                let conflict = Proposal::new(vote.round(), vote.proposal.parent, other);
                for proposal in [conflict, vote.proposal] {
                    let vote = Finalize::<Scheme, _>::sign(&scheme, proposal).unwrap();
                    sender.send(epoch, Recipients::All, Vote::Finalize(vote).encode(), true);
                }
            }
            Vote::Nullify(_) => {}
        }
    }
}
