//! Who trades with whom.

use crate::{Model, Order};
use plinth_types::command::Side;
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::TradeId;
use plinth_types::quantity::{Price, Qty};
use plinth_types::reference::{Instrument, Phase, SelfMatch, SelfMatchMode};

impl Model {
    pub(crate) fn best_maker(&self, taker: &Order) -> Option<usize> {
        let crosses = |maker: &Order| {
            let price = maker.limit.unwrap();
            maker.instrument == taker.instrument
                && taker.bound.is_none_or(|bound| if taker.side == Side::Buy { price <= bound } else { price >= bound })
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
    pub(crate) fn trade_within(&mut self, taker: &mut Order) -> CancelReason {
        if self.phase(taker.instrument) != Phase::Continuous {
            return CancelReason::Unfilled;
        }
        let own = self.guarded(taker.account).self_match;
        while taker.left > 0 {
            let Some(at) = self.best_maker(taker) else { return CancelReason::Unfilled };
            let maker = self.orders[at];
            if let Some(rule) = self.pro_rata(taker.instrument) {
                match self.trade_by_size(taker, maker.limit.unwrap(), rule) {
                    Some(reason) => return reason,
                    None => continue,
                }
            }
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
                    SelfMatchMode::Decrement => self.lose_both(taker, at),
                }
                continue;
            }
            let price = maker.limit.unwrap();
            let lots = self.payable(taker, price).min(taker.left.min(maker.shown));
            if lots == 0 {
                return CancelReason::FundsExhausted;
            }
            self.deal(at, taker, lots);
        }
        CancelReason::Unfilled
    }

    /// What a taker without limit can pay for or deliver.
    pub(crate) fn payable(&self, taker: &Order, price: i64) -> u64 {
        let Instrument { base, quote, .. } = self.instruments[taker.instrument];
        let payable = match taker.side {
            _ if taker.limit.is_some() => return u64::MAX,
            Side::Buy => self.available(taker.account, quote.get()) / price as u128,
            Side::Sell => self.available(taker.account, base.get()),
        };
        payable.min(u64::MAX.into()) as u64
    }

    /// Both lose the quantity of the smaller one.
    pub(crate) fn lose_both(&mut self, taker: &mut Order, at: usize) {
        let lots = taker.left.min(self.orders[at].left);
        self.lose(at, lots);
        taker.left -= lots;
        if taker.left == 0 {
            return self.end(taker.id, lots, CancelReason::SelfMatch);
        }
        taker.total -= lots;
        self.events.push(Event::Reduced { order: taker.id, qty: Qty::from_lots(lots).unwrap() });
    }

    /// Trades `lots` with a resting order, at its price.
    pub(crate) fn deal(&mut self, at: usize, taker: &mut Order, lots: u64) {
        let maker = self.orders[at];
        let price = maker.limit.unwrap();
        let Instrument { base, quote, .. } = self.instruments[taker.instrument];
        let (base, quote) = (base.get(), quote.get());
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
        *self.filled.entry(taker.id).or_default() += lots;
        self.fill(at, lots);
        self.count_fill(maker.group, lots);
        self.trades += 1;
        self.events.push(Event::Traded {
            trade: TradeId::new(self.trades),
            maker: maker.id,
            taker: taker.id,
            price: Price::from_ticks(price).unwrap(),
            qty: Qty::from_lots(lots).unwrap(),
        });
        self.observe(taker.instrument, price);
    }

    /// Takes traded lots off a resting order; when all that it shows has gone it shows more, at the end.
    pub(crate) fn fill(&mut self, at: usize, lots: u64) {
        let id = self.orders[at].id;
        *self.filled.entry(id).or_default() += lots;
        self.orders[at].left -= lots;
        self.orders[at].shown -= lots;
        if self.orders[at].shown == 0 {
            let order = self.orders.remove(at);
            if order.left > 0 {
                self.orders.push(order.with(order.left));
            }
        }
        self.note_fill(id);
    }

    /// Takes `lots` off a resting order without a trade.
    pub(crate) fn lose(&mut self, at: usize, lots: u64) {
        let mut order = self.take_off(at);
        self.note_order(order.id);
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
    pub(crate) fn fillable(&self, order: &Order) -> Option<CancelReason> {
        if self.phase(order.instrument) != Phase::Continuous {
            return Some(CancelReason::NotFillable);
        }
        let order = &Order { bound: self.bound(order), ..*order };
        let mut copy = Self { orders: self.orders.clone(), instruments: self.instruments.clone(), ..Self::new(self.capacity) };
        let (mut left, mut cash) = (order.left, 0);
        while left > 0 {
            let Some(at) = copy.best_maker(order) else { return Some(CancelReason::NotFillable) };
            let maker = copy.orders.remove(at);
            if self.pro_rata(order.instrument).is_some() && self.meets_own(order, &maker, &copy.orders) {
                return Some(CancelReason::NotFillable);
            }
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

    pub(crate) fn take_off(&mut self, at: usize) -> Order {
        let order = self.orders.remove(at);
        let (asset, amount) = self.needs(&order);
        self.balances.get_mut(&(order.account, asset)).unwrap().reserved -= amount;
        order
    }
}
