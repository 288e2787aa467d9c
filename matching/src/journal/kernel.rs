//! The system calls of the journal: plain ones to write and sync, io_uring for a sync that nobody waits for, `posix_fallocate` for space. The
//! other file of the crate that may say `unsafe`.
//!
//! The thread has nothing to do while a batch is under way, so it writes and syncs itself: a buffered write is a copy, and most file systems let
//! io_uring do it, and any sync, on a worker thread only, which is two changes of thread for each.
//!
//! # Invariants
//!
//! * The ring is never handed a buffer.
//! * At most one background sync is under way; the file it names outlives it in the kernel.

#![allow(unsafe_code)]

use io_uring::{IoUring, opcode, types};
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;

/// Entries of the ring: a background sync.
const ENTRIES: u32 = 2;

/// A sync that nobody waits for.
pub(super) struct BackgroundSync {
    ring: IoUring,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Running,
    Done(i32),
}

impl BackgroundSync {
    pub(super) fn new() -> io::Result<Self> {
        // One thread submits, which spares the kernel a lock; older kernels do not know the flag.
        let ring = IoUring::builder().setup_single_issuer().build(ENTRIES).or_else(|_| IoUring::new(ENTRIES))?;
        Ok(Self { ring, state: State::Idle })
    }

    /// Begins to make durable what was written to `file`.
    ///
    /// # Panics
    ///
    /// If one is under way.
    pub(super) fn start(&mut self, file: &File) -> io::Result<()> {
        assert!(self.state == State::Idle, "one background sync at a time");
        let entry = opcode::Fsync::new(types::Fd(file.as_raw_fd())).flags(types::FsyncFlags::DATASYNC).build();
        // SAFETY: a sync has no buffer, and the file descriptor is open.
        let pushed = unsafe { self.ring.submission().push(&entry) };
        pushed.expect("the ring is larger than what is ever under way");
        self.ring.submit()?;
        self.state = State::Running;
        Ok(())
    }

    /// The result of the sync begun, once it has one. An error is final: the kernel may have dropped the pages.
    pub(super) fn result(&mut self, wait: bool) -> Option<io::Result<()>> {
        self.reap();
        while wait && self.state == State::Running {
            if let Err(error) = self.ring.submit_and_wait(1) {
                let again = matches!(error.raw_os_error(), Some(libc::EINTR | libc::EAGAIN | libc::EBUSY));
                if !again {
                    return Some(Err(error));
                }
            }
            self.reap();
        }
        match self.state {
            State::Idle | State::Running => None,
            State::Done(result) => {
                self.state = State::Idle;
                Some(completed(result))
            }
        }
    }

    fn reap(&mut self) {
        for entry in self.ring.completion() {
            self.state = State::Done(entry.result());
        }
    }
}

impl fmt::Debug for BackgroundSync {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackgroundSync").field("state", &self.state).finish_non_exhaustive()
    }
}

/// Writes all of `bytes`.
pub(super) fn write(file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
    let mut written = 0;
    while written < bytes.len() {
        match file.write_at(&bytes[written..], offset + written as u64) {
            // A file that takes nothing and names no reason has no room.
            Ok(0) => return Err(io::Error::from_raw_os_error(libc::ENOSPC)),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Gives `file` `size` bytes of space that read as zeros.
pub(super) fn allocate(file: &File, size: u64) -> io::Result<()> {
    let size = libc::off_t::try_from(size).map_err(|_| io::Error::from_raw_os_error(libc::EFBIG))?;
    // SAFETY: no pointer is passed, and the descriptor is open while `file` is borrowed.
    match unsafe { libc::posix_fallocate(file.as_raw_fd(), 0, size) } {
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(errno)),
    }
}

fn completed(result: i32) -> io::Result<()> {
    if result < 0 { Err(io::Error::from_raw_os_error(-result)) } else { Ok(()) }
}
