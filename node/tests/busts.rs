//! Settlement rejects blocks of the real appliance. Executed again with the same result they bust nothing; what gives another result now than a
//! client was told is busted, exactly that, once, through a kill.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod market;

use market::owners::Owners;
use market::{Firm, Market, WITHIN, write_order};
use plinth_gateway::client::Numbers;
use plinth_gateway::codec::tag;
use plinth_matching::journal::Identity;
use plinth_matching::replica::BlockLog;
use plinth_node::appliance::request_status;
use plinth_node::replay::child::{ChildAppliance, ChildError};
use plinth_node::told::{Entry, TOLD_FILE, ToldLog};
use plinth_types::digest::Digest;
use plinth_types::id::{Height, ZoneId};
use plinth_types::quantity::Price;
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::Instant;

/// An appliance whose blocks wait for proofs that nobody brings.
fn initialise(folder: &Path) {
    Owners(folder).done(&["init"], &[]);
    let mut config = OpenOptions::new().append(true).open(folder.join("plinth.toml")).unwrap();
    let image = "00".repeat(32);
    write!(config, "\n[settlement.proven]\nguest_image = \"{image}\"\nwindow_blocks = 2000\ndeadline_blocks = 100000\n").unwrap();
}

/// The first firm buys what the second one sells; the `ExecID`s of both fills.
fn trade(buyer: &mut Firm, seller: &mut Firm) -> [String; 2] {
    let bid = buyer.accepts_an_order("a start");
    let offer = seller.next_id();
    seller.send(b"D", |message| write_order(message, &offer, &[(tag::SIDE, "2")]));
    seller.expect("the offer", "8", &[(tag::CL_ORD_ID, &offer), (tag::EXEC_TYPE, "0")]);
    let fill = |firm: &mut Firm, id: &str| {
        let [exec_id] = firm.read("the fill", "8", &[(tag::CL_ORD_ID, id), (tag::EXEC_TYPE, "F")], [tag::EXEC_ID]);
        exec_id
    };
    [fill(buyer, &bid), fill(seller, &offer)]
}

fn available(firm: &mut Firm) -> u64 {
    let [height] = firm.read("the trade is available", "AE", &[(tag::ZONE_STATE, "AVAILABLE")], [tag::ZONE_HEIGHT]);
    height.parse().unwrap()
}

/// The files of a producer by whose rules the last trade had a price one tick higher, and that had other states from block `from` on.
fn by_other_rules(folder: &Path, identity: Identity, from: Height) {
    let zone = folder.join("zone");
    let path = zone.join(TOLD_FILE);
    let mut entries = ToldLog::read(&path, identity).unwrap();
    let last = entries.iter_mut().filter_map(|entry| match entry {
        Entry::Trade(told) => Some(told),
        Entry::Rejected { .. } => None,
    });
    let told = last.last().unwrap();
    told.price = Price::from_ticks(told.price.ticks() + 1).unwrap();
    ToldLog::rewrite(&path, identity, &entries).unwrap();

    let (blocks, forged) = (zone.join("blocks.log"), zone.join("forged.log"));
    let was = BlockLog::open(&blocks, identity).unwrap();
    let mut now = BlockLog::open(&forged, identity).unwrap();
    let mut height = Height::new(1);
    while height <= was.height() {
        let (mut header, outbox) = was.entry(height).unwrap();
        if height >= from {
            header.post_root = Digest([height.get() as u8; 32]);
        }
        now.append(&header, &outbox).unwrap();
        height = height.next();
    }
    fs::rename(forged, blocks).unwrap();
}

fn expect_bust(firm: &mut Firm, exec_id: &str) {
    let order =
        [(tag::CUM_QTY, "0.00100000"), (tag::LEAVES_QTY, "0.00000000"), (tag::ORD_STATUS, "2"), (tag::AVG_PX, "77000.000000")];
    let bust = [(tag::EXEC_TYPE, "H"), (tag::EXEC_REF_ID, exec_id), (tag::LAST_PX, "77000.01"), (tag::LAST_QTY, "0.00100000")];
    firm.expect("the bust", "8", &[bust, order].concat());
    firm.expect("the capture is cancelled", "AE", &[(tag::TRADE_REPORT_TRANS_TYPE, "1"), (tag::ZONE_STATE, "BUSTED")]);
}

