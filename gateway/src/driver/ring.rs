//! Accept, recv and send on one io_uring.
//!
//! UNSAFE. The kernel reads and writes memory of ours between the submission of an operation and its completion. The invariant that makes
//! this sound, kept by this file alone:
//!
//! 1. Every buffer an operation points into is owned by the [`Ring`]: a slot's `receive` and `sending`, and `wake_count`. They are on the
//!    heap and are neither grown, replaced nor dropped while the slot's `is_receiving`, `is_sending` or the ring's `is_waking` is set.
//! 2. A flag is set exactly when its operation is pushed, and cleared exactly when its completion is reaped. There is at most one of
//!    each per slot.
//! 3. A slot's socket is closed, and the slot used again, only when it has no operation under way.
//! 4. When the ring is dropped, all operations are cancelled and reaped first; if that fails the buffers are leaked, not freed.

#![allow(unsafe_code)]

use crate::limits::{CONNECTIONS_MAX, RECEIVE_BUFFER_SIZE};
use io_uring::types::{CancelBuilder, Fd, SubmitArgs, Timespec};
use io_uring::{IoUring, opcode, squeue};
use std::fs::File;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

/// What an operation came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Completion {
    /// A connection was made and has this slot.
    Accepted(usize),
    /// Bytes were added to the slot's received ones.
    Received(usize),
    /// All that was handed over has been sent.
    Sent(usize),
    /// The peer closed, or the socket failed.
    Failed(usize),
}

pub(super) struct Ring {
    /// Behind the buffers in `drop`, see there.
    ring: IoUring,
    listener: TcpListener,
    slots: Vec<Slot>,
    wake_event: Arc<File>,
    wake_count: Box<[u8; 8]>,
    is_waking: bool,
    is_accepting: bool,
    under_way: usize,
    accept_failures: u64,
}

#[derive(Default)]
struct Slot {
    socket: Option<TcpStream>,
    receive: Box<[u8]>,
    filled: usize,
    sending: Vec<u8>,
    sent: usize,
    is_receiving: bool,
    is_sending: bool,
    is_shut: bool,
}

impl Slot {
    const fn is_free(&self) -> bool {
        self.socket.is_none() && !self.is_receiving && !self.is_sending
    }
}

