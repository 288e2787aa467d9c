//! A hexary Merkle-Patricia trie on RocksDB, as chains keep their state: branches of sixteen digests, extensions, leaves; SHA-256.
//!
//! Written for this comparison, and built to do well in it: a node lies under its path, so an update overwrites it and nothing is collected;
//! a batch changes nodes in memory and hashes and writes each changed node once; RocksDB's cache is as large as our store's, and holds
//! everything. The hash is the fast one of this processor, not Keccak. Left out: removal, and nodes within nodes.

use super::rocks::{Rocks, RocksError};
use super::work::Pair;
use plinth_settlement::digest::sha256;
use plinth_types::digest::Digest;

/// Sixteen children by their digests, or what follows.
enum Node {
    Branch(Box<[Link; 16]>),
    Extension(Vec<u8>, Link),
    Leaf(Vec<u8>, Vec<u8>),
}

enum Link {
    None,
    Stored(Digest),
    Changed(Box<Node>),
}

pub(super) struct Trie {
    nodes: Rocks,
    root: Link,
}

const BRANCH: u8 = 0;
const EXTENSION: u8 = 1;
const LEAF: u8 = 2;

impl Trie {
    pub(super) const fn new(nodes: Rocks) -> Self {
        Self { nodes, root: Link::None }
    }

    /// Writes a batch, computes the root, and makes both durable.
    pub(super) fn update(&mut self, batch: &[Pair]) -> Result<Digest, RocksError> {
        let mut root = std::mem::replace(&mut self.root, Link::None);
        for (key, value) in batch {
            root = self.insert(root, &nibbles(key), 0, value)?;
        }
        let mut changes = Vec::new();
        let digest = commit(&root, &mut Vec::new(), &mut changes);
        self.nodes.write_all(changes.iter().map(|(path, node)| (path.as_slice(), Some(node.as_slice()))))?;
        self.root = Link::Stored(digest);
        Ok(digest)
    }

    /// A value, read through the nodes on its path.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RocksError> {
        let path = nibbles(key);
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
        bytes.as_deref().and_then(decode).ok_or_else(|| RocksError::Refused("a node of the trie is missing".to_owned()))
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

/// Digests of what changed, bottom up; collects the nodes to be written.
fn commit(link: &Link, path: &mut Vec<u8>, changes: &mut Vec<(Vec<u8>, Vec<u8>)>) -> Digest {
    let node = match link {
        Link::None => return Digest::ZERO,
        Link::Stored(digest) => return *digest,
        Link::Changed(node) => node,
    };
    let mut out = Vec::new();
    match &**node {
        Node::Branch(children) => {
            out.push(BRANCH);
            for (place, child) in (0..).zip(children.iter()) {
                path.push(place);
                out.extend_from_slice(&commit(child, path, changes).0);
                path.pop();
            }
        }
        Node::Extension(rest, child) => {
            out.extend_from_slice(&[EXTENSION, rest.len() as u8]);
            out.extend_from_slice(rest);
            path.extend_from_slice(rest);
            out.extend_from_slice(&commit(child, path, changes).0);
            path.truncate(path.len() - rest.len());
        }
        Node::Leaf(rest, value) => {
            out.extend_from_slice(&[LEAF, rest.len() as u8]);
            out.extend_from_slice(rest);
            out.extend_from_slice(value);
        }
    }
    let digest = sha256(&[&out]);
    changes.push((stored_key(path), out));
    digest
}

fn decode(bytes: &[u8]) -> Option<Node> {
    let link = |digest: &[u8]| match Digest(digest.try_into().ok()?) {
        Digest::ZERO => Some(Link::None),
        digest => Some(Link::Stored(digest)),
    };
    match bytes.split_first()? {
        (&BRANCH, digests) => {
            let children: Vec<Link> = digests.chunks(32).map(link).collect::<Option<_>>()?;
            Some(Node::Branch(Box::new(children.try_into().ok()?)))
        }
        (&kind, rest) => {
            let (&size, rest) = rest.split_first()?;
            let (path, end) = rest.split_at_checked(size.into())?;
            match kind {
                EXTENSION => Some(Node::Extension(path.to_vec(), link(end)?)),
                LEAF => Some(Node::Leaf(path.to_vec(), end.to_vec())),
                _ => None,
            }
        }
    }
}

/// The path with a byte in front, because the root's is empty.
fn stored_key(path: &[u8]) -> Vec<u8> {
    [&[path.len() as u8], path].concat()
}

fn nibbles(key: &[u8]) -> Vec<u8> {
    key.iter().flat_map(|byte| [byte >> 4, byte & 15]).collect()
}

fn shared_length(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::work::mixed;
    use bytes::Bytes;

    /// Keys that share long beginnings, so that every kind of split happens.
    fn pairs() -> Vec<Pair> {
        let key = |index: u64| Bytes::from((0..4).map(|byte| (mixed(index * 4 + byte) % 3) as u8 * 0x11).collect::<Vec<u8>>());
        (0..60).map(|index| (key(index), Bytes::from(index.to_le_bytes().to_vec()))).collect()
    }

    #[test]
    fn the_root_is_of_the_values_whatever_the_order_and_the_batches() {
        let folder = tempfile::tempdir().unwrap();
        let open = |name: &str| match Rocks::open(&folder.path().join(name)) {
            Ok(rocks) => Some(Trie::new(rocks)),
            Err(RocksError::Missing(_)) => None,
            Err(error) => panic!("{error}"),
        };
        let Some(mut one) = open("one") else { return };
        let mut model = std::collections::BTreeMap::new();
        pairs().into_iter().for_each(|(key, value)| drop(model.insert(key, value)));
        let all: Vec<Pair> = model.clone().into_iter().collect();
        let root = one.update(&all).unwrap();
        let mut many = open("many").unwrap();
        let mut last = Digest::ZERO;
        for pair in pairs() {
            last = many.update(&[pair]).unwrap();
        }
        assert_eq!(last, root);
        for (key, value) in &model {
            assert_eq!(many.get(key).unwrap().as_deref(), Some(value.as_ref()));
        }
        assert_eq!(many.get(&[0x33; 4]).unwrap(), None);
        let changed = many.update(&[(all[7].0.clone(), Bytes::from_static(b"other"))]).unwrap();
        assert_ne!(changed, root);
        assert_eq!(many.update(&[all[7].clone()]).unwrap(), root);
    }
}
