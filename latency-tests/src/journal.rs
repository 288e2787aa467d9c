//! `journal`: commands through ring, journal thread and disk and back, in wall time, since a disk is waited for.
//!
//! For each durability the sequencer's side appends as fast as the ring takes records, for a fixed time; what counts is records
//! durable per second, the last sync included. Then single records, one after the other: what a lone order waits for. Then the
//! journal is opened again, as a start would.

use crate::cpu_time;
use crate::figures::{Figures, histogram, rounded, write_hlog};
use hdrhistogram::Histogram;
use plinth_matching::journal::{Durability, Identity, Journal, JournalConfig, JournalError, JournalStatus};
use plinth_types::command::{Body, Command, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::id::{ChainId, InstrumentId, MandateId, OrderId, Seq, SessionId, TimestampNs, ZoneId};
use plinth_types::quantity::{Price, Qty};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A client's order id and sequence number, as the gateway journals them.
const TAIL: [u8; 24] = [b'x'; 24];
/// Appends between two looks at the clock.
const APPENDS_BETWEEN_LOOKS: u64 = 1_024;
const SINGLES: u64 = 500;

/// What `journal` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct JournalArgs {
    /// Folder on the disk to be measured; a folder in it is made and removed
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    dir: PathBuf,
    /// For how long records are appended, in each durability
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Write the latencies of single records here, as an HDR V2 log
    #[arg(long)]
    hlog: Option<PathBuf>,
}

/// Runs.
pub(crate) fn run(args: &JournalArgs, figures: &mut Figures) -> Result<bool, Box<dyn Error>> {
    let time = Duration::try_from_secs_f64(args.seconds)?;
    let mut singles = Vec::new();
    let started = Instant::now();
    for (durability, suffix) in [(Durability::Sync, ""), (Durability::Async, "_async")] {
        let scratch = Scratch(args.dir.join(format!("latency-tests-journal-{}{suffix}", std::process::id())));
        let measured = measure(&scratch.0, durability, time)?;
        figures.add(format!("journal.commands_per_s{suffix}"), measured.commands_per_s.round());
        figures.add(format!("journal.append_cpu_ns{suffix}"), rounded(measured.append_cpu_ns));
        figures.add(format!("journal.batch_commands_mean{suffix}"), rounded(measured.batch_commands_mean));
        figures.add(format!("journal.bytes_per_s{suffix}"), measured.bytes_per_s.round());
        figures.add(format!("journal.recovery_commands_per_s{suffix}"), measured.recovery_commands_per_s.round());
        figures.add_percentiles_us("journal.single_", suffix, &measured.single);
        singles.push((if suffix.is_empty() { "sync" } else { "async" }, measured.single));
    }
    figures.add("journal.file_system", file_system(&args.dir));
    if let Some(path) = &args.hlog {
        let spans: Vec<(&str, &Histogram<u64>)> = singles.iter().map(|(name, single)| (*name, single)).collect();
        write_hlog(path, &spans, started.elapsed())?;
    }
    Ok(true)
}

struct Measured {
    commands_per_s: f64,
    append_cpu_ns: f64,
    bytes_per_s: f64,
    batch_commands_mean: f64,
    recovery_commands_per_s: f64,
    /// From the append to the moment when its effects may leave the process.
    single: Histogram<u64>,
}

fn measure(path: &Path, durability: Durability, time: Duration) -> Result<Measured, JournalError> {
    let mut config = JournalConfig::new(path.to_path_buf(), Identity { chain: ChainId::new(1), zone: ZoneId::TRADING });
    config.durability = durability;
    let (end, _) = config.open(TimestampNs::new(0), |_, _| Ok::<(), JournalError>(()))?;
    let mut journal = Journal::start(&config, end)?;
    let status = journal.status().clone();

    let started = Instant::now();
    let cpu = cpu_time::thread();
    let mut seq = 0;
    while started.elapsed() < time {
        for _ in 0..APPENDS_BETWEEN_LOOKS {
            seq += 1;
            append(&mut journal, seq);
        }
    }
    let append_cpu = cpu_time::thread() - cpu;
    wait_until(&status, || status.durable().get() >= seq);
    let bulk_s = started.elapsed().as_secs_f64();
    let bulk_count = seq as f64;

    let mut single = histogram();
    for _ in 0..SINGLES {
        seq += 1;
        let started = Instant::now();
        append(&mut journal, seq);
        wait_until(&status, || status.acknowledgeable().get() >= seq);
        single.saturating_record(u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    wait_until(&status, || status.durable().get() >= seq);
    journal.shutdown()?;

    let started = Instant::now();
    let mut recovered = 0;
    let (_, report) = config.open(TimestampNs::new(0), |_, _| {
        recovered += 1;
        Ok::<(), JournalError>(())
    })?;
    let recovery_s = started.elapsed().as_secs_f64();
    assert_eq!(recovered, seq, "every durable record is recovered");
    Ok(Measured {
        commands_per_s: bulk_count / bulk_s,
        append_cpu_ns: append_cpu.as_secs_f64() * 1e9 / bulk_count,
        bytes_per_s: report.byte_count as f64 * (bulk_count / seq as f64) / bulk_s,
        batch_commands_mean: bulk_count / report.batch_count.saturating_sub(SINGLES).max(1) as f64,
        recovery_commands_per_s: seq as f64 / recovery_s,
        single,
    })
}

fn append(journal: &mut Journal, seq: u64) {
    let command = command(seq);
    while journal.append(&command, &TAIL).is_err() {
        assert!(journal.status().failure().is_none(), "the journal failed: {:?}", journal.status().failure());
        std::thread::yield_now();
    }
}

fn wait_until(status: &JournalStatus, done: impl Fn() -> bool) {
    while !done() {
        assert!(status.failure().is_none(), "the journal failed: {:?}", status.failure());
        std::thread::yield_now();
    }
}

fn command(seq: u64) -> Command {
    Command {
        seq: Seq::new(seq),
        time: TimestampNs::new(seq),
        session: SessionId::new(1),
        mandate: MandateId::new(1),
        body: Body::New(NewOrder {
            order: OrderId::new(SessionId::new(1), seq).expect("orders count from 1"),
            instrument: InstrumentId::new(0),
            side: Side::Buy,
            price: OrderPrice::Limit(Price::from_ticks(10_000).expect("in range")),
            qty: Qty::from_lots(1 + seq % 100).expect("at least one"),
            time_in_force: TimeInForce::GoodTillCancel,
            post_only: false,
            instructed: false,
        }),
        tail_size: TAIL.len() as u16,
    }
}

/// Type of the file system that holds `path`: a memory disk's figures are no disk's.
fn file_system(path: &Path) -> String {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
    let holding = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?))
    });
    let nearest = holding.filter(|(point, _)| path.starts_with(point)).max_by_key(|(point, _)| point.len());
    nearest.map_or("unknown", |(_, kind)| kind).to_owned()
}

/// A folder that goes with this value.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // Of a run that failed before it made anything there is nothing to remove.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
