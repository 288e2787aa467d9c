//! A socket, with TLS or without.

use super::ClientError;
use crate::tls::TlsClientConfig;
use rustls::ClientConnection;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

pub(super) struct Wire {
    pub(super) stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
}

impl Wire {
    /// Connects, and shakes hands over TLS. A server that does not want our certificate says so when it is first read from.
    pub(super) fn connect(address: SocketAddr, tls: Option<&TlsClientConfig>) -> Result<Self, ClientError> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let Some(config) = tls else { return Ok(Self { stream, tls: None }) };
        let mut connection = ClientConnection::new(config.client.clone(), config.server_name.clone())?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream).map_err(tls_error)?;
        }
        Ok(Self { stream, tls: Some(Box::new(connection)) })
    }

    /// As [`TcpStream::read`].
    pub(super) fn read(&mut self, into: &mut [u8]) -> Result<usize, ClientError> {
        let Some(tls) = &mut self.tls else { return Ok(self.stream.read(into)?) };
        loop {
            match tls.reader().read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // A server that ends the connection in the middle of TLS has closed it none the less.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(0),
                other => return other.map_err(tls_error),
            }
            if tls.read_tls(&mut self.stream)? == 0 {
                return Ok(0);
            }
            tls.process_new_packets()?;
            while tls.wants_write() {
                tls.write_tls(&mut self.stream)?;
            }
        }
    }

    /// As [`TcpStream::write`]. What was taken may still have to be [flushed](Self::flush).
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return self.stream.write(bytes) };
        let taken = tls.writer().write(bytes)?;
        if taken > 0 || bytes.is_empty() {
            return Ok(taken);
        }
        // It holds only so much that is not sent.
        match self.flush()? {
            true => self.write(bytes),
            false => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    /// Hands what was written to the kernel; `false` if a non-blocking socket takes no more.
    pub(super) fn flush(&mut self) -> io::Result<bool> {
        let Some(tls) = &mut self.tls else { return Ok(true) };
        while tls.wants_write() {
            match tls.write_tls(&mut self.stream) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// What TLS said, if it was TLS.
fn tls_error(error: io::Error) -> ClientError {
    match error.downcast::<rustls::Error>() {
        Ok(error) => ClientError::Tls(error),
        Err(error) => ClientError::Io(error),
    }
}
