//! `debug_trace*` over a real socket: what is traced, and what it may cost.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use plinth_evm::ethereum::Address;
use plinth_evm::limits::STATE_HISTORY_BLOCKS;
use plinth_evm::wallet::Wallet;
use serde_json::{Value, json};
use support::rpc::{Zone, payment};
use support::{FEES, chain, deposit, transfer};

/// `JUMPDEST PUSH0 JUMP`.
const ENDLESS: &str = "0x5b5f56";

#[test]
fn a_transaction_is_traced_after_those_before_it_in_its_block() {
    let zone = Zone::start();
    let hashes: Vec<Value> = (0..2).map(|nonce| zone.get("eth_sendRawTransaction", json!([payment(0, nonce, 7)]))).collect();
    assert!(zone.node.produce_one().unwrap());
    let payer = json!(Wallet::numbered(0).address()).as_str().unwrap().to_owned();
    for (nonce, hash) in hashes.iter().enumerate() {
        let before = zone.get("debug_traceTransaction", json!([hash, { "tracer": "prestateTracer" }]));
        assert_eq!(before[&payer]["nonce"].as_u64().unwrap_or_default(), nonce as u64, "{before}");
        let change =
            zone.get("debug_traceTransaction", json!([hash, { "tracer": "prestateTracer", "tracerConfig": { "diffMode": true } }]));
        assert_eq!(change["post"][&payer]["nonce"], json!(nonce + 1), "{change}");
        let call = zone.get("debug_traceTransaction", json!([hash, { "tracer": "callTracer" }]));
        assert_eq!((&call["type"], &call["value"], &call["gasUsed"]), (&json!("CALL"), &json!("0x7"), &json!("0x5208")));
        let plain = json!({ "gas": 21_000, "failed": false, "returnValue": "0x", "structLogs": [] });
        assert_eq!(zone.get("debug_traceTransaction", json!([hash])), plain);
    }
    let block = zone.get("eth_getBlockByNumber", json!(["latest", false]));
    let traces = zone.get("debug_traceBlockByHash", json!([block["hash"], { "tracer": "noopTracer" }]));
    let expected: Vec<Value> =
        block["transactions"].as_array().unwrap().iter().map(|hash| json!({ "txHash": hash, "result": {} })).collect();
    assert_eq!(traces, json!(expected));
    assert_eq!(zone.get("debug_traceBlockByNumber", json!(["0x1", { "tracer": "noopTracer" }])), traces);
    let missing = format!("{:#066x}", 1);
    let error = zone.ask("debug_traceBlockByHash", json!([missing])).unwrap_err();
    assert_eq!((&error["code"], &error["message"]), (&json!(-32_000), &json!(format!("block {missing} not found"))));
    let error = zone.ask("debug_traceBlockByNumber", json!(["0x0"])).unwrap_err();
    assert_eq!((&error["code"], &error["message"]), (&json!(-32_000), &json!("genesis is not traceable")));
    assert_eq!(zone.code("debug_traceTransaction", json!([missing])), -32_000);

    let mut chain = zone.node.chain_mut();
    for _ in 0..STATE_HISTORY_BLOCKS {
        let timestamp = chain.header().timestamp + 1;
        chain.build(&[], timestamp, Address::ZERO).unwrap();
    }
    drop(chain);
    assert_eq!(zone.code("debug_traceTransaction", json!([hashes[0]])), 4_444);
}

/// What the inbox delivered at the block's start is spent by the block's first transaction.
#[test]
fn a_transaction_is_traced_after_the_deposits_of_its_block() {
    let mut chain = chain(None, 1);
    let spend = transfer(0, 0, 1, Wallet::numbered(1).address(), 400);
    let hash = json!(spend.hash());
    let timestamp = chain.header().timestamp + 1;
    chain.build_consuming(&[deposit(1, 1, 500, Wallet::numbered(0).address())], &[spend], timestamp, FEES).unwrap();
    let zone = Zone::over(chain);
    assert_eq!(zone.get("eth_getTransactionReceipt", json!([hash]))["status"], json!("0x1"));
    let call = zone.get("debug_traceTransaction", json!([hash, { "tracer": "callTracer", "tracerConfig": { "withLog": true } }]));
    assert_eq!(call["error"], Value::Null, "{call}");
    assert_eq!(call["logs"].as_array().unwrap().len(), 1, "{call}");
    let steps = zone.get("debug_traceTransaction", json!([hash, { "disableStack": true }]));
    assert_eq!(steps["failed"], json!(false));
    let log = &steps["structLogs"].as_array().unwrap()[0];
    assert_eq!((&log["pc"], &log["depth"], &log["stack"]), (&json!(0), &json!(1), &Value::Null));
}

#[test]
fn calls_are_traced_within_bounds() {
    let zone = Zone::start();
    let selectors = json!([{ "to": Wallet::numbered(1).address(), "data": "0x0102030400" }, "latest", { "tracer": "4byteTracer" }]);
    assert_eq!(zone.get("debug_traceCall", selectors), json!({ "0x01020304-1": 1 }));
    let error = zone.ask("debug_traceCall", json!([{ "data": ENDLESS }])).unwrap_err();
    assert_eq!(error["code"], json!(-32_005), "{error}");
    assert!(error["message"].as_str().unwrap().contains("bytes"), "{error}");
    let halted = zone.get("debug_traceCall", json!([{ "data": ENDLESS, "gas": "0x10000" }, "latest", { "tracer": "callTracer" }]));
    assert_eq!((&halted["type"], &halted["error"]), (&json!("CREATE"), &json!("out of gas")));
    for refused in [json!({ "tracer": "{}" }), json!({ "tracer": "muxTracer", "tracerConfig": {} }), json!({ "txIndex": "0x0" })] {
        assert_eq!(zone.code("debug_traceCall", json!([{}, "latest", refused])), -32_602, "{refused}");
    }
}

/// The creation that the public exchange traces: all steps, costs and stacks are the same.
#[test]
fn a_struct_log_is_that_of_the_public_exchange() {
    let Some(fixtures) = std::env::var_os("PLINTH_FIXTURES") else { return };
    let path = std::path::Path::new(&fixtures).join("evm/dev/rpc-compat/debug_traceTransaction/trace-contract-call.io");
    let exchange = std::fs::read_to_string(path).unwrap();
    let answer = exchange.lines().find_map(|line| line.strip_prefix("<< ")).unwrap();
    let expected = serde_json::from_str::<Value>(answer).unwrap()["result"].take();
    let init = format!("0x600d380380600d6000396000f3{}", expected["returnValue"].as_str().unwrap().trim_start_matches("0x"));
    let gas = |trace: &Value, step: usize| trace["structLogs"][step]["gas"].as_u64().unwrap();
    let zone = Zone::start();
    let trace = |gas: u64| zone.get("debug_traceCall", json!([{ "data": init, "gas": format!("{gas:#x}") }]));
    // Its chain was at an earlier fork there, whose price of input was another.
    let before_first_step = 1_000_000 - gas(&trace(1_000_000), 0);
    let traced = trace(gas(&expected, 0) + before_first_step);
    for field in ["failed", "returnValue", "structLogs"] {
        assert_eq!(traced[field], expected[field], "{field}");
    }
    let executed = gas(&expected, 0) - gas(&expected, expected["structLogs"].as_array().unwrap().len() - 1);
    let code_bytes = (init.len() as u64 - 2) / 2 - 13;
    assert_eq!(traced["gas"], json!(before_first_step + executed + 200 * code_bytes));
}
