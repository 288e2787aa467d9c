//! The system calls of the journal: io_uring for writes and syncs, `posix_fallocate` for space. The other file of the crate that may
//! say `unsafe`.
//!
//! # Invariants
//!
//! * A write is complete when [`Kernel::write`] returns, whatever it returns: the kernel never holds a buffer that its owner has back.
//!   If completion cannot be awaited the process aborts.
//! * At most one background sync is under way; it holds no buffer, and the file it names outlives it in the kernel.
//! * A write and its sync go to the kernel as one linked pair, in one system call.

#![allow(unsafe_code)]

use super::error::DiskOp;
use io_uring::{IoUring, opcode, squeue, types};
use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// Entries of the ring: a linked pair and a background sync.
const ENTRIES: u32 = 8;

const WRITE: u64 = 1;
const SYNC: u64 = 2;
const SYNC_BACKGROUND: u64 = 3;

/// An io_uring that waits for what it submits.
pub(super) struct Kernel {
    ring: IoUring,
    background: Background,
}

/// The background sync.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Background {
    Idle,
    Running,
    Done(i32),
}

/// Results of the pair, as the kernel's numbers.
#[derive(Default)]
struct Pair {
    write: Option<i32>,
    sync: Option<i32>,
}

impl Kernel {
    pub(super) fn new() -> io::Result<Self> {
        // One thread submits, which spares the kernel a lock; older kernels do not know the flag.
        let ring = IoUring::builder().setup_single_issuer().build(ENTRIES).or_else(|_| IoUring::new(ENTRIES))?;
        Ok(Self { ring, background: Background::Idle })
    }

    /// Writes all of `bytes`, and makes them durable if told to.
    pub(super) fn write(&mut self, file: &File, offset: u64, bytes: &[u8], sync: bool) -> Result<(), (DiskOp, io::Error)> {
        let fd = types::Fd(file.as_raw_fd());
        let mut written = 0;
        loop {
            let rest = &bytes[written..];
            let size = u32::try_from(rest.len()).expect("a batch is far below 4 GiB");
            let mut write = opcode::Write::new(fd, rest.as_ptr(), size).offset(offset + written as u64).build().user_data(WRITE);
            if sync {
                write = write.flags(squeue::Flags::IO_LINK);
            }
            self.push(&write);
            if sync {
                self.push(&sync_entry(fd, SYNC));
            }
            let mut pair = Pair::default();
            self.submit(&mut pair, |pair, _| pair.write.is_some() && (!sync || pair.sync.is_some()));
            let result = pair.write.expect("awaited");
            match result {
                // A link breaks when the write falls short; the rest goes as a new pair.
                count if count > 0 => written += count.unsigned_abs() as usize,
                0 => return Err((DiskOp::Write, io::Error::from_raw_os_error(libc::ENOSPC))),
                errno if errno == -libc::EINTR || errno == -libc::EAGAIN => continue,
                errno => return Err((DiskOp::Write, io::Error::from_raw_os_error(-errno))),
            }
            if written < bytes.len() {
                continue;
            }
            return match pair.sync {
                None | Some(0) => Ok(()),
                // The write was whole, so the kernel had no reason to cancel its sync; if it did, nothing was synced.
                Some(errno) if errno == -libc::ECANCELED => self.sync(file).map_err(|error| (DiskOp::Sync, error)),
                Some(errno) => Err((DiskOp::Sync, io::Error::from_raw_os_error(-errno))),
            };
        }
    }

    /// Makes durable what was written to `file`. An error is final: the kernel may have dropped the pages.
    pub(super) fn sync(&mut self, file: &File) -> io::Result<()> {
        self.push(&sync_entry(types::Fd(file.as_raw_fd()), SYNC));
        let mut pair = Pair::default();
        self.submit(&mut pair, |pair, _| pair.sync.is_some());
        completed(pair.sync.expect("awaited"))
    }

    /// Begins a sync.
    ///
    /// # Panics
    ///
    /// If one is under way.
    pub(super) fn sync_start(&mut self, file: &File) -> io::Result<()> {
        assert!(self.background == Background::Idle, "one background sync at a time");
        self.push(&sync_entry(types::Fd(file.as_raw_fd()), SYNC_BACKGROUND));
        self.ring.submit()?;
        self.background = Background::Running;
        Ok(())
    }

    /// The result of the sync begun, once it has one.
    pub(super) fn sync_result(&mut self, wait: bool) -> Option<io::Result<()>> {
        if self.background == Background::Idle {
            return None;
        }
        let mut pair = Pair::default();
        if wait {
            self.submit(&mut pair, |_, background| background != Background::Running);
        } else {
            self.reap(&mut pair);
        }
        match self.background {
            Background::Idle | Background::Running => None,
            Background::Done(result) => {
                self.background = Background::Idle;
                Some(completed(result))
            }
        }
    }

    fn push(&mut self, entry: &squeue::Entry) {
        // SAFETY: the entry's buffer outlives the operation because whoever pushes a write waits for it in `submit` before it
        // returns; the file descriptor is open for as long, and a sync has no buffer.
        let pushed = unsafe { self.ring.submission().push(entry) };
        pushed.expect("the ring is larger than what is ever under way");
    }

    /// Submits what was pushed and waits until `complete`.
    fn submit(&mut self, pair: &mut Pair, complete: impl Fn(&Pair, Background) -> bool) {
        self.reap(pair);
        while !complete(pair, self.background) {
            if let Err(error) = self.ring.submit_and_wait(1) {
                let again = matches!(error.raw_os_error(), Some(libc::EINTR | libc::EAGAIN | libc::EBUSY));
                if !again {
                    // The kernel may still read the buffer: going on would be unsound, and unwinding would free it.
                    eprintln!("journal: io_uring_enter failed with an operation under way: {error}");
                    std::process::abort();
                }
            }
            self.reap(pair);
        }
    }

    fn reap(&mut self, pair: &mut Pair) {
        for entry in self.ring.completion() {
            match entry.user_data() {
                WRITE => pair.write = Some(entry.result()),
                SYNC => pair.sync = Some(entry.result()),
                _ => self.background = Background::Done(entry.result()),
            }
        }
    }
}

impl fmt::Debug for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kernel").field("background", &self.background).finish_non_exhaustive()
    }
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

fn sync_entry(fd: types::Fd, user_data: u64) -> squeue::Entry {
    opcode::Fsync::new(fd).flags(types::FsyncFlags::DATASYNC).build().user_data(user_data)
}

fn completed(result: i32) -> io::Result<()> {
    if result < 0 { Err(io::Error::from_raw_os_error(-result)) } else { Ok(()) }
}
