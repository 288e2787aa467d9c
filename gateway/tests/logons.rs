//! Logons with a key, on real sockets; and that nothing ever shows what a logon shows.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use ed25519_dalek::{Signer, SigningKey};
use plinth_gateway::acceptor::LinkId;
use plinth_gateway::client::{Client, ClientConfig};
use plinth_gateway::clock::Now;
use plinth_gateway::codec::{Builder, Fields, Frame, Message, Version, frame, hex, tag, timestamp};
use plinth_gateway::driver::Backend;
use plinth_gateway::session::{Credential, ResetPolicy, SignedLogon};
use plinth_types::id::TimestampNs;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};
use support::server::{PATIENCE, Server, Setup, flush, order, report};
use support::{Record, firms};

const SEED: [u8; 32] = [7; 32];

/// FIRM1 logs on with a key and may reset.
fn start(backend: Backend, records: Vec<Record>) -> Server {
    let mut setup = Setup { records, ..Setup::new(backend) };
    setup.sessions[0].credential = Credential::Key(SigningKey::from_bytes(&SEED).verifying_key().to_bytes());
    setup.sessions[0].reset = ResetPolicy::OnRequest;
    Server::start_with(setup)
}

/// A logon as `plinth_gateway::client` would send it, apart from what is changed.
#[derive(Clone)]
struct Logon {
    seed: [u8; 32],
    number: u64,
    /// What the signature is over, where it is not the number.
    signed_number: u64,
    time: TimestampNs,
    is_reset: bool,
    signs_reset: bool,
}

impl Logon {
    fn new(number: u64) -> Self {
        Self { seed: SEED, number, signed_number: number, time: Now::read().utc, is_reset: false, signs_reset: false }
    }

    fn bytes(&self) -> Vec<u8> {
        let (number, time) = (self.signed_number.to_string(), timestamp::text(self.time, Version::Fix44));
        let signed = SignedLogon {
            begin_string: b"FIX.4.4",
            msg_seq_num: number.as_bytes(),
            sender: b"FIRM1",
            target: b"PLINTH",
            sending_time: time.as_bytes(),
            is_reset: self.signs_reset,
        };
        let mut signature = Vec::new();
        hex::encode(&SigningKey::from_bytes(&self.seed).sign(&signed.text()).to_bytes(), &mut signature);
        let mut builder = Builder::default();
        builder.start(b"A");
        builder.number(tag::MSG_SEQ_NUM, self.number);
        builder.bytes(tag::SENDER_COMP_ID, b"FIRM1");
        builder.bytes(tag::SENDING_TIME, time.as_bytes());
        builder.bytes(tag::TARGET_COMP_ID, b"PLINTH");
        builder.number(tag::ENCRYPT_METHOD, 0);
        builder.number(tag::HEART_BT_INT, 600);
        builder.number(tag::RAW_DATA_LENGTH, signature.len() as u64);
        builder.bytes(tag::RAW_DATA, &signature);
        if self.is_reset {
            builder.bytes(tag::RESET_SEQ_NUM_FLAG, b"Y");
        }
        builder.finish().to_vec()
    }
}

/// Whether a logon is answered, and the connection that it came over.
fn is_answered(server: &Server, logon: &[u8]) -> (bool, TcpStream) {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(logon).unwrap();
    let mut bytes = [0; 512];
    let count = stream.read(&mut bytes).unwrap_or(0);
    assert!(count == 0 || bytes[..count].windows(4).any(|window| window == b"35=A"), "{:?}", String::from_utf8_lossy(&bytes));
    (count > 0, stream)
}

fn a_client_with_the_key_logs_on_again_and_again(backend: Backend) {
    let server = start(backend, Vec::new());
    let config = ClientConfig::new("FIRM1", "PLINTH").key(&SEED).heartbeat_s(600);
    let mut numbers = plinth_gateway::client::Numbers::START;
    for life in 0..5 {
        let mut client = Client::resume(server.address, config.clone(), numbers).unwrap();
        client.logon(Instant::now() + PATIENCE).unwrap();
        order(&mut client, &format!("o{life}"), "1", "1", "1.00");
        flush(&mut client);
        assert_eq!(report(&mut client, &[11, 150]), [format!("o{life}"), "0".to_owned()]);
        numbers = client.logout(Instant::now() + PATIENCE).unwrap();
        server.wait_for("the logout", |status| status.connections == 0);
    }
    server.crash();
}

fn a_logon_that_was_used_is_refused(backend: Backend) {
    let server = start(backend, Vec::new());
    let first = Logon::new(1);
    let (answered, stream) = is_answered(&server, &first.bytes());
    assert!(answered);
    drop(stream);
    server.wait_for("the end", |status| !status.sessions[0].is_logged_on && status.connections == 0);
    // The same bytes; one that was signed before it; one at the same time, for a reset.
    let older = Logon { time: TimestampNs::new(first.time.get() - 1_000_000), ..Logon::new(2) };
    let reset = Logon { is_reset: true, signs_reset: true, time: first.time, ..Logon::new(1) };
    for logon in [first.clone(), older, reset] {
        assert!(!is_answered(&server, &logon.bytes()).0);
    }
    assert_eq!(server.status().sessions[0].next_in.get(), 2);
    let (answered, _stream) = is_answered(&server, &Logon::new(2).bytes());
    assert!(answered);
    server.crash();
}

