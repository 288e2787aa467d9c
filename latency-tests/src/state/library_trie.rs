//! The Ethereum Foundation's published trie (`eth_trie`, of the Trin client) on RocksDB: the hexary trie on a key-value store that others
//! maintain and use as it is. One thread; a node lies under its own hash, and what a batch replaces is removed with it.

use super::rocks::{Rocks, RocksError};
use super::trie::{Hash, keccak};
use super::work::Pair;
use eth_trie::{DB, EthTrie, Trie as _};
use std::sync::{Arc, Mutex, PoisonError};

pub(super) struct LibraryTrie {
    trie: EthTrie<Nodes>,
}

impl LibraryTrie {
    pub(super) fn new(nodes: Rocks) -> Self {
        Self { trie: EthTrie::new(Arc::new(Nodes { rocks: nodes, batch: Mutex::default() })) }
    }

    /// Writes a batch, computes the root, and makes both durable.
    pub(super) fn update(&mut self, batch: &[Pair]) -> Result<Hash, RocksError> {
        for (key, value) in batch {
            self.trie.insert(&keccak(key), value).map_err(refused)?;
        }
        Ok(self.trie.root_hash().map_err(refused)?.into())
    }

    /// A value, read through the nodes on its path.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RocksError> {
        self.trie.get(&keccak(key)).map_err(refused)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err takes")]
fn refused(error: eth_trie::TrieError) -> RocksError {
    RocksError::Refused(error.to_string())
}

/// Its store. The library hands over what a batch made and then, always, what it replaced: both become one synced write.
struct Nodes {
    rocks: Rocks,
    batch: Mutex<Vec<(Vec<u8>, Vec<u8>)>>,
}

impl DB for Nodes {
    type Error = RocksError;

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RocksError> {
        self.rocks.get(key)
    }

    fn insert(&self, key: &[u8], value: Vec<u8>) -> Result<(), RocksError> {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner).push((key.to_vec(), value));
        Ok(())
    }

    fn insert_batch(&self, keys: Vec<Vec<u8>>, values: Vec<Vec<u8>>) -> Result<(), RocksError> {
        self.batch.lock().unwrap_or_else(PoisonError::into_inner).extend(keys.into_iter().zip(values));
        Ok(())
    }

    fn remove(&self, key: &[u8]) -> Result<(), RocksError> {
        self.remove_batch(&[key.to_vec()])
    }

    fn remove_batch(&self, keys: &[Vec<u8>]) -> Result<(), RocksError> {
        let made = std::mem::take(&mut *self.batch.lock().unwrap_or_else(PoisonError::into_inner));
        let removed = keys.iter().map(|key| (key.as_slice(), None));
        self.rocks.write_all(made.iter().map(|(key, value)| (key.as_slice(), Some(value.as_slice()))).chain(removed))
    }

    fn flush(&self) -> Result<(), RocksError> {
        Ok(())
    }
}
