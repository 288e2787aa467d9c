//! What a message does to a session.

use super::outbound::write_reject;
use super::{Application, Asked, Context, MsgSeqNum, Origin, Session, State};
use crate::clock::Now;
use crate::codec::frame::{self, Fields, Frame};
use crate::codec::{Message, Tag, tag, timestamp};
use crate::dictionary::{MsgType, SessionRejectReason, Violation};
use crate::limits::{RESEND_WAIT_NS, SENDING_TIME_SKEW_MAX_NS, SEQ_GAP_MAX, TEST_REQ_ID_SIZE_MAX};
use crate::zone::Zone;
use std::cmp::Ordering;

impl Session {
    /// Takes one message of the peer that is bound to this session, and those kept that are now in sequence.
    pub(crate) fn receive<A: Application, Z: Zone>(&mut self, message: &Message<'_>, context: &mut Context<'_, A, Z>) {
        self.process(message, context);
        while matches!(self.state, State::Active(_))
            && let Some(bytes) = self.held.take(self.next_in)
        {
            let mut fields = Fields::default();
            match frame::next(&bytes, &mut fields) {
                Frame::Message { .. } => self.process(&Message::new(&bytes, &fields), context),
                // An empty one: only its number counts.
                Frame::Incomplete | Frame::Garbled { .. } => self.advance(),
            }
        }
    }

    fn process<A: Application, Z: Zone>(&mut self, message: &Message<'_>, context: &mut Context<'_, A, Z>) {
        let now = context.now;
        let logging_out = match &mut self.state {
            State::Idle | State::Resetting(_) | State::Closing { .. } | State::Cut => return,
            State::LogoutSent { .. } => true,
            State::Active(peer) => {
                peer.last_received_at = now.mono;
                peer.test_requests = 0;
                false
            }
        };
        let msg_type = message.msg_type();
        if message.begin_string() != self.config.version.begin_string() {
            if msg_type == b"5" {
                return self.logged_out(message.msg_seq_num(), now);
            }
            self.advance();
            return self.log_out(now, Some(format_args!("Incorrect BeginString")));
        }
        if logging_out && !matches!(msg_type, b"2" | b"5") {
            return;
        }
        let Some(number) = message.msg_seq_num() else { return self.refuse(now, format_args!("MsgSeqNum missing")) };
        let is_reset = msg_type == b"4" && !message.is_set(tag::GAP_FILL_FLAG);
        let is_any_number = is_reset || matches!(msg_type, b"2" | b"5" | b"A");
        if !is_any_number {
            match number.cmp(&self.next_in) {
                Ordering::Greater => return self.too_high(message.bytes(), number, now),
                Ordering::Less => return self.too_low(message, number, now),
                Ordering::Equal => {}
            }
        }
        let msg_type = match self.dictionary.check(message) {
            Ok(msg_type) => msg_type,
            Err(violation) => return self.reject(message, number, violation, now),
        };
        if !is_time_accurate(message, now) {
            self.reject(message, number, Violation::whole(SessionRejectReason::SendingTimeAccuracy), now);
            return self.log_out(now, None);
        }
        if !self.is_addressed(message) {
            self.reject(message, number, Violation::whole(SessionRejectReason::CompIdProblem), now);
            return self.log_out(now, None);
        }
        self.dispatch(msg_type, number, message, context);
    }

