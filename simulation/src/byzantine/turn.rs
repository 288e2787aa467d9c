//! When it is a Byzantine validator's turn to lead, and on top of which ledger it can build then.

use super::{Line, Post};
use crate::engine::Context;
use commonware_codec::{Copying, Decode as _, DecodeExt as _, Encode as _};
use commonware_consensus::Viewable as _;
use commonware_consensus::simplex::types::Certificate;
use commonware_consensus::types::{Epoch, Round, View};
use commonware_cryptography::certificate::Verifier as _;
use commonware_cryptography::{ed25519, sha256};
use commonware_macros::select;
use commonware_p2p::Recipients;
use commonware_runtime::Clock as _;
use plinth_settlement::block::Block;
use plinth_settlement::consensus::{self, Scheme, open_store, timestamp};
use plinth_settlement::digest::from_consensus;
use plinth_settlement::ledger::State;
use plinth_settlement::store::Fork;
use plinth_types::digest::Digest;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Follows blocks and certificates, and knows the ledger behind each block of the last few. It keeps a store as honest validators do:
/// only so does it know the roots that blocks must carry.
pub(super) struct Turns {
    store: Arc<consensus::Store>,
    behind: BTreeMap<Digest, (State, Fork)>,
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
    /// From genesis, on a store of its own; `None` if its disk fails.
    pub(super) async fn new(context: &Context, post: &Post) -> Option<Self> {
        // Whoever had no power in between begins anew.
        let partition = format!("turns-{}-{}", post.index, timestamp(context.current()));
        let store = open_store(context, &partition, &post.chain.genesis).await.ok()?.store();
        let (live, fork) = store.live().await.ok()?;
        let state = State::genesis(Arc::clone(&post.chain.genesis)).with_root(live.root);
        Some(Self { store, behind: BTreeMap::from([(state.block(), (state, fork))]), orphans: Vec::new(), led: View::zero() })
    }

    /// Waits for the next turn; `None` when the network ends.
    pub(super) async fn next(&mut self, post: &mut Post) -> Option<Turn> {
        loop {
            let Post { blocks, certificates, .. } = post;
            select! {
                block = blocks.hear() => self.take_block(&block?).await?,
                certificate = certificates.hear() => {
                    if let Some(turn) = self.take_certificate(&certificate?, post) {
                        return Some(turn);
                    }
                },
            }
        }
    }

    async fn take_block(&mut self, bytes: &[u8]) -> Option<()> {
        let Ok(block) = Block::decode(Copying(bytes)) else { return Some(()) };
        self.orphans.push(block);
        while let Some(at) = self.orphans.iter().position(|block| self.behind.contains_key(&block.parent())) {
            let block = self.orphans.remove(at);
            let (parent, parent_fork) = &self.behind[&block.parent()];
            if let Ok(unverified) = parent.check_unsigned(&block) {
                let (checked, fork) = consensus::fork(&*self.store, parent_fork, unverified.finalized()).await.ok()?;
                self.behind.insert(block.id(), (checked.state().clone(), fork));
            }
        }
        if self.orphans.len() > ORPHANS_MAX {
            self.orphans.remove(0);
        }
        if self.behind.len() > STATES_MAX {
            let oldest = self.behind.iter().min_by_key(|(_, (state, _))| state.height()).map(|(id, _)| *id);
            oldest.map(|id| self.behind.remove(&id));
        }
        Some(())
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
        let (state, _) = self.behind.get(&from_consensus(proposal.payload))?.clone();
        self.led = view;
        Some(Turn { round: Round::new(Epoch::zero(), view), parent: proposal.view(), state })
    }
}

/// Sends a block to whom it may concern.
pub(super) fn tell_block(line: &mut Line, to: Recipients<ed25519::PublicKey>, block: &Block) {
    line.tell_to(to, block.encode());
}
