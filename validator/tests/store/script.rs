//! A fixed script of blocks over few keys, so that facts are made, changed and removed; and a model of what it leaves.

use bytes::Bytes;
use commonware_runtime::deterministic::Context;
use plinth_settlement::digest::sha256;
use plinth_settlement::store::{Fork, Live, Position, Qmdb, StoreConfig, StoreRuntime, VerifiableState as _, Write};
use plinth_types::digest::Digest;
use plinth_types::id::{Height, TimestampNs};
use std::collections::BTreeMap;
use std::num::NonZeroU64;

/// How many different facts the script writes.
pub(crate) const FACTS: u64 = 90;

pub(crate) type Store = Qmdb<Context>;

/// Small files, so that a script of a few blocks has many.
pub(crate) fn config(partition: &str) -> StoreConfig {
    StoreConfig { items_per_file: NonZeroU64::new(53).unwrap(), ..StoreConfig::new(partition) }
}

/// The block at a height; branches differ.
pub(crate) fn position(height: u64, branch: u8) -> Position {
    Position {
        height: Height::new(height),
        block: sha256(&[&height.to_le_bytes(), &[branch]]),
        time: TimestampNs::new(height * 1_000 + u64::from(branch)),
    }
}

pub(crate) fn key(fact: u64) -> Bytes {
    format!("fact/{fact}").into_bytes().into()
}

/// What the block at a height writes: from a hash of height and branch.
pub(crate) fn writes(height: u64, branch: u8) -> Vec<Write> {
    let count = 1 + height * 7 % 19;
    let write = |index: u64| {
        let seed = sha256(&[b"script", &height.to_le_bytes(), &[branch], &index.to_le_bytes()]).0;
        let fact = u64::from_le_bytes(seed[..8].try_into().unwrap()) % FACTS;
        let removed = seed[8].is_multiple_of(4);
        let value = Bytes::copy_from_slice(&seed[..usize::from(seed[9] % 33)]);
        Write { key: key(fact), value: (!removed).then_some(value) }
    };
    (0..count).map(write).collect()
}

/// The facts behind a height of branch 0.
pub(crate) fn model(height: u64) -> BTreeMap<Bytes, Bytes> {
    let mut facts = BTreeMap::new();
    for height in 0..=height {
        for Write { key, value } in writes(height, 0) {
            match value {
                Some(value) => facts.insert(key, value),
                None => facts.remove(&key),
            };
        }
    }
    facts
}

/// Opens the store at whatever it holds, at least genesis.
pub(crate) async fn open<E: StoreRuntime>(context: &E, partition: &str) -> Qmdb<E> {
    Qmdb::open(context.child("store"), &config(partition), position(0, 0), &writes(0, 0)).await.unwrap()
}

/// Applies the blocks behind the live one, up to `height`.
pub(crate) async fn advance<E: StoreRuntime>(store: &Qmdb<E>, height: u64) -> Live {
    loop {
        let (live, tip) = store.live().await.unwrap();
        let next = live.position.height.get() + 1;
        if next > height {
            return live;
        }
        let fork = fork(store, &tip, next, 0).await;
        store.apply(fork).await.unwrap();
    }
}

pub(crate) async fn fork<E: StoreRuntime>(store: &Qmdb<E>, parent: &Fork, height: u64, branch: u8) -> Fork {
    store.fork(parent, &writes(height, branch), position(height, branch)).await.unwrap()
}

/// The roots behind heights 0 to `height`, of a store that never forked or crashed.
pub(crate) async fn straight_roots(context: &Context, height: u64) -> Vec<Digest> {
    let store = open(context, "straight").await;
    let mut roots = Vec::new();
    for height in 0..=height {
        roots.push(advance(&store, height).await.root);
    }
    roots
}
