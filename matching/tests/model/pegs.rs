//! Pegged orders: after every command all prices are computed anew, and who has another one moves.

use crate::{Found, Model, Order};
use plinth_matching::limits::PEGGED_MAX;
use plinth_types::command::{Command, NewOrder, Side, TimeInForce};
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::OrderId;
use plinth_types::instructions::{Instructions, Lifetime, Peg, PegReference};
use plinth_types::quantity::{Lots, Price, Qty};
use plinth_types::reference::Phase;
use plinth_types::reject::Reject;

/// What an order is pegged to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pegged {
    peg: Peg,
    limit: Option<i64>,
    /// The youngest has the highest.
    age: u64,
}

impl Model {
    pub(crate) fn pegged_order(
        &mut self,
        command: &Command,
        new: &NewOrder,
        account: usize,
        instructions: Instructions,
        peg: Peg,
    ) -> Result<(), Reject> {
        let Instructions { lifetime, .. } = instructions;
        let plain = instructions == Instructions { lifetime, peg: Some(peg), ..Instructions::NONE };
        let for_auction = matches!(lifetime, Some(Lifetime::Opening | Lifetime::Closing));
        if new.post_only || new.time_in_force != TimeInForce::GoodTillCancel || !plain || for_auction {
            return Err(Reject::Contradiction);
        }
        let order = Order { lifetime, ..self.entering(new, account)? };
        self.check_terms(&order)?;
        self.check_phase(order.instrument, true)?;
        let age = self.next_place();
        let pegged = Pegged { peg, limit: order.limit, age };
        let (low, high) = self.band(order.instrument);
        let first = match (self.target(order.instrument, order.side, &pegged), order.limit) {
            (Some(target), Some(limit)) => passive(order.side, limit, target.clamp(low, high)),
            (Some(target), None) => target.clamp(low, high),
            (None, Some(limit)) => limit,
            (None, None) => return Err(Reject::NoReference),
        };
        let order = Order { limit: Some(first), pegged: Some(pegged), ..order };
        self.check_guard(command, &order, true)?;
        let same = |other: &&Order| (other.instrument, other.side) == (order.instrument, order.side) && other.pegged.is_some();
        let crowded = self.open().filter(same).count() == PEGGED_MAX as usize;
        if self.open_orders() == self.capacity.orders_max as usize || crowded {
            return Err(Reject::CapacityReached);
        }
        self.can_pay(&order, 0)?;
        self.events.push(Event::Accepted { order: order.id });
        let place = self.next_place();
        self.lay_aside(Order { place, ..order });
        Ok(())
    }

    /// Off the book; reserved for as on it.
    fn lay_aside(&mut self, order: Order) {
        let (asset, amount) = self.needs(&order);
        self.balances.entry((order.account, asset)).or_default().reserved += amount;
        self.idle.push(order);
    }

    /// The oldest that fits.
    pub(crate) fn first_idle(&self, fits: impl Fn(&Order) -> bool) -> Option<usize> {
        (0..self.idle.len()).filter(|&at| fits(&self.idle[at])).min_by_key(|&at| self.idle[at].pegged.unwrap().age)
    }

    pub(crate) fn leave_idle(&mut self, at: usize) -> Order {
        let order = self.idle.remove(at);
        let (asset, amount) = self.needs(&order);
        self.balances.get_mut(&(order.account, asset)).unwrap().reserved -= amount;
        order
    }

    pub(crate) fn replace_pegged(&mut self, command: &Command, found: Found, price: Price, qty: Qty) -> Result<(), Reject> {
        let old = match found {
            Found::Resting(at) => self.orders[at],
            Found::Idle(at) => self.idle[at],
            Found::Waiting(_) | Found::Parked(_) | Found::Held(_) => unreachable!("a pegged order rests or is laid aside"),
        };
        let pegged = old.pegged.unwrap();
        let limit = price.ticks();
        self.check_terms(&Order { limit: Some(limit), total: qty.lots(), ..old })?;
        self.check_phase(old.instrument, true)?;
        let first = passive(old.side, limit, old.limit.unwrap());
        let mut new = Order { limit: Some(first), left: qty.lots(), total: qty.lots(), ..old };
        self.check_guard(command, &new, false)?;
        let traded = old.total - old.left;
        if qty.lots() < traded {
            return Err(Reject::AlreadyFilled);
        }
        let left = qty.lots() - traded;
        let event = |kept_priority| Event::Replaced { order: old.id, price, qty, kept_priority };
        if left == 0 {
            self.remove(found);
            self.events.push(event(false));
            self.events.push(Event::Cancelled { order: old.id, lots: Lots::ZERO, reason: CancelReason::ReplacedToFilled });
            return Ok(());
        }
        (new.left, new.shown) = (left, left);
        if pegged.limit == Some(limit) && left < old.left {
            let smaller = Order { limit: old.limit, ..new };
            let (asset, before) = self.needs(&old);
            let (_, after) = self.needs(&smaller);
            self.balances.get_mut(&(old.account, asset)).unwrap().reserved -= before - after;
            match found {
                Found::Resting(at) => self.orders[at] = smaller,
                Found::Idle(at) => self.idle[at] = smaller,
                Found::Waiting(_) | Found::Parked(_) | Found::Held(_) => {}
            }
            self.events.push(event(true));
            return Ok(());
        }
        self.can_pay(&new, self.needs(&old).1)?;
        self.remove(found);
        self.events.push(event(false));
        let age = self.next_place();
        self.lay_aside(Order { pegged: Some(Pegged { limit: Some(limit), age, ..pegged }), ..new });
        Ok(())
    }

