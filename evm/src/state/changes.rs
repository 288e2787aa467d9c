//! What a block changed.

use super::{AccountState, StateView, WorldState};
use crate::ethereum::{Address, AddressMap, B256, B256Map, HashMap, U256};
use crate::machine::Bytecode;
use std::collections::HashSet;

/// The new state of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountChange {
    /// The account afterwards; `None` if it does not exist.
    pub account: Option<AccountState>,
    /// Its earlier storage is gone: destroyed, or created over what was there.
    pub wiped: bool,
    /// Slots written, with their values afterwards.
    pub storage: HashMap<U256, U256>,
}

/// The difference between the state before and after a block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Accounts touched; an account whose storage alone changed is here too.
    pub accounts: AddressMap<AccountChange>,
    /// Code deployed, by hash.
    pub codes: B256Map<Bytecode>,
}

impl Changes {
    /// Drops what equals the state before, so that two ways to the same state compare equal.
    pub fn normalise(&mut self, before: &impl StateView) {
        self.accounts.retain(|address, change| {
            let earlier = before.account(address);
            change.wiped &= before.has_storage(address);
            let wiped = change.wiped;
            change.storage.retain(|slot, value| {
                let earlier_value = if wiped { U256::ZERO } else { before.storage(address, slot) };
                *value != earlier_value
            });
            change.account != earlier || wiped || !change.storage.is_empty()
        });
        let deployed: HashSet<B256> =
            self.accounts.values().filter_map(|change| change.account).map(|account| account.code_hash).collect();
        self.codes.retain(|hash, code| !code.is_empty() && deployed.contains(hash) && before.code(hash).is_empty());
    }

    /// What takes this change back, given the state before it.
    pub fn inverse(&self, before: &WorldState) -> Self {
        let accounts = self.accounts.iter().map(|(address, change)| {
            let earlier = before.get(address);
            let gone = change.wiped || change.account.is_none() || earlier.is_none();
            let storage = if gone {
                earlier.map(|earlier| earlier.storage.clone()).unwrap_or_default()
            } else {
                change.storage.keys().map(|slot| (*slot, before.storage(address, slot))).collect()
            };
            (*address, AccountChange { account: earlier.map(|earlier| earlier.account), wiped: gone, storage })
        });
        Self { accounts: accounts.collect(), codes: B256Map::default() }
    }

    /// The account after this change, on top of `before`.
    pub fn account(&self, before: &impl StateView, address: &Address) -> Option<AccountState> {
        self.accounts.get(address).map_or_else(|| before.account(address), |change| change.account)
    }
}
