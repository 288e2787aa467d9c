//! The ledger as this validator knows it: what is final, the children of that which are not, and what waits to be ordered.
//!
//! A child's ledger is kept while the child may still become final. When a block becomes final, every other child of its height
//! and below is dropped. Nothing here is locked across an await.

use super::Finalization;
use super::limits::{CERTIFICATES_WAITING_MAX, EVIDENCE_MAX, ORDERED_BLOCKS_MAX, RECENT_BLOCKS_MAX};
use super::observer::Evidence;
use crate::block::{Block, SignedDeposit, Transaction, header_id};
use crate::dispersal::FraudProof;
use crate::genesis::Genesis;
use crate::ledger::{BlockError, Checked, State, ZoneBlock};
use crate::mempool::{Inserted, Mempool, PoolError};
use crate::receipt::{BodyStatement, Receipt, SignedReceipt, Word};
use crate::stages::Stages;
use commonware_utils::sync::{Mutex, Notify};
use plinth_types::block::{SignedHeader, ZoneHeader};
use plinth_types::digest::Digest;
use plinth_types::id::{Height, PublicKey, TimestampNs};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio::sync::watch;

/// The ledger of one validator. Clones share it.
#[derive(Clone, Debug)]
pub struct Chain(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    ledger: Mutex<Ledger>,
    stages: Mutex<Stages>,
    evidence: Mutex<VecDeque<Evidence>>,
    work: Notify,
    height: watch::Sender<Height>,
}

#[derive(Debug)]
struct Ledger {
    finalized: State,
    children: BTreeMap<Digest, Checked>,
    recent: VecDeque<Finalized>,
    certificates: VecDeque<Finalization>,
    /// Zone blocks that were ordered, until the rebuilder has taken note of them.
    ordered: VecDeque<ZoneBlock>,
    pool: Mempool,
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
    /// The ledger behind the genesis block.
    #[must_use]
    pub fn new(genesis: Arc<Genesis>) -> Self {
        let finalized = State::genesis(genesis);
        let height = watch::Sender::new(finalized.height());
        let ledger = Ledger {
            finalized,
            children: BTreeMap::new(),
            recent: VecDeque::new(),
            certificates: VecDeque::new(),
            ordered: VecDeque::new(),
            pool: Mempool::new(),
        };
        Self(Arc::new(Shared {
            ledger: Mutex::new(ledger),
            stages: Mutex::default(),
            evidence: Mutex::default(),
            work: Notify::new(),
            height,
        }))
    }

    /// The ledger behind the last finalized block.
    #[must_use]
    pub fn finalized(&self) -> State {
        self.0.ledger.lock().finalized.clone()
    }

