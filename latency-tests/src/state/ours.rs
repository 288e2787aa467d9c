//! The store that validators keep, through the trait that they use.

use super::Times;
use super::rocks::RocksError;
use super::work::{Pair, Work, key};
use crate::figures::{Figures, rounded};
use commonware_runtime::{Supervisor as _, tokio::Context};
use plinth_settlement::store::{FactProof, Fork, Position, Proven, Qmdb, StoreConfig, StoreError, VerifiableState as _, Write};
use plinth_types::codec::Codec as _;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, TimestampNs};
use std::error::Error;
use std::num::NonZeroUsize;
use std::time::Instant;

/// Facts that are read back and proven.
const SAMPLE: u64 = 2_000;
/// Pages of cached storage: RocksDB's cache has as many bytes.
const PAGES: NonZeroUsize = NonZeroUsize::new((super::rocks::CACHE_SIZE / 4_096) as usize).expect("above zero");

pub(super) struct Ours {
    store: Qmdb<Context>,
    tip: Fork,
    height: u64,
}

pub(super) fn writes(batch: &[Pair]) -> Vec<Write> {
    batch.iter().map(|(key, value)| Write { key: key.clone(), value: Some(value.clone()) }).collect()
}

fn position(height: u64) -> Position {
    Position { height: Height::new(height), block: Digest([1; 32]), time: TimestampNs::new(height) }
}

impl Ours {
    pub(super) async fn open(context: Context, work: &Work) -> Result<Self, StoreError> {
        let config = StoreConfig { pages: PAGES, ..StoreConfig::new("state") };
        let store = Qmdb::open(context.child("store"), &config, position(0), &[]).await?;
        let (_, tip) = store.live().await?;
        let mut ours = Self { store, tip, height: 0 };
        for batch in work.fill() {
            ours.update(&writes(&batch), &mut Times::default()).await?;
        }
        Ok(ours)
    }

    /// One block: its root, and then its state made durable.
    pub(super) async fn update(&mut self, batch: &[Write], root_times: &mut Times) -> Result<(), StoreError> {
        self.height += 1;
        let fork = root_times.measure(self.store.fork(&self.tip, batch, position(self.height))).await?;
        self.store.apply(fork.clone()).await?;
        self.tip = fork;
        Ok(())
    }

    /// Sizes of proofs, and what it takes to make, verify and read.
    pub(super) async fn proofs(&self, work: &Work, figures: &mut Figures) -> Result<(), Box<dyn Error>> {
        for (name, first) in [("presence", 0), ("absence", work.keys)] {
            let keys: Vec<_> = (first..first + SAMPLE).map(key).collect();
            let mut proofs = Vec::new();
            let started = Instant::now();
            for key in &keys {
                proofs.push(self.store.prove(key).await?);
            }
            let prove_us = started.elapsed().as_secs_f64() * 1e6 / SAMPLE as f64;
            let encoded: Vec<_> = proofs.iter().map(|(_, proof)| proof.to_bytes()).collect();
            let root = self.tip.root();
            let started = Instant::now();
            for (key, bytes) in keys.iter().zip(&encoded) {
                let proven = FactProof::decode(bytes)?.verify(key, root)?;
                if (proven == Proven::Absent) != (name == "absence") {
                    return Err(format!("a proof of {name} shows {proven:?}").into());
                }
            }
            let verify_us = started.elapsed().as_secs_f64() * 1e6 / SAMPLE as f64;
            let size = encoded.iter().map(Vec::len).sum::<usize>() as f64 / SAMPLE as f64;
            figures.add(format!("state.{name}_proof_bytes"), size.round());
            figures.add(format!("state.{name}_prove_us"), rounded(prove_us));
            figures.add(format!("state.{name}_verify_us"), rounded(verify_us));
        }
        Ok(())
    }

    /// Whether both stores hold the same values of some keys behind all batches.
    pub(super) async fn holds_what(
        &self,
        other: impl Fn(&[u8]) -> Result<Option<Vec<u8>>, RocksError>,
    ) -> Result<bool, Box<dyn Error>> {
        for index in 0..SAMPLE {
            let key = key(index);
            if self.store.get(&key).await?.as_deref() != other(&key)?.as_deref() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
