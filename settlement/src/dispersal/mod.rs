//! How the body of a zone block reaches the validators, and how anyone gets it back.
//!
//! ```text
//! producer: body ── cipher ──► ciphertext ── code ──► n shards, one root      shard i ══► validator i only
//! validator i: size, producer's signature, path to the root ──► store, synced ──► receipt "shard i checked"
//! 2f+1 receipts ──► header ordered ──► f+1 validators, chosen by the header's id, then all:
//!     ask others for shards ──► f+1 ──► rebuild, code again, compare ─┬─► receipt "rebuilt" ── f+1 of them in a block ──► available
//!                                                                     └─► proof of fraud ── in a block ──► taken back, zone frozen
//! reader: f+1 shards ──► ciphertext ── body key ──► body, or the key shown ── f+1 "unopenable" in a block ──► taken back, zone frozen
//! ```
//!
//! * [`seal`]: the cipher, its keys and their rotation. [`coding`]: the shards. [`fraud`]: what convicts a lying producer.
//! * [`store`]: the shards that a validator keeps, durable before its receipt. [`rebuild`]: what it does once a header is ordered.
//! * [`message`]: what validators say to each other about it. [`recover`]: how a reader or a new producer gets bodies back.
//!
//! **Withholding delays only the zone that withholds.** Its header is not ordered without 2f+1 receipts, among which are f+1 of honest
//! validators who serve their shards; what is ordered can be rebuilt or convicted. Each zone has its own store, bounds and rebuilds.
//!
//! Known limitations: each of the f+1 that rebuild receives about as many bytes as the body has, so that "available" costs a validator a
//! third of the body on average, ten times its shard; a receipt says nothing of how long a validator *will* keep its shard beyond
//! [`limits::SHARDS_RETAINED_BLOCKS`]; receipts name a validator's place in the committee,
//! so those of a header that is not ordered when the committee changes have to be given again.

pub mod coding;
pub mod fraud;
mod job;
pub mod limits;
pub(crate) mod listen;
pub mod message;
pub mod rebuild;
pub mod recover;
pub mod seal;
pub mod store;

pub use coding::{CheckedShard, CodingError, Encoded, Layout, RebuildError, rebuild};
pub use fraud::{FraudError, FraudProof};
pub use message::Message;
pub use rebuild::{Rebuilder, Task};
pub use recover::{Acknowledged, Missing, missing};
pub use seal::{BodyCommitment, BodyKey, OpenError, Opening, ReaderKey};
pub use store::{ShardStore, StoreError};

#[cfg(test)]
#[path = "../../tests/chain/liar.rs"]
mod liar;
