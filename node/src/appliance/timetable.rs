//! Who changes phases: the calendars of instruments, and the end of volatility auctions.
//!
//! The core knows calendars and no time of day, so this looks at its calendars, waits, and asks for a change of phase when its second comes. What
//! it asks for is sequenced and journaled like any command; nothing is kept here that the records do not say.
//!
//! * **On time** a step of a calendar is one change of phase. Orders of a day that has ended go some at a time; the rest is asked for until all have.
//! * **Late**, after an outage or a stall over more than one step, the market goes where it should be by now and no auction is held on the way. If a day
//!   has ended meanwhile it is halted first and the orders of that day go.
//! * A volatility auction that an order has started ends after the instrument's time for that, in whatever phase the calendar has then.
//! * A market that an operator has halted is left alone until it is [released](Timetable::release), but for orders whose day ends.
//! * A change that waits for its date takes effect with the first command behind it: one is sequenced for that.
//!
//! Known limitations: a volatility auction begins anew with a restart.

use plinth_gateway::Full;
use plinth_matching::engine::Engine;
use plinth_types::calendar::{Calendar, Transition};
use plinth_types::id::{InstrumentId, TimestampNs};
use plinth_types::reference::{Configuration, Expiry, Phase, PhaseChange};
use std::collections::BTreeSet;

/// What follows a timetable.
pub trait Market {
    /// As it is.
    fn engine(&self) -> &Engine<()>;

    /// Has a change sequenced.
    ///
    /// # Errors
    ///
    /// [`Full`]: it takes none at the moment.
    fn configure(&mut self, item: &Configuration) -> Result<(), Full>;
}

/// Looked at least this often: a calendar may be another by now, and an order may have started an auction.
const LOOK_INTERVAL_NS: u64 = SECOND_NS;
const SECOND_NS: u64 = 1_000_000_000;
/// Of an instrument about which nothing is said: two minutes.
const AUCTION_DEFAULT_S: u64 = 120;
/// Steps of a calendar that are looked for behind one another; more are late anyway.
const STEPS_LOOKED_AT_MAX: usize = 2 * plinth_types::limits::CALENDAR_STEPS_MAX;

/// How far each instrument's calendar is followed.
#[derive(Debug, Default)]
pub struct Timetable {
    /// By number of the instrument.
    places: Vec<Place>,
    auctions_s: Vec<Option<u64>>,
    /// Halted by an operator.
    held: BTreeSet<InstrumentId>,
    /// Where instruments begin that are not known yet.
    since: TimestampNs,
    /// Nothing is due before.
    next: TimestampNs,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    /// All steps up to here are done.
    followed: TimestampNs,
    /// When its volatility auction was first seen.
    auction_since: Option<TimestampNs>,
    /// Whether the phase may be another than the calendar's, since nobody has looked or something was missed. Later it is an operator's word.
    is_lost: bool,
}

impl Timetable {
    /// Of a zone whose last record is of `last`; 0 without one. `auctions_s`: how long volatility auctions take, by number of the
    /// instrument.
    #[must_use]
    pub const fn new(last: TimestampNs, auctions_s: Vec<Option<u64>>) -> Self {
        Self { places: Vec::new(), auctions_s, held: BTreeSet::new(), since: last, next: TimestampNs::new(0) }
    }

    /// An operator has halted the market of an instrument.
    pub fn hold(&mut self, instrument: InstrumentId) {
        self.held.insert(instrument);
    }

    /// It goes on, in the phase that the operator has asked for with this.
    pub fn release(&mut self, instrument: InstrumentId) {
        self.held.remove(&instrument);
    }

    /// Whether an operator has halted it.
    #[must_use]
    pub fn is_held(&self, instrument: InstrumentId) -> bool {
        self.held.contains(&instrument)
    }

