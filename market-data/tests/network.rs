//! Over real sockets, behind a real journal: consumers on a bad road end gap-free with the engine's books; strangers get nothing.

#![allow(clippy::unwrap_used, reason = "a test stops where something is wrong")]

#[path = "../../matching/tests/market/mod.rs"]
mod market;
#[path = "support/relay.rs"]
mod relay;
mod support;

use market::{Market, capacity, submit, wait_durable, zone_config};
use plinth_market_data::itch::SessionName;
use plinth_market_data::itch::feed::Feed;
use plinth_market_data::limits::{
    DATAGRAM_SIZE_MAX, REQUEST_SIZE, RETRANSMIT_BURST_SIZE_MAX, RETRANSMIT_BYTES_PER_S_MAX, SNAPSHOT_CONNECTIONS_MAX,
};
use plinth_market_data::mold::{Header, Request};
use plinth_market_data::net::{Client, ClientConfig, Server, ServerConfig, Stage, StageConfig};
use plinth_matching::journal::{JournalStatus, Reader};
use plinth_matching::pipeline::Fused;
use plinth_matching::replica::{ZoneConfig, recover};
use plinth_types::id::{Seq, TimestampNs, ZoneId};
use relay::Relay;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use support::{Large, Tape, assert_view_is_engine};

const LOCAL: Ipv4Addr = Ipv4Addr::LOCALHOST;
const PATIENCE: Duration = Duration::from_secs(60);

fn any_port() -> SocketAddr {
    SocketAddr::from((LOCAL, 0))
}

fn server_config(targets: Vec<SocketAddr>) -> ServerConfig {
    ServerConfig {
        targets,
        interface: LOCAL,
        ttl: 0,
        requests: any_port(),
        snapshots: any_port(),
        allowed: vec![IpAddr::V4(LOCAL)],
    }
}

/// A zone with its journal, and a stage on a thread.
struct Zone {
    fused: Fused,
    config: ZoneConfig,
    wake: Arc<File>,
}

impl Zone {
    fn start(folder: &std::path::Path) -> Self {
        let mut config = zone_config(folder);
        let wake = Arc::new(File::from(rustix::event::eventfd(0, rustix::event::EventfdFlags::NONBLOCK).unwrap()));
        let hook = Arc::clone(&wake);
        config.journal.on_durable = Some(Arc::new(move || drop((&*hook).write(&1_u64.to_ne_bytes()))));
        let recovered = recover(&config, TimestampNs::new(1), |_, _, _| ()).unwrap();
        let (fused, _) = recovered.start(&config.journal).unwrap();
        Self { fused, config, wake }
    }

    /// Asks, and waits until all is durable.
    fn ask(&mut self, asks: &mut Market, count: usize) -> Seq {
        let mut last = Seq::new(0);
        for ask in asks.by_ref().take(count) {
            last = submit(&mut self.fused, 1, &ask, |_, _, _| ());
        }
        wait_durable(self.fused.journal(), last);
        self.fused.release(|_, _, _| ());
        last
    }

    /// The feed of everything that is durable, read by nobody else's code.
    fn expected(&self) -> (Feed, Tape) {
        let mut feed = Feed::new(ZoneId::TRADING, capacity());
        let mut tape = Tape::default();
        let mut reader = Reader::open(&self.config.journal.path, Seq::new(1)).unwrap();
        while let Some((command, tail)) = reader.next(self.fused.journal().durable()).unwrap() {
            feed.apply(&command, tail, &mut tape);
        }
        tape.take_into_view("");
        (feed, tape)
    }

    fn publish(&self, config: ServerConfig) -> Published {
        let stage = StageConfig { zone: ZoneId::TRADING, capacity: capacity(), server: Some(config), files: None };
        let stage = Stage::open(&stage, &self.config.journal.path).unwrap();
        let server = stage.server().unwrap();
        let (requests, snapshots) = (server.requests_address().unwrap(), server.snapshots_address().unwrap());
        let stop = Arc::new(AtomicBool::new(false));
        let (journal, wake, stopping) = (Arc::clone(self.fused.journal()), Arc::clone(&self.wake), Arc::clone(&stop));
        let thread = std::thread::spawn(move || run(stage, &journal, &wake, &stopping));
        Published { requests, snapshots, stop, wake: Arc::clone(&self.wake), thread: Some(thread) }
    }
}

fn run(mut stage: Stage, journal: &JournalStatus, wake: &File, stopping: &AtomicBool) {
    stage.catch_up(journal).unwrap();
    while !stopping.load(Ordering::Acquire) {
        if !stage.turn(journal).unwrap() {
            stage.wait(wake.as_fd()).unwrap();
            drop((&*wake).read(&mut [0; 8]));
        }
    }
}

