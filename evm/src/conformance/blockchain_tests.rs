//! Blockchain tests: blocks imported one after another, the invalid ones refused.

use super::json::{bytes, cases, number, word, world};
use super::{FixtureError, Report, WORKERS};
use crate::chain::Chain;
use crate::ethereum::{B256, Block, Decodable, MAINNET_DEPOSIT_CONTRACT_ADDRESS, TxEnvelope};
use crate::execution::parallel::Pool;
use crate::state::WorldState;
use crate::trie::StateTrie;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Runs every Osaka case of every file below `root`, with several numbers of workers.
pub fn run_blockchain_tests(root: &Path) -> Result<Report, FixtureError> {
    let mut report = Report::default();
    for (name, case) in cases(root)? {
        match case["network"].as_str() {
            Some("Osaka") => report.note(&name, WORKERS.into_iter().try_for_each(|workers| run(&case, workers))),
            Some(fork) => report.skip(fork),
            None => report.failed.push(format!("{name}: no network")),
        }
    }
    Ok(report)
}

fn run(case: &Value, workers: usize) -> Result<(), String> {
    let pool = Arc::new(Pool::new(workers).map_err(|error| error.to_string())?);
    let pre = world(&case["pre"]).ok_or("unreadable pre state")?;
    let genesis_rlp = bytes(&case["genesisRLP"]).ok_or("unreadable genesis")?;
    let genesis = Block::<TxEnvelope>::decode(&mut &genesis_rlp[..]).map_err(|error| error.to_string())?.header;
    let mut trie = StateTrie::of(&pre, &pool);
    let root = trie.root(&pool, usize::MAX);
    if root != genesis.state_root {
        return Err(format!("genesis state root {root} instead of {}", genesis.state_root));
    }
    let mut start = pre;
    start.insert_block_hash(genesis.number, genesis.hash_slow());
    let chain_id = number(&case["config"]["chainid"]).unwrap_or(1);
    let mut chain = Chain::start(start, trie, genesis, chain_id, Some(MAINNET_DEPOSIT_CONTRACT_ADDRESS), pool);
    for (index, block) in case["blocks"].as_array().into_iter().flatten().enumerate() {
        let rlp = bytes(&block["rlp"]).ok_or("unreadable block")?;
        let refusal_expected = &block["expectException"];
        match (chain.import(&rlp), refusal_expected.is_null()) {
            (Ok(_), true) | (Err(_), false) => {}
            (Ok(_), false) => return Err(format!("block {index} should be refused: {refusal_expected}")),
            (Err(error), true) => return Err(format!("block {index}: {error}")),
        }
    }
    let last: B256 = word(&case["lastblockhash"]).ok_or("unreadable last block hash")?.into();
    if chain.head().hash != last {
        return Err(format!("head {} instead of {last}", chain.head().hash));
    }
    // A refused block must have left nothing behind, in the trie either.
    let header = chain.header().clone();
    let expected = world(&case["postState"]).ok_or("unreadable post state")?;
    if accounts(chain.world()) != accounts(&expected) {
        return Err(format!("state of block {} differs", header.number));
    }
    Ok(())
}

fn accounts(world: &WorldState) -> BTreeMap<String, String> {
    world
        .accounts()
        .map(|(address, account)| {
            let storage: BTreeMap<_, _> = account.storage.iter().collect();
            (address.to_string(), format!("{:?} {storage:?}", account.account))
        })
        .collect()
}
