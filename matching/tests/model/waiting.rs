//! Orders that wait for a trade: one list, looked at from end to end after every trade.

use crate::{Model, Order};
use plinth_types::command::{Command, NewOrder, Side, TimeInForce};
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::OrderId;
use plinth_types::instructions::{Lifetime, Trigger};
use plinth_types::quantity::{Price, Qty};
use plinth_types::reject::Reject;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiting {
    /// As it reserves: its limit, or the first trigger.
    pub(crate) order: Order,
    /// Its own limit.
    pub(crate) limit: Option<i64>,
    pub(crate) trigger: i64,
    pub(crate) trail: Option<i64>,
    pub(crate) time_in_force: TimeInForce,
    pub(crate) triggered: bool,
}

impl Waiting {
    fn is_triggered_by(&self, price: i64) -> bool {
        if self.order.side == Side::Buy { price >= self.trigger } else { price <= self.trigger }
    }

    /// The nearest to the market first.
    fn rank(&self) -> i64 {
        if self.order.side == Side::Buy { self.trigger } else { -self.trigger }
    }

    /// Where mass cancels find it.
    pub(crate) fn place(&self) -> (bool, bool, i64) {
        if self.trail.is_some() { (true, false, 0) } else { (false, self.order.side == Side::Sell, self.rank()) }
    }
}

impl Model {
    pub(crate) fn stop_order(
        &mut self,
        command: &Command,
        new: &NewOrder,
        account: usize,
        trigger: Trigger,
        lifetime: Option<Lifetime>,
    ) -> Result<(), Reject> {
        let waiting = self.check_stop(command, new, account, trigger, lifetime)?;
        self.can_pay(&waiting.order, 0)?;
        self.events.push(Event::Accepted { order: waiting.order.id });
        self.wait_or_go(waiting);
        Ok(())
    }

    pub(crate) fn check_stop(
        &mut self,
        command: &Command,
        new: &NewOrder,
        account: usize,
        trigger: Trigger,
        lifetime: Option<Lifetime>,
    ) -> Result<Waiting, Reject> {
        let mut waiting = Waiting {
            order: Order { lifetime, ..self.entering(new, account)? },
            limit: None,
            trigger: 0,
            trail: None,
            time_in_force: new.time_in_force,
            triggered: false,
        };
        waiting.limit = waiting.order.limit;
        match trigger {
            Trigger::At(price) => waiting.trigger = price.ticks(),
            Trigger::Trailing { ticks } => {
                let last = *self.last_prices.get(&waiting.order.instrument).ok_or(Reject::NoLastTrade)?;
                let trail = i64::from(ticks);
                waiting.trail = Some(trail);
                waiting.trigger = if new.side == Side::Buy { last + trail } else { last - trail };
            }
        }
        let triggered = Order { limit: Some(waiting.trigger), ..waiting.order };
        self.check_bounds(&triggered)?;
        // A trigger that trails goes where trades go.
        if waiting.trail.is_none() {
            self.check_own_terms(&triggered)?;
        }
        self.check_terms(&waiting.order)?;
        self.check_phase(waiting.order.instrument, !self.goes_at_once(&waiting))?;
        waiting.order.limit = waiting.limit.or(Some(waiting.trigger));
        self.check_guard(command, &waiting.order, true)?;
        if self.open_orders() == self.capacity.orders_max as usize || !self.has_room_to_wait(&waiting) {
            return Err(Reject::CapacityReached);
        }
        Ok(waiting)
    }

    pub(crate) fn wait_or_go(&mut self, waiting: Waiting) {
        let (asset, amount) = self.needs(&waiting.order);
        self.balances.entry((waiting.order.account, asset)).or_default().reserved += amount;
        let place = self.next_place();
        self.waiting.push(Waiting { order: Order { place, over: false, ..waiting.order }, ..waiting });
        if self.goes_at_once(&waiting) {
            self.go(self.waiting.len() - 1);
        }
    }

    pub(crate) fn goes_at_once(&self, waiting: &Waiting) -> bool {
        self.last_prices.get(&waiting.order.instrument).is_some_and(|&last| waiting.is_triggered_by(last))
    }

