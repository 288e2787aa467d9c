//! Matching by size: at one price, orders trade in proportion to what they show, not one after the other.
//!
//! Prices come first as ever; where an order takes all that is shown, so does time not matter. What it takes of a price that it does not
//! empty is divided in these steps, each of what the one before left, all quantities whole lots:
//!
//! 1. **Top.** The order that last bettered the market, as long as it stands first at its price, trades up to `top_max`. Only an order that
//!    came to rest in the continuous phase, at a price better than every other of its side, betters the market.
//! 2. **Time.** `time_percent` of the rest, rounded down, goes to the oldest orders first.
//! 3. **Size.** Each order's share of the rest is what is left of its shown part, over what is left of all, rounded down; a share smaller than
//!    `minimum` is nothing.
//! 4. **Leftover.** What rounding left goes to the oldest orders first.
//!
//! In the words of CME Globex's matching algorithms, time alone is F, size alone C, top and size A, time and size K; their lead market makers
//! and levelling are not here, and how they round where their steps meet was not compared. Every order has one trade, in order of age.
//!
//! **Bound.** The oldest [`ALLOCATED_MAX`] orders of a price take part; those behind only when these are gone. So one order looks at three
//! times as many before the last of its trades, however many rest.
//!
//! **Self-match prevention.** All who take part stand in front together: an order of the taker's group among them counts as met. A
//! fill-or-kill order, or one with a minimum, looks at all orders of a price for this, so it may be refused where it could have traded.
//!
//! Auctions go by time.

use crate::engine::Engine;
use crate::engine::book::{Book, Special, better, crosses, index_of, opposite};
use crate::engine::cross::{Stop, Taken, affordable, retire, settle_taker};
use crate::engine::incoming::{Incoming, amount, per_lot};
use crate::engine::marked::Marked;
use crate::engine::pool::{Mark, Slot};
use crate::engine::quotes;
use crate::limits::ALLOCATED_MAX;
use plinth_clearing::Settlement;
use plinth_types::command::Side;
use plinth_types::event::{CancelReason, Event, EventSink};
use plinth_types::id::{AccountId, OrderId, TradeId};
use plinth_types::page::Touch;
use plinth_types::quantity::{Amount, Price, Qty};
use plinth_types::reference::{SelfMatch, SelfMatchMode};
use plinth_types::terms::ProRata;

/// Orders at one price that take part.
#[derive(Clone, Copy, Debug)]
struct Batch {
    ticks: i64,
    level: u32,
    head: Slot,
    count: usize,
    lots: u64,
}

/// What is still to be divided among the orders of a batch, oldest first.
#[derive(Clone, Copy, Debug)]
struct Division {
    /// The top order and what it takes.
    top: (Slot, u64),
    by_time: u64,
    by_size: u64,
    /// What is left of all orders when top and time have been served: `by_size` is divided by it.
    among: u64,
    minimum: u64,
    leftover: u64,
}

impl Division {
    /// What the order in `slot` takes, which shows `lots`: by size, and for other reasons.
    fn next(&mut self, slot: Slot, lots: u64) -> (u64, u64) {
        let top = if slot == self.top.0 { self.top.1 } else { 0 };
        let by_time = self.by_time.min(lots - top);
        self.by_time -= by_time;
        let open = lots - top - by_time;
        let share = if self.among == 0 { 0 } else { u128::from(self.by_size) * u128::from(open) / u128::from(self.among) };
        let share = u64::try_from(share).expect("a share is a part of the whole");
        let share = if share < self.minimum { 0 } else { share };
        let leftover = self.leftover.min(open - share);
        self.leftover -= leftover;
        (share, top + by_time + leftover)
    }
}

impl Book {
    /// Whether orders at one price trade by size.
    #[inline(always)]
    pub(crate) const fn is_pro_rata(&self) -> bool {
        self.special & Special::PRO_RATA != 0
    }

    /// Notes an order that is to rest at `price` if it betters the market.
    #[cold]
    pub(crate) fn note_top(&mut self, order: OrderId, side: Side, price: i64) {
        if self.is_pro_rata() && self.is_continuous() && self.best(side).is_none_or(|(_, best)| better(side, price, best)) {
            self.top[index_of(side)] = order.bits();
        }
    }
}

