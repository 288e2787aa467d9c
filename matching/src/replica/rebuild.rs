//! The files of a zone whose producer is lost, made anew on another host.
//!
//! ```text
//! bodies that settlement ordered, with their headers ─┐
//!                                                     ├─► journal, block log ─► a start like any other
//! what is left of the old journal, if anything is ────┘
//! ```
//!
//! * **The ordered blocks decide.** Each body is executed and must give its header, state root and outbox included; a journal that holds
//!   another command under a number of a body is another producer's, and nothing is made of it.
//! * **Numbers stay.** A body has no notes, so its records skip their numbers. The old journal's own notes go there, or [`Note::Lost`].
//! * **What the old journal holds behind the last body** was acknowledged and never available. It is taken over as far as the journal's
//!   hash chain holds, record by record, so the acknowledgements stand.
//! * The old journal is only read.
//!
//! # Known limitations
//!
//! Snapshots are not taken over. What the lost notes said is gone: how far each block had come, which settlement says again, and which
//! outbound FIX numbers were used, which whoever rebuilds must answer with a reservation beyond all of them ([`Rebuild::note`]).

use super::ZoneConfig;
use super::error::ReplicaError;
use super::limits::LOST_NOTES_MAX;
use super::log::BlockLog;
use super::recover::{compare, open_log};
use super::replay::Replica;
use crate::journal::{Corruption, Journal, JournalError, Reader, verify_as};
use plinth_types::block::{BodyReader, ZoneHeader};
use plinth_types::codec::{Codec, DecodeError};
use plinth_types::command::{Body, Command};
use plinth_types::id::{Height, MandateId, Seq, SessionId, TimestampNs};
use plinth_types::message::Note;
use std::path::Path;

/// Why a zone cannot be rebuilt of what was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RebuildError {
    /// Journals and block log, and blocks that executed again give something else than their header.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// There is a zone already.
    #[error("the folder holds a zone: its journal ends at record {last_seq}")]
    NotEmpty {
        /// Its last record.
        last_seq: Seq,
    },
    /// Blocks come in order, none left out.
    #[error("block {height} came, the next one is {expected}")]
    NotNext {
        /// Which came.
        height: Height,
        /// Which was to come.
        expected: Height,
    },
    /// A body that no encoder wrote.
    #[error("body of block {height}: {error}")]
    Body {
        /// Its block.
        height: Height,
        /// What is wrong.
        error: DecodeError,
    },
    /// A body without commands.
    #[error("block {height} holds no command")]
    Empty {
        /// The block.
        height: Height,
    },
    /// A record that is no producer's: a note, a number that does not ascend or skips too many, a stamp that falls.
    #[error("record {seq} of block {height} cannot follow record {last_seq}")]
    Record {
        /// Its block.
        height: Height,
        /// The record.
        seq: Seq,
        /// The one before.
        last_seq: Seq,
    },
    /// The old journal holds another record under a number of the bodies.
    #[error("record {seq} of the old journal is not what settlement ordered: it is another producer's journal")]
    Contradicted {
        /// The first one.
        seq: Seq,
    },
}

/// What the old journal had.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// Its last record that is whole; 0 without a journal.
    pub last_seq: Seq,
    /// Where it is damaged: what was behind it was durable, and is lost.
    pub corruption: Option<Corruption>,
}

impl Kept {
    /// Whether the old journal, taken over, ends where its producer ended: nothing that was durable is missing.
    #[must_use]
    pub fn is_whole(&self, available_to: Seq) -> bool {
        self.corruption.is_none() && self.last_seq > Seq::new(0) && self.last_seq >= available_to
    }
}

/// A zone that is being rebuilt.
#[derive(Debug)]
pub struct Rebuild {
    replica: Replica,
    log: BlockLog,
    journal: Journal,
    old: Option<Old>,
    kept: Kept,
    last_seq: Seq,
    last_time: TimestampNs,
}

/// The old journal, read beside the bodies.
#[derive(Debug)]
struct Old {
    reader: Reader,
    last: Seq,
}

impl Old {
    fn next(&mut self) -> Result<Option<(Command, &[u8])>, JournalError> {
        self.reader.next(self.last)
    }
}

impl Rebuild {
    /// Begins the zone of `config`, which must be empty. `old` is the folder of the old journal.
    ///
    /// # Errors
    ///
    /// [`RebuildError::NotEmpty`]; what is wrong with the folders.
    ///
    /// # Panics
    ///
    /// If `config` contradicts itself.
    pub fn start(config: &ZoneConfig, old: Option<&Path>, now: TimestampNs) -> Result<Self, RebuildError> {
        let log = open_log(config)?;
        let (end, _) = config.journal.open(now, |_, _| Ok::<(), ReplicaError>(()))?;
        if end.last_seq() > Seq::new(0) || log.height() > Height::new(0) {
            return Err(RebuildError::NotEmpty { last_seq: end.last_seq() });
        }
        let mut kept = Kept::default();
        if let Some(folder) = old {
            let report = verify_as(folder, config.journal.identity).map_err(ReplicaError::from)?;
            kept = Kept { last_seq: report.last_seq.unwrap_or_default(), corruption: report.corruption };
        }
        let old = match old {
            Some(folder) if kept.last_seq > Seq::new(0) => {
                let reader = Reader::open(folder, Seq::new(1)).map_err(ReplicaError::from)?;
                Some(Old { reader, last: kept.last_seq })
            }
            Some(_) | None => None,
        };
        let journal = Journal::start(&config.journal, end).map_err(ReplicaError::from)?;
        let replica = Replica::new(config.capacity, config.block);
        Ok(Self { replica, log, journal, old, kept, last_seq: Seq::new(0), last_time: TimestampNs::default() })
    }

