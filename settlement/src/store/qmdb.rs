//! [`VerifiableState`] on `commonware-storage::qmdb::current::ordered::variable`.
//!
//! The library's handle is moved into every change and comes back from it; an error keeps it. So it lies in an option behind a lock, and
//! an empty option is a closed store.

use super::error::StoreError;
use super::floor::Floor;
use super::limits::{
    ENTRY_SIZE_MAX, ITEMS_PER_FILE, OPEN_CACHE_KEYS, PAGE_SIZE, PAGES, REPLAY_BUFFER_SIZE, TREE_SYNC_INTERVAL_BLOCKS,
    WRITE_BUFFER_SIZE,
};
use super::parameters::{BITMAP_CHUNK_SIZE, StoreParameters};
use super::proof::FactProof;
use super::runtime::StoreRuntime;
use super::state::{Fact, Live, Position, VerifiableState, Write, key_hash};
use super::sync::{StatePart, StateRequest, StateTarget};
use crate::digest::{from_consensus, to_consensus};
use bytes::Bytes;
use commonware_codec::RangeCfg;
use commonware_cryptography::{Sha256, sha256};
use commonware_parallel::Rayon;
use commonware_runtime::buffer::paged::CacheRef;
use commonware_storage::journal::contiguous::variable;
use commonware_storage::merkle::{Location, full, mmb};
use commonware_storage::qmdb::any::ordered;
use commonware_storage::qmdb::any::value::VariableEncoding;
use commonware_storage::qmdb::current::batch::MerkleizedBatch;
use commonware_storage::qmdb::current::{VariableConfig, ordered::variable::Db};
use commonware_storage::translator::EightCap;
use commonware_utils::sync::AsyncRwLock;
use futures::future::BoxFuture;
use futures::{FutureExt as _, StreamExt as _, pin_mut};
use plinth_types::codec::Codec;
use plinth_types::digest::Digest;
use plinth_types::record;
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;

/// The tree: every node is written once, and a batch appends.
pub(super) type Family = mmb::Family;
pub(super) type Encoding = VariableEncoding<Bytes>;
pub(super) type Update = ordered::Update<sha256::Digest, Encoding>;
pub(super) type Operation = commonware_storage::qmdb::any::ordered::variable::Operation<Family, sha256::Digest, Bytes>;
pub(super) type Database<E> = Db<Family, E, sha256::Digest, Bytes, Sha256, EightCap, BITMAP_CHUNK_SIZE, Rayon>;
pub(super) type DatabaseConfig = VariableConfig<EightCap, ((), RangeCfg<usize>), Rayon>;
type Batch = MerkleizedBatch<Family, sha256::Digest, Update, BITMAP_CHUNK_SIZE, Rayon>;

/// Where a store lies, of which format it is, and how much memory it takes. Only the parameters change the root.
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// The format of a store that is made. One that is there has the format that it names.
    pub parameters: StoreParameters,
    /// Prefix of its partitions.
    pub partition: String,
    /// Operations of one file. Fixed over a store's life.
    pub items_per_file: NonZeroU64,
    /// Pages of cached storage.
    pub pages: NonZeroUsize,
    /// Bytes written at once.
    pub write_buffer_size: NonZeroUsize,
}

impl StoreConfig {
    /// A validator's.
    #[must_use]
    pub fn new(partition: impl Into<String>) -> Self {
        Self {
            parameters: StoreParameters::CURRENT,
            partition: partition.into(),
            items_per_file: ITEMS_PER_FILE,
            pages: PAGES,
            write_buffer_size: WRITE_BUFFER_SIZE,
        }
    }

    pub(super) fn to_library(&self, runtime: &impl StoreRuntime) -> DatabaseConfig {
        let Self { parameters: _, partition, items_per_file, pages, write_buffer_size } = self;
        let page_cache = CacheRef::new(PAGE_SIZE, *pages);
        DatabaseConfig {
            merkle_config: full::Config {
                journal_partition: format!("{partition}-nodes"),
                metadata_partition: format!("{partition}-pinned"),
                items_per_blob: *items_per_file,
                write_buffer: *write_buffer_size,
                replay_buffer: REPLAY_BUFFER_SIZE,
                strategy: runtime.hashing(),
                page_cache: page_cache.clone(),
            },
            journal_config: variable::Config {
                partition: format!("{partition}-log"),
                items_per_section: *items_per_file,
                compression: None,
                codec_config: operation_codec(),
                page_cache,
                write_buffer: *write_buffer_size,
                replay_buffer: REPLAY_BUFFER_SIZE,
            },
            grafted_metadata_partition: format!("{partition}-bitmap"),
            translator: EightCap,
            init_cache: Some(OPEN_CACHE_KEYS),
            init_buffer: REPLAY_BUFFER_SIZE,
            init_concurrency: (),
        }
    }
}

