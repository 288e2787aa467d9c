//! What is known of settlement. No input, no output, no clock.

use crate::limits::{BLOCKS_AHEAD_MAX, INBOX_PER_BLOCK_MAX, INBOX_WAITING_MAX};
use crate::zone::Terms;
use plinth_types::id::{Height, InboxIndex};
use plinth_types::message::InboxMessage;
use plinth_zone_protocol::message::{Finalized, Welcome};
use std::collections::VecDeque;

/// Where settlement stands with this zone, and what waits.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Of the last welcome; none before the first.
    terms: Option<Terms>,
    /// Requests must be consumed within so many blocks; 0 for no requests.
    request_blocks: u32,
    connected: bool,
    frozen: bool,
    executed: Height,
    handed_over: Height,
    ordered: Height,
    available: Height,
    settled: Height,
    /// The last settlement block whose news were heard.
    heard: Height,
    acknowledged: Height,
    /// The last message consumed or waiting.
    known: InboxIndex,
    /// Messages and the settlement blocks that appended them.
    waiting: VecDeque<(Height, InboxMessage)>,
}

/// Something to say to the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// The news up to here need not be told again.
    Processed(Height),
    /// This block is next.
    HandOver(Height, Terms),
}

/// Settlement says what cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
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
    /// A block that was never made here.
    #[error("settlement has block {0} of this zone, which was not executed here")]
    Ahead(Height),
}

impl Standing {
    pub(super) fn new(executed: Height, consumed: InboxIndex) -> Self {
        Self { executed, known: consumed, ..Self::default() }
    }

    /// The host is there; its news go on behind `from`.
    pub fn welcome(&mut self, welcome: &Welcome, from: Height) -> Result<(), StandingError> {
        let last = welcome.ordered.max(welcome.settled);
        if last > self.executed {
            return Err(StandingError::Ahead(last));
        }
        self.terms = Some(Terms { epoch: welcome.epoch, guest_image: welcome.guest_image });
        self.request_blocks = welcome.request_blocks;
        (self.connected, self.frozen) = (true, welcome.frozen);
        (self.ordered, self.available, self.settled) = (welcome.ordered, welcome.available, welcome.settled);
        self.handed_over = welcome.settled;
        (self.heard, self.acknowledged) = (from, from);
        Ok(())
    }

    /// The connection has ended.
    pub const fn disconnected(&mut self) {
        self.connected = false;
    }

    /// Takes the news of a settlement block in.
    pub fn news(&mut self, news: &Finalized) -> Result<(), StandingError> {
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
        if let Some(first) = news.rejected.first() {
            let before = Height::new(first.height.get().saturating_sub(1));
            self.ordered = self.ordered.min(before);
            self.available = self.available.min(before);
            self.handed_over = self.handed_over.min(before);
        }
        if let Some(terms) = &mut self.terms {
            terms.epoch = terms.epoch.max(news.epoch);
        }
        self.frozen |= news.frozen;
        self.heard = news.height;
        Ok(())
    }

    /// A block of this height is durable, and messages up to this one are consumed.
    pub fn executed(&mut self, height: Height, consumed: InboxIndex) {
        self.executed = height;
        while self.waiting.front().is_some_and(|(_, message)| message.index <= consumed) {
            self.waiting.pop_front();
        }
    }

    /// Whether there may be another block now.
    pub fn may_build(&self) -> bool {
        let requests = match self.request_blocks {
            0 => u64::MAX,
            // A request told of late still finds room in front of its deadline.
            blocks => u64::from(blocks / 2).max(1),
        };
        let ahead = self.executed.get().saturating_sub(self.ordered.get());
        self.terms.is_some() && !self.frozen && ahead < BLOCKS_AHEAD_MAX.min(requests)
    }

    /// What the next block consumes.
    pub fn next_messages(&self) -> Vec<InboxMessage> {
        self.waiting.iter().take(INBOX_PER_BLOCK_MAX).map(|(_, message)| *message).collect()
    }

    /// Heights that are available and settled; `None` before the first welcome.
    pub fn finality(&self) -> Option<(Height, Height)> {
        self.terms.map(|_| (self.available, self.settled))
    }

    pub(super) const fn is_connected(&self) -> bool {
        self.connected
    }

    /// What to say next. Whoever asks says it.
    pub(super) fn work(&mut self) -> Option<Work> {
        let processed = self.processed();
        if processed > self.acknowledged {
            self.acknowledged = processed;
            return Some(Work::Processed(processed));
        }
        let terms = self.terms.filter(|_| self.handed_over < self.executed)?;
        self.handed_over = self.handed_over.next();
        Some(Work::HandOver(self.handed_over, terms))
    }

    /// The last settlement block whose news have done what they do, durably.
    pub fn processed(&self) -> Height {
        let waiting = self.waiting.front().map(|(height, _)| Height::new(height.get().saturating_sub(1)));
        waiting.map_or(self.heard, |before| before.min(self.heard))
    }
}
