//! What a start does: read the journal once, rebuild the zone, check every recorded block.

use super::BlockConfig;
use super::error::ReplicaError;
use super::log::BlockLog;
use super::producer::Producer;
use super::recut::Recut;
use super::replay::Replica;
use super::snapshot::{self, SnapshotError};
use crate::engine::Engine;
use crate::journal::{End, Identity, JournalConfig, JournalError, Report};
use crate::limits::Capacity;
use crate::pipeline::Fused;
use crate::state::{Dirty, pages, restore};
use plinth_types::block::ZoneHeader;
use plinth_types::command::Command;
use plinth_types::event::Event;
use plinth_types::id::{Height, Seq, TimestampNs};
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

/// What a trading zone is told at start.
#[derive(Clone, Debug)]
pub struct ZoneConfig {
    /// Directory of block log and snapshots.
    pub path: PathBuf,
    /// How much the zone can hold. It is part of the state root and cannot change.
    pub capacity: Capacity,
    /// The journal.
    pub journal: JournalConfig,
    /// Block production.
    pub block: BlockConfig,
    /// A snapshot is written behind every so many blocks.
    pub snapshot_every: Option<NonZeroU64>,
}

impl ZoneConfig {
    /// The usual configuration of a zone whose files are in `path`.
    #[must_use]
    pub fn new(path: PathBuf, identity: Identity, capacity: Capacity) -> Self {
        let journal = JournalConfig::new(path.join("journal"), identity);
        Self { path, capacity, journal, block: BlockConfig::new(identity), snapshot_every: None }
    }

    pub(super) fn blocks(&self) -> PathBuf {
        self.path.join("blocks.log")
    }

    pub(super) fn snapshots(&self) -> PathBuf {
        self.path.join("snapshots")
    }
}

/// Where a recovery began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// At the first record.
    FirstRecord,
    /// At a snapshot.
    Snapshot {
        /// The block behind which it was taken.
        height: Height,
        /// Its file.
        path: PathBuf,
    },
}

/// A zone as it was when it stopped, not yet running.
#[derive(Debug)]
pub struct Recovered {
    /// Behind the journal's last record.
    pub engine: Engine<()>,
    /// Where the journal goes on.
    pub end: End,
    /// Stamp of the last record.
    pub last_time: TimestampNs,
    /// What the journal held.
    pub report: Report,
    /// Behind the last recorded block; it catches up with its first polls.
    pub producer: Producer,
    /// Where the recovery began.
    pub origin: Origin,
    /// The first block that was sealed anew, with another result.
    pub recut_from: Option<Height>,
    /// Snapshots that were not used, and why.
    pub snapshots_skipped: Vec<(PathBuf, SnapshotError)>,
}

impl Recovered {
    /// The last record of the journal; 0 if it is empty.
    #[must_use]
    pub const fn last_seq(&self) -> Seq {
        self.end.last_seq()
    }

    /// Starts the journal's thread. The producer goes to a thread of its own.
    ///
    /// # Errors
    ///
    /// When the journal cannot be opened.
    pub fn start(self, journal: &JournalConfig) -> Result<(Fused, Producer), JournalError> {
        let fused = Fused::start(self.engine, journal, self.end, self.last_time)?;
        Ok((fused, self.producer))
    }
}

/// Rebuilds the zone from the journal's first record; makes an empty one if there is no journal. `observer` sees every record with its
/// events, as [`Fused::release`] gave them out.
///
/// # Errors
///
/// [`ReplicaError`]: a damaged journal or block log, or blocks that executed again give another state.
///
/// # Panics
///
/// If `config` contradicts itself.
pub fn recover(
    config: &ZoneConfig,
    now: TimestampNs,
    observer: impl FnMut(&Command, &[u8], &[Event]),
) -> Result<Recovered, ReplicaError> {
    recover_rejected(config, now, None, observer)
}

