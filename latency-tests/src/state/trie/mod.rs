//! A hexary Merkle-Patricia trie on RocksDB, as Ethereum's nodes keep their state: keys hashed with Keccak, branches of sixteen hashes,
//! extensions and leaves in RLP, each named by the Keccak hash of its encoding. Roots are those of Ethereum's own test vectors.
//!
//! * **What a node of a real chain does**: nodes live in the key-value store and are read from it, through its bounded cache, and decoded; a
//!   batch, which is a block, hashes each changed node once and is written as one durable batch.
//! * **Where real nodes differ, this one does what is cheaper for it**: a node lies under its path, as in newer clients, so an update overwrites it
//!   and nothing is collected; the subtries under the root are read, changed and hashed on all processors. It keeps no decoded nodes between
//!   batches, and clients that do give up what is compared here, that a block is durable when it is acknowledged.
//! * Left out: removal, and nodes within nodes, which hashed keys do not lead to (a shorter encoding than a hash stops the program).

mod node;

use super::rocks::{Rocks, RocksError};
use super::work::Pair;
pub(super) use node::{Hash, keccak};
use node::{Link, Node, branch, nibbles, short};
use std::num::NonZeroUsize;
use std::thread;

pub(super) struct Trie {
    nodes: Rocks,
    root: Link,
}

/// A path and its new value.
type Update<'a> = (Vec<u8>, &'a [u8]);

/// Where a node lies, and its encoding.
type Stored = (Vec<u8>, Vec<u8>);

impl Trie {
    pub(super) const fn new(nodes: Rocks) -> Self {
        Self { nodes, root: Link::None }
    }

    /// Writes a batch, computes the root, and makes both durable.
    pub(super) fn update(&mut self, batch: &[Pair]) -> Result<Hash, RocksError> {
        self.update_paths(batch.iter().map(|(key, value)| (nibbles(&keccak(key)).collect(), value.as_ref())).collect())
    }

    fn update_paths(&mut self, updates: Vec<Update<'_>>) -> Result<Hash, RocksError> {
        let root = match std::mem::replace(&mut self.root, Link::None) {
            Link::Stored(_) => self.load(&[])?,
            Link::Changed(node) => *node,
            Link::None => Node::Branch(Box::new([const { Link::None }; 16])),
        };
        let (hash, stored) = match root {
            Node::Branch(children) if children.iter().filter(|child| !matches!(child, Link::None)).count() > 1 => {
                self.spread(children, updates)?
            }
            Node::Branch(_) => self.one_by_one(Link::None, &updates)?,
            node @ (Node::Extension(..) | Node::Leaf(..)) => self.one_by_one(Link::Changed(Box::new(node)), &updates)?,
        };
        self.nodes.write_all(stored.iter().map(|(path, node)| (path.as_slice(), Some(node.as_slice()))))?;
        self.root = Link::Stored(hash);
        Ok(hash)
    }

