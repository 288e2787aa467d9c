//! Orders that are tied to others, on their way in. See `ties` for what comes of it.
//!
//! Refusals are those of a new order, in its order; the tie itself is looked at where instructions are: `Contradiction` for what cannot be tied
//! so, `UnknownOrder` for an order of which there is none, or another session's, `NotMandated` for another account's.

use crate::engine::Engine;
use crate::engine::admit::check_terms;
use crate::engine::auction_orders::auction_of;
use crate::engine::book::{Special, index_of};
use crate::engine::incoming::{Incoming, incoming, resting};
use crate::engine::orders::{Entered, Extras};
use crate::engine::pool::{Mark, Node, Slot};
use crate::engine::ties::{Ended, Tie, TieSlot, Ties, beyond, kind_of};
use crate::engine::waiting::{Waiter, Waiting, code_of};
use plinth_types::codec::{Codec, Reader};
use plinth_types::command::{Command, NewOrder, TimeInForce};
use plinth_types::event::{CancelReason, Event, EventSink};
use plinth_types::id::{AccountId, OrderId};
use plinth_types::instructions::{Instructions, Link, Trigger};
use plinth_types::page::Touch;
use plinth_types::quantity::{Amount, Price};
use plinth_types::reject::Reject;
use plinth_types::table::Record;

/// What is asked for, by whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    account: AccountId,
    guard: u8,
    new: &'a NewOrder,
    limit: Option<Price>,
    instructions: &'a Instructions,
}

/// What an order is to be in its tie.
#[derive(Clone, Copy, Debug)]
enum Tying {
    /// Held for an entry that is to come.
    Held(OrderId),
    /// Held with the order of this tie.
    HeldWith(TieSlot, u8),
    /// The entry that this tie's orders are held for.
    Entry(TieSlot),
    /// The stop of the limit order in this slot.
    StopOf(Slot, u8),
    /// The limit order of the stop in this slot.
    LimitOf(Slot, u8),
}

/// An order on its way to the book that is tied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tied {
    pub(crate) at: TieSlot,
    pub(crate) is_entry: bool,
    /// What had traded of it before.
    pub(crate) filled: u64,
}

impl<T: Touch> Engine<T> {
    /// As [`Engine::instructed_order`], of an order that is tied to another.
    #[cold]
    pub(crate) fn tied_order<S: EventSink>(
        &mut self,
        command: &Command,
        new: &NewOrder,
        limit: Option<Price>,
        instructions: &Instructions,
        link: Link,
        sink: &mut S,
    ) {
        let entered = self.identify(command, new).and_then(|(account, guard)| {
            let asked = Asked { account, guard, new, limit, instructions };
            match self.tying(asked, link)? {
                Tying::Held(entry) => {
                    self.hold_order(asked, Tie { entry_order: entry.bits(), kind: Tie::SINGLE, ..Tie::ZERO }, 0, sink)
                }
                Tying::HeldWith(at, kind) => {
                    let tie = *self.ties.get(&mut self.touch, at);
                    self.hold_order(asked, Tie { kind, ..tie }, at, sink)
                }
                Tying::Entry(at) => self.enter_entry(asked, at, sink),
                Tying::StopOf(slot, kind) => self.enter_stop(asked, slot, kind, sink),
                Tying::LimitOf(slot, kind) => self.enter_limit(asked, slot, kind, sink),
            }
        });
        if let Err(reject) = entered {
            sink.emit(Event::Rejected { order: new.order, reject });
            self.note_refused(new, link);
        }
        self.go_triggered(sink);
    }

    /// Notes that an order was refused, for which others may be held.
    #[cold]
    pub(crate) fn note_refused_entry(&mut self, new: &NewOrder, tail: &[u8]) {
        if new.instructed
            && let Ok(Instructions { link: Some(link), .. }) = Instructions::read(&mut Reader::new(tail))
        {
            self.note_refused(new, link);
        }
    }

