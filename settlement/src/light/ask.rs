//! Asks a validator over QUIC, and walks with what it answers.

use super::{LightClient, LightError, Succession};
use crate::block::Block;
use crate::checkpoint::Handover;
use crate::consensus::Donor;
use crate::store::{StatePart, StateRequest};
use crate::transport::ClientConnection;
use crate::wire::{
    AnchorAnswer, Answer, AskError, FactAnswer, FactsRequest, FollowAnswer, HandoversAnswer, PartAnswer, Request, StateAnswer,
    StepsAnswer, ask,
};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt as _, TryFutureExt as _};
use plinth_types::id::{Epoch, Height};
use std::time::Duration;
use thiserror::Error;

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

    /// A checkpoint, and who validates behind it.
    ///
    /// # Errors
    ///
    /// [`AskError`].
    pub async fn anchor(&self) -> Result<AnchorAnswer, AskError> {
        self.ask(FactsRequest::Anchor).await
    }

    async fn ask<A: Answer>(&self, request: FactsRequest) -> Result<A, AskError> {
        ask(&self.0, &Request::Facts(request), ANSWER_TIMEOUT).await
    }
}

impl Donor for Asking {
    fn newest(&self) -> BoxFuture<'_, Result<StateAnswer, AskError>> {
        self.ask(FactsRequest::State).boxed()
    }

    fn steps(&self, from: Epoch) -> BoxFuture<'_, Result<StepsAnswer, AskError>> {
        self.ask(FactsRequest::Steps(from)).boxed()
    }

    fn handovers(&self, behind: Height) -> BoxFuture<'_, Result<Vec<Handover>, AskError>> {
        self.ask::<HandoversAnswer>(FactsRequest::Handovers(behind)).map_ok(|answer| answer.0).boxed()
    }

    fn block(&self, height: Height) -> BoxFuture<'_, Result<Block, AskError>> {
        async move { Ok(ask::<FollowAnswer>(&self.0, &Request::Follow(height), ANSWER_TIMEOUT).await?.block) }.boxed()
    }

    fn part(&self, request: StateRequest) -> BoxFuture<'_, Result<StatePart, AskError>> {
        async move { self.ask::<PartAnswer>(FactsRequest::Part(request)).await?.0.ok_or(AskError::NotNow) }.boxed()
    }
}

/// Why a validator does not lead on to an epoch.
#[derive(Debug, Error)]
pub enum FollowError {
    /// It gives no answer.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// A step that is none.
    #[error(transparent)]
    Light(#[from] LightError),
    /// It has no step from there.
    #[error("the validator has no step from epoch {epoch} on to {wanted}; its first is from epoch {floor}")]
    Gap {
        /// From where it was asked.
        epoch: Epoch,
        /// Where the client wants to be.
        wanted: Epoch,
        /// Its first.
        floor: Epoch,
    },
}

/// Leads a client some epochs on towards one whose committee it must know, and says over which steps: none when it knows it. Called until
/// then; each call goes on at least one epoch or fails.
///
/// # Errors
///
/// [`FollowError`]. What came before the error is taken.
pub async fn follow(
    client: &mut LightClient,
    donor: &(impl Donor + ?Sized),
    wanted: Epoch,
) -> Result<Vec<Succession>, FollowError> {
    let epoch = client.trusted().last();
    if epoch >= wanted {
        return Ok(Vec::new());
    }
    let StepsAnswer { floor, steps } = donor.steps(epoch).await?;
    if steps.is_empty() {
        return Err(FollowError::Gap { epoch, wanted, floor });
    }
    steps.iter().try_for_each(|step| client.take(step).map(drop))?;
    Ok(steps)
}
