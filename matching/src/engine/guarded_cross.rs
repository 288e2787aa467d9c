//! Matching for an account with self-match prevention: order by order, so that what stands in front is known before it trades.
//!
//! A resting order of the taker's group never trades with it. What happens instead is said by the taker's account; see
//! [`SelfMatchMode`]. Everything else is plain matching, of one resting order at a time.

use crate::engine::Engine;
use crate::engine::book::{crosses, opposite};
use crate::engine::cross::{Stop, Taken};
use crate::engine::iceberg;
use crate::engine::incoming::{Incoming, resting};
use crate::engine::pool::{Node, Slot};
use plinth_types::event::{CancelReason, Event, EventSink};
use plinth_types::id::OrderId;
use plinth_types::page::Touch;
use plinth_types::quantity::Qty;
use plinth_types::reference::{SelfMatch, SelfMatchMode};

impl<T: Touch> Engine<T> {
    /// As [`Engine::take`], for a taker that has self-match prevention.
    #[cold]
    pub(crate) fn take_guarded<S: EventSink>(&mut self, taker: Incoming, own: SelfMatch, sink: &mut S) -> Taken {
        let (mut wanted, mut lost) = (taker.qty, 0);
        if !self.books.get(&mut self.touch, taker.instrument as usize).is_continuous() {
            return Taken { left: Some(wanted), stop: Stop::NoLevel, lost };
        }
        if self.books.get(&mut self.touch, taker.instrument as usize).is_pro_rata() {
            return self.take_by_size(taker, Some(own), sink);
        }
        while let Some(slot) = self.next_maker(&taker) {
            let node = *self.nodes.get(&mut self.touch, slot as usize);
            let here = wanted.min(Qty::from_lots(node.lots).expect("a resting order has lots"));
            if self.guarded.get(&mut self.touch, node.account as usize).group != own.group {
                // The order in front, and nothing behind it.
                let taken = self.take_plain(Incoming { qty: here, ..taker }, sink);
                let left = wanted.lots() - here.lots() + taken.left.map_or(0, Qty::lots);
                match (Qty::from_lots(left), taken.left) {
                    (Some(left), None) => wanted = left,
                    (left, _) => return Taken { left, lost, ..taken },
                }
                continue;
            }
            match own.mode {
                SelfMatchMode::CancelNewest => return Taken { left: Some(wanted), stop: Stop::SelfMatch, lost },
                SelfMatchMode::CancelOldest => self.take_off_slot(slot, &node, CancelReason::SelfMatch, sink),
                SelfMatchMode::CancelBoth => {
                    self.take_off_slot(slot, &node, CancelReason::SelfMatch, sink);
                    return Taken { left: Some(wanted), stop: Stop::SelfMatch, lost };
                }
                SelfMatchMode::Decrement => {
                    match self.decrement_both(slot, &node, Incoming { qty: wanted, ..taker }, &mut lost, sink) {
                        Some(left) => wanted = left,
                        None => return Taken { left: None, stop: Stop::SelfMatch, lost },
                    }
                }
            }
        }
        Taken { left: Some(wanted), stop: Stop::NoLevel, lost }
    }

    /// Takes the smaller quantity off both, the resting order first. What is left of the taker; `lost` counts what it lost.
    pub(crate) fn decrement_both<S: EventSink>(
        &mut self,
        slot: Slot,
        node: &Node,
        taker: Incoming,
        lost: &mut u64,
        sink: &mut S,
    ) -> Option<Qty> {
        let open = iceberg::left(&self.hidden, &mut self.touch, slot, node);
        let here = taker.qty.min(Qty::from_lots(open).expect("a resting order has lots"));
        self.decrement(slot, here, sink);
        self.custody.release(&mut self.touch, taker.account, taker.gives, taker.reservation(here));
        let order = taker.order;
        *lost += here.lots();
        let Some(left) = taker.qty.after_fill(here) else {
            sink.emit(Event::Cancelled { order, lots: here.into(), reason: CancelReason::SelfMatch });
            return None;
        };
        sink.emit(Event::Reduced { order, qty: here });
        Some(left)
    }

