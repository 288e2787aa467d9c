//! The producer stage: the replica behind the journal, and the blocks that it cuts on their way to the link.

use crossbeam_channel::{Receiver, RecvTimeoutError};
use plinth_gateway::clock::Now;
use plinth_matching::journal::JournalStatus;
use plinth_matching::replica::{Producer, ReplicaError, SealedBlock};
use plinth_settlement::link::{self, LinkError, ZoneLink};
use plinth_types::digest::Digest;
use plinth_types::id::Height;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use thiserror::Error;

/// How often an idle producer looks at the journal when nothing wakes it.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// How long a full link is left alone.
const LINK_RETRY_INTERVAL: Duration = Duration::from_millis(5);

/// Why the producer stage ended.
#[derive(Debug, Error)]
pub enum ProducerError {
    /// Journal, block log or snapshots.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// The link to the validators.
    #[error("settlement link: {0}")]
    Link(#[from] LinkError),
}

/// Last block cut, for the status.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ZoneHead {
    pub(super) height: Height,
    pub(super) state_root: Digest,
}

/// The producer stage.
pub(super) struct ProducerStage {
    pub(super) producer: Producer,
    pub(super) journal: Arc<JournalStatus>,
    /// Told when the journal has published something; closed when the journal has ended.
    pub(super) published: Receiver<()>,
    /// Where blocks go. While the link takes no more this stage waits, and delays nothing else: the journal holds what is not cut.
    pub(super) link: Arc<ZoneLink>,
    pub(super) head: Arc<Mutex<ZoneHead>>,
    /// Blocks from here on were cut before and may not have reached settlement.
    pub(super) resend_from: Height,
    /// Set when blocks that the link has no room for are left to the next start.
    pub(super) stopping: Arc<AtomicBool>,
}

impl ProducerStage {
    /// Runs until it is told to stop or the journal has ended; then cuts what is left.
    pub(super) fn run(mut self) -> Result<(), ProducerError> {
        let mut height = self.resend_from;
        while height <= self.producer.height() {
            let block = self.producer.block(height)?;
            if !self.hand_over(block)? {
                return Ok(());
            }
            height = height.next();
        }
        loop {
            while let Some(block) = self.producer.poll(self.journal.durable(), Now::read().utc)? {
                if !self.hand_over(block)? {
                    return Ok(());
                }
            }
            if self.stopping.load(Ordering::Acquire) {
                return self.finish();
            }
            match self.published.recv_timeout(self.patience()) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.finish(),
            }
        }
    }

    fn finish(&mut self) -> Result<(), ProducerError> {
        while let Some(block) = self.producer.poll(self.journal.durable(), Now::read().utc)? {
            self.hand_over(block)?;
        }
        if let Some(block) = self.producer.flush()? {
            self.hand_over(block)?;
        }
        Ok(())
    }

    /// How long nothing but a signal can make a block due.
    fn patience(&self) -> Duration {
        let due_in_ns = self.producer.due_at().map(|due| due.get().saturating_sub(Now::read().utc.get()));
        due_in_ns.map_or(LOOK_INTERVAL, |ns| Duration::from_nanos(ns).min(LOOK_INTERVAL))
    }

    /// False when it is left to the next start, which finds the block in the block log.
    fn hand_over(&self, block: SealedBlock) -> Result<bool, ProducerError> {
        let head = ZoneHead { height: block.header.height, state_root: block.header.post_root };
        *self.head.lock().unwrap_or_else(PoisonError::into_inner) = head;
        let sealed = link::SealedBlock { header: block.header, body: block.body.into() };
        loop {
            match self.link.submit(sealed.clone()) {
                Ok(()) => return Ok(true),
                Err(LinkError::Refused(_)) if self.stopping.load(Ordering::Acquire) => return Ok(false),
                Err(LinkError::Refused(_)) => thread::sleep(LINK_RETRY_INTERVAL),
                Err(
                    error @ (LinkError::Ended
                    | LinkError::Key { .. }
                    | LinkError::NoValidators
                    | LinkError::Thread(_)
                    | LinkError::Transport(_)),
                ) => {
                    return Err(error.into());
                }
            }
        }
    }
}
