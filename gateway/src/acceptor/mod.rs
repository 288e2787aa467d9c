//! Connections and sessions, sans-IO: what arrives on which connection, what leaves on it, when it is closed.
//!
//! A connection says nothing until its first message was a good `Logon` of a known party whose password was verified. Until then
//! every fault (garbage, another message, unknown or live `CompID`, a wrong clock, a wrong password, silence) closes it without a word
//! and without touching the session: whoever is not known learns nothing and cannot spend a session's numbers.
//!
//! What a logon shows is verified elsewhere, since that takes tens of milliseconds on purpose: [`Acceptor::take_verification`] hands the
//! question out, [`Acceptor::verified`] takes the answer, and the connection's bytes wait meanwhile.
//!
//! * A connection over TLS has a certificate before its first byte is seen here. It may log on to sessions that are bound to a name of that
//!   certificate and to no others; a session that is bound to none is for connections without TLS, which exist on loopback only.
//! * A signed logon is good once: its `SendingTime` must be later than that of the session's last one (or the same, with a higher number), and
//!   not before this process had the addresses, so nothing has to be remembered over a restart.

mod logon;
mod touched;

pub use logon::{Proof, Verification};
pub use touched::Sessions;

use crate::clock::{MonoNs, Now};
use crate::codec::Message;
use crate::codec::frame::{self, Fields, Frame};
use crate::limits::{
    CONNECTIONS_PENDING_MAX, CONNECTIONS_PER_CERTIFICATE_MAX, FAILED_LOGON_INTERVAL_NS, FAILED_LOGONS_BURST, FAILURES_KEPT_MAX,
    LOGON_INTERVAL_NS, LOGON_TIME_MAX_NS, LOGONS_BURST,
};
use crate::rate::{Rate, Rates};
use crate::session::{Application, Context, Firms, Role, Session, SessionConfig, SessionConfigError};
use crate::tls::PeerCertificate;
use crate::zone::Zone;
use plinth_types::command::{Body, MassCancel, MassCancelCause};
use plinth_types::id::{MandateId, MsgSeqNum, Seq, SessionId, TimestampNs};
use plinth_types::message::Note;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use touched::Touched;

/// A connection; the driver's index of it, with a count that tells it from earlier users of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkId {
    /// Index of the connection.
    pub index: u32,
    /// How many used the index before.
    pub generation: u32,
}

/// All sessions and the connections bound to them.
#[derive(Debug)]
pub struct Acceptor<A> {
    fields: Fields,
    comp_id: Vec<u8>,
    /// Ascending by number.
    sessions: Vec<Session>,
    by_id: HashMap<SessionId, usize>,
    by_comp_id: HashMap<Vec<u8>, usize>,
    links: Vec<Link>,
    /// The drop-copy sessions that hear what each session is told.
    copies: Vec<Vec<usize>>,
    /// The connection of each session.
    bound: Vec<Option<LinkId>>,
    touched: Touched,
    /// Sessions whose orders are to be cancelled because their connection is gone.
    lost: Vec<SessionId>,
    failures: Rates<IpAddr>,
    /// Logons of each session from each address, by the index of the session.
    logons: Rates<(IpAddr, usize)>,
    pending_count: usize,
    /// Connections that have not logged on, or have not when they were last looked at, by age.
    pending: VecDeque<LinkId>,
    /// Connections with each certificate, by fingerprint.
    by_certificate: HashMap<[u8; 32], usize>,
    /// `SendingTime` and number of the last good signed logon of each session.
    signed_at: Vec<(TimestampNs, MsgSeqNum)>,
    /// Signed logons from before are those of another process, which may have used them.
    opened_at: TimestampNs,
    verifications: VecDeque<Verification>,
    application: A,
    note_tail: Vec<u8>,
    refused_count: u64,
    garbled_count: u64,
}

#[derive(Debug)]
struct Link {
    generation: u32,
    address: IpAddr,
    /// Of a connection over TLS.
    certificate: Option<PeerCertificate>,
    state: LinkState,
}

#[derive(Debug)]
enum LinkState {
    Free,
    AwaitingLogon { since: MonoNs },
    Verifying { since: MonoNs, session: usize, logon: Unshown },
    Bound { session: usize },
    Refused,
}

/// A logon that waits, with its secrets.
struct Unshown(Box<[u8]>);

impl core::fmt::Debug for Unshown {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("***")
    }
}

