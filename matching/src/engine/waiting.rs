//! Orders that wait for a trade: stops, stop limits, trailing stops. Orders that wait for an auction (see `expiry`) wait as these do, but
//! without a trigger, in a list of their own.
//!
//! A waiting order has a node and an entry of the index as every order has, but is not on the book. One whose trigger stays waits in a
//! ladder of its side, by trigger and then by age; one that trails is in a list of its book, by age, since its trigger moves. What it
//! waits for lies in a table of its own, in the node's slot.
//!
//! * **Trigger.** A trade at or beyond the trigger; one that was there already triggers at entry. All trades of a command are made before
//!   the first order is triggered by them. Then they go one by one, each with all its trades: buys before sells, the trigger nearest to
//!   the market first, then the oldest. Their trades may trigger more. What triggers leaves, so this ends; [`WAITING_MAX`] bounds it.
//! * **Trail.** A trigger follows each trade that is made while it waits, and is compared with it; it never goes back.
//! * **Money.** Waiting, an order has reserved what its limit needs, and one without limit what its first trigger needs. That of a limit
//!   order stays; that of a market order is released when it is triggered, and it trades as far as the account can pay, as any other.
//! * **Replace.** The price is the limit of an order that has one, else the trigger. An order keeps its place among those that wait for the
//!   same trigger if it shrinks and the price stays. One that trails is not replaced.
//!
//! Known limitations: an order that waits shows all when it is triggered, and has no minimum. A trailing stop limit keeps its limit.

use crate::engine::Engine;
use crate::engine::admit::{check_bounds, check_terms};
use crate::engine::book::{Book, Ladder, index_of, side_of};
use crate::engine::incoming::{Incoming, incoming, resting};
use crate::engine::index::Place;
use crate::engine::marked::Marked;
use crate::engine::orders::{Entered, Extras};
use crate::engine::pool::{self, Mark, Node, Slot};
use crate::engine::protection::Guard;
use crate::engine::region;
use crate::engine::ties;
use crate::limits::{TRAILING_MAX, WAITING_MAX};
use plinth_types::command::{NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::event::{CancelReason, Event, EventSink};
use plinth_types::id::InstrumentId;
use plinth_types::instructions::{Lifetime, Trigger};
use plinth_types::limits::PRICE_TICKS_MAX;
use plinth_types::page::Touch;
use plinth_types::quantity::{Lots, Price, Qty};
use plinth_types::reject::Reject;
use plinth_types::table::Record;
use plinth_types::table_record;

table_record! {
    /// What an order waits for; zero for one that does not.
    pub(crate) struct Waiting in region::WAITING, 32 bytes {
        /// A trade at this price or beyond, in ticks; 0 if it waits for an auction, to be priced, or for an entry alone.
        pub(crate) trigger: i64,
        /// The command since which it waits at this trigger.
        pub(crate) since: u64,
        /// How far its trigger is behind the last trade, in ticks; 0 if it stays.
        pub(crate) trail: u32,
        /// 1 if it has no limit.
        pub(crate) market: u8,
        /// What it is once triggered: see [`code_of`].
        pub(crate) time_in_force: u8,
        /// 1 if it trails and is triggered; between commands none is.
        pub(crate) triggered: u8,
        /// 1 if it is held for an entry, whatever it waits for then.
        pub(crate) held: u8,
    }
}

/// An order that is to wait: checked and reserved for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiter {
    pub(crate) order: Incoming,
    pub(crate) waiting: Waiting,
    pub(crate) lifetime: Option<Lifetime>,
}

impl Waiting {
    /// Whether no trade makes it go.
    pub(crate) const fn is_parked(&self) -> bool {
        self.trigger == 0 || self.held != 0
    }
}

/// The code of a time in force, from 1.
pub(crate) const fn code_of(time_in_force: TimeInForce) -> u8 {
    match time_in_force {
        TimeInForce::GoodTillCancel => 1,
        TimeInForce::ImmediateOrCancel => 2,
        TimeInForce::FillOrKill => 3,
    }
}

/// The time in force of a code; `None` if there is none.
pub(crate) const fn time_in_force_of(code: u8) -> Option<TimeInForce> {
    match code {
        1 => Some(TimeInForce::GoodTillCancel),
        2 => Some(TimeInForce::ImmediateOrCancel),
        3 => Some(TimeInForce::FillOrKill),
        _ => None,
    }
}

