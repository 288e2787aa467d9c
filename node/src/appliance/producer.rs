//! The producer stage: the replica behind the journal, and the blocks that it cuts on their way to the link.
//!
//! What settlement rejects is executed again from the last good root. With the same result it is handed over again, and the link seals it anew. With
//! another one this process was wrong, in what it cut or in what it told clients, and stops; the next start seals those blocks anew and busts what
//! is no more.

use super::intake::Backlog;
use crate::proving::limits::HELD_OPEN_MAX;
use crate::told::{Said, ToldError, ToldLog};
use crossbeam_channel::{Receiver, RecvTimeoutError};
use plinth_gateway::clock::Now;
use plinth_matching::journal::JournalStatus;
use plinth_matching::replica::{Producer, ReplicaError, SealedBlock, ZoneConfig, execute_again};
use plinth_settlement::link::{self, LinkError, ZoneLink};
use plinth_types::digest::Digest;
use plinth_types::id::Height;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
    /// What was told of trades.
    #[error(transparent)]
    Told(#[from] ToldError),
    /// The zone was wrong.
    #[error(
        "settlement rejected blocks from {first} on, and they give another result now ({error}): the next start seals them anew"
    )]
    Changed {
        /// The first one that was rejected.
        first: Height,
        /// How they differ.
        error: ReplicaError,
    },
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

/// What settlement rejected, as the bridge hears it and the producer stage answers it.
#[derive(Debug, Default)]
pub(super) struct Rejections {
    /// The first rejected height that is not yet handed over again; 0 for none.
    pending: AtomicU64,
    /// The first block that was not settled at the start. Of those before it the link tells again what became of them long ago.
    unsettled_from: u64,
    count: AtomicU64,
    from: AtomicU64,
}

impl Rejections {
    /// `unsettled_from` is the first block that is not settled, and is handed over at the start anyway.
    pub(super) fn new(unsettled_from: Height) -> Self {
        Self { unsettled_from: unsettled_from.get(), ..Self::default() }
    }

    /// Notes that the blocks of these heights, ascending, are to be sealed again.
    pub(super) fn note(&self, first: Height, count: usize) {
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        self.from.store(first.get(), Ordering::Relaxed);
        if first.get() < self.unsettled_from {
            return;
        }
        let earliest = |pending: u64| Some(if pending == 0 { first.get() } else { pending.min(first.get()) });
        // Never refuses, so there is nothing to look at.
        let _ = self.pending.fetch_update(Ordering::AcqRel, Ordering::Acquire, earliest);
    }

    fn take(&self) -> Option<Height> {
        match self.pending.swap(0, Ordering::AcqRel) {
            0 => None,
            first => Some(Height::new(first)),
        }
    }

    /// Blocks rejected since the start.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// The first block of the last rejection; 0 for none.
    pub(super) fn from(&self) -> Height {
        Height::new(self.from.load(Ordering::Relaxed))
    }
}

/// How long a block stays open. A proof costs by the block more than by the order: while every prover has one, the next one grows, and so its size
/// follows what provers can do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    interval: Duration,
    /// 0 if blocks do not wait for them.
    provers: u64,
}

impl Pace {
    /// With as many provers, of an interval for blocks that nobody has to wait for.
    pub(super) fn new(interval: Duration, provers: u16) -> Self {
        Self { interval, provers: provers.into() }
    }

    /// While so many blocks are cut and not proven.
    fn interval(self, unproven: Option<u64>) -> Duration {
        match unproven {
            Some(unproven) if self.provers > 0 && unproven >= self.provers => self.interval.max(HELD_OPEN_MAX),
            Some(_) | None => self.interval,
        }
    }
}

/// The producer stage.
pub(super) struct ProducerStage {
    pub(super) producer: Producer,
    pub(super) journal: Arc<JournalStatus>,
    /// Told when more is durable; closed when the journal has ended.
    pub(super) durable: Receiver<()>,
    /// Where blocks go. While the link takes no more this stage waits, and delays nothing else: the journal holds what is not cut.
    pub(super) link: Arc<ZoneLink>,
    pub(super) head: Arc<Mutex<ZoneHead>>,
    /// Told of each block that is cut.
    pub(super) backlog: Arc<Backlog>,
    /// How long blocks stay open.
    pub(super) pace: Pace,
    /// What settlement rejected: it is executed again, and the link seals it on the last good root.
    pub(super) rejections: Arc<Rejections>,
    /// Blocks from here on were cut before and may not have reached settlement, or not with what they send.
    pub(super) resend_from: Height,
    /// Where journal, block log and snapshots are.
    pub(super) zone: ZoneConfig,
    /// What the core stage says of trades, and where it is kept.
    pub(super) said: Receiver<Said>,
    pub(super) told: ToldLog,
    /// Set when blocks that the link has no room for are left to the next start.
    pub(super) stopping: Arc<AtomicBool>,
}

