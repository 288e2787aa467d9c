//! The server's side of a session: messages into datagrams, and the datagrams that are kept.

use super::packet::{Count, Header, Request};
use crate::itch::SessionName;
use crate::itch::feed::BlockSink;
use crate::limits::{DATAGRAM_SIZE_MAX, MOLD_HEADER_SIZE, RETRANSMIT_STORE_SIZE};
use std::collections::VecDeque;

/// The datagrams of the session that is open.
#[derive(Debug, Default)]
pub struct Downstream {
    session: Option<SessionName>,
    /// Number of the message behind the last one.
    next: u64,
    ended: bool,
    /// Messages that are not in a datagram yet.
    open: Vec<u8>,
    open_count: u16,
    /// The newest datagrams, oldest first, without holes.
    kept: VecDeque<Kept>,
    kept_size: usize,
    /// Datagrams at the end of `kept` that were not taken yet.
    unsent: usize,
    /// Ends of earlier sessions that were not taken yet.
    last_words: Vec<Vec<u8>>,
}

#[derive(Debug)]
struct Kept {
    first: u64,
    count: u16,
    datagram: Box<[u8]>,
}

/// A request that nobody can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown;

impl Downstream {
    /// Ends the datagram that is being filled.
    pub fn flush(&mut self) {
        let Some(session) = self.session.filter(|_| self.open_count > 0) else { return };
        let first = self.next - u64::from(self.open_count);
        let header = Header { session, first, count: Count::Messages(self.open_count) };
        let mut datagram = Vec::with_capacity(MOLD_HEADER_SIZE + self.open.len());
        datagram.extend_from_slice(&header.bytes());
        datagram.append(&mut self.open);
        self.kept_size += datagram.len();
        self.kept.push_back(Kept { first, count: self.open_count, datagram: datagram.into() });
        self.open_count = 0;
        self.unsent += 1;
        while self.kept_size > RETRANSMIT_STORE_SIZE
            && let Some(oldest) = self.kept.pop_front()
        {
            self.kept_size -= oldest.datagram.len();
            self.unsent = self.unsent.min(self.kept.len());
        }
    }

    /// Hands out what was not sent yet, oldest first.
    pub fn send(&mut self, mut to: impl FnMut(&[u8])) {
        self.last_words.drain(..).for_each(|datagram| to(&datagram));
        let from = self.kept.len() - self.unsent;
        self.kept.range(from..).for_each(|kept| to(&kept.datagram));
        self.unsent = 0;
    }

    /// Forgets that anything is to be sent: it was, before a restart.
    pub fn skip(&mut self) {
        self.last_words.clear();
        self.unsent = 0;
    }

    /// What says that the server is there, and how far the session is; `None` before the first session.
    #[must_use]
    pub fn heartbeat(&self) -> Option<[u8; MOLD_HEADER_SIZE]> {
        let count = if self.ended { Count::End } else { Count::Heartbeat };
        Some(Header { session: self.session?, first: self.next, count }.bytes())
    }

    /// Writes the answer to a request into `answer`: as many of the messages as one datagram holds.
    ///
    /// # Errors
    ///
    /// [`Unknown`] if the first of them is not kept, not there yet, or of another session.
    pub fn answer(&self, request: &Request, answer: &mut Vec<u8>) -> Result<(), Unknown> {
        answer.clear();
        if self.session != Some(request.session) {
            return Err(Unknown);
        }
        let behind = self.kept.partition_point(|kept| kept.first <= request.first);
        let mut wanted = request.count.min(u16::MAX - 1);
        let mut count = 0;
        answer.resize(MOLD_HEADER_SIZE, 0);
        'filling: for kept in self.kept.range(behind.checked_sub(1).ok_or(Unknown)?..) {
            let skip = request.first.saturating_sub(kept.first);
            if skip >= u64::from(kept.count) {
                return Err(Unknown);
            }
            let blocks = crate::itch::file::messages(&kept.datagram[MOLD_HEADER_SIZE..]).flatten();
            for message in blocks.skip(skip as usize) {
                if wanted == 0 || answer.len() + 2 + message.len() > DATAGRAM_SIZE_MAX {
                    break 'filling;
                }
                answer.extend_from_slice(&(message.len() as u16).to_be_bytes());
                answer.extend_from_slice(message);
                (wanted, count) = (wanted - 1, count + 1);
            }
        }
        let header = Header { session: request.session, first: request.first, count: Count::Messages(count) };
        answer[..MOLD_HEADER_SIZE].copy_from_slice(&header.bytes());
        Ok(())
    }

    /// The session that is open.
    #[must_use]
    pub const fn session(&self) -> Option<SessionName> {
        self.session
    }

    /// Number of the message behind the last one.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }
}

impl BlockSink for Downstream {
    fn begin(&mut self, session: SessionName) {
        self.kept.clear();
        (self.kept_size, self.unsent) = (0, 0);
        (self.session, self.next, self.ended) = (Some(session), 1, false);
    }

    fn blocks(&mut self, count: u64, blocks: &[u8]) {
        let before = self.next;
        for message in crate::itch::file::messages(blocks).flatten() {
            if MOLD_HEADER_SIZE + self.open.len() + 2 + message.len() > DATAGRAM_SIZE_MAX {
                self.flush();
            }
            self.open.extend_from_slice(&(message.len() as u16).to_be_bytes());
            self.open.extend_from_slice(message);
            self.open_count += 1;
            self.next += 1;
        }
        assert_eq!(self.next - before, count, "blocks are whole");
    }

    fn end(&mut self) {
        self.flush();
        let from = self.kept.len() - self.unsent;
        self.last_words.extend(self.kept.range(from..).map(|kept| kept.datagram.to_vec()));
        self.unsent = 0;
        self.ended = true;
        self.last_words.extend(self.heartbeat().map(|end| end.to_vec()));
    }
}
