//! A node as Ethereum has it: RLP of a branch of sixteen hashes and a value, or of a path in hex-prefix form and what follows.

use sha3::{Digest as _, Keccak256};

/// A Keccak-256 digest.
pub(in crate::state) type Hash = [u8; 32];

/// Sixteen children by their hashes, or what follows.
pub(super) enum Node {
    Branch(Box<[Link; 16]>),
    Extension(Vec<u8>, Link),
    Leaf(Vec<u8>, Vec<u8>),
}

/// What hangs below a node.
pub(super) enum Link {
    None,
    Stored(Hash),
    Changed(Box<Node>),
}

/// RLP of a string of no bytes: a branch's child that is not there, and its value.
const EMPTY: u8 = 0x80;
/// RLP's first byte of a string of 32 bytes.
const HASH: u8 = 0x80 + 32;
/// Bit of a hex-prefix that says that a leaf's path follows.
const IS_LEAF: u8 = 0x20;
/// Bit of a hex-prefix that says that the path's first nibble stands in it.
const IS_ODD: u8 = 0x10;

pub(in crate::state) fn keccak(bytes: &[u8]) -> Hash {
    Keccak256::digest(bytes).into()
}

impl Node {
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (mut list, rest) = item(bytes)?;
        let mut items = Vec::with_capacity(17);
        while !list.is_empty() {
            let (payload, rest) = item(list)?;
            items.push(payload);
            list = rest;
        }
        let link = |payload: &[u8]| match payload {
            [] => Some(Link::None),
            hash => Some(Link::Stored(hash.try_into().ok()?)),
        };
        match &items[..] {
            _ if !rest.is_empty() => None,
            [prefixed, follows] => {
                let (path, is_leaf) = unprefixed(prefixed)?;
                Some(if is_leaf { Self::Leaf(path, follows.to_vec()) } else { Self::Extension(path, link(follows)?) })
            }
            [children @ .., []] => {
                let children: Vec<Link> = children.iter().copied().map(link).collect::<Option<_>>()?;
                Some(Self::Branch(Box::new(children.try_into().ok()?)))
            }
            _ => None,
        }
    }
}

/// The encoding of a branch of these children; zero is none.
pub(super) fn branch(children: &[Option<Hash>; 16]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(17 * 33);
    for child in children {
        match child {
            Some(hash) => push_string(hash, &mut payload),
            None => payload.push(EMPTY),
        }
    }
    payload.push(EMPTY);
    listed(&payload)
}

/// The encoding of a leaf, or of an extension if what follows is a hash.
pub(super) fn short(path: &[u8], is_leaf: bool, follows: &[u8]) -> Vec<u8> {
    let mut payload = Vec::with_capacity(40 + follows.len());
    push_string(&prefixed(path, is_leaf), &mut payload);
    push_string(follows, &mut payload);
    listed(&payload)
}

/// Two nibbles a byte, behind a flag; an odd path's first nibble beside the flag.
fn prefixed(path: &[u8], is_leaf: bool) -> Vec<u8> {
    let kind = if is_leaf { IS_LEAF } else { 0 };
    let (first, even) = if path.len() % 2 == 1 { (kind | IS_ODD | path[0], &path[1..]) } else { (kind, path) };
    std::iter::once(first).chain(even.chunks(2).map(|pair| pair[0] << 4 | pair[1])).collect()
}

fn unprefixed(bytes: &[u8]) -> Option<(Vec<u8>, bool)> {
    let (&first, rest) = bytes.split_first()?;
    let odd = (first & IS_ODD != 0).then_some(first & 15);
    Some((odd.into_iter().chain(nibbles(rest)).collect(), first & IS_LEAF != 0))
}

/// The path of a key.
pub(super) fn nibbles(key: &[u8]) -> impl Iterator<Item = u8> + '_ {
    key.iter().flat_map(|byte| [byte >> 4, byte & 15])
}

fn push_string(bytes: &[u8], out: &mut Vec<u8>) {
    match bytes {
        [byte] if *byte < 0x80 => {}
        _ => push_size(bytes.len(), 0x80, out),
    }
    out.extend_from_slice(bytes);
}

fn listed(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 3);
    push_size(payload.len(), 0xc0, &mut out);
    out.extend_from_slice(payload);
    out
}

fn push_size(size: usize, kind: u8, out: &mut Vec<u8>) {
    let size = u16::try_from(size).expect("a node is short");
    match (u8::try_from(size), size.to_be_bytes()) {
        (Ok(size @ ..56), _) => out.push(kind + size),
        (Ok(size), _) => out.extend_from_slice(&[kind + 56, size]),
        (Err(_), [high, low]) => out.extend_from_slice(&[kind + 57, high, low]),
    }
}

/// The payload of the first item, and what follows it.
fn item(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let size = |kind: u8| match first - kind {
        size @ ..56 => Some((usize::from(size), 0)),
        56 => Some((usize::from(*rest.first()?), 1)),
        57 => Some((usize::from(u16::from_be_bytes(rest.get(..2)?.try_into().ok()?)), 2)),
        _ => None,
    };
    match first {
        ..0x80 => Some(bytes.split_at(1)),
        HASH => rest.split_at_checked(32),
        0x80..0xc0 => size(0x80).and_then(|(size, at)| rest.get(at..)?.split_at_checked(size)),
        0xc0.. => size(0xc0).and_then(|(size, at)| rest.get(at..)?.split_at_checked(size)),
    }
}
