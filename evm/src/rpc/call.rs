//! `eth_call`, `eth_estimateGas`: transactions tried on a state and dropped.

use super::error;
use super::params::Call;
use crate::execution::serial::ViewDatabase;
use crate::execution::{BlockContext, Ending, Rejection, TransactionResult};
use crate::limits::CALL_GAS_MAX;
use crate::machine::{CfgEnv, ExecuteEvm, HaltReason, TxEnv, WrapDatabaseRef};
use crate::state::StateView;
use jsonrpsee::types::ErrorObjectOwned;

/// EIP-7825: what a transaction may use at most.
const TRANSACTION_GAS_MAX: u64 = 1 << 24;
/// An estimate is at most this much too high, in parts of a thousand; geth's choice.
const ESTIMATE_ERROR_PER_MILLE: u64 = 15;

/// Runs a transaction on `state`. Its nonce and its sender's code do not matter; without a price it pays none.
pub(super) fn attempt<S: StateView>(state: &S, context: &BlockContext, tx: TxEnv) -> Result<TransactionResult, Rejection> {
    let mut machine = context.machine(WrapDatabaseRef(ViewDatabase(state)));
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

pub(super) fn call<S: StateView>(state: &S, context: &BlockContext, call: &Call) -> Result<TransactionResult, ErrorObjectOwned> {
    let tx = call.env(context.cfg.chain_id, call.gas().unwrap_or(CALL_GAS_MAX))?;
    let result = attempt(state, context, tx).map_err(|rejection| error::rejection(&rejection))?;
    if result.is_success() { Ok(result) } else { Err(error::failed(&result)) }
}

/// The least gas with which the transaction succeeds, nearly.
pub(super) fn estimate<S: StateView>(state: &S, context: &BlockContext, call: &Call) -> Result<u64, ErrorObjectOwned> {
    let mut most = call.gas().unwrap_or(u64::MAX).min(context.env.gas_limit).min(TRANSACTION_GAS_MAX);
    let tx = call.env(context.cfg.chain_id, most)?;
    if tx.gas_price > 0 {
        let balance = state.account(&tx.caller).unwrap_or_default().balance;
        let left = balance.checked_sub(tx.value).ok_or_else(|| error::server("insufficient funds for transfer"))?;
        most = most.min(u64::try_from(left / crate::ethereum::U256::from(tx.gas_price)).unwrap_or(u64::MAX));
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
