//! When it is a Byzantine validator's turn to lead, and on top of which ledger it can build then.

use super::{Line, Post};
use commonware_codec::{Copying, Decode as _, DecodeExt as _, Encode as _};
use commonware_consensus::Viewable as _;
use commonware_consensus::simplex::types::Certificate;
use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::certificate::Verifier as _;
use commonware_cryptography::{ed25519, sha256};
use commonware_macros::select;
use commonware_p2p::Recipients;
use plinth_settlement::block::Block;
use plinth_settlement::consensus::Scheme;
use plinth_settlement::digest::from_consensus;
use plinth_settlement::ledger::State;
use plinth_types::digest::Digest;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Follows blocks and certificates, and knows the ledger behind each block of the last few.
pub(super) struct Turns {
    states: BTreeMap<Digest, State>,
    orphans: Vec<Block>,
    led: View,
}

/// A turn: the round that it leads, its parent's view, and the ledger to build on.
pub(super) struct Turn {
    pub(super) round: Round,
    pub(super) parent: View,
    pub(super) state: State,
}

const STATES_MAX: usize = 64;
const ORPHANS_MAX: usize = 64;

impl Turns {
    pub(super) fn new(post: &Post) -> Self {
        let state = State::genesis(Arc::clone(&post.chain.genesis));
        Self { states: BTreeMap::from([(state.block(), state)]), orphans: Vec::new(), led: View::zero() }
    }

    /// Waits for the next turn; `None` when the network ends.
    pub(super) async fn next(&mut self, post: &mut Post) -> Option<Turn> {
        loop {
            let Post { blocks, certificates, .. } = post;
            select! {
                block = blocks.hear() => self.take_block(&block?),
                certificate = certificates.hear() => {
                    if let Some(turn) = self.take_certificate(&certificate?, post) {
                        return Some(turn);
                    }
                },
            }
        }
    }

    fn take_block(&mut self, bytes: &[u8]) {
        let Ok(block) = Block::decode(Copying(bytes)) else { return };
        self.orphans.push(block);
        while let Some(at) = self.orphans.iter().position(|block| self.states.contains_key(&block.parent())) {
            let block = self.orphans.remove(at);
            let checked = self.states[&block.parent()].check_unsigned(&block);
            if let Ok(unverified) = checked {
                self.states.insert(block.id(), unverified.finalized().state().clone());
            }
        }
        if self.orphans.len() > ORPHANS_MAX {
            self.orphans.remove(0);
        }
        if self.states.len() > STATES_MAX {
            let oldest = self.states.iter().min_by_key(|(_, state)| state.height()).map(|(id, _)| *id);
            oldest.map(|id| self.states.remove(&id));
        }
    }

    fn take_certificate(&mut self, bytes: &[u8], post: &Post) -> Option<Turn> {
        let config = Scheme::certificate_codec_config_unbounded();
        let certificate = Certificate::<Scheme, sha256::Digest>::decode_cfg(Copying(bytes), &config).ok()?;
        let proposal = match certificate {
            Certificate::Notarization(certificate) => certificate.proposal,
            Certificate::Finalization(certificate) => certificate.proposal,
            Certificate::Nullification(_) => return None,
        };
        let view = proposal.view().next();
        let count = post.chain.validators.len() as u64;
        if view.get() % count != post.index as u64 || view <= self.led {
            return None;
        }
        let state = self.states.get(&from_consensus(proposal.payload))?.clone();
        self.led = view;
        Some(Turn { round: Round::new(Epoch::zero(), view), parent: proposal.view(), state })
    }
}

/// Sends a block to whom it may concern.
pub(super) fn tell_block(line: &mut Line, to: Recipients<ed25519::PublicKey>, block: &Block) {
    line.tell_to(to, block.encode());
}
