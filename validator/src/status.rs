//! How a validator is, for people and for `--json`.

use plinth_settlement::consensus::{Chain, epoch_of};
use plinth_settlement::genesis::ZoneMode;
use plinth_settlement::stages::StageFigures;
use plinth_types::digest::Digest;
use plinth_types::id::{Epoch, Height, PublicKey, TimestampNs, ZoneId};
use std::net::SocketAddr;

/// A moment's view of one validator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidatorStatus {
    /// Its key.
    pub key: PublicKey,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Whether its threads run.
    pub running: bool,
    /// The epoch of the next block.
    pub epoch: Epoch,
    /// Whether it is a validator of that epoch.
    pub votes: bool,
    /// Height of its last finalized block.
    pub height: Height,
    /// Id of that block.
    pub block: Digest,
    /// Time of that block.
    pub time: TimestampNs,
    /// Other validators connected.
    pub peers_connected: usize,
    /// Pieces of evidence against Byzantine validators.
    pub evidence_count: usize,
    /// The zones as it knows them.
    pub zones: Vec<ZoneView>,
    /// What it measured.
    pub stages: Vec<StageFigures>,
}

/// How far a zone is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZoneView {
    /// Which.
    pub zone: ZoneId,
    /// Its last available block.
    pub available: Height,
    /// Its last settled block.
    pub settled: Height,
    /// What stands for a proof.
    pub mode: ZoneMode,
}

impl ValidatorStatus {
    pub(super) fn read(key: PublicKey, listen: SocketAddr, running: bool, chain: &Chain, peers_connected: usize) -> Self {
        let state = chain.finalized();
        let zone = |zone: &plinth_settlement::ledger::Zone| ZoneView {
            zone: zone.id(),
            available: zone.available(),
            settled: zone.settled(),
            mode: zone.mode(),
        };
        Self {
            key,
            listen,
            running,
            epoch: epoch_of(state.rules(), state.height().next()),
            votes: state.committee().contains(&key),
            height: state.height(),
            block: state.block(),
            time: state.time(),
            peers_connected,
            evidence_count: chain.evidence().len(),
            zones: state.zones().map(zone).collect(),
            stages: chain.with_stages(|stages| stages.figures()),
        }
    }
}
