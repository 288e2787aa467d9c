//! `state`: random updates of one set of keys, each batch durable before the next, in the store that validators keep beside RocksDB and
//! beside a hexary trie on RocksDB.
//!
//! * All stores hold the same keys and take the same batches, on one disk, in turn: round by round. What counts is the median batch.
//! * The validators' store and the trie compute a root for every batch. RocksDB computes none: it is the floor of a store that proves nothing.
//! * **Durability is the same for all**: a batch counts when the kernel has synced all that is needed to have it again after a power
//!   failure: our store's log, one write-ahead log of RocksDB. Page cache of ours and block cache of theirs have the same number of bytes.
//! * Each may use both processors: ours hashes with threads, RocksDB flushes and compacts with its own, the trie reads and hashes its subtries
//!   side by side. `cpu_us_per_update` is what all threads of the process used during a store's turns: on a busy machine the fairer figure.
//! * RocksDB is Debian's library, loaded when it is there; without it its figures and the trie's are missing, and the output says so.
//! * The trie is the harness's own, made like those of Ethereum's nodes ([`trie`]).
//!
//! Known limitations: the sets fit in memory on any machine that runs this: what a disk costs a store that outgrows it is not measured.

mod ours;
mod peak;
mod rocks;
mod trie;
mod work;

pub(crate) use peak::{PeakArgs, peak_kib, run as peak};

use crate::cpu_time;
use crate::figures::{Figures, rounded};
use commonware_runtime::{Runner as _, tokio as runtime};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use work::Work;

/// What `state` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct StateArgs {
    /// Folder on the disk to be measured; a folder in it is made and removed
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    dir: PathBuf,
    /// Keys in each store
    #[arg(long, default_value_t = 300_000)]
    keys: u64,
    /// Updates of one batch
    #[arg(long, default_value_t = 10_000)]
    batch: u64,
    /// Batches of one round
    #[arg(long, default_value_t = 10)]
    batches: u64,
    /// Rounds, in each of which every store has its turn
    #[arg(long, default_value_t = 5)]
    rounds: u64,
}

/// What each batch took.
#[derive(Debug, Default)]
struct Times {
    seconds: Vec<f64>,
    /// CPU time of all batches.
    cpu: Duration,
}

impl Times {
    fn median(&self) -> f64 {
        let mut sorted = self.seconds.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// Microseconds of CPU time of one update.
    fn cpu_us(&self, batch: u64) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / (self.seconds.len() as f64 * batch as f64)
    }

    async fn measure<T, E>(&mut self, work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let (started, used) = (Instant::now(), cpu_time::process());
        let done = work.await?;
        self.seconds.push(started.elapsed().as_secs_f64());
        self.cpu += cpu_time::process() - used;
        Ok(done)
    }
}

/// Runs.
pub(crate) fn run(args: &StateArgs, figures: &mut Figures) -> Result<bool, Box<dyn Error>> {
    let scratch = Scratch(args.dir.join(format!("latency-tests-state-{}", std::process::id())));
    let config = runtime::Config::new().with_worker_threads(1).with_storage_directory(scratch.0.join("ours"));
    let runner = runtime::Runner::new(config);
    runner.start(|context| measure(context, args, &scratch.0, figures))
}

async fn measure(
    context: runtime::Context,
    args: &StateArgs,
    scratch: &Path,
    figures: &mut Figures,
) -> Result<bool, Box<dyn Error>> {
    let work = Work { keys: args.keys, batch: args.batch };
    let mut ours = ours::Ours::open(context, &work).await?;
    let open = |name: &str| rocks::Rocks::open(&scratch.join(name));
    let mut rocks = match open("rocksdb") {
        Ok(rocks) => Some((rocks, trie::Trie::new(open("trie")?))),
        Err(rocks::RocksError::Missing(error)) => {
            println!("skipped: librocksdb not installed ({error})");
            None
        }
        Err(error) => return Err(error.into()),
    };
    if let Some((rocks, trie)) = &mut rocks {
        for batch in work.fill() {
            rocks.write(&batch)?;
            trie.update(&batch)?;
        }
    }
    let (mut ours_times, mut root_times) = (Times::default(), Times::default());
    let (mut rocks_times, mut trie_times) = (Times::default(), Times::default());
    for round in 0..args.rounds {
        for number in round * args.batches..(round + 1) * args.batches {
            let batch = ours::writes(&work.updates(number));
            ours_times.measure(ours.update(&batch, &mut root_times)).await?;
        }
        if let Some((rocks, trie)) = &mut rocks {
            for number in round * args.batches..(round + 1) * args.batches {
                let batch = work.updates(number);
                rocks_times.measure(async { rocks.write(&batch) }).await?;
            }
            for number in round * args.batches..(round + 1) * args.batches {
                let batch = work.updates(number);
                trie_times.measure(async { trie.update(&batch) }).await?;
            }
        }
    }
    let per_s = |times: &Times| (args.batch as f64 / times.median()).round();
    figures.add("state.updates_per_s", per_s(&ours_times));
    figures.add("state.batch_p50_ms", rounded(ours_times.median() * 1e3));
    figures.add("state.root_p50_ms", rounded(root_times.median() * 1e3));
    figures.add("state.cpu_us_per_update", rounded(ours_times.cpu_us(args.batch)));
    if rocks.is_some() {
        figures.add("state.rocksdb_updates_per_s", per_s(&rocks_times));
        figures.add("state.rocksdb_batch_p50_ms", rounded(rocks_times.median() * 1e3));
        figures.add("state.rocksdb_cpu_us_per_update", rounded(rocks_times.cpu_us(args.batch)));
        figures.add("state.rocksdb_ratio", rounded(per_s(&ours_times) / per_s(&rocks_times)));
        figures.add("state.mpt_updates_per_s", per_s(&trie_times));
        figures.add("state.mpt_batch_p50_ms", rounded(trie_times.median() * 1e3));
        figures.add("state.mpt_cpu_us_per_update", rounded(trie_times.cpu_us(args.batch)));
        figures.add("state.mpt_ratio", rounded(per_s(&ours_times) / per_s(&trie_times)));
    }
    ours.proofs(&work, figures).await?;
    let same = match &rocks {
        Some((rocks, trie)) => ours.holds_what(|key| rocks.get(key)).await? && ours.holds_what(|key| trie.get(key)).await?,
        None => true,
    };
    figures.add("state.keys", args.keys);
    figures.add("state.batch", args.batch);
    Ok(same)
}

/// A folder that goes with this value.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // Of a run that failed before it made anything there is nothing to remove.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
