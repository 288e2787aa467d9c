//! A batch while it is filled: the buffer that goes to the disk.

use super::format::{BatchHeader, JournalId, Link, batch_size, seal_record};
use super::limits::{BATCH_HEADER_SIZE, BATCH_SIZE_MAX, BATCH_SIZE_MIN};
use crate::ring::RecordConsumer;
use plinth_types::command::Command;
use plinth_types::id::Seq;
use plinth_types::limits::COMMAND_HEAD_SIZE;

/// Records in sequence, with room for the header in front. The buffer is allocated once and reused.
#[derive(Debug)]
pub struct Batch {
    bytes: Vec<u8>,
    record_count: u32,
    first_seq: Seq,
    size_max: usize,
}

impl Batch {
    /// An empty batch that will not exceed `size_max` bytes.
    ///
    /// # Panics
    ///
    /// If `size_max` is not between [`BATCH_SIZE_MIN`] and [`BATCH_SIZE_MAX`].
    #[must_use]
    pub fn new(size_max: usize) -> Self {
        assert!((BATCH_SIZE_MIN..=BATCH_SIZE_MAX).contains(&size_max), "batches of at most {size_max} bytes");
        // A record is copied by whole cells and then cut: one more record keeps the buffer where it is.
        let mut bytes = Vec::with_capacity(size_max + BATCH_SIZE_MIN);
        bytes.resize(BATCH_HEADER_SIZE, 0);
        Self { bytes, record_count: 0, first_seq: Seq::new(0), size_max }
    }

    /// Takes as many records from the ring as fit; whether it took any. The ring's cells are given back.
    pub fn fill(&mut self, ring: &mut RecordConsumer<1>) -> bool {
        let before = self.record_count;
        loop {
            let at = self.bytes.len();
            if ring.take(self.size_max - at, &mut self.bytes).is_none() {
                break;
            }
            self.seal(at);
        }
        ring.release();
        self.record_count > before
    }

    /// Adds one record; `false` if it does not fit.
    ///
    /// # Panics
    ///
    /// If `tail` is not of the command's tail size.
    pub fn push(&mut self, command: &Command, tail: &[u8]) -> bool {
        assert!(usize::from(command.tail_size) == tail.len(), "a tail of {} bytes, not {}", tail.len(), command.tail_size);
        let at = self.bytes.len();
        if at + command.size() > self.size_max {
            return false;
        }
        self.bytes.extend_from_slice(&command.head());
        self.bytes.extend_from_slice(tail);
        self.seal(at);
        true
    }

    /// Whether it holds no record.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.record_count == 0
    }

    /// Records held.
    #[must_use]
    pub const fn record_count(&self) -> u32 {
        self.record_count
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.bytes.truncate(BATCH_HEADER_SIZE);
        self.record_count = 0;
    }

    /// Bytes it will take on disk.
    pub(super) const fn size(&self) -> usize {
        batch_size(self.bytes.len() - BATCH_HEADER_SIZE)
    }

    /// Pads, checksums and heads it.
    ///
    /// # Panics
    ///
    /// If its first record is not `next_seq`: the ring and the journal disagree on what was written.
    pub(super) fn finish(&mut self, next_seq: Seq, previous: Link, floor: Seq, journal: JournalId) -> (BatchHeader, &[u8]) {
        assert!(self.is_empty() || self.first_seq == next_seq, "record {} where {next_seq} follows", self.first_seq);
        let record_bytes = self.bytes.len() - BATCH_HEADER_SIZE;
        self.bytes.resize(batch_size(record_bytes), 0);
        let header = BatchHeader {
            first_seq: next_seq,
            record_count: self.record_count,
            record_bytes: u32::try_from(record_bytes).expect("bounded by BATCH_SIZE_MAX"),
            previous,
            floor,
            journal,
            body_crc: crc32c::crc32c(&self.bytes[BATCH_HEADER_SIZE..]),
        };
        self.bytes[..BATCH_HEADER_SIZE].copy_from_slice(&header.encode());
        (header, &self.bytes)
    }

    fn seal(&mut self, at: usize) {
        let record = &mut self.bytes[at..];
        let seq = Seq::new(u64::from_le_bytes(record[..8].try_into().expect("a record has a head")));
        debug_assert!(record.len() >= COMMAND_HEAD_SIZE);
        if self.record_count == 0 {
            self.first_seq = seq;
        }
        let expected = self.first_seq.get() + u64::from(self.record_count);
        assert!(seq.get() == expected, "record {seq} behind {expected}: the sequencer skipped or repeated one");
        seal_record(record);
        self.record_count += 1;
    }
}
