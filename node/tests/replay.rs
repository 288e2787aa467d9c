//! Two replays of the same tape through a real appliance make the same trades.

#![allow(clippy::unwrap_used, clippy::type_complexity, reason = "helpers of tests are tests")]

use clap::Parser;
use plinth_node::replay::{self, ReplayArgs, ReplayReport};
use std::path::PathBuf;

/// Enough for the first trades of the tape, short enough for a test.
const ACTIONS: &str = "12000";

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: ReplayArgs,
}

#[test]
fn two_replays_make_the_same_trades() {
    let named = std::env::var_os("PLINTH_SAMPLE").map(PathBuf::from);
    let sample = named.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../sample-data")));
    if !sample.join("orders.csv.gz").exists() {
        eprintln!(
            "skipped: no sample in {} (scripts/sample-data.sh fetches it; PLINTH_SAMPLE names another folder)",
            sample.display()
        );
        return;
    }
    let [one, two] = [play(&sample, "8"), play(&sample, "8")];
    assert!(one.trades > 0, "nobody traded: the test tests nothing");
    assert_eq!((&one.trades_hash, one.trades), (&two.trades_hash, two.trades));
    assert_eq!((one.orders, one.orders_refused, one.cancels), (two.orders, two.orders_refused, two.cancels));
    for report in [&one, &two] {
        assert!(report.ledger_conserved);
        assert_eq!((report.trades_final, report.trade_states_repeated), (report.trades, 0));
        assert_eq!(report.trades_reproduced, report.trades);
        assert_eq!(report.stopped_cleanly, Some(true));
    }
}

fn play(sample: &std::path::Path, sessions: &str) -> ReplayReport {
    let sample = sample.to_str().unwrap();
    let line =
        ["replay", "--bitstamp", sample, "--sessions", sessions, "--limit", ACTIONS, "--binary", env!("CARGO_BIN_EXE_plinth")];
    replay::run(&Line::parse_from(line).args).unwrap()
}
