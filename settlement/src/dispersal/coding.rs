//! A ciphertext as shards: any f+1 of n rebuild it, and one root commits to all of them.
//!
//! ```text
//! ciphertext ─► segments of at most 1 MiB, of equal size ─► Reed-Solomon, f+1 original and n−f−1 recovery parts ─► root of each
//! shard i = version u8 │ index u16 │ per segment: (its root 32, if there are several) │ size u32 │ part i with its path to the root
//! shard root = the segment's root, or SHA-256 of domain and roots if there are several
//! ```
//!
//! * `commonware-coding` Reed-Solomon over SHA-256 codes each segment. Encoding is deterministic. Decoding encodes again and compares
//!   the root, so whoever rebuilds gets the same bytes or the same refusal, whatever shards it had.
//! * **Checking a shard says that it lies under the root, not that the root is one of a codeword.** That comes out when a body is
//!   rebuilt, and then the shards show it to anyone: see [`super::FraudProof`].
//! * Segments bound that proof, so that it stands in a block, and keep the coding inside the processor's caches.

use super::limits::{SEGMENT_SIZE_MAX, TAG_SIZE};
use crate::committee::ValidatorCount;
use crate::digest::{from_consensus, sha256, to_consensus};
use bytes::Bytes;
use commonware_codec::{Decode as _, EncodeSize as _, Write as _};
use commonware_coding::{Config, ReedSolomon, ReedSolomonError, Scheme};
use commonware_cryptography::Sha256;
use commonware_parallel::Sequential;
use core::num::NonZeroU16;
use core::ops::Range;
use plinth_types::codec::{Codec as _, DecodeError, Reader, encode_count};
use plinth_types::digest::Digest;
use plinth_types::limits::BODY_SIZE_MAX;

type Coding = ReedSolomon<Sha256>;
type Part = <Coding as Scheme>::Shard;
pub(super) type CheckedPart = <Coding as Scheme>::CheckedShard;

/// How the ciphertext of a body is cut, which follows from its size and the number of validators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    size: usize,
    segments: usize,
    validators: ValidatorCount,
}

/// A ciphertext with its shards. The parts share the memory of the coded segments.
#[derive(Debug)]
pub struct Encoded {
    root: Digest,
    validators: ValidatorCount,
    segments: Vec<(Digest, Vec<Part>)>,
}

/// A shard that lies under the shard root and under its index. Holding one is the check.
#[derive(Clone, Debug)]
pub struct CheckedShard {
    index: u16,
    roots: Vec<Digest>,
    parts: Vec<(CheckedPart, Bytes)>,
    frame: Bytes,
}

/// Why a ciphertext has no shards, or bytes are no shard.
#[derive(Debug, thiserror::Error)]
pub enum CodingError {
    /// Larger than any body.
    #[error("a body of {size} bytes, at most {BODY_SIZE_MAX} are allowed")]
    Size {
        /// Bytes of the body.
        size: usize,
    },
    /// No validator has this index.
    #[error("shard {index} of {count} validators")]
    Index {
        /// The index.
        index: u16,
        /// How many there are.
        count: u16,
    },
    /// Another validator's shard.
    #[error("shard {index} in the place of shard {expected}")]
    OtherIndex {
        /// In the shard.
        index: u16,
        /// What was to come.
        expected: u16,
    },
    /// More bytes than a shard of this body has.
    #[error("a shard of {size} bytes, this body's have at most {size_max}")]
    ShardSize {
        /// Bytes received.
        size: usize,
        /// The bound.
        size_max: usize,
    },
    /// Bytes that are no shard.
    #[error("malformed shard: {0}")]
    Malformed(#[from] DecodeError),
    /// Bytes that are no part of a segment.
    #[error("malformed part of segment {segment}: {error}")]
    Part {
        /// Which segment.
        segment: usize,
        /// What is wrong.
        error: commonware_codec::Error,
    },
    /// The roots of the segments are not what the header commits to.
    #[error("the segments' root is {root}, the header says {root_claimed}")]
    Root {
        /// Of the segments.
        root: Digest,
        /// In the header.
        root_claimed: Digest,
    },
    /// The part is not under its segment's root, or the coding refuses.
    #[error(transparent)]
    Coding(#[from] ReedSolomonError),
}

/// Why shards give no ciphertext.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RebuildError {
    /// Of one body, f+1 different ones are needed.
    #[error("{count} shards, {count_min} are needed")]
    TooFew {
        /// How many different ones there are.
        count: usize,
        /// f + 1.
        count_min: usize,
    },
    /// What the root commits to is no code of a ciphertext of this size: the producer lied, and the shards show it.
    #[error("segment {segment} is no codeword")]
    NotACodeword {
        /// The first such segment.
        segment: usize,
    },
}

impl Layout {
    /// For the ciphertext of a body of `body_size` bytes; `None` if no body is as large.
    #[must_use]
    pub const fn new(body_size: usize, validators: ValidatorCount) -> Option<Self> {
        if body_size > BODY_SIZE_MAX {
            return None;
        }
        let size = body_size + TAG_SIZE;
        Some(Self { size, segments: size.div_ceil(SEGMENT_SIZE_MAX), validators })
    }

