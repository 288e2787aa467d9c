//! Orders that are tied: pairs with what is open, and brackets whose orders come one after the other.

use super::{Flow, Sequenced};
use plinth_types::codec::Codec;
use plinth_types::command::{Body, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::id::{InstrumentId, OrderId, SessionId};
use plinth_types::instructions::{Contingency, Instructions, Link, Trigger};
use plinth_types::quantity::{Price, Qty};

/// What a later order may be paired with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Open {
    order: OrderId,
    mandate: u32,
    instrument: InstrumentId,
    side: Side,
    price: Price,
    is_stop: bool,
}

/// An order of a bracket that is still to come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leg {
    session: u64,
    mandate: u32,
    new: NewOrder,
    instructions: Instructions,
}

impl Flow {
    /// Notes an order that was sent.
    pub(crate) fn note_open(&mut self, mandate: u32, new: &NewOrder, tail: &[u8], price: Price) {
        let read = Instructions::read(&mut plinth_types::codec::Reader::new(tail));
        let is_stop = new.instructed && read.is_ok_and(|read| read.trigger.is_some());
        self.open.push_back(Open { order: new.order, mandate, instrument: new.instrument, side: new.side, price, is_stop });
        if self.open.len() > 20 {
            self.open.pop_front();
        }
    }

    /// The next order of a bracket that has begun; seldom one of the same session comes between.
    pub(crate) fn next_leg(&mut self) -> Option<Sequenced> {
        if self.legs.is_empty() || self.rng.one_in(10) {
            return None;
        }
        let leg = self.legs.pop_front()?;
        Some(self.send(leg))
    }

    fn send(&mut self, leg: Leg) -> Sequenced {
        let Leg { session, mandate, new, instructions } = leg;
        let index = self.last[session as usize] + 1;
        self.last[session as usize] = index;
        let new = NewOrder { order: OrderId::new(SessionId::new(session as u16), index).unwrap(), instructed: true, ..new };
        let price = match new.price {
            OrderPrice::Limit(price) => price,
            OrderPrice::Market => Price::from_ticks(1).unwrap(),
        };
        self.recent.push_back((new.order, mandate, price));
        let tail = instructions.to_bytes();
        self.note_open(mandate, &new, &tail, price);
        self.sequenced(SessionId::new(session as u16), mandate, Body::New(new), tail)
    }

    pub(crate) fn tied_order(&mut self) -> Sequenced {
        if self.rng.one_in(2) { self.pair() } else { self.bracket() }
    }

    fn contingency(&mut self) -> Contingency {
        match self.rng.below(20) {
            0 => Contingency::OneTriggersOther,
            1..10 => Contingency::OneCancelsOther,
            _ => Contingency::OneUpdatesOther,
        }
    }

    fn near(&mut self, instrument: InstrumentId, ticks: i64) -> Price {
        let middle = self.middles[(u64::from(instrument.get()) % self.instruments) as usize];
        Price::from_ticks((middle + ticks).max(1)).unwrap()
    }

    /// The other order of a pair, mostly such as can be.
    fn pair(&mut self) -> Sequenced {
        let Some(at) = (self.open.len() as u64).checked_sub(1) else { return self.bracket() };
        let at = self.rng.below(at + 1) as usize;
        let open = self.open[at];
        let stop = open.is_stop == self.rng.one_in(20);
        let side = if self.rng.one_in(25) { if open.side == Side::Buy { Side::Sell } else { Side::Buy } } else { open.side };
        let away = self.rng.below(7) as i64 - if side == Side::Buy { 1 } else { 5 };
        let (near, contingency) = (self.near(open.instrument, away), self.contingency());
        let trigger =
            if self.rng.one_in(4) { Trigger::Trailing { ticks: 1 + self.rng.below(6) as u32 } } else { Trigger::At(near) };
        let limited = !stop || self.rng.one_in(2);
        let lifetime = self.rng.one_in(5).then(|| self.lifetime());
        let instructions = Instructions {
            trigger: stop.then_some(trigger),
            lifetime: lifetime.filter(|_| limited || stop),
            link: Some(Link { contingency, order: open.order }),
            display: self.rng.one_in(40).then(|| Qty::from_lots(1).unwrap()),
            ..Instructions::NONE
        };
        let resting = if self.rng.one_in(3) { open.price } else { self.near(open.instrument, -away) };
        let new = NewOrder {
            order: open.order,
            instrument: if self.rng.one_in(25) { InstrumentId::new(0) } else { open.instrument },
            side,
            price: if limited { OrderPrice::Limit(if stop { near } else { resting }) } else { OrderPrice::Market },
            qty: self.qty(),
            time_in_force: if limited { TimeInForce::GoodTillCancel } else { TimeInForce::ImmediateOrCancel },
            post_only: !stop && self.rng.one_in(8),
            instructed: true,
        };
        let session = if self.rng.one_in(25) { self.session() } else { u64::from(open.order.session().get()) };
        let mandate = if self.rng.one_in(25) { self.mandate_of(session) } else { open.mandate };
        self.send(Leg { session, mandate, new, instructions })
    }

