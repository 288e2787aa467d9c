//! Why the replica cannot be started or go on.

use super::snapshot::SnapshotError;
use crate::journal::JournalError;
use plinth_types::codec::DecodeError;
use plinth_types::digest::Digest;
use plinth_types::id::{ChainId, Height, Seq, ZoneId};

/// Why the replica cannot be started or go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplicaError {
    /// The journal's.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A snapshot could not be written.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// A system call on the block log failed.
    #[error("{op} of the block log failed: {}", std::io::Error::from_raw_os_error(*.errno))]
    LogFile {
        /// What was tried.
        op: &'static str,
        /// The operating system's number.
        errno: i32,
    },
    /// The block log belongs to another zone or another version of the program.
    #[error("the block log is of chain {chain_found} zone {zone_found} version {version_found}, not of chain {chain} zone {zone}")]
    LogForeign {
        /// The chain asked for.
        chain: ChainId,
        /// The zone asked for.
        zone: ZoneId,
        /// The chain that the log names.
        chain_found: ChainId,
        /// The zone that the log names.
        zone_found: ZoneId,
        /// Its version.
        version_found: u8,
    },
    /// The block log's own header is damaged.
    #[error("the block log's header is damaged")]
    LogHeader,
    /// An entry of the block log, not the last one, is damaged.
    #[error("block log corrupt at height {height} (byte {offset})")]
    LogCorrupt {
        /// The block whose entry is damaged.
        height: Height,
        /// Where.
        offset: u64,
    },
    /// An intact entry of the block log is no header.
    #[error("block log entry of height {height} does not decode: {error}")]
    LogDecode {
        /// The block.
        height: Height,
        /// Why.
        error: DecodeError,
    },
    /// No such block was produced.
    #[error("there is no block {height}, the last one is {last}")]
    NoBlock {
        /// Asked for.
        height: Height,
        /// The last one produced.
        last: Height,
    },
    /// A block was handed out whose records the journal does not hold: acknowledged data is lost.
    #[error("block {height} ends at record {last_seq}, the journal at {journal_last}")]
    BlockBeyondJournal {
        /// The block.
        height: Height,
        /// Its last record.
        last_seq: Seq,
        /// The journal's last record.
        journal_last: Seq,
    },
    /// Executing a recorded block again gave another state.
    #[error("block {height} executed again gives state root {root}, recorded is {root_recorded}")]
    RootMismatch {
        /// The block.
        height: Height,
        /// What the replay gave.
        root: Digest,
        /// What was recorded.
        root_recorded: Digest,
    },
    /// Executing a recorded block again gave another header, with the same state root.
    #[error("block {height} executed again gives another {field} than recorded")]
    HeaderMismatch {
        /// The block.
        height: Height,
        /// Which part differs.
        field: &'static str,
    },
    /// A block's records in the journal are not the ones that were hashed.
    #[error("the body of block {height} read from the journal hashes to {hash}, recorded is {hash_recorded}")]
    BodyMismatch {
        /// The block.
        height: Height,
        /// What the journal gives.
        hash: Digest,
        /// What was recorded.
        hash_recorded: Digest,
    },
}
