//! Where a validator's ledger comes from when it starts: its own store, genesis, or a state that others have and 2f+1 validators certify.
//!
//! ```text
//!  donor ── heads h+1 ..= H, certificate of H, target ─► parts of the log ─► store behind h, with the certified root
//!        └─ blocks h+1 ..= H, whose ids are the heads' ─► applied ──────────► ledger behind H; consensus goes on from there
//! ```
//!
//! * **Only into an empty folder**, and only when a donor's state is at least [`JOIN_BLOCKS_MIN`] blocks ahead: otherwise the blocks are
//!   there sooner than the state. A folder with a ledger goes on from it.
//! * **A donor is not believed**: certificate, root, every part and every block are checked; whoever lies or stalls is left for the next.
//! * **A crash in between begins again**, with what was fetched ([`super::origin`]).
//! * The history before the state is never there: followers that want it ask another validator.
//! * **From the validators of the genesis to those of the certificate** it goes epoch by epoch, over steps that each epoch's own validators
//!   certified ([`crate::light`]). They are kept as they are checked: the newcomer leads others on, and a start that was cut off begins where
//!   it was. The groups that sign checkpoints have no say.

use super::chain::{Chain, ChainError};
use super::formats::{OpenStore, open_store, state_partition};
use super::limits::{JOIN_BLOCKS_MIN, JOIN_PAUSE, JOIN_PROBE_TIMEOUT, JOIN_ROUNDS_MAX};
use super::lineage::{Lineage, LineageError};
use super::origin::{Origin, OriginError, OriginRecord};
use super::{Finalization, Runtime};
use crate::block::Block;
use crate::checkpoint::Handover;
use crate::genesis::Genesis;
use crate::light::{FollowError, LightClient, LightError, Seen, follow};
use crate::store::{StatePart, StateRequest, StateSource, StoreConfig, SyncError, synchronize};
use crate::wire::{AskError, CertifiedHeads, StateAnswer, StepsAnswer};
use commonware_macros::select;
use futures::StreamExt as _;
use futures::future::{BoxFuture, ready};
use futures::stream::FuturesUnordered;
use plinth_types::id::{Epoch, Height};
use std::sync::Arc;
use thiserror::Error;
use tracing::{info, warn};

/// Somebody who may have the state: a connection to a validator.
pub trait Donor: std::fmt::Debug + Send + Sync + 'static {
    /// Its newest certified state.
    fn newest(&self) -> BoxFuture<'_, Result<StateAnswer, AskError>>;

    /// A part of a state.
    fn part(&self, request: StateRequest) -> BoxFuture<'_, Result<StatePart, AskError>>;

    /// Who validates, from epoch to epoch, from this one on.
    fn steps(&self, from: Epoch) -> BoxFuture<'_, Result<StepsAnswer, AskError>>;

    /// From which group of checkpoints to which, behind this height.
    fn handovers(&self, behind: Height) -> BoxFuture<'_, Result<Vec<Handover>, AskError>>;

    /// A finalized block.
    fn block(&self, height: Height) -> BoxFuture<'_, Result<Block, AskError>>;
}

