//! The observer: a peer of the network that receives whatever validators send to all, and sends nothing. What it has heard is what
//! the oracles judge, and how a plan knows the moment to strike.

use crate::byzantine::{Vote, payload_of};
use crate::chain::Chain;
use crate::coverage::{Coverage, Visited};
use crate::engine::Context;
use crate::oracle::Violation;
use crate::oracle::agreement::Agreement;
use crate::oracle::votes::Votes;
use crate::plan::Moment;
use commonware_codec::{Copying, Decode as _, DecodeExt as _};
use commonware_consensus::simplex::types::Certificate;
use commonware_consensus::types::{Epoch, Round, View};
use commonware_consensus::{Epochable as _, Viewable as _};
use commonware_cryptography::certificate::Verifier as _;
use commonware_cryptography::{ed25519, sha256};
use commonware_p2p::Receiver as _;
use commonware_p2p::simulated::{Oracle, Receiver};
use commonware_runtime::{Quota, Spawner as _, Supervisor as _};
use commonware_utils::NZU32;
use commonware_utils::sync::Mutex;
use plinth_settlement::block::Block;
use plinth_settlement::consensus::Scheme;
use plinth_settlement::digest::from_consensus;
use plinth_settlement::transport::Channel;
use plinth_types::digest::Digest;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What was heard, over all of a world's lives.
#[derive(Debug)]
pub(crate) struct Heard {
    chain: Arc<Chain>,
    /// Validators whose contradictions are their nature.
    byzantine: BTreeSet<usize>,
    pub(crate) agreement: Agreement,
    votes: Votes,
    pub(crate) coverage: Coverage,
    pub(crate) violations: Vec<Violation>,
    /// How many contradictions of each Byzantine validator were heard.
    pub(crate) contradictions: BTreeMap<usize, u64>,
    /// The view that is being decided, and what of it was heard.
    round: Round,
    moment: Moment,
    proposed: BTreeMap<Round, Digest>,
    proposers: BTreeMap<Digest, usize>,
}

/// The observer's notebook.
pub(crate) type Notes = Arc<Mutex<Heard>>;

impl Heard {
    pub(crate) fn new(chain: &Arc<Chain>, byzantine: BTreeSet<usize>) -> Notes {
        Arc::new(Mutex::new(Self {
            agreement: Agreement::new(&chain.genesis),
            chain: Arc::clone(chain),
            byzantine,
            votes: Votes::default(),
            coverage: Coverage::default(),
            violations: Vec::new(),
            contradictions: BTreeMap::new(),
            round: Round::new(Epoch::zero(), View::zero()),
            moment: Moment::Any,
            proposed: BTreeMap::new(),
            proposers: BTreeMap::new(),
        }))
    }

    /// What is going on in the youngest view.
    pub(crate) const fn moment(&self) -> Moment {
        self.moment
    }

    /// Who proposed in the youngest view.
    pub(crate) fn proposer(&self) -> Option<usize> {
        self.proposed.get(&self.round).and_then(|block| self.proposers.get(block)).copied()
    }

    pub(crate) fn note<T>(&mut self, result: Result<T, Violation>) -> Option<T> {
        result.map_err(|violation| self.violations.push(violation)).ok()
    }

    fn enter(&mut self, round: Round, moment: Moment) {
        if round >= self.round {
            (self.round, self.moment) = (round, moment);
        }
    }

    fn take_vote(&mut self, from: usize, vote: &Vote) {
        let round = Round::new(vote.epoch(), vote.view());
        let said = self.votes.take(from, vote);
        match said {
            Err(_) if self.byzantine.contains(&from) => {
                *self.contradictions.entry(from).or_default() += 1;
                self.coverage.visit(Visited::TwoVotesInAView);
            }
            Err(violation) => self.violations.push(violation),
            Ok(()) => {}
        }
        match vote {
            Vote::Notarize(vote) => {
                let block = from_consensus(vote.proposal.payload);
                let known = *self.proposed.entry(round).or_insert(block);
                if known != block && self.proposers.contains_key(&known) && self.proposers.contains_key(&block) {
                    self.coverage.visit(Visited::TwoBlocksInAView);
                }
                if round > self.round {
                    self.enter(round, Moment::Proposed);
                }
            }
            Vote::Finalize(_) => {
                if round >= self.round && self.moment != Moment::Final {
                    self.enter(round, Moment::Finalizing);
                }
            }
            Vote::Nullify(_) => self.enter(round, Moment::GivingUp),
        }
    }

    fn take_certificate(&mut self, certificate: &Certificate<Scheme, sha256::Digest>) {
        let round = Round::new(certificate.epoch(), certificate.view());
        match certificate {
            Certificate::Notarization(_) => {
                if round > self.round || self.moment == Moment::Proposed {
                    self.enter(round, Moment::Notarized);
                }
            }
            Certificate::Nullification(_) => {
                self.coverage.visit(Visited::ViewGivenUp);
                self.enter(round, Moment::GivingUp);
            }
            Certificate::Finalization(certificate) => {
                self.enter(round, Moment::Final);
                let taken = self.agreement.take_certificate(certificate);
                self.note(taken);
            }
        }
    }
}

/// Listens until the network ends.
pub(crate) async fn listen(context: &Context, oracle: &Oracle<ed25519::PublicKey, Context>, chain: &Chain, notes: &Notes) {
    let control = oracle.control(chain.observer.clone());
    for channel in [Channel::Votes, Channel::Certificates, Channel::Blocks] {
        let quota = Quota::per_second(NZU32!(crate::limits::MESSAGES_PER_SECOND));
        let (_, receiver) = control.register(u64::from(channel.code()), quota).await.expect("the observer is a peer");
        let notes = Arc::clone(notes);
        context.child("observer").with_attribute("channel", channel.code()).spawn(move |_| hear(channel, receiver, notes));
    }
}

async fn hear(channel: Channel, mut receiver: Receiver<ed25519::PublicKey>, notes: Notes) {
    while let Ok((peer, message)) = receiver.recv().await {
        let mut heard = notes.lock();
        let (Some(from), Some(bytes)) = (heard.chain.index_of_peer(&peer), payload_of(channel, message)) else { continue };
        match channel {
            Channel::Votes => {
                if let Ok(vote) = Vote::decode(Copying(&bytes)) {
                    heard.take_vote(from, &vote);
                }
            }
            Channel::Certificates => {
                let config = Scheme::certificate_codec_config_unbounded();
                if let Ok(certificate) = Certificate::decode_cfg(Copying(&bytes), &config) {
                    heard.take_certificate(&certificate);
                }
            }
            Channel::Blocks => {
                if let Ok(block) = Block::decode(Copying(&bytes)) {
                    heard.proposers.entry(block.id()).or_insert(from);
                }
            }
            Channel::Resolver | Channel::Gossip | Channel::Backfill | Channel::Checkpoints | Channel::Shards => {}
        }
    }
}
