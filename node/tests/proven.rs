//! The trading zone in mode `proven`: what is available is asked of provers, and what they give is brought to the validators. Prover and verifier
//! are stand-ins that prove nothing; `scripts/trading-proven.sh` runs the real ones.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod market;

use market::owners::{BTC, Owners, TRADED};
use market::{Market, WITHIN, write_order};
use plinth_gateway::codec::tag;
use plinth_node::replay::child::ChildAppliance;
use plinth_settlement::verdict::HeaderProof;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// What the stand-in verifier names.
const GUEST: &str = "6262626262626262626262626262626262626262626262626262626262626262";
/// What it believes, and what it does not.
const PROOF: &[u8] = b"proof";
const NO_PROOF: &[u8] = b"nothing";

fn stand_in(name: &str) -> String {
    format!("{}/tests/proving/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn initialise(folder: &Path) {
    Owners(folder).done(&["init"], &[]);
    let path = folder.join("plinth.toml");
    let text = fs::read_to_string(&path).unwrap();
    let verifiers = format!("[settlement]\nproof_verifiers = [{:?}]\n", stand_in("verify"));
    let text = text.replacen("[settlement]\n", &verifiers, 1).replacen("provers = 0\n", "provers = 1\n", 1);
    let proven = format!("\n[settlement.proven]\nguest_image = \"{GUEST}\"\nwindow_blocks = 64\ndeadline_blocks = 100000\n");
    fs::write(&path, text + &proven).unwrap();
}

fn open(folder: &Path, prover: &str) -> Market {
    Market::of(ChildAppliance::start(Path::new(env!("CARGO_BIN_EXE_plinth")), folder, &["--prove", prover]).unwrap())
}

/// Of two firms that were not there before the first one buys what the other one sells.
fn trade(market: &Market, firm: usize) {
    let (mut buyer, mut seller) = (market.log_on(firm), market.log_on(firm + 1));
    let (bid, offer) = (buyer.accepts_an_order("a start"), seller.next_id());
    seller.send(b"D", |message| write_order(message, &offer, &[(tag::SIDE, "2")]));
    seller.expect("the offer", "8", &[(tag::CL_ORD_ID, &offer), (tag::EXEC_TYPE, "0")]);
    seller.expect("the offer is filled", "8", &[(tag::CL_ORD_ID, &offer), (tag::EXEC_TYPE, "F")]);
    buyer.expect("the bid is filled", "8", &[(tag::CL_ORD_ID, &bid), (tag::EXEC_TYPE, "F")]);
}

/// All blocks are proven and settled, with so many trades.
fn all_settled(owners: &Owners<'_>, what: &str, trades: u64) {
    owners.wait_for(what, |status| {
        let height = status["zone_height"].as_u64().unwrap();
        status["settled_height"] == height
            && status["proven_height"] == height
            && status["proofs_missing"] == 0
            && status["trades_settled"] == trades
    });
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + WITHIN;
    while !holds() {
        assert!(Instant::now() < deadline, "not within {WITHIN:?}: {what}");
        std::thread::yield_now();
    }
}

#[test]
fn blocks_settle_by_the_proofs_of_a_prover_that_is_killed_and_of_one_behind_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    initialise(folder.path());
    let (owners, spool) = (Owners(folder.path()), folder.path().join("proving"));
    let market = open(folder.path(), &stand_in("prove"));
    trade(&market, 0);
    all_settled(&owners, "the first trade", 1);
    assert_eq!(owners.status()["attestation"], "VALIDITY PROOF");
    assert_eq!(owners.base(BTC), Some(0));
    owners.moved(&["withdraw"], "BTC", "0.001");
    owners.wait_for_base(BTC, TRADED);
    let left = || {
        fs::read_dir(&spool)
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|kind| kind == "wanted"))
            .count()
    };
    until("what is settled is forgotten", || left() == 0);

    let prover = || fs::read_to_string(spool.join("prover")).unwrap_or_default();
    let first = prover();
    assert!(Command::new("kill").args(["-9", first.trim()]).status().unwrap().success());
    trade(&market, 2);
    all_settled(&owners, "a trade behind a prover that was killed", 2);
    assert_ne!(prover(), first);

    trade(&market, 4);
    market.appliance.kill().unwrap();
    let market = open(folder.path(), &stand_in("prove"));
    all_settled(&owners, "a trade before a crash", 3);
    assert!(market.appliance.stop().unwrap().success());
}

#[test]
fn what_is_no_proof_settles_nothing_and_is_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    initialise(folder.path());
    let owners = Owners(folder.path());
    let file = |kind: &str| -> PathBuf { folder.path().join("proving").join(format!("1.{kind}")) };
    let give = |bytes: &[u8]| {
        fs::write(file("unfinished"), bytes).unwrap();
        fs::rename(file("unfinished"), file("proof")).unwrap();
    };
    let is_set_aside = |bytes: &[u8]| !file("proof").exists() && fs::read(file("refused")).is_ok_and(|refused| refused == bytes);
    let market = Market::open_in(folder.path());
    trade(&market, 0);
    until("the first block is wanted", || file("wanted").exists());
    let wanted = fs::read(file("wanted")).unwrap();
    let header = HeaderProof::decode(&wanted).unwrap().header;

    let garbage = b"no header and no proof".to_vec();
    let mut other = header.clone();
    other.height = other.height.next();
    let of_another = [&HeaderProof::head(&other), PROOF].concat();
    for bytes in [garbage, of_another] {
        give(&bytes);
        until("it is set aside", || is_set_aside(&bytes));
        assert!(!owners.status()["proof_refused"].is_string(), "no validator was asked");
    }
    let refused = [&wanted, NO_PROOF].concat();
    give(&refused);
    until("what validators refuse is set aside", || is_set_aside(&refused));
    let status = owners.status();
    assert!(status["proof_refused"].as_str().unwrap().contains("no proof at all"), "{}", status["proof_refused"]);
    assert_eq!((&status["settled_height"], &status["proven_height"]), (&0.into(), &0.into()));
    assert!(status["proofs_missing"].as_u64().unwrap() >= 1);

    give(&[&wanted, PROOF].concat());
    owners.wait_for("the first block is settled", |status| status["settled_height"] == 1);
    assert!(market.appliance.stop().unwrap().success());
}

#[test]
fn a_prover_that_is_not_there_is_said_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    initialise(folder.path());
    Owners(folder.path()).refused(
        &["up"],
        &["--fix-listen", "127.0.0.1:0", "--prove", "/nowhere/plinth-prove"],
        "cd proving && cargo build --release",
    );
}
