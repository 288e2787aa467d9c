//! What the operator, the owners and the governors of an appliance do from the command line, and what they see.

use super::{Market, WITHIN, write_order};
use plinth_gateway::codec::tag;
use plinth_node::appliance::{request, request_status};
use plinth_node::config::hex;
use plinth_settlement::keys::SecretKey;
use plinth_types::codec::Codec;
use plinth_types::id::ChainId;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

pub const USD: u16 = 0;
pub const BTC: u16 = 1;
/// Smallest units of 0.001 BTC.
pub const TRADED: u128 = 100_000;

/// The folder of an appliance, and what its operator and its owners do there.
pub struct Owners<'a>(pub &'a Path);

impl Owners<'_> {
    pub fn key_file(&self, name: &str) -> PathBuf {
        self.0.join("keys").join(format!("{name}.key"))
    }

    pub fn key(&self, name: &str) -> SecretKey {
        SecretKey::from_hex(std::fs::read_to_string(self.key_file(name)).unwrap().trim()).unwrap()
    }

    pub fn plinth(&self, command: &[&str], arguments: &[&str]) -> Output {
        let mut plinth = Command::new(env!("CARGO_BIN_EXE_plinth"));
        plinth.arg(command[0]).arg("--data-dir").arg(self.0).args(&command[1..]).args(arguments);
        plinth.output().unwrap()
    }

    pub fn done(&self, command: &[&str], arguments: &[&str]) {
        let output = self.plinth(command, arguments);
        assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    pub fn refused(&self, command: &[&str], arguments: &[&str], reason: &str) {
        let output = self.plinth(command, arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(reason), "{command:?}: {said}");
    }

    pub fn moved(&self, command: &[&str], asset: &str, amount: &str) {
        let key = self.key_file("firm-1");
        self.done(command, &["--account", "FIRM1", "--asset", asset, "--amount", amount, "--key", key.to_str().unwrap()]);
    }

    pub fn govern(&self, decision: &[&str]) {
        let keys = [self.key_file("governor-1"), self.key_file("governor-3")];
        let keys: Vec<&str> = keys.iter().flat_map(|key| ["--key", key.to_str().unwrap()]).collect();
        self.done(&["govern"], &[&keys, decision].concat());
    }

    /// What the first firm's owner has on the base layer; `None` while the appliance rebuilds the ledger.
    pub fn base(&self, asset: u16) -> Option<u128> {
        self.base_of("firm-1", asset)
    }

    pub fn base_of(&self, key: &str, asset: u16) -> Option<u128> {
        let owner = self.key(key).public_key();
        let answer: Value = serde_json::from_str(&request(self.0, &format!("owner {owner}")).unwrap()).unwrap();
        let own = answer["balances"].as_array()?.iter().find(|balance| balance["asset"] == asset);
        Some(own.map_or(0, |balance| balance["units"].as_str().unwrap().parse().unwrap()))
    }

    pub fn status(&self) -> Value {
        serde_json::from_str(&request_status(self.0).unwrap()).unwrap()
    }

    /// Waits; at every look every asset must be conserved.
    pub fn wait_for(&self, what: &str, holds: impl Fn(&Value) -> bool) {
        let deadline = Instant::now() + WITHIN;
        loop {
            let status = self.status();
            assert_eq!(status["ledger_conserved"], true, "{what}: {}", status["ledger"]);
            if holds(&status) {
                return;
            }
            assert!(Instant::now() < deadline, "not within {WITHIN:?}: {what}: {status}");
            std::thread::yield_now();
        }
    }

    pub fn wait_for_base(&self, asset: u16, units: u128) {
        self.wait_for(&format!("{units} of asset {asset}, {:?} are there", self.base(asset)), |_| self.base(asset) == Some(units));
    }

    pub fn chain(&self) -> ChainId {
        ChainId::new(self.status()["chain"].as_u64().unwrap())
    }

    pub fn ask(&self, name: &str, value: &impl Codec) -> String {
        request(self.0, &format!("{name} {}", hex::encode(&value.to_bytes()))).unwrap()
    }
}

/// The first firm buys what the second one sells.
pub fn trade(market: &Market) {
    let (mut buyer, mut seller) = (market.log_on(0), market.log_on(1));
    let bid = buyer.accepts_an_order("a start");
    let offer = seller.next_id();
    seller.send(b"D", |message| write_order(message, &offer, &[(tag::SIDE, "2")]));
    seller.expect("the offer", "8", &[(tag::CL_ORD_ID, &offer), (tag::EXEC_TYPE, "0")]);
    buyer.expect("the bid is filled", "8", &[(tag::CL_ORD_ID, &bid), (tag::EXEC_TYPE, "F")]);
}
