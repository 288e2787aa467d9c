//! Decimals. On the wire a price is digits with a point; inside it is a whole number of ticks. Nothing is ever rounded on the way in.

use crate::limits::DECIMALS_MAX;

/// Why digits are not a number of units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Something else than digits, one point and a leading minus: `NaN`, an exponent, a plus sign, nothing at all.
    #[error("not a decimal number")]
    NotANumber,
    /// A place behind the last one that the instrument has is not zero.
    #[error("more than {decimals} decimal places")]
    TooManyDecimals {
        /// Decimal places of the instrument.
        decimals: u8,
    },
    /// It does not fit.
    #[error("number too large")]
    TooLarge,
}

/// Reads a decimal as a whole number of 10^-`decimals`.
///
/// # Errors
///
/// [`DecimalError`]; nothing is rounded.
pub fn parse(text: &[u8], decimals: u8) -> Result<i64, DecimalError> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let mut value: i64 = 0;
    let mut places = None;
    let mut digit_seen = false;
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                digit_seen = true;
                let digit = i64::from(byte - b'0');
                match &mut places {
                    Some(places) if *places == decimals => {
                        if digit != 0 {
                            return Err(DecimalError::TooManyDecimals { decimals });
                        }
                        continue;
                    }
                    Some(places) => *places += 1,
                    None => {}
                }
                value = value.checked_mul(10).and_then(|value| value.checked_add(digit)).ok_or(DecimalError::TooLarge)?;
            }
            b'.' if places.is_none() => places = Some(0),
            _ => return Err(DecimalError::NotANumber),
        }
    }
    if !digit_seen {
        return Err(DecimalError::NotANumber);
    }
    for _ in places.unwrap_or(0)..decimals {
        value = value.checked_mul(10).ok_or(DecimalError::TooLarge)?;
    }
    Ok(if negative { -value } else { value })
}

/// Writes `value` × 10^-`decimals` with exactly that many places.
///
/// # Panics
///
/// Above [`DECIMALS_MAX`], which configuration refuses.
pub fn write(value: i64, decimals: u8, out: &mut Vec<u8>) {
    if value < 0 {
        out.push(b'-');
    }
    write_unsigned(u128::from(value.unsigned_abs()), decimals, out);
}

/// Writes `value` × 10^-`decimals` with exactly that many places.
///
/// # Panics
///
/// Above 2 × [`DECIMALS_MAX`].
pub fn write_unsigned(value: u128, decimals: u8, out: &mut Vec<u8>) {
    let decimals = usize::from(decimals);
    assert!(decimals <= 2 * usize::from(DECIMALS_MAX), "more places than any instrument has");
    let mut text = [b'0'; 48];
    let mut at = text.len();
    let mut rest = value;
    let mut places = 0;
    while rest > 0 || places <= decimals {
        if places == decimals && decimals > 0 {
            at -= 1;
            text[at] = b'.';
        }
        at -= 1;
        text[at] = b'0' + if rest <= u128::from(u64::MAX) { (rest as u64 % 10) as u8 } else { (rest % 10) as u8 };
        rest = if rest <= u128::from(u64::MAX) { u128::from(rest as u64 / 10) } else { rest / 10 };
        places += 1;
    }
    out.extend_from_slice(&text[at..]);
}

/// Writes a whole number.
pub fn write_integer(value: u64, out: &mut Vec<u8>) {
    let mut text = [0; 20];
    let mut at = text.len();
    let mut rest = value;
    loop {
        at -= 1;
        text[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&text[at..]);
}

/// `total / count`, half rounded to even.
///
/// # Panics
///
/// If `count` is 0.
#[must_use]
pub const fn divide_half_even(total: u128, count: u128) -> u128 {
    let (quotient, rest) = (total / count, total % count);
    let above = count - rest;
    if rest > above || (rest == above && quotient % 2 == 1) { quotient + 1 } else { quotient }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_is_rounded_and_nothing_strange_is_read() {
        let rows: [(&[u8], u8, Result<i64, DecimalError>); 19] = [
            (b"100.25", 2, Ok(10_025)),
            (b"002000.00", 0, Ok(2_000)),
            (b"100", 2, Ok(10_000)),
            (b"100.", 2, Ok(10_000)),
            (b".5", 2, Ok(50)),
            (b"-0.01", 2, Ok(-1)),
            (b"0.10000000", 1, Ok(1)),
            (b"0.001", 2, Err(DecimalError::TooManyDecimals { decimals: 2 })),
            (b"9223372036854775807", 0, Ok(i64::MAX)),
            (b"9223372036854775808", 0, Err(DecimalError::TooLarge)),
            (b"92233720368547758.08", 3, Err(DecimalError::TooLarge)),
            (b"", 2, Err(DecimalError::NotANumber)),
            (b".", 2, Err(DecimalError::NotANumber)),
            (b"-", 2, Err(DecimalError::NotANumber)),
            (b"+1", 2, Err(DecimalError::NotANumber)),
            (b"1e3", 2, Err(DecimalError::NotANumber)),
            (b"NaN", 2, Err(DecimalError::NotANumber)),
            (b"1.2.3", 2, Err(DecimalError::NotANumber)),
            (b" 1", 2, Err(DecimalError::NotANumber)),
        ];
        for (text, decimals, expected) in rows {
            assert_eq!(parse(text, decimals), expected, "{:?} with {decimals}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn halves_round_to_even() {
        assert_eq!([5_u128, 15, 25, 24, 26].map(|total| divide_half_even(total, 10)), [0, 2, 2, 2, 3]);
        assert_eq!(divide_half_even(1, 3), 0);
        assert_eq!(divide_half_even(2, 3), 1);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in any::<i64>(), decimals in 0..=18_u8) {
            prop_assume!(value != i64::MIN);
            let mut text = Vec::new();
            write(value, decimals, &mut text);
            prop_assert_eq!(parse(&text, decimals), Ok(value), "{}", String::from_utf8_lossy(&text));
        }

        #[test]
        fn any_bytes_are_read_or_refused(text in proptest::collection::vec(any::<u8>(), 0..24), decimals in 0..=18_u8) {
            let _ = parse(&text, decimals);
        }
    }
}