/// Whether an order on `side` that waits for `trigger` is triggered by a trade at `price`; 0 is no trade, and no trigger.
pub(crate) const fn triggers(side: Side, trigger: i64, price: i64) -> bool {
    price != 0
        && trigger != 0
        && match side {
            Side::Buy => price >= trigger,
            Side::Sell => price <= trigger,
        }
}

impl<T: Touch> Engine<T> {
    /// Checks an order that is to wait, in the words of `orders`, and reserves for it.
    pub(crate) fn admit_waiting(
        &mut self,
        order: &Incoming,
        limit: Option<Price>,
        trigger: Trigger,
        time_in_force: TimeInForce,
        lifetime: Option<Lifetime>,
    ) -> Result<Waiter, Reject> {
        let waiter = self.check_waiting(order, limit, trigger, time_in_force, lifetime)?;
        let Waiter { order, .. } = waiter;
        self.custody.reserve(&mut self.touch, order.account, order.gives, order.reservation(order.qty))?;
        Ok(waiter)
    }

    /// As [`Engine::admit_waiting`], but reserves nothing.
    pub(crate) fn check_waiting(
        &mut self,
        order: &Incoming,
        limit: Option<Price>,
        trigger: Trigger,
        time_in_force: TimeInForce,
        lifetime: Option<Lifetime>,
    ) -> Result<Waiter, Reject> {
        let book = *self.books.get(&mut self.touch, order.instrument as usize);
        let (first, trail) = match trigger {
            Trigger::At(price) => (price, 0),
            Trigger::Trailing { ticks } => (follow(&book, order.side, ticks)?, ticks),
        };
        // A trigger that trails goes where trades go.
        if trail == 0 {
            check_terms(&book, &self.terms, &mut self.touch, order.instrument, Some(first), order.qty)?;
        } else {
            check_bounds(&book, Some(first), order.qty)?;
        }
        check_terms(&book, &self.terms, &mut self.touch, order.instrument, limit, order.qty)?;
        check_may_go(&book, order.side, first.ticks())?;
        let reserved_at = limit.unwrap_or(first);
        let order = Incoming { limit: Some(reserved_at), worst: reserved_at.ticks(), ..*order };
        self.check_guarded(&order, true)?;
        let waiting = Waiting {
            trigger: first.ticks(),
            since: self.counters.get(&mut self.touch).last_seq,
            trail,
            market: u8::from(limit.is_none()),
            time_in_force: code_of(time_in_force),
            ..Waiting::ZERO
        };
        let waiter = Waiter { order, waiting, lifetime };
        if self.counters.get(&mut self.touch).orders == self.capacity.orders_max || !self.may_wait(&book, &waiter) {
            return Err(Reject::CapacityReached);
        }
        Ok(waiter)
    }

    /// Whether the book takes one that waits more.
    pub(crate) fn may_wait(&mut self, book: &Book, waiter: &Waiter) -> bool {
        let Waiter { order, waiting, .. } = waiter;
        let room = if waiting.trail == 0 {
            let ladder = Ladder::Waiting(order.side);
            self.levels.has_room_on(&mut self.touch, book, ladder, waiting.trigger, order.qty.lots())
        } else {
            book.trailing < TRAILING_MAX
        };
        room && book.waiting < WAITING_MAX
    }

    /// Lets an admitted order wait, or go if it is triggered already.
    pub(crate) fn wait_or_go<S: EventSink>(&mut self, waiter: Waiter, sink: &mut S) {
        if self.goes_at_once(&waiter) {
            self.go(waiter, waiter.order.qty, sink);
        } else {
            self.wait(waiter);
        }
    }

    /// Whether the last trade triggers it already.
    pub(crate) fn goes_at_once(&mut self, waiter: &Waiter) -> bool {
        let Waiter { order, waiting, .. } = waiter;
        triggers(order.side, waiting.trigger, self.books.get(&mut self.touch, order.instrument as usize).last_price)
    }

