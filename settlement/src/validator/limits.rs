//! Bounds of a validator's service for clients.

use plinth_types::limits::BODY_SIZE_MAX;
use std::time::Duration;

/// Bytes of a request beside a zone body: tag, header with its totals, signature.
pub const REQUEST_HEAD_SIZE_MAX: usize = 8 << 10;
/// Longest request, in bytes.
pub const REQUEST_SIZE_MAX: usize = REQUEST_HEAD_SIZE_MAX + BODY_SIZE_MAX;
/// Longest answer, in bytes: a block with its certificate, or a body.
pub const ANSWER_SIZE_MAX: usize = BODY_SIZE_MAX + (64 << 10);
/// Longest text of a refusal, in bytes.
pub const REFUSAL_SIZE_MAX: usize = 512;
/// Longest certificate in an answer, in bytes.
pub const CERTIFICATE_SIZE_MAX: usize = 16 << 10;
/// Requests of one client that are read or answered at once.
pub const BODIES_UNDER_WAY_MAX: usize = 8;
/// Clients' streams served at once.
pub const STREAMS_MAX: usize = 512;
/// A request that has not come in whole after this is given up.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// A body above this is checked on a thread of its own, in bytes, so that votes do not wait for it.
pub const BODY_CHECKED_INLINE_MAX: usize = 16 << 10;
/// A validator that does not say goodbye to its peers in this time stops without.
pub const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);
/// Most bytes of a configuration file.
pub const CONFIG_SIZE_MAX: u64 = 1 << 20;
/// Threads for file access of one validator.
pub const BLOCKING_THREADS_MAX: usize = 16;
/// Bytes of a validator thread's stack.
pub const THREAD_STACK_SIZE: usize = 2 << 20;
