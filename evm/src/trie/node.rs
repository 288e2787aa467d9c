//! One trie.

use crate::ethereum::{
    B256, BranchNodeRef, Bytes, EMPTY_ROOT_HASH, Encodable, ExtensionNodeRef, LeafNodeRef, Nibbles, RlpNode, TrieMask, keccak256,
};
use crate::execution::parallel::Pool;

/// A Merkle-Patricia trie over keys of 32 bytes.
#[derive(Clone, Debug, Default)]
pub struct Trie {
    root: Option<Box<Node>>,
}

#[derive(Clone, Debug)]
struct Node {
    kind: Kind,
    /// How the parent names this node: its hash, or itself if it is shorter. `None` since a change below.
    reference: Option<RlpNode>,
}

#[derive(Clone, Debug)]
enum Kind {
    Leaf { path: Nibbles, value: Box<[u8]> },
    Extension { path: Nibbles, child: Box<Node> },
    Branch { children: Box<Children> },
}

type Children = [Option<Box<Node>>; 16];

/// Below this many changes under the root, hashing is not worth waking threads for.
const PARALLEL_FROM: usize = 256;

impl Trie {
    /// Sets the value of a key.
    pub fn insert(&mut self, key: &B256, value: &[u8]) {
        let root = self.root.take();
        self.root = Some(insert(root, Nibbles::unpack(key), value.into()));
    }

    /// Removes a key; nothing happens if it is absent.
    pub fn remove(&mut self, key: &B256) {
        self.root = self.root.take().and_then(|root| remove(root, Nibbles::unpack(key)));
    }

    /// Whether it holds nothing.
    pub const fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// The root hash.
    pub fn root(&mut self) -> B256 {
        let Some(root) = &mut self.root else { return EMPTY_ROOT_HASH };
        let mut buffer = Vec::with_capacity(600);
        root.encode(&mut buffer);
        keccak256(&buffer)
    }

    /// The root hash, with the subtries below the root hashed by the pool if about `changes` keys have changed.
    pub fn root_parallel(&mut self, pool: &Pool, changes: usize) -> B256 {
        if changes >= PARALLEL_FROM
            && pool.workers() > 1
            && let Some(Node { kind: Kind::Branch { children }, .. }) = self.root.as_deref_mut()
        {
            let subtries = children.iter_mut().flatten().collect();
            pool.for_each(subtries, |child: &mut Box<Node>| {
                child.reference(&mut Vec::with_capacity(600));
            });
        }
        self.root()
    }

    /// The encoded nodes from the root towards `key`: to its leaf, or to the node that shows its absence.
    pub fn proof(&mut self, key: &B256) -> Vec<Bytes> {
        let path = Nibbles::unpack(key);
        let mut proof = Vec::new();
        let (mut next, mut depth) = (self.root.as_deref_mut(), 0);
        while let Some(node) = next {
            let mut buffer = Vec::new();
            node.encode(&mut buffer);
            // A node shorter than a hash stands inside its parent already.
            if depth == 0 || buffer.len() >= 32 {
                proof.push(buffer.into());
            }
            next = match &mut node.kind {
                Kind::Leaf { .. } => None,
                Kind::Extension { path: part, child } => {
                    let matches = path.slice(depth..).starts_with(part);
                    depth += part.len();
                    matches.then_some(&mut **child)
                }
                Kind::Branch { children } => {
                    let nibble = path.get(depth).unwrap_or_default();
                    depth += 1;
                    children[usize::from(nibble)].as_deref_mut()
                }
            };
        }
        proof
    }
}

impl Node {
    fn new(kind: Kind) -> Box<Self> {
        Box::new(Self { kind, reference: None })
    }

    fn reference(&mut self, buffer: &mut Vec<u8>) -> RlpNode {
        if let Some(reference) = &self.reference {
            return reference.clone();
        }
        let start = buffer.len();
        self.encode(buffer);
        let reference = RlpNode::from_rlp(&buffer[start..]);
        buffer.truncate(start);
        self.reference = Some(reference.clone());
        reference
    }

    /// Appends the node's encoding to `buffer`.
    fn encode(&mut self, buffer: &mut Vec<u8>) {
        match &mut self.kind {
            Kind::Leaf { path, value } => LeafNodeRef { key: path, value }.encode(buffer),
            Kind::Extension { path, child } => {
                let child = child.reference(buffer);
                ExtensionNodeRef { key: path, child: &child }.encode(buffer);
            }
            Kind::Branch { children } => {
                let mut stack = Vec::with_capacity(16);
                let mut mask = TrieMask::default();
                for (nibble, child) in children.iter_mut().enumerate() {
                    if let Some(child) = child {
                        stack.push(child.reference(buffer));
                        mask.set_bit(nibble as u8);
                    }
                }
                BranchNodeRef::new(&stack, mask).encode(buffer);
            }
        }
    }
}

