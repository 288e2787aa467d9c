//! What governors and issuers do from the command line, over the real appliance: done and seen, or refused at once with the ledger's reason.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod market;

use market::Market;
use market::owners::{Owners, USD, trade};
use plinth_settlement::keys::SecretKey;
use serde_json::Value;

/// Smallest units of one USD.
const DOLLAR: u128 = 10_000_000_000;

/// Governed by these two, or by as many as are named.
fn refused(owners: &Owners<'_>, governors: &[u8], decision: &[&str], reason: &str) {
    let keys: Vec<_> = governors.iter().map(|number| owners.key_file(&format!("governor-{number}"))).collect();
    let keys: Vec<&str> = keys.iter().flat_map(|key| ["--key", key.to_str().unwrap()]).collect();
    owners.refused(&["govern"], &[keys.as_slice(), decision].concat(), reason);
}

fn issued(owners: &Owners<'_>) -> u128 {
    owners.status()["ledger"][usize::from(USD)]["issued"].as_str().unwrap().parse().unwrap()
}

#[test]
fn an_asset_is_issued_and_redeemed_by_its_issuer_alone() {
    let folder = tempfile::tempdir().unwrap();
    let owners = Owners(folder.path());
    let market = Market::open_in(folder.path());
    let before = issued(&owners);
    let (issuer, firm) = (owners.key_file("issuer"), owners.key_file("firm-1"));
    let (issuer, firm) = (issuer.to_str().unwrap(), firm.to_str().unwrap());
    let to = owners.key("firm-1").public_key().to_string();
    owners.done(&["issue"], &["--asset", "USD", "--amount", "500", "--key", issuer, "--to", &to]);
    owners.wait_for_base(USD, 500 * DOLLAR);
    owners.done(&["issue"], &["--asset", "USD", "--amount", "70", "--key", issuer]);
    assert_eq!(owners.base_of("issuer", USD), Some(70 * DOLLAR));
    owners.wait_for("the supply", |_| issued(&owners) == before + 570);
    owners.done(&["redeem"], &["--asset", "USD", "--amount", "30", "--key", issuer]);
    owners.wait_for("the supply", |_| issued(&owners) == before + 540);
    assert_eq!(owners.base_of("issuer", USD), Some(40 * DOLLAR));

    let by_others = ["--asset", "USD", "--amount", "1", "--key", firm];
    owners.refused(&["issue"], &by_others, "is not the key of the issuer of USD");
    owners.refused(&["redeem"], &by_others, "is not the key of the issuer of USD");
    owners.refused(&["redeem"], &["--asset", "USD", "--amount", "41", "--key", issuer], "the validators refuse it");
    owners.refused(&["issue"], &["--asset", "EUR", "--amount", "1", "--key", issuer], "there is no asset 'EUR'");
    assert_eq!(issued(&owners), before + 540);

    // What was issued goes into the zone as anything else, and leaves it under the caps.
    owners.moved(&["deposit"], "USD", "500");
    owners.wait_for_base(USD, 0);
    owners.wait_for("credited", |status| status["ledger"][usize::from(USD)]["in_flight"] == "0");
    assert!(market.appliance.stop().unwrap().success());
}

/// As `plinth.toml` has it, behind the assets of the genesis.
fn note(owners: &Owners<'_>) -> String {
    let issuer = owners.key("issuer").public_key();
    format!("\n[[asset]]\nname = \"NOTE\"\ndecimals = 0\nissuer = \"{issuer}\"\nlisted = true\n")
}

#[test]
fn an_asset_is_listed_issued_and_taken_into_the_zone() {
    let folder = tempfile::tempdir().unwrap();
    let owners = Owners(folder.path());
    let market = Market::open_in(folder.path());
    refused(&owners, &[1, 2], &["list", "--asset", "NOTE"], "there is no asset 'NOTE'");
    let config = folder.path().join("plinth.toml");
    let text = std::fs::read_to_string(&config).unwrap() + &note(&owners);
    std::fs::write(&config, text).unwrap();
    let id = owners.status()["ledger"].as_array().unwrap().len();
    let asset = u16::try_from(id).unwrap();
    let issuer = owners.key_file("issuer");
    let issue = ["--asset", "NOTE", "--amount", "70", "--key", issuer.to_str().unwrap()];
    owners.refused(&["issue"], &issue, &format!("there is no asset {id}"));
    refused(&owners, &[1], &["list", "--asset", "NOTE"], "1 approvals, 2 are needed");
    owners.govern(&["list", "--asset", "NOTE"]);
    refused(&owners, &[1, 2], &["list", "--asset", "NOTE"], "is not the next one");
    let to = owners.key("firm-1").public_key().to_string();
    owners.done(&["issue"], &[issue.as_slice(), &["--to", &to]].concat());
    owners
        .wait_for("listed and issued", |status| status["ledger"][id]["issued"] == "70" && status["ledger"][id]["asset"] == "NOTE");

    // The zone learns of it when it starts the next time; the genesis is the same, so it is the same chain.
    assert!(market.appliance.stop().unwrap().success());
    let market = Market::open_in(folder.path());
    owners.wait_for_base(asset, 70);
    owners.moved(&["deposit"], "NOTE", "30");
    owners.wait_for_base(asset, 40);
    owners.wait_for("credited", |status| status["ledger"][id]["zone"] == "30" && status["ledger"][id]["in_flight"] == "0");
    assert_eq!(owners.status()["inbox_refused"], 0);
    assert!(market.appliance.stop().unwrap().success());
}

