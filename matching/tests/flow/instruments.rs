//! Changes of instruments: terms, bands, calendars.

use super::{Flow, Sequenced};
use plinth_types::calendar::{Calendar, Step};
use plinth_types::codec::Codec;
use plinth_types::command::Body;
use plinth_types::few::Few;
use plinth_types::id::{InstrumentId, SessionId, TimestampNs};
use plinth_types::quantity::{Lots, Price, Qty};
use plinth_types::reference::{Bands, Configuration, Phase};
use plinth_types::terms::{Change, Dated, Matching, ProRata, Terms, TickRow, Volatility};

impl Flow {
    /// A change of an instrument now or soon, half of the time back to no terms.
    pub(super) fn date(&mut self) -> Sequenced {
        let instrument = InstrumentId::new(self.rng.below(self.instruments + u64::from(self.rng.clone().one_in(12))) as u32);
        let none = Terms::none(instrument);
        let change = match self.rng.below(10) {
            0..3 => Change::Terms(none),
            3..6 => Change::Terms(self.terms(none)),
            6 => Change::Bands(self.bands(instrument)),
            8 | 9 => Change::Volatility(self.volatility(instrument)),
            _ => Change::Calendar(self.calendar(instrument)),
        };
        let at = [0, self.seq + self.rng.below(50), u64::MAX][self.rng.below(2) as usize + usize::from(self.rng.one_in(20))];
        let dated = Configuration::Date(Dated { at: TimestampNs::new(at), change });
        let mut tail = dated.to_bytes();
        tail.truncate(if self.rng.one_in(30) { tail.len() - 1 } else { tail.len() });
        self.sequenced(SessionId::APPLIANCE, 0, Body::Configure, tail)
    }

    fn terms(&mut self, none: Terms) -> Terms {
        let lot = Qty::from_lots(1 + self.rng.below(2)).unwrap();
        let least = lot.lots() * (1 + self.rng.below(2)) + u64::from(self.rng.one_in(8));
        let row = |from, ticks| TickRow { from: Price::from_ticks(from).unwrap(), ticks };
        let middle = self.middles[self.rng.below(self.instruments) as usize];
        let rows = [row(1 + self.rng.below(2) as i64, 1 + self.rng.below(2) as u32), row(middle, 1 + self.rng.below(3) as u32)];
        let ticks = Few::new(&rows[self.rng.below(3) as usize..]).unwrap();
        let matching = if self.rng.one_in(3) { Matching::Time } else { Matching::Size(self.pro_rata()) };
        let exact = self.rng.one_in(2);
        let terms = Terms { matching, ..none };
        if exact { terms } else { Terms { lot, qty_min: Qty::from_lots(least).unwrap(), ticks, ..terms } }
    }

    /// After this, phases are changed as often as after a pause: the core may pause by itself.
    fn volatility(&mut self, instrument: InstrumentId) -> Volatility {
        self.paused = true;
        let mut reach = |most: u64| self.rng.one_in(2).then(|| self.rng.below(most) as u32);
        Volatility { instrument, from_last: reach(6), from_auction: reach(9) }
    }

    fn pro_rata(&mut self) -> ProRata {
        ProRata {
            top_max: Lots::new(self.rng.below(4)),
            time_percent: [0, 0, 40, 100, 101][self.rng.below(4) as usize + usize::from(self.rng.one_in(10))],
            minimum: Qty::from_lots(1 + self.rng.below(2)).unwrap(),
        }
    }

    fn calendar(&mut self, instrument: InstrumentId) -> Calendar {
        let step = Step { second: self.rng.below(86_500) as u32, phase: Phase::Continuous };
        let (weekdays, full) = (self.rng.below(128) as u8, Few::new(&[step]).unwrap());
        Calendar { instrument, utc_offset_min: 60, weekdays, full, short: Few::EMPTY, exceptions: Few::EMPTY }
    }

    pub(super) fn bands(&mut self, instrument: InstrumentId) -> Bands {
        let middle = self.middles[instrument.get() as usize % self.middles.len()];
        let mut away = |most: u64| 2 + self.rng.below(most) as i64;
        let (low, high) = (middle - away(6), middle + away(6));
        let wide = self.rng.one_in(2);
        let bands = Bands {
            instrument,
            low: Price::from_ticks(if wide { 1 } else { low }).unwrap(),
            high: Price::from_ticks(if wide { 1_000 } else { high }).unwrap(),
            market_reach: self.rng.one_in(2).then_some(self.rng.below(3) as u32),
        };
        if self.rng.one_in(10) { Bands { low: bands.high, high: bands.low, ..bands } } else { bands }
    }
}
