//! CPU time: on a shared machine it says what the code costs, where wall time says who else was running.
#![allow(unsafe_code)]
// The one call below writes a `timespec` that lives on our stack; nothing else reads or keeps it.

use std::time::Duration;

/// CPU time that this thread has used.
pub(crate) fn thread() -> Duration {
    used(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// CPU time that all threads of this process have used.
pub(crate) fn process() -> Duration {
    used(libc::CLOCK_PROCESS_CPUTIME_ID)
}

fn used(clock: libc::clockid_t) -> Duration {
    let mut spec = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `spec` is a live, writable timespec of this stack frame, and the clock id is one of the two above, valid for the caller.
    let done = unsafe { libc::clock_gettime(clock, &raw mut spec) };
    assert_eq!(done, 0, "every Linux has the CPU clocks");
    Duration::new(spec.tv_sec as u64, spec.tv_nsec as u32)
}