    /// Bytes of the ciphertext.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.size
    }

    /// How many segments it has.
    #[must_use]
    pub const fn segments(&self) -> usize {
        self.segments
    }

    /// f + 1: how many shards rebuild it.
    #[must_use]
    pub fn shards_min(&self) -> usize {
        usize::from(self.validators.rebuild_min())
    }

    /// Most bytes of one shard.
    #[must_use]
    pub fn shard_size_max(&self) -> usize {
        let root_size = if self.segments > 1 { ROOT_SIZE } else { 0 };
        3 + (0..self.segments).map(|segment| root_size + 4 + self.part_size_max(segment)).sum::<usize>()
    }

    pub(super) fn part_size_max(&self, segment: usize) -> usize {
        Coding::max_shard_size(&config(self.validators), self.range(segment).len())
    }

    /// Where a segment lies.
    pub(super) fn range(&self, segment: usize) -> Range<usize> {
        let size = self.size.div_ceil(self.segments);
        segment * size..((segment + 1) * size).min(self.size)
    }

    /// For how many validators it is cut.
    #[must_use]
    pub const fn validators(&self) -> ValidatorCount {
        self.validators
    }
}

impl Encoded {
    /// Codes a ciphertext for so many validators, in ascending order of keys.
    ///
    /// # Errors
    ///
    /// [`CodingError::Size`].
    pub fn new(ciphertext: &Bytes, validators: ValidatorCount) -> Result<Self, CodingError> {
        let body_size = ciphertext.len().saturating_sub(TAG_SIZE);
        let layout = Layout::new(body_size, validators).ok_or(CodingError::Size { size: body_size })?;
        let mut segments = Vec::with_capacity(layout.segments);
        for segment in 0..layout.segments {
            let bytes = ciphertext.slice(layout.range(segment));
            let (root, parts) = Coding::encode(&config(validators), bytes, &Sequential)?;
            segments.push((from_consensus(root), parts));
        }
        let root = combine(segments.iter().map(|(root, _)| *root));
        Ok(Self { root, validators, segments })
    }

    /// For how many validators.
    #[must_use]
    pub const fn validators(&self) -> ValidatorCount {
        self.validators
    }

    /// What the header commits to.
    #[must_use]
    pub const fn root(&self) -> Digest {
        self.root
    }

    /// The shard of the `index`-th validator; `None` if there are fewer.
    #[must_use]
    pub fn shard(&self, index: u16) -> Option<Bytes> {
        let several = self.segments.len() > 1;
        let parts: Option<Vec<_>> =
            self.segments.iter().map(|(root, parts)| Some((root, parts.get(usize::from(index))?))).collect();
        let parts = parts?;
        let size = parts.iter().map(|(_, part)| ROOT_SIZE + 4 + part.encode_size()).sum::<usize>();
        let mut out = Vec::with_capacity(3 + size);
        VERSION.encode(&mut out);
        index.encode(&mut out);
        for (root, part) in parts {
            if several {
                root.encode(&mut out);
            }
            encode_count(part.encode_size(), &mut out);
            part.write(&mut out);
        }
        Some(out.into())
    }
}

