//! A zone whose blocks nobody proves: it slows its intake down as the window fills, stops it when that is full, and takes cancels all the same.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod market;

use market::owners::Owners;
use market::{Firm, Market, WITHIN, now, write_order};
use plinth_gateway::codec::{Tag, tag};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

const THROTTLED: &str = "settlement is behind, orders are taken at the rate of its proofs";
const STOPPED: &str = "settlement waits for proofs, only cancels are taken";

/// An appliance in mode `proven`, beside validators to whom nobody brings a proof.
fn initialise(folder: &Path) {
    Owners(folder).done(&["init"], &[]);
    let path = folder.join("plinth.toml");
    let mut config = OpenOptions::new().append(true).open(path).unwrap();
    let image = "00".repeat(32);
    write!(config, "\n[settlement.proven]\nguest_image = \"{image}\"\nwindow_blocks = 200\ndeadline_blocks = 100000\n").unwrap();
}

/// Of the next message that is no heartbeat: its type, and some fields; empty where it has none.
fn next<const N: usize>(firm: &mut Firm, tags: [Tag; N]) -> (String, [String; N]) {
    loop {
        let message = firm.client.next(Instant::now() + WITHIN).unwrap().unwrap();
        let msg_type = String::from_utf8_lossy(message.msg_type()).into_owned();
        if !matches!(msg_type.as_str(), "0" | "1") {
            return (msg_type, tags.map(|tag| message.get(tag).map(String::from_utf8_lossy).unwrap_or_default().into_owned()));
        }
    }
}

/// What an order is told, if it is refused.
fn order(firm: &mut Firm) -> Option<String> {
    let id = firm.next_id();
    firm.send(b"D", |message| write_order(message, &id, &[]));
    let (msg_type, [named, exec_type, text]) = next(firm, [tag::CL_ORD_ID, tag::EXEC_TYPE, tag::TEXT]);
    assert!(msg_type == "8" && named == id && (exec_type == "0" || exec_type == "8"), "{msg_type} {named} {exec_type} {text}");
    (exec_type == "8").then_some(text)
}

fn cancel_all(firm: &mut Firm) {
    let id = firm.next_id();
    firm.send(b"q", |message| {
        message.bytes(tag::CL_ORD_ID, id.as_bytes());
        message.bytes(tag::MASS_CANCEL_REQUEST_TYPE, b"7");
        message.time(tag::TRANSACT_TIME, now());
    });
    loop {
        let (msg_type, [exec_type, response]) = next(firm, [tag::EXEC_TYPE, tag::MASS_CANCEL_RESPONSE]);
        if msg_type == "r" {
            return assert_eq!(response, "7");
        }
        assert_eq!((msg_type.as_str(), exec_type.as_str()), ("8", "4"));
    }
}

#[test]
fn orders_are_throttled_then_stopped_and_cancels_pass() {
    let folder = tempfile::tempdir().unwrap();
    initialise(folder.path());
    let market = Market::open_in(folder.path());
    let owners = Owners(folder.path());
    let status = owners.status();
    assert!(status["zone_mode"].as_str().unwrap().starts_with("proven by guest"), "{}", status["zone_mode"]);
    assert_eq!(status["attestation"], "VALIDITY PROOF");
    let mut firm = market.log_on(0);

    // Each cancel is a block, or part of one: nothing proves any.
    let mut said = Vec::new();
    let deadline = Instant::now() + 3 * WITHIN;
    while said.last().is_none_or(|text| text != STOPPED) {
        assert!(Instant::now() < deadline, "{said:?}: {}", owners.status());
        if let Some(text) = order(&mut firm)
            && said.last() != Some(&text)
        {
            said.push(text);
        }
        cancel_all(&mut firm);
    }
    assert_eq!(said, [THROTTLED, STOPPED]);
    let status = owners.status();
    assert_eq!((&status["intake"], &status["window_used_percent"]), (&"stopped".into(), &100.into()));
    assert_eq!(status["settled_height"], 0);
    cancel_all(&mut firm);

    // What is unproven is so after a kill as well.
    market.appliance.kill().unwrap();
    let market = Market::open_in(folder.path());
    owners.wait_for("the window is known again", |status| status["intake"] == "stopped");
    assert_eq!(order(&mut market.log_on(1)).as_deref(), Some(STOPPED));
    assert!(market.appliance.stop().unwrap().success());
}