/// Of many copies of one logon that are verified at the same time, one is good, even if each ends before the next is looked at.
fn copies_of_a_logon_in_flight_open_one_session(backend: Backend) {
    let server = start(backend, Vec::new());
    let logon = Logon::new(1).bytes();
    let mut streams: Vec<TcpStream> = (0..8).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    for stream in &mut streams {
        stream.write_all(&logon).unwrap();
    }
    let answered = streams.iter_mut().map(|stream| {
        stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        stream.read(&mut [0; 16]).is_ok_and(|count| count > 0)
    });
    assert_eq!(answered.filter(|answered| *answered).count(), 1);
    server.crash();
}

fn a_restart_does_not_make_a_logon_good_again(backend: Backend) {
    let server = start(backend, Vec::new());
    let used = Logon::new(1).bytes();
    // One that was signed and never sent is as old after the restart.
    let kept = Logon::new(2).bytes();
    assert!(is_answered(&server, &used).0);
    let server = start(backend, server.crash());
    assert!(!is_answered(&server, &used).0 && !is_answered(&server, &kept).0);
    assert!(is_answered(&server, &Logon::new(1).bytes()).0, "nothing of the first life was journaled");
    server.crash();
}

fn what_is_not_signed_by_the_session_key_is_refused(backend: Backend) {
    let server = start(backend, Vec::new());
    let good = Logon::new(1);
    let mut without_signature = good.bytes();
    let at = without_signature.windows(4).position(|window| window == b"\x0196=").unwrap();
    without_signature[at + 5] ^= 1;
    // Its checksum is wrong now; an even change keeps it.
    without_signature[at + 7] ^= 1;
    for bytes in [
        Logon { seed: [8; 32], ..good.clone() }.bytes(),
        Logon { signed_number: 2, ..good.clone() }.bytes(),
        Logon { is_reset: true, ..good.clone() }.bytes(),
        without_signature,
    ] {
        assert!(!is_answered(&server, &bytes).0);
    }
    // A password is no signature.
    let mut client = Client::connect(server.address, ClientConfig::new("FIRM1", "PLINTH").password("secret1")).unwrap();
    assert!(client.logon(Instant::now() + PATIENCE).is_err());
    assert_eq!(server.status().sessions[0].next_in.get(), 1);
    assert!(is_answered(&server, &Logon::new(1).bytes()).0);
    server.crash();
}

/// Whatever is printed of the gateway and of a client, at any moment of a logon, holds no secret: neither as text nor as the numbers of its
/// bytes.
#[test]
fn nothing_shows_a_secret() {
    let secret = "correct-horse";
    let hidden = |what: &str, shown: &str| {
        let numbers: Vec<String> = secret.bytes().map(|byte| byte.to_string()).collect();
        assert!(!shown.contains(secret) && !shown.contains(&numbers.join(", ")), "{what}: {shown}");
        assert!(!shown.contains("$argon2"), "{what}: {shown}");
    };
    let mut sessions = firms::sessions(|_| "$argon2id$v=19$a-hash".to_owned());
    sessions.iter().for_each(|session| hidden("a session's configuration", &format!("{session:?}")));
    sessions.truncate(1);
    let config = ClientConfig::new("FIRM1", "PLINTH").password(secret).key(&SEED);
    hidden("a client's configuration", &format!("{config:?}"));

    let (mut acceptor, mut zone) = (firms::acceptor(), firms::journal());
    acceptor.start();
    let (link, now) = (LinkId { index: 0, generation: 1 }, Now::read());
    acceptor.tick(now);
    assert!(acceptor.connected(link, IpAddr::V4(Ipv4Addr::LOCALHOST), now));
    let mut builder = Builder::default();
    builder.start(b"A");
    builder.number(tag::MSG_SEQ_NUM, 1);
    builder.bytes(tag::SENDER_COMP_ID, b"FIRM1");
    builder.time(tag::SENDING_TIME, now.utc);
    builder.bytes(tag::TARGET_COMP_ID, b"PLINTH");
    builder.number(tag::ENCRYPT_METHOD, 0);
    builder.number(tag::HEART_BT_INT, 30);
    builder.number(tag::RAW_DATA_LENGTH, secret.len() as u64);
    builder.bytes(tag::RAW_DATA, secret.as_bytes());
    builder.bytes(tag::PASSWORD, secret.as_bytes());
    let logon = builder.finish().to_vec();
    let mut fields = Fields::default();
    assert!(matches!(frame::next(&logon, &mut fields), Frame::Message { .. }));
    hidden("a message", &Message::new(&logon, &fields).to_string());
    let used = acceptor.receive(link, &logon, now, &mut zone);
    assert_eq!(used, logon.len());
    hidden("an acceptor that verifies", &format!("{acceptor:?}"));
    let verification = acceptor.take_verification().expect("the password is to be verified");
    hidden("a verification", &format!("{verification:?}"));
    acceptor.verified(link, true, now);
    acceptor.outgoing(link, now);
    hidden("an acceptor that has answered", &format!("{acceptor:?}"));

    let server = Server::start(Backend::Poll, Vec::new());
    let mut client = Client::connect(server.address, config).unwrap();
    assert!(client.logon(Instant::now() + PATIENCE).is_err());
    hidden("a client", &format!("{client:?}"));
    hidden("a gateway", &server.shown());
    server.crash();
}

over_both!(
    a_client_with_the_key_logs_on_again_and_again,
    a_logon_that_was_used_is_refused,
    copies_of_a_logon_in_flight_open_one_session,
    a_restart_does_not_make_a_logon_good_again,
    what_is_not_signed_by_the_session_key_is_refused,
);