    /// Lets an admitted order wait.
    pub(crate) fn wait(&mut self, waiter: Waiter) -> Slot {
        let Waiter { order, waiting, lifetime } = waiter;
        let Self { touch, counters, books, levels, nodes, index, waiting: table, .. } = self;
        let counters = counters.get_mut(touch);
        let slot = pool::take(nodes, touch, counters);
        let book = books.get_mut(touch, order.instrument as usize);
        book.waiting += u32::from(!waiting.is_parked());
        let (level, prev) = if waiting.held != 0 {
            (0, ties::hold(nodes, touch, counters, slot))
        } else if waiting.is_parked() {
            (0, 0)
        } else if waiting.trail == 0 {
            let place = levels.link_waiting(touch, book, nodes, slot, order.side, waiting.trigger, order.qty.lots());
            (place.level, place.prev)
        } else {
            let prev = book.trailing_tail;
            book.trailing += 1;
            book.trailing_tail = slot;
            if prev == 0 {
                book.trailing_head = slot;
            } else {
                nodes.get_mut(touch, prev as usize).next = slot;
            }
            (0, prev)
        };
        *nodes.get_mut(touch, slot as usize) = Node {
            order: order.order.bits(),
            price: order.worst,
            lots: order.qty.lots(),
            total: order.qty.lots(),
            next: 0,
            prev,
            level,
            instrument: order.instrument,
            account: order.account.get(),
            side: index_of(order.side) as u8,
            post_only: 0,
            marks: Mark::WAITING,
            group: 0,
            tie: 0,
        };
        *table.get_mut(touch, slot as usize) = waiting;
        index.insert(touch, order.order.bits(), slot);
        if order.guard & Guard::ALL_COUNTED != 0 {
            self.count(slot, order.account);
        }
        if let Some(lifetime) = lifetime {
            self.begin_lifetime(slot, lifetime);
        }
        slot
    }

    /// Takes a waiting order out; what it has reserved stays so.
    pub(crate) fn leave(&mut self, place: Place) -> Waiter {
        let Self {
            touch,
            counters,
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
            waiting: table,
            ..
        } = self;
        let slot = place.slot;
        let node = *nodes.get(touch, slot as usize);
        let record = table.get_mut(touch, slot as usize);
        let waiting = *record;
        *record = Waiting::ZERO;
        let book = books.get_mut(touch, node.instrument as usize);
        book.waiting -= u32::from(!waiting.is_parked());
        if waiting.held != 0 {
            let counters = counters.get_mut(touch);
            ties::unhold(nodes, touch, counters, &node);
        } else if waiting.is_parked() {
            // Its lifetime or its peg holds it.
        } else if waiting.trail == 0 {
            levels.unlink_waiting(touch, book, nodes, slot, waiting.trigger);
        } else {
            book.trailing -= 1;
            match node.prev {
                0 => book.trailing_head = node.next,
                prev => nodes.get_mut(touch, prev as usize).next = node.next,
            }
            match node.next {
                0 => book.trailing_tail = node.prev,
                next => nodes.get_mut(touch, next as usize).prev = node.prev,
            }
        }
        let order = resting(book, &node, node.lots);
        let counters = counters.get_mut(touch);
        let lifetime = lifetimes.of(touch, slot);
        let marked = Marked { slot, account: order.account, marks: node.marks };
        marked.end(guarded, firms, hidden, lifetimes, pegs, ties, nodes, touch, counters);
        index.remove_at(touch, place.at);
        pool::give(nodes, touch, counters, slot);
        Waiter { order, waiting, lifetime }
    }

    /// Ends a waiting order and releases what it reserved. Says what was left of it.
    #[cold]
    pub(crate) fn take_off_waiting(&mut self, place: Place) -> Lots {
        let tied = self.nodes.get(&mut self.touch, place.slot as usize).tied();
        let of_tie = tied.map(|at| self.ties.take_reserved(&mut self.touch, at));
        let order = self.leave(place).order;
        let reserved = of_tie.unwrap_or_else(|| order.reservation(order.qty));
        self.custody.release(&mut self.touch, order.account, order.gives, reserved);
        order.qty.into()
    }

    /// Enters an order that waited: from here on it is a new one, and has been reserved for. `total` is what was asked for.
    pub(crate) fn go<S: EventSink>(&mut self, waiter: Waiter, total: Qty, sink: &mut S) -> Entered {
        let Waiter { order, waiting, lifetime } = waiter;
        sink.emit(Event::Triggered { order: order.order });
        let guard = self.guarded.get(&mut self.touch, order.account.get() as usize).guard();
        let book = self.books.get(&mut self.touch, order.instrument as usize);
        let limit = if waiting.market == 0 { order.limit } else { None };
        let entering = incoming(book, order.order, order.account, order.instrument, order.side, limit, order.qty);
        let entering = Incoming { guard, ..entering };
        if limit.is_none() {
            self.custody.release(&mut self.touch, order.account, order.gives, order.reservation(order.qty));
        }
        let time_in_force = time_in_force_of(waiting.time_in_force).expect("an order that waits has a time in force");
        let rests = time_in_force == TimeInForce::GoodTillCancel;
        if rests && !self.levels.has_room(&mut self.touch, book, order.side, order.worst, order.qty.lots()) {
            self.end(entering, order.qty, CancelReason::NoRoom, sink);
            return Entered::GONE;
        }
        let terms = NewOrder {
            order: order.order,
            instrument: InstrumentId::new(order.instrument),
            side: order.side,
            price: limit.map_or(OrderPrice::Market, OrderPrice::Limit),
            qty: total,
            time_in_force,
            post_only: false,
            instructed: false,
        };
        self.enter_as(entering, &terms, Extras { lifetime: lifetime.filter(|_| rests), ..Extras::NONE }, sink)
    }