    /// Height of the last finalized block that was applied, as it grows.
    #[must_use]
    pub fn height(&self) -> watch::Receiver<Height> {
        self.0.height.subscribe()
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

    /// The ledger behind a block that is final or a known child.
    pub(super) fn state_behind(&self, block: Digest) -> Option<State> {
        let ledger = self.0.ledger.lock();
        if ledger.finalized.block() == block {
            return Some(ledger.finalized.clone());
        }
        ledger.children.get(&block).map(|checked| checked.state().clone())
    }

    pub(super) fn is_child(&self, block: Digest) -> bool {
        self.0.ledger.lock().children.contains_key(&block)
    }

    /// What a block on top of `state` should do.
    pub(super) fn select(&self, state: &State) -> Vec<Transaction> {
        self.0.ledger.lock().pool.propose(state, usize::MAX)
    }

    /// Takes a deposit into the pool.
    pub(super) fn insert_deposit(&self, signed: SignedDeposit) -> Result<Inserted, PoolError> {
        self.insert(|pool, state| pool.insert_deposit(state, signed))
    }

    /// Takes a header into the pool; `now` is this host's clock.
    pub(super) fn insert_header(&self, signed: &SignedHeader, now: TimestampNs) -> Result<Inserted, PoolError> {
        let inserted = self.insert(|pool, state| pool.insert_header(state, signed.clone()))?;
        if inserted != Inserted::Known {
            self.with_stages(|stages| stages.header_received(header_id(&signed.header), signed.header.time, now));
        }
        Ok(inserted)
    }

    /// Takes a receipt into the pool.
    pub(crate) fn insert_receipt(&self, signed: SignedReceipt) -> Result<Inserted, PoolError> {
        self.insert(|pool, state| pool.insert_receipt(state, signed))
    }

    /// Zone blocks that were ordered since this was asked last, as far as the last few go.
    pub(crate) fn take_ordered(&self) -> Vec<ZoneBlock> {
        self.0.ledger.lock().ordered.drain(..).collect()
    }

    /// Takes a proof of fraud into the pool.
    pub(crate) fn insert_fraud(&self, proof: FraudProof) -> Result<Inserted, PoolError> {
        self.insert(|pool, state| pool.insert_fraud(state, proof))
    }

    fn insert(&self, insert: impl FnOnce(&mut Mempool, &State) -> Result<Inserted, PoolError>) -> Result<Inserted, PoolError> {
        let mut ledger = self.0.ledger.lock();
        let Ledger { finalized, pool, .. } = &mut *ledger;
        let inserted = insert(pool, finalized)?;
        drop(ledger);
        if inserted != Inserted::Known {
            self.0.work.notify_waiters();
        }
        Ok(inserted)
    }

    /// The receipt that a validator gave for a header that waits.
    pub(super) fn receipt_of(&self, validator: &PublicKey, header: &ZoneHeader, id: Digest) -> Option<SignedReceipt> {
        let ledger = self.0.ledger.lock();
        let waiting = ledger.pool.headers(header.zone).find(|candidate| candidate.id() == id)?;
        let receipt: Receipt = *waiting.receipts().find(|receipt| receipt.validator == *validator)?;
        let index = ledger.finalized.committee().index_of(validator)?;
        Some(SignedReceipt { statement: BodyStatement::of(header, id), word: Word::ShardChecked { index }, receipt })
    }

    /// Checks a block on top of its parent's ledger and keeps the outcome.
    pub(super) fn check(&self, parent: &State, block: &Block) -> Result<State, BlockError> {
        let mut ledger = self.0.ledger.lock();
        // What the pool has verified, it remembers.
        let checked = parent.check(block, ledger.pool.verifier())?;
        let state = checked.state().clone();
        if block.height() > ledger.finalized.height() {
            ledger.children.insert(block.id(), checked);
        }
        Ok(state)
    }

    /// Keeps a certificate until its block is applied.
    pub(super) fn certify(&self, certificate: Finalization) {
        let mut ledger = self.0.ledger.lock();
        if ledger.certificates.len() == CERTIFICATES_WAITING_MAX {
            ledger.certificates.pop_front();
        }
        ledger.certificates.push_back(certificate);
    }

    /// Applies a stored block when the validator starts.
    pub(super) fn replay(&self, block: &Block) -> Result<(), BlockError> {
        let mut ledger = self.0.ledger.lock();
        let checked = ledger.finalized.check_unsigned(block)?.finalized();
        ledger.finalize(block, checked);
        self.0.height.send_replace(block.height());
        Ok(())
    }

    /// Applies a finalized block; one that was applied before is left alone.
    ///
    /// # Panics
    ///
    /// If the block is no valid child of the last one: more than a third of the validators are Byzantine, or the ledger has a bug,
    /// and this validator must sign nothing any more.
    pub(super) fn finalize(&self, block: &Block) {
        let mut ledger = self.0.ledger.lock();
        if block.height() <= ledger.finalized.height() {
            return;
        }
        let known = ledger.children.remove(&block.id());
        let checked = known.unwrap_or_else(|| match ledger.finalized.check_unsigned(block) {
            Ok(unverified) => unverified.finalized(),
            Err(error) => panic!("finalized block {} at height {} is invalid: {error}", block.id(), block.height()),
        });
        ledger.finalize(block, checked);
        let Ledger { finalized, pool, .. } = &mut *ledger;
        pool.prune(finalized);
        drop(ledger);
        self.0.height.send_replace(block.height());
    }

    /// Headers that a block orders, with the time each was executed.
    pub(super) fn headers(block: &Block) -> Vec<(Digest, TimestampNs)> {
        let header = |transaction: &Transaction| match transaction {
            Transaction::Header(ordered) => Some((header_id(&ordered.signed.header), ordered.signed.header.time)),
            Transaction::Deposit(_)
            | Transaction::Governed(_)
            | Transaction::Instruct(_)
            | Transaction::Outbox(_)
            | Transaction::Verdict(_)
            | Transaction::Exit(_)
            | Transaction::Body(_)
            | Transaction::Fraud(_) => None,
        };
        block.transactions().iter().filter_map(header).collect()
    }
}

impl Ledger {
    fn finalize(&mut self, block: &Block, checked: Checked) {
        let outcome = self.finalized.apply(checked);
        self.ordered.extend(outcome.ordered);
        while self.ordered.len() > ORDERED_BLOCKS_MAX {
            self.ordered.pop_front();
        }
        let height = self.finalized.height();
        self.children.retain(|_, child| child.state().height() > height);
        let at = self.certificates.iter().position(|certificate| certificate.proposal.payload.0 == block.id().0);
        let certificate = at.and_then(|at| self.certificates.drain(..=at).next_back());
        if self.recent.len() == RECENT_BLOCKS_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(Finalized { block: block.clone(), certificate });
    }
}
