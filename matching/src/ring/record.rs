//! Journal records through the ring: a head of one cell, a tail of 0 to 16 cells behind it, published together.

use super::spsc::{Consumer, Producer, ring};
use plinth_types::command::Command;
use plinth_types::limits::{COMMAND_HEAD_SIZE, COMMAND_TAIL_SIZE_MAX};

/// One cache line, one slot of the ring.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Cell([u8; CELL_SIZE]);

const CELL_SIZE: usize = COMMAND_HEAD_SIZE;

/// Where a head keeps the size of its tail (see [`plinth_types::command`]).
const TAIL_SIZE_AT: usize = 52;

/// Cells of the longest record.
pub const RECORD_CELLS_MAX: usize = 1 + COMMAND_TAIL_SIZE_MAX.div_ceil(CELL_SIZE);

/// The sequencer's end.
#[derive(Debug)]
pub struct RecordProducer<const CONSUMERS: usize> {
    cells: Producer<Cell, CONSUMERS>,
}

/// A stage's end.
#[derive(Debug)]
pub struct RecordConsumer<const CONSUMERS: usize> {
    cells: Consumer<Cell, CONSUMERS>,
    /// Cells read and not yet given back.
    taken: usize,
}

/// The ring has no room for the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingFull;

/// Makes a ring of `cells` cells of 64 bytes.
///
/// # Panics
///
/// If `cells` is not a power of two, or too few for the longest record.
#[must_use]
pub fn record_ring<const CONSUMERS: usize>(cells: usize) -> (RecordProducer<CONSUMERS>, [RecordConsumer<CONSUMERS>; CONSUMERS]) {
    assert!(cells >= RECORD_CELLS_MAX, "{cells} cells cannot hold a record of {RECORD_CELLS_MAX}");
    let (producer, consumers) = ring(cells);
    (RecordProducer { cells: producer }, consumers.map(|cells| RecordConsumer { cells, taken: 0 }))
}

/// Cells that a record with a tail of `tail_size` bytes takes.
#[must_use]
pub const fn record_cells(tail_size: usize) -> usize {
    1 + tail_size.div_ceil(CELL_SIZE)
}

impl<const CONSUMERS: usize> RecordProducer<CONSUMERS> {
    /// Whether a record with a tail of `tail_size` bytes fits and leaves `reserved` cells free.
    #[inline]
    pub fn has_room(&mut self, tail_size: usize, reserved: usize) -> bool {
        self.cells.has_room(record_cells(tail_size) + reserved)
    }

    /// Hands a record to every consumer.
    ///
    /// # Errors
    ///
    /// [`RingFull`]; nothing was handed over.
    ///
    /// # Panics
    ///
    /// If `command.tail_size` is not the size of `tail`: the record would be read back as another one.
    #[inline]
    pub fn push(&mut self, command: &Command, tail: &[u8]) -> Result<(), RingFull> {
        assert!(usize::from(command.tail_size) == tail.len(), "a tail of {} bytes, not {}", tail.len(), command.tail_size);
        assert!(tail.len() <= COMMAND_TAIL_SIZE_MAX, "a tail of {} bytes", tail.len());
        let pushed = self.cells.push_with(record_cells(tail.len()), |index| {
            let Some(piece) = index.checked_sub(1) else { return Cell(command.head()) };
            let piece = &tail[piece * CELL_SIZE..];
            match piece.first_chunk::<CELL_SIZE>() {
                Some(full) => Cell(*full),
                None => {
                    let mut cell = Cell([0; CELL_SIZE]);
                    cell.0[..piece.len()].copy_from_slice(piece);
                    cell
                }
            }
        });
        pushed.map_err(|_| RingFull)
    }
}

impl<const CONSUMERS: usize> RecordConsumer<CONSUMERS> {
    /// Appends the next record's bytes, head and tail, to `out` if they are at most `room`; its cells stay taken until
    /// [`RecordConsumer::release`]. `None` when the ring is empty or the record is larger than `room`.
    #[inline]
    pub fn take(&mut self, room: usize, out: &mut Vec<u8>) -> Option<usize> {
        if self.cells.available(self.taken + 1) <= self.taken {
            return None;
        }
        let Cell(head) = self.cells.read(self.taken);
        let tail_size = usize::from(u16::from_le_bytes([head[TAIL_SIZE_AT], head[TAIL_SIZE_AT + 1]]));
        let size = COMMAND_HEAD_SIZE + tail_size;
        if size > room {
            return None;
        }
        out.extend_from_slice(&head);
        let end = out.len() + tail_size;
        let cells = record_cells(tail_size);
        // Published whole: the tail is there when the head is.
        for ahead in 1..cells {
            out.extend_from_slice(&self.cells.read(self.taken + ahead).0);
        }
        out.truncate(end);
        self.taken += cells;
        Some(size)
    }

    /// Gives the cells of all taken records back to the producer.
    #[inline]
    pub fn release(&mut self) {
        self.cells.release(self.taken);
        self.taken = 0;
    }

    /// Whether nothing is there to take.
    #[inline]
    pub fn is_empty(&mut self) -> bool {
        self.cells.available(self.taken + 1) <= self.taken
    }

    /// Whether the producer is gone and every record has been taken and released.
    pub fn is_finished(&mut self) -> bool {
        self.cells.is_finished()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use plinth_types::command::Body;
    use plinth_types::id::{MandateId, Seq, SessionId, TimestampNs};

    fn note(seq: u64, tail: &[u8]) -> Command {
        Command {
            seq: Seq::new(seq),
            time: TimestampNs::new(seq),
            session: SessionId::APPLIANCE,
            mandate: MandateId::new(0),
            body: Body::Note,
            tail_size: tail.len() as u16,
        }
    }

    #[test]
    fn records_of_every_tail_size_pass_whole_round_the_end_of_the_ring() {
        let (mut producer, [mut consumer]) = record_ring::<1>(32);
        let tail = (0..COMMAND_TAIL_SIZE_MAX).map(|at| at as u8).collect::<Vec<_>>();
        let mut out = Vec::new();
        for size in 0..=COMMAND_TAIL_SIZE_MAX {
            let command = note(size as u64, &tail[..size]);
            producer.push(&command, &tail[..size]).unwrap();
            out.clear();
            assert_eq!(consumer.take(usize::MAX, &mut out), Some(command.size()));
            assert_eq!(out[..COMMAND_HEAD_SIZE], command.head());
            assert_eq!(out[COMMAND_HEAD_SIZE..], tail[..size]);
            assert_eq!(consumer.take(usize::MAX, &mut out), None);
            consumer.release();
        }
    }

    #[test]
    fn taken_cells_stay_occupied_until_they_are_released() {
        let (mut producer, [mut consumer]) = record_ring::<1>(32);
        let mut out = Vec::new();
        for seq in 0..32 {
            producer.push(&note(seq, &[]), &[]).unwrap();
        }
        assert_eq!(producer.push(&note(32, &[]), &[]), Err(RingFull));
        assert_eq!(consumer.take(usize::MAX, &mut out), Some(64));
        assert_eq!(consumer.take(63, &mut out), None, "no room in the batch");
        assert_eq!(producer.push(&note(32, &[]), &[]), Err(RingFull));
        consumer.release();
        assert!(!producer.has_room(0, 1), "one cell is free and one is reserved");
        assert_eq!(producer.push(&note(32, &[]), &[]), Ok(()));
    }
}
