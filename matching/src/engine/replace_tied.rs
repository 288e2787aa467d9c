//! Replacing tied orders: the tie stays, and what the stop of a pair reserves follows. See `ties`.

use crate::engine::Engine;
use crate::engine::incoming::{Incoming, resting};
use crate::engine::index::Place;
use crate::engine::pool::Slot;
use crate::engine::tied_orders::Tied;
use crate::engine::ties::{TieSlot, beyond};
use crate::engine::waiting::{Waiter, Waiting};
use plinth_types::event::{CancelReason, Event, EventSink};
use plinth_types::id::AssetId;
use plinth_types::page::Touch;
use plinth_types::quantity::{Amount, Price};
use plinth_types::reject::Reject;

/// A stop's reservation beyond that of its limit order: as it is, and as it is to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Beyond {
    pub(crate) is: Amount,
    pub(crate) becomes: Amount,
}

impl<T: Touch> Engine<T> {
    /// What it does to a pair's stop if the limit order becomes `limit`; nothing to those held for an entry.
    #[cold]
    pub(crate) fn beyond_when(&mut self, at: TieSlot, limit: &Incoming) -> Beyond {
        let Self { touch, books, nodes, ties, .. } = self;
        let tie = ties.get(touch, at);
        if tie.is_held() {
            return Beyond { is: Amount::ZERO, becomes: Amount::ZERO };
        }
        let node = nodes.get(touch, tie.stop as usize);
        let stop = resting(books.get(touch, node.instrument as usize), node, node.lots);
        Beyond { is: tie.reserved(), becomes: beyond(limit, &stop) }
    }

    /// Takes an order on the book out of its tie, to which it comes back when it has entered again.
    #[cold]
    pub(crate) fn loosen(&mut self, at: TieSlot, slot: Slot) -> Tied {
        let Self { touch, nodes, ties, .. } = self;
        let node = nodes.get_mut(touch, slot as usize);
        node.untie();
        let filled = node.total - node.lots;
        let tie = ties.get_mut(touch, at);
        let is_entry = tie.entry == slot;
        if is_entry {
            tie.entry = 0;
        } else {
            tie.limit = 0;
        }
        Tied { at, is_entry, filled }
    }

    /// Reserves for a pair's stop what it needs now.
    #[cold]
    pub(crate) fn set_beyond(&mut self, at: TieSlot, order: &Incoming, reserves: Beyond) {
        self.custody.release(&mut self.touch, order.account, order.gives, reserves.is);
        self.reserve_surely(order, reserves.becomes);
        let tie = self.ties.get_mut(&mut self.touch, at);
        if !tie.is_held() {
            tie.set_reserved(reserves.becomes);
        }
    }

    /// Replaces a held order: where it stands, since nothing is reserved and nobody queues.
    pub(crate) fn replace_held<S: EventSink>(&mut self, slot: Slot, order: &Incoming, trigger: i64, sink: &mut S) {
        let node = self.nodes.get_mut(&mut self.touch, slot as usize);
        (node.price, node.lots, node.total) = (order.worst, order.qty.lots(), order.qty.lots());
        self.waiting.get_mut(&mut self.touch, slot as usize).trigger = trigger;
        let price = Price::from_ticks(order.worst).expect("prices are checked where they enter");
        sink.emit(Event::Replaced { order: order.order, price, qty: order.qty, kept_priority: true });
    }

    /// Replaces the stop of a pair, for which there is room, and which loses its place.
    pub(crate) fn replace_paired<S: EventSink>(
        &mut self,
        place: Place,
        at: TieSlot,
        (order, trigger): (Incoming, i64),
        sink: &mut S,
    ) -> Result<(), Reject> {
        let tie = *self.ties.get(&mut self.touch, at);
        let limit = self.as_incoming(tie.limit);
        let reserves = Beyond { is: tie.reserved(), becomes: beyond(&limit, &order) };
        self.custody.can_reserve(&mut self.touch, order.account, order.gives, reserves.becomes, reserves.is)?;
        self.nodes.get_mut(&mut self.touch, place.slot as usize).untie();
        let Waiter { waiting, lifetime, .. } = self.leave(place);
        let since = self.counters.get(&mut self.touch).last_seq;
        let waiter = Waiter { order, waiting: Waiting { trigger, since, ..waiting }, lifetime };
        let price = Price::from_ticks(order.worst).expect("prices are checked where they enter");
        sink.emit(Event::Replaced { order: order.order, price, qty: order.qty, kept_priority: false });
        let record = self.ties.get_mut(&mut self.touch, at);
        record.stop = 0;
        if self.goes_at_once(&waiter) {
            self.custody.release(&mut self.touch, order.account, order.gives, reserves.is);
            self.dissolve(at);
            self.end_tied(tie.limit, CancelReason::Linked, sink);
            self.reserve_surely(&order, order.reservation(order.qty));
            self.go(waiter, order.qty, sink);
            return Ok(());
        }
        self.set_beyond(at, &order, reserves);
        let slot = self.wait(waiter);
        self.ties.get_mut(&mut self.touch, at).stop = slot;
        self.nodes.get_mut(&mut self.touch, slot as usize).tie_to(at);
        Ok(())
    }
}

/// Two amounts of an asset; refused if there cannot be so much.
pub(crate) fn sum(asset: AssetId, one: Amount, other: Amount) -> Result<Amount, Reject> {
    one.checked_add(other).ok_or(Reject::InsufficientFunds { asset, shortfall: u64::MAX })
}
