//! How an idle stage waits and how it is woken.
//!
//! The waiter says that it sleeps, looks once more, and parks; the waker makes its work visible, then looks whether the waiter
//! sleeps. With a sequentially consistent fence on both sides at least one of them sees the other, so no wake-up is lost (loom test
//! below). While the waiter is awake a wake-up costs the fence and one load.

use super::sync::{AtomicBool, Ordering, fence, thread};
use std::time::Duration;

/// What an idle stage does before it sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitStrategy {
    /// Looks with a pause instruction between them.
    pub spin_count: u32,
    /// Looks with a yield to the scheduler between them.
    pub yield_count: u32,
    /// Whether to park then, or to go on yielding.
    pub park: bool,
}

impl WaitStrategy {
    /// For a machine where stages share cores: it sleeps at once. A yield would be dearer than a sleep there: it gives a whole slice of the
    /// scheduler, milliseconds, to whoever can run, and no notice ends it.
    pub const SHARED: Self = Self { spin_count: 0, yield_count: 0, park: true };
    /// For a stage with a core of its own: it never sleeps.
    pub const DEDICATED: Self = Self { spin_count: 10_000, yield_count: 0, park: false };
}

impl Default for WaitStrategy {
    fn default() -> Self {
        Self::SHARED
    }
}

/// Wakes one thread, always the same one.
#[derive(Debug)]
pub struct Signal {
    asleep: AtomicBool,
    waiter: OnceThread,
}

impl Default for Signal {
    fn default() -> Self {
        Self { asleep: AtomicBool::new(false), waiter: OnceThread::default() }
    }
}

impl Signal {
    /// Wakes the waiter if it sleeps. Call it after the work is visible. Any thread may.
    #[inline]
    pub fn notify(&self) {
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        if self.asleep.swap(false, Ordering::AcqRel) {
            self.waiter.unpark();
        }
    }

    /// Waits until `ready` says so or `timeout` has passed; says which. Only one thread may ever wait on a signal.
    ///
    /// # Panics
    ///
    /// If a second thread waits.
    pub fn wait(&self, strategy: WaitStrategy, timeout: Duration, mut ready: impl FnMut() -> bool) -> bool {
        for _ in 0..strategy.spin_count {
            if ready() {
                return true;
            }
            core::hint::spin_loop();
        }
        for _ in 0..strategy.yield_count {
            if ready() {
                return true;
            }
            thread::yield_now();
        }
        let mut clock = Timeout::after(timeout);
        if !strategy.park {
            while !ready() {
                if !clock.pause() {
                    return ready();
                }
            }
            return true;
        }
        self.waiter.claim();
        loop {
            self.asleep.store(true, Ordering::Relaxed);
            fence(Ordering::SeqCst);
            if ready() {
                self.asleep.store(false, Ordering::Relaxed);
                return true;
            }
            if !clock.park() {
                self.asleep.store(false, Ordering::Relaxed);
                return ready();
            }
        }
    }
}

#[cfg(not(loom))]
use real::{OnceThread, Timeout};

#[cfg(not(loom))]
mod real {
    use std::sync::OnceLock;
    use std::thread::{self, Thread};
    use std::time::{Duration, Instant};

    /// The one thread that waits.
    #[derive(Debug, Default)]
    pub(super) struct OnceThread(OnceLock<Thread>);

    impl OnceThread {
        pub(super) fn claim(&self) {
            let waiter = self.0.get_or_init(thread::current);
            assert!(waiter.id() == thread::current().id(), "a signal has one waiter");
        }

        pub(super) fn unpark(&self) {
            if let Some(waiter) = self.0.get() {
                waiter.unpark();
            }
        }
    }

    pub(super) struct Timeout(Instant);

    impl Timeout {
        pub(super) fn after(timeout: Duration) -> Self {
            Self(Instant::now() + timeout)
        }

        /// Parks for what is left; `false` if nothing is.
        pub(super) fn park(&mut self) -> bool {
            let left = self.0.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            thread::park_timeout(left);
            true
        }

        /// Yields; `false` if no time is left.
        pub(super) fn pause(&mut self) -> bool {
            thread::yield_now();
            Instant::now() < self.0
        }
    }
}

#[cfg(loom)]
use model::{OnceThread, Timeout};

/// loom has no clock: a wait never times out there, so a lost wake-up shows as a deadlock.
#[cfg(loom)]
mod model {
    use loom::sync::Mutex;
    use loom::thread::{self, Thread};
    use std::time::Duration;

    #[derive(Debug)]
    pub(super) struct OnceThread(Mutex<Option<Thread>>);

    impl Default for OnceThread {
        fn default() -> Self {
            Self(Mutex::new(None))
        }
    }

    impl OnceThread {
        pub(super) fn claim(&self) {
            *self.0.lock().unwrap() = Some(thread::current());
        }

        pub(super) fn unpark(&self) {
            if let Some(waiter) = self.0.lock().unwrap().as_ref() {
                waiter.unpark();
            }
        }
    }

    pub(super) struct Timeout;

    impl Timeout {
        pub(super) fn after(_: Duration) -> Self {
            Self
        }

        pub(super) fn park(&mut self) -> bool {
            thread::park();
            true
        }

        pub(super) fn pause(&mut self) -> bool {
            thread::yield_now();
            true
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;

    #[test]
    fn a_parked_waiter_is_woken() {
        let signal = Arc::new(Signal::default());
        let work = Arc::new(AtomicU64::new(0));
        let waiter = std::thread::spawn({
            let (signal, work) = (Arc::clone(&signal), Arc::clone(&work));
            move || {
                (1..=1_000).all(|round| {
                    signal.wait(WaitStrategy::SHARED, Duration::from_secs(10), || work.load(Ordering::Acquire) >= round)
                })
            }
        });
        for _ in 0..1_000 {
            work.fetch_add(1, Ordering::Release);
            signal.notify();
        }
        assert!(waiter.join().unwrap());
    }

    #[test]
    fn a_wait_without_work_ends_at_its_timeout() {
        assert!(!Signal::default().wait(WaitStrategy::SHARED, Duration::from_millis(1), || false));
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;
    use loom::sync::Arc;

    #[test]
    fn no_wake_up_of_the_ring_is_lost() {
        loom::model(|| {
            let signal = Arc::new(Signal::default());
            let work = Arc::new(AtomicBool::new(false));
            let waker = loom::thread::spawn({
                let (signal, work) = (Arc::clone(&signal), Arc::clone(&work));
                move || {
                    work.store(true, Ordering::Release);
                    signal.notify();
                }
            });
            let strategy = WaitStrategy { spin_count: 0, yield_count: 0, park: true };
            assert!(signal.wait(strategy, Duration::MAX, || work.load(Ordering::Acquire)));
            waker.join().unwrap();
        });
    }
}
