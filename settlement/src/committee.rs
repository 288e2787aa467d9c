//! The validators, and what follows from their number.

use crate::limits::{VALIDATORS_MAX, VALIDATORS_MIN};
use plinth_types::id::PublicKey;

/// How many validators there are: [`VALIDATORS_MIN`] to [`VALIDATORS_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ValidatorCount(u16);

impl ValidatorCount {
    /// `None` outside the bounds.
    #[must_use]
    pub const fn new(count: usize) -> Option<Self> {
        if count < VALIDATORS_MIN || count > VALIDATORS_MAX { None } else { Some(Self(count as u16)) }
    }

    /// n.
    #[must_use]
    pub const fn get(self) -> u16 {
        self.0
    }

    /// f: the most validators that may be Byzantine, the largest with n ≥ 3f + 1.
    #[must_use]
    pub const fn faults_max(self) -> u16 {
        (self.0 - 1) / 3
    }

    /// f + 1: so many shards rebuild a body, and so many validators have an honest one among them.
    #[must_use]
    pub const fn rebuild_min(self) -> u16 {
        self.faults_max() + 1
    }

    /// 2f + 1: so many receipts have f + 1 honest ones among them.
    #[must_use]
    pub const fn receipts_min(self) -> u16 {
        2 * self.faults_max() + 1
    }
}

/// The validators' keys, ascending and distinct.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committee {
    keys: Vec<PublicKey>,
    count: ValidatorCount,
}

impl Committee {
    /// Sorts the keys; `None` if one occurs twice or there are too few or too many.
    #[must_use]
    pub fn new(mut keys: Vec<PublicKey>) -> Option<Self> {
        keys.sort_unstable();
        let distinct = keys.windows(2).all(|pair| pair[0] < pair[1]);
        let count = ValidatorCount::new(keys.len())?;
        distinct.then_some(Self { keys, count })
    }

    /// The keys, ascending.
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// How many.
    #[must_use]
    pub const fn count(&self) -> ValidatorCount {
        self.count
    }

    /// The validator's place, which is its shard's index.
    #[must_use]
    pub fn index_of(&self, key: &PublicKey) -> Option<u16> {
        let index = self.keys.binary_search(key).ok()?;
        Some(u16::try_from(index).expect("a committee has a bound"))
    }

    /// Whether this is a validator's key.
    #[must_use]
    pub fn contains(&self, key: &PublicKey) -> bool {
        self.keys.binary_search(key).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f_is_the_largest_that_n_tolerates() {
        for count in VALIDATORS_MIN..=VALIDATORS_MAX {
            let count = ValidatorCount::new(count).unwrap();
            let (n, f) = (count.get(), count.faults_max());
            assert!(n > 3 * f && n <= 3 * (f + 1), "n {n} f {f}");
            assert!(count.receipts_min() <= n - f, "honest validators alone reach the quorum");
        }
        assert_eq!(ValidatorCount::new(VALIDATORS_MIN - 1), None);
        assert_eq!(ValidatorCount::new(VALIDATORS_MAX + 1), None);
    }

    #[test]
    fn a_validator_counts_once() {
        let key = |byte| PublicKey([byte; 32]);
        assert!(Committee::new((1..=4).rev().map(key).collect()).is_some_and(|committee| committee.contains(&key(3))));
        assert_eq!(Committee::new(vec![key(1), key(2), key(3), key(1)]), None);
    }
}
