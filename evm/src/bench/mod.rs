//! The parallel executor against plain revm, in one run.
//!
//! For each workload a block is executed several times by: plain revm with a bundle (`transact_commit`, what a node without a parallel executor
//! does), and this crate's executor with one and with more workers. The best time of each counts, on the wall and in processor time of the
//! whole process. Every result is compared with the serial one before a figure is printed.
//!
//! `speedup` is serial wall over parallel wall; `overhead1` is this crate's executor with one worker over serial, in processor time. Recovery of
//! signatures, prediction and scheduling are measured apart, and said so. Figures of a busy machine are worth little: look at `load_1m`.

mod root;
mod workloads;

use crate::execution::parallel::{Pool, PoolError, account_key, execute};
use crate::execution::serial;
use crate::machine::TxEnv;
use crate::schedule::{Effort, Framing, Prediction, Predictor, releases};
use crate::transaction::Transaction;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use workloads::Workload;

/// What to measure.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Transactions of each block.
    #[arg(long, default_value_t = 10_000)]
    pub transactions: usize,
    /// Repetitions; the best counts.
    #[arg(long, default_value_t = 7)]
    pub repeat: usize,
    /// Numbers of workers beside one.
    #[arg(long, value_delimiter = ',', default_value = "2")]
    pub workers: Vec<usize>,
    /// Accounts, and slots of one contract, under the state root that is measured.
    #[arg(long, default_value_t = 100_000)]
    pub accounts: usize,
    /// Transactions whose signatures are recovered to measure that.
    #[arg(long, default_value_t = 500)]
    pub signatures: usize,
}

/// The benchmark failed.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The workers.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// A parallel result differs: no figure is worth anything.
    #[error("{workload}: the result with {workers} workers differs from the serial one")]
    Differs {
        /// Which.
        workload: &'static str,
        /// With how many.
        workers: usize,
    },
    /// A transaction did not succeed: the workload is not what it says.
    #[error("{workload}: transaction {index} does not succeed")]
    Fails {
        /// Which.
        workload: &'static str,
        /// Its place.
        index: usize,
    },
}

/// Best times.
#[derive(Clone, Copy, Debug)]
struct Best {
    wall: Duration,
    cpu: Duration,
}

impl Best {
    const NONE: Self = Self { wall: Duration::MAX, cpu: Duration::MAX };

    fn measure<T>(&mut self, task: impl FnOnce() -> T) -> T {
        let (wall, cpu) = (Instant::now(), process_cpu());
        let done = task();
        self.wall = self.wall.min(wall.elapsed());
        self.cpu = self.cpu.min(process_cpu().saturating_sub(cpu));
        done
    }
}

/// Processor time of all threads of this process.
fn process_cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// Measures every workload.
pub fn run(options: &Options) -> Result<String, BenchError> {
    let mut results = serde_json::Map::new();
    for workload in workloads::all(options.transactions) {
        results.insert(workload.name.into(), measure(&workload, options)?);
    }
    let load = std::fs::read_to_string("/proc/loadavg").ok().and_then(|text| text.split(' ').next().map(str::to_owned));
    let report = json!({
        "benchmark": "evm",
        "revm": "43.0.3",
        "transactions": options.transactions,
        "repeat": options.repeat,
        "processors": std::thread::available_parallelism().map_or(0, usize::from),
        "load_1m": load,
        "state_root_apart": root::measure(options.accounts, options.repeat, options.workers.first().copied().unwrap_or(1))?,
        "signatures_recovered_apart": recovery(options.signatures)?,
        "pevm_speedup2_for_comparison": {
            "what": "the published design of pevm at two threads against its own sequential run, another run on two free cores of a like machine",
            "transfers": 0.96, "erc20": "1.15 to 1.20", "swaps_many_pools": 1.81, "swaps_one_pool": 0.85,
        },
        "workloads": results,
    });
    Ok(format!("{report:#}"))
}

