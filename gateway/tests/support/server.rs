//! A gateway on a thread with real sockets, over a zone in memory whose records are durable at once.

use super::{Record, firms};
use plinth_gateway::Gateway;
use plinth_gateway::client::{Client, ClientConfig, Numbers};
use plinth_gateway::clock::{MonoNs, Now};
use plinth_gateway::codec::{Message, Tag, tag, timestamp};
use plinth_gateway::driver::{Backend, DriverConfig, GatewayConfig, GatewayStatus, Listen, Waker, hash_password};
use plinth_gateway::limits::QUARANTINE_SIZE;
use plinth_gateway::session::SessionConfig;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub const PATIENCE: Duration = Duration::from_secs(120);

/// A gateway on a thread, with its zone.
pub struct Server {
    pub address: SocketAddr,
    /// Of each listener.
    pub addresses: Vec<SocketAddr>,
    waker: Waker,
    requests: Sender<Request>,
    pub speed: Arc<AtomicU64>,
    thread: JoinHandle<Vec<Record>>,
}

enum Request {
    Status(Sender<GatewayStatus>),
    Show(Sender<String>),
    /// As `kill -9`: nothing more is said.
    Crash,
}

/// Monotonic time runs faster than the clock in tests that wait for a limit.
struct Clock {
    speed: Arc<AtomicU64>,
    read_at: MonoNs,
    mono: MonoNs,
}

impl Clock {
    fn now(&mut self) -> Now {
        let now = Now::read();
        self.mono = self.mono.after_ns(now.mono.since_ns(self.read_at) * self.speed.load(Ordering::Relaxed));
        self.read_at = now.mono;
        Now { mono: self.mono, ..now }
    }
}

impl Server {
    pub fn start(backend: Backend, records: Vec<Record>) -> Self {
        Self::start_with(Setup { records, ..Setup::new(backend) })
    }

    pub fn start_with(setup: Setup) -> Self {
        let (requests, inbox) = channel();
        let (ready, started) = channel();
        let speed = Arc::new(AtomicU64::new(1));
        let clock = Clock { speed: speed.clone(), read_at: Now::read().mono, mono: MonoNs::default() };
        let thread = std::thread::spawn(move || serve(setup, clock, &inbox, &ready));
        let (addresses, waker) = started.recv().expect("the gateway starts");
        Self { address: addresses[0], addresses, waker, requests, speed, thread }
    }

    pub fn status(&self) -> GatewayStatus {
        let (sender, receiver) = channel();
        self.requests.send(Request::Status(sender)).unwrap();
        self.waker.wake();
        receiver.recv_timeout(PATIENCE).expect("the loop turns")
    }

    /// Logs on with both numbers at 1 again.
    pub fn log_on_resetting(&self, firm: u16) -> Client {
        let config = ClientConfig::new(&format!("FIRM{firm}"), "PLINTH").password(&format!("secret{firm}")).heartbeat_s(600);
        let mut client = Client::connect(self.address, config.reset(true)).unwrap();
        client.logon(Instant::now() + PATIENCE).unwrap();
        client
    }

    /// All that the gateway would print of itself.
    pub fn shown(&self) -> String {
        let (sender, receiver) = channel();
        self.requests.send(Request::Show(sender)).unwrap();
        self.waker.wake();
        receiver.recv_timeout(PATIENCE).expect("the loop turns")
    }

    /// Ends it without a word and returns the journal.
    pub fn crash(self) -> Vec<Record> {
        self.requests.send(Request::Crash).unwrap();
        self.waker.wake();
        self.thread.join().unwrap()
    }

    pub fn wait_for(&self, what: &str, condition: impl Fn(&GatewayStatus) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = self.status();
            if condition(&status) {
                return;
            }
            assert!(Instant::now() < deadline, "{what} never came: {status:?}");
            std::thread::yield_now();
        }
    }

    pub fn log_on(&self, firm: u16, numbers: Numbers) -> Client {
        let config = ClientConfig::new(&format!("FIRM{firm}"), "PLINTH").password(&format!("secret{firm}")).heartbeat_s(600);
        let mut client = Client::resume(self.address, config, numbers).unwrap();
        client.logon(Instant::now() + PATIENCE).unwrap();
        client
    }
}

/// Whether nobody holds a session.
pub trait Idle {
    fn is_idle(&self, session: usize) -> bool;
}

impl Idle for GatewayStatus {
    fn is_idle(&self, session: usize) -> bool {
        !self.sessions[session].has_connection
    }
}

/// What a gateway is started with.
pub struct Setup {
    pub driver: DriverConfig,
    pub listen: Vec<Listen>,
    pub sessions: Vec<SessionConfig>,
    pub records: Vec<Record>,
}

