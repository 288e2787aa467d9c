//! When orders go whose lifetime is over.
//!
//! * **A time** (good-till-date). From that time on, by the time that commands are stamped with, the order does not trade: every command
//!   first takes off the orders whose time has come, of whatever book, the earliest first, then by order number. At most [`EXPIRED_MAX`]
//!   go with one command. While more are due, new orders, quotes, replaces and uncrossings are refused as [`Reject::Expiring`], so nothing trades
//!   with what is late; cancels and all else are taken. Whoever sequences prevents that by a command that takes them off
//!   ([`Configuration::Expire`](plinth_types::reference::Configuration::Expire)) while [`Engine::is_due`] says so.
//! * **The day.** An instrument's day ends with its change to pre-open from any phase but pre-open and halt, and by `Expire` with
//!   `ends_day` outside the continuous phase. Orders of the day and those that still wait for the close are due then; [`EXPIRED_MAX`] go at
//!   once, as many with each further `Expire`. Nothing trades meanwhile: an uncrossing is refused while [`Engine::is_expiring`].
//! * **An auction.** An order at the open or at the close waits off the book until the phase of its auction begins, and comes in then,
//!   oldest first, as a triggered order does; one that comes in that phase is on the book at once. It takes part in the next uncrossing,
//!   whatever phase follows, and what is left of it goes right after, before anything that the auction triggers. At most [`AUCTION_MAX`]
//!   such orders are open in a book.
//!
//! Each goes with `Cancelled`, reason `Expired`. A replaced order keeps its lifetime, a triggered one too.
//!
//! Known limitations: orders for an auction have a limit, show all, and are no stops. A day that ends out of a halt must be ended by
//! `Expire`.

use crate::engine::Engine;
use crate::engine::deadlines::FIRST;
use crate::engine::lifetimes::List;
use crate::engine::pool::{Mark, Slot};
use crate::limits::{AUCTION_MAX, EXPIRED_MAX};
use plinth_types::command::{Body, Command};
use plinth_types::event::{CancelReason, Event, EventSink};
use plinth_types::id::TimestampNs;
use plinth_types::instructions::Lifetime;
use plinth_types::page::Touch;
use plinth_types::reference::{Expiry, Phase};
use plinth_types::reject::Reject;

impl<T: Touch> Engine<T> {
    /// Whether the time of an order has come.
    #[inline(always)]
    pub(crate) fn has_due(&mut self, time: TimestampNs) -> bool {
        self.counters.get(&mut self.touch).is_due(time.get())
    }

    /// Executes a command that may find orders due, and settles what their end and what it asks for did to ties.
    #[cold]
    pub(crate) fn apply_late<S: EventSink>(&mut self, command: &Command, tail: &[u8], sink: &mut S) {
        for _ in 0..EXPIRED_MAX {
            if !self.has_due(command.time) {
                break;
            }
            let slot = self.lifetimes.deadlines.get(&mut self.touch, FIRST).slot;
            self.expire(slot, sink);
        }
        self.go_triggered(sink);
        if self.has_due(command.time) {
            self.execute_late(command, tail, sink);
        } else {
            self.execute(command, tail, sink);
        }
        self.go_triggered(sink);
    }

    /// Executes a command while orders are due, so that nothing may trade.
    fn execute_late<S: EventSink>(&mut self, command: &Command, tail: &[u8], sink: &mut S) {
        match &command.body {
            Body::New(new) => {
                let reject = self.identify(command, new).err().unwrap_or(Reject::Expiring);
                sink.emit(Event::Rejected { order: new.order, reject });
                self.note_refused_entry(new, tail);
            }
            Body::Replace { order, .. } => sink.emit(Event::CancelRejected { order: *order, reject: Reject::Expiring }),
            Body::MassQuote(quotes) if quotes.entries != 0 => {
                let reject = self.admit_quotes(command, quotes, tail).err().unwrap_or(Reject::Expiring);
                sink.emit(Event::QuotesRefused { group: quotes.group, reject });
            }
            Body::Cancel { .. }
            | Body::MassCancel(_)
            | Body::MassQuote(_)
            | Body::Configure
            | Body::Inbox
            | Body::Withdraw
            | Body::Note => self.execute(command, tail, sink),
        }
    }

