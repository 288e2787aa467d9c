//! The validators as one of them sees them: whom it tracks, who is connected, what waits for whom, who is blocked.

use super::client::ClientStream;
use super::identity::{AllowList, Identity};
use super::limits::{
    CLIENT_ACCEPT_QUEUE_MAX, INBOUND_BYTES_PER_PEER_MAX, INBOUND_FRAMES_PER_PEER_MAX, LANE_BYTES_MAX, LANE_FRAMES_MAX,
};
use super::members::Members;
use super::p2p::{Oracle, QuicReceiver, QuicSender};
use super::quic::{CloseReason, endpoint_config, server_config};
use super::{Channel, dial};
use crate::keys::from_consensus;
use bytes::Bytes;
use commonware_cryptography::ed25519::PublicKey;
use commonware_runtime::{Clock, IoBuf, Quota};
use commonware_utils::sync::{Mutex, MutexGuard};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::task::JoinSet;

/// What a transport needs.
#[derive(Clone, Debug)]
pub struct TransportConfig {
    /// This end's key.
    pub identity: Identity,
    /// Where to listen; `None` dials out only, from behind a NAT.
    pub listen: Option<SocketAddr>,
    /// Every validator that is or may become one, and where it listens if it does. Tracked from the start, until
    /// [`commonware_p2p::Manager::track`] says who is let in.
    pub validators: Vec<(PublicKey, Option<SocketAddr>)>,
    /// Keys of clients let in.
    pub clients: AllowList,
}

/// Why no transport could be started.
#[derive(Debug, Error)]
pub enum TransportError {
    /// A validator is listed twice.
    #[error("validator {0} is listed twice")]
    DuplicateKey(plinth_types::id::PublicKey),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The socket is gone.
    #[error("socket: {source}")]
    Socket {
        /// Why.
        source: std::io::Error,
    },
    /// TLS refused the configuration.
    #[error("TLS: {0}")]
    Tls(rustls::Error),
    /// The cryptography provider lacks the cipher of QUIC's first packets.
    #[error("the TLS provider has no cipher for QUIC initial packets")]
    NoInitialCipher,
}

/// A running transport. Dropping it ends its tasks and closes its socket.
#[derive(Debug)]
pub struct Transport {
    endpoint: quinn::Endpoint,
    hub: Arc<Hub>,
    inbound: BTreeMap<Channel, mpsc::Receiver<Inbound>>,
    clients: Option<mpsc::Receiver<ClientStream>>,
    _tasks: JoinSet<()>,
}

impl Transport {
    /// Listens, and starts dialling the validators that are this end's to dial. Needs a tokio runtime around it.
    ///
    /// # Errors
    ///
    /// [`TransportError`].
    pub fn start(config: TransportConfig) -> Result<Self, TransportError> {
        let me = config.identity.public_key();
        let mut book = BTreeMap::new();
        for (key, address) in config.validators {
            if book.insert(key.clone(), address).is_some() {
                return Err(TransportError::DuplicateKey(from_consensus(&key)));
            }
        }
        let listens = config.listen.is_some();
        let bind = config.listen.unwrap_or_else(|| dialling_address(book.values().flatten().next()));
        let socket = std::net::UdpSocket::bind(bind).map_err(|source| TransportError::Listen { address: bind, source })?;
        let handshake = AllowList::default();
        let server = if listens { Some(server_config(&config.identity, handshake.clone())?) } else { None };
        let endpoint = quinn::Endpoint::new(endpoint_config(&config.identity), server, socket, Arc::new(quinn::TokioRuntime))
            .map_err(|source| TransportError::Listen { address: bind, source })?;

        let (senders, receivers): (Vec<_>, Vec<_>) =
            Channel::ALL.iter().map(|_| mpsc::channel(INBOUND_FRAMES_PER_PEER_MAX * book.len().max(1))).unzip();
        let (client_sender, clients) = mpsc::channel(CLIENT_ACCEPT_QUEUE_MAX);
        let members = Members::new(me.clone(), config.clients, handshake);
        let hub = Arc::new(Hub {
            me: me.clone(),
            listens,
            book,
            members: Mutex::new(members),
            changed: watch::Sender::new(()),
            links: Mutex::default(),
            connected: watch::Sender::new(0),
            inbound: senders,
            clients: client_sender,
        });
        hub.track(0, hub.book.keys().cloned().collect());
        let mut tasks = JoinSet::new();
        tasks.spawn(dial::accept(endpoint.clone(), Arc::clone(&hub)));
        for (key, address) in &hub.book {
            if let (true, Some(address)) = (hub.dials(key), address) {
                let (endpoint, identity, hub) = (endpoint.clone(), config.identity.clone(), Arc::clone(&hub));
                tasks.spawn(dial::keep_connected(endpoint, identity, hub, key.clone(), *address));
            }
        }
        let inbound = Channel::ALL.into_iter().zip(receivers).collect();
        Ok(Self { endpoint, hub, inbound, clients: Some(clients), _tasks: tasks })
    }

