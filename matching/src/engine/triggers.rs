//! Which orders a command's trades trigger, and in which order they go.
//!
//! A taker's prices only get worse, so the first and the last of them say all that the orders of a ladder must know; those that trail are
//! looked at one by one. Only then, when the command is done, the triggered ones go.

use crate::engine::Engine;
use crate::engine::book::{index_of, side_of};
use crate::engine::pool::Slot;
use crate::engine::waiting::{Waiting, behind, triggers};
use plinth_types::command::Side;
use plinth_types::event::EventSink;
use plinth_types::page::Touch;
use plinth_types::quantity::Qty;

/// Prices of trades that orders of this book wait for, since the command began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alarm {
    instrument: u32,
    low: i64,
    high: i64,
}

impl<T: Touch> Engine<T> {
    /// Notes a trade at `price`, for which orders of the book may wait.
    pub(crate) fn observe(&mut self, instrument: u32, price: i64) {
        let alarm = self.alarm.get_or_insert(Alarm { instrument, low: price, high: price });
        alarm.low = alarm.low.min(price);
        alarm.high = alarm.high.max(price);
        let mut slot = self.books.get(&mut self.touch, instrument as usize).trailing_head;
        while slot != 0 {
            let node = self.nodes.get(&mut self.touch, slot as usize);
            let (side, next) = (side_of(node.side), node.next);
            let waiting = self.waiting.get_mut(&mut self.touch, slot as usize);
            if waiting.triggered == 0 {
                let behind = behind(side, price, waiting.trail);
                waiting.trigger = match side {
                    Side::Buy => waiting.trigger.min(behind),
                    Side::Sell => waiting.trigger.max(behind),
                };
                waiting.triggered = u8::from(triggers(side, waiting.trigger, price));
            }
            slot = next;
        }
    }

    /// Stops the quotes of which too much has traded and settles ties; then enters the orders that this command's trades triggered, one after the other, and
    /// those that theirs did.
    #[inline(always)]
    pub(crate) fn go_triggered<S: EventSink>(&mut self, sink: &mut S) {
        if self.alarm.is_some() | self.watch.tripped | self.ties.is_noted() {
            self.go_all_triggered(sink);
        }
    }

    #[cold]
    fn go_all_triggered<S: EventSink>(&mut self, sink: &mut S) {
        loop {
            if self.watch.tripped {
                self.stop_quotes(sink);
            }
            if self.ties.is_noted() {
                self.settle_ties(sink);
                // What that let in may have traded.
                continue;
            }
            let next = self.alarm.and_then(|alarm| {
                let sides = [Side::Buy, Side::Sell];
                sides.into_iter().find_map(|side| self.next_triggered(alarm, side))
            });
            if let Some(slot) = next {
                self.go_slot(slot, sink);
                continue;
            }
            self.alarm = None;
            if !self.ties.is_ready() {
                return;
            }
            self.let_first_in(sink);
        }
    }

    /// Enters the order that waits in `slot`.
    pub(crate) fn go_slot<S: EventSink>(&mut self, slot: Slot, sink: &mut S) {
        let node = *self.nodes.get(&mut self.touch, slot as usize);
        if let Some(at) = node.tied() {
            self.part_triggered(slot, at, sink);
        }
        let place = self.place_of(slot);
        let waiter = self.leave(place);
        self.go(waiter, Qty::from_lots(node.total).expect("an order has lots"), sink);
    }

    /// The order of `side` that is to go first of those that the alarm triggered.
    fn next_triggered(&mut self, alarm: Alarm, side: Side) -> Option<Slot> {
        let Self { touch, books, levels, nodes, waiting, .. } = self;
        let book = books.get(touch, alarm.instrument as usize);
        let furthest = if side == Side::Buy { alarm.high } else { alarm.low };
        let rank = |waiting: &Waiting| (if side == Side::Buy { waiting.trigger } else { -waiting.trigger }, waiting.since);
        let level = levels.next_waiting(touch, book, side, None).filter(|&(_, at)| triggers(side, at, furthest));
        let mut first = level.map(|(level, _)| {
            let slot = levels.table.get(touch, level as usize).head;
            (rank(waiting.get(touch, slot as usize)), slot)
        });
        let mut slot = book.trailing_head;
        while slot != 0 {
            let node = nodes.get(touch, slot as usize);
            let trailing = waiting.get(touch, slot as usize);
            if node.side == index_of(side) as u8 && trailing.triggered != 0 {
                let other = (rank(trailing), slot);
                first = first.filter(|&first| first <= other).or(Some(other));
            }
            slot = node.next;
        }
        first.map(|(_, slot)| slot)
    }
}