    /// Asks for what is due. Whether there was anything; what finds no room is asked for again.
    pub fn turn(&mut self, now: TimestampNs, market: &mut impl Market) -> bool {
        if now < self.next {
            return false;
        }
        let count = market.engine().instruments().count();
        self.places.resize(count, Place { followed: self.since, auction_since: None, is_lost: true });
        let mut worked = false;
        let mut next = TimestampNs::new(now.get().saturating_add(LOOK_INTERVAL_NS));
        if market.engine().dated_changes().any(|(_, dated)| dated.at <= now) {
            worked = true;
            if market.configure(&expiry(InstrumentId::new(0), false)).is_err() {
                return true;
            }
        }
        for instrument in (0..count as u32).map(InstrumentId::new) {
            match self.follow(instrument, now, market) {
                Ok(done) => worked |= done,
                Err(Full::Queue | Full::Disk | Full::Window | Full::Unproven | Full::Frozen) => return true,
            }
            let transition = market.engine().calendar(instrument).and_then(|calendar| calendar.next_transition(now));
            next = transition.map_or(next, |transition| next.min(transition.at));
        }
        // What is not done in one go is gone on with in the next turn.
        self.next = if worked { now } else { next };
        worked
    }

    fn follow(&mut self, instrument: InstrumentId, now: TimestampNs, market: &mut impl Market) -> Result<bool, Full> {
        if market.engine().is_expiring(instrument) {
            market.configure(&expiry(instrument, false))?;
            return Ok(true);
        }
        let phase = market.engine().phase(instrument).unwrap_or(Phase::Continuous);
        let calendar = market.engine().calendar(instrument);
        let is_held = self.held.contains(&instrument);
        let place = &mut self.places[instrument.get() as usize];
        let steps = calendar.as_ref().map_or_else(Vec::new, |calendar| steps(calendar, place.followed, now));
        let planned = calendar.and_then(|calendar| calendar.last_transition(now)).map(|transition| transition.phase);
        if is_held {
            let ends_day = steps.iter().any(|step| step.phase == Phase::PreOpen);
            if ends_day {
                market.configure(&expiry(instrument, true))?;
            }
            *place = Place { followed: place.followed.max(now), auction_since: None, is_lost: false };
            return Ok(ends_day);
        }
        if let [step] = steps[..] {
            let is_done = change(instrument, step.phase, market)?;
            if is_done {
                *place = Place { followed: step.at, auction_since: None, is_lost: false };
            }
            return Ok(is_done);
        }
        if !steps.is_empty() && steps.iter().any(|step| step.phase == Phase::PreOpen) {
            if phase != Phase::Halt {
                market.configure(&set(instrument, Phase::Halt))?;
            }
            market.configure(&expiry(instrument, true))?;
            *place = Place { followed: now, auction_since: None, is_lost: true };
            return Ok(true);
        }
        place.is_lost |= !steps.is_empty();
        place.followed = place.followed.max(now);
        if phase == Phase::VolatilityAuction && matches!(planned, None | Some(Phase::Continuous)) {
            let since = *place.auction_since.get_or_insert(now);
            let said = self.auctions_s.get(instrument.get() as usize).copied().flatten();
            if now.get().saturating_sub(since.get()) / SECOND_NS < said.unwrap_or(AUCTION_DEFAULT_S) {
                return Ok(false);
            }
        }
        let wanted = planned.or_else(|| (phase == Phase::VolatilityAuction).then_some(Phase::Continuous));
        let is_to_change = place.is_lost || place.auction_since.take().is_some();
        place.is_lost = false;
        match wanted.filter(|&wanted| is_to_change && wanted != phase) {
            Some(wanted) => change(instrument, wanted, market),
            None => Ok(false),
        }
    }
}

/// Asks for a phase. `false` if the zone did not take it, which is asked for at the next look; a volatility auction may begin with it.
fn change(instrument: InstrumentId, phase: Phase, market: &mut impl Market) -> Result<bool, Full> {
    market.configure(&set(instrument, phase))?;
    Ok(matches!(market.engine().phase(instrument), Some(now) if now == phase || now == Phase::VolatilityAuction))
}

/// The steps of a calendar behind `since`, to `now`. Of a zone that has no records nothing is late.
fn steps(calendar: &Calendar, since: TimestampNs, now: TimestampNs) -> Vec<Transition> {
    if since == TimestampNs::new(0) {
        return Vec::new();
    }
    let first = calendar.next_transition(since);
    let steps = std::iter::successors(first, |step| calendar.next_transition(step.at)).take_while(|step| step.at <= now);
    steps.take(STEPS_LOOKED_AT_MAX).collect()
}

const fn set(instrument: InstrumentId, phase: Phase) -> Configuration {
    Configuration::SetPhase(PhaseChange { instrument, phase })
}

const fn expiry(instrument: InstrumentId, ends_day: bool) -> Configuration {
    Configuration::Expire(Expiry { instrument, ends_day })
}
