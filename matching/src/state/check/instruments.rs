//! Terms and calendars of instruments, and changes that wait for their date.

use super::Inconsistency;
use crate::engine::Engine;
use crate::engine::book::Special;
use crate::engine::dated::{CalendarRecord, DatedRecord, is_sound};
use crate::engine::terms::TermsRecord;
use plinth_types::calendar::Calendar;
use plinth_types::id::InstrumentId;
use plinth_types::page::Touch;
use plinth_types::table::Record;
use plinth_types::terms::Change;

pub(super) fn check_instruments<T: Touch>(engine: &Engine<T>) -> Result<(), Inconsistency> {
    let listed = engine.counters.record().instruments as usize;
    for (at, ((book, terms), calendar)) in
        engine.books.records().iter().zip(engine.terms.records()).zip(engine.calendars.records()).enumerate()
    {
        let id = InstrumentId::new(at as u32);
        let said = *terms != TermsRecord::ZERO;
        let sound = terms.terms(id).is_some() && (at < listed || !said);
        let topless = book.is_pro_rata() || book.top == [0; 2];
        if !sound || book.special & !(Special::QUOTED | Special::TIED) != terms.special() | book.bounds() || !topless {
            return Err(Inconsistency::Terms(id));
        }
        let own = |calendar: Calendar| at < listed && calendar.instrument == id && calendar.is_sound();
        if *calendar != CalendarRecord::ZERO && !calendar.calendar().is_some_and(own) {
            return Err(Inconsistency::Calendar(id));
        }
    }
    check_dated(engine).ok_or(Inconsistency::Dated)
}

fn check_dated<T: Touch>(engine: &Engine<T>) -> Option<()> {
    let counters = engine.counters.record();
    let mut first = u64::MAX;
    for (at, record) in engine.dated.records().iter().enumerate() {
        if *record == DatedRecord::ZERO {
            continue;
        }
        let listed = |change: &Change| change.instrument().get() < counters.instruments && is_sound(change);
        let once = engine.dated.records()[..at].iter().all(|other| other.seq != record.seq);
        let known = 0 < record.seq && record.seq <= counters.last_seq;
        if !once || !known || !record.change().as_ref().is_some_and(listed) {
            return None;
        }
        first = first.min(record.at);
    }
    (counters.until_date == !first).then_some(())
}