/// How an operation is read: entries have a bound.
pub(super) fn operation_codec() -> ((), RangeCfg<usize>) {
    ((), (..=ENTRY_SIZE_MAX).into())
}

/// A state on top of the live one, not applied. Clones share it.
#[derive(Clone)]
pub struct Fork {
    batch: Arc<Batch>,
    position: Position,
}

impl Fork {
    /// Its root.
    #[must_use]
    pub fn root(&self) -> Digest {
        from_consensus(self.batch.root())
    }

    /// The block that it is behind.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }
}

impl std::fmt::Debug for Fork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fork").field("position", &self.position).field("root", &self.root()).finish()
    }
}

/// The store. See [`crate::store`].
#[derive(Debug)]
pub struct Qmdb<E: StoreRuntime> {
    open: AsyncRwLock<Option<Open<E>>>,
}

/// The open library handle, and the block that its state is behind.
pub(super) struct Open<E: StoreRuntime> {
    pub(super) database: Database<E>,
    pub(super) position: Position,
    parameters: StoreParameters,
    floor: Floor,
    /// What the state needed when `prune` was called last: what came to be fetched since then starts there or later.
    boundary: Option<Location<Family>>,
}

/// What stands beside each state in the log, under its root.
struct Stored {
    parameters: StoreParameters,
    position: Position,
}

record!(Stored { parameters, position });

impl<E: StoreRuntime> std::fmt::Debug for Open<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Open").field("live", &self.live()).finish_non_exhaustive()
    }
}

impl<E: StoreRuntime> Open<E> {
    pub(super) const fn live(&self) -> Live {
        Live { position: self.position, root: from_consensus(self.database.root()) }
    }
}

impl<E: StoreRuntime> Qmdb<E> {
    /// Opens the last durable state; if there is none, makes the first one durable: `facts` behind `position`.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn open(context: E, config: &StoreConfig, genesis: Position, facts: &[Write]) -> Result<Self, StoreError> {
        let library = config.to_library(&context);
        let database = Database::init(context, library, None).await?;
        match database.get_metadata().await? {
            Some(_) => Self::of_stored(database).await,
            None => {
                let (parameters, floor) = (config.parameters, Floor::of(config.parameters)?);
                let store = Self::of(Open { database, position: genesis, parameters, floor, boundary: None });
                let (_, empty) = store.live().await?;
                let first = store.fork(&empty, facts, genesis).await?;
                store.apply(first).await?;
                Ok(store)
            }
        }
    }

    /// A database that holds a state, of whatever format this program knows.
    pub(super) async fn of_stored(database: Database<E>) -> Result<Self, StoreError> {
        let stored = database.get_metadata().await?.ok_or(StoreError::PositionMissing)?;
        let Stored { parameters, position } = Stored::decode(&stored)?;
        Ok(Self::of(Open { database, position, parameters, floor: Floor::of(parameters)?, boundary: None }))
    }

    fn of(open: Open<E>) -> Self {
        Self { open: AsyncRwLock::new(Some(open)) }
    }

    /// Reads the open store.
    pub(super) async fn read(&self) -> Result<impl std::ops::Deref<Target = Open<E>> + '_, StoreError> {
        let guard = self.open.read().await;
        if guard.is_none() {
            return Err(StoreError::Closed);
        }
        Ok(commonware_utils::sync::AsyncRwLockReadGuard::map(guard, |open| open.as_ref().expect("checked above")))
    }

    /// Puts the open store through a change; if that fails it is closed.
    async fn change(&self, change: impl AsyncFnOnce(Open<E>) -> Result<Open<E>, StoreError>) -> Result<Live, StoreError> {
        let mut guard = self.open.write().await;
        let open = guard.take().ok_or(StoreError::Closed)?;
        Ok(guard.insert(change(open).await?).live())
    }
}