fn measure(workload: &Workload, options: &Options) -> Result<Value, BenchError> {
    let transactions: Vec<&TxEnv> = workload.transactions.iter().collect();
    let (state, plan) = (&workload.state, &workload.plan);

    // As at admission: the first of a kind are run to learn, the rest are remembered.
    let predictor = Predictor::default();
    let mut predicting = Best::NONE;
    for tx in transactions.iter().take(64) {
        predictor.predict(tx, state, &plan.context, Effort::Run);
    }
    let predictions: Vec<Prediction> =
        predicting.measure(|| transactions.iter().map(|tx| predictor.predict(tx, state, &plan.context, Effort::Run)).collect());
    let unknown = predictions.iter().filter(|prediction| **prediction == Prediction::Unknown).count();
    let predictions: Vec<&Prediction> = predictions.iter().collect();
    let mut scheduling = Best::NONE;
    let (mut order, mut release) = Default::default();
    for _ in 0..options.repeat {
        (order, release) = scheduling.measure(|| {
            let order = Framing::default().order(&predictions);
            let ordered: Vec<&Prediction> = order.indices.iter().map(|index| predictions[*index]).collect();
            let release = releases(&ordered, account_key(&plan.context.env.beneficiary));
            (order, release)
        });
    }
    let ordered: Vec<&TxEnv> = order.indices.iter().map(|index| transactions[*index]).collect();

    let mut serial_best = Best::NONE;
    let mut oracle = serial::execute(state, plan, &ordered);
    if let Some(index) = oracle.transactions.iter().position(|result| !result.as_ref().is_ok_and(|result| result.is_success())) {
        return Err(BenchError::Fails { workload: workload.name, index });
    }
    oracle.changes.normalise(state);
    let mut lanes = Vec::new();
    for workers in std::iter::once(1).chain(options.workers.iter().copied()) {
        lanes.push((workers, Pool::new(workers)?, Best::NONE, Default::default()));
    }
    // Interleaved, so that a busy minute hurts all alike.
    for _ in 0..options.repeat {
        drop(serial_best.measure(|| serial::execute(state, plan, &ordered)));
        for (workers, pool, best, stats) in &mut lanes {
            let (mut result, lane_stats) = best.measure(|| execute(state, plan, &ordered, &release, pool));
            result.changes.normalise(state);
            if result != oracle {
                return Err(BenchError::Differs { workload: workload.name, workers: *workers });
            }
            *stats = lane_stats;
        }
    }
    let count = transactions.len() as f64;
    let one = lanes[0].2;
    let lanes: serde_json::Map<String, Value> = lanes
        .iter()
        .map(|(workers, _, best, stats)| {
            let figures = json!({
                "wall_ms": ms(best.wall), "cpu_ms": ms(best.cpu),
                "tx_per_s": (count / best.wall.as_secs_f64()).round(),
                "speedup": ratio(serial_best.wall, best.wall),
                "speedup_against_one_worker": ratio(one.wall, best.wall),
                "cpu_overhead": ratio(best.cpu, serial_best.cpu),
                "repeated": stats.repeated.len(), "plain_transfers": stats.transfers,
            });
            (format!("workers_{workers}"), figures)
        })
        .collect();
    Ok(json!({
        "serial_revm_with_bundle": { "wall_ms": ms(serial_best.wall), "cpu_ms": ms(serial_best.cpu), "tx_per_s": (count / serial_best.wall.as_secs_f64()).round() },
        "overhead1": ratio(one.cpu, serial_best.cpu),
        "parallel": lanes,
        "critical_path": critical_path(&predictions_in(&order.indices, &predictions)),
        "frames": order.frames.len(),
        "frame_mean": count / order.frames.len().max(1) as f64,
        "unknown": unknown,
        "predict_ns_per_tx_apart": (predicting.cpu.as_nanos() as f64 / count).round(),
        "schedule_ns_per_tx_apart": (scheduling.cpu.as_nanos() as f64 / count).round(),
        "schedule_mtx_per_cpu_s": (count / scheduling.cpu.as_secs_f64() / 1e4).round() / 100.0,
    }))
}

fn predictions_in<'a>(indices: &[usize], predictions: &[&'a Prediction]) -> Vec<&'a Prediction> {
    indices.iter().map(|index| predictions[*index]).collect()
}

/// The longest chain of transactions each of which must wait for the one before, by their access sets.
fn critical_path(predictions: &[&Prediction]) -> u32 {
    let mut depth: rustc_hash::FxHashMap<u64, u32> = rustc_hash::FxHashMap::default();
    let mut longest = 0;
    for prediction in predictions {
        let Prediction::Known(set) = prediction else { continue };
        let waits = set.reads.iter().chain(&set.writes).filter_map(|key| depth.get(key)).max().copied().unwrap_or_default();
        for key in set.writes.iter().chain(&set.sums) {
            let entry = depth.entry(*key).or_default();
            *entry = (*entry).max(waits + 1);
        }
        longest = longest.max(waits + 1);
    }
    longest
}

fn recovery(count: usize) -> Result<Value, PoolError> {
    let encoded = workloads::signed(count);
    let mut best = Best::NONE;
    let pool = Pool::new(1)?;
    for _ in 0..3 {
        best.measure(|| drop(Transaction::recover_all(encoded.clone(), &pool)));
    }
    Ok(json!({ "signatures": count, "cpu_us_each": best.cpu.as_micros() as f64 / count.max(1) as f64 }))
}

fn ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

fn ratio(one: Duration, other: Duration) -> f64 {
    (one.as_secs_f64() / other.as_secs_f64().max(1e-9) * 100.0).round() / 100.0
}
