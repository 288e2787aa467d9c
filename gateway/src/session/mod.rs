//! FIX sessions of every version from 4.0 to 5.0 SP2, sans-IO: no socket, no clock, no thread.
//!
//! ```text
//! config.rs    who may log on, and how
//! firms.rs     which sessions hear what others are told
//! inbound.rs   what a message does to a session: sequence, session messages, rejects
//! logon.rs     how a session begins and ends
//! signed_logon.rs   what is signed to log on with a key
//! timers.rs    heartbeats, test requests, patience
//! held.rs      messages that came too early
//! schedule.rs  when it may be logged on
//! outbound.rs  what we say and under which number
//! store.rs     what we said
//! ```
//!
//! A [`Session`] is one counterparty's; it outlives its connections. Everything it does is a function of the calls made to it, so the
//! scenarios under `tests/scenarios` run hours of it in milliseconds. The texts, reasons and sequence rules are those of the QuickFIX
//! acceptance tests, with these differences, each on the safe side:
//!
//! * Sequence first, then content: a faulty message that came too early is kept, and rejected when its turn comes.
//! * While we wait for the answer to our `Logout`, application messages are not executed and their numbers not counted.
//! * A second `Logon` on a live session ends it, unless it asks for a reset and may.
//! * A peer more than [`SEQ_GAP_MAX`](crate::limits::SEQ_GAP_MAX) numbers ahead is logged out.
//!
//! # Outbound numbers
//!
//! The journal holds what clients asked, not what we said (DESIGN 4.1), so after a crash nobody knows which number a report had. Still
//! no number ever carries two messages, and no report is lost:
//!
//! 1. **Reserve before use.** Numbers are used only inside a block that a durable `Note::ReserveOutbound { next, up_to }` reserved, and the
//!    last number of a block is not used before the next block is durable. At most one note of a session is under way.
//! 2. **Numbers by position.** A message is numbered when it is stored, sent when its number is usable and the peer is there. While the process
//!    lives, any of them can be sent again with `PossDupFlag`; session messages are gap-filled. Reports for a peer that is away are
//!    stored and numbered: when it comes back our `Logon` has a higher number than it expects, so it asks.
//! 3. **After a crash** the next number is the end of the last durable reservation plus 1, the *boundary* plus 1. By rule 1 the peer has not
//!    seen the boundary's number, so it always sees a gap and always asks: nothing is sent unasked. The expected inbound number is
//!    the highest one journaled plus 1.
//! 4. **A request that starts at `b`, at or below the boundary,** is answered with a gap fill up to the boundary, what was stored since, and then,
//!    under new numbers, with `PossResend` and the same `ExecID`s, every report that could have had a number from `b` on: those derived
//!    from records behind *position(b)*.
//! 5. **position(b).** Take the latest note with `next ≤ b`. Reports numbered from its `next` on were stored after it was *submitted*, and then
//!    the note before it had been delivered; deliveries are in order, so they came of records behind **the note before it**. (Not
//!    behind the note itself: records in flight when it was submitted come before it and are reported after.) That is its position; the
//!    first note's position is the session's start or its last reset. More may be sent than the client lacks, never less; `ExecID` tells.
//! 6. **The promise is durable.** Once a gap is filled the peer never asks for it again, so a second crash before it got the reports of
//!    rule 4 would lose them. Therefore, before filling, a note with `next = b` is written: a `next` lower than an earlier note's means
//!    "numbers from here on may carry what came behind position(b)", and position(b) becomes the position of all requests from `b` up
//!    to the following note, which is submitted after those reports have their numbers.
//! 7. **`ResetSeqNumFlag`** (if the session may) is answered when `Note::ResetSession` and the first block behind it are durable. What was
//!    said before cannot be asked for any more; `ClOrdID`s stay used.
//!
//! 8. **A session with hours** is logged out when they end and refused outside of them. If its numbers begin again with every opening, the reset of
//!    rule 7 is wanted as soon as it has opened and nobody is logged on; that it is done is read off the note's own time, so a restart
//!    neither forgets it nor does it twice. Reports from before that were not asked for are gone from the session, as with any reset.
//!
//! Limits: answers that came of no record (a gateway's own reject, an order status) are not said again after a crash; the request is, if
//! it was not followed by a journaled one. Beyond [`STORE_SIZE_MAX`](crate::limits::STORE_SIZE_MAX) bytes of bodies the oldest are forgotten
//! and gap-filled.

