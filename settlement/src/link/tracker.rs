//! Follows the chain without believing anyone. Sans-IO: blocks and certificates in, what became final out.

use super::limits::UNCERTIFIED_BLOCKS_MAX;
use crate::block::Block;
use crate::consensus::{Finalization, epoch_of, verifier_of};
use crate::digest::to_consensus;
use crate::genesis::Genesis;
use crate::ledger::{BlockError, Outcome, State};
use crate::wire::FollowAnswer;
use commonware_parallel::Sequential;
use plinth_types::digest::Digest;
use plinth_types::id::Height;
use std::sync::Arc;
use thiserror::Error;

/// What no honest validator sends.
#[derive(Debug, Error)]
pub enum Lie {
    /// Not the next block.
    #[error("block {height} on {parent}, the next one is {expected} on {expected_parent}")]
    NotNext {
        /// The block's height.
        height: Height,
        /// Its parent.
        parent: Digest,
        /// The next height.
        expected: Height,
        /// The last block.
        expected_parent: Digest,
    },
    /// A certificate of another block.
    #[error("the certificate sent with block {height} is of another one")]
    OtherCertificate {
        /// The block's height.
        height: Height,
    },
    /// A certificate that fewer than 2f+1 validators signed.
    #[error("the certificate of block {height} does not hold")]
    Certificate {
        /// The block's height.
        height: Height,
    },
    /// Blocks, and no certificate.
    #[error("{count} blocks without a certificate behind them")]
    Uncertified {
        /// How many.
        count: usize,
    },
    /// A certified block that the ledger refuses: more than a third of the validators are Byzantine, or this is a bug.
    #[error("certified block {height} is invalid: {error}")]
    Invalid {
        /// Its height.
        height: Height,
        /// Why.
        error: BlockError,
    },
}

/// The ledger as the certificates say.
#[derive(Debug)]
pub struct Tracker {
    state: State,
    pending: Vec<Block>,
    /// How many of the pending blocks the certificate covers, and it.
    certified: Option<(usize, Finalization)>,
}

impl Tracker {
    /// From genesis.
    #[must_use]
    pub fn new(genesis: Arc<Genesis>) -> Self {
        Self { state: State::genesis(genesis), pending: Vec::new(), certified: None }
    }

    /// The ledger behind the last final block.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Blocks that wait for their certificate to be checked.
    #[must_use]
    pub const fn pending_count(&self) -> usize {
        self.pending.len()
    }

    /// Forgets what is not final: whoever sent it is not asked any more.
    pub fn reset(&mut self) {
        self.pending.clear();
        self.certified = None;
    }

    /// Takes the next block. What it makes final comes out of [`Tracker::flush`].
    ///
    /// # Errors
    ///
    /// [`Lie`]; then [`Tracker::reset`] before anyone else is followed.
    pub fn push(&mut self, answer: FollowAnswer) -> Result<(), Lie> {
        let FollowAnswer { block, certificate } = answer;
        let (last, parent) = match self.pending.last() {
            Some(last) => (last.height(), last.id()),
            None => (self.state.height(), self.state.block()),
        };
        if (block.height(), block.parent()) != (last.next(), parent) {
            let (height, parent_sent) = (block.height(), block.parent());
            return Err(Lie::NotNext { height, parent: parent_sent, expected: last.next(), expected_parent: parent });
        }
        let (height, digest) = (block.height(), to_consensus(block.id()));
        self.pending.push(block);
        if let Some(certificate) = certificate {
            if certificate.proposal.payload != digest
                || certificate.proposal.round.epoch().get() != epoch_of(self.state.rules(), height).get()
            {
                return Err(Lie::OtherCertificate { height });
            }
            self.certified = Some((self.pending.len(), certificate));
        }
        let count = self.pending.len() - self.certified.as_ref().map_or(0, |(count, _)| *count);
        if count > UNCERTIFIED_BLOCKS_MAX {
            return Err(Lie::Uncertified { count });
        }
        Ok(())
    }

    /// Checks the newest certificate and applies everything under it.
    ///
    /// # Errors
    ///
    /// [`Lie`]; then [`Tracker::reset`] before anyone else is followed.
    pub fn flush(&mut self) -> Result<Vec<Outcome>, Lie> {
        let Some((count, certificate)) = self.certified.take() else { return Ok(Vec::new()) };
        let height = self.pending[count - 1].height();
        // The ledger knows the committees of this epoch and the next; nobody sends so many blocks under one certificate that it is later.
        let committee = self.state.committee_of(epoch_of(self.state.rules(), height)).ok_or(Lie::Certificate { height })?;
        if !certificate.verify(&mut rand::rng(), &verifier_of(self.state.rules(), committee), &Sequential) {
            return Err(Lie::Certificate { height });
        }
        let mut outcomes = Vec::with_capacity(count);
        for block in self.pending.drain(..count) {
            // 2f+1 validators, who have the store, signed that this is its root.
            let parent = self.state.clone().with_root(block.pre_state());
            let unverified = parent.check_unsigned(&block);
            let checked = unverified.map_err(|error| Lie::Invalid { height: block.height(), error })?.finalized();
            outcomes.push(self.state.apply(checked));
        }
        Ok(outcomes)
    }
}
