//! One request to a validator over QUIC, one answer.

use super::limits::ANSWER_SIZE_MAX;
use super::{Answer, Request};
use crate::transport::{ClientConnection, ConnectError, FrameError, read_frame, write_frame};
use plinth_types::codec::DecodeError;
use std::time::Duration;
use thiserror::Error;
use tokio::time::timeout;

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
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// It has no certified state yet, or no such part any more.
    #[error("the validator has nothing to show now")]
    NotNow,
}

/// Asks, and waits so long for the first answer.
///
/// # Errors
///
/// [`AskError`].
pub async fn ask<A: Answer>(connection: &ClientConnection, request: &Request, patience: Duration) -> Result<A, AskError> {
    let exchange = async {
        let (mut send, mut receive) = connection.open().await?;
        write_frame(&mut send, request.to_frame()).await?;
        let _stream_gone = send.finish().is_err();
        let frame = read_frame(&mut receive, ANSWER_SIZE_MAX).await?.ok_or(AskError::Refused)?;
        Ok(A::from_frame(&frame)?)
    };
    timeout(patience, exchange).await.map_err(|_| AskError::Timeout(patience))?
}
