//! `state`: random updates of one set of keys, each batch durable before the next, in the store that validators keep beside RocksDB and
//! beside two hexary tries on RocksDB.
//!
//! * All stores hold the same keys and take the same batches, on one disk, in turn: round by round. What counts is the median batch.
//! * The validators' store and the tries compute a root for every batch, the tries the same. RocksDB computes none: it is the floor of a store that proves nothing.
//! * **Durability is the same for all**: a batch counts when the kernel has synced all that is needed to have it again after a power
//!   failure: our store's log, one write-ahead log of RocksDB. Page cache of ours and block cache of theirs have the same number of bytes.
//! * Each may use both processors: ours hashes with threads, RocksDB flushes and compacts with its own. `cpu_us_per_update` is what all threads
//!   of the process used during a store's turns: on a busy machine the fairer figure.
//! * RocksDB is Debian's library, loaded when it is there; without it its figures and the tries' are missing, and the output says so.
//! * `mpt` is a published trie as it is ([`library_trie`]): nodes named by their hash, one thread. `mpt_by_path` is the harness's own and
//!   the harder opponent ([`trie`]): nodes overwritten under their path, as newer clients do, subtries read and hashed side by side.
//!
//! Known limitations: the sets fit in memory on any machine that runs this: what a disk costs a store that outgrows it is not measured.

mod library_trie;
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
    let mut opponents = match open("rocksdb") {
        Ok(rocks) => Some(Opponents {
            rocks,
            by_path: trie::Trie::new(open("trie-by-path")?),
            library: library_trie::LibraryTrie::new(open("trie")?),
        }),
        Err(rocks::RocksError::Missing(error)) => {
            println!("skipped: librocksdb not installed ({error})");
            None
        }
        Err(error) => return Err(error.into()),
    };
    if let Some(Opponents { rocks, by_path, library }) = &mut opponents {
        for batch in work.fill() {
            rocks.write(&batch)?;
            same_root(by_path.update(&batch)?, library.update(&batch)?)?;
        }
    }
    let (mut ours_times, mut root_times) = (Times::default(), Times::default());
    let (mut rocks_times, mut library_times, mut by_path_times) = (Times::default(), Times::default(), Times::default());
    for round in 0..args.rounds {
        let numbers = round * args.batches..(round + 1) * args.batches;
        for number in numbers.clone() {
            let batch = ours::writes(&work.updates(number));
            ours_times.measure(ours.update(&batch, &mut root_times)).await?;
        }
        if let Some(Opponents { rocks, by_path, library }) = &mut opponents {
            for number in numbers.clone() {
                let batch = work.updates(number);
                rocks_times.measure(async { rocks.write(&batch) }).await?;
            }
            let mut roots = Vec::new();
            for number in numbers.clone() {
                let batch = work.updates(number);
                roots.push(by_path_times.measure(async { by_path.update(&batch) }).await?);
            }
            for (number, root) in numbers.zip(roots) {
                let batch = work.updates(number);
                same_root(root, library_times.measure(async { library.update(&batch) }).await?)?;
            }
        }
    }
    let per_s = |times: &Times| (args.batch as f64 / times.median()).round();
    figures.add("state.updates_per_s", per_s(&ours_times));
    figures.add("state.batch_p50_ms", rounded(ours_times.median() * 1e3));
    figures.add("state.root_p50_ms", rounded(root_times.median() * 1e3));
    figures.add("state.cpu_us_per_update", rounded(ours_times.cpu_us(args.batch)));
    if opponents.is_some() {
        figures.add("state.rocksdb_updates_per_s", per_s(&rocks_times));
        figures.add("state.rocksdb_batch_p50_ms", rounded(rocks_times.median() * 1e3));
        figures.add("state.rocksdb_cpu_us_per_update", rounded(rocks_times.cpu_us(args.batch)));
        figures.add("state.rocksdb_ratio", rounded(per_s(&ours_times) / per_s(&rocks_times)));
        for (name, times) in [("mpt", &library_times), ("mpt_by_path", &by_path_times)] {
            figures.add(format!("state.{name}_updates_per_s"), per_s(times));
            figures.add(format!("state.{name}_batch_p50_ms"), rounded(times.median() * 1e3));
            figures.add(format!("state.{name}_cpu_us_per_update"), rounded(times.cpu_us(args.batch)));
            figures.add(format!("state.{name}_ratio"), rounded(per_s(&ours_times) / per_s(times)));
        }
    }
    ours.proofs(&work, figures).await?;
    let same = match &opponents {
        Some(Opponents { rocks, by_path, library }) => {
            ours.holds_what(|key| rocks.get(key)).await?
                && ours.holds_what(|key| by_path.get(key)).await?
                && ours.holds_what(|key| library.get(key)).await?
        }
        None => true,
    };
    figures.add("state.keys", args.keys);
    figures.add("state.batch", args.batch);
    Ok(same)
}

/// What our store is measured against.
struct Opponents {
    rocks: rocks::Rocks,
    by_path: trie::Trie,
    library: library_trie::LibraryTrie,
}

/// Two tries of one content have one root.
fn same_root(ours: trie::Hash, published: trie::Hash) -> Result<(), &'static str> {
    if ours == published { Ok(()) } else { Err("the tries' roots differ: one of them is wrong") }
}

/// A folder that goes with this value.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // Of a run that failed before it made anything there is nothing to remove.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