    fn dispatch<A: Application, Z: Zone>(
        &mut self,
        msg_type: MsgType,
        number: MsgSeqNum,
        message: &Message<'_>,
        context: &mut Context<'_, A, Z>,
    ) {
        let now = context.now;
        match msg_type {
            MsgType::Heartbeat | MsgType::Reject => self.advance(),
            MsgType::TestRequest => {
                let id = message.get(tag::TEST_REQ_ID).unwrap_or_default();
                if id.len() > TEST_REQ_ID_SIZE_MAX {
                    let violation = Violation::of(SessionRejectReason::ValueIncorrect, tag::TEST_REQ_ID);
                    return self.reject(message, number, violation, now);
                }
                self.outbound.push_admin(b"0", now.utc, |body| body.bytes(tag::TEST_REQ_ID, id));
                self.advance();
            }
            MsgType::ResendRequest => self.resend(number, message, now),
            MsgType::SequenceReset => self.sequence_reset(number, message, now),
            MsgType::Logout => self.logged_out(Some(number), now),
            MsgType::Logon => {
                if let State::Active(peer) = self.state {
                    self.logon_again(message, peer, number, now);
                }
            }
            MsgType::Application => {
                self.advance();
                let is_throttled = !self.may_ask(message.msg_type(), now);
                let origin = Origin { session: self.config.id, role: self.config.role, msg_seq_num: number, is_throttled, now };
                context.application.message(origin, message, context.zone, &mut self.outbound);
            }
        }
    }

    /// Whether the session's rates leave room for one more message of this type.
    fn may_ask(&mut self, msg_type: &[u8], now: Now) -> bool {
        let [requests, cancels] = &mut self.spent;
        let (spent, rate) = match msg_type {
            b"F" | b"q" | b"CA" | b"Z" | b"K" => (cancels, self.config.throttle.cancels),
            _ => (requests, self.config.throttle.requests),
        };
        rate.is_none_or(|rate| spent.take(rate, now.mono))
    }

    /// Counts the message with the expected number.
    pub(super) fn advance(&mut self) {
        self.next_in = self.next_in.next();
        self.forget_satisfied();
    }

    fn forget_satisfied(&mut self) {
        if self.asked.is_some_and(|asked| self.next_in > asked.end) {
            self.asked = None;
        }
    }

    /// Keeps a message that came too early (an empty one stands for its number alone) and asks for those missing, once.
    pub(super) fn too_high(&mut self, message: &[u8], number: MsgSeqNum, now: Now) {
        let expected = self.next_in;
        if number.get() - expected.get() > SEQ_GAP_MAX {
            return self.refuse(now, format_args!("MsgSeqNum too high, expecting {expected} but received {number}"));
        }
        self.held.insert(number, message);
        if self.asked.is_some_and(|asked| now.mono.since_ns(asked.at) < RESEND_WAIT_NS) {
            return;
        }
        self.asked = Some(Asked { end: MsgSeqNum::new(number.get() - 1), at: now.mono });
        let end_seq_no = self.config.version.end_seq_no_infinite();
        self.outbound.push_admin(b"2", now.utc, |body| {
            body.number(tag::BEGIN_SEQ_NO, expected.get());
            body.number(tag::END_SEQ_NO, end_seq_no);
        });
    }

    /// Waits for the numbers up to this one, for which the peer was asked in another way than by a resend request.
    pub(super) fn expect_resend(&mut self, number: MsgSeqNum, now: Now) {
        self.held.insert(number, &[]);
        self.asked = Some(Asked { end: MsgSeqNum::new(number.get() - 1), at: now.mono });
    }

    /// A number that was counted before. If the peer says that it may be a duplicate, the only safe thing to do is nothing.
    fn too_low(&mut self, message: &Message<'_>, number: MsgSeqNum, now: Now) {
        if !message.is_set(tag::POSS_DUP_FLAG) {
            let expected = self.next_in;
            return self.refuse(now, format_args!("MsgSeqNum too low, expecting {expected} but received {number}"));
        }
        if message.msg_type() == b"4" {
            return;
        }
        let Some(orig) = message.get(tag::ORIG_SENDING_TIME) else {
            let violation = Violation::of(SessionRejectReason::RequiredTagMissing, tag::ORIG_SENDING_TIME);
            return self.reject(message, number, violation, now);
        };
        let sent = message.get(tag::SENDING_TIME).and_then(timestamp::parse);
        if timestamp::parse(orig).zip(sent).is_none_or(|(orig, sent)| orig > sent) {
            self.reject(message, number, Violation::whole(SessionRejectReason::SendingTimeAccuracy), now);
            self.log_out(now, None);
        }
    }

