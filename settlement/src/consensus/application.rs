//! What simplex asks of the ledger: propose a block, verify a block, take a finalized one.

use super::chain::{Behind, Chain, ChainError};
use super::limits::{CLOCK_TOLERANCE, SETTLING_INTERVAL};
use super::lineage::Historian;
use super::{Context, Marshal, Runtime, Scheme, timestamp};
use crate::block::Block;
use crate::digest::from_consensus;
use commonware_actor::Feedback;
use commonware_consensus::marshal::Update;
use commonware_consensus::marshal::ancestry::Ancestry;
use commonware_consensus::types;
use commonware_cryptography::Digested;
use commonware_macros::select;
use commonware_utils::acknowledgement::{Acknowledgement as _, Exact};
use futures::StreamExt as _;
use futures::future::pending;
use plinth_types::digest::Digest;
use plinth_types::id::TimestampNs;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::mpsc;
use tracing::{debug, error, warn};

/// Proposes and verifies settlement blocks, and applies the finalized ones.
#[derive(Clone, Debug)]
pub struct Application {
    chain: Chain,
    idle_interval: Duration,
    finalized: mpsc::UnboundedSender<(Block, Exact)>,
}

impl Application {
    /// On top of a ledger; a proposer waits for content for up to `idle_interval`. The finalized blocks are for [`keep`].
    pub(super) fn new(chain: Chain, idle_interval: Duration) -> (Self, FinalizedBlocks) {
        let (finalized, blocks) = mpsc::unbounded_channel();
        (Self { chain, idle_interval, finalized }, blocks)
    }

    /// What stands behind `block`, whose ancestors come newest first. Blocks that were decided before a restart are checked again.
    /// `None` if the ancestors end, or the block is no descendant of what is final.
    async fn behind(&self, mut block: Digest, mut ancestry: impl Ancestry<Block>) -> Option<Behind> {
        let mut unknown = Vec::new();
        let mut behind = loop {
            if let Some(behind) = self.chain.behind(block) {
                break behind;
            }
            let ancestor = ancestry.next().await?.inner_shared();
            if ancestor.id() != block || ancestor.height() <= self.chain.finalized().height() {
                return None;
            }
            block = ancestor.parent();
            unknown.push(ancestor);
        };
        for ancestor in unknown.into_iter().rev() {
            let checked = self.chain.check(&behind, &ancestor).await;
            behind = checked.inspect_err(|error| warn!(height = %ancestor.height(), %error, "ancestor is invalid")).ok()?;
        }
        Some(behind)
    }

    /// Waits for something to order on top of a block, for as long as an idle chain waits.
    async fn propose_on<E: Runtime>(&self, runtime: &E, parent: &Behind) -> Option<Block> {
        let state = &parent.state;
        let interval = if state.awaits_blocks() { SETTLING_INTERVAL.min(self.idle_interval) } else { self.idle_interval };
        let deadline = runtime.current() + interval;
        let transactions = loop {
            let mut work = pin!(self.chain.work().notified());
            // Registered before the pool is read, so that nothing that comes in between is missed.
            work.as_mut().enable();
            let transactions = self.chain.select(state);
            if !transactions.is_empty() {
                break transactions;
            }
            select! {
                _ = &mut work => {},
                _ = runtime.sleep_until(deadline) => break Vec::new(),
            }
        };
        let now = timestamp(runtime.current());
        let time = now.max(TimestampNs::new(state.time().get() + 1));
        let block = state.propose(time, transactions);
        let checked = self.chain.check(parent, &block).await;
        checked.inspect_err(|error| warn!(height = %block.height(), %error, "own proposal is invalid")).ok()?;
        let now = timestamp(runtime.current());
        self.chain.with_stages(|stages| stages.block_proposed(block.id(), &Chain::headers(&block), now));
        Some(block)
    }
}

