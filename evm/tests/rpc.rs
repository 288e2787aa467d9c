//! JSON-RPC over a real socket: what clients send, and what they must not be able to do.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

use plinth_evm::chain::Chain;
use plinth_evm::ethereum::{Address, Encodable2718, TxEip1559, TxKind, U256, hex};
use plinth_evm::execution::parallel::Pool;
use plinth_evm::limits::REQUEST_BYTES_MAX;
use plinth_evm::node::Node;
use plinth_evm::rpc;
use plinth_evm::wallet::{DEV_CHAIN_ID, Wallet, dev_genesis};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

struct Zone {
    node: Arc<Node>,
    address: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

impl Zone {
    fn start() -> Self {
        let chain = Chain::open(&dev_genesis(), None, Arc::new(Pool::new(1).unwrap())).unwrap();
        let node = Node::new(chain, Address::repeat_byte(0xFE), Duration::ZERO);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (address, server) = runtime.block_on(rpc::serve(Arc::clone(&node), "127.0.0.1:0".parse().unwrap())).unwrap();
        runtime.spawn(server.stopped());
        Self { node, address, _runtime: runtime }
    }

    fn post(&self, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
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

    fn ask(&self, method: &str, params: Value) -> Result<Value, Value> {
        let (_, body) = self.post(&json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string());
        let mut answer: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("{method}: {body}"));
        if answer["error"].is_null() { Ok(answer["result"].take()) } else { Err(answer["error"].take()) }
    }

    fn get(&self, method: &str, params: Value) -> Value {
        self.ask(method, params).unwrap()
    }

    fn code(&self, method: &str, params: Value) -> i64 {
        self.ask(method, params).unwrap_err()["code"].as_i64().unwrap()
    }
}

fn payment(from: u64, nonce: u64, value: u64) -> String {
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

#[test]
fn a_payment_is_sent_mined_and_read_back() {
    let zone = Zone::start();
    assert_eq!(zone.get("eth_chainId", json!([])), json!(format!("{DEV_CHAIN_ID:#x}")));
    let hash = zone.get("eth_sendRawTransaction", json!([payment(0, 0, 7)]));
    assert_eq!(zone.get("eth_getTransactionReceipt", json!([hash])), Value::Null);
    assert_eq!(zone.get("eth_getTransactionByHash", json!([hash]))["blockNumber"], Value::Null);
    let payer = Wallet::numbered(0).address();
    assert_eq!(zone.get("eth_getTransactionCount", json!([payer, "pending"])), json!("0x1"));
    assert_eq!(zone.get("eth_getTransactionCount", json!([payer, "latest"])), json!("0x0"));
    assert!(zone.node.produce_one().unwrap());
    assert!(!zone.node.produce_one().unwrap(), "no empty block");

    let receipt = zone.get("eth_getTransactionReceipt", json!([hash]));
    assert_eq!((&receipt["status"], &receipt["gasUsed"]), (&json!("0x1"), &json!("0x5208")));
    let block = zone.get("eth_getBlockByNumber", json!(["latest", true]));
    assert_eq!(block["hash"], receipt["blockHash"]);
    assert_eq!(block["transactions"][0]["hash"], hash);
    assert_eq!(block["transactions"][0]["value"], json!("0x7"));
    assert_eq!(zone.get("eth_getBlockByHash", json!([block["hash"], false]))["transactions"], json!([hash]));
    let before = zone.get("eth_getBalance", json!([Wallet::numbered(1).address(), "0x0"]));
    let after = zone.get("eth_getBalance", json!([Wallet::numbered(1).address(), { "blockHash": block["hash"] }]));
    let word = |value: &Value| value.as_str().unwrap().parse::<U256>().unwrap();
    assert_eq!(word(&after) - word(&before), U256::from(7));
    assert_eq!(zone.get("eth_estimateGas", json!([{ "from": payer, "to": payer, "value": "0x1" }])), json!("0x5208"));
    assert!(
        zone.get("eth_getProof", json!([payer, ["0x0"], "latest"]))["accountProof"]
            .as_array()
            .is_some_and(|proof| !proof.is_empty())
    );
}

#[test]
fn refusals_have_the_codes_that_clients_expect() {
    let zone = Zone::start();
    assert_eq!(zone.code("eth_nothing", json!([])), -32_601);
    assert_eq!(zone.code("eth_getBalance", json!([])), -32_602);
    assert_eq!(zone.code("eth_getBalance", json!(["0x12"])), -32_602);
    assert_eq!(zone.code("eth_getBalance", json!([Address::ZERO, "0xfff"])), -39_001);
    assert_eq!(zone.code("eth_getBlockByNumber", json!(["finalized", false])), -39_001);
    assert_eq!(zone.code("eth_sendRawTransaction", json!(["0x02c0"])), -32_000);
    assert_eq!(
        zone.code("eth_call", json!([{}, "latest", { "0x0000000000000000000000000000000000000001": { "balance": "0x1" } }])),
        -32_602
    );
    assert_eq!(zone.get("eth_getBlockByNumber", json!(["0xfff", false])), Value::Null);
    // A contract creation whose code reverts with Error("no").
    let revert = "0x7f08c379a0000000000000000000000000000000000000000000000000000000005f52602060045260026024527f6e6f\
                  00000000000000000000000000000000000000000000000000000000000060445260645ffd";
    let error = zone.ask("eth_call", json!([{ "data": revert }])).unwrap_err();
    assert_eq!((&error["code"], &error["message"]), (&json!(3), &json!("execution reverted: no")));
    assert!(error["data"].as_str().unwrap().starts_with("0x08c379a0"));
    let (_, batch) =
        zone.post(r#"[{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber"},{"jsonrpc":"2.0","id":2,"method":"eth_x"}]"#);
    let batch: Value = serde_json::from_str(&batch).unwrap();
    assert_eq!((&batch[0]["result"], &batch[1]["error"]["code"]), (&json!("0x0"), &json!(-32_601)));
    let (status, _) = zone.post(&" ".repeat(REQUEST_BYTES_MAX as usize + 1));
    assert_eq!(status, 413);
    zone.get("eth_sendRawTransaction", json!([payment(0, 0, 1)]));
    assert_eq!(zone.ask("eth_sendRawTransaction", json!([payment(0, 0, 1)])).unwrap_err()["message"], json!("already known"));
    assert_eq!(
        zone.ask("eth_sendRawTransaction", json!([payment(0, 0, 2)])).unwrap_err()["message"],
        json!("replacement transaction underpriced")
    );
}
