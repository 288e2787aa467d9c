//! Appends batches and rolls segments. One thread's; it publishes nothing itself.

use super::batch::Batch;
use super::disk::{Disk, Lock};
use super::error::{DiskError, JournalError};
use super::format::{SegmentHeader, SegmentIndex};
use super::limits::{SEGMENT_HEADER_SIZE, SEGMENT_SIZE_MAX};
use super::recover::{Identity, Report, first_header, recover};
use super::walk::Position;
use plinth_types::command::Command;
use plinth_types::id::{Seq, TimestampNs};

/// What an acknowledgement means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// The record survives a power failure of this host: `fdatasync` before anything is said.
    #[default]
    Sync,
    /// The record was handed to the kernel: it survives the process, not the host. Syncs follow behind.
    Async,
}

/// Where a journal ends: what a writer must know to go on, without the disk.
#[derive(Debug)]
pub struct End {
    pub(super) at: Position,
    pub(super) prepared: Option<SegmentIndex>,
    /// Held from before the journal was read until its thread has ended.
    pub(super) lock: Option<Lock>,
}

impl End {
    /// The last record; 0 if there is none.
    #[must_use]
    pub const fn last_seq(&self) -> Seq {
        Seq::new(self.at.next_seq.get() - 1)
    }
}

/// Replays the journal on `disk` into `visit`, cuts off a torn tail, and finds its end; makes a new journal if there is none.
/// Everything up to the end is durable when it returns.
///
/// # Errors
///
/// [`JournalError::Corrupt`], [`JournalError::Foreign`], the disk's, or `visit`'s.
///
/// # Panics
///
/// If `segment_size` is not above the header's size and at most [`SEGMENT_SIZE_MAX`].
pub fn open<D: Disk, E: From<JournalError>>(
    disk: &mut D,
    identity: Identity,
    segment_size: u64,
    now: TimestampNs,
    visit: impl FnMut(&Command, &[u8]) -> Result<(), E>,
) -> Result<(End, Report), E> {
    assert!((SEGMENT_HEADER_SIZE as u64 + 1..=SEGMENT_SIZE_MAX).contains(&segment_size), "segments of {segment_size} bytes");
    let (report, position) = recover(disk, identity, visit)?;
    let at = match position {
        Some(at) => at,
        None => begin(disk, identity, segment_size, now).map_err(JournalError::from)?,
    };
    let next = at.header.index.next();
    let prepared = disk.segments().map_err(JournalError::from)?.contains(&next).then_some(next);
    Ok((End { at, prepared, lock: None }, report))
}

/// Begins a journal. Its first segment may be there from an attempt that was interrupted.
fn begin<D: Disk>(disk: &mut D, identity: Identity, segment_size: u64, now: TimestampNs) -> Result<Position, DiskError> {
    let segment_size = if disk.segments()?.contains(&SegmentIndex::FIRST) {
        disk.size(SegmentIndex::FIRST)?
    } else {
        disk.create(SegmentIndex::FIRST, segment_size)?;
        segment_size
    };
    let header = first_header(identity, now, segment_size);
    disk.write_sync(SegmentIndex::FIRST, 0, &header.encode())?;
    Ok(Position::start_of(header))
}

/// Writes the batches of one journal.
#[derive(Debug)]
pub struct Writer<D> {
    disk: D,
    at: Position,
    /// The segment behind the current one, once it is allocated.
    prepared: Option<SegmentIndex>,
    /// Last record handed to the kernel.
    written: Seq,
    /// Last record known to be durable.
    durable: Seq,
    /// What a background sync will have made durable.
    syncing: Option<Seq>,
    /// The first error, for good.
    poison: Option<JournalError>,
    _lock: Option<Lock>,
}

impl<D: Disk> Writer<D> {
    /// Goes on at the end that [`open`] found on the same disk.
    #[must_use]
    pub fn new(disk: D, end: End) -> Self {
        let last = end.last_seq();
        let End { at, prepared, lock } = end;
        Self { disk, at, prepared, written: last, durable: last, syncing: None, poison: None, _lock: lock }
    }

    /// Last record handed to the kernel.
    #[must_use]
    pub const fn written(&self) -> Seq {
        self.written
    }

    /// Last record known to be durable.
    #[must_use]
    pub const fn durable(&self) -> Seq {
        self.durable
    }

    /// The segment to allocate now, so that it is there when it is needed.
    #[must_use]
    pub const fn segment_wanted(&self) -> Option<SegmentIndex> {
        match self.prepared {
            Some(_) => None,
            None => Some(self.at.header.index.next()),
        }
    }

