//! The one place where the consensus stack is generated for the deterministic runtime. Nothing outside is generic over it, so a
//! change elsewhere in the crate does not build the engine again.

use crate::chain::Chain;
use crate::limits::IDLE_INTERVAL;
use commonware_actor::Feedback;
use commonware_cryptography::ed25519;
use commonware_p2p::simulated::{Control, Manager, Receiver, Sender};
use commonware_p2p::{LimitedSender, PeerSetSubscription, Provider, Recipients, TrackedPeers};
use commonware_runtime::{Handle, Spawner as _, deterministic};
use commonware_utils::ordered::Set;
use futures::channel::oneshot;
use plinth_settlement::consensus::{self, Consensus, ConsensusConfig, Network};
use std::sync::Arc;
use std::time::SystemTime;

/// The runtime.
pub(crate) type Context = deterministic::Context;
/// A sender of the simulated network.
pub(crate) type Wire = Sender<ed25519::PublicKey, Context>;
/// Everything that a validator is connected to.
pub(crate) type Roads = Network<Road, Receiver<ed25519::PublicKey>, Control<ed25519::PublicKey, Context>, Peers>;

/// Lets in whom a validator lets in, and the observer, who hears all.
#[derive(Clone, Debug)]
pub(crate) struct Peers {
    manager: Manager<ed25519::PublicKey, Context>,
    observer: ed25519::PublicKey,
}

impl Peers {
    pub(crate) const fn new(manager: Manager<ed25519::PublicKey, Context>, observer: ed25519::PublicKey) -> Self {
        Self { manager, observer }
    }
}

impl Provider for Peers {
    type PublicKey = ed25519::PublicKey;

    async fn peer_set(&mut self, id: u64) -> Option<TrackedPeers<ed25519::PublicKey>> {
        self.manager.peer_set(id).await
    }

    async fn subscribe(&mut self) -> PeerSetSubscription<ed25519::PublicKey> {
        self.manager.subscribe().await
    }
}

impl commonware_p2p::Manager for Peers {
    fn track<R: Into<TrackedPeers<ed25519::PublicKey>> + Send>(&mut self, id: u64, peers: R) -> Feedback {
        let TrackedPeers { primary, .. } = peers.into();
        let observer = Set::from_iter_dedup([self.observer.clone()]);
        self.manager.track(id, TrackedPeers::new(primary, observer))
    }
}

/// A sender that reaches all peers, or only some: a twin speaks to its half.
#[derive(Clone)]
pub(crate) struct Road {
    wire: Wire,
    reaches: Option<Arc<[ed25519::PublicKey]>>,
}

impl Road {
    pub(crate) const fn new(wire: Wire, reaches: Option<Arc<[ed25519::PublicKey]>>) -> Self {
        Self { wire, reaches }
    }
}

impl std::fmt::Debug for Road {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Road").field("reaches", &self.reaches).finish_non_exhaustive()
    }
}

impl LimitedSender for Road {
    type PublicKey = ed25519::PublicKey;
    type Checked<'a> = <Wire as LimitedSender>::Checked<'a>;

    fn check(&mut self, recipients: Recipients<ed25519::PublicKey>) -> Result<Self::Checked<'_>, SystemTime> {
        let recipients = match (&self.reaches, recipients) {
            (None, recipients) => recipients,
            (Some(reaches), Recipients::All) => Recipients::Some(reaches.to_vec()),
            (Some(reaches), Recipients::Some(peers)) => {
                Recipients::Some(peers.into_iter().filter(|peer| reaches.contains(peer)).collect())
            }
            (Some(reaches), Recipients::One(peer)) => {
                Recipients::Some(Some(peer).filter(|peer| reaches.contains(peer)).into_iter().collect())
            }
        };
        self.wire.check(recipients)
    }
}

/// A validator that runs. Its tasks end with the one that started them, so aborting that one is a crash of the process: what was
/// written stays, as the page cache of a killed process does.
pub(crate) struct Validator {
    pub(crate) consensus: Consensus,
    parent: Handle<()>,
}

impl Validator {
    /// Starts on the storage of `partition`, which outlives the validator. `None` if it ended before it ran.
    pub(crate) async fn start(context: Context, chain: &Chain, index: usize, partition: String, roads: Roads) -> Option<Self> {
        let config = ConsensusConfig {
            genesis: Arc::clone(&chain.genesis),
            key: chain.validators[index].clone(),
            idle_interval: IDLE_INTERVAL,
            partition,
            donors: Vec::new(),
        };
        let (report, started) = oneshot::channel();
        let parent = context.spawn(move |context| async move {
            let consensus = consensus::start(context, config, roads).await.expect("the storage is this chain's");
            if report.send(consensus).is_ok() {
                futures::future::pending::<()>().await;
            }
        });
        let consensus = started.await.ok()?;
        Some(Self { consensus, parent })
    }

    /// Ends every task at once.
    pub(crate) async fn kill(self) {
        drop(self.consensus);
        self.parent.abort();
        let _aborted = self.parent.await;
    }
}
