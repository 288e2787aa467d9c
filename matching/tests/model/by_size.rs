//! Matching by size, step by step on plain vectors.

use crate::{Model, Order};
use plinth_matching::limits::ALLOCATED_MAX;
use plinth_types::command::Side;
use plinth_types::event::CancelReason;
use plinth_types::id::OrderId;
use plinth_types::reference::{Phase, SelfMatchMode};
use plinth_types::terms::{Matching, ProRata, Terms};

impl Model {
    pub(crate) fn pro_rata(&self, instrument: usize) -> Option<ProRata> {
        match self.terms.get(&instrument)?.matching {
            Matching::Time => None,
            Matching::Size(rule) => Some(rule),
        }
    }

    pub(crate) fn percent_is_sound(&self, terms: &Terms) -> bool {
        match terms.matching {
            Matching::Time => true,
            Matching::Size(rule) => rule.time_percent <= 100,
        }
    }

    /// The order that comes to rest betters the market if no other of its side is as good.
    pub(crate) fn note_top(&mut self, order: &Order) {
        let rank = |other: &Order| if other.side == Side::Buy { other.limit.unwrap() } else { -other.limit.unwrap() };
        let own_side = |other: &&Order| other.instrument == order.instrument && other.side == order.side;
        let betters = self.orders.iter().filter(own_side).all(|other| rank(other) < rank(order));
        if betters && self.pro_rata(order.instrument).is_some() && self.phase(order.instrument) == Phase::Continuous {
            self.top.insert((order.instrument, order.side == Side::Buy), order.id);
        }
    }

    /// Trades with the orders at `price` that take part. Why the taker ends; `None`: it goes on.
    pub(crate) fn trade_by_size(&mut self, taker: &mut Order, price: i64, rule: ProRata) -> Option<CancelReason> {
        let here = |order: &&Order| order.instrument == taker.instrument && order.side != taker.side && order.limit == Some(price);
        let batch: Vec<Order> = self.orders.iter().filter(here).take(ALLOCATED_MAX).copied().collect();
        let own: Vec<OrderId> = batch.iter().filter(|order| self.is_own(taker, order)).map(|order| order.id).collect();
        for &id in &own {
            self.note("own order among those that take part");
            let at = self.orders.iter().position(|order| order.id == id).unwrap();
            let left = self.orders[at].left;
            match self.guarded(taker.account).self_match.unwrap().mode {
                SelfMatchMode::CancelNewest => return Some(CancelReason::SelfMatch),
                SelfMatchMode::CancelOldest => self.lose(at, left),
                SelfMatchMode::CancelBoth => {
                    self.lose(at, left);
                    return Some(CancelReason::SelfMatch);
                }
                SelfMatchMode::Decrement => self.lose_both(taker, at),
            }
            if taker.left == 0 {
                return Some(CancelReason::Unfilled);
            }
        }
        if !own.is_empty() {
            return None;
        }
        let shown: Vec<u64> = batch.iter().map(|order| order.shown).collect();
        let wanted = taker.left.min(shown.iter().sum());
        let lots = wanted.min(self.payable(taker, price));
        if lots == 0 {
            return Some(CancelReason::FundsExhausted);
        }
        let maker_buys = taker.side == Side::Sell;
        let is_top = self.top.get(&(taker.instrument, maker_buys)) == Some(&batch[0].id);
        for (maker, part) in batch.iter().zip(self.shares(&shown, lots, is_top, &rule)) {
            if part > 0 {
                let at = self.orders.iter().position(|order| order.id == maker.id).unwrap();
                self.deal(at, taker, part);
            }
        }
        (lots < wanted).then_some(CancelReason::FundsExhausted)
    }

    /// What each order takes of `lots`.
    fn shares(&mut self, shown: &[u64], lots: u64, is_top: bool, rule: &ProRata) -> Vec<u64> {
        if lots == shown.iter().sum() {
            return shown.to_vec();
        }
        self.note("shared by size");
        let (mut taken, mut rest) = (vec![0; shown.len()], lots);
        let oldest_first = |taken: &mut Vec<u64>, mut lots: u64| {
            for (taken, shown) in taken.iter_mut().zip(shown) {
                let part = lots.min(shown - *taken);
                *taken += part;
                lots -= part;
            }
        };
        if is_top {
            taken[0] = rule.top_max.get().min(shown[0]).min(rest);
            rest -= taken[0];
            self.note("top order");
        }
        let by_time = rest * u64::from(rule.time_percent) / 100;
        if by_time > 0 {
            self.note("by time");
        }
        oldest_first(&mut taken, by_time);
        rest -= by_time;
        let open: Vec<u64> = shown.iter().zip(&taken).map(|(shown, taken)| shown - taken).collect();
        let (by_size, among) = (rest, open.iter().sum::<u64>());
        for (taken, open) in taken.iter_mut().zip(&open) {
            let share = by_size * open / among;
            if share >= rule.minimum.lots() {
                *taken += share;
                rest -= share;
            } else if share > 0 {
                *self.fired.entry("a share below the minimum").or_default() += 1;
            }
        }
        if rest > 0 {
            self.note("leftover by time");
        }
        oldest_first(&mut taken, rest);
        taken
    }

    /// Whether an order of the taker's group rests at the price of `maker`, and ends the taker.
    pub(crate) fn meets_own(&self, taker: &Order, maker: &Order, others: &[Order]) -> bool {
        let at_price =
            |order: &&Order| order.instrument == maker.instrument && order.side == maker.side && order.limit == maker.limit;
        let own = self.guarded(taker.account).self_match;
        own.is_some_and(|own| own.mode != SelfMatchMode::CancelOldest)
            && others.iter().filter(at_price).chain([maker]).any(|order| self.is_own(taker, order))
    }

    fn is_own(&self, taker: &Order, maker: &Order) -> bool {
        let group = |account| self.guarded(account).self_match.map(|own| own.group);
        group(taker.account).is_some() && group(taker.account) == group(maker.account)
    }

    pub(crate) fn note(&mut self, rule: &'static str) {
        *self.fired.entry(rule).or_default() += 1;
    }
}
