//! Mass cancels: all orders of a session, account, instrument, side, or of any of these together.
//!
//! Orders go in the order of the books: by instrument, bids before offers, best level first, oldest order first; then those
//! that wait for a trade, by side, the trigger nearest to the market first, and those that trail by age; then those that wait for an auction, the
//! opening one first, by age, then those whose day has ended; then the pegged ones
//! that wait. Behind those of all books go the ones that are held for entries, by age. Then the count is said.
//! A session may take off its own orders only, whatever account they are on, and needs no mandate for it: it made them, and less risk
//! is always allowed. The appliance may take off anybody's: a lost connection, an operator.
//!
//! Cost: one look at each order of the books concerned, and the end of each that goes.
//!
//! Known limitation: all goes in one command, so nothing bounds it but `orders_max` of the zone. `examples/worst_commands` measures this and
//! every other command whose work grows with what rests; an operator who cannot wait so long for one command bounds the zone, or its
//! accounts by their open orders.

use crate::engine::Engine;
use crate::engine::book::{index_of, side_of};
use crate::engine::lifetimes::List;
use crate::engine::pegs::BOOK_MAX;
use crate::engine::pool::{Mark, Node, Slot};
use plinth_types::command::{Command, MassCancel, MassCancelCause, Side};
use plinth_types::event::{CancelReason, Event, EventSink};
use plinth_types::id::{FirmId, OrderId, SessionId};
use plinth_types::page::Touch;
use plinth_types::reject::Reject;

/// Orders that are to go: of a firm, if one is named.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sweep {
    pub(crate) mass: MassCancel,
    pub(crate) firm: Option<FirmId>,
}

impl<T: Touch> Engine<T> {
    #[inline(never)]
    pub(crate) fn mass_cancel<S: EventSink>(&mut self, command: &Command, mass: &MassCancel, sink: &mut S) {
        if let Err(reject) = self.check_mass_cancel(command, mass) {
            return sink.emit(Event::MassCancelRejected { reject });
        }
        let reason = match mass.cause {
            MassCancelCause::Request => CancelReason::MassRequested,
            MassCancelCause::Disconnect => CancelReason::Disconnected,
        };
        let orders = self.take_off_all(&Sweep { mass: *mass, firm: None }, reason, sink);
        sink.emit(Event::MassCancelled { orders });
    }

