//! Heartbeats, test requests, patience.

use super::{Session, State};
use crate::clock::Now;
use crate::codec::tag;
use crate::limits::{LOGOUT_TIME_MAX_NS, QUARANTINE_SIZE, QUARANTINE_TIME_NS};

impl Session {
    /// Does what is due. Calling it early does nothing.
    pub(crate) fn tick(&mut self, now: Now) {
        self.keep_hours(now);
        match self.state {
            State::Idle | State::Resetting(_) | State::Closing { .. } | State::Cut => {}
            State::LogoutSent { since } => {
                if now.mono.since_ns(since) >= LOGOUT_TIME_MAX_NS {
                    self.state = State::Closing { since };
                }
            }
            State::Active(mut peer) => {
                let silence_ns = now.mono.since_ns(peer.last_received_at);
                let interval_ns = peer.heartbeat_ns;
                if silence_ns >= interval_ns * 24 / 10 {
                    return self.cut();
                }
                if silence_ns >= (interval_ns * 12 / 10).saturating_mul(peer.test_requests + 1) {
                    self.outbound.push_admin(b"1", now.utc, |body| body.bytes(tag::TEST_REQ_ID, b"TEST"));
                    peer.test_requests += 1;
                } else if peer.test_requests == 0 && now.mono.since_ns(self.outbound.last_sent_at()) >= interval_ns {
                    self.outbound.push_admin(b"0", now.utc, |_| {});
                }
                peer.quarantined_at = match peer.quarantined_at {
                    _ if self.outbound.unsent_size() < QUARANTINE_SIZE => None,
                    None => Some(now.mono),
                    Some(since) if now.mono.since_ns(since) >= QUARANTINE_TIME_NS => return self.cut(),
                    since @ Some(_) => since,
                };
                self.state = State::Active(peer);
            }
        }
    }

    /// Ends the day of a session with hours, and begins the next one's numbers.
    fn keep_hours(&mut self, now: Now) {
        let Some(schedule) = self.config.schedule else { return };
        let is_due = self.reset_is_due(now);
        match self.state {
            State::Active(_) if is_due || !schedule.is_open(now.utc) => {
                self.log_out(now, Some(format_args!("The session's hours are over")));
            }
            State::Idle if is_due => self.outbound.want_reset(),
            State::Idle
            | State::Resetting(_)
            | State::Active(_)
            | State::LogoutSent { .. }
            | State::Closing { .. }
            | State::Cut => {}
        }
    }

    /// Whether the connection should be closed now: all was said, or the peer would not hear it in time.
    pub(crate) fn is_done(&self, wire_is_empty: bool, now: Now) -> bool {
        match self.state {
            State::Closing { since } => {
                (wire_is_empty && self.outbound.is_flushed()) || now.mono.since_ns(since) >= LOGOUT_TIME_MAX_NS
            }
            State::Cut => true,
            State::Idle | State::Resetting(_) | State::Active(_) | State::LogoutSent { .. } => false,
        }
    }

    /// Closes without a word: the peer would not hear it.
    fn cut(&mut self) {
        self.outbound.close();
        self.state = State::Cut;
    }
}
