//! The turn of the loop, whatever the application.

use super::gateway::GatewayError;
use super::io::{Backend, Io};
use super::slots::Completion;
use super::verifier::Verifier;
use super::waker::Waker;
use crate::acceptor::{Acceptor, LinkId};
use crate::clock::{MonoNs, Now};
use crate::limits::{CONNECTIONS_DEFAULT, CONNECTIONS_MAX, CONNECTIONS_PER_ADDRESS_DEFAULT, TIMER_INTERVAL_NS};
use crate::session::Application;
use crate::zone::Zone;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

/// How a server drives its sockets, and how many it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DriverConfig {
    /// io_uring or epoll.
    pub backend: Backend,
    /// How long [`Server::wait`] looks for something to do before it sleeps. Only for a machine with a core to spare.
    pub busy_poll: Duration,
    /// Connections at once, up to [`CONNECTIONS_MAX`].
    pub connections_max: usize,
    /// Of these, how many from one address.
    pub connections_per_address_max: usize,
}

impl Default for DriverConfig {
    fn default() -> Self {
        Self {
            backend: Backend::default(),
            busy_poll: Duration::ZERO,
            connections_max: CONNECTIONS_DEFAULT,
            connections_per_address_max: CONNECTIONS_PER_ADDRESS_DEFAULT,
        }
    }
}

/// An acceptor on a socket.
#[derive(Debug)]
pub struct Server<A> {
    io: Io,
    acceptor: Acceptor<A>,
    verifier: Verifier,
    waker: Waker,
    config: DriverConfig,
    /// By slot.
    links: Vec<Connection>,
    by_address: HashMap<IpAddr, usize>,
    refused_addresses: u64,
    completions: Vec<Completion>,
    /// Slots whose bytes wait until their session can go on.
    stalled: Vec<usize>,
    ready: Vec<LinkId>,
    ticked_at: MonoNs,
}

#[derive(Clone, Copy, Debug, Default)]
struct Connection {
    generation: u32,
    is_linked: bool,
    is_stalled: bool,
}

