//! A session's orders, by their number, and the client ids that are used up.

use super::quote_numbers::{Quote, Quotes};
use crate::limits::ORDERS_KEPT_MAX;
use plinth_types::command::{ClientOrderId, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::id::{InstrumentId, MandateId, OrderId, SessionId};
use plinth_types::instructions::{Instructions, Link, Trigger};
use plinth_types::quantity::{Price, Qty};
use plinth_types::quote::{MassQuote, QuoteSide, QuoteTail};
use std::collections::HashMap;

/// One order as its client sees it.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub(super) client_order_id: ClientOrderId,
    pub(super) instrument: InstrumentId,
    pub(super) mandate: MandateId,
    pub(super) side: Side,
    pub(super) price: OrderPrice,
    pub(super) time_in_force: TimeInForce,
    pub(super) post_only: bool,
    /// What few orders have.
    pub(super) instructions: Option<Box<Instructions>>,
    /// What was asked for, in lots, what has traded included.
    pub(super) qty_lots: u64,
    /// What has traded, in lots.
    pub(super) filled_lots: u64,
    /// Sum of price × quantity of the fills, in ticks × lots.
    pub(super) filled_notional: u128,
    pub(super) state: OrderState,
}

/// How far an order has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OrderState {
    /// Handed to the zone, not heard of yet.
    Pending,
    /// Accepted: on the book, or about to be or to end.
    Open,
    /// All of it traded.
    Filled,
    /// Ended before all of it traded.
    Cancelled,
    /// Ended by its time before all of it traded.
    Expired,
    /// Never was.
    Rejected,
}

impl Order {
    pub(super) fn new(
        new: &NewOrder,
        client_order_id: ClientOrderId,
        mandate: MandateId,
        instructions: Option<Instructions>,
    ) -> Self {
        Self {
            client_order_id,
            instrument: new.instrument,
            mandate,
            side: new.side,
            price: new.price,
            time_in_force: new.time_in_force,
            post_only: new.post_only,
            instructions: instructions.map(Box::new),
            qty_lots: new.qty.lots(),
            filled_lots: 0,
            filled_notional: 0,
            state: OrderState::Pending,
        }
    }

    /// `OrdStatus`, tag 39.
    pub(super) const fn ord_status(&self) -> &'static [u8] {
        match self.state {
            OrderState::Pending => b"A",
            OrderState::Open if self.filled_lots == 0 => b"0",
            OrderState::Open => b"1",
            OrderState::Filled => b"2",
            OrderState::Cancelled => b"4",
            OrderState::Expired => b"C",
            OrderState::Rejected => b"8",
        }
    }

    /// `OrdType`, tag 40.
    pub(super) fn ord_type(&self) -> &'static [u8] {
        let instructions = self.instructions.as_deref();
        if instructions.is_some_and(|instructions| instructions.peg.is_some()) {
            return b"P";
        }
        match (instructions.and_then(|instructions| instructions.trigger), self.price) {
            (None, OrderPrice::Market) => b"1",
            (None, OrderPrice::Limit(_)) => b"2",
            (Some(Trigger::At(_)), OrderPrice::Market) => b"3",
            (Some(Trigger::At(_)), OrderPrice::Limit(_)) => b"4",
            (Some(Trigger::Trailing { .. }), _) => b"P",
        }
    }

    /// What may still trade, in lots.
    pub(super) const fn leaves_lots(&self) -> u64 {
        match self.state {
            OrderState::Pending | OrderState::Open => self.qty_lots - self.filled_lots,
            OrderState::Filled | OrderState::Cancelled | OrderState::Expired | OrderState::Rejected => 0,
        }
    }

    /// Whether another order may end or reduce it.
    pub(super) fn is_tied(&self) -> bool {
        self.instructions.as_ref().is_some_and(|instructions| instructions.link.is_some())
    }

    pub(super) const fn is_pending(&self) -> bool {
        matches!(self.state, OrderState::Pending)
    }

    pub(super) const fn is_over(&self) -> bool {
        match self.state {
            OrderState::Pending | OrderState::Open => false,
            OrderState::Filled | OrderState::Cancelled | OrderState::Expired | OrderState::Rejected => true,
        }
    }

    pub(super) const fn accept(&mut self) {
        self.state = OrderState::Open;
    }

    pub(super) const fn reject(&mut self) {
        self.state = OrderState::Rejected;
    }

    /// The id of the request that ended it, if one did, is the order's from here on.
    pub(super) fn cancel(&mut self, client_order_id: Option<ClientOrderId>) {
        self.state = OrderState::Cancelled;
        self.client_order_id = client_order_id.unwrap_or(self.client_order_id);
    }

    pub(super) const fn expire(&mut self) {
        self.state = OrderState::Expired;
    }

    /// # Panics
    ///
    /// If more trades than was open: the zone would have traded what the client did not ask for.
    pub(super) fn fill(&mut self, price: Price, qty: Qty) {
        assert!(qty.lots() <= self.leaves_lots(), "a fill of {qty} lots on an order with {} open", self.leaves_lots());
        self.filled_lots += qty.lots();
        self.filled_notional += u128::from(price.ticks().unsigned_abs()) * u128::from(qty.lots());
        if self.filled_lots == self.qty_lots {
            self.state = OrderState::Filled;
        }
    }

    /// Self-match prevention took `qty` off it.
    ///
    /// # Panics
    ///
    /// If as much was not open: the zone would have ended it.
    pub(super) fn reduce(&mut self, qty: Qty) {
        assert!(qty.lots() < self.leaves_lots(), "{qty} lots less of an order with {} open", self.leaves_lots());
        self.qty_lots -= qty.lots();
    }

    /// New terms. The price is the limit, or of an order without one its stop.
    ///
    /// # Panics
    ///
    /// If the new total is below what has traded: the zone refuses that.
    pub(super) fn replace(&mut self, client_order_id: ClientOrderId, price: Price, qty: Qty) {
        assert!(qty.lots() >= self.filled_lots, "replaced to {qty} lots, {} have traded", self.filled_lots);
        self.client_order_id = client_order_id;
        match (self.price, &mut self.instructions) {
            (OrderPrice::Market, Some(instructions)) if instructions.peg.is_none() => {
                instructions.trigger = Some(Trigger::At(price))
            }
            (OrderPrice::Market | OrderPrice::Limit(_), _) => self.price = OrderPrice::Limit(price),
        }
        self.qty_lots = qty.lots();
        if self.filled_lots == self.qty_lots {
            self.state = OrderState::Filled;
        }
    }
}

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
                let new = NewOrder {
                    order,
                    instrument: entry.instrument,
                    side,
                    price: OrderPrice::Limit(price),
                    qty,
                    time_in_force: TimeInForce::GoodTillCancel,
                    post_only: false,
                    instructed: false,
                };
                let order = Order::new(&new, tail.client.client_order_id, mandate, None);
                self.quotes.put(new.order.index(), Quote { order, entry_id });
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
