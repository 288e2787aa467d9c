//! How the ledger grows: a block is checked on top of its parent, certified, and made final.

use super::{Behind, Chain, ChainError, Child, Finalized, Ledger, Stores, fork};
use crate::block::Block;
use crate::checkpoint::Statement;
use crate::consensus::Finalization;
use crate::consensus::limits::{CERTIFICATES_WAITING_MAX, ORDERED_BLOCKS_MAX, PRUNE_INTERVAL_BLOCKS, RECENT_BLOCKS_MAX};
use crate::digest::from_consensus;
use crate::ledger::{Checked, Outcome, State};
use crate::store::StoreError;
use plinth_types::digest::Digest;
use std::sync::Arc;

impl Chain {
    /// What stands behind a block that is final or a known child. Of the last block of a format that is known only when it is final.
    pub(in crate::consensus) fn behind(&self, block: Digest) -> Option<Behind> {
        let ledger = self.0.ledger.lock();
        if ledger.finalized.state.block() == block {
            return Some(ledger.finalized.clone());
        }
        let Child { checked, fork } = ledger.children.get(&block).filter(|child| !child.checked.state().ends_store_format())?;
        Some(Behind { state: checked.state().clone(), fork: fork.clone() })
    }

    pub(in crate::consensus) fn is_child(&self, block: Digest) -> bool {
        self.0.ledger.lock().children.contains_key(&block)
    }

    /// Checks a block on top of its parent, and keeps what stands behind it.
    pub(in crate::consensus) async fn check(&self, parent: &Behind, block: &Block) -> Result<Behind, ChainError> {
        // What the pool has verified, it remembers.
        let checked = parent.state.check(block, self.0.ledger.lock().pool.verifier())?;
        let child = self.child(parent, checked).await?;
        let behind = Behind { state: child.checked.state().clone(), fork: child.fork.clone() };
        let mut ledger = self.0.ledger.lock();
        if block.height() > ledger.finalized.state.height() {
            ledger.children.insert(block.id(), child);
        }
        Ok(behind)
    }

    /// Checks the next block with all its signatures and makes it final: for whoever has the whole chain and believes no certificate. Not
    /// beside consensus.
    ///
    /// # Errors
    ///
    /// [`ChainError`].
    pub async fn validate(&self, block: &Block) -> Result<(), ChainError> {
        let parent = self.0.ledger.lock().finalized.clone();
        self.check(&parent, block).await?;
        self.finalize(block).await
    }

    async fn child(&self, parent: &Behind, checked: Checked) -> Result<Child, StoreError> {
        let store = {
            let Stores { live, next } = &*self.0.stores.lock();
            Arc::clone(next.as_ref().unwrap_or(live))
        };
        let (checked, fork) = fork(&*store, &parent.fork, checked).await?;
        Ok(Child { checked, fork })
    }

    /// Gives a block of the last few its certificate, or keeps the certificate until its block is applied: either may come first.
    pub(in crate::consensus) fn certify(&self, certificate: Finalization) {
        let mut ledger = self.0.ledger.lock();
        let block = from_consensus(certificate.proposal.payload);
        if let Some(applied) = ledger.recent.iter_mut().rev().find(|recent| recent.block.id() == block) {
            applied.certificate = Some(certificate);
            return;
        }
        if ledger.certificates.len() == CERTIFICATES_WAITING_MAX {
            ledger.certificates.pop_front();
        }
        ledger.certificates.push_back(certificate);
    }

    /// Applies a finalized block; one that was applied before is left alone. When it returns, the state behind the block's parent is
    /// durable. One task calls this.
    ///
    /// # Errors
    ///
    /// [`ChainError`]. If the block is no valid child of the last one, more than a third of the validators are Byzantine, or the ledger
    /// has a bug: this validator must sign nothing any more.
    pub(in crate::consensus) async fn finalize(&self, block: &Block) -> Result<(), ChainError> {
        let (parent, known) = {
            let mut ledger = self.0.ledger.lock();
            if block.height() <= ledger.finalized.state.height() {
                return Ok(());
            }
            (ledger.finalized.clone(), ledger.children.remove(&block.id()))
        };
        let child = match known {
            Some(child) => child,
            None => self.child(&parent, parent.state.check_unsigned(block)?.finalized()).await?,
        };
        let begun = self.0.stores.lock().next.clone();
        let Child { checked, fork } = child;
        let mut behind = Behind { state: parent.state.clone(), fork };
        let outcome = behind.state.apply(checked);
        if behind.state.store_format().since == block.height() {
            behind = self.begin_format(behind.state).await?;
        }
        {
            let mut ledger = self.0.ledger.lock();
            ledger.finalize(block, behind, outcome);
            let Ledger { finalized, pool, .. } = &mut *ledger;
            pool.prune(&finalized.state);
        }
        self.0.height.send_replace(block.height());
        self.0.applied.notify_waiters();
        if let Some(begun) = begun {
            self.adopt(begun, parent.fork.position().height).await?;
        }
        let store = self.store();
        // At first the parent is what was opened, or made anew.
        if store.live().await?.0.position != parent.fork.position() {
            store.apply(parent.fork).await?;
        }
        if block.height().get().is_multiple_of(PRUNE_INTERVAL_BLOCKS) {
            store.prune().await?;
        }
        if self.0.statements.receiver_count() > 0 {
            let _nobody_listens = self.0.statements.send(statement(&self.finalized())).is_err();
        }
        Ok(())
    }
}

impl Ledger {
    fn finalize(&mut self, block: &Block, behind: Behind, outcome: Outcome) {
        self.finalized = behind;
        self.ordered.extend(outcome.ordered);
        while self.ordered.len() > ORDERED_BLOCKS_MAX {
            self.ordered.pop_front();
        }
        let height = self.finalized.state.height();
        self.children.retain(|_, child| child.checked.state().height() > height);
        let at = self.certificates.iter().position(|certificate| certificate.proposal.payload.0 == block.id().0);
        let certificate = at.and_then(|at| self.certificates.drain(..=at).next_back());
        if self.recent.len() == RECENT_BLOCKS_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(Finalized { block: block.clone(), certificate });
    }
}

fn statement(state: &State) -> Statement {
    Statement {
        chain: state.chain(),
        epoch: state.epoch().get(),
        height: state.height(),
        block: state.block(),
        time: state.time(),
        state: state.root(),
    }
}
