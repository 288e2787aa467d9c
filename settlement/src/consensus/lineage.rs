//! From committee to committee: a certified step for each epoch, kept for those who come later.
//!
//! ```text
//!  epoch e   …  block h: certified by the committee of e, on a state that names the committee of e + 1   ─► Succession e, on disk
//! ```
//!
//! * **Made once an epoch**, with the first block that was applied with a certificate of its own; at the latest with the epoch's last
//!   block, of which every validator sees one. Durable before the block is acknowledged: a crash before is a block to be applied again.
//! * **A validator that joins keeps the steps that it came by**, so it leads others on as one does that was there from the start.
//! * **Nothing is ever dropped.** A step is about 0.9 KiB with four validators and 8 KiB with a hundred; the answer says where a
//!   validator's own list begins, which is epoch 1 unless one was lost.
//! * A storage that fails is not used again: the task ends, and with it the validator.
//!
//! Known limitation: an epoch whose last block came without a certificate of its own leaves a hole in this validator's list, and only in
//! its own; who walks asks another one.

use super::Runtime;
use super::archives::{Archive, open_archive};
use super::chain::{Chain, Finalized};
use super::limits::{CACHE_PAGE_SIZE, MAILBOX_SIZE};
use crate::committee::Committee;
use crate::digest::{sha256, to_consensus};
use crate::genesis::Genesis;
use crate::ledger::facts::FactKey;
use crate::light::{NamedError, Succession, Trusted};
use crate::store::StoreError;
use crate::wire::limits::{STEP_SIZE_MAX, STEPS_MAX, STEPS_SIZE_MAX};
use crate::wire::{CertifiedHeads, StepsAnswer};
use bytes::Bytes;
use commonware_codec::RangeCfg;
use commonware_runtime::Handle;
use commonware_runtime::buffer::paged::CacheRef;
use commonware_storage::archive::{self, Archive as _, Identifier};
use commonware_utils::{NZU16, NZUsize};
use plinth_types::codec::{Codec as _, DecodeError};
use plinth_types::id::Epoch;
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, error, warn};

/// Pages of cached storage: steps are read seldom, and in order.
const PAGES: usize = 8;

/// The way to the steps. Clones share it.
#[derive(Clone, Debug)]
pub struct Lineage(mpsc::Sender<Order>);

/// Why a step is not kept, or not had.
#[derive(Debug, Error)]
pub enum LineageError {
    /// The disk refused when it was opened.
    #[error("steps between epochs: {0}")]
    Archive(#[from] archive::Error),
    /// The verifiable store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The list has ended.
    #[error("the list of steps between epochs has ended")]
    Ended,
    /// What was stored is no step, or one that names nobody.
    #[error("the stored step from epoch {0} is damaged")]
    Damaged(Epoch),
}

#[derive(Debug)]
enum Order {
    Keep { step: Box<Succession>, done: oneshot::Sender<()> },
    Get { epoch: Epoch, found: oneshot::Sender<Option<Bytes>> },
    Page { from: Epoch, found: oneshot::Sender<(Epoch, Vec<Bytes>)> },
    Last { found: oneshot::Sender<Option<Epoch>> },
}

impl Lineage {
    /// Opens the list and starts its task.
    ///
    /// # Errors
    ///
    /// [`LineageError`].
    pub async fn open<E: Runtime>(context: &E, partition: &str) -> Result<(Self, Handle<()>), LineageError> {
        let page_cache = CacheRef::new(NZU16!(CACHE_PAGE_SIZE), NZUsize!(PAGES));
        let steps = open_archive(context, partition, "steps", &page_cache, RangeCfg::from(..=STEP_SIZE_MAX)).await?;
        let (sender, orders) = mpsc::channel(MAILBOX_SIZE);
        let task = context.child("lineage").spawn(move |_| async move {
            if let Err(error) = run(steps, orders).await {
                error!(%error, "the list of steps between epochs fails");
            }
        });
        Ok((Self(sender), task))
    }

    /// Keeps a step whose certificate holds; returns when it is durable. One that is kept already stays.
    ///
    /// # Errors
    ///
    /// [`LineageError::Ended`].
    pub(super) async fn keep(&self, step: Succession) -> Result<(), LineageError> {
        self.order(|done| Order::Keep { step: Box::new(step), done }).await
    }

    /// The steps from an epoch on, as many as an answer holds.
    ///
    /// # Errors
    ///
    /// [`LineageError`].
    pub async fn page(&self, from: Epoch) -> Result<StepsAnswer, LineageError> {
        let (floor, steps) = self.order(|found| Order::Page { from, found }).await?;
        let damaged = |_: DecodeError| LineageError::Damaged(from);
        let steps = steps.iter().map(|bytes| Succession::decode(bytes).map_err(damaged)).collect::<Result<_, _>>()?;
        Ok(StepsAnswer { floor, steps })
    }

