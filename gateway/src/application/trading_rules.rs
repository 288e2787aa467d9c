//! What an instrument's orders must be like, as the journal says it, and how clients read it.
//!
//! | what | from 5.0 SP1 on | 5.0 | 4.3, 4.4 |
//! | --- | --- | --- | --- |
//! | distance of prices | `TickRules`: `StartTickPriceRange` 1206 with `TickIncrement` 1208; the smallest in `MinPriceIncrement` 969 | 969 | |
//! | lot, smallest quantity | `RoundLot` 561, `MinTradeVol` 562 | the same | the same |
//! | largest quantity | `MaxTradeVol` 1140 | | |
//! | lowest and highest price | `PriceLimitType` 1306, `LowLimitPrice` 1148, `HighLimitPrice` 1149; none without bands | | |
//! | what is traded for | `Currency` 15 | the same | the same |
//!
//! 4.2 has the currency only. What changes at a date is said from that date on; hours are those of phases (`status.rs`).

use crate::codec::{Version, tag};
use crate::session::BodyWriter;
use plinth_types::reference::{Bands, Instrument};
use plinth_types::terms::{Change, Dated, Terms};

/// Rules of one instrument.
#[derive(Clone, Debug, Default)]
pub(super) struct TradingRules {
    /// `None` while nothing was said.
    terms: Option<Terms>,
    bands: Option<Bands>,
    /// What waits for its date, in the order in which it came.
    dated: Vec<Dated>,
}

impl TradingRules {
    pub(super) const fn set_bands(&mut self, bands: Bands) {
        self.bands = Some(bands);
    }

    pub(super) fn keep(&mut self, dated: Dated) {
        self.dated.push(dated);
    }

    /// What is due first holds from now on: the zone brings changes into effect by their date, then as they came.
    pub(super) fn take_effect(&mut self) {
        let Some((first, _)) = self.dated.iter().enumerate().min_by_key(|(_, dated)| dated.at) else { return };
        match self.dated.remove(first).change {
            Change::Terms(terms) => self.terms = Some(terms),
            Change::Bands(bands) => self.bands = Some(bands),
            Change::Calendar(_) | Change::Volatility(_) => {}
        }
    }

    fn terms(&self, instrument: &Instrument) -> Terms {
        self.terms.unwrap_or(Terms::none(instrument.id))
    }

    /// From which price on which distance holds, in ticks; the first row is that of the lowest price.
    fn ticks(&self, instrument: &Instrument) -> Vec<(i64, u32)> {
        let mut rows: Vec<(i64, u32)> = self.terms(instrument).ticks.iter().map(|row| (row.from.ticks(), row.ticks)).collect();
        if rows.first().is_none_or(|&(from, _)| from > LOWEST) {
            rows.insert(0, (LOWEST, 1));
        }
        rows
    }

    /// What an instrument itself says.
    pub(super) fn write_increment(&self, instrument: &Instrument, body: &mut BodyWriter<'_>) {
        if !body.version().is_at_least(Version::Fix50) {
            return;
        }
        let smallest = self.ticks(instrument).into_iter().map(|(_, ticks)| ticks).min().unwrap_or(1);
        body.decimal(tag::MIN_PRICE_INCREMENT, smallest.into(), instrument.price_decimals);
    }

    /// What its orders must be like.
    pub(super) fn write(&self, instrument: &Instrument, body: &mut BodyWriter<'_>) {
        let (price_decimals, qty_decimals) = (instrument.price_decimals, instrument.qty_decimals);
        let terms = self.terms(instrument);
        body.unsigned(tag::ROUND_LOT, terms.lot.lots().into(), qty_decimals);
        body.unsigned(tag::MIN_TRADE_VOL, terms.qty_min.lots().into(), qty_decimals);
        if !body.version().is_at_least(Version::Fix50Sp1) {
            return;
        }
        body.unsigned(tag::MAX_TRADE_VOL, instrument.qty_max.lots().into(), qty_decimals);
        let ticks = self.ticks(instrument);
        body.number(tag::NO_TICK_RULES, ticks.len() as u64);
        for (from, distance) in ticks {
            body.decimal(tag::START_TICK_PRICE_RANGE, from, price_decimals);
            body.decimal(tag::TICK_INCREMENT, distance.into(), price_decimals);
        }
        if let Some(bands) = &self.bands {
            body.bytes(tag::PRICE_LIMIT_TYPE, b"0");
            body.decimal(tag::LOW_LIMIT_PRICE, bands.low.ticks(), price_decimals);
            body.decimal(tag::HIGH_LIMIT_PRICE, bands.high.ticks(), price_decimals);
        }
    }
}

/// Of an instrument about which nothing was said.
pub(super) static NO_RULES: TradingRules = TradingRules { terms: None, bands: None, dated: Vec::new() };
/// The lowest price of an order, in ticks.
const LOWEST: i64 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use plinth_types::id::{InstrumentId, TimestampNs};
    use plinth_types::quantity::Qty;

    fn terms(lot: u64) -> Change {
        let lot = Qty::from_lots(lot).unwrap();
        Change::Terms(Terms { lot, qty_min: lot, ..Terms::none(InstrumentId::new(0)) })
    }

    #[test]
    fn changes_take_effect_by_date_and_then_as_they_came() {
        let mut rules = TradingRules::default();
        for (at, lot) in [(7, 1), (5, 2), (5, 3)] {
            rules.keep(Dated { at: TimestampNs::new(at), change: terms(lot) });
        }
        let lots: Vec<u64> = (0..4)
            .map(|_| {
                rules.take_effect();
                rules.terms.unwrap().lot.lots()
            })
            .collect();
        assert_eq!(lots, [2, 3, 1, 1]);
    }
}
