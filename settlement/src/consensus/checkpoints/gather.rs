//! Asks others for the handovers that this validator was not there for.

use super::{Checkpoints, GATHER_INTERVAL};
use crate::checkpoint::Handover;
use crate::consensus::chain::Chain;
use crate::consensus::{Donor, Runtime};
use plinth_types::id::Height;
use std::sync::Arc;
use tokio::sync::mpsc;
use tracing::debug;

/// While a group signs whose handover is missing, asks one validator after the other; what comes is checked by who takes it. Ends with the
/// receiver.
pub(super) async fn gather<E: Runtime>(
    context: E,
    chain: Chain,
    firsts: Vec<Height>,
    kept: Checkpoints,
    donors: Vec<Arc<dyn Donor>>,
    told: mpsc::Sender<Handover>,
) {
    let is_kept = |first: Height| kept.handovers().iter().any(|handover| handover.first == first);
    while !told.is_closed() {
        let height = chain.finalized().height();
        for donor in &donors {
            let Some(missing) = firsts.iter().copied().find(|&first| first <= height && !is_kept(first)) else { break };
            match donor.handovers(Height::new(missing.get() - 1)).await {
                Ok(handovers) => {
                    for handover in handovers {
                        if told.send(handover).await.is_err() {
                            return;
                        }
                    }
                }
                Err(error) => debug!(%error, "no handovers"),
            }
        }
        context.sleep(GATHER_INTERVAL).await;
    }
}