    fn note_refused(&mut self, new: &NewOrder, link: Link) {
        let Self { touch, sessions, index, nodes, ties, .. } = self;
        // A number that was not used up can still come.
        let session = usize::from(new.order.session().get());
        let is_used = session < sessions.records().len() && sessions.get(touch, session).orders == new.order.index();
        let Some(place) = index.find(touch, nodes, link.order.bits()).filter(|_| is_used) else { return };
        let Some(at) = nodes.get(touch, place.slot as usize).tied() else { return };
        let tie = ties.get_mut(touch, at);
        if tie.entry_order == new.order.bits() && tie.entry == 0 {
            tie.ended |= Ended::ENTRY;
            ties.note(touch, at);
        }
    }

    /// What the order would be in which tie.
    fn tying(&mut self, asked: Asked<'_>, link: Link) -> Result<Tying, Reject> {
        let Asked { account, new, limit, instructions, .. } = asked;
        let Instructions { trigger, lifetime, .. } = *instructions;
        let plain = *instructions == Instructions { trigger, lifetime, link: Some(link), ..Instructions::NONE };
        if !plain || lifetime.and_then(auction_of).is_some() {
            return Err(Reject::Contradiction);
        }
        if link.order.session() != new.order.session() {
            return Err(Reject::UnknownOrder);
        }
        let rests = limit.is_some() && new.time_in_force == TimeInForce::GoodTillCancel;
        let is_stop = trigger.is_some() && !new.post_only && (limit.is_some() || new.time_in_force != TimeInForce::GoodTillCancel);
        let is_limit = trigger.is_none() && rests;
        let may_be_held = is_stop && matches!(trigger, Some(Trigger::At(_))) || is_limit && !new.post_only;
        let kind = kind_of(link.contingency);
        if kind.is_none() && link.order.index() > new.order.index() {
            return if may_be_held { Ok(Tying::Held(link.order)) } else { Err(Reject::Contradiction) };
        }
        let place = self.index.find(&mut self.touch, &self.nodes, link.order.bits()).ok_or(Reject::UnknownOrder)?;
        let node = *self.nodes.get(&mut self.touch, place.slot as usize);
        if node.account != account.get() {
            return Err(Reject::NotMandated);
        }
        let same_side = usize::from(node.side) == index_of(new.side);
        if node.instrument != new.instrument.get() || same_side != kind.is_some() {
            return Err(Reject::Contradiction);
        }
        let tied = node.tied().map(|at| (at, *self.ties.get(&mut self.touch, at)));
        match (kind, tied) {
            (None, Some((at, tie))) if tie.entry_order == new.order.bits() && trigger.is_none() => Ok(Tying::Entry(at)),
            (Some(kind), Some((at, tie))) if tie.is_held() && tie.kind == Tie::SINGLE && tie.entry != place.slot => {
                let fits = if tie.stop == 0 { is_stop } else { is_limit };
                if fits && may_be_held { Ok(Tying::HeldWith(at, kind)) } else { Err(Reject::Contradiction) }
            }
            (Some(kind), None) if is_limit && self.is_stop(place.slot, &node) => Ok(Tying::LimitOf(place.slot, kind)),
            (Some(kind), None) if is_stop && self.is_plain_limit(place.slot, &node) => Ok(Tying::StopOf(place.slot, kind)),
            (None | Some(_), None | Some(_)) => Err(Reject::Contradiction),
        }
    }

    /// Whether the order waits for a trade.
    fn is_stop(&mut self, slot: Slot, node: &Node) -> bool {
        node.marks & Mark::WAITING != 0 && !self.waiting.get(&mut self.touch, slot as usize).is_parked()
    }

    /// Whether the order rests, shown whole, until its own time.
    fn is_plain_limit(&mut self, slot: Slot, node: &Node) -> bool {
        let for_auction = self.lifetimes.of(&mut self.touch, slot).and_then(auction_of).is_some();
        node.marks & (Mark::WAITING | Mark::ICEBERG | Mark::PEGGED) == 0 && node.group == 0 && !for_auction
    }

