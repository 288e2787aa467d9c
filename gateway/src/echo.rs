//! The application of the QuickFIX acceptance tests: orders, security definitions and mails come back as they were, ascending by tag; one that
//! says it may have been sent before (`PossResend`) comes back only if its `ClOrdID` is new to the connection. It shares every line of codec,
//! dictionary, session and driver with the gateway.

use crate::acceptor::Acceptor;
use crate::clock::Now;
use crate::codec::{Message, Version, tag};
use crate::driver::{DriverConfig, GatewayError, Listen, Server, Waker};
use crate::session::{Application, BodyWriter, Credential, Origin, Outbound, ResetPolicy, SessionConfig};
use crate::zone::{Full, Zone};
use plinth_types::codec::Codec;
use plinth_types::command::Body;
use plinth_types::id::{MandateId, Seq, SessionId, TimestampNs};
use plinth_types::message::Note;
use std::collections::HashSet;
use std::net::SocketAddr;
use std::time::Duration;

/// The sessions of the acceptance definitions, which everybody may log on to: for loopback only.
const SESSIONS: [(&str, Version); 9] = [
    ("TW40", Version::Fix40),
    ("TW41", Version::Fix41),
    ("TW42", Version::Fix42),
    ("TW43", Version::Fix43),
    ("TW44", Version::Fix44),
    ("TW50", Version::Fix50),
    ("TW50SP1", Version::Fix50Sp1),
    ("TW50SP2", Version::Fix50Sp2),
    ("TW", Version::Fix44),
];

/// An acceptor on a socket that sends back what it is sent.
#[derive(Debug)]
pub struct EchoServer {
    server: Server<Echo>,
    notes: Notes,
}

impl EchoServer {
    /// Listens as `ISLD`.
    ///
    /// # Errors
    ///
    /// [`GatewayError`].
    pub fn bind(address: SocketAddr, driver: DriverConfig) -> Result<Self, GatewayError> {
        let session = |(id, &(comp_id, version)): (u16, &(&str, Version))| {
            let session = SessionConfig::new(SessionId::new(id), comp_id, Credential::None, ResetPolicy::EveryLogon);
            SessionConfig { version, ..session }
        };
        let mut acceptor = Acceptor::new("ISLD", (1..).zip(&SESSIONS).map(session).collect(), Echo::default())?;
        acceptor.start();
        Ok(Self { server: Server::bind(vec![Listen::plain(address)], acceptor, driver)?, notes: Notes::default() })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// When the system does not say.
    pub fn local_addr(&self) -> Result<SocketAddr, GatewayError> {
        Ok(self.server.local_addrs()?[0])
    }

    /// Ends a wait from another thread.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.server.waker()
    }

    /// One turn, and a wait if there was nothing to do.
    ///
    /// # Errors
    ///
    /// When the kernel refuses to go on.
    pub fn turn(&mut self, now: Now) -> Result<(), GatewayError> {
        let mut worked = self.server.poll(now, &mut self.notes)?;
        for (seq, note) in self.notes.waiting.drain(..) {
            self.server.acceptor().note(seq, TimestampNs::default(), &note);
            worked = true;
        }
        self.server.flush(now)?;
        if worked { Ok(()) } else { self.server.wait(TURN_MAX) }
    }
}

/// Longest wait of a turn.
const TURN_MAX: Duration = Duration::from_millis(10);

/// A zone without a journal: notes are durable at once, and nothing else comes.
#[derive(Debug, Default)]
struct Notes {
    last: u64,
    waiting: Vec<(Seq, Note)>,
}

impl Zone for Notes {
    fn submit(&mut self, _: SessionId, _: MandateId, _: Body, tail: &[u8]) -> Result<Seq, Full> {
        self.last += 1;
        let seq = Seq::new(self.last);
        self.waiting.extend(Note::decode(tail).map(|note| (seq, note)));
        Ok(seq)
    }
}

/// Sends orders, definitions and mails back.
#[derive(Debug, Default)]
pub struct Echo {
    seen: HashSet<(SessionId, Vec<u8>)>,
}

impl Application for Echo {
    fn message<Z: Zone>(&mut self, origin: Origin, message: &Message<'_>, _: &mut Z, reply: &mut Outbound) {
        let time = origin.now.utc;
        let msg_type = message.msg_type();
        if !matches!(msg_type, b"D" | b"d" | b"C") {
            if !reply.version().is_at_least(Version::Fix42) {
                return reply.push_reject_text(origin.msg_seq_num, msg_type, "Unsupported message type", time);
            }
            reply.push(Seq::new(0), b"j", time, |body| {
                body.number(tag::REF_SEQ_NUM, origin.msg_seq_num.get());
                body.bytes(tag::TEXT, b"Unsupported Message Type");
                body.bytes(tag::REF_MSG_TYPE, msg_type);
                body.number(tag::BUSINESS_REJECT_REASON, 3);
                if let Some(id) = body.version().appl_ver_id() {
                    body.bytes(tag::DEFAULT_APPL_VER_ID, id);
                }
            });
            return;
        }
        let again = message.is_set(tag::POSS_RESEND);
        let id = message.get(tag::CL_ORD_ID).unwrap_or_default().to_vec();
        let fresh = self.seen.insert((origin.session, id));
        if again && !fresh {
            return;
        }
        let header = [8, 9, 35, 34, 43, 49, 52, 56, 97, 122, 10];
        let mut fields: Vec<_> = message.fields().filter(|(tag, _)| !header.contains(&tag.get())).collect();
        fields.sort_by_key(|(tag, _)| *tag);
        let write = |body: &mut BodyWriter<'_>| fields.iter().for_each(|(tag, value)| body.bytes(*tag, value));
        if again { reply.push_again(Seq::new(0), msg_type, time, write) } else { reply.push(Seq::new(0), msg_type, time, write) }
    }

    fn disconnected(&mut self, session: SessionId) {
        self.seen.retain(|(owner, _)| *owner != session);
    }
}
