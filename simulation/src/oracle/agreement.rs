//! One block per height, one certified block per round, and no certificate without a quorum.
//!
//! The library's own check of a certificate is not believed: who signed is counted here once more.

use super::Violation;
use super::committees::Committees;
use commonware_consensus::types::Round;
use commonware_parallel::Sequential;
use commonware_utils::test_rng;
use plinth_settlement::block::Block;
use plinth_settlement::committee::Committee;
use plinth_settlement::consensus::{Finalization, Scheme, verifier_of};
use plinth_settlement::digest::from_consensus;
use plinth_settlement::genesis::Genesis;
use plinth_types::digest::Digest;
use plinth_types::id::Height;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Every final block that anybody ever published.
#[derive(Debug)]
pub struct Agreement {
    genesis: Arc<Genesis>,
    /// Of each epoch whose validators are settled: what checks its certificates, and how many validators it has.
    epochs: BTreeMap<u64, (Scheme, usize)>,
    blocks: BTreeMap<Height, Digest>,
    certified: BTreeMap<Round, Digest>,
    certified_blocks: BTreeSet<Digest>,
    /// Certificates of epochs whose validators are not known here yet.
    early: Vec<Finalization>,
}

impl Agreement {
    /// For the validators of a genesis.
    #[must_use]
    pub fn new(genesis: &Arc<Genesis>) -> Self {
        let mut agreement = Self {
            genesis: Arc::clone(genesis),
            epochs: BTreeMap::new(),
            blocks: BTreeMap::new(),
            certified: BTreeMap::new(),
            certified_blocks: BTreeSet::new(),
            early: Vec::new(),
        };
        agreement.learn(&Committees::new(genesis)).expect("there is no certificate yet");
        agreement
    }

    /// Takes note of who validates when, and judges the certificates that came before.
    ///
    /// # Errors
    ///
    /// [`Violation::Agreement`], [`Violation::Quorum`].
    pub fn learn(&mut self, committees: &Committees) -> Result<(), Violation> {
        for (epoch, keys) in committees.settled() {
            self.epochs.entry(epoch).or_insert_with(|| {
                let committee = Committee::new(keys.to_vec()).expect("distinct keys");
                (verifier_of(&self.genesis, &committee), keys.len())
            });
        }
        std::mem::take(&mut self.early).iter().try_for_each(|certificate| self.take_certificate(certificate))
    }

    /// A validator says that the block is final. Returns whether it is the first to say so.
    ///
    /// # Errors
    ///
    /// [`Violation::Agreement`].
    pub fn take_block(&mut self, by: usize, block: &Block) -> Result<bool, Violation> {
        let (height, id) = (block.height(), block.id());
        match self.blocks.get(&height) {
            None => {
                self.blocks.insert(height, id);
                Ok(true)
            }
            Some(known) if *known == id => Ok(false),
            Some(known) => Err(Violation::Agreement(format!("height {height}: {known} and, by validator {by}, {id}"))),
        }
    }

    /// Somebody shows a certificate. One that does not hold is nobody's word, and left alone.
    ///
    /// # Errors
    ///
    /// [`Violation::Agreement`], [`Violation::Quorum`].
    pub fn take_certificate(&mut self, certificate: &Finalization) -> Result<(), Violation> {
        let round = certificate.proposal.round;
        let block = from_consensus(certificate.proposal.payload);
        if self.certified.get(&round) == Some(&block) {
            return Ok(());
        }
        let Some((scheme, count)) = self.epochs.get(&round.epoch().get()) else {
            self.early.push(certificate.clone());
            return Ok(());
        };
        // The numbers only weigh signatures against each other; taken from a seed, so that a run repeats.
        if !certificate.verify(&mut test_rng(), scheme, &Sequential) {
            return Ok(());
        }
        let signers: BTreeSet<_> = certificate.certificate.signers.iter().collect();
        if !is_quorum(signers.len(), *count) {
            return Err(Violation::Quorum(format!("{round:?} is finalized by {} of {count} validators", signers.len())));
        }
        self.certified_blocks.insert(block);
        match self.certified.insert(round, block) {
            None => Ok(()),
            Some(known) => Err(Violation::Agreement(format!("{round:?} is finalized with {known} and with {block}"))),
        }
    }

