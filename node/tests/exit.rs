//! A zone that is frozen for good: every owner takes out by proof what it owned behind the last settled block, each once, whether an
//! appliance runs on the zone's files or not.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod market;

use market::Market;
use market::owners::{BTC, Owners, TRADED, USD, trade};

/// Smallest units of one BTC.
const BITCOIN: u128 = 100_000_000;
/// Smallest units of one USD.
const DOLLAR: u128 = 10_000_000_000;

#[test]
fn the_owners_of_a_frozen_zone_take_out_all_of_it_each_once() {
    let folder = tempfile::tempdir().unwrap();
    let owners = Owners(folder.path());
    let market = Market::open_in(folder.path());
    trade(&market);
    owners.wait_for("the trade is settled", |status| status["trades_settled"] == 1);
    owners.refused(&["exit"], &["--account", "FIRM1", "--asset", "BTC"], "the zone is not frozen");
    owners.govern(&["freeze", "--zone", "1"]);
    owners.wait_for("frozen", |status| status["zone_frozen"] == true);
    // Whole bitcoins and dollars: what the firms traded, they traded with each other.
    let whole = |asset: u16| -> u128 { owners.status()["ledger"][usize::from(asset)]["zone"].as_str().unwrap().parse().unwrap() };
    let (zone_btc, zone_usd) = (whole(BTC) * BITCOIN, whole(USD) * DOLLAR);

    let firms: Vec<String> = (1..=8).map(|number| format!("firm-{number}")).collect();
    for firm in &firms {
        let account = firm.replace("firm-", "FIRM");
        owners.done(&["exit"], &["--account", &account, "--asset", "BTC"]);
        owners.refused(&["exit"], &["--account", &account, "--asset", "BTC"], "past it");
    }
    let paid: Vec<u128> = firms.iter().map(|firm| owners.base_of(firm, BTC).unwrap()).collect();
    assert_eq!(paid.iter().sum::<u128>(), zone_btc);
    assert_eq!(paid[0] - paid[1], 2 * TRADED, "the first firm bought what the second one sold");
    owners.refused(&["exit"], &["--account", "FIRM9", "--asset", "BTC"], "there is no account 'FIRM9'");

    // Without an appliance, from the files that it left.
    let settled: serde_json::Value =
        serde_json::from_str(&plinth_node::appliance::request(folder.path(), "settled").unwrap()).unwrap();
    market.appliance.kill().unwrap();
    let files: Vec<_> = firms.iter().map(|firm| folder.path().join(format!("{firm}.exit"))).collect();
    for (firm, file) in firms.iter().zip(&files) {
        let (account, height) = (firm.replace("firm-", "FIRM"), settled["height"].to_string());
        owners.done(&["exit"], &["--account", &account, "--asset", "USD", "--height", &height, "--write", file.to_str().unwrap()]);
    }
    let market = Market::open_in(folder.path());
    owners.wait_for("the ledger", |_| owners.base(BTC).is_some());
    files.iter().for_each(|file| owners.done(&["submit"], &[file.to_str().unwrap()]));
    assert_eq!(firms.iter().map(|firm| owners.base_of(firm, USD).unwrap()).sum::<u128>(), zone_usd);
    assert!(market.appliance.stop().unwrap().success());
}
