//! The digests of all pages, and the root.

use crate::engine::Engine;
use crate::limits::Capacity;
use crate::state::dirty::Dirty;
use crate::state::{LAYOUT_VERSION, is_zero};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use plinth_types::digest::Digest;
use plinth_types::limits::PAGE_SIZE;
use plinth_types::page::{RegionId, Touch};
use plinth_types::table::{PageBytes, Region};
use sha2::{Digest as _, Sha256};

const LEAF_DOMAIN: &[u8] = b"plinth/page/1";
const NODE_DOMAIN: &[u8] = b"plinth/node/1";
const ROOT_DOMAIN: &[u8] = b"plinth/state/1";

/// Children of a node.
const ARITY: usize = 16;

/// The digests over a zone's pages. Memory: 34 bytes for each page of 512, present or not.
#[derive(Clone, Debug)]
pub struct StateTree {
    capacity: Capacity,
    regions: Vec<RegionTree>,
    root: Digest,
    /// Numbers of what changed in the tier at hand.
    changed: Vec<usize>,
}

#[derive(Clone, Debug)]
struct RegionTree {
    region: RegionId,
    record_size: usize,
    record_count: usize,
    /// Digests of the pages, of the nodes above them, and so on to a single one.
    tiers: Vec<Box<[Digest]>>,
}

/// The root of an engine's state, from all its pages. Cost: one pass over all tables and a hash for each page that is not zero.
#[must_use]
pub fn root_of<T: Touch>(engine: &Engine<T>) -> Digest {
    StateTree::new(engine).root()
}

impl StateTree {
    /// Hashes all pages.
    #[must_use]
    pub fn new<T: Touch>(engine: &Engine<T>) -> Self {
        let regions = engine.regions().map(RegionTree::new).to_vec();
        let mut tree = Self { capacity: *engine.capacity(), regions, root: Digest::ZERO, changed: Vec::new() };
        tree.root = tree.top();
        tree
    }

    /// The root of the state last looked at.
    #[must_use]
    pub const fn root(&self) -> Digest {
        self.root
    }

    /// Hashes the pages again that the engine wrote since the last time, and what stands above them; empties the set of dirty pages.
    ///
    /// # Panics
    ///
    /// If the engine has another capacity than the one the tree was made of.
    pub fn update(&mut self, engine: &mut Engine<Dirty>) -> Digest {
        assert!(self.capacity == *engine.capacity(), "a tree belongs to an engine");
        let mut any = false;
        for tree in &mut self.regions {
            self.changed.clear();
            engine.touch_mut().drain(tree.region, |page| self.changed.push(page));
            if self.changed.is_empty() {
                continue;
            }
            any = true;
            let tables = engine.regions();
            let table = tables.into_iter().find(|table| table.id() == tree.region).expect("the tree was made of these tables");
            tree.update(table, &mut self.changed);
        }
        if any {
            self.root = self.top();
        }
        self.root
    }

    fn top(&self) -> Digest {
        let mut hash = Sha256::new();
        hash.update(ROOT_DOMAIN);
        hash.update(LAYOUT_VERSION.to_le_bytes());
        hash.update(self.capacity.to_bytes());
        for tree in &self.regions {
            hash.update(tree.region.get().to_le_bytes());
            hash.update((tree.record_size as u16).to_le_bytes());
            hash.update((tree.record_count as u64).to_le_bytes());
            hash.update(tree.tiers.last().expect("a tree has a top")[0].0);
        }
        Digest(hash.finalize().into())
    }
}

impl RegionTree {
    fn new(table: &dyn Region) -> Self {
        let mut tiers = Vec::new();
        let mut count = table.page_count().max(1);
        loop {
            tiers.push(vec![Digest::ZERO; count].into_boxed_slice());
            if count == 1 {
                break;
            }
            count = count.div_ceil(ARITY);
        }
        let mut tree = Self { region: table.id(), record_size: table.record_size(), record_count: table.record_count(), tiers };
        tree.update(table, &mut (0..table.page_count()).collect());
        tree
    }

    /// Hashes `changed` pages, which ascend, and all that stands above them. Leaves `changed` in an unspecified state.
    fn update(&mut self, table: &dyn Region, changed: &mut Vec<usize>) {
        let mut bytes = [0; PAGE_SIZE];
        for &page in changed.iter() {
            table.write_page(page, &mut bytes);
            self.tiers[0][page] = leaf(self.region, page, &bytes);
        }
        for tier in 1..self.tiers.len() {
            changed.iter_mut().for_each(|number| *number /= ARITY);
            changed.dedup();
            let (below, above) = self.tiers.split_at_mut(tier);
            for &number in changed.iter() {
                let children = &below[tier - 1][number * ARITY..];
                above[0][number] = node(self.region, tier, number, &children[..children.len().min(ARITY)]);
            }
        }
    }
}

fn leaf(region: RegionId, page: usize, bytes: &PageBytes) -> Digest {
    if is_zero(bytes) {
        return Digest::ZERO;
    }
    let mut hash = Sha256::new();
    hash.update(LEAF_DOMAIN);
    hash.update(region.get().to_le_bytes());
    hash.update((page as u32).to_le_bytes());
    hash.update(bytes);
    Digest(hash.finalize().into())
}

fn node(region: RegionId, tier: usize, number: usize, children: &[Digest]) -> Digest {
    if children.iter().all(|child| *child == Digest::ZERO) {
        return Digest::ZERO;
    }
    let mut hash = Sha256::new();
    hash.update(NODE_DOMAIN);
    hash.update(region.get().to_le_bytes());
    hash.update([tier as u8]);
    hash.update((number as u32).to_le_bytes());
    children.iter().for_each(|child| hash.update(child.0));
    (children.len()..ARITY).for_each(|_| hash.update(Digest::ZERO.0));
    Digest(hash.finalize().into())
}