    /// The resting order that the taker meets first.
    fn next_maker(&mut self, taker: &Incoming) -> Option<Slot> {
        let book = self.books.get(&mut self.touch, taker.instrument as usize);
        let (level, ticks) = book.best(opposite(taker.side))?;
        crosses(taker.side, taker.worst, ticks).then(|| self.levels.table.get(&mut self.touch, level as usize).head)
    }

    /// Takes `qty` off a resting order without a trade.
    fn decrement<S: EventSink>(&mut self, slot: Slot, qty: Qty, sink: &mut S) {
        let node = *self.nodes.get(&mut self.touch, slot as usize);
        let book = self.books.get(&mut self.touch, node.instrument as usize);
        let open = iceberg::left(&self.hidden, &mut self.touch, slot, &node);
        let old = resting(book, &node, open);
        let Some(left) = old.qty.after_fill(qty) else {
            return self.take_off_slot(slot, &node, CancelReason::SelfMatch, sink);
        };
        let total = Qty::from_lots(node.total - qty.lots()).expect("what is left is part of the total");
        self.shrink(slot, &old, left, total);
        sink.emit(Event::Reduced { order: OrderId::from_bits(node.order).expect("a resting order has an id"), qty });
    }

    /// As [`Engine::fillable`], for a taker that has self-match prevention. Orders of its group count for nothing; unless the mode takes
    /// them off and goes on, they end the order instead. What taking them off would release is not counted.
    #[cold]
    pub(crate) fn fillable_guarded(&mut self, taker: Incoming, own: SelfMatch) -> Result<(), Stop> {
        let Self { touch, custody, books, levels, nodes, guarded, hidden, .. } = self;
        let maker_side = opposite(taker.side);
        let available = custody.available(touch, taker.account, taker.gives).units();
        let book = books.get(touch, taker.instrument as usize);
        let mut level = book.best(maker_side);
        let (mut left, mut cost) = (taker.qty.lots(), 0_u128);
        while let Some((level_slot, ticks)) = level {
            if !crosses(taker.side, taker.worst, ticks) {
                break;
            }
            let mut slot = levels.table.get(touch, level_slot as usize).head;
            let mut behind = 0;
            // By size, all orders of the price stand in front together.
            if book.is_pro_rata() && own.mode != SelfMatchMode::CancelOldest {
                let mut at = slot;
                while at != 0 {
                    let node = nodes.get(touch, at as usize);
                    if guarded.get(touch, node.account as usize).group == own.group {
                        return Err(Stop::NoLevel);
                    }
                    at = node.next;
                }
            }
            while slot != 0 {
                let node = *nodes.get(touch, slot as usize);
                let open = iceberg::left(hidden, touch, slot, &node);
                slot = node.next;
                if guarded.get(touch, node.account as usize).group == own.group {
                    match own.mode {
                        SelfMatchMode::CancelOldest => continue,
                        SelfMatchMode::CancelNewest | SelfMatchMode::CancelBoth | SelfMatchMode::Decrement => {
                            return Err(Stop::NoLevel);
                        }
                    }
                }
                // What an iceberg hides comes after all that is shown at the price.
                behind += open - node.lots;
                let lots = node.lots.min(left);
                (left, cost) = (left - lots, cost + taker.cost(lots, ticks));
                if left == 0 {
                    return taker.afford(cost, available);
                }
            }
            let lots = behind.min(left);
            (left, cost) = (left - lots, cost + taker.cost(lots, ticks));
            if left == 0 {
                return taker.afford(cost, available);
            }
            level = levels.next(touch, book, maker_side, ticks);
        }
        Err(Stop::NoLevel)
    }
}
