//! Blocks that give another result than recorded, when a start executes them again.

use super::error::ReplicaError;
use super::limits::RECUT_BLOCKS_MAX;
use super::log::BlockLog;
use super::recover::{ZoneConfig, compare};
use super::replay::SealedBlock;
use plinth_types::block::ZoneHeader;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command};
use plinth_types::id::Height;
use plinth_types::message::{BlockStatus, Note};
use plinth_types::transfer::OutboxMessage;

/// Compares blocks with what is recorded. From the first one that differs on they are sealed anew, if settlement has rejected it.
#[derive(Default)]
pub(super) struct Recut {
    /// The first block that settlement has rejected.
    rejected: Option<Height>,
    /// The last block that the notes call settled.
    settled: Height,
    changed: Option<Changed>,
}

struct Changed {
    /// How the first block differs.
    error: ReplicaError,
    blocks: Vec<(ZoneHeader, Vec<OutboxMessage>)>,
}

impl Recut {
    pub(super) fn new(rejected: Option<Height>) -> Self {
        Self { rejected, ..Self::default() }
    }

    /// Takes a record of the journal.
    pub(super) fn observe(&mut self, command: &Command, tail: &[u8]) {
        if command.body == Body::Note
            && let Ok(Note::BlockStatus { height, status: BlockStatus::Settled, .. }) = Note::decode(tail)
        {
            self.settled = self.settled.max(height);
        }
    }

    /// Takes the next block as it is now. Another body is no other result of the same one: the journal is wrong then.
    pub(super) fn check(
        &mut self,
        SealedBlock { header, outbox, .. }: SealedBlock,
        recorded: &ZoneHeader,
    ) -> Result<(), ReplicaError> {
        let compared = compare(&header, recorded);
        let has_body = (header.body_hash, header.first_seq) == (recorded.body_hash, recorded.first_seq);
        match (&mut self.changed, compared) {
            (None, Ok(())) => Ok(()),
            (None, Err(error)) if has_body && self.rejected.is_some_and(|rejected| header.height >= rejected) => {
                self.changed = Some(Changed { error, blocks: vec![(header, outbox)] });
                Ok(())
            }
            (Some(changed), _) if has_body && changed.blocks.len() < RECUT_BLOCKS_MAX => {
                changed.blocks.push((header, outbox));
                Ok(())
            }
            (None, Err(error)) => Err(error),
            (Some(changed), _) => Err(changed.error.clone()),
        }
    }

    /// Behind the whole journal: puts the blocks that changed into the log, unless the rejection is over. Where they begin.
    pub(super) fn finish(self, log: BlockLog, config: &ZoneConfig) -> Result<(BlockLog, Option<Height>), ReplicaError> {
        let Some(Changed { error, blocks }) = self.changed else { return Ok((log, None)) };
        if self.rejected.is_none_or(|rejected| rejected <= self.settled) {
            return Err(error);
        }
        let first = blocks.first().map(|(header, _)| header.height);
        Ok((log.recut(&config.blocks(), config.block.identity, &blocks)?, first))
    }
}
