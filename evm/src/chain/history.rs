//! The state at a block of the recent past: the present one, with the changes since taken back.

use crate::ethereum::{Address, AddressMap, B256, HashMap, U256};
use crate::limits::STATE_HISTORY_BLOCKS;
use crate::machine::Bytecode;
use crate::state::{AccountState, Changes, StateView, WorldState};
use std::collections::VecDeque;
use std::sync::Arc;

/// What a block overwrote.
#[derive(Debug, Default)]
struct Undo {
    accounts: AddressMap<Option<AccountState>>,
    slots: HashMap<(Address, U256), U256>,
}

/// What the last blocks overwrote, oldest first.
#[derive(Debug, Default)]
pub(super) struct History {
    undos: VecDeque<Arc<Undo>>,
}

impl History {
    /// Notes what `changes` will overwrite in `world`.
    pub(super) fn push(&mut self, world: &WorldState, changes: &Changes) {
        let mut undo = Undo::default();
        for (address, change) in &changes.accounts {
            undo.accounts.insert(*address, world.account(address));
            let gone = change.wiped || change.account.is_none();
            if let Some(account) = world.get(address).filter(|_| gone) {
                undo.slots.extend(account.storage.iter().map(|(slot, value)| ((*address, *slot), *value)));
            }
            for slot in change.storage.keys() {
                undo.slots.entry((*address, *slot)).or_insert_with(|| world.storage(address, slot));
            }
        }
        if self.undos.len() == STATE_HISTORY_BLOCKS {
            self.undos.pop_front();
        }
        self.undos.push_back(Arc::new(undo));
    }

    /// The state `back` blocks before the head; `None` if that is forgotten.
    pub(super) fn view<'a>(&self, world: &'a WorldState, back: u64, number: u64) -> Option<HistoricState<'a>> {
        let back = usize::try_from(back).ok().filter(|back| *back <= self.undos.len())?;
        Some(HistoricState { world, undos: self.undos.iter().skip(self.undos.len() - back).cloned().collect(), number })
    }
}

/// The state after some block.
#[derive(Debug)]
pub struct HistoricState<'a> {
    world: &'a WorldState,
    /// Of the blocks after it, oldest first: the first that names a value says what it was.
    undos: Vec<Arc<Undo>>,
    number: u64,
}

impl HistoricState<'_> {
    /// The block's number.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// What leads from the present state to this one.
    pub(super) fn difference(&self) -> Changes {
        let mut changes = Changes::default();
        // The oldest names what holds, so it comes last.
        for undo in self.undos.iter().rev() {
            for (address, account) in &undo.accounts {
                let change = changes.accounts.entry(*address).or_default();
                change.account = *account;
                change.wiped = account.is_none();
            }
            for ((address, slot), value) in &undo.slots {
                changes.accounts.entry(*address).or_default().storage.insert(*slot, *value);
            }
        }
        changes
    }

    /// Whether it is the head's state.
    pub const fn is_latest(&self) -> bool {
        self.undos.is_empty()
    }
}

impl StateView for HistoricState<'_> {
    fn account(&self, address: &Address) -> Option<AccountState> {
        let overwritten = self.undos.iter().find_map(|undo| undo.accounts.get(address));
        overwritten.map_or_else(|| self.world.account(address), |account| *account)
    }

    fn storage(&self, address: &Address, slot: &U256) -> U256 {
        let overwritten = self.undos.iter().find_map(|undo| undo.slots.get(&(*address, *slot)));
        overwritten.map_or_else(|| self.world.storage(address, slot), |value| *value)
    }

    fn has_storage(&self, address: &Address) -> bool {
        let earlier =
            self.undos.iter().any(|undo| undo.slots.iter().any(|((owner, _), value)| owner == address && !value.is_zero()));
        earlier || self.world.has_storage(address)
    }

    fn code(&self, hash: &B256) -> Bytecode {
        self.world.code(hash)
    }

    fn block_hash(&self, number: u64) -> B256 {
        if number <= self.number { self.world.block_hash(number) } else { B256::ZERO }
    }
}
