//! Buffers that the kernel fills when something arrives, shared by all connections: memory grows with traffic, not with connections.
//!
//! UNSAFE. A ring of entries shared with the kernel: it takes entries from the front, we add at the tail. An entry's buffer is the kernel's from
//! the moment it is added until a completion names it, and ours from then until it is given back; nothing else touches it.

#![allow(unsafe_code)]

use crate::limits::{RECEIVE_BUFFERS, RECEIVE_SIZE};
use io_uring::Submitter;
use io_uring::types::BufRingEntry;
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

pub(super) struct Buffers {
    entries: NonNull<BufRingEntry>,
    memory: Vec<u8>,
    tail: u16,
    is_leaked: bool,
}

// SAFETY: the memory behind the pointer belongs to this value alone, apart from the kernel, which does not care about threads.
unsafe impl Send for Buffers {}

impl Buffers {
    pub(super) const GROUP: u16 = 0;

    pub(super) fn register(submitter: &Submitter<'_>) -> io::Result<Self> {
        // SAFETY: the layout has a size.
        let memory = unsafe { alloc_zeroed(LAYOUT) };
        let Some(entries) = NonNull::new(memory.cast::<BufRingEntry>()) else { handle_alloc_error(LAYOUT) };
        let mut own = Self { entries, memory: vec![0; RECEIVE_BUFFERS * RECEIVE_SIZE], tail: 0, is_leaked: false };
        // SAFETY: the entries are page-aligned, as many as said, and outlive the ring (see `Ring`'s drop).
        unsafe { submitter.register_buf_ring_with_flags(entries.as_ptr() as u64, RECEIVE_BUFFERS as u16, Self::GROUP, 0)? };
        (0..RECEIVE_BUFFERS as u16).for_each(|buffer| own.give_back(buffer));
        Ok(own)
    }

    /// What a completion put into a buffer.
    pub(super) fn filled(&self, buffer: u16, size: usize) -> &[u8] {
        let start = usize::from(buffer) * RECEIVE_SIZE;
        &self.memory[start..start + size.min(RECEIVE_SIZE)]
    }

    /// The kernel may fill it again.
    pub(super) fn give_back(&mut self, buffer: u16) {
        let index = usize::from(self.tail) & (RECEIVE_BUFFERS - 1);
        let start = usize::from(buffer) * RECEIVE_SIZE;
        // SAFETY: the index is within the entries; the kernel does not read this one before the tail passes it.
        let entry = unsafe { &mut *self.entries.as_ptr().add(index) };
        entry.set_addr(self.memory[start..].as_mut_ptr() as u64);
        entry.set_len(RECEIVE_SIZE as u32);
        entry.set_bid(buffer);
        self.tail = self.tail.wrapping_add(1);
        // SAFETY: the tail lies in the first entry, is aligned, and only we write it.
        let tail = unsafe { &*BufRingEntry::tail(self.entries.as_ptr()).cast::<AtomicU16>() };
        tail.store(self.tail, Ordering::Release);
    }

    /// Keeps the memory for ever: the kernel may still write there.
    pub(super) fn leak(&mut self) {
        self.is_leaked = true;
        std::mem::forget(std::mem::take(&mut self.memory));
    }
}

impl Drop for Buffers {
    fn drop(&mut self) {
        if !self.is_leaked {
            // SAFETY: allocated with this layout; the ring has no receive under way (see its drop).
            unsafe { dealloc(self.entries.as_ptr().cast(), LAYOUT) };
        }
    }
}

const LAYOUT: Layout = match Layout::from_size_align(RECEIVE_BUFFERS * size_of::<BufRingEntry>(), 4_096) {
    Ok(layout) => layout,
    Err(_) => panic!("the layout is valid"),
};
const _: () = assert!(RECEIVE_BUFFERS.is_power_of_two() && RECEIVE_BUFFERS <= 1 << 15, "what the kernel takes");
