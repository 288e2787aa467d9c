//! What a start finds: records to replay, a torn tail to cut off, or damage to refuse.
//!
//! # How a torn tail is told from damage
//!
//! The walk stops at the first batch that is not whole or does not follow. Each batch carries the durable floor that was known when
//! it was made, and a segment is begun only when everything before it is durable. So the stop is **damage** if
//!
//! * a later batch of the same journal says that the first bad record was durable, or
//! * a later segment was begun,
//!
//! and otherwise it is the **torn tail** of what was in flight. With `fdatasync` a batch is written when the one before it is
//! durable, so every batch but the last is guarded by its successor; when the ring has been empty for
//! [`FLOOR_IDLE`](super::limits::FLOOR_IDLE), and at a clean stop, an empty batch is written to guard the last one too.
//!
//! # What one disk cannot tell
//!
//! If the process dies within that time after a batch was acknowledged, and the bits of that very batch rot before the restart, its
//! rot looks like a torn write, and it is cut off. Only another copy can tell the difference: the standby, or the zone block that a
//! validator already holds (the producer then refuses to start, because its recorded block ends behind the journal). An empty
//! batch holds no record, so damage to the last one costs nothing and is cut off as torn too; likewise the header of a last segment
//! that holds no batch yet. With `durability = "async"` the floor lags behind what was acknowledged, which is what was chosen.

use super::disk::{Disk, ReadSegments};
use super::error::{Corruption, DiskError, Fault, JournalError};
use super::format::{BatchHeader, Found, JournalId, SegmentHeader, SegmentIndex, read_record};
use super::limits::{BATCH_ALIGN, BATCH_HEADER_SIZE, READ_AHEAD_SIZE, SEGMENT_HEADER_SIZE};
use super::walk::{Position, Step, Walker, read_segment_header};
use plinth_types::command::Command;
use plinth_types::id::{ChainId, Seq, ZoneId};

/// What a journal holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Segments begun.
    pub segment_count: u64,
    /// Batches, empty ones included.
    pub batch_count: u64,
    /// Records.
    pub record_count: u64,
    /// Bytes of batches, with headers and padding.
    pub byte_count: u64,
    /// The first record; `None` if there is none.
    pub first_seq: Option<Seq>,
    /// The last record that is whole and follows; `None` if there is none.
    pub last_seq: Option<Seq>,
    /// The highest record that the journal itself says was durable.
    pub floor: Seq,
    /// What was in flight when writing stopped, if it did not land whole.
    pub torn: Option<Corruption>,
    /// Durable data that has changed: the journal must not be used.
    pub corruption: Option<Corruption>,
}

/// Which journal is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The chain that the zone settles on.
    pub chain: ChainId,
    /// The zone.
    pub zone: ZoneId,
}

/// Checks a whole journal without changing it.
///
/// # Errors
///
/// When it cannot be read, or is another one. Damage is in the report.
pub(super) fn verify<D: ReadSegments>(disk: D, identity: Option<Identity>) -> Result<Report, JournalError> {
    let (report, _) = scan(disk, identity, |_, _| Ok::<(), JournalError>(()))?;
    Ok(report)
}

/// Replays a journal into `visit` and makes it ready to be written: a torn tail is cut off, the rest is made durable. `None` for the
/// position when there is no journal yet.
///
/// # Errors
///
/// [`JournalError::Corrupt`], [`JournalError::Foreign`], the disk's, or `visit`'s. `visit` may have seen records by then.
pub(crate) fn recover<D: Disk, E: From<JournalError>>(
    disk: &mut D,
    identity: Identity,
    visit: impl FnMut(&Command, &[u8]) -> Result<(), E>,
) -> Result<(Report, Option<Position>), E> {
    let (report, position) = scan(&mut *disk, Some(identity), visit)?;
    if let Some(corruption) = &report.corruption {
        return Err(JournalError::from(corruption.clone()).into());
    }
    if let Some(position) = &position {
        make_ready(disk, position, report.torn.as_ref()).map_err(JournalError::from)?;
    }
    Ok((report, position))
}

