//! Prices, quantities and amounts, with their units. Integers only.

use crate::limits::{AMOUNT_MAX, PRICE_TICKS_MAX, QTY_LOTS_MAX};
use core::fmt;
use core::num::NonZeroU64;

/// Limit price in ticks. What a tick is worth belongs to the instrument. Negative prices are representable (spreads); a spot
/// instrument refuses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Price(i64);

/// Order quantity in lots, at least one: "no order" cannot be represented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Qty(NonZeroU64);

/// A number of lots that may be zero: what is left, what has traded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Lots(u64);

/// An amount of one asset in its smallest unit; unsigned, at most [`AMOUNT_MAX`].
///
/// The smallest unit of a cash asset is what one tick of one lot is worth, so `price × quantity` is exact and nothing is rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Amount(u128);

impl Price {
    /// `None` beyond ±[`PRICE_TICKS_MAX`].
    #[must_use]
    #[inline]
    pub const fn from_ticks(ticks: i64) -> Option<Self> {
        if ticks > PRICE_TICKS_MAX || ticks < -PRICE_TICKS_MAX { None } else { Some(Self(ticks)) }
    }

    /// The price in ticks.
    #[must_use]
    #[inline]
    pub const fn ticks(self) -> i64 {
        self.0
    }

    /// `price × qty` in the smallest unit of the quote asset; `None` for a negative price. It cannot overflow (see `limits`).
    #[must_use]
    #[inline]
    pub const fn notional(self, qty: Qty) -> Option<Amount> {
        if self.0 < 0 { None } else { Some(Amount(self.0.unsigned_abs() as u128 * qty.0.get() as u128)) }
    }
}

impl Qty {
    /// `None` for zero and above [`QTY_LOTS_MAX`].
    #[must_use]
    #[inline]
    pub const fn from_lots(lots: u64) -> Option<Self> {
        if lots > QTY_LOTS_MAX {
            return None;
        }
        match NonZeroU64::new(lots) {
            Some(lots) => Some(Self(lots)),
            None => None,
        }
    }

    /// The quantity in lots.
    #[must_use]
    #[inline]
    pub const fn lots(self) -> u64 {
        self.0.get()
    }

    /// What is left after `fill`; `None` when nothing is.
    ///
    /// # Panics
    ///
    /// If `fill > self`: the matcher takes the smaller of two quantities, so a larger fill is a bug in the matcher.
    #[must_use]
    #[inline]
    pub const fn after_fill(self, fill: Self) -> Option<Self> {
        assert!(fill.0.get() <= self.0.get(), "fill exceeds what rests");
        match NonZeroU64::new(self.0.get() - fill.0.get()) {
            Some(left) => Some(Self(left)),
            None => None,
        }
    }
}

impl Lots {
    /// No lot.
    pub const ZERO: Self = Self(0);

    /// Wraps a count of lots.
    #[must_use]
    #[inline]
    pub const fn new(lots: u64) -> Self {
        Self(lots)
    }

    /// The count.
    #[must_use]
    #[inline]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// `None` on overflow.
    #[must_use]
    #[inline]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// `None` when `other` is larger.
    #[must_use]
    #[inline]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }
}

impl From<Qty> for Lots {
    fn from(qty: Qty) -> Self {
        Self(qty.lots())
    }
}

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// `None` above [`AMOUNT_MAX`].
    #[must_use]
    #[inline]
    pub const fn new(units: u128) -> Option<Self> {
        if units > AMOUNT_MAX { None } else { Some(Self(units)) }
    }

    /// The amount of a base asset that `qty` lots are: one lot is one smallest unit.
    #[must_use]
    #[inline]
    pub const fn of_lots(qty: Qty) -> Self {
        Self(qty.0.get() as u128)
    }

    /// In the asset's smallest unit.
    #[must_use]
    #[inline]
    pub const fn units(self) -> u128 {
        self.0
    }

    /// `None` above [`AMOUNT_MAX`].
    #[must_use]
    #[inline]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Self::new(sum),
            None => None,
        }
    }

    /// `None` when `other` is larger.
    #[must_use]
    #[inline]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }
}

macro_rules! display {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}
display!(Price, Qty, Lots, Amount);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_notional_is_an_amount() {
        let price = Price::from_ticks(PRICE_TICKS_MAX).unwrap();
        let qty = Qty::from_lots(QTY_LOTS_MAX).unwrap();
        let notional = price.notional(qty).unwrap();
        assert_eq!(Amount::new(notional.units()), Some(notional));
        assert_eq!(notional.units(), (1 << 47) * (1 << 56));
    }

    #[test]
    fn what_is_out_of_range_has_no_value() {
        assert_eq!(Price::from_ticks(PRICE_TICKS_MAX + 1), None);
        assert_eq!(Price::from_ticks(i64::MIN), None);
        assert_eq!(Qty::from_lots(0), None);
        assert_eq!(Qty::from_lots(QTY_LOTS_MAX + 1), None);
        assert_eq!(Amount::new(AMOUNT_MAX + 1), None);
        assert_eq!(Amount::new(AMOUNT_MAX).unwrap().checked_add(Amount(1)), None);
        assert_eq!(Price::from_ticks(-1).unwrap().notional(Qty::from_lots(1).unwrap()), None);
    }

    #[test]
    fn a_complete_fill_leaves_no_order() {
        let five = Qty::from_lots(5).unwrap();
        let two = Qty::from_lots(2).unwrap();
        assert_eq!(five.after_fill(two), Qty::from_lots(3));
        assert_eq!(five.after_fill(five), None);
    }
}
