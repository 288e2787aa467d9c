//! Proves the execution of sealed blocks.
//!
//! ```text
//! sealed block ─► Follower: engine, pages, tree ─► input: given fields, witness, body ─► Machine: meter, segments, proof
//!                                                                                              └─► verifier, of another crate
//! ```
//!
//! * [`Follower`] stands at a block's pre-state, finds the pages that the block uses, and takes their witness.
//! * [`Prove`] is all that the rest knows of a proving system; the one there is, [`plinth_machine`], is a crate of its own.
//!
//! # Known limitations
//!
//! A follower keeps the whole state and looks at all of it once for each block. Blocks come from a replica in this process or from a zone's
//! files ([`ZoneFiles`]), whose headers name no parent, as settlement's do; nobody takes their proofs to settlement yet, and no zone is
//! proven.

mod follow;
pub mod mix;
mod prove;
#[path = "../../../latency-tests/src/random.rs"]
mod random;
/// One workload, one definition: that of the benchmarks.
#[allow(dead_code, unused_imports)]
#[path = "../../../latency-tests/src/workload/mod.rs"]
mod workload;
mod zone_files;

pub use follow::{FollowError, Follower, Prepared};
pub use prove::{Prove, ProveError, image_of};
pub use zone_files::{ZoneFiles, ZoneFilesError};
