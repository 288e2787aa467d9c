//! Commands per second through the whole zone, and through its recovery.
//!
//! `cargo run --release -p plinth-matching --example zone_rate -- DIR [COMMANDS] [sync|async]`
//!
//! One thread submits and releases, the journal's thread writes, the producer's thread cuts blocks; wall-clock time. A directory in DIR
//! is made and removed.

#![allow(clippy::unwrap_used, reason = "the market is shared with the tests")]

#[path = "../tests/market/mod.rs"]
mod market;

use market::{IDENTITY, Market, capacity, submit, wait_durable};
use plinth_matching::journal::Durability;
use plinth_matching::replica::{ZoneConfig, recover, recover_from_snapshot};
use plinth_matching::state::root_of;
use plinth_types::id::{Seq, TimestampNs};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

fn main() {
    let mut args = std::env::args().skip(1);
    let dir = PathBuf::from(args.next().expect("usage: zone_rate DIR [COMMANDS] [sync|async]"));
    let count: usize = args.next().map_or(1_000_000, |count| count.parse().expect("COMMANDS is a number"));
    let path = dir.join(format!("zone-rate-{}", std::process::id()));
    let mut config = ZoneConfig::new(path.clone(), IDENTITY, capacity());
    config.journal.durability = if args.next().as_deref() == Some("async") { Durability::Async } else { Durability::Sync };

    config.snapshot_every = std::num::NonZeroU64::new(100);

    let asks = Market::new(1).take(count).collect::<Vec<_>>();
    let recovered = recover(&config, TimestampNs::new(0), |_, _, _| ()).expect("an empty zone");
    let (mut fused, mut producer) = recovered.start(&config.journal).expect("the zone starts");
    let status = Arc::clone(fused.journal());
    let stop = Arc::new(AtomicBool::new(false));
    let blocks = std::thread::spawn({
        let (status, stop) = (Arc::clone(&status), Arc::clone(&stop));
        move || {
            let epoch = Instant::now();
            let now = || TimestampNs::new(epoch.elapsed().as_nanos() as u64);
            loop {
                let stopping = stop.load(Ordering::Acquire);
                while producer.poll(status.durable(), now()).expect("the producer goes on").is_some() {}
                if stopping {
                    producer.flush().expect("the last block");
                    return producer;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    });
    let start = Instant::now();
    let mut events = 0;
    for ask in &asks {
        submit(&mut fused, start.elapsed().as_nanos() as u64, ask, |_, _, caused| events += caused.len());
        if fused.is_ready() {
            fused.release(|_, _, caused| events += caused.len());
        }
    }
    let last = fused.last_seq();
    wait_durable(&status, last);
    let seconds = start.elapsed().as_secs_f64();
    stop.store(true, Ordering::Release);
    let mut producer = blocks.join().expect("the producer's thread");
    let produced_seconds = start.elapsed().as_secs_f64();
    let root = producer.root_now();
    fused.shutdown(|_, _, caused| events += caused.len()).expect("the zone stops");
    let rate = |seconds: f64| count as f64 / seconds / 1e6;
    println!(
        "{:?}: {:.2} M commands/s durable and released ({count} in {seconds:.3} s, {events} events); {} blocks, the last after {:.3} s",
        config.journal.durability,
        rate(seconds),
        producer.height(),
        produced_seconds,
    );
    drop(producer);

    let start = Instant::now();
    let recovered = recover(&config, TimestampNs::new(0), |_, _, _| ()).expect("the zone recovers");
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!((recovered.last_seq(), root_of(&recovered.engine)), (Seq::new(count as u64), root));
    println!("recovery from the first record, two engines, all roots checked: {:.2} M commands/s ({seconds:.3} s)", rate(seconds));
    drop(recovered);
    let start = Instant::now();
    let recovered = recover_from_snapshot(&config, TimestampNs::new(0)).expect("the zone recovers");
    println!("recovery by {:?}: {:.3} s", recovered.origin, start.elapsed().as_secs_f64());
    std::fs::remove_dir_all(path).expect("the measured directory is removed");
}
