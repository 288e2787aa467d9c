//! Runs scenarios against the sans-IO core in simulated time.
//!
//! The format is that of the QuickFIX acceptance tests: `iCONNECT`, `I<message>` sends, `E<message>` expects (fields in order; 10, 42, 52,
//! 60, 122 and 75 by shape), `eDISCONNECT` expects the end, `iDISCONNECT` hangs up; a digit and a comma after the first letter name the
//! connection; `<TIME+n>` is now. Ours write `|` for SOH and leave out 9 and 10, and add:
//!
//! * `P<fields>` expects a message that has these fields among others; `?` as a value accepts any, `-` none
//! * `nNOTHING` expects silence, `wSECONDS` lets time pass, `gBYTES` sends bytes as they stand
//! * `restart` crashes the acceptor and rebuilds it from the journal, less what was not delivered; `restartALL` from all of it;
//!   `restartHELD` leaves the journal held
//! * `dHOLD` and `dRELEASE`: nothing becomes durable in between; `fFULL` and `fFREE`: the zone takes no commands in between;
//!   `fROOM1`: one more order, and then cancels only
//! * `bAVAILABLE` and `bSETTLED`: all trades so far are
//! * `mSHOW`: market data is told the books as they are
//! * `configure phase SYMBOL PHASE`, `configure self-match ACCOUNT GROUP`, `configure volatility SYMBOL TICKS`,
//!   `configure quote-group SESSION ACCOUNT FILLS` (of group 1), `configure bands SYMBOL LOW HIGH`,
//!   `configure terms SYMBOL SECONDS LOT FROM TICKS` (from so long after the start on): the operator's word, sequenced and journaled

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "test support")]

use plinth_gateway::acceptor::{Acceptor, LinkId, Proof, Sessions};
use plinth_gateway::clock::{MonoNs, Now};
use plinth_gateway::codec::frame::{self, Fields, Frame};
use plinth_gateway::codec::timestamp;
use plinth_gateway::echo::Echo;
use plinth_gateway::market::MarketView;
use plinth_gateway::session::Application;
use plinth_gateway::zone::{Full, Holding, Holdings, Zone};
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command};
use plinth_types::event::Event;
use plinth_types::id::{AccountId, Height, MandateId, Seq, SessionId, TimestampNs};
use plinth_types::message::{BlockStatus, Note};
use plinth_types::reference::Configuration;
use std::collections::HashMap;

/// 2026-02-25 12:00:00 UTC.
pub const START_NS: u64 = 1_772_020_800_000_000_000;
const STEP_NS: u64 = 100_000_000;
const PATIENCE_NS: u64 = 30_000_000_000;

pub mod definitions;
pub mod firms;
pub mod keys;
pub mod server;
pub mod zone;

/// One journaled record with what came of it.
pub type Record = (Command, Vec<u8>, Vec<Event>);

/// What a zone does with a command.
pub type Execute = Box<dyn FnMut(&Command, &[u8]) -> Vec<Event>>;

/// What is shown of a zone's books.
pub type Views = Box<dyn Fn() -> Vec<MarketView>>;

/// Makes a zone that has executed nothing.
pub type Restart = Box<dyn Fn() -> (Execute, Balances, Views)>;

/// What an account of a zone has.
pub type Balances = Box<dyn Fn(AccountId) -> Option<Vec<Holding>>>;

/// A zone whose records become durable when the test takes them.
#[derive(Default)]
pub struct Journal {
    pub records: Vec<Record>,
    pub delivered: usize,
    pub is_full: bool,
    /// Orders that are still taken, if not all are.
    pub room: Option<u32>,
    pub is_held: bool,
    /// Orders pass, notes do not.
    pub refuses_notes: bool,
    pub utc_ns: u64,
    pub execute: Option<Execute>,
    pub balances: Option<Balances>,
    /// What is shown of the books.
    pub views: Option<Views>,
    /// Makes a zone that has executed nothing.
    pub restart: Option<Restart>,
}

impl Zone for Journal {
    fn submit(&mut self, session: SessionId, mandate: MandateId, body: Body, tail: &[u8]) -> Result<Seq, Full> {
        if !matches!(body, Body::Note | Body::Cancel { .. })
            && let Some(room) = &mut self.room
        {
            *room = room.checked_sub(1).ok_or(Full::Queue)?;
        }
        if (self.is_full && body != Body::Note) || (self.refuses_notes && body == Body::Note) {
            return Err(Full::Queue);
        }
        let seq = Seq::new(self.records.len() as u64 + 1);
        let time = TimestampNs::new(self.utc_ns);
        let command = Command { seq, time, session, mandate, body, tail_size: tail.len() as u16 };
        let events = self.execute.as_mut().map_or_else(Vec::new, |execute| execute(&command, tail));
        self.records.push((command, tail.to_vec(), events));
        Ok(seq)
    }