impl<A: Application> Server<A> {
    /// Listens. Nobody is answered before [`Server::poll`].
    ///
    /// # Errors
    ///
    /// [`GatewayError`].
    pub fn bind(address: SocketAddr, acceptor: Acceptor<A>, config: DriverConfig) -> Result<Self, GatewayError> {
        let config = DriverConfig { connections_max: config.connections_max.clamp(1, CONNECTIONS_MAX), ..config };
        let listener = TcpListener::bind(address).map_err(|source| GatewayError::Listen { address, source })?;
        let io = Io::new(config.backend, listener, config.connections_max)?;
        let waker = Waker::new(io.wake_event());
        let verifier = Verifier::start(waker.clone())?;
        Ok(Self {
            io,
            acceptor,
            verifier,
            waker,
            config,
            links: Vec::new(),
            by_address: HashMap::new(),
            refused_addresses: 0,
            completions: Vec::new(),
            stalled: Vec::new(),
            ready: Vec::new(),
            ticked_at: MonoNs::default(),
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub fn local_addr(&self) -> Result<SocketAddr, GatewayError> {
        Ok(self.io.listener().local_addr()?)
    }

    /// What the connections are bound to.
    pub const fn acceptor(&mut self) -> &mut Acceptor<A> {
        &mut self.acceptor
    }

    /// What the connections are bound to.
    pub const fn acceptor_ref(&self) -> &Acceptor<A> {
        &self.acceptor
    }

    /// Connections open, logged on or not.
    #[must_use]
    pub fn connection_count(&self) -> usize {
        self.io.connected_count()
    }

    /// Connections that were closed as soon as they were made: too many, or too many from one address.
    #[must_use]
    pub const fn refused_count(&self) -> u64 {
        self.io.accept_failures() + self.refused_addresses
    }

    /// One turn, without waiting: sends what is to be sent, takes what has arrived, hands commands to the zone. `true` if anything was done.
    ///
    /// # Errors
    ///
    /// When the kernel refuses to go on; single connections only ever end themselves.
    pub fn poll<Z: Zone>(&mut self, now: Now, zone: &mut Z) -> Result<bool, GatewayError> {
        self.stage(now)?;
        let mut completions = std::mem::take(&mut self.completions);
        self.io.turn(&mut completions)?;
        let mut worked = !completions.is_empty();
        for completion in completions.drain(..) {
            match completion {
                Completion::Accepted(slot) => self.accepted(slot, now)?,
                Completion::Received(slot) => self.received(slot, now, zone)?,
                Completion::Sent(slot) => self.stage_slot(slot, now)?,
                Completion::Failed(slot) => self.close(slot),
            }
        }
        self.completions = completions;
        while let Some((link, is_right)) = self.verifier.verdict() {
            self.acceptor.verified(link, is_right, now);
            self.stage_slot(link.index as usize, now)?;
            worked = true;
        }
        for slot in std::mem::take(&mut self.stalled) {
            self.links[slot].is_stalled = false;
            self.received(slot, now, zone)?;
        }
        while let Some(question) = self.acceptor.take_verification() {
            if let Err(link) = self.verifier.ask(question) {
                self.acceptor.verified(link, false, now);
                self.stage_slot(link.index as usize, now)?;
            }
        }
        if now.mono.since_ns(self.ticked_at) >= TIMER_INTERVAL_NS {
            self.ticked_at = now.mono;
            self.acceptor.tick(now);
            for slot in 0..self.links.len() {
                self.stage_slot(slot, now)?;
            }
        }
        self.acceptor.submit_notes(zone);
        Ok(worked)
    }

    /// Hands reports to the kernel.
    ///
    /// # Errors
    ///
    /// When the kernel refuses to go on.
    pub fn flush(&mut self, now: Now) -> Result<(), GatewayError> {
        self.stage(now)?;
        Ok(self.io.submit()?)
    }

    /// Waits until there is something to do for [`Server::poll`], a [`Waker`] wakes, or the time is up. Timers need a turn every few tens of
    /// milliseconds.
    ///
    /// # Errors
    ///
    /// When the kernel refuses to wait.
    pub fn wait(&mut self, timeout: Duration) -> Result<(), GatewayError> {
        if !self.config.busy_poll.is_zero() {
            // A spin is measured by the machine's clock: it is no part of what the protocol sees.
            let since = Instant::now();
            while since.elapsed() < self.config.busy_poll.min(timeout) {
                if self.io.has_completion() {
                    return Ok(());
                }
                std::hint::spin_loop();
            }
        }
        Ok(self.io.wait(timeout)?)
    }

    /// Ends a [`Server::wait`] from another thread.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Puts on the ring what sessions have said since the last time.
    fn stage(&mut self, now: Now) -> Result<(), GatewayError> {
        let mut ready = std::mem::take(&mut self.ready);
        self.acceptor.take_ready(&mut ready);
        for link in ready.drain(..) {
            self.stage_slot(link.index as usize, now)?;
        }
        self.ready = ready;
        Ok(())
    }

    /// Hands what can be sent on one connection to the kernel, and ends it if it is done.
    fn stage_slot(&mut self, slot: usize, now: Now) -> Result<(), GatewayError> {
        let Some(link) = self.link(slot) else { return Ok(()) };
        let mut all_sent = !self.io.is_sending(slot);
        if all_sent
            && let Some(wire) = self.acceptor.outgoing(link, now)
            && !wire.is_empty()
        {
            self.io.send(slot, wire)?;
            all_sent = !self.io.is_sending(slot);
        }
        if self.acceptor.is_done(link, all_sent, now) {
            self.close(slot);
        }
        Ok(())
    }

    fn accepted(&mut self, slot: usize, now: Now) -> Result<(), GatewayError> {
        if self.links.len() <= slot {
            self.links.resize(slot + 1, Connection::default());
        }
        let generation = self.links[slot].generation.wrapping_add(1);
        self.links[slot] = Connection { generation, is_linked: true, is_stalled: false };
        let address = self.io.peer(slot);
        let from_here = self.by_address.entry(address).or_default();
        *from_here += 1;
        let is_crowded = *from_here > self.config.connections_per_address_max;
        self.refused_addresses += u64::from(is_crowded);
        let link = LinkId { index: slot as u32, generation };
        if !is_crowded && self.acceptor.connected(link, address, now) {
            self.io.receive(slot)?;
        } else {
            self.close(slot);
        }
        Ok(())
    }

    fn received<Z: Zone>(&mut self, slot: usize, now: Now, zone: &mut Z) -> Result<(), GatewayError> {
        let Some(link) = self.link(slot) else { return Ok(()) };
        let used = self.acceptor.receive(link, self.io.received(slot), now, zone);
        self.io.consume(slot, used);
        if self.acceptor.is_stalled(link) && !self.links[slot].is_stalled {
            self.links[slot].is_stalled = true;
            self.stalled.push(slot);
        }
        // Where a session does not keep up its socket is read until its buffer is full, and then no more.
        self.io.receive(slot)?;
        self.stage_slot(slot, now)
    }

    fn close(&mut self, slot: usize) {
        if let Some(link) = self.link(slot) {
            self.acceptor.disconnected(link);
            self.links[slot].is_linked = false;
            let address = self.io.peer(slot);
            if let Some(count) = self.by_address.get_mut(&address) {
                *count -= 1;
                if *count == 0 {
                    self.by_address.remove(&address);
                }
            }
        }
        self.io.shut(slot);
    }

    fn link(&self, slot: usize) -> Option<LinkId> {
        let connection = self.links.get(slot).filter(|connection| connection.is_linked)?;
        Some(LinkId { index: slot as u32, generation: connection.generation })
    }
}
