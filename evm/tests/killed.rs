//! The zone's process killed with -9 under load: what it said stays said.
//!
//! `PLINTH_KILLS` is the budget, `PLINTH_SEED` the seed; the moments are counted in receipts, never in time.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use plinth_evm::ethereum::{B256, U64};
use plinth_evm::wallet::Wallet;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use support::Random;
use support::rpc::{ask_at, payment};

/// Who pay meanwhile, each one payment after another: several in a block, since blocks are a second apart in the long run.
const SENDERS: [u64; 8] = [0, 2, 3, 4, 5, 6, 7, 8];

struct Process {
    child: Child,
    address: SocketAddr,
}

impl Process {
    fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_plinth-evm"))
            .args(["serve", "--listen", "127.0.0.1:0", "--fees-to", "0x00000000000000000000000000000000000000fe", "--data-dir"])
            .arg(data)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let address = lines.find_map(|line| line.strip_prefix("JSON-RPC on http://").map(str::to_owned)).unwrap();
        // Whatever else it says must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: address.trim_end_matches('/').parse().unwrap() }
    }

    fn get(&self, method: &str, params: Value) -> Value {
        ask_at(self.address, method, params).unwrap().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Pays until the zone is gone, and passes on every receipt.
fn pay(address: SocketAddr, from: u64, mut nonce: u64, receipts: &mpsc::Sender<Value>) {
    while let Some(Ok(receipt)) = ask_at(address, "eth_sendRawTransactionSync", json!([payment(from, nonce, 1)])) {
        nonce += 1;
        if receipts.send(receipt).is_err() {
            return;
        }
    }
}

#[test]
fn no_receipt_is_lost_and_no_root_changes_when_the_zone_is_killed_under_load() {
    let kills: u64 = std::env::var("PLINTH_KILLS").ok().and_then(|kills| kills.parse().ok()).unwrap_or(4);
    let seed: u64 = std::env::var("PLINTH_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut random = Random(seed);
    let data = tempfile::tempdir().unwrap();
    let (mut said, mut heads): (Vec<Value>, Vec<(Value, Value)>) = (Vec::new(), Vec::new());
    for kill in 0..=kills {
        let process = Process::start(data.path());
        for receipt in &said {
            let again = process.get("eth_getTransactionReceipt", json!([receipt["transactionHash"]]));
            assert_eq!(again, *receipt, "seed {seed}, after kill {kill}");
        }
        for (hash, root) in &heads {
            assert_eq!(
                process.get("eth_getBlockByHash", json!([hash, false]))["stateRoot"],
                *root,
                "seed {seed}, after kill {kill}"
            );
        }
        if kill == kills {
            break;
        }
        let (sender, receipts) = mpsc::channel();
        let address = process.address;
        let payers = SENDERS.map(|from| {
            let nonce = process.get("eth_getTransactionCount", json!([Wallet::numbered(from).address(), "latest"]));
            let nonce: u64 = serde_json::from_value::<U64>(nonce).unwrap().to();
            let sender = sender.clone();
            std::thread::spawn(move || pay(address, from, nonce, &sender))
        });
        drop(sender);
        said.extend(receipts.iter().take(5 + random.below(40) as usize));
        let head = process.get("eth_getBlockByNumber", json!(["latest", false]));
        heads.push((head["hash"].clone(), head["stateRoot"].clone()));
        drop(process);
        // Said before it was gone.
        said.extend(receipts.iter());
        payers.into_iter().for_each(|payer| payer.join().unwrap());
    }
    assert!(said.len() as u64 >= 5 * kills && heads.iter().all(|(hash, _)| *hash != json!(B256::ZERO)));
}
