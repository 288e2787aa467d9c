//! What survives a crash: the journal of blocks.
//!
//! - A block is appended and synced before anybody hears of it; then it is there after a crash, with its receipts and its changes of state.
//! - At start the journal is replayed onto the genesis state: changes are applied, not executed, and the state root must be the last header's.
//! - A torn last record (a crash while appending) is cut off. Anything else that is wrong is damage, and is refused with its place.
//!
//! # Known limitations
//!
//! - The journal is never compacted: start takes time with its length, and the disk keeps every block. A pruned snapshot is the next step.

mod journal;
mod record;

pub use journal::{Journal, JournalError, RECORD_HEAD};
pub use record::{Record, RecordError};