impl ProducerStage {
    /// Runs until it is told to stop or the journal has ended; then cuts what is left.
    pub(super) fn run(mut self) -> Result<(), ProducerError> {
        if !self.hand_over_again(self.resend_from)? {
            return Ok(());
        }
        loop {
            self.keep()?;
            if let Some(first) = self.rejections.take() {
                self.told.reject(first)?;
                self.execute_again(first)?;
                if !self.hand_over_again(first)? {
                    return Ok(());
                }
            }
            loop {
                self.producer.set_interval(self.pace.interval(self.backlog.unproven()));
                let Some(block) = self.producer.poll(self.journal.durable(), Now::read().utc)? else { break };
                if !self.hand_over(block)? {
                    return Ok(());
                }
            }
            if self.stopping.load(Ordering::Acquire) {
                return self.finish();
            }
            match self.producer.due_at() {
                Some(due) => {
                    thread::sleep(Duration::from_nanos(due.get().saturating_sub(Now::read().utc.get())).min(LOOK_INTERVAL))
                }
                None => match self.durable.recv_timeout(LOOK_INTERVAL) {
                    Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return self.finish(),
                },
            }
        }
    }

    /// Keeps what was said of trades since the last time.
    fn keep(&mut self) -> Result<(), ProducerError> {
        Ok(self.told.take(self.said.try_iter())?)
    }

    fn execute_again(&self, first: Height) -> Result<(), ProducerError> {
        execute_again(&self.zone, first).map_err(|error| {
            if matches!(error, ReplicaError::RootMismatch { .. } | ReplicaError::HeaderMismatch { .. }) {
                ProducerError::Changed { first, error }
            } else {
                error.into()
            }
        })
    }

    /// Blocks that were cut before, from the block log and the journal: what they decide does not change, only on what they are sealed.
    fn hand_over_again(&mut self, first: Height) -> Result<bool, ProducerError> {
        let mut height = first;
        while height <= self.producer.height() {
            let block = self.producer.block(height)?;
            if !self.hand_over(block)? {
                return Ok(false);
            }
            height = height.next();
        }
        Ok(true)
    }

    fn finish(&mut self) -> Result<(), ProducerError> {
        while let Some(block) = self.producer.poll(self.journal.durable(), Now::read().utc)? {
            self.hand_over(block)?;
        }
        if let Some(block) = self.producer.flush()? {
            self.hand_over(block)?;
        }
        self.keep()
    }

    /// False when it is left to the next start, which finds the block in the block log.
    fn hand_over(&mut self, block: SealedBlock) -> Result<bool, ProducerError> {
        self.keep()?;
        let head = ZoneHead { height: block.header.height, state_root: block.header.post_root };
        let mut last = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        if head.height > last.height {
            *last = head;
        }
        drop(last);
        self.backlog.cut(block.header.height);
        let sealed = link::SealedBlock { header: block.header, body: block.body.into(), outbox: block.outbox };
        loop {
            match self.link.submit(sealed.clone()) {
                Ok(()) => return Ok(true),
                Err(LinkError::Refused(_)) if self.stopping.load(Ordering::Acquire) => return Ok(false),
                Err(LinkError::Refused(_)) => {
                    self.keep()?;
                    thread::sleep(LINK_RETRY_INTERVAL);
                }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_stays_open_while_every_prover_is_busy() {
        let interval = Duration::from_millis(10);
        let pace = Pace::new(interval, 2);
        assert_eq!([None, Some(0), Some(1)].map(|unproven| pace.interval(unproven)), [interval; 3]);
        assert_eq!([Some(2), Some(9)].map(|unproven| pace.interval(unproven)), [HELD_OPEN_MAX; 2]);
        let longer = HELD_OPEN_MAX + interval;
        assert_eq!(Pace::new(longer, 1).interval(Some(1)), longer);
    }
}
