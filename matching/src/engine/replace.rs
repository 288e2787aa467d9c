//! Replacing orders that rest, and making them smaller where they stand. See `orders` for refusals, the engine for places in queues.

use crate::engine::Engine;
use crate::engine::admit::check_terms;
use crate::engine::iceberg;
use crate::engine::incoming::{Incoming, resting, would_take};
use crate::engine::mandates::Act;
use crate::engine::orders::Extras;
use crate::engine::pool::{Mark, Node, Slot};
use crate::engine::protection;
use crate::engine::replace_tied::sum;
use crate::engine::tied_orders::Tied;
use plinth_types::command::{Command, NewOrder, OrderPrice, TimeInForce};
use plinth_types::event::{CancelReason, Event, EventSink};
use plinth_types::id::{AccountId, InstrumentId, OrderId};
use plinth_types::page::Touch;
use plinth_types::quantity::{Lots, Price, Qty};
use plinth_types::reject::Reject;

impl<T: Touch> Engine<T> {
    #[inline(never)]
    pub(crate) fn replace<S: EventSink>(&mut self, command: &Command, order: OrderId, price: Price, qty: Qty, sink: &mut S) {
        match self.try_replace(command, order, price, qty, sink) {
            Ok(()) => self.go_triggered(sink),
            Err(reject) => sink.emit(Event::CancelRejected { order, reject }),
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
        let (place, guard) = self.find_own(command, order, Act::Trade)?;
        let node = *self.nodes.get(&mut self.touch, place.slot as usize);
        if node.marks & Mark::PEGGED != 0 {
            return self.replace_pegged(place, guard, price, qty, sink);
        }
        if node.marks & Mark::WAITING != 0 {
            return self.replace_waiting(place, guard, price, qty, sink);
        }
        if node.group != 0 {
            return Err(Reject::Contradiction);
        }
        let extras = self.extras(place.slot, &node);
        let open = iceberg::left(&self.hidden, &mut self.touch, place.slot, &node);
        let book = self.books.get(&mut self.touch, node.instrument as usize);
        check_terms(book, &self.terms, &mut self.touch, node.instrument, Some(price), qty)?;
        book.check_halt()?;
        if guard != 0 {
            let account = AccountId::new(node.account);
            protection::check(&self.guarded, &self.firms, &mut self.touch, guard, account, Some(price), qty, false)?;
        }
        let filled = node.total - open;
        let Some(left) = qty.lots().checked_sub(filled) else { return Err(Reject::AlreadyFilled) };
        let Some(left) = Qty::from_lots(left) else {
            self.take_off(place);
            sink.emit(Event::Replaced { order, price, qty, kept_priority: false });
            sink.emit(Event::Cancelled { order, lots: Lots::ZERO, reason: CancelReason::ReplacedToFilled });
            return Ok(());
        };
        let old = resting(book, &node, open);
        if price.ticks() == node.price && left < old.qty {
            self.shrink(place.slot, &old, left, qty);
            sink.emit(Event::Replaced { order, price, qty, kept_priority: true });
            return Ok(());
        }
        let incoming = Incoming { limit: Some(price), worst: price.ticks(), qty: left, guard, ..old };
        let post_only = node.post_only != 0;
        if post_only && would_take(book, incoming.side, price.ticks()) {
            return Err(Reject::WouldTake);
        }
        if !self.levels.has_room(&mut self.touch, book, incoming.side, price.ticks(), left.lots()) {
            return Err(Reject::CapacityReached);
        }
        let (amount, released) = (incoming.reservation(left), old.reservation(old.qty));
        let Incoming { account, gives, .. } = incoming;
        let tied = match node.tied() {
            None => {
                self.custody.can_reserve(&mut self.touch, account, gives, amount, released)?;
                None
            }
            Some(at) => {
                let stop = self.beyond_when(at, &incoming);
                let (amount, released) = (sum(gives, amount, stop.becomes)?, sum(gives, released, stop.is)?);
                self.custody.can_reserve(&mut self.touch, account, gives, amount, released)?;
                Some((self.loosen(at, place.slot), stop))
            }
        };
        self.take_off(place);
        if let Some((Tied { at, .. }, stop)) = tied {
            self.set_beyond(at, &incoming, stop);
        }
        self.reserve_surely(&incoming, amount);
        sink.emit(Event::Replaced { order, price, qty, kept_priority: false });
        let terms = NewOrder {
            order,
            instrument: InstrumentId::new(incoming.instrument),
            side: incoming.side,
            price: OrderPrice::Limit(price),
            qty,
            time_in_force: TimeInForce::GoodTillCancel,
            post_only,
            instructed: false,
        };
        let entered = self.take_and_rest(incoming, &terms, extras, sink);
        if let Some((tied, _)) = tied {
            self.tie_entered(tied, entered);
        }
        Ok(())
    }

    /// Makes a resting order smaller where it stands.
    pub(crate) fn shrink(&mut self, slot: Slot, order: &Incoming, left: Qty, total: Qty) {
        let freed = order.qty.after_fill(left).expect("it becomes smaller");
        let node = *self.nodes.get(&mut self.touch, slot as usize);
        // A stop that is tied has reserved by its tie.
        if node.marks & (Mark::TIED | Mark::WAITING) != Mark::TIED | Mark::WAITING {
            self.custody.release(&mut self.touch, order.account, order.gives, order.reservation(freed));
        }
        if let Some(at) = node.tied() {
            self.ties.note(&mut self.touch, at);
        }
        let node = self.nodes.get_mut(&mut self.touch, slot as usize);
        node.total = total.lots();
        if node.level != 0 {
            self.levels.table.get_mut(&mut self.touch, node.level as usize).lots -= freed.lots();
        }
        if node.marks & Mark::ICEBERG == 0 {
            node.lots = left.lots();
        } else {
            self.melt(slot, freed.lots());
        }
    }

    /// What the order in `slot` takes with it when it is replaced.
    fn extras(&mut self, slot: Slot, node: &Node) -> Extras {
        if node.marks & (Mark::ICEBERG | Mark::LASTING) == 0 {
            return Extras::NONE;
        }
        Extras { display: self.display(slot, node), lifetime: self.lifetimes.of(&mut self.touch, slot) }
    }
}
