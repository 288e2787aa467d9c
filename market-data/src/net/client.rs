//! Follows a feed: joins, recovers what is lost, keeps the books.

use super::snapshot::{SnapshotError, SnapshotHead};
use crate::itch::view::{View, ViewError};
use crate::limits::{DATAGRAM_SIZE_RECEIVED_MAX, SNAPSHOT_AGE_MESSAGES_MAX, SNAPSHOT_PATIENCE};
use crate::mold::{Heard, Receiver};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};
use thiserror::Error;

/// Where a feed is.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// Where datagrams come in: an own address, or a group.
    pub listen: SocketAddr,
    /// The interface on which a group is joined.
    pub interface: Ipv4Addr,
    /// The server's request address. Datagrams from other hosts are not looked at.
    pub requests: SocketAddr,
    /// The server's snapshot address.
    pub snapshots: SocketAddr,
}

/// Why a client cannot go on.
#[derive(Debug, Error)]
pub enum ClientError {
    /// A socket.
    #[error("market data: {0}")]
    Io(#[from] io::Error),
    /// There is no snapshot, and without one no book.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The snapshot makes no books.
    #[error("the snapshot makes no book: {0}")]
    View(#[from] ViewError),
}

/// What a client has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages taken in order.
    pub messages: u64,
    /// Requests sent.
    pub requests: u64,
    /// Snapshots taken.
    pub snapshots: u64,
    /// Datagrams of other hosts, or that were none of ours.
    pub ignored: u64,
    /// Messages that did not fit the books; each cost a snapshot.
    pub misfits: u64,
}

/// A consumer of a feed.
#[derive(Debug)]
pub struct Client {
    config: ClientConfig,
    feed: UdpSocket,
    asking: UdpSocket,
    receiver: Receiver,
    view: View,
    counts: Counts,
    started: Instant,
    buffer: Vec<u8>,
    misfit: Option<ViewError>,
}

/// Longest wait for a connection.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);

impl Client {
    /// Takes the sockets, and a snapshot to begin with.
    ///
    /// # Errors
    ///
    /// [`ClientError`].
    pub fn join(config: ClientConfig) -> Result<Self, ClientError> {
        let feed = receiver_socket(&config)?;
        let asking = UdpSocket::bind(SocketAddr::new(unspecified(config.requests.ip()), 0))?;
        asking.set_nonblocking(true)?;
        let mut client = Self {
            config,
            feed,
            asking,
            receiver: Receiver::new(),
            view: View::default(),
            counts: Counts::default(),
            started: Instant::now(),
            buffer: vec![0; DATAGRAM_SIZE_RECEIVED_MAX],
            misfit: None,
        };
        client.take_snapshot()?;
        Ok(client)
    }

    /// Waits for datagrams, at most for `patience`, takes all there are, and asks for what is lacking. True if the books have changed.
    ///
    /// # Errors
    ///
    /// [`ClientError`]: a socket failed, or a snapshot was needed and is not to be had.
    pub fn turn(&mut self, patience: Duration) -> Result<bool, ClientError> {
        let before = self.counts;
        self.wait(patience)?;
        while let Some(misfit) = self.take_all()? {
            self.counts.misfits += 1;
            self.misfit = Some(misfit);
            self.take_snapshot()?;
        }
        if self.receiver.needs_snapshot() || self.receiver.missing() > SNAPSHOT_AGE_MESSAGES_MAX {
            self.take_snapshot()?;
        }
        if let Some(request) = self.receiver.request(self.started.elapsed()) {
            self.counts.requests += 1;
            // What is not sent is asked for again.
            let _ = self.asking.send_to(&request.bytes(), self.config.requests);
        }
        Ok(before.messages != self.counts.messages || before.snapshots != self.counts.snapshots)
    }

    fn wait(&self, patience: Duration) -> io::Result<()> {
        let patience = if self.receiver.missing() > 0 { patience.min(crate::limits::REQUEST_INTERVAL) } else { patience };
        let timeout = Timespec::try_from(patience).unwrap_or(Timespec { tv_sec: 1, tv_nsec: 0 });
        let mut fds = [PollFd::new(&self.feed, PollFlags::IN), PollFd::new(&self.asking, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Takes what both sockets have. Says what did not fit the books; behind that nothing was taken.
    fn take_all(&mut self) -> Result<Option<ViewError>, ClientError> {
        let Self { feed, asking, receiver, view, counts, buffer, config, .. } = self;
        for socket in [feed, asking] {
            loop {
                let (size, from) = match socket.recv_from(buffer) {
                    Ok(received) => received,
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    // The server was not there when it was asked.
                    Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => continue,
                    Err(error) => return Err(error.into()),
                };
                if from.ip() != config.requests.ip() {
                    counts.ignored += 1;
                    continue;
                }
                let mut misfit = None;
                let taken = receiver.take(&buffer[..size], |heard| match heard {
                    Heard::Begin(_) => *view = View::default(),
                    Heard::Message(message) => {
                        counts.messages += 1;
                        if misfit.is_none() {
                            misfit = view.apply(message).err();
                        }
                    }
                    Heard::End => {}
                });
                counts.ignored += u64::from(taken.is_err());
                if misfit.is_some() {
                    return Ok(misfit);
                }
            }
        }
        Ok(None)
    }

    fn take_snapshot(&mut self) -> Result<(), ClientError> {
        let mut stream = TcpStream::connect_timeout(&self.config.snapshots, CONNECT_PATIENCE)?;
        stream.set_read_timeout(Some(SNAPSHOT_PATIENCE))?;
        let (head, blocks) = SnapshotHead::read(&mut stream)?;
        let view = View::from_snapshot(&blocks)?;
        if self.receiver.go_on(head.session, head.next) {
            self.view = view;
            self.counts.snapshots += 1;
        }
        Ok(())
    }

    /// The books.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// Its place in the stream.
    #[must_use]
    pub const fn receiver(&self) -> &Receiver {
        &self.receiver
    }

    /// What it has seen.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// The last message that did not fit.
    #[must_use]
    pub const fn misfit(&self) -> Option<ViewError> {
        self.misfit
    }

    /// Where datagrams come in.
    ///
    /// # Errors
    ///
    /// The operating system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.feed.local_addr()
    }
}

fn receiver_socket(config: &ClientConfig) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(config.listen), Type::DGRAM, Some(Protocol::UDP))?;
    match config.listen.ip() {
        IpAddr::V4(group) if group.is_multicast() => {
            // Several consumers of one host listen to a group.
            socket.set_reuse_address(true)?;
            socket.bind(&config.listen.into())?;
            socket.join_multicast_v4(&group, &config.interface)?;
        }
        IpAddr::V4(_) | IpAddr::V6(_) => socket.bind(&config.listen.into())?,
    }
    // As much as the system allows; what does not fit is asked for again.
    let _ = socket.set_recv_buffer_size(8 << 20);
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

const fn unspecified(like: IpAddr) -> IpAddr {
    match like {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
    }
}
