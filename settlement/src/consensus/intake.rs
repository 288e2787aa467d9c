//! What a validator does with what clients bring: shards of zone blocks, transactions, keys of bodies that do not open.
//!
//! A shard costs, in this order: the header's cheap rules, its size, the producer's signature, its path to the root, a synced write.
//! Only then does the validator say so with its receipt, to the client and to all validators: a receipt is a promise to keep the shard.

use super::answer::{OpeningAnswer, Refusal, SubmitAnswer, TransactionAnswer};
use super::chain::Chain;
use super::gossip::{Gossip, GossipSender};
use crate::block::{Transaction, header_id};
use crate::dispersal::limits::FRAUD_SIZE_MAX;
use crate::dispersal::{CheckedShard, CodingError, Layout, Opening, ShardStore, StoreError, Task};
use crate::keys::SecretKey;
use crate::limits::TRANSACTION_SIZE_MAX;
use crate::mempool::PoolError;
use crate::receipt::{BodyStatement, Word};
use bytes::Bytes;
use plinth_types::block::SignedHeader;
use plinth_types::codec::Codec;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, TimestampNs};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Takes in what clients bring. Clones share it.
#[derive(Clone, Debug)]
pub struct Intake(Arc<Desk>);

#[derive(Debug)]
struct Desk {
    chain: Chain,
    key: SecretKey,
    gossip: GossipSender,
    store: ShardStore,
    rebuilder: mpsc::Sender<Task>,
}

/// A shard that is this validator's and lies under a header that its producer signed: to be kept, then signed.
#[derive(Debug)]
pub struct Unkept {
    signed: SignedHeader,
    id: Digest,
    shard: CheckedShard,
    /// What is to be said of it, by the committee that it was checked for.
    word: Word,
    /// By the ledger of this height.
    judged_at: Height,
}

impl Intake {
    /// For a validator's ledger, key and shards.
    #[must_use]
    pub fn new(chain: Chain, key: SecretKey, gossip: GossipSender, store: ShardStore, rebuilder: mpsc::Sender<Task>) -> Self {
        Self(Arc::new(Desk { chain, key, gossip, store, rebuilder }))
    }

    /// Checks the shard of a zone block, keeps it, and signs a receipt. `now` is this host's clock.
    pub async fn submit(&self, signed: &SignedHeader, frame: Bytes, now: TimestampNs) -> SubmitAnswer {
        match self.check(signed, frame, now) {
            Ok(unkept) => self.keep(unkept).await,
            Err(answer) => *answer,
        }
    }

    /// Checks the shard of a zone block. Costs O(shard).
    ///
    /// # Errors
    ///
    /// The answer, if there is nothing to keep.
    pub fn check(&self, signed: &SignedHeader, frame: Bytes, now: TimestampNs) -> Result<Unkept, Box<SubmitAnswer>> {
        let Desk { chain, key, gossip, .. } = &*self.0;
        let header = &signed.header;
        let state = chain.finalized();
        let refused = |error: &dyn std::fmt::Display| {
            Box::new(self.refuse(state.height(), error).map_or(SubmitAnswer::NotYet, SubmitAnswer::Refused))
        };
        let Some(layout) = Layout::new(header.body_size as usize, state.committee().count()) else {
            return Err(refused(&CodingError::Size { size: header.body_size as usize }));
        };
        if frame.len() > layout.shard_size_max() {
            let (size, size_max) = (frame.len(), layout.shard_size_max());
            return Err(refused(&CodingError::ShardSize { size, size_max }));
        }
        match chain.insert_header(signed, now) {
            Ok(_) => {}
            Err(PoolError::Behind { .. }) => return Err(Box::new(SubmitAnswer::Ordered)),
            Err(PoolError::Ahead { .. }) => return Err(Box::new(SubmitAnswer::NotYet)),
            Err(error) => return Err(refused(&error)),
        }
        let id = header_id(header);
        if let Some(receipt) = chain.receipt_of(&key.public_key(), header, id) {
            gossip.tell(&Gossip::Header(Box::new(signed.clone()), receipt));
            return Err(Box::new(SubmitAnswer::Receipt(receipt)));
        }
        let index = state.committee().index_of(&key.public_key()).ok_or_else(|| Box::new(SubmitAnswer::NotYet))?;
        if planted!(ReceiptBeforeCheck) {
            let receipt = BodyStatement::of(header, id).sign(Word::ShardChecked { index, count: layout.validators().get() }, key);
            let _inserted = chain.insert_receipt(receipt);
            gossip.tell(&Gossip::Header(Box::new(signed.clone()), receipt));
            return Err(Box::new(SubmitAnswer::Receipt(receipt)));
        }
        let shard = CheckedShard::check(&layout, header.shard_root, index, frame).map_err(|error| {
            // Who sends it does not know this epoch's committee yet, or knows the next one's.
            if matches!(error, CodingError::OtherIndex { .. }) { Box::new(SubmitAnswer::NotYet) } else { refused(&error) }
        })?;
        let word = Word::ShardChecked { index, count: layout.validators().get() };
        Ok(Unkept { signed: signed.clone(), id, shard, word, judged_at: state.height() })
    }

