//! Publishes a feed: datagrams, heartbeats, answers, snapshots. One thread, nothing blocks but [`Server::wait`].

use super::snapshot::Snapshots;
use crate::itch::feed::Feed;
use crate::limits::{DATAGRAM_SIZE_MAX, HEARTBEAT_INTERVAL, REQUEST_SIZE, REQUESTS_PER_TURN_MAX};
use crate::mold::{Downstream, Request, Requests};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

/// Where a server is, and for whom.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where datagrams go: consumers, or IPv4 groups.
    pub targets: Vec<SocketAddr>,
    /// The interface over which groups are sent to.
    pub interface: Ipv4Addr,
    /// Routers that a datagram to a group may pass, and one more.
    pub ttl: u32,
    /// Where requests come in (UDP). Port 0 takes a free one.
    pub requests: SocketAddr,
    /// Where snapshots are fetched (TCP). Port 0 takes a free one.
    pub snapshots: SocketAddr,
    /// Who is answered and given snapshots.
    pub allowed: Vec<IpAddr>,
}

/// What a server has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerCounts {
    /// Datagrams given to the kernel, to all targets together; answers left out.
    pub datagrams: u64,
    /// Datagrams that the kernel did not take: receivers find the gap.
    pub unsent: u64,
    /// Requests answered.
    pub answered: u64,
    /// Requests not answered.
    pub dropped: u64,
    /// Snapshots sent.
    pub snapshots: u64,
}

/// A server.
#[derive(Debug)]
pub struct Server {
    datagrams: Datagrams,
    asked: UdpSocket,
    downstream: Downstream,
    requests: Requests,
    snapshots: Snapshots,
    answer: Vec<u8>,
    answered: u64,
    started: Instant,
}

/// The way to the targets.
#[derive(Debug)]
struct Datagrams {
    targets: Vec<SocketAddr>,
    socket: UdpSocket,
    sent: u64,
    unsent: u64,
    said_at: Option<Instant>,
}

impl Datagrams {
    fn send(&mut self, datagram: &[u8]) {
        self.said_at = Some(Instant::now());
        for target in &self.targets {
            // A consumer that is not there answers with an error of the next send: it is nobody else's business.
            match self.socket.send_to(datagram, target) {
                Ok(_) => self.sent += 1,
                Err(_) => self.unsent += 1,
            }
        }
    }

    fn silence(&self) -> Option<Duration> {
        self.said_at.map(|said| said.elapsed())
    }
}

impl Server {
    /// Takes the sockets.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn bind(config: &ServerConfig) -> io::Result<Self> {
        let asked = UdpSocket::bind(config.requests)?;
        asked.set_nonblocking(true)?;
        let listener = TcpListener::bind(config.snapshots)?;
        listener.set_nonblocking(true)?;
        Ok(Self {
            datagrams: Datagrams { targets: config.targets.clone(), socket: sender(config)?, sent: 0, unsent: 0, said_at: None },
            asked,
            downstream: Downstream::default(),
            requests: Requests::new(config.allowed.clone()),
            snapshots: Snapshots::new(listener),
            answer: Vec::with_capacity(DATAGRAM_SIZE_MAX),
            answered: 0,
            started: Instant::now(),
        })
    }

    /// Where the feed's messages go.
    pub const fn downstream(&mut self) -> &mut Downstream {
        &mut self.downstream
    }

    /// Sends what is new, or a heartbeat if that is due; answers some requests; goes on with snapshots, which are `feed`'s.
    pub fn turn(&mut self, feed: &Feed) {
        self.downstream.flush();
        let Self { downstream, datagrams, .. } = self;
        downstream.send(|datagram| datagrams.send(datagram));
        if self.datagrams.silence().is_none_or(|silence| silence >= HEARTBEAT_INTERVAL)
            && let Some(heartbeat) = self.downstream.heartbeat()
        {
            self.datagrams.send(&heartbeat);
        }
        self.answer_some();
        let (requests, next) = (&self.requests, self.downstream.next());
        self.snapshots.turn(feed, next, |source| requests.is_allowed(source));
    }

    fn answer_some(&mut self) {
        // One byte more than a request has, to know a longer one.
        let mut datagram = [0; REQUEST_SIZE + 1];
        for _ in 0..REQUESTS_PER_TURN_MAX {
            let (size, from) = match self.asked.recv_from(&mut datagram) {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // An answer that was refused by its receiver.
                Err(_) => continue,
            };
            let known = Request::read(&datagram[..size]).ok().filter(|_| self.requests.is_allowed(from.ip()));
            match known.map(|request| self.downstream.answer(&request, &mut self.answer)) {
                Some(Ok(())) => {
                    if self.requests.pay(from.ip(), self.answer.len(), self.started.elapsed())
                        && self.asked.send_to(&self.answer, from).is_ok()
                    {
                        self.answered += 1;
                    }
                }
                Some(Err(_)) | None => self.requests.drop_one(),
            }
        }
    }

    /// Sleeps until somebody wants something, `wake` can be read, or something is due; at most for `patience`.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn wait(&self, wake: BorrowedFd<'_>, patience: Duration) -> io::Result<()> {
        let due_in = self.datagrams.silence().map_or(patience, |silence| HEARTBEAT_INTERVAL.saturating_sub(silence));
        let patience = patience.min(due_in);
        let timeout = Timespec::try_from(patience).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        let mut fds = vec![PollFd::from_borrowed_fd(wake, PollFlags::IN), PollFd::new(&self.asked, PollFlags::IN)];
        if !self.snapshots.is_full() {
            fds.push(PollFd::new(&self.snapshots.listener, PollFlags::IN));
        }
        fds.extend(self.snapshots.streams().map(|stream| PollFd::new(stream, PollFlags::OUT)));
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Where requests come in.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn requests_address(&self) -> io::Result<SocketAddr> {
        self.asked.local_addr()
    }

    /// Where snapshots are fetched.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn snapshots_address(&self) -> io::Result<SocketAddr> {
        self.snapshots.listener.local_addr()
    }

    /// What it has done.
    #[must_use]
    pub const fn counts(&self) -> ServerCounts {
        ServerCounts {
            datagrams: self.datagrams.sent,
            unsent: self.datagrams.unsent,
            answered: self.answered,
            dropped: self.requests.dropped(),
            snapshots: self.snapshots.sent,
        }
    }
}

/// Sends from the address that requests go to, so that a consumer knows one server.
fn sender(config: &ServerConfig) -> io::Result<UdpSocket> {
    let own = SocketAddr::new(config.requests.ip(), 0);
    let socket = Socket::new(Domain::for_address(own), Type::DGRAM, Some(Protocol::UDP))?;
    socket.bind(&own.into())?;
    if config.targets.iter().any(|target| target.ip().is_multicast()) {
        socket.set_multicast_if_v4(&config.interface)?;
        socket.set_multicast_ttl_v4(config.ttl)?;
        socket.set_multicast_loop_v4(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
