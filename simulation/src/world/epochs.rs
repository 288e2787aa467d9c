//! Who validates, and whether they can: committees that change, and the silence that must be when too few hear each other.

use super::{GLANCE, World};
use crate::coverage::Visited;
use crate::limits::{EPOCH_WITHIN, IN_FLIGHT};
use crate::oracle::Violation;
use crate::oracle::agreement::is_quorum;
use crate::wire::Heard;
use commonware_runtime::Clock as _;
use plinth_settlement::committee::Committee;
use plinth_settlement::consensus::Consensus;
use std::time::SystemTime;

/// A time in which nothing may become final.
#[derive(Clone, Copy, Debug)]
pub(super) struct Silence {
    /// When everything that was under way has come in.
    from: SystemTime,
    /// How many rounds were finalized then.
    certified: Option<usize>,
}

impl World<'_> {
    /// The running validators of the committee at work, as a client knows it.
    pub(super) fn members(&self) -> impl Iterator<Item = &Consensus> {
        let committee = self.outside.state().committee();
        let is_member = |index: usize| committee.contains(&self.chain.validators[index].public_key());
        self.running.iter().filter(move |(index, _)| is_member(**index)).map(|(_, validator)| &validator.consensus)
    }

    pub(super) async fn wait_for(&mut self, holds: impl Fn(&Self) -> bool) {
        let end = self.context.current() + EPOCH_WITHIN;
        while !holds(self) && self.context.current() < end && self.notes.lock().violations.is_empty() {
            self.pass(GLANCE).await;
        }
    }

    /// Waits until the epoch at work has at most `left` blocks to come.
    pub(super) async fn wait_epoch_end(&mut self, left: u64) {
        let blocks = u64::from(self.plan.epoch_blocks);
        self.wait_for(|world| {
            let highest = world.running.values().map(|validator| validator.consensus.chain.finalized().height().get()).max();
            highest.is_some_and(|height| blocks - 1 - height % blocks <= left)
        })
        .await;
    }

    pub(super) fn visit_committee(&self, before: &Committee, heard: &mut Heard) {
        let committee = self.outside.state().committee();
        if committee == before {
            return;
        }
        heard.coverage.visit(Visited::CommitteeChanged);
        if self.members().count() < usize::from(committee.count().get()) {
            heard.coverage.visit(Visited::CommitteeChangedWhileDown);
        }
    }

    /// While no validator can hear two thirds and one of the committee, no round may be finalized.
    pub(super) fn watch_quorum(&mut self) {
        if self.is_quorum_heard() {
            self.silence = None;
            return;
        }
        let now = self.context.current();
        let mut heard = self.notes.lock();
        let count = heard.agreement.certified_count();
        let silence = self.silence.get_or_insert(Silence { from: now + IN_FLIGHT, certified: None });
        match silence.certified {
            None if now >= silence.from => {
                silence.certified = Some(count);
                heard.coverage.visit(Visited::QuorumLost);
            }
            Some(certified) if count > certified => {
                heard.violations.push(Violation::Quorum("a block is final while nobody hears two thirds of the validators".into()));
            }
            None | Some(_) => {}
        }
    }

    /// Whether anybody, liars included, can collect the votes that make the next block final.
    fn is_quorum_heard(&self) -> bool {
        let books = self.outside.books();
        let committee: Vec<usize> =
            books.committees().at(books.height() + 1).iter().filter_map(|key| self.chain.index_of(key)).collect();
        let votes = |index: usize| self.running.contains_key(&index) || self.plan.byzantine.contains_key(&index);
        committee.iter().filter(|to| votes(**to)).any(|&to| {
            let hears = |from: usize| from == to || (votes(from) && !self.cut.contains(&(from, to)));
            is_quorum(committee.iter().filter(|from| hears(**from)).count(), committee.len())
        })
    }
}
