//! How a session begins and ends.

use super::outbound::BodyWriter;
use super::{Logon, Peer, ResetPolicy, Session, State};
use crate::clock::Now;
use crate::codec::{Message, frame, tag};
use crate::limits::{HEARTBEAT_SECONDS_MAX, HEARTBEAT_SECONDS_MIN, SECOND_NS, SEQ_GAP_MAX};
use plinth_types::id::MsgSeqNum;

impl Session {
    /// Takes the logon of a peer that is who it says it is. The message is valid by the dictionary, its parties and its time are right.
    pub(crate) fn logon(&mut self, message: &Message<'_>, now: Now) {
        assert!(self.is_idle(), "one connection for one session");
        self.outbound.open();
        let Some(msg_seq_num) = message.msg_seq_num() else { return self.refuse(now, format_args!("MsgSeqNum missing")) };
        let heartbeat_s = message.get(tag::HEART_BT_INT).and_then(frame::number).unwrap_or(0);
        if !(HEARTBEAT_SECONDS_MIN..=HEARTBEAT_SECONDS_MAX).contains(&heartbeat_s) {
            let text = format_args!("HeartBtInt must be from {HEARTBEAT_SECONDS_MIN} to {HEARTBEAT_SECONDS_MAX} seconds");
            return self.refuse(now, text);
        }
        if message.get(tag::ENCRYPT_METHOD) != Some(b"0") {
            return self.refuse(now, format_args!("EncryptMethod must be 0"));
        }
        let reset = message.is_set(tag::RESET_SEQ_NUM_FLAG);
        let next_expected = message.get(tag::NEXT_EXPECTED_MSG_SEQ_NUM).and_then(frame::number);
        self.begin(Logon { msg_seq_num, heartbeat_s, reset, next_expected }, now);
    }

    /// A `Logon` on a live session: a reset, or a mistake.
    pub(super) fn logon_again(&mut self, message: &Message<'_>, peer: Peer, msg_seq_num: MsgSeqNum, now: Now) {
        if !message.is_set(tag::RESET_SEQ_NUM_FLAG) {
            return self.refuse(now, format_args!("Already logged on"));
        }
        let heartbeat_s = message.get(tag::HEART_BT_INT).and_then(frame::number);
        let heartbeat_s = heartbeat_s
            .filter(|seconds| (HEARTBEAT_SECONDS_MIN..=HEARTBEAT_SECONDS_MAX).contains(seconds))
            .unwrap_or(peer.heartbeat_ns / SECOND_NS);
        let next_expected = message.get(tag::NEXT_EXPECTED_MSG_SEQ_NUM).and_then(frame::number);
        self.begin(Logon { msg_seq_num, heartbeat_s, reset: true, next_expected }, now);
    }

    fn begin(&mut self, logon: Logon, now: Now) {
        if logon.reset && self.config.reset == ResetPolicy::Never {
            return self.refuse(now, format_args!("ResetSeqNumFlag is not allowed for this session"));
        }
        if logon.reset && logon.msg_seq_num != MsgSeqNum::new(1) {
            return self.refuse(now, format_args!("MsgSeqNum must be 1 with ResetSeqNumFlag"));
        }
        if self.config.schedule.is_some_and(|schedule| !schedule.is_open(now.utc)) {
            return self.refuse(now, format_args!("Outside of the session's hours"));
        }
        if logon.reset || self.config.reset == ResetPolicy::EveryLogon || self.reset_is_due(now) {
            self.outbound.want_reset();
            self.state = State::Resetting(logon);
            return;
        }
        if self.outbound.is_resetting() {
            self.state = State::Resetting(logon);
            return;
        }
        self.answer(logon, now);
    }

    /// Answers a logon whose reset has become durable.
    pub(super) fn complete_reset(&mut self, now: Now) {
        if let State::Resetting(logon) = self.state
            && self.outbound.has_numbers()
        {
            self.outbound.open();
            self.answer(logon, now);
        }
    }