    /// A validator shows a certificate of a final block to clients. It has checked it, so it must hold.
    ///
    /// # Errors
    ///
    /// [`Violation::Agreement`], [`Violation::Quorum`].
    pub fn take_shown(&mut self, by: usize, certificate: &Finalization) -> Result<(), Violation> {
        self.take_certificate(certificate)?;
        let round = certificate.proposal.round;
        if self.epochs.contains_key(&round.epoch().get()) && !self.certified.contains_key(&round) {
            return Err(Violation::Quorum(format!("validator {by} calls final what no quorum signed, in {round:?}")));
        }
        Ok(())
    }

    /// In how many rounds a block was finalized.
    #[must_use]
    pub fn certified_count(&self) -> usize {
        self.certified.len()
    }

    /// Height of the highest block of which a certificate with a quorum was seen: what is under it is final, what is above is a word.
    #[must_use]
    pub fn certified_height(&self) -> Height {
        let certified = self.blocks.iter().rev().find(|(_, id)| self.certified_blocks.contains(*id));
        certified.map_or(Height::new(0), |(height, _)| *height)
    }

    /// Height of the highest final block.
    #[must_use]
    pub fn height(&self) -> Height {
        self.blocks.last_key_value().map_or(Height::new(0), |(height, _)| *height)
    }
}

/// Whether those who did not sign are fewer than a third: at least 2f + 1 of 3f + 1.
#[must_use]
pub const fn is_quorum(signed: usize, count: usize) -> bool {
    3 * count.saturating_sub(signed) < count
}

#[cfg(test)]
mod tests {
    use super::*;
    use commonware_consensus::simplex::types::{Finalize, Proposal};
    use commonware_consensus::types::{Epoch, View};
    use commonware_utils::non_empty;
    use plinth_settlement::consensus::{keys_of, namespace};
    use plinth_settlement::digest::to_consensus;
    use plinth_settlement::keys::SecretKey;

    #[test]
    fn a_quorum_is_two_thirds_and_one() {
        for (count, least) in [(4, 3), (5, 4), (6, 5), (7, 5), (10, 7), (50, 34)] {
            assert!(is_quorum(least, count) && !is_quorum(least - 1, count), "{count}");
        }
    }

    /// Two of four sign, as a committee that takes itself for the whole would.
    #[test]
    fn a_block_that_two_of_four_call_final_is_not_certified() {
        let chain = crate::chain::Chain::new(4, &[0, 1, 2, 3], 64);
        let sign = |members: &[SecretKey]| {
            let committee = keys_of(&Committee::new(members.iter().map(SecretKey::public_key).collect()).unwrap());
            let payload = to_consensus(chain.genesis.block().id());
            let proposal = Proposal::new(Round::new(Epoch::zero(), View::new(1)), View::zero(), payload);
            let scheme =
                |key: &SecretKey| Scheme::signer(&namespace(&chain.genesis), committee.clone(), key.to_consensus()).unwrap();
            let votes: Vec<_> = members.iter().map(|key| Finalize::sign(&scheme(key), proposal.clone()).unwrap()).collect();
            (scheme(&members[0]), votes)
        };
        let mut agreement = Agreement::new(&chain.genesis);
        let (all, votes) = sign(&chain.validators);
        assert!(Finalization::from_finalizes(&all, non_empty![@votes[..2].iter()], &Sequential).is_err(), "the library refuses");
        let mut certificate = Finalization::from_finalizes(&all, non_empty![@votes[..3].iter()], &Sequential).unwrap();
        agreement.take_block(0, &chain.genesis.block()).unwrap();
        agreement.take_certificate(&certificate).unwrap();
        assert_eq!(agreement.certified_count(), 1);
        // The same with one signature taken out.
        let mut agreement = Agreement::new(&chain.genesis);
        certificate.certificate.signatures.pop();
        agreement.take_certificate(&certificate).unwrap();
        assert!(matches!(agreement.take_shown(0, &certificate), Err(Violation::Quorum(_))));
        assert_eq!((agreement.certified_count(), agreement.certified_height()), (0, Height::new(0)));
    }
}
