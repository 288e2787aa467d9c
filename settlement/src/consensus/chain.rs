//! The ledger as this validator knows it: what is final, the children of that which are not, and what waits to be ordered.
//!
//! * Behind every block stands a ledger, which is a value, and a fork of the verifiable store, which has the root ([`Behind`]).
//! * A child's is kept while the child may still become final. When a block becomes final, every other child of its height and below is
//!   dropped.
//! * **The store lags one block behind**: its live state is the parent of the last final block, whose `pre_state` is its root. So every
//!   proof of a live fact has its certificate. It is durable before the block is acknowledged.
//! * Nothing here is locked across an await.

use super::Finalization;
use super::limits::{
    CERTIFICATES_WAITING_MAX, EVIDENCE_MAX, ORDERED_BLOCKS_MAX, PRUNE_INTERVAL_BLOCKS, RECENT_BLOCKS_MAX, STATEMENTS_WAITING_MAX,
};
use super::observer::Evidence;
use crate::block::{Block, GovernedTransaction, Transaction, header_id};
use crate::checkpoint::Statement;
use crate::digest::from_consensus;
use crate::dispersal::FraudProof;
use crate::genesis::Genesis;
use crate::ledger::facts::{Fact, FactKey, FactsError};
use crate::ledger::{BlockError, Checked, State, ZoneBlock};
use crate::mempool::{Inserted, Mempool, PoolError};
use crate::receipt::{BodyStatement, Receipt, SignedReceipt, Word};
use crate::stages::Stages;
use crate::store::{Fork, Live, Position, StoreError, VerifiableState, Write};
use crate::wire::CertifiedHeads;
use crate::wire::limits::HEADS_MAX;
use commonware_utils::sync::{Mutex, Notify};
use plinth_types::block::{SignedHeader, ZoneHeader};
use plinth_types::codec::Codec as _;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, PublicKey, TimestampNs};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
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
    store: Arc<Store>,
    ledger: Mutex<Ledger>,
    stages: Mutex<Stages>,
    evidence: Mutex<VecDeque<Evidence>>,
    work: Notify,
    /// Its receivers wake in no fixed order: of those that act in a simulation there must be one only.
    height: watch::Sender<Height>,
    applied: Notify,
    statements: broadcast::Sender<Statement>,
}

/// The verifiable store, of whatever runtime.
pub type Store = dyn VerifiableState<Fork = Fork>;

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
    pub async fn open(genesis: Arc<Genesis>, store: Arc<Store>) -> Result<Self, ChainError> {
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
            store,
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

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        &*self.0.store
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

    /// What stands behind a block that is final or a known child.
    pub(super) fn behind(&self, block: Digest) -> Option<Behind> {
        let ledger = self.0.ledger.lock();
        if ledger.finalized.state.block() == block {
            return Some(ledger.finalized.clone());
        }
        let Child { checked, fork } = ledger.children.get(&block)?;
        Some(Behind { state: checked.state().clone(), fork: fork.clone() })
    }

    pub(super) fn is_child(&self, block: Digest) -> bool {
        self.0.ledger.lock().children.contains_key(&block)
    }

    /// What a block on top of `state` should do.
    pub(super) fn select(&self, state: &State) -> Vec<Transaction> {
        self.0.ledger.lock().pool.propose(state, usize::MAX)
    }

    /// Takes a decision of the governors into this validator's pool; it stands in a block when this validator next proposes one.
    ///
    /// # Errors
    ///
    /// [`PoolError`].
    pub fn govern(&self, governed: GovernedTransaction) -> Result<Inserted, PoolError> {
        self.insert(|pool, state| pool.insert_governed(state, governed))
    }

    /// Takes what somebody brought into the pool.
    pub(super) fn insert_transaction(&self, transaction: Transaction) -> Result<Inserted, PoolError> {
        self.insert(|pool, state| pool.insert(state, transaction))
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
        let inserted = insert(pool, &finalized.state)?;
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
        let word = Word::shard_checked(ledger.finalized.state.committee(), validator)?;
        let receipt: Receipt = *waiting.receipt_of(validator, word)?;
        Some(SignedReceipt { statement: BodyStatement::of(header, id), word, receipt })
    }

    /// Checks a block on top of its parent, and keeps what stands behind it.
    pub(super) async fn check(&self, parent: &Behind, block: &Block) -> Result<Behind, ChainError> {
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
        let (checked, fork) = fork(self.store(), &parent.fork, checked).await?;
        Ok(Child { checked, fork })
    }

    /// Gives a block of the last few its certificate, or keeps the certificate until its block is applied: either may come first.
    pub(super) fn certify(&self, certificate: Finalization) {
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
    pub(super) async fn finalize(&self, block: &Block) -> Result<(), ChainError> {
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
        {
            let mut ledger = self.0.ledger.lock();
            ledger.finalize(block, child);
            let Ledger { finalized, pool, .. } = &mut *ledger;
            pool.prune(&finalized.state);
        }
        self.0.height.send_replace(block.height());
        self.0.applied.notify_waiters();
        // At first the parent is what was opened.
        if self.0.store.live().await?.0.position != parent.fork.position() {
            self.0.store.apply(parent.fork).await?;
        }
        if block.height().get().is_multiple_of(PRUNE_INTERVAL_BLOCKS) {
            self.0.store.prune().await?;
        }
        if self.0.statements.receiver_count() > 0 {
            let _nobody_listens = self.0.statements.send(statement(&self.finalized())).is_err();
        }
        Ok(())
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

impl Ledger {
    fn finalize(&mut self, block: &Block, Child { checked, fork }: Child) {
        let outcome = self.finalized.state.apply(checked);
        self.finalized.fork = fork;
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

/// The ledger of which the store has the facts.
async fn stored_state(genesis: Arc<Genesis>, store: &Store, live: Live) -> Result<State, ChainError> {
    let mut facts = Vec::new();
    for stored in store.facts().await? {
        let key = FactKey::decode(&stored.key).map_err(StoreError::from)?;
        facts.push((key, Fact::decode(&stored.value).map_err(StoreError::from)?));
    }
    facts.sort_unstable_by_key(|(key, _)| *key);
    let state = State::from_facts(genesis, facts)?;
    let Position { height, block, .. } = live.position;
    if (state.height(), state.block()) != (height, block) {
        return Err(StoreError::OtherBlock { height, found: block, expected: state.block() }.into());
    }
    Ok(state.with_root(live.root))
}

/// Forks the store for a checked block, which learns its root.
///
/// # Errors
///
/// [`StoreError`], which says nothing of the block.
pub async fn fork(store: &Store, parent: &Fork, checked: Checked) -> Result<(Checked, Fork), StoreError> {
    let outcome = checked.outcome();
    let position = Position { height: outcome.height, block: outcome.block, time: outcome.time };
    let writes: Vec<Write> = outcome.writes.iter().map(to_write).collect();
    let fork = store.fork(parent, &writes, position).await?;
    Ok((checked.with_root(fork.root()), fork))
}

/// A fact as the store has it.
pub(super) fn to_write((key, fact): &(FactKey, Option<Fact>)) -> Write {
    Write { key: key.to_bytes().into(), value: fact.as_ref().map(|fact| fact.to_bytes().into()) }
}
