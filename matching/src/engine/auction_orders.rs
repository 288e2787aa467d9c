//! Orders for one auction, on their way in: on the book at once in the phase of their auction, else they wait for it. See `expiry`.
//!
//! Refusals are those of a new order, in its order; `NotInPhase` only in a halt.

use crate::engine::Engine;
use crate::engine::admit::check_terms;
use crate::engine::incoming::{Incoming, incoming};
use crate::engine::orders::Extras;
use crate::engine::waiting::{Waiter, Waiting, code_of};
use crate::limits::AUCTION_MAX;
use plinth_types::command::{Command, NewOrder, TimeInForce};
use plinth_types::event::{Event, EventSink};
use plinth_types::instructions::{Instructions, Lifetime};
use plinth_types::page::Touch;
use plinth_types::quantity::Price;
use plinth_types::reference::Phase;
use plinth_types::reject::Reject;
use plinth_types::table::Record;

impl<T: Touch> Engine<T> {
    /// As [`Engine::instructed_order`], of an order for the auction of `phase`.
    pub(crate) fn auction_order<S: EventSink>(
        &mut self,
        command: &Command,
        new: &NewOrder,
        limit: Option<Price>,
        instructions: &Instructions,
        phase: Phase,
        sink: &mut S,
    ) {
        let order = new.order;
        match self.admit_for_auction(command, new, limit, instructions, phase) {
            Ok((waiter, is_on)) => {
                sink.emit(Event::Accepted { order });
                if is_on {
                    let extras = Extras { lifetime: waiter.lifetime, ..Extras::NONE };
                    self.take_and_rest(waiter.order, new, extras, sink);
                } else {
                    self.wait(waiter);
                }
            }
            Err(reject) => sink.emit(Event::Rejected { order, reject }),
        }
    }

    /// Checks the order and reserves for it. Says whether its auction is on.
    fn admit_for_auction(
        &mut self,
        command: &Command,
        new: &NewOrder,
        limit: Option<Price>,
        instructions: &Instructions,
        phase: Phase,
    ) -> Result<(Waiter, bool), Reject> {
        let (account, guard) = self.identify(command, new)?;
        let Instructions { lifetime, .. } = *instructions;
        let plain = *instructions == Instructions { lifetime, ..Instructions::NONE };
        if new.post_only || limit.is_none() || new.time_in_force != TimeInForce::GoodTillCancel || !plain {
            return Err(Reject::Contradiction);
        }
        if new.instrument.get() >= self.counters.get(&mut self.touch).instruments {
            return Err(Reject::UnknownInstrument { instrument: new.instrument });
        }
        let instrument = new.instrument.get();
        let book = *self.books.get(&mut self.touch, instrument as usize);
        check_terms(&book, &self.terms, &mut self.touch, instrument, limit, new.qty)?;
        book.check_halt()?;
        let order = Incoming { guard, ..incoming(&book, new.order, account, instrument, new.side, limit, new.qty) };
        self.check_guarded(&order, true)?;
        let is_on = book.current_phase() == phase;
        let full = self.counters.get(&mut self.touch).orders == self.capacity.orders_max
            || self.lifetimes.lists.get(&mut self.touch, instrument as usize).auction_orders == AUCTION_MAX
            || (is_on && !self.levels.has_room(&mut self.touch, &book, new.side, order.worst, new.qty.lots()));
        if full {
            return Err(Reject::CapacityReached);
        }
        self.custody.reserve(&mut self.touch, account, order.gives, order.reservation(new.qty))?;
        let since = self.counters.get(&mut self.touch).last_seq;
        let waiting = Waiting { since, time_in_force: code_of(new.time_in_force), ..Waiting::ZERO };
        Ok((Waiter { order, waiting, lifetime }, is_on))
    }
}

/// The phase of the auction that an order is for; `None` if it is for no auction alone.
pub(crate) const fn auction_of(lifetime: Lifetime) -> Option<Phase> {
    match lifetime {
        Lifetime::Opening => Some(Phase::OpeningAuction),
        Lifetime::Closing => Some(Phase::ClosingAuction),
        Lifetime::Day | Lifetime::Until(_) => None,
    }
}
