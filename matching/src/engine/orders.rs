//! New orders, cancels, replaces.
//!
//! Everything is decided before anything changes. Refusals are looked for in this order, and the first is said:
//! * new: session in range (`NotMandated`), `OutOfSequence`, mandate (`NotMandated`), `Contradiction`, `Malformed`, `UnknownInstrument`,
//!   `TooLarge`, `PriceNotPositive`, `OutsideBands`, `TooSmall`, `OffLot`, `OffTick`, `NotInPhase`, `Suspended`, `NotionalTooLarge`,
//!   `TooManyOrders`, `WouldTake`, `CapacityReached`, `InsufficientFunds`;
//! * cancel: mandate, `UnknownOrder` (also another session's), `NotMandated` (another account's);
//! * replace: as cancel, then `TooLarge`, `PriceNotPositive`, `OutsideBands`, `TooSmall`, `OffLot`, `OffTick`, `NotInPhase`, `Suspended`,
//!   `NotionalTooLarge`, `AlreadyFilled`, `WouldTake`, `CapacityReached`, `InsufficientFunds`.
//!
//! `CapacityReached` and `TooManyOrders` are said to an order that could rest, before it is known whether it would: whether it trades does not change what is
//! refused.

use crate::engine::Engine;
use crate::engine::cross::{Stop, Taken};
use crate::engine::incoming::{Incoming, incoming, would_take};
use crate::engine::mandates::Act;
use crate::engine::pool::Slot;
use crate::engine::protection::Guard;
use plinth_types::command::{Command, NewOrder, OrderPrice, TimeInForce};
use plinth_types::event::{CancelReason, Event, EventSink};
use plinth_types::id::{AccountId, OrderId};
use plinth_types::instructions::Lifetime;
use plinth_types::page::Touch;
use plinth_types::quantity::{Price, Qty};

/// What an order that rests has beyond its terms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extras {
    /// The most that is shown of it at a time.
    pub(crate) display: Option<Qty>,
    /// What ends it.
    pub(crate) lifetime: Option<Lifetime>,
}

impl Extras {
    pub(crate) const NONE: Self = Self { display: None, lifetime: None };
}

/// What became of an order that entered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entered {
    /// Where it rests; 0 if it does not.
    pub(crate) slot: Slot,
    /// Lots that it traded.
    pub(crate) traded: u64,
}

impl Entered {
    pub(crate) const GONE: Self = Self { slot: 0, traded: 0 };
}

impl<T: Touch> Engine<T> {
    #[inline(never)]
    pub(crate) fn new_order<S: EventSink>(&mut self, command: &Command, new: &NewOrder, sink: &mut S) {
        // Apart, so that what market orders need costs limit orders nothing.
        match new.price {
            OrderPrice::Limit(price) => self.enter(command, new, Some(price), sink),
            OrderPrice::Market => self.market_order(command, new, sink),
        }
    }

    #[cold]
    fn market_order<S: EventSink>(&mut self, command: &Command, new: &NewOrder, sink: &mut S) {
        self.enter(command, new, None, sink);
    }

    #[inline(always)]
    fn enter<S: EventSink>(&mut self, command: &Command, new: &NewOrder, limit: Option<Price>, sink: &mut S) {
        let order = new.order;
        let (account, guard) = match self.admit(command, new, limit, Ok(())) {
            Ok(admitted) => admitted,
            Err(reject) => return sink.emit(Event::Rejected { order, reject }),
        };
        sink.emit(Event::Accepted { order });
        match limit {
            _ if guard != 0 => self.enter_guarded(new, account, limit, guard, sink),
            Some(limit) if self.only_rests(new, limit) => {
                self.rest(new, account, limit, new.qty);
            }
            Some(_) | None => self.enter_and_take(new, account, limit, 0, sink),
        }
    }

    /// Apart, so that what guarded accounts need costs others nothing.
    #[cold]
    fn enter_guarded<S: EventSink>(&mut self, new: &NewOrder, account: AccountId, limit: Option<Price>, guard: u8, sink: &mut S) {
        self.enter_and_take(new, account, limit, guard, sink);
    }

    /// What most orders do.
    #[inline(always)]
    fn only_rests(&mut self, new: &NewOrder, limit: Price) -> bool {
        let book = self.books.get(&mut self.touch, new.instrument.get() as usize);
        (new.time_in_force == TimeInForce::GoodTillCancel) & !book.is_pro_rata() & !would_take(book, new.side, limit.ticks())
    }