    fn holdings(&self, account: AccountId) -> Option<Holdings> {
        let held = self.balances.as_ref()?(account)?;
        Some(Holdings { behind: Seq::new(self.records.len() as u64), held })
    }
}

/// An application under test: what the acceptor calls, and what the node would do around it.
pub trait Subject: Application {
    fn show(&mut self, view: MarketView, now: Now, sessions: &mut Sessions<'_>);

    /// What it does in parts; `true` if there was something.
    fn turn(&mut self, now: Now, sessions: &mut Sessions<'_>) -> bool;

    fn deliver(&mut self, command: &Command, tail: &[u8], events: &[Event], now: Now, live: bool, sessions: &mut Sessions<'_>);
}

/// Makes a fresh acceptor, as a start of the process does.
pub type Factory<A> = Box<dyn Fn() -> Acceptor<A>>;

pub struct Runner<A: Subject> {
    factory: Factory<A>,
    pub acceptor: Acceptor<A>,
    pub journal: Journal,
    now_ns: u64,
    links: HashMap<u32, Wire>,
    generation: u32,
}

struct Wire {
    link: LinkId,
    /// Sent by the test, not yet used up.
    inbound: Vec<u8>,
    /// Sent by the acceptor, not yet expected.
    outbound: Vec<u8>,
    closed: bool,
}

impl<A: Subject> Runner<A> {
    pub fn new(factory: Factory<A>, journal: Journal) -> Self {
        let mut acceptor = factory();
        acceptor.start();
        Self { factory, acceptor, journal, now_ns: 0, links: HashMap::new(), generation: 0 }
    }

    pub fn now(&self) -> Now {
        Now { mono: MonoNs::new(self.now_ns), utc: TimestampNs::new(START_NS + self.now_ns) }
    }

    /// Runs a script; the error names the line.
    pub fn run(&mut self, script: &[u8]) -> Result<(), String> {
        self.settle();
        for (index, line) in script.split(|&byte| byte == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.is_empty() || line[0] == b'#' {
                continue;
            }
            let show = || String::from_utf8_lossy(line).replace('\x01', "|");
            self.line(line).map_err(|why| format!("line {}: {}: {why}", index + 1, show()))?;
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        let (kind, mut rest, mut id) = (line[0], &line[1..], 1);
        if let [digit @ b'0'..=b'9', b',', after @ ..] = rest {
            id = u32::from(digit - b'0');
            rest = after;
        }
        match (kind, rest) {
            (b'i', b"CONNECT") => self.connect(id),
            (b'i', b"DISCONNECT") => self.hang_up(id),
            (b'e', b"DISCONNECT") => return self.expect_end(id),
            (b'r', b"estart") => {
                self.journal.records.truncate(self.journal.delivered);
                self.restart();
            }
            (b'r', b"estartALL") => self.restart(),
            (b'r', b"estartHELD") => {
                self.restart_held();
            }
            (b'd', state) => {
                self.hold(state == b"HOLD");
            }
            (b'c', words) if words.starts_with(b"onfigure ") => {
                self.configure(&zone::configuration(&String::from_utf8_lossy(words)))
            }
            (b'm', b"SHOW") => {
                let views = self.journal.views.as_ref().expect("a zone with books")();
                views.into_iter().for_each(|view| self.show(view));
            }
            (b'f', b"ROOM1") => self.journal.room = Some(1),
            (b'f', state) => (self.journal.is_full, self.journal.room) = (state == b"FULL", None),
            (b'b', status) => self.block(if status == b"SETTLED" { BlockStatus::Settled } else { BlockStatus::Available }),
            (b'P', fields) => {
                let fields = self.stamped(&readable(fields));
                let received = self.take(id)?;
                return contains(&fields, &received).map_err(|why| format!("{why}\n  received {}", show(&received)));
            }
            (b'n', b"NOTHING") => {
                self.advance(STEP_NS);
                let wire = &self.links[&id];
                if !wire.outbound.is_empty() {
                    return Err(format!("expected nothing, got {}", show(&wire.outbound)));
                }
            }
            (b'w', seconds) => {
                let seconds: f64 = String::from_utf8_lossy(seconds).parse().map_err(|_| "no number of seconds")?;
                self.advance((seconds * 1e9) as u64);
            }
            (b'g', bytes) => {
                let bytes = readable(bytes);
                self.send(id, &bytes);
            }
            (b'I', message) => {
                let message = framed(&self.stamped(&readable(message)));
                self.send(id, &message);
            }
            (b'E', message) => {
                let has_length = find(&readable(message), b"\x019=").is_some();
                let expected = framed(&self.stamped(&readable(message)));
                return self.expect(id, &expected, has_length);
            }
            _ => return Err("syntax".to_owned()),
        }
        Ok(())
    }

    pub fn connect(&mut self, id: u32) {
        self.hang_up(id);
        self.generation += 1;
        let link = LinkId { index: id, generation: self.generation };
        let closed = !self.acceptor.connected(link, std::net::Ipv4Addr::LOCALHOST.into(), self.now());
        self.links.insert(id, Wire { link, inbound: Vec::new(), outbound: Vec::new(), closed });
    }

    pub fn hang_up(&mut self, id: u32) {
        if let Some(wire) = self.links.remove(&id)
            && !wire.closed
        {
            self.acceptor.disconnected(wire.link);
        }
        self.settle();
    }

    /// Tells the application what is shown of a book.
    pub fn show(&mut self, view: MarketView) {
        let now = self.now();
        let (application, mut sessions) = self.acceptor.parts();
        application.show(view, now, &mut sessions);
        self.settle();
    }

    /// Sequences a change of reference data.
    pub fn configure(&mut self, item: &Configuration) {
        let submitted = self.journal.submit(SessionId::APPLIANCE, MandateId::new(0), Body::Configure, &item.to_bytes());
        assert!(submitted.is_ok(), "the zone takes commands");
        self.settle();
    }

    /// Tells the acceptor that all trades so far have reached a state.
    pub fn block(&mut self, status: BlockStatus) {
        let last_seq = Seq::new(self.journal.records.len() as u64);
        let settlement_time = self.now().utc;
        let (height, settlement_height) = (Height::new(7), Height::new(9));
        let note = Note::BlockStatus { height, last_seq, status, settlement_height, settlement_time };
        let submitted = self.journal.submit(SessionId::APPLIANCE, MandateId::new(0), Body::Note, &note.to_bytes());
        assert!(submitted.is_ok(), "notes always pass");
        self.settle();
    }

    /// The first record that is held becomes durable; `false` if there is none.
    pub fn deliver_held(&mut self) -> bool {
        let now = self.now();
        let Some((command, tail, events)) = self.journal.records.get(self.journal.delivered) else { return false };
        Self::deliver_one(&mut self.acceptor, command, tail, events, now, true);
        self.journal.delivered += 1;
        self.settle();
        true
    }

    /// A crash that leaves so many of the records that were held.
    pub fn crash_with_held(&mut self, kept: usize) {
        self.journal.records.truncate(self.journal.delivered + kept);
        self.restart();
    }

    /// What a crash leaves: the journal, and no connection.
    pub fn restart(&mut self) {
        self.restart_held();
        self.journal.is_held = false;
        self.settle();
    }

    fn restart_held(&mut self) {
        self.links.clear();
        self.journal.is_held = true;
        self.journal.delivered = self.journal.records.len();
        self.acceptor = (self.factory)();
        if let Some(restart) = &self.journal.restart {
            let (mut execute, balances, views) = restart();
            (self.journal.balances, self.journal.views) = (Some(balances), Some(views));
            for (command, tail, events) in &self.journal.records {
                assert_eq!(&execute(command, tail), events, "a replay says what was said");
            }
            self.journal.execute = Some(execute);
        }
        let now = self.now();
        for (command, tail, events) in &self.journal.records {
            Self::deliver_one(&mut self.acceptor, command, tail, events, now, false);
        }
        self.acceptor.start();
        self.settle();
    }

    /// Sends bytes on a connection.
    pub fn send(&mut self, id: u32, bytes: &[u8]) {
        if let Some(wire) = self.links.get_mut(&id) {
            wire.inbound.extend_from_slice(bytes);
        }
        self.settle();
    }

    /// Lets everything happen that can happen without time passing.
    pub fn settle(&mut self) {
        let now = self.now();
        self.journal.utc_ns = now.utc.get();
        for _ in 0..10_000 {
            let mut busy = false;
            for wire in self.links.values_mut().filter(|wire| !wire.closed) {
                let used = self.acceptor.receive(wire.link, &wire.inbound, now, &mut self.journal);
                wire.inbound.drain(..used);
                busy |= used > 0;
            }
            while let Some(question) = self.acceptor.take_verification() {
                let Proof::Password { password, hash } = &question.proof else { panic!("firms of scenarios have passwords") };
                let is_right = password.iter().rev().copied().eq(hash.bytes());
                self.acceptor.verified(question.link, is_right, now);
                busy = true;
            }
            self.acceptor.submit_notes(&mut self.journal);
            let (application, mut sessions) = self.acceptor.parts();
            busy |= application.turn(now, &mut sessions);
            while !self.journal.is_held && self.journal.delivered < self.journal.records.len() {
                let (command, tail, events) = &self.journal.records[self.journal.delivered];
                Self::deliver_one(&mut self.acceptor, command, tail, events, now, true);
                self.journal.delivered += 1;
                busy = true;
            }
            for wire in self.links.values_mut().filter(|wire| !wire.closed) {
                if let Some(bytes) = self.acceptor.outgoing(wire.link, now) {
                    busy |= !bytes.is_empty();
                    wire.outbound.append(bytes);
                }
                if self.acceptor.is_done(wire.link, true, now) {
                    wire.closed = true;
                    self.acceptor.disconnected(wire.link);
                    busy = true;
                }
            }
            if !busy {
                return;
            }
        }
        panic!("the acceptor never comes to rest");
    }

    fn deliver_one(acceptor: &mut Acceptor<A>, command: &Command, tail: &[u8], events: &[Event], now: Now, live: bool) {
        if command.body == Body::Note
            && let Ok(note) = Note::decode(tail)
        {
            acceptor.note(command.seq, command.time, &note);
        }
        let (application, mut sessions) = acceptor.parts();
        application.deliver(command, tail, events, now, live, &mut sessions);
    }

    pub fn advance(&mut self, ns: u64) {
        let end = self.now_ns + ns;
        while self.now_ns < end {
            self.now_ns = (self.now_ns + STEP_NS).min(end);
            self.acceptor.tick(self.now());
            self.settle();
        }
    }

    /// Whether records become durable.
    pub fn hold(&mut self, is_held: bool) {
        self.journal.is_held = is_held;
        self.settle();
    }

    pub fn is_closed(&self, id: u32) -> bool {
        self.links.get(&id).is_none_or(|wire| wire.closed)
    }

    /// The next message that the acceptor has sent.
    pub fn try_take(&mut self, id: u32) -> Option<Vec<u8>> {
        let wire = self.links.get_mut(&id)?;
        let mut fields = Fields::default();
        match frame::next(&wire.outbound, &mut fields) {
            Frame::Message { size } => Some(wire.outbound.drain(..size).collect()),
            Frame::Incomplete => None,
            Frame::Garbled { .. } => panic!("the acceptor sent garbage: {}", show(&wire.outbound)),
        }
    }

    /// The next message that the acceptor sent, if it sends one in time.
    pub fn take(&mut self, id: u32) -> Result<Vec<u8>, String> {
        let deadline = self.now_ns + PATIENCE_NS;
        loop {
            let wire = self.links.get_mut(&id).ok_or("no such connection")?;
            let mut fields = Fields::default();
            match frame::next(&wire.outbound, &mut fields) {
                Frame::Message { size } => return Ok(wire.outbound.drain(..size).collect()),
                Frame::Garbled { .. } => return Err(format!("the acceptor sent garbage: {}", show(&wire.outbound))),
                Frame::Incomplete if !wire.outbound.is_empty() => return Err("the acceptor sent half a message".to_owned()),
                Frame::Incomplete => {}
            }
            if wire.closed {
                return Err("was disconnected, expected data".to_owned());
            }
            if self.now_ns >= deadline {
                return Err("timed out waiting for data".to_owned());
            }
            self.advance(STEP_NS);
        }
    }

    fn expect(&mut self, id: u32, expected: &[u8], has_length: bool) -> Result<(), String> {
        let received = self.take(id)?;
        match difference(expected, &received, has_length) {
            None => Ok(()),
            Some(why) => Err(format!("{why}\n  expected {}\n  received {}", show(expected), show(&received))),
        }
    }

    fn expect_end(&mut self, id: u32) -> Result<(), String> {
        let deadline = self.now_ns + PATIENCE_NS;
        loop {
            let wire = self.links.get(&id).ok_or("no such connection")?;
            if !wire.outbound.is_empty() {
                return Err(format!("expected disconnection, had data {}", show(&wire.outbound)));
            }
            if wire.closed {
                return Ok(());
            }
            if self.now_ns >= deadline {
                return Err("connection hangs, expected disconnection".to_owned());
            }
            self.advance(STEP_NS);
        }
    }

    fn stamped(&self, message: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut rest = message;
        while let Some(at) = find(rest, b"<TIME") {
            let end = at + rest[at..].iter().position(|&byte| byte == b'>').expect("a closed <TIME>");
            let offset = std::str::from_utf8(&rest[at + 5..end]).unwrap();
            let offset: i64 = if offset.is_empty() { 0 } else { offset.parse().expect("an offset in seconds") };
            let time = (self.now().utc.get() as i64 + offset * 1_000_000_000) as u64;
            out.extend_from_slice(&rest[..at]);
            out.extend_from_slice(&timestamp::format(TimestampNs::new(time))[..17]);
            rest = &rest[end + 1..];
        }
        out.extend_from_slice(rest);
        out
    }
}

fn readable(text: &[u8]) -> Vec<u8> {
    text.iter().map(|&byte| if byte == b'|' { 1 } else { byte }).collect()
}

/// Adds length and checksum where they are missing.
pub fn framed(message: &[u8]) -> Vec<u8> {
    let Some(head_end) = message.starts_with(b"8=").then(|| message.iter().position(|&byte| byte == 1)).flatten() else {
        return message.to_vec();
    };
    let (head, mut body) = message.split_at(head_end + 1);
    let mut trailer = Vec::new();
    let last = body.windows(4).rposition(|window| window == b"\x0110=");
    if let Some(at) = last.filter(|&at| body[at + 1..].iter().position(|&byte| byte == 1) == Some(body.len() - at - 2)) {
        trailer = body[at + 1..].to_vec();
        body = &body[..=at];
    }
    let mut out = head.to_vec();
    if !body.starts_with(b"9=") && find(body, b"\x019=").is_none() {
        out.extend_from_slice(format!("9={}\x01", body.len()).as_bytes());
    }
    out.extend_from_slice(body);
    if trailer.is_empty() {
        let sum = out.iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte));
        trailer = format!("10={sum:03}\x01").into_bytes();
    }
    out.extend_from_slice(&trailer);
    out
}

/// Tags and values.
pub fn split(message: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(message).into_owned();
    let fields = text.trim_end_matches('\x01').split('\x01');
    fields
        .map(|field| field.split_once('=').map_or((field.to_owned(), String::new()), |(t, v)| (t.to_owned(), v.to_owned())))
        .collect()
}

/// Value of the first field with a tag.
pub fn value(message: &[u8], tag: &str) -> Option<String> {
    split(message).into_iter().find(|(own, _)| own == tag).map(|(_, value)| value)
}

fn contains(fields: &[u8], received: &[u8]) -> Result<(), String> {
    for (tag, expected) in split(fields) {
        let got = value(received, &tag);
        let fits = match expected.as_str() {
            "?" => got.is_some(),
            "-" => got.is_none(),
            _ => got.as_deref() == Some(&expected),
        };
        if !fits {
            return Err(format!("tag {tag}: expected {expected}, got {got:?}"));
        }
    }
    Ok(())
}

pub fn difference(expected: &[u8], received: &[u8], has_length: bool) -> Option<String> {
    let (expected, received) = (split(expected), split(received));
    for (index, (tag, value)) in expected.iter().enumerate() {
        let Some((got_tag, got)) = received.get(index) else { return Some(format!("tag {tag} is missing")) };
        if tag != got_tag {
            return Some(format!("expected tag {tag}, got {got_tag}"));
        }
        let fits = match tag.as_str() {
            "10" => got.len() == 3,
            "9" if !has_length => true,
            "42" | "52" | "60" | "122" => timestamp::parse(got.as_bytes()).is_some(),
            _ => value == "?" || value == got,
        };
        if !fits {
            return Some(format!("tag {tag}: expected {value}, got {got}"));
        }
    }
    (received.len() > expected.len()).then(|| format!("more fields than expected: {:?}", &received[expected.len()..]))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

pub fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\x01', "|")
}

impl Subject for Echo {
    fn show(&mut self, _: MarketView, _: Now, _: &mut Sessions<'_>) {}

    fn turn(&mut self, _: Now, _: &mut Sessions<'_>) -> bool {
        false
    }

    fn deliver(&mut self, _: &Command, _: &[u8], _: &[Event], _: Now, _: bool, _: &mut Sessions<'_>) {}
}
