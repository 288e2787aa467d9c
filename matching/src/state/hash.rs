//! The two hashes that a tree is made of: SHA-256 of 512 bytes and the place that stands behind them, in nine blocks of which the last one is
//! known but for the place.
//!
//! Whoever proves an execution pays for each instruction, and most of those of a block stand here. So digests and what they are of lie at words'
//! addresses, and the padding is written rather than computed.

use plinth_types::digest::Digest;
use plinth_types::page::RegionId;
use plinth_types::table::PageWords;
use plinth_types::words::{bytes_of, copied};
use sha2::compress256;
use sha2::digest::generic_array::GenericArray;

/// Children of a node.
pub(super) const ARITY: usize = 16;

/// A digest at a word's address: its bytes in memory's order.
pub(super) type DigestWords = [u32; 8];
/// The digests of a node's children.
pub(super) type NodeWords = [u32; ARITY * 8];

const _: () = assert!(size_of::<NodeWords>() == 512 && size_of::<PageWords>() == 512, "a hash is of 512 bytes and a place");

const LEAF_DOMAIN: &[u8; 13] = b"plinth/page/1";
const NODE_DOMAIN: &[u8; 13] = b"plinth/node/1";

/// What a hash begins with (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] = [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// The digest of a page; zero for a page of zeros.
pub(super) fn leaf(region: RegionId, page: usize, words: &PageWords) -> DigestWords {
    if is_zero(words) {
        return [0; 8];
    }
    let place = u64::from(region.get()) | (page as u64) << 16;
    hash(words, last_block(LEAF_DOMAIN, place, 6))
}

/// As [`leaf`], of the digests below a node, those that are missing at the end zero.
pub(super) fn node(region: RegionId, tier: usize, number: usize, children: &NodeWords) -> DigestWords {
    if is_zero(children) { [0; 8] } else { node_above_some(region, tier, number, children) }
}

/// As [`node`], of children that are not all zero.
pub(super) fn node_above_some(region: RegionId, tier: usize, number: usize, children: &NodeWords) -> DigestWords {
    let place = u64::from(region.get()) | (tier as u64) << 16 | (number as u64) << 24;
    hash(children, last_block(NODE_DOMAIN, place, 7))
}

/// A digest as bytes.
pub(super) fn digest_of(words: DigestWords) -> Digest {
    Digest(bytes_of(&words).try_into().expect("eight words"))
}

/// A digest at a word's address.
pub(super) fn words_of(digest: &Digest) -> DigestWords {
    copied(&digest.0)
}

/// Most that are not zero show it soon.
fn is_zero(words: &[u32; 128]) -> bool {
    words.as_chunks::<8>().0.iter().all(|words| words.iter().fold(0, |all, word| all | word) == 0)
}

/// The end of a message of 512 bytes, a domain and the lowest bytes of a place, padded.
#[inline(always)]
fn last_block(domain: &[u8; 13], place: u64, place_size: u32) -> [u32; 16] {
    let mut block = [0; 16];
    let (words, rest) = domain.as_chunks();
    block[..3].copy_from_slice(&[u32::from_le_bytes(words[0]), u32::from_le_bytes(words[1]), u32::from_le_bytes(words[2])]);
    let end = u128::from(rest[0]) | u128::from(place) << 8 | 0x80 << (8 * (place_size + 1));
    block[3..6].copy_from_slice(&[end as u32, (end >> 32) as u32, (end >> 64) as u32]);
    let bits = (512 + 13 + place_size) * 8;
    block[15] = bits.swap_bytes();
    block.map(u32::to_le)
}

#[inline(always)]
fn hash(words: &[u32; 128], last: [u32; 16]) -> DigestWords {
    let mut state = INITIAL;
    for block in words.as_chunks().0 {
        take(&mut state, block);
    }
    take(&mut state, &last);
    state.map(u32::to_be)
}

#[inline(always)]
fn take(state: &mut [u32; 8], block: &[u32; 16]) {
    compress256(state, core::slice::from_ref(GenericArray::from_slice(bytes_of(block))));
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest as _, Sha256};

    #[test]
    fn they_are_hashes_of_the_published_kind() {
        let mut words = [0; 128];
        assert_eq!(leaf(RegionId::new(3), 5, &words), [0; 8]);
        assert_eq!(node(RegionId::new(3), 1, 5, &words), [0; 8]);
        for at in [0, 1, 77, 127] {
            words[at] = 0x0102_0304 + at as u32;
            let bytes = bytes_of(&words);
            let parts: [&[u8]; 4] = [bytes, b"plinth/page/1", &[0x2a, 0x01], &[0x78, 0x56, 0x34, 0x12]];
            assert_eq!(digest_of(leaf(RegionId::new(0x12a), 0x1234_5678, &words)).0, *Sha256::digest(parts.concat()));
            let parts: [&[u8]; 5] = [bytes, b"plinth/node/1", &[0x2a, 0x01], &[4], &[0x78, 0x56, 0x34, 0x12]];
            assert_eq!(digest_of(node(RegionId::new(0x12a), 4, 0x1234_5678, &words)).0, *Sha256::digest(parts.concat()));
        }
    }
}
