//! The real appliance as a process, and firms that trade on it over real sockets.

#![allow(clippy::unwrap_used, dead_code, unreachable_pub, reason = "a module of tests; each uses a part")]

pub mod feed;
pub mod owners;

use plinth_gateway::client::{Client, ClientConfig, ClientError, Numbers};
use plinth_gateway::codec::{Builder, Tag, tag};
use plinth_node::replay::child::{ChildAppliance, Login, Ready};
use plinth_types::id::TimestampNs;
use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub const WITHIN: Duration = Duration::from_secs(120);

pub struct Market {
    pub appliance: ChildAppliance,
    _folder: Option<tempfile::TempDir>,
}

impl Market {
    pub fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let market = Self::open_in(folder.path());
        Self { _folder: Some(folder), ..market }
    }

    pub fn open_in(folder: &Path) -> Self {
        Self::of(ChildAppliance::start(Path::new(env!("CARGO_BIN_EXE_plinth")), folder, &[]).unwrap())
    }

    pub const fn of(appliance: ChildAppliance) -> Self {
        Self { appliance, _folder: None }
    }

    pub const fn ready(&self) -> &Ready {
        self.appliance.ready()
    }

    pub fn login(&self, index: usize) -> &Login {
        &self.ready().sessions[index]
    }

    pub fn log_on(&self, index: usize) -> Firm {
        self.log_on_with(index, Numbers::START, false)
    }

    /// Goes on with the numbers of a connection that a crash has ended.
    pub fn log_on_behind(&self, index: usize, numbers: Numbers) -> Firm {
        self.log_on_with(index, numbers, true)
    }

    fn log_on_with(&self, index: usize, numbers: Numbers, is_resumed: bool) -> Firm {
        let login = self.login(index);
        let config = ClientConfig::new(&login.sender_comp_id, &login.target_comp_id).password(&login.password);
        let mut client = Client::resume(self.ready().fix, config, numbers).unwrap();
        client.logon(Instant::now() + WITHIN).unwrap();
        Firm { is_resumed, ..Firm::of(client) }
    }
}

pub struct Firm {
    pub client: Client,
    next_id: u64,
    /// Sets the ids of this logon apart from those of an earlier one.
    run: u64,
    /// Whether it was there before a crash.
    is_resumed: bool,
}

impl Firm {
    /// Whoever has logged on.
    pub fn of(client: Client) -> Self {
        Self { client, next_id: 0, run: now().get(), is_resumed: false }
    }

    pub fn next_id(&mut self) -> String {
        self.next_id += 1;
        format!("{}-{}", self.run, self.next_id)
    }

    pub fn send(&mut self, msg_type: &[u8], body: impl FnOnce(&mut Builder)) {
        self.client.send(msg_type, body).unwrap();
    }

    /// The next message has this type and these fields; heartbeats do not count. Nor do, for a client that was there before a crash, reports said
    /// again (`PossResend`): more of them may come than were missed.
    pub fn expect(&mut self, what: &str, msg_type: &str, fields: &[(Tag, &str)]) {
        let [] = self.read(what, msg_type, fields, []);
    }

    /// As [`Self::expect`], with what it says in other fields.
    pub fn read<const N: usize>(&mut self, what: &str, msg_type: &str, fields: &[(Tag, &str)], tags: [Tag; N]) -> [String; N] {
        let deadline = Instant::now() + WITHIN;
        loop {
            let message = self.client.next(deadline).unwrap_or_else(|error| panic!("{what}: {error}"));
            let message = message.unwrap_or_else(|| panic!("{what}: no answer in {} s", WITHIN.as_secs()));
            if matches!(message.msg_type(), b"0" | b"1") || (self.is_resumed && message.is_set(tag::POSS_RESEND)) {
                continue;
            }
            assert_eq!(message.msg_type(), msg_type.as_bytes(), "{what}: {message}");
            for (tag, value) in fields {
                assert_eq!(message.get(*tag).map(String::from_utf8_lossy).as_deref(), Some(*value), "{what}, tag {tag}: {message}");
            }
            return tags.map(|tag| message.get(tag).map(String::from_utf8_lossy).unwrap_or_default().into_owned());
        }
    }

    /// A bid far below the market rests. Returns its client order id.
    pub fn accepts_an_order(&mut self, behind: &str) -> String {
        let id = self.next_id();
        self.send(b"D", |message| write_order(message, &id, &[]));
        self.expect(&format!("an order behind {behind}"), "8", &[(tag::CL_ORD_ID, &id), (tag::EXEC_TYPE, "0")]);
        id
    }

    /// The message ends the session; returns the reason given.
    pub fn expect_logout(mut self, msg_type: &[u8], body: impl FnOnce(&mut Builder)) -> String {
        self.send(msg_type, body);
        loop {
            match self.client.next(Instant::now() + WITHIN) {
                Ok(Some(_)) => {}
                Ok(None) => panic!("no logout in {} s", WITHIN.as_secs()),
                Err(ClientError::LoggedOut { text }) => return text,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// A small bid, with some fields changed or added.
pub fn write_order(message: &mut Builder, id: &str, changes: &[(Tag, &str)]) {
    let usual = [
        (tag::CL_ORD_ID, id),
        (tag::SYMBOL, "BTC/USD"),
        (tag::SIDE, "1"),
        (tag::ORDER_QTY, "0.001"),
        (tag::ORD_TYPE, "2"),
        (tag::PRICE, "77000.00"),
        (tag::TIME_IN_FORCE, "1"),
    ];
    let changed: HashMap<Tag, &str> = changes.iter().copied().collect();
    for (tag, value) in usual {
        message.bytes(tag, changed.get(&tag).unwrap_or(&value).as_bytes());
    }
    message.time(tag::TRANSACT_TIME, now());
    for (tag, value) in changes.iter().filter(|(tag, _)| usual.iter().all(|(usual, _)| usual != tag)) {
        message.bytes(*tag, value.as_bytes());
    }
}

pub fn now() -> TimestampNs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    TimestampNs::new(since.as_nanos() as u64)
}
