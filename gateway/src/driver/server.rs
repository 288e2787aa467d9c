//! The turn of the loop, whatever the application.

use super::answers::Answers;
use super::channel::{Channel, Secure};
use super::gateway::GatewayError;
use super::handshakes::{self, Flight, Step};
use super::io::{Backend, Io};
use super::slots::Completion;
use super::verifier;
use super::waker::Waker;
use crate::acceptor::{Acceptor, LinkId, Verification};
use crate::clock::{MonoNs, Now};
use crate::limits::{
    CONNECTIONS_DEFAULT, CONNECTIONS_MAX, CONNECTIONS_PENDING_MAX, CONNECTIONS_PER_ADDRESS_DEFAULT, FAILURES_KEPT_MAX,
    FAREWELL_TIME_MAX_NS, HANDSHAKE_INTERVAL_NS, HANDSHAKES_BURST, LISTENERS_MAX, TIMER_INTERVAL_NS, VERIFICATIONS_WAITING_MAX,
};
use crate::rate::{Rate, Rates};
use crate::session::Application;
use crate::tls::{PeerCertificate, TlsConfig};
use crate::zone::Zone;
use rustls::ServerConnection;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

/// Where a server listens, and how.
#[derive(Clone, Debug)]
pub struct Listen {
    /// The address; port 0 for any.
    pub address: SocketAddr,
    /// What it shows and whom it believes; `None` for plain TCP, which is for loopback only.
    pub tls: Option<TlsConfig>,
}

impl Listen {
    /// Plain TCP.
    #[must_use]
    pub const fn plain(address: SocketAddr) -> Self {
        Self { address, tls: None }
    }
}

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
    verifier: Answers<Verification, (LinkId, bool)>,
    handshakes: Answers<Flight, Step>,
    waker: Waker,
    /// Of each listener.
    tls: Vec<Option<TlsConfig>>,
    config: DriverConfig,
    /// By slot.
    links: Vec<Connection>,
    by_address: HashMap<IpAddr, usize>,
    handshake_rates: Rates<IpAddr>,
    refused: u64,
    /// What is enciphered before it is handed over.
    cipher: Vec<u8>,
    completions: Vec<Completion>,
    /// Slots whose bytes wait until their session can go on.
    stalled: Vec<usize>,
    ready: Vec<LinkId>,
    ticked_at: Option<MonoNs>,
}

#[derive(Default)]
struct Connection {
    generation: u32,
    is_linked: bool,
    is_stalled: bool,
    channel: Channel,
    /// The last words are on their way; it is closed when they are sent, or by then.
    farewell: Option<MonoNs>,
}

impl core::fmt::Debug for Connection {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Connection {{ generation: {}, is_linked: {} }}", self.generation, self.is_linked)
    }
}

impl<A: Application> Server<A> {
    /// Listens. Nobody is answered before [`Server::poll`].
    ///
    /// # Errors
    ///
    /// [`GatewayError`].
    pub fn bind(listen: Vec<Listen>, mut acceptor: Acceptor<A>, config: DriverConfig) -> Result<Self, GatewayError> {
        let config = DriverConfig { connections_max: config.connections_max.clamp(1, CONNECTIONS_MAX), ..config };
        if listen.is_empty() || listen.len() > LISTENERS_MAX {
            return Err(GatewayError::Listeners { count: listen.len() });
        }
        if let Some(open) = listen.iter().find(|listen| listen.tls.is_none() && !listen.address.ip().is_loopback()) {
            return Err(GatewayError::PlainOutside { address: open.address });
        }
        let bind = |listen: &Listen| {
            let address = listen.address;
            TcpListener::bind(address).map_err(|source| GatewayError::Listen { address, source })
        };
        let listeners = listen.iter().map(bind).collect::<Result<Vec<_>, _>>()?;
        // The addresses are ours, so no other process answers logons any more.
        acceptor.open_at(Now::read().utc);
        let io = Io::new(config.backend, listeners, config.connections_max)?;
        let waker = Waker::new(io.wake_event());
        Ok(Self {
            io,
            acceptor,
            verifier: Answers::start("fix-auth", VERIFICATIONS_WAITING_MAX, waker.clone(), verifier::verify)?,
            // A connection that is cut while its handshake waits leaves room for the next one.
            handshakes: Answers::start("fix-tls", 2 * CONNECTIONS_PENDING_MAX, waker.clone(), handshakes::step)?,
            waker,
            config,
            tls: listen.into_iter().map(|listen| listen.tls).collect(),
            links: Vec::new(),
            by_address: HashMap::new(),
            handshake_rates: Rates::new(HANDSHAKES, FAILURES_KEPT_MAX),
            refused: 0,
            cipher: Vec::new(),
            completions: Vec::new(),
            stalled: Vec::new(),
            ready: Vec::new(),
            ticked_at: None,
        })
    }

