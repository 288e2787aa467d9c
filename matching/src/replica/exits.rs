//! What every owner could take out if the zone were frozen now: the tree behind a header's `exit_root`
//! ([`plinth_types::exit`] says how leaves and nodes are hashed).
//!
//! A leaf's index is its balance's number in custody, asset by asset. Its amount is all that the account owns of the asset: what is
//! reserved for orders is the owner's, and orders of a frozen zone trade no more. The tree is as deep as the zone's capacity needs, so a
//! path has one length for ever; balances of zero and places of no account are zero digests.
//!
//! Cost of [`ExitTree::update`]: the balances of each page written since, and a path of hashes for each one that is not what it was.
//! Orders that come, rest and go change none. Memory: about 100 bytes for each node above a balance that is not zero.

use crate::engine::Engine;
use crate::limits::Capacity;
use crate::state::Dirty;
use plinth_clearing::region::BALANCES;
use plinth_types::digest::Digest;
use plinth_types::exit::ExitLeaf;
use plinth_types::id::{AccountId, AssetId, ChainId, ZoneId};
use plinth_types::limits::PAGE_SIZE;
use plinth_types::page::Touch;
use plinth_types::quantity::Amount;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;

/// Balances of a page.
const PAGE_BALANCES: u64 = (PAGE_SIZE / size_of::<plinth_clearing::Balance>()) as u64;

/// The tree.
#[derive(Clone, Debug)]
pub struct ExitTree {
    chain: ChainId,
    zone: ZoneId,
    accounts_max: u64,
    places: u64,
    /// Digests that are not those of an empty tree of their level, by index, from the leaves up; the last level is the root.
    levels: Vec<HashMap<u64, Digest>>,
    /// Digest of a tree without a leaf, of each level.
    empty: Vec<Digest>,
    /// What the leaves say.
    amounts: HashMap<u64, Amount>,
}

/// A leaf and what leads from it to the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExitPath {
    /// What is taken out.
    pub leaf: ExitLeaf,
    /// Siblings from the leaf up.
    pub siblings: Vec<Digest>,
}

impl ExitTree {
    /// The tree of all balances.
    #[must_use]
    pub fn new<T: Touch>(engine: &Engine<T>, chain: ChainId, zone: ZoneId) -> Self {
        let Capacity { accounts_max, assets_max, .. } = *engine.capacity();
        let places = u64::from(accounts_max) * u64::from(assets_max);
        let depth = places.next_power_of_two().ilog2() as usize;
        let mut empty = vec![Digest::ZERO];
        (0..depth).for_each(|level| empty.push(node(&empty[level], &empty[level])));
        let levels = vec![HashMap::new(); depth + 1];
        let mut tree = Self { chain, zone, accounts_max: accounts_max.into(), places, levels, empty, amounts: HashMap::new() };
        tree.look_at(engine, 0..places);
        tree
    }

    /// The root; zero if nobody owns anything.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.levels.last().and_then(|top| top.get(&0)).copied().unwrap_or(Digest::ZERO)
    }

    /// Looks again at the balances on pages that were written since the engine's set of dirty pages was last emptied.
    pub fn update(&mut self, engine: &Engine<Dirty>) -> Digest {
        let places = self.places;
        let page = |page: usize| page as u64 * PAGE_BALANCES..places.min((page as u64 + 1) * PAGE_BALANCES);
        self.look_at(engine, engine.touch().pages(BALANCES).flat_map(page));
        self.root()
    }

    /// The way out of what an account owns of an asset; `None` if that is nothing.
    #[must_use]
    pub fn path<T: Touch>(&self, engine: &Engine<T>, account: AccountId, asset: AssetId) -> Option<ExitPath> {
        let index = u64::from(asset.get()) * self.accounts_max + u64::from(account.get());
        let leaf = leaf_at(engine, index, self.accounts_max)?;
        let depth = self.levels.len() - 1;
        let sibling = |level: usize| self.digest(level, index >> level ^ 1);
        Some(ExitPath { leaf, siblings: (0..depth).map(sibling).collect() })
    }

    fn digest(&self, level: usize, index: u64) -> Digest {
        self.levels[level].get(&index).copied().unwrap_or(self.empty[level])
    }

    fn set(&mut self, level: usize, index: u64, digest: Digest) {
        if digest == self.empty[level] {
            self.levels[level].remove(&index);
        } else {
            self.levels[level].insert(index, digest);
        }
    }

    fn look_at<T: Touch>(&mut self, engine: &Engine<T>, places: impl Iterator<Item = u64>) {
        let mut changed = Vec::new();
        for index in places {
            let leaf = leaf_at(engine, index, self.accounts_max);
            let amount = leaf.map(|leaf| leaf.amount);
            let before = match amount {
                Some(amount) => self.amounts.insert(index, amount),
                None => self.amounts.remove(&index),
            };
            if before != amount {
                let digest = leaf.map_or(Digest::ZERO, |leaf| self.leaf_digest(&leaf));
                self.set(0, index, digest);
                changed.push(index);
            }
        }
        for level in 1..self.levels.len() {
            changed.iter_mut().for_each(|index| *index /= 2);
            changed.dedup();
            for &index in &changed {
                let digest = node(&self.digest(level - 1, 2 * index), &self.digest(level - 1, 2 * index + 1));
                self.set(level, index, digest);
            }
        }
    }

    fn leaf_digest(&self, leaf: &ExitLeaf) -> Digest {
        Digest(Sha256::digest(leaf.hashed_bytes(self.chain, self.zone)).into())
    }
}

/// What the balance at a place of custody lets out.
fn leaf_at<T: Touch>(engine: &Engine<T>, index: u64, accounts_max: u64) -> Option<ExitLeaf> {
    let account = AccountId::new((index % accounts_max) as u32);
    let asset = AssetId::new((index / accounts_max) as u16);
    let amount = engine.custody().balance(account, asset)?.settled;
    if amount == Amount::ZERO {
        return None;
    }
    let owner = engine.custody().owner(&mut (), account).ok()?;
    Some(ExitLeaf { index, owner, asset, amount })
}

fn node(left: &Digest, right: &Digest) -> Digest {
    let mut hash = Sha256::new_with_prefix(ExitLeaf::NODE_DOMAIN);
    hash.update(left.0);
    hash.update(right.0);
    Digest(hash.finalize().into())
}
