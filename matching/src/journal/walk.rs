//! Walks the batches of a journal in order, checking each. It finds the first place that is not what follows, and does not judge it:
//! recovery knows whether it is a torn tail, a reader of durable records knows that it is not.

use super::disk::ReadSegments;
use super::error::{Corruption, DiskError, Fault};
use super::format::{BatchHeader, Found, Link, SegmentHeader, SegmentIndex, check_record};
use super::limits::{BATCH_HEADER_SIZE, READ_AHEAD_SIZE, SEGMENT_HEADER_SIZE};
use plinth_types::id::Seq;
use plinth_types::limits::COMMAND_HEAD_SIZE;

/// A place between two batches, and all that must be known to go on from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    /// Of the segment.
    pub(crate) header: SegmentHeader,
    pub(crate) offset: u64,
    pub(crate) next_seq: Seq,
    pub(crate) link: Link,
}

impl Position {
    pub(crate) const fn start_of(header: SegmentHeader) -> Self {
        Self { header, offset: SEGMENT_HEADER_SIZE as u64, next_seq: header.first_seq, link: header.previous }
    }
}

/// What stands at the walker's position.
#[derive(Debug)]
pub(super) enum Step {
    /// The batch that follows; its records are the walker's body. The walker is behind it.
    Batch(BatchHeader),
    /// Nothing was ever written here.
    End,
    /// Something that does not follow.
    Bad(Corruption),
}

/// Reads batches one behind the other.
#[derive(Debug)]
pub(super) struct Walker<D> {
    pub(super) disk: D,
    pub(super) at: Position,
    window: Window,
    /// Where in the window the last batch's records are.
    body: std::ops::Range<usize>,
}

impl<D: ReadSegments> Walker<D> {
    pub(super) fn new(disk: D, at: Position) -> Self {
        Self { disk, at, window: Window::default(), body: 0..0 }
    }

    /// Records of the last batch.
    pub(super) fn body(&self) -> &[u8] {
        &self.window.bytes[self.body.clone()]
    }

    pub(super) fn step(&mut self) -> Result<Step, DiskError> {
        // What looks wrong in the window may have been written since it was read: it is looked at once more.
        let mut fresh = false;
        let mut next_header = None;
        loop {
            match self.examine()? {
                Seen::Batch(header) => {
                    self.at.offset += header.size() as u64;
                    self.at.next_seq = header.next_seq();
                    self.at.link = header.link();
                    return Ok(Step::Batch(header));
                }
                Seen::Wrong { .. } | Seen::Nothing if !fresh => {
                    self.window.forget();
                    fresh = true;
                }
                Seen::Wrong { seq, offset, fault } => {
                    return Ok(Step::Bad(Corruption { seq, segment: self.at.header.index, offset, fault }));
                }
                Seen::Nothing => match next_header.take() {
                    // The next segment was begun when this one had been looked at for the last time: nothing follows here.
                    Some(header) => {
                        if let Some(corruption) = self.enter(header) {
                            return Ok(Step::Bad(corruption));
                        }
                        fresh = false;
                    }
                    None => {
                        let next = self.at.header.index.next();
                        match read_segment_header(&mut self.disk, next)? {
                            None | Some(Found::Blank) => return Ok(Step::End),
                            Some(Found::Invalid(fault)) => {
                                return Ok(Step::Bad(Corruption { seq: self.at.next_seq, segment: next, offset: 0, fault }));
                            }
                            Some(Found::Valid(header)) => {
                                next_header = Some(header);
                                self.window.forget();
                            }
                        }
                    }
                },
            }
        }
    }

    fn enter(&mut self, header: SegmentHeader) -> Option<Corruption> {
        if header.journal != self.at.header.journal || header.first_seq != self.at.next_seq || header.previous != self.at.link {
            // Either this segment lost its end or the next one is not its continuation; what can be trusted ends here.
            let fault = Fault::SegmentOrder { found: header.first_seq };
            return Some(Corruption { seq: self.at.next_seq, segment: self.at.header.index, offset: self.at.offset, fault });
        }
        self.at = Position::start_of(header);
        None
    }

