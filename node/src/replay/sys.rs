//! Two system calls that the standard library does not have: wait for several sockets, and the signal of Ctrl-C.
#![allow(unsafe_code)]
// Invariants: `poll` is handed a slice that lives on our stack for the length of the call, and descriptors that their owners keep open
// for as long; `kill` takes two integers.

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

/// A socket and what is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interest {
    /// The socket.
    pub(super) fd: RawFd,
    /// Also wake when it takes bytes again.
    pub(super) writable: bool,
}

/// Waits until one of the sockets can be read (or written, where asked), at most `timeout`. `true` if one can. A signal counts as the
/// timeout.
pub(super) fn wait(interests: impl Iterator<Item = Interest>, timeout: Duration) -> io::Result<bool> {
    let mut polled: Vec<libc::pollfd> = interests
        .map(|interest| {
            let events = if interest.writable { libc::POLLIN | libc::POLLOUT } else { libc::POLLIN };
            libc::pollfd { fd: interest.fd, events, revents: 0 }
        })
        .collect();
    let timeout_ms = i32::try_from(timeout.as_micros().div_ceil(1_000)).unwrap_or(i32::MAX);
    // SAFETY: `polled` is a live slice of initialised entries and its length is passed with it; the kernel writes `revents` only.
    let ready = unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, timeout_ms) };
    if ready >= 0 {
        return Ok(ready > 0);
    }
    match io::Error::last_os_error() {
        error if error.kind() == io::ErrorKind::Interrupted => Ok(false),
        error => Err(error),
    }
}

/// Sends SIGINT to a process, if there still is one.
pub(super) fn interrupt(pid: u32) {
    if let Ok(pid) = libc::pid_t::try_from(pid) {
        // SAFETY: no memory is involved; `pid` is a positive number, so it names one process and no group.
        unsafe { libc::kill(pid, libc::SIGINT) };
    }
}
