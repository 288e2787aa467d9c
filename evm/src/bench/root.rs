//! What a state root costs after a block.

use super::Best;
use super::workloads::person;
use crate::ethereum::{Address, U256, keccak256};
use crate::execution::parallel::{Pool, PoolError};
use crate::state::{AccountChange, AccountState, Changes, StateView, WorldAccount, WorldState};
use crate::trie::StateTrie;
use serde_json::{Value, json};

/// Slots of one contract, and accounts, that a block changes.
const CHANGED: usize = 10_000;
const CONTRACT: Address = Address::repeat_byte(0xC0);

/// Incremental root over `accounts` accounts and as many slots of one contract, 10,000 of each changed.
pub(super) fn measure(accounts: usize, repeat: usize, workers: usize) -> Result<Value, PoolError> {
    let pool = Pool::new(workers)?;
    let mut world = WorldState::default();
    for index in 0..accounts {
        let account = AccountState { balance: U256::from(index + 1), ..AccountState::default() };
        world.insert(person(index), WorldAccount { account, ..WorldAccount::default() });
    }
    let storage = (0..accounts).map(|index| (slot(index), U256::from(index + 1))).collect();
    world.insert(CONTRACT, WorldAccount { account: AccountState { nonce: 1, ..AccountState::default() }, storage });
    let mut building = Best::NONE;
    let mut trie = building.measure(|| {
        let mut trie = StateTrie::of(&world, &pool);
        trie.root(&pool, usize::MAX);
        trie
    });
    let (mut accounts_only, mut slots_only) = (Best::NONE, Best::NONE);
    for round in 0..repeat {
        let changed = |index: usize| (index * 97 + round) % accounts;
        let mut changes = Changes::default();
        for index in 0..CHANGED.min(accounts) {
            let account = AccountState { balance: U256::from(round + 7), ..AccountState::default() };
            changes.accounts.insert(person(changed(index)), AccountChange { account: Some(account), ..AccountChange::default() });
        }
        accounts_only.measure(|| {
            trie.apply(&changes, &pool);
            trie.root(&pool, CHANGED)
        });
        let storage = (0..CHANGED.min(accounts)).map(|index| (slot(changed(index)), U256::from(round + 11))).collect();
        let account = world.account(&CONTRACT);
        let mut changes = Changes::default();
        changes.accounts.insert(CONTRACT, AccountChange { account, wiped: false, storage });
        slots_only.measure(|| {
            trie.apply(&changes, &pool);
            trie.root(&pool, 1)
        });
    }
    Ok(json!({
        "accounts": accounts, "slots_of_one_contract": accounts, "workers": workers,
        "build_ms": super::ms(building.wall),
        "changed": CHANGED.min(accounts),
        "accounts_wall_ms": super::ms(accounts_only.wall), "accounts_cpu_ms": super::ms(accounts_only.cpu),
        "slots_wall_ms": super::ms(slots_only.wall), "slots_cpu_ms": super::ms(slots_only.cpu),
    }))
}

fn slot(index: usize) -> U256 {
    keccak256(index.to_le_bytes()).into()
}
