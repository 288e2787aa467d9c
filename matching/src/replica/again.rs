//! What settlement rejected, executed again from the last good root.

use super::error::ReplicaError;
use super::log::BlockLog;
use super::recover::{ZoneConfig, compare, restored};
use super::replay::{Replica, SealedBlock};
use super::snapshot;
use crate::journal::Reader;
use plinth_types::id::Height;

/// Executes the blocks from `first` to the log's last one again, from the same records, on a state that nothing in memory has touched: the newest
/// right snapshot before `first`, or the first record. Changes no file. Cost: another engine, and the records from that state on.
///
/// # Errors
///
/// [`ReplicaError::RootMismatch`] or [`ReplicaError::HeaderMismatch`] for the first block that gives another result than recorded; a damaged
/// journal or block log.
pub fn execute_again(config: &ZoneConfig, first: Height) -> Result<(), ReplicaError> {
    let log = BlockLog::read(&config.blocks(), config.block.identity)?;
    let mut replica = good_state(config, &log, first)?;
    let mut next = replica.height().next();
    if next > log.height() {
        return Ok(());
    }
    let from = replica.engine().last_seq().next();
    let mut reader = Reader::open(&config.journal.path, from)?;
    let mut expected = log.header(next)?;
    let last_seq = log.header(log.height())?.last_seq;
    while let Some((command, tail)) = reader.next(last_seq)? {
        if command.seq < from {
            continue;
        }
        replica.apply_again(&command, tail);
        if command.seq == expected.last_seq {
            let SealedBlock { header, .. } = replica.seal();
            compare(&header, &expected)?;
            next = next.next();
            if next > log.height() {
                return Ok(());
            }
            expected = log.header(next)?;
        }
    }
    let (height, last_seq) = (expected.height, expected.last_seq);
    Err(ReplicaError::BlockBeyondJournal { height, last_seq, journal_last: replica.engine().last_seq() })
}

fn good_state(config: &ZoneConfig, log: &BlockLog, first: Height) -> Result<Replica, ReplicaError> {
    let snapshots = snapshot::list(&config.snapshots())?;
    let mut before = snapshots.into_iter().rev().filter(|(height, _)| *height < first);
    let found = before.find_map(|(height, path)| restored(config, log, height, &path).ok());
    Ok(found.map_or_else(|| Replica::new(config.capacity, config.block), |(_, replica)| replica))
}
