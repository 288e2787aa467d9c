//! Verifiable state: every fact of the base layer in one authenticated store, whose root stands in each block.
//!
//! ```text
//!   block h ──writes──► fork(parent's fork) ──► root behind h ──► `pre_state` of block h + 1, which is certified
//!                           │ speculative: forks of forks, siblings                  │
//!                     apply ▼ durable                                               ▼
//!                 ┌── live state ──► prove(key): present with its value, or absent, against that certified root
//!                 │   (log of operations, activity bitmap, Merkle tree: QMDB)
//!                 └── sync: the log in proven ranges ──► the same root in an empty directory
//! ```
//!
//! * **A trait of ours** ([`VerifiableState`]) and one implementation, [`Qmdb`], on `commonware-storage::qmdb::current::ordered`: the
//!   one variant that proves absence. It is generic over the runtime, so the deterministic simulation runs it, with its faulty disks.
//! * **A key is SHA-256 of the fact's key bytes**: even, of one length, and what is next to what says nothing.
//! * **A value is the fact's key and value, whole** (variable length). Fixed digests would be a little faster, but the values would then
//!   need a second store that has to agree with this one after every crash. So a ledger is rebuilt from this store alone.
//! * **The root depends on the history of operations**, not only on the facts: on which block wrote what, on how the floor is raised, on
//!   every parameter, and on the version of the library. All of that is consensus data: [`StoreParameters`], which the genesis digest
//!   covers, and a fixed script whose root is a golden value in the tests. Inside one block the order of writes does not matter; the last
//!   one of a key counts.
//! * **Whoever applies the same blocks has the same root**, whether they were forked first, after a crash, or fetched by state sync.
//! * **Every state names its block** ([`Position`]: height, id, time) **and its format** ([`StoreParameters`]), and its root covers both: a store
//!   of another format than its ledger says is refused.
//! * **Another format is another store**, made of all facts ([`rebuild`]) behind a block that governors name; its root covers the old one.
//! * **An error closes the store**: it is open again, at the last durable state, after a restart.
//!
//! Known limitations: absence is proven against the live root only, the past from facts that were written once and are kept; every active
//! key costs about 60 bytes of memory; the library marks this part of itself ALPHA, hence the golden root. Zone state and exits never
//! depend on this store.

mod codec;
mod error;
mod floor;
pub mod limits;
mod migration;
mod parameters;
mod proof;
mod qmdb;
mod runtime;
mod state;
mod sync;

pub use error::StoreError;
pub use migration::rebuild;
pub use parameters::StoreParameters;
pub use proof::{FactProof, ProofError, Proven};
pub use qmdb::{Fork, Qmdb, StoreConfig};
pub use runtime::StoreRuntime;
pub use state::{Fact, Live, Position, VerifiableState, Write, key_hash};
pub use sync::{StatePart, StateRequest, StateSource, StateTarget, SyncError, synchronize};
