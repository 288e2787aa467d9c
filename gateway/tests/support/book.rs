//! The slowest zone there is: one list of resting orders, searched from the front. It answers commands as the trading zone does.

use plinth_types::command::{Body, Command, MassCancel, MassCancelCause, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::{OrderId, SessionId, TradeId};
use plinth_types::quantity::{Lots, Price, Qty};
use plinth_types::reject::Reject;
use std::collections::HashMap;

#[derive(Clone, Copy, Debug)]
struct Resting {
    new: NewOrder,
    price: i64,
    open: u64,
    total: u64,
}

#[derive(Debug, Default)]
pub struct Book {
    /// In order of arrival.
    resting: Vec<Resting>,
    orders: HashMap<SessionId, u64>,
    trades: u64,
}

impl Book {
    pub fn execute(&mut self, command: &Command) -> Vec<Event> {
        let mut events = Vec::new();
        match command.body {
            Body::New(new) => self.new_order(command.session, new, &mut events),
            Body::Cancel { order } => match self.take_off(order) {
                Some(own) => {
                    events.push(Event::Cancelled { order, lots: Lots::new(own.open), reason: CancelReason::Requested });
                }
                None => events.push(Event::CancelRejected { order, reject: Reject::UnknownOrder }),
            },
            Body::Replace { order, price, qty } => self.replace(order, price, qty, &mut events),
            Body::Configure => events.push(Event::Configured),
            Body::MassCancel(mass) => self.mass_cancel(&mass, &mut events),
            Body::Inbox | Body::Withdraw | Body::Note => {}
        }
        events
    }

    fn new_order(&mut self, session: SessionId, new: NewOrder, events: &mut Vec<Event>) {
        let order = new.order;
        let expected = self.orders.entry(session).or_default();
        if order.index() != *expected + 1 {
            let reject = Reject::OutOfSequence { expected: *expected + 1 };
            return events.push(Event::Rejected { order, reject });
        }
        *expected += 1;
        let limit = match new.price {
            OrderPrice::Limit(price) => price.ticks(),
            OrderPrice::Market if new.side == Side::Buy => i64::MAX,
            OrderPrice::Market => i64::MIN,
        };
        if limit == 0 {
            return events.push(Event::Rejected { order, reject: Reject::PriceNotPositive });
        }
        let own = Resting { new, price: limit, open: new.qty.lots(), total: new.qty.lots() };
        if new.post_only && self.best(&own).is_some() {
            return events.push(Event::Rejected { order, reject: Reject::WouldTake });
        }
        events.push(Event::Accepted { order });
        let reachable: u64 = self.resting.iter().filter(|maker| crosses(&own, maker)).map(|maker| maker.open).sum();
        if new.time_in_force == TimeInForce::FillOrKill && reachable < own.open {
            let lots = Lots::new(own.open);
            return events.push(Event::Cancelled { order, lots, reason: CancelReason::NotFillable });
        }
        self.match_and_rest(own, new.time_in_force == TimeInForce::GoodTillCancel, events);
    }

    fn match_and_rest(&mut self, mut own: Resting, rests: bool, events: &mut Vec<Event>) {
        while own.open > 0
            && let Some(at) = self.best(&own)
        {
            let maker = &mut self.resting[at];
            let lots = own.open.min(maker.open);
            self.trades += 1;
            events.push(Event::Traded {
                trade: TradeId::new(self.trades),
                maker: maker.new.order,
                taker: own.new.order,
                price: Price::from_ticks(maker.price).unwrap(),
                qty: Qty::from_lots(lots).unwrap(),
            });
            own.open -= lots;
            maker.open -= lots;
            if maker.open == 0 {
                self.resting.remove(at);
            }
        }
        if own.open > 0 && rests {
            self.resting.push(own);
        } else if own.open > 0 {
            let lots = Lots::new(own.open);
            events.push(Event::Cancelled { order: own.new.order, lots, reason: CancelReason::Unfilled });
        }
    }

    fn replace(&mut self, order: OrderId, price: Price, qty: Qty, events: &mut Vec<Event>) {
        let Some(at) = self.resting.iter().position(|own| own.new.order == order) else {
            return events.push(Event::CancelRejected { order, reject: Reject::UnknownOrder });
        };
        let own = self.resting[at];
        let filled = own.total - own.open;
        if qty.lots() < filled {
            return events.push(Event::CancelRejected { order, reject: Reject::AlreadyFilled });
        }
        let open = qty.lots() - filled;
        let kept_priority = price.ticks() == own.price && open <= own.open && open > 0;
        events.push(Event::Replaced { order, price, qty, kept_priority });
        let replaced = Resting { price: price.ticks(), open, total: qty.lots(), ..own };
        if kept_priority {
            self.resting[at] = replaced;
            return;
        }
        self.resting.remove(at);
        if open == 0 {
            return events.push(Event::Cancelled { order, lots: Lots::ZERO, reason: CancelReason::ReplacedToFilled });
        }
        self.match_and_rest(replaced, true, events);
    }

    fn mass_cancel(&mut self, mass: &MassCancel, events: &mut Vec<Event>) {
        let fits = |own: &Resting| {
            mass.session.is_none_or(|session| own.new.order.session() == session)
                && mass.instrument.is_none_or(|instrument| own.new.instrument == instrument)
                && mass.side.is_none_or(|side| own.new.side == side)
        };
        let reason = match mass.cause {
            MassCancelCause::Request => CancelReason::MassRequested,
            MassCancelCause::Disconnect => CancelReason::Disconnected,
        };
        let (gone, kept): (Vec<Resting>, Vec<Resting>) = self.resting.iter().partition(|own| fits(own));
        self.resting = kept;
        events.extend(gone.iter().map(|own| Event::Cancelled { order: own.new.order, lots: Lots::new(own.open), reason }));
        events.push(Event::MassCancelled { orders: gone.len() as u32 });
    }

    fn take_off(&mut self, order: OrderId) -> Option<Resting> {
        let at = self.resting.iter().position(|own| own.new.order == order)?;
        Some(self.resting.remove(at))
    }

    /// The resting order that `own` trades with next.
    fn best(&self, own: &Resting) -> Option<usize> {
        let crossing = self.resting.iter().enumerate().filter(|(_, maker)| crosses(own, maker));
        match own.new.side {
            Side::Buy => crossing.min_by_key(|(_, maker)| maker.price).map(|(at, _)| at),
            // The last of equals is what `max_by_key` finds; the first is due.
            Side::Sell => crossing.min_by_key(|(_, maker)| -maker.price).map(|(at, _)| at),
        }
    }
}

fn crosses(own: &Resting, maker: &Resting) -> bool {
    maker.new.instrument == own.new.instrument
        && maker.new.side != own.new.side
        && match own.new.side {
            Side::Buy => maker.price <= own.price,
            Side::Sell => maker.price >= own.price,
        }
}
