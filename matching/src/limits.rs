//! The bounds of a zone. They are consensus parameters: the state root commits to them, since what is refused depends on them.

use core::fmt;

/// Fewest bits of a price window, 64 levels: one word of the bitmap.
pub const WINDOW_BITS_MIN: u8 = 6;
/// Most bits of a price window: a million levels.
pub const WINDOW_BITS_MAX: u8 = 20;
/// Most live orders of a zone: a slot of the pool and its place in a table twice as large are 32-bit numbers.
pub const ORDERS_MAX: u32 = 1 << 30;
/// Most levels outside the window, by book and side, and most triggers. Entering one costs a shift of those behind it.
pub const SPILL_LEVELS_MAX: u16 = 4_096;
/// Most orders that wait for a trade, by book: no command triggers more.
pub const WAITING_MAX: u32 = 4_096;
/// Most of these that trail the last trade: all are looked at whenever one is made.
pub const TRAILING_MAX: u32 = 256;
/// Most orders of one price among which an order is divided by their size.
pub const ALLOCATED_MAX: usize = 1_024;
/// Firms have numbers below this, from 1.
pub const FIRMS_MAX: usize = 1_024;
/// Groups of quotes have numbers below this, from 1.
pub const QUOTE_GROUPS_MAX: usize = 256;
/// Most instruments that a group quotes at a time.
pub const QUOTE_PLACES_MAX: usize = 64;
/// Most changes of instruments that wait for their date.
pub const DATED_MAX: usize = 64;

/// Most orders that end with one command because their time has passed or their day has ended.
pub const EXPIRED_MAX: u32 = 256;
/// Most orders for one auction, by book: no change of phase enters or ends more.
pub const AUCTION_MAX: u32 = 4_096;

/// Most pegged orders, by book and side: no command moves more of a book.
pub const PEGGED_MAX: u32 = 32;

/// Most ties of a zone: pairs, and entries with what is held for them.
pub const TIES_MAX: u32 = 16_384;

/// Zones that value can be sent to have numbers below this, the base layer's 0 included.
pub const CHANNELS_MAX: usize = 64;

/// How much of everything a zone can hold. All memory is taken when the engine is made; what does not fit is refused by event.
///
/// Memory in bytes: 144 + 16 to 32 for each order, 64 × assets + 96 for each account, 34 for each level,
/// 3,392 + 128 × spill levels for each instrument, 16 for each mandate and session; 1.6 MB for dated changes, quotes, firms
/// and ties. The default takes about 230 MB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Live orders of all books together.
    pub orders_max: u32,
    /// Accounts.
    pub accounts_max: u32,
    /// Assets.
    pub assets_max: u16,
    /// Session numbers, from 0: the appliance's own.
    pub sessions_max: u16,
    /// Instruments.
    pub instruments_max: u32,
    /// Mandates, expired ones included.
    pub mandates_max: u32,
    /// Prices of all windows together: the sum of `2^window_bits` over the instruments. Each has a level for either side.
    pub levels_max: u32,
    /// Levels outside the window, and triggers, for each book and side.
    pub spill_levels_max: u16,
}

impl Default for Capacity {
    /// An appliance on a small machine: a million live orders, 64 books with windows of 16,384 ticks, about 230 MB.
    fn default() -> Self {
        Self {
            orders_max: 1 << 20,
            accounts_max: 4_096,
            assets_max: 32,
            sessions_max: 1_024,
            instruments_max: 256,
            mandates_max: 8_192,
            levels_max: 1 << 20,
            spill_levels_max: 256,
        }
    }
}

/// A capacity that no engine can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapacityError {
    /// Which field.
    pub field: &'static str,
    /// Its value.
    pub value: u64,
    /// The lowest possible.
    pub min: u64,
    /// The highest possible.
    pub max: u64,
}

impl fmt::Display for CapacityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, must be {} to {}", self.field, self.value, self.min, self.max)
    }
}

impl core::error::Error for CapacityError {}

impl Capacity {
    /// Bytes of the encoding that the state root commits to.
    pub const ENCODED_SIZE: usize = 26;

    /// Checks every field.
    ///
    /// # Errors
    ///
    /// The first field out of range.
    pub fn check(&self) -> Result<(), CapacityError> {
        let level_slots = 2 * u64::from(self.levels_max) + u64::from(self.instruments_max) * 4 * u64::from(self.spill_levels_max);
        let balances = u64::from(self.accounts_max) * u64::from(self.assets_max);
        let ranges = [
            ("orders_max", self.orders_max.into(), 1, ORDERS_MAX.into()),
            ("accounts_max", self.accounts_max.into(), 1, 1 << 24),
            ("assets_max", self.assets_max.into(), 1, u16::MAX.into()),
            ("balances (accounts_max × assets_max)", balances, 1, 1 << 30),
            ("sessions_max", self.sessions_max.into(), 1, u16::MAX.into()),
            ("instruments_max", self.instruments_max.into(), 1, 1 << 20),
            ("mandates_max", self.mandates_max.into(), 1, 1 << 28),
            ("levels_max", self.levels_max.into(), 64, 1 << 30),
            ("spill_levels_max", self.spill_levels_max.into(), 1, SPILL_LEVELS_MAX.into()),
            ("levels inside and outside of windows", level_slots, 64, 1 << 31),
        ];
        for (field, value, min, max) in ranges {
            if value < min || value > max {
                return Err(CapacityError { field, value, min, max });
            }
        }
        Ok(())
    }

    /// The bytes that the state root commits to: the fields in order, little-endian.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::ENCODED_SIZE] {
        let mut bytes = [0; Self::ENCODED_SIZE];
        bytes[0..4].copy_from_slice(&self.orders_max.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.accounts_max.to_le_bytes());
        bytes[8..10].copy_from_slice(&self.assets_max.to_le_bytes());
        bytes[10..12].copy_from_slice(&self.sessions_max.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.instruments_max.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.mandates_max.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.levels_max.to_le_bytes());
        bytes[24..26].copy_from_slice(&self.spill_levels_max.to_le_bytes());
        bytes
    }

    /// Reads [`Capacity::to_bytes`].
    ///
    /// # Errors
    ///
    /// As [`Capacity::check`].
    pub fn from_bytes(bytes: &[u8; Self::ENCODED_SIZE]) -> Result<Self, CapacityError> {
        let u32_at = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let u16_at = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let capacity = Self {
            orders_max: u32_at(0),
            accounts_max: u32_at(4),
            assets_max: u16_at(8),
            sessions_max: u16_at(10),
            instruments_max: u32_at(12),
            mandates_max: u32_at(16),
            levels_max: u32_at(20),
            spill_levels_max: u16_at(24),
        };
        capacity.check()?;
        Ok(capacity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_capacity_survives_its_encoding_and_an_impossible_one_is_refused() {
        let capacity = Capacity { spill_levels_max: 3, ..Capacity::default() };
        assert_eq!(Capacity::from_bytes(&capacity.to_bytes()), Ok(capacity));
        for refused in [
            Capacity { orders_max: 0, ..capacity },
            Capacity { assets_max: 0, ..capacity },
            Capacity { spill_levels_max: SPILL_LEVELS_MAX + 1, ..capacity },
            Capacity { orders_max: u32::MAX, ..capacity },
            Capacity { accounts_max: 1 << 24, assets_max: u16::MAX, ..capacity },
        ] {
            assert!(Capacity::from_bytes(&refused.to_bytes()).is_err(), "{refused:?}");
        }
    }
}
