//! Matching: an incoming order takes from the best levels of the other side, oldest order first, at the resting order's price.

use crate::engine::Engine;
use crate::engine::book::{Special, crosses, opposite};
use crate::engine::counters::Counters;
use crate::engine::iceberg;
use crate::engine::incoming::{Incoming, amount, per_lot};
use crate::engine::index::Index;
use crate::engine::marked::Marked;
use crate::engine::pool::{self, Mark, Node, Slot};
use crate::engine::protection::Guard;
use crate::engine::quotes;
use plinth_clearing::{Custody, Settlement};
use plinth_types::command::Side;
use plinth_types::event::{Event, EventSink};
use plinth_types::id::{AccountId, OrderId, TradeId};
use plinth_types::page::Touch;
use plinth_types::quantity::{Amount, Price, Qty};
use plinth_types::reference::SelfMatch;
use plinth_types::table::Table;

/// What came of taking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    /// What did not trade.
    pub(crate) left: Option<Qty>,
    /// Why; meaningless if nothing is left.
    pub(crate) stop: Stop,
    /// Lots that self-match prevention took off the order.
    pub(crate) lost: u64,
}

impl Taken {
    /// What traded of an order of `qty`.
    #[inline(always)]
    pub(crate) const fn traded(&self, qty: Qty) -> u64 {
        let left = match self.left {
            Some(left) => left.lots(),
            None => 0,
        };
        qty.lots() - left - self.lost
    }
}

/// Why taking ended with something left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// No level is left within the limit.
    NoLevel,
    /// The account of a market order cannot pay for, or deliver, one lot more.
    Funds,
    /// An order of its own group is in front.
    SelfMatch,
}

impl<T: Touch> Engine<T> {
    /// Trades what can be traded now.
    #[inline(always)]
    pub(crate) fn take<S: EventSink>(&mut self, taker: Incoming, sink: &mut S) -> Taken {
        if self.books.get(&mut self.touch, taker.instrument as usize).is_bounded() {
            return self.take_bounded(taker, sink);
        }
        self.take_unbounded(taker, sink)
    }

    /// As [`Engine::take`], however far from where the market was.
    #[inline(always)]
    pub(crate) fn take_unbounded<S: EventSink>(&mut self, taker: Incoming, sink: &mut S) -> Taken {
        match self.self_match_of(&taker) {
            None => self.take_plain(taker, sink),
            Some(own) => self.take_guarded(taker, own, sink),
        }
    }

    /// Trades with whoever is there.
    #[inline(always)]
    pub(crate) fn take_plain<S: EventSink>(&mut self, taker: Incoming, sink: &mut S) -> Taken {
        let book = self.books.get(&mut self.touch, taker.instrument as usize);
        if (book.waiting != 0) | !book.is_continuous() | book.is_pro_rata() {
            return self.take_watched(taker, sink);
        }
        self.take_unwatched(taker, sink)
    }

    /// As [`Engine::take_plain`], where orders wait for a trade, or trade by size, or nothing trades in this phase. Prices of one taker only get
    /// worse, so its first and its last say all.
    #[cold]
    fn take_watched<S: EventSink>(&mut self, taker: Incoming, sink: &mut S) -> Taken {
        let book = self.books.get(&mut self.touch, taker.instrument as usize);
        if !book.is_continuous() {
            return Taken { left: Some(taker.qty), stop: Stop::NoLevel, lost: 0 };
        }
        if book.is_pro_rata() {
            return self.take_by_size(taker, None, sink);
        }
        let best = book.best(opposite(taker.side));
        let trades = self.counters.get(&mut self.touch).trades;
        let taken = self.take_unwatched(taker, sink);
        if let Some((_, first)) = best
            && self.counters.get(&mut self.touch).trades > trades
        {
            let last = self.books.get(&mut self.touch, taker.instrument as usize).last_price;
            self.observe(taker.instrument, first);
            self.observe(taker.instrument, last);
        }
        taken
    }

