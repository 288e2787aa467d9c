//! The size of the zone that the benchmark drives.

/// Most open orders.
pub const ORDERS_MAX: u32 = 1 << 21;
/// Prices with a level of their own are two to the power of this, from 1 on.
pub const WINDOW_BITS: u8 = 17;
/// Other prices of each side.
pub const SPILL_LEVELS_MAX: u16 = 4_096;
/// Ids of orders below this are found in a table, larger ones in a tree.
pub const DENSE_IDS_MAX: u64 = 1 << 24;