impl CheckedShard {
    /// Checks that bytes are the `expected`-th shard under `root`: sizes first, hashes last.
    ///
    /// # Errors
    ///
    /// [`CodingError`].
    pub fn check(layout: &Layout, root: Digest, expected: u16, frame: Bytes) -> Result<Self, CodingError> {
        let (count, size, size_max) = (layout.validators.get(), frame.len(), layout.shard_size_max());
        if size > size_max {
            return Err(CodingError::ShardSize { size, size_max });
        }
        if expected >= count {
            return Err(CodingError::Index { index: expected, count });
        }
        let mut reader = Reader::new(&frame);
        if u8::read(&mut reader)? != VERSION {
            return Err(reader.invalid("shard version").into());
        }
        let index = u16::read(&mut reader)?;
        if index != expected {
            return Err(CodingError::OtherIndex { index, expected });
        }
        let (mut roots, mut parts) = (Vec::new(), Vec::new());
        for segment in 0..layout.segments {
            let segment_root = if layout.segments > 1 { Digest::read(&mut reader)? } else { root };
            let size = reader.count("part bytes", layout.part_size_max(segment))?;
            roots.push(segment_root);
            parts.push(frame.slice_ref(reader.bytes(size)?));
        }
        reader.finish()?;
        let found = combine(roots.iter().copied());
        if found != root {
            return Err(CodingError::Root { root: found, root_claimed: root });
        }
        let parts = parts.into_iter().enumerate().map(|(segment, bytes)| {
            let checked = check_part(layout, segment, roots[segment], index, &bytes)?;
            Ok((checked, bytes))
        });
        let parts = parts.collect::<Result<_, CodingError>>()?;
        Ok(Self { index, roots, parts, frame })
    }

    /// Which shard bytes claim to be: version, then index. Nonsense claims one that is none.
    #[must_use]
    pub fn index_in(frame: &[u8]) -> u16 {
        frame.get(1..3).map_or(u16::MAX, |index| u16::from_le_bytes([index[0], index[1]]))
    }

    /// Whose it is.
    #[must_use]
    pub const fn index(&self) -> u16 {
        self.index
    }

    /// Its bytes.
    #[must_use]
    pub const fn frame(&self) -> &Bytes {
        &self.frame
    }

    pub(super) fn roots(&self) -> &[Digest] {
        &self.roots
    }

    pub(super) fn part(&self, segment: usize) -> &(CheckedPart, Bytes) {
        &self.parts[segment]
    }
}

/// Rebuilds the ciphertext from checked shards of one root, of which f+1 must be different.
///
/// # Errors
///
/// [`RebuildError`].
pub fn rebuild(layout: &Layout, shards: &[CheckedShard]) -> Result<Vec<u8>, RebuildError> {
    let count_min = layout.shards_min();
    let mut indices: Vec<u16> = shards.iter().map(CheckedShard::index).collect();
    indices.sort_unstable();
    indices.dedup();
    if indices.len() < count_min || indices.len() < shards.len() {
        return Err(RebuildError::TooFew { count: indices.len(), count_min });
    }
    let mut ciphertext = Vec::with_capacity(layout.size);
    for segment in 0..layout.segments {
        let parts = shards.iter().take(count_min).map(|shard| &shard.parts[segment].0);
        let decoded = decode_segment(layout, segment, shards[0].roots[segment], parts);
        ciphertext.extend_from_slice(&decoded.ok_or(RebuildError::NotACodeword { segment })?);
    }
    Ok(ciphertext)
}

/// Checks a part of one segment.
pub(super) fn check_part(
    layout: &Layout,
    segment: usize,
    root: Digest,
    index: u16,
    bytes: &Bytes,
) -> Result<CheckedPart, CodingError> {
    let config = config(layout.validators);
    let part = Part::decode_cfg(bytes.clone(), &(config, layout.range(segment).len()));
    let part = part.map_err(|error| CodingError::Part { segment, error })?;
    Ok(Coding::check(&config, &to_consensus(root), index, &part, &Sequential)?)
}

/// The segment, if f+1 different checked parts of it are of a codeword of its size.
pub(super) fn decode_segment<'a>(
    layout: &Layout,
    segment: usize,
    root: Digest,
    parts: impl Iterator<Item = &'a CheckedPart>,
) -> Option<Vec<u8>> {
    let decoded = Coding::decode(&config(layout.validators), &to_consensus(root), parts, &Sequential).ok()?;
    (decoded.len() == layout.range(segment).len()).then_some(decoded)
}

/// The root of a body from those of its segments.
pub(super) fn combine(roots: impl ExactSizeIterator<Item = Digest>) -> Digest {
    let mut bytes = ROOT_DOMAIN.to_vec();
    let (count, mut last) = (roots.len(), Digest::ZERO);
    for root in roots {
        root.encode(&mut bytes);
        last = root;
    }
    // A header's size says how many segments there are, so no root of one is ever taken for one of several.
    if count == 1 { last } else { sha256(&[&bytes]) }
}

fn config(validators: ValidatorCount) -> Config {
    let minimum = validators.rebuild_min();
    let part = |count| NonZeroU16::new(count).expect("n is at least 4, so f+1 and n-f-1 are at least 1");
    Config { minimum_shards: part(minimum), extra_shards: part(validators.get() - minimum) }
}