    /// The last epoch that a step is kept from.
    ///
    /// # Errors
    ///
    /// [`LineageError::Ended`].
    pub(super) async fn last(&self) -> Result<Option<Epoch>, LineageError> {
        self.order(|found| Order::Last { found }).await
    }

    /// The committee of an epoch, if it is of the genesis or a step names it.
    ///
    /// # Errors
    ///
    /// [`LineageError`].
    pub(super) async fn committee(&self, genesis: &Genesis, epoch: Epoch) -> Result<Option<Committee>, LineageError> {
        let Some(before) = epoch.get().checked_sub(1).filter(|before| *before > 0).map(Epoch::new) else {
            return Ok(Some(genesis.committee().clone()));
        };
        let Some(bytes) = self.order(|found| Order::Get { epoch: before, found }).await? else { return Ok(None) };
        let named = Succession::decode(&bytes).ok().map(|step| step.named());
        named.and_then(|named: Result<Committee, NamedError>| named.ok()).map(Some).ok_or(LineageError::Damaged(before))
    }

    /// What a light client trusts that went over all steps without a gap.
    ///
    /// # Errors
    ///
    /// [`LineageError`].
    pub(super) async fn walked(&self, genesis: &Genesis) -> Result<Trusted, LineageError> {
        let mut trusted = Trusted::of_genesis(genesis);
        while let Some(committee) = self.committee(genesis, trusted.last().next()).await? {
            trusted.extend(committee);
        }
        Ok(trusted)
    }

    async fn order<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Result<T, LineageError> {
        let (told, answer) = oneshot::channel();
        self.0.send(order(told)).await.map_err(|_| LineageError::Ended)?;
        answer.await.map_err(|_| LineageError::Ended)
    }
}

type Steps<E> = Archive<E, Bytes>;

async fn run<E: Runtime>(mut steps: Steps<E>, mut orders: mpsc::Receiver<Order>) -> Result<(), archive::Error> {
    while let Some(order) = orders.recv().await {
        // Whoever asked may be gone.
        let _gone = match order {
            Order::Keep { step, done } => {
                let (index, bytes) = (step.epoch().get(), Bytes::from(step.to_bytes()));
                steps = steps.put_sync(index, to_consensus(sha256(&[&bytes])), &bytes).await?;
                done.send(()).is_err()
            }
            Order::Get { epoch, found } => found.send(steps.get(Identifier::Index(epoch.get())).await?).is_err(),
            Order::Page { from, found } => {
                let (mut page, mut size) = (Vec::new(), 0);
                while page.len() < STEPS_MAX && size < STEPS_SIZE_MAX {
                    let Some(index) = from.get().checked_add(page.len() as u64) else { break };
                    let Some(bytes) = steps.get(Identifier::Index(index)).await? else { break };
                    size += bytes.len();
                    page.push(bytes);
                }
                found.send((Epoch::new(steps.first_index().unwrap_or(1)), page)).is_err()
            }
            Order::Last { found } => found.send(steps.last_index().map(Epoch::new)).is_err(),
        };
    }
    Ok(())
}

/// Makes the steps of a ledger that grows.
pub(super) struct Historian {
    chain: Chain,
    lineage: Lineage,
    /// The last epoch whose step is kept, or needed by nobody: the genesis names the committees of epochs 0 and 1.
    made: Epoch,
}

impl Historian {
    pub(super) async fn new(chain: Chain, lineage: Lineage) -> Result<Self, LineageError> {
        let made = lineage.last().await?.unwrap_or(Epoch::new(0));
        Ok(Self { chain, lineage, made })
    }

    /// Makes the step of the epoch of the block that was applied last, if there is none yet and the block has a certificate.
    pub(super) async fn note(&mut self) -> Result<(), LineageError> {
        let state = self.chain.finalized();
        let epoch = state.epoch();
        if epoch <= self.made {
            return Ok(());
        }
        let Some(Finalized { block, certificate }) = self.chain.recent(state.height()) else { return Ok(()) };
        let Some(certificate) = certificate else {
            if super::epoch_of(state.rules(), state.height().next()) > epoch {
                warn!(%epoch, "the epoch's last block has no certificate here: no step to the next one");
            }
            return Ok(());
        };
        let (live, committee) = self.chain.store().prove(&FactKey::Committee(epoch.next()).to_bytes()).await?;
        let certified = CertifiedHeads { heads: vec![block.to_head()], certificate };
        if live.root != block.to_head().pre_state || certified.epoch() != epoch {
            return Ok(());
        }
        self.lineage.keep(Succession { certified, committee }).await?;
        debug!(%epoch, "the step to the next epoch is kept");
        self.made = epoch;
        Ok(())
    }
}