/// Why a validator has no ledger to start from.
#[derive(Debug, Error)]
pub enum JoinError {
    /// The record of how it started.
    #[error(transparent)]
    Origin(#[from] OriginError),
    /// Its own store.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Its own list of steps from epoch to epoch.
    #[error(transparent)]
    Lineage(#[from] LineageError),
    /// An earlier start began to fetch a state, and nobody gives it now.
    #[error("the state of this chain was being fetched, and none of {donors} validators gives it: {last}")]
    NoDonor {
        /// How many were asked.
        donors: usize,
        /// What the last one did.
        last: String,
    },
}

/// What is wrong with a donor.
#[derive(Debug, Error)]
enum DonorError {
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error(transparent)]
    Light(#[from] LightError),
    #[error(transparent)]
    Follow(#[from] FollowError),
    #[error(transparent)]
    Lineage(#[from] LineageError),
    #[error(transparent)]
    Sync(#[from] SyncError),
    #[error("block {0} is not the certified one")]
    OtherBlock(Height),
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// A ledger to start from, and the certificate that it was fetched by, if it was.
pub type Joined = (Chain, Option<Box<Finalization>>);

/// Opens the ledger in `partition`, or fetches one into an empty one.
///
/// # Errors
///
/// [`JoinError`].
pub async fn join<E: Runtime>(
    context: &E,
    partition: &str,
    genesis: &Arc<Genesis>,
    donors: &[Arc<dyn Donor>],
    lineage: &Lineage,
) -> Result<Joined, JoinError> {
    let record = OriginRecord::open(context, partition).await?;
    let record = match record.get()? {
        Some(Origin::Genesis) => return Ok((open(context, partition, genesis).await?, None)),
        Some(Origin::Certified(certificate)) => return Ok((open(context, partition, genesis).await?, Some(certificate))),
        Some(Origin::Fetching) => record,
        None if is_ahead(context, genesis, donors).await => record.put(&Origin::Fetching).await?,
        None => {
            record.put(&Origin::Genesis).await?;
            return Ok((open(context, partition, genesis).await?, None));
        }
    };
    let mut last = "nobody was asked".to_owned();
    for _ in 0..JOIN_ROUNDS_MAX {
        for donor in donors {
            match fetch(context, partition, genesis, donor, lineage).await {
                Ok((chain, certificate)) => {
                    record.put(&Origin::Certified(certificate.clone())).await?;
                    info!(height = %chain.finalized().height(), "starts from a fetched state");
                    return Ok((chain, Some(certificate)));
                }
                Err(error) => {
                    warn!(%error, "a validator gives no state");
                    last = error.to_string();
                }
            }
        }
        context.sleep(JOIN_PAUSE).await;
    }
    Err(JoinError::NoDonor { donors: donors.len(), last })
}

async fn open<E: Runtime>(context: &E, partition: &str, genesis: &Arc<Genesis>) -> Result<Chain, ChainError> {
    let store = open_store(context, partition, genesis).await?;
    Chain::open(Arc::clone(genesis), store).await
}

/// Whether somebody shows a certified state that is worth fetching. All are asked at once, and not for long: a chain that just begins must
/// not wait for those who begin with it.
async fn is_ahead<E: Runtime>(context: &E, genesis: &Arc<Genesis>, donors: &[Arc<dyn Donor>]) -> bool {
    let asked: FuturesUnordered<_> = donors.iter().map(|donor| shows_enough(genesis, donor)).collect();
    let ahead = asked.any(|shown| ready(shown.unwrap_or(false)));
    select! {
        ahead = ahead => ahead,
        _ = context.sleep(JOIN_PROBE_TIMEOUT) => false,
    }
}

/// Whether a donor shows some certified state that is worth fetching; not necessarily its newest, which may be many epochs away.
async fn shows_enough(genesis: &Genesis, donor: &Arc<dyn Donor>) -> Result<bool, DonorError> {
    let StateAnswer(Some((certified, _))) = donor.newest().await? else { return Ok(false) };
    let mut light = LightClient::of_genesis(genesis);
    let is_enough = |seen: Seen| seen.height.get() >= JOIN_BLOCKS_MIN;
    loop {
        match light.check(&certified) {
            Err(LightError::EpochAhead { epoch, .. }) => {
                let steps = follow(&mut light, &**donor, epoch).await?;
                if steps.iter().any(|step| step.seen().is_some_and(is_enough)) {
                    return Ok(true);
                }
            }
            checked => return Ok(is_enough(checked?)),
        }
    }
}

/// Fetches what a donor has, and applies the blocks up to the certified one.
async fn fetch<E: Runtime>(
    context: &E,
    partition: &str,
    genesis: &Arc<Genesis>,
    donor: &Arc<dyn Donor>,
    lineage: &Lineage,
) -> Result<(Chain, Box<Finalization>), DonorError> {
    let StateAnswer(Some((certified, target))) = donor.newest().await? else {
        return Err(AskError::NotNow.into());
    };
    let mut light = LightClient::new(lineage.walked(genesis).await?);
    while light.trusted().last() < certified.epoch() {
        for step in follow(&mut light, &**donor, certified.epoch()).await? {
            lineage.keep(step).await?;
        }
    }
    let seen = light.check(&certified)?;
    let config = StoreConfig::new(state_partition(partition, None));
    let store = synchronize(context.child("store"), &config, &target, seen.root, Parts(Arc::clone(donor))).await?;
    let chain = Chain::open(Arc::clone(genesis), OpenStore::new(context, partition, store)).await?;
    // Applied now, so that whoever starts again needs no block before the certified one.
    let CertifiedHeads { heads, certificate } = certified;
    for head in heads {
        let block = donor.block(head.height).await?;
        if block.id() != head.id() {
            return Err(DonorError::OtherBlock(head.height));
        }
        chain.finalize(&block).await?;
    }
    Ok((chain, Box::new(certificate)))
}

struct Parts(Arc<dyn Donor>);

impl StateSource for Parts {
    type Error = AskError;

    fn part(&self, request: StateRequest) -> BoxFuture<'_, Result<StatePart, AskError>> {
        self.0.part(request)
    }
}