fn insert(node: Option<Box<Node>>, path: Nibbles, value: Box<[u8]>) -> Box<Node> {
    let Some(mut node) = node else { return Node::new(Kind::Leaf { path, value }) };
    node.reference = None;
    match &mut node.kind {
        Kind::Leaf { path: old_path, value: old_value } => {
            if *old_path == path {
                *old_value = value;
                return node;
            }
            let (old_path, old_value) = (*old_path, std::mem::take(old_value));
            let shared = old_path.common_prefix_length(&path);
            let mut children = Children::default();
            children[nibble(&old_path, shared)] =
                Some(Node::new(Kind::Leaf { path: old_path.slice(shared + 1..), value: old_value }));
            children[nibble(&path, shared)] = Some(Node::new(Kind::Leaf { path: path.slice(shared + 1..), value }));
            extend(path.slice(..shared), Node::new(Kind::Branch { children: Box::new(children) }))
        }
        Kind::Extension { path: part, child } => {
            let shared = part.common_prefix_length(&path);
            if shared == part.len() {
                let below = std::mem::replace(child, Node::new(Kind::Branch { children: Box::default() }));
                *child = insert(Some(below), path.slice(shared..), value);
                return node;
            }
            let part = *part;
            let below = std::mem::replace(child, Node::new(Kind::Branch { children: Box::default() }));
            let mut children = Children::default();
            children[nibble(&part, shared)] = Some(extend(part.slice(shared + 1..), below));
            children[nibble(&path, shared)] = Some(Node::new(Kind::Leaf { path: path.slice(shared + 1..), value }));
            extend(path.slice(..shared), Node::new(Kind::Branch { children: Box::new(children) }))
        }
        Kind::Branch { children } => {
            let place = &mut children[nibble(&path, 0)];
            *place = Some(insert(place.take(), path.slice(1..), value));
            node
        }
    }
}

fn remove(mut node: Box<Node>, path: Nibbles) -> Option<Box<Node>> {
    match &mut node.kind {
        Kind::Leaf { path: own, .. } => (*own != path).then_some(node),
        Kind::Extension { path: part, child } => {
            if !path.starts_with(part) {
                return Some(node);
            }
            let part = *part;
            let below = std::mem::replace(child, Node::new(Kind::Branch { children: Box::default() }));
            remove(below, path.slice(part.len()..)).map(|below| extend(part, below))
        }
        Kind::Branch { children } => {
            let place = &mut children[nibble(&path, 0)];
            let Some(child) = place.take() else { return Some(node) };
            *place = remove(child, path.slice(1..));
            node.reference = None;
            let mut left = children.iter().enumerate().filter(|(_, child)| child.is_some()).map(|(nibble, _)| nibble);
            match (left.next(), left.next()) {
                (Some(only), None) => {
                    let child = children[only].take()?;
                    Some(extend(Nibbles::from_nibbles([only as u8]), child))
                }
                _ => Some(node),
            }
        }
    }
}

/// `node` below `prefix`: joined with it where the trie has no node of its own for the joint.
fn extend(prefix: Nibbles, mut node: Box<Node>) -> Box<Node> {
    if prefix.is_empty() {
        return node;
    }
    match &mut node.kind {
        Kind::Leaf { path, .. } => {
            *path = prefix.join(path);
            node.reference = None;
            node
        }
        Kind::Extension { path, .. } => {
            *path = prefix.join(path);
            node.reference = None;
            node
        }
        Kind::Branch { .. } => Node::new(Kind::Extension { path: prefix, child: node }),
    }
}

fn nibble(path: &Nibbles, at: usize) -> usize {
    usize::from(path.get(at).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ethereum::{HashBuilder, verify_proof};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn oracle(leaves: &BTreeMap<B256, Vec<u8>>) -> B256 {
        let mut builder = HashBuilder::default();
        for (key, value) in leaves {
            builder.add_leaf(Nibbles::unpack(key), value);
        }
        builder.root()
    }

    /// Few different nibbles, so that paths share long prefixes.
    fn key(bits: u16) -> B256 {
        let mut key = B256::ZERO;
        for (index, byte) in key.iter_mut().enumerate().take(3) {
            *byte = ((bits >> (index * 4)) & 0x0F) as u8 * if index % 2 == 0 { 0x11 } else { 0x01 };
        }
        key[31] = (bits & 1) as u8;
        key
    }

    proptest! {
        #[test]
        fn any_history_of_changes_gives_the_root_and_proofs_of_what_is_left(
            steps in prop::collection::vec((any::<u16>(), prop::option::weighted(0.6, prop::collection::vec(any::<u8>(), 1..50)), 0u8..4), 1..120)
        ) {
            let mut trie = Trie::default();
            let mut leaves = BTreeMap::new();
            for (bits, value, hash_now) in steps {
                let key = key(bits % 600);
                match value {
                    Some(value) => {
                        trie.insert(&key, &value);
                        leaves.insert(key, value);
                    }
                    None => {
                        trie.remove(&key);
                        leaves.remove(&key);
                    }
                }
                if hash_now == 0 {
                    prop_assert_eq!(trie.root(), oracle(&leaves));
                }
            }
            let root = trie.root();
            prop_assert_eq!(root, oracle(&leaves));
            for bits in (0..600).step_by(37) {
                let key = key(bits);
                let proof = trie.proof(&key);
                prop_assert!(verify_proof(root, Nibbles::unpack(key), leaves.get(&key).cloned(), &proof).is_ok(), "proof of {key}");
            }
        }
    }

    #[test]
    fn hashing_by_threads_gives_the_same_root() {
        let pool = Pool::new(2).unwrap();
        let (mut trie, mut leaves) = (Trie::default(), BTreeMap::new());
        for number in 0..2_000u32 {
            let key = keccak256(number.to_le_bytes());
            trie.insert(&key, &number.to_be_bytes());
            leaves.insert(key, number.to_be_bytes().to_vec());
        }
        assert_eq!(trie.root_parallel(&pool, 2_000), oracle(&leaves));
    }
}
