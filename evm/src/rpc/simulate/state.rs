//! Accounts as the caller would have them, before a block.

use super::super::error::{invalid, server, simulation};
use super::precompiles::Precompiles;
use crate::ethereum::{AccountOverride, Address, StateOverride};
use crate::machine::Bytecode;
use crate::state::{AccountChange, Changes, StateView};
use jsonrpsee::types::ErrorObjectOwned;

const MOVED_TO_ITSELF: i32 = -38_022;
const MOVED_TWICE: i32 = -38_023;

/// What `overrides` changes of `state`; precompiles move at once. A precompile whose account is overridden is no longer one.
pub(super) fn changes(
    state: &impl StateView,
    overrides: StateOverride,
    precompiles: &mut Precompiles,
) -> Result<Changes, ErrorObjectOwned> {
    move_precompiles(&overrides, precompiles)?;
    let mut changes = Changes::default();
    for (address, account) in overrides {
        let change = changed(state, address, account, &mut changes)?;
        changes.accounts.insert(address, change);
    }
    Ok(changes)
}

fn move_precompiles(overrides: &StateOverride, precompiles: &mut Precompiles) -> Result<(), ErrorObjectOwned> {
    let mut targets = Vec::new();
    // In the order of addresses, so that the same request gets the same error.
    for (address, account) in overrides.iter().collect::<std::collections::BTreeMap<_, _>>() {
        let original = precompiles.take(address);
        let Some(target) = account.move_precompile_to else { continue };
        let original = original.ok_or_else(|| server(format!("account {address} is not a precompile")))?;
        if target == *address {
            return Err(simulation(MOVED_TO_ITSELF, format!("precompile {address} is moved to itself")));
        }
        if overrides.contains_key(&target) || targets.iter().any(|(taken, _)| *taken == target) {
            return Err(simulation(MOVED_TWICE, format!("account {target} is already overridden")));
        }
        targets.push((target, original));
    }
    targets.into_iter().for_each(|(target, original)| precompiles.put(target, original));
    Ok(())
}

fn changed(
    state: &impl StateView,
    address: Address,
    account: AccountOverride,
    changes: &mut Changes,
) -> Result<AccountChange, ErrorObjectOwned> {
    if account.state.is_some() && account.state_diff.is_some() {
        return Err(invalid(format!("account {address} has both 'state' and 'stateDiff'")));
    }
    let mut after = state.account(&address).unwrap_or_default();
    after.balance = account.balance.unwrap_or(after.balance);
    after.nonce = account.nonce.unwrap_or(after.nonce);
    if let Some(code) = account.code {
        let code = Bytecode::new_raw_checked(code).map_err(|error| invalid(format!("code of {address}: {error}")))?;
        after.code_hash = code.hash_slow();
        changes.codes.insert(after.code_hash, code);
    }
    let wiped = account.state.is_some();
    let slots = account.state.into_iter().flatten().chain(account.state_diff.into_iter().flatten());
    let storage = slots.map(|(slot, value)| (slot.into(), value.into())).collect();
    // EIP-161: an empty account does not exist, nor does storage in it.
    Ok(AccountChange { account: Some(after).filter(|after| !after.is_empty()), wiped, storage })
}