    fn examine(&mut self) -> Result<Seen, DiskError> {
        let Position { header: segment, offset, next_seq, link } = self.at;
        let wrong = |fault| Ok(Seen::Wrong { seq: next_seq, offset, fault });
        if offset + BATCH_HEADER_SIZE as u64 > segment.segment_size {
            return Ok(Seen::Nothing);
        }
        let bytes = self.window.get(&mut self.disk, &segment, offset, BATCH_HEADER_SIZE)?;
        let header = match BatchHeader::read(bytes) {
            Found::Blank => return Ok(Seen::Nothing),
            Found::Invalid(fault) => return wrong(fault),
            Found::Valid(header) => header,
        };
        if header.journal != segment.journal || header.previous != link || header.first_seq != next_seq {
            return wrong(Fault::BatchOrder { found: header.first_seq });
        }
        let size = header.size();
        let bytes = self.window.get(&mut self.disk, &segment, offset, size)?;
        if bytes.len() < size {
            return wrong(Fault::BatchHeader);
        }
        let records = BATCH_HEADER_SIZE..BATCH_HEADER_SIZE + header.record_bytes as usize;
        if crc32c::crc32c(&bytes[BATCH_HEADER_SIZE..]) != header.body_crc {
            return Ok(blame(&header, offset, &bytes[records]));
        }
        let start = self.window.at(offset);
        self.body = start + records.start..start + records.end;
        Ok(Seen::Batch(header))
    }
}

enum Seen {
    Batch(BatchHeader),
    Nothing,
    Wrong { seq: Seq, offset: u64, fault: Fault },
}

/// Names the record that makes a batch's checksum wrong.
fn blame(header: &BatchHeader, offset: u64, records: &[u8]) -> Seen {
    let mut at = 0;
    for index in 0..u64::from(header.record_count) {
        let Some(size) = records.get(at..).and_then(check_record) else {
            let offset = offset + (BATCH_HEADER_SIZE + at) as u64;
            return Seen::Wrong { seq: Seq::new(header.first_seq.get() + index), offset, fault: Fault::Record };
        };
        debug_assert!(size >= COMMAND_HEAD_SIZE);
        at += size;
    }
    let last = header.next_seq().get().saturating_sub(1).max(header.first_seq.get());
    Seen::Wrong { seq: Seq::new(last), offset: offset + (BATCH_HEADER_SIZE + at) as u64, fault: Fault::Padding }
}

/// `None` when there is no such segment.
pub(super) fn read_segment_header<D: ReadSegments>(
    disk: &mut D,
    segment: SegmentIndex,
) -> Result<Option<Found<SegmentHeader>>, DiskError> {
    let mut bytes = [0; SEGMENT_HEADER_SIZE];
    let read = match disk.read(segment, 0, &mut bytes) {
        Ok(read) => read,
        Err(error) if error.errno == libc::ENOENT => return Ok(None),
        Err(error) => return Err(error),
    };
    let found = SegmentHeader::read(&bytes[..read]);
    if let Found::Valid(header) = &found
        && (header.index != segment || header.segment_size != disk.size(segment)?)
    {
        return Ok(Some(Found::Invalid(Fault::SegmentHeader)));
    }
    Ok(Some(found))
}

/// A piece of a segment in memory.
#[derive(Debug, Default)]
struct Window {
    bytes: Vec<u8>,
    segment: Option<SegmentIndex>,
    start: u64,
}

impl Window {
    fn forget(&mut self) {
        self.segment = None;
    }

    /// Where a byte of the segment is in the window.
    const fn at(&self, offset: u64) -> usize {
        (offset - self.start) as usize
    }

    /// Up to `size` bytes at `offset`, fewer only at the end of the file.
    fn get<D: ReadSegments>(
        &mut self,
        disk: &mut D,
        segment: &SegmentHeader,
        offset: u64,
        size: usize,
    ) -> Result<&[u8], DiskError> {
        let held = self.segment == Some(segment.index)
            && offset >= self.start
            && offset + size as u64 <= self.start + self.bytes.len() as u64;
        if !held {
            self.forget();
            let left = segment.segment_size.saturating_sub(offset);
            self.bytes.resize((size.max(READ_AHEAD_SIZE) as u64).min(left) as usize, 0);
            let read = disk.read(segment.index, offset, &mut self.bytes)?;
            self.bytes.truncate(read);
            (self.segment, self.start) = (Some(segment.index), offset);
        }
        let start = self.at(offset);
        Ok(&self.bytes[start..self.bytes.len().min(start + size)])
    }
}
