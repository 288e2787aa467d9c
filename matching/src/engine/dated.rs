//! Changes of instruments that take effect at a date, and the calendars of instruments.
//!
//! A change is checked when it comes and kept, as it was sent, in one of [`DATED_MAX`] places. The counters hold the earliest date, so a
//! command pays for one compare. A command whose time is not before that date first brings all changes into effect that are due, by date
//! and then by command; a date in the past is due at once. Nothing that was checked can fail later: what is listed stays listed.
//!
//! Changes say all of what they are about, so a change is recalled by another for the same date. What cannot be recalled does not need to
//! be: nothing but instruments is dated.
//!
//! A calendar is kept for hosts, which ask for it. The core does nothing by the time of day.

use crate::engine::Engine;
use crate::engine::region;
use crate::limits::DATED_MAX;
use plinth_types::codec::{Codec, Reader};
use plinth_types::event::{Event, EventSink};
use plinth_types::id::{InstrumentId, Seq, TimestampNs};
use plinth_types::page::Touch;
use plinth_types::reject::Reject;
use plinth_types::table::Record;
use plinth_types::table_record;
use plinth_types::terms::{Change, Dated};

/// Bytes that a kept change may have.
const CHANGE_SIZE_MAX: usize = 494;
/// Where the change begins in the tail that brought it: behind the tag of the configuration and the date.
const CHANGE_AT: usize = 1 + 8;

table_record! {
    /// A change that waits for its date; zero in a free place.
    pub(crate) struct DatedRecord in region::DATED, 512 bytes {
        /// When it takes effect.
        pub(crate) at: u64,
        /// The command that brought it; 0 in a free place.
        pub(crate) seq: u64,
        size: u16,
        bytes: [u8; CHANGE_SIZE_MAX],
    }
}

table_record! {
    /// The calendar of the instrument in this slot, as the change that brought it; zero without one.
    pub(crate) struct CalendarRecord in region::CALENDARS, 512 bytes {
        size: u16,
        bytes: [u8; CHANGE_SIZE_MAX],
    }
}

impl DatedRecord {
    /// The change, if it is one that was checked.
    pub(crate) fn change(&self) -> Option<Change> {
        change(self.size, &self.bytes)
    }
}

impl CalendarRecord {
    /// The calendar; `None` without one.
    pub(crate) fn calendar(&self) -> Option<plinth_types::calendar::Calendar> {
        match change(self.size, &self.bytes) {
            Some(Change::Calendar(calendar)) => Some(calendar),
            Some(Change::Terms(_) | Change::Bands(_) | Change::Volatility(_)) | None => None,
        }
    }
}

fn change(size: u16, bytes: &[u8; CHANGE_SIZE_MAX]) -> Option<Change> {
    let (used, unused) = bytes.split_at_checked(usize::from(size))?;
    let mut reader = Reader::new(used);
    let change = Change::read(&mut reader).ok()?;
    (reader.finish().is_ok() && unused.iter().all(|&byte| byte == 0)).then_some(change)
}

impl<T: Touch> Engine<T> {
    /// Keeps a change until its date. `tail` is what brought it.
    pub(crate) fn keep(&mut self, seq: Seq, dated: &Dated, tail: &[u8]) -> Result<(), Reject> {
        self.check_change(&dated.change)?;
        let encoded = tail.get(CHANGE_AT..).filter(|encoded| encoded.len() <= CHANGE_SIZE_MAX).ok_or(Reject::Malformed)?;
        let free = (0..DATED_MAX).find(|&slot| self.dated.get(&mut self.touch, slot).seq == 0);
        let record = self.dated.get_mut(&mut self.touch, free.ok_or(Reject::CapacityReached)?);
        (record.at, record.seq, record.size) = (dated.at.get(), seq.get(), encoded.len() as u16);
        record.bytes[..encoded.len()].copy_from_slice(encoded);
        self.note_next_date();
        Ok(())
    }

    /// Refuses a change that cannot be.
    fn check_change(&mut self, change: &Change) -> Result<(), Reject> {
        let instrument = change.instrument();
        if instrument.get() >= self.counters.get(&mut self.touch).instruments {
            return Err(Reject::UnknownInstrument { instrument });
        }
        if is_sound(change) { Ok(()) } else { Err(Reject::Contradiction) }
    }

    /// Brings into effect what is due at `now`.
    #[cold]
    pub(crate) fn take_effect<S: EventSink>(&mut self, now: TimestampNs, sink: &mut S) {
        while let Some((_, slot)) = self.next_dated().filter(|&(at, _)| at <= now.get()) {
            let record = self.dated.get_mut(&mut self.touch, slot);
            let kept = core::mem::replace(record, DatedRecord::ZERO);
            let change = kept.change().expect("a change was read before it was kept");
            match change {
                Change::Terms(terms) => self.set_terms(&terms),
                Change::Volatility(volatility) => self.set_volatility(&volatility),
                Change::Bands(bands) => self.set_bands(&bands).expect("bands were checked before they were kept"),
                Change::Calendar(calendar) => {
                    let record = CalendarRecord { size: kept.size, bytes: kept.bytes };
                    *self.calendars.get_mut(&mut self.touch, calendar.instrument.get() as usize) = record;
                }
            }
            sink.emit(Event::TookEffect { instrument: change.instrument(), seq: Seq::new(kept.seq) });
        }
        self.note_next_date();
    }

    /// The date and place of the change that takes effect first.
    fn next_dated(&mut self) -> Option<(u64, usize)> {
        let Self { touch, dated, .. } = self;
        let used = (0..DATED_MAX).filter_map(|slot| {
            let DatedRecord { at, seq, .. } = *dated.get(touch, slot);
            (seq != 0).then_some((at, seq, slot))
        });
        used.min().map(|(at, _, slot)| (at, slot))
    }

    fn note_next_date(&mut self) {
        let next = self.next_dated().map_or(u64::MAX, |(at, _)| at);
        self.counters.get_mut(&mut self.touch).until_date = !next;
    }

    /// Changes that wait for their date, with the commands that brought them, in no order.
    pub fn dated_changes(&self) -> impl Iterator<Item = (Seq, Dated)> + '_ {
        let used = self.dated.records().iter().filter(|record| record.seq != 0);
        used.filter_map(|record| Some((Seq::new(record.seq), Dated { at: TimestampNs::new(record.at), change: record.change()? })))
    }

    /// When an instrument trades; `None` if nothing was said about it.
    #[must_use]
    pub fn calendar(&self, instrument: InstrumentId) -> Option<plinth_types::calendar::Calendar> {
        self.calendars.records().get(instrument.get() as usize)?.calendar()
    }
}

/// Whether a change can hold for some instrument.
pub(crate) fn is_sound(change: &Change) -> bool {
    match change {
        Change::Terms(terms) => terms.are_sound(),
        Change::Bands(bands) => crate::engine::protection::are_sound(bands),
        Change::Calendar(calendar) => calendar.is_sound(),
        Change::Volatility(_) => true,
    }
}
