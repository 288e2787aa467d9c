//! What the fixtures of scenarios share: a sequenced command, applied and then checked over the whole state.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use plinth_matching::engine::Engine;
use plinth_matching::state;
use plinth_types::command::{Body, Command};
use plinth_types::event::Event;
use plinth_types::id::{MandateId, Seq, SessionId, TimestampNs};

/// An engine and the number of its last command, which is also its time.
pub(crate) struct Stage {
    pub(crate) engine: Engine,
    pub(crate) seq: u64,
}

impl Stage {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine, seq: 0 }
    }

    pub(crate) fn send(&mut self, session: u16, mandate: u32, body: Body, tail: &[u8]) -> Vec<Event> {
        let events = self.send_unchecked(session, mandate, body, tail);
        self.engine.check_conservation().unwrap();
        state::check(&self.engine).unwrap();
        events
    }

    pub(crate) fn send_unchecked(&mut self, session: u16, mandate: u32, body: Body, tail: &[u8]) -> Vec<Event> {
        self.seq += 1;
        let command = Command {
            seq: Seq::new(self.seq),
            time: TimestampNs::new(self.seq),
            session: SessionId::new(session),
            mandate: MandateId::new(mandate),
            body,
            tail_size: tail.len() as u16,
        };
        let mut events = Vec::new();
        self.engine.apply(&command, tail, &mut events);
        events
    }
}