fn scan<D: ReadSegments, E: From<JournalError>>(
    mut disk: D,
    identity: Option<Identity>,
    mut visit: impl FnMut(&Command, &[u8]) -> Result<(), E>,
) -> Result<(Report, Option<Position>), E> {
    let mut report = Report::default();
    let first = match first_segment(&mut disk)? {
        First::None => return Ok((report, None)),
        First::Damaged(corruption) => {
            report.corruption = Some(corruption);
            return Ok((report, None));
        }
        First::Header(header) => header,
    };
    if let Some(Identity { chain, zone }) = identity
        && (chain, zone) != (first.chain, first.zone)
    {
        return Err(JournalError::Foreign { chain, zone, chain_found: first.chain, zone_found: first.zone }.into());
    }
    let mut walker = Walker::new(disk, Position::start_of(first));
    let stop = loop {
        let segment = walker.at.header.index;
        let offset = walker.at.offset;
        match walker.step().map_err(JournalError::from)? {
            Step::Batch(batch) => {
                // The walk may have entered the next segment on the way.
                let offset = if walker.at.header.index == segment { offset } else { SEGMENT_HEADER_SIZE as u64 };
                if let Err(corruption) = replay(walker.body(), &batch, walker.at.header.index, offset, &mut visit)? {
                    report.corruption = Some(corruption);
                    return Ok((report, None));
                }
                report.count(&batch);
            }
            Step::End => break remnant(&mut walker.disk, &walker.at).map_err(JournalError::from)?,
            Step::Bad(corruption) => break Some(corruption),
        }
    };
    let position = walker.at;
    report.segment_count = position.header.index.0 - first.index.0 + 1;
    if let Some(stop) = stop {
        let lost = is_damage(&mut walker.disk, &position, &stop).map_err(JournalError::from)?;
        *(if lost { &mut report.corruption } else { &mut report.torn }) = Some(stop);
    } else if let Some(missing) = missing_segment(&mut walker.disk, &position).map_err(JournalError::from)? {
        report.corruption = Some(missing);
    }
    Ok((report, Some(position)))
}

impl Report {
    fn count(&mut self, batch: &BatchHeader) {
        self.batch_count += 1;
        self.byte_count += batch.size() as u64;
        self.record_count += u64::from(batch.record_count);
        self.floor = self.floor.max(batch.floor);
        if batch.record_count > 0 {
            self.first_seq.get_or_insert(batch.first_seq);
            self.last_seq = Some(Seq::new(batch.next_seq().get() - 1));
        }
    }
}

fn replay<E>(
    mut records: &[u8],
    batch: &BatchHeader,
    segment: SegmentIndex,
    offset: u64,
    visit: &mut impl FnMut(&Command, &[u8]) -> Result<(), E>,
) -> Result<Result<(), Corruption>, E> {
    let size = records.len();
    for index in 0..u64::from(batch.record_count) {
        let seq = Seq::new(batch.first_seq.get() + index);
        let offset = offset + (BATCH_HEADER_SIZE + size - records.len()) as u64;
        let (command, tail) = match read_record(records) {
            Ok((command, tail)) if command.seq == seq => (command, tail),
            Ok((command, _)) => {
                return Ok(Err(Corruption { seq, segment, offset, fault: Fault::BatchOrder { found: command.seq } }));
            }
            Err(fault) => return Ok(Err(Corruption { seq, segment, offset, fault })),
        };
        visit(&command, tail)?;
        records = &records[command.size()..];
    }
    Ok(Ok(()))
}

enum First {
    None,
    Damaged(Corruption),
    Header(SegmentHeader),
}

fn first_segment<D: ReadSegments>(disk: &mut D) -> Result<First, JournalError> {
    let segments = disk.segments()?;
    let Some(&index) = segments.first() else { return Ok(First::None) };
    if index > SegmentIndex::FIRST {
        // Nothing prunes segments.
        let (seq, segment) = (Seq::new(1), SegmentIndex::FIRST);
        return Ok(First::Damaged(Corruption { seq, segment, offset: 0, fault: Fault::SegmentMissing }));
    }
    let found = read_segment_header(disk, index)?.unwrap_or(Found::Blank);
    let fault = match found {
        Found::Valid(header) => return Ok(First::Header(header)),
        Found::Blank => Fault::SegmentHeader,
        Found::Invalid(fault) => fault,
    };
    // Without a header the journal's own number is not known: any batch is one that was lost.
    let mut seq = batch_behind(disk, index, 0, |_| true)?.map(|batch| batch.first_seq);
    if segments.len() > 1 || matches!(fault, Fault::Version { .. }) {
        seq = seq.or(Some(Seq::new(1)));
    }
    Ok(match seq {
        Some(seq) => First::Damaged(Corruption { seq, segment: index, offset: 0, fault }),
        // Its making was interrupted: it is made again.
        None => First::None,
    })
}

/// Whether what the walk stopped at was durable once.
fn is_damage<D: ReadSegments>(disk: &mut D, at: &Position, stop: &Corruption) -> Result<bool, DiskError> {
    if matches!(stop.fault, Fault::Version { .. }) {
        return Ok(true);
    }
    for segment in disk.segments()? {
        if segment > stop.segment && matches!(read_segment_header(disk, segment)?, Some(Found::Valid(_))) {
            return Ok(true);
        }
    }
    if stop.segment > at.header.index {
        // The header of a segment. It was durable before the first batch was written.
        return Ok(batch_behind(disk, stop.segment, 0, |batch| batch.journal == at.header.journal)?.is_some());
    }
    let durable = |batch: &BatchHeader| batch.journal == at.header.journal && batch.floor >= stop.seq;
    Ok(batch_behind(disk, stop.segment, at.offset, durable)?.is_some())
}

