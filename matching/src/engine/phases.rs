//! Phases of an instrument: what may be asked in each, and what a change of phase does.
//!
//! | Phase | new orders | replace | trades |
//! | --- | --- | --- | --- |
//! | continuous | all | yes | at once |
//! | pre-open, opening, volatility, closing auction | those that rest, not post-only; stops that are not triggered yet | yes | none |
//! | halt | none | no | none |
//!
//! Cancels are taken always. In a phase without trades orders rest where they would have traded, so the book may be crossed. **Uncrossing**
//! comes with the change to continuous, from whatever phase, and with the change from an auction to pre-open, the end of a day; a halt
//! interrupts an auction, another auction prolongs it. A change to a phase without trades, to the same phase too, says what the auction
//! would come to (`Indicative`): so a timer asks for it, and entering an order costs what it always costs.
//!
//! Orders for one auction come in with its phase and go with its uncrossing, orders of the day go with the day: see `expiry`.
//!
//! An uncrossing triggers orders as any trade. What it triggers where no continuous phase follows rests if it can, else it is cancelled.
//!
//! A phase changes by itself in one case: a price that would jump too far starts a volatility auction, see `volatility`. By time it changes
//! by a command of a host that follows the [calendar](plinth_types::calendar).
//!
//! Known limitation: no market orders in auctions.

use crate::engine::Engine;
use crate::engine::book::Book;
use crate::engine::expiry::ends_day;
use plinth_types::command::{NewOrder, TimeInForce};
use plinth_types::event::{Event, EventSink};
use plinth_types::id::TimestampNs;
use plinth_types::page::Touch;
use plinth_types::reference::{Phase, PhaseChange};
use plinth_types::reject::Reject;

impl Book {
    /// Its phase.
    pub(crate) const fn current_phase(&self) -> Phase {
        Phase::from_code(self.phase).expect("a book has a phase")
    }

    /// Whether incoming orders trade.
    #[inline(always)]
    pub(crate) const fn is_continuous(&self) -> bool {
        self.phase == CONTINUOUS
    }

    /// Refuses a new order that the phase, which is not the continuous one, does not take.
    #[cold]
    pub(crate) fn check_phase(&self, new: &NewOrder) -> Result<(), Reject> {
        let rests = new.time_in_force == TimeInForce::GoodTillCancel && !new.post_only;
        if rests && self.phase != HALT { Ok(()) } else { Err(Reject::NotInPhase) }
    }

    /// Refuses what a halt does not take.
    #[inline(always)]
    pub(crate) const fn check_halt(&self) -> Result<(), Reject> {
        if self.phase == HALT { Err(Reject::NotInPhase) } else { Ok(()) }
    }
}

const CONTINUOUS: u8 = Phase::Continuous.code();
const HALT: u8 = Phase::Halt.code();
const _: () = assert!(CONTINUOUS == 0, "a new book is in the continuous phase");

impl<T: Touch> Engine<T> {
    /// Refuses a change that cannot be.
    pub(crate) fn check_phase_change(&mut self, change: &PhaseChange, time: TimestampNs) -> Result<(), Reject> {
        let PhaseChange { instrument, phase } = *change;
        if instrument.get() >= self.counters.get(&mut self.touch).instruments {
            return Err(Reject::UnknownInstrument { instrument });
        }
        let ended = self.books.get(&mut self.touch, instrument.get() as usize).current_phase();
        if uncrosses(ended, phase) { self.check_uncrossing(instrument.get(), time) } else { Ok(()) }
    }

    /// Makes a change of phase that can be, with all that follows.
    pub(crate) fn change_phase<S: EventSink>(&mut self, change: &PhaseChange, sink: &mut S) {
        let PhaseChange { instrument, phase } = *change;
        let book = self.books.get_mut(&mut self.touch, instrument.get() as usize);
        let ended = book.current_phase();
        book.phase = phase.code();
        sink.emit(Event::PhaseChanged { instrument, phase });
        let instrument = instrument.get();
        self.enter_waiting_for(instrument, phase, sink);
        if uncrosses(ended, phase) {
            self.uncross(instrument, sink);
            self.end_auction(instrument, sink);
            self.go_triggered(sink);
        }
        if ends_day(ended, phase) {
            self.end_day(instrument, sink);
        }
        if !uncrosses(ended, phase) {
            self.indicate(instrument, sink);
        }
    }
}

/// Whether this change of phase trades what crosses.
fn uncrosses(ended: Phase, phase: Phase) -> bool {
    phase == Phase::Continuous || (ended.is_auction() && phase == Phase::PreOpen)
}
