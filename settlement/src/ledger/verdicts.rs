//! What auditors and validators say of an available block: it counts as vouched for, or it and all behind it are dropped.
//!
//! Rejecting a header keeps its inputs: the zone stands again behind its last good block, the consumed messages wait again, and the
//! same body is executed again under a new header. Its epoch is one higher, so none of the dropped headers comes back. Which
//! trades that busts is for the zone to say: settlement sees roots.

use super::error::TransactionError;
use super::execute::{Effects, Place};
use super::facts::FactKey;
use super::signatures::Signer;
use super::state::State;
use crate::genesis::ZoneMode;
use crate::receipt::{QuorumError, Receipt, check_quorum};
use crate::verdict::{VerdictTransaction, Word};
use plinth_types::id::{Height, PublicKey, ZoneId};

impl State {
    pub(super) fn execute_verdict(
        &mut self,
        transaction: &VerdictTransaction,
        place: Place,
        effects: &mut Effects,
    ) -> Result<(), TransactionError> {
        let verdict = transaction.verdict;
        let (zone, height) = (verdict.zone, verdict.height);
        if verdict.chain != self.genesis.chain() {
            return Err(TransactionError::Chain { chain: verdict.chain, expected: self.genesis.chain() });
        }
        let known = self.zone(zone).ok_or(TransactionError::UnknownZone { zone })?;
        let unsettled = known.unsettled_at(height).ok_or(TransactionError::NotUnsettled { zone, height })?;
        if unsettled.block.id != verdict.header {
            return Err(TransactionError::OtherHeader { header: verdict.header, expected: unsettled.block.id });
        }
        if unsettled.vouched && verdict.word != Word::Rejected {
            return Err(TransactionError::Vouched { zone, height });
        }
        let committee = self.committee();
        let signer = match (verdict.word, known.mode()) {
            (Word::Attested, ZoneMode::Audited { attestations_min, .. }) => {
                check_auditors(&transaction.signatures, &known.rules().auditors, usize::from(attestations_min))?;
                Signer::Auditor
            }
            (Word::Proven { guest_image, .. }, ZoneMode::Proven { guest_image: expected, .. }) if guest_image == expected => {
                check_quorum(&transaction.signatures, committee.count().receipts_min(), committee)?;
                Signer::Validator
            }
            (Word::Rejected, _) => {
                check_quorum(&transaction.signatures, committee.count().receipts_min(), committee)?;
                Signer::Validator
            }
            (Word::Attested | Word::Proven { .. }, _) => return Err(TransactionError::VerdictOfAnotherMode { zone }),
        };

        // Decided. From here on nothing returns early.
        effects.claim_all(place, signer, verdict.signed_bytes(), &transaction.signatures);
        if verdict.word == Word::Rejected {
            self.revert(zone, height, place.at, effects);
        } else {
            let found = self.zone_mut(zone).unsettled.iter_mut().find(|unsettled| unsettled.block.height == height);
            found.expect("found above").vouched = true;
            self.touch(FactKey::Unsettled(zone, height));
        }
        Ok(())
    }

    /// Drops a zone's unsettled blocks from `height` on, if there are any.
    pub(super) fn revert(&mut self, zone: ZoneId, height: Height, at: Height, effects: &mut Effects) {
        let known = self.zone_mut(zone);
        // Asked before: a count that goes back to zero is gone behind it.
        let destinations: Vec<_> = known.sent.keys().copied().collect();
        let Some(dropped) = known.revert(height) else { return };
        known.record.ordered_at = at;
        let assets: Vec<_> = known.turnstiles.keys().copied().collect();
        assets.into_iter().for_each(|asset| self.touch(FactKey::Turnstile(zone, asset)));
        destinations.into_iter().for_each(|to| self.touch(FactKey::Sent(zone, to)));
        for block in dropped {
            self.touch(FactKey::Unsettled(zone, block.block.height));
            self.touch(FactKey::Outbox(zone, block.block.height));
            effects.rejected.push(block.block);
        }
    }
}

fn check_auditors(signatures: &[Receipt], auditors: &[PublicKey], count_min: usize) -> Result<(), QuorumError> {
    let count = signatures.len();
    if count < count_min {
        return Err(QuorumError::TooFew { count, count_min });
    }
    for (index, &Receipt { validator, .. }) in signatures.iter().enumerate() {
        if index > 0 && signatures[index - 1].validator >= validator {
            return Err(QuorumError::NotAscending { index });
        }
        if auditors.binary_search(&validator).is_err() {
            return Err(QuorumError::NotAnAuditor { index, auditor: validator });
        }
    }
    Ok(())
}
