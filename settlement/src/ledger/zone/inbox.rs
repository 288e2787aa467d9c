//! The messages of a zone's inbox.

use plinth_types::id::InboxIndex;
use plinth_types::message::InboxMessage;
use std::collections::VecDeque;

/// The messages that settlement appended to a zone's inbox and no settled block has consumed.
///
/// Those that an ordered block consumed stay until it settles: should it be rejected, they are consumed again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbox {
    /// Of the last message appended, over the zone's life.
    appended: InboxIndex,
    /// Of the last message that an ordered block consumed.
    consumed: InboxIndex,
    /// Ascending without a gap, up to `appended`.
    kept: VecDeque<InboxMessage>,
}

impl Inbox {
    /// Nothing waits behind the last message that a settled block consumed; ordered ones will have consumed up to `consumed`.
    pub(super) const fn restoring(settled: InboxIndex, consumed: InboxIndex) -> Self {
        Self { appended: settled, consumed, kept: VecDeque::new() }
    }

    /// Restores what a fact says; `None` if a message before it is missing.
    pub(in crate::ledger) fn restore(&mut self, message: InboxMessage) -> Option<()> {
        (message.index == self.appended.next()).then(|| self.append(message))
    }

    /// Index of the last message appended, 0 before the first.
    #[must_use]
    pub const fn appended(&self) -> InboxIndex {
        self.appended
    }

    /// Index of the last message consumed by an ordered header, 0 before the first.
    #[must_use]
    pub const fn consumed(&self) -> InboxIndex {
        self.consumed
    }

    /// A message that no ordered header has consumed.
    #[must_use]
    pub fn get(&self, index: InboxIndex) -> Option<&InboxMessage> {
        self.kept_at(index).filter(|message| message.index > self.consumed)
    }

    /// A message that no settled block has consumed.
    #[must_use]
    pub fn kept_at(&self, index: InboxIndex) -> Option<&InboxMessage> {
        let first = self.kept.front()?.index;
        let offset = index.get().checked_sub(first.get())?;
        self.kept.get(usize::try_from(offset).ok()?)
    }

    /// The messages that no ordered header has consumed, in order.
    pub fn pending(&self) -> impl ExactSizeIterator<Item = &InboxMessage> {
        let consumed = self.kept.partition_point(|message| message.index <= self.consumed);
        self.kept.range(consumed..)
    }

    /// The messages that no settled block has consumed, in order.
    pub fn kept(&self) -> impl ExactSizeIterator<Item = &InboxMessage> {
        self.kept.iter()
    }

    pub(in crate::ledger) fn append(&mut self, message: InboxMessage) {
        assert!(message.index == self.appended.next(), "message {} behind {}", message.index, self.appended);
        self.appended = message.index;
        self.kept.push_back(message);
    }

    /// An ordered header consumed up to `index`, or a rejection goes back to it.
    pub(in crate::ledger) const fn consume_to(&mut self, index: InboxIndex) {
        self.consumed = index;
    }

    /// Takes the next message up to `index`, whose block settled.
    pub(in crate::ledger) fn settle_up_to(&mut self, index: InboxIndex) -> Option<InboxMessage> {
        self.kept.pop_front_if(|message| message.index <= index)
    }
}
