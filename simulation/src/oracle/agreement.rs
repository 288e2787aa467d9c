//! One block per height, one certified block per view.

use super::Violation;
use commonware_parallel::Sequential;
use commonware_utils::test_rng;
use plinth_settlement::block::Block;
use plinth_settlement::consensus::{Finalization, Scheme, verifier};
use plinth_settlement::digest::from_consensus;
use plinth_settlement::genesis::Genesis;
use plinth_types::digest::Digest;
use plinth_types::id::Height;
use std::collections::BTreeMap;

/// Every final block that anybody ever published.
#[derive(Debug)]
pub struct Agreement {
    scheme: Scheme,
    blocks: BTreeMap<Height, Digest>,
    certified: BTreeMap<u64, Digest>,
}

impl Agreement {
    /// For the validators of a genesis.
    #[must_use]
    pub fn new(genesis: &Genesis) -> Self {
        Self { scheme: verifier(genesis), blocks: BTreeMap::new(), certified: BTreeMap::new() }
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
    /// [`Violation::Agreement`].
    pub fn take_certificate(&mut self, certificate: &Finalization) -> Result<(), Violation> {
        let view = certificate.proposal.round.view().get();
        let block = from_consensus(certificate.proposal.payload);
        if self.certified.get(&view) == Some(&block) {
            return Ok(());
        }
        // The numbers only weigh signatures against each other; taken from a seed, so that a run repeats.
        if !certificate.verify(&mut test_rng(), &self.scheme, &Sequential) {
            return Ok(());
        }
        match self.certified.insert(view, block) {
            None => Ok(()),
            Some(known) => Err(Violation::Agreement(format!("view {view} is finalized with {known} and with {block}"))),
        }
    }

    /// Height of the highest final block.
    #[must_use]
    pub fn height(&self) -> Height {
        self.blocks.last_key_value().map_or(Height::new(0), |(height, _)| *height)
    }
}
