//! Connections and sessions, sans-IO: what arrives on which connection, what leaves on it, when it is closed.
//!
//! A connection says nothing until its first message was a good `Logon` of a known party whose password was verified. Until then
//! every fault (garbage, another message, unknown or live `CompID`, a wrong clock, a wrong password, silence) closes it without a word
//! and without touching the session: whoever is not known learns nothing and cannot spend a session's numbers.
//!
//! Passwords are verified elsewhere, since that takes tens of milliseconds on purpose: [`Acceptor::take_verification`] hands the question
//! out, [`Acceptor::verified`] takes the answer, and the connection's bytes wait meanwhile.

mod failures;

use crate::clock::{MonoNs, Now};
use crate::codec::frame::{self, Fields, Frame};
use crate::codec::{Message, tag};
use crate::dictionary::{Dictionary, MsgType};
use crate::limits::{CONNECTIONS_PENDING_MAX, LOGON_TIME_MAX_NS, PASSWORD_SIZE_MAX, VERIFICATIONS_WAITING_MAX};
use crate::session::{Application, Context, Credential, Session, SessionConfig, SessionConfigError};
use crate::zone::Zone;
use failures::FailedLogons;
use plinth_types::command::{Body, MassCancel, MassCancelCause};
use plinth_types::id::{MandateId, Seq, SessionId};
use plinth_types::message::Note;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

/// A connection; the driver's index of it, with a count that tells it from earlier users of the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkId {
    /// Index of the connection.
    pub index: u32,
    /// How many used the index before.
    pub generation: u32,
}

/// A question to whoever verifies passwords.
pub struct Verification {
    /// Who asks.
    pub link: LinkId,
    /// What was shown.
    pub password: Box<[u8]>,
    /// PHC string of the right password.
    pub hash: Arc<str>,
}

impl core::fmt::Debug for Verification {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Verification {{ link: {:?}, password: *** }}", self.link)
    }
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
    /// The connection of each session.
    bound: Vec<Option<LinkId>>,
    touched: Touched,
    /// Sessions whose orders are to be cancelled because their connection is gone.
    lost: Vec<SessionId>,
    failures: FailedLogons,
    pending_count: usize,
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
    state: LinkState,
}