    fn resend(&mut self, number: MsgSeqNum, message: &Message<'_>, now: Now) {
        let [begin, end] = [tag::BEGIN_SEQ_NO, tag::END_SEQ_NO].map(|tag| message.get(tag).and_then(frame::number).unwrap_or(0));
        self.outbound.resend(MsgSeqNum::new(begin), MsgSeqNum::new(end));
        match number.cmp(&self.next_in) {
            Ordering::Equal => self.advance(),
            Ordering::Greater if matches!(self.state, State::Active(_)) => self.too_high(&[], number, now),
            Ordering::Greater | Ordering::Less => {}
        }
    }

    fn sequence_reset(&mut self, number: MsgSeqNum, message: &Message<'_>, now: Now) {
        let new = message.get(tag::NEW_SEQ_NO).and_then(frame::number).unwrap_or(0);
        let expected = self.next_in.get();
        if new < expected {
            return self.reject(message, number, Violation::whole(SessionRejectReason::ValueIncorrect), now);
        }
        if new - expected > SEQ_GAP_MAX {
            return self.refuse(now, format_args!("NewSeqNo too high, expecting {expected} but received {new}"));
        }
        self.next_in = MsgSeqNum::new(new);
        self.forget_satisfied();
    }

    /// Refuses a message and, if it is the one expected, counts it.
    fn reject(&mut self, message: &Message<'_>, number: MsgSeqNum, violation: Violation, now: Now) {
        let msg_type = message.msg_type();
        if number == self.next_in && !matches!(msg_type, b"A" | b"4") {
            self.advance();
        }
        let dictionary = self.dictionary;
        self.outbound.push_admin(b"3", now.utc, |body| {
            for (to, from) in REVERSE_ROUTES {
                let party = message.get(from).filter(|party| !party.is_empty() && party.len() <= ROUTE_SIZE_MAX);
                if let Some(party) = party.filter(|_| dictionary.knows(to)) {
                    body.bytes(to, party);
                }
            }
            write_reject(number, msg_type, violation.reason.text(), Some(violation), body);
        });
    }

    fn is_addressed(&self, message: &Message<'_>) -> bool {
        message.get(tag::SENDER_COMP_ID) == Some(self.config.comp_id.as_bytes())
            && message.get(tag::TARGET_COMP_ID) == Some(&self.target)
    }
}

/// Whether `SendingTime` is near our clock.
pub(crate) fn is_time_accurate(message: &Message<'_>, now: Now) -> bool {
    let sent = message.get(tag::SENDING_TIME).and_then(timestamp::parse);
    sent.is_some_and(|sent| sent.get().abs_diff(now.utc.get()) <= SENDING_TIME_SKEW_MAX_NS)
}

/// An answer goes back the way the message came: (field of the answer, field of the message), ascending.
const REVERSE_ROUTES: [(Tag, Tag); 6] = [
    (tag::ON_BEHALF_OF_COMP_ID, tag::DELIVER_TO_COMP_ID),
    (tag::ON_BEHALF_OF_SUB_ID, tag::DELIVER_TO_SUB_ID),
    (tag::DELIVER_TO_COMP_ID, tag::ON_BEHALF_OF_COMP_ID),
    (tag::DELIVER_TO_SUB_ID, tag::ON_BEHALF_OF_SUB_ID),
    (tag::ON_BEHALF_OF_LOCATION_ID, tag::DELIVER_TO_LOCATION_ID),
    (tag::DELIVER_TO_LOCATION_ID, tag::ON_BEHALF_OF_LOCATION_ID),
];
/// Longest party that is sent back.
const ROUTE_SIZE_MAX: usize = 64;
