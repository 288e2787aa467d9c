//! Accept, recv and send on one io_uring: multishot accept and receive, provided buffers, registered files, and nothing else: the ring is
//! restricted to the operations that it needs before it is enabled, so a fault in this process cannot use it for another.
//!
//! UNSAFE. The kernel reads and writes memory of ours between the submission of an operation and its completion. The invariant that makes
//! this sound, kept by this file and `buffers.rs` alone:
//!
//! 1. Every buffer an operation points into is owned by the [`Ring`]: a slot's `sending`, `wake_count`, and the provided buffers. They are on
//!    the heap and are neither grown, replaced nor dropped while the slot's `is_sending`, the ring's `is_waking`, or any receive is set.
//! 2. A flag is set exactly when its operation is pushed, and cleared exactly when its last completion is reaped. There is at most one of
//!    each per slot.
//! 3. A slot's socket is closed and its registered file replaced, and the slot used again, only when it has no operation under way.
//! 4. When the ring is dropped, all operations are cancelled and reaped first; if that fails the buffers are leaked, not freed.

#![allow(unsafe_code)]

use super::buffers::Buffers;
use super::slots::{Completion, Slot, Sockets};
use io_uring::register::Restriction;
use io_uring::types::{CancelBuilder, Fixed, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};
use std::fs::File;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::Duration;

pub(super) struct Ring {
    /// Behind the buffers in `drop`, see there.
    ring: IoUring,
    buffers: Buffers,
    pub(super) sockets: Sockets,
    wake_count: Box<[u8; 8]>,
    is_waking: bool,
    /// By listener.
    is_accepting: Vec<bool>,
    under_way: usize,
}

impl Ring {
    pub(super) fn new(listeners: Vec<TcpListener>, connections_max: usize) -> io::Result<Self> {
        // Completions run when this thread next enters the kernel; it is told by a flag in shared memory, so an idle turn makes no call.
        let entries = (2 * connections_max as u32 + 4).clamp(64, ENTRIES_MAX).next_power_of_two();
        let ring = IoUring::builder().setup_coop_taskrun().setup_taskrun_flag().setup_clamp().setup_r_disabled().build(entries)?;
        let wake_event = File::from(rustix::event::eventfd(0, rustix::event::EventfdFlags::CLOEXEC)?);
        let submitter = ring.submitter();
        // Connections, then the event, then the listeners.
        submitter.register_files_sparse((connections_max + 1 + listeners.len()) as u32)?;
        let files: Vec<i32> = std::iter::once(wake_event.as_raw_fd()).chain(listeners.iter().map(AsRawFd::as_raw_fd)).collect();
        submitter.register_files_update(connections_max as u32, &files)?;
        let buffers = Buffers::register(&submitter)?;
        submitter.register_restrictions(&mut [
            Restriction::sqe_op(opcode::AcceptMulti::CODE),
            Restriction::sqe_op(opcode::RecvMulti::CODE),
            Restriction::sqe_op(opcode::Send::CODE),
            Restriction::sqe_op(opcode::Read::CODE),
            Restriction::sqe_op(opcode::AsyncCancel::CODE),
            Restriction::sqe_flags_allowed((squeue::Flags::FIXED_FILE | squeue::Flags::BUFFER_SELECT).bits()),
            Restriction::register_op(REGISTER_FILES_UPDATE),
            Restriction::register_op(REGISTER_SYNC_CANCEL),
            Restriction::register_op(REGISTER_ENABLE_RINGS),
        ])?;
        submitter.register_enable_rings()?;
        Ok(Self {
            ring,
            buffers,
            is_accepting: vec![false; listeners.len()],
            sockets: Sockets::new(listeners, wake_event, connections_max),
            wake_count: Box::new([0; 8]),
            is_waking: false,
            under_way: 0,
        })
    }

    /// Receives more, if there is room: one operation goes on until it is paused, the buffers run out or the peer closes.
    pub(super) fn receive(&mut self, slot: usize) -> io::Result<()> {
        let own = &mut self.sockets.slots[slot];
        own.wants_more = own.has_room();
        if !own.wants_more {
            return self.pause(slot);
        }
        if own.is_receiving || !own.is_connected() {
            return Ok(());
        }
        own.is_receiving = true;
        let operation = opcode::RecvMulti::new(Fixed(slot as u32), Buffers::GROUP).build();
        self.push(operation.user_data(token(KIND_RECEIVE, slot)))
    }