impl<E: Runtime> commonware_consensus::Application<E> for Application {
    type SigningScheme = Scheme;
    type Context = Context;
    type Block = Block;
    type Input = ();

    async fn propose(
        &mut self,
        (runtime, context): (E, Context),
        ancestry: impl Ancestry<Block>,
        (): (),
    ) -> Option<Digested<Block>> {
        let parent = self.behind(from_consensus(context.parent.1), ancestry).await?;
        let block = self.propose_on(&runtime, &parent).await?;
        let digest = crate::digest::to_consensus(block.id());
        Some(Digested::precomputed(block, digest))
    }

    async fn verify(&mut self, (runtime, context): (E, Context), mut ancestry: impl Ancestry<Block>) -> bool {
        let Some(block) = ancestry.next().await.map(|block| block.inner_shared()) else { return pending().await };
        let now = timestamp(runtime.current());
        self.chain.with_stages(|stages| stages.block_proposed(block.id(), &Chain::headers(&block), now));
        if !self.chain.is_child(block.id()) && !planted!(VoteUnchecked) {
            match self.behind(from_consensus(context.parent.1), ancestry).await {
                Some(parent) => match self.chain.check(&parent, &block).await {
                    Ok(_) => {}
                    Err(error @ ChainError::Block(_)) => {
                        warn!(height = %block.height(), proposer = %context.leader, %error, "refusing a block");
                        return false;
                    }
                    // A sibling became final meanwhile, or the store failed, which says nothing of the block.
                    Err(error @ (ChainError::Store(_) | ChainError::Facts(_))) => {
                        debug!(height = %block.height(), %error, "cannot verify a block");
                        return pending().await;
                    }
                },
                // Decided while it was on its way here.
                None if block.height() <= self.chain.finalized().height() => return self.chain.is_final(&block),
                // Its ancestors cannot be had now, which says nothing of it: this validator abstains.
                None => return pending().await,
            }
        }
        // A clock that is ahead is no reason to call a block invalid for good; the vote waits until the block is of today.
        let tolerance = u64::try_from(CLOCK_TOLERANCE.as_nanos()).unwrap_or(u64::MAX);
        loop {
            let ahead = block.time().get().saturating_sub(timestamp(runtime.current()).get());
            if ahead <= tolerance {
                return true;
            }
            runtime.sleep(Duration::from_nanos(ahead - tolerance)).await;
        }
    }
}

impl commonware_consensus::Reporter for Application {
    type Activity = Update<Block>;

    fn report(&mut self, update: Update<Block>) -> Feedback {
        match update {
            Update::Tip(..) => {}
            // The library hands out so many before the first is acknowledged; when nobody takes them any more, this validator stops.
            Update::Block(block, acknowledgement) => drop(self.finalized.send((block.inner().clone(), acknowledgement))),
        }
        Feedback::Ok
    }
}

/// Takes the finalized blocks of an [`Application`].
pub(super) type FinalizedBlocks = mpsc::UnboundedReceiver<(Block, Exact)>;

/// Applies finalized blocks and acknowledges each once it is durable. Ends when it cannot go on.
pub(super) async fn keep(chain: Chain, mut historian: Historian, archive: Marshal, mut blocks: FinalizedBlocks) {
    while let Some((block, acknowledgement)) = blocks.recv().await {
        if let Err(error) = chain.finalize(&block).await {
            error!(height = %block.height(), block = %block.id(), %error, "a finalized block cannot be applied");
            return;
        }
        // Who follows without a vote hears of certificates from the archive alone.
        if chain.recent(block.height()).is_some_and(|applied| applied.certificate.is_none())
            && let Some(certificate) = archive.get_finalization(types::Height::new(block.height().get())).await
        {
            chain.certify(certificate);
        }
        if let Err(error) = historian.note().await {
            error!(height = %block.height(), %error, "the step to the next epoch cannot be kept");
            return;
        }
        acknowledgement.acknowledge();
    }
}
