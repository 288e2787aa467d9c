//! TLS handshakes, on a thread of their own: signatures cost a hundred times what a message does, and whoever connects makes us pay for them.

use crate::acceptor::LinkId;
use rustls::ServerConnection;
use std::io;

/// What a client has sent for its handshake.
pub(super) struct Flight {
    pub(super) link: LinkId,
    pub(super) connection: Box<ServerConnection>,
    pub(super) bytes: Vec<u8>,
}

/// What came of it.
pub(super) struct Step {
    pub(super) link: LinkId,
    pub(super) connection: Box<ServerConnection>,
    /// Bytes of the flight that were used; the rest belongs to the session.
    pub(super) used: usize,
    /// To be sent: our own flight, or why we refuse.
    pub(super) reply: Vec<u8>,
    pub(super) result: Result<(), rustls::Error>,
}

/// Takes a handshake one step further.
pub(super) fn step(flight: Flight) -> Step {
    let Flight { link, mut connection, bytes } = flight;
    let mut rest = &bytes[..];
    let mut result = Ok(());
    while connection.is_handshaking() && !rest.is_empty() && result.is_ok() {
        match connection.read_tls(&mut rest) {
            Ok(0) => break,
            Ok(_) => result = connection.process_new_packets().map(drop),
            Err(_) => result = Err(rustls::Error::General("a handshake of absurd size".to_owned())),
        }
    }
    let mut reply = Vec::new();
    // Nothing fails that is written to memory.
    let _: io::Result<()> = write_all(&mut connection, &mut reply);
    Step { link, connection, used: bytes.len() - rest.len(), reply, result }
}

/// Moves what a connection has to say to `out`.
pub(super) fn write_all(connection: &mut ServerConnection, out: &mut Vec<u8>) -> io::Result<()> {
    while connection.wants_write() {
        connection.write_tls(out)?;
    }
    Ok(())
}