    fn answer(&mut self, logon: Logon, now: Now) {
        let (expected, received) = (self.next_in, logon.msg_seq_num);
        if received < expected {
            return self.refuse(now, format_args!("MsgSeqNum too low, expecting {expected} but received {received}"));
        }
        if received.get() - expected.get() > SEQ_GAP_MAX {
            return self.refuse(now, format_args!("MsgSeqNum too high, expecting {expected} but received {received}"));
        }
        let next_out = self.outbound.next();
        if let Some(claimed) = logon.next_expected.filter(|&claimed| claimed > next_out) {
            let text =
                format_args!("Tag 789 (NextExpectedMsgSeqNum) is higher than expected. Expected {next_out}, Received {claimed}");
            return self.refuse(now, text);
        }
        let appl_ver_id = self.config.version.appl_ver_id();
        self.outbound.push_admin(b"A", now.utc, |body| {
            body.bytes(tag::ENCRYPT_METHOD, b"0");
            body.number(tag::HEART_BT_INT, logon.heartbeat_s);
            if logon.reset {
                body.bytes(tag::RESET_SEQ_NUM_FLAG, b"Y");
            }
            if logon.next_expected.is_some() {
                body.number(tag::NEXT_EXPECTED_MSG_SEQ_NUM, expected.get() + u64::from(received == expected));
            }
            if let Some(id) = appl_ver_id {
                body.bytes(tag::DEFAULT_APPL_VER_ID, id);
            }
        });
        self.state = State::Active(Peer {
            heartbeat_ns: logon.heartbeat_s * SECOND_NS,
            last_received_at: now.mono,
            test_requests: 0,
            quarantined_at: None,
        });
        if let Some(begin) = logon.next_expected {
            self.outbound.owe(MsgSeqNum::new(begin), MsgSeqNum::new(next_out));
        }
        if received > expected && logon.next_expected.is_some() {
            // Our 789 asked for what is missing.
            self.expect_resend(received, now);
        } else if received > expected {
            self.too_high(&[], received, now);
        } else {
            self.advance();
        }
    }

    /// Says goodbye and waits for the answer.
    pub(super) fn log_out(&mut self, now: Now, text: Option<core::fmt::Arguments<'_>>) {
        self.outbound.push_admin(b"5", now.utc, |body| write_text(body, text));
        self.state = State::LogoutSent { since: now.mono };
    }

    /// Says why, then closes. Nothing follows it.
    pub(super) fn refuse(&mut self, now: Now, text: core::fmt::Arguments<'_>) {
        self.log_out(now, Some(text));
        self.state = State::Closing { since: now.mono };
    }

    /// The peer says goodbye, or answers ours.
    pub(super) fn logged_out(&mut self, msg_seq_num: Option<MsgSeqNum>, now: Now) {
        if !matches!(self.state, State::LogoutSent { .. }) {
            self.log_out(now, None);
        }
        if msg_seq_num == Some(self.next_in) {
            self.advance();
        }
        self.state = State::Closing { since: now.mono };
    }

    /// Ends the session from our side, politely, as at shutdown.
    pub(crate) fn shut_down(&mut self, now: Now) {
        match self.state {
            State::Active(_) => self.log_out(now, Some(format_args!("Shutting down"))),
            State::Resetting(_) => self.state = State::Closing { since: now.mono },
            State::Idle | State::LogoutSent { .. } | State::Closing { .. } | State::Cut => {}
        }
    }

    /// The connection is gone, whoever closed it.
    pub(crate) fn disconnected(&mut self) {
        self.outbound.close();
        self.held.clear();
        self.asked = None;
        self.state = State::Idle;
    }
}

fn write_text(body: &mut BodyWriter<'_>, text: Option<core::fmt::Arguments<'_>>) {
    if let Some(text) = text {
        body.text(tag::TEXT, text);
    }
}
