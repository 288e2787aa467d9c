//! The bytes of a journal. All integers little-endian; what is not named is zero and checked to be.
//!
//! ```text
//! segment header, at byte 0 of each file, 4,096 bytes
//! 0          8       9    12     14   16     24        32      40     48          56         64        72    76
//! │"PLNTJRNL"│version│zero│zone  │zero│chain │journal  │index │size  │first seq  │previous  │created  │crc  │ zero …
//!
//! batch header, at a multiple of 512, 64 bytes
//! 0      4       5    8           16       20      24         32        40       48     56         60         64
//! │"PLBT"│version│zero│ first seq │ records│ bytes │ previous │ floor   │journal │ zero │ body crc │header crc│ records …
//!
//! record
//! 0                                                                 54     60           64
//! │ the head of plinth_types::command, less its last ten zero bytes │ zero │ record crc │ tail …
//! ```
//!
//! `journal` is the journal's own number, drawn from chain, zone and moment of creation: a batch of another journal is not taken for
//! one of this. `previous` is the [`Link`] of the batch before (of the segment header's own `previous` for a segment's first), so
//! batches are not reordered, dropped or exchanged. `floor` is the last record known to be durable when the batch was made.
//! `bytes` counts the records without padding; the body crc covers the records and the zeros behind them up to the next multiple
//! of 512; a record's crc covers its bytes but the crc itself. The body crc decides; the records' say which one is at fault.

use super::error::Fault;
use super::limits::{BATCH_ALIGN, BATCH_HEADER_SIZE, BATCH_SIZE_MAX, SEGMENT_HEADER_SIZE, SEGMENT_SIZE_MAX};
use plinth_types::command::Command;
use plinth_types::id::{ChainId, Seq, TimestampNs, ZoneId};
use plinth_types::limits::COMMAND_HEAD_SIZE;
use sha2::{Digest as _, Sha256};
use std::fmt;

const SEGMENT_MAGIC: &[u8; 8] = b"PLNTJRNL";
const SEGMENT_CRC_AT: usize = 72;
const BATCH_MAGIC: &[u8; 4] = b"PLBT";
const VERSION: u8 = 1;
/// Where a record keeps its checksum: in the last of the head's unused bytes.
const RECORD_CRC_AT: usize = 60;

/// Number of a segment file; the first is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SegmentIndex(pub(crate) u64);

impl SegmentIndex {
    pub(crate) const FIRST: Self = Self(1);
    /// In an error of the directory itself.
    pub(crate) const NONE: Self = Self(0);

    pub(crate) const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for SegmentIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A journal's own number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JournalId(pub(crate) u64);

impl JournalId {
    pub(crate) fn draw(chain: ChainId, zone: ZoneId, created: TimestampNs) -> Self {
        let mut hash = Sha256::new_with_prefix(b"plinth/journal/1");
        hash.update(chain.get().to_le_bytes());
        hash.update(zone.get().to_le_bytes());
        hash.update(created.get().to_le_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        Self(u64::from_le_bytes(digest[..8].try_into().expect("eight of 32 bytes")))
    }
}

/// The checksum that the next batch must name: both crcs of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link(pub(crate) u64);

/// The head of a segment file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) chain: ChainId,
    pub(crate) zone: ZoneId,
    pub(crate) journal: JournalId,
    pub(crate) index: SegmentIndex,
    pub(crate) segment_size: u64,
    pub(crate) first_seq: Seq,
    pub(crate) previous: Link,
    pub(crate) created: TimestampNs,
}

/// Bytes where a header should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found<T> {
    /// Zeros: nothing was ever written.
    Blank,
    /// A header.
    Valid(T),
    /// Something else: torn or damaged.
    Invalid(Fault),
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> [u8; SEGMENT_HEADER_SIZE] {
        let mut bytes = [0; SEGMENT_HEADER_SIZE];
        bytes[0..8].copy_from_slice(SEGMENT_MAGIC);
        bytes[8] = VERSION;
        bytes[12..14].copy_from_slice(&self.zone.get().to_le_bytes());
        let words = [
            self.chain.get(),
            self.journal.0,
            self.index.0,
            self.segment_size,
            self.first_seq.get(),
            self.previous.0,
            self.created.get(),
        ];
        for (at, word) in (16..).step_by(8).zip(words) {
            bytes[at..at + 8].copy_from_slice(&word.to_le_bytes());
        }
        let crc = crc32c::crc32c(&bytes[..SEGMENT_CRC_AT]);
        bytes[SEGMENT_CRC_AT..SEGMENT_CRC_AT + 4].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(crate) fn read(bytes: &[u8]) -> Found<Self> {
        let Some(bytes) = bytes.first_chunk::<SEGMENT_HEADER_SIZE>() else { return Found::Invalid(Fault::SegmentHeader) };
        if bytes.iter().all(|&byte| byte == 0) {
            return Found::Blank;
        }
        let intact = bytes[..8] == *SEGMENT_MAGIC && u32_at(bytes, SEGMENT_CRC_AT) == crc32c::crc32c(&bytes[..SEGMENT_CRC_AT]);
        if !intact {
            return Found::Invalid(Fault::SegmentHeader);
        }
        if bytes[8] != VERSION {
            return Found::Invalid(Fault::Version { found: bytes[8] });
        }
        let word = |index: usize| u64_at(bytes, 16 + 8 * index);
        let header = Self {
            chain: ChainId::new(word(0)),
            zone: ZoneId::new(u16::from_le_bytes([bytes[12], bytes[13]])),
            journal: JournalId(word(1)),
            index: SegmentIndex(word(2)),
            segment_size: word(3),
            first_seq: Seq::new(word(4)),
            previous: Link(word(5)),
            created: TimestampNs::new(word(6)),
        };
        // What the encoder would not have written is refused in one compare.
        if header.encode() != *bytes || header.segment_size > SEGMENT_SIZE_MAX {
            return Found::Invalid(Fault::SegmentHeader);
        }
        Found::Valid(header)
    }
}

/// The head of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchHeader {
    pub(crate) first_seq: Seq,
    pub(crate) record_count: u32,
    /// Bytes of the records, without padding.
    pub(crate) record_bytes: u32,
    pub(crate) previous: Link,
    pub(crate) floor: Seq,
    pub(crate) journal: JournalId,
    pub(crate) body_crc: u32,
}

