//! Reads durable records, from any one of them on, while the journal grows.

use super::disk::{Directory, ReadSegments};
use super::error::{Corruption, Fault, JournalError};
use super::format::{Found, SegmentHeader, read_record};
use super::walk::{Position, Step, Walker, read_segment_header};
use plinth_types::command::Command;
use plinth_types::id::Seq;
use std::path::Path;

/// An iterator over records up to a durable one. It owns one buffer and reads the files, not the writer's memory.
#[derive(Debug)]
pub struct Reader<D = Directory> {
    walker: Walker<D>,
    /// The record that [`Reader::next`] gives next.
    next_seq: Seq,
    /// Where it starts in the walker's body; at its end, the next batch is needed.
    cursor: usize,
    batch: BatchPlace,
}

/// The batch that is being read, to say where damage is.
#[derive(Clone, Copy, Debug, Default)]
struct BatchPlace {
    next_seq: u64,
}

impl Reader {
    /// Opens the journal in `path` to read from record `from` on.
    ///
    /// # Errors
    ///
    /// [`JournalError::BeforeFirst`], [`JournalError::Corrupt`], or the operating system's.
    pub fn open(path: &Path, from: Seq) -> Result<Self, JournalError> {
        Self::over(Directory::open(path)?, from)
    }
}

impl<D: ReadSegments> Reader<D> {
    /// As [`Reader::open`], on any disk.
    ///
    /// # Errors
    ///
    /// As [`Reader::open`].
    pub fn over(mut disk: D, from: Seq) -> Result<Self, JournalError> {
        let header = segment_of(&mut disk, from)?;
        let walker = Walker::new(disk, Position::start_of(header));
        let next_seq = header.first_seq;
        let mut reader = Self { walker, next_seq, cursor: 0, batch: BatchPlace { next_seq: next_seq.get() } };
        reader.skip_to(from)?;
        Ok(reader)
    }

    /// The record that comes next.
    #[must_use]
    pub const fn next_seq(&self) -> Seq {
        self.next_seq
    }

    /// The next record, if it is not behind `up_to`, which must be durable.
    ///
    /// # Errors
    ///
    /// [`JournalError::Corrupt`] when what is durable cannot be read back.
    pub fn next(&mut self, up_to: Seq) -> Result<Option<(Command, &[u8])>, JournalError> {
        if self.next_seq > up_to {
            return Ok(None);
        }
        while self.next_seq.get() == self.batch.next_seq {
            self.next_batch()?;
        }
        let corrupt = |walker: &Walker<D>, seq, fault| {
            let Position { header, offset, .. } = walker.at;
            JournalError::from(Corruption { seq, segment: header.index, offset, fault })
        };
        let (command, tail) = match read_record(&self.walker.body()[self.cursor..]) {
            Ok(record) => record,
            Err(fault) => return Err(corrupt(&self.walker, self.next_seq, fault)),
        };
        if command.seq != self.next_seq {
            return Err(corrupt(&self.walker, self.next_seq, Fault::BatchOrder { found: command.seq }));
        }
        self.cursor += command.size();
        self.next_seq = self.next_seq.next();
        Ok(Some((command, tail)))
    }

    fn next_batch(&mut self) -> Result<(), JournalError> {
        match self.walker.step()? {
            Step::Batch(header) => {
                self.cursor = 0;
                self.batch = BatchPlace { next_seq: header.next_seq().get() };
                Ok(())
            }
            Step::End => {
                let Position { header, offset, .. } = self.walker.at;
                let fault = Fault::BatchHeader;
                Err(Corruption { seq: self.next_seq, segment: header.index, offset, fault }.into())
            }
            Step::Bad(corruption) => Err(corruption.into()),
        }
    }

    /// Goes on to record `from`, which may be the first one that is not written yet.
    fn skip_to(&mut self, from: Seq) -> Result<(), JournalError> {
        while self.next_seq < from {
            // Whole batches are passed over without decoding their records.
            if self.next_seq.get() == self.batch.next_seq {
                self.next_batch()?;
            } else if self.batch.next_seq <= from.get() {
                self.next_seq = Seq::new(self.batch.next_seq);
                self.cursor = self.walker.body().len();
            } else {
                self.next(from)?;
            }
        }
        Ok(())
    }
}

/// The last segment that starts at or before `from`.
fn segment_of<D: ReadSegments>(disk: &mut D, from: Seq) -> Result<SegmentHeader, JournalError> {
    let mut best: Option<SegmentHeader> = None;
    for segment in disk.segments()? {
        match read_segment_header(disk, segment)? {
            Some(Found::Valid(header)) if header.first_seq <= from || best.is_none() => best = Some(header),
            Some(Found::Valid(_)) => break,
            None | Some(Found::Blank) => {}
            Some(Found::Invalid(fault)) => {
                return Err(Corruption { seq: from, segment, offset: 0, fault }.into());
            }
        }
    }
    let Some(header) = best else { return Err(JournalError::BeforeFirst { seq: from, first: Seq::new(1) }) };
    if header.first_seq > from {
        return Err(JournalError::BeforeFirst { seq: from, first: header.first_seq });
    }
    Ok(header)
}
