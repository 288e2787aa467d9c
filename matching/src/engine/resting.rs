//! Orders on the book: how they come there, are found by who may change them, and leave.

use crate::engine::Engine;
use crate::engine::book::index_of;
use crate::engine::iceberg;
use crate::engine::incoming::resting;
use crate::engine::index::Place;
use crate::engine::mandates::{self, Act};
use crate::engine::marked::Marked;
use crate::engine::pool::{self, Mark, Node, Slot};
use plinth_types::command::{Command, NewOrder};
use plinth_types::id::{AccountId, OrderId};
use plinth_types::page::Touch;
use plinth_types::quantity::{Lots, Price, Qty};
use plinth_types::reject::Reject;

impl<T: Touch> Engine<T> {
    /// Where the resting order is that `command` names, if it may.
    #[inline(always)]
    pub(crate) fn find_own(&mut self, command: &Command, order: OrderId, act: Act) -> Result<(Place, u8), Reject> {
        let touch = &mut self.touch;
        let (account, guard) = mandates::account(&self.mandates, touch, command, act)?;
        if order.session() != command.session {
            return Err(Reject::UnknownOrder);
        }
        let place = self.index.find(touch, &self.nodes, order.bits()).ok_or(Reject::UnknownOrder)?;
        if self.nodes.get(touch, place.slot as usize).account != account.get() {
            return Err(Reject::NotMandated);
        }
        Ok((place, guard))
    }

    /// Where the open order in `slot` is.
    pub(crate) fn place_of(&mut self, slot: Slot) -> Place {
        let order = self.nodes.get(&mut self.touch, slot as usize).order;
        self.index.find(&mut self.touch, &self.nodes, order).expect("a live order is in the index")
    }

    /// Ends a resting order and releases what it reserved. Says what was left of it.
    #[inline(always)]
    pub(crate) fn take_off(&mut self, place: Place) -> Lots {
        let Self { touch, counters, custody, books, levels, nodes, index, guarded, firms, hidden, lifetimes, pegs, ties, .. } =
            self;
        let node = nodes.get(touch, place.slot as usize);
        let open = iceberg::left(hidden, touch, place.slot, node);
        if node.marks != 0 {
            if node.marks & Mark::WAITING != 0 {
                return self.take_off_waiting(place);
            }
            let marked = Marked { slot: place.slot, account: AccountId::new(node.account), marks: node.marks };
            let counters = counters.get_mut(touch);
            marked.end(guarded, firms, hidden, lifetimes, pegs, ties, nodes, touch, counters);
        }
        let book = books.get_mut(touch, node.instrument as usize);
        let order = resting(book, node, open);
        custody.release(touch, order.account, order.gives, order.reservation(order.qty));
        levels.unlink(touch, book, nodes, place.slot, open);
        index.remove_at(touch, place.at);
        let counters = counters.get_mut(touch);
        pool::give(nodes, touch, counters, place.slot);
        order.qty.into()
    }

    /// Puts an order, for which there is room, on the book. Not inlined: it needs all the registers there are.
    #[inline(never)]
    pub(crate) fn rest(&mut self, terms: &NewOrder, account: AccountId, limit: Price, left: Qty) -> Slot {
        let Self { touch, counters, books, levels, nodes, index, .. } = self;
        let counters = counters.get_mut(touch);
        let slot = pool::take(nodes, touch, counters);
        let book = books.get_mut(touch, terms.instrument.get() as usize);
        let place = levels.link(touch, book, nodes, slot, terms.side, limit.ticks(), left.lots());
        *nodes.get_mut(touch, slot as usize) = Node {
            order: terms.order.bits(),
            price: limit.ticks(),
            lots: left.lots(),
            total: terms.qty.lots(),
            next: 0,
            prev: place.prev,
            level: place.level,
            instrument: terms.instrument.get(),
            account: account.get(),
            side: index_of(terms.side) as u8,
            post_only: u8::from(terms.post_only),
            marks: 0,
            group: 0,
            tie: 0,
        };
        index.insert(touch, terms.order.bits(), slot);
        slot
    }
}
