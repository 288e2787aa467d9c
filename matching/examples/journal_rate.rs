//! Commands per second through ring, journal thread and disk, and back: records of a 64-byte head and a 24-byte tail.
//!
//! `cargo run --release -p plinth-matching --example journal_rate -- DIR [RECORDS] [sync|async]`
//!
//! DIR should be on the disk to be measured; a directory in it is made and removed. Wall-clock time, from the first record handed
//! over to the last one durable.

use plinth_matching::journal::{Durability, Identity, Journal, JournalConfig, JournalError};
use plinth_types::command::{Body, Command, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::id::{ChainId, InstrumentId, MandateId, OrderId, Seq, SessionId, TimestampNs, ZoneId};
use plinth_types::quantity::{Price, Qty};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Records written one by one, to see what one sync takes.
const LONE_RECORDS: u64 = 1_000;

/// How long the sequencer waits when the ring is full.
const FULL_PAUSE: Duration = Duration::from_micros(100);

fn main() {
    let mut args = std::env::args().skip(1);
    let dir = PathBuf::from(args.next().expect("usage: journal_rate DIR [RECORDS] [sync|async]"));
    let records = args.next().map_or(4_000_000, |records| records.parse().expect("RECORDS is a number"));
    let durability = match args.next().as_deref() {
        None | Some("sync") => Durability::Sync,
        Some("async") => Durability::Async,
        Some(other) => panic!("durability {other} is neither sync nor async"),
    };
    let path = dir.join(format!("journal-rate-{}", std::process::id()));
    let mut config = JournalConfig::new(path.clone(), Identity { chain: ChainId::new(1), zone: ZoneId::TRADING });
    config.durability = durability;

    let journal_cpu = Arc::new(AtomicU64::new(0));
    config.on_publish = Some(Arc::new({
        let journal_cpu = Arc::clone(&journal_cpu);
        move || journal_cpu.store(thread_cpu_ns(), Ordering::Relaxed)
    }));

    let (end, _) = config.open(TimestampNs::new(0), |_, _| Ok::<(), JournalError>(())).expect("the journal opens");
    let mut journal = Journal::start(&config, end).expect("the journal starts");
    let status = journal.status().clone();
    let start = Instant::now();
    let cpu = thread_cpu_ns();
    let tail = [b'x'; 24];
    for seq in 1..=records {
        let command = command(seq);
        while journal.append(&command, &tail).is_err() {
            assert!(status.failure().is_none(), "{:?}", status.failure());
            // To spin would take the core from the journal's thread on a small machine.
            std::thread::sleep(FULL_PAUSE);
        }
    }
    let cpu = thread_cpu_ns() - cpu;
    while status.durable().get() < records {
        assert!(status.failure().is_none(), "{:?}", status.failure());
        std::thread::sleep(FULL_PAUSE);
    }
    let journal_cpu = journal_cpu.load(Ordering::Relaxed);
    let seconds = start.elapsed().as_secs_f64();

    let mut lone_us = Vec::new();
    for seq in records + 1..=records + LONE_RECORDS {
        let start = Instant::now();
        journal.append(&command(seq), &tail).expect("the ring is empty");
        while status.durable().get() < seq {
            std::thread::yield_now();
        }
        lone_us.push(start.elapsed().as_secs_f64() * 1e6);
    }
    lone_us.sort_by(f64::total_cmp);
    journal.shutdown().expect("the journal stops");

    let start = Instant::now();
    let mut count = 0_u64;
    let opened = config.open(TimestampNs::new(0), |_, _| {
        count += 1;
        Ok::<(), JournalError>(())
    });
    let (_, report) = opened.expect("the journal opens again");
    let recovery_seconds = start.elapsed().as_secs_f64();
    assert_eq!(count, records + LONE_RECORDS);
    println!(
        "{durability:?}: {:.2} M commands/s ({records} in {seconds:.3} s, {:.0} ns of CPU each in the sequencer's thread, {:.0} in the journal's), {:.0} a batch, {:.0} MB",
        records as f64 / seconds / 1e6,
        cpu as f64 / records as f64,
        journal_cpu as f64 / records as f64,
        records as f64 / (report.batch_count - LONE_RECORDS) as f64,
        report.byte_count as f64 / 1e6,
    );
    let at = |share: f64| lone_us[((lone_us.len() - 1) as f64 * share) as usize];
    println!("a lone record is durable after {:.0} us (median), {:.0} us (p10), {:.0} us (p99)", at(0.5), at(0.1), at(0.99));
    println!("recovery scan: {:.2} M commands/s", records as f64 / recovery_seconds / 1e6);
    std::fs::remove_dir_all(path).expect("the measured directory is removed");
}

fn command(seq: u64) -> Command {
    Command {
        seq: Seq::new(seq),
        time: TimestampNs::new(seq),
        session: SessionId::new(1),
        mandate: MandateId::new(1),
        body: Body::New(NewOrder {
            order: OrderId::new(SessionId::new(1), seq).expect("ids start at 1"),
            instrument: InstrumentId::new(0),
            side: Side::Buy,
            price: OrderPrice::Limit(Price::from_ticks(10_000).expect("a price")),
            qty: Qty::from_lots(1 + seq % 100).expect("a quantity"),
            time_in_force: TimeInForce::GoodTillCancel,
            post_only: false,
            instructed: false,
        }),
        tail_size: 24,
    }
}

/// CPU time of this thread; the machine is shared, so wall-clock time says little of one thread's cost.
fn thread_cpu_ns() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("a Linux kernel with scheduler statistics");
    stat.split_whitespace().next().and_then(|ns| ns.parse().ok()).expect("nanoseconds come first")
}
