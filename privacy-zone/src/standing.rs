//! What is known of settlement, and what of the inbox waits. No input, no output, no clock.

use crate::journal::Position;
use crate::limits::{BLOCKS_AHEAD_MAX, INBOX_WAITING_MAX};
use plinth_privacy::limits::BLOCK_CREDITS_MAX;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, InboxIndex};
use plinth_types::message::InboxMessage;
use plinth_zone_protocol::{Finalized, Welcome};
use std::collections::VecDeque;
use thiserror::Error;

/// Where settlement stands with this zone.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    genesis: Digest,
    /// Requests must be consumed within so many blocks; 0 for no requests. None before the first welcome.
    request_blocks: Option<u32>,
    connected: bool,
    frozen: bool,
    executed: Height,
    ordered: Height,
    available: Height,
    settled: Height,
    /// The last settlement block whose news were heard.
    heard: Height,
    /// The last message consumed or waiting.
    known: InboxIndex,
    /// Messages, and the settlement blocks that appended them.
    waiting: VecDeque<(Height, InboxMessage)>,
}

/// Settlement says what cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StandingError {
    /// A message is missing.
    #[error("settlement tells of inbox message {found}, {expected} is next")]
    InboxGap {
        /// Told.
        found: InboxIndex,
        /// Next.
        expected: InboxIndex,
    },
    /// More than settlement keeps.
    #[error("{INBOX_WAITING_MAX} messages wait for a block, and settlement tells of more")]
    InboxFull,
    /// The header of a block is missing.
    #[error("settlement tells of the header of block {found}, {expected} is next")]
    HeaderGap {
        /// Told.
        found: Height,
        /// Next.
        expected: Height,
    },
    /// A block that was never made here.
    #[error("settlement has block {0} of this zone, which was not executed here")]
    Ahead(Height),
}

/// How far blocks have come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Whether the host is there.
    pub connected: bool,
    /// Whether settlement takes no more blocks.
    pub frozen: bool,
    /// Ordered by settlement.
    pub ordered: Height,
    /// Rebuilt by validators.
    pub available: Height,
    /// Settled.
    pub settled: Height,
}

impl Standing {
    /// Takes up a block of the journal, or one just made.
    pub fn executed(&mut self, height: Height, consumed: InboxIndex) {
        self.executed = height;
        self.known = self.known.max(consumed);
        while self.waiting.front().is_some_and(|(_, message)| message.index <= consumed) {
            self.waiting.pop_front();
        }
    }

    /// Takes up a position of the journal.
    pub const fn resume(&mut self, position: Position) {
        self.genesis = position.genesis;
        self.heard = position.settlement;
    }

    /// The host is there; its news go on behind the position that was named to it.
    pub fn welcome(&mut self, welcome: &Welcome, from: Height) -> Result<(), StandingError> {
        let last = welcome.ordered.max(welcome.settled);
        if last > self.executed {
            return Err(StandingError::Ahead(last));
        }
        self.genesis = welcome.genesis;
        self.request_blocks = Some(welcome.request_blocks);
        (self.connected, self.frozen) = (true, welcome.frozen);
        (self.ordered, self.available, self.settled) = (welcome.ordered, welcome.available, welcome.settled);
        self.heard = from;
        Ok(())
    }

    /// The connection has ended.
    pub const fn disconnected(&mut self) {
        self.connected = false;
    }

    /// Takes the news of a settlement block in. Gives the first block to be handed over again, if any is.
    pub fn news(&mut self, news: &Finalized) -> Result<Option<Height>, StandingError> {
        let known = self.known;
        for message in news.inbox.iter().filter(|message| message.index > known) {
            let expected = self.known.next();
            if message.index != expected {
                return Err(StandingError::InboxGap { found: message.index, expected });
            }
            if self.waiting.len() == INBOX_WAITING_MAX {
                return Err(StandingError::InboxFull);
            }
            self.waiting.push_back((news.height, *message));
            self.known = expected;
        }
        for (blocks, reached) in
            [(&news.ordered, &mut self.ordered), (&news.available, &mut self.available), (&news.settled, &mut self.settled)]
        {
            let Some(last) = blocks.last() else { continue };
            if last.height > self.executed {
                return Err(StandingError::Ahead(last.height));
            }
            *reached = (*reached).max(last.height);
        }
        let again = news.rejected.iter().map(|block| block.height).min();
        if let Some(first) = again {
            let before = Height::new(first.get().saturating_sub(1));
            self.ordered = self.ordered.min(before);
            self.available = self.available.min(before);
        }
        self.frozen |= news.frozen;
        self.heard = news.height;
        Ok(again)
    }

    /// Whether there may be another block now.
    #[must_use]
    pub fn may_build(&self) -> bool {
        let Some(request_blocks) = self.request_blocks else { return false };
        // A request told of late still finds room in front of its deadline.
        let requests = if request_blocks == 0 { u64::MAX } else { u64::from(request_blocks / 2).max(1) };
        let ahead = self.executed.get().saturating_sub(self.ordered.get());
        !self.frozen && ahead < BLOCKS_AHEAD_MAX.min(requests)
    }

    /// Whether messages wait.
    #[must_use]
    pub fn has_messages(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// What the next block consumes.
    #[must_use]
    pub fn next_messages(&self) -> Vec<InboxMessage> {
        self.waiting.iter().take(BLOCK_CREDITS_MAX).map(|(_, message)| *message).collect()
    }

    /// How far the news have their effects once messages up to `consumed` have.
    #[must_use]
    pub fn position(&self, consumed: InboxIndex) -> Position {
        let first = self.waiting.iter().find(|(_, message)| message.index > consumed);
        let before = first.map_or(self.heard, |(height, _)| Height::new(height.get().saturating_sub(1)).min(self.heard));
        Position { genesis: self.genesis, settlement: before }
    }

    /// How far blocks have come.
    #[must_use]
    pub const fn progress(&self) -> Progress {
        let Self { connected, frozen, ordered, available, settled, .. } = *self;
        Progress { connected, frozen, ordered, available, settled }
    }
}