    /// Where it listens, in the order of its configuration.
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub fn local_addrs(&self) -> Result<Vec<SocketAddr>, GatewayError> {
        self.io.listeners().iter().map(|listener| Ok(listener.local_addr()?)).collect()
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

    /// Connections that were closed before their first message: too many, too many from one address, a handshake that failed.
    #[must_use]
    pub const fn refused_count(&self) -> u64 {
        self.io.accept_failures() + self.refused
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
        while let Some(step) = self.handshakes.next() {
            self.handshaken(step, now, zone)?;
            worked = true;
        }
        while let Some((link, is_right)) = self.verifier.next() {
            self.acceptor.verified(link, is_right, now);
            self.stage_slot(link.index as usize, now)?;
            worked = true;
        }
        for slot in std::mem::take(&mut self.stalled) {
            self.links[slot].is_stalled = false;
            self.received(slot, now, zone)?;
        }
        while let Some(question) = self.acceptor.take_verification() {
            let link = question.link;
            // The acceptor asks no more than the queue holds.
            if !self.verifier.ask(question) {
                self.acceptor.verified(link, false, now);
                self.stage_slot(link.index as usize, now)?;
            }
        }
        if self.ticked_at.is_none_or(|ticked_at| now.mono.since_ns(ticked_at) >= TIMER_INTERVAL_NS) {
            self.ticked_at = Some(now.mono);
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
        if let Some(until) = self.links[slot].farewell {
            if all_sent || now.mono >= until {
                self.close(slot);
            }
            return Ok(());
        }
        if all_sent {
            match (&mut self.links[slot].channel, self.acceptor.outgoing(link, now)) {
                (Channel::Plain, Some(wire)) if !wire.is_empty() => self.io.send(slot, wire)?,
                (Channel::Secure(secure), wire) => {
                    let nothing = &mut Vec::new();
                    let wire = wire.unwrap_or(nothing);
                    if !wire.is_empty() || secure.wants_write() {
                        if secure.encipher(wire, &mut self.cipher).is_err() {
                            self.close(slot);
                            return Ok(());
                        }
                        self.io.send(slot, &mut self.cipher)?;
                    }
                }
                (Channel::Plain | Channel::Handshake(_), _) => {}
            }
            all_sent = !self.io.is_sending(slot);
        }
        if self.acceptor.is_done(link, all_sent, now) {
            return self.say_farewell(slot, all_sent, now);
        }
        Ok(())
    }

    /// Closes a connection; over TLS it is told so first, if it takes what it is told.
    fn say_farewell(&mut self, slot: usize, all_sent: bool, now: Now) -> Result<(), GatewayError> {
        if let Channel::Secure(secure) = &mut self.links[slot].channel
            && all_sent
            && secure.close(&mut self.cipher).is_ok()
        {
            self.io.send(slot, &mut self.cipher)?;
            self.links[slot].farewell = Some(now.mono.after_ns(FAREWELL_TIME_MAX_NS));
        }
        if self.links[slot].farewell.is_none() || !self.io.is_sending(slot) {
            self.close(slot);
        }
        Ok(())
    }

    fn accepted(&mut self, slot: usize, now: Now) -> Result<(), GatewayError> {
        if self.links.len() <= slot {
            self.links.resize_with(slot + 1, Connection::default);
        }
        let generation = self.links[slot].generation.wrapping_add(1);
        self.links[slot] = Connection { generation, is_linked: true, ..Connection::default() };
        let address = self.io.peer(slot);
        let from_here = self.by_address.entry(address).or_default();
        *from_here += 1;
        let tls = self.tls[self.io.listener_of(slot)].clone();
        let is_crowded = *from_here > self.config.connections_per_address_max
            || (tls.is_some() && !self.handshake_rates.take(address, now.mono));
        let connection = tls.map(|tls| ServerConnection::new(tls.server)).transpose();
        let (false, Ok(connection)) = (is_crowded, connection) else {
            self.refused += 1;
            self.close(slot);
            return Ok(());
        };
        if let Some(mut connection) = connection {
            // What is handed over is bounded by the session's wire, and must be taken whole.
            connection.set_buffer_limit(None);
            self.links[slot].channel = Channel::Handshake(Some(Box::new(connection)));
        }
        if self.acceptor.connected(LinkId { index: slot as u32, generation }, address, now) {
            self.io.receive(slot)?;
        } else {
            self.close(slot);
        }
        Ok(())
    }

    fn received<Z: Zone>(&mut self, slot: usize, now: Now, zone: &mut Z) -> Result<(), GatewayError> {
        let Some(link) = self.link(slot) else { return Ok(()) };
        if self.links[slot].farewell.is_some() {
            let size = self.io.received(slot).len();
            self.io.consume(slot, size);
            return Ok(());
        }
        match &mut self.links[slot].channel {
            Channel::Plain => {
                let used = self.acceptor.receive(link, self.io.received(slot), now, zone);
                self.io.consume(slot, used);
            }
            Channel::Handshake(connection) => {
                let bytes = self.io.received(slot);
                if let Some(connection) = connection.take_if(|_| !bytes.is_empty())
                    && !self.handshakes.ask(Flight { link, connection, bytes: bytes.to_vec() })
                {
                    self.refused += 1;
                    self.close(slot);
                    return Ok(());
                }
            }
            Channel::Secure(secure) => loop {
                let Ok(used) = secure.decipher(self.io.received(slot)) else {
                    self.close(slot);
                    return Ok(());
                };
                self.io.consume(slot, used);
                let taken = self.acceptor.receive(link, secure.plain(), now, zone);
                secure.consume(taken);
                if used == 0 && taken == 0 {
                    if secure.is_over() && !self.acceptor.is_stalled(link) {
                        self.close(slot);
                        return Ok(());
                    }
                    break;
                }
            },
        }
        if self.acceptor.is_stalled(link) && !self.links[slot].is_stalled {
            self.links[slot].is_stalled = true;
            self.stalled.push(slot);
        }
        // Where a session does not keep up its socket is read until its buffer is full, and then no more.
        self.io.receive(slot)?;
        self.stage_slot(slot, now)
    }

    /// A step of a handshake was computed: says what it says, and goes on with the session if it was the last.
    fn handshaken<Z: Zone>(&mut self, step: Step, now: Now, zone: &mut Z) -> Result<(), GatewayError> {
        let Step { link, connection, used, mut reply, result } = step;
        let slot = link.index as usize;
        if self.link(slot) != Some(link) || self.links[slot].farewell.is_some() {
            return Ok(());
        }
        self.io.consume(slot, used);
        if !reply.is_empty() {
            if self.io.is_sending(slot) {
                // It sends its second flight and has not taken our first.
                self.refused += 1;
                self.close(slot);
                return Ok(());
            }
            self.io.send(slot, &mut reply)?;
        }
        if result.is_err() {
            self.refused += 1;
            self.links[slot].farewell = Some(now.mono.after_ns(FAREWELL_TIME_MAX_NS));
            return self.stage_slot(slot, now);
        }
        if connection.is_handshaking() {
            self.links[slot].channel = Channel::Handshake(Some(connection));
        } else {
            let shown = connection.peer_certificates().and_then(|shown| shown.first());
            let certificate = shown.map(|certificate| PeerCertificate::new(certificate));
            self.links[slot].channel = Channel::Secure(Secure::new(connection));
            if !certificate.is_some_and(|certificate| self.acceptor.certified(link, certificate)) {
                return self.stage_slot(slot, now);
            }
        }
        self.received(slot, now, zone)
    }

    fn close(&mut self, slot: usize) {
        if let Some(link) = self.link(slot) {
            self.acceptor.disconnected(link);
            self.links[slot].is_linked = false;
            self.links[slot].channel = Channel::Plain;
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

const HANDSHAKES: Rate = Rate { interval_ns: HANDSHAKE_INTERVAL_NS, burst: HANDSHAKES_BURST };