    /// Holds an order, in this tie: a new one, or the one `at` a place.
    fn hold_order<S: EventSink>(&mut self, asked: Asked<'_>, tie: Tie, at: TieSlot, sink: &mut S) -> Result<(), Reject> {
        let Asked { account, guard, new, limit, instructions } = asked;
        let instrument = new.instrument.get();
        if instrument >= self.counters.get(&mut self.touch).instruments {
            return Err(Reject::UnknownInstrument { instrument: new.instrument });
        }
        let book = *self.books.get(&mut self.touch, instrument as usize);
        let trigger = match instructions.trigger {
            Some(Trigger::At(price)) => Some(price),
            Some(Trigger::Trailing { .. }) | None => None,
        };
        if trigger.is_some() {
            check_terms(&book, &self.terms, &mut self.touch, instrument, trigger, new.qty)?;
        }
        check_terms(&book, &self.terms, &mut self.touch, instrument, limit, new.qty)?;
        book.check_halt()?;
        let order = incoming(&book, new.order, account, instrument, new.side, limit.or(trigger), new.qty);
        let order = Incoming { guard, ..order };
        self.check_guarded(&order, true)?;
        let counters = self.counters.get(&mut self.touch);
        if counters.orders == self.capacity.orders_max || (at == 0 && !Ties::has_room(counters)) {
            return Err(Reject::CapacityReached);
        }
        let waiting = Waiting {
            trigger: trigger.map_or(0, Price::ticks),
            since: counters.last_seq,
            market: u8::from(limit.is_none()),
            time_in_force: code_of(new.time_in_force),
            held: 1,
            ..Waiting::ZERO
        };
        sink.emit(Event::Accepted { order: new.order });
        let slot = self.wait(Waiter { order, waiting, lifetime: instructions.lifetime });
        let tie = if trigger.is_some() { Tie { stop: slot, ..tie } } else { Tie { limit: slot, ..tie } };
        let Self { touch, counters, nodes, ties, .. } = self;
        let counters = counters.get_mut(touch);
        let at = match at {
            0 => ties.take(touch, counters, tie),
            at => {
                *ties.get_mut(touch, at) = tie;
                at
            }
        };
        nodes.get_mut(touch, slot as usize).tie_to(at);
        Ok(())
    }

    /// Enters the order that others are held for.
    fn enter_entry<S: EventSink>(&mut self, asked: Asked<'_>, at: TieSlot, sink: &mut S) -> Result<(), Reject> {
        let Asked { account, guard, new, limit, instructions } = asked;
        self.admit_known(account, guard, new, limit, Ok(()))?;
        sink.emit(Event::Accepted { order: new.order });
        let book = self.books.get(&mut self.touch, new.instrument.get() as usize);
        let order = incoming(book, new.order, account, new.instrument.get(), new.side, limit, new.qty);
        let extras = Extras { lifetime: instructions.lifetime, ..Extras::NONE };
        let entered = self.enter_as(Incoming { guard, ..order }, new, extras, sink);
        self.tie_entered(Tied { at, is_entry: true, filled: 0 }, entered);
        Ok(())
    }

    /// Pairs a new stop with the limit order in `slot`. One that is triggered already goes instead of it.
    fn enter_stop<S: EventSink>(&mut self, asked: Asked<'_>, slot: Slot, kind: u8, sink: &mut S) -> Result<(), Reject> {
        let Asked { account, guard, new, limit, instructions } = asked;
        let Instructions { lifetime, trigger: Some(trigger), .. } = *instructions else { return Err(Reject::Contradiction) };
        let book = *self.books.get(&mut self.touch, new.instrument.get() as usize);
        let order = incoming(&book, new.order, account, new.instrument.get(), new.side, limit, new.qty);
        let waiter = self.check_waiting(&Incoming { guard, ..order }, limit, trigger, new.time_in_force, lifetime)?;
        if !Ties::has_room(self.counters.get(&mut self.touch)) {
            return Err(Reject::CapacityReached);
        }
        let node = *self.nodes.get(&mut self.touch, slot as usize);
        let amount = beyond(&resting(&book, &node, node.lots), &waiter.order);
        self.custody.can_reserve(&mut self.touch, account, order.gives, amount, Amount::ZERO)?;
        sink.emit(Event::Accepted { order: new.order });
        if self.goes_at_once(&waiter) {
            self.take_off_slot(slot, &node, CancelReason::Linked, sink);
            self.reserve_surely(&waiter.order, waiter.order.reservation(new.qty));
            self.go(waiter, new.qty, sink);
            return Ok(());
        }
        self.reserve_surely(&waiter.order, amount);
        let stop = self.wait(waiter);
        let at = self.tie_stop(stop, kind, amount);
        self.tie_entered(Tied { at, is_entry: false, filled: 0 }, Entered { slot, traded: 0 });
        Ok(())
    }

