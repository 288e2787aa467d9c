//! The producer stage: the replica behind the journal, and the blocks that it cuts on their way to the link.

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use plinth_gateway::clock::Now;
use plinth_matching::journal::JournalStatus;
use plinth_matching::replica::{Producer, ReplicaError, SealedBlock};
use plinth_types::digest::Digest;
use plinth_types::id::Height;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often an idle producer looks at the journal when nothing wakes it.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

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
    /// Told when the journal has published something; closed at stop.
    pub(super) published: Receiver<()>,
    /// Where blocks go. A full link waits here: it delays proofs and nothing else, since the journal holds what it has not taken.
    pub(super) link: Sender<SealedBlock>,
    pub(super) head: Arc<Mutex<ZoneHead>>,
    /// Blocks from here on were cut before and may not have reached settlement.
    pub(super) resend_from: Height,
}

impl ProducerStage {
    /// Runs until the journal's signal is closed; then cuts what is left.
    pub(super) fn run(mut self) -> Result<(), ReplicaError> {
        let mut height = self.resend_from;
        while height <= self.producer.height() {
            let block = self.producer.block(height)?;
            if !self.hand_over(block) {
                return Ok(());
            }
            height = height.next();
        }
        loop {
            while let Some(block) = self.producer.poll(self.journal.durable(), Now::read().utc)? {
                if !self.hand_over(block) {
                    return Ok(());
                }
            }
            match self.published.recv_timeout(self.patience()) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.finish(),
            }
        }
    }

    fn finish(&mut self) -> Result<(), ReplicaError> {
        while let Some(block) = self.producer.poll(self.journal.durable(), Now::read().utc)? {
            self.hand_over(block);
        }
        if let Some(block) = self.producer.flush()? {
            self.hand_over(block);
        }
        Ok(())
    }

    /// How long nothing but a signal can make a block due.
    fn patience(&self) -> Duration {
        let due_in_ns = self.producer.due_at().map(|due| due.get().saturating_sub(Now::read().utc.get()));
        due_in_ns.map_or(LOOK_INTERVAL, |ns| Duration::from_nanos(ns).min(LOOK_INTERVAL))
    }

    /// False when the link is gone.
    fn hand_over(&self, block: SealedBlock) -> bool {
        let head = ZoneHead { height: block.header.height, state_root: block.header.post_root };
        *self.head.lock().unwrap_or_else(PoisonError::into_inner) = head;
        self.link.send(block).is_ok()
    }
}
