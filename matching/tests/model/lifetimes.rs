//! How long orders rest: every order knows, and all are looked at whenever something may end.

use crate::{Found, Model, Order};
use plinth_matching::limits::{AUCTION_MAX, EXPIRED_MAX};
use plinth_types::command::{Command, NewOrder, OrderPrice, TimeInForce};
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::{OrderId, TimestampNs};
use plinth_types::instructions::{Instructions, Lifetime};
use plinth_types::quantity::{Lots, Price, Qty};
use plinth_types::reference::{Expiry, Phase};
use plinth_types::reject::Reject;

pub(crate) fn auction_of(instructions: &Instructions) -> Option<Phase> {
    match instructions.lifetime {
        Some(Lifetime::Opening) => Some(Phase::OpeningAuction),
        Some(Lifetime::Closing) => Some(Phase::ClosingAuction),
        Some(Lifetime::Day | Lifetime::Until(_)) | None => None,
    }
}

impl Model {
    /// Ends what is due by time, as much as one command may. Whether more is due.
    pub(crate) fn expire_late(&mut self, time: TimestampNs) -> bool {
        for _ in 0..EXPIRED_MAX {
            let Some(order) = self.late(time) else { return false };
            self.expire(order);
        }
        self.late(time).is_some()
    }

    pub(crate) fn late(&self, time: TimestampNs) -> Option<OrderId> {
        let until = |order: &Order| match order.lifetime {
            Some(Lifetime::Until(at)) if at <= time => Some((at, order.id)),
            _ => None,
        };
        self.open().filter_map(until).min().map(|(_, id)| id)
    }

    fn expire(&mut self, order: OrderId) {
        let (found, _) = self.locate(order).unwrap();
        let lots = Lots::new(self.remove(found).left);
        self.events.push(Event::Cancelled { order, lots, reason: CancelReason::Expired });
    }

    /// The next place among orders with a lifetime.
    pub(crate) fn next_place(&mut self) -> u64 {
        self.places += 1;
        self.places
    }

    pub(crate) fn auction_order(
        &mut self,
        command: &Command,
        new: &NewOrder,
        account: usize,
        instructions: Instructions,
    ) -> Result<(), Reject> {
        let Instructions { lifetime, .. } = instructions;
        let plain = instructions == Instructions { lifetime, ..Instructions::NONE };
        if new.post_only || !plain || new.price == OrderPrice::Market || new.time_in_force != TimeInForce::GoodTillCancel {
            return Err(Reject::Contradiction);
        }
        let order = Order { lifetime, ..self.entering(new, account)? };
        self.check_terms(&order)?;
        self.check_phase(order.instrument, true)?;
        self.check_guard(command, &order, true)?;
        let is_on = Some(self.phase(order.instrument)) == auction_of(&instructions);
        let auction = |other: &&Order| {
            other.instrument == order.instrument && matches!(other.lifetime, Some(Lifetime::Opening | Lifetime::Closing))
        };
        let crowded = self.open().filter(auction).count() == AUCTION_MAX as usize;
        if self.open_orders() == self.capacity.orders_max as usize || crowded || (is_on && !self.has_room(&order)) {
            return Err(Reject::CapacityReached);
        }
        self.can_pay(&order, 0)?;
        self.events.push(Event::Accepted { order: order.id });
        if is_on {
            self.enter(order)
        } else {
            self.park(order)
        }
        Ok(())
    }

    fn park(&mut self, order: Order) {
        let (asset, amount) = self.needs(&order);
        self.balances.entry((order.account, asset)).or_default().reserved += amount;
        let place = self.next_place();
        self.parked.push(Order { place, over: false, ..order });
    }

    pub(crate) fn leave_parked(&mut self, at: usize) -> Order {
        let order = self.parked.remove(at);
        let (asset, amount) = self.needs(&order);
        self.balances.get_mut(&(order.account, asset)).unwrap().reserved -= amount;
        order
    }

    pub(crate) fn replace_parked(&mut self, command: &Command, at: usize, price: Price, qty: Qty) -> Result<(), Reject> {
        let old = self.parked[at];
        let lots = qty.lots();
        let new = Order { limit: Some(price.ticks()), left: lots, shown: lots, total: lots, ..old };
        self.check_terms(&new)?;
        self.check_phase(new.instrument, true)?;
        self.check_guard(command, &new, false)?;
        let event = |kept_priority| Event::Replaced { order: old.id, price, qty, kept_priority };
        if new.limit == old.limit && lots < old.left {
            let (asset, before) = self.needs(&old);
            let (_, after) = self.needs(&new);
            self.balances.get_mut(&(old.account, asset)).unwrap().reserved -= before - after;
            self.parked[at] = new;
            self.events.push(event(true));
            return Ok(());
        }
        self.can_pay(&new, self.needs(&old).1)?;
        self.leave_parked(at);
        self.events.push(event(false));
        self.park(new);
        Ok(())
    }

