//! Requests to the consensus layer (EIP-7685): deposits from logs, withdrawals and consolidations from system contracts.
//!
//! A chain without those contracts has no requests.

use crate::ethereum::{
    Address, B256, Bytes, CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_TYPE, Log, U256,
    WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, WITHDRAWAL_REQUEST_TYPE, b256,
};
use crate::execution::{BlockResult, Ending};
use crate::state::StateView;
use sha2::{Digest, Sha256};

const DEPOSIT_REQUEST_TYPE: u8 = 0;
/// `DepositEvent(bytes,bytes,bytes,bytes,bytes)`.
const DEPOSIT_EVENT: B256 = b256!("649bbc62d0e31342afea4e5cd82d4049e7e1ee912fc0889aa790803be39038c5");
/// Offsets and lengths of the event's five fields; EIP-6110 allows no other layout.
const DEPOSIT_FIELDS: [(usize, usize); 5] = [(160, 48), (256, 32), (320, 8), (384, 96), (512, 8)];
const DEPOSIT_DATA: usize = 576;

/// The block is invalid for its requests.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestsError {
    /// A log of the deposit contract that is no deposit.
    #[error("malformed deposit log")]
    Deposit,
    /// A system contract failed.
    #[error("system contract {0} failed: {1:?}")]
    Contract(Address, Ending),
}

/// System contracts to call at the end of a block on `state`.
pub(super) fn contracts(state: &impl StateView) -> Vec<Address> {
    [WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS]
        .into_iter()
        .filter(|address| state.account(address).is_some_and(|account| account.has_code()))
        .collect()
}

/// The header's `requestsHash`.
pub(super) fn hash(result: &BlockResult, contracts: &[Address], deposit_contract: Option<Address>) -> Result<B256, RequestsError> {
    let mut requests: Vec<(u8, Vec<u8>)> = Vec::new();
    let logs = result.transactions.iter().flatten().flat_map(|transaction| &transaction.logs);
    let deposits = logs.filter(|log| Some(log.address) == deposit_contract && log.data.topics().first() == Some(&DEPOSIT_EVENT));
    requests.push((DEPOSIT_REQUEST_TYPE, deposits.map(deposit).collect::<Result<Vec<_>, _>>()?.concat()));
    for (address, output) in contracts.iter().zip(&result.system_outputs) {
        let output: &Bytes = output.as_ref().map_err(|ending| RequestsError::Contract(*address, ending.clone()))?;
        let kind =
            if *address == WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS { WITHDRAWAL_REQUEST_TYPE } else { CONSOLIDATION_REQUEST_TYPE };
        requests.push((kind, output.to_vec()));
    }
    let mut all = Sha256::new();
    for (kind, data) in requests.iter().filter(|(_, data)| !data.is_empty()) {
        all.update(Sha256::new().chain_update([*kind]).chain_update(data).finalize());
    }
    Ok(B256::from_slice(&all.finalize()))
}

fn deposit(log: &Log) -> Result<Vec<u8>, RequestsError> {
    let data = &log.data.data;
    let word = |at: usize| data.get(at..at + 32).and_then(|word| U256::from_be_slice(word).try_into().ok());
    let well_formed = data.len() == DEPOSIT_DATA
        && DEPOSIT_FIELDS
            .iter()
            .enumerate()
            .all(|(index, (offset, length))| word(index * 32) == Some(*offset) && word(*offset) == Some(*length));
    if !well_formed {
        return Err(RequestsError::Deposit);
    }
    Ok(DEPOSIT_FIELDS.iter().flat_map(|(offset, length)| data[offset + 32..offset + 32 + length].to_vec()).collect())
}
