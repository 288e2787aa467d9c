//! The machine's database: answers from the overlay and notes every answer.

use super::overlay::Overlay;
use crate::ethereum::{Address, B256, B256Map, U256};
use crate::machine::{AccountInfo, Bytecode, Database};
use crate::state::{AccountState, StateView};
use std::convert::Infallible;

/// The values a transaction read. Each name is read once: the machine's journal remembers.
#[derive(Debug, Default)]
pub(super) struct Reads {
    pub(super) accounts: Vec<(Address, Option<AccountState>)>,
    pub(super) slots: Vec<(Address, U256, U256)>,
}

impl Reads {
    pub(super) fn has_account(&self, address: &Address) -> bool {
        self.accounts.iter().any(|(read, _)| read == address)
    }
}

#[derive(Debug)]
pub(super) struct TrackedDatabase<'a, S> {
    overlay: &'a Overlay<'a, S>,
    reads: Reads,
    /// Of this worker alone, so that workers do not meet at the shared map.
    codes: B256Map<Bytecode>,
}

impl<'a, S: StateView> TrackedDatabase<'a, S> {
    pub(super) fn new(overlay: &'a Overlay<'a, S>) -> Self {
        Self { overlay, reads: Reads::default(), codes: B256Map::default() }
    }

    pub(super) fn take_reads(&mut self) -> Reads {
        std::mem::take(&mut self.reads)
    }
}

impl<S: StateView> Database for TrackedDatabase<'_, S> {
    type Error = Infallible;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        let account = self.overlay.account(&address);
        self.reads.accounts.push((address, account));
        Ok(account.map(AccountInfo::from))
    }

    fn code_by_hash(&mut self, code_hash: B256) -> Result<Bytecode, Infallible> {
        let overlay = self.overlay;
        Ok(self.codes.entry(code_hash).or_insert_with(|| overlay.code(&code_hash)).clone())
    }

    fn storage(&mut self, address: Address, index: U256) -> Result<U256, Infallible> {
        let value = self.overlay.storage(&address, &index);
        self.reads.slots.push((address, index, value));
        Ok(value)
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Infallible> {
        Ok(self.overlay.base().block_hash(number))
    }
}
