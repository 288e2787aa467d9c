//! The ledger as this validator knows it: what is final, the children of that which are not, and what waits to be ordered.
//!
//! * Behind every block stands a ledger, which is a value, and a fork of the verifiable store, which has the root ([`Behind`]).
//! * A child's is kept while the child may still become final. When a block becomes final, every other child of its height and below is
//!   dropped.
//! * **The store lags one block behind**: its live state is the parent of the last final block, whose `pre_state` is its root. So every
//!   proof of a live fact has its certificate. It is durable before the block is acknowledged.
//! * Nothing here is locked across an await.

mod grow;
mod pool;
mod stores;

pub(super) use stores::to_write;
pub use stores::{Store, fork};

use super::Finalization;
use super::formats::{Formats, OpenStore};
use super::limits::{EVIDENCE_MAX, STATEMENTS_WAITING_MAX};
use super::observer::Evidence;
use crate::block::Block;
use crate::checkpoint::Statement;
use crate::genesis::Genesis;
use crate::ledger::facts::FactsError;
use crate::ledger::{BlockError, Checked, State, ZoneBlock};
use crate::mempool::Mempool;
use crate::stages::Stages;
use crate::store::{Fork, Live, StoreError};
use crate::wire::CertifiedHeads;
use crate::wire::limits::HEADS_MAX;
use commonware_utils::sync::{Mutex, Notify};
use plinth_types::digest::Digest;
use plinth_types::id::Height;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use stores::{Stores, stored_state};
use thiserror::Error;
use tokio::sync::{broadcast, watch};

/// The ledger of one validator. Clones share it.
#[derive(Clone)]
pub struct Chain(Arc<Shared>);

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chain").field("ledger", &self.0.ledger).finish_non_exhaustive()
    }
}

struct Shared {
    stores: Mutex<Stores>,
    formats: Arc<dyn Formats>,
    ledger: Mutex<Ledger>,
    stages: Mutex<Stages>,
    evidence: Mutex<VecDeque<Evidence>>,
    work: Notify,
    /// Its receivers wake in no fixed order: of those that act in a simulation there must be one only.
    height: watch::Sender<Height>,
    applied: Notify,
    statements: broadcast::Sender<Statement>,
}

#[derive(Debug)]
struct Ledger {
    finalized: Behind,
    children: BTreeMap<Digest, Child>,
    recent: VecDeque<Finalized>,
    certificates: VecDeque<Finalization>,
    /// Zone blocks that were ordered, until the rebuilder has taken note of them.
    ordered: VecDeque<ZoneBlock>,
    pool: Mempool,
}

/// What stands behind a block: the ledger, with its root, and the store's fork of that root.
#[derive(Clone, Debug)]
pub(super) struct Behind {
    pub(super) state: State,
    fork: Fork,
}

#[derive(Debug)]
struct Child {
    checked: Checked,
    fork: Fork,
}

