//! Bounds of what clients and validators say to each other.

use crate::checkpoint::Handover;
use crate::dispersal::limits::SHARD_SIZE_MAX;
use crate::limits::BLOCK_SIZE_MAX;
use crate::store::limits::PROOF_SIZE_MAX;

/// Bytes of a request beside a shard: tag, header with its totals, signature.
pub const REQUEST_HEAD_SIZE_MAX: usize = 8 << 10;
/// Longest request, in bytes.
pub const REQUEST_SIZE_MAX: usize = REQUEST_HEAD_SIZE_MAX + SHARD_SIZE_MAX;
/// Longest proof of a zone block, in bytes: some twenty segments of the proving system. Of a block that needs more no validator takes a proof.
pub const EXECUTION_PROOF_SIZE_MAX: usize = 16 << 20;
/// Longest request that brings a proof, in bytes.
pub const PROOF_REQUEST_SIZE_MAX: usize = REQUEST_HEAD_SIZE_MAX + EXECUTION_PROOF_SIZE_MAX;
/// Longest answer, in bytes: a block with its certificate, or a shard.
pub const ANSWER_SIZE_MAX: usize = SHARD_SIZE_MAX + (64 << 10);
/// Longest text of a refusal, in bytes.
pub const REFUSAL_SIZE_MAX: usize = 512;
/// Longest certificate in an answer, in bytes.
pub const CERTIFICATE_SIZE_MAX: usize = 16 << 10;
/// Most heads between a state and the certificate that covers it.
pub const HEADS_MAX: usize = 256;

/// Most steps from epoch to epoch in an answer.
pub const STEPS_MAX: usize = 64;
/// Bytes of steps after which an answer holds no further one.
pub const STEPS_SIZE_MAX: usize = 512 << 10;
/// Longest step from one epoch to the next, in bytes.
pub const STEP_SIZE_MAX: usize = 1 + 4 + HEADS_MAX * 128 + 4 + CERTIFICATE_SIZE_MAX + PROOF_SIZE_MAX;
/// Most handovers in an answer.
pub const HANDOVERS_MAX: usize = 256;

const _: () = assert!(STEPS_SIZE_MAX + STEP_SIZE_MAX <= ANSWER_SIZE_MAX);
const _: () = assert!(HANDOVERS_MAX * Handover::SIZE + 64 <= ANSWER_SIZE_MAX);
const _: () = assert!(REQUEST_HEAD_SIZE_MAX < REQUEST_SIZE_MAX);
const _: () = assert!(BLOCK_SIZE_MAX + CERTIFICATE_SIZE_MAX + 64 <= ANSWER_SIZE_MAX);
