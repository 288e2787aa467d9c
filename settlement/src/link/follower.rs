//! Follows one validator after the other, and reports what is final.

use super::limits::{BATCH_BLOCKS_MAX, REDIAL_DELAY_MIN, SILENCE_MAX};
use super::run::Shared;
use super::tracker::Lie;
use crate::transport::{ClientConnection, FrameError, FrameReader, write_frame};
use crate::wire::limits::ANSWER_SIZE_MAX;
use crate::wire::{Answer, AskError, FollowAnswer, Request};
use bytes::Bytes;
use futures::FutureExt as _;
use plinth_types::codec::DecodeError;
use plinth_types::id::PublicKey;
use std::rc::Rc;
use thiserror::Error;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

/// A validator's connection, while there is one.
pub(super) struct Source {
    pub(super) key: PublicKey,
    pub(super) connection: watch::Receiver<Option<ClientConnection>>,
}

/// Why a validator is left.
#[derive(Debug, Error)]
enum Left {
    #[error(transparent)]
    Ask(#[from] AskError),
    #[error("it sent nothing for {SILENCE_MAX:?}")]
    Silent,
    #[error("it lies: {0}")]
    Lie(#[from] Lie),
}

impl From<FrameError> for Left {
    fn from(error: FrameError) -> Self {
        Self::Ask(error.into())
    }
}

impl From<DecodeError> for Left {
    fn from(error: DecodeError) -> Self {
        Self::Ask(error.into())
    }
}

impl From<quinn::ConnectionError> for Left {
    fn from(error: quinn::ConnectionError) -> Self {
        Self::Ask(error.into())
    }
}

/// Follows whoever is connected, in turn, for as long as the link lives.
pub(super) async fn run(shared: Rc<Shared>, mut sources: Vec<Source>) {
    loop {
        for source in &mut sources {
            let connection = source.connection.borrow_and_update().clone();
            let Some(connection) = connection else { continue };
            let Err(left) = follow(&shared, &connection).await;
            shared.tracker.borrow_mut().reset();
            match left {
                Left::Lie(_) => warn!(validator = %source.key, %left, "following another one"),
                Left::Ask(_) | Left::Silent => debug!(validator = %source.key, %left, "following another one"),
            }
        }
        // A connection that has ended fails at once, as long as nobody has dialled again.
        sleep(REDIAL_DELAY_MIN).await;
    }
}

async fn follow(shared: &Shared, connection: &ClientConnection) -> Result<std::convert::Infallible, Left> {
    let next = shared.tracker.borrow().state().height().next();
    let (mut send, receive) = connection.open().await?;
    write_frame(&mut send, Request::Follow(next).to_frame()).await?;
    let mut frames = FrameReader::new(receive);
    loop {
        let mut frame = timeout(SILENCE_MAX, read(&mut frames)).await.map_err(|_| Left::Silent)??;
        // While more has arrived, one certificate for many blocks is enough.
        loop {
            shared.tracker.borrow_mut().push(FollowAnswer::from_frame(&frame)?)?;
            if shared.tracker.borrow().pending_count() >= BATCH_BLOCKS_MAX {
                break;
            }
            match read(&mut frames).now_or_never() {
                Some(more) => frame = more?,
                None => break,
            }
        }
        let outcomes = shared.tracker.borrow_mut().flush()?;
        for outcome in outcomes {
            shared.finalized(outcome).await;
        }
    }
}

pub(super) async fn read(frames: &mut FrameReader) -> Result<Bytes, FrameError> {
    frames.next(ANSWER_SIZE_MAX).await?.ok_or(FrameError::Truncated)
}
