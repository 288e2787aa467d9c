//! Who is a validator now: let in, told of to those who ask, and cut off when that ends.

use super::identity::AllowList;
use commonware_cryptography::ed25519::PublicKey;
use commonware_p2p::{BlockedSubscription, PeerSetSubscription, PeerSetUpdate, TrackedPeers};
use commonware_utils::channel::{mpsc as unbounded, ring};
use commonware_utils::ordered::Set;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;

/// The validators of this epoch and the next, those blocked among them, and who wants to know.
pub(super) struct Members {
    me: PublicKey,
    index: u64,
    /// Without this validator.
    tracked: BTreeSet<PublicKey>,
    blocked: BTreeSet<PublicKey>,
    clients: AllowList,
    /// Whoever may come in at all: which protocol its key may speak is checked behind the handshake.
    handshake: AllowList,
    blocked_subscribers: Vec<ring::Sender<Set<PublicKey>>>,
    peer_subscribers: Vec<ring::Sender<Vec<PublicKey>>>,
    set_subscribers: Vec<unbounded::UnboundedSender<PeerSetUpdate<PublicKey>>>,
}

impl Members {
    /// Nobody but clients.
    pub(super) fn new(me: PublicKey, clients: AllowList, handshake: AllowList) -> Self {
        clients.keys().into_iter().for_each(|key| handshake.insert(key));
        Self {
            me,
            index: 0,
            tracked: BTreeSet::new(),
            blocked: BTreeSet::new(),
            clients,
            handshake,
            blocked_subscribers: Vec::new(),
            peer_subscribers: Vec::new(),
            set_subscribers: Vec::new(),
        }
    }

    /// These are the validators from now on. Returns who is one no more; `None` if the index is older than the last.
    pub(super) fn track(&mut self, index: u64, mut validators: BTreeSet<PublicKey>) -> Option<Vec<PublicKey>> {
        if index < self.index {
            return None;
        }
        validators.remove(&self.me);
        let left: Vec<_> = self.tracked.difference(&validators).cloned().collect();
        (self.index, self.tracked) = (index, validators);
        for key in left.iter().filter(|key| !self.clients.contains(key)) {
            self.handshake.remove(key);
        }
        for key in self.tracked.difference(&self.blocked) {
            self.handshake.insert(key.clone());
        }
        let (peers, update) = (self.peers(), self.update());
        self.peer_subscribers.retain(|subscriber| subscriber.send_lossy(peers.clone()));
        self.set_subscribers.retain(|subscriber| subscriber.send(update.clone()).is_ok());
        Some(left)
    }

    /// One more client, for good.
    pub(super) fn let_in(&mut self, client: PublicKey) {
        if !self.blocked.contains(&client) {
            self.handshake.insert(client.clone());
        }
        self.clients.insert(client);
    }

    pub(super) fn admits(&self, peer: &PublicKey) -> bool {
        self.tracked.contains(peer) && !self.blocked.contains(peer)
    }

    /// All but this one, ascending.
    pub(super) fn peers(&self) -> Vec<PublicKey> {
        self.tracked.iter().cloned().collect()
    }

    /// All, this one included.
    pub(super) fn set(&self) -> TrackedPeers<PublicKey> {
        TrackedPeers::primary(Set::from_iter_dedup(self.tracked.iter().cloned().chain([self.me.clone()])))
    }

    /// For good, whatever epochs come.
    pub(super) fn block(&mut self, peer: &PublicKey) {
        self.handshake.remove(peer);
        self.blocked.insert(peer.clone());
        let keys = Set::from_iter_dedup(self.blocked.iter().cloned());
        self.blocked_subscribers.retain(|subscriber| subscriber.send_lossy(keys.clone()));
    }

    pub(super) fn subscribe_blocked(&mut self) -> BlockedSubscription<PublicKey> {
        let (sender, receiver) = ring::channel(NonZeroUsize::MIN);
        sender.send_lossy(Set::from_iter_dedup(self.blocked.iter().cloned()));
        self.blocked_subscribers.push(sender);
        receiver
    }

    pub(super) fn subscribe_peers(&mut self) -> ring::Receiver<Vec<PublicKey>> {
        let (sender, receiver) = ring::channel(NonZeroUsize::MIN);
        sender.send_lossy(self.peers());
        self.peer_subscribers.push(sender);
        receiver
    }

    pub(super) fn subscribe_sets(&mut self) -> PeerSetSubscription<PublicKey> {
        let (sender, receiver) = unbounded::unbounded_channel();
        if sender.send(self.update()).is_ok() {
            self.set_subscribers.push(sender);
        }
        receiver
    }

    fn update(&self) -> PeerSetUpdate<PublicKey> {
        PeerSetUpdate { index: self.index, latest: self.set(), all: self.set() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use commonware_cryptography::Signer as _;
    use commonware_cryptography::ed25519::PrivateKey;

    fn key(seed: u64) -> PublicKey {
        PrivateKey::from_seed(seed).public_key()
    }

    #[test]
    fn who_leaves_is_let_in_no_more_and_who_is_blocked_never_again() {
        let (clients, handshake) = (AllowList::new([key(9), key(2)]), AllowList::default());
        let mut members = Members::new(key(0), clients, handshake.clone());
        assert_eq!(members.track(0, [key(0), key(1), key(2), key(3)].into()), Some(Vec::new()));
        assert!(members.admits(&key(1)) && !members.admits(&key(0)) && handshake.contains(&key(1)));
        members.block(&key(3));
        let left: BTreeSet<_> = members.track(1, [key(0), key(3), key(4)].into()).unwrap().into_iter().collect();
        assert_eq!(left, [key(1), key(2)].into());
        assert!(!handshake.contains(&key(1)), "a validator no more");
        assert!(!members.admits(&key(2)) && handshake.contains(&key(2)), "still a client");
        assert!(!members.admits(&key(3)) && !handshake.contains(&key(3)), "blocked for good");
        assert!(members.admits(&key(4)) && handshake.contains(&key(4)) && handshake.contains(&key(9)));
        assert_eq!(members.track(0, BTreeSet::new()), None, "an older epoch changes nothing");
        members.let_in(key(5));
        members.let_in(key(3));
        assert!(handshake.contains(&key(5)) && !handshake.contains(&key(3)), "nobody who is blocked comes in as a client");
        assert_eq!(members.track(2, [key(0), key(5)].into()).map(|left| left.len()), Some(2), "the blocked one too");
        members.track(3, [key(0)].into());
        assert!(handshake.contains(&key(5)), "a client whether it validates or not");
    }
}
