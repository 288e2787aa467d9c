//! The body of a zone block, as a validator sees it: bytes that it keeps for others and does not execute.
//!
//! ```text
//! body ──size──► hash, commands, inbox messages agree with the header ──re-encode──► shard root agrees ──► CheckedBody ──► receipt
//! ```
//!
//! * [`check_body`] costs O(body) and allocates nothing in proportion to a claim; sizes come first.
//! * Only [`CheckedBody`] can sign a receipt, and only the check makes one: a receipt without a check does not compile.
//! * [`shards`] is the Reed-Solomon coding that commits to the body: with n validators any f+1 shards rebuild it. Encoding is
//!   deterministic, so producer and validators agree on the root without talking.
//!
//! What a validator cannot see without executing: that the post-state root, the trade count and the owners' signatures on mandates in
//! the body are right. The first two are the proof's business; the third is the auditor's ([`crate::keys::verify_mandate`]).

mod check;
mod shards;

pub use check::{Before, BodyError, CheckedBody, check_body, inbox_root};
pub use shards::{CheckedShard, CodingError, Shard, check_shard, decode, encode, read_shard, shard_root, write_shard};
