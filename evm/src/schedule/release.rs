//! The release graph, folded into one number for each transaction.
//!
//! Commits are in block order, so "all transactions that I depend on are committed" is "the last of them is": no edges are kept.

use super::Prediction;
use rustc_hash::FxHashMap;

/// When a transaction may start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Release {
    /// Transactions of the block that must be committed before.
    pub after: u32,
}

/// How far an unknown transaction may run ahead of the commits: far enough to keep workers busy, near enough that what it reads is mostly final.
const UNKNOWN_AHEAD: u32 = 8;

/// Releases for transactions in block order. `beneficiary` is the key of the account that all of them pay.
pub fn releases(predictions: &[&Prediction], beneficiary: u64) -> Vec<Release> {
    let mut last_write: FxHashMap<u64, u32> = FxHashMap::default();
    last_write.reserve(predictions.len() * 2);
    let mut releases = Vec::with_capacity(predictions.len());
    for (index, prediction) in predictions.iter().enumerate() {
        let index = index as u32;
        let Prediction::Known(set) = prediction else {
            releases.push(Release { after: index.saturating_sub(UNKNOWN_AHEAD) });
            continue;
        };
        let mut after = 0;
        for key in set.reads.iter().chain(&set.writes) {
            after = after.max(if *key == beneficiary { index } else { last_write.get(key).copied().unwrap_or(0) });
        }
        for key in set.writes.iter().chain(&set.sums) {
            last_write.insert(*key, index + 1);
        }
        releases.push(Release { after });
    }
    releases
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::AccessSet;

    fn known(reads: &[u64], writes: &[u64], sums: &[u64]) -> Prediction {
        Prediction::Known(AccessSet { reads: reads.to_vec(), writes: writes.to_vec(), sums: sums.to_vec() })
    }

    fn after(predictions: &[Prediction]) -> Vec<u32> {
        releases(&predictions.iter().collect::<Vec<_>>(), 99).into_iter().map(|release| release.after).collect()
    }

    #[test]
    fn readers_and_writers_wait_for_the_last_writer_alone() {
        let block = [
            known(&[], &[1], &[]),
            known(&[1], &[2], &[]),
            known(&[1], &[3], &[]),
            known(&[2, 1], &[1], &[]),
            known(&[7], &[1], &[]),
        ];
        assert_eq!(after(&block), [0, 1, 1, 2, 4]);
    }

    #[test]
    fn sums_wait_for_nobody_but_their_readers_wait_for_them() {
        let block =
            [known(&[], &[1], &[5]), known(&[], &[2], &[5]), known(&[], &[5], &[]), known(&[], &[3], &[5]), known(&[5], &[4], &[])];
        assert_eq!(after(&block), [0, 0, 2, 0, 4]);
    }

    #[test]
    fn who_reads_the_beneficiary_waits_for_all() {
        let block = [known(&[], &[1], &[]), known(&[], &[2], &[]), known(&[99], &[3], &[]), known(&[], &[4], &[])];
        assert_eq!(after(&block), [0, 0, 2, 0]);
    }

    #[test]
    fn an_unknown_transaction_keeps_near_the_commits() {
        let block: Vec<Prediction> = (0..12).map(|_| Prediction::Unknown).collect();
        assert_eq!(after(&block)[7..], [0, 0, 1, 2, 3]);
    }
}
