//! What comes of what happened to tied orders. See `ties`.

use crate::engine::Engine;
use crate::engine::book::side_of;
use crate::engine::incoming::{Incoming, resting};
use crate::engine::lifetimes::List;
use crate::engine::pool::Slot;
use crate::engine::tied_orders::Tied;
use crate::engine::ties::{Ended, Tie, TieSlot, beyond};
use crate::engine::waiting::{Waiter, Waiting, triggers};
use plinth_types::event::{CancelReason, Event, EventSink};
use plinth_types::id::TimestampNs;
use plinth_types::page::Touch;
use plinth_types::quantity::{Amount, Qty};

impl<T: Touch> Engine<T> {
    /// Settles what was noted, in the order in which it was.
    #[cold]
    pub(crate) fn settle_ties<S: EventSink>(&mut self, sink: &mut S) {
        while let Some(at) = self.ties.take_noted(&mut self.touch) {
            let tie = *self.ties.get(&mut self.touch, at);
            if tie.is_held() {
                self.settle_held(at, tie, sink);
            } else {
                self.settle_pair(at, tie, sink);
            }
        }
    }

    fn settle_pair<S: EventSink>(&mut self, at: TieSlot, tie: Tie, sink: &mut S) {
        let Tie { limit, stop, traded, kind, ended, .. } = tie;
        let left = if stop == 0 { 0 } else { self.nodes.get(&mut self.touch, stop as usize).lots };
        let used_up = traded >= left || (traded != 0 && kind == Tie::CANCELS);
        if ended & (Ended::LIMIT | Ended::STOP) == 0 && !used_up {
            return self.adjust_pair(at, tie, sink);
        }
        self.end_tied(stop, CancelReason::Linked, sink);
        if ended & Ended::STOP != 0 {
            self.end_tied(limit, CancelReason::Linked, sink);
        }
        self.dissolve(at);
    }

    /// Both orders of the pair stay: takes off the stop what the limit order traded, and reserves what it then needs.
    fn adjust_pair<S: EventSink>(&mut self, at: TieSlot, tie: Tie, sink: &mut S) {
        let Tie { limit, stop, traded, .. } = tie;
        if let Some(qty) = Qty::from_lots(traded) {
            self.cut(stop, qty, sink);
        }
        let [limit_order, stop_order] = [limit, stop].map(|slot| self.as_incoming(slot));
        let amount = beyond(&limit_order, &stop_order);
        let Incoming { account, gives, .. } = stop_order;
        self.custody.release(&mut self.touch, account, gives, tie.reserved());
        let paid = self.custody.reserve(&mut self.touch, account, gives, amount);
        self.ties.get_mut(&mut self.touch, at).set_reserved(if paid.is_ok() { amount } else { Amount::ZERO });
        if paid.is_err() {
            // Self-match prevention made the limit order smaller, and what that freed went elsewhere since.
            self.end_tied(stop, CancelReason::FundsExhausted, sink);
            self.end_tied(limit, CancelReason::Linked, sink);
            return self.dissolve(at);
        }
        self.ties.get_mut(&mut self.touch, at).set_settled();
    }

    fn settle_held<S: EventSink>(&mut self, at: TieSlot, tie: Tie, sink: &mut S) {
        let Tie { limit, stop, traded, ended, .. } = tie;
        let is_whole = ended & (Ended::LIMIT | Ended::STOP) == 0;
        if is_whole && ended & Ended::ENTRY == 0 {
            return self.ties.get_mut(&mut self.touch, at).set_settled();
        }
        let first = *self.nodes.get(&mut self.touch, if limit == 0 { stop } else { limit } as usize);
        let is_over = self.lifetimes.first(&mut self.touch, first.instrument, List::Over) != 0;
        let may_trade = !is_over && !self.has_due(TimestampNs::new(self.watch.now));
        if is_whole && may_trade && traded != 0 {
            return self.ties.make_ready(&mut self.touch, at);
        }
        self.end_tied(limit, CancelReason::Linked, sink);
        self.end_tied(stop, CancelReason::Linked, sink);
        self.dissolve(at);
    }

    /// Lets the first of the held orders in whose entries are done, when nothing else is to be done.
    #[cold]
    pub(crate) fn let_first_in<S: EventSink>(&mut self, sink: &mut S) {
        let Some(at) = self.ties.take_ready(&mut self.touch) else { return };
        let tie = *self.ties.get(&mut self.touch, at);
        self.let_in(at, tie, sink);
    }

    /// Lets held orders in, with what their entry traded.
    fn let_in<S: EventSink>(&mut self, at: TieSlot, tie: Tie, sink: &mut S) {
        let Tie { limit, stop, kind, traded: filled, .. } = tie;
        for slot in [limit, stop].into_iter().filter(|&slot| slot != 0) {
            let lots = self.nodes.get(&mut self.touch, slot as usize).lots;
            if let Some(beyond) = Qty::from_lots(lots.saturating_sub(filled)) {
                self.cut(slot, beyond, sink);
            }
        }
        if stop != 0 && self.is_triggered(stop) {
            self.end_tied(limit, CancelReason::Linked, sink);
            let order = self.as_incoming(stop);
            let paid = self.custody.reserve(&mut self.touch, order.account, order.gives, order.reservation(order.qty));
            if paid.is_err() {
                self.end_tied(stop, CancelReason::FundsExhausted, sink);
                return self.dissolve(at);
            }
            self.dissolve(at);
            return self.go_slot(stop, sink);
        }
        let amount = match self.reserve_for(limit, stop) {
            Ok(amount) => amount,
            Err(reason) => {
                self.end_tied(limit, reason, sink);
                self.end_tied(stop, reason, sink);
                return self.dissolve(at);
            }
        };
        self.dissolve(at);
        let entering = (limit != 0).then(|| self.let_go(limit));
        let waiting = (stop != 0).then(|| {
            let (waiter, _) = self.let_go(stop);
            self.wait(waiter)
        });
        let paired = waiting.filter(|_| limit != 0).map(|stop| self.tie_stop(stop, kind, amount));
        if let Some((waiter, total)) = entering {
            let entered = self.go(waiter, total, sink);
            if let Some(at) = paired {
                self.tie_entered(Tied { at, is_entry: false, filled: 0 }, entered);
            }
        }
    }

