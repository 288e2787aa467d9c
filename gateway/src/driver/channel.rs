//! What lies between a socket and its session: nothing, or TLS.

use super::handshakes::write_all;
use crate::limits::RECEIVE_BUFFER_SIZE;
use rustls::ServerConnection;
use std::io::{self, Read, Write};

/// What lies between a socket and its session.
#[derive(Default)]
pub(super) enum Channel {
    /// Nothing.
    #[default]
    Plain,
    /// A handshake; `None` while the thread for handshakes has it.
    Handshake(Option<Box<ServerConnection>>),
    /// TLS, with the client's certificate known.
    Secure(Secure),
}

/// A TLS connection behind its handshake. Its memory is bounded by what the session takes: it reads no further than that.
pub(super) struct Secure {
    connection: Box<ServerConnection>,
    /// Deciphered and not used up.
    plain: Vec<u8>,
    is_over: bool,
}

impl Secure {
    pub(super) const fn new(connection: Box<ServerConnection>) -> Self {
        Self { connection, plain: Vec::new(), is_over: false }
    }

    /// Deciphers what has arrived, as far as there is room, and says how much of it was used.
    pub(super) fn decipher(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        loop {
            self.take_plain()?;
            if self.is_over || rest.is_empty() || self.plain.len() >= RECEIVE_BUFFER_SIZE {
                return Ok(bytes.len() - rest.len());
            }
            if self.connection.read_tls(&mut rest)? == 0 {
                return Ok(bytes.len() - rest.len());
            }
            self.connection.process_new_packets().map_err(io::Error::other)?;
        }
    }

    /// What has been deciphered.
    pub(super) fn plain(&self) -> &[u8] {
        &self.plain
    }

    /// Drops the first bytes of it.
    pub(super) fn consume(&mut self, size: usize) {
        super::slots::consume(&mut self.plain, size);
    }

    /// Whether the client has said that nothing follows.
    pub(super) const fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether TLS itself has something to say.
    pub(super) fn wants_write(&self) -> bool {
        self.connection.wants_write()
    }

    /// Enciphers `plain`, which is empty afterwards, to the end of `out`, behind what TLS itself has to say.
    pub(super) fn encipher(&mut self, plain: &mut Vec<u8>, out: &mut Vec<u8>) -> io::Result<()> {
        self.connection.writer().write_all(plain)?;
        plain.clear();
        write_all(&mut self.connection, out)
    }

    /// Says that nothing follows.
    pub(super) fn close(&mut self, out: &mut Vec<u8>) -> io::Result<()> {
        self.connection.send_close_notify();
        write_all(&mut self.connection, out)
    }

    fn take_plain(&mut self) -> io::Result<()> {
        let mut reader = self.connection.reader();
        let mut block = [0; 4 << 10];
        while self.plain.len() < RECEIVE_BUFFER_SIZE {
            match reader.read(&mut block) {
                Ok(0) => {
                    self.is_over = true;
                    return Ok(());
                }
                Ok(count) => self.plain.extend_from_slice(&block[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