    /// Keeps a shard that was checked, then says so.
    pub async fn keep(&self, unkept: Unkept) -> SubmitAnswer {
        let Unkept { signed, id, shard, word, judged_at } = unkept;
        let Desk { chain, key, gossip, store, .. } = &*self.0;
        let header = &signed.header;
        let refused =
            |error: &dyn std::fmt::Display| self.refuse(judged_at, error).map_or(SubmitAnswer::NotYet, SubmitAnswer::Refused);
        match store.keep(header.zone, header.height, id, shard.frame().clone()).await {
            Ok(()) => {}
            Err(StoreError::Full { .. } | StoreError::Ended) => return SubmitAnswer::NotYet,
            Err(error @ (StoreError::TooManyHeaders { .. } | StoreError::UnknownZone { .. })) => {
                return refused(&error);
            }
        }
        let receipt = BodyStatement::of(header, id).sign(word, key);
        match chain.insert_receipt(receipt) {
            Ok(_) => {}
            // Ordered while it was kept: others had theirs sooner.
            Err(PoolError::Behind { .. }) => return SubmitAnswer::Ordered,
            // This validator's time has not come, or is over: others' receipts count.
            Err(PoolError::NotAValidator { .. } | PoolError::OtherPlace { .. }) => return SubmitAnswer::NotYet,
            Err(error) => return refused(&error),
        }
        gossip.tell(&Gossip::Header(Box::new(signed), receipt));
        SubmitAnswer::Receipt(receipt)
    }

    /// Takes a transaction and tells the others. A proof of fraud costs as much as rebuilding a segment, here and now.
    #[must_use]
    pub fn bring(&self, transaction: Transaction) -> TransactionAnswer {
        let Desk { chain, gossip, .. } = &*self.0;
        let size = transaction.to_bytes().len();
        let is_fraud = matches!(transaction, Transaction::Fraud(_));
        let size_max = if is_fraud { FRAUD_SIZE_MAX } else { TRANSACTION_SIZE_MAX };
        if size > size_max {
            let reason = format_args!("a transaction of {size} bytes, at most {size_max} are taken");
            return TransactionAnswer::Refused(Refusal::of(chain.finalized().height(), &reason));
        }
        let judged_at = chain.finalized().height();
        match chain.insert_transaction(transaction.clone()) {
            Ok(_) => {
                // The others hear of fraud from the rebuilder that finds it, or from the block that shows it.
                if !is_fraud {
                    gossip.tell(&Gossip::Transaction(Box::new(transaction)));
                }
                TransactionAnswer::Accepted
            }
            Err(PoolError::Behind { .. }) => TransactionAnswer::Ordered(chain.finalized().height()),
            Err(PoolError::Ahead { .. }) => TransactionAnswer::NotYet,
            Err(error) => {
                let state = chain.finalized();
                if state.is_past(&transaction) {
                    TransactionAnswer::Ordered(state.height())
                } else if state.is_early(&transaction) {
                    TransactionAnswer::NotYet
                } else {
                    self.refuse(judged_at, &error).map_or(TransactionAnswer::NotYet, TransactionAnswer::Refused)
                }
            }
        }
    }

    /// `None` while blocks come: which ledger judged is not known then, and it is to be sent again.
    fn refuse(&self, judged_at: Height, reason: &dyn std::fmt::Display) -> Option<Refusal> {
        (self.0.chain.finalized().height() == judged_at).then(|| Refusal::of(judged_at, reason))
    }

    /// Has a key tried on the body of an ordered block that is not settled.
    pub async fn open(&self, opening: Opening) -> OpeningAnswer {
        let state = self.0.chain.finalized();
        let refused = |reason: &dyn std::fmt::Display| OpeningAnswer::Refused(Refusal::of(state.height(), reason));
        let mut blocks = state.zones().flat_map(crate::ledger::Zone::unsettled);
        let Some(block) = blocks.find(|block| block.id == opening.header) else {
            return refused(&format_args!("there is no unsettled block {}", opening.header));
        };
        if opening.key.commitment() != block.body.key {
            return refused(&"the header commits to another key");
        }
        match self.0.rebuilder.send(Task::Opening(opening)).await {
            Ok(()) => OpeningAnswer::Accepted,
            Err(_) => refused(&"the validator stops"),
        }
    }

    /// This validator's shard of a header's body, while it is kept.
    pub async fn shard(&self, header: Digest) -> Option<Bytes> {
        self.0.store.get(header).await
    }
}
