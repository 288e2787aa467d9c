//! What has been said, so that it can be said again: message bodies in sequence, in chunks that are used again.

use crate::limits::MESSAGE_SIZE_MAX;
use plinth_types::id::{Seq, TimestampNs};
use std::collections::VecDeque;

/// One message less its header and trailer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// The record that it came of; 0 for one that came of no record.
    pub(super) record: Seq,
    /// When it was written.
    pub(super) time: TimestampNs,
    pub(super) msg_type: MsgTypeCode,
    /// Belongs to the session, or to its moment: it is never said again, a gap is filled in its place.
    pub(super) admin: bool,
    /// Its content may have been sent before, under another number.
    pub(super) poss_resend: bool,
    chunk: u32,
    at: u32,
    size: u32,
}

/// One or two characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MsgTypeCode([u8; 2]);

impl MsgTypeCode {
    /// The second byte of a one-letter type is 0.
    pub(super) fn new(msg_type: &[u8]) -> Self {
        Self([msg_type.first().copied().unwrap_or(0), msg_type.get(1).copied().unwrap_or(0)])
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        if self.0[1] == 0 { &self.0[..1] } else { &self.0 }
    }
}

/// Entries in order. The oldest go when `size_max` is passed.
#[derive(Debug)]
pub(super) struct Store {
    entries: VecDeque<Entry>,
    chunks: VecDeque<Vec<u8>>,
    /// Number of the first chunk.
    first_chunk: u32,
    /// Chunks that were used, kept for the next.
    spare: Vec<Vec<u8>>,
    size: usize,
    size_max: usize,
    dropped: u64,
}

impl Store {
    pub(super) const fn new(size_max: usize) -> Self {
        Self { entries: VecDeque::new(), chunks: VecDeque::new(), first_chunk: 0, spare: Vec::new(), size: 0, size_max, dropped: 0 }
    }

    /// Appends one message, whose body `write` appends to the bytes it is given.
    pub(super) fn push(&mut self, mut entry: EntryHead<'_>, write: impl FnOnce(&mut Vec<u8>)) {
        let has_room = self.chunks.back().is_some_and(|chunk| chunk.capacity() - chunk.len() >= MESSAGE_SIZE_MAX);
        if !has_room {
            let chunk = self.spare.pop().unwrap_or_else(|| Vec::with_capacity(CHUNK_SIZE));
            self.chunks.push_back(chunk);
        }
        let chunk_index = self.first_chunk + (self.chunks.len() - 1) as u32;
        let chunk = self.chunks.back_mut().expect("a chunk with room");
        let at = chunk.len();
        write(chunk);
        let size = chunk.len() - at;
        entry.poss_resend &= !entry.admin;
        let EntryHead { record, time, msg_type, admin, poss_resend } = entry;
        let msg_type = MsgTypeCode::new(msg_type);
        self.entries.push_back(Entry {
            record,
            time,
            msg_type,
            admin,
            poss_resend,
            chunk: chunk_index,
            at: at as u32,
            size: size as u32,
        });
        self.size += size;
        while self.size > self.size_max && self.entries.len() > 1 {
            self.drop_first();
        }
    }

    /// Moves the entries from `from` on to the end of `other`, as possibly sent before.
    pub(super) fn move_tail(&mut self, from: usize, other: &mut Self) {
        for index in from..self.entries.len() {
            let entry = self.entries[index];
            let head = EntryHead {
                record: entry.record,
                time: entry.time,
                msg_type: entry.msg_type.as_bytes(),
                admin: entry.admin,
                poss_resend: true,
            };
            other.push(head, |out| out.extend_from_slice(self.body(&entry)));
        }
        self.entries.truncate(from);
        if from == 0 {
            self.clear();
        }
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
        self.first_chunk += self.chunks.len() as u32;
        self.chunks.clear();
        self.size = 0;
    }

    pub(super) fn entry(&self, index: usize) -> Option<&Entry> {
        self.entries.get(index)
    }

    pub(super) fn body(&self, entry: &Entry) -> &[u8] {
        let chunk = &self.chunks[(entry.chunk - self.first_chunk) as usize];
        &chunk[entry.at as usize..(entry.at + entry.size) as usize]
    }

    /// Index of the first entry whose record is behind `record`.
    pub(super) fn first_after(&self, record: Seq) -> usize {
        self.entries.partition_point(|entry| entry.record <= record)
    }

    /// Bytes of the bodies from an index on.
    pub(super) fn size_from(&self, index: usize) -> usize {
        self.entries.range(index.min(self.entries.len())..).map(|entry| entry.size as usize).sum()
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Entries dropped since the last [`Store::take_dropped`]: the numbers of the rest have moved by so much.
    pub(super) const fn take_dropped(&mut self) -> u64 {
        let dropped = self.dropped;
        self.dropped = 0;
        dropped
    }

    fn drop_first(&mut self) {
        let Some(first) = self.entries.pop_front() else { return };
        self.size -= first.size as usize;
        self.dropped += 1;
        let keep_from = self.entries.front().map_or(first.chunk, |next| next.chunk);
        while self.first_chunk < keep_from {
            self.first_chunk += 1;
            if let Some(mut chunk) = self.chunks.pop_front() {
                chunk.clear();
                if self.spare.is_empty() {
                    self.spare.push(chunk);
                }
            }
        }
    }
}

/// What is said of an entry before its body is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct EntryHead<'a> {
    pub(super) record: Seq,
    pub(super) time: TimestampNs,
    pub(super) msg_type: &'a [u8],
    pub(super) admin: bool,
    pub(super) poss_resend: bool,
}

const CHUNK_SIZE: usize = 256 << 10;
const _: () = assert!(CHUNK_SIZE > 2 * MESSAGE_SIZE_MAX, "a chunk holds many messages");

#[cfg(test)]
mod tests {
    use super::*;

    fn head(record: u64) -> EntryHead<'static> {
        EntryHead { record: Seq::new(record), time: TimestampNs::new(0), msg_type: b"8", admin: false, poss_resend: false }
    }

    #[test]
    fn bodies_survive_until_the_limit_and_the_oldest_go_first() {
        let mut store = Store::new(1 << 20);
        let body = |record: u64| vec![(record % 251) as u8; 1_000 + (record % 7) as usize];
        for record in 1..=5_000 {
            store.push(head(record), |out| out.extend_from_slice(&body(record)));
        }
        let dropped = store.take_dropped();
        assert_eq!(dropped + store.len() as u64, 5_000);
        assert!(store.size <= 1 << 20);
        for index in 0..store.len() {
            let entry = *store.entry(index).unwrap();
            assert_eq!(entry.record.get(), dropped + index as u64 + 1);
            assert_eq!(store.body(&entry), body(entry.record.get()));
        }
    }

    #[test]
    fn a_moved_tail_is_marked_as_possibly_sent_before() {
        let (mut from, mut to) = (Store::new(1 << 20), Store::new(1 << 20));
        for record in [3, 5, 5, 9] {
            from.push(head(record), |out| out.push(record as u8));
        }
        assert_eq!(from.first_after(Seq::new(5)), 3);
        let index = from.first_after(Seq::new(3));
        from.move_tail(index, &mut to);
        assert_eq!((from.len(), to.len()), (1, 3));
        let last = *to.entry(2).unwrap();
        assert!(last.poss_resend);
        assert_eq!((last.record, to.body(&last)), (Seq::new(9), &[9][..]));
    }
}
