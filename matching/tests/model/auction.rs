//! Phases, and uncrossing by trying every price.

use crate::Model;
use plinth_types::command::Side;
use plinth_types::event::Event;
use plinth_types::id::{InstrumentId, TradeId};
use plinth_types::quantity::{Lots, Price, Qty};
use plinth_types::reference::{Phase, PhaseChange};
use plinth_types::reject::Reject;

impl Model {
    pub(crate) fn phase(&self, instrument: usize) -> Phase {
        self.phases.get(&instrument).copied().unwrap_or(Phase::Continuous)
    }

    pub(crate) fn change_phase(&mut self, change: PhaseChange) -> Result<(), Reject> {
        let PhaseChange { instrument, phase } = change;
        let at = instrument.get() as usize;
        let before = self.phase(at);
        let auction = matches!(before, Phase::OpeningAuction | Phase::VolatilityAuction | Phase::ClosingAuction);
        let uncrosses = phase == Phase::Continuous || (auction && phase == Phase::PreOpen);
        if uncrosses && (self.late || self.over(at).next().is_some()) {
            return Err(Reject::Expiring);
        }
        self.phases.insert(at, phase);
        self.events.push(Event::PhaseChanged { instrument, phase });
        self.enter_parked(at, phase);
        if uncrosses {
            if let Some((price, ..)) = self.clearing(at) {
                while self.trade_best(at, price) {}
                self.auction_prices.insert(at, price);
                self.observe(at, price);
            }
            self.end_auction(at);
            self.go_triggered();
        }
        if phase == Phase::PreOpen && before != Phase::PreOpen && before != Phase::Halt {
            self.end_day(at);
            self.expire_over(at);
        }
        if uncrosses {
            return Ok(());
        }
        let (price, lots, surplus) = self.clearing(at).map_or((None, 0, 0), |(price, lots, surplus)| (Some(price), lots, surplus));
        self.events.push(Event::Indicative {
            instrument: InstrumentId::new(at as u32),
            price: price.and_then(Price::from_ticks),
            lots: Lots::new(lots),
            surplus: Lots::new(surplus.unsigned_abs()),
            surplus_side: if surplus >= 0 { Side::Buy } else { Side::Sell },
        });
        Ok(())
    }

    /// Price, volume, and the surplus of bids, which is negative for one of offers. Every price is tried.
    fn clearing(&self, instrument: usize) -> Option<(i64, u64, i64)> {
        let orders = || self.orders.iter().filter(|order| order.instrument == instrument);
        let (low, high) = (orders().map(|order| order.limit.unwrap()).min()?, orders().map(|order| order.limit.unwrap()).max()?);
        let at = |price: i64| {
            let willing = |side: Side| {
                let limit_holds = |limit: i64| if side == Side::Buy { limit >= price } else { limit <= price };
                orders()
                    .filter(|order| order.side == side && limit_holds(order.limit.unwrap()))
                    .map(|order| order.left)
                    .sum::<u64>()
            };
            let (bids, offers) = (willing(Side::Buy), willing(Side::Sell));
            (bids.min(offers), bids as i64 - offers as i64)
        };
        let volume = (low..=high).map(|price| at(price).0).max().filter(|&volume| volume > 0)?;
        let mut tied: Vec<i64> = (low..=high).filter(|&price| at(price).0 == volume).collect();
        let surplus = tied.iter().map(|&price| at(price).1.abs()).min()?;
        tied.retain(|&price| at(price).1.abs() == surplus);
        let (lowest, highest) = (*tied.first()?, *tied.last()?);
        let price = if tied.iter().all(|&price| at(price).1 > 0) {
            highest
        } else if tied.iter().all(|&price| at(price).1 < 0) {
            lowest
        } else {
            match self.last_prices.get(&instrument) {
                Some(&last) => *tied.iter().min_by_key(|&&price| (price - last).abs())?,
                None => (lowest + highest).div_euclid(2),
            }
        };
        Some((price, volume, at(price).1))
    }

    /// Trades the best bid with the best offer at `price`, if both are willing.
    fn trade_best(&mut self, instrument: usize, price: i64) -> bool {
        let best = |side: Side| {
            let rank = |at: usize| if side == Side::Buy { -self.orders[at].limit.unwrap() } else { self.orders[at].limit.unwrap() };
            let limit = if side == Side::Buy { -price } else { price };
            let willing = |&at: &usize| {
                let order = &self.orders[at];
                order.instrument == instrument && order.side == side && rank(at) <= limit
            };
            (0..self.orders.len()).filter(willing).min_by_key(|&at| (rank(at), at))
        };
        let (Some(bid), Some(offer)) = (best(Side::Buy), best(Side::Sell)) else { return false };
        let (bid, offer) = (self.orders[bid], self.orders[offer]);
        let lots = bid.shown.min(offer.shown);
        let (base, quote) = (self.instruments[instrument].base.get(), self.instruments[instrument].quote.get());
        let (cash, goods) = (price as u128 * u128::from(lots), u128::from(lots));
        let buyer = self.balances.get_mut(&(bid.account, quote)).unwrap();
        buyer.reserved -= bid.limit.unwrap() as u128 * u128::from(lots);
        buyer.settled -= cash;
        self.balances.entry((offer.account, quote)).or_default().settled += cash;
        let seller = self.balances.get_mut(&(offer.account, base)).unwrap();
        seller.reserved -= goods;
        seller.settled -= goods;
        self.balances.entry((bid.account, base)).or_default().settled += goods;
        self.trades += 1;
        self.events.push(Event::Traded {
            trade: TradeId::new(self.trades),
            maker: offer.id,
            taker: bid.id,
            price: Price::from_ticks(price).unwrap(),
            qty: Qty::from_lots(lots).unwrap(),
        });
        for id in [bid.id, offer.id] {
            let at = self.orders.iter().position(|order| order.id == id).unwrap();
            let group = self.orders[at].group;
            self.count_fill(group, lots);
            self.fill(at, lots);
        }
        true
    }
}
