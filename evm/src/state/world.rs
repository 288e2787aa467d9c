//! The whole state in memory.

use super::{AccountState, Changes, StateView};
use crate::ethereum::{Address, AddressMap, B256, B256Map, HashMap, U256, keccak256};
use crate::machine::Bytecode;

/// An account with its storage; slots that hold zero are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorldAccount {
    /// Balance, nonce, code hash.
    pub account: AccountState,
    /// Slots that are not zero.
    pub storage: HashMap<U256, U256>,
}

/// All accounts, all code, and the hashes of the last blocks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorldState {
    accounts: AddressMap<WorldAccount>,
    codes: B256Map<Bytecode>,
    block_hashes: HashMap<u64, B256>,
}

/// BLOCKHASH looks back this far.
const ANCESTORS: u64 = 256;

impl WorldState {
    /// Adds or replaces an account, as a genesis file does.
    pub fn insert(&mut self, address: Address, account: WorldAccount) {
        self.accounts.insert(address, account);
    }

    /// Adds code and returns its hash.
    pub fn insert_code(&mut self, code: Bytecode) -> B256 {
        let hash = if code.is_empty() { keccak256([]) } else { code.hash_slow() };
        if !code.is_empty() {
            self.codes.insert(hash, code);
        }
        hash
    }

    /// Remembers the hash of a block for BLOCKHASH.
    pub fn insert_block_hash(&mut self, number: u64, hash: B256) {
        self.block_hashes.insert(number, hash);
        if let Some(old) = number.checked_sub(ANCESTORS) {
            self.block_hashes.remove(&old);
        }
    }

    /// Applies a block. Code is kept when its last account goes: another state of the window may still name it.
    pub fn apply(&mut self, changes: &Changes) {
        for (address, change) in &changes.accounts {
            let Some(account) = change.account else {
                self.accounts.remove(address);
                continue;
            };
            let entry = self.accounts.entry(*address).or_default();
            entry.account = account;
            if change.wiped {
                entry.storage.clear();
            }
            for (slot, value) in &change.storage {
                if value.is_zero() {
                    entry.storage.remove(slot);
                } else {
                    entry.storage.insert(*slot, *value);
                }
            }
        }
        self.codes.extend(changes.codes.iter().map(|(hash, code)| (*hash, code.clone())));
    }

    /// Every account, in no order.
    pub fn accounts(&self) -> impl Iterator<Item = (&Address, &WorldAccount)> {
        self.accounts.iter()
    }

    /// Every piece of code, in no order.
    pub fn codes(&self) -> impl Iterator<Item = (&B256, &Bytecode)> {
        self.codes.iter()
    }

    /// The hashes BLOCKHASH answers with, in no order.
    pub fn block_hashes(&self) -> impl Iterator<Item = (u64, B256)> {
        self.block_hashes.iter().map(|(number, hash)| (*number, *hash))
    }

    /// An account with its storage.
    pub fn get(&self, address: &Address) -> Option<&WorldAccount> {
        self.accounts.get(address)
    }
}

impl StateView for WorldState {
    fn account(&self, address: &Address) -> Option<AccountState> {
        self.accounts.get(address).map(|entry| entry.account)
    }

    fn storage(&self, address: &Address, slot: &U256) -> U256 {
        self.accounts.get(address).and_then(|entry| entry.storage.get(slot)).copied().unwrap_or_default()
    }

    fn has_storage(&self, address: &Address) -> bool {
        self.accounts.get(address).is_some_and(|entry| !entry.storage.is_empty())
    }

    fn code(&self, hash: &B256) -> Bytecode {
        self.codes.get(hash).cloned().unwrap_or_default()
    }

    fn block_hash(&self, number: u64) -> B256 {
        self.block_hashes.get(&number).copied().unwrap_or_default()
    }
}
