//! The tasks of a transport: accept, dial, write lanes, read lanes.

use super::Channel;
use super::client::serve_client;
use super::frame::{FrameError, FrameReader, head_of};
use super::hub::{Hub, Inbound, LaneReader, Link};
use super::identity::{ALPN_CLIENT, ALPN_VALIDATOR, Identity, peer_of};
use super::limits::{
    HANDSHAKE_TIMEOUT, HANDSHAKES_MAX, HANDSHAKES_UNVALIDATED_MAX, INBOUND_FRAME_CHARGE_MIN, REDIAL_DELAY_MAX, REDIAL_DELAY_MIN,
};
use super::quic::{CloseReason, SERVER_NAME, client_config};
use bytes::Bytes;
use commonware_cryptography::ed25519::PublicKey;
use commonware_runtime::IoBuf;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{debug, warn};

/// Version byte that opens every stream between validators.
const STREAM_VERSION: u8 = 1;
/// Frames written in one go.
const WRITE_BATCH_MAX: usize = 32;

/// Accepts connections for as long as the endpoint lives.
pub(super) async fn accept(endpoint: quinn::Endpoint, hub: Arc<Hub>) {
    let mut connections = JoinSet::new();
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    while let Some(incoming) = endpoint.accept().await {
        while connections.try_join_next().is_some() {}
        let Ok(permit) = Arc::clone(&handshakes).try_acquire_owned() else {
            incoming.refuse();
            continue;
        };
        let under_way = HANDSHAKES_MAX - handshakes.available_permits();
        if under_way > HANDSHAKES_UNVALIDATED_MAX && !incoming.remote_address_validated() {
            // Costs one small packet and no cryptography with keys; whoever comes back from that address goes on.
            let _validated_meanwhile = incoming.retry().is_err();
            continue;
        }
        let hub = Arc::clone(&hub);
        connections.spawn(async move {
            let Ok(Ok(connection)) = timeout(HANDSHAKE_TIMEOUT, incoming).await else { return };
            drop(permit);
            serve(connection, &hub).await;
        });
    }
}

async fn serve(connection: quinn::Connection, hub: &Arc<Hub>) {
    let Some((peer, protocol)) = peer_of(&connection) else {
        CloseReason::Refused.close(&connection);
        return;
    };
    if protocol == ALPN_CLIENT {
        serve_client(connection, peer, &hub.clients).await;
    } else if protocol == ALPN_VALIDATOR && hub.admits(&peer) && !hub.dials(&peer) {
        run_link(connection, peer, hub).await;
    } else {
        CloseReason::Refused.close(&connection);
    }
}

/// Dials one validator again and again, while it is one and for as long as the transport lives.
pub(super) async fn keep_connected(
    endpoint: quinn::Endpoint,
    identity: Identity,
    hub: Arc<Hub>,
    peer: PublicKey,
    address: SocketAddr,
) {
    let mut delay = REDIAL_DELAY_MIN;
    let mut changed = hub.changed.subscribe();
    loop {
        while !hub.admits(&peer) {
            if changed.changed().await.is_err() {
                return;
            }
        }
        match dial(&endpoint, &identity, &peer, address).await {
            Some(connection) => {
                delay = REDIAL_DELAY_MIN;
                run_link(connection, peer.clone(), &hub).await;
            }
            None => delay = (delay * 2).min(REDIAL_DELAY_MAX),
        }
        sleep(delay).await;
    }
}

async fn dial(endpoint: &quinn::Endpoint, identity: &Identity, peer: &PublicKey, address: SocketAddr) -> Option<quinn::Connection> {
    let config = client_config(identity, peer, ALPN_VALIDATOR).inspect_err(|error| warn!(%peer, %error, "cannot dial")).ok()?;
    let connecting = endpoint.connect_with(config, address, SERVER_NAME);
    let connecting = connecting.inspect_err(|error| warn!(%peer, %address, %error, "cannot dial")).ok()?;
    let connection = timeout(HANDSHAKE_TIMEOUT, connecting).await.ok()?;
    connection.inspect_err(|error| debug!(%peer, %address, %error, "handshake failed")).ok()
}

