//! What hostile and broken clients do to the others: nothing. Seeded; `PLINTH_STRESS=20` makes everything twenty times longer. The 99th percentiles of
//! the undisturbed client are printed (`--nocapture`), not judged: this machine is shared.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use plinth_gateway::client::{Client, ClientConfig, ClientError, Numbers};
use plinth_gateway::codec::tag;
use plinth_gateway::driver::{Backend, Listen};
use plinth_gateway::limits::{CONNECTIONS_PENDING_MAX, MESSAGE_SIZE_MAX, RECEIVE_BUFFER_SIZE};
use plinth_gateway::rate::Rate;
use plinth_gateway::session::{ResetPolicy, Throttle};
use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use support::keys::Keys;
use support::server::{Idle, PATIENCE, Server, Setup, flush, order, report};

fn length() -> usize {
    std::env::var("PLINTH_STRESS").ok().and_then(|factor| factor.parse().ok()).unwrap_or(1)
}

/// A linear congruential generator: enough to vary, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

/// Sends orders one after another, each answered, and says how long each took.
fn undisturbed(client: &mut Client, prefix: &str, count: usize) -> Vec<Duration> {
    let times = (0..count).map(|index| {
        let start = Instant::now();
        order(client, &format!("{prefix}{index}"), "1", "1", "1.00");
        flush(client);
        assert_eq!(report(client, &[11, 150]), [format!("{prefix}{index}"), "0".to_owned()]);
        start.elapsed()
    });
    times.collect()
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Runs `attack` beside a client whose orders must all be answered, and prints what it felt.
fn beside(server: &Server, what: &str, attack: impl FnOnce() + Send) {
    let mut client = server.log_on(1, Numbers::START);
    let count = 300 * length();
    let before = p99(undisturbed(&mut client, "before", count));
    let is_over = AtomicBool::new(false);
    let during = std::thread::scope(|scope| {
        scope.spawn(|| {
            // Also when it fails: the other side must not wait for it.
            let _over = Over(&is_over);
            attack();
        });
        let (mut times, mut round) = (Vec::new(), 0);
        while round == 0 || !is_over.load(Ordering::Acquire) {
            times.extend(undisturbed(&mut client, &format!("during{round}-"), 100));
            round += 1;
        }
        p99(times)
    });
    println!("{what}: p99 of the undisturbed client {before:?} before, {during:?} during");
}

/// A flood of orders is refused beyond the session's rate, cheaply; its own cancels pass meanwhile.
fn a_flood_is_throttled_and_cancels_pass(backend: Backend) {
    let mut setup = Setup::new(backend);
    setup.sessions[1].throttle =
        Throttle { requests: Some(Rate { interval_ns: 10_000_000, burst: 50 }), cancels: Some(Rate::per_second(5_000)) };
    let server = Server::start_with(setup);
    beside(&server, "a flood of orders", || {
        let mut flood = server.log_on(2, Numbers::START);
        order(&mut flood, "resting", "1", "1", "2.00");
        flush(&mut flood);
        assert_eq!(report(&mut flood, &[11, 150]), ["resting", "0"]);
        let sent = 5_000 * length();
        let (mut accepted, mut refused) = (0, 0);
        for round in 0..sent / 100 {
            for index in 0..100 {
                order(&mut flood, &format!("f{round}-{index}"), "1", "1", "1.00");
            }
            flush(&mut flood);
            // A refusal waits for no journal, so it may come before the answer to an earlier order.
            let mut answered = HashSet::new();
            for _ in 0..100 {
                let [id, kind, reason, text] = report(&mut flood, &[11, 150, 103, 58]).try_into().unwrap();
                assert!(id.starts_with(&format!("f{round}-")) && answered.insert(id));
                match kind.as_str() {
                    "0" => accepted += 1,
                    _ => {
                        assert_eq!((kind.as_str(), reason.as_str(), text.as_str()), ("8", "99", "more than this session's rate"));
                        refused += 1;
                    }
                }
            }
        }
        assert!(accepted >= 49 && refused > sent / 2, "{accepted} accepted, {refused} refused");
        // The last order was refused, and the next cancel passes.
        flood.queue(b"F", |body| {
            body.bytes(tag::ORIG_CL_ORD_ID, b"resting");
            body.bytes(tag::CL_ORD_ID, b"cancel");
            body.bytes(tag::SYMBOL, b"BTC/USD");
            body.bytes(tag::SIDE, b"1");
            body.bytes(tag::TRANSACT_TIME, b"20260225-12:00:00.000");
        });
        flush(&mut flood);
        assert_eq!(report(&mut flood, &[11, 150, 39]), ["cancel", "4", "4"]);
    });
    assert!(server.status().throttled > 0);
    server.crash();
}

/// A refused `ClOrdID` was not used up, and time brings the rate back.
fn what_was_throttled_may_be_asked_again(backend: Backend) {
    let mut setup = Setup::new(backend);
    setup.sessions[0].throttle.requests = Some(Rate { interval_ns: 300_000_000_000, burst: 1 });
    let server = Server::start_with(setup);
    let mut client = server.log_on(1, Numbers::START);
    for (id, kind) in [("a", "0"), ("b", "8")] {
        order(&mut client, id, "1", "1", "1.00");
        flush(&mut client);
        assert_eq!(report(&mut client, &[11, 150]), [id, kind]);
    }
    server.speed.store(36_000_000, Ordering::Relaxed);
    // The clock runs a year an instant: the peer that is asked to show itself in vain is cut and comes back.
    server.wait_for("the cut", |status| status.connections == 0);
    server.speed.store(1, Ordering::Relaxed);
    let mut client = server.log_on(1, client.numbers());
    order(&mut client, "b", "1", "1", "1.00");
    flush(&mut client);
    assert_eq!(report(&mut client, &[11, 150]), ["b", "0"]);
    server.crash();
}

/// Connections that never log on, from many addresses: plain, dripping, half of a TLS handshake. Others trade, and newcomers get in.
fn thousands_of_half_open_logons_disturb_nobody(backend: Backend) {
    let keys = Keys::new();
    let mut setup = Setup::new(backend);
    setup.listen.push(Listen { address: "127.0.0.1:0".parse().unwrap(), tls: Some(keys.server()) });
    setup.driver.connections_max = 700;
    let server = Server::start_with(setup);
    let secure = server.addresses[1];
    beside(&server, "half-open logons", || {
        let mut random = Random(20_261_122);
        let mut open = std::collections::VecDeque::new();
        for index in 0..2_000 * length() {
            let address = if random.below(2) == 0 { server.address } else { secure };
            // Loopback has sixteen million addresses to come from.
            let stream = connect_from(Ipv4Addr::new(127, 0, 1, 1 + random.below(200) as u8), address);
            if let Ok(mut stream) = stream {
                let _ = stream.write_all(&b"8=FIX.4.4\x019=70\x0135=A\x01"[..random.below(20)]);
                let _ = stream.write_all(&[22, 3, 1, 0, 200, 1][..random.below(6)]);
                open.push_back(stream);
            }
            if open.len() > 400 {
                drop(open.pop_front());
            }
            if let Some(stream) = open.get_mut(index % 400) {
                let _ = stream.write_all(b"1");
            }
            if index % 500 == 250 {
                // A client that means it gets in, although as many are half-open as may be.
                let mut again = server.log_on_resetting(2);
                order(&mut again, &format!("n{index}"), "1", "1", "1.00");
                flush(&mut again);
                assert_eq!(report(&mut again, &[150]), ["0"]);
                again.logout(Instant::now() + PATIENCE).unwrap();
                server.wait_for("the logout", |status| status.is_idle(1));
            }
            if index % 100 == 0 {
                let status = server.status();
                assert!(status.connections <= CONNECTIONS_PENDING_MAX + 200, "{} connections", status.connections);
            }
        }
    });
    server.crash();
}

fn connect_from(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    socket.connect(&to.into())?;
    Ok(socket.into())
}

/// Claims that nothing follows: lengths of a gigabyte, a million tags, gaps of 2^63. Nothing is kept for them, and the session goes on.
fn oversized_claims_cost_nothing(backend: Backend) {
    let server = Server::start(backend, Vec::new());
    let mut client = server.log_on(1, Numbers::START);
    let claims: [Vec<u8>; 4] = [
        b"8=FIX.4.4\x019=1000000000\x0135=0\x01".to_vec(),
        b"8=FIX.4.4\x019=999999999999999999\x0135=0\x01".to_vec(),
        [&b"8=FIX.4.4\x019=8000\x0135=D\x01"[..], &b"58=x\x01".repeat(1_000_000)[..]].concat(),
        [&b"8=FIX.4.4\x019="[..], &[b'9'; 100_000]].concat(),
    ];
    for claim in &claims {
        client.stream().write_all(claim).unwrap();
        client.stream().write_all(b"\x0110=000\x01").unwrap();
        undisturbed(&mut client, &format!("after{}", claim.len()), 10);
    }
    // A number that is absurdly far ahead ends the session, politely, and nothing was waiting for what lies between.
    let numbers = client.numbers();
    let ahead = Numbers { next_out: plinth_types::id::MsgSeqNum::new(1 << 59), ..numbers };
    drop(client);
    server.wait_for("the end", |status| status.connections == 0);
    let config = ClientConfig::new("FIRM1", "PLINTH").password("secret1");
    let mut far = Client::resume(server.address, config, ahead).unwrap();
    assert!(matches!(far.logon(Instant::now() + PATIENCE), Err(ClientError::LoggedOut { .. })));
    drop(far);
    server.wait_for("the end", |status| status.connections == 0);
    assert_eq!(server.status().sessions[0].next_in, numbers.next_out);
    assert!(claims[2].len() > 100 * RECEIVE_BUFFER_SIZE && claims[2].len() > 500 * MESSAGE_SIZE_MAX);
    server.crash();
}

/// A client that comes back again and again, asks for everything each time and does not wait for it. In the end it has everything.
fn a_reconnect_storm_with_full_resends_disturbs_nobody(backend: Backend) {
    let server = Server::start(backend, Vec::new());
    const ORDERS: usize = 1_000;
    beside(&server, "a reconnect storm", || {
        let mut storm = server.log_on(2, Numbers::START);
        for index in 0..ORDERS {
            order(&mut storm, &format!("s{index}"), "1", "1", "1.00");
        }
        flush(&mut storm);
        server.wait_for("the orders", |status| status.sessions[1].orders == ORDERS as u64);
        let first = |numbers: Numbers| Numbers { next_in: plinth_types::id::MsgSeqNum::new(2), ..numbers };
        let mut numbers = first(storm.numbers());
        drop(storm);
        let mut random = Random(7);
        for _ in 0..50 * length() {
            server.wait_for("the end", |status| status.is_idle(1));
            let config = ClientConfig::new("FIRM2", "PLINTH").password("secret2").heartbeat_s(600);
            let mut storm = Client::resume(server.address, config, numbers).unwrap();
            match storm.logon(Instant::now() + PATIENCE) {
                Ok(()) => {}
                // More often than it may: it has to wait.
                Err(ClientError::Closed) => {
                    numbers = first(storm.numbers());
                    numbers.next_out = server.status().sessions[1].next_in;
                    continue;
                }
                Err(error) => panic!("{error}"),
            }
            for _ in 0..random.below(200) {
                storm.next(Instant::now() + PATIENCE).unwrap();
            }
            numbers = first(storm.numbers());
        }
        server.wait_for("the end", |status| status.is_idle(1));
        server.speed.store(50, Ordering::Relaxed);
        let config = ClientConfig::new("FIRM2", "PLINTH").password("secret2").heartbeat_s(600);
        let deadline = Instant::now() + PATIENCE;
        let mut last = loop {
            let mut last = Client::resume(server.address, config.clone(), numbers).unwrap();
            if last.logon(Instant::now() + PATIENCE).is_ok() {
                break last;
            }
            assert!(Instant::now() < deadline, "kept out for ever");
            server.wait_for("the end", |status| status.is_idle(1));
        };
        server.speed.store(1, Ordering::Relaxed);
        for index in 0..ORDERS {
            assert_eq!(report(&mut last, &[11, 150]), [format!("s{index}"), "0".to_owned()]);
        }
    });
    server.crash();
}

/// One `ClOrdID` makes one order: after a reset, after a restart, after both.
fn a_client_order_id_is_used_up_over_resets_and_restarts(backend: Backend) {
    let setup = |records| {
        let mut setup = Setup { records, ..Setup::new(backend) };
        setup.sessions[1].reset = ResetPolicy::OnRequest;
        setup
    };
    let mut records = Vec::new();
    for life in 0..4 {
        let server = Server::start_with(setup(records));
        for _ in 0..2 {
            let mut client = server.log_on_resetting(2);
            let kind = if life == 0 && server.status().sessions[1].orders == 0 { "0" } else { "8" };
            order(&mut client, "once", "1", "1", "1.00");
            flush(&mut client);
            let reason = if kind == "8" { "6" } else { "" };
            assert_eq!(report(&mut client, &[150, 103]), [kind, reason]);
            drop(client);
            server.wait_for("the end", |status| status.is_idle(1));
        }
        assert_eq!(server.status().sessions[1].orders, 1);
        records = server.crash();
    }
}

/// A stream that is cut in the middle of a message keeps nothing alive.
fn half_a_message_and_silence(backend: Backend) {
    let server = Server::start(backend, Vec::new());
    let client = server.log_on(1, Numbers::START);
    client.stream().write_all(b"8=FIX.4.4\x019=200\x0135=D\x0134=2\x01").unwrap();
    server.speed.store(2_000, Ordering::Relaxed);
    let mut rest = Vec::new();
    client.stream().set_read_timeout(Some(PATIENCE)).unwrap();
    client.stream().read_to_end(&mut rest).unwrap();
    assert!(rest.windows(5).any(|window| window == b"\x0135=1"), "it was asked whether it is there");
    server.wait_for("the end", |status| status.connections == 0);
    server.crash();
}

over_both!(
    a_flood_is_throttled_and_cancels_pass,
    what_was_throttled_may_be_asked_again,
    thousands_of_half_open_logons_disturb_nobody,
    oversized_claims_cost_nothing,
    a_reconnect_storm_with_full_resends_disturbs_nobody,
    a_client_order_id_is_used_up_over_resets_and_restarts,
    half_a_message_and_silence,
);