    /// The auction's phase begins.
    pub(crate) fn enter_parked(&mut self, instrument: usize, phase: Phase) {
        loop {
            let goes = |order: &Order| {
                let own = match order.lifetime {
                    Some(Lifetime::Opening) => Phase::OpeningAuction,
                    _ => Phase::ClosingAuction,
                };
                order.instrument == instrument && own == phase && !order.over
            };
            let Some(at) = (0..self.parked.len()).filter(|&at| goes(&self.parked[at])).min_by_key(|&at| self.parked[at].place)
            else {
                return;
            };
            let order = self.leave_parked(at);
            self.events.push(Event::Triggered { order: order.id });
            if self.has_room(&order) {
                self.enter(order);
            } else {
                self.end(order.id, order.left, CancelReason::NoRoom);
            }
        }
    }

    /// An uncrossing is over.
    pub(crate) fn end_auction(&mut self, instrument: usize) {
        let fits = |order: &&Order| {
            order.instrument == instrument && matches!(order.lifetime, Some(Lifetime::Opening | Lifetime::Closing))
        };
        while let Some(order) = self.orders.iter().filter(fits).min_by_key(|order| order.place).map(|order| order.id) {
            self.expire(order);
        }
    }

    pub(crate) fn end_day(&mut self, instrument: usize) {
        for wanted in [Lifetime::Day, Lifetime::Closing] {
            let due = |order: &&Order| {
                let parked = wanted == Lifetime::Day || self.parked.iter().any(|parked| parked.id == order.id);
                order.instrument == instrument && order.lifetime == Some(wanted) && !order.over && parked
            };
            let mut ending: Vec<(u64, OrderId)> = self.open().filter(due).map(|order| (order.place, order.id)).collect();
            ending.sort_unstable();
            for (_, id) in ending {
                let place = self.next_place();
                let order = self.open_mut().find(|order| order.id == id).unwrap();
                (order.over, order.place) = (true, place);
            }
        }
    }

    /// Ends a part of what ended days left.
    pub(crate) fn expire_over(&mut self, instrument: usize) {
        for _ in 0..EXPIRED_MAX {
            let first = self.over(instrument).min_by_key(|order| order.place).map(|order| order.id);
            let Some(order) = first else { return };
            self.expire(order);
        }
    }

    pub(crate) fn over(&self, instrument: usize) -> impl Iterator<Item = &Order> {
        self.open().filter(move |order| order.instrument == instrument && order.over)
    }

    pub(crate) fn expire_configured(&mut self, expiry: Expiry) -> Result<(), Reject> {
        let at = expiry.instrument.get() as usize;
        self.instruments.get(at).ok_or(Reject::UnknownInstrument { instrument: expiry.instrument })?;
        if expiry.ends_day {
            if self.phase(at) == Phase::Continuous {
                return Err(Reject::NotInPhase);
            }
            self.end_day(at);
        }
        self.expire_over(at);
        Ok(())
    }

    /// Where mass cancels find a parked order.
    pub(crate) fn parked_place(&self, at: usize) -> (bool, bool, u64) {
        let order = &self.parked[at];
        (order.over, order.lifetime == Some(Lifetime::Closing) && !order.over, order.place)
    }

    /// All open orders of whatever kind.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Order> {
        self.orders
            .iter()
            .chain(self.waiting.iter().map(|waiting| &waiting.order))
            .chain(&self.parked)
            .chain(&self.idle)
            .chain(self.held.iter().map(|held| &held.order))
    }

    fn open_mut(&mut self) -> impl Iterator<Item = &mut Order> {
        self.orders
            .iter_mut()
            .chain(self.waiting.iter_mut().map(|waiting| &mut waiting.order))
            .chain(&mut self.parked)
            .chain(&mut self.idle)
            .chain(self.held.iter_mut().map(|held| &mut held.order))
    }

    /// Where an order waits for an auction, or to be priced.
    pub(crate) fn find_parked(&self, order: OrderId) -> Option<(Found, Order)> {
        let parked = self.parked.iter().position(|other| other.id == order).map(|at| (Found::Parked(at), self.parked[at]));
        let idle = self.idle.iter().position(|other| other.id == order).map(|at| (Found::Idle(at), self.idle[at]));
        parked.or(idle)
    }
}
