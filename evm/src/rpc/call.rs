//! `eth_call`, `eth_estimateGas`, `eth_createAccessList`: transactions tried on a state and dropped.

use super::answer::hex;
use super::error::{self, Answer};
use super::overrides::{self, Overridden};
use super::params::{Arguments, BlockName, Call};
use crate::chain::HistoricState;
use crate::ethereum::{BlockOverrides, StateOverride, U256};
use crate::execution::{BlockContext, Ending, Rejection, TransactionResult};
use crate::limits::{ACCESS_LIST_RUNS_MAX, CALL_GAS_MAX};
use crate::machine::{
    AccessListInspector, CfgEnv, DatabaseRef, ExecuteEvm, HaltReason, InspectEvm, MainBuilder, TxEnv, WrapDatabaseRef,
};
use crate::node::{Node, unix_time_s};
use jsonrpsee::types::ErrorObjectOwned;
use serde_json::json;
use std::convert::Infallible;

/// EIP-7825: what a transaction may use at most.
const TRANSACTION_GAS_MAX: u64 = 1 << 24;
/// An estimate is at most this much too high, in parts of a thousand; geth's choice.
const ESTIMATE_ERROR_PER_MILLE: u64 = 15;

pub(super) fn call(node: &Node, arguments: Arguments) -> Answer {
    surrounded(node, arguments, "latest", |state, context, tried| {
        let tx = tried.env(context.cfg.chain_id, tried.gas().unwrap_or(CALL_GAS_MAX))?;
        let result = attempt(state, context, tx).map_err(|rejection| error::rejection(&rejection))?;
        if result.is_success() { Ok(json!(result.output)) } else { Err(error::failed(&result)) }
    })
}

pub(super) fn estimate_gas(node: &Node, arguments: Arguments) -> Answer {
    surrounded(node, arguments, "pending", |state, context, tried| estimate(state, context, tried).map(hex))
}

/// Addresses and slots that the transaction touches when it may use them as if listed, and the gas it then uses.
pub(super) fn access_list(node: &Node, arguments: Arguments) -> Answer {
    surrounded(node, arguments, "pending", |state, context, tried| {
        let mut tx = tried.env(context.cfg.chain_id, tried.gas().unwrap_or(CALL_GAS_MAX))?;
        let mut context = context.clone();
        loosen(&mut context.cfg, &tx);
        for runs_left in (0..ACCESS_LIST_RUNS_MAX).rev() {
            let mut inspector = AccessListInspector::new(tx.access_list.clone());
            let machine = context.context(WrapDatabaseRef(state));
            let run = machine.build_mainnet_with_inspector(&mut inspector).inspect_tx(tx.clone());
            let result = TransactionResult::from(run.map_err(|error| error::rejection(&Rejection::from(error)))?.result);
            let found = inspector.into_access_list();
            if found == tx.access_list || runs_left == 0 {
                let mut answer = json!({ "accessList": found, "gasUsed": hex(result.gas_used) });
                if !result.is_success() {
                    answer["error"] = json!(error::failed(&result).message());
                }
                return Ok(answer);
            }
            tx.access_list = found;
            tx.tx_type = tx.tx_type.max(1);
        }
        Err(error::server("no run is allowed"))
    })
}

/// What stands before every try: the transaction, the block (`default` if none is named), overrides of the state, of the block.
fn surrounded(
    node: &Node,
    mut arguments: Arguments,
    default: &str,
    tried: impl FnOnce(&Overridden<'_, HistoricState<'_>>, &BlockContext, &Call) -> Answer,
) -> Answer {
    let call: Call = arguments.next()?;
    let block = arguments.optional()?.unwrap_or_else(|| BlockName::Word(default.into()));
    let (accounts, surroundings): (Option<StateOverride>, Option<BlockOverrides>) = (arguments.optional()?, arguments.optional()?);
    let chain = node.chain();
    let (state, header) = block.surroundings(&chain, unix_time_s(), node.fees_to())?;
    let mut context = chain.context(&header);
    overrides::block(&mut context, surroundings)?;
    tried(&overrides::state(&state, accounts, &context)?, &context, &call)
}

/// Runs a transaction on `state`. Its nonce and its sender's code do not matter; without a price it pays none.
fn attempt(
    state: &impl DatabaseRef<Error = Infallible>,
    context: &BlockContext,
    tx: TxEnv,
) -> Result<TransactionResult, Rejection> {
    let mut machine = context.machine(WrapDatabaseRef(state));
    loosen(&mut machine.ctx.cfg, &tx);
    Ok(TransactionResult::from(machine.transact(tx)?.result))
}

/// The rules for a transaction that nobody signed.
pub(super) fn loosen(cfg: &mut CfgEnv, tx: &TxEnv) {
    cfg.disable_nonce_check = true;
    cfg.disable_eip3607 = true;
    cfg.disable_block_gas_limit = true;
    cfg.disable_base_fee = tx.gas_price == 0;
    cfg.tx_gas_limit_cap = Some(u64::MAX);
}

/// The least gas with which the transaction succeeds, nearly.
fn estimate(state: &impl DatabaseRef<Error = Infallible>, context: &BlockContext, call: &Call) -> Result<u64, ErrorObjectOwned> {
    let mut most = call.gas().unwrap_or(u64::MAX).min(context.env.gas_limit).min(TRANSACTION_GAS_MAX);
    let tx = call.env(context.cfg.chain_id, most)?;
    if tx.gas_price > 0 {
        let balance = overrides::info(state, tx.caller).balance;
        let left = balance.checked_sub(tx.value).ok_or_else(|| error::server("insufficient funds for transfer"))?;
        most = most.min(u64::try_from(left / U256::from(tx.gas_price)).unwrap_or(u64::MAX));
    }
    let with = |gas_limit: u64| attempt(state, context, TxEnv { gas_limit, ..tx.clone() });
    let whole = with(most).map_err(|rejection| error::rejection(&rejection))?;
    match &whole.ending {
        Ending::Success => {}
        Ending::Halt(HaltReason::OutOfGas(_)) => return Err(error::server(format!("gas required exceeds allowance ({most})"))),
        Ending::Halt(_) | Ending::Revert => return Err(error::failed(&whole)),
    }
    // Mostly what was used suffices: no refund, and no call that keeps back its 64th part.
    if with(whole.gas_used).is_ok_and(|result| result.is_success()) {
        return Ok(whole.gas_used);
    }
    let mut least = whole.gas_used - 1;
    while least + 1 < most && (most - least) * 1_000 > most * ESTIMATE_ERROR_PER_MILLE {
        let middle = (least + (most - least) / 2).min(least.saturating_mul(2));
        if with(middle).is_ok_and(|result| result.is_success()) {
            most = middle;
        } else {
            least = middle;
        }
    }
    Ok(most)
}