    /// The two ends of a channel; each channel can be taken once.
    ///
    /// # Panics
    ///
    /// When the channel was taken before.
    pub fn register<C: Clock>(&mut self, channel: Channel, clock: C) -> (QuicSender<C>, QuicReceiver) {
        let inbound = self.inbound.remove(&channel).expect("a channel is registered once");
        let capacity = NonZeroUsize::new(inbound.max_capacity()).expect("a queue has room");
        let quota = Quota::per_second(channel.frames_per_second_max());
        (QuicSender::new(Arc::clone(&self.hub), channel, quota, clock), QuicReceiver::new(inbound, capacity))
    }

    /// Blocks peers and tells who they are.
    #[must_use]
    pub fn oracle(&self) -> Oracle {
        Oracle::new(Arc::clone(&self.hub))
    }

    /// The streams that clients open; can be taken once.
    ///
    /// # Panics
    ///
    /// When taken before.
    pub fn take_clients(&mut self) -> mpsc::Receiver<ClientStream> {
        self.clients.take().expect("client streams are taken once")
    }

    /// How many validators are connected, this one not counted, as it changes.
    #[must_use]
    pub fn connected(&self) -> watch::Receiver<usize> {
        self.hub.connected.subscribe()
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// When the socket is gone.
    pub fn local_address(&self) -> std::io::Result<SocketAddr> {
        self.endpoint.local_addr()
    }

    /// Tells every peer that this end stops, and waits until they were told.
    pub async fn close(mut self) {
        self._tasks.abort_all();
        self.endpoint.close(0_u32.into(), b"stopping");
        self.endpoint.wait_idle().await;
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        self.endpoint.close(0_u32.into(), b"stopping");
    }
}

/// A message as it waits for its reader; the permit is the peer's share of the queue.
#[derive(Debug)]
pub(super) struct Inbound {
    pub(super) peer: PublicKey,
    pub(super) message: IoBuf,
    pub(super) _share: OwnedSemaphorePermit,
}

/// State shared by the tasks and the p2p handles of one transport.
pub(super) struct Hub {
    pub(super) me: PublicKey,
    listens: bool,
    /// Who is or may become a validator, and where it listens.
    book: BTreeMap<PublicKey, Option<SocketAddr>>,
    members: Mutex<Members>,
    /// Wakes who waits for a change of the members.
    pub(super) changed: watch::Sender<()>,
    links: Mutex<BTreeMap<PublicKey, Arc<Link>>>,
    connected: watch::Sender<usize>,
    /// By channel index.
    inbound: Vec<mpsc::Sender<Inbound>>,
    pub(super) clients: mpsc::Sender<ClientStream>,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("me", &self.me).field("connected", &self.links.lock().len()).finish_non_exhaustive()
    }
}

impl Hub {
    /// Queues a message for one peer; `false` if it is offline or its lane is full.
    pub(super) fn push(&self, peer: &PublicKey, channel: Channel, message: &Bytes) -> bool {
        let link = self.links.lock().get(peer).cloned();
        link.is_some_and(|link| link.lanes[channel.index()].push(message.clone()))
    }

    /// Hands a message to the reader of its channel. There is room for what every validator of the book may have waiting; what a
    /// reconnected peer, or one that is not in the book, has beyond it is dropped.
    pub(super) fn deliver(&self, channel: Channel, inbound: Inbound) {
        let _dropped = self.inbound[channel.index()].try_send(inbound).is_err();
    }

    /// Whether this end is the one that dials `peer`: the lower key does, and whoever cannot be dialled.
    pub(super) fn dials(&self, peer: &PublicKey) -> bool {
        let reachable = self.book.get(peer).is_some_and(Option::is_some);
        *peer != self.me && reachable && (!self.listens || self.me < *peer)
    }

    /// Whether `peer` is a validator now, and not blocked.
    pub(super) fn admits(&self, peer: &PublicKey) -> bool {
        self.members.lock().admits(peer)
    }