    /// Replaces an order that waits: see the module.
    #[cold]
    pub(crate) fn replace_waiting<S: EventSink>(
        &mut self,
        place: Place,
        guard: u8,
        price: Price,
        qty: Qty,
        sink: &mut S,
    ) -> Result<(), Reject> {
        let node = *self.nodes.get(&mut self.touch, place.slot as usize);
        let waiting = *self.waiting.get(&mut self.touch, place.slot as usize);
        let book = *self.books.get(&mut self.touch, node.instrument as usize);
        if waiting.trail != 0 {
            return Err(Reject::Contradiction);
        }
        check_terms(&book, &self.terms, &mut self.touch, node.instrument, Some(price), qty)?;
        let trigger = if waiting.market == 0 { waiting.trigger } else { price.ticks() };
        if waiting.held == 0 {
            check_may_go(&book, side_of(node.side), trigger)?;
        } else {
            book.check_halt()?;
        }
        let old = resting(&book, &node, node.lots);
        let order = Incoming { limit: Some(price), worst: price.ticks(), qty, guard, ..old };
        self.check_guarded(&order, false)?;
        if waiting.held != 0 {
            self.replace_held(place.slot, &order, trigger, sink);
            return Ok(());
        }
        let id = order.order;
        if price.ticks() == node.price && qty < old.qty {
            self.shrink(place.slot, &old, qty, qty);
            sink.emit(Event::Replaced { order: id, price, qty, kept_priority: true });
            return Ok(());
        }
        let since = self.counters.get(&mut self.touch).last_seq;
        let lifetime = self.lifetimes.of(&mut self.touch, place.slot);
        let waiter = Waiter { order, waiting: Waiting { trigger, since, ..waiting }, lifetime };
        let ladder = Ladder::Waiting(order.side);
        let room = waiting.is_parked() || self.levels.has_room_on(&mut self.touch, &book, ladder, trigger, qty.lots());
        if !room {
            return Err(Reject::CapacityReached);
        }
        if let Some(at) = node.tied() {
            return self.replace_paired(place, at, (order, trigger), sink);
        }
        let (amount, released) = (order.reservation(qty), old.reservation(old.qty));
        self.custody.can_reserve(&mut self.touch, order.account, order.gives, amount, released)?;
        self.take_off_waiting(place);
        let reserved = self.custody.reserve(&mut self.touch, order.account, order.gives, amount);
        reserved.expect("it was just found that this can be reserved");
        sink.emit(Event::Replaced { order: id, price, qty, kept_priority: false });
        self.wait_or_go(waiter, sink);
        Ok(())
    }
}

/// Refuses an order that would be triggered at once in a phase without trades, and any in a halt.
fn check_may_go(book: &Book, side: Side, trigger: i64) -> Result<(), Reject> {
    book.check_halt()?;
    let may = book.is_continuous() || !triggers(side, trigger, book.last_price);
    if may { Ok(()) } else { Err(Reject::NotInPhase) }
}

/// The trigger of an order that trails the last trade.
fn follow(book: &Book, side: Side, ticks: u32) -> Result<Price, Reject> {
    if book.last_price == 0 {
        return Err(Reject::NoLastTrade);
    }
    let trigger = behind(side, book.last_price, ticks).clamp(-PRICE_TICKS_MAX, PRICE_TICKS_MAX);
    Ok(Price::from_ticks(trigger).expect("it is within the prices"))
}

/// The trigger that is so far behind a trade at `price`.
pub(crate) fn behind(side: Side, price: i64, ticks: u32) -> i64 {
    match side {
        Side::Buy => price + i64::from(ticks),
        Side::Sell => price - i64::from(ticks),
    }
}
