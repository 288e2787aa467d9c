//! The messages of a zone's inbox.

use plinth_types::id::InboxIndex;
use plinth_types::message::InboxMessage;
use std::collections::VecDeque;

/// The messages that settlement appended to a zone's inbox and no ordered header has consumed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inbox {
    /// Of the last message appended, over the zone's life.
    appended: InboxIndex,
    /// Ascending without a gap, up to `appended`.
    pending: VecDeque<InboxMessage>,
}

impl Inbox {
    /// Nothing waits behind this message.
    pub(super) const fn behind(consumed: InboxIndex) -> Self {
        Self { appended: consumed, pending: VecDeque::new() }
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
    pub fn consumed(&self) -> InboxIndex {
        InboxIndex::new(self.appended.get() - self.pending.len() as u64)
    }

    /// A message that waits.
    #[must_use]
    pub fn get(&self, index: InboxIndex) -> Option<&InboxMessage> {
        let offset = index.get().checked_sub(self.consumed().get())?.checked_sub(1)?;
        self.pending.get(usize::try_from(offset).ok()?)
    }

    /// The messages that wait, in order.
    pub fn pending(&self) -> impl ExactSizeIterator<Item = &InboxMessage> {
        self.pending.iter()
    }

    pub(in crate::ledger) fn append(&mut self, message: InboxMessage) {
        assert!(message.index == self.appended.next(), "message {} behind {}", message.index, self.appended);
        self.appended = message.index;
        self.pending.push_back(message);
    }

    pub(super) fn pop_up_to(&mut self, index: InboxIndex) -> Option<InboxMessage> {
        self.pending.pop_front_if(|message| message.index <= index)
    }
}