struct Published {
    requests: SocketAddr,
    snapshots: SocketAddr,
    stop: Arc<AtomicBool>,
    wake: Arc<File>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Published {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        (&*self.wake).write_all(&1_u64.to_ne_bytes()).unwrap();
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Turns until the client has every message of the tape.
fn follow(client: &mut Client, tape: &Tape) {
    let last = tape.message_count();
    let deadline = Instant::now() + PATIENCE;
    while client.receiver().session() != tape.sessions.last().copied() || client.receiver().next() <= last {
        client.turn(Duration::from_millis(20)).unwrap();
        assert!(Instant::now() < deadline, "message {} of {last}, {:?}", client.receiver().next(), client.counts());
    }
    assert_eq!(client.receiver().next(), last + 1);
}

#[test]
fn on_a_bad_road_a_consumer_ends_gap_free_with_the_engines_books() {
    let dir = tempfile::tempdir().unwrap();
    let mut zone = Zone::start(dir.path());
    let mut asks = Market::new(21);
    // The consumer's own address is known before the server's, and the road between them to both.
    let own = UdpSocket::bind(any_port()).unwrap().local_addr().unwrap();
    let road = Relay::start(own, 77, 5);
    zone.ask(&mut asks, 50);
    let published = zone.publish(server_config(vec![road.address]));
    let asking = Relay::start(published.requests, 78, 4);
    let config = ClientConfig { listen: own, interface: LOCAL, requests: asking.address, snapshots: published.snapshots };
    let mut client = Client::join(config).unwrap();
    for _ in 0..60 {
        zone.ask(&mut asks, 150);
        client.turn(Duration::ZERO).unwrap();
    }
    let (feed, tape) = zone.expected();
    follow(&mut client, &tape);
    assert_view_is_engine(client.view(), &feed, "bad road");
    let counts = client.counts();
    println!(
        "{} messages, {counts:?}, {} gaps, lost {} and {}",
        tape.message_count(),
        client.receiver().gaps(),
        road.lost.load(Ordering::Relaxed),
        asking.lost.load(Ordering::Relaxed)
    );
    assert_eq!((counts.snapshots, counts.misfits), (1, 0), "all that was lost came by retransmission");
    assert!(road.lost.load(Ordering::Relaxed) > 5 && client.receiver().gaps() > 0 && counts.requests > 5);
    assert!(counts.messages > 1_000);
}

#[test]
fn a_consumer_lives_through_a_restart_of_the_server_and_a_late_one_needs_no_history() {
    let dir = tempfile::tempdir().unwrap();
    let mut zone = Zone::start(dir.path());
    let mut asks = Market::new(22);
    zone.ask(&mut asks, 1_000);
    let own = UdpSocket::bind(any_port()).unwrap().local_addr().unwrap();
    let mut config = server_config(vec![own]);
    let published = zone.publish(config.clone());
    (config.requests, config.snapshots) = (published.requests, published.snapshots);
    let join =
        |listen| Client::join(ClientConfig { listen, interface: LOCAL, requests: config.requests, snapshots: config.snapshots });
    let mut client = join(own).unwrap();
    zone.ask(&mut asks, 1_000);
    follow(&mut client, &zone.expected().1);
    drop(published);
    // Nobody publishes this.
    zone.ask(&mut asks, 1_000);
    let published = zone.publish(config.clone());
    zone.ask(&mut asks, 1_000);
    let (feed, tape) = zone.expected();
    follow(&mut client, &tape);
    assert_view_is_engine(client.view(), &feed, "restart");
    assert_eq!(client.counts().snapshots, 1);
    assert!(client.counts().requests > 0);
    // A consumer that comes now, and is sent nothing by itself, has the same books; the rest it hears of by asking.
    let mut late = join(any_port()).unwrap();
    assert!(late.receiver().next() > 1);
    assert!(!late.turn(Duration::ZERO).unwrap());
    assert_eq!(late.receiver().next(), tape.message_count() + 1);
    assert_view_is_engine(late.view(), &feed, "late");
    drop(published);
    assert!(join(any_port()).is_err(), "no server, no snapshot");
}

#[test]
fn a_group_reaches_every_consumer() {
    let group = Ipv4Addr::new(239, 255, 77, 1);
    let port = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap().local_addr().unwrap().port();
    let target = SocketAddr::from((group, port));
    let dir = tempfile::tempdir().unwrap();
    let mut zone = Zone::start(dir.path());
    let mut asks = Market::new(23);
    zone.ask(&mut asks, 200);
    let published = zone.publish(server_config(vec![target]));
    let config = ClientConfig { listen: target, interface: LOCAL, requests: published.requests, snapshots: published.snapshots };
    let mut clients = [Client::join(config.clone()).unwrap(), Client::join(config).unwrap()];
    zone.ask(&mut asks, 500);
    let (feed, tape) = zone.expected();
    for client in &mut clients {
        follow(client, &tape);
        assert_view_is_engine(client.view(), &feed, "group");
        assert!(client.counts().messages > 0);
    }
}

/// A server with some messages, driven by hand.
fn server_with_messages(allowed: Vec<IpAddr>) -> (Server, Large) {
    let mut zone = Large::new();
    let mut server = Server::bind(&ServerConfig { allowed, ..server_config(Vec::new()) }).unwrap();
    for at in 0..60 {
        zone.rest(plinth_types::command::Side::Sell, 100 + at, 5);
    }
    let session = zone.feed.session().unwrap();
    use plinth_market_data::itch::feed::BlockSink;
    server.downstream().begin(session);
    zone.tape.read_all(|message| {
        let block = [&(message.len() as u16).to_be_bytes()[..], message].concat();
        server.downstream().blocks(1, &block);
    });
    server.turn(&zone.feed);
    (server, zone)
}

#[test]
fn hostile_requests_are_dropped_and_floods_are_bounded() {
    let (mut server, zone) = server_with_messages(vec![IpAddr::V4(LOCAL)]);
    let session = zone.feed.session().unwrap();
    let next = server.downstream().next();
    let stranger = UdpSocket::bind(any_port()).unwrap();
    stranger.set_nonblocking(true).unwrap();
    let asked = server.requests_address().unwrap();
    let other = SessionName::new(*b"1999010101").unwrap();
    let request = |session, first, count| Request { session, first, count }.bytes().to_vec();
    let hostile = [
        vec![],
        vec![0; REQUEST_SIZE],
        vec![0xff; REQUEST_SIZE],
        [request(session, 1, 1), vec![0]].concat(),
        request(session, 1, 1)[..19].to_vec(),
        request(session, 0, 1),
        request(session, 1, 0),
        request(session, next, 1),
        request(session, u64::MAX, u16::MAX),
        request(other, 1, 1),
    ];
    for datagram in &hostile {
        stranger.send_to(datagram, asked).unwrap();
    }
    turn_until(&mut server, &zone.feed, |counts| counts.dropped == hostile.len() as u64);
    let mut buffer = [0; 9_000];
    assert_eq!(stranger.recv_from(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock, "nobody is answered");

    // One request, one datagram, however much is asked for.
    stranger.send_to(&request(session, 1, u16::MAX), asked).unwrap();
    turn_until(&mut server, &zone.feed, |counts| counts.answered == 1);
    let (size, _) = stranger.recv_from(&mut buffer).unwrap();
    let (header, blocks) = Header::read(&buffer[..size]).unwrap();
    assert!(size <= DATAGRAM_SIZE_MAX && header.first == 1 && !blocks.is_empty());
    assert_eq!(stranger.recv_from(&mut buffer).unwrap_err().kind(), ErrorKind::WouldBlock);

    // A flood of good requests.
    let started = Instant::now();
    let (mut received, mut asked_count) = (0_u64, 0_u64);
    while asked_count < 3 * RETRANSMIT_BURST_SIZE_MAX / DATAGRAM_SIZE_MAX as u64 {
        for _ in 0..50 {
            stranger.send_to(&request(session, 1, u16::MAX), asked).unwrap();
            asked_count += 1;
        }
        server.turn(&zone.feed);
        while let Ok((size, _)) = stranger.recv_from(&mut buffer) {
            received += size as u64;
        }
    }
    let bound = RETRANSMIT_BURST_SIZE_MAX + (RETRANSMIT_BYTES_PER_S_MAX as f64 * started.elapsed().as_secs_f64()) as u64;
    println!("{asked_count} requests, {received} bytes sent, at most {bound}");
    assert!(received <= bound && received > RETRANSMIT_BURST_SIZE_MAX / 2);
}

#[test]
fn who_is_not_named_gets_neither_answers_nor_snapshots() {
    let (mut server, zone) = server_with_messages(vec![IpAddr::V4(Ipv4Addr::new(10, 1, 2, 3))]);
    let session = zone.feed.session().unwrap();
    let stranger = UdpSocket::bind(any_port()).unwrap();
    stranger.set_nonblocking(true).unwrap();
    stranger.send_to(&Request { session, first: 1, count: 1 }.bytes(), server.requests_address().unwrap()).unwrap();
    turn_until(&mut server, &zone.feed, |counts| counts.dropped == 1);
    assert_eq!(stranger.recv_from(&mut [0; 9_000]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let snapshots = server.snapshots_address().unwrap();
    let mut stream = TcpStream::connect(snapshots).unwrap();
    turn_until(&mut server, &zone.feed, |_| true);
    assert!(matches!(stream.read(&mut [0; 100]), Ok(0) | Err(_)));
}

#[test]
fn who_takes_no_snapshot_keeps_nobody_else_from_one_for_long() {
    let (mut server, zone) = server_with_messages(vec![IpAddr::V4(LOCAL)]);
    let address = server.snapshots_address().unwrap();
    // More than are served at the same time; a small snapshot fits the socket's own buffer, so all are done at once.
    let idle: Vec<TcpStream> = (0..2 * SNAPSHOT_CONNECTIONS_MAX).map(|_| TcpStream::connect(address).unwrap()).collect();
    turn_until(&mut server, &zone.feed, |counts| counts.snapshots == idle.len() as u64);
}

fn turn_until(server: &mut Server, feed: &Feed, done: impl Fn(plinth_market_data::net::ServerCounts) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        server.turn(feed);
        if done(server.counts()) {
            return;
        }
        assert!(Instant::now() < deadline, "{:?}", server.counts());
        std::thread::yield_now();
    }
}
