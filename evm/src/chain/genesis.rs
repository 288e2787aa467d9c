//! From a genesis file, as geth writes it, to the first block and its state.

use crate::ethereum::{B256, Bloom, EMPTY_OMMER_ROOT_HASH, EMPTY_ROOT_HASH, EMPTY_WITHDRAWALS, Genesis, Header, U256, b256};
use crate::execution::parallel::Pool;
use crate::machine::Bytecode;
use crate::state::{AccountState, WorldAccount, WorldState};
use crate::trie::StateTrie;

/// SHA-256 of no requests (EIP-7685).
pub(super) const EMPTY_REQUESTS_HASH: B256 = b256!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

/// The genesis file cannot start this chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenesisError {
    /// Only Osaka's rules are here.
    #[error("the genesis must be of Osaka from its first block on: \"osakaTime\" {0:?} is not at most its timestamp {1}")]
    NotOsaka(Option<u64>, u64),
    /// A delegation with a malformed target.
    #[error("malformed code of account {0}")]
    Code(crate::ethereum::Address),
    /// The base fee does not fit.
    #[error("base fee {0} exceeds 64 bits")]
    BaseFee(u128),
}

/// The state, its trie, and the first header.
pub fn genesis_state(genesis: &Genesis, pool: &Pool) -> Result<(WorldState, StateTrie, Header), GenesisError> {
    let osaka = genesis.config.osaka_time;
    if osaka.is_none_or(|time| time > genesis.timestamp) {
        return Err(GenesisError::NotOsaka(osaka, genesis.timestamp));
    }
    let mut world = WorldState::default();
    for (address, account) in &genesis.alloc {
        let code = Bytecode::new_raw_checked(account.code.clone().unwrap_or_default()).map_err(|_| GenesisError::Code(*address))?;
        let code_hash = world.insert_code(code);
        let storage =
            account.storage.iter().flatten().map(|(slot, value)| (U256::from_be_bytes(slot.0), U256::from_be_bytes(value.0)));
        let state = AccountState { balance: account.balance, nonce: account.nonce.unwrap_or_default(), code_hash };
        world.insert(*address, WorldAccount { account: state, storage: storage.filter(|(_, value)| !value.is_zero()).collect() });
    }
    let mut trie = StateTrie::of(&world, pool);
    let base_fee = genesis.base_fee_per_gas.unwrap_or(1_000_000_000);
    let header = Header {
        parent_hash: genesis.parent_hash.unwrap_or_default(),
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: genesis.coinbase,
        state_root: trie.root(pool, genesis.alloc.len()),
        transactions_root: EMPTY_ROOT_HASH,
        receipts_root: EMPTY_ROOT_HASH,
        logs_bloom: Bloom::ZERO,
        difficulty: genesis.difficulty,
        number: genesis.number.unwrap_or_default(),
        gas_limit: genesis.gas_limit,
        gas_used: 0,
        timestamp: genesis.timestamp,
        extra_data: genesis.extra_data.clone(),
        mix_hash: genesis.mix_hash,
        nonce: genesis.nonce.into(),
        base_fee_per_gas: Some(u64::try_from(base_fee).map_err(|_| GenesisError::BaseFee(base_fee))?),
        withdrawals_root: Some(EMPTY_WITHDRAWALS),
        blob_gas_used: Some(genesis.blob_gas_used.unwrap_or_default()),
        excess_blob_gas: Some(genesis.excess_blob_gas.unwrap_or_default()),
        parent_beacon_block_root: Some(B256::ZERO),
        requests_hash: Some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    };
    world.insert_block_hash(header.number, header.hash_slow());
    Ok((world, trie, header))
}
