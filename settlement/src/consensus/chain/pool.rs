//! What waits to be ordered: brought, gossiped, selected.

use super::{Chain, Ledger};
use crate::block::{Block, GovernedTransaction, Transaction, header_id};
use crate::dispersal::FraudProof;
use crate::ledger::{State, ZoneBlock};
use crate::mempool::{Inserted, Mempool, PoolError};
use crate::receipt::{BodyStatement, Receipt, SignedReceipt, Word};
use plinth_types::block::{SignedHeader, ZoneHeader};
use plinth_types::digest::Digest;
use plinth_types::id::{PublicKey, TimestampNs};

impl Chain {
    /// What a block on top of `state` should do.
    pub(in crate::consensus) fn select(&self, state: &State) -> Vec<Transaction> {
        self.0.ledger.lock().pool.propose(state, usize::MAX)
    }

    /// Takes a decision of the governors into this validator's pool; it stands in a block when this validator next proposes one.
    ///
    /// # Errors
    ///
    /// [`PoolError`].
    pub fn govern(&self, governed: GovernedTransaction) -> Result<Inserted, PoolError> {
        self.insert(|pool, state| pool.insert_governed(state, governed))
    }

    /// Takes what somebody brought into the pool.
    pub(in crate::consensus) fn insert_transaction(&self, transaction: Transaction) -> Result<Inserted, PoolError> {
        self.insert(|pool, state| pool.insert(state, transaction))
    }

    /// Takes a header into the pool; `now` is this host's clock.
    pub(in crate::consensus) fn insert_header(&self, signed: &SignedHeader, now: TimestampNs) -> Result<Inserted, PoolError> {
        let inserted = self.insert(|pool, state| pool.insert_header(state, signed.clone()))?;
        if inserted != Inserted::Known {
            self.with_stages(|stages| stages.header_received(header_id(&signed.header), signed.header.time, now));
        }
        Ok(inserted)
    }

    /// Takes a receipt into the pool.
    pub(crate) fn insert_receipt(&self, signed: SignedReceipt) -> Result<Inserted, PoolError> {
        self.insert(|pool, state| pool.insert_receipt(state, signed))
    }

    /// Zone blocks that were ordered since this was asked last, as far as the last few go.
    pub(crate) fn take_ordered(&self) -> Vec<ZoneBlock> {
        self.0.ledger.lock().ordered.drain(..).collect()
    }

    /// Takes a proof of fraud into the pool.
    pub(crate) fn insert_fraud(&self, proof: FraudProof) -> Result<Inserted, PoolError> {
        self.insert(|pool, state| pool.insert_fraud(state, proof))
    }

    fn insert(&self, insert: impl FnOnce(&mut Mempool, &State) -> Result<Inserted, PoolError>) -> Result<Inserted, PoolError> {
        let mut ledger = self.0.ledger.lock();
        let Ledger { finalized, pool, .. } = &mut *ledger;
        let inserted = insert(pool, &finalized.state)?;
        drop(ledger);
        if inserted != Inserted::Known {
            self.0.work.notify_waiters();
        }
        Ok(inserted)
    }

    /// The receipt that a validator gave for a header that waits.
    pub(in crate::consensus) fn receipt_of(&self, validator: &PublicKey, header: &ZoneHeader, id: Digest) -> Option<SignedReceipt> {
        let ledger = self.0.ledger.lock();
        let waiting = ledger.pool.headers(header.zone).find(|candidate| candidate.id() == id)?;
        let word = Word::shard_checked(ledger.finalized.state.committee(), validator)?;
        let receipt: Receipt = *waiting.receipt_of(validator, word)?;
        Some(SignedReceipt { statement: BodyStatement::of(header, id), word, receipt })
    }

    /// Headers that a block orders, with the time each was executed.
    pub(in crate::consensus) fn headers(block: &Block) -> Vec<(Digest, TimestampNs)> {
        let header = |transaction: &Transaction| match transaction {
            Transaction::Header(ordered) => Some((header_id(&ordered.signed.header), ordered.signed.header.time)),
            Transaction::Deposit(_)
            | Transaction::Governed(_)
            | Transaction::Instruct(_)
            | Transaction::Outbox(_)
            | Transaction::Verdict(_)
            | Transaction::Exit(_)
            | Transaction::Body(_)
            | Transaction::Fraud(_) => None,
        };
        block.transactions().iter().filter_map(header).collect()
    }
}
