//! What is asked of orders: which are let in, changed, taken off, and what is refused.

use crate::{Guarded, Model, Order};
use plinth_types::codec::{Codec, Reader};
use plinth_types::command::{Command, MassCancel, MassCancelCause, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::{AssetId, OrderId, SessionId};
use plinth_types::instructions::Instructions;
use plinth_types::quantity::{Lots, Price, Qty};
use plinth_types::reference::{Instrument, Scope};
use plinth_types::reject::Reject;

impl Model {
    pub(crate) fn new_order(&mut self, command: &Command, new: &NewOrder, tail: &[u8]) -> Result<(), Reject> {
        let last = self.last_order.get_mut(usize::from(command.session.get())).ok_or(Reject::NotMandated)?;
        if new.order != OrderId::new(command.session, *last + 1).unwrap() {
            return Err(Reject::OutOfSequence { expected: *last + 1 });
        }
        *last += 1;
        let account = self.mandated(command, true)?;
        let limit = match new.price {
            OrderPrice::Limit(price) => Some(price.ticks()),
            OrderPrice::Market => None,
        };
        let rests = new.time_in_force == TimeInForce::GoodTillCancel;
        if (new.post_only || limit.is_none()) && rests != new.post_only {
            return Err(Reject::Contradiction);
        }
        if new.post_only && limit.is_none() {
            return Err(Reject::Contradiction);
        }
        let (display, minimum) = read_instructions(new, tail)?;
        let instrument = new.instrument.get() as usize;
        self.instruments.get(instrument).ok_or(Reject::UnknownInstrument { instrument: new.instrument })?;
        let lots = new.qty.lots();
        let mut order = Order {
            id: new.order,
            account,
            instrument,
            side: new.side,
            limit,
            reach: None,
            left: lots,
            shown: lots,
            display,
            total: lots,
            post_only: new.post_only,
        };
        self.check_terms(&order)?;
        self.check_guard(command, &order, rests)?;
        let reach = self.bands.get(&instrument).and_then(|bands| bands.market_reach);
        if let (None, Some(reach), Some(best)) = (limit, reach, self.best_maker(&order)) {
            let best = self.orders[best].limit.unwrap();
            order.reach = Some(if new.side == Side::Buy { best + i64::from(reach) } else { best - i64::from(reach) });
        }
        if new.post_only && self.best_maker(&order).is_some() {
            return Err(Reject::WouldTake);
        }
        if rests && (self.orders.len() == self.capacity.orders_max as usize || !self.has_room(&order)) {
            return Err(Reject::CapacityReached);
        }
        self.can_pay(&order, 0)?;
        self.events.push(Event::Accepted { order: order.id });
        match new.time_in_force {
            TimeInForce::GoodTillCancel => self.enter(order),
            TimeInForce::ImmediateOrCancel => {
                if let Some(minimum) = minimum
                    && let Some(reason) = self.fillable(&Order { left: minimum, ..order })
                {
                    self.end(order.id, order.left, reason);
                    return Ok(());
                }
                let reason = self.trade(&mut order);
                self.end(order.id, order.left, reason);
            }
            TimeInForce::FillOrKill => match self.fillable(&order) {
                None => {
                    self.trade(&mut order);
                    assert_eq!(order.left, 0);
                }
                Some(reason) => self.end(order.id, order.left, reason),
            },
        }
        Ok(())
    }

    pub(crate) fn end(&mut self, order: OrderId, left: u64, reason: CancelReason) {
        if left > 0 {
            self.events.push(Event::Cancelled { order, lots: Lots::new(left), reason });
        }
    }

    pub(crate) fn enter(&mut self, mut rest: Order) {
        if self.trade(&mut rest) == CancelReason::SelfMatch {
            return self.end(rest.id, rest.left, CancelReason::SelfMatch);
        }
        if rest.left > 0 {
            let rest = rest.with(rest.left);
            let (asset, amount) = self.needs(&rest);
            self.balances.entry((rest.account, asset)).or_default().reserved += amount;
            self.orders.push(rest);
        }
    }

    pub(crate) fn replace(&mut self, command: &Command, id: OrderId, price: Price, qty: Qty) -> Result<(), Reject> {
        let at = self.find(command, id, true)?;
        let old = self.orders[at];
        let traded = old.total - old.left;
        let mut new = Order { limit: Some(price.ticks()), left: 0, total: qty.lots(), ..old };
        self.check_terms(&new)?;
        self.check_guard(command, &Order { left: qty.lots(), ..new }, false)?;
        if qty.lots() < traded {
            return Err(Reject::AlreadyFilled);
        }
        new.left = qty.lots() - traded;
        let event = |kept_priority| Event::Replaced { order: id, price, qty, kept_priority };
        if new.left == 0 {
            self.take_off(at);
            self.events.push(event(false));
            self.events.push(Event::Cancelled { order: id, lots: Lots::ZERO, reason: CancelReason::ReplacedToFilled });
            return Ok(());
        }
        if new.limit == old.limit && new.left < old.left {
            let (asset, before) = self.needs(&old);
            let (_, after) = self.needs(&new);
            self.balances.get_mut(&(old.account, asset)).unwrap().reserved -= before - after;
            self.orders[at] = new.smaller(new.left);
            self.events.push(event(true));
            return Ok(());
        }
        if new.post_only && self.best_maker(&new).is_some() {
            return Err(Reject::WouldTake);
        }
        if !self.has_room(&new) {
            return Err(Reject::CapacityReached);
        }
        self.can_pay(&new, self.needs(&old).1)?;
        self.take_off(at);
        self.events.push(event(false));
        self.enter(new);
        Ok(())
    }

    pub(crate) fn mandated(&self, command: &Command, trade: bool) -> Result<usize, Reject> {
        let mandate = self.mandates.get(command.mandate.get() as usize).ok_or(Reject::NotMandated)?;
        let allowed =
            mandate.session == command.session && command.time <= mandate.expires_at && (mandate.scope == Scope::Trade || !trade);
        if allowed { Ok(mandate.account.get() as usize) } else { Err(Reject::NotMandated) }
    }

    pub(crate) fn find(&self, command: &Command, order: OrderId, trade: bool) -> Result<usize, Reject> {
        let account = self.mandated(command, trade)?;
        let own = |found: &Order| found.id == order && order.session() == command.session;
        let at = self.orders.iter().position(own).ok_or(Reject::UnknownOrder)?;
        if self.orders[at].account == account { Ok(at) } else { Err(Reject::NotMandated) }
    }

    pub(crate) fn check_terms(&self, order: &Order) -> Result<(), Reject> {
        let qty_max = self.instruments[order.instrument].qty_max;
        if order.total > qty_max.lots() {
            return Err(Reject::TooLarge { qty_max });
        }
        let Some(limit) = order.limit else { return Ok(()) };
        if limit <= 0 {
            return Err(Reject::PriceNotPositive);
        }
        match self.bands.get(&order.instrument) {
            Some(bands) if limit < bands.low.ticks() => Err(Reject::OutsideBands { band: bands.low }),
            Some(bands) if limit > bands.high.ticks() => Err(Reject::OutsideBands { band: bands.high }),
            Some(_) | None => Ok(()),
        }
    }

    pub(crate) fn guarded(&self, account: usize) -> Guarded {
        self.guarded.get(&account).copied().unwrap_or_default()
    }

    pub(crate) fn check_guard(&self, command: &Command, order: &Order, rests: bool) -> Result<(), Reject> {
        let guarded = self.guarded(order.account);
        if guarded.suspended || self.suspended_sessions.contains(&command.session.get()) {
            return Err(Reject::Suspended);
        }
        if let (Some(limit), Some(max)) = (order.limit, guarded.notional_max)
            && limit as u128 * u128::from(order.left) > max
        {
            return Err(Reject::NotionalTooLarge { notional_max: max as u64 });
        }
        let open = self.orders.iter().filter(|other| other.account == order.account).count();
        match guarded.orders_max {
            Some(orders_max) if rests && open >= orders_max as usize => Err(Reject::TooManyOrders { orders_max }),
            Some(_) | None => Ok(()),
        }
    }

    pub(crate) fn mass_cancel(&mut self, command: &Command, mass: &MassCancel) -> Result<u32, Reject> {
        if command.session != SessionId::APPLIANCE && mass.session != Some(command.session) {
            return Err(Reject::NotMandated);
        }
        if let Some(account) = mass.account {
            self.known_account(account)?;
        }
        if let Some(instrument) = mass.instrument
            && instrument.get() as usize >= self.instruments.len()
        {
            return Err(Reject::UnknownInstrument { instrument });
        }
        let reason = match mass.cause {
            MassCancelCause::Request => CancelReason::MassRequested,
            MassCancelCause::Disconnect => CancelReason::Disconnected,
        };
        Ok(self.cancel_all(reason, |order| {
            mass.session.is_none_or(|session| session == order.id.session())
                && mass.account.is_none_or(|account| account.get() as usize == order.account)
                && mass.instrument.is_none_or(|instrument| instrument.get() as usize == order.instrument)
                && mass.side.is_none_or(|side| side == order.side)
        }))
    }

    /// Cancels what fits, in the order of the books.
    pub(crate) fn cancel_all(&mut self, reason: CancelReason, fits: impl Fn(&Order) -> bool) -> u32 {
        let mut going: Vec<(usize, Order)> = self.orders.iter().copied().enumerate().filter(|(_, order)| fits(order)).collect();
        going.sort_by_key(|&(at, order)| match order.side {
            Side::Buy => (order.instrument, 0, -order.limit.unwrap(), at),
            Side::Sell => (order.instrument, 1, order.limit.unwrap(), at),
        });
        for (_, order) in &going {
            let at = self.orders.iter().position(|other| other.id == order.id).unwrap();
            let gone = self.take_off(at);
            self.events.push(Event::Cancelled { order: gone.id, lots: Lots::new(gone.left), reason });
        }
        going.len() as u32
    }

    /// Prices outside the window are bounded, for each book and side.
    pub(crate) fn has_room(&self, order: &Order) -> bool {
        let Instrument { window_low, window_bits, .. } = self.instruments[order.instrument];
        let window = window_low.ticks()..window_low.ticks() + (1 << window_bits);
        let limit = order.limit.unwrap();
        let same_side = |other: &&Order| other.instrument == order.instrument && other.side == order.side;
        let mut outside: Vec<i64> = self.orders.iter().filter(same_side).map(|other| other.limit.unwrap()).collect();
        outside.retain(|price| !window.contains(price));
        outside.sort_unstable();
        outside.dedup();
        window.contains(&limit) || outside.contains(&limit) || outside.len() < usize::from(self.capacity.spill_levels_max)
    }

    /// What an order reserves.
    pub(crate) fn needs(&self, order: &Order) -> (u16, u128) {
        let Instrument { base, quote, .. } = self.instruments[order.instrument];
        match (order.side, order.limit) {
            (Side::Buy, Some(limit)) => (quote.get(), limit as u128 * u128::from(order.left)),
            (Side::Sell, Some(_)) => (base.get(), u128::from(order.left)),
            (Side::Buy, None) => (quote.get(), 0),
            (Side::Sell, None) => (base.get(), 0),
        }
    }

    pub(crate) fn available(&self, account: usize, asset: u16) -> u128 {
        let balance = self.balances.get(&(account, asset)).copied().unwrap_or_default();
        balance.settled - balance.reserved
    }

    pub(crate) fn can_pay(&self, order: &Order, released: u128) -> Result<(), Reject> {
        let (asset, amount) = self.needs(order);
        let available = self.available(order.account, asset) + released;
        if amount <= available {
            return Ok(());
        }
        Err(Reject::InsufficientFunds { asset: AssetId::new(asset), shortfall: (amount - available) as u64 })
    }
}

/// What is shown at a time, and what must trade at once.
fn read_instructions(new: &NewOrder, tail: &[u8]) -> Result<(Option<u64>, Option<u64>), Reject> {
    if !new.instructed {
        return Ok((None, None));
    }
    let Instructions { display, minimum } = Instructions::read(&mut Reader::new(tail)).map_err(|_| Reject::Malformed)?;
    let too_large = display.max(minimum) > Some(new.qty);
    let wrong_time = (display.is_some() && new.time_in_force != TimeInForce::GoodTillCancel)
        || (minimum.is_some() && new.time_in_force != TimeInForce::ImmediateOrCancel);
    if too_large || wrong_time { Err(Reject::Contradiction) } else { Ok((display.map(Qty::lots), minimum.map(Qty::lots))) }
}
