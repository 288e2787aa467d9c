//! The set of nullifiers under one root, with proof that a nullifier is not in it.
//!
//! A binary trie over the 256 bits of a nullifier's canonical bytes, lowest bit of the first byte first. A subtree with one key is a leaf
//! wherever it stands, so a path is about `log2(n)` long.
//!
//! ```text
//! empty = 32 zero bytes      leaf = SHA-256(1 ‖ key)      branch = SHA-256(2 ‖ left ‖ right)
//! ```
//!
//! * **Absence.** The path of an absent key ends at an empty place or at another key's leaf. A [`Trie`] cut down to the paths of a block's
//!   keys ([`Trie::witness`]) has opaque hashes elsewhere; whoever holds it checks the root, inserts, and has the new root, with no
//!   other knowledge of the set. An insertion that would have to enter an opaque subtree is refused.
//! * Duplicates are refused by the same walk, within a block as across blocks.
//!
//! Known limitations: the producer's trie is in memory, about 150 bytes a nullifier, and is rebuilt from the zone's blocks.

use crate::field::Nullifier;
use crate::limits::{NULLIFIER_DEPTH_MAX, NULLIFIER_WITNESS_NODES_MAX};
use plinth_types::codec::{Codec, DecodeError, Reader};
use plinth_types::digest::Digest;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// Why a nullifier does not enter the set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InsertError {
    /// The note is spent already.
    #[error("nullifier {0:?} is spent already")]
    Spent(Nullifier),
    /// The witness does not show this path.
    #[error("the witness does not show the path of nullifier {0:?}")]
    NotShown(Nullifier),
}

/// The set, whole or cut down to some paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trie {
    root: Node,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Node {
    #[default]
    Empty,
    Leaf(Nullifier),
    /// Children and, until a key enters below, the hash.
    Branch(Box<[Self; 2]>, Option<Digest>),
    /// A subtree that is not shown.
    Opaque(Digest),
}

impl Trie {
    /// Adds a nullifier.
    ///
    /// # Errors
    ///
    /// [`InsertError`]; the set is then unchanged.
    pub fn insert(&mut self, nullifier: Nullifier) -> Result<(), InsertError> {
        let key = nullifier.word().canonical();
        let mut depth = 0;
        let mut node = &self.root;
        while let Node::Branch(children, _) = node {
            node = &children[side(&key, depth)];
            depth += 1;
        }
        match node {
            Node::Leaf(other) if *other == nullifier => return Err(InsertError::Spent(nullifier)),
            Node::Opaque(_) => return Err(InsertError::NotShown(nullifier)),
            Node::Leaf(_) | Node::Empty | Node::Branch(..) => {}
        }
        self.root.insert(nullifier, &key, 0);
        Ok(())
    }

    /// Whether the nullifier is in the set; `None` if its path is not shown.
    #[must_use]
    pub fn contains(&self, nullifier: Nullifier) -> Option<bool> {
        let key = nullifier.word().canonical();
        let (mut node, mut depth) = (&self.root, 0);
        loop {
            match node {
                Node::Empty => return Some(false),
                Node::Leaf(other) => return Some(*other == nullifier),
                Node::Opaque(_) => return None,
                Node::Branch(children, _) => node = &children[side(&key, depth)],
            }
            depth += 1;
        }
    }

    /// The root. Hashes what changed since the last call.
    pub fn root(&mut self) -> Digest {
        self.root.refresh()
    }

    /// The set cut down to the paths of these nullifiers.
    #[must_use]
    pub fn witness(&self, nullifiers: impl IntoIterator<Item = Nullifier>) -> Self {
        let mut keys: Vec<[u8; 32]> = nullifiers.into_iter().map(|nullifier| nullifier.word().canonical()).collect();
        keys.sort_by(|a, b| bits(a).cmp(bits(b)));
        Self { root: self.root.cut(&keys, 0) }
    }
}

impl Node {
    fn insert(&mut self, nullifier: Nullifier, key: &[u8; 32], depth: usize) {
        match self {
            Self::Empty => *self = Self::Leaf(nullifier),
            Self::Branch(children, hash) => {
                *hash = None;
                children[side(key, depth)].insert(nullifier, key, depth + 1);
            }
            Self::Leaf(other) => {
                let other = *other;
                let mut children = Box::new([Self::Empty, Self::Empty]);
                children[side(&other.word().canonical(), depth)] = Self::Leaf(other);
                *self = Self::Branch(children, None);
                self.insert(nullifier, key, depth);
            }
            Self::Opaque(_) => {}
        }
    }

    fn refresh(&mut self) -> Digest {
        if let Self::Branch(children, hash @ None) = self {
            let [left, right] = &mut **children;
            *hash = Some(branch(left.refresh(), right.refresh()));
        }
        self.hash()
    }

    fn hash(&self) -> Digest {
        match self {
            Self::Empty => Digest::ZERO,
            Self::Leaf(nullifier) => {
                Digest(Sha256::new().chain_update([1]).chain_update(nullifier.word().canonical()).finalize().into())
            }
            Self::Branch(_, Some(hash)) | Self::Opaque(hash) => *hash,
            Self::Branch(children, None) => branch(children[0].hash(), children[1].hash()),
        }
    }

