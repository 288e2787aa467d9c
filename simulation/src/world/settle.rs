//! The end of a life: everything healed, everybody level, everything judged.

use super::World;
use crate::coverage::Visited;
use crate::limits::{BLOCKS_AFTER_HEALING, PROGRESS_WITHIN, PROGRESS_WITHIN_EPOCHS, SETTLED_WITHIN, TICK};
use crate::oracle::Violation;
use commonware_runtime::Clock as _;
use plinth_settlement::consensus::Consensus;
use plinth_settlement::keys::from_consensus;

impl World<'_> {
    /// Heals everything, starts everybody, and waits until all are level and all that was sent is final.
    pub(super) async fn settle(&mut self) {
        self.heal().await;
        let all: Vec<usize> = (0..self.chain.validators.len()).collect();
        for index in all {
            self.start(index).await;
        }
        self.quiet = true;
        self.read_blocks();
        let (start, base) = (self.context.current(), self.outside.books().height());
        let mut progress = None;
        let progress_within = if self.plan.changes_committee() { PROGRESS_WITHIN_EPOCHS } else { PROGRESS_WITHIN };
        loop {
            self.pass(TICK).await;
            let now = self.context.current();
            let waited = now.duration_since(start).unwrap_or_default();
            let height = self.outside.books().height();
            if progress.is_none() && height > base {
                progress = Some(waited);
                self.outside.recoveries.push(waited);
            }
            let level = self.members().all(|validator| validator.chain.finalized().height().get() >= base + BLOCKS_AFTER_HEALING);
            // What validators say is final, certificates must say too.
            let certified = self.notes.lock().agreement.certified_height().get();
            if level && certified >= base + BLOCKS_AFTER_HEALING && self.outside.unfinished().is_none() {
                break;
            }
            if progress.is_none() && waited > progress_within {
                self.stuck(&format!("no block within {progress_within:?} of healing"));
                progress = Some(waited);
            }
            if waited > SETTLED_WITHIN {
                let what = self
                    .outside
                    .unfinished()
                    .unwrap_or_else(|| if level { format!("certificates end at {certified}") } else { "a validator".into() });
                self.stuck(&format!("not level within {SETTLED_WITHIN:?} of healing: {what}"));
                break;
            }
            if !self.notes.lock().violations.is_empty() {
                break;
            }
        }
        self.quiet = false;
        let compared = self.outside.compare();
        self.notes.lock().note(compared);
    }

    pub(super) fn stuck(&self, what: &str) {
        let heights: Vec<String> = self
            .running
            .iter()
            .map(|(index, validator)| format!("{index}: {}", validator.consensus.chain.finalized().height()))
            .collect();
        let violation = Violation::Liveness(format!("{what}; heights {}", heights.join(", ")));
        self.notes.lock().violations.push(violation);
    }

    pub(super) async fn leave(&mut self) {
        self.read_blocks();
        for validator in self.running.values() {
            self.outside.keep_evidence(&self.chain, self.plan, self.notes, &validator.consensus);
        }
        for (by, blocked) in self.oracle.blocked().await.unwrap_or_default() {
            let by = self.chain.index_of(&from_consensus(&by));
            let blocked = self.chain.index_of(&from_consensus(&blocked));
            let (Some(by), Some(blocked)) = (by, blocked) else { continue };
            if self.plan.byzantine.contains_key(&by) {
                continue;
            }
            let mut heard = self.notes.lock();
            heard.coverage.visit(Visited::PeerBlocked);
            if self.plan.byzantine.contains_key(&blocked) {
                self.outside.blocked.insert(blocked);
            } else {
                heard.violations.push(Violation::Evidence(format!("validator {by} blocks {blocked}, which is honest")));
            }
        }
    }

    pub(super) fn keep_evidence(&mut self, consensus: &Consensus) {
        self.outside.keep_evidence(&self.chain, self.plan, self.notes, consensus);
    }
}
