//! Puts Byzantine validators in their places.

use super::World;
use crate::byzantine::{self, Behaviour, Line, Post};
use crate::engine::{Peers, Road, Validator};
use commonware_cryptography::ed25519;
use commonware_p2p::simulated::SplitTarget;
use commonware_runtime::Supervisor as _;
use plinth_settlement::consensus::Network;
use plinth_settlement::transport::Channel;
use std::sync::Arc;

impl World<'_> {
    pub(super) async fn start_byzantine(&mut self, index: usize, behaviour: Behaviour) {
        if behaviour == Behaviour::Twins {
            self.start_twins(index).await;
            return;
        }
        let context = self.life("byzantine", index);
        let mut lines = Vec::new();
        for channel in
            [Channel::Votes, Channel::Certificates, Channel::Resolver, Channel::Blocks, Channel::Backfill, Channel::Gossip]
        {
            lines.push(Line::new(channel, self.ends(index, channel).await));
        }
        let lines: [Line; 6] = lines.try_into().unwrap_or_else(|_| unreachable!("one line per channel"));
        let [votes, certificates, resolver, blocks, backfill, gossip] = lines;
        let (chain, scheme) = (Arc::clone(&self.chain), self.chain.scheme(index));
        let post = Post { chain, index, scheme, votes, certificates, resolver, blocks, backfill, gossip };
        self._actors.push(byzantine::spawn(context, behaviour, post));
    }

    /// Two stacks with one key: each hears and reaches one half of the others, and both are seen by the observer.
    pub(super) async fn start_twins(&mut self, index: usize) {
        let others: Vec<_> = (0..self.chain.peers.len()).filter(|other| *other != index).collect();
        let (left, right) = others.split_at(others.len().div_ceil(2));
        let halves = [left, right].map(|half| {
            let peers = half.iter().map(|&other| self.chain.peers[other].clone());
            peers.chain([self.chain.observer.clone()]).collect::<Arc<[_]>>()
        });
        let mut roads: [Vec<_>; 2] = [Vec::new(), Vec::new()];
        for channel in [
            Channel::Votes,
            Channel::Certificates,
            Channel::Resolver,
            Channel::Blocks,
            Channel::Backfill,
            Channel::Gossip,
            Channel::Shards,
        ] {
            let (sender, receiver) = self.ends(index, channel).await;
            let left = Arc::clone(&halves[0]);
            let context = self.life("split", index).with_attribute("channel", channel.code());
            let receivers =
                receiver.split_with(
                    context,
                    move |message: &(ed25519::PublicKey, commonware_runtime::IoBuf)| {
                        if left.contains(&message.0) { SplitTarget::Primary } else { SplitTarget::Secondary }
                    },
                );
            for (at, receiver) in [receivers.0, receivers.1].into_iter().enumerate() {
                roads[at].push((Road::new(sender.clone(), Some(Arc::clone(&halves[at]))), receiver));
            }
        }
        for (at, ends) in roads.into_iter().enumerate() {
            let ends: [_; 7] = ends.try_into().unwrap_or_else(|_| unreachable!("one road per channel"));
            let [votes, certificates, resolver, blocks, backfill, gossip, shards] = ends;
            let blocker = self.oracle.control(self.chain.peers[index].clone());
            let peers = Peers::new(self.oracle.manager(), self.chain.observer.clone());
            let network = Network { votes, certificates, resolver, blocks, backfill, gossip, shards, blocker, peers };
            let context = self.life("twin", index).with_attribute("twin", at);
            let started = Validator::start(context, &self.chain, index, format!("twin-{index}-{at}"), network).await;
            self.twins.extend(started);
        }
    }
}
