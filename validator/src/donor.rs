//! Another validator that a new one fetches the state from, over a client's connection of its own.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use plinth_settlement::block::Block;
use plinth_settlement::checkpoint::Handover;
use plinth_settlement::consensus::Donor;
use plinth_settlement::keys;
use plinth_settlement::light::Asking;
use plinth_settlement::store::{StatePart, StateRequest};
use plinth_settlement::transport::{ClientEndpoint, ConnectError, Identity, Peer};
use plinth_settlement::wire::{AskError, StateAnswer, StepsAnswer};
use plinth_types::id::{Epoch, Height};
use tokio::sync::Mutex;

/// A validator with an address. Dialled when it is first asked, and again after it failed.
pub(super) struct Remote {
    identity: Identity,
    peer: Peer,
    asking: Mutex<Option<Asking>>,
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl Remote {
    pub(super) fn new(identity: Identity, peer: Peer) -> Self {
        Self { identity, peer, asking: Mutex::new(None) }
    }

    async fn connect(&self) -> Result<Asking, AskError> {
        let mut asking = self.asking.lock().await;
        if let Some(asking) = &*asking {
            return Ok(asking.clone());
        }
        let Peer { key, address } = self.peer;
        let key = keys::to_consensus(&key).map_err(|_| AskError::NotNow)?;
        let endpoint = ClientEndpoint::new(self.identity.clone(), address).map_err(ConnectError::from)?;
        Ok(asking.insert(Asking::new(endpoint.connect(&key, address).await?)).clone())
    }

    /// Whoever failed is dialled anew when it is asked again.
    async fn noted<T>(&self, answer: Result<T, AskError>) -> Result<T, AskError> {
        if answer.is_err() {
            *self.asking.lock().await = None;
        }
        answer
    }
}

impl Donor for Remote {
    fn newest(&self) -> BoxFuture<'_, Result<StateAnswer, AskError>> {
        async move { self.noted(self.connect().await?.newest().await).await }.boxed()
    }

    fn part(&self, request: StateRequest) -> BoxFuture<'_, Result<StatePart, AskError>> {
        async move { self.noted(self.connect().await?.part(request).await).await }.boxed()
    }

    fn steps(&self, from: Epoch) -> BoxFuture<'_, Result<StepsAnswer, AskError>> {
        async move { self.noted(self.connect().await?.steps(from).await).await }.boxed()
    }

    fn handovers(&self, behind: Height) -> BoxFuture<'_, Result<Vec<Handover>, AskError>> {
        async move { self.noted(self.connect().await?.handovers(behind).await).await }.boxed()
    }

    fn block(&self, height: Height) -> BoxFuture<'_, Result<Block, AskError>> {
        async move { self.noted(self.connect().await?.block(height).await).await }.boxed()
    }
}
