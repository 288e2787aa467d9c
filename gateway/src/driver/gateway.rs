//! The turn of the loop.

use super::ring::{Completion, Ring};
use super::verifier::Verifier;
use super::waker::Waker;
use crate::acceptor::{Acceptor, LinkId};
use crate::application::{Desk, Listing};
use crate::clock::{MonoNs, Now};
use crate::limits::TIMER_INTERVAL_NS;
use crate::session::{SessionConfig, SessionConfigError};
use crate::zone::Zone;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command};
use plinth_types::event::Event;
use plinth_types::id::{MsgSeqNum, SessionId};
use plinth_types::message::Note;
use plinth_types::reference::Configuration;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

/// What a gateway is started with.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// Where it listens; port 0 for any.
    pub listen: SocketAddr,
    /// Its own `CompID`.
    pub comp_id: String,
    /// Who may log on.
    pub sessions: Vec<SessionConfig>,
    /// Instruments, accounts and mandates. Those in the journal are added to them, so it may be empty.
    pub reference: Vec<Configuration>,
    /// What tag 20002 says of available and settled trades, such as `ATTESTED 1/1, PRODUCER ONLY`.
    pub attestation: String,
}

/// Why a gateway cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The configuration contradicts itself.
    #[error(transparent)]
    Config(#[from] SessionConfigError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// The system's word.
        source: io::Error,
    },
    /// The kernel refused an operation that it must support (Linux 6.0 or later, `io_uring` not disabled).
    #[error("io_uring: {0}")]
    Ring(#[from] io::Error),
}

/// A FIX acceptor on a socket.
///
/// ```ignore
/// let mut gateway = Gateway::bind(config)?;
/// for (command, tail, events) in replayed { gateway.recover(&command, tail, events); }
/// gateway.start(&mut zone);
/// loop {
///     let mut worked = gateway.poll(Now::read(), &mut zone)?;
///     worked |= zone.release(|command, tail, events| gateway.deliver(command, tail, events));
///     gateway.flush(Now::read())?;
///     if !worked { gateway.wait(Duration::from_millis(10))?; }
/// }
/// ```
#[derive(Debug)]
pub struct Gateway {
    ring: Ring,
    acceptor: Acceptor<Desk>,
    verifier: Verifier,
    waker: Waker,
    /// By slot.
    links: Vec<Connection>,
    completions: Vec<Completion>,
    ticked_at: MonoNs,
    is_started: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Connection {
    generation: u32,
    is_linked: bool,
    /// Bytes have arrived that were not used up because the session waits for something else.
    is_stalled: bool,
}

/// What operators see of a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayStatus {
    /// Connections open, logged on or not.
    pub connections: usize,
    /// Every configured session.
    pub sessions: Vec<SessionStatus>,
    /// Connections refused: unknown, wrong password, silent, too many.
    pub refused: u64,
    /// Stretches of bytes that were no messages.
    pub garbled: u64,
    /// Requests refused because the zone was full.
    pub throttled: u64,
    /// Trades that are not settled.
    pub unsettled_trades: usize,
}

/// What operators see of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionStatus {
    /// Its number.
    pub id: SessionId,
    /// The counterparty.
    pub comp_id: String,
    /// Whether it is logged on.
    pub is_logged_on: bool,
    /// Whether it is too slow for what it is told.
    pub is_quarantined: bool,
    /// The number expected next.
    pub next_in: MsgSeqNum,
    /// The number of our next message.
    pub next_out: MsgSeqNum,
    /// The last number durably reserved.
    pub reserved_up_to: MsgSeqNum,
    /// Messages sent again since the start.
    pub resent: u64,
    /// Orders ever made.
    pub orders: u64,
}