/// Why a block cannot be put on top of another.
#[derive(Debug, Error)]
pub enum ChainError {
    /// It is invalid.
    #[error(transparent)]
    Block(#[from] BlockError),
    /// The store refused, which says nothing of the block.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored is no ledger of this chain.
    #[error("stored facts: {0}")]
    Facts(#[from] FactsError),
}

/// A finalized block with its own certificate, if this validator ever saw one: a block can also be final because a later one is.
#[derive(Clone, Debug)]
pub struct Finalized {
    /// The block.
    pub block: Block,
    /// Its certificate.
    pub certificate: Option<Finalization>,
}

impl Chain {
    /// The ledger that the store holds the facts of.
    ///
    /// # Errors
    ///
    /// [`ChainError`]: the store is of another chain, or damaged.
    pub async fn open(genesis: Arc<Genesis>, OpenStore { store, formats }: OpenStore) -> Result<Self, ChainError> {
        let (live, fork) = store.live().await?;
        let state = stored_state(genesis, &*store, live).await?;
        let height = watch::Sender::new(state.height());
        let ledger = Ledger {
            finalized: Behind { state, fork },
            children: BTreeMap::new(),
            recent: VecDeque::new(),
            certificates: VecDeque::new(),
            ordered: VecDeque::new(),
            pool: Mempool::new(),
        };
        Ok(Self(Arc::new(Shared {
            stores: Mutex::new(Stores { live: store, next: None }),
            formats,
            ledger: Mutex::new(ledger),
            stages: Mutex::default(),
            evidence: Mutex::default(),
            work: Notify::new(),
            height,
            applied: Notify::new(),
            statements: broadcast::Sender::new(STATEMENTS_WAITING_MAX),
        })))
    }

    /// Keeps the blocks up to the one that the ledger was opened behind, ascending, for clients that follow.
    pub(super) fn recall(&self, blocks: impl IntoIterator<Item = Finalized>) {
        let mut ledger = self.0.ledger.lock();
        if ledger.recent.is_empty() {
            ledger.recent.extend(blocks);
        }
    }

    /// The ledger behind the last finalized block.
    #[must_use]
    pub fn finalized(&self) -> State {
        self.0.ledger.lock().finalized.state.clone()
    }

    /// The store, of the state behind the parent of the last finalized block.
    #[must_use]
    pub fn store(&self) -> Arc<Store> {
        Arc::clone(&self.0.stores.lock().live)
    }

    /// The finalized blocks that follow a state of the store, up to the first of which a certificate was seen. `None` while there is
    /// none, or when the state is long gone.
    #[must_use]
    pub fn certified_after(&self, live: &Live) -> Option<CertifiedHeads> {
        let ledger = self.0.ledger.lock();
        let first = live.position.height.next();
        let skipped = first.get().checked_sub(ledger.recent.front()?.block.height().get())?;
        let blocks = ledger.recent.iter().skip(usize::try_from(skipped).ok()?);
        let mut heads = Vec::new();
        for Finalized { block, certificate } in blocks.take(HEADS_MAX) {
            heads.push(block.to_head());
            if let Some(certificate) = certificate {
                return Some(CertifiedHeads { heads, certificate: certificate.clone() });
            }
        }
        None
    }

    /// Height of the last finalized block that was applied, as it grows.
    #[must_use]
    pub fn height(&self) -> watch::Receiver<Height> {
        self.0.height.subscribe()
    }

    /// Wakes whoever waits for a height; all in the order in which they came.
    pub(super) fn applied(&self) -> &Notify {
        &self.0.applied
    }

    /// What there is to say of each block that becomes final from now on, for light clients.
    pub(super) fn statements(&self) -> broadcast::Receiver<Statement> {
        self.0.statements.subscribe()
    }

    /// A finalized block of the last few.
    #[must_use]
    pub fn recent(&self, height: Height) -> Option<Finalized> {
        let ledger = self.0.ledger.lock();
        let oldest = ledger.recent.front()?.block.height();
        let index = height.get().checked_sub(oldest.get())?;
        ledger.recent.get(usize::try_from(index).ok()?).cloned()
    }

    /// Whether this block is final, as far as the last few go.
    pub(super) fn is_final(&self, block: &Block) -> bool {
        self.recent(block.height()).is_some_and(|recent| recent.block.id() == block.id())
    }

    /// What was measured.
    pub fn with_stages<T>(&self, read: impl FnOnce(&mut Stages) -> T) -> T {
        read(&mut self.0.stages.lock())
    }

    /// Evidence of Byzantine validators, oldest first.
    #[must_use]
    pub fn evidence(&self) -> Vec<Evidence> {
        self.0.evidence.lock().iter().cloned().collect()
    }

    pub(super) fn add_evidence(&self, evidence: Evidence) {
        let mut kept = self.0.evidence.lock();
        if !planted!(EvidenceLost) && kept.len() < EVIDENCE_MAX && !kept.contains(&evidence) {
            kept.push_back(evidence);
        }
    }

    /// Wakes a proposer that waits for content.
    pub(super) fn work(&self) -> &Notify {
        &self.0.work
    }
}
