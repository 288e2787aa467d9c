//! A body as shards: any f+1 of n rebuild it, and one root commits to all of them.
//!
//! `commonware-coding` Reed-Solomon over SHA-256 with f+1 original and n−f−1 recovery shards. Decoding encodes again and compares the
//! root, so whoever rebuilds gets the same bytes or the same refusal, whatever shards it had.

use crate::committee::ValidatorCount;
use crate::digest::{from_consensus, to_consensus};
use commonware_codec::{Decode as _, Encode as _};
use commonware_coding::{Config, ReedSolomon, ReedSolomonError, Scheme};
use commonware_cryptography::Sha256;
use commonware_parallel::Sequential;
use core::num::NonZeroU16;
use plinth_types::digest::Digest;
use plinth_types::limits::BODY_SIZE_MAX;

type Coding = ReedSolomon<Sha256>;

/// One validator's part of a body, with its path to the root.
pub type Shard = <Coding as Scheme>::Shard;
/// A shard that lies under the root it was checked against.
pub type CheckedShard = <Coding as Scheme>::CheckedShard;

/// Why a body has no shards, or shards no body.
#[derive(Debug, thiserror::Error)]
pub enum CodingError {
    /// Larger than any body.
    #[error("a body of {size} bytes, at most {BODY_SIZE_MAX} are allowed")]
    Size {
        /// Bytes received.
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
    /// Bytes that are no shard.
    #[error("malformed shard: {0}")]
    Malformed(commonware_codec::Error),
    /// The shard is not under the root, or shards do not rebuild what the root commits to.
    #[error(transparent)]
    Coding(#[from] ReedSolomonError),
}

/// The root that commits to the shards of `body`.
///
/// # Errors
///
/// [`CodingError::Size`].
pub fn shard_root(body: &[u8], validators: ValidatorCount) -> Result<Digest, CodingError> {
    encode(body, validators).map(|(root, _)| root)
}

/// The root and the shards, one for each validator in ascending order of keys.
///
/// # Errors
///
/// [`CodingError::Size`].
pub fn encode(body: &[u8], validators: ValidatorCount) -> Result<(Digest, Vec<Shard>), CodingError> {
    if body.len() > BODY_SIZE_MAX {
        return Err(CodingError::Size { size: body.len() });
    }
    let (root, shards) = Coding::encode(&config(validators), body, &Sequential)?;
    Ok((from_consensus(root), shards))
}

/// Checks that a shard is the `index`-th under `root`.
///
/// # Errors
///
/// [`CodingError::Index`], [`CodingError::Coding`].
pub fn check_shard(root: Digest, index: u16, shard: &Shard, validators: ValidatorCount) -> Result<CheckedShard, CodingError> {
    if index >= validators.get() {
        return Err(CodingError::Index { index, count: validators.get() });
    }
    Ok(Coding::check(&config(validators), &to_consensus(root), index, shard, &Sequential)?)
}

/// Rebuilds the body from f+1 or more checked shards.
///
/// # Errors
///
/// [`CodingError::Coding`]: too few shards, or the root is no root of a body.
pub fn decode(root: Digest, shards: &[CheckedShard], validators: ValidatorCount) -> Result<Vec<u8>, CodingError> {
    let body = Coding::decode(&config(validators), &to_consensus(root), shards.iter(), &Sequential)?;
    if body.len() > BODY_SIZE_MAX {
        return Err(CodingError::Size { size: body.len() });
    }
    Ok(body)
}

/// A shard's bytes, for the wire.
#[must_use]
pub fn write_shard(shard: &Shard) -> Vec<u8> {
    shard.encode().to_vec()
}

/// Reads a shard's bytes; its size is bounded by the largest body before anything is copied.
///
/// # Errors
///
/// [`CodingError::Malformed`].
pub fn read_shard(bytes: Vec<u8>, validators: ValidatorCount) -> Result<Shard, CodingError> {
    Shard::decode_cfg(bytes, &(config(validators), BODY_SIZE_MAX)).map_err(CodingError::Malformed)
}

fn config(validators: ValidatorCount) -> Config {
    let minimum = validators.faults_max() + 1;
    let part = |count| NonZeroU16::new(count).expect("n is at least 4, so f+1 and n-f-1 are at least 1");
    Config { minimum_shards: part(minimum), extra_shards: part(validators.get() - minimum) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_f_plus_1_shards_rebuild_the_body() {
        for count in [4, 5, 7, 10] {
            let validators = ValidatorCount::new(count).unwrap();
            for size in [0, 1, 64, 65, 1_000, 100_001] {
                let body: Vec<u8> = (0..size).map(|at| (at * 31 % 251) as u8).collect();
                let (root, shards) = encode(&body, validators).unwrap();
                assert_eq!(shard_root(&body, validators).unwrap(), root, "encoding is deterministic");
                let needed = usize::from(validators.faults_max()) + 1;
                for first in 0..=count - needed {
                    let checked: Vec<_> = (first..first + needed)
                        .map(|index| {
                            let shard = read_shard(write_shard(&shards[index]), validators).unwrap();
                            check_shard(root, index as u16, &shard, validators).unwrap()
                        })
                        .collect();
                    assert_eq!(decode(root, &checked, validators).unwrap(), body, "n {count} size {size} from {first}");
                    assert!(decode(root, &checked[1..], validators).is_err(), "f shards are not enough");
                }
            }
        }
    }

    #[test]
    fn a_shard_holds_under_its_own_index_and_root_only() {
        let validators = ValidatorCount::new(4).unwrap();
        let (root, shards) = encode(b"a body", validators).unwrap();
        let (other, _) = encode(b"a bodx", validators).unwrap();
        assert!(check_shard(root, 1, &shards[0], validators).is_err());
        assert!(check_shard(other, 0, &shards[0], validators).is_err());
        assert!(matches!(check_shard(root, 4, &shards[0], validators), Err(CodingError::Index { index: 4, count: 4 })));
        assert!(matches!(encode(&vec![0; BODY_SIZE_MAX + 1], validators), Err(CodingError::Size { .. })));
        assert!(read_shard(vec![0xff; 64], validators).is_err());
    }
}