impl<A: Application> Acceptor<A> {
    /// An acceptor under the name `comp_id`.
    ///
    /// # Errors
    ///
    /// When two sessions share a number or a name, or one has none that can be used.
    pub fn new(comp_id: &str, sessions: Vec<SessionConfig>, application: A) -> Result<Self, SessionConfigError> {
        let mut acceptor = Self {
            fields: Fields::default(),
            comp_id: comp_id.as_bytes().to_vec(),
            sessions: Vec::with_capacity(sessions.len()),
            by_id: HashMap::new(),
            by_comp_id: HashMap::new(),
            links: Vec::new(),
            copies: vec![Vec::new(); sessions.len()],
            bound: Vec::new(),
            touched: Touched::default(),
            lost: Vec::new(),
            failures: Rates::new(FAILED_LOGONS, FAILURES_KEPT_MAX),
            logons: Rates::new(LOGONS, FAILURES_KEPT_MAX),
            pending_count: 0,
            pending: VecDeque::new(),
            by_certificate: HashMap::new(),
            signed_at: Vec::new(),
            opened_at: TimestampNs::default(),
            verifications: VecDeque::new(),
            application,
            note_tail: Vec::with_capacity(64),
            refused_count: 0,
            garbled_count: 0,
        };
        if !crate::session::is_comp_id(comp_id) {
            return Err(SessionConfigError::CompId { comp_id: comp_id.to_owned() });
        }
        let firms = Firms::of(&sessions);
        for config in sessions {
            let (id, comp_id) = (config.id, config.comp_id.clone());
            if !crate::session::is_comp_id(&comp_id) {
                return Err(SessionConfigError::CompId { comp_id });
            }
            if id == SessionId::APPLIANCE {
                return Err(SessionConfigError::ReservedId { comp_id });
            }
            if config.role == Role::DropCopy && config.firm.is_none() {
                return Err(SessionConfigError::NoFirm { comp_id });
            }
            let index = acceptor.sessions.len();
            let is_new = acceptor.by_id.insert(id, index).is_none();
            if acceptor.by_comp_id.insert(comp_id.as_bytes().to_vec(), index).is_some() || !is_new {
                return Err(SessionConfigError::Duplicate { id, comp_id });
            }
            acceptor.sessions.push(Session::new(config, acceptor.comp_id.as_slice()));
            acceptor.bound.push(None);
            acceptor.signed_at.push(Default::default());
        }
        for (own, heard) in firms.pairs() {
            acceptor.copies[acceptor.by_id[&heard]].push(acceptor.by_id[&own]);
        }
        Ok(acceptor)
    }

    /// Reserves outbound numbers in blocks of `count`, of at least 4, instead of [`RESERVATION_BLOCK`](crate::limits::RESERVATION_BLOCK).
    pub fn reserve_in_blocks_of(&mut self, count: u64) {
        self.sessions.iter_mut().for_each(|session| session.outbound().reserve_in_blocks_of(count));
    }

    /// Whoever was here before is gone: signed logons stamped before this millisecond are refused from here on.
    pub fn open_at(&mut self, utc: TimestampNs) {
        self.opened_at = TimestampNs::new(utc.get() - utc.get() % MILLISECOND_NS);
    }

    /// A connection was made. `false` if it must be closed at once: too many logons from there have failed, or too many connections have not
    /// logged on and all of them are about to. Otherwise the oldest of them makes room: whoever means it logs on at once.
    pub fn connected(&mut self, link: LinkId, address: IpAddr, now: Now) -> bool {
        if self.failures.is_over(address, now.mono) || (self.pending_count >= CONNECTIONS_PENDING_MAX && !self.make_room()) {
            self.refused_count += 1;
            return false;
        }
        let index = link.index as usize;
        while self.links.len() <= index {
            self.links.push(Link { generation: 0, address, certificate: None, state: LinkState::Free });
        }
        let state = LinkState::AwaitingLogon { since: now.mono };
        self.links[index] = Link { generation: link.generation, address, certificate: None, state };
        self.pending_count += 1;
        if self.pending.len() >= 4 * CONNECTIONS_PENDING_MAX {
            let pending = std::mem::take(&mut self.pending);
            self.pending = pending.into_iter().filter(|&link| self.awaits_logon(link)).collect();
        }
        self.pending.push_back(link);
        true
    }

    /// The TLS handshake of a connection is done; nothing of it was received before. `false` if it must be closed at once.
    pub fn certified(&mut self, link: LinkId, certificate: PeerCertificate) -> bool {
        if !self.awaits_logon(link) {
            return false;
        }
        let count = self.by_certificate.entry(*certificate.fingerprint()).or_default();
        *count += 1;
        let fits = *count <= CONNECTIONS_PER_CERTIFICATE_MAX;
        self.links[link.index as usize].certificate = Some(certificate);
        if !fits {
            self.refuse(link);
        }
        fits
    }

    /// Ends the oldest connection that has sent no logon.
    fn make_room(&mut self) -> bool {
        while let Some(oldest) = self.pending.pop_front() {
            if self.awaits_logon(oldest) {
                self.refuse(oldest);
                return true;
            }
        }
        false
    }

