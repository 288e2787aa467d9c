//! What is asked of orders: which are let in, changed, taken off, and what is refused.

use crate::lifetimes::auction_of;
use crate::waiting::Waiting;
use crate::{Found, Guarded, Model, Order};
use plinth_types::codec::{Codec, Reader};
use plinth_types::command::{Command, MassCancel, MassCancelCause, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::{AssetId, OrderId, SessionId};
use plinth_types::instructions::{Instructions, Lifetime};
use plinth_types::quantity::{Lots, Price, Qty};
use plinth_types::reference::{Instrument, Phase, Scope};
use plinth_types::reject::Reject;

impl Model {
    fn identify(&mut self, command: &Command, new: &NewOrder) -> Result<usize, Reject> {
        let last = self.last_order.get_mut(usize::from(command.session.get())).ok_or(Reject::NotMandated)?;
        if new.order != OrderId::new(command.session, *last + 1).unwrap() {
            return Err(Reject::OutOfSequence { expected: *last + 1 });
        }
        *last += 1;
        self.mandated(command, true)
    }

    pub(crate) fn new_order(&mut self, command: &Command, new: &NewOrder, tail: &[u8]) -> Result<(), Reject> {
        let account = self.identify(command, new)?;
        if self.late {
            return Err(Reject::Expiring);
        }
        let rests = new.time_in_force == TimeInForce::GoodTillCancel;
        let market = new.price == OrderPrice::Market;
        let instructions = read_instructions(command, new, tail);
        if let Ok(instructions) = instructions
            && let Some(link) = instructions.link
        {
            return self.tied_order(command, new, account, instructions, link);
        }
        if let Ok(instructions) = instructions
            && let Some(peg) = instructions.peg
        {
            return self.pegged_order(command, new, account, instructions, peg);
        }
        if let Ok(instructions) = instructions
            && auction_of(&instructions).is_some()
        {
            return self.auction_order(command, new, account, instructions);
        }
        if let Ok(Instructions { trigger: Some(trigger), display, minimum, lifetime, .. }) = instructions {
            if new.post_only || (market && rests) || display.is_some() || minimum.is_some() {
                return Err(Reject::Contradiction);
            }
            return self.stop_order(command, new, account, trigger, lifetime);
        }
        if (new.post_only || market) && rests != new.post_only {
            return Err(Reject::Contradiction);
        }
        if new.post_only && market {
            return Err(Reject::Contradiction);
        }
        let Instructions { display, minimum, lifetime, .. } = instructions?;
        let order = Order { display: display.map(Qty::lots), lifetime, ..self.entering(new, account)? };
        self.check_terms(&order)?;
        self.check_phase(order.instrument, rests && !new.post_only)?;
        self.check_guard(command, &order, rests)?;
        let order = self.reaching(order);
        if new.post_only && self.best_maker(&order).is_some() {
            return Err(Reject::WouldTake);
        }
        if rests && (self.open_orders() == self.capacity.orders_max as usize || !self.has_room(&order)) {
            return Err(Reject::CapacityReached);
        }
        self.can_pay(&order, 0)?;
        self.events.push(Event::Accepted { order: order.id });
        self.execute(order, new.time_in_force, minimum.map(Qty::lots));
        Ok(())
    }

    /// Refuses what the phase does not take.
    pub(crate) fn check_phase(&self, instrument: usize, rests: bool) -> Result<(), Reject> {
        match self.phase(instrument) {
            Phase::Continuous => Ok(()),
            Phase::Halt => Err(Reject::NotInPhase),
            Phase::PreOpen | Phase::OpeningAuction | Phase::VolatilityAuction | Phase::ClosingAuction => {
                if rests {
                    Ok(())
                } else {
                    Err(Reject::NotInPhase)
                }
            }
        }
    }

    /// The order as its head says.
    pub(crate) fn entering(&self, new: &NewOrder, account: usize) -> Result<Order, Reject> {
        let limit = match new.price {
            OrderPrice::Limit(price) => Some(price.ticks()),
            OrderPrice::Market => None,
        };
        let instrument = new.instrument.get() as usize;
        self.instruments.get(instrument).ok_or(Reject::UnknownInstrument { instrument: new.instrument })?;
        let lots = new.qty.lots();
        Ok(Order {
            id: new.order,
            account,
            instrument,
            side: new.side,
            limit,
            reach: None,
            left: lots,
            shown: lots,
            display: None,
            total: lots,
            post_only: new.post_only,
            group: 0,
            bound: None,
            lifetime: None,
            place: 0,
            over: false,
            pegged: None,
        })
    }

    /// With its reach, if it has no limit.
    pub(crate) fn reaching(&self, order: Order) -> Order {
        let reach = self.bands.get(&order.instrument).and_then(|bands| bands.market_reach);
        let (None, Some(reach), Some(best)) = (order.limit, reach, self.best_maker(&order)) else { return order };
        let best = self.orders[best].limit.unwrap();
        let reach = if order.side == Side::Buy { best + i64::from(reach) } else { best - i64::from(reach) };
        Order { reach: Some(reach), ..order }
    }

    /// Trades and rests as the time in force says.
    pub(crate) fn execute(&mut self, mut order: Order, time_in_force: TimeInForce, minimum: Option<u64>) {
        match time_in_force {
            TimeInForce::GoodTillCancel => self.enter(order),
            TimeInForce::ImmediateOrCancel => {
                if let Some(minimum) = minimum
                    && let Some(reason) = self.fillable(&Order { left: minimum, ..order })
                {
                    return self.end(order.id, order.left, reason);
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
    }

    /// Of all kinds.
    pub(crate) fn open_orders(&self) -> usize {
        self.open().count()
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
            self.note_top(&rest);
            let (asset, amount) = self.needs(&rest);
            self.balances.entry((rest.account, asset)).or_default().reserved += amount;
            let place = self.next_place();
            self.orders.push(Order { place, over: false, ..rest });
        }
    }

    pub(crate) fn replace(&mut self, command: &Command, id: OrderId, price: Price, qty: Qty) -> Result<(), Reject> {
        if self.late {
            return Err(Reject::Expiring);
        }
        let found = self.find(command, id, true)?;
        let at = match found {
            Found::Resting(at) if self.orders[at].pegged.is_some() => return self.replace_pegged(command, found, price, qty),
            Found::Resting(at) => at,
            Found::Waiting(at) => return self.replace_waiting(command, at, price, qty),
            Found::Parked(at) => return self.replace_parked(command, at, price, qty),
            Found::Idle(_) => return self.replace_pegged(command, found, price, qty),
            Found::Held(at) => return self.replace_held(command, at, price, qty),
        };
        let old = self.orders[at];
        if old.group != 0 {
            return Err(Reject::Contradiction);
        }
        let traded = old.total - old.left;
        let mut new = Order { limit: Some(price.ticks()), left: 0, total: qty.lots(), ..old };
        self.check_terms(&new)?;
        self.check_phase(new.instrument, true)?;
        self.check_guard(command, &Order { left: qty.lots(), ..new }, false)?;
        if qty.lots() < traded {
            return Err(Reject::AlreadyFilled);
        }
        new.left = qty.lots() - traded;
        let event = |kept_priority| Event::Replaced { order: id, price, qty, kept_priority };
        if new.left == 0 {
            self.take_off(at);
            self.note_order(id);
            self.events.push(event(false));
            self.events.push(Event::Cancelled { order: id, lots: Lots::ZERO, reason: CancelReason::ReplacedToFilled });
            return Ok(());
        }
        if new.limit == old.limit && new.left < old.left {
            let (asset, before) = self.needs(&old);
            let (_, after) = self.needs(&new);
            self.balances.get_mut(&(old.account, asset)).unwrap().reserved -= before - after;
            self.orders[at] = new.smaller(new.left);
            self.note_order(id);
            self.events.push(event(true));
            return Ok(());
        }
        if new.post_only && self.best_maker(&new).is_some() {
            return Err(Reject::WouldTake);
        }
        if !self.has_room(&new) {
            return Err(Reject::CapacityReached);
        }
        match self.beyond_when(&new) {
            None => self.can_pay(&new, self.needs(&old).1)?,
            Some((tie, is, becomes)) => {
                let ((asset, amount), available) = (self.needs(&new), self.available(new.account, self.needs(&new).0));
                let (needed, available) = (amount + becomes, available + self.needs(&old).1 + is);
                if needed > available {
                    let shortfall = (needed - available) as u64;
                    return Err(Reject::InsufficientFunds { asset: AssetId::new(asset), shortfall });
                }
                self.set_reserved(tie, new.account, asset, is, becomes);
            }
        }
        self.take_off(at);
        self.events.push(event(false));
        self.enter(new);
        self.after_entering(id);
        Ok(())
    }

    pub(crate) fn mandated(&self, command: &Command, trade: bool) -> Result<usize, Reject> {
        let mandate = self.mandates.get(command.mandate.get() as usize).ok_or(Reject::NotMandated)?;
        let allowed =
            mandate.session == command.session && command.time <= mandate.expires_at && (mandate.scope == Scope::Trade || !trade);
        if allowed { Ok(mandate.account.get() as usize) } else { Err(Reject::NotMandated) }
    }

    pub(crate) fn find(&self, command: &Command, order: OrderId, trade: bool) -> Result<Found, Reject> {
        let account = self.mandated(command, trade)?;
        let own = order.session() == command.session;
        let (found, open) = self.locate(order).filter(|_| own).ok_or(Reject::UnknownOrder)?;
        if open.account == account { Ok(found) } else { Err(Reject::NotMandated) }
    }

    /// An open order of whatever kind.
    pub(crate) fn locate(&self, order: OrderId) -> Option<(Found, Order)> {
        let resting = self.orders.iter().position(|other| other.id == order).map(|at| (Found::Resting(at), self.orders[at]));
        let waiting = self.waiting.iter().position(|other| other.order.id == order);
        let held = self.held.iter().position(|other| other.order.id == order).map(|at| (Found::Held(at), self.held[at].order));
        resting.or(waiting.map(|at| (Found::Waiting(at), self.waiting[at].order))).or(held).or_else(|| self.find_parked(order))
    }

    /// Takes it off and releases what it reserved.
    pub(crate) fn remove(&mut self, found: Found) -> Order {
        let gone = match found {
            Found::Resting(at) => self.take_off(at),
            Found::Waiting(at) => self.stop_waiting(at).order,
            Found::Parked(at) => self.leave_parked(at),
            Found::Idle(at) => self.leave_idle(at),
            Found::Held(at) => self.held.remove(at).order,
        };
        self.note_order(gone.id);
        gone
    }

    pub(crate) fn check_terms(&self, order: &Order) -> Result<(), Reject> {
        self.check_bounds(order)?;
        self.check_own_terms(order)
    }

    /// What every instrument has.
    pub(crate) fn check_bounds(&self, order: &Order) -> Result<(), Reject> {
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

    pub(crate) fn check_guard(&mut self, command: &Command, order: &Order, rests: bool) -> Result<(), Reject> {
        let guarded = self.guarded(order.account);
        if guarded.suspended || self.is_firm_suspended(order.account) || self.suspended_sessions.contains(&command.session.get()) {
            return Err(Reject::Suspended);
        }
        if let (Some(limit), Some(max)) = (order.limit, guarded.notional_max)
            && limit as u128 * u128::from(order.left) > max
        {
            return Err(Reject::NotionalTooLarge { notional_max: max as u64 });
        }
        let open = self.open().filter(|other| other.account == order.account).count();
        match guarded.orders_max {
            Some(orders_max) if rests && open >= orders_max as usize => Err(Reject::TooManyOrders { orders_max }),
            Some(_) | None => self.check_firm(order, rests),
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
        let mut count = 0;
        for instrument in 0..self.instruments.len() {
            for (_, order) in going.iter().filter(|(_, order)| order.instrument == instrument) {
                let at = self.orders.iter().position(|other| other.id == order.id).unwrap();
                let gone = self.take_off(at);
                self.note_order(gone.id);
                self.events.push(Event::Cancelled { order: gone.id, lots: Lots::new(gone.left), reason });
                count += 1;
            }
            let concerned = |waiting: &Waiting| waiting.order.instrument == instrument && fits(&waiting.order);
            while let Some(at) =
                (0..self.waiting.len()).filter(|&at| concerned(&self.waiting[at])).min_by_key(|&at| (self.waiting[at].place(), at))
            {
                let gone = self.stop_waiting(at).order;
                self.note_order(gone.id);
                self.events.push(Event::Cancelled { order: gone.id, lots: Lots::new(gone.left), reason });
                count += 1;
            }
            let concerned = |order: &Order| order.instrument == instrument && fits(order);
            while let Some(at) =
                (0..self.parked.len()).filter(|&at| concerned(&self.parked[at])).min_by_key(|&at| self.parked_place(at))
            {
                let gone = self.leave_parked(at);
                self.events.push(Event::Cancelled { order: gone.id, lots: Lots::new(gone.left), reason });
                count += 1;
            }
            while let Some(at) = self.first_idle(concerned) {
                let gone = self.leave_idle(at);
                self.events.push(Event::Cancelled { order: gone.id, lots: Lots::new(gone.left), reason });
                count += 1;
            }
        }
        while let Some(at) = self.held.iter().position(|held| fits(&held.order)) {
            let gone = self.remove(Found::Held(at));
            self.events.push(Event::Cancelled { order: gone.id, lots: Lots::new(gone.left), reason });
            count += 1;
        }
        count
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

/// None for an order without.
fn read_instructions(command: &Command, new: &NewOrder, tail: &[u8]) -> Result<Instructions, Reject> {
    if !new.instructed {
        return Ok(Instructions::NONE);
    }
    let instructions = Instructions::read(&mut Reader::new(tail)).map_err(|_| Reject::Malformed)?;
    let Instructions { display, minimum, trigger, lifetime, .. } = instructions;
    let too_large = display.max(minimum) > Some(new.qty);
    let wrong_time = (display.is_some() && new.time_in_force != TimeInForce::GoodTillCancel)
        || (minimum.is_some() && new.time_in_force != TimeInForce::ImmediateOrCancel)
        || (lifetime.is_some() && trigger.is_none() && new.time_in_force != TimeInForce::GoodTillCancel);
    if too_large || wrong_time {
        return Err(Reject::Contradiction);
    }
    match lifetime {
        Some(Lifetime::Until(time)) if command.time >= time => Err(Reject::Expired),
        _ => Ok(instructions),
    }
}
