//! `wire`: from the moment when an order was due on a fixed schedule to its report, over TCP, against an appliance of its own.
//!
//! **Open loop.** Message `k` is due at `start + k / rate` whatever the answers do, and its latency counts from then: a stall is
//! charged to every order that it delays, not to one.
//!
//! **Floor.** In the same run, on the same schedule, with the same sizes and the same blocking client, a thread echoes bytes: what is left
//! when nothing is parsed, journaled or matched. Figures of different runs, or of a client that polls, do not compare.
//!
//! Orders rest away from each other and are cancelled by the next message of their session, so the book stays as it is.

mod echo;
mod orders;
mod pace;

use crate::appliance;
use crate::figures::{Figures, rounded, write_hlog};
use hdrhistogram::Histogram;
use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What `wire` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct WireArgs {
    /// Messages in a second over all sessions, half of them orders, half cancels
    #[arg(long, default_value_t = 2_000)]
    rate: u32,
    /// Seconds that count, behind one second that does not
    #[arg(long, default_value_t = 5)]
    duration: u32,
    /// Sessions
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=8))]
    sessions: u8,
    /// What an acknowledgement means
    #[arg(long, default_value = "both", value_parser = ["sync", "async", "both"])]
    durability: String,
    /// The appliance's program
    #[arg(long, default_value_os_t = appliance::beside("plinth"))]
    plinth: PathBuf,
    /// Where the appliance keeps its data; a folder in it is made and removed
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    dir: PathBuf,
    /// Write the histograms here, as an HDR V2 log
    #[arg(long)]
    hlog: Option<PathBuf>,
}

/// Runs.
pub(crate) fn run(args: &WireArgs, figures: &mut Figures) -> Result<bool, Box<dyn Error>> {
    plinth_node::replay::sockets::wake_precisely();
    let started = Instant::now();
    let schedule = pace::Schedule::new(args.rate, Duration::from_secs(1), Duration::from_secs(args.duration.into()));
    let mut spans: Vec<(String, Histogram<u64>)> = Vec::new();
    let mut answered = true;
    for (durability, suffix) in [("sync", ""), ("async", "_async")] {
        if args.durability != "both" && args.durability != durability {
            continue;
        }
        let appliance = appliance::start(&args.plinth, &args.dir, &["--durability", durability])?;
        let measured = orders::measure(appliance.ready(), args.sessions.into(), &schedule)?;
        drop(appliance);
        let floor = echo::measure(args.sessions.into(), &schedule, measured.order_size, measured.report_size)?;
        figures.add_percentiles_us("wire.", suffix, &measured.order);
        figures.add_percentiles_us("wire.cancel_", suffix, &measured.cancel);
        figures.add_percentiles_us("wire.floor_", suffix, &floor);
        figures.add(format!("wire.unanswered{suffix}"), measured.unanswered);
        figures.add(format!("wire.send_late_p99_us{suffix}"), rounded(measured.send_late.value_at_quantile(0.99) as f64 / 1e3));
        figures.add(format!("wire.order_bytes{suffix}"), measured.order_size);
        figures.add(format!("wire.report_bytes{suffix}"), measured.report_size);
        answered &= measured.unanswered == 0;
        spans.push((format!("order_{durability}"), measured.order));
        spans.push((format!("cancel_{durability}"), measured.cancel));
        spans.push((format!("floor_{durability}"), floor));
    }
    figures.add("wire.rate_per_s", args.rate);
    figures.add("wire.sessions", args.sessions);
    figures.add("wire.client", "blocks");
    if let Some(path) = &args.hlog {
        let named: Vec<(&str, &Histogram<u64>)> = spans.iter().map(|(name, span)| (name.as_str(), span)).collect();
        write_hlog(path, &named, started.elapsed())?;
    }
    if !answered {
        eprintln!("some messages were never answered");
    }
    Ok(answered)
}
