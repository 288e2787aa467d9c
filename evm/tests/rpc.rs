//! JSON-RPC over a real socket: what clients send, and what they must not be able to do.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use plinth_evm::ethereum::{Address, U256};
use plinth_evm::limits::REQUEST_BYTES_MAX;
use plinth_evm::wallet::{DEV_CHAIN_ID, Wallet};
use serde_json::{Value, json};
use support::rpc::{Zone, payment};

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
