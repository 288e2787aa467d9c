//! What we say, and under which number. The rules are in the module's doc.
//!
//! ```text
//! body.rs      what a message says
//! reject.rs    a session-level reject
//! numbers.rs   which numbers may be used, and what must be durable first
//! marks.rs     which records a number's report can have come of
//! again.rs     what is asked for again
//! wire.rs      headers and trailers; what goes to the socket, and when
//! ```

mod again;
mod body;
mod marks;
mod numbers;
mod reject;
mod wire;

pub use body::BodyWriter;
pub(super) use reject::write_reject;

use super::store::{EntryHead, Store};
use crate::clock::MonoNs;
use crate::codec::Version;
use crate::dictionary::Violation;
use crate::limits::{MESSAGE_SIZE_MAX, RESERVATION_BLOCK};
use again::Range;
use marks::Marks;
use plinth_types::id::{MsgSeqNum, Seq, SessionId, TimestampNs};
use std::collections::VecDeque;
use wire::Envelope;

/// The outbound half of a session.
#[derive(Debug)]
pub struct Outbound {
    session: SessionId,
    envelope: Envelope,
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

impl Outbound {
    /// A session that has never said anything. Records are replayed into it until [`Outbound::start`].
    #[must_use]
    pub(crate) fn new(session: SessionId, version: Version, sender: &[u8], target: &[u8], store_size: usize) -> Self {
        Self {
            session,
            envelope: Envelope::new(version, sender, target),
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
            unsent_size: 0,
            last_sent_at: MonoNs::default(),
            resent_count: 0,
        }
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

    /// Says something that belongs to the session.
    pub(super) fn push_admin(&mut self, msg_type: &[u8], time: TimestampNs, body: impl FnOnce(&mut BodyWriter<'_>)) {
        self.append(EntryHead { record: Seq::new(0), time, msg_type, admin: true, poss_resend: false }, body);
    }

    fn append(&mut self, head: EntryHead<'_>, body: impl FnOnce(&mut BodyWriter<'_>)) {
        let mut size = 0;
        let version = self.envelope.version();
        let write = |out: &mut Vec<u8>| {
            let at = out.len();
            body(&mut BodyWriter::new(out, version));
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

    /// The version that the session speaks.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.envelope.version()
    }

    /// Bytes that wait for the peer to take what was sent before.
    #[must_use]
    pub const fn unsent_size(&self) -> usize {
        self.unsent_size
    }

    /// Messages sent again so far.
    pub(crate) const fn resent_count(&self) -> u64 {
        self.resent_count
    }

    pub(super) const fn last_sent_at(&self) -> MonoNs {
        self.last_sent_at
    }

    /// Whether all that was said is on the wire.
    pub(super) fn is_flushed(&self) -> bool {
        self.next_to_send == self.next() && self.resends.is_empty() && self.replay_wanted.is_none()
    }

    /// Bytes for the socket. Whoever takes them leaves an empty buffer behind.
    pub(crate) const fn wire(&mut self) -> &mut Vec<u8> {
        &mut self.wire
    }
}

/// Header, prefix and trailer of a message of ours.
const HEADER_SIZE_MAX: usize = 512;
