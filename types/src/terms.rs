//! What an instrument's orders must be like, and changes of instruments that take effect at a date.
//!
//! Terms are data: they come as configuration commands, so a replay knows those of every moment. A dated change is kept by the zone and
//! takes effect with the first command whose time is not before its date: that command, and all behind it, are executed under it. Time
//! is the journal's, so nothing happens between commands.

use crate::calendar::Calendar;
use crate::codec::{Buffer, Codec, DecodeError, Reader};
use crate::few::Few;
use crate::id::{InstrumentId, TimestampNs};
use crate::limits::TICK_ROWS_MAX;
use crate::quantity::{Lots, Price, Qty};
use crate::reference::Bands;
use crate::{choice, record};

/// What new orders and replaces of an instrument must be like. Replaces what was said before; orders that rest already stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Which instrument.
    pub instrument: InstrumentId,
    /// Quantities are multiples of it (`RoundLot`, FIX tag 561).
    pub lot: Qty,
    /// The smallest quantity (`MinTradeVol`, FIX tag 562).
    pub qty_min: Qty,
    /// Prices are multiples of what their row says (`TickRules`, FIX tag 1205). Without rows, and below the first, every price is one.
    pub ticks: Few<TickRow, TICK_ROWS_MAX>,
    /// Who trades first at one price (`MatchAlgorithm`, FIX tag 1142).
    pub matching: Matching,
}

/// Who trades first at one price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Matching {
    /// The oldest order.
    Time,
    /// All together, by what they show. The rounding stands in the matching engine's documentation.
    Size(ProRata),
}

/// How orders of one price share what an incoming order takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProRata {
    /// Most that the order that bettered the market takes before all others; zero if that does not matter.
    pub top_max: Lots,
    /// How much of the rest goes to the oldest orders, 0 to 100.
    pub time_percent: u8,
    /// A share by size that is smaller is nothing.
    pub minimum: Qty,
}

/// A row of a tick table: from a price on, up to the next row's, prices are multiples of `ticks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TickRow {
    /// The first price (`StartTickPriceRange`, FIX tag 1206).
    pub from: Price,
    /// The distance of prices in ticks of the instrument, at least 1 (`TickIncrement`, FIX tag 1208).
    pub ticks: u32,
}

/// A change of an instrument that takes effect at a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dated {
    /// When. In the past it is now.
    pub at: TimestampNs,
    /// What.
    pub change: Change,
}

/// What can change at a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// What orders must be like.
    Terms(Terms),
    /// Between which prices they must be.
    Bands(Bands),
    /// When the instrument trades.
    Calendar(Calendar),
    /// How far it trades without an interruption.
    Volatility(Volatility),
}

/// How far from where the market was an instrument trades; an order that would go further starts a volatility auction. Replaces what was
/// said before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volatility {
    /// Which instrument.
    pub instrument: InstrumentId,
    /// Ticks from the last trade; `None`: any.
    pub from_last: Option<u32>,
    /// Ticks from the price of the last auction; `None`: any.
    pub from_auction: Option<u32>,
}

// No bound is the largest number.
impl Codec for Volatility {
    fn encode(&self, out: &mut Buffer) {
        self.instrument.encode(out);
        self.from_last.unwrap_or(u32::MAX).encode(out);
        self.from_auction.unwrap_or(u32::MAX).encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let (instrument, last, auction) = (Codec::read(reader)?, u32::read(reader)?, u32::read(reader)?);
        let said = |reach: u32| (reach != u32::MAX).then_some(reach);
        Ok(Self { instrument, from_last: said(last), from_auction: said(auction) })
    }
}

impl Terms {
    /// What holds for an instrument about which nothing was said.
    #[must_use]
    pub const fn none(instrument: InstrumentId) -> Self {
        let one = Qty::from_lots(1).expect("one is a quantity");
        Self { instrument, lot: one, qty_min: one, ticks: Few::EMPTY, matching: Matching::Time }
    }

    /// Whether some order can satisfy them: rows ascend from prices above zero, with distances of at least 1, the smallest quantity is a
    /// multiple of the lot, and a percentage is one.
    #[must_use]
    pub fn are_sound(&self) -> bool {
        self.ticks.iter().all(|row| row.ticks > 0 && row.from.ticks() > 0)
            && self.ticks.is_sorted(|row, next| row.from < next.from)
            && self.qty_min.lots().is_multiple_of(self.lot.lots())
            && !matches!(self.matching, Matching::Size(ProRata { time_percent: 101.., .. }))
    }
}

impl Change {
    /// Of which instrument.
    #[must_use]
    pub const fn instrument(&self) -> InstrumentId {
        match self {
            Self::Terms(terms) => terms.instrument,
            Self::Bands(bands) => bands.instrument,
            Self::Calendar(calendar) => calendar.instrument,
            Self::Volatility(volatility) => volatility.instrument,
        }
    }
}

record!(TickRow { from, ticks });
record!(Terms { instrument, lot, qty_min, ticks, matching });
record!(ProRata { top_max, time_percent, minimum });
choice!(Matching, "matching" { 1 => Time, 2 => Size(pro_rata) });
record!(Dated { at, change });
choice!(Change, "dated change" { 1 => Terms(terms), 2 => Bands(bands), 3 => Calendar(calendar), 4 => Volatility(volatility) });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_that_no_order_satisfies_are_not_sound() {
        let none = Terms::none(InstrumentId::new(0));
        let qty = |lots| Qty::from_lots(lots).unwrap();
        let row = |from, ticks| TickRow { from: Price::from_ticks(from).unwrap(), ticks };
        let ticks = |rows: &[TickRow]| Few::new(rows).unwrap();
        assert!(none.are_sound());
        assert!(Terms { lot: qty(5), qty_min: qty(10), ticks: ticks(&[row(1, 2), row(100, 5)]), ..none }.are_sound());
        for refused in [
            Terms { lot: qty(5), qty_min: qty(6), ..none },
            Terms { matching: Matching::Size(ProRata { top_max: Lots::ZERO, time_percent: 101, minimum: qty(1) }), ..none },
            Terms { ticks: ticks(&[row(1, 0)]), ..none },
            Terms { ticks: ticks(&[row(0, 1)]), ..none },
            Terms { ticks: ticks(&[row(7, 1), row(7, 2)]), ..none },
        ] {
            assert!(!refused.are_sound(), "{refused:?}");
        }
    }
}
