//! Which numbers may be used, and what must be durable before they are.

use super::Outbound;
use super::marks::Marks;
use plinth_types::id::{MsgSeqNum, Seq};
use plinth_types::message::Note;

impl Outbound {
    /// Reserves numbers in blocks of another size than [`RESERVATION_BLOCK`].
    pub(crate) fn reserve_in_blocks_of(&mut self, count: u64) {
        self.block = count.max(4);
    }

    /// The number that the next message gets.
    pub(crate) fn next(&self) -> u64 {
        self.first + self.store.len() as u64
    }

    /// Whether a reset is wanted and not yet durable.
    pub(in crate::session) const fn is_resetting(&self) -> bool {
        self.reset_wanted
    }

    /// Whether numbers may be used at all.
    pub(in crate::session) const fn has_numbers(&self) -> bool {
        !self.reset_wanted && self.reserved > self.boundary
    }

    /// Last number durably reserved.
    pub(crate) const fn reserved(&self) -> u64 {
        self.reserved
    }

    /// Both sequences shall start again at 1.
    pub(in crate::session) const fn want_reset(&mut self) {
        self.reset_wanted = true;
    }

    /// The note that must be durable before the session can go on, if any. Whoever submits it says so.
    pub(in crate::session) fn wanted_note(&self) -> Option<Note> {
        let session = self.session;
        if !self.live || self.note_outstanding {
            return None;
        }
        if self.reset_wanted {
            return Some(Note::ResetSession { session });
        }
        let next = self.next();
        if next + self.block / 2 > self.reserved {
            let up_to = MsgSeqNum::new(self.reserved.max(next - 1) + self.block);
            return Some(Note::ReserveOutbound { session, next: MsgSeqNum::new(next), up_to });
        }
        let replay = self.replay_wanted?;
        Some(Note::ReserveOutbound { session, next: MsgSeqNum::new(replay.next), up_to: MsgSeqNum::new(self.reserved) })
    }

    /// The note was handed to the zone.
    pub(in crate::session) const fn note_submitted(&mut self) {
        self.note_outstanding = true;
    }

    /// A reservation is durable.
    pub(crate) fn reserved_durably(&mut self, seq: Seq, next: MsgSeqNum, up_to: MsgSeqNum) {
        self.note_outstanding = false;
        self.marks.add(seq, next.get());
        self.reserved = self.reserved.max(up_to.get());
        let Some(replay) = self.replay_wanted.filter(|replay| self.live && replay.next >= next.get()) else { return };
        self.replay_wanted = None;
        self.enqueue(replay);
        let from = self.history.first_after(self.marks.position(next.get()));
        let sent_from = self.store.len();
        self.history.move_tail(from, &mut self.store);
        self.unsent_size += self.store.size_from(sent_from);
        self.first += self.store.take_dropped();
        self.next_to_send = self.next_to_send.max(self.first);
    }

    /// A reset is durable: nothing said before it can be asked for.
    pub(crate) fn reset_durably(&mut self, seq: Seq) {
        self.store.clear();
        self.history.clear();
        self.marks = Marks::reset(seq);
        self.first = 1;
        self.next_to_send = 1;
        self.boundary = 0;
        self.reserved = 0;
        self.unsent_size = 0;
        self.note_outstanding = false;
        self.reset_wanted = false;
        self.replay_wanted = None;
        self.resends.clear();
    }
}
