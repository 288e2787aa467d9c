//! Headers and trailers; what goes to the socket, and when.

use super::Outbound;
use crate::clock::Now;
use crate::codec::builder::{write_check_sum, write_field, write_number, write_prefix};
use crate::codec::{Version, tag, timestamp};
use crate::limits::{MESSAGE_SIZE_MAX, RESEND_SIZE_PER_TURN, SEND_BUFFER_SIZE};
use plinth_types::id::TimestampNs;

/// What differs between the headers of a session's messages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header<'a> {
    pub(super) msg_type: &'a [u8],
    pub(super) number: u64,
    /// When it was first sent, of what is sent again.
    pub(super) orig: Option<TimestampNs>,
    pub(super) poss_resend: bool,
}

impl Outbound {
    /// Moves what may be sent onto the wire, as far as there is room. `true` if there is more to move.
    pub(in crate::session) fn pump(&mut self, now: Now) -> bool {
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
        let Some(entry) = self.store.entry((number - self.first) as usize).copied() else { return };
        let body = self.store.body(&entry);
        self.unsent_size = self.unsent_size.saturating_sub(body.len());
        let header = Header { msg_type: entry.msg_type.as_bytes(), number, orig: None, poss_resend: entry.poss_resend };
        self.envelope.write(header, now.utc, body, &mut self.wire);
        self.last_sent_at = now.mono;
    }
}

/// What a session puts around every body.
#[derive(Debug)]
pub(super) struct Envelope {
    version: Version,
    sender: Vec<u8>,
    target: Vec<u8>,
    /// The header of the message that is being written: its length stands before it.
    header: Vec<u8>,
}

impl Envelope {
    pub(super) fn new(version: Version, sender: &[u8], target: &[u8]) -> Self {
        Self { version, sender: sender.to_vec(), target: target.to_vec(), header: Vec::with_capacity(HEADER_CAPACITY) }
    }

    pub(super) const fn version(&self) -> Version {
        self.version
    }

    /// Appends a whole message.
    pub(super) fn write(&mut self, header: Header<'_>, now: TimestampNs, body: &[u8], out: &mut Vec<u8>) {
        self.write_header(header, now);
        let start = out.len();
        write_prefix(self.version, self.header.len() + body.len(), out);
        out.extend_from_slice(&self.header);
        out.extend_from_slice(body);
        write_check_sum(start, out);
    }

    fn write_header(&mut self, Header { msg_type, number, orig, poss_resend }: Header<'_>, now: TimestampNs) {
        let Self { version, sender, target, header: out } = self;
        out.clear();
        write_field(tag::MSG_TYPE, msg_type, out);
        write_number(tag::MSG_SEQ_NUM, number, out);
        if orig.is_some() {
            write_field(tag::POSS_DUP_FLAG, b"Y", out);
        }
        write_field(tag::SENDER_COMP_ID, sender, out);
        write_field(tag::SENDING_TIME, timestamp::text(now, *version).as_bytes(), out);
        write_field(tag::TARGET_COMP_ID, target, out);
        if poss_resend {
            write_field(tag::POSS_RESEND, b"Y", out);
        }
        if let Some(orig) = orig {
            write_field(tag::ORIG_SENDING_TIME, timestamp::text(orig, *version).as_bytes(), out);
        }
    }
}

/// Grows for longer ids.
const HEADER_CAPACITY: usize = 256;
