//! When a session may be logged on, and when its numbers begin again.

use crate::limits::SECOND_NS;
use plinth_types::id::TimestampNs;

/// Hours of a session, every day, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// When it opens, in seconds since midnight.
    pub opens_s: u32,
    /// When it closes; not later than it opens means on the next day, and the same means never.
    pub closes_s: u32,
    /// Whether both sequences begin again at 1 whenever it opens.
    pub resets: bool,
}

impl Schedule {
    /// Whether it is open.
    #[must_use]
    pub const fn is_open(self, now: TimestampNs) -> bool {
        let since_opening = self.since_opening_ns(now);
        let open_for_ns = (self.closes_s as u64 + DAY_S - self.opens_s as u64) % DAY_S * SECOND_NS;
        open_for_ns == 0 || since_opening < open_for_ns
    }

    /// When it opened last.
    #[must_use]
    pub const fn opened_at(self, now: TimestampNs) -> TimestampNs {
        TimestampNs::new(now.get().saturating_sub(self.since_opening_ns(now)))
    }

    const fn since_opening_ns(self, now: TimestampNs) -> u64 {
        let day_ns = DAY_S * SECOND_NS;
        (now.get() % day_ns + day_ns - self.opens_s as u64 % DAY_S * SECOND_NS) % day_ns
    }
}

const DAY_S: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(day: u64, second: u64) -> TimestampNs {
        TimestampNs::new((day * DAY_S + second) * SECOND_NS)
    }

    #[test]
    fn hours_within_a_day_over_midnight_and_all_day() {
        let day = Schedule { opens_s: 28_800, closes_s: 64_800, resets: true };
        for (second, open) in [(0, false), (28_799, false), (28_800, true), (64_799, true), (64_800, false)] {
            assert_eq!(day.is_open(at(3, second)), open, "{second}");
        }
        let night = Schedule { opens_s: 64_800, closes_s: 28_800, resets: true };
        for (second, open) in [(0, true), (28_799, true), (28_800, false), (64_799, false), (64_800, true)] {
            assert_eq!(night.is_open(at(3, second)), open, "{second}");
        }
        let always = Schedule { opens_s: 3_600, closes_s: 3_600, resets: true };
        assert!((0..24).all(|hour| always.is_open(at(3, hour * 3_600))));
        assert_eq!(always.opened_at(at(3, 3_600)), at(3, 3_600));
        assert_eq!(always.opened_at(at(3, 3_599)), at(2, 3_600));
        assert_eq!(night.opened_at(at(3, 100)), at(2, 64_800));
    }
}
