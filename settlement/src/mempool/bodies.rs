//! What validators say of ordered bodies, until it stands in a block.
//!
//! Bounded per signer: a validator has one word of each kind for each height of each zone that is not settled, or about to be ordered.

use super::{Inserted, PoolError, Proposal};
use crate::block::{BodyTransaction, Transaction};
use crate::committee::Committee;
use crate::dispersal::FraudProof;
use crate::ledger::{State, TransactionError};
use crate::limits::POOL_HEADERS_AHEAD_MAX;
use crate::receipt::{BodyStatement, Receipt, SignedReceipt, Word};
use plinth_types::id::{Height, PublicKey, ZoneId};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(super) struct Bodies {
    said: BTreeMap<(ZoneId, Height), Said>,
    frauds: BTreeMap<(ZoneId, Height), FraudProof>,
}

#[derive(Debug, Default)]
struct Said {
    rebuilt: BTreeMap<PublicKey, SignedReceipt>,
    unopenable: BTreeMap<PublicKey, SignedReceipt>,
}

impl Said {
    const fn words(&mut self, word: Word) -> &mut BTreeMap<PublicKey, SignedReceipt> {
        match word {
            Word::Rebuilt | Word::ShardChecked { .. } => &mut self.rebuilt,
            Word::Unopenable { .. } => &mut self.unopenable,
        }
    }
}

impl Bodies {
    /// Everything of a receipt but the signature.
    pub(super) fn check(&mut self, state: &State, signed: &SignedReceipt) -> Result<Inserted, PoolError> {
        let (statement, key) = (signed.statement, signed.receipt.validator);
        if !state.committee().contains(&key) {
            return Err(PoolError::NotAValidator { key });
        }
        check_place(state, &statement, signed.word)?;
        let said = self.said.entry((statement.zone, statement.height)).or_default();
        let known = said.words(signed.word).get(&key).is_some_and(|known| known == signed);
        Ok(if known { Inserted::Known } else { Inserted::New })
    }

    /// What was checked and verified. A validator's newer word takes the place of an older one.
    pub(super) fn insert(&mut self, signed: SignedReceipt) {
        let said = self.said.entry((signed.statement.zone, signed.statement.height)).or_default();
        said.words(signed.word).insert(signed.receipt.validator, signed);
    }

    /// Takes a proof of fraud, which is checked here: it costs as much as rebuilding a segment.
    pub(super) fn insert_fraud(&mut self, state: &State, proof: FraudProof) -> Result<Inserted, PoolError> {
        let block = state.body_of(&proof.statement)?;
        let place = (block.zone, block.height);
        if self.frauds.contains_key(&place) {
            return Ok(Inserted::Known);
        }
        if !block.is_shown_by(&proof) {
            return Err(PoolError::NoFraud { header: block.id });
        }
        self.frauds.insert(place, proof);
        Ok(Inserted::New)
    }

    pub(super) fn prune(&mut self, state: &State) {
        self.said.retain(|&(zone, height), said| {
            said.rebuilt.retain(|_, signed| check_place(state, &signed.statement, signed.word).is_ok());
            said.unopenable.retain(|_, signed| check_place(state, &signed.statement, signed.word).is_ok());
            let open = state.zone(zone).is_some_and(|zone| height > zone.settled());
            open && !(said.rebuilt.is_empty() && said.unopenable.is_empty())
        });
        self.frauds.retain(|_, proof| state.body_of(&proof.statement).is_ok());
    }

    pub(super) fn propose(&self, proposal: &mut Proposal) {
        for proof in self.frauds.values() {
            let _taken = proposal.take(Transaction::Fraud(Box::new(proof.clone())));
        }
        let committee = proposal.state().committee().clone();
        for said in self.said.values() {
            for words in [&said.unopenable, &said.rebuilt] {
                if let Some(body) = agreed(words, &committee) {
                    let _taken = proposal.take(Transaction::Body(Box::new(body)));
                }
            }
        }
    }
}

/// The verdict that enough validators agree on, if they do: of the words about one height, the first that is said often enough. Words
/// of who has left the committee since do not count.
fn agreed(words: &BTreeMap<PublicKey, SignedReceipt>, committee: &Committee) -> Option<BodyTransaction> {
    let count_min = usize::from(committee.count().rebuild_min());
    words.values().find_map(|first| {
        let same = |signed: &&SignedReceipt| signed.statement == first.statement && signed.word == first.word;
        let members = words.values().filter(same).filter(|signed| committee.contains(&signed.receipt.validator));
        let receipts: Vec<Receipt> = members.take(count_min).map(|signed| signed.receipt).collect();
        (receipts.len() == count_min).then_some(BodyTransaction { statement: first.statement, word: first.word, receipts })
    })
}

/// Is the statement about a block of which the ledger still wants to hear, or is soon to order?
fn check_place(state: &State, statement: &BodyStatement, word: Word) -> Result<(), PoolError> {
    let (zone, height) = (statement.zone, statement.height);
    let known = state.zone(zone).ok_or(TransactionError::UnknownZone { zone })?;
    let (number, last) = (height.get(), known.height().get());
    if number > last {
        let number_max = last.saturating_add(POOL_HEADERS_AHEAD_MAX);
        return if number > number_max { Err(PoolError::Ahead { number, number_max }) } else { Ok(()) };
    }
    match state.body_of(statement) {
        Ok(block) if word == Word::Rebuilt && block.available_at.is_some() => {
            Err(PoolError::Behind { number, last: known.available().get() })
        }
        Ok(_) => Ok(()),
        Err(TransactionError::BodyUnknown { .. }) => Err(PoolError::Behind { number, last: known.settled().get() }),
        Err(error) => Err(error.into()),
    }
}