mod config;
mod firms;
mod held;
mod inbound;
mod logon;
mod outbound;
mod schedule;
mod signed_logon;
mod store;
mod timers;

pub(crate) use config::is_comp_id;
pub use config::{Credential, ResetPolicy, Role, SessionConfig, SessionConfigError, Throttle};
pub use firms::Firms;
pub(crate) use inbound::is_time_accurate;
pub use outbound::{BodyWriter, Keep, Outbound};
pub use schedule::Schedule;
pub use signed_logon::SignedLogon;

use crate::clock::{MonoNs, Now};
use crate::codec::Message;
use crate::dictionary::Dictionary;
use crate::limits::{MARKET_STORE_SIZE_MAX, STORE_SIZE_MAX};
use crate::rate::Spent;
use crate::zone::Zone;
use held::Held;
use plinth_types::command::Body;
use plinth_types::id::{MandateId, MsgSeqNum, Seq, SessionId, TimestampNs};
use plinth_types::message::Note;

/// What the session hands application messages to.
pub trait Application {
    /// One application message, in sequence, exactly once in the life of the session's sequence, valid by the dictionary. Answers that
    /// come of no record are pushed to `reply`.
    fn message<Z: Zone>(&mut self, origin: Origin, message: &Message<'_>, zone: &mut Z, reply: &mut Outbound);

    /// The session's connection has ended.
    fn disconnected(&mut self, session: SessionId) {
        let _ = session;
    }
}

/// Where an application message comes from.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// Whose.
    pub session: SessionId,
    /// What it may do.
    pub role: Role,
    /// Its number.
    pub msg_seq_num: MsgSeqNum,
    /// Too much was asked lately: this is to be refused.
    pub is_throttled: bool,
    /// When it came.
    pub now: Now,
}

/// What a session works with while it handles one call.
pub(crate) struct Context<'a, A, Z> {
    pub(crate) now: Now,
    pub(crate) application: &'a mut A,
    pub(crate) zone: &'a mut Z,
}

/// One counterparty's session.
#[derive(Debug)]
pub struct Session {
    config: SessionConfig,
    dictionary: &'static Dictionary,
    target: Vec<u8>,
    outbound: Outbound,
    next_in: MsgSeqNum,
    held: Held,
    asked: Option<Asked>,
    /// When both sequences began last.
    reset_at: TimestampNs,
    /// Of the rates of requests and of cancels.
    spent: [Spent; 2],
    state: State,
}

/// Whether and how a connection is bound to the session.
#[derive(Clone, Copy, Debug)]
enum State {
    /// No connection.
    Idle,
    /// The logon is good; a reset must be durable before it is answered.
    Resetting(Logon),
    /// Logged on.
    Active(Peer),
    /// We said goodbye and wait for the answer.
    LogoutSent { since: MonoNs },
    /// All is said: the connection is closed when it has been sent.
    Closing { since: MonoNs },
    /// Nothing more can be said: the connection is closed at once.
    Cut,
}

/// A logon that will be answered.
#[derive(Clone, Copy, Debug)]
struct Logon {
    msg_seq_num: MsgSeqNum,
    heartbeat_s: u64,
    reset: bool,
    /// `NextExpectedMsgSeqNum`, tag 789: the number that the peer expects from us, instead of a resend request.
    next_expected: Option<u64>,
}

/// What timers need to know of a peer.
#[derive(Clone, Copy, Debug)]
struct Peer {
    heartbeat_ns: u64,
    last_received_at: MonoNs,
    test_requests: u64,
    quarantined_at: Option<MonoNs>,
}

/// A resend request of ours that is not yet satisfied.
#[derive(Clone, Copy, Debug)]
struct Asked {
    end: MsgSeqNum,
    at: MonoNs,
}

