//! A running zone: the chain, what waits, and the producer that turns the one into the other.
//!
//! - A transaction that arrives while the zone is idle stands in a block at once; under load, blocks follow each other at the interval.
//! - Ethereum wants the timestamps of blocks, whole seconds, to rise. Blocks faster than one a second let them run ahead of the clock, by at
//!   most [`TIMESTAMP_AHEAD_MAX_S`]; then the producer waits.
//! - No empty blocks; a block is made for messages of the inbox even if no transaction waits.
//! - Joined to settlement, the producer waits while settlement is too far behind ([`crate::settle`]).

use crate::chain::{Chain, ChainError, Finality, Pool, PoolError};
use crate::ethereum::{Address, B256};
use crate::execution::Rejection;
use crate::settle::Settlement;
use crate::transaction::Transaction;
use crate::zone::{self, ZoneError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How far timestamps may run ahead of the clock, in seconds; other chains refuse blocks further ahead.
pub const TIMESTAMP_AHEAD_MAX_S: u64 = 15;

/// Chain, pool and producer, shared by all connections. Locks are taken in the order chain, pool.
#[derive(Debug)]
pub struct Node {
    chain: RwLock<Chain>,
    pool: Mutex<Pool>,
    arrived: Condvar,
    stopping: AtomicBool,
    head: tokio::sync::watch::Sender<u64>,
    fees_to: Address,
    interval: Duration,
    settlement: Option<Settlement>,
}

impl Node {
    /// Over a chain; blocks pay `fees_to` and follow each other at `interval` at the fastest.
    pub fn new(chain: Chain, fees_to: Address, interval: Duration) -> Arc<Self> {
        Self::with(chain, fees_to, interval, None)
    }

    /// As [`Node::new`], of a zone that settlement is to be joined to.
    pub fn settling(chain: Chain, fees_to: Address, interval: Duration) -> Result<Arc<Self>, ZoneError> {
        let settlement = Settlement::of(&chain)?;
        Ok(Self::with(chain, fees_to, interval, Some(settlement)))
    }

    fn with(chain: Chain, fees_to: Address, interval: Duration, settlement: Option<Settlement>) -> Arc<Self> {
        let (head, _) = tokio::sync::watch::channel(chain.header().number);
        Arc::new(Self {
            chain: RwLock::new(chain),
            pool: Mutex::default(),
            arrived: Condvar::new(),
            stopping: AtomicBool::new(false),
            head,
            fees_to,
            interval,
            settlement,
        })
    }

    /// Where settlement stands, if the zone is to be joined to it.
    pub const fn settlement(&self) -> Option<&Settlement> {
        self.settlement.as_ref()
    }

    /// Settlement has said something: what it means for readers and for the producer.
    pub fn settlement_changed(&self) {
        let Some((available, settled)) = self.settlement.as_ref().and_then(Settlement::finality) else { return };
        let mut chain = self.chain_mut();
        let first = chain.blocks().first();
        chain.set_finality(Finality { safe: first + available.get(), finalized: first + settled.get() });
        drop(chain);
        self.arrived.notify_one();
    }

    /// Whether the node was told to stop.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// The chain, to read.
    pub fn chain(&self) -> RwLockReadGuard<'_, Chain> {
        self.chain.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The chain, to change.
    pub fn chain_mut(&self) -> RwLockWriteGuard<'_, Chain> {
        self.chain.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// What waits.
    pub fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The head's number, and its changes.
    pub fn watch_head(&self) -> tokio::sync::watch::Receiver<u64> {
        self.head.subscribe()
    }

    /// Who is paid.
    pub const fn fees_to(&self) -> Address {
        self.fees_to
    }

    /// Takes a transaction in.
    pub fn submit(&self, transaction: Transaction) -> Result<B256, PoolError> {
        let chain = self.chain();
        if chain.blocks().locate(&transaction.hash()).is_some() {
            return Err(PoolError::Known);
        }
        let context = chain.context(&chain.next_header(unix_time_s(), self.fees_to));
        let hash = self.pool().add(transaction, chain.world(), &context)?;
        self.arrived.notify_one();
        Ok(hash)
    }

    /// Produces blocks until [`Node::stop`]. Ends with an error if a block cannot be made durable.
    pub fn produce(&self) -> Result<(), ChainError> {
        let mut last: Option<Instant> = None;
        while !self.is_stopping() {
            let since = last.map_or(self.interval, |last| last.elapsed());
            if since < self.interval {
                std::thread::sleep(self.interval - since);
            }
            if self.produce_one()? {
                last = Some(Instant::now());
            } else {
                self.wait_for_arrival();
            }
        }
        Ok(())
    }

    /// Makes a block of what waits; `false` if nothing can stand in one now.
    pub fn produce_one(&self) -> Result<bool, ChainError> {
        let mut chain = self.chain_mut();
        let now = unix_time_s();
        let header = chain.next_header(now, self.fees_to);
        if header.timestamp > now + TIMESTAMP_AHEAD_MAX_S {
            return Ok(false);
        }
        let Some(messages) = self.settlement.as_ref().map_or(Some(Vec::new()), Settlement::next_messages) else {
            return Ok(false);
        };
        let candidates = self.pool().candidates(chain.world(), &chain.context(&header));
        if candidates.is_empty() && messages.is_empty() {
            return Ok(false);
        }
        let built = chain.build_consuming(&messages, &candidates, now, self.fees_to)?;
        if let Some(settlement) = &self.settlement {
            settlement.executed(zone::height(&chain), chain.inbox_consumed());
        }
        let mut pool = self.pool();
        for (hash, rejection) in &built.rejected {
            if !matches!(rejection, Rejection::BlockFull { .. } | Rejection::BlobsFull { .. }) {
                pool.remove(hash);
            }
        }
        pool.prune(chain.world(), built.block.record.senders.iter().copied());
        let number = chain.header().number;
        drop((pool, chain));
        self.head.send_replace(number);
        Ok(true)
    }

    /// Ends the producer.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.arrived.notify_all();
    }

    /// Until something arrives, or for an interval: what waits may have become possible by time alone.
    fn wait_for_arrival(&self) {
        let pool = self.pool();
        let patience = self.interval.max(Duration::from_millis(50));
        drop(self.arrived.wait_timeout(pool, patience).unwrap_or_else(PoisonError::into_inner));
    }
}

/// The clock, for timestamps of blocks alone.
pub fn unix_time_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
