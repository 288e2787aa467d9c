//! Headers that wait, with the receipts of their bodies, and receipts that wait for their header.

use super::{Inserted, PoolError, Proposal};
use crate::block::{HeaderTransaction, Transaction, header_id};
use crate::ledger::{State, TransactionError, Zone, ZoneStatus};
use crate::limits::{POOL_HEADERS_AHEAD_MAX, POOL_HEADERS_PER_HEIGHT_MAX, POOL_ORPHAN_RECEIPTS_PER_VALIDATOR_MAX};
use crate::receipt::{BodyStatement, Receipt, SignedReceipt, Word};
use plinth_types::block::SignedHeader;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, ProducerEpoch, PublicKey, ZoneId};
use plinth_types::limits::HEADER_ASSETS_MAX;
use std::collections::{BTreeMap, VecDeque};

#[derive(Debug, Default)]
pub(super) struct Candidates {
    zones: BTreeMap<ZoneId, BTreeMap<Height, Vec<Candidate>>>,
    orphans: BTreeMap<PublicKey, VecDeque<SignedReceipt>>,
}

/// A header that waits to be ordered.
#[derive(Debug)]
pub struct Candidate {
    signed: SignedHeader,
    statement: BodyStatement,
    /// With the word that each is under: one of a place that is not the signer's any more counts no more.
    receipts: BTreeMap<PublicKey, (Word, Receipt)>,
}

/// Two headers of one zone, height and epoch under one producer's signature.
#[derive(Clone, Copy, Debug)]
pub struct Equivocation<'a> {
    /// The one that came first.
    pub first: &'a SignedHeader,
    /// The other one.
    pub second: &'a SignedHeader,
}

impl Candidate {
    /// The header, its producer's signature verified.
    #[must_use]
    pub const fn signed(&self) -> &SignedHeader {
        &self.signed
    }

    /// The header's id.
    #[must_use]
    pub const fn id(&self) -> Digest {
        self.statement.header
    }

    const fn epoch(&self) -> ProducerEpoch {
        self.signed.header.epoch
    }

    /// The receipts so far, ascending by validator, their signatures verified.
    pub fn receipts(&self) -> impl ExactSizeIterator<Item = &Receipt> {
        self.receipts.values().map(|(_, receipt)| receipt)
    }

    /// A validator's receipt, if it is under this word.
    #[must_use]
    pub fn receipt_of(&self, validator: &PublicKey, word: Word) -> Option<&Receipt> {
        self.receipts.get(validator).and_then(|(said, receipt)| (*said == word).then_some(receipt))
    }

    /// The transaction of this header with the least receipts that make a quorum; `None` while there are fewer.
    fn transaction(&self, state: &State) -> Option<Transaction> {
        let committee = state.committee();
        let count = usize::from(committee.count().receipts_min());
        // A receipt may be of an epoch before, of a place that is another's now.
        let receipts = committee.keys().iter().filter_map(|key| self.receipt_of(key, Word::shard_checked(committee, key)?));
        let receipts: Vec<Receipt> = receipts.take(count).copied().collect();
        (receipts.len() == count)
            .then(|| Transaction::Header(Box::new(HeaderTransaction { signed: self.signed.clone(), receipts })))
    }
}

impl Candidates {
    /// Everything of a header but the signature: its id, and whether it is new.
    pub(super) fn check(&self, state: &State, signed: &SignedHeader) -> Result<(Digest, Inserted), PoolError> {
        let header = &signed.header;
        let (zone, height) = (header.zone, header.height);
        let (chain, expected) = (header.chain, state.chain());
        if chain != expected {
            return Err(TransactionError::Chain { chain, expected }.into());
        }
        if header.outbox_totals.len() > HEADER_ASSETS_MAX {
            return Err(TransactionError::OutboxTotals.into());
        }
        let known = check_height(state, zone, height)?;
        if header.epoch < known.epoch() {
            return Err(TransactionError::Epoch { epoch: header.epoch, current: known.epoch() }.into());
        }
        let id = header_id(header);
        let others = self.zones.get(&zone).and_then(|heights| heights.get(&height)).map_or(&[][..], Vec::as_slice);
        if others.iter().any(|other| other.id() == id) {
            return Ok((id, Inserted::Known));
        }
        let count = others.len();
        if count >= POOL_HEADERS_PER_HEIGHT_MAX && oldest(others).is_none_or(|oldest| others[oldest].epoch() >= header.epoch) {
            return Err(PoolError::TooManyHeaders { zone, height, count });
        }
        // Sealed again after a rejection, in a later epoch, is no contradiction.
        match others.iter().find(|other| other.epoch() == header.epoch) {
            None => Ok((id, Inserted::New)),
            Some(first) => Ok((id, Inserted::Conflicting { first: first.id() })),
        }
    }

    /// Whose signature the header must have.
    pub(super) fn producer(state: &State, signed: &SignedHeader) -> Result<PublicKey, PoolError> {
        let zone = signed.header.zone;
        Ok(state.zone(zone).ok_or(TransactionError::UnknownZone { zone })?.producer())
    }

    /// What was checked and verified. Receipts that came before it join it.
    pub(super) fn insert(&mut self, signed: SignedHeader, id: Digest) {
        let statement = BodyStatement::of(&signed.header, id);
        let mut receipts = BTreeMap::new();
        for (validator, orphans) in &mut self.orphans {
            orphans.retain(|orphan| {
                let joins = orphan.statement == statement;
                if joins {
                    receipts.insert(*validator, (orphan.word, orphan.receipt));
                }
                !joins
            });
        }
        let (zone, height) = (statement.zone, statement.height);
        let candidate = Candidate { signed, statement, receipts };
        let others = self.zones.entry(zone).or_default().entry(height).or_default();
        if others.len() >= POOL_HEADERS_PER_HEIGHT_MAX
            && let Some(oldest) = oldest(others)
        {
            others.remove(oldest);
        }
        others.push(candidate);
    }

