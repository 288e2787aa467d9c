//! The note tree: append-only, depth [`NOTE_TREE_DEPTH`], Poseidon with a tag for each level; an empty leaf is the word 0.
//!
//! * [`Frontier`] is all that a validator needs: the number of leaves and, for each set bit of it, the root of that complete subtree. It is
//!   the witness that a block's commitments move the tree from one root to the next.
//! * [`NoteTree`] keeps every node and gives paths; a producer and a wallet hold one.
//!
//! Known limitations: `NoteTree` is in memory and is rebuilt from blocks; 64 bytes a note.

use crate::field::{Anchor, Commitment, Word};
use crate::hash::{Tag, hash};
use crate::limits::NOTE_TREE_DEPTH;
use crate::note::Position;
use ff::Field;
use pasta_curves::Fp;
use plinth_types::codec::{Codec, DecodeError, Reader};
use std::sync::LazyLock;
use thiserror::Error;

/// The tree has `2^NOTE_TREE_DEPTH` leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the note tree is full: 2^{NOTE_TREE_DEPTH} notes; a new pool version is due")]
pub struct TreeFull;

/// The right edge of the tree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    count: u64,
    /// For each set bit of `count`, from the lowest: the root of that complete subtree.
    complete: Vec<Word>,
}

impl Frontier {
    /// Leaves so far.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The place that the next leaf will have.
    #[must_use]
    pub const fn next_position(&self) -> Position {
        Position(self.count)
    }

    /// Appends a leaf. Amortised two hashes.
    ///
    /// # Errors
    ///
    /// [`TreeFull`].
    pub fn append(&mut self, commitment: Commitment) -> Result<(), TreeFull> {
        if self.count >> NOTE_TREE_DEPTH != 0 {
            return Err(TreeFull);
        }
        let full_below = self.count.trailing_ones() as usize;
        let mut node = commitment.fp();
        for (level, left) in self.complete.drain(..full_below).enumerate() {
            node = parent(level, left.0, node);
        }
        self.complete.insert(0, Word(node));
        self.count += 1;
        Ok(())
    }

    /// The root. [`NOTE_TREE_DEPTH`] hashes: once a block.
    #[must_use]
    pub fn root(&self) -> Anchor {
        if self.count >> NOTE_TREE_DEPTH != 0 {
            return Anchor(self.complete[0]);
        }
        let mut complete = self.complete.iter();
        let mut node = Fp::ZERO;
        for level in 0..NOTE_TREE_DEPTH {
            node = match (self.count >> level & 1, complete.as_slice().first()) {
                (1, Some(left)) => {
                    complete.next();
                    parent(level, left.0, node)
                }
                _ => parent(level, node, EMPTY[level]),
            };
        }
        Anchor(Word(node))
    }
}

impl Codec for Frontier {
    fn encode(&self, out: &mut Vec<u8>) {
        self.count.encode(out);
        self.complete.iter().for_each(|node| node.encode(out));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = u64::read(reader)?;
        if count > 1 << NOTE_TREE_DEPTH {
            return Err(reader.invalid("note count"));
        }
        let complete = (0..count.count_ones()).map(|_| Word::read(reader)).collect::<Result<_, _>>()?;
        Ok(Self { count, complete })
    }
}

/// A note's way to a root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotePath {
    pub(crate) position: Position,
    pub(crate) siblings: [Fp; NOTE_TREE_DEPTH],
}

impl NotePath {
    /// The root that the path leads to from this note.
    #[must_use]
    pub fn root(&self, commitment: Commitment) -> Anchor {
        let mut node = commitment.fp();
        for (level, sibling) in self.siblings.iter().enumerate() {
            node = if self.position.0 >> level & 1 == 1 { parent(level, *sibling, node) } else { parent(level, node, *sibling) };
        }
        Anchor(Word(node))
    }

    /// Where the note is.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// A path to nowhere, for an input of no value.
    #[must_use]
    pub(crate) const fn dummy() -> Self {
        Self { position: Position(0), siblings: [Fp::ZERO; NOTE_TREE_DEPTH] }
    }
}

/// The whole tree.
#[derive(Clone, Debug)]
pub struct NoteTree {
    levels: Vec<Vec<Fp>>,
    frontier: Frontier,
}

impl Default for NoteTree {
    fn default() -> Self {
        Self { levels: vec![Vec::new(); NOTE_TREE_DEPTH + 1], frontier: Frontier::default() }
    }
}

impl NoteTree {
    /// Appends a leaf and says where it is.
    ///
    /// # Errors
    ///
    /// [`TreeFull`].
    pub fn append(&mut self, commitment: Commitment) -> Result<Position, TreeFull> {
        let position = self.frontier.next_position();
        self.frontier.append(commitment)?;
        self.levels[0].push(commitment.fp());
        for level in 0..NOTE_TREE_DEPTH {
            let nodes = &self.levels[level];
            if !nodes.len().is_multiple_of(2) {
                break;
            }
            let [left, right] = [nodes[nodes.len() - 2], nodes[nodes.len() - 1]];
            self.levels[level + 1].push(parent(level, left, right));
        }
        Ok(position)
    }

    /// The right edge.
    #[must_use]
    pub const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// The way from a leaf to the present root; `None` beyond the last leaf.
    #[must_use]
    pub fn path(&self, position: Position) -> Option<NotePath> {
        if position.0 >= self.frontier.count {
            return None;
        }
        // Right of the last complete node of a level stands at most one that is partly filled; it is computed on the way up.
        let mut siblings = [Fp::ZERO; NOTE_TREE_DEPTH];
        let mut partial = EMPTY[0];
        for (level, sibling) in siblings.iter_mut().enumerate() {
            let complete = &self.levels[level];
            let at = |index: u64| match complete.get(index as usize) {
                Some(node) => *node,
                None if index == complete.len() as u64 => partial,
                None => EMPTY[level],
            };
            *sibling = at((position.0 >> level) ^ 1);
            let edge = complete.len() as u64 & !1;
            partial = parent(level, at(edge), at(edge + 1));
        }
        Some(NotePath { position, siblings })
    }
}

fn parent(level: usize, left: Fp, right: Fp) -> Fp {
    hash(Tag::NoteTree(level), [left, right])
}

static EMPTY: LazyLock<[Fp; NOTE_TREE_DEPTH + 1]> = LazyLock::new(|| {
    let mut empty = [Fp::ZERO; NOTE_TREE_DEPTH + 1];
    for level in 0..NOTE_TREE_DEPTH {
        empty[level + 1] = parent(level, empty[level], empty[level]);
    }
    empty
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_leads_to_the_root_of_the_frontier_at_every_size() {
        let mut tree = NoteTree::default();
        let leaf = |n: u64| Commitment(Word::from_u64(n + 1));
        for size in 0..19 {
            assert_eq!(tree.path(Position(size)), None);
            tree.append(leaf(size)).expect("room");
            for position in 0..=size {
                let path = tree.path(Position(position)).expect("a leaf");
                assert_eq!(path.root(leaf(position)), tree.frontier().root(), "leaf {position} of {}", size + 1);
            }
            let read = Frontier::decode(&tree.frontier().to_bytes()).expect("canonical");
            assert_eq!(&read, tree.frontier());
        }
    }

    #[test]
    fn a_full_tree_refuses() {
        let mut full = Frontier { count: 1 << NOTE_TREE_DEPTH, complete: vec![Word::from_u64(5)] };
        assert_eq!(full.root(), Anchor(Word::from_u64(5)));
        assert_eq!(full.append(Commitment(Word::from_u64(1))), Err(TreeFull));
    }
}
