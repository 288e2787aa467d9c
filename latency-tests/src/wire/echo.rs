//! The floor: a thread that reads so many bytes and writes so many, on the same schedule and with the same client.

use super::pace::Schedule;
use crate::figures::histogram;
use hdrhistogram::Histogram;
use plinth_node::replay::sockets::{self, Interest};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::thread;
use std::time::{Duration, Instant};

const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// Latencies in nanoseconds of `request_size` bytes there and `answer_size` bytes back.
pub(super) fn measure(
    connection_count: usize,
    schedule: &Schedule,
    request_size: usize,
    answer_size: usize,
) -> io::Result<Histogram<u64>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let servers: Vec<_> = (0..connection_count)
        .map(|_| {
            let listener = listener.try_clone()?;
            Ok(thread::spawn(move || listener.accept().and_then(|(stream, _)| serve(stream, request_size, answer_size))))
        })
        .collect::<io::Result<_>>()?;
    let mut peers = (0..connection_count).map(|_| Peer::connect(address)).collect::<io::Result<Vec<_>>>()?;
    let latencies = drive(&mut peers, schedule, request_size, answer_size)?;
    drop(peers);
    for server in servers {
        server.join().map_err(|_| io::Error::other("the echo thread panicked"))??;
    }
    Ok(latencies)
}

fn serve(mut stream: TcpStream, request_size: usize, answer_size: usize) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = vec![0; request_size];
    let answer = vec![b'a'; answer_size];
    loop {
        match stream.read_exact(&mut request) {
            Ok(()) => stream.write_all(&answer)?,
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
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
    fn connect(address: std::net::SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        Ok(Self { stream, waiting: VecDeque::new(), got: 0 })
    }
}

fn drive(peers: &mut [Peer], schedule: &Schedule, request_size: usize, answer_size: usize) -> io::Result<Histogram<u64>> {
    let mut latencies = histogram();
    let request = vec![b'r'; request_size];
    let mut buffer = vec![0; 64 * 1_024];
    let start = Instant::now() + Duration::from_millis(10);
    let deadline = schedule.due(start, schedule.count) + ANSWERED_WITHIN;
    let (mut next, mut answered) = (0, 0);
    while answered < schedule.count && Instant::now() < deadline {
        while next < schedule.count && schedule.due(start, next) <= Instant::now() {
            let at = (next % peers.len() as u64) as usize;
            peers[at].stream.write_all(&request)?;
            peers[at].waiting.push_back(next);
            next += 1;
        }
        let until = if next < schedule.count { schedule.due(start, next) } else { deadline };
        let interests = peers.iter().map(|peer| Interest { fd: peer.stream.as_raw_fd(), writable: false });
        sockets::wait(interests, until.saturating_duration_since(Instant::now()))?;
        for peer in peers.iter_mut() {
            let count = match peer.stream.read(&mut buffer) {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            };
            let heard_at = Instant::now();
            peer.got += count;
            while peer.got >= answer_size {
                let Some(index) = peer.waiting.pop_front() else { break };
                peer.got -= answer_size;
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

    #[test]
    fn every_message_that_counts_is_measured_once() {
        let schedule = Schedule::new(2_000, Duration::from_millis(50), Duration::from_millis(200));
        let latencies = measure(2, &schedule, 165, 150).unwrap();
        assert_eq!(latencies.len(), 400);
    }
}