    fn one_by_one(&self, mut link: Link, updates: &[Update<'_>]) -> Result<(Hash, Vec<Stored>), RocksError> {
        for (path, value) in updates {
            link = self.insert(link, path, 0, value)?;
        }
        let mut stored = Vec::new();
        let hash = commit(&link, &mut Vec::new(), &mut stored).expect("a batch holds a key");
        Ok((hash, stored))
    }

    /// Subtries share nothing: each processor has some of those under the root.
    fn spread(&self, mut children: Box<[Link; 16]>, updates: Vec<Update<'_>>) -> Result<(Hash, Vec<Stored>), RocksError> {
        let mut by_place = [const { Vec::new() }; 16];
        for update in updates {
            by_place[usize::from(update.0[0])].push(update);
        }
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let share = 16_usize.div_ceil(threads);
        let done: Vec<Result<Vec<Stored>, RocksError>> = thread::scope(|scope| {
            let parts = (0..).step_by(share).zip(children.chunks_mut(share).zip(by_place.chunks(share)));
            let workers: Vec<_> =
                parts.map(|(first, (children, updates))| scope.spawn(move || self.subtries(first, children, updates))).collect();
            workers.into_iter().map(|worker| worker.join().expect("a worker reports what it could not do")).collect()
        });
        let mut stored = done.into_iter().collect::<Result<Vec<_>, _>>()?.concat();
        let hash = commit(&Link::Changed(Box::new(Node::Branch(children))), &mut Vec::new(), &mut stored);
        Ok((hash.expect("a branch has a hash"), stored))
    }

    /// Changes and hashes the subtries from a place under the root on.
    fn subtries(&self, first: u8, children: &mut [Link], updates: &[Vec<Update<'_>>]) -> Result<Vec<Stored>, RocksError> {
        let mut stored = Vec::new();
        for (place, (child, updates)) in (first..).zip(children.iter_mut().zip(updates)) {
            for (path, value) in updates {
                *child = self.insert(std::mem::replace(child, Link::None), path, 1, value)?;
            }
            if let Some(hash) = commit(child, &mut vec![place], &mut stored) {
                *child = Link::Stored(hash);
            }
        }
        Ok(stored)
    }

    /// A value, read through the nodes on its path.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RocksError> {
        self.get_path(&nibbles(&keccak(key)).collect::<Vec<u8>>())
    }

    fn get_path(&self, path: &[u8]) -> Result<Option<Vec<u8>>, RocksError> {
        let mut at = 0;
        loop {
            match self.load(&path[..at])? {
                Node::Leaf(rest, value) => return Ok((rest == path[at..]).then_some(value)),
                Node::Extension(shared, _) if path[at..].starts_with(&shared) => at += shared.len(),
                Node::Extension(..) => return Ok(None),
                Node::Branch(children) => match children[usize::from(path[at])] {
                    Link::None => return Ok(None),
                    Link::Stored(_) | Link::Changed(_) => at += 1,
                },
            }
        }
    }

    fn load(&self, path: &[u8]) -> Result<Node, RocksError> {
        let bytes = self.nodes.get(&stored_key(path))?;
        bytes.as_deref().and_then(Node::decode).ok_or_else(|| RocksError::Refused("a node of the trie is missing".to_owned()))
    }

    /// The link with the value under `path[at..]`.
    fn insert(&self, link: Link, path: &[u8], at: usize, value: &[u8]) -> Result<Link, RocksError> {
        let node = match link {
            Link::None => return Ok(Link::Changed(Box::new(Node::Leaf(path[at..].to_vec(), value.to_vec())))),
            Link::Stored(_) => self.load(&path[..at])?,
            Link::Changed(node) => *node,
        };
        let node = match node {
            Node::Branch(mut children) => {
                let child = &mut children[usize::from(path[at])];
                *child = self.insert(std::mem::replace(child, Link::None), path, at + 1, value)?;
                Node::Branch(children)
            }
            Node::Leaf(rest, _) if rest == path[at..] => Node::Leaf(rest, value.to_vec()),
            Node::Leaf(rest, old) => {
                let shared = shared_length(&rest, &path[at..]);
                let below = Link::Changed(Box::new(Node::Leaf(rest[shared + 1..].to_vec(), old)));
                self.split(&rest, shared, below, path, at, value)?
            }
            Node::Extension(rest, child) if path[at..].starts_with(&rest) => {
                let child = self.insert(child, path, at + rest.len(), value)?;
                Node::Extension(rest, child)
            }
            Node::Extension(rest, child) => {
                let shared = shared_length(&rest, &path[at..]);
                // What hangs below stays where it is: its path is the same.
                let below = match &rest[shared + 1..] {
                    [] => child,
                    left => Link::Changed(Box::new(Node::Extension(left.to_vec(), child))),
                };
                self.split(&rest, shared, below, path, at, value)?
            }
        };
        Ok(Link::Changed(Box::new(node)))
    }

    /// A branch behind the shared part of two paths.
    fn split(&self, rest: &[u8], shared: usize, below: Link, path: &[u8], at: usize, value: &[u8]) -> Result<Node, RocksError> {
        let mut children = Box::new([const { Link::None }; 16]);
        children[usize::from(rest[shared])] = below;
        let place = usize::from(path[at + shared]);
        children[place] = self.insert(Link::None, path, at + shared + 1, value)?;
        let branch = Node::Branch(children);
        Ok(if shared == 0 { branch } else { Node::Extension(rest[..shared].to_vec(), Link::Changed(Box::new(branch))) })
    }
}

/// Hashes of what changed, bottom up; collects the nodes to be written.
fn commit(link: &Link, path: &mut Vec<u8>, stored: &mut Vec<Stored>) -> Option<Hash> {
    let node = match link {
        Link::None => return None,
        Link::Stored(hash) => return Some(*hash),
        Link::Changed(node) => node,
    };
    let encoded = match &**node {
        Node::Branch(children) => {
            let mut hashes = [None; 16];
            for (place, (child, hash)) in (0..).zip(children.iter().zip(&mut hashes)) {
                path.push(place);
                *hash = commit(child, path, stored);
                path.pop();
            }
            branch(&hashes)
        }
        Node::Extension(rest, child) => {
            path.extend_from_slice(rest);
            let hash = commit(child, path, stored).expect("an extension leads to a branch");
            path.truncate(path.len() - rest.len());
            short(rest, false, &hash)
        }
        Node::Leaf(rest, value) => short(rest, true, value),
    };
    assert!(encoded.len() >= size_of::<Hash>(), "nodes within nodes are left out");
    let hash = keccak(&encoded);
    stored.push((stored_key(path), encoded));
    Some(hash)
}

/// The path with its length in front, because the root's is empty.
fn stored_key(path: &[u8]) -> Vec<u8> {
    [&[path.len() as u8], path].concat()
}

fn shared_length(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests;
