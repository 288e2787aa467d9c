//! Where each live order is, by its id: open addressing, linear probing, backward-shift deletion, at most half full.
//!
//! Dead orders are not kept: a session's count of orders already tells a repeated id. Ids of one session are dense and those of its
//! live orders are near each other, so 512 neighbouring ids have neighbouring homes (4 KiB of entries), and these runs are spread by a
//! multiplication: the young orders of a session, which most cancels name, share cache lines and memory pages, and long runs of two
//! sessions do not pile up on each other.
//!
//! ```text
//! home = spread(session, index / 512) · 512 + index % 512, modulo the table    entry = tag u32 │ slot u32    tag % table size = home
//! ```
//!
//! Within a run of used entries homes ascend ("Robin Hood" order): so a removal shifts back only what stands behind it and away from
//! home, however long the run of neighbouring live orders is.
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

/// Neighbouring ids whose homes are neighbours, as a power of two. A page of entries: with 8 (a cache line) instead of 512, an add misses
/// caches that a processor could not fill ahead, and the workload of the benchmark runs at three quarters of the speed.
const RUN_BITS: u32 = 9;

impl Index {
    pub(crate) fn new(orders_max: u32) -> Self {
        let count = entry_count(orders_max);
        Self { entries: Table::new(count), mask: count - 1 }
    }

    /// Where `order` is; `None` if it is not live.
    #[inline(always)]
    pub(crate) fn find<T: Touch>(&self, touch: &mut T, nodes: &Table<Node>, order: u64) -> Option<Place> {
        let tag = tag(order);
        let home = tag as usize & self.mask;
        let mut at = home;
        loop {
            let entry = self.entries.get(touch, at);
            if entry.slot == 0 {
                return None;
            }
            if entry.tag == tag && nodes.get(touch, entry.slot as usize).order == order {
                return Some(Place { at, slot: entry.slot });
            }
            if self.distance(entry, at) < at.wrapping_sub(home) & self.mask {
                return None;
            }
            at = (at + 1) & self.mask;
        }
    }

    /// Adds an order that is not in the table.
    #[inline(always)]
    pub(crate) fn insert<T: Touch>(&mut self, touch: &mut T, order: u64, slot: Slot) {
        let mut entry = Entry { tag: tag(order), slot };
        let mut at = entry.tag as usize & self.mask;
        loop {
            let present = self.entries.get_mut(touch, at);
            if present.slot == 0 {
                *present = entry;
                return;
            }
            // Who is nearer to its home makes room.
            let present = *present;
            if self.distance(&present, at) < self.distance(&entry, at) {
                *self.entries.get_mut(touch, at) = entry;
                entry = present;
            }
            at = (at + 1) & self.mask;
        }
    }

    /// Removes the live order in `slot`.
    ///
    /// # Panics
    ///
    /// If it is not in the table.
    #[inline(always)]
    pub(crate) fn remove<T: Touch>(&mut self, touch: &mut T, order: u64, slot: Slot) {
        let mut at = tag(order) as usize & self.mask;
        loop {
            let found = self.entries.get(touch, at).slot;
            if found == slot {
                return self.remove_at(touch, at);
            }
            assert!(found != 0, "a live order is in the index");
            at = (at + 1) & self.mask;
        }
    }

    /// Removes the entry that [`Index::find`] found.
    #[inline(always)]
    pub(crate) fn remove_at<T: Touch>(&mut self, touch: &mut T, at: usize) {
        let mut hole = at;
        loop {
            let at = (hole + 1) & self.mask;
            let entry = *self.entries.get(touch, at);
            // One branch for both, as whether the neighbour is live cannot be guessed.
            if (entry.slot == 0) | (self.distance(&entry, at) == 0) {
                break;
            }
            *self.entries.get_mut(touch, hole) = entry;
            hole = at;
        }
        *self.entries.get_mut(touch, hole) = Entry::ZERO;
    }

    /// How far behind its home an entry at `at` stands.
    #[inline(always)]
    fn distance(&self, entry: &Entry, at: usize) -> usize {
        at.wrapping_sub(entry.tag as usize) & self.mask
    }

    /// Whether exactly the live orders of `nodes` are in the table, each where probing finds it.
    pub(crate) fn check(&self, nodes: &Table<Node>) -> bool {
        let entries = self.entries.records();
        let mut live = 0;
        for (at, entry) in entries.iter().enumerate() {
            if entry.slot == 0 {
                if *entry != Entry::ZERO {
                    return false;
                }
                continue;
            }
            live += 1;
            let distance = self.distance(entry, at);
            let before = &entries[at.wrapping_sub(1) & self.mask];
            let in_order = distance == 0 || (before.slot != 0 && self.distance(before, at.wrapping_sub(1)) + 1 >= distance);
            let node = nodes.records().get(entry.slot as usize);
            if !in_order || !node.is_some_and(|node| node.order != 0 && tag(node.order) == entry.tag) {
                return false;
            }
        }
        let nodes_live = nodes.records().iter().filter(|node| node.order != 0);
        nodes_live.clone().count() == live && nodes_live.clone().all(|node| self.find(&mut (), nodes, node.order).is_some())
    }
}

/// Entries for so many orders: twice as many, to a power of two.
pub(crate) fn entry_count(orders_max: u32) -> usize {
    (orders_max as usize * 2).next_power_of_two().max(1 << RUN_BITS)
}

/// Where a live order is: its entry and its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) at: usize,
    pub(crate) slot: Slot,
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
                        assert_eq!(
                            index.find(&mut (), &nodes, order).map(|place| place.slot),
                            Some(slot),
                            "seed {seed} step {step}"
                        );
                    }
                    assert!(index.check(&nodes), "seed {seed} step {step}");
                }
            }
        }
    }

    #[test]
    fn neighbouring_ids_have_neighbouring_homes() {
        let home = |order: u64| tag(order) as usize & 0xf_ffff;
        for from in [512, 1 << 20, (5 << 48) + 1_024] {
            assert!((from..from + 511).all(|order| home(order) + 1 == home(order + 1)));
            assert_ne!(home(from + 511) + 1, home(from + 512), "runs are spread");
        }
    }
}
