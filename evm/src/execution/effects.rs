//! The effects of one transaction, taken out of the machine's journal.

use crate::ethereum::{Address, B256, U256};
use crate::machine::{Bytecode, EvmState};
use crate::state::AccountState;

/// The new value of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AccountWrite {
    pub(crate) address: Address,
    /// `None`: it no longer exists.
    pub(crate) account: Option<AccountState>,
    /// Its earlier storage is gone.
    pub(crate) wiped: bool,
}

/// What a transaction writes.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    pub(crate) accounts: Vec<AccountWrite>,
    pub(crate) slots: Vec<(Address, U256, U256)>,
    pub(crate) codes: Vec<(B256, Bytecode)>,
}

impl Writes {
    /// Reads the journal of a finished transaction. An account that was touched but is as it was is not written, so that calling a contract
    /// is no conflict with others who call it.
    pub(crate) fn from_journal(journal: EvmState) -> Self {
        let mut writes = Self::default();
        for (address, account) in journal {
            if !account.is_touched() {
                continue;
            }
            if account.is_selfdestructed() {
                writes.accounts.push(AccountWrite { address, account: None, wiped: true });
                continue;
            }
            let created = account.is_created();
            // Before EIP-161 the machine marks an empty account that shall stay as created.
            if account.is_empty() && !created {
                if !account.is_loaded_as_not_existing() {
                    writes.accounts.push(AccountWrite { address, account: None, wiped: true });
                }
                continue;
            }
            if created || account.is_changed() {
                writes.accounts.push(AccountWrite { address, account: Some(AccountState::from(&account.info)), wiped: created });
                let deployed = created || account.original_info().code_hash != account.info.code_hash;
                if let Some(code) = account.info.code.as_ref().filter(|code| deployed && !code.is_empty()) {
                    writes.codes.push((account.info.code_hash, code.clone()));
                }
            }
            writes.slots.extend(
                account
                    .storage
                    .iter()
                    .filter(|(_, value)| value.is_changed())
                    .map(|(slot, value)| (address, *slot, value.present_value)),
            );
        }
        writes
    }
}