    fn cut(&self, keys: &[[u8; 32]], depth: usize) -> Self {
        match self {
            Self::Branch(children, hash) if !keys.is_empty() => {
                let middle = keys.partition_point(|key| side(key, depth) == 0);
                let (left, right) = keys.split_at(middle);
                Self::Branch(Box::new([children[0].cut(left, depth + 1), children[1].cut(right, depth + 1)]), *hash)
            }
            Self::Empty => Self::Empty,
            Self::Leaf(nullifier) if !keys.is_empty() => Self::Leaf(*nullifier),
            Self::Leaf(_) | Self::Branch(..) | Self::Opaque(_) => Self::Opaque(self.hash()),
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Empty => 0_u8.encode(out),
            Self::Leaf(nullifier) => {
                1_u8.encode(out);
                nullifier.encode(out);
            }
            Self::Branch(children, _) => {
                2_u8.encode(out);
                children.iter().for_each(|child| child.encode(out));
            }
            Self::Opaque(hash) => {
                3_u8.encode(out);
                hash.encode(out);
            }
        }
    }

    fn read(reader: &mut Reader<'_>, depth: usize, left: &mut usize) -> Result<Self, DecodeError> {
        *left = left.checked_sub(1).ok_or_else(|| reader.invalid("nullifier witness size"))?;
        Ok(match u8::read(reader)? {
            0 => Self::Empty,
            1 => Self::Leaf(Codec::read(reader)?),
            2 if depth < NULLIFIER_DEPTH_MAX => {
                let children = [Self::read(reader, depth + 1, left)?, Self::read(reader, depth + 1, left)?];
                Self::Branch(Box::new(children), None)
            }
            3 => Self::Opaque(Codec::read(reader)?),
            _ => return Err(reader.invalid("nullifier witness node")),
        })
    }
}

impl Codec for Trie {
    fn encode(&self, out: &mut Vec<u8>) {
        self.root.encode(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let mut left = NULLIFIER_WITNESS_NODES_MAX;
        Node::read(reader, 0, &mut left).map(|root| Self { root })
    }
}

fn branch(left: Digest, right: Digest) -> Digest {
    Digest(Sha256::new().chain_update([2]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// Which way a key goes at a depth.
fn side(key: &[u8; 32], depth: usize) -> usize {
    usize::from(key[depth / 8] >> (depth % 8) & 1)
}

/// The bits of a key in the order of the walk.
fn bits(key: &[u8; 32]) -> impl Iterator<Item = usize> {
    (0..NULLIFIER_DEPTH_MAX).map(|depth| side(key, depth))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::Word;
    use crate::hash::{Tag, hash};
    use std::collections::BTreeSet;

    fn nullifier(n: u64) -> Nullifier {
        Nullifier(Word(hash(Tag::Nullifier, [pasta_curves::Fp::from(n)])))
    }

    #[test]
    fn a_witness_moves_the_root_as_the_whole_set_does() {
        let mut whole = Trie::default();
        let mut model = BTreeSet::new();
        for round in 0..12_u64 {
            let batch: Vec<_> = (round * 7..round * 7 + 7).map(nullifier).collect();
            let witness = whole.witness(batch.iter().copied());
            let mut shown = Trie::decode(&witness.to_bytes()).expect("canonical");
            assert_eq!(shown.root(), whole.root());
            for one in &batch {
                assert_eq!(whole.contains(*one), Some(false));
                shown.insert(*one).expect("absent and shown");
                whole.insert(*one).expect("absent");
                assert_eq!(shown.insert(*one), Err(InsertError::Spent(*one)));
                model.insert(*one);
            }
            assert_eq!(shown.root(), whole.root());
        }
        for one in model {
            assert_eq!(whole.contains(one), Some(true));
            assert_eq!(whole.insert(one), Err(InsertError::Spent(one)));
        }
    }

    #[test]
    fn the_root_does_not_depend_on_the_order() {
        let (mut forward, mut backward) = (Trie::default(), Trie::default());
        (0..50).for_each(|n| forward.insert(nullifier(n)).expect("absent"));
        (0..50).rev().for_each(|n| backward.insert(nullifier(n)).expect("absent"));
        assert_eq!(forward.root(), backward.root());
    }

    #[test]
    fn a_path_that_is_not_shown_admits_nothing() {
        let mut whole = Trie::default();
        (0..40).for_each(|n| whole.insert(nullifier(n)).expect("absent"));
        let mut shown = whole.witness([nullifier(100)]);
        let refused = (0..40).filter(|n| shown.insert(nullifier(*n)) == Err(InsertError::NotShown(nullifier(*n)))).count();
        assert!(refused > 30, "most spent nullifiers are behind opaque hashes, the others are found spent: {refused}");
        assert!((0..40).all(|n| shown.insert(nullifier(n)).is_err()));
        assert_eq!(shown.root(), whole.root());
    }
}
