//! `UTCTimestamp`: `YYYYMMDD-HH:MM:SS` with nothing, milliseconds, microseconds or nanoseconds behind it. We write milliseconds, and none before
//! FIX 4.2.

use super::Version;
use crate::limits::SECOND_NS;
use plinth_types::id::TimestampNs;

/// Bytes of a timestamp as we write it.
pub const TIMESTAMP_SIZE: usize = 21;
/// Bytes of one without a fraction.
const SECONDS_SIZE: usize = 17;
/// Bytes of a date.
pub const DATE_SIZE: usize = 8;

/// A timestamp as a version writes it: milliseconds from 4.2 on.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    bytes: [u8; TIMESTAMP_SIZE],
    size: usize,
}

impl Text {
    /// Its characters.
    #[must_use]
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.size]
    }
}

/// A timestamp as a version writes it.
#[must_use]
#[inline]
pub fn text(time: TimestampNs, version: Version) -> Text {
    Text { bytes: format(time), size: if version.has_milliseconds() { TIMESTAMP_SIZE } else { SECONDS_SIZE } }
}

/// `YYYYMMDD-HH:MM:SS.sss`.
#[must_use]
pub fn format(time: TimestampNs) -> [u8; TIMESTAMP_SIZE] {
    let mut text = *b"00000000-00:00:00.000";
    text[..DATE_SIZE].copy_from_slice(&format_date(time));
    let second = (time.get() / SECOND_NS % DAY_SECONDS) as u32;
    digits(&mut text[9..11], second / 3_600);
    digits(&mut text[12..14], second / 60 % 60);
    digits(&mut text[15..17], second % 60);
    digits(&mut text[18..21], (time.get() % SECOND_NS / 1_000_000) as u32);
    text
}

/// `YYYYMMDD`.
#[must_use]
pub fn format_date(time: TimestampNs) -> [u8; DATE_SIZE] {
    // Days to a proleptic Gregorian date: Howard Hinnant, "chrono-compatible low-level date algorithms", civil_from_days.
    let days = time.get() / SECOND_NS / DAY_SECONDS + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let mut text = *b"00000000";
    digits(&mut text[..4], (year % 10_000) as u32);
    digits(&mut text[4..6], month as u32);
    digits(&mut text[6..], day as u32);
    text
}

/// Reads a timestamp; `None` if it is none, or lies before 1970.
#[must_use]
pub fn parse(text: &[u8]) -> Option<TimestampNs> {
    let [date @ .., b'-', h1, h0, b':', m1, m0, b':', s1, s0] = text.get(..17)? else { return None };
    let days = parse_date(date)?;
    let two = |tens: &u8, ones: &u8| {
        (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| u64::from(tens - b'0') * 10 + u64::from(ones - b'0'))
    };
    let (hour, minute, second) = (two(h1, h0)?, two(m1, m0)?, two(s1, s0)?);
    // 60 is a leap second; it counts as the first second of the next minute.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let fraction_ns = match &text[17..] {
        [] => 0,
        [b'.', fraction @ ..] if matches!(fraction.len(), 3 | 6 | 9) => {
            super::frame::number(fraction)? * 10_u64.pow(9 - fraction.len() as u32)
        }
        _ => return None,
    };
    let seconds = days * DAY_SECONDS + hour * 3_600 + minute * 60 + second;
    seconds.checked_mul(SECOND_NS)?.checked_add(fraction_ns).map(TimestampNs::new)
}

/// Reads `YYYYMMDD` as days since 1970-01-01; `None` if it is no date, or lies before 1970.
#[must_use]
pub fn parse_date(text: &[u8]) -> Option<u64> {
    if text.len() != DATE_SIZE || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = super::frame::number(text)?;
    let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let day_max = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    };
    if day == 0 || day > day_max || year < 1_970 {
        return None;
    }
    let year = year - u64::from(month <= 2);
    let shifted_month = if month > 2 { month - 3 } else { month + 9 };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(719_468)
}

fn digits(place: &mut [u8], value: u32) {
    let mut rest = value;
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

const DAY_SECONDS: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_instants() {
        let rows: [(u64, &[u8]); 5] = [
            (0, b"19700101-00:00:00.000"),
            (951_782_400, b"20000229-00:00:00.000"),
            (1_772_048_517, b"20260225-19:41:57.000"),
            (4_102_444_799, b"20991231-23:59:59.000"),
            (68_256_000, b"19720301-00:00:00.000"),
        ];
        for (second, text) in rows {
            let time = TimestampNs::new(second * SECOND_NS);
            assert_eq!(format(time), text, "{second}");
            assert_eq!(parse(text), Some(time));
            assert_eq!(parse(&text[..17]), Some(time));
        }
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in ["20260229-00:00:00", "20261301-00:00:00", "20260225-24:00:00", "20260225-00:60:00", "20260225 00:00:00"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        for text in ["", "20040415", "20260225-00:00:00.", "20260225-00:00:00.12", "20260225-00:00:00,123", "19691231-00:00:00"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_millisecond_survives(ms in 0..4_102_444_800_000_u64) {
            let time = TimestampNs::new(ms * 1_000_000);
            prop_assert_eq!(parse(&format(time)), Some(time));
        }
    }
}
