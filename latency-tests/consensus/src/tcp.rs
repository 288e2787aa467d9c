//! A validator over commonware's own transport, to measure ours against: the same consensus, archives and ledger.

use crate::chain::{Chain, IDLE_INTERVAL, Measured};
use commonware_actor::Feedback;
use commonware_cryptography::{ChaCha20Poly1305, Signer as _, ed25519};
use commonware_p2p::authenticated::lookup::{self, Oracle, Receiver, Sender};
use commonware_p2p::{AddressableManager as _, Manager, PeerSetSubscription, Provider, TrackedPeers};
use commonware_runtime::tokio::{Config, Context, Runner};
use commonware_runtime::{Quota, Runner as _, Supervisor as _};
use commonware_stream::cups::{self, Cups};
use commonware_stream::sake::{self, Sake};
use commonware_utils::ordered::{Map, Set};
use commonware_utils::{NZU32, NZUsize};
use plinth_settlement::consensus::{self, ConsensusConfig, Network};
use plinth_settlement::stages::Histograms;
use plinth_settlement::transport::Channel;
use plinth_settlement::transport::limits::SHARD_FRAME_SIZE_MAX;
use plinth_types::id::Height;
use std::collections::BTreeMap;
use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

const NAMESPACE: &[u8] = b"plinth/consensus-bench/tcp";
const MAILBOX_SIZE: usize = 1_024;
const STACK_SIZE: usize = 2 << 20;
const BLOCKING_THREADS_MAX: usize = 16;

/// A running validator.
pub(crate) struct TcpValidator {
    chain: consensus::Chain,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Measured for TcpValidator {
    fn height(&self) -> Height {
        *self.chain.height().borrow()
    }

    fn histograms(&self) -> Histograms {
        self.chain.with_stages(|stages| stages.histograms().clone())
    }
}

impl Drop for TcpValidator {
    fn drop(&mut self) {
        drop(self.stop.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            eprintln!("consensus-bench: a validator over TCP had panicked");
        }
    }
}

/// Starts one; it votes as soon as it has connections.
pub(crate) fn start(chain: &Chain, index: usize, folder: &Path) -> Result<TcpValidator, Box<dyn Error>> {
    let config = Config::new()
        .with_worker_threads(1)
        .with_max_blocking_threads(BLOCKING_THREADS_MAX)
        .with_thread_stack_size(STACK_SIZE)
        .with_tcp_nodelay(Some(true))
        .with_storage_directory(folder.join(format!("validator-{index}")));
    let key = chain.keys[index].clone();
    let addresses: BTreeMap<ed25519::PublicKey, SocketAddr> =
        chain.keys.iter().zip(&chain.addresses).map(|(key, address)| (key.to_consensus().public_key(), *address)).collect();
    let listen = chain.addresses[index];
    let genesis = chain.genesis.clone();
    let (stop, stopped) = oneshot::channel::<()>();
    let (report, started) = sync_channel(1);
    let thread = std::thread::Builder::new().stack_size(STACK_SIZE).spawn(move || {
        Runner::new(config).start(|context| async move {
            let handshake = Cups::<_, ChaCha20Poly1305>::new(
                Sake {
                    signer: key.to_consensus(),
                    synchrony_bound: Duration::from_secs(5),
                    max_handshake_age: Duration::from_secs(10),
                    version: sake::Version::V1,
                },
                cups::Version::V1,
            );
            let (count, size_max) = (NZUsize!(64), SHARD_FRAME_SIZE_MAX as u32);
            let settings = lookup::Config::local(handshake, NAMESPACE, listen, count, size_max, NZUsize!(MAILBOX_SIZE));
            let (mut network, oracle) = lookup::Network::new(context.child("network"), settings);
            let peers = Peers { oracle: oracle.clone(), addresses };
            let mut road = |channel: Channel| network.register(u64::from(channel.code()), Quota::per_second(NZU32!(4_096)));
            let roads: Network<Sender<ed25519::PublicKey, Context>, Receiver<ed25519::PublicKey>, _, _> = Network {
                votes: road(Channel::Votes),
                certificates: road(Channel::Certificates),
                resolver: road(Channel::Resolver),
                blocks: road(Channel::Blocks),
                backfill: road(Channel::Backfill),
                gossip: road(Channel::Gossip),
                shards: road(Channel::Shards),
                blocker: oracle,
                peers,
            };
            let settings = ConsensusConfig {
                genesis,
                key,
                idle_interval: IDLE_INTERVAL,
                partition: "settlement".to_owned(),
                donors: Vec::new(),
            };
            let running = match consensus::start(context.child("consensus"), settings, roads).await {
                Ok(running) => running,
                Err(error) => {
                    let _starter_gone = report.send(Err(error)).is_err();
                    return;
                }
            };
            network.start();
            if report.send(Ok(running.chain.clone())).is_ok() {
                // An error too means stop: the handle was dropped.
                let _stopped = stopped.await;
            }
        });
    })?;
    let chain = started.recv()??;
    Ok(TcpValidator { chain, stop: Some(stop), thread: Some(thread) })
}

/// Where the validators are.
#[derive(Clone, Debug)]
struct Peers {
    oracle: Oracle<ed25519::PublicKey>,
    addresses: BTreeMap<ed25519::PublicKey, SocketAddr>,
}

impl Provider for Peers {
    type PublicKey = ed25519::PublicKey;

    async fn peer_set(&mut self, id: u64) -> Option<TrackedPeers<ed25519::PublicKey>> {
        self.oracle.peer_set(id).await
    }

    async fn subscribe(&mut self) -> PeerSetSubscription<ed25519::PublicKey> {
        self.oracle.subscribe().await
    }
}

impl Manager for Peers {
    fn track<R: Into<TrackedPeers<ed25519::PublicKey>> + Send>(&mut self, id: u64, peers: R) -> Feedback {
        let members: Set<ed25519::PublicKey> = peers.into().union();
        let known = members.iter().filter_map(|key| self.addresses.get(key).map(|address| (key.clone(), (*address).into())));
        self.oracle.track(id, Map::from_iter_dedup(known))
    }
}
