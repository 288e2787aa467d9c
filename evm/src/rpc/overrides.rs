//! State and block as a caller would have them: what `eth_call`, `eth_estimateGas`, `eth_createAccessList` and `debug_traceCall` override.
//!
//! Precompiles stay where and what they are; hashes of ancestors stay too.

use super::error::invalid;
use crate::ethereum::{AccountOverride, Address, B256, BlockOverrides, StateOverride, U256};
use crate::execution::BlockContext;
use crate::execution::serial::ViewDatabase;
use crate::machine::{AccountInfo, Bytecode, CacheDB, CachedState, DatabaseRef, EthPrecompiles};
use crate::state::StateView;
use jsonrpsee::types::ErrorObjectOwned;
use std::convert::Infallible;

/// A state with overrides upon it.
pub(super) type Overridden<'a, S> = CacheDB<ViewDatabase<'a, S>>;

/// `state` with `overrides` upon it, under the rules of `context`.
pub(super) fn state<'a, S: StateView>(
    state: &'a S,
    overrides: Option<StateOverride>,
    context: &BlockContext,
) -> Result<Overridden<'a, S>, ErrorObjectOwned> {
    let mut database = CacheDB::new(ViewDatabase(state));
    let precompiles = EthPrecompiles::new(context.cfg.spec);
    for (address, account) in overrides.unwrap_or_default() {
        if account.move_precompile_to.is_some() || account.code.is_some() && precompiles.contains(&address) {
            return Err(invalid(format!("precompiles cannot be moved or replaced: {address}")));
        }
        override_account(&mut database, address, account)?;
    }
    Ok(database)
}

fn override_account<S: StateView>(
    database: &mut Overridden<'_, S>,
    address: Address,
    account: AccountOverride,
) -> Result<(), ErrorObjectOwned> {
    if account.state.is_some() && account.state_diff.is_some() {
        return Err(invalid(format!("account {address} has both 'state' and 'stateDiff'")));
    }
    let mut info = info(database, address);
    info.balance = account.balance.unwrap_or(info.balance);
    info.nonce = account.nonce.unwrap_or(info.nonce);
    if let Some(code) = account.code {
        let code = Bytecode::new_raw_checked(code).map_err(|error| invalid(format!("code of {address}: {error}")))?;
        info.code_hash = code.hash_slow();
        info.code = Some(code);
    }
    database.insert_account_info(address, info);
    let Ok(entry) = database.load_account(address);
    if let Some(whole) = account.state {
        entry.account_state = CachedState::StorageCleared;
        entry.storage.extend(whole.into_iter().map(words));
    }
    entry.storage.extend(account.state_diff.into_iter().flatten().map(words));
    Ok(())
}

fn words((slot, value): (B256, B256)) -> (U256, U256) {
    (slot.into(), value.into())
}

/// An account there; an empty one if there is none.
pub(super) fn info(database: &impl DatabaseRef<Error = Infallible>, address: Address) -> AccountInfo {
    let Ok(found) = database.basic_ref(address);
    found.unwrap_or_default()
}

/// Lets `overrides` change the block of `context`.
pub(super) fn block(context: &mut BlockContext, overrides: Option<BlockOverrides>) -> Result<(), ErrorObjectOwned> {
    let Some(overrides) = overrides else { return Ok(()) };
    if overrides.block_hash.is_some() || overrides.beacon_root.is_some() || overrides.blob_base_fee.is_some() {
        return Err(invalid("block hashes, the beacon root and the blob base fee cannot be overridden"));
    }
    let env = &mut context.env;
    env.number = overrides.number.unwrap_or(env.number);
    env.timestamp = overrides.time.map_or(env.timestamp, U256::from);
    env.gas_limit = overrides.gas_limit.unwrap_or(env.gas_limit);
    env.beneficiary = overrides.coinbase.unwrap_or(env.beneficiary);
    env.prevrandao = overrides.random.or(env.prevrandao);
    if let Some(base_fee) = overrides.base_fee {
        env.basefee = u64::try_from(base_fee).map_err(|_| invalid("baseFeePerGas exceeds 64 bits"))?;
    }
    Ok(())
}