    /// Pairs a new limit order with the stop in `slot`.
    fn enter_limit<S: EventSink>(&mut self, asked: Asked<'_>, slot: Slot, kind: u8, sink: &mut S) -> Result<(), Reject> {
        let Asked { account, guard, new, limit, instructions } = asked;
        let book = *self.books.get(&mut self.touch, new.instrument.get() as usize);
        let node = *self.nodes.get(&mut self.touch, slot as usize);
        let stop = resting(&book, &node, node.lots);
        let order = incoming(&book, new.order, account, new.instrument.get(), new.side, limit, new.qty);
        let order = Incoming { guard, ..order };
        let full = stop.reservation(stop.qty);
        self.custody.release(&mut self.touch, account, stop.gives, full);
        let amount = beyond(&order, &stop);
        let admitted = self.admit_known(account, guard, new, limit, Ok(())).and_then(|()| {
            let has_room = Ties::has_room(self.counters.get(&mut self.touch));
            let paid = if has_room {
                self.custody.reserve(&mut self.touch, account, order.gives, amount)
            } else {
                Err(Reject::CapacityReached)
            };
            paid.inspect_err(|_| self.custody.release(&mut self.touch, account, order.gives, order.reservation(order.qty)))
        });
        if let Err(reject) = admitted {
            self.reserve_surely(&stop, full);
            return Err(reject);
        }
        sink.emit(Event::Accepted { order: new.order });
        let at = self.tie_stop(slot, kind, amount);
        let entered = self.take_and_rest(order, new, Extras { lifetime: instructions.lifetime, ..Extras::NONE }, sink);
        self.tie_entered(Tied { at, is_entry: false, filled: 0 }, entered);
        Ok(())
    }

    /// A tie of the stop in `slot`, which has reserved this, and of a limit order that is to come.
    pub(crate) fn tie_stop(&mut self, slot: Slot, kind: u8, reserved: Amount) -> TieSlot {
        let Self { touch, counters, nodes, ties, .. } = self;
        let mut tie = Tie { kind, stop: slot, ..Tie::ZERO };
        tie.set_reserved(reserved);
        let counters = counters.get_mut(touch);
        let at = ties.take(touch, counters, tie);
        nodes.get_mut(touch, slot as usize).tie_to(at);
        at
    }

    /// Ties an order that has entered, if it rests, and notes what traded of it.
    pub(crate) fn tie_entered(&mut self, tied: Tied, entered: Entered) {
        let Tied { at, is_entry, filled } = tied;
        let Entered { slot, traded } = entered;
        let Self { touch, books, nodes, ties, .. } = self;
        let tie = ties.get_mut(touch, at);
        let gone = slot == 0;
        if is_entry {
            (tie.entry, tie.traded) = (slot, if gone { filled + traded } else { 0 });
            tie.ended |= if gone { Ended::ENTRY } else { 0 };
        } else {
            (tie.limit, tie.traded) = (slot, tie.traded + traded);
            tie.ended |= if gone { Ended::LIMIT } else { 0 };
        }
        if gone || (!is_entry && traded != 0) {
            ties.note(touch, at);
        }
        if !gone {
            let node = nodes.get_mut(touch, slot as usize);
            node.tie_to(at);
            books.get_mut(touch, node.instrument as usize).special |= Special::TIED;
        }
    }

    /// Reserves what was found to be there.
    pub(crate) fn reserve_surely(&mut self, order: &Incoming, amount: Amount) {
        let reserved = self.custody.reserve(&mut self.touch, order.account, order.gives, amount);
        reserved.expect("it was found that this can be reserved");
    }

    /// The orders that this one is tied to, for status and tests; none for one that is not tied, or is not open.
    pub fn tied_orders(&self, order: OrderId) -> impl Iterator<Item = OrderId> + '_ {
        let nodes = self.nodes.records();
        let place = self.index.find(&mut (), &self.nodes, order.bits());
        let tied = place.and_then(|place| nodes[place.slot as usize].tied());
        let slots = tied.map_or([0; 3], |at| self.ties.table.records()[at as usize].slots());
        slots.into_iter().filter(|&slot| slot != 0).map(|slot| nodes[slot as usize].id()).filter(move |&other| other != order)
    }
}
