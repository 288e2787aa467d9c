//! The settlement block: what consensus orders.
//!
//! ```text
//! version u8 │ height u64 │ parent 32 │ time u64 │ pre_state 32 │ transactions hash 32 │ count u32 │ transaction …
//! └──────────────────────────── the head: 117 bytes ────────────────────────────────┘
//! ```
//!
//! * The id is SHA-256 of [`Block::DOMAIN`] and the head, so a light client holds one certificate and 117 bytes.
//! * `pre_state` is the root of the verifiable state **before** the block, that is behind its parent: two validators who differ
//!   find out in the next block, not at a withdrawal. The block at height 0 carries zeros.
//! * A block is immutable and its id and size are known since it was made, so nobody hashes it twice.
//! * [`consensus`] makes it a block of the consensus library. The library's framing puts the size in front.
//!
//! Known limitation: the transactions are hashed as one string, so a light client that asks for one transaction gets all of them.

mod consensus;
mod governed;
mod head;
mod instruct;
mod transaction;

pub use governed::{Action, Approval, GovernedTransaction};
pub use head::Head;
pub use instruct::{ExitTransaction, OutboxTransaction, SignedInstruction, exit_root, exit_tree, outbox_root};
pub use transaction::{BodyTransaction, HeaderTransaction, SignedDeposit, Transaction, header_id};

use crate::digest::sha256;
use crate::limits::{BLOCK_SIZE_MAX, BLOCK_TRANSACTIONS_MAX};
use plinth_types::codec::{Codec, DecodeError, Reader, encode_count};
use plinth_types::digest::Digest;
use plinth_types::id::{Height, TimestampNs};
use std::sync::Arc;

/// A settlement block. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block(Arc<Contents>);

#[derive(Debug, PartialEq, Eq)]
struct Contents {
    height: Height,
    parent: Digest,
    time: TimestampNs,
    pre_state: Digest,
    transactions: Vec<Transaction>,
    transactions_hash: Digest,
    id: Digest,
    size: usize,
}

impl Block {
    /// Version of the encoding.
    pub const VERSION: u8 = 1;
    /// Domain of the id.
    pub const DOMAIN: &'static [u8] = b"plinth/block/1";
    /// Bytes in front of the transactions.
    pub const HEAD_SIZE: usize = 1 + 8 + 32 + 8 + 32 + 32 + 4;

    /// Makes a block; says nothing about whether it is valid.
    #[must_use]
    pub fn new(height: Height, parent: Digest, time: TimestampNs, pre_state: Digest, transactions: Vec<Transaction>) -> Self {
        let mut bytes = Vec::new();
        transactions.iter().for_each(|transaction| transaction.encode(&mut bytes));
        let (transactions_hash, transactions_size) = (sha256(&[&bytes]), bytes.len());
        let mut contents = Contents { height, parent, time, pre_state, transactions, transactions_hash, id: Digest::ZERO, size: 0 };
        let head = contents.head();
        contents.id = sha256(&[Self::DOMAIN, &head]);
        contents.size = head.len() + transactions_size;
        Self(Arc::new(contents))
    }

    /// Its height; genesis is 0.
    #[must_use]
    pub fn height(&self) -> Height {
        self.0.height
    }

    /// Id of the block before.
    #[must_use]
    pub fn parent(&self) -> Digest {
        self.0.parent
    }

    /// Its time, as consensus stamped it.
    #[must_use]
    pub fn time(&self) -> TimestampNs {
        self.0.time
    }

    /// Digest of the ledger before this block.
    #[must_use]
    pub fn pre_state(&self) -> Digest {
        self.0.pre_state
    }

    /// What it does, in order.
    #[must_use]
    pub fn transactions(&self) -> &[Transaction] {
        &self.0.transactions
    }

    /// SHA-256 of domain and head.
    #[must_use]
    pub fn id(&self) -> Digest {
        self.0.id
    }

    /// Bytes of the encoding.
    #[must_use]
    pub fn size(&self) -> usize {
        self.0.size
    }

    /// The block without its transactions.
    #[must_use]
    pub fn to_head(&self) -> Head {
        Head {
            height: self.height(),
            parent: self.parent(),
            time: self.time(),
            pre_state: self.pre_state(),
            transactions_hash: self.0.transactions_hash,
            transaction_count: u32::try_from(self.transactions().len()).expect("a block has a bound"),
        }
    }

    /// The bytes whose SHA-256, behind the domain, is the id.
    #[must_use]
    pub fn head(&self) -> Vec<u8> {
        self.0.head()
    }
}

impl Contents {
    fn head(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Block::HEAD_SIZE);
        Block::VERSION.encode(&mut out);
        self.height.encode(&mut out);
        self.parent.encode(&mut out);
        self.time.encode(&mut out);
        self.pre_state.encode(&mut out);
        self.transactions_hash.encode(&mut out);
        encode_count(self.transactions.len(), &mut out);
        out
    }
}

impl Codec for Block {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.head());
        self.transactions().iter().for_each(|transaction| transaction.encode(out));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        if u8::read(reader)? != Self::VERSION {
            return Err(reader.invalid("block version"));
        }
        let height = Codec::read(reader)?;
        let parent = Codec::read(reader)?;
        let time = Codec::read(reader)?;
        let pre_state = Codec::read(reader)?;
        let transactions_hash: Digest = Codec::read(reader)?;
        let count = reader.count("transactions", BLOCK_TRANSACTIONS_MAX)?;
        let mut transactions = Vec::new();
        for _ in 0..count {
            transactions.push(Transaction::read(reader)?);
        }
        let block = Self::new(height, parent, time, pre_state, transactions);
        if block.0.transactions_hash != transactions_hash {
            return Err(reader.invalid("transactions hash"));
        }
        Ok(block)
    }

    /// Refuses a string longer than any block before it reads it.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > BLOCK_SIZE_MAX {
            return Err(DecodeError::TooMany { at: 0, field: "block bytes", count: bytes.len(), count_max: BLOCK_SIZE_MAX });
        }
        let mut reader = Reader::new(bytes);
        let block = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(block)
    }
}