#[derive(Debug)]
enum LinkState {
    Free,
    AwaitingLogon { since: MonoNs },
    Verifying { since: MonoNs, session: usize, logon: Box<[u8]> },
    Bound { session: usize },
    Refused,
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
            bound: Vec::new(),
            touched: Touched::default(),
            lost: Vec::new(),
            failures: FailedLogons::default(),
            pending_count: 0,
            verifications: VecDeque::new(),
            application,
            note_tail: Vec::with_capacity(64),
            refused_count: 0,
            garbled_count: 0,
        };
        if !crate::session::is_comp_id(comp_id) {
            return Err(SessionConfigError::CompId { comp_id: comp_id.to_owned() });
        }
        for config in sessions {
            let (id, comp_id) = (config.id, config.comp_id.clone());
            if !crate::session::is_comp_id(&comp_id) {
                return Err(SessionConfigError::CompId { comp_id });
            }
            if id == SessionId::APPLIANCE {
                return Err(SessionConfigError::ReservedId { comp_id });
            }
            let index = acceptor.sessions.len();
            let is_new = acceptor.by_id.insert(id, index).is_none();
            if acceptor.by_comp_id.insert(comp_id.as_bytes().to_vec(), index).is_some() || !is_new {
                return Err(SessionConfigError::Duplicate { id, comp_id });
            }
            acceptor.sessions.push(Session::new(config, acceptor.comp_id.as_slice()));
            acceptor.bound.push(None);
        }
        Ok(acceptor)
    }

    /// Reserves outbound numbers in blocks of `count`, of at least 4, instead of [`RESERVATION_BLOCK`](crate::limits::RESERVATION_BLOCK).
    pub fn reserve_in_blocks_of(&mut self, count: u64) {
        self.sessions.iter_mut().for_each(|session| session.outbound().reserve_in_blocks_of(count));
    }

    /// A connection was made. `false` if it must be closed at once: too many have not logged on, or too many logons from there have failed.
    pub fn connected(&mut self, link: LinkId, address: IpAddr, now: Now) -> bool {
        if self.pending_count >= CONNECTIONS_PENDING_MAX || self.failures.is_barred(address, now) {
            self.refused_count += 1;
            return false;
        }
        let index = link.index as usize;
        while self.links.len() <= index {
            self.links.push(Link { generation: 0, address, state: LinkState::Free });
        }
        self.links[index] = Link { generation: link.generation, address, state: LinkState::AwaitingLogon { since: now.mono } };
        self.pending_count += 1;
        true
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

    /// The next password to be verified.
    pub fn take_verification(&mut self) -> Option<Verification> {
        self.verifications.pop_front()
    }

    /// A password was verified.
    pub fn verified(&mut self, link: LinkId, is_right: bool, now: Now) {
        let Some(Link { state, address, .. }) =
            self.links.get_mut(link.index as usize).filter(|own| own.generation == link.generation)
        else {
            return;
        };
        if !matches!(state, LinkState::Verifying { .. }) {
            return;
        }
        let address = *address;
        if let LinkState::Verifying { session, logon, .. } = std::mem::replace(state, LinkState::Refused) {
            self.pending_count -= 1;
            // Another connection may have been quicker.
            if is_right && self.sessions[session].is_idle() {
                self.bind(link, session, &logon, now);
            } else {
                self.refused_count += 1;
                if !is_right {
                    self.failures.count(address, now);
                }
            }
        }
    }

    /// The connection is gone.
    pub fn disconnected(&mut self, link: LinkId) {
        let Some(own) = self.links.get_mut(link.index as usize).filter(|own| own.generation == link.generation) else { return };
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
    pub fn note(&mut self, seq: Seq, note: &Note) {
        let (Note::ReserveOutbound { session, .. } | Note::ResetSession { session }) = note else { return };
        if let Some(&index) = self.by_id.get(session) {
            self.sessions[index].note(seq, note);
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
        (&mut self.application, Sessions { sessions: &mut self.sessions, by_id: &self.by_id, touched: &mut self.touched })
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
        if let Some(LinkState::AwaitingLogon { .. }) = self.state(link) {
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

    fn first_message(&mut self, link: LinkId, since: MonoNs, bytes: &[u8], now: Now) {
        let message = Message::new(bytes, &self.fields);
        let Some((session, password)) = self.identify(&message, now) else { return self.refuse(link) };
        match (&self.sessions[session].config().credential, password) {
            (Credential::None, _) => {
                self.pending_count -= 1;
                self.bind(link, session, bytes, now);
            }
            (Credential::Password(hash), Some(password)) if self.verifications.len() < VERIFICATIONS_WAITING_MAX => {
                self.verifications.push_back(Verification { link, password, hash: hash.clone() });
                self.links[link.index as usize].state = LinkState::Verifying { since, session, logon: bytes.into() };
            }
            (Credential::Password(_), Some(_) | None) => self.refuse(link),
        }
    }

    /// Whose logon this is, if it is a good one as far as can be seen.
    fn identify(&self, message: &Message<'_>, now: Now) -> Option<(usize, Option<Box<[u8]>>)> {
        if message.msg_type() != b"A" || message.get(tag::TARGET_COMP_ID) != Some(&self.comp_id) {
            return None;
        }
        let comp_id = message.get(tag::SENDER_COMP_ID)?;
        let session = *self.by_comp_id.get(comp_id)?;
        let version = self.sessions[session].config().version;
        let is_version =
            message.begin_string() == version.begin_string() && message.get(tag::DEFAULT_APPL_VER_ID) == version.appl_ver_id();
        if !is_version || Dictionary::of(version).check(message) != Ok(MsgType::Logon) {
            return None;
        }
        let is_named = message.get(tag::USERNAME).is_none_or(|name| name == comp_id);
        if !is_named || !self.sessions[session].is_idle() || !crate::session::is_time_accurate(message, now) {
            return None;
        }
        let password = message.get(tag::PASSWORD).filter(|password| password.len() <= PASSWORD_SIZE_MAX);
        Some((session, password.map(Into::into)))
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

/// Sessions that something happened to, each once.
#[derive(Debug, Default)]
struct Touched {
    sessions: Vec<usize>,
    is_in: Vec<bool>,
}

impl Touched {
    fn add(&mut self, session: usize) {
        if self.is_in.len() <= session {
            self.is_in.resize(session + 1, false);
        }
        if !std::mem::replace(&mut self.is_in[session], true) {
            self.sessions.push(session);
        }
    }

    fn drain(&mut self) -> impl Iterator<Item = usize> + '_ {
        self.sessions.drain(..).inspect(|&session| self.is_in[session] = false)
    }
}

/// Where reports go.
#[derive(Debug)]
pub struct Sessions<'a> {
    sessions: &'a mut [Session],
    by_id: &'a HashMap<SessionId, usize>,
    touched: &'a mut Touched,
}

impl Sessions<'_> {
    /// The outbound half of a session; `None` if it is no longer configured.
    pub fn outbound(&mut self, id: SessionId) -> Option<&mut crate::session::Outbound> {
        let index = *self.by_id.get(&id)?;
        self.touched.add(index);
        self.sessions.get_mut(index).map(Session::outbound)
    }

    /// A replayed command of a session came with this number.
    pub fn recovered(&mut self, id: SessionId, msg_seq_num: plinth_types::id::MsgSeqNum) {
        if let Some(&index) = self.by_id.get(&id) {
            self.sessions[index].recovered(msg_seq_num);
        }
    }
}
