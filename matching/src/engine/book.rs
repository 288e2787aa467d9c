//! A book: its instrument, and the touch of both sides.
//!
//! Levels of one book lie together: those of its window in price order, for the bids and then for the offers, then those of its
//! ladders. Each side has a window of its own, since in an auction bids may be above offers.

use crate::engine::bitmap::Span;
use crate::engine::pool::Slot;
use crate::engine::region;
use core::ops::Range;
use plinth_types::codec::Codec;
use plinth_types::command::Side;
use plinth_types::id::{AssetId, InstrumentId};
use plinth_types::limits::NAME_SIZE_MAX;
use plinth_types::quantity::{Price, Qty};
use plinth_types::reference::{Instrument, Name};
use plinth_types::table_record;

table_record! {
    /// An instrument and the state of its book. The first 64 bytes are what every order needs, the next 64 what many do.
    #[repr(C, align(64))]
    pub(crate) struct Book in region::BOOKS, 256 bytes {
        /// Best price of each side in ticks, 0 without one.
        pub(crate) best_price: [i64; 2],
        /// Lowest price of the window, in ticks.
        pub(crate) window_low: i64,
        /// Slot of each side's best level, 0 without one.
        pub(crate) best_level: [u32; 2],
        /// Slot of the first level of each side's window.
        pub(crate) level_base: [u32; 2],
        /// First word of the bitmap of each side's window.
        pub(crate) word_base: [u32; 2],
        /// Largest order, in lots.
        pub(crate) qty_max: u64,
        /// What is traded, and what is paid: what sellers deliver, and what buyers do.
        pub(crate) assets: [u16; 2],
        /// The window has two to the power of this levels.
        pub(crate) window_bits: u8,
        /// The code of its [`Phase`](plinth_types::reference::Phase); 0 while it is continuous.
        pub(crate) phase: u8,
        /// What few instruments have: bits of [`Special`].
        pub(crate) special: u8,
        /// Lowest price of an order, in ticks.
        pub(crate) band_low: i64,
        /// Highest price of an order, in ticks.
        pub(crate) band_high: i64,
        /// Price of the last trade in ticks, 0 before the first.
        pub(crate) last_price: i64,
        /// How far from the best price a market order trades, in ticks; the largest number is without bound.
        pub(crate) market_reach: u32,
        /// First entry of the first ladder; the others follow it.
        pub(crate) spill_base: u32,
        /// Used entries of each ladder.
        pub(crate) spill_count: [u16; LADDERS],
        /// The order that last bettered each side where orders trade by size, in the 64-bit form of its id; 0 without one.
        pub(crate) top: [u64; 2],
        /// Price of the last auction in ticks, 0 before the first.
        pub(crate) auction_price: i64,
        /// How far from the last trade orders trade, in ticks below the largest number; 0 is without bound.
        pub(crate) last_reach: u32,
        /// How far from the last auction's price, in the same way.
        pub(crate) auction_reach: u32,
        /// Orders that wait for a trade.
        pub(crate) waiting: u32,
        /// How many of these trail the last trade.
        pub(crate) trailing: u32,
        /// The oldest of those that trail, 0 without one.
        pub(crate) trailing_head: Slot,
        /// The youngest of them.
        pub(crate) trailing_tail: Slot,
        pub(crate) symbol: [u8; NAME_SIZE_MAX],
        pub(crate) price_decimals: u8,
        pub(crate) qty_decimals: u8,
    }
}

/// Bits of a book that say what few instruments have.
pub(crate) struct Special;

impl Special {
    /// Orders must satisfy terms.
    pub(crate) const TERMS: u8 = 1;
    /// Orders at one price trade by size.
    pub(crate) const PRO_RATA: u8 = 1 << 1;
    /// A quote has rested here.
    pub(crate) const QUOTED: u8 = 1 << 2;
    /// Trades have bounds.
    pub(crate) const BOUNDED: u8 = 1 << 3;
    /// A tied order has rested here.
    pub(crate) const TIED: u8 = 1 << 4;
}

/// A sorted array of levels, nearest to the market first to go: those of a side outside the window, or those that a side's orders wait at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ladder {
    Resting(Side),
    Waiting(Side),
}

/// Ladders of a book.
pub(crate) const LADDERS: usize = 4;

