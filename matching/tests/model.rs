//! The engine checked against a slow one that is obviously right: one list of orders, scanned from end to end, and its own arithmetic of
//! balances. Same commands in, same events out, same balances, for every seed.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod flow;

use flow::{Flow, Rng};
use plinth_matching::engine::Engine;
use plinth_matching::limits::Capacity;
use plinth_matching::state;
use plinth_types::codec::{Codec, Reader};
use plinth_types::command::{Body, Command, MassCancel, MassCancelCause, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::event::{CancelReason, Event, EventSink};
use plinth_types::id::{AccountId, AssetId, InboxIndex, OrderId, Seq, SessionId, TradeId, ZoneId};
use plinth_types::instructions::Instructions;
use plinth_types::limits::{AMOUNT_MAX, COMMAND_HEAD_SIZE};
use plinth_types::message::InboxMessage;
use plinth_types::quantity::{Amount, Lots, Price, Qty};
use plinth_types::reference::{Bands, Configuration, Instrument, Mandate, Scope, SelfMatch, SelfMatchMode, Suspension, Trader};
use plinth_types::reject::Reject;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, Debug)]
struct Order {
    id: OrderId,
    account: usize,
    instrument: usize,
    side: Side,
    /// `None` is a market order.
    limit: Option<i64>,
    /// How far a market order trades, if that is bounded.
    reach: Option<i64>,
    left: u64,
    /// The part of what is left that can trade now, and the most that it is; `None`: always all.
    shown: u64,
    display: Option<u64>,
    total: u64,
    post_only: bool,
}

impl Order {
    /// With `left` lots, of which as much is shown as may be.
    fn with(self, left: u64) -> Self {
        Self { left, shown: self.display.map_or(left, |display| display.min(left)), ..self }
    }

    /// Smaller, but no more is shown than was.
    fn smaller(self, left: u64) -> Self {
        Self { left, shown: self.shown.min(left), ..self }
    }
}

/// What an account is protected from.
#[derive(Clone, Copy, Debug, Default)]
struct Guarded {
    self_match: Option<SelfMatch>,
    orders_max: Option<u32>,
    notional_max: Option<u128>,
    suspended: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Balance {
    settled: u128,
    reserved: u128,
}

#[derive(Debug)]
struct Model {
    capacity: Capacity,
    accounts: usize,
    assets: usize,
    totals: Vec<u128>,
    balances: BTreeMap<(usize, u16), Balance>,
    instruments: Vec<Instrument>,
    mandates: Vec<Mandate>,
    last_order: Vec<u64>,
    suspended_sessions: BTreeSet<u16>,
    guarded: BTreeMap<usize, Guarded>,
    bands: BTreeMap<usize, Bands>,
    /// Oldest first: whoever loses its place goes to the end.
    orders: Vec<Order>,
    trades: u64,
    inbox: u64,
    events: Vec<Event>,
}

impl Model {
    fn new(capacity: Capacity) -> Self {
        Self {
            capacity,
            accounts: 0,
            assets: 0,
            totals: vec![0; usize::from(capacity.assets_max)],
            balances: BTreeMap::new(),
            instruments: Vec::new(),
            mandates: Vec::new(),
            last_order: vec![0; usize::from(capacity.sessions_max)],
            suspended_sessions: BTreeSet::new(),
            guarded: BTreeMap::new(),
            bands: BTreeMap::new(),
            orders: Vec::new(),
            trades: 0,
            inbox: 0,
            events: Vec::new(),
        }
    }

    fn apply(&mut self, command: &Command, tail: &[u8]) {
        match command.body {
            Body::New(new) => {
                if let Err(reject) = self.new_order(command, &new, tail) {
                    self.events.push(Event::Rejected { order: new.order, reject });
                }
            }
            Body::Cancel { order } => match self.find(command, order, false) {
                Ok(at) => {
                    let gone = self.take_off(at);
                    let lots = Lots::new(gone.left);
                    self.events.push(Event::Cancelled { order, lots, reason: CancelReason::Requested });
                }
                Err(reject) => self.events.push(Event::CancelRejected { order, reject }),
            },
            Body::Replace { order, price, qty } => {
                if let Err(reject) = self.replace(command, order, price, qty) {
                    self.events.push(Event::CancelRejected { order, reject });
                }
            }
            Body::Configure => {
                let at = self.events.len();
                let event = match self.configure(command, tail) {
                    Ok(()) => Event::Configured,
                    Err(reject) => Event::ConfigurationRefused { reject },
                };
                // What a suspension cancels comes after it.
                self.events.insert(at, event);
            }
            Body::MassCancel(mass) => {
                let event = match self.mass_cancel(command, &mass) {
                    Ok(orders) => Event::MassCancelled { orders },
                    Err(reject) => Event::MassCancelRejected { reject },
                };
                self.events.push(event);
            }
            Body::Inbox => self.inbox(command, tail),
            Body::Note => {}
        }
    }

