//! `wire`: from the moment when an order was due on a fixed schedule to its report, over TCP, against an appliance of its own.
//!
//! **Open loop.** Message `k` is due at `start + k / rate` whatever the answers do, and its latency counts from then: a stall is
//! charged to every order that it delays, not to one.
//!
//! **Client.** One blocks until bytes come, and pays the wake-up of its core; the other polls and pays with a core (`busy_`).
//!
//! **Floor.** In the same run, on the same schedule, with the same sizes, a server echoes bytes: what is left when nothing is parsed,
//! journaled or matched. Both its ends wait as the client does. Figures of different runs, or of clients that wait differently, do not compare.
//!
//! **Scenario.** What is sent and when comes from a file (`--scenario`, `scenarios/`) and its seed alone; without one, half of the messages
//! are orders and the next message of their session cancels them, so the book stays as it is.
//!
//! **Peer.** `--peer CMD` starts another acceptor and measures it with the same client, in the same rounds, each with a floor behind it.
//!
//! **Rounds.** With `--rounds N` everything is measured N times, each round whole before the next, on a new appliance each time. A figure is
//! the median of its rounds; `--out` keeps them all, and `compare` needs them.

mod echo;
mod orders;
mod pace;
mod peer;
mod plan;
pub(crate) mod rate;
mod scenario;
mod venue;
mod waiting;

pub(crate) use echo::{Echo, Stall};
pub(crate) use pace::{Pacing, Schedule};
pub(crate) use waiting::Waiting;

use crate::appliance;
use crate::figures::Figures;
use scenario::Scenario;
use std::error::Error;
use std::path::PathBuf;
use venue::Venue;

/// What measures of a peer are marked with.
const PEER: &str = "peer";

/// What `wire` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct WireArgs {
    /// A scenario's file (.toml) or the name of one that comes with the harness; may be given several times
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rate", "duration", "sessions"])]
    scenario: Vec<String>,
    /// Without a scenario: messages in a second over all sessions, half of them orders, half cancels
    #[arg(long, default_value_t = 2_000)]
    rate: u32,
    /// Without a scenario: seconds that count, behind one second that does not
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    duration: u32,
    /// Without a scenario: sessions
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=8))]
    sessions: u8,
    /// How often everything is measured
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// What an acknowledgement of the appliance means; none: measure the peer alone
    #[arg(long, default_value = "both", value_parser = ["sync", "async", "both", "none"])]
    durability: String,
    /// How the client waits for answers
    #[arg(long, default_value = "both", value_parser = ["blocks", "polls", "both"])]
    client: String,
    /// Measure another FIX 4.4 acceptor in the same rounds: the command that starts it, with {port} where its port stands
    #[arg(long, value_name = "CMD")]
    peer: Option<String>,
    /// The appliance's program
    #[arg(long, default_value_os_t = appliance::beside("plinth"))]
    plinth: PathBuf,
    /// Where the appliance keeps its data; a folder in it is made and removed
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    dir: PathBuf,
}

/// Runs.
pub(crate) fn run(args: &WireArgs, figures: &mut Figures) -> Result<bool, Box<dyn Error>> {
    plinth_node::replay::sockets::wake_precisely();
    let mut scenarios = args.scenario.iter().map(|asked| Scenario::load(asked)).collect::<Result<Vec<_>, _>>()?;
    if scenarios.is_empty() {
        scenarios.push(Scenario::constant(args.rate, args.duration * 1_000, args.sessions)?);
    }
    let mut answered = true;
    for _ in 0..args.rounds {
        for scenario in &scenarios {
            for (client, waiting) in [("blocks", Waiting::Blocks), ("polls", Waiting::Polls)] {
                if !is_asked(&args.client, client) {
                    continue;
                }
                for durability in ["sync", "async"].into_iter().filter(|this| is_asked(&args.durability, this)) {
                    let venue = Venue::appliance(&args.plinth, &args.dir, durability, scenario)?;
                    answered &= measure(venue, durability, scenario, waiting, figures)?;
                }
                if let Some(command) = &args.peer {
                    answered &= measure(Venue::peer(command)?, PEER, scenario, waiting, figures)?;
                    beside_peer(scenario, waiting, figures);
                }
            }
        }
    }
    for scenario in &scenarios {
        figures.add(format!("{}.about", log_of(scenario)), scenario.about.as_str());
    }
    if !answered {
        eprintln!("some messages were never answered");
    }
    Ok(answered)
}

fn is_asked(asked: &str, this: &str) -> bool {
    asked == "both" || asked == this
}

/// Measures one venue and the floor behind it; `false` if the venue left messages without an answer.
fn measure(venue: Venue, of: &str, scenario: &Scenario, waiting: Waiting, figures: &mut Figures) -> Result<bool, Box<dyn Error>> {
    let schedule = scenario.schedule()?;
    let measured = orders::measure(&venue, scenario, &schedule, waiting)?;
    drop(venue);
    let echo = Echo {
        connection_count: scenario.sessions.into(),
        request_size: measured.order_size,
        answer_size: measured.report_size,
        waiting,
        stall: None,
    };
    let floor = echo.measure(&schedule)?;
    let (log, name, suffix) = (log_of(scenario), name_of(scenario, waiting), suffix_of(of));
    for (stage, histogram) in
        [("", &measured.order), ("cancel_", &measured.cancel), ("answer_", &measured.answer), ("floor_", &floor)]
    {
        figures.add_percentiles_us(&format!("{name}{stage}"), &suffix, histogram);
        let tag = if stage.is_empty() { "order_" } else { stage };
        figures.add_span(&log, &format!("{}{tag}{of}", waiting.prefix()), histogram);
    }
    for (stage, histogram) in [("", &measured.order), ("floor_", &floor)] {
        let ratio = histogram.value_at_quantile(0.999) as f64 / histogram.value_at_quantile(0.5).max(1) as f64;
        figures.add_round(format!("{name}{stage}p999_over_p50{suffix}"), ratio);
    }
    figures.add_span(&log, &format!("{}send_late_{of}", waiting.prefix()), &measured.send_late);
    figures.add_round(format!("{name}send_late_p99_us{suffix}"), measured.send_late.value_at_quantile(0.99) as f64 / 1e3);
    figures.add_round(format!("{name}unanswered{suffix}"), measured.unanswered as f64);
    figures.add_round(format!("{name}order_bytes{suffix}"), measured.order_size as f64);
    figures.add_round(format!("{name}report_bytes{suffix}"), measured.report_size as f64);
    Ok(measured.unanswered == 0)
}

/// Adds, for each durability, how the median stands to the peer's in the last round.
fn beside_peer(scenario: &Scenario, waiting: Waiting, figures: &mut Figures) {
    let name = name_of(scenario, waiting);
    let median = |of: &str, figures: &Figures| figures.last_round(&format!("{name}p50_us{}", suffix_of(of)));
    for of in ["sync", "async"] {
        if let (Some(ours), Some(peer)) = (median(of, figures), median(PEER, figures).filter(|&peer| peer > 0.0)) {
            figures.add_round(format!("{name}p50_over_peer{}", suffix_of(of)), ours / peer);
        }
    }
}

fn log_of(scenario: &Scenario) -> String {
    if scenario.name.is_empty() { "wire".into() } else { format!("wire.{}", scenario.name) }
}

fn name_of(scenario: &Scenario, waiting: Waiting) -> String {
    format!("{}.{}", log_of(scenario), waiting.prefix())
}

/// What stands behind the names of figures of an appliance of this durability, or of the peer.
fn suffix_of(of: &str) -> String {
    if of == "sync" { String::new() } else { format!("_{of}") }
}