    /// Begins a bracket, or a part of one.
    fn bracket(&mut self) -> Sequenced {
        let session = self.session();
        let mandate = self.mandate_of(session);
        let instrument = InstrumentId::new(self.rng.below(self.instruments + u64::from(self.rng.clone().one_in(40))) as u32);
        let entry_buys = self.rng.one_in(2);
        let (entry_side, side) = if entry_buys { (Side::Buy, Side::Sell) } else { (Side::Sell, Side::Buy) };
        let first = self.last[session as usize] + 1;
        let number = |index: u64| OrderId::new(SessionId::new(session as u16), index).unwrap();
        let (pairs, stop_first) = (!self.rng.one_in(4), self.rng.one_in(4));
        let entry = number(first + 1 + u64::from(pairs) + u64::from(self.rng.one_in(30)));
        let sign = if entry_buys { 1 } else { -1 };
        let far = |flow: &mut Self| sign * (1 + flow.rng.below(4) as i64);
        let (target, trigger) = (far(self), -far(self));
        let (target, trigger) = (self.near(instrument, target), self.near(instrument, trigger));
        let qty = self.qty();
        let leg = |flow: &mut Self, stop: bool, link: Link| {
            let limited = !stop || flow.rng.one_in(2);
            let lifetime = flow.rng.one_in(6).then(|| flow.lifetime());
            let new = NewOrder {
                order: number(first),
                instrument,
                side,
                price: if limited { OrderPrice::Limit(if stop { trigger } else { target }) } else { OrderPrice::Market },
                qty: if flow.rng.one_in(3) { flow.qty() } else { qty },
                time_in_force: if limited { TimeInForce::GoodTillCancel } else { TimeInForce::ImmediateOrCancel },
                post_only: flow.rng.one_in(30),
                instructed: true,
            };
            let instructions =
                Instructions { trigger: stop.then_some(Trigger::At(trigger)), lifetime, link: Some(link), ..Instructions::NONE };
            Leg { session, mandate, new, instructions }
        };
        let held = leg(self, stop_first, Link { contingency: Contingency::OneTriggersOther, order: entry });
        if pairs {
            let contingency = self.contingency();
            let other = leg(self, !stop_first, Link { contingency, order: number(first) });
            self.legs.push_back(other);
        }
        let (aggressive, market) = (self.rng.one_in(2), self.rng.one_in(6));
        let away = sign * if aggressive { self.rng.below(3) as i64 } else { -(self.rng.below(3) as i64) };
        let price = self.near(instrument, away);
        let rests = !market && !self.rng.one_in(5);
        let new = NewOrder {
            side: entry_side,
            price: if market { OrderPrice::Market } else { OrderPrice::Limit(price) },
            qty,
            time_in_force: if rests { TimeInForce::GoodTillCancel } else { TimeInForce::ImmediateOrCancel },
            post_only: rests && self.rng.one_in(10),
            ..held.new
        };
        let lifetime = (rests && self.rng.one_in(5)).then(|| self.lifetime());
        let link = Some(Link { contingency: Contingency::OneTriggersOther, order: number(first) });
        self.legs.push_back(Leg { new, instructions: Instructions { lifetime, link, ..Instructions::NONE }, ..held });
        self.send(held)
    }
}
