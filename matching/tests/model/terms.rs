//! What orders must be like, and changes that wait for their date.

use crate::{Model, Order};
use plinth_matching::limits::DATED_MAX;
use plinth_types::event::Event;
use plinth_types::id::{Seq, TimestampNs};
use plinth_types::reject::Reject;
use plinth_types::terms::{Change, Dated};

impl Model {
    pub(crate) fn keep(&mut self, seq: u64, dated: Dated) -> Result<(), Reject> {
        let instrument = dated.change.instrument();
        self.instruments.get(instrument.get() as usize).ok_or(Reject::UnknownInstrument { instrument })?;
        let sound = match dated.change {
            Change::Terms(terms) => {
                let rows: Vec<_> = terms.ticks.iter().collect();
                let ascend = rows.windows(2).all(|pair| pair[0].from < pair[1].from);
                ascend
                    && rows.iter().all(|row| row.from.ticks() > 0 && row.ticks > 0)
                    && terms.qty_min.lots() % terms.lot.lots() == 0
                    && self.percent_is_sound(&terms)
            }
            Change::Volatility(_) => true,
            Change::Bands(bands) => 0 < bands.low.ticks() && bands.low <= bands.high,
            Change::Calendar(calendar) => calendar.full.iter().all(|step| step.second < 24 * 60 * 60),
        };
        if !sound {
            return Err(Reject::Contradiction);
        }
        if self.dated.len() == DATED_MAX {
            return Err(Reject::CapacityReached);
        }
        self.dated.push((seq, dated));
        Ok(())
    }

    pub(crate) fn take_effect(&mut self, now: TimestampNs) {
        self.dated.sort_by_key(|&(seq, dated)| (dated.at, seq));
        while self.dated.first().is_some_and(|(_, dated)| dated.at <= now) {
            let (seq, Dated { change, .. }) = self.dated.remove(0);
            let at = change.instrument().get() as usize;
            match change {
                Change::Terms(terms) => {
                    self.terms.insert(at, terms);
                    self.top.retain(|&(instrument, _), _| instrument != at);
                }
                Change::Volatility(volatility) => drop(self.volatility.insert(at, volatility)),
                Change::Bands(bands) => drop(self.bands.insert(at, bands)),
                Change::Calendar(calendar) => drop(self.calendars.insert(at, calendar)),
            }
            self.events.push(Event::TookEffect { instrument: change.instrument(), seq: Seq::new(seq) });
        }
    }

    /// What was said of the instrument of this order.
    pub(crate) fn check_own_terms(&self, order: &Order) -> Result<(), Reject> {
        let Some(terms) = self.terms.get(&order.instrument) else { return Ok(()) };
        if order.total < terms.qty_min.lots() {
            return Err(Reject::TooSmall { qty_min: terms.qty_min });
        }
        if !order.total.is_multiple_of(terms.lot.lots()) {
            return Err(Reject::OffLot { lot: terms.lot });
        }
        let Some(limit) = order.limit else { return Ok(()) };
        let row = terms.ticks.iter().rfind(|row| row.from.ticks() <= limit);
        match row {
            Some(row) if limit % i64::from(row.ticks) != 0 => Err(Reject::OffTick { ticks: row.ticks }),
            Some(_) | None => Ok(()),
        }
    }
}