    /// Everything of a receipt but the signature.
    pub(super) fn check_receipt(&self, state: &State, signed: &SignedReceipt) -> Result<Inserted, PoolError> {
        let (BodyStatement { chain, zone, height, header, .. }, key) = (signed.statement, signed.receipt.validator);
        let expected = state.chain();
        if chain != expected {
            return Err(TransactionError::Chain { chain, expected }.into());
        }
        check_height(state, zone, height)?;
        let word = Word::shard_checked(state.committee(), &key).ok_or(PoolError::NotAValidator { key })?;
        if signed.word != word {
            return Err(PoolError::OtherPlace { key });
        }
        let known = match self.candidate(zone, height, header) {
            Some(candidate) if candidate.statement != signed.statement => return Err(PoolError::Contradiction { header }),
            Some(candidate) => candidate.receipt_of(&key, word).is_some(),
            None => {
                let is_same = |orphan: &SignedReceipt| (orphan.statement, orphan.word) == (signed.statement, word);
                self.orphans.get(&key).is_some_and(|orphans| orphans.iter().any(is_same))
            }
        };
        Ok(if known { Inserted::Known } else { Inserted::New })
    }

    /// What was checked and verified.
    pub(super) fn insert_receipt(&mut self, signed: SignedReceipt) {
        let (statement, validator) = (signed.statement, signed.receipt.validator);
        let heights = self.zones.get_mut(&statement.zone);
        let candidates = heights.and_then(|heights| heights.get_mut(&statement.height));
        let found = candidates.and_then(|candidates| candidates.iter_mut().find(|candidate| candidate.statement == statement));
        if let Some(candidate) = found {
            candidate.receipts.insert(validator, (signed.word, signed.receipt));
            return;
        }
        let orphans = self.orphans.entry(validator).or_default();
        if orphans.len() >= POOL_ORPHAN_RECEIPTS_PER_VALIDATOR_MAX {
            orphans.pop_front();
        }
        orphans.push_back(signed);
    }

    pub(super) fn prune(&mut self, state: &State) {
        self.zones.retain(|&zone, heights| {
            let open = state.zone(zone).filter(|zone| zone.status() == ZoneStatus::Open);
            heights.retain(|&height, candidates| {
                // A header of an epoch that is over can never be ordered: it must not hold the place of one that can.
                candidates.retain(|candidate| open.is_some_and(|zone| candidate.epoch() >= zone.epoch()));
                !candidates.is_empty() && open.is_some_and(|zone| height > zone.height())
            });
            !heights.is_empty()
        });
        for orphans in self.orphans.values_mut() {
            orphans.retain(|orphan| check_height(state, orphan.statement.zone, orphan.statement.height).is_ok());
        }
    }

    pub(super) fn propose(&self, proposal: &mut Proposal) {
        for (&zone, heights) in &self.zones {
            while let Some(height) = proposal.state().zone(zone).map(|zone| zone.height().next()) {
                let candidates = heights.get(&height).map_or(&[][..], Vec::as_slice);
                let ready = candidates.iter().filter_map(|candidate| candidate.transaction(proposal.state()));
                let ready: Vec<Transaction> = ready.collect();
                if !ready.into_iter().any(|transaction| proposal.take(transaction)) {
                    break;
                }
            }
        }
    }

    pub(super) fn of(&self, zone: ZoneId) -> impl Iterator<Item = &Candidate> {
        self.zones.get(&zone).into_iter().flat_map(BTreeMap::values).flatten()
    }

    pub(super) fn equivocations(&self) -> impl Iterator<Item = Equivocation<'_>> {
        self.zones.values().flat_map(BTreeMap::values).filter_map(|candidates| {
            let (at, second) = candidates
                .iter()
                .enumerate()
                .find(|(at, second)| candidates[..*at].iter().any(|first| first.epoch() == second.epoch()))?;
            let first = candidates[..at].iter().find(|first| first.epoch() == second.epoch())?;
            Some(Equivocation { first: &first.signed, second: &second.signed })
        })
    }

    pub(super) fn orphan_count(&self) -> usize {
        self.orphans.values().map(VecDeque::len).sum()
    }

    fn candidate(&self, zone: ZoneId, height: Height, id: Digest) -> Option<&Candidate> {
        self.zones.get(&zone)?.get(&height)?.iter().find(|candidate| candidate.id() == id)
    }
}

/// The one of the lowest epoch.
fn oldest(candidates: &[Candidate]) -> Option<usize> {
    (0..candidates.len()).min_by_key(|&at| candidates[at].epoch())
}

/// Is it a height that the pool keeps?
fn check_height(state: &State, zone: ZoneId, height: Height) -> Result<&Zone, PoolError> {
    let known = state.zone(zone).ok_or(TransactionError::UnknownZone { zone })?;
    if let ZoneStatus::Frozen(freeze) = known.status() {
        return Err(TransactionError::ZoneFrozen { zone, at: freeze.at }.into());
    }
    let (number, last) = (height.get(), known.height().get());
    if number <= last {
        return Err(PoolError::Behind { number, last });
    }
    let number_max = last.saturating_add(POOL_HEADERS_AHEAD_MAX);
    if number > number_max {
        return Err(PoolError::Ahead { number, number_max });
    }
    Ok(known)
}
