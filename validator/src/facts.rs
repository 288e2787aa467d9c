//! Answers for light clients and new validators: facts with their proofs, and parts of the state.

use bytes::Bytes;
use plinth_settlement::consensus::Chain;
use plinth_settlement::store::{Live, StoreError};
use plinth_settlement::wire::{Answer as _, CertifiedHeads, FactAnswer, FactsRequest, PartAnswer, StateAnswer};
use tracing::debug;

/// The answer to a request, as a frame.
pub(super) async fn answer(chain: &Chain, request: FactsRequest) -> Result<Bytes, StoreError> {
    match request {
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
