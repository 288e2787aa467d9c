//! The order-book workload that `engine` drives: a deterministic stream of adds, cancels and takers with an oracle in its header.
//!
//! ```text
//! header, 64 bytes   magic "OBWL0001" │ seed u64 │ ops u64 │ prefill u64 │ trades u64 │ traded lots u64 │ trade hash u64
//!                    │ lowest price u32 │ highest price u32
//! record, 24 bytes   order u64 │ price u32 │ qty u32 │ op u8 │ side u8 │ account u16 │ symbol u32
//! ```
//!
//! Little endian. `op` 0 adds a limit order that never crosses; 1 cancels (about one in a hundred names an order that is gone already);
//! 2 is a limit order, immediate or cancel, 20 ticks through the touch. The first `prefill` records are adds only and are not timed.
//!
//! The trade hash is FNV-1a over 64-bit words: for each trade in order maker, taker, price, quantity. It holds under strict price-time
//! priority and nothing else.

mod file;
mod generate;
mod shadow;

pub(crate) use file::read;
pub(crate) use generate::{Recipe, generate};

/// A whole workload.
#[derive(Debug)]
pub(crate) struct Workload {
    /// What it is and what it must give.
    pub(crate) header: Header,
    /// The operations in order.
    pub(crate) records: Vec<Record>,
}

/// The header of the file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Seed of the generator.
    pub(crate) seed: u64,
    /// Count of records.
    pub(crate) op_count: u64,
    /// How many of them only fill the book.
    pub(crate) prefill_count: u64,
    /// Trades that price-time priority gives.
    pub(crate) trade_count: u64,
    /// Lots traded by them.
    pub(crate) traded_lots: u64,
    /// Their hash.
    pub(crate) trade_hash: TradeHash,
    /// Lowest price of an add, in ticks.
    pub(crate) price_min: u32,
    /// Highest price of an add, in ticks.
    pub(crate) price_max: u32,
}

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Number of the order: from 1, in the order of coming.
    pub(crate) order: u64,
    /// In ticks.
    pub(crate) price: u32,
    /// In lots; 0 for a cancel.
    pub(crate) qty: u32,
    /// What is asked.
    pub(crate) op: Op,
    /// Which side.
    pub(crate) side: BookSide,
    /// Whose order: 0 to 49.
    pub(crate) account: u16,
    /// Which book.
    pub(crate) symbol: u32,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    /// Rest; it never crosses.
    Add,
    /// Cancel.
    Cancel,
    /// Trade at once, cancel what is left.
    Take,
}

/// Which side, as the format numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BookSide {
    /// 0
    Buy,
    /// 1
    Sell,
}

/// FNV-1a over 64-bit words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TradeHash(u64);

impl TradeHash {
    /// Of no trade.
    pub(crate) const EMPTY: Self = Self(0xcbf2_9ce4_8422_2325);
    const PRIME: u64 = 0x0100_0000_01b3;

    /// Adds one trade.
    #[inline]
    pub(crate) const fn add(&mut self, maker: u64, taker: u64, price: u64, qty: u64) {
        self.0 = (self.0 ^ maker).wrapping_mul(Self::PRIME);
        self.0 = (self.0 ^ taker).wrapping_mul(Self::PRIME);
        self.0 = (self.0 ^ price).wrapping_mul(Self::PRIME);
        self.0 = (self.0 ^ qty).wrapping_mul(Self::PRIME);
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    #[cfg(test)]
    pub(crate) const fn bits(self) -> u64 {
        self.0
    }
}

impl std::fmt::Display for TradeHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
