//! The server of the floor: so many bytes in, so many out, nothing between.

use super::super::waiting::Waiting;
use super::Echo;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Requests that one read may take.
const REQUESTS_PER_READ_MAX: usize = 64;

/// A pause that is put into the server to see who notices.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stall {
    /// Requests of each connection that are answered before it.
    pub(crate) behind: u64,
    /// How long the server then does nothing.
    pub(crate) lasts: Duration,
}

/// Serves connections until their other ends close: each on a thread that blocks, or all on one that polls.
pub(super) fn spawn(echo: Echo, streams: Vec<TcpStream>) -> io::Result<Vec<JoinHandle<io::Result<()>>>> {
    let mut connections = streams.into_iter().map(|stream| Connection::new(echo, stream)).collect::<io::Result<Vec<_>>>()?;
    Ok(match echo.waiting {
        Waiting::Blocks => connections.into_iter().map(|connection| thread::spawn(move || block(connection))).collect(),
        Waiting::Polls => vec![thread::spawn(move || poll(&mut connections))],
    })
}

fn block(mut connection: Connection) -> io::Result<()> {
    while connection.serve()? {}
    Ok(())
}

fn poll(connections: &mut Vec<Connection>) -> io::Result<()> {
    while !connections.is_empty() {
        let mut at = 0;
        while at < connections.len() {
            if connections[at].serve()? {
                at += 1;
            } else {
                connections.swap_remove(at);
            }
        }
        std::hint::spin_loop();
    }
    Ok(())
}

struct Connection {
    echo: Echo,
    stream: TcpStream,
    buffer: Vec<u8>,
    answer: Vec<u8>,
    /// Bytes of the next request that have come.
    got: usize,
    answered: u64,
}

impl Connection {
    fn new(echo: Echo, stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_nonblocking(echo.waiting == Waiting::Polls)?;
        let (buffer, answer) = (vec![0; echo.request_size * REQUESTS_PER_READ_MAX], vec![b'a'; echo.answer_size]);
        Ok(Self { echo, stream, buffer, answer, got: 0, answered: 0 })
    }

    /// Reads once and answers what is whole; `false` when the other end has closed.
    fn serve(&mut self) -> io::Result<bool> {
        let count = match self.stream.read(&mut self.buffer) {
            Ok(0) => return Ok(false),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error),
        };
        self.got += count;
        while self.got >= self.echo.request_size {
            self.got -= self.echo.request_size;
            if let Some(stall) = self.echo.stall.filter(|stall| stall.behind == self.answered) {
                thread::sleep(stall.lasts);
            }
            self.stream.write_all(&self.answer)?;
            self.answered += 1;
        }
        Ok(true)
    }
}
