//! What both drivers keep: the listeners, the event that wakes them, and a slot for each connection.

use crate::limits::RECEIVE_BUFFER_SIZE;
use std::fs::File;
use std::net::{IpAddr, Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;

/// What both drivers have.
pub(super) struct Sockets {
    /// At most [`LISTENERS_MAX`](crate::limits::LISTENERS_MAX).
    pub(super) listeners: Vec<TcpListener>,
    pub(super) wake_event: Arc<File>,
    pub(super) slots: Vec<Slot>,
    pub(super) connections_max: usize,
    /// Connections that could not be taken.
    pub(super) accept_failures: u64,
}

impl Sockets {
    pub(super) fn new(listeners: Vec<TcpListener>, wake_event: File, connections_max: usize) -> Self {
        Self { listeners, wake_event: Arc::new(wake_event), slots: Vec::new(), connections_max, accept_failures: 0 }
    }

    /// Room for one more connection; `None` when there are as many as there may be.
    pub(super) fn free_slot(&mut self) -> Option<usize> {
        let free = self.slots.iter().position(Slot::is_free);
        free.or_else(|| {
            let is_new = self.slots.len() < self.connections_max;
            is_new.then(|| {
                self.slots.push(Slot::default());
                self.slots.len() - 1
            })
        })
    }
}

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

/// One connection, or the room for one.
pub(super) struct Slot {
    pub(super) socket: Option<TcpStream>,
    pub(super) peer: IpAddr,
    /// Index of the listener that it came to.
    pub(super) listener: usize,
    /// Arrived and not used up. Empty, and without memory, while a connection is idle.
    pub(super) received: Vec<u8>,
    pub(super) sending: Vec<u8>,
    /// Bytes of `sending` that the kernel has.
    pub(super) sent: usize,
    pub(super) is_sending: bool,
    /// A receive is under way.
    pub(super) is_receiving: bool,
    /// The receive under way is being ended.
    pub(super) is_pausing: bool,
    /// More bytes are wanted.
    pub(super) wants_more: bool,
    pub(super) is_shut: bool,
}

impl Default for Slot {
    fn default() -> Self {
        Self {
            socket: None,
            peer: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            listener: 0,
            received: Vec::new(),
            sending: Vec::new(),
            sent: 0,
            is_sending: false,
            is_receiving: false,
            is_pausing: false,
            wants_more: false,
            is_shut: false,
        }
    }
}

impl Slot {
    pub(super) const fn is_free(&self) -> bool {
        self.socket.is_none() && !self.is_receiving && !self.is_sending
    }

    pub(super) const fn is_connected(&self) -> bool {
        self.socket.is_some() && !self.is_shut
    }

    /// Whether the session keeps up with what arrives.
    pub(super) const fn has_room(&self) -> bool {
        self.received.len() < RECEIVE_BUFFER_SIZE
    }

    /// Starts the life of a connection.
    pub(super) fn open(&mut self, socket: TcpStream, peer: IpAddr, listener: usize) {
        *self = Self { peer, listener, socket: Some(socket), ..Self::default() };
    }

    /// Drops the first bytes that arrived.
    pub(super) fn consume(&mut self, size: usize) {
        consume(&mut self.received, size);
    }

    /// Takes `bytes` to be sent and leaves an empty buffer in their place.
    pub(super) fn load(&mut self, bytes: &mut Vec<u8>) {
        assert!(!self.is_sending, "the kernel reads this buffer");
        self.sending.clear();
        std::mem::swap(&mut self.sending, bytes);
        self.sent = 0;
    }

    pub(super) fn shut(&mut self) {
        if let Some(socket) = self.socket.as_ref().filter(|_| !self.is_shut) {
            let _ = socket.shutdown(Shutdown::Both);
            self.is_shut = true;
        }
    }
}

/// Drops the first bytes of a buffer, and most of its memory when none is left.
pub(super) fn consume(buffer: &mut Vec<u8>, size: usize) {
    if size == buffer.len() {
        buffer.clear();
        buffer.shrink_to(KEPT_SIZE);
    } else {
        buffer.drain(..size);
    }
}

/// Receive memory that a connection keeps between messages.
const KEPT_SIZE: usize = 4 << 10;