impl Gateway {
    /// Listens. Nobody is answered before [`Gateway::poll`].
    ///
    /// # Errors
    ///
    /// [`GatewayError`].
    pub fn bind(config: GatewayConfig) -> Result<Self, GatewayError> {
        let GatewayConfig { listen, comp_id, sessions, reference, attestation } = config;
        let mut listing = Listing::default();
        reference.iter().for_each(|item| listing.add(item));
        let acceptor = Acceptor::new(&comp_id, sessions, Desk::new(listing, &attestation))?;
        let listener = TcpListener::bind(listen).map_err(|source| GatewayError::Listen { address: listen, source })?;
        let ring = Ring::new(listener)?;
        let waker = Waker::new(ring.wake_event());
        let verifier = Verifier::start(waker.clone())?;
        Ok(Self {
            ring,
            acceptor,
            verifier,
            waker,
            links: Vec::new(),
            completions: Vec::new(),
            ticked_at: MonoNs::default(),
            is_started: false,
        })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub fn local_addr(&self) -> Result<SocketAddr, GatewayError> {
        Ok(self.ring.listener().local_addr()?)
    }

    /// Takes one record of the journal before the start, in sequence, with the events that the replay made of it.
    ///
    /// # Panics
    ///
    /// After [`Gateway::start`].
    pub fn recover(&mut self, command: &Command, tail: &[u8], events: &[Event]) {
        assert!(!self.is_started, "a replay comes before the start");
        self.take(command, tail, events);
    }

    /// Ends the replay. Sessions may log on from here on.
    pub fn start<Z: Zone>(&mut self, zone: &mut Z) {
        self.is_started = true;
        self.acceptor.start();
        self.acceptor.submit_notes(zone);
    }

    /// One turn, without waiting: sends what is to be sent, takes what has arrived, hands commands to the zone. `true` if anything was done.
    ///
    /// # Errors
    ///
    /// When the kernel refuses to go on; single connections only ever end themselves.
    pub fn poll<Z: Zone>(&mut self, now: Now, zone: &mut Z) -> Result<bool, GatewayError> {
        self.stage(now)?;
        let mut completions = std::mem::take(&mut self.completions);
        self.ring.turn(&mut completions)?;
        let mut worked = !completions.is_empty();
        for completion in completions.drain(..) {
            match completion {
                Completion::Accepted(slot) => self.accepted(slot, now)?,
                Completion::Received(slot) => self.received(slot, now, zone)?,
                Completion::Sent(_) => {}
                Completion::Failed(slot) => self.close(slot),
            }
        }
        self.completions = completions;
        while let Some((link, is_right)) = self.verifier.verdict() {
            self.acceptor.verified(link, is_right, now);
            worked = true;
        }
        for slot in 0..self.links.len() {
            if self.links[slot].is_stalled {
                self.received(slot, now, zone)?;
            }
        }
        while let Some(question) = self.acceptor.take_verification() {
            if let Err(link) = self.verifier.ask(question) {
                self.acceptor.verified(link, false, now);
            }
        }
        if now.mono.since_ns(self.ticked_at) >= TIMER_INTERVAL_NS {
            self.ticked_at = now.mono;
            self.acceptor.tick(now);
        }
        self.acceptor.submit_notes(zone);
        Ok(worked)
    }

    /// Takes one record that has become durable, in sequence, with what came of it. Reports are sent by the next [`Gateway::flush`] or
    /// [`Gateway::poll`].
    pub fn deliver(&mut self, command: &Command, tail: &[u8], events: &[Event]) {
        self.take(command, tail, events);
    }

    /// Hands reports to the kernel.
    ///
    /// # Errors
    ///
    /// When the kernel refuses to go on.
    pub fn flush(&mut self, now: Now) -> Result<(), GatewayError> {
        self.stage(now)?;
        Ok(self.ring.submit()?)
    }

    /// Waits until there is something to do for [`Gateway::poll`], a [`Waker`] wakes, or the time is up. Timers need a turn every few tens of
    /// milliseconds.
    ///
    /// # Errors
    ///
    /// When the kernel refuses to wait.
    pub fn wait(&mut self, timeout: Duration) -> Result<(), GatewayError> {
        Ok(self.ring.wait(timeout)?)
    }

    /// Ends a [`Gateway::wait`] from another thread.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Says goodbye to all who are logged on. Their answers are taken by further turns; whoever does not answer is cut after
    /// [two seconds](crate::limits::LOGOUT_TIME_MAX_NS).
    pub fn shut_down(&mut self, now: Now) {
        self.acceptor.shut_down(now);
    }

    /// What operators see.
    #[must_use]
    pub fn status(&self) -> GatewayStatus {
        let desk = self.acceptor.application();
        let sessions = self.acceptor.sessions().iter().map(|session| SessionStatus {
            id: session.config().id,
            comp_id: session.config().comp_id.clone(),
            is_logged_on: session.is_active(),
            is_quarantined: session.is_quarantined(),
            next_in: session.next_in(),
            next_out: session.next_out(),
            reserved_up_to: session.reserved_up_to(),
            resent: session.resent_count(),
            orders: desk.order_count(session.config().id),
        });
        GatewayStatus {
            connections: (0..self.ring.slot_count()).filter(|&slot| self.ring.is_connected(slot)).count(),
            sessions: sessions.collect(),
            refused: self.acceptor.refused_count() + self.ring.accept_failures(),
            garbled: self.acceptor.garbled_count(),
            throttled: desk.throttled_count(),
            unsettled_trades: desk.unsettled_count(),
        }
    }

    fn take(&mut self, command: &Command, tail: &[u8], events: &[Event]) {
        if command.body == Body::Note
            && let Ok(note) = Note::decode(tail)
        {
            self.acceptor.note(command.seq, &note);
        }
        let (desk, mut sessions) = self.acceptor.parts();
        desk.deliver(command, tail, events, self.is_started, &mut sessions);
    }

    /// Puts on the ring what can be sent, and ends connections that are done.
    fn stage(&mut self, now: Now) -> Result<(), GatewayError> {
        for slot in 0..self.links.len() {
            let Some(link) = self.link(slot) else { continue };
            let mut all_sent = !self.ring.is_sending(slot);
            if all_sent
                && let Some(wire) = self.acceptor.outgoing(link, now)
                && !wire.is_empty()
            {
                self.ring.send(slot, wire)?;
                all_sent = !self.ring.is_sending(slot);
            }
            if self.acceptor.is_done(link, all_sent, now) {
                self.close(slot);
            }
        }
        Ok(())
    }

    fn accepted(&mut self, slot: usize, now: Now) -> Result<(), GatewayError> {
        if self.links.len() <= slot {
            self.links.resize(slot + 1, Connection::default());
        }
        let generation = self.links[slot].generation.wrapping_add(1);
        self.links[slot] = Connection { generation, is_linked: true, is_stalled: false };
        if self.acceptor.connected(LinkId { index: slot as u32, generation }, now) {
            self.ring.receive(slot)?;
        } else {
            self.close(slot);
        }
        Ok(())
    }

    fn received<Z: Zone>(&mut self, slot: usize, now: Now, zone: &mut Z) -> Result<(), GatewayError> {
        let Some(link) = self.link(slot) else { return Ok(()) };
        // While a receive is under way for a stalled connection its buffer cannot be moved.
        if self.ring.is_receiving(slot) {
            return Ok(());
        }
        let used = self.acceptor.receive(link, self.ring.received(slot), now, zone);
        self.ring.consume(slot, used);
        self.links[slot].is_stalled = self.acceptor.is_stalled(link);
        if !self.links[slot].is_stalled {
            self.ring.receive(slot)?;
        }
        Ok(())
    }

    fn close(&mut self, slot: usize) {
        if let Some(link) = self.link(slot) {
            self.acceptor.disconnected(link);
            self.links[slot].is_linked = false;
            self.links[slot].is_stalled = false;
        }
        self.ring.shut(slot);
    }

    fn link(&self, slot: usize) -> Option<LinkId> {
        let connection = self.links.get(slot).filter(|connection| connection.is_linked)?;
        Some(LinkId { index: slot as u32, generation: connection.generation })
    }
}
