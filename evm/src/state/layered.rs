//! A state with changes upon it that nobody else sees.

use super::{AccountState, Changes, StateView};
use crate::ethereum::{Address, B256, HashMap, U256};
use crate::machine::Bytecode;

/// `below`, and what was changed since.
#[derive(Debug)]
pub struct Layered<S> {
    below: S,
    changes: Changes,
    block_hashes: HashMap<u64, B256>,
}

impl<S: StateView> Layered<S> {
    /// Nothing changed yet.
    pub fn new(below: S) -> Self {
        Self { below, changes: Changes::default(), block_hashes: HashMap::default() }
    }

    /// Applies the changes of one more block.
    pub fn apply(&mut self, changes: &Changes) {
        for (address, change) in &changes.accounts {
            let entry = self.changes.accounts.entry(*address).or_default();
            entry.account = change.account;
            if change.wiped || change.account.is_none() {
                entry.wiped = true;
                entry.storage.clear();
            }
            entry.storage.extend(change.storage.iter().map(|(slot, value)| (*slot, *value)));
        }
        self.changes.codes.extend(changes.codes.iter().map(|(hash, code)| (*hash, code.clone())));
    }

    /// Remembers the hash of a block for BLOCKHASH.
    pub fn insert_block_hash(&mut self, number: u64, hash: B256) {
        self.block_hashes.insert(number, hash);
    }
}

impl<S: StateView> StateView for Layered<S> {
    fn account(&self, address: &Address) -> Option<AccountState> {
        self.changes.account(&self.below, address)
    }

    fn storage(&self, address: &Address, slot: &U256) -> U256 {
        let Some(change) = self.changes.accounts.get(address) else { return self.below.storage(address, slot) };
        let below = || if change.wiped { U256::ZERO } else { self.below.storage(address, slot) };
        change.storage.get(slot).copied().unwrap_or_else(below)
    }

    fn has_storage(&self, address: &Address) -> bool {
        let change = self.changes.accounts.get(address);
        change.is_some_and(|change| change.storage.values().any(|value| !value.is_zero()))
            || !change.is_some_and(|change| change.wiped) && self.below.has_storage(address)
    }

    fn code(&self, hash: &B256) -> Bytecode {
        self.changes.codes.get(hash).cloned().unwrap_or_else(|| self.below.code(hash))
    }

    fn block_hash(&self, number: u64) -> B256 {
        self.block_hashes.get(&number).copied().unwrap_or_else(|| self.below.block_hash(number))
    }
}
