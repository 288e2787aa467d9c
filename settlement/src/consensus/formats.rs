//! Where the verifiable store lies, and how one of another format takes its place.
//!
//! ```text
//!  block M, the last of an epoch     final: all facts are written into a store of their own, which forks from then on
//!  block M + 1                       final: the record says where that store lies, it serves, and the old one is removed
//! ```
//!
//! * Between the two the old store serves, so every state that is shown has its certificate, as ever.
//! * **A crash** before the record: the old store is opened, block M is applied again from the archive, and what was written is found, or
//!   written again. After it: the new one is opened. What is left of the old one is then never looked at again.

use super::chain::{Store, to_write};
use crate::genesis::Genesis;
use crate::ledger::State;
use crate::store::{Fact, Position, Qmdb, StoreConfig, StoreError, StoreParameters, StoreRuntime, Write, rebuild};
use commonware_storage::metadata::{self, Metadata};
use commonware_utils::sequence::U64;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use plinth_types::id::Height;
use std::fmt;
use std::sync::Arc;
use tracing::info;

/// Makes stores of other formats, and remembers which one is at work.
pub trait Formats: fmt::Debug + Send + Sync {
    /// A durable store of all the facts behind `position`, beside the one at work.
    fn rebuild(
        &self,
        parameters: StoreParameters,
        position: Position,
        facts: Vec<Fact>,
    ) -> BoxFuture<'_, Result<Arc<Store>, StoreError>>;

    /// From now on the store that was made behind this height is the one to be opened; durable when this returns.
    fn adopt(&self, behind: Height) -> BoxFuture<'_, Result<(), StoreError>>;
}

/// A ledger's store, and who makes the next one.
#[derive(Clone)]
pub struct OpenStore {
    pub(super) store: Arc<Store>,
    pub(super) formats: Arc<dyn Formats>,
}

impl fmt::Debug for OpenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenStore").field("formats", &self.formats).finish_non_exhaustive()
    }
}

impl OpenStore {
    /// The store.
    #[must_use]
    pub fn store(&self) -> Arc<Store> {
        Arc::clone(&self.store)
    }

    /// The store that lies in `partition` and will make its successors there.
    pub(super) fn new<E: StoreRuntime + Sync>(context: &E, partition: &str, store: Qmdb<E>) -> Self {
        let formats = Partitions { context: context.child("formats"), partition: partition.to_owned() };
        Self { store: Arc::new(store), formats: Arc::new(formats) }
    }
}

/// Opens the store of a chain, at genesis if it is empty.
///
/// # Errors
///
/// [`StoreError`].
pub async fn open_store<E: StoreRuntime + Sync>(
    context: &E,
    partition: &str,
    genesis: &Arc<Genesis>,
) -> Result<OpenStore, StoreError> {
    let behind = PlaceRecord::open(context, partition).await?.get()?;
    let state = State::genesis(Arc::clone(genesis));
    let position = Position { height: state.height(), block: state.block(), time: state.time() };
    let facts: Vec<Write> = state.facts().map(|(key, fact)| to_write(&(key, Some(fact)))).collect();
    let config = StoreConfig::new(state_partition(partition, behind));
    let store = Qmdb::open(context.child("store"), &config, position, &facts).await?;
    Ok(OpenStore::new(context, partition, store))
}

/// Where the store lies that was made behind this height; a chain's first one without a height.
pub(super) fn state_partition(partition: &str, behind: Option<Height>) -> String {
    behind.map_or_else(|| format!("{partition}-state"), |height| format!("{partition}-state-{height}"))
}

/// Stores in partitions of a runtime.
struct Partitions<E> {
    context: E,
    partition: String,
}

impl<E> fmt::Debug for Partitions<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partitions").field("partition", &self.partition).finish_non_exhaustive()
    }
}

impl<E: StoreRuntime + Sync> Formats for Partitions<E> {
    fn rebuild(
        &self,
        parameters: StoreParameters,
        position: Position,
        facts: Vec<Fact>,
    ) -> BoxFuture<'_, Result<Arc<Store>, StoreError>> {
        async move {
            let behind = position.height;
            info!(%behind, %parameters, facts = facts.len(), "all facts are written into a store of another format");
            let config = StoreConfig { parameters, ..StoreConfig::new(state_partition(&self.partition, Some(behind))) };
            let context = self.context.child("store").with_attribute("behind", behind.get());
            let store: Arc<Store> = Arc::new(rebuild(context, &config, position, facts).await?);
            Ok(store)
        }
        .boxed()
    }

    fn adopt(&self, behind: Height) -> BoxFuture<'_, Result<(), StoreError>> {
        async move { PlaceRecord::open(&self.context, &self.partition).await?.put(behind).await }.boxed()
    }
}

const VERSION: u8 = 1;
const RECORD: u64 = 0;

/// Behind which height the store was made that is at work.
struct PlaceRecord<E: StoreRuntime>(Metadata<E, U64, Vec<u8>>);

impl<E: StoreRuntime> PlaceRecord<E> {
    async fn open(context: &E, partition: &str) -> Result<Self, StoreError> {
        let config = metadata::Config { partition: format!("{partition}-store"), codec_config: ((..=RECORD_SIZE).into(), ()) };
        Ok(Self(Metadata::init(context.child("place"), config).await?))
    }

    fn get(&self) -> Result<Option<Height>, StoreError> {
        let Some(record) = self.0.get(&U64::new(RECORD)) else { return Ok(None) };
        match record.split_first() {
            Some((&VERSION, height)) => {
                let height = height.try_into().map_err(|_| StoreError::PlaceMalformed)?;
                Ok(Some(Height::new(u64::from_le_bytes(height))))
            }
            Some(_) | None => Err(StoreError::PlaceMalformed),
        }
    }

    async fn put(self, behind: Height) -> Result<(), StoreError> {
        let record = [[VERSION].as_slice(), &behind.get().to_le_bytes()].concat();
        self.0.put_sync(U64::new(RECORD), record).await?;
        Ok(())
    }
}

/// Version and height.
const RECORD_SIZE: usize = 1 + 8;
