//! Pegged orders on their way in, and what a replace does to them. Their prices are `reprice`'s.
//!
//! * **New.** The head's price is the worst price, a market order has none; its time in force is good-till-cancel, and it may have a lifetime that
//!   is not an auction's. Refusals are those of a new order, in its order, then `NoReference`: without a limit an order needs its
//!   reference when it comes. It reserves at the price that it would have now, or at its limit if there is none.
//! * **Replace.** The price is the limit. An order keeps its place if it shrinks under the same limit, else it is the youngest of the book's
//!   pegged orders.
//!
//! Known limitations: a pegged order shows all, has no minimum and no trigger, and is not post-only, since it never takes.

use crate::engine::Engine;
use crate::engine::admit::check_terms;
use crate::engine::auction_orders::auction_of;
use crate::engine::book::index_of;
use crate::engine::incoming::{Incoming, incoming, resting};
use crate::engine::index::Place;
use crate::engine::pegs::{Pegged, passive};
use crate::engine::pool::Mark;
use crate::engine::reprice::parked;
use crate::engine::waiting::Waiter;
use crate::limits::PEGGED_MAX;
use plinth_types::command::{Command, NewOrder, TimeInForce};
use plinth_types::event::{CancelReason, Event, EventSink};
use plinth_types::id::AccountId;
use plinth_types::instructions::{Instructions, Peg};
use plinth_types::page::Touch;
use plinth_types::quantity::{Lots, Price, Qty};
use plinth_types::reject::Reject;

impl<T: Touch> Engine<T> {
    /// As [`Engine::instructed_order`], of a pegged one.
    pub(crate) fn pegged_order<S: EventSink>(
        &mut self,
        command: &Command,
        new: &NewOrder,
        limit: Option<Price>,
        instructions: &Instructions,
        peg: Peg,
        sink: &mut S,
    ) {
        let order = new.order;
        match self.admit_pegged(command, new, limit, instructions, peg) {
            Ok((waiter, pegged)) => {
                sink.emit(Event::Accepted { order });
                let slot = self.wait(waiter);
                let instrument = new.instrument.get();
                self.nodes.get_mut(&mut self.touch, slot as usize).marks |= Mark::PEGGED;
                let Self { touch, counters, pegs, .. } = self;
                let counters = counters.get_mut(touch);
                pegs.add(touch, counters, instrument, new.side, Pegged { slot, ..pegged });
                self.reprice(instrument, sink);
            }
            Err(reject) => sink.emit(Event::Rejected { order, reject }),
        }
    }

    fn admit_pegged(
        &mut self,
        command: &Command,
        new: &NewOrder,
        limit: Option<Price>,
        instructions: &Instructions,
        peg: Peg,
    ) -> Result<(Waiter, Pegged), Reject> {
        let (account, guard) = self.identify(command, new)?;
        let Instructions { lifetime, .. } = *instructions;
        let plain = *instructions == Instructions { lifetime, peg: Some(peg), ..Instructions::NONE };
        let for_auction = lifetime.and_then(auction_of).is_some();
        if new.post_only || new.time_in_force != TimeInForce::GoodTillCancel || !plain || for_auction {
            return Err(Reject::Contradiction);
        }
        let instrument = new.instrument.get();
        if instrument >= self.counters.get(&mut self.touch).instruments {
            return Err(Reject::UnknownInstrument { instrument: new.instrument });
        }
        let book = *self.books.get(&mut self.touch, instrument as usize);
        check_terms(&book, &self.terms, &mut self.touch, instrument, limit, new.qty)?;
        book.check_halt()?;
        let pegged = Pegged::new(0, peg, limit.map_or(0, Price::ticks));
        let price = self.provisional(instrument, new.side, &pegged).ok_or(Reject::NoReference)?;
        let order = incoming(&book, new.order, account, instrument, new.side, Some(price), new.qty);
        let order = Incoming { guard, ..order };
        self.check_guarded(&order, true)?;
        let pegs = self.pegs.books.get(&mut self.touch, instrument as usize);
        let crowded = pegs.counts[index_of(new.side)] == PEGGED_MAX;
        if crowded || self.counters.get(&mut self.touch).orders == self.capacity.orders_max {
            return Err(Reject::CapacityReached);
        }
        self.custody.reserve(&mut self.touch, account, order.gives, order.reservation(new.qty))?;
        let waiting = parked(self.counters.get(&mut self.touch).last_seq);
        Ok((Waiter { order, waiting, lifetime }, pegged))
    }

    /// Replaces a pegged order, on the book or not.
    #[cold]
    pub(crate) fn replace_pegged<S: EventSink>(
        &mut self,
        place: Place,
        guard: u8,
        limit: Price,
        qty: Qty,
        sink: &mut S,
    ) -> Result<(), Reject> {
        let slot = place.slot;
        let node = *self.nodes.get(&mut self.touch, slot as usize);
        let book = *self.books.get(&mut self.touch, node.instrument as usize);
        check_terms(&book, &self.terms, &mut self.touch, node.instrument, Some(limit), qty)?;
        book.check_halt()?;
        let old = resting(&book, &node, node.lots);
        let price = Price::from_ticks(passive(old.side, limit.ticks(), node.price)).expect("it is one of two prices");
        self.check_guarded(&Incoming { limit: Some(price), qty, guard, ..old }, false)?;
        let Some(left) = qty.lots().checked_sub(node.total - node.lots) else { return Err(Reject::AlreadyFilled) };
        let replaced = |kept_priority| Event::Replaced { order: old.order, price: limit, qty, kept_priority };
        let Some(left) = Qty::from_lots(left) else {
            self.take_off(place);
            sink.emit(replaced(false));
            sink.emit(Event::Cancelled { order: old.order, lots: Lots::ZERO, reason: CancelReason::ReplacedToFilled });
            return Ok(());
        };
        let pegged = self.pegs.get(&mut self.touch, node.instrument, slot);
        if limit.ticks() == pegged.limit && left < old.qty {
            self.shrink(slot, &old, left, qty);
            sink.emit(replaced(true));
            return Ok(());
        }
        let new = Incoming { limit: Some(price), qty: left, ..old };
        let (amount, released) = (new.reservation(left), old.reservation(old.qty));
        let account = AccountId::new(node.account);
        self.custody.can_reserve(&mut self.touch, account, old.gives, amount, released)?;
        if node.marks & Mark::WAITING == 0 {
            self.lift(slot);
        }
        self.custody.release(&mut self.touch, account, old.gives, released);
        let reserved = self.custody.reserve(&mut self.touch, account, old.gives, amount);
        reserved.expect("it was just found that this can be reserved");
        let Self { touch, counters, nodes, pegs, .. } = self;
        let counters = counters.get_mut(touch);
        pegs.end(touch, counters, nodes, slot);
        pegs.add(touch, counters, node.instrument, old.side, Pegged { limit: limit.ticks(), ..pegged });
        let node = nodes.get_mut(touch, slot as usize);
        (node.price, node.lots, node.total) = (price.ticks(), left.lots(), qty.lots());
        sink.emit(replaced(false));
        Ok(())
    }
}
