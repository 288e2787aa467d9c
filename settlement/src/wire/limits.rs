//! Bounds of what clients and validators say to each other.

use crate::dispersal::limits::SHARD_SIZE_MAX;
use crate::limits::BLOCK_SIZE_MAX;

/// Bytes of a request beside a shard: tag, header with its totals, signature.
pub const REQUEST_HEAD_SIZE_MAX: usize = 8 << 10;
/// Longest request, in bytes.
pub const REQUEST_SIZE_MAX: usize = REQUEST_HEAD_SIZE_MAX + SHARD_SIZE_MAX;
/// Longest answer, in bytes: a block with its certificate, or a shard.
pub const ANSWER_SIZE_MAX: usize = SHARD_SIZE_MAX + (64 << 10);
/// Longest text of a refusal, in bytes.
pub const REFUSAL_SIZE_MAX: usize = 512;
/// Longest certificate in an answer, in bytes.
pub const CERTIFICATE_SIZE_MAX: usize = 16 << 10;
/// Most heads between a state and the certificate that covers it.
pub const HEADS_MAX: usize = 256;

const _: () = assert!(REQUEST_HEAD_SIZE_MAX < REQUEST_SIZE_MAX);
const _: () = assert!(BLOCK_SIZE_MAX + CERTIFICATE_SIZE_MAX + 64 <= ANSWER_SIZE_MAX);