impl Session {
    /// A session that has never been logged on to. `acceptor` is our own `CompID`.
    pub(crate) fn new(config: SessionConfig, acceptor: &[u8]) -> Self {
        let store_size = if config.role == Role::MarketData { MARKET_STORE_SIZE_MAX } else { STORE_SIZE_MAX };
        let outbound = Outbound::new(config.id, config.version, acceptor, config.comp_id.as_bytes(), store_size);
        Self {
            outbound,
            dictionary: Dictionary::of(config.version),
            target: acceptor.to_vec(),
            config,
            next_in: MsgSeqNum::new(1),
            held: Held::default(),
            asked: None,
            reset_at: TimestampNs::default(),
            spent: [Spent::default(); 2],
            state: State::Idle,
        }
    }

    /// How it is configured.
    #[must_use]
    pub const fn config(&self) -> &SessionConfig {
        &self.config
    }

    /// The number expected next from the peer.
    #[must_use]
    pub const fn next_in(&self) -> MsgSeqNum {
        self.next_in
    }

    /// The number of the next message to the peer.
    #[must_use]
    pub fn next_out(&self) -> MsgSeqNum {
        MsgSeqNum::new(self.outbound.next())
    }

    /// The outbound half.
    pub const fn outbound(&mut self) -> &mut Outbound {
        &mut self.outbound
    }

    /// The last outbound number that is durably reserved.
    #[must_use]
    pub const fn reserved_up_to(&self) -> MsgSeqNum {
        MsgSeqNum::new(self.outbound.reserved())
    }

    /// Messages sent again since the start.
    #[must_use]
    pub const fn resent_count(&self) -> u64 {
        self.outbound.resent_count()
    }

    /// A replayed command came with this number.
    pub(crate) fn recovered(&mut self, msg_seq_num: MsgSeqNum) {
        self.next_in = self.next_in.max(msg_seq_num.next());
    }

    /// Whether a peer is logged on.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        matches!(self.state, State::Active(_))
    }

    /// Whether no connection is bound to it.
    pub(crate) const fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    /// Whether messages of the peer must wait.
    pub(crate) const fn is_stalled(&self) -> bool {
        matches!(self.state, State::Resetting(_))
    }

    /// Whether the peer is too slow for what it is told.
    #[must_use]
    pub const fn is_quarantined(&self) -> bool {
        matches!(self.state, State::Active(Peer { quarantined_at: Some(_), .. }))
    }

    /// Whether nothing that the peer says is heard any more.
    pub(crate) const fn is_closing(&self) -> bool {
        matches!(self.state, State::Closing { .. } | State::Cut)
    }

    /// Hands the note that the session needs to the zone. If the zone is full it is tried again next time.
    pub(crate) fn submit_note<Z: Zone>(&mut self, zone: &mut Z, tail: &mut Vec<u8>) {
        let Some(note) = self.outbound.wanted_note() else { return };
        tail.clear();
        plinth_types::codec::Codec::encode(&note, tail);
        if zone.submit(SessionId::APPLIANCE, MandateId::new(0), Body::Note, tail).is_ok() {
            self.outbound.note_submitted();
        }
    }

    /// A note about this session is durable.
    pub(crate) fn note(&mut self, seq: Seq, time: TimestampNs, note: &Note) {
        match *note {
            Note::ReserveOutbound { next, up_to, .. } => self.outbound.reserved_durably(seq, next, up_to),
            Note::ResetSession { .. } => {
                self.outbound.reset_durably(seq);
                self.reset_at = time;
                self.next_in = MsgSeqNum::new(1);
                self.held.clear();
                self.asked = None;
            }
            Note::BlockStatus { .. } | Note::Lost | Note::TookOver { .. } => {}
        }
    }

    /// Whether it has opened since both sequences began last, and they are to begin again when it opens.
    fn reset_is_due(&self, now: Now) -> bool {
        self.config.schedule.is_some_and(|schedule| schedule.resets && self.reset_at < schedule.opened_at(now.utc))
    }

    /// Moves what may be sent onto the wire. `true` if there is more.
    pub(crate) fn pump(&mut self, now: Now) -> bool {
        self.complete_reset(now);
        self.outbound.pump(now)
    }
}