    fn new_order(&mut self, command: &Command, new: &NewOrder, tail: &[u8]) -> Result<(), Reject> {
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

    fn end(&mut self, order: OrderId, left: u64, reason: CancelReason) {
        if left > 0 {
            self.events.push(Event::Cancelled { order, lots: Lots::new(left), reason });
        }
    }

    fn enter(&mut self, mut rest: Order) {
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

    fn replace(&mut self, command: &Command, id: OrderId, price: Price, qty: Qty) -> Result<(), Reject> {
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

    fn mandated(&self, command: &Command, trade: bool) -> Result<usize, Reject> {
        let mandate = self.mandates.get(command.mandate.get() as usize).ok_or(Reject::NotMandated)?;
        let allowed =
            mandate.session == command.session && command.time <= mandate.expires_at && (mandate.scope == Scope::Trade || !trade);
        if allowed { Ok(mandate.account.get() as usize) } else { Err(Reject::NotMandated) }
    }

    fn find(&self, command: &Command, order: OrderId, trade: bool) -> Result<usize, Reject> {
        let account = self.mandated(command, trade)?;
        let own = |found: &Order| found.id == order && order.session() == command.session;
        let at = self.orders.iter().position(own).ok_or(Reject::UnknownOrder)?;
        if self.orders[at].account == account { Ok(at) } else { Err(Reject::NotMandated) }
    }

    fn check_terms(&self, order: &Order) -> Result<(), Reject> {
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

    fn guarded(&self, account: usize) -> Guarded {
        self.guarded.get(&account).copied().unwrap_or_default()
    }

    fn check_guard(&self, command: &Command, order: &Order, rests: bool) -> Result<(), Reject> {
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

    fn mass_cancel(&mut self, command: &Command, mass: &MassCancel) -> Result<u32, Reject> {
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
    fn cancel_all(&mut self, reason: CancelReason, fits: impl Fn(&Order) -> bool) -> u32 {
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
    fn has_room(&self, order: &Order) -> bool {
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
    fn needs(&self, order: &Order) -> (u16, u128) {
        let Instrument { base, quote, .. } = self.instruments[order.instrument];
        match (order.side, order.limit) {
            (Side::Buy, Some(limit)) => (quote.get(), limit as u128 * u128::from(order.left)),
            (Side::Sell, Some(_)) => (base.get(), u128::from(order.left)),
            (Side::Buy, None) => (quote.get(), 0),
            (Side::Sell, None) => (base.get(), 0),
        }
    }

    fn available(&self, account: usize, asset: u16) -> u128 {
        let balance = self.balances.get(&(account, asset)).copied().unwrap_or_default();
        balance.settled - balance.reserved
    }

    fn can_pay(&self, order: &Order, released: u128) -> Result<(), Reject> {
        let (asset, amount) = self.needs(order);
        let available = self.available(order.account, asset) + released;
        if amount <= available {
            return Ok(());
        }
        Err(Reject::InsufficientFunds { asset: AssetId::new(asset), shortfall: (amount - available) as u64 })
    }

    /// The order that this one would trade with first.
    fn best_maker(&self, taker: &Order) -> Option<usize> {
        let crosses = |maker: &Order| {
            let price = maker.limit.unwrap();
            maker.instrument == taker.instrument
                && match (taker.side, maker.side) {
                    (Side::Buy, Side::Sell) => taker.limit.or(taker.reach).is_none_or(|limit| price <= limit),
                    (Side::Sell, Side::Buy) => taker.limit.or(taker.reach).is_none_or(|limit| price >= limit),
                    (Side::Buy, Side::Buy) | (Side::Sell, Side::Sell) => false,
                }
        };
        let rank = |at: usize| match taker.side {
            Side::Buy => self.orders[at].limit.unwrap(),
            Side::Sell => -self.orders[at].limit.unwrap(),
        };
        (0..self.orders.len()).filter(|&at| crosses(&self.orders[at])).min_by_key(|&at| (rank(at), at))
    }

    /// Trades what can be traded, and says why not more. The taker's money is not reserved meanwhile: it was found to be there.
    fn trade(&mut self, taker: &mut Order) -> CancelReason {
        let own = self.guarded(taker.account).self_match;
        let Instrument { base, quote, .. } = self.instruments[taker.instrument];
        let (base, quote) = (base.get(), quote.get());
        while taker.left > 0 {
            let Some(at) = self.best_maker(taker) else { return CancelReason::Unfilled };
            let maker = self.orders[at];
            if let Some(SelfMatch { group, mode }) = own
                && self.guarded(maker.account).self_match.is_some_and(|other| other.group == group)
            {
                match mode {
                    SelfMatchMode::CancelNewest => return CancelReason::SelfMatch,
                    SelfMatchMode::CancelOldest => self.lose(at, maker.left),
                    SelfMatchMode::CancelBoth => {
                        self.lose(at, maker.left);
                        return CancelReason::SelfMatch;
                    }
                    SelfMatchMode::Decrement => {
                        let lots = taker.left.min(maker.left);
                        self.lose(at, lots);
                        taker.left -= lots;
                        if taker.left == 0 {
                            self.end(taker.id, lots, CancelReason::SelfMatch);
                            return CancelReason::Unfilled;
                        }
                        taker.total -= lots;
                        self.events.push(Event::Reduced { order: taker.id, qty: Qty::from_lots(lots).unwrap() });
                    }
                }
                continue;
            }
            let price = maker.limit.unwrap();
            let mut lots = taker.left.min(maker.shown);
            if taker.limit.is_none() {
                let payable = match taker.side {
                    Side::Buy => self.available(taker.account, quote) / price as u128,
                    Side::Sell => self.available(taker.account, base),
                };
                lots = lots.min(payable as u64);
                if lots == 0 {
                    return CancelReason::FundsExhausted;
                }
            }
            let (cash, goods) = (price as u128 * u128::from(lots), u128::from(lots));
            let (buyer, seller) = match taker.side {
                Side::Buy => (taker.account, maker.account),
                Side::Sell => (maker.account, taker.account),
            };
            match maker.side {
                Side::Buy => self.balances.get_mut(&(buyer, quote)).unwrap().reserved -= cash,
                Side::Sell => self.balances.get_mut(&(seller, base)).unwrap().reserved -= goods,
            }
            self.balances.get_mut(&(buyer, quote)).unwrap().settled -= cash;
            self.balances.entry((seller, quote)).or_default().settled += cash;
            self.balances.get_mut(&(seller, base)).unwrap().settled -= goods;
            self.balances.entry((buyer, base)).or_default().settled += goods;
            taker.left -= lots;
            self.orders[at].left -= lots;
            self.orders[at].shown -= lots;
            if self.orders[at].shown == 0 {
                let maker = self.orders.remove(at);
                if maker.left > 0 {
                    self.orders.push(maker.with(maker.left));
                }
            }
            self.trades += 1;
            self.events.push(Event::Traded {
                trade: TradeId::new(self.trades),
                maker: maker.id,
                taker: taker.id,
                price: Price::from_ticks(price).unwrap(),
                qty: Qty::from_lots(lots).unwrap(),
            });
        }
        CancelReason::Unfilled
    }

    /// Takes `lots` off a resting order without a trade.
    fn lose(&mut self, at: usize, lots: u64) {
        let mut order = self.take_off(at);
        if order.left == lots {
            return self.end(order.id, lots, CancelReason::SelfMatch);
        }
        order = order.smaller(order.left - lots);
        order.total -= lots;
        let (asset, amount) = self.needs(&order);
        self.balances.get_mut(&(order.account, asset)).unwrap().reserved += amount;
        self.orders.insert(at, order);
        self.events.push(Event::Reduced { order: order.id, qty: Qty::from_lots(lots).unwrap() });
    }

    /// Why a fill-or-kill order cannot be filled, found on a copy of the book.
    fn fillable(&self, order: &Order) -> Option<CancelReason> {
        let mut copy = Self { orders: self.orders.clone(), instruments: self.instruments.clone(), ..Self::new(self.capacity) };
        let (mut left, mut cash) = (order.left, 0);
        while left > 0 {
            let Some(at) = copy.best_maker(order) else { return Some(CancelReason::NotFillable) };
            let maker = copy.orders.remove(at);
            let group = |account| self.guarded(account).self_match.map(|own| own.group);
            if group(order.account).is_some() && group(order.account) == group(maker.account) {
                match self.guarded(order.account).self_match.unwrap().mode {
                    SelfMatchMode::CancelOldest => continue,
                    SelfMatchMode::CancelNewest | SelfMatchMode::CancelBoth | SelfMatchMode::Decrement => {
                        return Some(CancelReason::NotFillable);
                    }
                }
            }
            let lots = left.min(maker.shown);
            if maker.left > maker.shown {
                copy.orders.push(maker.with(maker.left - maker.shown));
            }
            left -= lots;
            cash += maker.limit.unwrap() as u128 * u128::from(lots);
        }
        let Instrument { base, quote, .. } = self.instruments[order.instrument];
        let payable = match order.side {
            Side::Buy => cash <= self.available(order.account, quote.get()),
            Side::Sell => u128::from(order.left) <= self.available(order.account, base.get()),
        };
        (order.limit.is_none() && !payable).then_some(CancelReason::FundsExhausted)
    }

    fn take_off(&mut self, at: usize) -> Order {
        let order = self.orders.remove(at);
        let (asset, amount) = self.needs(&order);
        self.balances.get_mut(&(order.account, asset)).unwrap().reserved -= amount;
        order
    }

    fn configure(&mut self, command: &Command, tail: &[u8]) -> Result<(), Reject> {
        if command.session != SessionId::APPLIANCE {
            return Err(Reject::NotMandated);
        }
        let next = |id: u64, expected: usize| {
            if id == expected as u64 { Ok(()) } else { Err(Reject::OutOfSequence { expected: expected as u64 }) }
        };
        match Configuration::decode(tail).map_err(|_| Reject::Malformed)? {
            Configuration::AddAsset(asset) => {
                next(asset.id.get().into(), self.assets)?;
                if self.assets == usize::from(self.capacity.assets_max) {
                    return Err(Reject::CapacityReached);
                }
                self.assets += 1;
            }
            Configuration::OpenAccount(account) => {
                next(account.id.get().into(), self.accounts)?;
                if self.accounts == self.capacity.accounts_max as usize {
                    return Err(Reject::CapacityReached);
                }
                self.accounts += 1;
            }
            Configuration::ListInstrument(instrument) => {
                next(instrument.id.get().into(), self.instruments.len())?;
                self.known_asset(instrument.base)?;
                self.known_asset(instrument.quote)?;
                if instrument.base == instrument.quote || instrument.window_bits < 6 || instrument.window_bits > 20 {
                    return Err(Reject::Contradiction);
                }
                let levels: u64 = self.instruments.iter().map(|listed| 1 << listed.window_bits).sum();
                let full = self.instruments.len() == self.capacity.instruments_max as usize;
                if full || levels + (1 << instrument.window_bits) > self.capacity.levels_max.into() {
                    return Err(Reject::CapacityReached);
                }
                self.instruments.push(instrument);
            }
            Configuration::GrantMandate(signed) => {
                let mandate = signed.mandate;
                next(mandate.id.get().into(), self.mandates.len())?;
                self.known_account(mandate.account)?;
                if mandate.session == SessionId::APPLIANCE {
                    return Err(Reject::Contradiction);
                }
                let full = self.mandates.len() == self.capacity.mandates_max as usize;
                if full || mandate.session.get() >= self.capacity.sessions_max {
                    return Err(Reject::CapacityReached);
                }
                self.mandates.push(mandate);
            }
            Configuration::Suspend(Suspension { trader, suspended }) => {
                match trader {
                    Trader::Session(SessionId::APPLIANCE) => return Err(Reject::Contradiction),
                    Trader::Session(session) if session.get() >= self.capacity.sessions_max => return Err(Reject::CapacityReached),
                    Trader::Session(session) if suspended => drop(self.suspended_sessions.insert(session.get())),
                    Trader::Session(session) => drop(self.suspended_sessions.remove(&session.get())),
                    Trader::Account(account) => {
                        self.known_account(account)?;
                        self.guarded.entry(account.get() as usize).or_default().suspended = suspended;
                    }
                }
                if suspended {
                    self.cancel_all(CancelReason::Suspended, |order| match trader {
                        Trader::Session(session) => order.id.session() == session,
                        Trader::Account(account) => order.account == account.get() as usize,
                    });
                }
            }
            Configuration::Protect(protection) => {
                self.known_account(protection.account)?;
                let guarded = self.guarded.entry(protection.account.get() as usize).or_default();
                guarded.self_match = protection.self_match;
                guarded.orders_max = protection.orders_max;
                guarded.notional_max = protection.notional_max.map(Amount::units);
            }
            Configuration::SetBands(bands) => {
                let instrument = bands.instrument;
                self.instruments.get(instrument.get() as usize).ok_or(Reject::UnknownInstrument { instrument })?;
                if bands.low.ticks() <= 0 || bands.high < bands.low {
                    return Err(Reject::Contradiction);
                }
                self.bands.insert(instrument.get() as usize, bands);
            }
        }
        Ok(())
    }

    fn known_asset(&self, asset: AssetId) -> Result<(), Reject> {
        if usize::from(asset.get()) < self.assets { Ok(()) } else { Err(Reject::UnknownAsset { asset }) }
    }

    fn known_account(&self, account: AccountId) -> Result<(), Reject> {
        if (account.get() as usize) < self.accounts { Ok(()) } else { Err(Reject::UnknownAccount { account }) }
    }

    fn inbox(&mut self, command: &Command, tail: &[u8]) {
        let expected = self.inbox + 1;
        let mut refuse = |index, reject| self.events.push(Event::CreditRefused { index, reject });
        if command.session != SessionId::APPLIANCE {
            return refuse(InboxIndex::new(expected), Reject::NotMandated);
        }
        let Ok(message) = InboxMessage::decode(tail) else {
            return refuse(InboxIndex::new(expected), Reject::Malformed);
        };
        let InboxMessage { index, account, asset, amount, .. } = message;
        if message.zone != ZoneId::TRADING {
            return refuse(index, Reject::Malformed);
        }
        if index.get() != expected {
            return refuse(index, Reject::OutOfSequence { expected });
        }
        self.inbox = expected;
        let Some(account) = account.account() else {
            return self.events.push(Event::CreditRefused { index, reject: Reject::Malformed });
        };
        if let Err(reject) = self.known_account(account).and_then(|()| self.known_asset(asset)) {
            return self.events.push(Event::CreditRefused { index, reject });
        }
        let total = &mut self.totals[usize::from(asset.get())];
        if *total + amount.units() > AMOUNT_MAX {
            return self.events.push(Event::CreditRefused { index, reject: Reject::AmountTooLarge });
        }
        *total += amount.units();
        self.balances.entry((account.get() as usize, asset.get())).or_default().settled += amount.units();
        self.events.push(Event::Credited { index, account, asset });
    }

    /// Compares everything that is not an event.
    fn compare(&self, engine: &Engine, context: &str) {
        assert_eq!(engine.order_count() as usize, self.orders.len(), "{context}");
        assert_eq!(engine.last_trade().get(), self.trades, "{context}");
        assert_eq!(engine.inbox_index().get(), self.inbox, "{context}");
        for asset in 0..self.assets as u16 {
            let mut sum = 0;
            for account in 0..self.accounts {
                let balance = engine.balance(AccountId::new(account as u32), AssetId::new(asset)).unwrap();
                let found = Balance { settled: balance.settled.units(), reserved: balance.reserved.units() };
                let expected = self.balances.get(&(account, asset)).copied().unwrap_or_default();
                assert_eq!(found, expected, "account {account}, asset {asset}, {context}");
                sum += found.settled;
            }
            assert_eq!(sum, self.totals[usize::from(asset)], "{context}");
            assert_eq!(engine.total(AssetId::new(asset)).unwrap().units(), sum, "{context}");
        }
        for order in &self.orders {
            let found = engine.order(order.id).unwrap();
            assert_eq!((found.left.lots(), found.qty.lots()), (order.left, order.total), "{context}");
            assert_eq!((found.side, Some(found.price.ticks())), (order.side, order.limit), "{context}");
        }
        for (id, instrument) in self.instruments.iter().enumerate() {
            for side in [Side::Buy, Side::Sell] {
                let mut levels = BTreeMap::new();
                for order in self.orders.iter().filter(|order| order.instrument == id && order.side == side) {
                    *levels.entry(order.limit.unwrap()).or_insert(0) += order.shown;
                }
                let mut levels: Vec<(i64, u64)> = levels.into_iter().collect();
                if side == Side::Buy {
                    levels.reverse();
                }
                let depth: Vec<_> =
                    engine.depth(instrument.id, side).map(|level| (level.price.ticks(), level.lots.get())).collect();
                assert_eq!(depth, levels, "{side:?} of instrument {id}, {context}");
                assert_eq!(engine.best(instrument.id, side).map(|level| level.price.ticks()), levels.first().map(|level| level.0));
            }
        }
        engine.check_conservation().unwrap();
        state::check(engine).unwrap_or_else(|error| panic!("{error}, {context}"));
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

/// The kind of an event, with the reason of a refusal or end.
fn kind(event: &Event) -> String {
    let refused = |what: &str, reject: &Reject| {
        let text = format!("{reject:?}");
        format!("{what} {}", text.split([' ', '{']).next().unwrap())
    };
    match event {
        Event::Accepted { .. } => "accepted".into(),
        Event::Rejected { reject, .. } => refused("rejected", reject),
        Event::Traded { .. } => "traded".into(),
        Event::Cancelled { reason, .. } => format!("cancelled {reason:?}"),
        Event::Reduced { .. } => "reduced".into(),
        Event::MassCancelled { .. } => "mass cancelled".into(),
        Event::MassCancelRejected { reject } => refused("mass cancel rejected", reject),
        Event::Replaced { kept_priority, .. } => format!("replaced kept={kept_priority}"),
        Event::CancelRejected { reject, .. } => refused("cancel rejected", reject),
        Event::Credited { .. } => "credited".into(),
        Event::CreditRefused { reject, .. } => refused("credit refused", reject),
        Event::Configured => "configured".into(),
        Event::ConfigurationRefused { reject } => refused("configuration refused", reject),
    }
}

const KINDS: &[&str] = &[
    "accepted",
    "cancel rejected AlreadyFilled",
    "cancel rejected CapacityReached",
    "cancel rejected InsufficientFunds",
    "cancel rejected NotMandated",
    "cancel rejected NotionalTooLarge",
    "cancel rejected OutsideBands",
    "cancel rejected PriceNotPositive",
    "cancel rejected TooLarge",
    "cancel rejected UnknownOrder",
    "cancel rejected WouldTake",
    "cancelled Disconnected",
    "cancelled FundsExhausted",
    "cancelled MassRequested",
    "cancelled NotFillable",
    "cancelled ReplacedToFilled",
    "cancelled Requested",
    "cancelled SelfMatch",
    "cancelled Suspended",
    "cancelled Unfilled",
    "configuration refused CapacityReached",
    "configuration refused Contradiction",
    "configuration refused Malformed",
    "configuration refused NotMandated",
    "configuration refused OutOfSequence",
    "configuration refused UnknownAccount",
    "configuration refused UnknownAsset",
    "configuration refused UnknownInstrument",
    "configured",
    "credit refused AmountTooLarge",
    "credit refused Malformed",
    "credit refused NotMandated",
    "credit refused OutOfSequence",
    "credit refused UnknownAccount",
    "credit refused UnknownAsset",
    "credited",
    "mass cancel rejected NotMandated",
    "mass cancel rejected UnknownAccount",
    "mass cancel rejected UnknownInstrument",
    "mass cancelled",
    "reduced",
    "rejected CapacityReached",
    "rejected Contradiction",
    "rejected InsufficientFunds",
    "rejected Malformed",
    "rejected NotMandated",
    "rejected NotionalTooLarge",
    "rejected OutOfSequence",
    "rejected OutsideBands",
    "rejected PriceNotPositive",
    "rejected Suspended",
    "rejected TooLarge",
    "rejected TooManyOrders",
    "rejected UnknownInstrument",
    "rejected WouldTake",
    "replaced kept=false",
    "replaced kept=true",
    "traded",
];

#[test]
fn the_engine_says_what_the_model_says() {
    let (seeds, commands_per_seed) = (100_u64, 4_000);
    let mut fired: BTreeMap<String, u64> = BTreeMap::new();
    for seed in 0..seeds {
        let mut flow = Flow::new(seed);
        let mut engine = Engine::new(flow.capacity, ());
        let mut model = Model::new(flow.capacity);
        let mut events = Vec::new();
        for step in 0..commands_per_seed {
            let (command, tail) = flow.next_command();
            engine.apply(&command, &tail, &mut events);
            model.apply(&command, &tail);
            assert_eq!(events, model.events, "seed {seed}, step {step}, {command:?}");
            events.iter().for_each(|event| *fired.entry(kind(event)).or_default() += 1);
            events.clear();
            model.events.clear();
            if step % 200 == 0 {
                model.compare(&engine, &format!("seed {seed}, step {step}"));
            }
        }
        model.compare(&engine, &format!("seed {seed}, at the end"));
    }
    println!("{} commands over {seeds} seeds", seeds * commands_per_seed);
    fired.iter().for_each(|(kind, count)| println!("{count:>9} {kind}"));
    assert_eq!(fired.keys().map(String::as_str).collect::<Vec<_>>(), KINDS, "every kind of event fires");
}

/// FNV-1a over the text of events.
struct EventHash(u64);

impl EventSink for EventHash {
    fn emit(&mut self, event: Event) {
        for byte in format!("{event:?}").bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

#[test]
fn two_runs_say_the_same() {
    let run = |seed| {
        let mut flow = Flow::new(seed);
        let mut engine = Engine::new(flow.capacity, ());
        let mut hash = EventHash(0xcbf2_9ce4_8422_2325);
        for _ in 0..20_000 {
            let (command, tail) = flow.next_command();
            engine.apply(&command, &tail, &mut hash);
        }
        (hash.0, state::root_of(&engine))
    };
    let seed = 77;
    assert_eq!(run(seed), run(seed), "seed {seed}");
    assert_ne!(run(seed), run(seed + 1), "the seed matters");
}

/// Whatever a hostile producer or settlement sequences: random bytes where bytes decode, random fields where they would not.
#[test]
fn no_command_that_decodes_panics_the_engine() {
    let mut applied = 0_u64;
    for seed in 0..40 {
        let mut flow = Flow::new(seed);
        let mut engine = Engine::new(flow.capacity, ());
        let mut rng = Rng(seed + 1_000_000);
        let mut seq = 0;
        for _ in 0..5_000 {
            let (command, mut tail) = flow.next_command();
            let mut head = command.head();
            for _ in 0..rng.below(4) {
                // Reserved bytes stay: a head that does not decode tests the decoder, not the engine.
                let at = 8 + rng.below(46) as usize;
                head[at] = if rng.one_in(2) { rng.next() as u8 } else { [0, 1, 0x7f, 0x80, 0xff][rng.below(5) as usize] };
            }
            if rng.one_in(20) {
                let at = [24, 32, 40][rng.below(3) as usize];
                let extreme = [1, u64::MAX, 1 << 47, 1 << 56, (1 << 56) - 1, u64::MAX << 47][rng.below(6) as usize];
                head[at..at + 8].copy_from_slice(&extreme.to_le_bytes());
            }
            for _ in 0..rng.below(3) {
                if let Some(at) = (tail.len() as u64).checked_sub(1) {
                    tail[rng.below(at + 1) as usize] = rng.next() as u8;
                }
            }
            if rng.one_in(30) {
                tail = (0..rng.below(1_025)).map(|_| rng.next() as u8).collect();
            }
            let head: [u8; COMMAND_HEAD_SIZE] = head;
            if let Ok(command) = Command::from_head(&head) {
                seq += 1;
                engine.apply(&Command { seq: Seq::new(seq), ..command }, &tail, &mut ());
                applied += 1;
            }
        }
        engine.check_conservation().unwrap();
        state::check(&engine).unwrap_or_else(|error| panic!("{error}, seed {seed}"));
    }
    println!("{applied} commands applied");
    assert!(applied > 100_000, "most commands decode: {applied}");
}
