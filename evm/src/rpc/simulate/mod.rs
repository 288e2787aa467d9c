//! `eth_simulateV1`: blocks of calls on a state of the chain, as the execution-apis describe it and geth answers it.
//!
//! - [`plan`] puts the blocks in order and fills gaps of numbers; [`state`] overrides accounts and moves precompiles; [`calls`] runs the calls;
//!   [`transfers`] makes ETH's movements logs.
//! - A simulated block is sealed as this zone would seal it ([`crate::chain::Trial`]): system calls, real roots, real hash.
//! - All calls of a request share [`crate::limits::CALL_GAS_MAX`]; its blocks are at most [`crate::limits::SIMULATED_BLOCKS_MAX`].
//!
//! # Known limitations
//!
//! - Hashes of legacy and access-list transactions are those of a zero signature as alloy encodes it: a legacy one has another `v` than geth's.
//! - No blobs, no withdrawals, no EIP-7702 authorisations in calls; the blob base fee and hashes of ancestors cannot be overridden.
//! - The chain cannot move meanwhile, since there is one trie; the gas shared by all calls bounds how long.

mod calls;
mod plan;
mod precompiles;
mod state;
mod transfers;

use super::answer::{self, hex};
use super::error::{Answer, invalid, pruned, unknown_block};
use super::params::{Arguments, BlockName, Call};
use crate::chain::Sealed;
use crate::ethereum::{BlockOverrides, Header, StateOverride};
use crate::limits::CALL_GAS_MAX;
use crate::machine::SpecId;
use crate::node::Node;
use calls::{Called, Runner};
use jsonrpsee::types::ErrorObjectOwned;
use precompiles::Precompiles;
use serde::Deserialize;
use serde_json::{Value, json};

/// What is asked for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Simulation {
    block_state_calls: Vec<BlockCalls>,
    #[serde(default)]
    trace_transfers: bool,
    #[serde(default)]
    validation: bool,
    #[serde(default)]
    return_full_transactions: bool,
}

/// One block of it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct BlockCalls {
    block_overrides: Option<BlockOverrides>,
    state_overrides: Option<StateOverride>,
    calls: Option<Vec<Call>>,
}

pub(super) fn simulate(node: &Node, mut arguments: Arguments) -> Answer {
    let (asked, base): (Simulation, Option<BlockName>) = (arguments.next()?, arguments.optional()?);
    if asked.block_state_calls.is_empty() {
        return Err(invalid("empty input"));
    }
    let mut chain = node.chain_mut();
    let number = base.unwrap_or_default().find(&chain)?.ok_or_else(|| unknown_block("header not found"))?.number;
    let base = chain.blocks().by_number(number).cloned().ok_or_else(|| unknown_block("header not found"))?;
    let mut parent = (base.record.block.header.clone(), base.hash);
    let planned = plan::blocks(asked.block_state_calls, &parent.0)?;
    let mut trial = chain.trial(number).ok_or_else(|| pruned(number))?;
    let mut runner = Runner {
        gas_left: CALL_GAS_MAX,
        validation: asked.validation,
        trace_transfers: asked.trace_transfers,
        precompiles: Precompiles::of(SpecId::OSAKA),
    };
    let mut answers = Vec::with_capacity(planned.len());
    for block in planned {
        let mut header = Header { timestamp: block.timestamp, number: block.number, ..trial.child(&parent.0, parent.1) };
        if !asked.validation {
            header.base_fee_per_gas = Some(0);
        }
        plan::override_header(&mut header, block.overrides)?;
        // Each block moves them anew.
        runner.precompiles = Precompiles::of(SpecId::OSAKA);
        let changes = state::changes(trial.state(), block.accounts, &mut runner.precompiles)?;
        trial.change(&changes);
        let mut called = Vec::new();
        let sealed = trial.block(header, |context, database| {
            let ran = runner.run(context, database, &block.calls)?;
            let (pairs, rest) = ran.into_iter().map(|call| ((call.transaction, call.result), call.seen)).unzip();
            called = rest;
            Ok::<_, ErrorObjectOwned>(pairs)
        })?;
        answers.push(answer(&sealed, &called, asked.return_full_transactions));
        parent = (sealed.record.block.header, sealed.hash);
    }
    Ok(Value::Array(answers))
}

fn answer(sealed: &Sealed, called: &[Called], full: bool) -> Value {
    let mut log_index = 0;
    let calls = called.iter().enumerate().map(|(index, call)| {
        let logs = call.logs.iter().map(|log| {
            log_index += 1;
            answer::log(sealed, index, log_index - 1, log)
        });
        let mut answer = json!({
            "returnData": call.return_data,
            "logs": logs.collect::<Vec<_>>(),
            "gasUsed": hex(call.gas_used),
            "maxUsedGas": hex(call.max_used_gas),
            "status": if call.error.is_none() { "0x1" } else { "0x0" },
        });
        if let Some(error) = &call.error {
            answer["error"] = json!(error);
        }
        answer
    });
    let calls = calls.collect();
    let mut answer = answer::block(sealed, full);
    answer["calls"] = Value::Array(calls);
    answer
}