    pub(super) fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock()
    }

    /// From now on these are the validators: others are cut off, and do not get through the handshake any more.
    pub(super) fn track(&self, index: u64, validators: BTreeSet<PublicKey>) {
        let Some(left) = self.members.lock().track(index, validators) else { return };
        self.changed.send_replace(());
        left.iter().for_each(|peer| self.cut(peer));
    }

    pub(super) fn block(&self, peer: &PublicKey) {
        self.members.lock().block(peer);
        self.cut(peer);
    }

    fn cut(&self, peer: &PublicKey) {
        if let Some(link) = self.links.lock().get(peer) {
            CloseReason::Refused.close(&link.connection);
        }
    }

    pub(super) fn link_up(&self, peer: &PublicKey, link: Arc<Link>) {
        let mut links = self.links.lock();
        if let Some(old) = links.insert(peer.clone(), link) {
            CloseReason::Replaced.close(&old.connection);
        }
        self.connected.send_replace(links.len());
    }

    pub(super) fn link_down(&self, peer: &PublicKey, connection: &quinn::Connection) {
        let mut links = self.links.lock();
        if links.get(peer).is_some_and(|link| link.connection.stable_id() == connection.stable_id()) {
            links.remove(peer);
        }
        self.connected.send_replace(links.len());
    }
}

/// Any port of the family that will be dialled.
fn dialling_address(remote: Option<&SocketAddr>) -> SocketAddr {
    match remote {
        Some(SocketAddr::V6(_)) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        Some(SocketAddr::V4(_)) | None => (Ipv4Addr::UNSPECIFIED, 0).into(),
    }
}

/// One connection to one validator.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) connection: quinn::Connection,
    lanes: Vec<Lane>,
}

impl Link {
    /// A link, and the reading ends of its lanes in the order of [`Channel::ALL`].
    pub(super) fn new(connection: quinn::Connection) -> (Self, Vec<LaneReader>) {
        let (lanes, readers) = Channel::ALL.iter().map(|_| Lane::new()).unzip();
        (Self { connection, lanes }, readers)
    }

    /// Each peer's shares of the inbound queues, in bytes.
    pub(super) fn shares() -> Vec<Arc<Semaphore>> {
        Channel::ALL.iter().map(|_| Arc::new(Semaphore::new(INBOUND_BYTES_PER_PEER_MAX))).collect()
    }
}

/// Messages for one peer and channel, bounded in count and in bytes.
#[derive(Debug)]
struct Lane {
    sender: mpsc::Sender<Bytes>,
    queued_size: Arc<AtomicUsize>,
}

#[derive(Debug)]
pub(super) struct LaneReader {
    receiver: mpsc::Receiver<Bytes>,
    queued_size: Arc<AtomicUsize>,
}

impl Lane {
    fn new() -> (Self, LaneReader) {
        let (sender, receiver) = mpsc::channel(LANE_FRAMES_MAX);
        let queued_size = Arc::new(AtomicUsize::new(0));
        (Self { sender, queued_size: Arc::clone(&queued_size) }, LaneReader { receiver, queued_size })
    }

    fn push(&self, message: Bytes) -> bool {
        let size = message.len();
        if self.queued_size.fetch_add(size, Ordering::Relaxed) + size > LANE_BYTES_MAX {
            self.queued_size.fetch_sub(size, Ordering::Relaxed);
            return false;
        }
        let queued = self.sender.try_send(message).is_ok();
        if !queued {
            self.queued_size.fetch_sub(size, Ordering::Relaxed);
        }
        queued
    }
}

impl LaneReader {
    /// Waits for messages and takes what is there; `false` when the link is gone.
    pub(super) async fn take(&mut self, batch: &mut Vec<Bytes>, count_max: usize) -> bool {
        let count = self.receiver.recv_many(batch, count_max).await;
        let size: usize = batch.iter().map(Bytes::len).sum();
        self.queued_size.fetch_sub(size, Ordering::Relaxed);
        count > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_lane_drops_the_newest_message() {
        let (lane, mut reader) = Lane::new();
        for _ in 0..LANE_FRAMES_MAX {
            assert!(lane.push(Bytes::from_static(b"old")));
        }
        assert!(!lane.push(Bytes::from_static(b"new")));
        let mut batch = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert!(runtime.block_on(reader.take(&mut batch, usize::from(u16::MAX))));
        assert_eq!(batch.len(), LANE_FRAMES_MAX);
        assert!(batch.iter().all(|message| message == "old"));
        assert!(lane.push(Bytes::from_static(b"new")));
    }

    #[test]
    fn a_lane_is_bounded_in_bytes() {
        let (lane, _reader) = Lane::new();
        let large = Bytes::from(vec![0; LANE_BYTES_MAX]);
        assert!(lane.push(large));
        assert!(!lane.push(Bytes::from_static(b"one more")));
    }
}
