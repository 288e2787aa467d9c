//! The trie of accounts and their storages.

use super::Trie;
use crate::ethereum::{Address, AddressMap, B256, Bytes, EMPTY_ROOT_HASH, Encodable, TrieAccount, U256, keccak256};
use crate::execution::parallel::Pool;
use crate::state::{AccountState, Changes, WorldState};

/// The state as Ethereum commits to it.
#[derive(Clone, Debug, Default)]
pub struct StateTrie {
    accounts: Trie,
    storages: AddressMap<Storage>,
}

#[derive(Clone, Debug)]
struct Storage {
    trie: Trie,
    root: B256,
}

impl Default for Storage {
    fn default() -> Self {
        Self { trie: Trie::default(), root: EMPTY_ROOT_HASH }
    }
}

/// What `eth_getProof` says of an account (EIP-1186).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountProof {
    /// Root of the account's storage.
    pub storage_root: B256,
    /// Nodes from the state root.
    pub nodes: Vec<Bytes>,
    /// Proofs of the slots asked for, in order.
    pub storage: Vec<StorageProof>,
}

/// What it says of a slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageProof {
    /// The slot asked for.
    pub slot: U256,
    /// Nodes from the storage root.
    pub nodes: Vec<Bytes>,
}

/// One account of a block, with its storage trie, on its way through a worker.
struct Piece<'a> {
    address: Address,
    account: Option<AccountState>,
    wiped: bool,
    slots: Vec<(&'a U256, &'a U256)>,
    storage: Storage,
}

struct Hashed {
    address: Address,
    key: B256,
    leaf: Option<Vec<u8>>,
    storage: Storage,
}

impl StateTrie {
    /// The trie of a whole state.
    pub fn of(world: &WorldState, pool: &Pool) -> Self {
        let mut trie = Self::default();
        let pieces = world
            .accounts()
            .map(|(address, account)| Piece {
                address: *address,
                account: Some(account.account),
                wiped: false,
                slots: account.storage.iter().collect(),
                storage: Storage::default(),
            })
            .collect();
        trie.absorb(pieces, pool);
        trie
    }

    /// Applies a block.
    pub fn apply(&mut self, changes: &Changes, pool: &Pool) {
        let pieces = changes
            .accounts
            .iter()
            .map(|(address, change)| Piece {
                address: *address,
                account: change.account,
                wiped: change.wiped || change.account.is_none(),
                slots: change.storage.iter().collect(),
                storage: self.storages.remove(address).unwrap_or_default(),
            })
            .collect();
        self.absorb(pieces, pool);
    }

    /// The state root, with about `changes` accounts changed since the last one.
    pub fn root(&mut self, pool: &Pool, changes: usize) -> B256 {
        self.accounts.root_parallel(pool, changes)
    }

    /// Proof of an account and of some of its slots, present or absent.
    pub fn proof(&mut self, address: &Address, slots: &[U256]) -> AccountProof {
        let mut storage = self.storages.get_mut(address);
        let proofs = slots
            .iter()
            .map(|slot| StorageProof {
                slot: *slot,
                nodes: storage.as_mut().map(|storage| storage.trie.proof(&slot_hash(slot))).unwrap_or_default(),
            })
            .collect();
        let storage_root = storage.map_or(EMPTY_ROOT_HASH, |storage| storage.root);
        AccountProof { storage_root, nodes: self.accounts.proof(&keccak256(address)), storage: proofs }
    }

    fn absorb(&mut self, pieces: Vec<Piece<'_>>, pool: &Pool) {
        for hashed in pool.for_each(pieces, |piece| piece.hash(pool)) {
            match hashed.leaf {
                Some(leaf) => self.accounts.insert(&hashed.key, &leaf),
                None => self.accounts.remove(&hashed.key),
            }
            if !hashed.storage.trie.is_empty() {
                self.storages.insert(hashed.address, hashed.storage);
            }
        }
    }
}

impl Piece<'_> {
    fn hash(self, pool: &Pool) -> Hashed {
        let mut storage = if self.wiped { Storage::default() } else { self.storage };
        if self.account.is_some() && !self.slots.is_empty() {
            let changes = self.slots.len();
            let mut encoded = Vec::with_capacity(33);
            for (slot, value) in self.slots {
                if value.is_zero() {
                    storage.trie.remove(&slot_hash(slot));
                } else {
                    encoded.clear();
                    value.encode(&mut encoded);
                    storage.trie.insert(&slot_hash(slot), &encoded);
                }
            }
            storage.root = storage.trie.root_parallel(pool, changes);
        }
        let leaf = self.account.map(|account| {
            let account = TrieAccount::new(account.nonce, account.balance, storage.root, account.code_hash);
            let mut leaf = Vec::with_capacity(110);
            account.encode(&mut leaf);
            leaf
        });
        Hashed { address: self.address, key: keccak256(self.address), leaf, storage }
    }
}

fn slot_hash(slot: &U256) -> B256 {
    keccak256(slot.to_be_bytes::<32>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ethereum::HashMap;
    use crate::state::{AccountChange, WorldAccount};

    const CONTRACT: Address = Address::repeat_byte(0xC0);

    #[test]
    fn a_block_that_rewrites_a_large_storage_leads_to_the_root_of_the_state_after_it() {
        let (one, two) = (Pool::new(1).unwrap(), Pool::new(2).unwrap());
        let slots = |from: u64, to: u64, value: u64| {
            (from..to).map(|slot| (U256::from(slot), U256::from(value))).collect::<HashMap<_, _>>()
        };
        let account = AccountState { nonce: 1, ..AccountState::default() };
        let mut world = WorldState::default();
        world.insert(CONTRACT, WorldAccount { account, storage: slots(0, 1_000, 7) });
        let mut trie = StateTrie::of(&world, &two);
        let before = trie.root(&two, usize::MAX);
        assert_eq!(before, StateTrie::of(&world, &one).root(&one, usize::MAX));
        // Some slots cleared, some changed, some new; then the account destroyed; then all of it taken back.
        let mut storage = slots(0, 300, 0);
        storage.extend(slots(300, 700, 8));
        storage.extend(slots(2_000, 2_600, 9));
        let change = |account, wiped, storage| {
            let mut changes = Changes::default();
            changes.accounts.insert(CONTRACT, AccountChange { account, wiped, storage });
            changes
        };
        for changes in [change(Some(account), false, storage), change(None, true, HashMap::default())] {
            let mut after = world.clone();
            after.apply(&changes);
            trie.apply(&changes, &two);
            assert_eq!(trie.root(&two, 1_000), StateTrie::of(&after, &one).root(&one, usize::MAX));
            trie.apply(&changes.inverse(&world), &two);
            assert_eq!(trie.root(&two, 1_000), before);
        }
    }
}
