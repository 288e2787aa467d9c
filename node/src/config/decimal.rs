//! Decimal text of amounts, exact: never through a float.

use std::fmt;

/// Why text is not an amount with so many decimal places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalError {
    /// Not digits with at most one point between them.
    Malformed,
    /// More decimal places than the unit has.
    TooPrecise {
        /// Places that it has.
        decimals: u8,
    },
    /// Beyond 128 bits.
    Overflow,
}

impl fmt::Display for DecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("not a decimal number"),
            Self::TooPrecise { decimals } => write!(f, "more than {decimals} decimal places"),
            Self::Overflow => f.write_str("too large"),
        }
    }
}

/// Reads `12.5` as smallest units.
///
/// # Errors
///
/// [`DecimalError`].
pub fn parse(text: &str, decimals: u8) -> Result<u128, DecimalError> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return Err(DecimalError::Malformed);
    }
    let fraction = fraction.trim_end_matches('0');
    let places = usize::from(decimals);
    if fraction.len() > places {
        return Err(DecimalError::TooPrecise { decimals });
    }
    format!("{whole}{fraction:0<places$}").parse().map_err(|_| DecimalError::Overflow)
}

/// Writes smallest units as `12.5`, without trailing zeros.
#[must_use]
pub fn format(units: u128, decimals: u8) -> String {
    let places = usize::from(decimals);
    let digits = format!("{units:0>width$}", width = places + 1);
    let (whole, fraction) = digits.split_at(digits.len() - places);
    match fraction.trim_end_matches('0') {
        "" => whole.to_owned(),
        fraction => format!("{whole}.{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_both_ways() {
        for (text, decimals, units) in
            [("12.5", 2, 1_250), ("0", 8, 0), ("0.00000001", 8, 1), ("7", 0, 7), ("100", 10, 1_000_000_000_000)]
        {
            assert_eq!(parse(text, decimals), Ok(units));
            assert_eq!(format(units, decimals), text);
        }
        assert_eq!(parse("1.50", 1), Ok(15));
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in ["", ".", "1.", ".5", "-1", "1e3", "1_000", "١"] {
            assert_eq!(parse(text, 2), Err(DecimalError::Malformed), "{text:?}");
        }
        assert_eq!(parse("0.001", 2), Err(DecimalError::TooPrecise { decimals: 2 }));
        assert_eq!(parse(&"9".repeat(40), 0), Err(DecimalError::Overflow));
    }
}