/// As [`recover`]; blocks from `rejected` on, the first one that settlement has rejected, may give another result than recorded. Then they are
/// sealed anew, all of them from the first that does, with the bodies that they had, and the block log is replaced in one step.
///
/// # Errors
///
/// As [`recover`]; a block below `rejected` with another result, or any of them if a block from `rejected` on is settled by now.
///
/// # Panics
///
/// If `config` contradicts itself.
pub fn recover_rejected(
    config: &ZoneConfig,
    now: TimestampNs,
    rejected: Option<Height>,
    observer: impl FnMut(&Command, &[u8], &[Event]),
) -> Result<Recovered, ReplicaError> {
    let log = open_log(config)?;
    let mut replay = Replay::from_first_record(config, log)?;
    replay.recut = Recut::new(rejected);
    replay.run(config, now, observer)
}

/// Rebuilds the zone from the newest snapshot that is right and the records behind it; from the first record if there is none. The whole
/// journal is checked, the records up to the snapshot are not executed.
///
/// # Errors
///
/// As [`recover`]. A snapshot that is wrong is skipped, not an error.
///
/// # Panics
///
/// If `config` contradicts itself.
pub fn recover_from_snapshot(config: &ZoneConfig, now: TimestampNs) -> Result<Recovered, ReplicaError> {
    let mut log = open_log(config)?;
    let mut skipped = Vec::new();
    for (height, path) in snapshot::list(&config.snapshots())?.into_iter().rev() {
        match Replay::from_snapshot(config, log, height, path) {
            Ok(mut replay) => {
                replay.skipped = skipped;
                return replay.run(config, now, |_, _, _| ());
            }
            Err(unused) => {
                skipped.push((unused.path, unused.error));
                log = unused.log;
            }
        }
    }
    let mut replay = Replay::from_first_record(config, log)?;
    replay.skipped = skipped;
    replay.run(config, now, |_, _, _| ())
}

pub(super) fn open_log(config: &ZoneConfig) -> Result<BlockLog, ReplicaError> {
    config.block.check();
    assert!(config.block.identity == config.journal.identity, "journal and blocks of one zone");
    let made = std::fs::create_dir_all(&config.path);
    made.map_err(|error| ReplicaError::LogFile { op: "creation", errno: error.raw_os_error().unwrap_or(libc::EIO) })?;
    BlockLog::open(&config.blocks(), config.block.identity)
}

/// Both engines on their way through the journal.
struct Replay {
    log: BlockLog,
    core: Engine<()>,
    replica: Replica,
    /// The next block to be found again; `None` behind the last one.
    expected: Option<ZoneHeader>,
    /// The last record that the core has executed.
    last_seq: Seq,
    last_time: TimestampNs,
    events: Vec<Event>,
    origin: Origin,
    skipped: Vec<(PathBuf, SnapshotError)>,
    recut: Recut,
}

/// A snapshot that cannot be used.
struct Unused {
    log: BlockLog,
    path: PathBuf,
    error: SnapshotError,
}

impl Replay {
    fn from_first_record(config: &ZoneConfig, log: BlockLog) -> Result<Self, ReplicaError> {
        let core = Engine::new(config.capacity, ());
        Self::new(log, core, Replica::new(config.capacity, config.block), Origin::FirstRecord)
    }

    fn from_snapshot(config: &ZoneConfig, log: BlockLog, height: Height, path: PathBuf) -> Result<Self, Box<Unused>> {
        let restored = restored(config, &log, height, &path);
        let (core, replica) = match restored {
            Ok(engines) => engines,
            Err(error) => return Err(Box::new(Unused { log, path, error })),
        };
        let origin = Origin::Snapshot { height, path: path.clone() };
        let seq = core.last_seq();
        let expected = if height < log.height() { log.header(height.next()).ok() } else { None };
        Ok(Self {
            log,
            core,
            replica,
            expected,
            last_seq: seq,
            last_time: TimestampNs::default(),
            events: Vec::new(),
            origin,
            skipped: Vec::new(),
            recut: Recut::default(),
        })
    }

    fn new(log: BlockLog, core: Engine<()>, replica: Replica, origin: Origin) -> Result<Self, ReplicaError> {
        let first = Height::new(1);
        let expected = if log.height() >= first { Some(log.header(first)?) } else { None };
        Ok(Self {
            log,
            core,
            replica,
            expected,
            last_seq: Seq::new(0),
            last_time: TimestampNs::default(),
            events: Vec::new(),
            origin,
            skipped: Vec::new(),
            recut: Recut::default(),
        })
    }

