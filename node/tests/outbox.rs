//! Value on its way into the zone, through it and out again, over the real appliance: deposit, trade, withdrawal, base balance; kills in
//! between; what is refused goes back; what owners and governors put before the zone through settlement.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod market;

use market::owners::{BTC, Owners, TRADED, USD, trade};
use market::{Market, write_order};
use plinth_gateway::codec::tag;
use plinth_node::appliance::request;
use plinth_node::config::hex;
use plinth_settlement::block::{SignedDeposit, Transaction};
use plinth_types::codec::Codec;
use plinth_types::id::{AccountId, AssetId, TimestampNs, ZoneId};
use plinth_types::message::Deposit;
use plinth_types::quantity::Amount;
use plinth_types::transfer::{Address, Party};
use plinth_types::withdrawal::{SignedWithdrawal, Withdrawal};
use std::time::Duration;

/// Smallest units of one USD.
const DOLLAR: u128 = 10_000_000_000;

/// A withdrawal of USD, signed by whoever has this key.
fn signed(owners: &Owners<'_>, key: &str, nonce: u64, amount: u128) -> SignedWithdrawal {
    let withdrawal = Withdrawal {
        zone: ZoneId::TRADING,
        account: AccountId::new(0),
        nonce,
        asset: AssetId::new(USD),
        amount: Amount::new(amount).unwrap(),
        to: Party::owner(owners.key("firm-1").public_key()),
        expires_at: TimestampNs::new(u64::MAX),
    };
    SignedWithdrawal { withdrawal, signature: owners.key(key).sign(&withdrawal.signed_bytes(owners.chain())) }
}

#[test]
fn what_was_deposited_and_traded_is_withdrawn_once_whatever_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let owners = Owners(folder.path());
    let market = Market::open_in(folder.path());
    trade(&market);
    owners.moved(&["withdraw"], "BTC", "0.001");
    owners.wait_for_base(BTC, TRADED);
    let firm_1 = owners.key_file("firm-1");
    let too_much = ["--account", "FIRM1", "--asset", "BTC", "--amount", "100001", "--key", firm_1.to_str().unwrap()];
    owners.refused(&["withdraw"], &too_much, "insufficient funds");
    let firm_2 = owners.key_file("firm-2");
    let foreign = ["--account", "FIRM1", "--asset", "BTC", "--amount", "1", "--key", firm_2.to_str().unwrap()];
    owners.refused(&["withdraw"], &foreign, "is not the key of account");

    // What does not come from the command line: another's signature, and the same order again. Two numbers are used up, one by a refusal.
    assert!(owners.ask("withdraw", &signed(&owners, "firm-2", 3, 5)).contains("error"), "signed by another owner");
    let once = signed(&owners, "firm-1", 3, 5);
    assert!(owners.ask("withdraw", &once).contains("sent"));
    assert!(owners.ask("withdraw", &once).contains("out of sequence"), "done once");
    owners.wait_for_base(USD, 5);

    // Killed with a withdrawal durable and not yet sealed, ordered, listed or delivered: whatever it was.
    let (mut expected, mut market) = (TRADED, market);
    for round in 0..4_u64 {
        owners.moved(&["withdraw"], "BTC", "0.00000100");
        expected += 100;
        std::thread::sleep(Duration::from_millis(round * 40));
        market.appliance.kill().unwrap();
        market = Market::open_in(folder.path());
        owners.wait_for("the ledger", |_| owners.base(BTC).is_some());
    }
    owners.wait_for_base(BTC, expected);
    owners.wait_for("nothing on its way", |status| status["ledger"][usize::from(BTC)]["leaving"] == "0");
    assert_eq!(owners.base(BTC), Some(expected), "delivered once");
    assert_eq!(owners.status()["withdrawals"], 6);

    // And in again.
    owners.moved(&["deposit"], "BTC", "0.0005");
    owners.wait_for_base(BTC, expected - TRADED / 2);
    owners.wait_for("credited", |status| status["ledger"][usize::from(BTC)]["in_flight"] == "0");
    assert!(market.appliance.stop().unwrap().success());
}

#[test]
fn what_the_zone_cannot_take_goes_back_and_what_is_put_before_it_is_answered() {
    let folder = tempfile::tempdir().unwrap();
    let owners = Owners(folder.path());
    let market = Market::open_in(folder.path());
    owners.moved(&["withdraw"], "USD", "100");
    owners.wait_for_base(USD, 100 * DOLLAR);

    // A deposit for an account that there is not.
    let deposit = Deposit {
        zone: ZoneId::TRADING,
        nonce: 4,
        asset: AssetId::new(USD),
        amount: Amount::new(40 * DOLLAR).unwrap(),
        owner: owners.key("firm-1").public_key(),
        account: Address::of_account(AccountId::new(999)),
    };
    let signed = Transaction::Deposit(SignedDeposit::sign(deposit, owners.chain(), &owners.key("firm-1")));
    let file = folder.path().join("deposit.hex");
    std::fs::write(&file, hex::encode(&signed.to_bytes())).unwrap();
    owners.done(&["submit"], &[file.to_str().unwrap()]);
    owners.wait_for("refused", |status| status["inbox_refused"] == 1);
    owners.wait_for_base(USD, 100 * DOLLAR);
    assert!(owners.ask("bring", &signed).contains("past it"), "done once");

    // Requests cost a dollar each, answered or refused.
    let mut firm = market.log_on(0);
    let order = firm.accepts_an_order("a request");
    let key = owners.key_file("firm-1");
    owners.done(&["request", "cancel"], &["--order", "1-1", "--key", key.to_str().unwrap()]);
    firm.expect("cancelled by its owner", "8", &[(tag::CL_ORD_ID, &order), (tag::EXEC_TYPE, "4")]);
    owners.done(&["request", "cancel"], &["--order", "1-1", "--key", key.to_str().unwrap()]);
    owners.wait_for("a cancel of nothing is refused", |status| status["inbox_refused"] == 2);
    owners.moved(&["request", "withdraw"], "USD", "30");
    owners.wait_for_base(USD, 127 * DOLLAR);

    // Governors stop the zone, drop what is not settled, and let it go on: what was dropped is sealed again, once.
    owners.govern(&["freeze", "--zone", "1"]);
    owners.wait_for("frozen", |status| status["zone_frozen"] == true && status["intake"] == "frozen");
    let order = firm.next_id();
    firm.send(b"D", |message| write_order(message, &order, &[]));
    let text = "the zone is frozen by settlement, only cancels are taken";
    firm.expect("an order in a frozen zone", "8", &[(tag::CL_ORD_ID, &order), (tag::EXEC_TYPE, "8"), (tag::TEXT, text)]);
    owners.moved(&["withdraw"], "USD", "7");
    owners.govern(&["thaw", "--zone", "1"]);
    owners.wait_for_base(USD, 134 * DOLLAR);
    assert_eq!(owners.status()["zone_frozen"], false);
    owners.wait_for("orders are taken again", |status| status["intake"] == "open");
    firm.accepts_an_order("a thaw");
    let garbage = request(folder.path(), &format!("bring {}", "ff".repeat(64))).unwrap();
    assert!(garbage.contains("error"), "{garbage}");
    assert!(market.appliance.stop().unwrap().success());
}
