//! One order, and what becomes of it.

use plinth_types::command::{ClientOrderId, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::id::{InstrumentId, MandateId};
use plinth_types::instructions::{Instructions, Trigger};
use plinth_types::quantity::{Price, Qty};

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

    /// A side of a quote, set by the mass quote `quote_id`.
    pub(super) fn quoted(
        quote_id: ClientOrderId,
        mandate: MandateId,
        instrument: InstrumentId,
        side: Side,
        (price, qty): (Price, Qty),
    ) -> Self {
        Self {
            client_order_id: quote_id,
            instrument,
            mandate,
            side,
            price: OrderPrice::Limit(price),
            time_in_force: TimeInForce::GoodTillCancel,
            post_only: false,
            instructions: None,
            qty_lots: qty.lots(),
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
