//! What the peer asks for again: messages as they were, and gaps filled where there is nothing to say any more.

use super::Outbound;
use super::wire::Header;
use crate::clock::Now;
use crate::codec::builder::{write_field, write_number};
use crate::codec::tag;
use crate::limits::RESENDS_WAITING_MAX;
use plinth_types::id::MsgSeqNum;

/// Numbers from `next` to `end`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) next: u64,
    pub(super) end: u64,
}

impl Outbound {
    /// The peer wants the numbers from `begin` to `end` again, or all from `begin` on.
    pub(in crate::session) fn resend(&mut self, begin: MsgSeqNum, end: MsgSeqNum) {
        let begin = begin.get().max(1);
        let last = self.next_to_send - 1;
        let end = if self.envelope.version().is_infinite(end.get()) { last } else { end.get().min(last) };
        self.resend_range(begin, end);
    }

    /// The peer's logon says that it has nothing from `begin` on; our own logon has number `logon`.
    pub(in crate::session) fn owe(&mut self, begin: MsgSeqNum, logon: MsgSeqNum) {
        if begin < logon {
            self.resend_range(begin.get().max(1), logon.get());
        }
    }

    fn resend_range(&mut self, begin: u64, end: u64) {
        if begin <= self.boundary && self.history.first_after(self.marks.position(begin)) < self.history.len() {
            // The obligation to send these reports must be durable before the gap is filled.
            let wanted = self.replay_wanted.get_or_insert(Range { next: begin, end });
            *wanted = Range { next: wanted.next.min(begin), end: wanted.end.max(end) };
            return;
        }
        self.enqueue(Range { next: begin, end });
    }

    pub(super) fn enqueue(&mut self, range: Range) {
        if range.next > range.end {
            return;
        }
        if self.resends.len() < RESENDS_WAITING_MAX {
            self.resends.push_back(range);
        } else if let Some(last) = self.resends.back_mut() {
            *last = Range { next: last.next.min(range.next), end: last.end.max(range.end) };
        }
    }

    pub(super) fn resend_one(&mut self, range: Range, now: Now) {
        let mut next = range.next.max(self.first.min(range.end + 1));
        while next <= range.end && self.store.entry((next - self.first) as usize).is_none_or(|entry| entry.admin) {
            next += 1;
        }
        if next > range.next {
            let mut body = Vec::with_capacity(32);
            write_number(tag::NEW_SEQ_NO, next, &mut body);
            write_field(tag::GAP_FILL_FLAG, b"Y", &mut body);
            let header = Header { msg_type: b"4", number: range.next, orig: Some(now.utc), poss_resend: false };
            self.envelope.write(header, now.utc, &body, &mut self.wire);
        } else if let Some(entry) = self.store.entry((next - self.first) as usize).copied() {
            let (msg_type, poss_resend) = (entry.msg_type.as_bytes(), entry.poss_resend);
            let header = Header { msg_type, number: next, orig: Some(entry.time), poss_resend };
            self.envelope.write(header, now.utc, self.store.body(&entry), &mut self.wire);
            self.resent_count += 1;
            next += 1;
        }
        self.last_sent_at = now.mono;
        if next > range.end {
            self.resends.pop_front();
        } else if let Some(front) = self.resends.front_mut() {
            front.next = next;
        }
    }
}
