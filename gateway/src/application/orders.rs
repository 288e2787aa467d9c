//! A session's orders, by their number, and the client ids that are used up.

use super::list_status::Lists;
use super::order::Order;
use super::quote_numbers::{Quote, Quotes};
use crate::limits::ORDERS_KEPT_MAX;
use plinth_types::command::{ClientOrderId, Side};
use plinth_types::id::{MandateId, OrderId, SessionId};
use plinth_types::instructions::{Instructions, Link};
use plinth_types::quote::{MassQuote, QuoteSide, QuoteTail};
use std::collections::HashMap;

/// Every session's orders, by its number.
#[derive(Debug, Default)]
pub(super) struct OrderBooks(Vec<SessionOrders>);

impl OrderBooks {
    #[inline]
    pub(super) fn get(&self, session: SessionId) -> Option<&SessionOrders> {
        self.0.get(usize::from(session.get()))
    }

    #[inline]
    pub(super) fn get_mut(&mut self, session: SessionId) -> Option<&mut SessionOrders> {
        self.0.get_mut(usize::from(session.get()))
    }

    /// The orders of a session that may not have made any yet.
    pub(super) fn of(&mut self, session: SessionId) -> &mut SessionOrders {
        let index = usize::from(session.get());
        if self.0.len() <= index {
            self.0.resize_with(index + 1, SessionOrders::default);
        }
        let own = &mut self.0[index];
        if own.orders.capacity() == 0 {
            // A table that grows late grows long: the first pages of these are only touched when they are used.
            own.orders.reserve(ORDERS_RESERVED);
            own.ids.reserve(ORDERS_RESERVED);
        }
        own
    }
}

/// All orders that a session ever made.
#[derive(Debug, Default)]
pub(super) struct SessionOrders {
    /// The order in place i (from 1; its number, less those of quotes below it) at i - 1; `None` for a number that the zone refused as out of sequence.
    orders: Vec<Option<Order>>,
    quotes: Quotes,
    /// `QuoteID` of the last mass quote.
    pub(super) last_quote: Option<ClientOrderId>,
    /// Every id used for a new order, a cancel or a replace, with the index of the order meant.
    ids: HashMap<ClientOrderId, u64>,
    pub(super) lists: Lists,
}

impl SessionOrders {
    /// Numbers that are used up.
    pub(super) fn count(&self) -> u64 {
        self.orders.len() as u64 + self.quotes.taken()
    }

    /// The number that the next order gets.
    pub(super) fn next_index(&self) -> u64 {
        self.count() + 1
    }

    /// Whether another order can be kept. Sides of quotes that have traded are kept as orders are.
    pub(super) fn has_room(&self) -> bool {
        self.has_room_for(1)
    }

    pub(super) fn has_room_for(&self, orders: usize) -> bool {
        self.orders.len() + self.quotes.kept_count() + orders <= ORDERS_KEPT_MAX
    }

    pub(super) fn get(&self, index: u64) -> Option<&Order> {
        match self.quotes.place(index) {
            Some(place) => self.orders.get(usize::try_from(place.checked_sub(1)?).ok()?)?.as_ref(),
            None => self.quotes.get(index).map(|quote| &quote.order),
        }
    }

    pub(super) fn get_mut(&mut self, index: u64) -> Option<&mut Order> {
        match self.quotes.place(index) {
            Some(place) => self.orders.get_mut(usize::try_from(place.checked_sub(1)?).ok()?)?.as_mut(),
            None => self.quotes.get_mut(index).map(|quote| &mut quote.order),
        }
    }

    /// The side of a quote that has this number.
    pub(super) fn quote(&self, index: u64) -> Option<&Quote> {
        self.quotes.get(index)
    }

    pub(super) const fn quotes(&mut self) -> &mut Quotes {
        &mut self.quotes
    }

    /// Takes the numbers of a mass quote, and keeps the sides that it sets; once.
    pub(super) fn set_quotes(&mut self, quotes: &MassQuote, tail: &QuoteTail, mandate: MandateId) {
        let first = quotes.first.index();
        if !tail.is_cancel(quotes) {
            self.last_quote = Some(tail.client.client_order_id);
        }
        if first < self.next_index() || first > self.next_index() + GAP_MAX as u64 || quotes.entries == 0 {
            return;
        }
        while self.next_index() < first {
            self.orders.push(None);
        }
        self.quotes.take(first, 2 * u64::from(quotes.entries));
        for ((numbers, entry), entry_id) in quotes.numbers().zip(tail.entries.iter()).zip(tail.ids.iter()) {
            for ((order, wanted), side) in numbers.into_iter().zip([entry.bid, entry.offer]).zip([Side::Buy, Side::Sell]) {
                let QuoteSide::Set { price, qty } = wanted else { continue };
                let id = tail.client.client_order_id;
                let own = Order::quoted(id, mandate, entry.instrument, side, (price, qty));
                self.quotes.put(order.index(), Quote { order: own, entry_id });
            }
        }
    }

    /// Orders that are not over, with their indices.
    pub(super) fn open(&self) -> impl Iterator<Item = (u64, &Order)> {
        let orders = (1..).zip(&self.orders).filter_map(|(place, order)| Some((self.quotes.index(place), order.as_ref()?)));
        orders.filter(|(_, order)| !order.is_over())
    }

    /// Whether the order with this index has this id.
    pub(super) fn is_same(&self, index: u64, id: &ClientOrderId) -> bool {
        self.get(index).is_some_and(|order| order.client_order_id == *id)
    }

    /// Index of the order that an id was used for.
    pub(super) fn find(&self, id: &ClientOrderId) -> Option<u64> {
        self.ids.get(id).copied()
    }

    /// Uses up an id. The first use counts.
    pub(super) fn claim(&mut self, id: ClientOrderId, index: u64) {
        self.ids.entry(id).or_insert(index);
    }

    /// Puts an order under its index, if nothing is known of that index.
    pub(super) fn put(&mut self, index: u64, order: Order) {
        let place = self.quotes.place(index).and_then(|place| place.checked_sub(1));
        let Some(at) = place.and_then(|at| usize::try_from(at).ok()) else { return };
        // The zone executes a session's orders only in order, so a gap is never wider than what it refused.
        if at >= self.orders.len() + GAP_MAX {
            return;
        }
        while self.orders.len() <= at {
            self.orders.push(None);
        }
        self.tie_back(index, &order);
        self.orders[at].get_or_insert(order);
    }

    /// The later one of a pair names the earlier one, which cannot name it.
    fn tie_back(&mut self, index: u64, order: &Order) {
        let Some(link) = order.instructions.as_ref().and_then(|instructions| instructions.link) else { return };
        let Some(own) = OrderId::new(link.order.session(), index) else { return };
        if let Some(other) = self.get_mut(link.order.index()) {
            let instructions = other.instructions.get_or_insert_with(|| Box::new(Instructions::NONE));
            instructions.link.get_or_insert(Link { order: own, ..link });
        }
    }

    /// Takes back the last order: the zone did not count its number.
    pub(super) fn forget_last(&mut self, index: u64) {
        if self.count() == index && self.quotes.place(index).is_some() {
            self.orders.pop();
        }
    }
}

const GAP_MAX: usize = 1 << 16;
/// Orders that a session makes before its tables grow for the first time.
const ORDERS_RESERVED: usize = 1 << 16;