    /// Takes the next ordered block.
    ///
    /// # Errors
    ///
    /// [`RebuildError`]; the rebuild must not be used any more.
    pub fn block(&mut self, header: &ZoneHeader, body: &[u8]) -> Result<(), RebuildError> {
        let (height, expected) = (header.height, self.log.height().next());
        if height != expected {
            return Err(RebuildError::NotNext { height, expected });
        }
        if body.is_empty() {
            return Err(RebuildError::Empty { height });
        }
        for next in BodyReader::new(body) {
            let (command, tail) = next.map_err(|error| RebuildError::Body { height, error })?;
            let (seq, last_seq) = (command.seq, self.last_seq);
            let follows = seq > last_seq && seq.get() - last_seq.get() <= LOST_NOTES_MAX && command.time >= self.last_time;
            if !follows || command.body == Body::Note {
                return Err(RebuildError::Record { height, seq, last_seq });
            }
            while self.last_seq.next() < seq {
                self.fill(command.time)?;
            }
            if let Some(old) = &mut self.old
                && let Some(record) = old.next().map_err(ReplicaError::from)?
                && record != (command, tail)
            {
                return Err(RebuildError::Contradicted { seq });
            }
            self.write(&command, tail)?;
            self.replica.apply_again(&command, tail);
        }
        self.seal(header)
    }

    /// Takes the next ordered block from the old journal, whose records must give its header: its body cannot be had elsewhere any more.
    /// False if the journal does not hold all of it.
    ///
    /// # Errors
    ///
    /// As [`Rebuild::block`].
    pub fn kept_block(&mut self, header: &ZoneHeader) -> Result<bool, RebuildError> {
        let (height, expected) = (header.height, self.log.height().next());
        if height != expected {
            return Err(RebuildError::NotNext { height, expected });
        }
        if self.kept.last_seq < header.last_seq {
            return Ok(false);
        }
        let Some(mut old) = self.old.take() else { return Ok(false) };
        let mut command_count = 0;
        while self.last_seq < header.last_seq
            && let Some((command, tail)) = old.next().map_err(ReplicaError::from)?
        {
            self.write(&command, tail)?;
            self.replica.apply_again(&command, tail);
            command_count += u64::from(command.body != Body::Note);
        }
        self.old = Some(old);
        if command_count == 0 {
            return Err(RebuildError::Empty { height });
        }
        self.seal(header)?;
        Ok(true)
    }

    /// Takes over what the old journal holds behind the last block, and shows its commands: they were acknowledged and never available.
    /// Says how many trades they make.
    ///
    /// # Errors
    ///
    /// As [`Rebuild::block`].
    pub fn rest(&mut self, mut restored: impl FnMut(&Command, &[u8])) -> Result<u32, RebuildError> {
        let Some(mut old) = self.old.take() else { return Ok(0) };
        while let Some((command, tail)) = old.next().map_err(ReplicaError::from)? {
            self.write(&command, tail)?;
            if command.body != Body::Note {
                self.replica.apply_again(&command, tail);
                restored(&command, tail);
            }
        }
        Ok(self.replica.open_trades())
    }

    /// Adds a note of the new producer.
    ///
    /// # Errors
    ///
    /// As [`Rebuild::block`].
    pub fn note(&mut self, note: &Note) -> Result<(), RebuildError> {
        self.write_note(note, self.last_time)
    }

    /// Makes everything durable; the zone can be started.
    ///
    /// # Errors
    ///
    /// The disk's.
    pub fn finish(self) -> Result<(), RebuildError> {
        self.log.sync()?;
        Ok(self.journal.shutdown().map_err(ReplicaError::from)?)
    }

    /// What the old journal had.
    #[must_use]
    pub const fn kept(&self) -> &Kept {
        &self.kept
    }

    /// The last record so far.
    #[must_use]
    pub const fn last_seq(&self) -> Seq {
        self.last_seq
    }

    /// The last block so far.
    #[must_use]
    pub const fn height(&self) -> Height {
        self.log.height()
    }

    fn seal(&mut self, header: &ZoneHeader) -> Result<(), RebuildError> {
        let sealed = self.replica.seal();
        compare(&sealed.header, header)?;
        Ok(self.log.put(&sealed.header, &sealed.outbox)?)
    }

    /// The note that was under the next number, or its place.
    fn fill(&mut self, time: TimestampNs) -> Result<(), RebuildError> {
        let seq = self.last_seq.next();
        let old = match &mut self.old {
            Some(old) => old.next().map_err(ReplicaError::from)?,
            None => None,
        };
        match old {
            Some((command, _)) if command.body != Body::Note => Err(RebuildError::Contradicted { seq }),
            Some((command, tail)) => {
                let tail = tail.to_vec();
                self.write(&command, &tail)
            }
            None => self.write_note(&Note::Lost, time),
        }
    }

    fn write_note(&mut self, note: &Note, time: TimestampNs) -> Result<(), RebuildError> {
        let tail = note.to_bytes();
        let (seq, tail_size) = (self.last_seq.next(), tail.len() as u16);
        let (session, mandate, body) = (SessionId::APPLIANCE, MandateId::new(0), Body::Note);
        self.write(&Command { seq, time, session, mandate, body, tail_size }, &tail)
    }

    /// Waits for room: nobody else waits for this journal.
    fn write(&mut self, command: &Command, tail: &[u8]) -> Result<(), RebuildError> {
        while self.journal.append(command, tail).is_err() {
            if let Some(error) = self.journal.status().failure() {
                return Err(ReplicaError::from(error.clone()).into());
            }
            std::thread::yield_now();
        }
        (self.last_seq, self.last_time) = (command.seq, command.time);
        Ok(())
    }
}
