//! `eth_simulateV1`: the published exchanges, and what this zone adds to them.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use plinth_evm::ethereum::{Address, Genesis, GenesisAccount, U256};
use plinth_evm::wallet::{Wallet, dev_genesis};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use support::rpc::{Zone, payment};
use support::{FEES, chain_of};

/// The exchanges whose answer is another here, with the reason.
const OTHERWISE: [(&str, &str); 3] = [
    ("empty-with-block-num-set-firstblock", "its base is a block of proof of work"),
    ("empty-with-block-num-set-minusone", "its base is before the first block of the test's chain"),
    ("make-call-with-future-block", "an unknown block is -39001 in this zone, on every method"),
];
/// What depends on the whole state of the published chain, which is not imported here.
const OF_THE_STATE: [&str; 4] = ["hash", "parentHash", "stateRoot", "blockHash"];

/// Whose calls return hashes of blocks.
const RETURNING_HASHES: [&str; 3] = ["blockhash-complex", "blockhash-start-before-head", "get-block-properties"];

fn fixtures() -> Option<PathBuf> {
    let found = std::env::var_os("PLINTH_FIXTURES").map(|root| PathBuf::from(root).join("evm")).filter(|path| path.exists());
    if found.is_none() {
        eprintln!("skipped: PLINTH_FIXTURES has no evm");
    }
    found
}

/// A chain that starts where the published one ends: its number, time, gas limit, chain id and first accounts.
fn published(fixtures: &Path) -> Zone {
    let file = std::fs::read_to_string(fixtures.join("rpc-compat-chain/genesis.json")).unwrap();
    let mut genesis: Genesis = serde_json::from_str(&file).unwrap();
    genesis.config.osaka_time = Some(0);
    genesis.number = Some(0x36);
    genesis.timestamp = 0x21c;
    genesis.gas_limit = 200_000_000;
    // So that the next block's is the published 23,985,819.
    genesis.base_fee_per_gas = Some(27_412_364);
    genesis.extra_data = Default::default();
    // The blocks of the published chain paid their rewards there.
    genesis.alloc.insert(Address::ZERO, GenesisAccount::default().with_balance(U256::ONE));
    Zone::over(chain_of(&genesis, None, 1))
}

fn exchange(text: &str) -> (Value, Value) {
    let line = |mark: &str| serde_json::from_str(text.lines().find_map(|line| line.strip_prefix(mark)).unwrap()).unwrap();
    (line(">> "), line("<< "))
}

