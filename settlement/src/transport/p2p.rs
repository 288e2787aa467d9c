//! The transport as `commonware-p2p` sees it: senders, receivers, the peer set, blocking.

use super::Channel;
use super::hub::{Hub, Inbound};
use bytes::Bytes;
use commonware_actor::{Feedback, Unreliable};
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::utils::limited::{self, Connected};
use commonware_p2p::{
    BlockedSubscription, Blocker, LimitedSender, Manager, Message, PeerSetSubscription, Provider, Receiver, Recipients,
    TrackedPeers, UnlimitedSender,
};
use commonware_runtime::{Clock, IoBufs, Quota};
use commonware_utils::channel::ring;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::sync::mpsc;

/// Sends on one channel, within a quota for each peer.
pub struct QuicSender<C: Clock>(limited::LimitedSender<C, Lanes, Peers>);

impl<C: Clock> QuicSender<C> {
    pub(super) fn new(hub: Arc<Hub>, channel: Channel, quota: Quota, clock: C) -> Self {
        Self(limited::LimitedSender::new(Lanes { hub: Arc::clone(&hub), channel }, quota, clock, Peers(hub)))
    }
}

impl<C: Clock> Clone for QuicSender<C> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<C: Clock> std::fmt::Debug for QuicSender<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("QuicSender").finish()
    }
}

impl<C: Clock> LimitedSender for QuicSender<C> {
    type PublicKey = PublicKey;
    type Checked<'a>
        = limited::CheckedSender<'a, Lanes>
    where
        Self: 'a;

    fn check(&mut self, recipients: Recipients<PublicKey>) -> Result<Self::Checked<'_>, SystemTime> {
        self.0.check(recipients)
    }
}

/// The outbound lanes of one channel.
#[derive(Clone, Debug)]
pub struct Lanes {
    hub: Arc<Hub>,
    channel: Channel,
}

impl UnlimitedSender for Lanes {
    type PublicKey = PublicKey;

    fn send(
        &mut self,
        recipients: Recipients<PublicKey>,
        message: impl Into<IoBufs> + Send,
        _priority: bool,
    ) -> Unreliable<Feedback> {
        let message: Bytes = message.into().coalesce().into();
        assert!(message.len() <= self.channel.frame_size_max(), "a message of {} bytes on {:?}", message.len(), self.channel);
        let push = |peer: &PublicKey| self.hub.push(peer, self.channel, &message);
        // Every lane is tried: `any` would stop at the first that takes it.
        let sent = match &recipients {
            Recipients::All => self.hub.members().peers().iter().map(push).filter(|sent| *sent).count(),
            Recipients::Some(peers) => peers.iter().map(push).filter(|sent| *sent).count(),
            Recipients::One(peer) => usize::from(push(peer)),
        };
        if sent > 0 { Unreliable::new(Feedback::Ok) } else { Unreliable::rejected() }
    }
}

/// The validators without this one.
#[derive(Clone, Debug)]
struct Peers(Arc<Hub>);

impl Connected for Peers {
    type PublicKey = PublicKey;

    fn peers(&self) -> Vec<PublicKey> {
        self.0.members().peers()
    }

    fn subscribe(&self) -> ring::Receiver<Vec<PublicKey>> {
        self.0.members().subscribe_peers()
    }
}

/// Receives on one channel.
#[derive(Debug)]
pub struct QuicReceiver {
    inbound: mpsc::Receiver<Inbound>,
    capacity: NonZeroUsize,
}

impl QuicReceiver {
    pub(super) const fn new(inbound: mpsc::Receiver<Inbound>, capacity: NonZeroUsize) -> Self {
        Self { inbound, capacity }
    }
}

/// The transport is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the transport is closed")]
pub struct Closed;

impl Receiver for QuicReceiver {
    type Error = Closed;
    type PublicKey = PublicKey;

    async fn recv(&mut self) -> Result<Message<PublicKey>, Closed> {
        self.inbound.recv().await.map(|inbound| (inbound.peer, inbound.message)).ok_or(Closed)
    }

    fn capacity(&self) -> NonZeroUsize {
        self.capacity
    }
}

/// Knows the validators of this epoch and the next, changes them, and blocks peers.
#[derive(Clone, Debug)]
pub struct Oracle(Arc<Hub>);

impl Oracle {
    pub(super) const fn new(hub: Arc<Hub>) -> Self {
        Self(hub)
    }

    /// Lets in one more client, for as long as the transport lives.
    pub fn let_in(&self, client: PublicKey) {
        self.0.members().let_in(client);
    }
}

impl Blocker for Oracle {
    type PublicKey = PublicKey;

    fn block(&mut self, peer: PublicKey) -> Feedback {
        self.0.block(&peer);
        Feedback::Ok
    }

    fn blocked(&mut self) -> BlockedSubscription<PublicKey> {
        self.0.members().subscribe_blocked()
    }
}

impl Provider for Oracle {
    type PublicKey = PublicKey;

    async fn peer_set(&mut self, _: u64) -> Option<TrackedPeers<PublicKey>> {
        Some(self.0.members().set())
    }

    async fn subscribe(&mut self) -> PeerSetSubscription<PublicKey> {
        self.0.members().subscribe_sets()
    }
}

impl Manager for Oracle {
    fn track<R>(&mut self, index: u64, validators: R) -> Feedback
    where
        R: Into<TrackedPeers<PublicKey>> + Send,
    {
        self.0.track(index, validators.into().union().into_iter().collect());
        Feedback::Ok
    }
}
