//! Value on its way into the zone, through it and out again, over the real appliance: deposit, trade, withdrawal, base balance; kills in
//! between; what is refused goes back; what owners and governors put before the zone through settlement.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod market;

use market::{Market, WITHIN, write_order};
use plinth_gateway::codec::tag;
use plinth_node::appliance::{request, request_status};
use plinth_node::config::hex;
use plinth_settlement::block::{SignedDeposit, Transaction};
use plinth_settlement::keys::SecretKey;
use plinth_types::codec::Codec;
use plinth_types::id::{AccountId, AssetId, ChainId, TimestampNs, ZoneId};
use plinth_types::message::Deposit;
use plinth_types::quantity::Amount;
use plinth_types::transfer::{Address, Party};
use plinth_types::withdrawal::{SignedWithdrawal, Withdrawal};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

const USD: u16 = 0;
const BTC: u16 = 1;
/// Smallest units of 0.001 BTC.
const TRADED: u128 = 100_000;
/// Smallest units of one USD.
const DOLLAR: u128 = 10_000_000_000;

/// The folder of an appliance, and what its operator and its owners do there.
struct Owners<'a>(&'a Path);

impl Owners<'_> {
    fn key_file(&self, name: &str) -> PathBuf {
        self.0.join("keys").join(format!("{name}.key"))
    }

    fn key(&self, name: &str) -> SecretKey {
        SecretKey::from_hex(std::fs::read_to_string(self.key_file(name)).unwrap().trim()).unwrap()
    }

    fn plinth(&self, command: &[&str], arguments: &[&str]) -> Output {
        let mut plinth = Command::new(env!("CARGO_BIN_EXE_plinth"));
        plinth.arg(command[0]).arg("--data-dir").arg(self.0).args(&command[1..]).args(arguments);
        plinth.output().unwrap()
    }

    fn done(&self, command: &[&str], arguments: &[&str]) {
        let output = self.plinth(command, arguments);
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn refused(&self, command: &[&str], arguments: &[&str], reason: &str) {
        let output = self.plinth(command, arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(reason), "{command:?}: {said}");
    }

    fn moved(&self, command: &[&str], asset: &str, amount: &str) {
        let key = self.key_file("firm-1");
        self.done(command, &["--account", "FIRM1", "--asset", asset, "--amount", amount, "--key", key.to_str().unwrap()]);
    }

    fn govern(&self, decision: &[&str]) {
        let keys = [self.key_file("governor-1"), self.key_file("governor-3")];
        let keys: Vec<&str> = keys.iter().flat_map(|key| ["--key", key.to_str().unwrap()]).collect();
        self.done(&["govern"], &[&keys, decision].concat());
    }

    /// What the first firm's owner has on the base layer; `None` while the appliance rebuilds the ledger.
    fn base(&self, asset: u16) -> Option<u128> {
        let owner = self.key("firm-1").public_key();
        let answer: Value = serde_json::from_str(&request(self.0, &format!("owner {owner}")).unwrap()).unwrap();
        let own = answer["balances"].as_array()?.iter().find(|balance| balance["asset"] == asset);
        Some(own.map_or(0, |balance| balance["units"].as_str().unwrap().parse().unwrap()))
    }

    fn status(&self) -> Value {
        serde_json::from_str(&request_status(self.0).unwrap()).unwrap()
    }

    /// Waits; at every look every asset must be conserved.
    fn wait_for(&self, what: &str, holds: impl Fn(&Value) -> bool) {
        let deadline = Instant::now() + WITHIN;
        loop {
            let status = self.status();
            assert_eq!(status["ledger_conserved"], true, "{what}: {}", status["ledger"]);
            if holds(&status) {
                return;
            }
            assert!(Instant::now() < deadline, "not within {WITHIN:?}: {what}: {status}");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn wait_for_base(&self, asset: u16, units: u128) {
        self.wait_for(&format!("{units} of asset {asset}, {:?} are there", self.base(asset)), |_| self.base(asset) == Some(units));
    }

    fn chain(&self) -> ChainId {
        ChainId::new(self.status()["chain"].as_u64().unwrap())
    }

    /// A withdrawal of USD, signed by whoever has this key.
    fn signed(&self, key: &str, nonce: u64, amount: u128) -> SignedWithdrawal {
        let withdrawal = Withdrawal {
            zone: ZoneId::TRADING,
            account: AccountId::new(0),
            nonce,
            asset: AssetId::new(USD),
            amount: Amount::new(amount).unwrap(),
            to: Party::owner(self.key("firm-1").public_key()),
            expires_at: TimestampNs::new(u64::MAX),
        };
        SignedWithdrawal { withdrawal, signature: self.key(key).sign(&withdrawal.signed_bytes(self.chain())) }
    }

    fn ask(&self, name: &str, value: &impl Codec) -> String {
        request(self.0, &format!("{name} {}", hex::encode(&value.to_bytes()))).unwrap()
    }
}

/// The first firm buys what the second one sells.
fn trade(market: &Market) {
    let (mut buyer, mut seller) = (market.log_on(0), market.log_on(1));
    let bid = buyer.accepts_an_order("a start");
    let offer = seller.next_id();
    seller.send(b"D", |message| write_order(message, &offer, &[(tag::SIDE, "2")]));
    seller.expect("the offer", "8", &[(tag::CL_ORD_ID, &offer), (tag::EXEC_TYPE, "0")]);
    buyer.expect("the bid is filled", "8", &[(tag::CL_ORD_ID, &bid), (tag::EXEC_TYPE, "F")]);
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
    assert!(owners.ask("withdraw", &owners.signed("firm-2", 3, 5)).contains("error"), "signed by another owner");
    let once = owners.signed("firm-1", 3, 5);
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
    owners.wait_for("frozen", |status| status["zone_frozen"] == true);
    owners.moved(&["withdraw"], "USD", "7");
    owners.govern(&["thaw", "--zone", "1"]);
    owners.wait_for_base(USD, 134 * DOLLAR);
    assert_eq!(owners.status()["zone_frozen"], false);
    let garbage = request(folder.path(), &format!("bring {}", "ff".repeat(64))).unwrap();
    assert!(garbage.contains("error"), "{garbage}");
    assert!(market.appliance.stop().unwrap().success());
}
