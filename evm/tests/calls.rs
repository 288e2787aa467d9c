//! Calls on a state and a block as the caller would have them; access lists; what waits; what is encoded.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use plinth_evm::bridge::contracts::token;
use plinth_evm::ethereum::{Address, B256, Bytes, U256, hex, keccak256};
use plinth_evm::wallet::Wallet;
use plinth_types::id::AssetId;
use serde_json::{Value, json};
use support::rpc::{Zone, payment};
use support::{FEES, chain, deposit, encoded};

/// `NUMBER`, returned.
const NUMBER: &str = "0x435f5260205ff3";

/// A zone in which wallet 0 holds 500 of asset 1.
fn funded() -> Zone {
    let mut chain = chain(None, 1);
    let timestamp = chain.header().timestamp + 1;
    chain.build_consuming(&[deposit(1, 1, 500, holder(0))], &[], timestamp, FEES).unwrap();
    Zone::over(chain)
}

fn holder(number: u64) -> Address {
    Wallet::numbered(number).address()
}

/// Where the token keeps a holder's balance.
fn slot(of: Address) -> String {
    let mut key = of.into_word().to_vec();
    key.extend_from_slice(&U256::from(4).to_be_bytes::<32>());
    keccak256(key).to_string()
}

fn word(number: u64) -> String {
    format!("{number:#066x}")
}

fn balance_of(of: Address) -> Value {
    json!({ "to": token(AssetId::new(1)), "data": hex::encode_prefixed(encoded("balanceOf(address)", &[of.into_word().into()])) })
}

fn payment_of_tokens(from: u64, to: u64, amount: u64) -> Value {
    let data = encoded("transfer(address,uint256)", &[holder(to).into_word().into(), U256::from(amount)]);
    json!({ "from": holder(from), "to": token(AssetId::new(1)), "data": hex::encode_prefixed(data) })
}

#[test]
fn a_call_sees_the_state_and_the_block_that_it_asks_for() {
    let zone = funded();
    let balance = |of: u64, overrides: &Value| zone.get("eth_call", json!([balance_of(holder(of)), "latest", overrides]));
    let asset = token(AssetId::new(1)).to_string();
    assert_eq!((balance(0, &Value::Null), balance(1, &Value::Null)), (json!(word(500)), json!(word(0))));
    let difference = json!({ &asset: { "stateDiff": { slot(holder(1)): word(7) } } });
    assert_eq!((balance(0, &difference), balance(1, &difference)), (json!(word(500)), json!(word(7))));
    let whole = json!({ &asset: { "state": { slot(holder(1)): word(7) } } });
    assert_eq!((balance(0, &whole), balance(1, &whole)), (json!(word(0)), json!(word(7))));
    assert_eq!(balance(1, &Value::Null), json!(word(0)), "nothing stays");

    assert_eq!(zone.code("eth_estimateGas", json!([payment_of_tokens(1, 2, 7)])), 3);
    let gas = zone.get("eth_estimateGas", json!([payment_of_tokens(1, 2, 7), "latest", difference]));
    assert!(gas.as_str().unwrap().len() > 4, "{gas}");
    let traced = zone
        .get("debug_traceCall", json!([balance_of(holder(1)), "latest", { "tracer": "callTracer", "stateOverrides": difference }]));
    assert_eq!(traced["output"], json!(word(7)));

    let nobody = "0x00000000000000000000000000000000000000aa";
    let number =
        |overrides: Value| zone.get("eth_call", json!([{ "to": nobody }, "latest", { nobody: { "code": NUMBER } }, overrides]));
    assert_eq!(number(Value::Null), json!(word(1)));
    assert_eq!(number(json!({ "number": "0x123" })), json!(word(0x123)));
    let poor = json!([{ "from": nobody, "to": nobody, "value": "0x5" }, "latest", { nobody: { "balance": "0x5" } }]);
    assert_eq!(zone.get("eth_call", poor), json!("0x"));

    for refused in [
        json!({ "0x0000000000000000000000000000000000000001": { "code": NUMBER } }),
        json!({ "0x0000000000000000000000000000000000000001": { "movePrecompileToAddress": nobody } }),
        json!({ nobody: { "state": {}, "stateDiff": {} } }),
        json!({ nobody: { "code": "0xef0100" } }),
        json!({ nobody: { "nonsense": "0x1" } }),
    ] {
        assert_eq!(zone.code("eth_call", json!([{}, "latest", refused])), -32_602, "{refused}");
    }
    assert_eq!(zone.code("eth_call", json!([{}, "latest", {}, { "blobBaseFee": "0x1" }])), -32_602);
}

