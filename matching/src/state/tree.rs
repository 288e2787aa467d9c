//! The digests of all pages, and the root.

use crate::engine::Engine;
use crate::limits::Capacity;
use crate::state::dirty::Dirty;
use crate::state::hash::{ARITY, NodeWords, digest_of, leaf, node, words_of};
use crate::state::{LAYOUT_VERSION, RegionLayout};
use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use plinth_types::digest::Digest;
use plinth_types::limits::PAGE_SIZE;
use plinth_types::page::Touch;
use plinth_types::table::Region;
use sha2::{Digest as _, Sha256};

const ROOT_DOMAIN: &[u8] = b"plinth/state/1";

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
    layout: RegionLayout,
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

    /// The digests of each region, by number: of its pages, of the nodes above, and so on to its top.
    pub(super) fn tiers(&self) -> impl Iterator<Item = &[Box<[Digest]>]> {
        self.regions.iter().map(|tree| &tree.tiers[..])
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
            engine.touch_mut().drain(tree.layout.region, |page| self.changed.push(page));
            if self.changed.is_empty() {
                continue;
            }
            any = true;
            let tables = engine.regions();
            let table =
                tables.into_iter().find(|table| table.id() == tree.layout.region).expect("the tree was made of these tables");
            tree.update(table, &mut self.changed);
        }
        if any {
            self.root = self.top();
        }
        self.root
    }

    fn top(&self) -> Digest {
        root_of_tops(&self.capacity, self.regions.iter().map(|tree| (tree.layout, tree.top())))
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
        let mut tree = Self { layout: RegionLayout::of(table), tiers };
        tree.update(table, &mut (0..table.page_count()).collect());
        tree
    }

    fn top(&self) -> &Digest {
        &self.tiers.last().expect("a tree has a top")[0]
    }

    /// Hashes `changed` pages, which ascend, and all that stands above them. Leaves `changed` in an unspecified state.
    fn update(&mut self, table: &dyn Region, changed: &mut Vec<usize>) {
        let mut words = [0; PAGE_SIZE / 4];
        for &page in changed.iter() {
            table.write_page(page, &mut words);
            self.tiers[0][page] = digest_of(leaf(self.layout.region, page, &words));
        }
        for tier in 1..self.tiers.len() {
            changed.iter_mut().for_each(|number| *number /= ARITY);
            changed.dedup();
            let (below, above) = self.tiers.split_at_mut(tier);
            for &number in changed.iter() {
                above[0][number] = digest_of(node(self.layout.region, tier, number, &children(&below[tier - 1], number)));
            }
        }
    }
}

/// The digests below node `number`, of those of a tier.
pub(super) fn children(tier: &[Digest], number: usize) -> NodeWords {
    let mut words = [0; ARITY * 8];
    let digests = tier[number * ARITY..].iter();
    words.as_chunks_mut().0.iter_mut().zip(digests).for_each(|(words, digest)| *words = words_of(digest));
    words
}

/// The root of a zone, of the tops of its regions in order.
pub(super) fn root_of_tops<'a>(capacity: &Capacity, tops: impl Iterator<Item = (RegionLayout, &'a Digest)>) -> Digest {
    let mut hash = Sha256::new();
    hash.update(ROOT_DOMAIN);
    hash.update(LAYOUT_VERSION.to_le_bytes());
    hash.update(capacity.to_bytes());
    for (layout, top) in tops {
        hash.update(layout.region.get().to_le_bytes());
        hash.update((layout.record_size as u16).to_le_bytes());
        hash.update((layout.record_count as u64).to_le_bytes());
        hash.update(top.0);
    }
    Digest(hash.finalize().into())
}