    fn awaits_logon(&self, link: LinkId) -> bool {
        matches!(self.state(link), Some(LinkState::AwaitingLogon { .. }))
    }

    /// Bytes wait on a connection. Returns how many were used up; the rest is offered again, with what follows, when more has come or the
    /// connection is no longer [stalled](Self::is_stalled).
    pub fn receive<Z: Zone>(&mut self, link: LinkId, bytes: &[u8], now: Now, zone: &mut Z) -> usize {
        let mut at = 0;
        while at < bytes.len() && !self.is_stalled(link) && !self.is_refused(link) {
            match frame::next(&bytes[at..], &mut self.fields) {
                Frame::Incomplete => break,
                Frame::Garbled { size, .. } => {
                    at += size;
                    self.garbled_count += 1;
                    self.garbled(link);
                }
                Frame::Message { size } => {
                    self.message(link, &bytes[at..at + size], now, zone);
                    at += size;
                }
            }
        }
        if self.is_refused(link) { bytes.len() } else { at }
    }

    /// Whether bytes of this connection must wait for an answer from elsewhere.
    #[must_use]
    pub fn is_stalled(&self, link: LinkId) -> bool {
        match self.state(link) {
            Some(LinkState::Verifying { .. }) => true,
            Some(LinkState::Bound { session }) => self.sessions[*session].is_stalled(),
            Some(LinkState::Free | LinkState::AwaitingLogon { .. } | LinkState::Refused) | None => false,
        }
    }

    /// The connection is gone.
    pub fn disconnected(&mut self, link: LinkId) {
        let Some(own) = self.links.get_mut(link.index as usize).filter(|own| own.generation == link.generation) else { return };
        if let Some(certificate) = own.certificate.take()
            && let Some(count) = self.by_certificate.get_mut(certificate.fingerprint())
        {
            *count -= 1;
            if *count == 0 {
                self.by_certificate.remove(certificate.fingerprint());
            }
        }
        match std::mem::replace(&mut own.state, LinkState::Free) {
            LinkState::AwaitingLogon { .. } | LinkState::Verifying { .. } => self.pending_count -= 1,
            LinkState::Bound { session } => {
                self.bound[session] = None;
                if self.sessions[session].config().cancel_on_disconnect {
                    self.lost.push(self.sessions[session].config().id);
                }
                self.sessions[session].disconnected();
                self.application.disconnected(self.sessions[session].config().id);
            }
            LinkState::Free | LinkState::Refused => {}
        }
    }

    /// Does what is due by time, for all sessions and connections.
    pub fn tick(&mut self, now: Now) {
        self.sessions.iter_mut().for_each(|session| session.tick(now));
        (0..self.sessions.len()).for_each(|session| self.touched.add(session));
        for link in &mut self.links {
            if let LinkState::AwaitingLogon { since } | LinkState::Verifying { since, .. } = link.state
                && now.mono.since_ns(since) >= LOGON_TIME_MAX_NS
            {
                link.state = LinkState::Refused;
                self.pending_count -= 1;
                self.refused_count += 1;
            }
        }
    }

    /// Hands cancels of lost connections to the zone, until it takes them, and notes that sessions need: those that something happened to since the last [`Acceptor::take_ready`].
    pub fn submit_notes<Z: Zone>(&mut self, zone: &mut Z) {
        self.lost.retain(|&session| {
            let mass = MassCancel {
                session: Some(session),
                account: None,
                instrument: None,
                side: None,
                cause: MassCancelCause::Disconnect,
            };
            zone.submit(SessionId::APPLIANCE, MandateId::new(0), Body::MassCancel(mass), &[]).is_err()
        });
        for &session in &self.touched.sessions {
            self.sessions[session].submit_note(zone, &mut self.note_tail);
        }
    }

    /// Adds the connections of the sessions that something happened to. Those whose connection has nothing to send are among them.
    pub fn take_ready(&mut self, ready: &mut Vec<LinkId>) {
        ready.extend(self.touched.drain().filter_map(|session| self.bound[session]));
    }

    /// What is to be sent on a connection; whoever sends it leaves an empty buffer behind. `None` if nothing can be: it says nothing before
    /// its logon.
    pub fn outgoing(&mut self, link: LinkId, now: Now) -> Option<&mut Vec<u8>> {
        let &LinkState::Bound { session } = self.state(link)? else { return None };
        let session = &mut self.sessions[session];
        session.pump(now);
        Some(session.outbound().wire())
    }

