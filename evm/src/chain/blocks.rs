//! Blocks and receipts by number and by hash.

use crate::ethereum::{B256, B256Map};
use crate::store::Record;
use plinth_types::id::InboxIndex;
use std::sync::Arc;

/// A block with its hash.
#[derive(Debug)]
pub struct Sealed {
    /// Hash of the header.
    pub hash: B256,
    /// Block, senders, receipts; the changes are empty here, since the state has taken them.
    pub record: Record,
    /// The last message of the inbox that this block or an earlier one consumed.
    pub inbox_consumed: InboxIndex,
}

/// Where a transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// The block's number.
    pub number: u64,
    /// Its place there.
    pub index: usize,
}

/// All blocks since genesis, genesis included.
#[derive(Debug, Default)]
pub struct Blocks {
    first: u64,
    blocks: Vec<Arc<Sealed>>,
    numbers: B256Map<u64>,
    transactions: B256Map<Location>,
}

impl Blocks {
    pub(super) fn push(&mut self, hash: B256, record: Record) -> Arc<Sealed> {
        let number = record.block.header.number;
        if self.blocks.is_empty() {
            self.first = number;
        }
        self.numbers.insert(hash, number);
        for (index, transaction) in record.block.body.transactions.iter().enumerate() {
            self.transactions.insert(*transaction.tx_hash(), Location { number, index });
        }
        let before = self.blocks.last().map_or(InboxIndex::new(0), |block| block.inbox_consumed);
        let inbox_consumed = record.inbox.last().map_or(before, |message| message.index);
        let sealed = Arc::new(Sealed { hash, record, inbox_consumed });
        self.blocks.push(Arc::clone(&sealed));
        sealed
    }

    /// The block of a number.
    pub fn by_number(&self, number: u64) -> Option<&Arc<Sealed>> {
        self.blocks.get(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }

    /// The block of a hash.
    pub fn by_hash(&self, hash: &B256) -> Option<&Arc<Sealed>> {
        self.by_number(*self.numbers.get(hash)?)
    }

    /// Where a transaction stands.
    pub fn locate(&self, transaction: &B256) -> Option<Location> {
        self.transactions.get(transaction).copied()
    }

    /// The number of the first block.
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// The last block; there is always genesis.
    pub fn last(&self) -> Option<&Arc<Sealed>> {
        self.blocks.last()
    }
}
