//! Bounds and sizes of the store. Those that the root depends on are in [`super::StoreParameters`].

use std::num::{NonZeroU16, NonZeroU64, NonZeroUsize};

/// Longest key of a fact, in bytes.
pub const FACT_KEY_SIZE_MAX: usize = 256;
/// Longest value of a fact, in bytes.
pub const FACT_VALUE_SIZE_MAX: usize = 64 << 10;
/// Longest stored entry: two lengths, key and value.
pub const ENTRY_SIZE_MAX: usize = 2 + FACT_KEY_SIZE_MAX + FACT_VALUE_SIZE_MAX;
/// Longest proof of one fact, in bytes, its value included.
pub const PROOF_SIZE_MAX: usize = ENTRY_SIZE_MAX + (16 << 10);
/// Most digests of a Merkle proof of one fact.
pub const PROOF_DIGESTS_MAX: usize = 192;
/// Most operations in one answer of state sync.
pub const SYNC_OPERATIONS_MAX: NonZeroU64 = NonZeroU64::new(512).unwrap();
/// Longest answer of state sync, in bytes: operations are added until the next might not fit.
pub const SYNC_ANSWER_SIZE_MAX: usize = 1 << 20;
/// Longest request of state sync, in bytes.
pub const SYNC_REQUEST_SIZE_MAX: usize = 64;
/// Longest witness that ties a log's root to a state's, in bytes.
pub const SYNC_WITNESS_SIZE_MAX: usize = 256;
/// No log of state is longer, in operations since genesis: a target that says so is refused before anything is made for it.
pub const SYNC_LOG_END_MAX: u64 = 1 << 48;
/// Requests of state sync under way at once.
pub const SYNC_REQUESTS_MAX: NonZeroUsize = NonZeroUsize::new(8).unwrap();
/// Operations handed to the store at once during state sync.
pub const SYNC_APPLY_MAX: NonZeroU64 = NonZeroU64::new(1_024).unwrap();
/// Operations of one file of the log, and nodes of one file of the tree.
pub const ITEMS_PER_FILE: NonZeroU64 = NonZeroU64::new(1 << 16).unwrap();
/// Bytes of a page of cached storage.
pub const PAGE_SIZE: NonZeroU16 = NonZeroU16::new(4_084).unwrap();
/// Pages of cached storage of a validator.
pub const PAGES: NonZeroUsize = NonZeroUsize::new(512).unwrap();
/// Bytes written at once.
pub const WRITE_BUFFER_SIZE: NonZeroUsize = NonZeroUsize::new(256 << 10).unwrap();
/// Bytes read at once when the store is opened.
pub const REPLAY_BUFFER_SIZE: NonZeroUsize = NonZeroUsize::new(256 << 10).unwrap();
/// Blocks between two syncs of the tree, which can be hashed anew from the log: so much of the log is read when the store is opened after a
/// crash.
pub const TREE_SYNC_INTERVAL_BLOCKS: u64 = 64;
/// Keys remembered while the index is rebuilt.
pub const OPEN_CACHE_KEYS: NonZeroUsize = NonZeroUsize::new(1 << 14).unwrap();
/// Most threads that hash batches, of all stores of a process together.
pub const HASHING_THREADS_MAX: NonZeroUsize = NonZeroUsize::new(4).unwrap();