impl BatchHeader {
    pub(crate) fn encode(&self) -> [u8; BATCH_HEADER_SIZE] {
        let mut bytes = [0; BATCH_HEADER_SIZE];
        bytes[0..4].copy_from_slice(BATCH_MAGIC);
        bytes[4] = VERSION;
        bytes[8..16].copy_from_slice(&self.first_seq.get().to_le_bytes());
        bytes[16..20].copy_from_slice(&self.record_count.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.record_bytes.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.previous.0.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.floor.get().to_le_bytes());
        bytes[40..48].copy_from_slice(&self.journal.0.to_le_bytes());
        bytes[56..60].copy_from_slice(&self.body_crc.to_le_bytes());
        let crc = crc32c::crc32c(&bytes[..60]);
        bytes[60..64].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(crate) fn read(bytes: &[u8]) -> Found<Self> {
        let Some(bytes) = bytes.first_chunk::<BATCH_HEADER_SIZE>() else { return Found::Invalid(Fault::BatchHeader) };
        if bytes.iter().all(|&byte| byte == 0) {
            return Found::Blank;
        }
        if bytes[..4] != *BATCH_MAGIC || u32_at(bytes, 60) != crc32c::crc32c(&bytes[..60]) {
            return Found::Invalid(Fault::BatchHeader);
        }
        if bytes[4] != VERSION {
            return Found::Invalid(Fault::Version { found: bytes[4] });
        }
        let header = Self {
            first_seq: Seq::new(u64_at(bytes, 8)),
            record_count: u32_at(bytes, 16),
            record_bytes: u32_at(bytes, 20),
            previous: Link(u64_at(bytes, 24)),
            floor: Seq::new(u64_at(bytes, 32)),
            journal: JournalId(u64_at(bytes, 40)),
            body_crc: u32_at(bytes, 56),
        };
        if header.encode() != *bytes || header.record_bytes as usize > BATCH_SIZE_MAX - BATCH_HEADER_SIZE {
            return Found::Invalid(Fault::BatchHeader);
        }
        Found::Valid(header)
    }

    /// Bytes of the batch, header and padding included.
    pub(crate) const fn size(&self) -> usize {
        batch_size(self.record_bytes as usize)
    }

    pub(crate) fn link(&self) -> Link {
        let header_crc = u32_at(&self.encode(), 60);
        Link(u64::from(header_crc) << 32 | u64::from(self.body_crc))
    }

    /// The first record behind the batch.
    pub(crate) const fn next_seq(&self) -> Seq {
        Seq::new(self.first_seq.get() + self.record_count as u64)
    }
}

/// Bytes of a batch whose records take `record_bytes`.
pub(crate) const fn batch_size(record_bytes: usize) -> usize {
    (BATCH_HEADER_SIZE + record_bytes).next_multiple_of(BATCH_ALIGN)
}

/// Sets the checksum of a record that still has the head as the sequencer made it.
#[inline]
pub(crate) fn seal_record(record: &mut [u8]) {
    let crc = record_crc(record);
    record[RECORD_CRC_AT..COMMAND_HEAD_SIZE].copy_from_slice(&crc.to_le_bytes());
}

/// The record at the front of `bytes`: its size, if it is whole and its checksum is right.
pub(crate) fn check_record(bytes: &[u8]) -> Option<usize> {
    let size = record_size(bytes)?;
    let record = bytes.get(..size)?;
    (u32_at(record, RECORD_CRC_AT) == record_crc(record)).then_some(size)
}

/// Decodes the record at the front of `bytes`, whose batch is intact.
pub(crate) fn read_record(bytes: &[u8]) -> Result<(Command, &[u8]), Fault> {
    let Some(head) = bytes.first_chunk::<COMMAND_HEAD_SIZE>() else { return Err(Fault::Record) };
    let mut head = *head;
    head[RECORD_CRC_AT..].fill(0);
    let command = Command::from_head(&head).map_err(Fault::Decode)?;
    let tail = bytes.get(COMMAND_HEAD_SIZE..command.size()).ok_or(Fault::Record)?;
    Ok((command, tail))
}

fn record_size(bytes: &[u8]) -> Option<usize> {
    let head = bytes.first_chunk::<COMMAND_HEAD_SIZE>()?;
    Some(COMMAND_HEAD_SIZE + usize::from(u16::from_le_bytes([head[52], head[53]])))
}

#[inline]
fn record_crc(record: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&record[..RECORD_CRC_AT]), &record[COMMAND_HEAD_SIZE..])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment() -> SegmentHeader {
        SegmentHeader {
            chain: ChainId::new(7),
            zone: ZoneId::TRADING,
            journal: JournalId::draw(ChainId::new(7), ZoneId::TRADING, TimestampNs::new(9)),
            index: SegmentIndex(2),
            segment_size: 1 << 20,
            first_seq: Seq::new(11),
            previous: Link(13),
            created: TimestampNs::new(9),
        }
    }

    fn batch() -> BatchHeader {
        BatchHeader {
            first_seq: Seq::new(11),
            record_count: 3,
            record_bytes: 200,
            previous: Link(13),
            floor: Seq::new(10),
            journal: segment().journal,
            body_crc: 17,
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn headers_survive_their_encoding() {
        assert_eq!(SegmentHeader::read(&segment().encode()), Found::Valid(segment()));
        assert_eq!(BatchHeader::read(&batch().encode()), Found::Valid(batch()));
        assert_eq!(SegmentHeader::read(&[0; SEGMENT_HEADER_SIZE]), Found::Blank);
        assert_eq!(BatchHeader::read(&[0; BATCH_HEADER_SIZE]), Found::Blank);
    }

    #[test]
    fn no_flipped_bit_of_a_header_passes() {
        for bit in 0..SEGMENT_HEADER_SIZE * 8 {
            let mut bytes = segment().encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(SegmentHeader::read(&bytes), Found::Invalid(_)), "bit {bit}");
        }
        for bit in 0..BATCH_HEADER_SIZE * 8 {
            let mut bytes = batch().encode();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(BatchHeader::read(&bytes), Found::Invalid(_)), "bit {bit}");
        }
    }

    #[test]
    fn another_version_is_named() {
        let mut bytes = batch().encode();
        bytes[4] = 2;
        let crc = crc32c::crc32c(&bytes[..60]);
        bytes[60..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(BatchHeader::read(&bytes), Found::Invalid(Fault::Version { found: 2 }));
    }

    #[test]
    fn the_bytes_on_disk_are_pinned() {
        assert_eq!(
            hex(&segment().encode()[..80]),
            concat!(
                "504c4e544a524e4c0100000001000000070000000000000094cf8edaa53decce02000000000000000000100000000000",
                "0b000000000000000d00000000000000090000000000000059238d1800000000"
            )
        );
        assert_eq!(
            hex(&batch().encode()),
            concat!(
                "504c4254010000000b0000000000000003000000c80000000d000000000000000a0000000000000094cf8edaa53decce",
                "000000000000000011000000c5c5e10e"
            )
        );
    }
}
