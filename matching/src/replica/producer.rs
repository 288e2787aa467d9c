//! Follows the journal and cuts blocks. It runs on a thread of its own and waits for nothing but its files.

use super::error::ReplicaError;
use super::log::BlockLog;
use super::replay::{Replica, SealedBlock};
use super::snapshot;
use super::{BlockConfig, ZoneConfig};
use crate::journal::Reader;
use crate::tally::hash_of;
use plinth_types::block::ZoneHeader;
use plinth_types::command::Body;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, Seq, TimestampNs};
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::time::Duration;

/// The zone's block producer.
#[derive(Debug)]
pub struct Producer {
    reader: Reader,
    blocks: Blocks,
    /// Where the last block handed out again ended, so that the next one is found without a search.
    again: Option<Reader>,
    journal: PathBuf,
}

/// What a cut touches.
#[derive(Debug)]
struct Blocks {
    replica: Replica,
    log: BlockLog,
    snapshots: PathBuf,
    snapshot_every: Option<NonZeroU64>,
    snapshot_wanted: bool,
    config: BlockConfig,
}

impl Producer {
    /// Goes on behind the last record that `replica` has applied, which is a block's last; `from` is the record behind it.
    pub(super) fn new(config: &ZoneConfig, replica: Replica, log: BlockLog, from: Seq) -> Result<Self, ReplicaError> {
        let blocks = Blocks {
            replica,
            log,
            snapshots: config.snapshots(),
            snapshot_every: config.snapshot_every,
            snapshot_wanted: false,
            config: config.block,
        };
        let journal = config.journal.path.clone();
        Ok(Self { reader: Reader::open(&journal, from)?, blocks, again: None, journal })
    }

    /// Replays what has become durable and cuts a block if one is due; call it again at once if it did. It looks at no clock: `now`
    /// decides whether the open block has waited long enough.
    ///
    /// The block's header is durable in the block log when it is returned.
    ///
    /// # Errors
    ///
    /// [`ReplicaError`]; the producer must not be used any more then.
    pub fn poll(&mut self, durable: Seq, now: TimestampNs) -> Result<Option<SealedBlock>, ReplicaError> {
        let Self { reader, blocks, .. } = self;
        while let Some((command, tail)) = reader.next(durable)? {
            if blocks.replica.has_room(&command) {
                blocks.replica.apply(&command, tail);
                if blocks.replica.is_full() {
                    return blocks.seal().map(Some);
                }
            } else {
                let sealed = blocks.seal()?;
                blocks.replica.apply(&command, tail);
                return Ok(Some(sealed));
            }
        }
        match self.due_at() {
            Some(due) if now >= due => self.blocks.seal().map(Some),
            Some(_) | None => Ok(None),
        }
    }

    /// Cuts a block of what was replayed so far, if there is anything: at a clean stop, say.
    ///
    /// # Errors
    ///
    /// As [`Producer::poll`].
    pub fn flush(&mut self) -> Result<Option<SealedBlock>, ReplicaError> {
        match self.blocks.replica.open_since() {
            Some(_) => self.blocks.seal().map(Some),
            None => Ok(None),
        }
    }

    /// Changes how long an open block waits for more commands, the one that is open now as well.
    pub const fn set_interval(&mut self, interval: Duration) {
        self.blocks.config.interval = interval;
    }

    /// Height of the last block cut; 0 before the first.
    #[must_use]
    pub const fn height(&self) -> Height {
        self.blocks.log.height()
    }

    /// The replica.
    #[must_use]
    pub const fn replica(&self) -> &Replica {
        &self.blocks.replica
    }

    /// State root behind the last record replayed.
    pub fn root_now(&mut self) -> Digest {
        self.blocks.replica.root_now()
    }

    /// When the open block is due at the latest; `None` if it is empty.
    #[must_use]
    pub fn due_at(&self) -> Option<TimestampNs> {
        let interval_ns = u64::try_from(self.blocks.config.interval.as_nanos()).unwrap_or(u64::MAX);
        self.blocks.replica.open_since().map(|since| TimestampNs::new(since.get().saturating_add(interval_ns)))
    }

    /// The header of a block that was cut before.
    ///
    /// # Errors
    ///
    /// [`ReplicaError::NoBlock`], or what is wrong with the block log.
    pub fn header(&self, height: Height) -> Result<ZoneHeader, ReplicaError> {
        self.blocks.log.header(height)
    }

    /// A block that was cut before, its body read from the journal. Ascending heights are cheap; the first one costs a search in one
    /// segment.
    ///
    /// # Errors
    ///
    /// [`ReplicaError::NoBlock`], [`ReplicaError::BodyMismatch`], or what is wrong with block log or journal.
    pub fn block(&mut self, height: Height) -> Result<SealedBlock, ReplicaError> {
        let (header, outbox) = self.blocks.log.entry(height)?;
        let reusable = self.again.take().filter(|reader| reader.next_seq() <= header.first_seq);
        let mut reader = match reusable {
            Some(reader) => reader,
            None => Reader::open(&self.journal, header.first_seq)?,
        };
        let mut body = Vec::with_capacity(header.body_size as usize);
        while let Some((command, tail)) = reader.next(header.last_seq)? {
            if command.seq >= header.first_seq && command.body != Body::Note {
                body.extend_from_slice(&command.head());
                body.extend_from_slice(tail);
            }
        }
        self.again = Some(reader);
        let hash = hash_of(&body);
        if hash != header.body_hash {
            return Err(ReplicaError::BodyMismatch { height, hash, hash_recorded: header.body_hash });
        }
        Ok(SealedBlock { header, body, outbox })
    }

    /// Writes a snapshot behind the next block that is cut, whatever is configured.
    pub const fn request_snapshot(&mut self) {
        self.blocks.snapshot_wanted = true;
    }
}

impl Blocks {
    /// Ends the open block: its header first becomes durable.
    fn seal(&mut self) -> Result<SealedBlock, ReplicaError> {
        let sealed = self.replica.seal();
        self.log.append(&sealed.header, &sealed.outbox)?;
        let height = sealed.header.height;
        let due = self.snapshot_every.is_some_and(|every| height.get().is_multiple_of(every.get()));
        if std::mem::take(&mut self.snapshot_wanted) || due {
            snapshot::write(&self.snapshots, self.config.identity, height, self.replica.root(), self.replica.engine())?;
        }
        Ok(sealed)
    }
}