impl Ring {
    pub(super) fn new(listener: TcpListener) -> io::Result<Self> {
        // Completions run when this thread next enters the kernel; it is told by a flag in shared memory, so an idle turn makes no call.
        let ring = IoUring::builder().setup_coop_taskrun().setup_taskrun_flag().setup_clamp().build(RING_ENTRIES)?;
        // SAFETY: a plain system call; its result is checked.
        let event = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) };
        if event < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just made and nobody else has it.
        let event = unsafe { OwnedFd::from_raw_fd(event) };
        Ok(Self {
            ring,
            listener,
            slots: Vec::new(),
            wake_event: Arc::new(File::from(event)),
            wake_count: Box::new([0; 8]),
            is_waking: false,
            is_accepting: false,
            under_way: 0,
            accept_failures: 0,
        })
    }

    pub(super) const fn listener(&self) -> &TcpListener {
        &self.listener
    }

    pub(super) fn wake_event(&self) -> Arc<File> {
        self.wake_event.clone()
    }

    pub(super) fn slot_count(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn is_connected(&self, slot: usize) -> bool {
        self.slots[slot].socket.is_some() && !self.slots[slot].is_shut
    }

    pub(super) const fn accept_failures(&self) -> u64 {
        self.accept_failures
    }

    /// Bytes that arrived on a slot and are not used up.
    pub(super) fn received(&self, slot: usize) -> &[u8] {
        // The kernel writes behind `filled` only.
        &self.slots[slot].receive[..self.slots[slot].filled]
    }

    /// Whether more bytes are being received.
    pub(super) fn is_receiving(&self, slot: usize) -> bool {
        self.slots[slot].is_receiving
    }

    /// Drops the first bytes that arrived. No receive may be under way.
    pub(super) fn consume(&mut self, slot: usize, size: usize) {
        let own = &mut self.slots[slot];
        assert!(!own.is_receiving, "the kernel writes into this buffer");
        own.receive.copy_within(size..own.filled, 0);
        own.filled -= size;
    }

    /// Receives more, if there is room and nothing is under way.
    pub(super) fn receive(&mut self, slot: usize) -> io::Result<()> {
        let own = &mut self.slots[slot];
        let Some(socket) = own.socket.as_ref().filter(|_| !own.is_receiving && !own.is_shut) else { return Ok(()) };
        let room = &mut own.receive[own.filled..];
        if room.is_empty() {
            return Ok(());
        }
        let operation = opcode::Recv::new(Fd(socket.as_raw_fd()), room.as_mut_ptr(), room.len() as u32).build();
        own.is_receiving = true;
        self.push(operation.user_data(token(KIND_RECEIVE, slot)))
    }

    /// Whether bytes of this slot are being sent.
    pub(super) fn is_sending(&self, slot: usize) -> bool {
        self.slots[slot].is_sending
    }

    /// Sends `bytes` and leaves an empty buffer in their place. Nothing may be under way.
    pub(super) fn send(&mut self, slot: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
        let own = &mut self.slots[slot];
        assert!(!own.is_sending, "the kernel reads this buffer");
        own.sending.clear();
        std::mem::swap(&mut own.sending, bytes);
        own.sent = 0;
        self.continue_sending(slot)
    }

    /// Closes a connection: what is under way ends, then the slot is free.
    pub(super) fn shut(&mut self, slot: usize) {
        let own = &mut self.slots[slot];
        if let Some(socket) = own.socket.as_ref().filter(|_| !own.is_shut) {
            let _ = socket.shutdown(Shutdown::Both);
            own.is_shut = true;
        }
        self.release(slot);
    }

    /// Hands what was asked for to the kernel and takes what is complete, without waiting.
    pub(super) fn turn(&mut self, completions: &mut Vec<Completion>) -> io::Result<()> {
        self.arm()?;
        let has_work = {
            let queue = self.ring.submission();
            !queue.is_empty() || queue.taskrun()
        };
        if has_work {
            self.enter(0, None)?;
        }
        self.reap(completions)
    }

    /// Hands what was asked for to the kernel, without looking at completions.
    pub(super) fn submit(&mut self) -> io::Result<()> {
        if !self.ring.submission().is_empty() {
            self.enter(0, None)?;
        }
        Ok(())
    }

    /// Waits for a completion, which the next turn takes.
    pub(super) fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        self.arm()?;
        if self.ring.completion().is_empty() {
            self.enter(1, Some(timeout))?;
        }
        Ok(())
    }

    fn arm(&mut self) -> io::Result<()> {
        if !self.is_waking {
            self.is_waking = true;
            let event = Fd(self.wake_event.as_raw_fd());
            let operation = opcode::Read::new(event, self.wake_count.as_mut_ptr(), self.wake_count.len() as u32).build();
            self.push(operation.user_data(token(KIND_WAKE, 0)))?;
        }
        if !self.is_accepting {
            self.is_accepting = true;
            let listener = Fd(self.listener.as_raw_fd());
            let operation =
                opcode::Accept::new(listener, std::ptr::null_mut(), std::ptr::null_mut()).flags(libc::SOCK_CLOEXEC).build();
            self.push(operation.user_data(token(KIND_ACCEPT, 0)))?;
        }
        Ok(())
    }

    fn continue_sending(&mut self, slot: usize) -> io::Result<()> {
        let own = &mut self.slots[slot];
        let Some(socket) = own.socket.as_ref().filter(|_| !own.is_shut) else { return Ok(()) };
        let rest = &own.sending[own.sent..];
        if rest.is_empty() {
            return Ok(());
        }
        let operation =
            opcode::Send::new(Fd(socket.as_raw_fd()), rest.as_ptr(), rest.len() as u32).flags(libc::MSG_NOSIGNAL).build();
        own.is_sending = true;
        self.push(operation.user_data(token(KIND_SEND, slot)))
    }

    fn push(&mut self, operation: squeue::Entry) -> io::Result<()> {
        self.under_way += 1;
        loop {
            // SAFETY: the operation points into buffers that stay where they are until its completion is reaped (invariants 1 and 2), and
            // names descriptors that stay open until then (invariant 3; listener and event live as long as the ring).
            if unsafe { self.ring.submission().push(&operation) }.is_ok() {
                return Ok(());
            }
            self.enter(0, None)?;
        }
    }

    fn enter(&self, want: usize, timeout: Option<Duration>) -> io::Result<()> {
        let result = match timeout {
            None => self.ring.submitter().submit_and_wait(want),
            Some(timeout) => {
                let time = Timespec::from(timeout);
                self.ring.submitter().submit_with_args(want, &SubmitArgs::new().timespec(&time))
            }
        };
        match result {
            Ok(_) => Ok(()),
            // The time is up; a signal came; the completions must be reaped first.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ETIME | libc::EINTR | libc::EBUSY | libc::EAGAIN)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn reap(&mut self, completions: &mut Vec<Completion>) -> io::Result<()> {
        while let Some((token, result)) = self.next_completion() {
            self.under_way -= 1;
            let slot = (token >> KIND_BITS) as usize;
            match token & KIND_MASK {
                KIND_WAKE => self.is_waking = false,
                KIND_ACCEPT => {
                    self.is_accepting = false;
                    self.accepted(result, completions);
                }
                KIND_RECEIVE => {
                    self.slots[slot].is_receiving = false;
                    self.complete(slot, result, completions, |own, count| {
                        own.filled += count;
                        Some(Completion::Received(slot))
                    });
                }
                _ => {
                    self.slots[slot].is_sending = false;
                    self.complete(slot, result, completions, |own, count| {
                        own.sent += count;
                        (own.sent == own.sending.len()).then_some(Completion::Sent(slot))
                    });
                    if self.slots[slot].sent < self.slots[slot].sending.len() {
                        self.continue_sending(slot)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn next_completion(&mut self) -> Option<(u64, i32)> {
        self.ring.completion().next().map(|entry| (entry.user_data(), entry.result()))
    }

    fn complete(
        &mut self,
        slot: usize,
        result: i32,
        completions: &mut Vec<Completion>,
        done: impl FnOnce(&mut Slot, usize) -> Option<Completion>,
    ) {
        let own = &mut self.slots[slot];
        if own.is_shut {
            return self.release(slot);
        }
        match usize::try_from(result) {
            Ok(count) if count > 0 => completions.extend(done(own, count)),
            Err(_) if matches!(-result, libc::EINTR | libc::EAGAIN) => completions.extend(done(own, 0)),
            Ok(_) | Err(_) => completions.push(Completion::Failed(slot)),
        }
    }

    fn accepted(&mut self, result: i32, completions: &mut Vec<Completion>) {
        if result < 0 {
            self.accept_failures += 1;
            return;
        }
        // SAFETY: the kernel just made this descriptor for us and nobody else has it.
        let socket = TcpStream::from(unsafe { OwnedFd::from_raw_fd(result) });
        let slot = match self.slots.iter().position(Slot::is_free) {
            Some(slot) => slot,
            None if self.slots.len() < CONNECTIONS_MAX => {
                self.slots.push(Slot::default());
                self.slots.len() - 1
            }
            // Dropping the socket closes it.
            None => return self.accept_failures += 1,
        };
        if socket.set_nodelay(true).is_err() {
            self.accept_failures += 1;
            return;
        }
        let own = &mut self.slots[slot];
        if own.receive.is_empty() {
            own.receive = vec![0; RECEIVE_BUFFER_SIZE].into_boxed_slice();
        }
        own.filled = 0;
        own.sending.clear();
        own.sent = 0;
        own.is_shut = false;
        own.socket = Some(socket);
        completions.push(Completion::Accepted(slot));
    }

    fn release(&mut self, slot: usize) {
        let own = &mut self.slots[slot];
        if own.is_shut && !own.is_receiving && !own.is_sending {
            own.socket = None;
            own.sending.clear();
            own.sent = 0;
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        for slot in 0..self.slots.len() {
            self.shut(slot);
        }
        // What is not handed over yet must be, or it could not be cancelled.
        let _ = self.enter(0, None);
        // Fails when nothing is left to cancel, too; what counts is that nothing is under way.
        let _ = self.ring.submitter().register_sync_cancel(None, CancelBuilder::any());
        let mut completions = Vec::new();
        for _ in 0..DROP_TURNS_MAX {
            if self.under_way == 0 {
                break;
            }
            let _ = self.enter(1, Some(Duration::from_millis(1)));
            if self.reap(&mut completions).is_err() {
                break;
            }
        }
        if self.under_way > 0 {
            // Leaked: the kernel may still write there.
            for slot in &mut self.slots {
                std::mem::forget(std::mem::take(&mut slot.receive));
                std::mem::forget(std::mem::take(&mut slot.sending));
            }
            std::mem::forget(std::mem::replace(&mut self.wake_count, Box::new([0; 8])));
        }
    }
}

impl core::fmt::Debug for Ring {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Ring {{ {} slots, {} operations under way }}", self.slots.len(), self.under_way)
    }
}

const fn token(kind: u64, slot: usize) -> u64 {
    kind | (slot as u64) << KIND_BITS
}

const KIND_BITS: u32 = 2;
const KIND_MASK: u64 = (1 << KIND_BITS) - 1;
const KIND_WAKE: u64 = 0;
const KIND_ACCEPT: u64 = 1;
const KIND_RECEIVE: u64 = 2;
const KIND_SEND: u64 = 3;

/// Two operations for each connection, one accept, one wake-up.
const RING_ENTRIES: u32 = (2 * CONNECTIONS_MAX as u32 + 2).next_power_of_two();
/// Patience for cancelled operations, in milliseconds.
const DROP_TURNS_MAX: u32 = 1_000;
