//! What becomes of an ordered body: available, or rejected with everything that stands on it.
//!
//! * **Available** when f+1 validators say that they rebuilt it, in order of height. One of them is honest, so the body is there: the
//!   honest one has it, coded it again, and found the header's root.
//! * **Rejected** when a proof of fraud shows that its shards are of no codeword: that needs nobody's word. Or when f+1 validators say
//!   that it does not open under its key; the key stands beside their words, so anyone who fetches f+1 shards can do the same.
//!
//! A rejection here is the one of [`super::verdicts`]: inputs wait again behind the last good block. It also freezes the zone, because
//! its producer signed for what is not there; governors thaw it.

use super::error::TransactionError;
use super::execute::{Effects, Place};
use super::facts::FactKey;
use super::signatures::Signer;
use super::state::State;
use super::zone::{Freeze, FreezeCause, Zone, ZoneBlock, ZoneStatus};
use crate::block::BodyTransaction;
use crate::committee::ValidatorCount;
use crate::dispersal::FraudProof;
use crate::receipt::{BodyStatement, Word, check_quorum};
use plinth_types::id::Height;

impl State {
    /// The ordered block that a statement is about, while it is not settled.
    ///
    /// # Errors
    ///
    /// [`TransactionError::Chain`], [`TransactionError::UnknownZone`], [`TransactionError::BodyUnknown`].
    pub fn body_of(&self, statement: &BodyStatement) -> Result<&ZoneBlock, TransactionError> {
        let &BodyStatement { chain, zone, height, header, shard_root } = statement;
        let expected = self.chain();
        if chain != expected {
            return Err(TransactionError::Chain { chain, expected });
        }
        let known = self.zone(zone).ok_or(TransactionError::UnknownZone { zone })?;
        let mut blocks = known.unsettled();
        let block = blocks.find(|block| block.height == height && block.id == header && block.body.shard_root == shard_root);
        block.ok_or(TransactionError::BodyUnknown { zone, height, header })
    }

    pub(super) fn execute_body(
        &mut self,
        transaction: &BodyTransaction,
        place: Place,
        effects: &mut Effects,
    ) -> Result<(), TransactionError> {
        let BodyTransaction { statement, word, receipts } = transaction;
        let block = *self.body_of(statement)?;
        let committee = self.committee();
        check_quorum(receipts, committee.count().rebuild_min(), committee)?;
        match word {
            Word::ShardChecked { .. } => return Err(TransactionError::NotOfABody),
            Word::Rebuilt => self.check_next_available(&block)?,
            Word::Unopenable { key } => {
                let (commitment, commitment_claimed) = (key.commitment(), block.body.key);
                if commitment != commitment_claimed {
                    return Err(TransactionError::BodyKey { commitment, commitment_claimed });
                }
            }
        }

        // Decided. From here on nothing returns early.
        effects.claim_all(place, Signer::Validator, statement.signed_bytes(*word), receipts);
        match *word {
            Word::Unopenable { key } => {
                self.take_back(&block, FreezeCause::Unopenable { header: block.id, key }, place.at, effects);
            }
            Word::Rebuilt | Word::ShardChecked { .. } => {
                self.touch(FactKey::Unsettled(block.zone, block.height));
                let available = self.zone_mut(block.zone).make_available(block.height, place.at);
                effects.available.extend(available);
            }
        }
        Ok(())
    }

    pub(super) fn execute_fraud(
        &mut self,
        proof: &FraudProof,
        place: Place,
        effects: &mut Effects,
    ) -> Result<(), TransactionError> {
        let block = *self.body_of(&proof.statement)?;
        if !block.is_shown_by(proof) {
            return Err(TransactionError::NoFraud { header: block.id });
        }
        self.take_back(&block, FreezeCause::NotACodeword { header: block.id }, place.at, effects);
        Ok(())
    }

    fn check_next_available(&self, block: &ZoneBlock) -> Result<(), TransactionError> {
        let next = self.zone(block.zone).and_then(|zone| zone.unavailable().next());
        if next.map(|next| next.height) == Some(block.height) {
            return Ok(());
        }
        let expected = next.map(|next| next.height).unwrap_or_default();
        Err(TransactionError::AvailabilityOrder { zone: block.zone, height: block.height, expected })
    }

    /// Rejects a block and what stands on it, and freezes its zone unless it is frozen already.
    fn take_back(&mut self, block: &ZoneBlock, cause: FreezeCause, at: Height, effects: &mut Effects) {
        self.revert(block.zone, block.height, at, effects);
        let zone = self.zone_mut(block.zone);
        if zone.status() == ZoneStatus::Open {
            let freeze = Freeze { zone: block.zone, at, cause };
            zone.record.status = ZoneStatus::Frozen(freeze);
            effects.frozen.push(freeze);
        }
    }
}

impl ZoneBlock {
    /// For how many validators its body is coded.
    #[must_use]
    pub const fn validator_count(&self) -> Option<ValidatorCount> {
        ValidatorCount::new(self.validators as usize)
    }

    /// Whether a proof about this block shows that its body is of no codeword.
    #[must_use]
    pub fn is_shown_by(&self, proof: &FraudProof) -> bool {
        self.validator_count().is_some_and(|validators| proof.check(&self.body, validators).is_ok())
    }
}

impl Zone {
    fn make_available(&mut self, height: Height, at: Height) -> Option<ZoneBlock> {
        let unsettled = self.unsettled.iter_mut().find(|unsettled| unsettled.block.height == height)?;
        unsettled.block.available_at = Some(at);
        Some(unsettled.block)
    }
}
