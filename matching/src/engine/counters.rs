//! The numbers that the whole zone counts.

use crate::engine::region;
use plinth_types::table_record;

table_record! {
    /// One record, in the first slot of its region.
    pub(crate) struct Counters in region::COUNTERS, 128 bytes {
        /// The last command applied.
        pub(crate) last_seq: u64,
        /// When the next order's time comes; 0 if no order has one.
        pub(crate) next_due: u64,
        /// Live orders that are pegged.
        pub(crate) pegged: u32,
        /// These and ties: with any of them commands do more than they ask for.
        pub(crate) watched: u32,
        /// Trades made.
        pub(crate) trades: u64,
        /// The last inbox message consumed.
        pub(crate) inbox: u64,
        /// First free order node that was used before; 0 is none.
        pub(crate) nodes_free: u32,
        /// Order nodes ever used: those of higher slots are zero.
        pub(crate) nodes_used: u32,
        /// Live orders.
        pub(crate) orders: u32,
        /// Instruments listed.
        pub(crate) instruments: u32,
        /// Mandates granted.
        pub(crate) mandates: u32,
        /// Level slots given to books; the first is slot 1.
        pub(crate) level_slots_used: u32,
        /// Levels of windows, of the bound `levels_max`.
        pub(crate) levels_used: u32,
        /// Bitmap words given to books.
        pub(crate) words_used: u32,
        /// Live orders that are icebergs.
        pub(crate) icebergs: u32,
        /// The complement of the first date of a change that waits: 0 without one.
        pub(crate) until_date: u64,
        /// Live orders whose time passes.
        pub(crate) deadlines: u32,
        /// First free tie that was used before; 0 is none.
        pub(crate) ties_free: u32,
        /// Ties ever used.
        pub(crate) ties_used: u32,
        /// The first of the orders that are held for an entry, 0 without one.
        pub(crate) held_head: u32,
        /// The last of them.
        pub(crate) held_tail: u32,
    }
}