    /// The wanted segment is there.
    ///
    /// # Panics
    ///
    /// If it is another one.
    pub fn segment_ready(&mut self, segment: SegmentIndex) {
        assert!(self.segment_wanted() == Some(segment), "segment {segment} was not asked for");
        self.prepared = Some(segment);
    }

    /// Whether `batch` needs the next segment.
    #[must_use]
    pub const fn must_roll(&self, batch: &Batch) -> bool {
        self.at.offset + batch.size() as u64 > self.at.header.segment_size
    }

    /// Writes the batch, makes it durable if told to, and empties it. An empty batch is written too: it raises the floor on disk.
    ///
    /// # Errors
    ///
    /// The first error is final: every later call returns it and writes nothing. After a failed sync the kernel may have dropped the
    /// pages and marked them clean, so a second one that succeeds would prove nothing.
    pub fn commit(&mut self, batch: &mut Batch, durability: Durability) -> Result<(), JournalError> {
        self.guarded(|writer| writer.put(batch, durability))
    }

    /// Makes everything written durable.
    ///
    /// # Errors
    ///
    /// As [`Writer::commit`].
    pub fn sync(&mut self) -> Result<(), JournalError> {
        self.guarded(|writer| {
            writer.end_sync(true)?;
            if writer.durable < writer.written {
                writer.disk.sync(writer.at.header.index)?;
                writer.durable = writer.written;
            }
            Ok(())
        })
    }

    /// Looks after the background sync: takes its result if it has one, and begins the next if something is not durable yet.
    ///
    /// # Errors
    ///
    /// As [`Writer::commit`].
    pub fn sync_behind(&mut self) -> Result<(), JournalError> {
        self.guarded(|writer| {
            writer.end_sync(false)?;
            if writer.syncing.is_none() && writer.durable < writer.written {
                writer.disk.sync_start(writer.at.header.index)?;
                writer.syncing = Some(writer.written);
            }
            Ok(())
        })
    }

    #[cfg(test)]
    pub(super) fn disk_mut(&mut self) -> &mut D {
        &mut self.disk
    }

    #[cfg(test)]
    pub(super) fn into_disk(self) -> D {
        self.disk
    }

    fn guarded(&mut self, act: impl FnOnce(&mut Self) -> Result<(), JournalError>) -> Result<(), JournalError> {
        if let Some(error) = &self.poison {
            return Err(error.clone());
        }
        act(self).inspect_err(|error| self.poison = Some(error.clone()))
    }

    fn put(&mut self, batch: &mut Batch, durability: Durability) -> Result<(), JournalError> {
        if self.must_roll(batch) {
            self.roll()?;
        }
        assert!(!self.must_roll(batch), "a segment of {} bytes holds no batch", self.at.header.segment_size);
        let Position { header: segment, offset, next_seq, link } = self.at;
        let (header, bytes) = batch.finish(next_seq, link, self.durable, segment.journal);
        match durability {
            Durability::Sync => self.disk.write_sync(segment.index, offset, bytes)?,
            Durability::Async => self.disk.write(segment.index, offset, bytes)?,
        }
        self.at.offset += bytes.len() as u64;
        self.at.next_seq = header.next_seq();
        self.at.link = header.link();
        self.written = Seq::new(self.at.next_seq.get() - 1);
        if durability == Durability::Sync {
            self.durable = self.written;
        }
        batch.clear();
        Ok(())
    }

    /// Begins the next segment. Everything before it is durable by then: recovery relies on it.
    fn roll(&mut self) -> Result<(), JournalError> {
        let index = self.at.header.index.next();
        if self.prepared != Some(index) {
            return Err(JournalError::NoSpace { segment: index });
        }
        self.end_sync(true)?;
        if self.durable < self.written {
            self.disk.sync(self.at.header.index)?;
            self.durable = self.written;
        }
        let header = SegmentHeader {
            index,
            segment_size: self.disk.size(index)?,
            first_seq: self.at.next_seq,
            previous: self.at.link,
            ..self.at.header
        };
        self.disk.write_sync(index, 0, &header.encode())?;
        self.at = Position::start_of(header);
        self.prepared = None;
        Ok(())
    }

    fn end_sync(&mut self, wait: bool) -> Result<(), JournalError> {
        let Some(covered) = self.syncing else { return Ok(()) };
        if let Some(result) = self.disk.sync_result(wait) {
            self.syncing = None;
            result?;
            self.durable = self.durable.max(covered);
        }
        Ok(())
    }
}
