//! What is committed of a block so far, above the base state; read by all workers, written by the one that commits.
//!
//! - Sharded by key, one lock a shard: a reader holds it for one look-up, the writer for one insertion.
//! - A reader may see part of a commit. That is harmless: what it read is compared at its own commit.
//! - Code is there before the account that names it.

use super::keys::{account_key, slot_key};
use crate::ethereum::{Address, AddressMap, B256, B256Map, HashMap, U256};
use crate::execution::effects::AccountWrite;
use crate::machine::Bytecode;
use crate::state::{AccountChange, AccountState, Changes, StateView};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock};

const ACCOUNT_SHARDS: usize = 64;
const SLOT_SHARDS: usize = 256;

/// One lock to a cache line, so that neighbours do not slow each other.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Shard<T>(RwLock<T>);

impl<T> Shard<T> {
    fn read<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn into_inner(self) -> T {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

type Slots = HashMap<(Address, U256), U256>;

#[derive(Clone, Copy, Debug)]
struct Committed {
    account: Option<AccountState>,
    wiped: bool,
}

#[derive(Debug)]
pub(super) struct Overlay<'a, S> {
    base: &'a S,
    accounts: Box<[Shard<AddressMap<Committed>>]>,
    slots: Box<[Shard<Slots>]>,
    codes: RwLock<B256Map<Bytecode>>,
    /// Set at the first wipe; until then nobody asks whether an account was wiped.
    any_wiped: AtomicBool,
}

impl<'a, S: StateView> Overlay<'a, S> {
    pub(super) fn new(base: &'a S) -> Self {
        Self {
            base,
            accounts: (0..ACCOUNT_SHARDS).map(|_| Shard::default()).collect(),
            slots: (0..SLOT_SHARDS).map(|_| Shard::default()).collect(),
            codes: RwLock::default(),
            any_wiped: AtomicBool::new(false),
        }
    }

    pub(super) fn base(&self) -> &'a S {
        self.base
    }

    pub(super) fn account(&self, address: &Address) -> Option<AccountState> {
        match self.account_shard(address).read(|accounts| accounts.get(address).copied()) {
            Some(committed) => committed.account,
            None => self.base.account(address),
        }
    }

    pub(super) fn storage(&self, address: &Address, slot: &U256) -> U256 {
        if let Some(value) = self.slot_shard(address, slot).read(|slots| slots.get(&(*address, *slot)).copied()) {
            return value;
        }
        let wiped = self.any_wiped.load(Ordering::Acquire)
            && self.account_shard(address).read(|accounts| accounts.get(address).is_some_and(|committed| committed.wiped));
        if wiped { U256::ZERO } else { self.base.storage(address, slot) }
    }

    pub(super) fn code(&self, hash: &B256) -> Bytecode {
        let deployed = self.codes.read().unwrap_or_else(PoisonError::into_inner).get(hash).cloned();
        deployed.unwrap_or_else(|| self.base.code(hash))
    }

    pub(super) fn insert_codes(&self, codes: Vec<(B256, Bytecode)>) {
        if !codes.is_empty() {
            self.codes.write().unwrap_or_else(PoisonError::into_inner).extend(codes);
        }
    }

    pub(super) fn write_account(&self, write: &AccountWrite) {
        if write.wiped {
            self.wipe(&write.address);
        }
        self.account_shard(&write.address).write(|accounts| {
            let entry = accounts.entry(write.address).or_insert(Committed { account: None, wiped: false });
            entry.account = write.account;
            entry.wiped |= write.wiped;
        });
    }

    pub(super) fn write_slot(&self, address: Address, slot: U256, value: U256) {
        self.slot_shard(&address, &slot).write(|slots| slots.insert((address, slot), value));
    }

    /// Adds to a balance. `Err` and no change if the account holds code, or if the sum overflows.
    pub(super) fn add_balance(&self, address: &Address, amount: U256) -> Result<(), NotASum> {
        self.account_shard(address).write(|accounts| {
            let entry = accounts.entry(*address).or_insert_with(|| Committed { account: self.base.account(address), wiped: false });
            let mut account = entry.account.unwrap_or_default();
            if account.has_code() {
                return Err(NotASum);
            }
            account.balance = account.balance.checked_add(amount).ok_or(NotASum)?;
            // An empty account that is touched is removed (EIP-161); one that did not exist stays so.
            entry.account = (!account.is_empty()).then_some(account);
            Ok(())
        })
    }

    /// Forgets all slots of an account, here and below. Rare: before Cancun every SELFDESTRUCT, since then only within the creating transaction.
    fn wipe(&self, address: &Address) {
        for shard in &self.slots {
            shard.write(|slots| slots.retain(|(owner, _), _| owner != address));
        }
        self.any_wiped.store(true, Ordering::Release);
    }

    pub(super) fn into_changes(self) -> Changes {
        let mut changes = Changes::default();
        for shard in self.accounts.into_vec() {
            changes.accounts.extend(shard.into_inner().into_iter().map(|(address, committed)| {
                (address, AccountChange { account: committed.account, wiped: committed.wiped, storage: HashMap::default() })
            }));
        }
        for shard in self.slots.into_vec() {
            for ((address, slot), value) in shard.into_inner() {
                let change = changes
                    .accounts
                    .entry(address)
                    .or_insert_with(|| AccountChange { account: self.base.account(&address), ..AccountChange::default() });
                change.storage.insert(slot, value);
            }
        }
        changes.codes = self.codes.into_inner().unwrap_or_else(PoisonError::into_inner);
        changes
    }

    fn account_shard(&self, address: &Address) -> &Shard<AddressMap<Committed>> {
        &self.accounts[(account_key(address) >> 32) as usize % ACCOUNT_SHARDS]
    }

    fn slot_shard(&self, address: &Address, slot: &U256) -> &Shard<Slots> {
        &self.slots[(slot_key(account_key(address), slot) >> 32) as usize % SLOT_SHARDS]
    }
}

/// The account's new balance is no sum of its old one and the amount alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotASum;
