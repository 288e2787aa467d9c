//! The keys, and the batches that update them: the same for every store, from their numbers alone.

use bytes::Bytes;

/// Keys of one batch while a store is filled.
const FILL_BATCH: u64 = 10_000;

/// A key and its new value.
pub(super) type Pair = (Bytes, Bytes);

/// How many keys, and how many a batch updates.
#[derive(Clone, Copy, Debug)]
pub(super) struct Work {
    pub(super) keys: u64,
    pub(super) batch: u64,
}

impl Work {
    /// Every key once.
    pub(super) fn fill(self) -> impl Iterator<Item = Vec<Pair>> {
        let starts = (0..self.keys).step_by(FILL_BATCH as usize);
        starts.map(move |start| {
            (start..(start + FILL_BATCH).min(self.keys)).map(|index| (key(index), value(index, u64::MAX))).collect()
        })
    }

    /// Random keys of the set.
    pub(super) fn updates(self, number: u64) -> Vec<Pair> {
        let index = |update: u64| mixed(number.wrapping_mul(self.batch).wrapping_add(update)) % self.keys;
        (0..self.batch).map(|update| (key(index(update)), value(index(update), number))).collect()
    }
}

/// 32 bytes, as evenly spread as hashes are.
pub(super) fn key(index: u64) -> Bytes {
    spread(index)
}

fn value(index: u64, batch: u64) -> Bytes {
    spread(mixed(index) ^ mixed(batch.wrapping_add(1)))
}

fn spread(seed: u64) -> Bytes {
    let words = (0..4).map(|word| mixed(seed.wrapping_mul(4).wrapping_add(word)).to_le_bytes());
    words.flatten().collect::<Vec<u8>>().into()
}

/// SplitMix64.
pub(super) const fn mixed(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