/// Drops the blocks from this one on, as soon as settlement has them: what was sealed anew is there again then.
fn revert(owners: &Owners<'_>, height: u64) {
    let keys = ["governor-1", "governor-3"].map(|name| owners.key_file(name));
    let keys: Vec<&str> = keys.iter().flat_map(|key| ["--key", key.to_str().unwrap()]).collect();
    let height = height.to_string();
    let decision = [&keys, ["revert", "--zone", "1", "--height", height.as_str()].as_slice()].concat();
    let decisions = owners.status()["decisions"].clone();
    // An appliance that cannot be asked any more is gone, which is what some of these decisions do to it.
    let is_counted = || {
        let status = request_status(owners.0).ok().and_then(|text| serde_json::from_str::<Value>(&text).ok());
        status.is_none_or(|status| status["decisions"] != decisions)
    };
    let deadline = Instant::now() + WITHIN;
    loop {
        let said = String::from_utf8_lossy(&owners.plinth(&["govern"], &decision).stderr).into_owned();
        // It is done, or the appliance is gone before it can say so. Validators that have carried it out already refuse it as well.
        if !said.contains("is not available and unsettled") || is_counted() {
            return;
        }
        assert!(Instant::now() < deadline, "{said}");
    }
}

fn kill(market: Market, firms: [Firm; 2]) -> [Numbers; 2] {
    let numbers = firms.map(|firm| firm.client.numbers());
    market.appliance.kill().unwrap();
    numbers
}

#[test]
fn a_rejection_busts_what_gives_another_result_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    initialise(folder.path());
    let market = Market::open_in(folder.path());
    let owners = Owners(folder.path());
    let identity = Identity { chain: owners.chain(), zone: ZoneId::TRADING };
    let (mut buyer, mut seller) = (market.log_on(0), market.log_on(1));
    trade(&mut buyer, &mut seller);
    let first = available(&mut buyer);
    assert_eq!(available(&mut seller), first);
    let exec_ids = trade(&mut buyer, &mut seller);
    let second = available(&mut buyer);
    assert_eq!(available(&mut seller), second);

    // The same result: the blocks are sealed anew, and nobody hears of it.
    revert(&owners, first);
    owners.wait_for("rejected", |status| status["blocks_rejected"] != 0 && status["rejected_from"] == first);
    for firm in [&mut buyer, &mut seller] {
        firm.accepts_an_order("a rejection");
    }
    // Another result: the second trade is busted, and the first one is not.
    let numbers = [buyer, seller].map(|firm| firm.client.numbers());
    by_other_rules(folder.path(), identity, Height::new(second));
    revert(&owners, second);
    assert!(!market.appliance.wait().unwrap().success());
    let log = fs::read_to_string(folder.path().join("appliance.log")).unwrap();
    assert!(log.contains("they give another result now"), "{log}");
    let market = Market::open_in(folder.path());
    let [mut buyer, mut seller] = [0, 1].map(|index| market.log_on_behind(index, numbers[index]));
    for (firm, exec_id) in [&mut buyer, &mut seller].into_iter().zip(&exec_ids) {
        expect_bust(firm, exec_id);
        firm.accepts_an_order("a bust");
    }
    assert_eq!(owners.status()["trades"], 2);
    revert(&owners, second);

    // Once: whatever more was said of it would be heard before an answer.
    let numbers = kill(market, [buyer, seller]);
    let market = Market::open_in(folder.path());
    let [buyer, seller] = [0, 1].map(|index| {
        let mut firm = market.log_on_behind(index, numbers[index]);
        firm.accepts_an_order("another start");
        firm
    });
    kill(market, [buyer, seller]);

    // What was not rejected is not sealed anew.
    by_other_rules(folder.path(), identity, Height::new(first - 1));
    let refused = ChildAppliance::start(Path::new(env!("CARGO_BIN_EXE_plinth")), folder.path(), &[]);
    assert!(matches!(refused, Err(ChildError::Ended(..))));
}
