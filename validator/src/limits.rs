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
/// A proof that has not come in whole after this is given up.
pub const PROOF_TIMEOUT: Duration = Duration::from_secs(60);
/// A client whose proof was refused waits so many times as long as that took.
pub const PROOF_REFUSED_PAUSE_FACTOR: u32 = 9;
/// A client whose proof was refused waits at least this long.
pub const PROOF_REFUSED_PAUSE_MIN: Duration = Duration::from_secs(1);
/// Valid proofs of one block that are known again; a second one is nothing that an honest client brings.
pub const VERIFIED_PER_BLOCK_MAX: usize = 4;
/// Memory of the program that verifies one proof, in mebibytes of address space.
pub const PROOF_VERIFIER_MEMORY_MB: u64 = 1_024;
/// Processor seconds of the program that verifies one proof.
pub const PROOF_VERIFIER_CPU_S: u64 = 20;
/// A program that has not verified a proof after this is killed.
pub const PROOF_VERIFIER_PATIENCE: Duration = Duration::from_secs(40);
/// Most bytes that are read of what the program says.
pub const PROOF_VERIFIER_ANSWER_SIZE_MAX: u64 = 4 << 10;