    #[inline(always)]
    pub(crate) fn take_unwatched<S: EventSink>(&mut self, taker: Incoming, sink: &mut S) -> Taken {
        let book = self.books.get(&mut self.touch, taker.instrument as usize);
        let (left, stop) = if book.special & (Special::QUOTED | Special::TIED) != 0 {
            self.take_noted(taker, sink)
        } else if taker.limit.is_some() {
            self.take_levels::<_, false, false>(taker, sink)
        } else {
            self.take_levels::<_, true, false>(taker, sink)
        };
        Taken { left, stop, lost: 0 }
    }

    /// As `take_levels`, where quotes and tied orders may rest, whose fills are noted.
    #[cold]
    fn take_noted<S: EventSink>(&mut self, taker: Incoming, sink: &mut S) -> (Option<Qty>, Stop) {
        if taker.limit.is_some() {
            self.take_levels::<_, false, true>(taker, sink)
        } else {
            self.take_levels::<_, true, true>(taker, sink)
        }
    }

    #[inline(always)]
    fn self_match_of(&mut self, taker: &Incoming) -> Option<SelfMatch> {
        if taker.guard & Guard::SELF_MATCH == 0 {
            return None;
        }
        self.guarded.get(&mut self.touch, taker.account.get() as usize).self_match()
    }

    /// Not inlined, and compiled apart for market orders, as it needs all the registers there are. Resting orders are settled trade by
    /// trade, the taker once for all its trades: nobody sees a state between.
    #[inline(never)]
    fn take_levels<S: EventSink, const MARKET: bool, const NOTED: bool>(
        &mut self,
        taker: Incoming,
        sink: &mut S,
    ) -> (Option<Qty>, Stop) {
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
        let counters = counters.get_mut(touch);
        let book = books.get_mut(touch, taker.instrument as usize);
        let maker_side = opposite(taker.side);
        let worst = taker.worst;
        let mut wanted = taker.qty;
        // What all trades cost, in the quote asset.
        let mut cost = 0_u128;
        let (left, stop) = 'taking: loop {
            let Some((level_slot, ticks)) = book.best(maker_side) else { break (Some(wanted), Stop::NoLevel) };
            if !crosses(taker.side, worst, ticks) {
                break (Some(wanted), Stop::NoLevel);
            }
            let price = Price::from_ticks(ticks).expect("prices are checked where they enter");
            let level = levels.table.get_mut(touch, level_slot as usize);
            let mut slot = level.head;
            let left = loop {
                let node = nodes.get_mut(touch, slot as usize);
                let mut qty = wanted.min(Qty::from_lots(node.lots).expect("a resting order has lots"));
                if MARKET {
                    let spent = taker.given(cost, taker.qty.lots() - wanted.lots());
                    let available = custody.available(touch, taker.account, taker.gives).checked_sub(spent);
                    let available = available.expect("a market order trades what its account has");
                    match affordable(available, per_lot(taker.side, price), qty) {
                        Some(affordable) => qty = affordable,
                        None => {
                            node.prev = 0;
                            level.head = slot;
                            break 'taking (Some(wanted), Stop::Funds);
                        }
                    }
                }
                let maker = OrderId::from_bits(node.order).expect("a resting order has an id");
                let maker_account = AccountId::new(node.account);
                node.lots -= qty.lots();
                level.lots -= qty.lots();
                if NOTED && node.group != 0 {
                    quotes::count(groups, touch, watch, node.group, qty);
                }
                if NOTED && node.marks & Mark::TIED != 0 {
                    ties.note_trade(touch, node, slot, qty);
                }
                if node.lots == 0 {
                    slot = if node.marks == 0 {
                        retire(touch, counters, nodes, index, slot)
                    } else {
                        let marked = Marked { slot, account: maker_account, marks: node.marks };
                        match iceberg::refresh(hidden, touch, nodes, level, marked) {
                            Some(next) => next,
                            None => {
                                marked.end(guarded, firms, hidden, lifetimes, pegs, ties, nodes, touch, counters);
                                retire(touch, counters, nodes, index, slot)
                            }
                        }
                    };
                }
                let (paid, moved) = (amount(price, qty), Amount::of_lots(qty));
                cost += paid.units();
                let (given, got) = if taker.side == Side::Buy { (moved, paid) } else { (paid, moved) };
                // A resting order reserved exactly what it delivers.
                let (gives, gets) = (custody.place(maker_account, taker.gets), custody.place(maker_account, taker.gives));
                custody.settle(touch, Settlement { gives, given, reserved: given, gets, got });
                counters.trades += 1;
                book.last_price = ticks;
                let trade = TradeId::new(counters.trades);
                sink.emit(Event::Traded { trade, maker, taker: taker.order, price, qty });
                let left = wanted.after_fill(qty);
                match left {
                    Some(rest) if slot != 0 => wanted = rest,
                    Some(_) | None => break left,
                }
            };
            level.head = slot;
            if slot == 0 {
                level.tail = 0;
                levels.close(touch, book, maker_side, ticks);
            } else {
                nodes.get_mut(touch, slot as usize).prev = 0;
            }
            match left {
                Some(left) => wanted = left,
                None => break (None, Stop::NoLevel),
            }
        };
        let traded = taker.qty.lots() - left.map_or(0, Qty::lots);
        if let Some(traded) = Qty::from_lots(traded) {
            settle_taker(custody, touch, &taker, cost, traded);
        }
        (left, stop)
    }

    /// Whether a fill-or-kill order could trade whole. A buyer or seller without limit must be able to deliver for the whole, what it would
    /// receive for own resting orders not counted.
    pub(crate) fn fillable(&mut self, taker: Incoming) -> Result<(), Stop> {
        let book = self.books.get(&mut self.touch, taker.instrument as usize);
        if !book.is_continuous() {
            return Err(Stop::NoLevel);
        }
        let taker = if book.is_bounded() { self.within(taker) } else { taker };
        if let Some(own) = self.self_match_of(&taker) {
            return self.fillable_guarded(taker, own);
        }
        let Self { touch, custody, books, levels, .. } = self;
        let maker_side = opposite(taker.side);
        let available = custody.available(touch, taker.account, taker.gives).units();
        let book = books.get(touch, taker.instrument as usize);
        let mut level = book.best(maker_side);
        let (mut left, mut cost) = (taker.qty.lots(), 0_u128);
        while let Some((slot, ticks)) = level {
            if !crosses(taker.side, taker.worst, ticks) {
                break;
            }
            let lots = levels.table.get(touch, slot as usize).lots.min(left);
            left -= lots;
            cost += taker.cost(lots, ticks);
            if left == 0 {
                return taker.afford(cost, available);
            }
            level = levels.next(touch, book, maker_side, ticks);
        }
        Err(Stop::NoLevel)
    }
}

