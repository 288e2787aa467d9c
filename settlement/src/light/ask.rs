//! Asks a validator over QUIC.

use crate::block::Block;
use crate::consensus::Donor;
use crate::store::{StatePart, StateRequest};
use crate::transport::{ClientConnection, ConnectError, FrameError, read_frame, write_frame};
use crate::wire::limits::ANSWER_SIZE_MAX;
use crate::wire::{Answer, FactAnswer, FactsRequest, FollowAnswer, PartAnswer, Request, StateAnswer};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt as _, TryFutureExt as _};
use plinth_types::codec::DecodeError;
use plinth_types::id::Height;
use std::time::Duration;
use thiserror::Error;
use tokio::time::timeout;

/// How long an answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum AskError {
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The connection is gone.
    #[error("connection: {0}")]
    Connection(#[from] quinn::ConnectionError),
    /// No frame, or one too long.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// What came is no answer.
    #[error("answer: {0}")]
    Answer(#[from] DecodeError),
    /// The validator ended the stream.
    #[error("the validator gave no answer")]
    Refused,
    /// Nothing came.
    #[error("no answer within {ANSWER_TIMEOUT:?}")]
    Timeout,
    /// It has no certified state yet, or no such part any more.
    #[error("the validator has nothing to show now")]
    NotNow,
}

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
        let answer = async {
            let (mut send, mut receive) = self.0.open().await?;
            write_frame(&mut send, request.to_frame()).await?;
            let frame = read_frame(&mut receive, ANSWER_SIZE_MAX).await?.ok_or(AskError::Refused)?;
            Ok(A::from_frame(&frame)?)
        };
        timeout(ANSWER_TIMEOUT, answer).await.map_err(|_| AskError::Timeout)?
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