#[test]
fn a_decision_is_carried_out_or_refused_at_once_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let owners = Owners(folder.path());
    let market = Market::open_in(folder.path());
    trade(&market);
    owners.wait_for("the trade is settled", |status| status["trades_settled"] == 1);

    refused(&owners, &[1, 2], &["thaw", "--zone", "1"], "is not frozen");
    refused(&owners, &[1, 2], &["freeze", "--zone", "9"], "zone 9");
    refused(&owners, &[1], &["freeze", "--zone", "1"], "1 approvals, 2 are needed");
    refused(&owners, &[1, 2], &["revert", "--zone", "1", "--height", "100000"], "100000");
    refused(
        &owners,
        &[1, 2],
        &["mode", "--zone", "1", "audited", "--attestations", "2", "--delay-blocks", "1"],
        "the validators refuse it",
    );
    let status = owners.status();
    let validators: Vec<String> = status["validators"]
        .as_array()
        .unwrap()
        .iter()
        .map(|validator| validator["public_key"].as_str().unwrap().to_owned())
        .collect();
    let committee = |count: usize| -> Vec<&str> {
        ["committee"].into_iter().chain(validators[..count].iter().flat_map(|key| ["--validator", key.as_str()])).collect()
    };
    refused(&owners, &[1, 2], &committee(3), "3 validators: 4 to");
    refused(&owners, &[1, 2], &["committee", "--validator", "ff"], "ff");
    let status = owners.status();
    assert_eq!(status["decisions"], 0, "a refused decision uses no number");
    let reasons: Vec<&str> =
        status["refused"].as_array().unwrap().iter().map(|refused| refused["reason"].as_str().unwrap()).collect();
    assert!(reasons.len() >= 5 && reasons[0].contains("is not frozen"), "{reasons:?}");

    owners.govern(&committee(4));
    owners.govern(&["mode", "--zone", "1", "attested", "--delay-blocks", "3"]);
    owners.govern(&["cap", "--zone", "1", "--asset", "USD", "--per-hour", "12"]);
    owners.wait_for("three decisions", |status| status["decisions"] == 3);
    assert_eq!(owners.status()["zone_mode"], "attested 1/1, producer only, settles after 1 blocks", "notice was given, no more");

    // Somebody left by an exit: it cannot be thawed, and that is said at once.
    owners.govern(&["freeze", "--zone", "1"]);
    owners.wait_for("frozen", |status| status["zone_frozen"] == true);
    owners.done(&["exit"], &["--account", "FIRM8", "--asset", "USD"]);
    refused(&owners, &[2, 3], &["thaw", "--zone", "1"], "leaves were taken out of zone 1");
    assert_eq!(owners.status()["decisions"], 4);
    assert!(market.appliance.stop().unwrap().success());
}

#[test]
fn a_producer_that_was_replaced_stops() {
    let folder = tempfile::tempdir().unwrap();
    let owners = Owners(folder.path());
    let market = Market::open_in(folder.path());
    assert_eq!(owners.status()["zone_producer"], Value::from(owners.key("producer").public_key().to_string()));
    let successor = SecretKey::from_seed([0x77; 32]).public_key().to_string();
    // The appliance may be gone before it can say that the decision is ordered.
    let keys = [owners.key_file("governor-1"), owners.key_file("governor-2")];
    let keys: Vec<&str> = keys.iter().flat_map(|key| ["--key", key.to_str().unwrap()]).collect();
    owners.plinth(&["govern"], &[keys.as_slice(), &["producer", "--zone", "1", "--producer", &successor]].concat());
    assert!(!market.appliance.wait().unwrap().success());
    let log = std::fs::read_to_string(folder.path().join("appliance.log")).unwrap();
    assert!(log.contains("another producer has taken this zone over"), "{log}");
}
