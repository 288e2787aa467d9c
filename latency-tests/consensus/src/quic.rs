//! A validator as it ships, over QUIC.

use crate::chain::{Chain, IDLE_INTERVAL, Measured};
use plinth_settlement::stages::Histograms;
use plinth_settlement::transport::Peer;
use plinth_types::id::Height;
use plinth_validator::{StartError, Validator, ValidatorConfig, ValidatorHandle};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

impl Measured for ValidatorHandle {
    fn height(&self) -> Height {
        *Self::height(self).borrow()
    }

    fn histograms(&self) -> Histograms {
        Self::histograms(self)
    }
}

/// Starts one.
pub(crate) fn start(chain: &Chain, index: usize, folder: &Path) -> Result<ValidatorHandle, StartError> {
    let peers = chain.keys.iter().zip(&chain.addresses).map(|(key, address)| Peer { key: key.public_key(), address: *address });
    Validator::start(ValidatorConfig {
        key: chain.keys[index].clone(),
        listen: Some(chain.addresses[index]),
        http: None,
        peers: peers.collect(),
        genesis: Arc::clone(&chain.genesis),
        directory: folder.join(format!("validator-{index}")),
        clients: Vec::new(),
        idle_interval: IDLE_INTERVAL,
        worker_threads: NonZeroUsize::MIN,
        checkpoints: None,
        state_sync: false,
        proof_verifiers: Vec::new(),
    })
}
