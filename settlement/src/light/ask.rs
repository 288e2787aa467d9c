//! Asks a validator over QUIC.

use crate::block::Block;
use crate::consensus::Donor;
use crate::store::{StatePart, StateRequest};
use crate::transport::ClientConnection;
use crate::wire::{Answer, AskError, FactAnswer, FactsRequest, FollowAnswer, PartAnswer, Request, StateAnswer, ask};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt as _, TryFutureExt as _};
use plinth_types::id::Height;
use std::time::Duration;

/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Asks one validator.
#[derive(Clone, Debug)]
pub struct Asking(ClientConnection);

impl Asking {
    /// Over a connection.
    #[must_use]
    pub const fn new(connection: ClientConnection) -> Self {
        Self(connection)
    }

    /// A fact as behind the newest certified block.
    ///
    /// # Errors
    ///
    /// [`AskError`].
    pub async fn fact(&self, key: Bytes) -> Result<FactAnswer, AskError> {
        self.ask(FactsRequest::Fact(key)).await
    }

    /// The newest certified state.
    ///
    /// # Errors
    ///
    /// [`AskError`].
    pub async fn state(&self) -> Result<StateAnswer, AskError> {
        self.ask(FactsRequest::State).await
    }

    async fn ask<A: Answer>(&self, request: FactsRequest) -> Result<A, AskError> {
        self.answer(Request::Facts(request)).await
    }

    /// The first answer to a request.
    async fn answer<A: Answer>(&self, request: Request) -> Result<A, AskError> {
        ask(&self.0, &request, ANSWER_TIMEOUT).await
    }
}

impl Donor for Asking {
    fn newest(&self) -> BoxFuture<'_, Result<StateAnswer, AskError>> {
        self.state().boxed()
    }

    fn block(&self, height: Height) -> BoxFuture<'_, Result<Block, AskError>> {
        self.answer::<FollowAnswer>(Request::Follow(height)).map_ok(|answer| answer.block).boxed()
    }

    fn part(&self, request: StateRequest) -> BoxFuture<'_, Result<StatePart, AskError>> {
        async move { self.ask::<PartAnswer>(FactsRequest::Part(request)).await?.0.ok_or(AskError::NotNow) }.boxed()
    }
}
