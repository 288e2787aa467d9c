//! New orders, cancels, replaces.
//!
//! Everything is decided before anything changes. Refusals are looked for in this order, and the first is said:
//! * new: session in range (`NotMandated`), `OutOfSequence`, mandate (`NotMandated`), `Contradiction`, `UnknownInstrument`, `TooLarge`,
//!   `PriceNotPositive`, `WouldTake`, `CapacityReached`, `InsufficientFunds`;
//! * cancel: mandate, `UnknownOrder` (also another session's), `NotMandated` (another account's);
//! * replace: as cancel, then `TooLarge`, `PriceNotPositive`, `AlreadyFilled`, `WouldTake`, `CapacityReached`, `InsufficientFunds`.
//!
//! `CapacityReached` is said to an order that could rest, before it is known whether it would: whether it trades does not change what is
//! refused.

use crate::engine::Engine;
use crate::engine::book::{Book, crosses, index_of, opposite, side_of};
use crate::engine::cross::{Incoming, Stop};
use crate::engine::mandates::{self, Act};
use crate::engine::pool::{self, Node, Slot};
use plinth_types::command::{Command, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::event::{CancelReason, Event, EventSink};
use plinth_types::id::{AccountId, AssetId, OrderId};
use plinth_types::page::Touch;
use plinth_types::quantity::{Amount, Lots, Price, Qty};
use plinth_types::reject::Reject;
use plinth_types::table::Record;

impl<T: Touch> Engine<T> {
    #[inline]
    pub(crate) fn new_order<S: EventSink>(&mut self, command: &Command, new: &NewOrder, sink: &mut S) {
        let order = new.order;
        let incoming = match self.admit(command, new) {
            Ok(incoming) => incoming,
            Err(reject) => return sink.emit(Event::Rejected { order, reject }),
        };
        sink.emit(Event::Accepted { order });
        match new.time_in_force {
            TimeInForce::GoodTillCancel => self.take_and_rest(&incoming, new.qty, new.post_only, sink),
            TimeInForce::ImmediateOrCancel => {
                let (left, stop) = self.take(&incoming, sink);
                if let Some(left) = left {
                    let reason = match stop {
                        Stop::NoLevel => CancelReason::Unfilled,
                        Stop::Funds => CancelReason::FundsExhausted,
                    };
                    self.end(&incoming, left, reason, sink);
                }
            }
            TimeInForce::FillOrKill => match self.fillable(&incoming) {
                Ok(()) => {
                    let (left, _) = self.take(&incoming, sink);
                    assert!(left.is_none(), "a fill-or-kill order that can be filled is");
                }
                Err(Stop::NoLevel) => self.end(&incoming, new.qty, CancelReason::NotFillable, sink),
                Err(Stop::Funds) => self.end(&incoming, new.qty, CancelReason::FundsExhausted, sink),
            },
        }
    }

    /// Checks a new order and reserves for it. Its number is used up if it was the next, refused or not.
    #[inline]
    fn admit(&mut self, command: &Command, new: &NewOrder) -> Result<Incoming, Reject> {
        let touch = &mut self.touch;
        let session = usize::from(command.session.get());
        if session >= self.sessions.records().len() {
            return Err(Reject::NotMandated);
        }
        let record = self.sessions.get_mut(touch, session);
        let expected = record.orders + 1;
        if new.order.session() != command.session || new.order.index() != expected {
            return Err(Reject::OutOfSequence { expected });
        }
        record.orders = expected;
        let account = mandates::account(&self.mandates, touch, command, Act::Trade)?;
        let limit = match (new.price, new.time_in_force, new.post_only) {
            (OrderPrice::Limit(price), TimeInForce::GoodTillCancel, _) => Some(price),
            (OrderPrice::Limit(price), TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill, false) => Some(price),
            (OrderPrice::Market, TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill, false) => None,
            (OrderPrice::Market, TimeInForce::GoodTillCancel, _) | (_, _, true) => return Err(Reject::Contradiction),
        };
        if new.instrument.get() >= self.counters.get(touch, 0).instruments {
            return Err(Reject::UnknownInstrument { instrument: new.instrument });
        }
        let book = self.books.book(touch, new.instrument.get());
        check_terms(book, limit, new.qty)?;
        let incoming = Incoming {
            order: new.order,
            account,
            instrument: new.instrument.get(),
            side: new.side,
            limit,
            qty: new.qty,
            base: AssetId::new(book.base),
            quote: AssetId::new(book.quote),
        };
        if new.post_only && would_take(book, &incoming) {
            return Err(Reject::WouldTake);
        }
        if let (Some(price), TimeInForce::GoodTillCancel) = (limit, new.time_in_force)
            && (self.counters.get(touch, 0).orders == self.capacity.orders_max
                || !self.books.has_room(touch, incoming.instrument, new.side, price.ticks(), new.qty.lots()))
        {
            return Err(Reject::CapacityReached);
        }
        if limit.is_some() {
            let (asset, amount) = incoming.reservation(new.qty);
            self.custody.reserve(touch, account, asset, amount)?;
        }
        Ok(incoming)
    }

    pub(crate) fn cancel<S: EventSink>(&mut self, command: &Command, order: OrderId, sink: &mut S) {
        match self.find_own(command, order, Act::Cancel) {
            Ok((slot, node)) => {
                let lots = Lots::new(node.lots);
                self.take_off(slot, &node);
                sink.emit(Event::Cancelled { order, lots, reason: CancelReason::Requested });
            }
            Err(reject) => sink.emit(Event::CancelRejected { order, reject }),
        }
    }

    pub(crate) fn replace<S: EventSink>(&mut self, command: &Command, order: OrderId, price: Price, qty: Qty, sink: &mut S) {
        if let Err(reject) = self.try_replace(command, order, price, qty, sink) {
            sink.emit(Event::CancelRejected { order, reject });
        }
    }

    fn try_replace<S: EventSink>(
        &mut self,
        command: &Command,
        order: OrderId,
        price: Price,
        qty: Qty,
        sink: &mut S,
    ) -> Result<(), Reject> {
        let (slot, node) = self.find_own(command, order, Act::Trade)?;
        let book = *self.books.book(&mut self.touch, node.instrument);
        check_terms(&book, Some(price), qty)?;
        let filled = node.total - node.lots;
        let Some(left) = qty.lots().checked_sub(filled) else { return Err(Reject::AlreadyFilled) };
        let Some(left) = Qty::from_lots(left) else {
            self.take_off(slot, &node);
            sink.emit(Event::Replaced { order, price, qty, kept_priority: false });
            sink.emit(Event::Cancelled { order, lots: Lots::ZERO, reason: CancelReason::ReplacedToFilled });
            return Ok(());
        };
        if price.ticks() == node.price && left.lots() < node.lots {
            self.shrink(slot, &node, left, qty);
            sink.emit(Event::Replaced { order, price, qty, kept_priority: true });
            return Ok(());
        }
        let old = resting(&book, &node);
        let incoming = Incoming { limit: Some(price), qty: left, ..old };
        let post_only = node.post_only != 0;
        if post_only && would_take(&book, &incoming) {
            return Err(Reject::WouldTake);
        }
        if !self.books.has_room(&mut self.touch, node.instrument, incoming.side, price.ticks(), left.lots()) {
            return Err(Reject::CapacityReached);
        }
        let (asset, amount) = incoming.reservation(left);
        let (_, released) = old.reservation(old.qty);
        self.custody.can_reserve(&mut self.touch, incoming.account, asset, amount, released)?;
        self.take_off(slot, &node);
        self.custody
            .reserve(&mut self.touch, incoming.account, asset, amount)
            .expect("it was just found that this can be reserved");
        sink.emit(Event::Replaced { order, price, qty, kept_priority: false });
        self.take_and_rest(&incoming, qty, post_only, sink);
        Ok(())
    }

    /// Makes a resting order smaller where it stands.
    fn shrink(&mut self, slot: Slot, node: &Node, left: Qty, total: Qty) {
        let book = *self.books.book(&mut self.touch, node.instrument);
        let order = resting(&book, node);
        let freed = Qty::from_lots(node.lots - left.lots()).expect("it becomes smaller");
        let (asset, amount) = order.reservation(freed);
        self.custody.release(&mut self.touch, order.account, asset, amount);
        self.books.levels.get_mut(&mut self.touch, node.level as usize).lots -= freed.lots();
        let node = self.nodes.get_mut(&mut self.touch, slot as usize);
        node.lots = left.lots();
        node.total = total.lots();
    }

    /// The resting order that `command` names, if it may.
    #[inline]
    fn find_own(&mut self, command: &Command, order: OrderId, act: Act) -> Result<(Slot, Node), Reject> {
        let touch = &mut self.touch;
        let account = mandates::account(&self.mandates, touch, command, act)?;
        if order.session() != command.session {
            return Err(Reject::UnknownOrder);
        }
        let slot = self.index.find(touch, &self.nodes, order.bits()).ok_or(Reject::UnknownOrder)?;
        let node = *self.nodes.get(touch, slot as usize);
        if node.account != account.get() {
            return Err(Reject::NotMandated);
        }
        Ok((slot, node))
    }

    /// Ends a resting order and releases what it reserved.
    #[inline]
    fn take_off(&mut self, slot: Slot, node: &Node) {
        let touch = &mut self.touch;
        let order = resting(self.books.book(touch, node.instrument), node);
        let (asset, amount) = order.reservation(order.qty);
        self.custody.release(touch, order.account, asset, amount);
        self.books.unlink(touch, &mut self.nodes, node);
        self.index.remove(touch, node.order, slot);
        pool::give(&mut self.nodes, touch, self.counters.get_mut(&mut (), 0), slot);
    }

    /// Trades what can be traded, rests what is left.
    #[inline]
    fn take_and_rest<S: EventSink>(&mut self, incoming: &Incoming, total: Qty, post_only: bool, sink: &mut S) {
        let (left, _) = self.take(incoming, sink);
        let (Some(left), Some(limit)) = (left, incoming.limit) else { return };
        let touch = &mut self.touch;
        let slot = pool::take(&self.nodes, touch, self.counters.get_mut(&mut (), 0));
        let node = Node {
            order: incoming.order.bits(),
            price: limit.ticks(),
            lots: left.lots(),
            total: total.lots(),
            instrument: incoming.instrument,
            account: incoming.account.get(),
            side: index_of(incoming.side) as u8,
            post_only: u8::from(post_only),
            ..Node::ZERO
        };
        self.books.link(touch, &mut self.nodes, slot, node);
        self.index.insert(touch, node.order, slot);
    }

    /// Ends an order that does not rest: releases what is reserved for the rest of it.
    fn end<S: EventSink>(&mut self, incoming: &Incoming, left: Qty, reason: CancelReason, sink: &mut S) {
        let (asset, amount) = incoming.reservation(left);
        if amount != Amount::ZERO {
            self.custody.release(&mut self.touch, incoming.account, asset, amount);
        }
        sink.emit(Event::Cancelled { order: incoming.order, lots: left.into(), reason });
    }
}

#[inline]
fn check_terms(book: &Book, limit: Option<Price>, qty: Qty) -> Result<(), Reject> {
    if qty.lots() > book.qty_max {
        return Err(Reject::TooLarge {
            qty_max: Qty::from_lots(book.qty_max).expect("an instrument's largest order is a quantity"),
        });
    }
    match limit {
        Some(price) if price.ticks() <= 0 => Err(Reject::PriceNotPositive),
        Some(_) | None => Ok(()),
    }
}

#[inline]
fn would_take(book: &Book, incoming: &Incoming) -> bool {
    book.best(opposite(incoming.side)).is_some_and(|(_, price)| crosses(incoming.side, incoming.worst(), price))
}

/// A resting order in the words of an incoming one.
#[inline(always)]
fn resting(book: &Book, node: &Node) -> Incoming {
    Incoming {
        order: OrderId::from_bits(node.order).expect("a resting order has an id"),
        account: AccountId::new(node.account),
        instrument: node.instrument,
        side: side_of(node.side),
        limit: Some(Price::from_ticks(node.price).expect("prices are checked where they enter")),
        qty: Qty::from_lots(node.lots).expect("a resting order has lots"),
        base: AssetId::new(book.base),
        quote: AssetId::new(book.quote),
    }
}

/// The side of an order is stored as its index.
const _: () = assert!(index_of(Side::Buy) == 0 && index_of(Side::Sell) == 1);
