//! The floor: a server that reads so many bytes and writes so many, on the same schedule and with a client that waits in the same way.

mod server;

pub(crate) use server::Stall;

use super::pace::Schedule;
use super::waiting::Waiting;
use crate::figures::histogram;
use hdrhistogram::Histogram;
use plinth_node::replay::sockets::Interest;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// What is echoed, and how.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Echo {
    /// Connections; messages take turns on them.
    pub(crate) connection_count: usize,
    /// Bytes of a request.
    pub(crate) request_size: usize,
    /// Bytes of an answer.
    pub(crate) answer_size: usize,
    /// How client and server wait.
    pub(crate) waiting: Waiting,
    /// A fault of the server's, for the control.
    pub(crate) stall: Option<Stall>,
}

impl Echo {
    /// Open loop: latencies in nanoseconds from the moment a message was due to its answer.
    pub(crate) fn measure(self, schedule: &Schedule) -> io::Result<Histogram<u64>> {
        self.with_server(|peers| drive(peers, schedule, self))
    }

    /// Closed loop: latencies of `count` messages in nanoseconds, each sent when the one before was answered.
    ///
    /// No figure comes of it but the control's: while the server stalls, nothing is sent, so nothing is measured.
    pub(crate) fn measure_closed(self, count: u64) -> io::Result<Histogram<u64>> {
        self.with_server(|peers| {
            let mut latencies = histogram();
            let (request, mut answer) = (vec![b'r'; self.request_size], vec![0; self.answer_size]);
            for index in 0..count {
                let at = (index % peers.len() as u64) as usize;
                let stream = &mut peers[at].stream;
                stream.set_nonblocking(false)?;
                let sent_at = Instant::now();
                stream.write_all(&request)?;
                stream.read_exact(&mut answer)?;
                latencies.saturating_record(sent_at.elapsed().as_nanos() as u64);
            }
            Ok(latencies)
        })
    }

    fn with_server<T>(self, run: impl FnOnce(&mut Vec<Peer>) -> io::Result<T>) -> io::Result<T> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let mut peers = Vec::with_capacity(self.connection_count);
        let mut accepted = Vec::with_capacity(self.connection_count);
        for _ in 0..self.connection_count {
            peers.push(Peer::connect(address)?);
            accepted.push(listener.accept()?.0);
        }
        let servers = server::spawn(self, accepted)?;
        let measured = run(&mut peers);
        drop(peers);
        for server in servers {
            server.join().map_err(|_| io::Error::other("the echo thread panicked"))??;
        }
        measured
    }
}

struct Peer {
    stream: TcpStream,
    /// Messages without an answer, oldest first.
    waiting: VecDeque<u64>,
    /// Bytes of the oldest answer that have come.
    got: usize,
}

impl Peer {
    fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, waiting: VecDeque::new(), got: 0 })
    }
}

fn drive(peers: &mut [Peer], schedule: &Schedule, echo: Echo) -> io::Result<Histogram<u64>> {
    let mut latencies = histogram();
    let request = vec![b'r'; echo.request_size];
    let mut buffer = vec![0; 64 * 1_024];
    let start = Instant::now() + Duration::from_millis(10);
    let deadline = schedule.due(start, schedule.count()) + ANSWERED_WITHIN;
    let (mut next, mut answered) = (0, 0);
    while answered < schedule.count() && Instant::now() < deadline {
        while next < schedule.count() && schedule.due(start, next) <= Instant::now() {
            let at = (next % peers.len() as u64) as usize;
            peers[at].stream.write_all(&request)?;
            peers[at].waiting.push_back(next);
            next += 1;
        }
        let until = if next < schedule.count() { schedule.due(start, next) } else { deadline };
        let interests = peers.iter().map(|peer| Interest { fd: peer.stream.as_raw_fd(), writable: false });
        echo.waiting.until_readable(interests, until.saturating_duration_since(Instant::now()))?;
        for peer in peers.iter_mut() {
            let count = match peer.stream.read(&mut buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            };
            let heard_at = Instant::now();
            peer.got += count;
            while peer.got >= echo.answer_size {
                let Some(index) = peer.waiting.pop_front() else { break };
                peer.got -= echo.answer_size;
                answered += 1;
                if schedule.counts(index) {
                    let latency = heard_at.saturating_duration_since(schedule.due(start, index));
                    latencies.saturating_record(latency.as_nanos() as u64);
                }
            }
        }
    }
    Ok(latencies)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::pace::Pacing;

    #[test]
    fn every_message_that_counts_is_measured_once_by_either_client() {
        let pacing = Pacing::Constant { rate: 2_000 };
        let schedule = Schedule::new(&pacing, Duration::from_millis(50), Duration::from_millis(200), 1).unwrap();
        for waiting in [Waiting::Blocks, Waiting::Polls] {
            let echo = Echo { connection_count: 2, request_size: 165, answer_size: 150, waiting, stall: None };
            assert_eq!(echo.measure(&schedule).unwrap().len(), 400, "{waiting:?}");
            assert_eq!(echo.measure_closed(100).unwrap().len(), 100, "{waiting:?}");
        }
    }
}
