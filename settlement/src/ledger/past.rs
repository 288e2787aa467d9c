//! What the ledger is past: a transaction that is done, or that something else took the place of, and that need not be sent again.

use super::state::State;
use crate::block::Transaction;
use crate::verdict::Word;
use plinth_types::id::{Height, PublicKey, ZoneId};

impl State {
    /// Whether the transaction has had its effect or can never have it, whatever comes. What may still go in, and what may go in again
    /// after a rejection, is not past.
    #[must_use]
    pub fn is_past(&self, transaction: &Transaction) -> bool {
        let counted = |owner: &PublicKey, nonce: u64| nonce <= self.deposit_nonce(owner);
        let settled = |zone: ZoneId, height: Height| self.zone(zone).is_some_and(|zone| height <= zone.settled());
        match transaction {
            Transaction::Deposit(signed) => counted(&signed.deposit.owner, signed.deposit.nonce),
            Transaction::Instruct(signed) => counted(&signed.instruction.owner, signed.instruction.nonce),
            Transaction::Governed(governed) => governed.nonce <= self.decisions(),
            Transaction::Header(ordered) => {
                let header = &ordered.signed.header;
                self.zone(header.zone).is_some_and(|zone| header.height <= zone.height())
            }
            Transaction::Outbox(outbox) => {
                settled(outbox.zone, outbox.height) || self.zone(outbox.zone).is_some_and(|zone| zone.is_listed(outbox.height))
            }
            Transaction::Verdict(said) => {
                let (zone, height) = (said.verdict.zone, said.verdict.height);
                // A block that is vouched for needs no second word; dropped, it comes back under another id.
                let vouched = || self.zone(zone)?.unsettled_at(height).map(|unsettled| unsettled.vouched);
                settled(zone, height) || said.verdict.word != Word::Rejected && vouched() == Some(true)
            }
            Transaction::Exit(exit) => self.zone(exit.zone).is_some_and(|zone| zone.exited.contains(&exit.leaf.index)),
            Transaction::Body(body) => settled(body.statement.zone, body.statement.height),
            Transaction::Fraud(proof) => settled(proof.statement.zone, proof.statement.height),
        }
    }

    /// Whether the transaction speaks of a zone block that is not ordered yet.
    #[must_use]
    pub fn is_early(&self, transaction: &Transaction) -> bool {
        let (zone, height) = match transaction {
            Transaction::Outbox(outbox) => (outbox.zone, outbox.height),
            Transaction::Verdict(said) => (said.verdict.zone, said.verdict.height),
            Transaction::Deposit(_)
            | Transaction::Header(_)
            | Transaction::Governed(_)
            | Transaction::Instruct(_)
            | Transaction::Exit(_)
            | Transaction::Body(_)
            | Transaction::Fraud(_) => return false,
        };
        self.zone(zone).is_some_and(|zone| height > zone.height())
    }
}
