//! The shards that a validator keeps. A shard is on the disk before anyone is told that it is.
//!
//! * **Durable, then signed.** [`ShardStore::keep`] returns when the shard is synced; many that come together share one sync.
//! * **One archive for each zone**, indexed by height, so that a zone which does not settle holds up no other one's pruning.
//! * **Bounded in bytes** per zone ([`super::limits::SHARDS_PER_ZONE_SIZE_MAX`]) and in blocks behind settlement ([`SHARDS_RETAINED_BLOCKS`]). What is
//!   not settled is never given up for something newer: then nothing newer is taken.
//! * A storage that fails is not used again: the task ends, and with it the validator.
//!
//! Known limitation: sizes are not stored apart, so a start reads every kept shard once.

use super::coding::CheckedShard;
use super::limits::{
    SHARD_SIZE_MAX, SHARDS_PER_HEIGHT_MAX, SHARDS_RETAINED_BLOCKS, SHARDS_SECTION_BLOCKS, STORE_BATCH_MAX, STORE_QUEUE_MAX,
};
use crate::consensus::limits::{CACHE_PAGE_SIZE, REPLAY_BUFFER_SIZE, WRITE_BUFFER_SIZE};
use crate::consensus::{Chain, Runtime};
use crate::digest::to_consensus;
use bytes::Bytes;
use commonware_codec::RangeCfg;
use commonware_cryptography::sha256;
use commonware_runtime::Handle;
use commonware_runtime::buffer::paged::CacheRef;
use commonware_storage::archive::{self, Archive as _, Identifier, prunable};
use commonware_storage::translator::EightCap;
use commonware_utils::{NZU16, NZU64, NZUsize};
use plinth_types::codec::{Codec as _, DecodeError, Reader};
use plinth_types::digest::Digest;
use plinth_types::id::{Height, ZoneId};
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use tracing::error;

/// The way to the store. Clones share it.
#[derive(Clone, Debug)]
pub struct ShardStore(mpsc::Sender<Order>);

/// Why a shard is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum StoreError {
    /// The zone's shards fill its share, and none of them is settled.
    #[error("shards of {size} bytes of zone {zone} wait to be settled")]
    Full {
        /// Whose.
        zone: ZoneId,
        /// How many bytes.
        size: usize,
    },
    /// More headers of one height than a producer can have ordered.
    #[error("shards of {SHARDS_PER_HEIGHT_MAX} other headers of zone {zone} and height {height} are kept")]
    TooManyHeaders {
        /// Which zone.
        zone: ZoneId,
        /// Which height.
        height: Height,
    },
    /// No zone of the chain.
    #[error("there is no zone {zone}")]
    UnknownZone {
        /// Which.
        zone: ZoneId,
    },
    /// The store has ended.
    #[error("the shard store has ended")]
    Ended,
}

#[derive(Debug)]
enum Order {
    Keep { place: Place, frame: Bytes, done: oneshot::Sender<Result<(), StoreError>> },
    Get { header: Digest, found: oneshot::Sender<Option<Bytes>> },
    Has { header: Digest, found: oneshot::Sender<bool> },
}

#[derive(Clone, Copy, Debug)]
struct Place {
    zone: ZoneId,
    height: Height,
    header: Digest,
}

impl ShardStore {
    /// Opens the archives of the chain's zones, at most `size_max` bytes of shards each, and starts the store's task.
    ///
    /// # Errors
    ///
    /// What the storage refuses.
    pub async fn open<E: Runtime>(
        context: E,
        partition: &str,
        chain: Chain,
        size_max: usize,
    ) -> Result<(Self, Handle<()>), archive::Error> {
        let page_cache = CacheRef::new(NZU16!(CACHE_PAGE_SIZE), NZUsize!(PAGES));
        let mut keeper = Keeper { chain, size_max, zones: BTreeMap::new(), places: BTreeMap::new() };
        let zones: Vec<ZoneId> = keeper.chain.finalized().zones().map(crate::ledger::Zone::id).collect();
        for zone in zones {
            let shards = Shards::open(context.child("shards"), &format!("{partition}-shards-{zone}"), &page_cache).await?;
            // Of two shards of one header the later one lies behind: the validator's place is another since.
            let places = shards.stored.iter().map(|(&index, stored)| (stored.header, Kept { zone, index, shard: stored.shard }));
            keeper.places.extend(places);
            keeper.zones.insert(zone, shards);
        }
        let (sender, orders) = mpsc::channel(STORE_QUEUE_MAX);
        let task = context.child("store").spawn(move |_| async move {
            if let Err(error) = keeper.run(orders).await {
                error!(%error, "the shard store fails");
            }
        });
        Ok((Self(sender), task))
    }

