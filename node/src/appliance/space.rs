//! Watches the disk under the data directory and acts before it is full.
//!
//! | free | what happens |
//! | --- | --- |
//! | at least the reserve | nothing |
//! | below the reserve | new orders and replaces are refused; cancels, sessions, settlement and reports go on |
//! | below a quarter of it | the appliance stops, clean: what is left is for the stop itself and for the next start |
//!
//! The journal allocates its segments ahead and survives a full disk by itself; the validators' storage and the block log do not, which
//! is why the appliance stops while there is still room. A disk that is filled up by somebody else between two looks ends the process
//! as a power failure would: nothing acknowledged is lost.

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use plinth_matching::journal::JournalStatus;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;

/// Time between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(250);
/// The last part of the reserve, in which nothing runs any more.
const STOP_DIVISOR: u64 = 4;

/// What the last look found, for whoever wants to know.
#[derive(Clone, Debug)]
pub(super) struct Space {
    free: Arc<AtomicU64>,
    /// Bytes that are to stay free.
    pub(super) reserve: u64,
}

impl Space {
    /// Bytes that were free at the last look.
    pub(super) fn free(&self) -> u64 {
        self.free.load(Ordering::Relaxed)
    }

    /// Whether the reserve is touched.
    pub(super) fn is_low(&self) -> bool {
        self.free() < self.reserve
    }
}

/// A running watch. Dropping it ends it.
#[derive(Debug)]
pub(super) struct SpaceWatch {
    space: Space,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl SpaceWatch {
    /// Looks once, so that no order is taken before the first look, and goes on looking.
    pub(super) fn start(
        folder: &Path,
        reserve: u64,
        journal: Arc<JournalStatus>,
        failed: UnboundedSender<String>,
    ) -> io::Result<Self> {
        let space = Space { free: Arc::new(AtomicU64::new(u64::MAX)), reserve };
        let watched = Watched { folder: folder.to_path_buf(), space: space.clone(), journal, failed };
        watched.look();
        let (stop, stopped) = bounded(0);
        let run = move || {
            while stopped.recv_timeout(LOOK_INTERVAL) == Err(RecvTimeoutError::Timeout) {
                watched.look();
            }
        };
        let thread = thread::Builder::new().name("plinth-space".into()).spawn(run)?;
        Ok(Self { space, stop: Some(stop), thread: Some(thread) })
    }

    /// What it sees.
    pub(super) const fn space(&self) -> &Space {
        &self.space
    }
}

impl Drop for SpaceWatch {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Watched {
    folder: PathBuf,
    space: Space,
    journal: Arc<JournalStatus>,
    failed: UnboundedSender<String>,
}

impl Watched {
    fn look(&self) {
        let Ok(disk) = rustix::fs::statvfs(&self.folder) else { return };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let was_low = self.space.is_low();
        self.space.free.store(free, Ordering::Relaxed);
        let is_low = self.space.is_low();
        self.journal.set_reserve_low(is_low);
        let (folder, free_mib) = (self.folder.display(), free >> 20);
        if is_low && !was_low {
            tracing::warn!(%folder, free_mib, reserve_mib = self.space.reserve >> 20, "disk space is low: only cancels are taken");
        } else if was_low && !is_low {
            tracing::warn!(%folder, free_mib, "disk space is back: orders are taken again");
        }
        if free < self.space.reserve / STOP_DIVISOR {
            // Nobody listens only when the appliance is stopping already.
            let _ = self.failed.send(format!("disk space: {free_mib} MiB left in {folder}; stopped while everything is whole"));
        }
    }
}
