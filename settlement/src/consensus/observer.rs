//! Listens to simplex: certificates for clients, times for the histograms, evidence for whoever punishes.

use super::chain::Chain;
use super::{Activity, Runtime, Scheme, timestamp};
use crate::committee::Committee;
use crate::digest::from_consensus;
use commonware_actor::Feedback;
use commonware_codec::Encode as _;
use commonware_consensus::simplex::types::Attributable as _;
use commonware_consensus::{Reporter, Viewable as _};
use commonware_parallel::Sequential;
use commonware_utils::Participant;
use commonware_utils::sync::Mutex;
use plinth_types::id::PublicKey;
use std::sync::Arc;
use tracing::warn;

/// A validator that broke the protocol, in a way that its own signatures show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Who.
    pub validator: PublicKey,
    /// In which view.
    pub view: u64,
    /// How.
    pub fault: Fault,
    /// The two signed messages, in the encoding of the consensus library.
    pub proof: Vec<u8>,
}

/// What a Byzantine validator signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Votes for two proposals in one view.
    ConflictingNotarize,
    /// Votes to finalize two proposals in one view.
    ConflictingFinalize,
    /// Votes to give up a view and to finalize it.
    NullifyFinalize,
}

/// Takes what simplex reports. Clones share one.
pub(super) struct Observer<E> {
    runtime: Arc<Mutex<E>>,
    chain: Chain,
    scheme: Scheme,
    committee: Committee,
}

impl<E> Clone for Observer<E> {
    fn clone(&self) -> Self {
        Self {
            runtime: Arc::clone(&self.runtime),
            chain: self.chain.clone(),
            scheme: self.scheme.clone(),
            committee: self.committee.clone(),
        }
    }
}

impl<E: Runtime> Observer<E> {
    pub(super) fn new(runtime: E, chain: Chain, scheme: Scheme, committee: Committee) -> Self {
        Self { runtime: Arc::new(Mutex::new(runtime)), chain, scheme, committee }
    }

    fn now(&self) -> plinth_types::id::TimestampNs {
        timestamp(self.runtime.lock().current())
    }

    /// Keeps evidence whose signatures hold; a peer could have made up the rest.
    fn accuse(&self, activity: &Activity, signer: Participant, view: u64, fault: Fault, proof: Vec<u8>) {
        let Some(validator) = self.committee.keys().get(usize::from(signer)).copied() else { return };
        if activity.verify(&mut *self.runtime.lock(), &self.scheme, &Sequential) {
            warn!(%validator, view, ?fault, "a validator contradicts itself");
            self.chain.add_evidence(Evidence { validator, view, fault, proof });
        }
    }
}

impl<E: Runtime> Reporter for Observer<E> {
    type Activity = Activity;

    fn report(&mut self, activity: Activity) -> Feedback {
        match &activity {
            Activity::Notarization(notarization) => {
                let (block, now) = (from_consensus(notarization.proposal.payload), self.now());
                self.chain.with_stages(|stages| stages.block_notarized(block, now));
            }
            Activity::Finalization(finalization) => {
                let (block, now) = (from_consensus(finalization.proposal.payload), self.now());
                self.chain.with_stages(|stages| stages.block_finalized(block, now));
                self.chain.certify(finalization.clone());
            }
            Activity::ConflictingNotarize(evidence) => {
                let (signer, view) = (evidence.signer(), evidence.view().get());
                self.accuse(&activity, signer, view, Fault::ConflictingNotarize, evidence.encode().to_vec());
            }
            Activity::ConflictingFinalize(evidence) => {
                let (signer, view) = (evidence.signer(), evidence.view().get());
                self.accuse(&activity, signer, view, Fault::ConflictingFinalize, evidence.encode().to_vec());
            }
            Activity::NullifyFinalize(evidence) => {
                let (signer, view) = (evidence.signer(), evidence.view().get());
                self.accuse(&activity, signer, view, Fault::NullifyFinalize, evidence.encode().to_vec());
            }
            Activity::Notarize(_)
            | Activity::Certification(_)
            | Activity::Nullify(_)
            | Activity::Nullification(_)
            | Activity::Finalize(_) => {}
        }
        Feedback::Ok
    }
}
