//! The consumer's side of a session: messages in order, what is lacking, what to ask for.
//!
//! * Messages are handed out in order and once. What comes behind a gap is held, at most [`HELD_DATAGRAMS_MAX`] datagrams; more is let go
//!   and asked for again.
//! * A gap shows in the next datagram or heartbeat. It is asked for at once and again every [`REQUEST_INTERVAL`]; when
//!   [`REQUESTS_UNANSWERED_MAX`] requests brought nothing, only a snapshot helps.
//! * Another session is followed if its name is greater: what was held of the one before is let go, and the new one begins at its first message.

use super::packet::{Count, Header, PacketError, Request};
use crate::itch::SessionName;
use crate::limits::{HELD_DATAGRAMS_MAX, REQUEST_INTERVAL, REQUEST_MESSAGES_MAX, REQUESTS_UNANSWERED_MAX};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a receiver hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// A session begins; messages from 1 on follow.
    Begin(SessionName),
    /// The next message.
    Message(&'a [u8]),
    /// The session has ended.
    End,
}

/// One consumer's place in the stream.
#[derive(Debug, Default)]
pub struct Receiver {
    session: Option<SessionName>,
    /// The message that is handed out next.
    next: u64,
    /// The message behind the last one known of.
    known: u64,
    /// The session ends before this message.
    end: Option<u64>,
    /// Blocks behind a gap, by their first message.
    held: BTreeMap<u64, Box<[u8]>>,
    asked_at: Option<Duration>,
    unanswered: u32,
    gaps: u64,
}

impl Receiver {
    /// A consumer that takes the first session that it hears of, from its first message.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on behind a snapshot, be that further or back; false if the snapshot is of an earlier session, which changes nothing.
    pub fn go_on(&mut self, session: SessionName, next: u64) -> bool {
        if self.session.is_some_and(|own| own > session) {
            return false;
        }
        let held = if self.session == Some(session) { self.held.split_off(&next) } else { BTreeMap::new() };
        *self = Self { session: Some(session), next, known: next, held, gaps: self.gaps, ..Self::default() };
        true
    }

    /// Takes a datagram and hands out what has become due.
    ///
    /// # Errors
    ///
    /// [`PacketError`]; the datagram is none of ours then, and nothing has changed.
    pub fn take(&mut self, datagram: &[u8], mut hear: impl FnMut(Heard<'_>)) -> Result<(), PacketError> {
        let (header, blocks) = Header::read(datagram)?;
        if self.session.is_none_or(|own| header.session > own) {
            *self = Self { session: Some(header.session), next: 1, known: 1, gaps: self.gaps, ..Self::default() };
            hear(Heard::Begin(header.session));
        }
        if self.session != Some(header.session) {
            return Ok(());
        }
        let behind = match header.count {
            Count::Messages(count) => {
                if header.first <= self.next {
                    self.hand_out(header.first, blocks, &mut hear);
                } else {
                    self.hold(header.first, blocks);
                }
                header.first + u64::from(count)
            }
            Count::Heartbeat => header.first,
            Count::End => {
                self.end = Some(header.first);
                header.first
            }
        };
        self.known = self.known.max(behind);
        self.hand_out_held(&mut hear);
        if self.end == Some(self.next) {
            self.end = None;
            hear(Heard::End);
        }
        Ok(())
    }

    fn hold(&mut self, first: u64, blocks: &[u8]) {
        self.gaps += u64::from(self.held.is_empty());
        let longer = self.held.get(&first).is_none_or(|held| held.len() < blocks.len());
        if longer {
            self.held.insert(first, blocks.into());
        }
        if self.held.len() > HELD_DATAGRAMS_MAX {
            self.held.pop_last();
        }
    }

    /// Hands out what of the blocks was not yet.
    fn hand_out(&mut self, first: u64, blocks: &[u8], hear: &mut impl FnMut(Heard<'_>)) {
        let done = self.next - first;
        for message in crate::itch::file::messages(blocks).flatten().skip(usize::try_from(done).unwrap_or(usize::MAX)) {
            hear(Heard::Message(message));
            self.next += 1;
            self.unanswered = 0;
            self.asked_at = None;
        }
    }

    fn hand_out_held(&mut self, hear: &mut impl FnMut(Heard<'_>)) {
        while let Some(entry) = self.held.first_entry()
            && *entry.key() <= self.next
        {
            let (first, blocks) = entry.remove_entry();
            self.hand_out(first, &blocks, hear);
        }
    }

    /// What to ask for now, if anything.
    pub fn request(&mut self, now: Duration) -> Option<Request> {
        let session = self.session?;
        let missing = self.missing();
        if missing == 0 || self.asked_at.is_some_and(|asked| now < asked + REQUEST_INTERVAL) {
            return None;
        }
        self.asked_at = Some(now);
        self.unanswered = self.unanswered.saturating_add(1);
        let count = u16::try_from(missing).map_or(REQUEST_MESSAGES_MAX, |missing| missing.min(REQUEST_MESSAGES_MAX));
        Some(Request { session, first: self.next, count })
    }

    /// Messages of the first gap.
    #[must_use]
    pub fn missing(&self) -> u64 {
        let end = self.held.first_key_value().map_or(self.known, |(&first, _)| first);
        end.saturating_sub(self.next)
    }

    /// Whether nobody sends what is lacking.
    #[must_use]
    pub const fn needs_snapshot(&self) -> bool {
        self.unanswered >= REQUESTS_UNANSWERED_MAX
    }

    /// The session that it is in.
    #[must_use]
    pub const fn session(&self) -> Option<SessionName> {
        self.session
    }

    /// The message that comes next.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// How often something was lacking.
    #[must_use]
    pub const fn gaps(&self) -> u64 {
        self.gaps
    }
}
