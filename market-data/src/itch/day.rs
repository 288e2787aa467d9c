//! Days of UTC, and the names of the sessions that they are.

use plinth_types::id::TimestampNs;
use std::fmt;

const DAY_NS: u64 = 86_400 * 1_000_000_000;

/// A day of UTC: so many days after 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TradingDay(u64);

/// Name of a session on the wire: ten ASCII characters. A later session has a greater name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionName([u8; 10]);

impl TradingDay {
    /// The day that a moment is in.
    #[must_use]
    pub const fn of(time: TimestampNs) -> Self {
        Self(time.get() / DAY_NS)
    }

    /// Nanoseconds from the day's midnight to a moment, which may be on a later day; zero for one before.
    #[must_use]
    pub const fn since_midnight(self, time: TimestampNs) -> u64 {
        time.get().saturating_sub(self.0 * DAY_NS)
    }

    /// Year, month and day of the month.
    #[must_use]
    pub const fn date(self) -> (u64, u64, u64) {
        // Days since 0000-03-01 in eras of 400 years, so that leap days come last.
        let days = self.0 + 719_468;
        let (era, of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let day = of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
        (year, month, day)
    }

    /// `YYYYMMDD` and the zone's number modulo 100.
    #[must_use]
    pub fn session(self, zone: plinth_types::id::ZoneId) -> SessionName {
        let (year, month, day) = self.date();
        let text = format!("{:04}{month:02}{day:02}{:02}", year % 10_000, zone.get() % 100);
        SessionName(text.as_bytes().try_into().expect("ten digits"))
    }
}

impl SessionName {
    /// Wraps ten bytes; `None` if one of them is no printable ASCII.
    #[must_use]
    pub fn new(bytes: [u8; 10]) -> Option<Self> {
        bytes.iter().all(|byte| (0x20..0x7f).contains(byte)).then_some(Self(bytes))
    }

    /// The ten bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 10] {
        &self.0
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(str::from_utf8(&self.0).unwrap_or_default().trim_end())
    }
}

impl fmt::Debug for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates_and_sessions_sort_by_them() {
        for (seconds, date) in [
            (0, (1970, 1, 1)),
            (951_782_400, (2000, 2, 29)),
            (951_868_800, (2000, 3, 1)),
            (1_709_164_800, (2024, 2, 29)),
            (1_795_305_600, (2026, 11, 22)),
            (4_102_444_799, (2099, 12, 31)),
        ] {
            let time = TimestampNs::new(seconds * 1_000_000_000);
            assert_eq!(TradingDay::of(time).date(), date);
        }
        let time = TimestampNs::new(1_795_305_600_000_000_007);
        let day = TradingDay::of(time);
        assert_eq!(day.since_midnight(time), 7);
        assert_eq!(day.session(plinth_types::id::ZoneId::TRADING).to_string(), "2026112201");
        assert!(day.session(plinth_types::id::ZoneId::TRADING) > TradingDay(day.0 - 1).session(plinth_types::id::ZoneId::TRADING));
    }
}