    /// Keeps a shard that was checked; returns when it is durable. One that is kept already is left alone; one of another place, because
    /// the committee changed before its header was ordered, is served from now on.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn keep(&self, zone: ZoneId, height: Height, header: Digest, frame: Bytes) -> Result<(), StoreError> {
        let (done, kept) = oneshot::channel();
        let place = Place { zone, height, header };
        self.0.send(Order::Keep { place, frame, done }).await.map_err(|_| StoreError::Ended)?;
        kept.await.map_err(|_| StoreError::Ended)?
    }

    /// The shard of a header's body, while it is kept.
    pub async fn get(&self, header: Digest) -> Option<Bytes> {
        let (found, kept) = oneshot::channel();
        self.0.send(Order::Get { header, found }).await.ok()?;
        kept.await.ok()?
    }

    /// Whether the shard of a header's body is kept.
    pub async fn has(&self, header: Digest) -> bool {
        let (found, kept) = oneshot::channel();
        self.0.send(Order::Has { header, found }).await.is_ok() && kept.await.unwrap_or(false)
    }
}

/// The store's task.
struct Keeper<E: Runtime> {
    chain: Chain,
    size_max: usize,
    zones: BTreeMap<ZoneId, Shards<E>>,
    places: BTreeMap<Digest, Kept>,
}

/// Where a header's shard lies, and which one it is.
#[derive(Clone, Copy, Debug)]
struct Kept {
    zone: ZoneId,
    index: u64,
    shard: u16,
}

/// One zone's shards.
struct Shards<E: Runtime> {
    /// Gone when the storage failed.
    archive: Option<Archive<E>>,
    /// By index.
    stored: BTreeMap<u64, Stored>,
    size: usize,
}

#[derive(Clone, Copy, Debug)]
struct Stored {
    header: Digest,
    shard: u16,
    size: usize,
}

type Archive<E> = prunable::Archive<EightCap, E, sha256::Digest, Bytes>;

impl<E: Runtime> Keeper<E> {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) -> Result<(), archive::Error> {
        while let Some(first) = orders.recv().await {
            let mut batch = vec![first];
            while batch.len() < STORE_BATCH_MAX
                && let Ok(more) = orders.try_recv()
            {
                batch.push(more);
            }
            let (mut kept, mut reads, mut touched) = (Vec::new(), Vec::new(), BTreeSet::new());
            for order in batch {
                match order {
                    Order::Keep { place, frame, done } => {
                        kept.push((self.put(place, frame, &mut touched).await?, done));
                    }
                    Order::Get { .. } | Order::Has { .. } => reads.push(order),
                }
            }
            for zone in touched {
                self.zones.get_mut(&zone).expect("touched above").sync().await?;
            }
            // Nobody waits any more where a stream was given up; the shard is kept all the same.
            for (result, done) in kept {
                let _gone = done.send(result).is_err();
            }
            for read in reads {
                self.read(read).await?;
            }
        }
        Ok(())
    }

    async fn put(
        &mut self,
        place: Place,
        frame: Bytes,
        touched: &mut BTreeSet<ZoneId>,
    ) -> Result<Result<(), StoreError>, archive::Error> {
        let Place { zone, height, header } = place;
        let shard = CheckedShard::index_in(&frame);
        if self.places.get(&header).is_some_and(|kept| kept.shard == shard) {
            return Ok(Ok(()));
        }
        let Some(shards) = self.zones.get_mut(&zone) else { return Ok(Err(StoreError::UnknownZone { zone })) };
        let settled = self.chain.finalized().zone(zone).map_or(Height::new(0), crate::ledger::Zone::settled);
        let room = self.size_max.saturating_sub(frame.len());
        for gone in shards.prune(settled, room).await? {
            self.places.remove(&gone);
        }
        if shards.size > room {
            return Ok(Err(StoreError::Full { zone, size: shards.size }));
        }
        let first = height.get() * SHARDS_PER_HEIGHT_MAX;
        let Some(index) = (first..first + SHARDS_PER_HEIGHT_MAX).find(|index| !shards.stored.contains_key(index)) else {
            return Ok(Err(StoreError::TooManyHeaders { zone, height }));
        };
        shards.put(index, header, frame).await?;
        self.places.insert(header, Kept { zone, index, shard });
        touched.insert(zone);
        Ok(Ok(()))
    }

    async fn read(&self, order: Order) -> Result<(), archive::Error> {
        match order {
            Order::Get { header, found } => {
                let place = self.places.get(&header).and_then(|kept| Some((self.zones.get(&kept.zone)?, kept.index)));
                let frame = match place {
                    Some((shards, index)) => shards.get(index).await?,
                    None => None,
                };
                let _gone = found.send(frame).is_err();
            }
            Order::Has { header, found } => {
                let _gone = found.send(self.places.contains_key(&header)).is_err();
            }
            Order::Keep { .. } => {}
        }
        Ok(())
    }
}