/// Carries a connection to a validator until it ends.
async fn run_link(connection: quinn::Connection, peer: PublicKey, hub: &Arc<Hub>) {
    let (link, lanes) = Link::new(connection.clone());
    let mut tasks = JoinSet::new();
    for (channel, lane) in Channel::ALL.into_iter().zip(lanes) {
        tasks.spawn(write_lane(connection.clone(), channel, lane));
    }
    hub.link_up(&peer, Arc::new(link));
    debug!(%peer, "connected");
    let shares = Link::shares();
    while let Ok(stream) = connection.accept_uni().await {
        let (connection, peer, hub, shares) = (connection.clone(), peer.clone(), Arc::clone(hub), shares.clone());
        tasks.spawn(async move {
            if let Err(violation) = read_lane(stream, &peer, &hub, &shares).await {
                warn!(%peer, %violation, "closing the connection");
                CloseReason::ProtocolViolation.close(&connection);
            }
        });
    }
    hub.link_down(&peer, &connection);
    debug!(%peer, "disconnected");
}

async fn write_lane(connection: quinn::Connection, channel: Channel, mut lane: LaneReader) {
    let Ok(mut stream) = connection.open_uni().await else { return };
    let _stream_gone = stream.set_priority(channel.priority()).is_err();
    if stream.write_all(&[STREAM_VERSION, channel.code()]).await.is_err() {
        return;
    }
    let mut batch = Vec::with_capacity(WRITE_BATCH_MAX);
    while lane.take(&mut batch, WRITE_BATCH_MAX).await {
        let mut chunks: Vec<Bytes> = batch.drain(..).flat_map(|message| [head_of(&message), message]).collect();
        if stream.write_all_chunks(&mut chunks).await.is_err() {
            return;
        }
    }
}

/// What a peer may not do; its connection is closed.
#[derive(Debug, thiserror::Error)]
enum Violation {
    #[error("stream of version {version} and channel {channel}")]
    UnknownStream { version: u8, channel: u8 },
    #[error("{channel:?}: {error}")]
    Frame { channel: Channel, error: FrameError },
}

async fn read_lane(mut stream: quinn::RecvStream, peer: &PublicKey, hub: &Hub, shares: &[Arc<Semaphore>]) -> Result<(), Violation> {
    let mut head = [0; 2];
    if stream.read_exact(&mut head).await.is_err() {
        return Ok(());
    }
    let [version, code] = head;
    let channel = Channel::from_code(code).filter(|_| version == STREAM_VERSION);
    let channel = channel.ok_or(Violation::UnknownStream { version, channel: code })?;
    let mut frames = FrameReader::new(stream);
    let mut pace = Pace::new(channel.frames_per_second_max().get());
    loop {
        match read_next(&mut frames, channel, &mut pace, &shares[channel.index()]).await {
            Ok(Some((frame, share))) => {
                hub.deliver(channel, Inbound { peer: peer.clone(), message: IoBuf::from(frame), _share: share });
            }
            Ok(None) | Err(FrameError::Read(_) | FrameError::Write(_)) => return Ok(()),
            Err(error @ (FrameError::TooLarge { .. } | FrameError::Truncated)) => {
                return Err(Violation::Frame { channel, error });
            }
        }
    }
}

/// The next frame, once its peer's share of the queue has room for it. Not reading is what slows the sender down: QUIC's flow control
/// does the rest.
async fn read_next(
    frames: &mut FrameReader,
    channel: Channel,
    pace: &mut Pace,
    share: &Arc<Semaphore>,
) -> Result<Option<(Bytes, OwnedSemaphorePermit)>, FrameError> {
    let Some(size) = frames.next_size(channel.frame_size_max()).await? else { return Ok(None) };
    let charge = u32::try_from(size.max(INBOUND_FRAME_CHARGE_MIN)).expect("a frame with a bound");
    let Ok(charged) = Arc::clone(share).acquire_many_owned(charge).await else { return Ok(None) };
    pace.step().await;
    let frame = frames.next(channel.frame_size_max()).await?;
    Ok(frame.map(|frame| (frame, charged)))
}

/// Lets a given number of steps pass in a second, in bursts of at most as many.
struct Pace {
    interval: Duration,
    burst: Duration,
    next: Instant,
}

impl Pace {
    fn new(steps_per_second: u32) -> Self {
        let second = Duration::from_secs(1);
        Self { interval: second / steps_per_second, burst: second, next: Instant::now() }
    }

    async fn step(&mut self) {
        let now = Instant::now();
        self.next = self.next.max(now - self.burst) + self.interval;
        if self.next > now {
            sleep_until(self.next).await;
        }
    }
}