/// Bytes behind the end: of a batch whose first sector never landed, or is lost. A sector is written whole, but not in order.
fn remnant<D: ReadSegments>(disk: &mut D, at: &Position) -> Result<Option<Corruption>, DiskError> {
    if !is_blank(disk, at.header.index, at.offset)? {
        let (seq, segment, offset) = (at.next_seq, at.header.index, at.offset);
        return Ok(Some(Corruption { seq, segment, offset, fault: Fault::BatchHeader }));
    }
    let next = at.header.index.next();
    if disk.segments()?.contains(&next) && !is_blank(disk, next, 0)? {
        return Ok(Some(Corruption { seq: at.next_seq, segment: next, offset: 0, fault: Fault::SegmentHeader }));
    }
    Ok(None)
}

fn is_blank<D: ReadSegments>(disk: &mut D, segment: SegmentIndex, offset: u64) -> Result<bool, DiskError> {
    let mut is_blank = true;
    read_pieces(disk, segment, offset, |_, _, piece| {
        is_blank = piece.iter().all(|&byte| byte == 0);
        Ok(is_blank)
    })?;
    Ok(is_blank)
}

/// Reads a segment from `offset` to its end, piece by piece, until `visit` says to stop.
fn read_pieces<D: ReadSegments>(
    disk: &mut D,
    segment: SegmentIndex,
    offset: u64,
    mut visit: impl FnMut(&mut D, u64, &[u8]) -> Result<bool, DiskError>,
) -> Result<(), DiskError> {
    let end = disk.size(segment)?;
    let mut bytes = vec![0; end.saturating_sub(offset).min(READ_AHEAD_SIZE as u64) as usize];
    let mut start = offset;
    while start < end {
        let read = disk.read(segment, start, &mut bytes)?;
        if read == 0 || !visit(disk, start, &bytes[..read])? {
            break;
        }
        start += read as u64;
    }
    Ok(())
}

/// A segment that is there although the one before it is not.
fn missing_segment<D: ReadSegments>(disk: &mut D, at: &Position) -> Result<Option<Corruption>, DiskError> {
    for segment in disk.segments()? {
        if segment > at.header.index.next() && !matches!(read_segment_header(disk, segment)?, None | Some(Found::Blank)) {
            let (seq, segment) = (at.next_seq, at.header.index.next());
            return Ok(Some(Corruption { seq, segment, offset: 0, fault: Fault::SegmentMissing }));
        }
    }
    Ok(None)
}

/// A batch header that is intact and that `wanted` accepts, behind `offset`.
fn batch_behind<D: ReadSegments>(
    disk: &mut D,
    segment: SegmentIndex,
    offset: u64,
    wanted: impl Fn(&BatchHeader) -> bool,
) -> Result<Option<BatchHeader>, DiskError> {
    let mut found = None;
    read_pieces(disk, segment, offset, |_, start, piece| {
        let behind = piece.chunks(BATCH_ALIGN).zip((start..).step_by(BATCH_ALIGN)).filter(|(_, at)| *at > offset);
        found = behind
            .filter_map(|(bytes, _)| match BatchHeader::read(bytes) {
                Found::Valid(header) => Some(header),
                Found::Blank | Found::Invalid(_) => None,
            })
            .find(&wanted);
        Ok(found.is_none())
    })?;
    Ok(found)
}

/// Zeros what lies behind the last whole batch, so that no later start takes it for something, and makes what was read durable: it
/// may have been written and not synced when the process died.
fn make_ready<D: Disk>(disk: &mut D, at: &Position, torn: Option<&Corruption>) -> Result<(), DiskError> {
    if let Some(torn) = torn {
        let (segment, from) = if torn.segment > at.header.index { (torn.segment, 0) } else { (at.header.index, at.offset) };
        let zeros = vec![0; READ_AHEAD_SIZE];
        read_pieces(disk, segment, from, |disk, start, piece| {
            if piece.iter().any(|&byte| byte != 0) {
                disk.write(segment, start, &zeros[..piece.len()])?;
            }
            Ok(true)
        })?;
        disk.sync(segment)?;
    }
    disk.sync(at.header.index)
}

/// The header of a new journal's first segment.
pub(crate) fn first_header(identity: Identity, created: plinth_types::id::TimestampNs, segment_size: u64) -> SegmentHeader {
    let journal = JournalId::draw(identity.chain, identity.zone, created);
    SegmentHeader {
        chain: identity.chain,
        zone: identity.zone,
        journal,
        index: SegmentIndex::FIRST,
        segment_size,
        first_seq: Seq::new(1),
        previous: super::format::Link(journal.0),
        created,
    }
}