    /// The command is done.
    pub(crate) fn reprice(&mut self) {
        for instrument in 0..self.instruments.len() {
            while self.reprice_book(instrument) {}
        }
    }

    /// Whether an order was cancelled over it.
    fn reprice_book(&mut self, instrument: usize) -> bool {
        let slate = self.slate(instrument);
        let mut lifted = Vec::new();
        for &(id, price) in &slate {
            if let Some(at) = self.orders.iter().position(|order| order.id == id && order.limit != price) {
                let order = self.take_off(at);
                self.lay_aside(order);
                lifted.push(id);
            }
        }
        let mut cancelled = false;
        for (id, price) in slate {
            let Some(at) = self.idle.iter().position(|order| order.id == id) else { continue };
            let old = self.idle[at];
            let Some(limit) = price else {
                if lifted.contains(&id) {
                    self.events.push(Event::Repriced { order: id, price: None });
                }
                continue;
            };
            let new = Order { limit: Some(limit), ..old };
            let reason = if !self.has_room(&new) {
                Some(CancelReason::NoRoom)
            } else if self.can_pay(&new, self.needs(&old).1).is_err() {
                Some(CancelReason::FundsExhausted)
            } else {
                None
            };
            self.leave_idle(at);
            if let Some(reason) = reason {
                self.end(id, old.left, reason);
                cancelled = true;
                continue;
            }
            let (asset, amount) = self.needs(&new);
            self.balances.get_mut(&(new.account, asset)).unwrap().reserved += amount;
            self.orders.push(new);
            self.events.push(Event::Repriced { order: id, price: Price::from_ticks(limit) });
        }
        cancelled
    }

    /// Every pegged order with the price that it should have, oldest first.
    fn slate(&self, instrument: usize) -> Vec<(OrderId, Option<i64>)> {
        let mut pegged: Vec<Order> =
            self.open().filter(|order| order.instrument == instrument && order.pegged.is_some()).copied().collect();
        pegged.sort_by_key(|order| order.pegged.unwrap().age);
        let (low, high) = self.band(instrument);
        let (mut bid, mut offer) = (self.reference(instrument, Side::Buy), self.reference(instrument, Side::Sell));
        let mut slate = Vec::new();
        for order in pegged {
            let mut price = None;
            if let Some(target) = self.target(instrument, order.side, &order.pegged.unwrap())
                && self.phase(instrument) == Phase::Continuous
            {
                let mut at = match order.side {
                    Side::Buy => target.min(high).min(offer.map_or(high, |offer| offer - 1)),
                    Side::Sell => target.max(low).max(bid.map_or(low, |bid| bid + 1)),
                };
                while at > 0 && !self.is_on_tick(instrument, at) {
                    at += if order.side == Side::Buy { -1 } else { 1 };
                }
                price = Some(at).filter(|at| (low..=high).contains(at));
            }
            match order.side {
                Side::Buy => bid = bid.max(price),
                Side::Sell => offer = [offer, price].into_iter().flatten().min(),
            }
            slate.push((order.id, price));
        }
        slate
    }

    fn is_on_tick(&self, instrument: usize, price: i64) -> bool {
        let Some(terms) = self.terms.get(&instrument) else { return true };
        let row = terms.ticks.iter().rfind(|row| row.from.ticks() <= price);
        row.is_none_or(|row| price % i64::from(row.ticks) == 0)
    }

    fn target(&self, instrument: usize, side: Side, pegged: &Pegged) -> Option<i64> {
        let (bid, offer) = (self.reference(instrument, Side::Buy), self.reference(instrument, Side::Sell));
        let (own, other) = if side == Side::Buy { (bid, offer) } else { (offer, bid) };
        let reference = match pegged.peg.to {
            PegReference::Primary => own?,
            PegReference::Market => other?,
            PegReference::Mid => {
                let sum = bid? + offer?;
                // Half a tick goes away from the other side.
                if side == Side::Buy { sum / 2 } else { sum - sum / 2 }
            }
        };
        let target = reference + i64::from(pegged.peg.offset_ticks);
        Some(pegged.limit.map_or(target, |limit| passive(side, limit, target)))
    }

    /// The best price of those that are not pegged.
    fn reference(&self, instrument: usize, side: Side) -> Option<i64> {
        let own = |order: &&Order| order.instrument == instrument && order.side == side && order.pegged.is_none();
        let prices = self.orders.iter().filter(own).filter_map(|order| order.limit);
        if side == Side::Buy { prices.max() } else { prices.min() }
    }

    fn band(&self, instrument: usize) -> (i64, i64) {
        self.bands.get(&instrument).map_or((1, 1 << 47), |bands| (bands.low.ticks(), bands.high.ticks()))
    }
}

fn passive(side: Side, price: i64, other: i64) -> i64 {
    if side == Side::Buy { price.min(other) } else { price.max(other) }
}
