//! Bounds of a validator's service for clients.

use std::time::Duration;

/// Requests of one client that are read or answered at once.
pub const SHARDS_UNDER_WAY_MAX: usize = 8;
/// Clients' streams served at once.
pub const STREAMS_MAX: usize = 512;
/// A request that has not come in whole after this is given up.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// A shard above this is checked on a thread of its own, in bytes, so that votes do not wait for it.
pub const SHARD_CHECKED_INLINE_MAX: usize = 64 << 10;
/// A validator that does not say goodbye to its peers in this time stops without.
pub const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);
/// Most bytes of a configuration file.
pub const CONFIG_SIZE_MAX: u64 = 1 << 20;
/// Threads for file access of one validator.
pub const BLOCKING_THREADS_MAX: usize = 16;
/// Bytes of a validator thread's stack.
pub const THREAD_STACK_SIZE: usize = 2 << 20;
/// Connections served at once over HTTP; the next ones wait in the kernel's queue.
pub const HTTP_CONNECTIONS_MAX: usize = 8;
/// Most bytes of an HTTP request's head.
pub const HTTP_HEAD_SIZE_MAX: usize = 4 << 10;
/// An HTTP request that is not read and answered after this is given up.
pub const HTTP_TIMEOUT: Duration = Duration::from_secs(2);
/// Pause when a connection cannot be accepted.
pub const HTTP_RETRY_DELAY: Duration = Duration::from_millis(100);
/// Most bytes of a histogram log that is merged.
pub const LOG_SIZE_MAX: u64 = 16 << 20;
