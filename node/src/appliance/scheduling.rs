//! How the kernel is to treat the threads that an answer waits for.
#![allow(unsafe_code)]
// Invariants: both system calls are handed a `sched_attr` on our stack with its own size, for the length of the call; they name the calling thread.

use std::io;
use std::mem::size_of;
use std::time::Duration;
use tracing::warn;

/// What a thread asks of the scheduler, for itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Scheduling {
    /// The processor to stay on.
    pub(super) cpu: Option<usize>,
    /// The slice to run in. When it wakes, a thread with a shorter slice goes before one with a longer one, and nobody gets less of the processor
    /// for it: only the order changes (EEVDF, Linux 6.12 and later). Zero leaves it to the kernel.
    pub(super) slice: Duration,
}

impl Scheduling {
    /// Asks, for the calling thread. What the kernel refuses is said and lived without.
    pub(super) fn apply(self, thread: &'static str) {
        if let Some(cpu) = self.cpu {
            let mut set = rustix::thread::CpuSet::new();
            set.set(cpu);
            if let Err(error) = rustix::thread::sched_setaffinity(None, &set) {
                warn!(thread, cpu, %error, "the thread is not pinned");
            }
        }
        if !self.slice.is_zero()
            && let Err(error) = set_slice(self.slice)
        {
            warn!(thread, slice = ?self.slice, %error, "the thread has no slice of its own");
        }
    }
}

/// Gives the calling thread a slice; the kernel clamps it to 0.1 to 100 ms. A thread of another class than the usual one (`chrt`) has none and keeps
/// what it was given.
fn set_slice(slice: Duration) -> io::Result<()> {
    let mut asked = attributes()?;
    if asked.sched_policy == libc::SCHED_OTHER.unsigned_abs() {
        asked.sched_runtime = u64::try_from(slice.as_nanos()).unwrap_or(u64::MAX);
        // SAFETY: see the head of the file.
        succeeded(unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const asked, 0) })?;
    }
    Ok(())
}

fn attributes() -> io::Result<libc::sched_attr> {
    let mut now = libc::sched_attr {
        size: size_of::<libc::sched_attr>() as u32,
        sched_policy: 0,
        sched_flags: 0,
        sched_nice: 0,
        sched_priority: 0,
        sched_runtime: 0,
        sched_deadline: 0,
        sched_period: 0,
    };
    // SAFETY: see the head of the file.
    succeeded(unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut now, now.size, 0) })?;
    Ok(now)
}

fn succeeded(result: i64) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_is_the_threads_own_and_changes_nothing_else() {
        let before = attributes().unwrap();
        let within = std::thread::spawn(|| {
            Scheduling { cpu: None, slice: Duration::from_micros(200) }.apply("test");
            attributes().unwrap()
        });
        let (within, after) = (within.join().unwrap(), attributes().unwrap());
        assert_eq!((within.sched_policy, within.sched_nice), (before.sched_policy, before.sched_nice));
        assert_eq!((after.sched_runtime, after.sched_nice), (before.sched_runtime, before.sched_nice));
        // Kernels before 6.12 keep no slice and say 0.
        assert!([0, 200_000].contains(&within.sched_runtime), "{}", within.sched_runtime);
    }
}