    /// Reserves for orders that are let in, if there is room for them: for a pair once. What the stop needs.
    fn reserve_for(&mut self, limit: Slot, stop: Slot) -> Result<Amount, CancelReason> {
        let orders = [limit, stop].map(|slot| (slot != 0).then(|| self.as_incoming(slot)));
        let Some(Incoming { account, gives, instrument, .. }) = orders[0].or(orders[1]) else { return Ok(Amount::ZERO) };
        let book = *self.books.get(&mut self.touch, instrument as usize);
        if let Some(order) = orders[0]
            && !self.levels.has_room(&mut self.touch, &book, order.side, order.worst, order.qty.lots())
        {
            return Err(CancelReason::NoRoom);
        }
        if let Some(order) = orders[1] {
            let waiting = *self.waiting.get(&mut self.touch, stop as usize);
            if !self.may_wait(&book, &Waiter { order, waiting, lifetime: None }) {
                return Err(CancelReason::NoRoom);
            }
        }
        let of_limit = orders[0].map_or(Amount::ZERO, |order| order.reservation(order.qty));
        let of_stop = match orders {
            [Some(limit), Some(stop)] => beyond(&limit, &stop),
            [None, Some(stop)] => stop.reservation(stop.qty),
            [_, None] => Amount::ZERO,
        };
        let both = of_limit.checked_add(of_stop).ok_or(CancelReason::FundsExhausted)?;
        self.custody.reserve(&mut self.touch, account, gives, both).map_err(|_| CancelReason::FundsExhausted)?;
        Ok(of_stop)
    }

    /// Takes an order out from those that are held, as it is to be from now on. What was asked for.
    fn let_go(&mut self, slot: Slot) -> (Waiter, Qty) {
        let total = self.nodes.get(&mut self.touch, slot as usize).total;
        let place = self.place_of(slot);
        let Waiter { order, waiting, lifetime } = self.leave(place);
        let guard = self.guarded.get(&mut self.touch, order.account.get() as usize).guard();
        let since = self.counters.get(&mut self.touch).last_seq;
        let waiter = Waiter { order: Incoming { guard, ..order }, waiting: Waiting { since, held: 0, ..waiting }, lifetime };
        (waiter, Qty::from_lots(total).expect("an order has lots"))
    }

    /// Ends the pair of a stop that is triggered: the limit order goes, and all is reserved for the stop.
    #[cold]
    pub(crate) fn part_triggered<S: EventSink>(&mut self, slot: Slot, at: TieSlot, sink: &mut S) {
        let tie = *self.ties.get(&mut self.touch, at);
        let order = self.as_incoming(slot);
        self.custody.release(&mut self.touch, order.account, order.gives, tie.reserved());
        self.dissolve(at);
        self.end_tied(tie.limit, CancelReason::Linked, sink);
        self.reserve_surely(&order, order.reservation(order.qty));
    }

    /// Ends one of a tie's orders, if it is there.
    pub(crate) fn end_tied<S: EventSink>(&mut self, slot: Slot, reason: CancelReason, sink: &mut S) {
        if slot != 0 {
            let node = *self.nodes.get(&mut self.touch, slot as usize);
            self.take_off_slot(slot, &node, reason, sink);
        }
    }

    /// Leaves the orders of a tie that are still there to themselves.
    pub(crate) fn dissolve(&mut self, at: TieSlot) {
        let Self { touch, counters, nodes, ties, .. } = self;
        for slot in ties.get(touch, at).slots().into_iter().filter(|&slot| slot != 0) {
            nodes.get_mut(touch, slot as usize).untie();
        }
        let counters = counters.get_mut(touch);
        ties.give(touch, counters, at);
    }

    /// Makes an order that waits smaller; what it has reserved stays so.
    fn cut<S: EventSink>(&mut self, slot: Slot, qty: Qty, sink: &mut S) {
        let Self { touch, levels, nodes, .. } = self;
        let node = nodes.get_mut(touch, slot as usize);
        (node.lots, node.total) = (node.lots - qty.lots(), node.total - qty.lots());
        if node.level != 0 {
            levels.table.get_mut(touch, node.level as usize).lots -= qty.lots();
        }
        sink.emit(Event::Reduced { order: node.id(), qty });
    }

    /// An open order that shows all, in the words of one that comes in.
    pub(crate) fn as_incoming(&mut self, slot: Slot) -> Incoming {
        let node = *self.nodes.get(&mut self.touch, slot as usize);
        resting(self.books.get(&mut self.touch, node.instrument as usize), &node, node.lots)
    }

    fn is_triggered(&mut self, slot: Slot) -> bool {
        let node = *self.nodes.get(&mut self.touch, slot as usize);
        let trigger = self.waiting.get(&mut self.touch, slot as usize).trigger;
        triggers(side_of(node.side), trigger, self.books.get(&mut self.touch, node.instrument as usize).last_price)
    }
}
