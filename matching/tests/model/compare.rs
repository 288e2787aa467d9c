//! Comparing everything that is not an event.

use crate::{Balance, Model};
use plinth_matching::engine::Engine;
use plinth_matching::state;
use plinth_types::command::Side;
use plinth_types::id::{AccountId, AssetId, InstrumentId};
use plinth_types::quantity::Price;
use plinth_types::terms::{Terms, Volatility};
use std::collections::BTreeMap;

impl Model {
    pub(crate) fn compare(&self, engine: &Engine, context: &str) {
        assert_eq!(engine.order_count() as usize, self.open_orders(), "{context}");
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
            assert_eq!((found.waits, found.lifetime), (false, order.lifetime), "{context}");
        }
        for order in self.parked.iter().chain(&self.idle) {
            let found = engine.order(order.id).unwrap();
            assert_eq!((found.left.lots(), found.qty.lots()), (order.left, order.total), "{context}");
            assert_eq!((found.side, Some(found.price.ticks())), (order.side, order.limit), "{context}");
            assert_eq!((found.waits, found.trigger, found.lifetime), (true, None, order.lifetime), "{context}");
        }
        for waiting in &self.waiting {
            let (found, order) = (engine.order(waiting.order.id).unwrap(), waiting.order);
            assert_eq!((found.left.lots(), found.qty.lots()), (order.left, order.total), "{context}");
            assert_eq!((found.side, Some(found.price.ticks())), (order.side, order.limit), "{context}");
            assert_eq!(found.trigger.map(Price::ticks), Some(waiting.trigger), "{context}");
            assert_eq!((found.waits, found.lifetime), (true, order.lifetime), "{context}");
        }
        for held in &self.held {
            let (found, order) = (engine.order(held.order.id).unwrap(), held.order);
            assert_eq!((found.left.lots(), found.qty.lots()), (order.left, order.total), "{context}");
            assert_eq!((found.side, Some(found.price.ticks())), (order.side, order.limit), "{context}");
            assert_eq!((found.waits, found.lifetime), (true, order.lifetime), "{context}");
        }
        for order in self.open() {
            assert_eq!(engine.tied_orders(order.id).collect::<Vec<_>>(), self.tied_to(order.id), "{:?}, {context}", order.id);
        }
        for (&id, group) in &self.groups {
            assert_eq!(engine.quotes_stopped(id), Some(group.stopped), "{context}");
        }
        assert_eq!(engine.dated_changes().count(), self.dated.len(), "{context}");
        for (id, instrument) in self.instruments.iter().enumerate() {
            let terms = self.terms.get(&id).copied().unwrap_or(Terms::none(instrument.id));
            assert_eq!(engine.terms(instrument.id), Some(terms), "{context}");
            let bounds = engine.volatility(instrument.id).unwrap();
            assert_eq!(Some(&bounds), self.volatility.get(&id).or(Some(&unbounded(instrument.id))), "{context}");
            assert_eq!(engine.phase(instrument.id), Some(self.phase(id)), "{context}");
            assert_eq!(engine.calendar(instrument.id), self.calendars.get(&id).copied(), "{context}");
            assert_eq!(engine.is_expiring(instrument.id), self.over(id).next().is_some(), "{context}");
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
        for asset in 0..self.assets as u16 {
            let withdrawn = engine.withdrawn(AssetId::new(asset)).unwrap().units();
            assert_eq!(withdrawn, self.withdrawn[usize::from(asset)], "{context}");
        }
        engine.check_conservation().unwrap();
        state::check(engine).unwrap_or_else(|error| panic!("{error}, {context}"));
    }
}

fn unbounded(instrument: InstrumentId) -> Volatility {
    Volatility { instrument, from_last: None, from_auction: None }
}