    /// Whether a connection is to be closed now, given whether all that was taken from it has been sent.
    #[must_use]
    pub fn is_done(&self, link: LinkId, all_sent: bool, now: Now) -> bool {
        match self.state(link) {
            Some(LinkState::Refused) | None => true,
            Some(LinkState::Bound { session }) => self.sessions[*session].is_done(all_sent, now),
            Some(LinkState::Free | LinkState::AwaitingLogon { .. } | LinkState::Verifying { .. }) => false,
        }
    }

    /// A note about a session is durable, now or in a replay.
    pub fn note(&mut self, seq: Seq, time: TimestampNs, note: &Note) {
        let (Note::ReserveOutbound { session, .. } | Note::ResetSession { session }) = note else { return };
        if let Some(&index) = self.by_id.get(session) {
            self.sessions[index].note(seq, time, note);
            self.touched.add(index);
        }
    }

    /// The replay is over. What was connected before it is no longer.
    pub fn start(&mut self) {
        let cancelling = self.sessions.iter().map(Session::config).filter(|config| config.cancel_on_disconnect);
        self.lost.extend(cancelling.map(|config| config.id));
        self.sessions.iter_mut().for_each(|session| session.outbound().start());
        (0..self.sessions.len()).for_each(|session| self.touched.add(session));
    }

    /// Says goodbye to all who are logged on.
    pub fn shut_down(&mut self, now: Now) {
        self.sessions.iter_mut().for_each(|session| session.shut_down(now));
        (0..self.sessions.len()).for_each(|session| self.touched.add(session));
    }

    /// The session with this number.
    pub fn session(&mut self, id: SessionId) -> Option<&mut Session> {
        let index = *self.by_id.get(&id)?;
        self.touched.add(index);
        self.sessions.get_mut(index)
    }

    /// All sessions.
    #[must_use]
    pub fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    /// The application and the sessions that its reports go to.
    pub fn parts(&mut self) -> (&mut A, Sessions<'_>) {
        let Self { application, sessions, by_id, copies, touched, .. } = self;
        (application, Sessions { sessions, by_id, copies, touched })
    }

    /// The application.
    #[must_use]
    pub const fn application(&self) -> &A {
        &self.application
    }

    /// Connections refused so far: unknown, wrong password, silent, too many.
    #[must_use]
    pub const fn refused_count(&self) -> u64 {
        self.refused_count
    }

    /// Stretches of bytes that were no messages.
    #[must_use]
    pub const fn garbled_count(&self) -> u64 {
        self.garbled_count
    }

    fn state(&self, link: LinkId) -> Option<&LinkState> {
        self.links.get(link.index as usize).filter(|own| own.generation == link.generation).map(|own| &own.state)
    }

    fn is_refused(&self, link: LinkId) -> bool {
        match self.state(link) {
            Some(LinkState::Refused) | None => true,
            Some(LinkState::Bound { session }) => self.sessions[*session].is_closing(),
            Some(LinkState::Free | LinkState::AwaitingLogon { .. } | LinkState::Verifying { .. }) => false,
        }
    }

    /// Bytes that are no message: of no consequence on a session, the end of a connection that has none.
    fn garbled(&mut self, link: LinkId) {
        if self.awaits_logon(link) {
            self.refuse(link);
        }
    }

    fn message<Z: Zone>(&mut self, link: LinkId, bytes: &[u8], now: Now, zone: &mut Z) {
        let own = &self.links[link.index as usize];
        match own.state {
            LinkState::Bound { session } => {
                let message = Message::new(bytes, &self.fields);
                let mut context = Context { now, application: &mut self.application, zone };
                self.sessions[session].receive(&message, &mut context);
                self.touched.add(session);
            }
            LinkState::AwaitingLogon { since } => self.first_message(link, since, bytes, now),
            LinkState::Free | LinkState::Verifying { .. } | LinkState::Refused => {}
        }
    }

    fn bind(&mut self, link: LinkId, session: usize, logon: &[u8], now: Now) {
        let mut fields = Fields::default();
        let Frame::Message { .. } = frame::next(logon, &mut fields) else { return };
        self.links[link.index as usize].state = LinkState::Bound { session };
        self.bound[session] = Some(link);
        self.touched.add(session);
        self.sessions[session].logon(&Message::new(logon, &fields), now);
    }

    fn refuse(&mut self, link: LinkId) {
        self.links[link.index as usize].state = LinkState::Refused;
        self.pending_count -= 1;
        self.refused_count += 1;
    }
}

/// Times of logons have no finer parts.
const MILLISECOND_NS: u64 = 1_000_000;
const LOGONS: Rate = Rate { interval_ns: LOGON_INTERVAL_NS, burst: LOGONS_BURST };
const FAILED_LOGONS: Rate = Rate { interval_ns: FAILED_LOGON_INTERVAL_NS, burst: FAILED_LOGONS_BURST };