    /// Distinct triggers are bounded, for each book and side.
    pub(crate) fn has_room_to_wait(&self, waiting: &Waiting) -> bool {
        let same = |other: &&Waiting| {
            other.trail.is_none() && (other.order.instrument, other.order.side) == (waiting.order.instrument, waiting.order.side)
        };
        let mut triggers: Vec<i64> = self.waiting.iter().filter(same).map(|other| other.trigger).collect();
        triggers.sort_unstable();
        triggers.dedup();
        let full = triggers.len() == usize::from(self.capacity.spill_levels_max);
        waiting.trail.is_some() || triggers.contains(&waiting.trigger) || !full
    }

    /// A trade was made.
    pub(crate) fn observe(&mut self, instrument: usize, price: i64) {
        self.last_prices.insert(instrument, price);
        for waiting in self.waiting.iter_mut().filter(|waiting| waiting.order.instrument == instrument && !waiting.triggered) {
            if let Some(trail) = waiting.trail {
                waiting.trigger = match waiting.order.side {
                    Side::Buy => waiting.trigger.min(price + trail),
                    Side::Sell => waiting.trigger.max(price - trail),
                };
            }
            waiting.triggered = waiting.is_triggered_by(price);
        }
    }

    /// Enters what was triggered, one after the other.
    pub(crate) fn go_triggered(&mut self) {
        loop {
            self.stop_quotes();
            if !self.noted.is_empty() {
                self.settle_ties();
                continue;
            }
            let triggered = (0..self.waiting.len()).filter(|&at| self.waiting[at].triggered);
            let first = triggered.min_by_key(|&at| (self.waiting[at].order.side == Side::Sell, self.waiting[at].rank(), at));
            match first {
                Some(at) => self.go(at),
                None if self.let_first_in() => {}
                None => return,
            }
        }
    }

    fn go(&mut self, at: usize) {
        let order = self.waiting[at].order;
        self.part(&order);
        let Waiting { order, limit, time_in_force, .. } = self.stop_waiting(at);
        self.events.push(Event::Triggered { order: order.id });
        let order = self.reaching(Order { limit, ..order });
        if time_in_force == TimeInForce::GoodTillCancel && !self.has_room(&order) {
            return self.end(order.id, order.left, CancelReason::NoRoom);
        }
        self.execute(order, time_in_force, None);
    }

    /// Takes it off the list and releases what it reserved.
    pub(crate) fn stop_waiting(&mut self, at: usize) -> Waiting {
        let waiting = self.waiting.remove(at);
        let (asset, amount) = self.needs(&waiting.order);
        let amount = self.take_reserved(waiting.order.id).unwrap_or(amount);
        self.balances.get_mut(&(waiting.order.account, asset)).unwrap().reserved -= amount;
        waiting
    }

    pub(crate) fn replace_waiting(&mut self, command: &Command, at: usize, price: Price, qty: Qty) -> Result<(), Reject> {
        let old = self.waiting[at];
        if old.trail.is_some() {
            return Err(Reject::Contradiction);
        }
        let (limit, lots) = (Some(price.ticks()), qty.lots());
        let mut new = Waiting { order: Order { limit, left: lots, shown: lots, total: lots, ..old.order }, ..old };
        self.check_terms(&new.order)?;
        match old.limit {
            Some(_) => new.limit = limit,
            None => new.trigger = price.ticks(),
        }
        self.check_phase(new.order.instrument, !self.goes_at_once(&new))?;
        self.check_guard(command, &new.order, false)?;
        let order: OrderId = old.order.id;
        if new.order.limit == old.order.limit && lots < old.order.left {
            let (asset, before) = self.needs(&old.order);
            let (_, after) = self.needs(&new.order);
            if !self.is_paired(order) {
                self.balances.get_mut(&(old.order.account, asset)).unwrap().reserved -= before - after;
            }
            self.waiting[at] = new;
            self.note_order(order);
            self.events.push(Event::Replaced { order, price, qty, kept_priority: true });
            return Ok(());
        }
        if !self.has_room_to_wait(&new) {
            return Err(Reject::CapacityReached);
        }
        if self.is_paired(order) {
            return self.replace_paired(new, price, qty);
        }
        self.can_pay(&new.order, self.needs(&old.order).1)?;
        self.stop_waiting(at);
        self.events.push(Event::Replaced { order, price, qty, kept_priority: false });
        self.wait_or_go(new);
        Ok(())
    }
}
