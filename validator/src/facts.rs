//! Answers for light clients and new validators: facts with their proofs, who validates, and parts of the state.

use bytes::Bytes;
use plinth_settlement::consensus::checkpoints::Checkpoints;
use plinth_settlement::consensus::{Chain, Lineage, LineageError};
use plinth_settlement::store::{Live, StoreError};
use plinth_settlement::wire::{
    AnchorAnswer, Answer as _, CertifiedHeads, FactAnswer, FactsRequest, HandoversAnswer, PartAnswer, StateAnswer,
};
use thiserror::Error;
use tracing::debug;

/// What is answered from.
#[derive(Clone)]
pub(super) struct Shown {
    pub(super) chain: Chain,
    pub(super) lineage: Lineage,
    pub(super) checkpoints: Checkpoints,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub(super) enum FactsError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Lineage(#[from] LineageError),
}

/// The answer to a request, as a frame.
pub(super) async fn answer(shown: &Shown, request: FactsRequest) -> Result<Bytes, FactsError> {
    let Shown { chain, lineage, checkpoints } = shown;
    match request {
        FactsRequest::Steps(from) => Ok(lineage.page(from).await?.to_frame()),
        FactsRequest::Handovers(behind) => Ok(HandoversAnswer(checkpoints.handovers_behind(behind)).to_frame()),
        FactsRequest::Anchor => Ok(AnchorAnswer(checkpoints.anchor()).to_frame()),
        FactsRequest::Fact(key) => {
            let (live, proof) = chain.store().prove(&key).await?;
            Ok(FactAnswer(certified(chain, &live).map(|certified| (certified, proof))).to_frame())
        }
        FactsRequest::State => {
            let target = chain.store().target().await?;
            Ok(StateAnswer(certified(chain, &target.live).map(|certified| (certified, target))).to_frame())
        }
        FactsRequest::Part(request) => {
            // Whoever is slow finds that its state was pruned; the next one is fetched anew.
            let part = chain.store().part(request).await;
            Ok(PartAnswer(part.inspect_err(|error| debug!(%error, "no such part of the state")).ok()).to_frame())
        }
    }
}

/// The blocks that certify a state: none yet in a validator that has just started, or that has only just applied the state.
fn certified(chain: &Chain, live: &Live) -> Option<CertifiedHeads> {
    let certified = chain.certified_after(live)?;
    certified.heads.first().is_some_and(|first| first.pre_state == live.root).then_some(certified)
}