    fn pause(&mut self, slot: usize) -> io::Result<()> {
        let own = &mut self.sockets.slots[slot];
        if !own.is_receiving || own.is_pausing {
            return Ok(());
        }
        own.is_pausing = true;
        let operation = opcode::AsyncCancel::new(token(KIND_RECEIVE, slot)).build();
        self.push(operation.user_data(token(KIND_CANCEL, slot)))
    }

    /// Sends `bytes` and leaves an empty buffer in their place. Nothing may be under way.
    pub(super) fn send(&mut self, slot: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
        self.sockets.slots[slot].load(bytes);
        self.continue_sending(slot)
    }

    /// Closes a connection: what is under way ends, then the slot is free.
    pub(super) fn shut(&mut self, slot: usize) {
        self.sockets.slots[slot].shut();
        self.release(slot);
    }

    /// Whether something is complete that the next turn takes.
    pub(super) fn has_completion(&mut self) -> bool {
        !self.ring.completion().is_empty() || self.ring.submission().taskrun()
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
        let first = self.sockets.connections_max as u32;
        if !self.is_waking {
            self.is_waking = true;
            let operation = opcode::Read::new(Fixed(first), self.wake_count.as_mut_ptr(), self.wake_count.len() as u32).build();
            self.push(operation.user_data(token(KIND_WAKE, 0)))?;
        }
        for index in 0..self.is_accepting.len() {
            if !std::mem::replace(&mut self.is_accepting[index], true) {
                let listener = Fixed(first + 1 + index as u32);
                let operation = opcode::AcceptMulti::new(listener).flags(libc::SOCK_CLOEXEC).build();
                self.push(operation.user_data(token(KIND_ACCEPT, index)))?;
            }
        }
        Ok(())
    }

    fn continue_sending(&mut self, slot: usize) -> io::Result<()> {
        let own = &mut self.sockets.slots[slot];
        let rest = &own.sending[own.sent..];
        if !own.is_connected() || rest.is_empty() {
            return Ok(());
        }
        let operation = opcode::Send::new(Fixed(slot as u32), rest.as_ptr(), rest.len() as u32).flags(libc::MSG_NOSIGNAL).build();
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
        while let Some((token, result, flags)) = self.next_completion() {
            let goes_on = cqueue::more(flags);
            self.under_way -= usize::from(!goes_on);
            let slot = (token >> KIND_BITS) as usize;
            match token & KIND_MASK {
                KIND_WAKE => self.is_waking = false,
                KIND_ACCEPT => {
                    self.is_accepting[slot] = goes_on;
                    self.accepted(slot, result, completions)?;
                }
                KIND_CANCEL => self.release(slot),
                KIND_RECEIVE => self.received(slot, result, flags, completions)?,
                _ => self.sent(slot, result, completions)?,
            }
        }
        Ok(())
    }

    fn next_completion(&mut self) -> Option<(u64, i32, u32)> {
        self.ring.completion().next().map(|entry| (entry.user_data(), entry.result(), entry.flags()))
    }

    fn received(&mut self, slot: usize, result: i32, flags: u32, completions: &mut Vec<Completion>) -> io::Result<()> {
        let own = &mut self.sockets.slots[slot];
        let goes_on = cqueue::more(flags);
        own.is_receiving = goes_on;
        own.is_pausing &= goes_on;
        if let Some(buffer) = cqueue::buffer_select(flags) {
            let size = usize::try_from(result).unwrap_or(0);
            if !own.is_shut {
                own.received.extend_from_slice(self.buffers.filled(buffer, size));
            }
            self.buffers.give_back(buffer);
        }
        if self.sockets.slots[slot].is_shut {
            self.release(slot);
            return Ok(());
        }
        match result {
            count if count > 0 => {
                completions.push(Completion::Received(slot));
                if !self.sockets.slots[slot].has_room() {
                    return self.pause(slot);
                }
            }
            // All buffers were in use, or the receive was paused: `receive` starts it again.
            error if matches!(-error, libc::ENOBUFS | libc::ECANCELED | libc::EINTR | libc::EAGAIN) => {}
            _ => {
                completions.push(Completion::Failed(slot));
                return Ok(());
            }
        }
        if !goes_on && self.sockets.slots[slot].wants_more {
            return self.receive(slot);
        }
        Ok(())
    }

