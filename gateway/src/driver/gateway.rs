//! The gateway: the server of the trading application.

use super::server::{DriverConfig, Listen, Server};
use super::waker::Waker;
use crate::acceptor::Acceptor;
use crate::application::{Desk, Listing};
use crate::bust::Told;
use crate::clock::Now;
use crate::market::MarketView;
use crate::session::{Firms, SessionConfig, SessionConfigError};
use crate::zone::Zone;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command};
use plinth_types::event::Event;
use plinth_types::id::{MsgSeqNum, SessionId};
use plinth_types::message::Note;
use plinth_types::reference::Configuration;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// What a gateway is started with.
#[derive(Clone, Debug)]
pub struct GatewayConfig {
    /// Where it listens, with TLS or, on loopback, without.
    pub listen: Vec<Listen>,
    /// Its own `CompID`.
    pub comp_id: String,
    /// Who may log on.
    pub sessions: Vec<SessionConfig>,
    /// Instruments, accounts and mandates. Those in the journal are added to them, so it may be empty.
    pub reference: Vec<Configuration>,
    /// What tag 20002 says of available and settled trades, such as `ATTESTED 1/1, PRODUCER ONLY`.
    pub attestation: String,
    /// How its sockets are driven.
    pub driver: DriverConfig,
}

/// Why a gateway cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The configuration contradicts itself.
    #[error(transparent)]
    Config(#[from] SessionConfigError),
    /// Plain TCP is read and changed by whoever is on the way.
    #[error("plain TCP is for loopback addresses only: {address} needs TLS")]
    PlainOutside {
        /// Where.
        address: SocketAddr,
    },
    /// None, or too many.
    #[error("{count} addresses to listen on; from 1 to {} are possible", crate::limits::LISTENERS_MAX)]
    Listeners {
        /// How many.
        count: usize,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// The system's word.
        source: io::Error,
    },
    /// The kernel refused an operation that it must support (io_uring: Linux 6.0 or later and not disabled).
    #[error("sockets: {0}")]
    Driver(#[from] io::Error),
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
    server: Server<Desk>,
    is_started: bool,
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
    /// Requests refused because the zone was full, or because their session asks too often.
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
    /// Whether a connection is bound to it, be it that its logon or its goodbye is not said yet.
    pub has_connection: bool,
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
        let GatewayConfig { listen, comp_id, sessions, reference, attestation, driver } = config;
        let mut listing = Listing::default();
        reference.iter().for_each(|item| listing.add(item));
        let desk = Desk::new(listing, Firms::of(&sessions), &attestation);
        let acceptor = Acceptor::new(&comp_id, sessions, desk)?;
        Ok(Self { server: Server::bind(listen, acceptor, driver)?, is_started: false })
    }

    /// Where it listens, in the order of its configuration.
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub fn local_addrs(&self) -> Result<Vec<SocketAddr>, GatewayError> {
        self.server.local_addrs()
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
        self.server.acceptor().start();
        self.server.acceptor().submit_notes(zone);
    }

    /// One turn, without waiting: sends what is to be sent, takes what has arrived, hands commands to the zone. `true` if anything was done.
    ///
    /// # Errors
    ///
    /// When the kernel refuses to go on; single connections only ever end themselves.
    pub fn poll<Z: Zone>(&mut self, now: Now, zone: &mut Z) -> Result<bool, GatewayError> {
        let (desk, mut sessions) = self.server.acceptor().parts();
        desk.tell_markets(now.utc, &mut sessions);
        let searched = desk.search_on(now.utc, &mut sessions);
        Ok(self.server.poll(now, zone)? || searched)
    }

    /// Takes one record that has become durable, in sequence, with what came of it. Reports are sent by the next [`Gateway::flush`] or
    /// [`Gateway::poll`].
    pub fn deliver(&mut self, command: &Command, tail: &[u8], events: &[Event]) {
        self.take(command, tail, events);
    }

    /// The trades among the events of a record that was taken, as their sides were told of them.
    pub fn told<'a>(&'a self, command: &'a Command, events: &'a [Event]) -> impl Iterator<Item = Told> + 'a {
        self.server.acceptor_ref().application().told(command, events)
    }

    /// Takes what is shown of a book now, for those who want market data. Whoever calls it has it from durable records.
    pub fn show(&mut self, now: Now, view: MarketView) {
        let (desk, mut sessions) = self.server.acceptor().parts();
        desk.market_view(view, now.utc, &mut sessions);
    }

    /// Hands reports to the kernel.
    ///
    /// # Errors
    ///
    /// When the kernel refuses to go on.
    pub fn flush(&mut self, now: Now) -> Result<(), GatewayError> {
        self.server.flush(now)
    }

    /// Waits until there is something to do for [`Gateway::poll`], a [`Waker`] wakes, or the time is up. Timers need a turn every few tens of
    /// milliseconds.
    ///
    /// # Errors
    ///
    /// When the kernel refuses to wait.
    pub fn wait(&mut self, timeout: Duration) -> Result<(), GatewayError> {
        self.server.wait(timeout)
    }

    /// Ends a [`Gateway::wait`] from another thread.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.server.waker()
    }

    /// Says goodbye to all who are logged on. Their answers are taken by further turns; whoever does not answer is cut after
    /// [two seconds](crate::limits::LOGOUT_TIME_MAX_NS).
    pub fn shut_down(&mut self, now: Now) {
        self.server.acceptor().shut_down(now);
    }

    /// What operators see.
    #[must_use]
    pub fn status(&self) -> GatewayStatus {
        let acceptor = self.server.acceptor_ref();
        let desk = acceptor.application();
        let sessions = acceptor.sessions().iter().map(|session| SessionStatus {
            id: session.config().id,
            comp_id: session.config().comp_id.clone(),
            is_logged_on: session.is_active(),
            has_connection: !session.is_idle(),
            is_quarantined: session.is_quarantined(),
            next_in: session.next_in(),
            next_out: session.next_out(),
            reserved_up_to: session.reserved_up_to(),
            resent: session.resent_count(),
            orders: desk.order_count(session.config().id),
        });
        GatewayStatus {
            connections: self.server.connection_count(),
            sessions: sessions.collect(),
            refused: acceptor.refused_count() + self.server.refused_count(),
            garbled: acceptor.garbled_count(),
            throttled: desk.throttled_count(),
            unsettled_trades: desk.unsettled_count(),
        }
    }

    fn take(&mut self, command: &Command, tail: &[u8], events: &[Event]) {
        let acceptor = self.server.acceptor();
        if command.body == Body::Note
            && let Ok(note) = Note::decode(tail)
        {
            acceptor.note(command.seq, command.time, &note);
        }
        let (desk, mut sessions) = acceptor.parts();
        desk.deliver(command, tail, events, self.is_started, &mut sessions);
    }
}
