//! What the store needs of a runtime, and who hashes its batches on it.

use super::limits::HASHING_THREADS_MAX;
use commonware_parallel::Rayon;
use commonware_runtime::{Clock, Metrics, Spawner, Storage, Strategizer as _, deterministic, tokio};
use std::num::NonZeroUsize;
use std::sync::LazyLock;
use std::thread;

/// What the store needs of a runtime.
pub trait StoreRuntime: Storage + Clock + Metrics + Spawner {
    /// Who hashes a batch. The root is the same whoever does.
    fn hashing(&self) -> Rayon;
}

impl StoreRuntime for tokio::Context {
    /// Threads that all stores of the process share. The library measures which batches are worth them; the others are hashed where they are.
    fn hashing(&self) -> Rayon {
        static THREADS: LazyLock<Rayon> = LazyLock::new(|| {
            let threads = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN).min(HASHING_THREADS_MAX);
            Rayon::new(threads).expect("a process that starts can make threads")
        });
        THREADS.clone()
    }
}

impl StoreRuntime for deterministic::Context {
    /// The runtime's own thread: a task that waits for another thread is a world that stands still, and what is measured is no seed's.
    fn hashing(&self) -> Rayon {
        self.strategy(NonZeroUsize::MIN)
    }
}
