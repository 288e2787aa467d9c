//! Waiting for several sockets at once, to the microsecond: what the standard library does not have.
#![allow(unsafe_code)]
// Invariants: `ppoll` is handed a slice and a time that live on our stack for the length of the call, and descriptors that their owners
// keep open for as long; `prctl` takes integers.

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

/// A socket and what is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Interest {
    /// The socket.
    pub fd: RawFd,
    /// Also wake when it takes bytes again.
    pub writable: bool,
}

/// Waits until one of the sockets can be read (or written, where asked), at most `timeout`. `true` if one can. A signal counts as the
/// timeout.
///
/// # Errors
///
/// When a descriptor is not open or there are more than the process may have.
pub fn wait(interests: impl Iterator<Item = Interest>, timeout: Duration) -> io::Result<bool> {
    let mut polled: Vec<libc::pollfd> = interests
        .map(|interest| {
            let events = if interest.writable { libc::POLLIN | libc::POLLOUT } else { libc::POLLIN };
            libc::pollfd { fd: interest.fd, events, revents: 0 }
        })
        .collect();
    let seconds = libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX);
    let timeout = libc::timespec { tv_sec: seconds, tv_nsec: libc::c_long::from(timeout.subsec_nanos() as i32) };
    // SAFETY: `polled` is a live slice of initialised entries and its length is passed with it, of which the kernel writes `revents` only;
    // `timeout` is live and only read; no signal mask is passed.
    let ready = unsafe { libc::ppoll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, &raw const timeout, std::ptr::null()) };
    if ready >= 0 {
        return Ok(ready > 0);
    }
    match io::Error::last_os_error() {
        error if error.kind() == io::ErrorKind::Interrupted => Ok(false),
        error => Err(error),
    }
}

/// Has this thread's waits end when they are due: by default the kernel may let them last 50 µs longer.
pub fn wake_precisely() {
    // SAFETY: no memory is involved. What the kernel refuses costs precision only, which the measured latencies then show.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1_u64, 0_u64, 0_u64, 0_u64) };
}