/// Ends the first order of a level, which is filled, and says which is next. Not inlined, for the registers of the loop that calls it.
#[inline(never)]
pub(crate) fn retire<T: Touch>(
    touch: &mut T,
    counters: &mut Counters,
    nodes: &mut Table<Node>,
    index: &mut Index,
    slot: Slot,
) -> Slot {
    let Node { order, next, .. } = *nodes.get(touch, slot as usize);
    index.remove(touch, order, slot);
    pool::give(nodes, touch, counters, slot);
    next
}

/// Moves what the taker of `traded` lots for `cost` delivers and receives; what it reserved beyond is released.
#[inline(always)]
pub(crate) fn settle_taker<T: Touch>(custody: &mut Custody, touch: &mut T, taker: &Incoming, cost: u128, traded: Qty) {
    let (paid, moved) = (Amount::new(cost).expect("what is traded is in custody"), Amount::of_lots(traded));
    let (given, got) = if taker.side == Side::Buy { (paid, moved) } else { (moved, paid) };
    let (gives, gets) = (custody.place(taker.account, taker.gives), custody.place(taker.account, taker.gets));
    custody.settle(touch, Settlement { gives, given, reserved: taker.reservation(traded), gets, got });
}

/// How much of `qty` an account with `available` can deliver for.
#[cold]
pub(crate) fn affordable(available: Amount, gives_at: Price, qty: Qty) -> Option<Qty> {
    let lots = available.units() / u128::from(gives_at.ticks().unsigned_abs());
    Qty::from_lots(u64::try_from(lots).unwrap_or(u64::MAX).min(qty.lots()))
}