impl<T: Touch> Engine<T> {
    /// As [`Engine::take_plain`], where orders at one price trade by size.
    pub(crate) fn take_by_size<S: EventSink>(&mut self, taker: Incoming, own: Option<SelfMatch>, sink: &mut S) -> Taken {
        let rule = self.terms.get(&mut self.touch, taker.instrument as usize).pro_rata().expect("the book says that there is one");
        let (mut wanted, mut lost) = (taker.qty, 0);
        while let Some(batch) = self.next_batch(&taker) {
            if let Some(own) = own {
                match self.meet_own(&batch, own, Incoming { qty: wanted, ..taker }, &mut lost, sink) {
                    Met::Nobody => {}
                    Met::Changed(left) => {
                        wanted = left;
                        continue;
                    }
                    Met::Stop(left) => return Taken { left, stop: Stop::SelfMatch, lost },
                }
            }
            let here = wanted.min(Qty::from_lots(batch.lots).expect("orders that rest show lots"));
            let Some(payable) = self.payable(&taker, batch.ticks, here) else {
                return Taken { left: Some(wanted), stop: Stop::Funds, lost };
            };
            if payable.lots() == batch.lots {
                // All that is shown trades, in whatever order.
                let taken = self.take_unwatched(Incoming { qty: payable, worst: batch.ticks, ..taker }, sink);
                assert!(taken.left.is_none(), "what is there and can be paid for is taken");
            } else {
                self.divide(&batch, &rule, Incoming { qty: payable, ..taker }, sink);
            }
            if self.books.get(&mut self.touch, taker.instrument as usize).waiting != 0 {
                self.observe(taker.instrument, batch.ticks);
            }
            let left = wanted.after_fill(payable);
            match left {
                Some(left) if payable == here => wanted = left,
                Some(_) => return Taken { left, stop: Stop::Funds, lost },
                None => return Taken { left, stop: Stop::NoLevel, lost },
            }
        }
        Taken { left: Some(wanted), stop: Stop::NoLevel, lost }
    }

    /// The orders that take part at the best price that the taker crosses.
    fn next_batch(&mut self, taker: &Incoming) -> Option<Batch> {
        let Self { touch, books, levels, nodes, .. } = self;
        let (level, ticks) = books.get(touch, taker.instrument as usize).best(opposite(taker.side))?;
        if !crosses(taker.side, taker.worst, ticks) {
            return None;
        }
        let head = levels.table.get(touch, level as usize).head;
        let mut batch = Batch { ticks, level, head, count: 0, lots: 0 };
        let mut slot = head;
        while slot != 0 && batch.count < ALLOCATED_MAX {
            let node = nodes.get(touch, slot as usize);
            batch.count += 1;
            batch.lots += node.lots;
            slot = node.next;
        }
        Some(batch)
    }

    /// How much of `qty` the taker can pay for or deliver at a price: what has a limit has reserved.
    fn payable(&mut self, taker: &Incoming, ticks: i64, qty: Qty) -> Option<Qty> {
        if taker.limit.is_some() {
            return Some(qty);
        }
        let price = Price::from_ticks(ticks).expect("prices are checked where they enter");
        let available = self.custody.available(&mut self.touch, taker.account, taker.gives);
        affordable(available, per_lot(taker.side, price), qty)
    }

    /// Divides the taker, which is smaller than all that the batch shows, among its orders.
    fn divide<S: EventSink>(&mut self, batch: &Batch, rule: &ProRata, taker: Incoming, sink: &mut S) {
        let price = Price::from_ticks(batch.ticks).expect("prices are checked where they enter");
        let qty = taker.qty;
        let mut division = self.division(batch, rule, qty.lots(), opposite(taker.side), taker.instrument);
        let mut slot = batch.head;
        for _ in 0..batch.count {
            let node = *self.nodes.get(&mut self.touch, slot as usize);
            let (by_size, otherwise) = division.next(slot, node.lots);
            if let Some(lots) = Qty::from_lots(by_size + otherwise) {
                self.trade_part(slot, batch, &taker, lots, sink);
            }
            slot = node.next;
        }
        settle_taker(&mut self.custody, &mut self.touch, &taker, amount(price, qty).units(), qty);
    }

    /// How `lots` are to be divided: the leftover is known when all shares are.
    fn division(&mut self, batch: &Batch, rule: &ProRata, lots: u64, side: Side, instrument: u32) -> Division {
        let Self { touch, books, nodes, .. } = self;
        let head = nodes.get(touch, batch.head as usize);
        let is_top = books.get(touch, instrument as usize).top[index_of(side)] == head.order;
        let top = if is_top { rule.top_max.get().min(head.lots).min(lots) } else { 0 };
        let by_time = u64::try_from(u128::from(lots - top) * u128::from(rule.time_percent) / 100).expect("a part of the whole");
        let division = Division {
            top: (batch.head, top),
            by_time,
            by_size: lots - top - by_time,
            among: batch.lots - top - by_time,
            minimum: rule.minimum.lots(),
            leftover: 0,
        };
        let (mut trial, mut slot, mut by_size) = (division, batch.head, 0);
        for _ in 0..batch.count {
            let node = nodes.get(touch, slot as usize);
            by_size += trial.next(slot, node.lots).0;
            slot = node.next;
        }
        Division { leftover: division.by_size - by_size, ..division }
    }