    /// Ends an order whose lifetime is over.
    fn expire<S: EventSink>(&mut self, slot: Slot, sink: &mut S) {
        let node = *self.nodes.get(&mut self.touch, slot as usize);
        self.take_off_slot(slot, &node, CancelReason::Expired, sink);
    }

    /// Ends the oldest orders of a list, so many at most.
    fn expire_list<S: EventSink>(&mut self, instrument: u32, list: List, orders_max: u32, sink: &mut S) {
        for _ in 0..orders_max {
            match self.lifetimes.first(&mut self.touch, instrument, list) {
                0 => return,
                slot => self.expire(slot, sink),
            }
        }
    }

    /// Ends what an uncrossing left of the orders that were for it.
    pub(crate) fn end_auction<S: EventSink>(&mut self, instrument: u32, sink: &mut S) {
        self.expire_list(instrument, List::Auction, AUCTION_MAX, sink);
    }

    /// Ends the instrument's day.
    pub(crate) fn end_day<S: EventSink>(&mut self, instrument: u32, sink: &mut S) {
        self.lifetimes.give_over(&mut self.touch, instrument, List::Day);
        self.lifetimes.give_over(&mut self.touch, instrument, List::Closing);
        self.expire_list(instrument, List::Over, EXPIRED_MAX, sink);
    }

    /// Refuses an expiry that cannot be.
    pub(crate) fn check_expiry(&mut self, expiry: &Expiry) -> Result<(), Reject> {
        let instrument = expiry.instrument;
        if instrument.get() >= self.counters.get(&mut self.touch).instruments {
            return Err(Reject::UnknownInstrument { instrument });
        }
        let continuous = self.books.get(&mut self.touch, instrument.get() as usize).is_continuous();
        if expiry.ends_day && continuous { Err(Reject::NotInPhase) } else { Ok(()) }
    }

    /// Takes off what is due of an instrument's days; what is due by time has gone before.
    pub(crate) fn expire_due<S: EventSink>(&mut self, expiry: &Expiry, sink: &mut S) {
        let instrument = expiry.instrument.get();
        if expiry.ends_day {
            self.end_day(instrument, sink);
        } else {
            self.expire_list(instrument, List::Over, EXPIRED_MAX, sink);
        }
    }

    /// Refuses an uncrossing with orders that are due.
    pub(crate) fn check_uncrossing(&mut self, instrument: u32, time: TimestampNs) -> Result<(), Reject> {
        let over = self.lifetimes.first(&mut self.touch, instrument, List::Over) != 0;
        if over || self.has_due(time) { Err(Reject::Expiring) } else { Ok(()) }
    }

    /// Enters the orders that wait for the auction whose phase begins.
    pub(crate) fn enter_waiting_for<S: EventSink>(&mut self, instrument: u32, phase: Phase, sink: &mut S) {
        let list = match phase {
            Phase::OpeningAuction => List::Opening,
            Phase::ClosingAuction => List::Closing,
            Phase::Continuous | Phase::PreOpen | Phase::VolatilityAuction | Phase::Halt => return,
        };
        for _ in 0..AUCTION_MAX {
            match self.lifetimes.first(&mut self.touch, instrument, list) {
                0 => return,
                slot => self.go_slot(slot, sink),
            }
        }
    }

    /// Gives the order that has come to rest, or to wait, in `slot` its lifetime.
    #[cold]
    pub(crate) fn begin_lifetime(&mut self, slot: Slot, lifetime: Lifetime) {
        let Self { touch, counters, nodes, lifetimes, waiting, .. } = self;
        let node = nodes.get_mut(touch, slot as usize);
        node.marks |= Mark::LASTING;
        let is_parked = node.marks & Mark::WAITING != 0 && waiting.get(touch, slot as usize).is_parked();
        let counters = counters.get_mut(touch);
        lifetimes.begin(touch, counters, nodes, slot, lifetime, is_parked);
    }
}

/// Whether a day ends with this change of phase.
pub(crate) const fn ends_day(ended: Phase, phase: Phase) -> bool {
    matches!(phase, Phase::PreOpen) && !matches!(ended, Phase::PreOpen | Phase::Halt)
}
