//! When an instrument trades: phases by time of day, on which days, as data; and the next change of phase, as a pure function.
//!
//! The core keeps calendars and never looks at them, since it has no clock. A host asks [`Calendar::next_transition`], waits, and sends the
//! phase change as a command of its own; after an outage [`Calendar::last_transition`] says in which phase the market should be.
//!
//! Local time is a fixed distance from UTC. Where clocks change twice a year, that is a dated change of the calendar, known long before.

use crate::few::Few;
use crate::id::{InstrumentId, TimestampNs};
use crate::limits::{CALENDAR_EXCEPTIONS_MAX, CALENDAR_SEARCH_DAYS_MAX, CALENDAR_STEPS_MAX};
use crate::reference::Phase;
use crate::{choice, record};

/// When an instrument trades. Replaces what was said before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// Which instrument.
    pub instrument: InstrumentId,
    /// How far local time is ahead of UTC, in minutes.
    pub utc_offset_min: i64,
    /// Weekdays with trading: bit 0 is Monday.
    pub weekdays: u8,
    /// The steps of an ordinary day, ascending.
    pub full: Few<Step, CALENDAR_STEPS_MAX>,
    /// The steps of a short one.
    pub short: Few<Step, CALENDAR_STEPS_MAX>,
    /// Days that are not as their weekday, ascending.
    pub exceptions: Few<Exception, CALENDAR_EXCEPTIONS_MAX>,
}

/// From a time of day on, the instrument is in this phase; behind the last step of a day it stays so until the next trading day's first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Seconds since local midnight.
    pub second: u32,
    /// Its phase.
    pub phase: Phase,
}

/// A day that is not as its weekday.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Which day, in local days since 1970-01-01.
    pub day: u32,
    /// What it is instead.
    pub hours: Hours,
}

/// Which steps a day has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hours {
    /// None: a holiday.
    Closed,
    /// Those of an ordinary day, whatever its weekday.
    Full,
    /// Those of a short day.
    Short,
}

/// A change of phase that a calendar asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// When.
    pub at: TimestampNs,
    /// To which phase.
    pub phase: Phase,
}

const NS_PER_SECOND: u64 = 1_000_000_000;
const SECONDS_PER_DAY: u32 = 86_400;
/// No place on earth is further from UTC.
const UTC_OFFSET_MIN_MAX: i64 = 14 * 60;
/// Days that a timestamp can name with any offset.
const DAYS_MAX: u32 = 200_000;

impl Calendar {
    /// Whether its parts are in order and in range.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let steps = |steps: &Few<Step, CALENDAR_STEPS_MAX>| {
            steps.iter().all(|step| step.second < SECONDS_PER_DAY) && steps.is_sorted(|step, next| step.second < next.second)
        };
        self.utc_offset_min.abs() <= UTC_OFFSET_MIN_MAX
            && self.weekdays < 1 << 7
            && steps(&self.full)
            && steps(&self.short)
            && self.exceptions.iter().all(|exception| exception.day < DAYS_MAX)
            && self.exceptions.is_sorted(|exception, next| exception.day < next.day)
    }

    /// The first change of phase after `time`; `None` if there is none within [`CALENDAR_SEARCH_DAYS_MAX`] days.
    #[must_use]
    pub fn next_transition(&self, time: TimestampNs) -> Option<Transition> {
        let today = self.local_day(time);
        (today.saturating_sub(1)..today + CALENDAR_SEARCH_DAYS_MAX)
            .find_map(|day| self.steps(day).iter().filter_map(|step| self.transition(day, step)).find(|found| found.at > time))
    }

    /// The last change of phase at or before `time`; `None` as there.
    #[must_use]
    pub fn last_transition(&self, time: TimestampNs) -> Option<Transition> {
        let today = self.local_day(time);
        (today.saturating_sub(CALENDAR_SEARCH_DAYS_MAX)..today + 1).rev().find_map(|day| {
            self.steps(day).iter().rev().filter_map(|step| self.transition(day, step)).find(|found| found.at <= time)
        })
    }

    /// The day that it is locally. In the first hours of 1970 west of Greenwich it is taken for the first day.
    fn local_day(&self, time: TimestampNs) -> u32 {
        let utc = i64::try_from(time.get() / NS_PER_SECOND).expect("seconds of 64 bits of nanoseconds");
        let local = utc.saturating_add(self.utc_offset_min.saturating_mul(60));
        u32::try_from(local.max(0) / i64::from(SECONDS_PER_DAY)).unwrap_or(DAYS_MAX).min(DAYS_MAX)
    }

    /// What happens on a day.
    fn steps(&self, day: u32) -> Few<Step, CALENDAR_STEPS_MAX> {
        let exception = self.exceptions.iter().find(|exception| exception.day == day).map(|exception| exception.hours);
        // The first day of 1970 was a Thursday.
        let weekday = self.weekdays >> ((day + 3) % 7) & 1 != 0;
        match exception.unwrap_or(if weekday { Hours::Full } else { Hours::Closed }) {
            Hours::Closed => Few::EMPTY,
            Hours::Full => self.full,
            Hours::Short => self.short,
        }
    }

    /// A step in the time of the journal; `None` where that has none.
    fn transition(&self, day: u32, step: Step) -> Option<Transition> {
        let local = i64::from(day) * i64::from(SECONDS_PER_DAY) + i64::from(step.second);
        let utc = u64::try_from(local.checked_sub(self.utc_offset_min.checked_mul(60)?)?).ok()?;
        Some(Transition { at: TimestampNs::new(utc.checked_mul(NS_PER_SECOND)?), phase: step.phase })
    }
}