    /// Trades `qty` of the order in `slot`. The taker is settled for all its trades together.
    fn trade_part<S: EventSink>(&mut self, slot: Slot, batch: &Batch, taker: &Incoming, qty: Qty, sink: &mut S) {
        let Self {
            touch,
            counters,
            custody,
            books,
            levels,
            nodes,
            index,
            guarded,
            firms,
            hidden,
            lifetimes,
            pegs,
            ties,
            groups,
            watch,
            ..
        } = self;
        let price = Price::from_ticks(batch.ticks).expect("prices are checked where they enter");
        let node = nodes.get_mut(touch, slot as usize);
        let (maker, account) = (OrderId::from_bits(node.order).expect("a resting order has an id"), AccountId::new(node.account));
        let (paid, moved) = (amount(price, qty), Amount::of_lots(qty));
        let (given, got) = if taker.side == Side::Buy { (moved, paid) } else { (paid, moved) };
        let (gives, gets) = (custody.place(account, taker.gets), custody.place(account, taker.gives));
        custody.settle(touch, Settlement { gives, given, reserved: given, gets, got });
        let counters = counters.get_mut(touch);
        counters.trades += 1;
        books.get_mut(touch, taker.instrument as usize).last_price = batch.ticks;
        sink.emit(Event::Traded { trade: TradeId::new(counters.trades), maker, taker: taker.order, price, qty });
        node.lots -= qty.lots();
        if node.group != 0 {
            quotes::count(groups, touch, watch, node.group, qty);
        }
        if node.marks & Mark::TIED != 0 {
            ties.note_trade(touch, node, slot, qty);
        }
        if node.lots != 0 {
            levels.table.get_mut(touch, batch.level as usize).lots -= qty.lots();
            return;
        }
        let (marked, chain) = (Marked { slot, account, marks: node.marks }, (node.prev, node.next));
        let emptied = levels.detach(touch, nodes, chain, batch.level, qty.lots());
        assert!(!emptied, "what is divided leaves something at the price");
        let shown = if marked.is_iceberg() { hidden.get_mut(touch, slot as usize).show() } else { 0 };
        if shown == 0 {
            marked.end(guarded, firms, hidden, lifetimes, pegs, ties, nodes, touch, counters);
            retire(touch, counters, nodes, index, slot);
            return;
        }
        let level = levels.table.get_mut(touch, batch.level as usize);
        let last = core::mem::replace(&mut level.tail, slot);
        nodes.get_mut(touch, last as usize).next = slot;
        let node = nodes.get_mut(touch, slot as usize);
        (node.lots, node.prev, node.next) = (shown, last, 0);
    }

    /// Does what prevents trades with orders of the taker's group that take part.
    fn meet_own<S: EventSink>(&mut self, batch: &Batch, own: SelfMatch, taker: Incoming, lost: &mut u64, sink: &mut S) -> Met {
        let (mut slot, mut wanted, mut met) = (batch.head, taker.qty, false);
        for _ in 0..batch.count {
            let node = *self.nodes.get(&mut self.touch, slot as usize);
            let here = slot;
            slot = node.next;
            if self.guarded.get(&mut self.touch, node.account as usize).group != own.group {
                continue;
            }
            met = true;
            match own.mode {
                SelfMatchMode::CancelNewest => return Met::Stop(Some(wanted)),
                SelfMatchMode::CancelOldest => self.take_off_slot(here, &node, CancelReason::SelfMatch, sink),
                SelfMatchMode::CancelBoth => {
                    self.take_off_slot(here, &node, CancelReason::SelfMatch, sink);
                    return Met::Stop(Some(wanted));
                }
                SelfMatchMode::Decrement => match self.decrement_both(here, &node, Incoming { qty: wanted, ..taker }, lost, sink) {
                    Some(left) => wanted = left,
                    None => return Met::Stop(None),
                },
            }
        }
        if met { Met::Changed(wanted) } else { Met::Nobody }
    }
}

/// Whether orders of the taker's group took part.
enum Met {
    Nobody,
    /// They are gone, and so much of the taker is left.
    Changed(Qty),
    /// The taker ends.
    Stop(Option<Qty>),
}