    /// Not inlined, so that an order that only rests is never written out as an [`Incoming`].
    #[inline(never)]
    fn enter_and_take<S: EventSink>(&mut self, new: &NewOrder, account: AccountId, limit: Option<Price>, guard: u8, sink: &mut S) {
        let book = self.books.get(&mut self.touch, new.instrument.get() as usize);
        let incoming = incoming(book, new.order, account, new.instrument.get(), new.side, limit, new.qty);
        let incoming = Incoming { guard, ..incoming };
        self.enter_as(incoming, new, Extras::NONE, sink);
        self.go_triggered(sink);
    }

    /// Trades and rests as its time in force says.
    #[inline(always)]
    pub(crate) fn enter_as<S: EventSink>(&mut self, incoming: Incoming, new: &NewOrder, extras: Extras, sink: &mut S) -> Entered {
        match new.time_in_force {
            TimeInForce::GoodTillCancel => self.take_and_rest(incoming, new, extras, sink),
            TimeInForce::ImmediateOrCancel => self.take_or_cancel(incoming, sink),
            TimeInForce::FillOrKill => self.fill_or_kill(incoming, sink),
        }
    }

    #[inline(always)]
    pub(crate) fn take_or_cancel<S: EventSink>(&mut self, incoming: Incoming, sink: &mut S) -> Entered {
        let taken = self.take(incoming, sink);
        let Taken { left, stop, .. } = taken;
        if let Some(left) = left {
            let reason = match stop {
                Stop::NoLevel => CancelReason::Unfilled,
                Stop::Funds => CancelReason::FundsExhausted,
                Stop::SelfMatch => CancelReason::SelfMatch,
            };
            self.end(incoming, left, reason, sink);
        }
        Entered { slot: 0, traded: taken.traded(incoming.qty) }
    }

    #[cold]
    pub(crate) fn fill_or_kill<S: EventSink>(&mut self, incoming: Incoming, sink: &mut S) -> Entered {
        match self.fillable(incoming) {
            Ok(()) => {
                let taken = self.take(incoming, sink);
                assert!(taken.left.is_none(), "a fill-or-kill order that can be filled is");
                return Entered { slot: 0, traded: taken.traded(incoming.qty) };
            }
            Err(Stop::NoLevel | Stop::SelfMatch) => self.end(incoming, incoming.qty, CancelReason::NotFillable, sink),
            Err(Stop::Funds) => self.end(incoming, incoming.qty, CancelReason::FundsExhausted, sink),
        }
        Entered::GONE
    }

    #[inline(never)]
    pub(crate) fn cancel<S: EventSink>(&mut self, command: &Command, order: OrderId, sink: &mut S) {
        match self.find_own(command, order, Act::Cancel) {
            Ok((place, _)) => {
                let lots = self.take_off(place);
                sink.emit(Event::Cancelled { order, lots, reason: CancelReason::Requested });
            }
            Err(reject) => sink.emit(Event::CancelRejected { order, reject }),
        }
    }

    /// Trades what can be traded of `incoming`, rests what is left under `terms` and with `extras`.
    #[inline(always)]
    pub(crate) fn take_and_rest<S: EventSink>(
        &mut self,
        incoming: Incoming,
        terms: &NewOrder,
        extras: Extras,
        sink: &mut S,
    ) -> Entered {
        let taken = self.take(incoming, sink);
        let Taken { left, stop, lost } = taken;
        let gone = Entered { slot: 0, traded: taken.traded(incoming.qty) };
        let (Some(left), Some(limit)) = (left, incoming.limit) else { return gone };
        if stop == Stop::SelfMatch {
            self.end(incoming, left, CancelReason::SelfMatch, sink);
            return gone;
        }
        let book = self.books.get_mut(&mut self.touch, incoming.instrument as usize);
        if book.is_pro_rata() {
            book.note_top(incoming.order, incoming.side, limit.ticks());
        }
        let qty = Qty::from_lots(terms.qty.lots() - lost).expect("what is left is part of the total");
        let slot = self.rest(&NewOrder { qty, ..*terms }, incoming.account, limit, left);
        if incoming.guard & Guard::ALL_COUNTED != 0 {
            self.count(slot, incoming.account);
        }
        if incoming.group != 0 {
            self.nodes.get_mut(&mut self.touch, slot as usize).group = incoming.group;
        }
        if let Some(display) = extras.display {
            self.hide(slot, display);
        }
        if let Some(lifetime) = extras.lifetime {
            self.begin_lifetime(slot, lifetime);
        }
        Entered { slot, ..gone }
    }

    /// Ends an order that does not rest: releases what is reserved for the rest of it.
    pub(crate) fn end<S: EventSink>(&mut self, incoming: Incoming, left: Qty, reason: CancelReason, sink: &mut S) {
        if incoming.limit.is_some() {
            self.custody.release(&mut self.touch, incoming.account, incoming.gives, incoming.reservation(left));
        }
        sink.emit(Event::Cancelled { order: incoming.order, lots: left.into(), reason });
    }
}
