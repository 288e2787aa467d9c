//! Joined to settlement: blocks go to the host, messages and finality come back.
//!
//! - [`Standing`] is what is known of settlement, and what of the inbox waits for a block. [`link`] speaks with the host (two threads: one hands over and
//!   acknowledges, one hears). [`position`] is the little that is kept on disk beside the journal.
//! - **Nothing is credited twice or lost.** A message becomes durable with the block that consumes it, in one record of the journal; the position on disk,
//!   and what the host is told is processed, never pass the settlement block before the first message that still waits. What is told again is known by
//!   its index.
//! - **Backpressure.** No block is made until the host was there once; then at most [`BLOCKS_AHEAD_MAX`] more than settlement has ordered, and at most half of
//!   what a request may wait, so a request is always answered in time. Then the producer waits, and the pool fills and refuses.
//! - **A rejected block is handed over again**, and what stands on it: the same bytes, made anew from the journal's blocks.
//! - `safe` is available, `finalized` is settled. Neither exists before the host has said so in this process's life.
//! - A frozen zone makes no blocks; it answers questions. A host's final refusal (another producer, another history, old files) ends the program.
//!
//! # Known limitations
//!
//! - A zone that became another producer's is not taken over from its bodies: it needs these files.

pub mod link;
pub mod position;
mod standing;

pub use link::LinkError;
pub use standing::{Standing, Work};

use crate::chain::Chain;
use crate::zone::{self, ZoneError};
use plinth_types::id::{Height, InboxIndex};
use plinth_types::message::InboxMessage;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The standing, shared by producer and link.
#[derive(Debug)]
pub struct Settlement {
    standing: Mutex<Standing>,
    changed: Condvar,
}

impl Settlement {
    /// For a chain that is a zone.
    pub fn of(chain: &Chain) -> Result<Self, ZoneError> {
        chain.bridge().ok_or(ZoneError::NoBridge)?;
        let standing = Standing::new(zone::height(chain), chain.inbox_consumed());
        Ok(Self { standing: Mutex::new(standing), changed: Condvar::new() })
    }

    /// What the next block consumes; `None` if there may be no next block now.
    pub fn next_messages(&self) -> Option<Vec<InboxMessage>> {
        let standing = self.lock();
        standing.may_build().then(|| standing.next_messages())
    }

    /// Heights that are available and settled; `None` before the host has said so.
    pub fn finality(&self) -> Option<(Height, Height)> {
        self.lock().finality()
    }

    /// A block was made, and is durable.
    pub fn executed(&self, height: Height, consumed: InboxIndex) {
        self.lock().executed(height, consumed);
        self.changed.notify_all();
    }

    /// Changes what is known, and wakes who waits for it.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Standing) -> T) -> T {
        let changed = change(&mut self.lock());
        self.changed.notify_all();
        changed
    }

    /// Waits for something to say to the host; `None` when the connection has ended.
    pub(crate) fn next_work(&self) -> Option<Work> {
        let mut standing = self.lock();
        loop {
            if !standing.is_connected() {
                return None;
            }
            if let Some(work) = standing.work() {
                return Some(work);
            }
            standing = self.changed.wait(standing).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
