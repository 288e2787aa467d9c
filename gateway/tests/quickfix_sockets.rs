//! The acceptance definitions of QuickFIX over real sockets, on both drivers. Monotonic time goes on only while a script waits, so heartbeats of
//! seconds take milliseconds and a busy machine changes nothing.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use plinth_gateway::clock::{MonoNs, Now};
use plinth_gateway::codec::timestamp;
use plinth_gateway::driver::{Backend, DriverConfig, Waker};
use plinth_gateway::echo::EchoServer;
use plinth_types::id::TimestampNs;
use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use support::definitions::{self, Definition};
use support::{difference, framed, show};

const PATIENCE: Duration = Duration::from_secs(120);
/// How long a script waits for bytes before time goes on.
const QUIET: Duration = Duration::from_millis(4);
const STEP_NS: u64 = 250_000_000;

struct Script {
    address: SocketAddr,
    time: Arc<AtomicU64>,
    waker: Waker,
    connections: HashMap<u8, (TcpStream, Vec<u8>)>,
}

impl Script {
    fn run(&mut self, script: &[u8]) -> Result<(), String> {
        for (index, line) in script.split(|&byte| byte == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !line.is_empty() && line[0] != b'#' {
                self.line(line).map_err(|why| format!("line {}: {}: {why}", index + 1, show(line)))?;
            }
        }
        Ok(())
    }

    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        let (kind, mut rest, mut id) = (line[0], &line[1..], b'1');
        if let [digit @ b'0'..=b'9', b',', after @ ..] = rest {
            (id, rest) = (*digit, after);
        }
        match (kind, rest) {
            (b'i', b"CONNECT") => {
                let stream = TcpStream::connect(self.address).unwrap();
                stream.set_nodelay(true).unwrap();
                stream.set_read_timeout(Some(QUIET)).unwrap();
                self.connections.insert(id, (stream, Vec::new()));
                Ok(())
            }
            (b'i', b"DISCONNECT") => {
                self.connections.remove(&id);
                Ok(())
            }
            (b'e', b"DISCONNECT") => match self.take(id)? {
                None => Ok(()),
                Some(message) => Err(format!("expected the end, got {}", show(&message))),
            },
            (b'I', message) => {
                let message = framed(&stamped(message));
                let (stream, _) = self.connections.get_mut(&id).ok_or("no such connection")?;
                stream.write_all(&message).map_err(|error| error.to_string())
            }
            (b'E', message) => {
                let has_length = message.windows(3).any(|window| window == b"\x019=");
                let expected = framed(&stamped(message));
                let received = self.take(id)?.ok_or("was disconnected")?;
                match difference(&expected, &received, has_length) {
                    None => Ok(()),
                    Some(why) => Err(format!("{why}\n  expected {}\n  received {}", show(&expected), show(&received))),
                }
            }
            _ => Err("syntax".to_owned()),
        }
    }

    /// The next message; `None` at the end of the connection.
    fn take(&mut self, id: u8) -> Result<Option<Vec<u8>>, String> {
        let (stream, buffer) = self.connections.get_mut(&id).ok_or("no such connection")?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = buffer.windows(4).position(|window| window == b"\x0110=")
                && let Some(end) = buffer[at + 1..].iter().position(|&byte| byte == 1)
            {
                return Ok(Some(buffer.drain(..at + 1 + end + 1).collect()));
            }
            let mut bytes = [0; 4_096];
            match stream.read(&mut bytes) {
                Ok(0) => return Ok(None),
                Ok(count) => buffer.extend_from_slice(&bytes[..count]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    self.time.fetch_add(STEP_NS, Ordering::Relaxed);
                    self.waker.wake();
                }
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return Ok(None),
                Err(error) => return Err(error.to_string()),
            }
            if Instant::now() > deadline {
                return Err("nothing came in time".to_owned());
            }
        }
    }
}

fn stamped(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = message;
    while let Some(at) = rest.windows(5).position(|window| window == b"<TIME") {
        let end = at + rest[at..].iter().position(|&byte| byte == b'>').unwrap();
        let offset = std::str::from_utf8(&rest[at + 5..end]).unwrap();
        let offset: i64 = if offset.is_empty() { 0 } else { offset.parse().unwrap() };
        let time = (Now::read().utc.get() as i64 + offset * 1_000_000_000) as u64;
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(&timestamp::format(TimestampNs::new(time))[..17]);
        rest = &rest[end + 1..];
    }
    out.extend_from_slice(rest);
    out
}

fn every_definition_passes_over(backend: Backend) {
    let Some(definitions) = definitions::all() else { return };
    let mut server = EchoServer::bind("127.0.0.1:0".parse().unwrap(), DriverConfig { backend, ..DriverConfig::default() }).unwrap();
    let (address, waker) = (server.local_addr().unwrap(), server.waker());
    let (time, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let thread = std::thread::spawn({
        let (time, is_over) = (time.clone(), is_over.clone());
        move || {
            while !is_over.load(Ordering::Relaxed) {
                let now = Now { mono: MonoNs::new(time.load(Ordering::Relaxed)), utc: Now::read().utc };
                server.turn(now).unwrap();
            }
        }
    });
    definitions::judge(&definitions, |definition: &Definition| {
        Script { address, time: time.clone(), waker: waker.clone(), connections: HashMap::new() }.run(&definition.script)
    });
    is_over.store(true, Ordering::Relaxed);
    waker.wake();
    thread.join().unwrap();
}

#[test]
fn every_definition_passes_over_io_uring() {
    every_definition_passes_over(Backend::Ring);
}

#[test]
fn every_definition_passes_over_epoll() {
    every_definition_passes_over(Backend::Poll);
}