impl<E: StoreRuntime> VerifiableState for Qmdb<E> {
    type Fork = Fork;

    fn live(&self) -> BoxFuture<'_, Result<(Live, Fork), StoreError>> {
        async move {
            let open = self.read().await?;
            Ok((open.live(), Fork { batch: open.database.to_batch(), position: open.position }))
        }
        .boxed()
    }

    fn format(&self) -> BoxFuture<'_, Result<StoreParameters, StoreError>> {
        async move { Ok(self.read().await?.parameters) }.boxed()
    }

    fn fork<'a>(&'a self, parent: &'a Fork, writes: &'a [Write], position: Position) -> BoxFuture<'a, Result<Fork, StoreError>> {
        async move {
            let mut batch = parent.batch.new_batch::<Sha256>();
            for write in writes {
                write.check()?;
                let value = write.value.as_ref().map(|value| Fact::entry(&write.key, value));
                batch = batch.write(to_consensus(key_hash(&write.key)), value);
            }
            let open = self.read().await?;
            let stored = Stored { parameters: open.parameters, position }.to_bytes();
            let batch = batch.merkleize(&open.database, Some(stored.into()), &mut { open.floor }).await?;
            Ok(Fork { batch, position })
        }
        .boxed()
    }

    fn apply(&self, fork: Fork) -> BoxFuture<'_, Result<Live, StoreError>> {
        async move {
            let Fork { batch, position } = fork;
            self.change(async |open| {
                let database = open.database.apply_batch(batch).await?;
                // The log alone is made durable; the tree follows from it, and is synced so often that little is hashed anew.
                let synced = position.height.get().is_multiple_of(TREE_SYNC_INTERVAL_BLOCKS);
                let database = if synced { database.sync().await? } else { database.commit().await? };
                Ok(Open { database, position, ..open })
            })
            .await
        }
        .boxed()
    }

    fn get<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<Option<Bytes>, StoreError>> {
        async move {
            let open = self.read().await?;
            let entry = open.database.get(&to_consensus(key_hash(key))).await?;
            Ok(entry.map(|entry| Fact::from_entry(&entry)).transpose()?.map(|fact| fact.value))
        }
        .boxed()
    }

    fn facts(&self) -> BoxFuture<'_, Result<Vec<Fact>, StoreError>> {
        async move {
            let open = self.read().await?;
            let stream = open.database.stream_range(..);
            pin_mut!(stream);
            let mut facts = Vec::new();
            while let Some(item) = stream.next().await {
                let (_, entry) = item?;
                // Copied, because an entry may share the buffer of a whole page.
                facts.push(Fact::from_entry(&Bytes::copy_from_slice(&entry))?);
            }
            Ok(facts)
        }
        .boxed()
    }

    fn prove<'a>(&'a self, key: &'a [u8]) -> BoxFuture<'a, Result<(Live, FactProof), StoreError>> {
        async move {
            let open = self.read().await?;
            let hash = to_consensus(key_hash(key));
            let proof = match open.database.get(&hash).await? {
                Some(entry) => {
                    let value = Fact::from_entry(&entry)?.value;
                    FactProof::present(value, open.database.key_value_proof(hash).await?)
                }
                None => FactProof::absent(open.database.exclusion_proof(&hash).await?),
            };
            Ok((open.live(), proof))
        }
        .boxed()
    }

    fn target(&self) -> BoxFuture<'_, Result<StateTarget, StoreError>> {
        async move { self.read().await?.target().await }.boxed()
    }

    fn part(&self, request: StateRequest) -> BoxFuture<'_, Result<StatePart, StoreError>> {
        async move { self.read().await?.part(request).await }.boxed()
    }

    fn discard(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            let open = self.open.write().await.take().ok_or(StoreError::Closed)?;
            Ok(open.database.destroy().await?)
        }
        .boxed()
    }

    fn prune(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            let pruned = self.change(async |open| {
                let boundary = Some(open.database.sync_boundary());
                let database = match open.boundary {
                    Some(before) => open.database.prune(before).await?,
                    None => open.database,
                };
                Ok(Open { database, boundary, ..open })
            });
            pruned.await.map(|_live| ())
        }
        .boxed()
    }
}