record!(Step { second, phase });
record!(Exception { day, hours });
choice!(Hours, "hours of a day" { 0 => Closed, 1 => Full, 2 => Short });
record!(Calendar { instrument, utc_offset_min, weekdays, full, short, exceptions });

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23, a Monday.
    const MONDAY: u32 = 20_780;
    const HOUR: u32 = 3_600;

    fn calendar() -> Calendar {
        let steps = |steps: &[(u32, Phase)]| {
            let steps: alloc::vec::Vec<Step> = steps.iter().map(|&(second, phase)| Step { second, phase }).collect();
            Few::new(&steps).unwrap()
        };
        Calendar {
            instrument: InstrumentId::new(0),
            utc_offset_min: 60,
            weekdays: 0b1_1111,
            full: steps(&[
                (HOUR / 2, Phase::PreOpen),
                (9 * HOUR, Phase::OpeningAuction),
                (9 * HOUR + 300, Phase::Continuous),
                (17 * HOUR, Phase::ClosingAuction),
                (17 * HOUR + 300, Phase::PreOpen),
                (22 * HOUR, Phase::Halt),
            ]),
            short: steps(&[(9 * HOUR, Phase::Continuous), (12 * HOUR, Phase::Halt)]),
            exceptions: Few::new(&[
                Exception { day: MONDAY + 3, hours: Hours::Closed },
                Exception { day: MONDAY + 4, hours: Hours::Short },
                Exception { day: MONDAY + 5, hours: Hours::Full },
            ])
            .unwrap(),
        }
    }

    fn at(day: u32, second: u32) -> TimestampNs {
        TimestampNs::new((u64::from(day) * 86_400 + u64::from(second)) * NS_PER_SECOND - 3_600 * NS_PER_SECOND)
    }

    #[test]
    fn a_day_goes_through_its_steps_and_the_night_to_the_next_trading_day() {
        let calendar = calendar();
        assert!(calendar.is_sound());
        let next = |time| calendar.next_transition(time).unwrap();
        let mut time = at(MONDAY, 8 * HOUR);
        let expected = [
            (MONDAY, 9 * HOUR, Phase::OpeningAuction),
            (MONDAY, 9 * HOUR + 300, Phase::Continuous),
            (MONDAY, 17 * HOUR, Phase::ClosingAuction),
            (MONDAY, 17 * HOUR + 300, Phase::PreOpen),
            (MONDAY, 22 * HOUR, Phase::Halt),
            // Local half past midnight is still the day before in UTC.
            (MONDAY + 1, HOUR / 2, Phase::PreOpen),
        ];
        for (day, second, phase) in expected {
            let found = next(time);
            assert_eq!(found, Transition { at: at(day, second), phase });
            assert_eq!(calendar.last_transition(found.at), Some(found));
            assert_ne!(calendar.last_transition(TimestampNs::new(found.at.get() - 1)), Some(found));
            time = found.at;
        }
    }

    #[test]
    fn holidays_are_passed_over_short_days_end_early_and_a_saturday_may_be_made_up_for() {
        let calendar = calendar();
        let next = |day, second| calendar.next_transition(at(day, second)).unwrap();
        let first = |day| Transition { at: at(day, HOUR / 2), phase: Phase::PreOpen };
        // Thursday is closed.
        assert_eq!(next(MONDAY + 2, 22 * HOUR), Transition { at: at(MONDAY + 4, 9 * HOUR), phase: Phase::Continuous });
        assert_eq!(next(MONDAY + 4, 9 * HOUR), Transition { at: at(MONDAY + 4, 12 * HOUR), phase: Phase::Halt });
        assert_eq!(next(MONDAY + 4, 12 * HOUR), first(MONDAY + 5));
        assert_eq!(next(MONDAY + 5, 22 * HOUR), first(MONDAY + 7));
    }

    /// Every minute of a month: the functions agree with each other, whatever the offset.
    #[test]
    fn what_is_next_is_last_when_it_has_come() {
        for utc_offset_min in [-14 * 60, -300, 0, 345, 14 * 60] {
            let calendar = Calendar { utc_offset_min, ..calendar() };
            for minute in 0..30 * 24 * 60 {
                let time = TimestampNs::new((u64::from(MONDAY) * 86_400 + minute * 60) * NS_PER_SECOND);
                let (last, next) = (calendar.last_transition(time).unwrap(), calendar.next_transition(time).unwrap());
                assert!(last.at <= time && time < next.at);
                assert_eq!(calendar.last_transition(next.at), Some(next));
                assert_eq!(calendar.next_transition(last.at), Some(next));
            }
        }
    }

    #[test]
    fn a_calendar_without_trading_ends_and_times_at_the_edges_do_not_panic() {
        let never = Calendar { weekdays: 0, exceptions: Few::EMPTY, ..calendar() };
        for time in [0, 1, 86_400 * NS_PER_SECOND, u64::MAX / 2, u64::MAX] {
            let time = TimestampNs::new(time);
            assert_eq!((never.next_transition(time), never.last_transition(time)), (None, None));
            for utc_offset_min in [-14 * 60, 0, 14 * 60, i64::MIN, i64::MAX] {
                let calendar = Calendar { utc_offset_min, ..calendar() };
                let _ = (calendar.next_transition(time), calendar.last_transition(time));
            }
        }
        let unsound = [
            Calendar { weekdays: 1 << 7, ..calendar() },
            Calendar { utc_offset_min: 15 * 60, ..calendar() },
            Calendar { full: Few::new(&[Step { second: 86_400, phase: Phase::Halt }]).unwrap(), ..calendar() },
            Calendar { exceptions: Few::new(&[Exception { day: 9, hours: Hours::Full }; 2]).unwrap(), ..calendar() },
        ];
        assert!(unsound.iter().all(|calendar| !calendar.is_sound()));
    }
}