/// Without what depends on the state of the published chain.
fn comparable(mut answer: Value, returning_hashes: bool) -> Value {
    match &mut answer {
        Value::Object(fields) => {
            OF_THE_STATE.iter().for_each(|field| drop(fields.remove(*field)));
            if returning_hashes {
                fields.remove("returnData");
            }
            fields.values_mut().for_each(|field| *field = comparable(field.take(), returning_hashes));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| *value = comparable(value.take(), returning_hashes)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    answer
}

/// Where two answers differ, and how.
fn differences(place: &str, found: &Value, expected: &Value) -> Vec<String> {
    match (found, expected) {
        (Value::Object(a), Value::Object(b)) => {
            let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            names.into_iter().flat_map(|name| differences(&format!("{place}.{name}"), &found[name], &expected[name])).collect()
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            (0..a.len()).flat_map(|index| differences(&format!("{place}[{index}]"), &a[index], &b[index])).collect()
        }
        _ if found == expected => Vec::new(),
        _ => vec![format!("{place}: {found}, published {expected}")],
    }
}

#[test]
fn the_published_exchanges_are_answered_as_published() {
    let Some(fixtures) = fixtures() else { return };
    let zone = published(&fixtures);
    let (mut compared, mut differing) = (0, Vec::new());
    let mut files: Vec<_> =
        std::fs::read_dir(fixtures.join("dev/rpc-compat/eth_simulateV1")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let name = file.file_stem().unwrap().to_str().unwrap().trim_start_matches("ethSimulate-").to_owned();
        if OTHERWISE.iter().any(|(other, _)| *other == name) {
            continue;
        }
        let (question, expected) = exchange(&std::fs::read_to_string(&file).unwrap());
        let answered = match zone.ask("eth_simulateV1", question["params"].clone()) {
            Ok(answer) => json!({ "result": answer }),
            Err(error) => json!({ "error": error }),
        };
        let expected = json!({ "result": expected["result"], "error": expected["error"] });
        let hashes = RETURNING_HASHES.contains(&name.as_str());
        differing.extend(differences(&name, &comparable(answered, hashes), &comparable(expected, hashes)));
        compared += 1;
    }
    assert_eq!(differing, Vec::<String>::new());
    assert!(compared >= 57, "{compared}");
}

fn simulated(zone: &Zone, blocks: Value, base: &str) -> Value {
    zone.get("eth_simulateV1", json!([{ "blockStateCalls": blocks, "validation": true }, base]))
}

#[test]
fn a_simulated_block_has_the_roots_of_the_block_that_is_then_made_and_leaves_nothing() {
    let zone = Zone::start();
    zone.get("eth_sendRawTransaction", json!([payment(0, 0, 7)]));
    assert!(zone.node.produce_one().unwrap());
    let made = zone.get("eth_getBlockByNumber", json!(["0x1", false]));
    let call = json!({
        "from": Wallet::numbered(0).address(), "to": Wallet::numbered(1).address(), "gas": "0x5208", "value": "0x7",
        "maxFeePerGas": "0xb2d05e00", "maxPriorityFeePerGas": "0x5",
    });
    let block = json!({ "blockOverrides": { "time": made["timestamp"], "feeRecipient": FEES }, "calls": [call] });
    let poorer = json!({ "stateOverrides": { Wallet::numbered(2).address().to_string(): { "balance": "0x1" } } });
    let first = simulated(&zone, json!([block, poorer]), "0x0");
    for field in ["stateRoot", "receiptsRoot", "gasUsed", "baseFeePerGas", "parentHash", "logsBloom", "requestsHash"] {
        assert_eq!(first[0][field], made[field], "{field}");
    }
    assert_ne!(first[1]["stateRoot"], first[0]["stateRoot"]);
    assert_eq!(first[1]["parentHash"], first[0]["hash"]);
    // On a block of the past, and again; then the chain goes on, and another chain makes the same of its block.
    let refused = json!([{ "blockStateCalls": [block, { "calls": [{ "gas": "0x0" }] }] }, "0x0"]);
    assert_eq!(zone.code("eth_simulateV1", refused), -38_013, "after a block that was tried");
    assert_eq!(simulated(&zone, json!([block, poorer]), "0x0"), first);
    zone.get("eth_sendRawTransaction", json!([payment(0, 1, 9)]));
    assert!(zone.node.produce_one().unwrap());
    let mut copy = chain_of(&dev_genesis(), None, 1);
    for number in ["0x1", "0x2"] {
        let bytes = serde_json::from_value::<plinth_evm::ethereum::Bytes>(zone.get("debug_getRawBlock", json!([number]))).unwrap();
        copy.import(&bytes).unwrap();
    }
    assert_eq!(copy.head().hash, zone.node.chain().head().hash);
}

#[test]
fn simulated_blocks_see_each_other_by_hash_and_failed_calls_say_why() {
    let zone = Zone::start();
    let at = |number: u8| Address::repeat_byte(number).to_string();
    // BLOCKHASH(NUMBER - 1), returned; REVERT with a word, after paying on; INVALID.
    let code = json!({
        at(0xA1): { "code": "0x6001430340" .to_owned() + "5f5260205ff3" },
        at(0xA2): { "code": format!("0x5f5f5f5f600173{}5af15060aa5f5260205ffd", "a4".repeat(20)), "balance": "0x5" },
        at(0xA3): { "code": "0xfe" },
    });
    let calls = json!([{ "to": at(0xA1) }, { "to": at(0xA2) }, { "to": at(0xA3), "gas": "0x10000" }]);
    let asked = json!([
        { "blockStateCalls": [{ "blockOverrides": { "number": "0x3" }, "stateOverrides": code }, { "calls": calls }], "traceTransfers": true },
    ]);
    let blocks = zone.get("eth_simulateV1", asked);
    let blocks = blocks.as_array().unwrap();
    let numbers: Vec<&str> = blocks.iter().map(|block| block["number"].as_str().unwrap()).collect();
    assert_eq!(numbers, ["0x1", "0x2", "0x3", "0x4"], "gaps are filled");
    let [hashed, reverted, halted] = blocks[3]["calls"].as_array().unwrap().as_slice() else { panic!("{}", blocks[3]) };
    assert_eq!(hashed["returnData"], blocks[2]["hash"]);
    assert_eq!((&reverted["status"], &reverted["error"]["code"]), (&json!("0x0"), &json!(3)));
    assert_eq!(reverted["error"]["data"], json!(format!("{:#066x}", 0xaa)));
    assert_eq!((&reverted["logs"], &reverted["returnData"]), (&json!([]), &json!("0x")));
    assert_eq!((&halted["error"]["code"], &halted["gasUsed"]), (&json!(-32_015), &json!("0x10000")));
}

#[test]
fn what_exceeds_the_limits_of_the_standard_gets_its_code() {
    let zone = Zone::start();
    let code = |blocks: Value| zone.code("eth_simulateV1", json!([{ "blockStateCalls": blocks }]));
    assert_eq!(code(json!([])), -32_602);
    assert_eq!(code(json!([{ "blockOverrides": { "number": "0x101" } }])), -38_026);
    assert_eq!(code(json!([{ "blockOverrides": { "number": format!("{:#x}", U256::MAX) } }])), -38_026);
    assert_eq!(code(json!([{ "blockOverrides": { "time": "0xffffffffffffffff" } }, {}])), -38_021);
    assert_eq!(code(json!([{ "blockOverrides": { "gasLimit": "0x5207" }, "calls": [{ "gas": "0x5208" }] }])), -38_015);
    let target = Address::repeat_byte(0xA1).to_string();
    let moved =
        |from: u64, to: &str| (Address::left_padding_from(&[from as u8]).to_string(), json!({ "movePrecompileToAddress": to }));
    let both: serde_json::Map<_, _> = [moved(1, &target), moved(2, &target)].into_iter().collect();
    assert_eq!(code(json!([{ "stateOverrides": both }])), -38_023);
    let itself: serde_json::Map<_, _> = [moved(1, &moved(1, "").0)].into_iter().collect();
    assert_eq!(code(json!([{ "stateOverrides": itself }])), -38_022);
    assert_eq!(zone.get("eth_simulateV1", json!([{ "blockStateCalls": vec![json!({}); 256] }])).as_array().unwrap().len(), 256);
}