impl Setup {
    /// Three firms with passwords, plain TCP on loopback.
    pub fn new(backend: Backend) -> Self {
        Self {
            driver: DriverConfig { backend, ..DriverConfig::default() },
            listen: vec![Listen::plain("127.0.0.1:0".parse().unwrap())],
            sessions: firms::sessions(|password| hash_password(password.as_bytes(), b"a salt for tests").unwrap()),
            records: Vec::new(),
        }
    }
}

fn serve(setup: Setup, mut clock: Clock, inbox: &Receiver<Request>, ready: &Sender<(Vec<SocketAddr>, Waker)>) -> Vec<Record> {
    let Setup { driver, listen, sessions, records } = setup;
    let config = GatewayConfig {
        listen,
        comp_id: "PLINTH".to_owned(),
        sessions,
        reference: firms::reference(),
        attestation: firms::ATTESTATION.to_owned(),
        driver,
    };
    let mut gateway = Gateway::bind(config).unwrap();
    let mut journal = firms::journal();
    let mut execute = journal.execute.take().unwrap();
    for (command, tail, events) in &records {
        assert_eq!(&execute(command, tail), events);
        gateway.recover(command, tail, events);
    }
    journal.execute = Some(execute);
    journal.delivered = records.len();
    journal.records = records;
    gateway.start(&mut journal);
    ready.send((gateway.local_addrs().unwrap(), gateway.waker())).unwrap();
    loop {
        match inbox.try_recv() {
            Ok(Request::Status(reply)) => reply.send(gateway.status()).unwrap(),
            Ok(Request::Show(reply)) => reply.send(format!("{gateway:?}")).unwrap(),
            Ok(Request::Crash) => return journal.records,
            Err(_) => {}
        }
        let now = clock.now();
        journal.utc_ns = now.utc.get();
        let mut worked = gateway.poll(now, &mut journal).unwrap();
        while journal.delivered < journal.records.len() {
            let (command, tail, events) = &journal.records[journal.delivered];
            gateway.deliver(command, tail, events);
            journal.delivered += 1;
            worked = true;
        }
        gateway.flush(now).unwrap();
        if !worked {
            gateway.wait(Duration::from_millis(1)).unwrap();
        }
    }
}

pub fn order(client: &mut Client, id: &str, side: &str, qty: &str, price: &str) {
    let time = timestamp::format(Now::read().utc);
    client.queue(b"D", |body| {
        body.bytes(tag::CL_ORD_ID, id.as_bytes());
        body.bytes(tag::SYMBOL, b"BTC/USD");
        body.bytes(tag::SIDE, side.as_bytes());
        body.bytes(tag::TRANSACT_TIME, &time);
        body.bytes(tag::ORDER_QTY, qty.as_bytes());
        body.bytes(tag::ORD_TYPE, b"2");
        body.bytes(tag::PRICE, price.as_bytes());
    });
}

/// The first firm sends orders and reads nothing until it is cut; while it is quarantined it sends nothing either.
pub fn fill_until_cut(server: &Server, slow: &mut Client) {
    let mut sent = 0;
    loop {
        let status = &server.status().sessions[0];
        if !status.is_logged_on {
            return;
        }
        match slow.flush() {
            Ok(true) if !status.is_quarantined => {
                assert!(sent * 250 < 8 * QUARANTINE_SIZE, "never cut: {status:?}");
                for _ in 0..500 {
                    order(slow, &format!("s{sent}"), "1", "1", "1.00");
                    sent += 1;
                }
            }
            Ok(_) => std::thread::yield_now(),
            // Cut since the status was asked for.
            Err(_) => return,
        }
    }
}

pub fn flush(client: &mut Client) {
    while !client.flush().unwrap() {
        std::thread::yield_now();
    }
}

/// The next report, whose named fields are returned.
pub fn report(client: &mut Client, tags: &[i32]) -> Vec<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let message = client.next(deadline).unwrap().expect("a report in time");
        if matches!(message.msg_type(), b"8" | b"9" | b"AE") {
            return tags.iter().map(|&tag| text(&message, tag)).collect();
        }
    }
}

pub fn text(message: &Message<'_>, tag: i32) -> String {
    String::from_utf8_lossy(message.get(Tag::new(tag)).unwrap_or_default()).into_owned()
}

/// Runs each test over both drivers.
#[macro_export]
macro_rules! over_both {
    ($($name:ident),* $(,)?) => {
        mod over_io_uring {
            $(#[test] fn $name() { super::$name(plinth_gateway::driver::Backend::Ring); })*
        }
        mod over_epoll {
            $(#[test] fn $name() { super::$name(plinth_gateway::driver::Backend::Poll); })*
        }
    };
}