#[test]
fn an_access_list_names_what_the_transaction_touches() {
    let zone = funded();
    let found = zone.get("eth_createAccessList", json!([payment_of_tokens(0, 2, 7)]));
    let [entry] = found["accessList"].as_array().unwrap().as_slice() else { panic!("{found}") };
    assert_eq!(entry["address"], json!(token(AssetId::new(1))));
    let slots = entry["storageKeys"].as_array().unwrap();
    for of in [holder(0), holder(2)] {
        assert!(slots.contains(&json!(slot(of))), "{found}");
    }
    let mut listed = payment_of_tokens(0, 2, 7);
    listed["accessList"] = found["accessList"].clone();
    listed["gas"] = found["gasUsed"].clone();
    assert_eq!(zone.get("eth_call", json!([listed])), json!(word(1)), "the gas suffices with the list");
    let reverted = zone.get("eth_createAccessList", json!([payment_of_tokens(1, 2, 7)]));
    assert!(reverted["error"].as_str().unwrap().starts_with("execution reverted"), "{reverted}");
}

#[test]
fn what_waits_is_listed_by_sender_and_nonce() {
    let zone = Zone::start();
    for nonce in [0, 2] {
        zone.get("eth_sendRawTransaction", json!([payment(0, nonce, 7)]));
    }
    zone.get("eth_sendRawTransaction", json!([payment(3, 0, 9)]));
    let (first, other) = (holder(0).to_string(), holder(3).to_string());
    let content = zone.get("txpool_content", json!([]));
    assert_eq!(content["pending"].as_object().unwrap().len(), 2, "{content}");
    assert_eq!(
        (&content["pending"][&first]["0"]["value"], &content["pending"][&other]["0"]["value"]),
        (&json!("0x7"), &json!("0x9"))
    );
    assert_eq!(content["queued"], json!({ &first: { "2": content["queued"][&first]["2"] } }));
    assert_eq!(content["queued"][&first]["2"]["nonce"], json!("0x2"));
    let of_one = zone.get("txpool_contentFrom", json!([other]));
    assert_eq!(of_one, json!({ "pending": content["pending"][&other], "queued": {} }));
    let inspected = zone.get("txpool_inspect", json!([]));
    assert_eq!(inspected["pending"][&first]["0"], json!(format!("{}: 7 wei + 21000 gas × 3000000000 wei", holder(1))));
    assert_eq!(zone.get("txpool_status", json!([])), json!({ "pending": "0x2", "queued": "0x1" }));
}

#[test]
fn blocks_and_transactions_are_given_as_ethereum_encodes_them() {
    let zone = Zone::start();
    let sent = payment(0, 0, 7);
    let hash = zone.get("eth_sendRawTransaction", json!([sent]));
    assert_eq!(zone.get("debug_getRawTransaction", json!([hash])), json!(sent), "while it waits");
    assert!(zone.node.produce_one().unwrap());
    assert_eq!(zone.get("debug_getRawTransaction", json!([hash])), json!(sent));
    assert_eq!(zone.get("debug_getRawTransaction", json!([word(1)])), json!("0x"));
    let bytes = |answer: Value| serde_json::from_value::<Bytes>(answer).unwrap();
    let block = zone.get("eth_getBlockByNumber", json!(["0x1", false]));
    let header = bytes(zone.get("debug_getRawHeader", json!([block["hash"]])));
    assert_eq!(json!(keccak256(header.as_ref())), block["hash"]);
    let mut parent = zone.node.chain().blocks().by_number(0).unwrap().hash;
    assert_ne!(parent, B256::ZERO);
    let whole = bytes(zone.get("debug_getRawBlock", json!(["0x1"])));
    let mut copy = support::chain_of(&plinth_evm::wallet::dev_genesis(), None, 1);
    assert_eq!(copy.head().hash, parent);
    parent = copy.import(&whole).unwrap().hash;
    assert_eq!(json!(parent), block["hash"]);
    assert_eq!(zone.get("debug_getRawReceipts", json!(["0x1"])).as_array().unwrap().len(), 1);
    assert_eq!(zone.code("debug_getRawBlock", json!(["2"])), -32_602);
    assert_eq!(zone.code("debug_getRawBlock", json!(["0x9"])), -32_000);
    assert_eq!(zone.get("eth_baseFee", json!([])), zone.get("eth_feeHistory", json!([1, "latest"]))["baseFeePerGas"][1]);
}