impl Ladder {
    /// Its number within the book.
    #[inline(always)]
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Resting(side) => index_of(side),
            Self::Waiting(side) => 2 + index_of(side),
        }
    }

    /// The side whose best price comes first here. Buys wait above the market: the lowest trigger is the nearest.
    #[inline(always)]
    pub(crate) const fn ranked_as(self) -> Side {
        match self {
            Self::Resting(side) => side,
            Self::Waiting(side) => opposite(side),
        }
    }
}

/// The other side.
#[inline(always)]
pub(crate) const fn opposite(side: Side) -> Side {
    side_of(1 - index_of(side) as u8)
}

/// The side as an index: 0 buys, 1 sells.
#[inline(always)]
pub(crate) const fn index_of(side: Side) -> usize {
    side as usize
}

const _: () = assert!(index_of(Side::Buy) == 0 && index_of(Side::Sell) == 1);

/// The side of an index.
#[inline(always)]
pub(crate) const fn side_of(index: u8) -> Side {
    if index == 0 { Side::Buy } else { Side::Sell }
}

/// A number that is larger for the price that comes first when resting on `side`: the price itself for bids, its complement for
/// offers. Without a branch, since sides come in no order that a processor could guess.
#[inline(always)]
const fn rank(side: Side, price: i64) -> i64 {
    price ^ -(index_of(side) as i64)
}

/// Whether resting on `side` at `price` comes before resting at `other`.
#[inline(always)]
pub(crate) const fn better(side: Side, price: i64, other: i64) -> bool {
    rank(side, price) > rank(side, other)
}

/// Whether an order on `side` with this limit takes from a level at `price` of the other side.
#[inline(always)]
pub(crate) const fn crosses(side: Side, limit: i64, price: i64) -> bool {
    rank(side, limit) >= rank(side, price)
}

impl Book {
    /// The level of the window that `price` has, counted from its lowest; `None` outside.
    #[inline(always)]
    pub(crate) const fn window_level(&self, price: i64) -> Option<u32> {
        // Both are within ±2^47; a price below the window becomes a huge number.
        let level = price.wrapping_sub(self.window_low) as u64;
        if level.wrapping_shr(self.window_bits as u32) == 0 { Some(level as u32) } else { None }
    }

    /// Whether an order may have this price.
    #[inline(always)]
    pub(crate) const fn within_bands(&self, price: i64) -> bool {
        // One compare: a price below the lower band becomes a huge number. All are within ±2^47.
        price.wrapping_sub(self.band_low) as u64 <= self.band_high.wrapping_sub(self.band_low) as u64
    }

    /// The slot of a level of a side's window.
    #[inline(always)]
    pub(crate) const fn window_slot(&self, side: Side, level: u32) -> u32 {
        self.level_base[index_of(side)] + level
    }

    /// Where the bitmap of a side's window is.
    #[inline(always)]
    pub(crate) const fn span(&self, side: Side) -> Span {
        Span { base: self.word_base[index_of(side)], window_bits: self.window_bits }
    }

    /// The used part of a ladder.
    pub(crate) fn spill_used(&self, ladder: Ladder, spill_levels_max: u16) -> Range<usize> {
        let start = self.spill_base as usize + ladder.index() * usize::from(spill_levels_max);
        start..start + usize::from(self.spill_count[ladder.index()])
    }

    /// Notes the best level of a side.
    #[inline(always)]
    pub(crate) fn set_best(&mut self, side: Side, best: Option<(u32, i64)>) {
        let (level, price) = best.unwrap_or_default();
        self.best_level[index_of(side)] = level;
        self.best_price[index_of(side)] = price;
    }

    /// Slot and price of a side's best level.
    #[inline(always)]
    pub(crate) const fn best(&self, side: Side) -> Option<(u32, i64)> {
        let index = index_of(side);
        if self.best_level[index] == 0 { None } else { Some((self.best_level[index], self.best_price[index])) }
    }

    /// As it was listed.
    pub(crate) fn instrument(&self, id: InstrumentId) -> Option<Instrument> {
        Some(Instrument {
            id,
            symbol: Name::decode(&self.symbol).ok()?,
            base: AssetId::new(self.assets[0]),
            quote: AssetId::new(self.assets[1]),
            price_decimals: self.price_decimals,
            qty_decimals: self.qty_decimals,
            qty_max: Qty::from_lots(self.qty_max)?,
            window_low: Price::from_ticks(self.window_low)?,
            window_bits: self.window_bits,
        })
    }
}
