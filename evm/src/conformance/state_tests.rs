//! State tests: one transaction, its logs, the state root after it.

use super::json::{address, bytes, cases, number, word, world};
use super::{FixtureError, Report, WORKERS};
use crate::ethereum::{B256, Encodable, Log, keccak256};
use crate::execution::{BlockContext, BlockPlan, BlockResult, parallel, serial};
use crate::machine::{BlobExcessGasAndPrice, BlockEnv, SpecId};
use crate::state::WorldState;
use crate::transaction::Transaction;
use crate::trie::StateTrie;
use serde_json::Value;
use std::path::Path;

/// Runs every Osaka case of every file below `root`.
pub fn run_state_tests(root: &Path) -> Result<Report, FixtureError> {
    let mut report = Report::default();
    for (name, case) in cases(root)? {
        let Some(posts) = case["post"].as_object() else {
            report.failed.push(format!("{name}: no post state"));
            continue;
        };
        for (fork, entries) in posts {
            for entry in entries.as_array().into_iter().flatten() {
                if fork == "Osaka" {
                    report.note(&name, run(&case, entry));
                } else {
                    report.skip(fork);
                }
            }
        }
    }
    Ok(report)
}

fn run(case: &Value, post: &Value) -> Result<(), String> {
    let before = world(&case["pre"]).ok_or("unreadable pre state")?;
    let context = context(case).ok_or("unreadable environment")?;
    let expected_root: B256 = word(&post["hash"]).ok_or("unreadable hash")?.into();
    let expected_logs: B256 = word(&post["logs"]).ok_or("unreadable logs hash")?.into();
    let refusal_expected = !post["expectException"].is_null();
    let encoded = bytes(&post["txbytes"]).ok_or("unreadable transaction")?;

    let transaction = match Transaction::decode(&encoded) {
        Ok(transaction) => transaction,
        Err(_) if refusal_expected => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    let plan = BlockPlan::plain(context);
    let mut oracle = serial::execute(&before, &plan, &[transaction.env()]);
    oracle.changes.normalise(&before);
    for workers in WORKERS {
        let pool = parallel::Pool::new(workers).map_err(|error| error.to_string())?;
        let (mut result, _) = parallel::execute(&before, &plan, &[transaction.env()], &[], &pool);
        result.changes.normalise(&before);
        if result != oracle {
            return Err(format!("parallel with {workers} workers differs from serial:\n{result:?}\n{oracle:?}"));
        }
        check(&before, &result, refusal_expected, expected_root, expected_logs, &pool)?;
    }
    Ok(())
}

fn check(
    before: &WorldState,
    result: &BlockResult,
    refusal_expected: bool,
    expected_root: B256,
    expected_logs: B256,
    pool: &parallel::Pool,
) -> Result<(), String> {
    let refusal = result.transactions[0].as_ref().err();
    match (refusal, refusal_expected) {
        (Some(refusal), false) => return Err(format!("refused: {refusal}")),
        (None, true) => return Err("not refused".into()),
        (Some(_), true) | (None, false) => {}
    }
    let logs: &[Log] = result.transactions[0].as_ref().map_or(&[], |result| &result.logs);
    if logs_hash(logs) != expected_logs {
        return Err(format!("logs {} instead of {expected_logs}", logs_hash(logs)));
    }
    // Incrementally from the state before, and anew from the state after: both must be the fixture's root.
    let mut trie = StateTrie::of(before, pool);
    trie.root(pool, 0);
    trie.apply(&result.changes, pool);
    let mut after = before.clone();
    after.apply(&result.changes);
    for root in [trie.root(pool, 0), StateTrie::of(&after, pool).root(pool, 0)] {
        if root != expected_root {
            return Err(format!("state root {root} instead of {expected_root}"));
        }
    }
    Ok(())
}

fn logs_hash(logs: &[Log]) -> B256 {
    let mut encoded = Vec::new();
    logs.to_vec().encode(&mut encoded);
    keccak256(encoded)
}

fn context(case: &Value) -> Option<BlockContext> {
    let env = &case["env"];
    let fraction = number(&case["config"]["blobSchedule"]["Osaka"]["baseFeeUpdateFraction"]).unwrap_or(5_007_716);
    let environment = BlockEnv {
        number: word(&env["currentNumber"])?,
        beneficiary: address(&env["currentCoinbase"])?,
        timestamp: word(&env["currentTimestamp"])?,
        gas_limit: number(&env["currentGasLimit"])?,
        basefee: number(&env["currentBaseFee"])?,
        prevrandao: word(&env["currentRandom"]).map(B256::from),
        blob_excess_gas_and_price: number(&env["currentExcessBlobGas"]).map(|excess| BlobExcessGasAndPrice::new(excess, fraction)),
        ..BlockEnv::default()
    };
    Some(BlockContext::new(SpecId::OSAKA, number(&case["config"]["chainid"])?, environment))
}
