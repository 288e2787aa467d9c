//! Volatility auctions.

use crate::{Model, Order};
use plinth_types::command::Side;
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::InstrumentId;
use plinth_types::reference::Phase;

impl Model {
    /// The worst price at which an order trades without an interruption.
    pub(crate) fn bound(&self, order: &Order) -> Option<i64> {
        let said = self.volatility.get(&order.instrument)?;
        let at = |reference: Option<&i64>, reach: Option<u32>| {
            let reach = i64::from(reach?);
            reference.map(|reference| if order.side == Side::Buy { reference + reach } else { reference - reach })
        };
        let from_last = at(self.last_prices.get(&order.instrument), said.from_last);
        let from_auction = at(self.auction_prices.get(&order.instrument), said.from_auction);
        let both = from_last.into_iter().chain(from_auction);
        if order.side == Side::Buy { both.min() } else { both.max() }
    }

    /// Trades what can be traded within the bounds, and interrupts the market if more would trade beyond.
    pub(crate) fn trade(&mut self, taker: &mut Order) -> CancelReason {
        taker.bound = self.bound(taker);
        let reason = self.trade_within(taker);
        taker.bound = None;
        let continuous = self.phase(taker.instrument) == Phase::Continuous;
        if continuous && reason == CancelReason::Unfilled && taker.left > 0 && self.best_maker(taker).is_some() {
            self.phases.insert(taker.instrument, Phase::VolatilityAuction);
            let instrument = InstrumentId::new(taker.instrument as u32);
            self.events.push(Event::PhaseChanged { instrument, phase: Phase::VolatilityAuction });
            *self.fired.entry("volatility interruption").or_default() += 1;
        }
        reason
    }
}
