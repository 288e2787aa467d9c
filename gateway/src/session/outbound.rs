//! What we say, and under which number. The rules are in the module's doc.

use super::store::{EntryHead, Store};
use crate::clock::{MonoNs, Now};
use crate::codec::builder::{write_check_sum, write_field, write_number, write_prefix, write_tag};
use crate::codec::{SOH, Tag, Version, decimal, tag, timestamp};
use crate::dictionary::Violation;
use crate::limits::{MESSAGE_SIZE_MAX, RESEND_SIZE_PER_TURN, RESENDS_WAITING_MAX, RESERVATION_BLOCK, SEND_BUFFER_SIZE};
use plinth_types::id::{MsgSeqNum, Seq, SessionId, TimestampNs};
use plinth_types::message::Note;
use std::collections::VecDeque;

/// The outbound half of a session.
#[derive(Debug)]
pub struct Outbound {
    session: SessionId,
    version: Version,
    sender: Vec<u8>,
    target: Vec<u8>,
    /// Messages with the numbers from `first` on, one each.
    store: Store,
    first: u64,
    next_to_send: u64,
    /// Reports of records from before this process. They have had numbers, nobody knows which.
    history: Store,
    /// Numbers up to this one belong to processes before this one.
    boundary: u64,
    /// Last number that is durably reserved. It is never used: see the module's doc.
    reserved: u64,
    marks: Marks,
    block: u64,
    live: bool,
    note_outstanding: bool,
    reset_wanted: bool,
    replay_wanted: Option<Range>,
    resends: VecDeque<Range>,
    open: bool,
    wire: Vec<u8>,
    header: Vec<u8>,
    /// Bytes of bodies that are stored and not yet on the wire of an open session.
    unsent_size: usize,
    last_sent_at: MonoNs,
    resent_count: u64,
}

/// Whether something can be said again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// When it is asked for.
    For {
        /// What it came of; 0 for no record.
        record: Seq,
    },
    /// A request for it is answered with a gap fill: it is true of its moment only.
    Not,
}

/// Numbers from `next` to `end`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    next: u64,
    end: u64,
}

impl Outbound {
    /// A session that has never said anything. Records are replayed into it until [`Outbound::start`].
    #[must_use]
    pub(crate) fn new(session: SessionId, version: Version, sender: &[u8], target: &[u8], store_size: usize) -> Self {
        Self {
            session,
            version,
            sender: sender.to_vec(),
            target: target.to_vec(),
            store: Store::new(store_size),
            first: 1,
            next_to_send: 1,
            history: Store::new(store_size),
            boundary: 0,
            reserved: 0,
            marks: Marks::default(),
            block: RESERVATION_BLOCK,
            live: false,
            note_outstanding: false,
            reset_wanted: false,
            replay_wanted: None,
            resends: VecDeque::new(),
            open: false,
            wire: Vec::new(),
            header: Vec::with_capacity(256),
            unsent_size: 0,
            last_sent_at: MonoNs::default(),
            resent_count: 0,
        }
    }

    /// Reserves numbers in blocks of another size than [`RESERVATION_BLOCK`].
    pub(crate) fn reserve_in_blocks_of(&mut self, count: u64) {
        self.block = count.max(4);
    }

    /// The replay is over: from here on every message is numbered.
    pub(crate) const fn start(&mut self) {
        self.live = true;
        self.boundary = self.reserved;
        self.first = self.boundary + 1;
        self.next_to_send = self.first;
    }

