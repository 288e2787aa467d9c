//! A figure, not a test: how long finality takes among many validators in two regions, in simulated time.
//!
//! * Half of the validators in each region, [`FAR`] one way between them, [`NEAR`] inside; nothing is lost, nobody lies. The network has no
//!   bandwidth limit, a computation takes no time, a disk neither: what is left is the protocol's own rounds.
//! * Finality is measured at every validator and for every block: from the block's own time, which is its proposer's clock when it
//!   proposes, to the moment at which that validator applies it, read every [`GLANCE`].

use crate::chain::Chain;
use crate::engine::{Context, Peers, Road, Validator};
use crate::limits::MESSAGES_PER_SECOND;
use commonware_cryptography::ed25519;
use commonware_p2p::simulated::{self, Link, Network as SimulatedNetwork, Oracle};
use commonware_runtime::{Clock as _, Quota, Runner as _, Supervisor as _, deterministic};
use commonware_utils::{NZU32, NZUsize, probability};
use plinth_settlement::consensus::{Network, timestamp};
use plinth_settlement::limits::EPOCH_BLOCKS_DEFAULT;
use plinth_settlement::transport::Channel;
use plinth_settlement::transport::limits::SHARD_FRAME_SIZE_MAX;
use plinth_types::id::Height;
use std::time::Duration;

/// One way from region to region: mean and standard deviation.
pub const FAR: (Duration, Duration) = (Duration::from_millis(35), Duration::from_millis(5));
/// One way inside a region.
pub const NEAR: Duration = Duration::from_millis(1);
/// How often heights are read.
pub const GLANCE: Duration = Duration::from_millis(1);
/// Blocks before anything counts.
const WARM_UP_BLOCKS: u64 = 3;

/// What came of it.
#[derive(Clone, Debug)]
pub struct Figures {
    /// From proposal to finality at each validator, of each block, ascending.
    pub finality: Vec<Duration>,
    /// How long the blocks took.
    pub simulated: Duration,
}

impl Figures {
    /// So many of a hundred took at most this.
    #[must_use]
    pub fn percentile(&self, percent: usize) -> Duration {
        let at = (self.finality.len() * percent).div_ceil(100).clamp(1, self.finality.len().max(1)) - 1;
        self.finality.get(at).copied().unwrap_or_default()
    }
}

/// Lets so many validators make so many blocks.
#[must_use]
pub fn run(validators: usize, blocks: u64, seed: u64) -> Figures {
    let config = deterministic::Config::default().with_seed(seed);
    deterministic::Runner::new(config).start(|context| measure(context, validators, blocks))
}

async fn measure(context: Context, count: usize, blocks: u64) -> Figures {
    let all: Vec<usize> = (0..count).collect();
    let chain = Chain::new(count, &all, EPOCH_BLOCKS_DEFAULT);
    let config = simulated::Config {
        max_size: SHARD_FRAME_SIZE_MAX as u32,
        max_peers_per_set: NZUsize!(128),
        disconnect_on_block: true,
        tracked_peer_sets: NZUsize!(2),
    };
    let (network, oracle) = SimulatedNetwork::new_with_peers(context.child("network"), config, chain.peers.clone()).await;
    network.start();
    connect(&chain, &oracle).await;
    let mut running = Vec::new();
    for &index in &all {
        let roads = Network {
            votes: road(&chain, &oracle, index, Channel::Votes).await,
            certificates: road(&chain, &oracle, index, Channel::Certificates).await,
            resolver: road(&chain, &oracle, index, Channel::Resolver).await,
            blocks: road(&chain, &oracle, index, Channel::Blocks).await,
            backfill: road(&chain, &oracle, index, Channel::Backfill).await,
            gossip: road(&chain, &oracle, index, Channel::Gossip).await,
            shards: road(&chain, &oracle, index, Channel::Shards).await,
            blocker: oracle.control(chain.peers[index].clone()),
            peers: Peers::new(oracle.manager(), chain.observer.clone()),
        };
        let life = context.child("validator").with_attribute("index", index);
        let validator = Validator::start(life, &chain, index, format!("validator-{index}"), roads).await;
        running.push((validator.expect("a validator on an empty disk starts"), WARM_UP_BLOCKS));
    }
    let mut finality = Vec::new();
    while running.iter().any(|(_, read)| *read < WARM_UP_BLOCKS + blocks) {
        context.sleep(GLANCE).await;
        let now = timestamp(context.current()).get();
        for (validator, read) in &mut running {
            let height = validator.consensus.chain.finalized().height().get();
            while *read < height.min(WARM_UP_BLOCKS + blocks) {
                *read += 1;
                let block = validator.consensus.chain.recent(Height::new(*read)).expect("one of the last few").block;
                finality.push(Duration::from_nanos(now.saturating_sub(block.time().get())));
            }
        }
    }
    finality.sort_unstable();
    Figures { finality, simulated: Duration::from_nanos(timestamp(context.current()).get()) }
}

async fn connect(chain: &Chain, oracle: &Oracle<ed25519::PublicKey, Context>) {
    let count = chain.peers.len();
    for (from, to) in (0..count).flat_map(|from| (0..count).map(move |to| (from, to))).filter(|(from, to)| from != to) {
        // By turns, so that leaders alternate between the regions.
        let (latency, jitter) = if from % 2 == to % 2 { (NEAR, Duration::ZERO) } else { FAR };
        let link = Link { latency, jitter, success_rate: probability!(1.0) };
        oracle.add_link(chain.peers[from].clone(), chain.peers[to].clone(), link).await.expect("two peers");
    }
}

async fn road(
    chain: &Chain,
    oracle: &Oracle<ed25519::PublicKey, Context>,
    index: usize,
    channel: Channel,
) -> (Road, simulated::Receiver<ed25519::PublicKey>) {
    let quota = Quota::per_second(NZU32!(MESSAGES_PER_SECOND));
    let ends = oracle.control(chain.peers[index].clone()).register(u64::from(channel.code()), quota).await;
    let (sender, receiver) = ends.expect("a validator is a peer");
    (Road::new(sender, None), receiver)
}
