//! A zone that answers over a real socket, and a client of it.

use super::chain_of;
use plinth_evm::chain::Chain;
use plinth_evm::ethereum::{Address, Encodable2718, TxEip1559, TxKind, U256, hex};
use plinth_evm::node::Node;
use plinth_evm::rpc;
use plinth_evm::wallet::{DEV_CHAIN_ID, Wallet, dev_genesis};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

pub struct Zone {
    pub node: Arc<Node>,
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Zone {
    pub fn start() -> Self {
        Self::over(chain_of(&dev_genesis(), None, 1))
    }

    pub fn over(chain: Chain) -> Self {
        let node = Node::new(chain, Address::repeat_byte(0xFE), Duration::ZERO);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (address, server) = runtime.block_on(rpc::serve(Arc::clone(&node), "127.0.0.1:0".parse().unwrap())).unwrap();
        runtime.spawn(server.stopped());
        Self { node, address, _runtime: runtime }
    }

    pub fn post(&self, body: &str) -> (u16, String) {
        post(self.address, body)
    }

    pub fn ask(&self, method: &str, params: Value) -> Result<Value, Value> {
        ask_at(self.address, method, params).unwrap()
    }

    pub fn get(&self, method: &str, params: Value) -> Value {
        self.ask(method, params).unwrap()
    }

    pub fn code(&self, method: &str, params: Value) -> i64 {
        self.ask(method, params).unwrap_err()["code"].as_i64().unwrap()
    }
}

/// Status and body of the answer.
fn post(address: SocketAddr, body: &str) -> (u16, String) {
    let Ok(mut stream) = TcpStream::connect(address) else { return (0, String::new()) };
    let head = format!(
        "POST / HTTP/1.1\r\nhost: zone\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    // A server that refuses by size closes before it has read everything.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

/// What the zone there answers: a result or an error; `None` if it gives no whole answer.
pub fn ask_at(address: SocketAddr, method: &str, params: Value) -> Option<Result<Value, Value>> {
    let (_, body) = post(address, &json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string());
    let mut answer: Value = serde_json::from_str(&body).ok()?;
    Some(if answer["error"].is_null() { Ok(answer["result"].take()) } else { Err(answer["error"].take()) })
}

pub fn payment(from: u64, nonce: u64, value: u64) -> String {
    let transaction = TxEip1559 {
        chain_id: DEV_CHAIN_ID,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 3_000_000_000,
        max_priority_fee_per_gas: 5,
        to: TxKind::Call(Wallet::numbered(1).address()),
        value: U256::from(value),
        ..TxEip1559::default()
    };
    hex::encode_prefixed(Wallet::numbered(from).sign(transaction).unwrap().envelope().encoded_2718())
}
