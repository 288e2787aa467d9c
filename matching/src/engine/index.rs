//! Where each live order is, by its id: open addressing, linear probing, backward-shift deletion, at most half full.
//!
//! Dead orders are not kept: a session's count of orders already tells a repeated id. Ids of one session are dense and those of its
//! live orders are near each other, so eight neighbouring ids have neighbouring homes (one cache line of entries), and the lines are
//! spread by a multiplication: the young orders of a session, which most cancels name, stay in cache, and long runs of two sessions
//! do not pile up on each other.
//!
//! ```text
//! home = spread(session, index / 8) · 8 + index % 8, modulo the table     entry = tag u32 │ slot u32     tag % table size = home
//! ```
//!
//! The tag holds home and, in its remaining bits, a part of the hash, so a probe looks at a node only if it is most likely the one.
//!
//! Known limitation: the spread is not keyed. A session that kept a million live orders could choose which ids stay and so lengthen
//! some probes; it gains its own slowness at the price of a million reservations.

use crate::engine::pool::{Node, Slot};
use crate::engine::region;
use plinth_types::page::Touch;
use plinth_types::table::{Record, Table};
use plinth_types::table_record;

table_record! {
    pub(crate) struct Entry in region::INDEX, 8 bytes {
        tag: u32,
        slot: u32,
    }
}

/// The table.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    pub(crate) entries: Table<Entry>,
    mask: usize,
}

const RUN_BITS: u32 = 3;

impl Index {
    pub(crate) fn new(orders_max: u32) -> Self {
        let count = (orders_max as usize * 2).next_power_of_two().max(1 << RUN_BITS);
        Self { entries: Table::new(count), mask: count - 1 }
    }

    /// The slot of `order`; `None` if it is not live.
    #[inline]
    pub(crate) fn find<T: Touch>(&self, touch: &mut T, nodes: &Table<Node>, order: u64) -> Option<Slot> {
        let tag = tag(order);
        let mut at = tag as usize & self.mask;
        loop {
            let entry = self.entries.get(touch, at);
            if entry.slot == 0 {
                return None;
            }
            if entry.tag == tag && nodes.get(touch, entry.slot as usize).order == order {
                return Some(entry.slot);
            }
            at = (at + 1) & self.mask;
        }
    }

    /// Adds an order that is not in the table.
    #[inline]
    pub(crate) fn insert<T: Touch>(&mut self, touch: &mut T, order: u64, slot: Slot) {
        let tag = tag(order);
        let mut at = tag as usize & self.mask;
        while self.entries.get(touch, at).slot != 0 {
            at = (at + 1) & self.mask;
        }
        *self.entries.get_mut(touch, at) = Entry { tag, slot };
    }

    /// Removes the live order in `slot`.
    ///
    /// # Panics
    ///
    /// If it is not in the table.
    #[inline]
    pub(crate) fn remove<T: Touch>(&mut self, touch: &mut T, order: u64, slot: Slot) {
        let mut hole = tag(order) as usize & self.mask;
        loop {
            let found = self.entries.get(touch, hole).slot;
            assert!(found != 0, "a live order is in the index");
            if found == slot {
                break;
            }
            hole = (hole + 1) & self.mask;
        }
        let mut at = hole;
        loop {
            at = (at + 1) & self.mask;
            let entry = *self.entries.get(touch, at);
            if entry.slot == 0 {
                break;
            }
            // It may fill the hole if its home is not behind the hole.
            let home = entry.tag as usize & self.mask;
            if (at.wrapping_sub(home) & self.mask) >= (at.wrapping_sub(hole) & self.mask) {
                *self.entries.get_mut(touch, hole) = entry;
                hole = at;
            }
        }
        *self.entries.get_mut(touch, hole) = Entry::ZERO;
    }

    /// Whether exactly the live orders of `nodes` are in the table, each where probing finds it.
    pub(crate) fn check(&self, nodes: &Table<Node>) -> bool {
        let live = nodes.records().iter().filter(|node| node.order != 0).count();
        let entries = self.entries.records();
        entries.iter().filter(|entry| entry.slot != 0).count() == live
            && entries.iter().enumerate().all(|(at, entry)| {
                if entry.slot == 0 {
                    return *entry == Entry::ZERO;
                }
                let Some(node) = nodes.records().get(entry.slot as usize) else { return false };
                let home = entry.tag as usize & self.mask;
                let distance = at.wrapping_sub(home) & self.mask;
                node.order != 0
                    && entry.tag == tag(node.order)
                    && (0..distance).all(|back| entries[(home + back) & self.mask].slot != 0)
            })
            && nodes.records().iter().all(|node| node.order == 0 || self.find(&mut (), nodes, node.order).is_some())
    }
}

/// Home and hash of an id: see the module.
#[inline(always)]
const fn tag(order: u64) -> u32 {
    // An odd constant of dense, irregular bits: 2^64 divided by the golden ratio.
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let product = (order >> RUN_BITS) as u128 * SPREAD as u128;
    let folded = (product as u64) ^ ((product >> 64) as u64);
    ((folded >> 32) as u32) << RUN_BITS | (order as u32 & ((1 << RUN_BITS) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use plinth_types::limits::ORDERS_PER_SESSION_MAX;

    /// A table kept exactly half full, by sequential ids of three sessions and by ids that all share one home.
    #[test]
    fn it_finds_what_an_ordered_map_finds() {
        for seed in 1..=6_u64 {
            let orders_max = 64_u32;
            let mut index = Index::new(orders_max);
            let mut nodes = Table::<Node>::new(orders_max as usize + 1);
            let mut free: alloc::vec::Vec<u32> = (1..=orders_max).collect();
            let mut model = BTreeMap::new();
            let mut random = seed;
            let mut next = [1_u64; 3];
            for step in 0..20_000 {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let choice = (random >> 33) as usize;
                if model.len() < orders_max as usize && (choice % 5 < 3 || model.is_empty()) {
                    let session = choice % 3;
                    let mut order = session as u64 * ORDERS_PER_SESSION_MAX + next[session];
                    if seed % 2 == 0 {
                        // Ids of one home: probes go through the whole table.
                        while tag(order) as usize & index.mask != 60 {
                            next[session] += 1;
                            order += 1;
                        }
                    }
                    next[session] += 1;
                    let slot = free.pop().unwrap();
                    nodes.get_mut(&mut (), slot as usize).order = order;
                    index.insert(&mut (), order, slot);
                    model.insert(order, slot);
                } else if let Some((&order, &slot)) = model.iter().nth(choice % model.len()) {
                    index.remove(&mut (), order, slot);
                    nodes.get_mut(&mut (), slot as usize).order = 0;
                    free.push(slot);
                    model.remove(&order);
                    assert_eq!(index.find(&mut (), &nodes, order), None, "seed {seed} step {step}");
                }
                if step % 16 == 0 {
                    for (&order, &slot) in &model {
                        assert_eq!(index.find(&mut (), &nodes, order), Some(slot), "seed {seed} step {step}");
                    }
                    assert!(index.check(&nodes), "seed {seed} step {step}");
                }
            }
        }
    }

    #[test]
    fn eight_neighbouring_ids_share_a_cache_line() {
        let homes =
            |from: u64| (from..from + 8).map(|order| tag(order) as usize >> RUN_BITS & 0xffff).collect::<alloc::vec::Vec<_>>();
        for from in [8, 1 << 20, (5 << 48) + 64] {
            assert!(homes(from).windows(2).all(|pair| pair[0] == pair[1]));
            assert_ne!(homes(from)[0], homes(from + 8)[0]);
        }
    }
}
