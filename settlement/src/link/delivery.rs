//! Proofs of a zone's available blocks on their way to verdicts: one block at a time, in order of height.

use super::carrier::{Carried, ProofCarrier};
use super::limits::VERDICT_PATIENCE;
use super::run::ZoneLink;
use crate::block::Transaction;
use crate::genesis::ZoneMode;
use crate::ledger::{State, ZoneBlock};
use bytes::Bytes;
use plinth_types::block::ZoneHeader;
use plinth_types::digest::Digest;
use plinth_types::id::{Height, ZoneId};
use std::time::Instant;

/// Brings the proofs of one zone in mode `proven`. Its calls block the thread.
#[derive(Debug)]
pub struct ProofDelivery {
    carrier: ProofCarrier,
    zone: ZoneId,
    /// The last verdict that was brought: until it is ordered nobody has vouched for its block.
    brought: Option<(Digest, Instant)>,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// Nothing can be done now.
    Nothing,
    /// A verdict of 2f+1 validators is on its way into a block.
    Verdict {
        /// The block's height.
        height: Height,
    },
    /// A validator refuses the proof.
    Refused {
        /// The block's height.
        height: Height,
        /// Validators that verified it all the same.
        words: usize,
        /// Whether one of those is honest, so that the proof is right.
        is_right: bool,
        /// What one said.
        reason: String,
    },
}

impl ProofDelivery {
    /// For the blocks of `zone`.
    #[must_use]
    pub const fn new(carrier: ProofCarrier, zone: ZoneId) -> Self {
        Self { carrier, zone, brought: None }
    }

    /// Brings the proof of the first block that is available and that nobody has vouched for, if `proof` has it.
    pub fn deliver(&mut self, link: &ZoneLink, proof: impl FnOnce(&ZoneBlock) -> Option<Bytes>) -> Delivered {
        let Some(ledger) = link.ledger() else { return Delivered::Nothing };
        let Some(block) = unproven(&ledger, self.zone).next() else { return Delivered::Nothing };
        if self.brought.is_some_and(|(id, at)| id == block.id && at.elapsed() < VERDICT_PATIENCE) {
            return Delivered::Nothing;
        }
        let Some(proof) = proof(&block) else { return Delivered::Nothing };
        match self.carrier.carry(&ledger, &block, &proof) {
            Carried::Verdict(verdict) => match link.bring(Transaction::Verdict(verdict)) {
                Ok(()) => {
                    self.brought = Some((block.id, Instant::now()));
                    Delivered::Verdict { height: block.height }
                }
                Err(error) => {
                    tracing::warn!(height = %block.height, %error, "a verdict is to be brought again");
                    Delivered::Nothing
                }
            },
            Carried::Done | Carried::Waiting { refused: None, .. } => Delivered::Nothing,
            Carried::Waiting { words, refused: Some(reason) } => {
                let is_right = words > usize::from(ledger.committee().count().faults_max());
                Delivered::Refused { height: block.height, words, is_right, reason }
            }
        }
    }

    /// Asks validators for the header of an ordered block, as it was signed: that is what a proof must show.
    pub fn header(&mut self, block: &ZoneBlock) -> Option<ZoneHeader> {
        self.carrier.header(block)
    }
}

/// The blocks of a zone in mode `proven` that are available and that nobody has vouched for, from the lowest on; none of another zone.
pub fn unproven(ledger: &State, zone: ZoneId) -> impl Iterator<Item = ZoneBlock> {
    let zone = ledger.zone(zone).filter(|zone| matches!(zone.mode(), ZoneMode::Proven { .. }));
    let wanted = zone.into_iter().flat_map(|zone| {
        zone.unsettled().filter(|block| zone.unsettled_at(block.height).is_some_and(|unsettled| !unsettled.vouched))
    });
    // What is not available comes after what is.
    wanted.take_while(|block| block.available_at.is_some()).copied()
}
