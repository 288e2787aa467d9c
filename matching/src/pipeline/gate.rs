//! Records that were executed and are not yet durable, with what they caused.

use plinth_types::command::Command;
use plinth_types::event::Event;
use plinth_types::id::Seq;
use std::collections::VecDeque;

/// A queue of records with tails and events. Its buffers grow to what is outstanding and are kept.
#[derive(Debug, Default)]
pub(super) struct Gate {
    records: VecDeque<Held>,
    tails: Queue<u8>,
    events: Queue<Event>,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    command: Command,
    event_count: usize,
}

impl Gate {
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Holds a record and what `execute` says it caused.
    pub(super) fn hold(&mut self, command: Command, tail: &[u8], execute: impl FnOnce(&mut Vec<Event>)) {
        self.tails.items.extend_from_slice(tail);
        let before = self.events.items.len();
        execute(&mut self.events.items);
        self.records.push_back(Held { command, event_count: self.events.items.len() - before });
    }

    /// Gives out the records up to `durable`; how many.
    pub(super) fn release(&mut self, durable: Seq, mut give: impl FnMut(&Command, &[u8], &[Event])) -> usize {
        let mut count = 0;
        while let Some(held) = self.records.front()
            && held.command.seq <= durable
        {
            let tail = self.tails.take(usize::from(held.command.tail_size));
            let events = self.events.take(held.event_count);
            give(&held.command, tail, events);
            self.records.pop_front();
            count += 1;
        }
        self.tails.compact();
        self.events.compact();
        count
    }
}

/// A queue whose items are neighbours in memory, so that it gives out slices. Taken items are moved over when they are the larger
/// part, so each is moved at most once on average.
#[derive(Debug)]
struct Queue<T> {
    items: Vec<T>,
    taken: usize,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { items: Vec::new(), taken: 0 }
    }
}

impl<T: Copy> Queue<T> {
    fn take(&mut self, count: usize) -> &[T] {
        let from = self.taken;
        self.taken += count;
        &self.items[from..self.taken]
    }

    fn compact(&mut self) {
        if self.taken * 2 >= self.items.len() {
            self.items.copy_within(self.taken.., 0);
            self.items.truncate(self.items.len() - self.taken);
            self.taken = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plinth_types::command::Body;
    use plinth_types::id::{MandateId, SessionId, TimestampNs};

    #[test]
    fn records_leave_in_order_with_their_own_tails_and_events_when_they_are_durable() {
        let mut gate = Gate::default();
        let mut released = Vec::new();
        let mut next = 1;
        for durable in [0_u64, 3, 3, 10, 11, 40, 100] {
            while next <= durable + 7 && next <= 100 {
                let tail = vec![next as u8; next as usize % 5];
                let command = Command {
                    seq: Seq::new(next),
                    time: TimestampNs::new(0),
                    session: SessionId::APPLIANCE,
                    mandate: MandateId::new(0),
                    body: Body::Note,
                    tail_size: tail.len() as u16,
                };
                gate.hold(command, &tail, |events| events.extend((0..next % 3).map(|_| Event::Configured)));
                next += 1;
            }
            gate.release(Seq::new(durable), |command, tail, events| {
                let seq = command.seq.get();
                assert!(seq <= durable);
                assert_eq!(tail, vec![seq as u8; seq as usize % 5]);
                assert_eq!(events.len() as u64, seq % 3);
                released.push(seq);
            });
        }
        assert_eq!(released, (1..=100).collect::<Vec<_>>());
        assert_eq!((gate.len(), gate.tails.items.len(), gate.events.items.len()), (0, 0, 0));
    }
}