    fn check_mass_cancel(&mut self, command: &Command, mass: &MassCancel) -> Result<(), Reject> {
        let touch = &mut self.touch;
        if command.session != SessionId::APPLIANCE && mass.session != Some(command.session) {
            return Err(Reject::NotMandated);
        }
        if let Some(account) = mass.account {
            self.custody.known_account(touch, account)?;
        }
        match mass.instrument {
            Some(instrument) if instrument.get() >= self.counters.get(touch).instruments => {
                Err(Reject::UnknownInstrument { instrument })
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Takes off every order that fits, and says how many there were.
    pub(crate) fn take_off_all<S: EventSink>(&mut self, sweep: &Sweep, reason: CancelReason, sink: &mut S) -> u32 {
        let instruments = match sweep.mass.instrument {
            Some(instrument) => instrument.get()..instrument.get() + 1,
            None => 0..self.counters.get(&mut self.touch).instruments,
        };
        let mut orders = 0;
        for instrument in instruments {
            for side in [Side::Buy, Side::Sell] {
                if sweep.mass.side.is_none_or(|asked| asked == side) {
                    orders += self.take_off_side(instrument, side, sweep, reason, sink);
                }
            }
            if self.books.get(&mut self.touch, instrument as usize).waiting != 0 {
                orders += self.take_off_all_waiting(instrument, sweep, reason, sink);
            }
            orders += self.take_off_all_parked(instrument, sweep, reason, sink);
        }
        if self.counters.get(&mut self.touch).held_head != 0 {
            orders += self.take_off_all_held(sweep, reason, sink);
        }
        orders
    }

    /// Takes off what is held for entries, of whatever book.
    #[cold]
    fn take_off_all_held<S: EventSink>(&mut self, sweep: &Sweep, reason: CancelReason, sink: &mut S) -> u32 {
        let head = self.counters.get(&mut self.touch).held_head;
        self.take_off_chain(head, sweep, reason, sink)
    }

    /// Takes off what waits: by side, nearest trigger first, then those that trail.
    #[cold]
    fn take_off_all_waiting<S: EventSink>(&mut self, instrument: u32, sweep: &Sweep, reason: CancelReason, sink: &mut S) -> u32 {
        let mut orders = 0;
        for side in [Side::Buy, Side::Sell] {
            let mut beyond = None;
            loop {
                let book = self.books.get(&mut self.touch, instrument as usize);
                let Some((level, trigger)) = self.levels.next_waiting(&mut self.touch, book, side, beyond) else { break };
                let head = self.levels.table.get(&mut self.touch, level as usize).head;
                orders += self.take_off_chain(head, sweep, reason, sink);
                beyond = Some(trigger);
            }
        }
        let head = self.books.get(&mut self.touch, instrument as usize).trailing_head;
        orders + self.take_off_chain(head, sweep, reason, sink)
    }

    /// Takes off what waits for an auction, then what waits to be priced.
    fn take_off_all_parked<S: EventSink>(&mut self, instrument: u32, sweep: &Sweep, reason: CancelReason, sink: &mut S) -> u32 {
        let mut orders = 0;
        for list in [List::Opening, List::Closing, List::Over] {
            let mut slot = self.lifetimes.first(&mut self.touch, instrument, list);
            while slot != 0 {
                let next = self.lifetimes.orders.get(&mut self.touch, slot as usize).next;
                let node = *self.nodes.get(&mut self.touch, slot as usize);
                // What a day that has ended left elsewhere has been seen there.
                let waiting = self.waiting.get(&mut self.touch, slot as usize);
                let parked = node.marks & Mark::WAITING != 0 && waiting.is_parked() && waiting.held == 0;
                if parked && self.is_swept(sweep, &node) {
                    self.take_off_slot(slot, &node, reason, sink);
                    orders += 1;
                }
                slot = next;
            }
        }
        let mut at = 0;
        while at < self.pegs.books.get(&mut self.touch, instrument as usize).count() {
            let slot = self.pegs.orders.get(&mut self.touch, instrument as usize * BOOK_MAX + at).slot;
            let node = *self.nodes.get(&mut self.touch, slot as usize);
            if node.marks & Mark::WAITING != 0 && self.is_swept(sweep, &node) {
                self.take_off_slot(slot, &node, reason, sink);
                orders += 1;
            } else {
                at += 1;
            }
        }
        orders
    }

    fn take_off_side<S: EventSink>(
        &mut self,
        instrument: u32,
        side: Side,
        sweep: &Sweep,
        reason: CancelReason,
        sink: &mut S,
    ) -> u32 {
        let mut orders = 0;
        let mut level = self.books.get(&mut self.touch, instrument as usize).best(side);
        while let Some((level_slot, price)) = level {
            let head = self.levels.table.get(&mut self.touch, level_slot as usize).head;
            orders += self.take_off_chain(head, sweep, reason, sink);
            let book = self.books.get(&mut self.touch, instrument as usize);
            level = self.levels.next(&mut self.touch, book, side, price);
        }
        orders
    }

    /// Whether the order is one of those that are to go.
    fn is_swept(&mut self, sweep: &Sweep, node: &Node) -> bool {
        let of_firm = |firm: FirmId| self.guarded.get(&mut self.touch, node.account as usize).firm == firm.get();
        fits(&sweep.mass, node) && sweep.firm.is_none_or(of_firm)
    }

    /// Takes off what fits, from `slot` to the end of its chain.
    fn take_off_chain<S: EventSink>(&mut self, mut slot: Slot, sweep: &Sweep, reason: CancelReason, sink: &mut S) -> u32 {
        let mut orders = 0;
        while slot != 0 {
            let node = *self.nodes.get(&mut self.touch, slot as usize);
            if self.is_swept(sweep, &node) {
                self.take_off_slot(slot, &node, reason, sink);
                orders += 1;
            }
            slot = node.next;
        }
        orders
    }

    /// Ends the resting order `node` in `slot`.
    pub(crate) fn take_off_slot<S: EventSink>(&mut self, slot: Slot, node: &Node, reason: CancelReason, sink: &mut S) {
        let place = self.place_of(slot);
        assert!(place.slot == slot, "an order rests once");
        let lots = self.take_off(place);
        let order = OrderId::from_bits(node.order).expect("a resting order has an id");
        sink.emit(Event::Cancelled { order, lots, reason });
    }
}

/// Whether the order is one of those that are to go.
fn fits(mass: &MassCancel, node: &Node) -> bool {
    let session = OrderId::from_bits(node.order).map(OrderId::session);
    mass.session.is_none_or(|asked| Some(asked) == session)
        && mass.instrument.is_none_or(|asked| asked.get() == node.instrument)
        && mass.account.is_none_or(|asked| asked.get() == node.account)
        && mass.side.is_none_or(|asked| index_of(asked) == index_of(side_of(node.side)))
}