    fn run(
        mut self,
        config: &ZoneConfig,
        now: TimestampNs,
        mut observer: impl FnMut(&Command, &[u8], &[Event]),
    ) -> Result<Recovered, ReplicaError> {
        let (end, report) = config.journal.open(now, |command, tail| self.record(command, tail, &mut observer))?;
        if let Some(expected) = &self.expected {
            let (height, last_seq) = (expected.height, expected.last_seq);
            return Err(ReplicaError::BlockBeyondJournal { height, last_seq, journal_last: end.last_seq() });
        }
        let (log, recut_from) = self.recut.finish(self.log, config)?;
        let from = self.replica.engine().last_seq().next();
        let producer = Producer::new(config, self.replica, log, from)?;
        let (engine, last_time, origin, snapshots_skipped) = (self.core, self.last_time, self.origin, self.skipped);
        Ok(Recovered { engine, end, last_time, report, producer, origin, recut_from, snapshots_skipped })
    }

    fn record(
        &mut self,
        command: &Command,
        tail: &[u8],
        observer: &mut impl FnMut(&Command, &[u8], &[Event]),
    ) -> Result<(), ReplicaError> {
        self.last_time = command.time;
        if command.seq <= self.last_seq {
            return Ok(());
        }
        self.events.clear();
        self.core.apply(command, tail, &mut self.events);
        observer(command, tail, &self.events);
        self.recut.observe(command, tail);
        // Behind the last recorded block the producer goes on by itself, within its bounds.
        if let Some(expected) = &self.expected {
            self.replica.apply_again(command, tail);
            if command.seq == expected.last_seq {
                self.recut.check(self.replica.seal(), expected)?;
                let next = expected.height.next();
                self.expected = if next <= self.log.height() { Some(self.log.header(next)?) } else { None };
            }
        }
        Ok(())
    }
}

pub(super) fn restored(
    config: &ZoneConfig,
    log: &BlockLog,
    height: Height,
    path: &Path,
) -> Result<(Engine<()>, Replica), SnapshotError> {
    let dirty = Dirty::new(&config.capacity);
    let (snapshot, engine) = snapshot::read(path, config.block.identity, config.capacity, dirty)?;
    let known = log.header(height).is_ok_and(|header| header.last_seq == snapshot.seq && header.post_root == snapshot.root);
    if snapshot.height != height || !known {
        return Err(SnapshotError::UnknownBlock { height, seq: snapshot.seq });
    }
    let core = restore(config.capacity, pages(&engine), ()).map_err(SnapshotError::Restore)?;
    Ok((core, Replica::at(engine, height, config.block)))
}

/// Compares what execution decides. Epoch, policy and image are the configuration's and may have changed since.
pub(super) fn compare(again: &ZoneHeader, recorded: &ZoneHeader) -> Result<(), ReplicaError> {
    let height = recorded.height;
    for (root, root_recorded) in [(again.pre_root, recorded.pre_root), (again.post_root, recorded.post_root)] {
        if root != root_recorded {
            return Err(ReplicaError::RootMismatch { height, root, root_recorded });
        }
    }
    let fields = [
        ("body", again.body_hash == recorded.body_hash && again.body_size == recorded.body_size),
        ("range of records", (again.first_seq, again.last_seq) == (recorded.first_seq, recorded.last_seq)),
        ("count", (again.command_count, again.trade_count) == (recorded.command_count, recorded.trade_count)),
        ("inbox", (again.inbox_index, again.inbox_root) == (recorded.inbox_index, recorded.inbox_root)),
        ("refused messages", again.inbox_refused == recorded.inbox_refused),
        ("outbox", (again.outbox_root, &again.outbox_totals) == (recorded.outbox_root, &recorded.outbox_totals)),
        ("exits", again.exit_root == recorded.exit_root),
        ("time", again.time == recorded.time),
        ("height", again.height == recorded.height),
    ];
    match fields.into_iter().find(|(_, same)| !same) {
        Some((field, _)) => Err(ReplicaError::HeaderMismatch { height, field }),
        None => Ok(()),
    }
}
