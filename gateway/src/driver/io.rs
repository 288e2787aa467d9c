//! One surface over both drivers.

use super::poll::Poll;
use super::ring::Ring;
use super::slots::{Completion, Sockets};
use std::fs::File;
use std::io;
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

/// How sockets are driven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// io_uring, restricted to what it needs.
    #[default]
    Ring,
    /// epoll and plain system calls.
    Poll,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one for each gateway")]
pub(super) enum Io {
    Ring(Ring),
    Poll(Poll),
}

macro_rules! either {
    ($self:ident, $own:ident => $call:expr) => {
        match $self {
            Self::Ring($own) => $call,
            Self::Poll($own) => $call,
        }
    };
}

impl Io {
    pub(super) fn new(backend: Backend, listeners: Vec<TcpListener>, connections_max: usize) -> io::Result<Self> {
        Ok(match backend {
            Backend::Ring => Self::Ring(Ring::new(listeners, connections_max)?),
            Backend::Poll => Self::Poll(Poll::new(listeners, connections_max)?),
        })
    }

    pub(super) fn listeners(&self) -> &[TcpListener] {
        &self.sockets().listeners
    }

    pub(super) fn wake_event(&self) -> Arc<File> {
        self.sockets().wake_event.clone()
    }

    pub(super) fn connected_count(&self) -> usize {
        self.sockets().slots.iter().filter(|slot| slot.is_connected()).count()
    }

    pub(super) const fn accept_failures(&self) -> u64 {
        self.sockets().accept_failures
    }

    pub(super) fn peer(&self, slot: usize) -> IpAddr {
        self.sockets().slots[slot].peer
    }

    /// Index of the listener that a slot's connection came to.
    pub(super) fn listener_of(&self, slot: usize) -> usize {
        self.sockets().slots[slot].listener
    }

    /// Bytes that arrived on a slot and are not used up.
    pub(super) fn received(&self, slot: usize) -> &[u8] {
        &self.sockets().slots[slot].received
    }

    pub(super) fn is_sending(&self, slot: usize) -> bool {
        self.sockets().slots[slot].is_sending
    }

    pub(super) fn consume(&mut self, slot: usize, size: usize) {
        either!(self, own => &mut own.sockets).slots[slot].consume(size);
    }

    /// Receives more, as long as there is room.
    pub(super) fn receive(&mut self, slot: usize) -> io::Result<()> {
        either!(self, own => own.receive(slot))
    }

    pub(super) fn send(&mut self, slot: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
        either!(self, own => own.send(slot, bytes))
    }

    pub(super) fn shut(&mut self, slot: usize) {
        either!(self, own => own.shut(slot));
    }

    pub(super) fn turn(&mut self, completions: &mut Vec<Completion>) -> io::Result<()> {
        either!(self, own => own.turn(completions))
    }

    /// Hands over what is to be sent. Over epoll it has been.
    pub(super) fn submit(&mut self) -> io::Result<()> {
        match self {
            Self::Ring(ring) => ring.submit(),
            Self::Poll(_) => Ok(()),
        }
    }

    pub(super) fn has_completion(&mut self) -> bool {
        either!(self, own => own.has_completion())
    }

    pub(super) fn wait(&mut self, timeout: Duration) -> io::Result<()> {
        either!(self, own => own.wait(timeout))
    }

    const fn sockets(&self) -> &Sockets {
        either!(self, own => &own.sockets)
    }
}