    fn sent(&mut self, slot: usize, result: i32, completions: &mut Vec<Completion>) -> io::Result<()> {
        let own = &mut self.sockets.slots[slot];
        own.is_sending = false;
        if own.is_shut {
            self.release(slot);
            return Ok(());
        }
        match usize::try_from(result) {
            Ok(count) if count > 0 => own.sent += count,
            Err(_) if matches!(-result, libc::EINTR | libc::EAGAIN) => {}
            Ok(_) | Err(_) => {
                completions.push(Completion::Failed(slot));
                return Ok(());
            }
        }
        if own.sent < own.sending.len() {
            return self.continue_sending(slot);
        }
        own.sending.clear();
        own.sent = 0;
        completions.push(Completion::Sent(slot));
        Ok(())
    }

    fn accepted(&mut self, listener: usize, result: i32, completions: &mut Vec<Completion>) -> io::Result<()> {
        if result < 0 {
            self.sockets.accept_failures += 1;
            return Ok(());
        }
        // SAFETY: the kernel just made this descriptor for us and nobody else has it.
        let socket = TcpStream::from(unsafe { OwnedFd::from_raw_fd(result) });
        let peer = socket.set_nodelay(true).and_then(|()| socket.peer_addr());
        // Dropping the socket closes it.
        let (Some(slot), Ok(peer)) = (self.sockets.free_slot(), peer) else {
            self.sockets.accept_failures += 1;
            return Ok(());
        };
        self.ring.submitter().register_files_update(slot as u32, &[socket.as_raw_fd()])?;
        self.sockets.slots[slot].open(socket, peer.ip(), listener);
        completions.push(Completion::Accepted(slot));
        Ok(())
    }

    /// Frees a slot that was shut when nothing of it is under way. Its registered file is replaced when the slot is used again, or here.
    fn release(&mut self, slot: usize) {
        let own = &mut self.sockets.slots[slot];
        if own.is_shut && own.socket.is_some() && !own.is_receiving && !own.is_sending {
            // A registered file keeps the connection open: without this the peer would not see its end.
            let _ = self.ring.submitter().register_files_update(slot as u32, &[-1]);
            *own = Slot::default();
        }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        for slot in 0..self.sockets.slots.len() {
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
            for slot in &mut self.sockets.slots {
                std::mem::forget(std::mem::take(&mut slot.sending));
            }
            self.buffers.leak();
            std::mem::forget(std::mem::replace(&mut self.wake_count, Box::new([0; 8])));
        }
    }
}

impl core::fmt::Debug for Ring {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Ring {{ {} slots, {} operations under way }}", self.sockets.slots.len(), self.under_way)
    }
}

const fn token(kind: u64, slot: usize) -> u64 {
    kind | (slot as u64) << KIND_BITS
}

const KIND_BITS: u32 = 3;
const KIND_MASK: u64 = (1 << KIND_BITS) - 1;
const KIND_WAKE: u64 = 0;
const KIND_ACCEPT: u64 = 1;
const KIND_RECEIVE: u64 = 2;
const KIND_SEND: u64 = 3;
const KIND_CANCEL: u64 = 4;

/// Codes of `io_uring_register(2)` that stay allowed.
const REGISTER_FILES_UPDATE: u8 = 6;
const REGISTER_ENABLE_RINGS: u8 = 12;
const REGISTER_SYNC_CANCEL: u8 = 24;

/// Most entries of the submission queue; a full queue is handed over and used again.
const ENTRIES_MAX: u32 = 4_096;
/// Patience for cancelled operations, in milliseconds.
const DROP_TURNS_MAX: u32 = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_outside_the_list_is_refused() {
        let mut ring = Ring::new(vec![TcpListener::bind("127.0.0.1:0").unwrap()], 4).unwrap();
        for operation in [opcode::Nop::new().build(), opcode::Close::new(io_uring::types::Fd(0)).build()] {
            // SAFETY: neither operation points into memory; the second is refused before it closes anything.
            unsafe { ring.ring.submission().push(&operation.user_data(99)).unwrap() };
            ring.ring.submit_and_wait(1).unwrap();
            let entry = ring.ring.completion().next().unwrap();
            assert_eq!((entry.user_data(), entry.result()), (99, -libc::EACCES));
        }
        assert!(ring.ring.submitter().register_files(&[0]).is_err(), "no other files can be registered");
    }
}
