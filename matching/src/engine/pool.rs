//! Resting orders: nodes of one cache line in a pool. Slot 0 is "no order". A freed node is zero but for the link to the next free one,
//! so nothing of a dead order stays in the state.

use crate::engine::counters::Counters;
use crate::engine::region;
use plinth_types::page::Touch;
use plinth_types::table::{Record, Table};
use plinth_types::table_record;

/// A slot of the pool; 0 is none.
pub(crate) type Slot = u32;

table_record! {
    /// A resting order, or a free node.
    #[repr(align(64))]
    pub(crate) struct Node in region::ORDERS, 64 bytes {
        /// The 64-bit form of its id; 0 in a free node.
        pub(crate) order: u64,
        /// Its limit in ticks; of an order that waits and has none, what it reserves for each lot.
        pub(crate) price: i64,
        /// What is left, in lots; of an iceberg what is left of the part shown.
        pub(crate) lots: u64,
        /// What was asked for, in lots, what has traded included.
        pub(crate) total: u64,
        /// The order behind it in its level; in a free node the next free one.
        pub(crate) next: Slot,
        /// The order before it in its level.
        pub(crate) prev: Slot,
        /// Slot of its level.
        pub(crate) level: u32,
        /// Its instrument.
        pub(crate) instrument: u32,
        /// Whose money it is.
        pub(crate) account: u32,
        /// 0 a bid, 1 an offer.
        pub(crate) side: u8,
        /// 1 if it must never take.
        pub(crate) post_only: u8,
        /// What few orders have: bits of [`Mark`].
        pub(crate) marks: u8,
        /// The group of a quote; 0 for any other order.
        pub(crate) group: u16,
        /// Its place among the ties; 0 without one.
        pub(crate) tie: u32,
    }
}

/// Bits of a resting order's marks.
pub(crate) struct Mark;

impl Mark {
    /// Its account's open orders are counted.
    pub(crate) const COUNTED: u8 = 1;
    /// Only a part of it is shown.
    pub(crate) const ICEBERG: u8 = 1 << 1;
    /// It waits for a trade or an auction and is not on the book; see [`Waiting`](crate::engine::waiting::Waiting).
    pub(crate) const WAITING: u8 = 1 << 2;
    /// It has a lifetime; see [`Lasting`](crate::engine::lifetimes::Lasting).
    pub(crate) const LASTING: u8 = 1 << 3;
    /// Its price follows others; see [`Pegged`](crate::engine::pegs::Pegged).
    pub(crate) const PEGGED: u8 = 1 << 4;
    /// Its fate is tied to others'; see [`Tie`](crate::engine::ties::Tie).
    pub(crate) const TIED: u8 = 1 << 5;
    /// Its firm counts it.
    pub(crate) const OF_FIRM: u8 = 1 << 7;
    pub(crate) const ALL: u8 =
        Self::COUNTED | Self::ICEBERG | Self::WAITING | Self::LASTING | Self::PEGGED | Self::TIED | Self::OF_FIRM;
}

const _: () = assert!(size_of::<Node>() == 64, "an order is one cache line");

/// Takes a free node; the last one freed first, as it is most likely in cache.
///
/// # Panics
///
/// If the pool is full: callers refuse before.
#[inline(always)]
pub(crate) fn take<T: Touch>(nodes: &Table<Node>, touch: &mut T, counters: &mut Counters) -> Slot {
    counters.orders += 1;
    if counters.nodes_free == 0 {
        counters.nodes_used += 1;
        return counters.nodes_used;
    }
    let slot = counters.nodes_free;
    counters.nodes_free = nodes.get(touch, slot as usize).next;
    slot
}

/// Gives a node back.
#[inline(always)]
pub(crate) fn give<T: Touch>(nodes: &mut Table<Node>, touch: &mut T, counters: &mut Counters, slot: Slot) {
    *nodes.get_mut(touch, slot as usize) = Node { next: counters.nodes_free, ..Node::ZERO };
    counters.nodes_free = slot;
    counters.orders -= 1;
}
