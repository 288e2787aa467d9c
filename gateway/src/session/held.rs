//! Messages that came before the ones missing.

use crate::limits::{HELD_MESSAGES_MAX, HELD_SIZE_MAX};
use plinth_types::id::MsgSeqNum;
use std::collections::BTreeMap;

/// Bounded: what does not fit is dropped, since the peer sends it again with what is missing.
#[derive(Debug, Default)]
pub(super) struct Held {
    messages: BTreeMap<MsgSeqNum, Box<[u8]>>,
    size: usize,
}

impl Held {
    /// Keeps a message. An empty one stands for a number that needs nothing but to be counted.
    pub(super) fn insert(&mut self, number: MsgSeqNum, message: &[u8]) {
        let fits = self.messages.len() < HELD_MESSAGES_MAX && self.size + message.len() <= HELD_SIZE_MAX;
        if fits && !self.messages.contains_key(&number) {
            self.size += message.len();
            self.messages.insert(number, message.into());
        }
    }

    /// Takes the message with this number, and forgets those with lower ones.
    pub(super) fn take(&mut self, number: MsgSeqNum) -> Option<Box<[u8]>> {
        while let Some(first) = self.messages.first_entry() {
            if *first.key() > number {
                return None;
            }
            let is_next = *first.key() == number;
            let message = first.remove();
            self.size -= message.len();
            if is_next {
                return Some(message);
            }
        }
        None
    }

    pub(super) fn clear(&mut self) {
        self.messages.clear();
        self.size = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_whatever_the_peer_sends() {
        let mut held = Held::default();
        for number in 2..100_000 {
            held.insert(MsgSeqNum::new(number), &[0; 1_000]);
        }
        assert!(held.messages.len() <= HELD_MESSAGES_MAX && held.size <= HELD_SIZE_MAX);
        assert!(held.take(MsgSeqNum::new(1)).is_none());
        assert_eq!(held.take(MsgSeqNum::new(3)).unwrap().len(), 1_000);
        assert!(held.take(MsgSeqNum::new(2)).is_none(), "lower numbers are forgotten");
    }
}
