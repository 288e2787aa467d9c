//! Which links are up.

use super::World;
use crate::coverage::Visited;
use crate::plan::Moment;
use commonware_p2p::simulated::Link;
use commonware_utils::Probability;

impl World<'_> {
    pub(super) async fn split(&mut self, groups: &[Vec<usize>]) {
        let count = self.chain.validators.len();
        self.visit_split(groups);
        let together = |from: usize, to: usize| groups.iter().any(|group| group.contains(&from) && group.contains(&to));
        for (from, to) in pairs(count) {
            if !together(from, to) {
                self.cut.insert((from, to));
            }
        }
        self.link().await;
    }

    pub(super) fn visit_split(&self, groups: &[Vec<usize>]) {
        let count = self.chain.validators.len();
        let quorum = count - (count - 1) / 3;
        let mut heard = self.notes.lock();
        match heard.moment() {
            Moment::Proposed => heard.coverage.visit(Visited::CutWhileNotarizing),
            Moment::Notarized | Moment::Finalizing => heard.coverage.visit(Visited::CutWhileFinalizing),
            Moment::Any | Moment::Final | Moment::GivingUp => {}
        }
        if groups.iter().all(|group| group.len() < quorum) {
            heard.coverage.visit(Visited::CutWithoutQuorum);
        }
    }

    pub(super) async fn isolate(&mut self, index: usize) {
        self.cut.extend(pairs(self.chain.validators.len()).filter(|(from, to)| *from == index || *to == index));
        self.link().await;
    }

    pub(super) async fn rejoin(&mut self, index: usize) {
        self.cut.retain(|(from, to)| *from != index && *to != index);
        self.link().await;
    }

    pub(super) async fn heal(&mut self) {
        self.cut.clear();
        self.link().await;
    }

    /// Makes the network what it should be.
    pub(super) async fn link(&mut self) {
        let weather = self.plan.weather;
        let success_rate = Probability::new(100 - weather.loss_percent, 100).expect("a share of a hundred");
        let link = Link { latency: weather.latency, jitter: weather.jitter, success_rate };
        for pair in pairs(self.chain.validators.len()) {
            let (from, to) = (self.chain.peers[pair.0].clone(), self.chain.peers[pair.1].clone());
            if self.cut.contains(&pair) {
                if self.up.remove(&pair) {
                    self.oracle.remove_link(from, to).await.expect("the link is up");
                }
            } else if self.up.insert(pair) {
                self.oracle.add_link(from, to, link.clone()).await.expect("the link is down");
            }
        }
    }
}

/// Every ordered pair of two different validators.
fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).flat_map(move |from| (0..count).map(move |to| (from, to))).filter(|(from, to)| from != to)
}