    /// Says something that belongs to the application. `record` is what it came of, 0 for an answer that came of no record.
    pub fn push(&mut self, record: Seq, msg_type: &[u8], time: TimestampNs, body: impl FnOnce(&mut BodyWriter<'_>)) {
        self.say(Keep::For { record }, msg_type, time, body);
    }

    /// Says something that belongs to the application.
    pub fn say(&mut self, keep: Keep, msg_type: &[u8], time: TimestampNs, body: impl FnOnce(&mut BodyWriter<'_>)) {
        let (record, admin) = match keep {
            Keep::For { record } => (record, false),
            Keep::Not => (Seq::new(0), true),
        };
        self.append(EntryHead { record, time, msg_type, admin, poss_resend: false }, body);
    }

    /// Says something again that may have been said under another number.
    pub fn push_again(&mut self, record: Seq, msg_type: &[u8], time: TimestampNs, body: impl FnOnce(&mut BodyWriter<'_>)) {
        self.append(EntryHead { record, time, msg_type, admin: false, poss_resend: true }, body);
    }

    /// Refuses a message whose field an application cannot read: a session-level reject.
    pub fn push_reject(&mut self, msg_seq_num: MsgSeqNum, msg_type: &[u8], violation: Violation, time: TimestampNs) {
        self.push_admin(b"3", time, |body| {
            write_reject(msg_seq_num, msg_type, violation.reason.text(), Some(violation), body);
        });
    }

    /// Refuses a message as a whole, in the session's own words, as sessions before 4.2 do for what has no code.
    pub fn push_reject_text(&mut self, msg_seq_num: MsgSeqNum, msg_type: &[u8], text: &str, time: TimestampNs) {
        self.push_admin(b"3", time, |body| write_reject(msg_seq_num, msg_type, text, None, body));
    }

    /// The version that the session speaks.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Says something that belongs to the session.
    pub(super) fn push_admin(&mut self, msg_type: &[u8], time: TimestampNs, body: impl FnOnce(&mut BodyWriter<'_>)) {
        self.append(EntryHead { record: Seq::new(0), time, msg_type, admin: true, poss_resend: false }, body);
    }

    fn append(&mut self, head: EntryHead<'_>, body: impl FnOnce(&mut BodyWriter<'_>)) {
        let mut size = 0;
        let version = self.version;
        let write = |out: &mut Vec<u8>| {
            let at = out.len();
            body(&mut BodyWriter(out, version));
            size = out.len() - at;
            assert!(size + HEADER_SIZE_MAX <= MESSAGE_SIZE_MAX, "a message of {size} bytes, all parts of which are bounded");
        };
        if self.live {
            self.store.push(head, write);
            self.first += self.store.take_dropped();
            self.next_to_send = self.next_to_send.max(self.first);
            self.unsent_size += size;
        } else {
            self.history.push(head, write);
        }
    }

    /// A connection is bound to the session. What was said before is not sent by itself: the peer sees the gap and asks.
    pub(super) fn open(&mut self) {
        self.open = true;
        self.next_to_send = self.next();
        self.unsent_size = 0;
    }

    /// The connection is gone.
    pub(super) fn close(&mut self) {
        self.open = false;
        self.resends.clear();
        self.replay_wanted = None;
        self.wire.clear();
    }

    /// The number that the next message gets.
    pub(crate) fn next(&self) -> u64 {
        self.first + self.store.len() as u64
    }

    /// Whether a reset is wanted and not yet durable.
    pub(super) const fn is_resetting(&self) -> bool {
        self.reset_wanted
    }

    /// Whether numbers may be used at all.
    pub(super) const fn has_numbers(&self) -> bool {
        !self.reset_wanted && self.reserved > self.boundary
    }

    /// Last number durably reserved.
    pub(crate) const fn reserved(&self) -> u64 {
        self.reserved
    }

    /// Messages sent again so far.
    pub(crate) const fn resent_count(&self) -> u64 {
        self.resent_count
    }

    pub(super) const fn last_sent_at(&self) -> MonoNs {
        self.last_sent_at
    }

    /// Bytes that wait for the peer to take what was sent before.
    #[must_use]
    pub const fn unsent_size(&self) -> usize {
        self.unsent_size
    }

    /// Whether all that was said is on the wire.
    pub(super) fn is_flushed(&self) -> bool {
        self.next_to_send == self.next() && self.resends.is_empty() && self.replay_wanted.is_none()
    }

    /// Bytes for the socket. Whoever takes them leaves an empty buffer behind.
    pub(crate) const fn wire(&mut self) -> &mut Vec<u8> {
        &mut self.wire
    }

    /// Both sequences shall start again at 1.
    pub(super) const fn want_reset(&mut self) {
        self.reset_wanted = true;
    }

    /// The peer wants the numbers from `begin` to `end` again, or all from `begin` on.
    pub(super) fn resend(&mut self, begin: MsgSeqNum, end: MsgSeqNum) {
        let begin = begin.get().max(1);
        let last = self.next_to_send - 1;
        let end = if self.version.is_infinite(end.get()) { last } else { end.get().min(last) };
        self.resend_range(begin, end);
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

    /// The peer's logon says that it has nothing from `begin` on; our own logon has number `logon`.
    pub(super) fn owe(&mut self, begin: MsgSeqNum, logon: MsgSeqNum) {
        if begin < logon {
            self.resend_range(begin.get().max(1), logon.get());
        }
    }

    fn enqueue(&mut self, range: Range) {
        if range.next > range.end {
            return;
        }
        if self.resends.len() < RESENDS_WAITING_MAX {
            self.resends.push_back(range);
        } else if let Some(last) = self.resends.back_mut() {
            *last = Range { next: last.next.min(range.next), end: last.end.max(range.end) };
        }
    }

    /// The note that must be durable before the session can go on, if any. Whoever submits it says so.
    pub(super) fn wanted_note(&self) -> Option<Note> {
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
    pub(super) const fn note_submitted(&mut self) {
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
        self.marks = Marks { base: seq, last_note: seq, ..Marks::default() };
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

    /// Moves what may be sent onto the wire, as far as there is room. `true` if there is more to move.
    pub(super) fn pump(&mut self, now: Now) -> bool {
        if !self.open {
            return false;
        }
        let mut resent_size = 0;
        while self.wire.len() + MESSAGE_SIZE_MAX <= SEND_BUFFER_SIZE {
            // What has not been sent for the first time cannot be sent again: a range that ends with our logon waits for it.
            if let Some(range) = self.resends.front().copied().filter(|range| range.end < self.next_to_send) {
                if resent_size >= RESEND_SIZE_PER_TURN {
                    return true;
                }
                let before = self.wire.len();
                self.resend_one(range, now);
                resent_size += self.wire.len() - before;
            } else if self.next_to_send < self.next() && self.next_to_send < self.reserved {
                self.send_one(now);
            } else {
                return false;
            }
        }
        true
    }

    fn send_one(&mut self, now: Now) {
        let number = self.next_to_send;
        self.next_to_send += 1;
        let Some(entry) = self.store.entry((number - self.first) as usize) else { return };
        let entry = *entry;
        let body = self.store.body(&entry);
        self.unsent_size = self.unsent_size.saturating_sub(body.len());
        write_header(
            &mut self.header,
            entry.msg_type.as_bytes(),
            number,
            &self.sender,
            &self.target,
            now.utc,
            None,
            entry.poss_resend,
            self.version,
        );
        write_message(self.version, &self.header, body, &mut self.wire);
        self.last_sent_at = now.mono;
    }

    fn resend_one(&mut self, range: Range, now: Now) {
        let mut next = range.next.max(self.first.min(range.end + 1));
        while next <= range.end && self.store.entry((next - self.first) as usize).is_none_or(|entry| entry.admin) {
            next += 1;
        }
        if next > range.next {
            let mut body = Vec::with_capacity(32);
            write_number(tag::NEW_SEQ_NO, next, &mut body);
            write_field(tag::GAP_FILL_FLAG, b"Y", &mut body);
            write_header(
                &mut self.header,
                b"4",
                range.next,
                &self.sender,
                &self.target,
                now.utc,
                Some(now.utc),
                false,
                self.version,
            );
            write_message(self.version, &self.header, &body, &mut self.wire);
        } else if let Some(entry) = self.store.entry((next - self.first) as usize).copied() {
            let msg_type = entry.msg_type.as_bytes();
            let orig = Some(entry.time);
            write_header(
                &mut self.header,
                msg_type,
                next,
                &self.sender,
                &self.target,
                now.utc,
                orig,
                entry.poss_resend,
                self.version,
            );
            write_message(self.version, &self.header, self.store.body(&entry), &mut self.wire);
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

/// Which records the reports with a number and above can have come of.
#[derive(Debug, Default)]
struct Marks {
    /// Ascending by record, in the order of the journal: reports with numbers from `next` on come of records behind `position`.
    marks: Vec<Mark>,
    base: Seq,
    last_note: Seq,
    next_max: u64,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    next: u64,
    position: Seq,
}

impl Marks {
    fn add(&mut self, seq: Seq, next: u64) {
        // A number below an earlier note's is the durable promise to say again what came behind that number.
        let position = if next < self.next_max { self.position(next) } else { self.last_note };
        self.marks.push(Mark { next, position });
        self.last_note = seq;
        self.next_max = self.next_max.max(next);
    }

    fn position(&self, number: u64) -> Seq {
        self.marks.iter().rev().find(|mark| mark.next <= number).map_or(self.base, |mark| mark.position)
    }
}

/// Writes the body of one message.
#[derive(Debug)]
pub struct BodyWriter<'a>(&'a mut Vec<u8>, Version);

impl<'a> BodyWriter<'a> {
    /// Writes to the end of `out`.
    #[must_use]
    pub const fn new(out: &'a mut Vec<u8>, version: Version) -> Self {
        Self(out, version)
    }

    /// The version that is written.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.1
    }

    /// Adds a field. The value holds no SOH.
    pub fn bytes(&mut self, tag: Tag, value: &[u8]) {
        write_field(tag, value, self.0);
    }

    /// Adds a number.
    pub fn number(&mut self, tag: Tag, value: u64) {
        write_number(tag, value, self.0);
    }

    /// Adds a decimal number.
    pub fn decimal(&mut self, tag: Tag, value: i64, decimals: u8) {
        write_tag(tag, self.0);
        decimal::write(value, decimals, self.0);
        self.0.push(SOH);
    }

    /// Adds a decimal number.
    pub fn unsigned(&mut self, tag: Tag, value: u128, decimals: u8) {
        write_tag(tag, self.0);
        decimal::write_unsigned(value, decimals, self.0);
        self.0.push(SOH);
    }

    /// Adds numbers with a dash between them, as one value.
    pub fn numbers(&mut self, tag: Tag, values: &[u64]) {
        write_tag(tag, self.0);
        for (index, &value) in values.iter().enumerate() {
            if index > 0 {
                self.0.push(b'-');
            }
            decimal::write_integer(value, self.0);
        }
        self.0.push(SOH);
    }

    /// Adds a timestamp.
    pub fn time(&mut self, tag: Tag, value: TimestampNs) {
        self.bytes(tag, timestamp::text(value, self.1).as_bytes());
    }

    /// Adds what `write` appends as one value, which holds no SOH.
    pub fn text(&mut self, tag: Tag, value: core::fmt::Arguments<'_>) {
        use std::io::Write;
        write_tag(tag, self.0);
        self.0.write_fmt(value).expect("a vector takes all");
        self.0.push(SOH);
    }
}

/// The body of a session-level reject. Before 4.2 the tag to blame stands in the text and there are no codes; 4.2 has those up to 11.
pub(super) fn write_reject(
    number: MsgSeqNum,
    msg_type: &[u8],
    text: &str,
    violation: Option<Violation>,
    body: &mut BodyWriter<'_>,
) {
    let version = body.version();
    let tag = violation.and_then(|violation| violation.tag);
    body.number(tag::REF_SEQ_NUM, number.get());
    if !version.is_at_least(Version::Fix42) {
        return match tag {
            Some(tag) => body.text(tag::TEXT, format_args!("{text} ({tag})")),
            None => body.bytes(tag::TEXT, text.as_bytes()),
        };
    }
    body.bytes(tag::TEXT, text.as_bytes());
    if let Some(tag) = tag {
        body.text(tag::REF_TAG_ID, format_args!("{tag}"));
    }
    body.bytes(tag::REF_MSG_TYPE, &msg_type[..msg_type.len().min(MSG_TYPE_SIZE_MAX)]);
    let code = violation.map(|violation| violation.reason.code());
    if let Some(code) = code.filter(|&code| code <= LAST_CODE_OF_FIX42 || version.is_at_least(Version::Fix43)) {
        body.number(tag::SESSION_REJECT_REASON, code);
    }
}

#[expect(clippy::too_many_arguments, reason = "the standard header has that many parts")]
fn write_header(
    out: &mut Vec<u8>,
    msg_type: &[u8],
    number: u64,
    sender: &[u8],
    target: &[u8],
    now: TimestampNs,
    orig: Option<TimestampNs>,
    poss_resend: bool,
    version: Version,
) {
    out.clear();
    write_field(tag::MSG_TYPE, msg_type, out);
    write_number(tag::MSG_SEQ_NUM, number, out);
    if orig.is_some() {
        write_field(tag::POSS_DUP_FLAG, b"Y", out);
    }
    write_field(tag::SENDER_COMP_ID, sender, out);
    write_field(tag::SENDING_TIME, timestamp::text(now, version).as_bytes(), out);
    write_field(tag::TARGET_COMP_ID, target, out);
    if poss_resend {
        write_field(tag::POSS_RESEND, b"Y", out);
    }
    if let Some(orig) = orig {
        write_field(tag::ORIG_SENDING_TIME, timestamp::text(orig, version).as_bytes(), out);
    }
}

fn write_message(version: Version, header: &[u8], body: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    write_prefix(version, header.len() + body.len(), out);
    out.extend_from_slice(header);
    out.extend_from_slice(body);
    write_check_sum(start, out);
}

/// Header, prefix and trailer of a message of ours.
const HEADER_SIZE_MAX: usize = 512;
const MSG_TYPE_SIZE_MAX: usize = 16;
/// The last `SessionRejectReason` that FIX 4.2 knows.
const LAST_CODE_OF_FIX42: u64 = 11;