impl<E: Runtime> Shards<E> {
    async fn open(context: E, partition: &str, page_cache: &CacheRef) -> Result<Self, archive::Error> {
        let archive: Archive<E> = prunable::Archive::init(
            context,
            prunable::Config {
                translator: EightCap,
                metadata_partition: format!("{partition}-metadata"),
                key_partition: format!("{partition}-keys"),
                key_page_cache: page_cache.clone(),
                value_partition: format!("{partition}-values"),
                compression: None,
                codec_config: RangeCfg::new(..=HEAD_SIZE + SHARD_SIZE_MAX),
                items_per_section: NZU64!(SECTION_ITEMS),
                key_write_buffer: NZUsize!(WRITE_BUFFER_SIZE),
                value_write_buffer: NZUsize!(WRITE_BUFFER_SIZE),
                replay_buffer: NZUsize!(REPLAY_BUFFER_SIZE),
            },
        )
        .await?;
        let indices: Vec<u64> = archive.ranges().flat_map(|(first, last)| first..=last).collect();
        let mut shards = Self { archive: Some(archive), stored: BTreeMap::new(), size: 0 };
        for index in indices {
            let archive = shards.archive.as_ref().expect("just opened");
            let Some(stored) = archive.get(Identifier::Index(index)).await? else { continue };
            let (header, frame) = read_stored(&stored).map_err(|_| archive::Error::RecordCorrupted)?;
            shards.size += frame.len();
            let shard = CheckedShard::index_in(&frame);
            shards.stored.insert(index, Stored { header, shard, size: frame.len() });
        }
        Ok(shards)
    }

    async fn put(&mut self, index: u64, header: Digest, frame: Bytes) -> Result<(), archive::Error> {
        let archive = self.archive.take().ok_or(archive::Error::RecordCorrupted)?;
        let mut stored = Vec::with_capacity(HEAD_SIZE + frame.len());
        VERSION.encode(&mut stored);
        header.encode(&mut stored);
        stored.extend_from_slice(&frame);
        self.archive = Some(archive.put(index, to_consensus(header), &stored.into()).await?);
        let (shard, size) = (CheckedShard::index_in(&frame), frame.len());
        self.stored.insert(index, Stored { header, shard, size });
        self.size += size;
        Ok(())
    }

    async fn get(&self, index: u64) -> Result<Option<Bytes>, archive::Error> {
        let archive = self.archive.as_ref().ok_or(archive::Error::RecordCorrupted)?;
        let Some(stored) = archive.get(Identifier::Index(index)).await? else { return Ok(None) };
        let (_, frame) = read_stored(&stored).map_err(|_| archive::Error::RecordCorrupted)?;
        Ok(Some(frame))
    }

    async fn sync(&mut self) -> Result<(), archive::Error> {
        let archive = self.archive.take().ok_or(archive::Error::RecordCorrupted)?;
        self.archive = Some(archive.sync().await?);
        Ok(())
    }

    /// Gives up settled shards that are too old, and more until at most `size_max` bytes are left; whole files at a time. Says whose.
    async fn prune(&mut self, settled: Height, size_max: usize) -> Result<Vec<Digest>, archive::Error> {
        let mut min = settled.get().saturating_sub(SHARDS_RETAINED_BLOCKS) * SHARDS_PER_HEIGHT_MAX;
        let mut size = self.size;
        for (&index, &Stored { size: freed, .. }) in &self.stored {
            if size <= size_max || index / SHARDS_PER_HEIGHT_MAX > settled.get() {
                break;
            }
            size -= freed;
            min = min.max((index / SECTION_ITEMS + 1) * SECTION_ITEMS);
        }
        // A file may reach past what is settled.
        let min = min.min(settled.next().get() * SHARDS_PER_HEIGHT_MAX) / SECTION_ITEMS * SECTION_ITEMS;
        if self.stored.first_key_value().is_none_or(|(&oldest, _)| oldest >= min) {
            return Ok(Vec::new());
        }
        let archive = self.archive.take().ok_or(archive::Error::RecordCorrupted)?;
        self.archive = Some(archive.prune(min).await?);
        let kept = self.stored.split_off(&min);
        let gone = std::mem::replace(&mut self.stored, kept);
        self.size -= gone.values().map(|stored| stored.size).sum::<usize>();
        Ok(gone.into_values().map(|stored| stored.header).collect())
    }
}

fn read_stored(stored: &Bytes) -> Result<(Digest, Bytes), DecodeError> {
    let mut reader = Reader::new(stored);
    if u8::read(&mut reader)? != VERSION {
        return Err(reader.invalid("stored shard version"));
    }
    let header = Digest::read(&mut reader)?;
    Ok((header, stored.slice(HEAD_SIZE..)))
}

/// Version of a stored shard: `version u8 │ header 32 │ shard`.
const VERSION: u8 = 1;
const HEAD_SIZE: usize = 1 + 32;
const SECTION_ITEMS: u64 = SHARDS_SECTION_BLOCKS * SHARDS_PER_HEIGHT_MAX;
/// Pages of cached storage.
const PAGES: usize = 64;