const VERSION: u8 = 1;
const ROOT_SIZE: usize = 32;
const ROOT_DOMAIN: &[u8] = b"plinth/shard-root/1";

#[cfg(test)]
mod tests {
    use super::*;

    fn ciphertext(size: usize) -> Bytes {
        (0..size + TAG_SIZE).map(|at| (at * 31 % 251) as u8).collect()
    }

    #[test]
    fn any_f_plus_1_shards_rebuild_the_ciphertext() {
        for (count, sizes) in
            [(4, vec![0, 1, 64, 65, 1_000, (1 << 20) + 1]), (5, vec![999]), (7, vec![3 << 20]), (10, vec![4 << 20])]
        {
            let validators = ValidatorCount::new(count).unwrap();
            for size in sizes {
                let ciphertext = ciphertext(size);
                let (layout, encoded) = (Layout::new(size, validators).unwrap(), Encoded::new(&ciphertext, validators).unwrap());
                assert_eq!(layout.segments(), (size + TAG_SIZE).div_ceil(SEGMENT_SIZE_MAX));
                assert_eq!(Encoded::new(&ciphertext, validators).unwrap().root(), encoded.root(), "encoding is deterministic");
                let shards: Vec<_> = (0..count as u16)
                    .map(|index| {
                        let frame = encoded.shard(index).unwrap();
                        assert!(frame.len() <= layout.shard_size_max(), "{} of {}", frame.len(), layout.shard_size_max());
                        CheckedShard::check(&layout, encoded.root(), index, frame).unwrap()
                    })
                    .collect();
                let needed = layout.shards_min();
                for first in 0..=count - needed {
                    let some = &shards[first..first + needed];
                    assert_eq!(rebuild(&layout, some).unwrap(), ciphertext, "n {count} size {size} from {first}");
                    let too_few = RebuildError::TooFew { count: needed - 1, count_min: needed };
                    assert_eq!(rebuild(&layout, &some[1..]), Err(too_few), "f shards are not enough");
                }
                let twice = vec![shards[0].clone(); needed];
                assert!(matches!(rebuild(&layout, &twice), Err(RebuildError::TooFew { count: 1, .. })));
            }
        }
    }

    #[test]
    fn a_shard_holds_under_its_own_index_and_root_only() {
        let validators = ValidatorCount::new(4).unwrap();
        for size in [1_000, (1 << 20) + 1] {
            let layout = Layout::new(size, validators).unwrap();
            let encoded = Encoded::new(&ciphertext(size), validators).unwrap();
            let other = Encoded::new(&ciphertext(size).slice(1..), validators).unwrap();
            let check = |root, index, frame: Bytes| CheckedShard::check(&layout, root, index, frame).map(|_| ());
            let frame = encoded.shard(0).unwrap();
            assert!(check(encoded.root(), 0, frame.clone()).is_ok());
            assert!(matches!(check(encoded.root(), 1, frame.clone()), Err(CodingError::OtherIndex { index: 0, expected: 1 })));
            assert!(matches!(check(encoded.root(), 4, frame.clone()), Err(CodingError::Index { index: 4, count: 4 })));
            assert!(check(other.root(), 0, frame.clone()).is_err());
            // Another one's shard under this one's index.
            let mut relabelled = encoded.shard(1).unwrap().to_vec();
            relabelled[1] = 0;
            assert!(check(encoded.root(), 0, relabelled.into()).is_err());
            let oversized = vec![1; layout.shard_size_max() + 1];
            assert!(matches!(check(encoded.root(), 0, oversized.into()), Err(CodingError::ShardSize { .. })));
            for at in (0..frame.len()).step_by(997).chain(0..64) {
                let mut bent = frame.to_vec();
                bent[at] ^= 1;
                assert!(check(encoded.root(), 0, bent.into()).is_err(), "byte {at}");
            }
            assert!(check(encoded.root(), 0, frame.slice(..frame.len() - 1)).is_err());
        }
        assert!(matches!(Encoded::new(&ciphertext(BODY_SIZE_MAX + 1), validators), Err(CodingError::Size { .. })));
        assert_eq!(Layout::new(BODY_SIZE_MAX + 1, validators), None);
        let most = Layout::new(BODY_SIZE_MAX, validators).unwrap();
        assert!(most.shard_size_max() <= super::super::limits::SHARD_SIZE_MAX);
    }
}
