//! Clients of a validator: the dialling end, and the streams as the validator gets them.

use super::TransportError;
use super::identity::{ALPN_CLIENT, Identity};
use super::limits::HANDSHAKE_TIMEOUT;
use super::quic::{CloseReason, SERVER_NAME, client_config, endpoint_config};
use commonware_cryptography::ed25519::PublicKey;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// A stream that a client opened: one request, and its answer or answers.
#[derive(Debug)]
pub struct ClientStream {
    /// Who asks.
    pub client: PublicKey,
    /// For the answers.
    pub send: quinn::SendStream,
    /// For the request.
    pub receive: quinn::RecvStream,
}

/// Hands on the streams of one client until its connection ends.
pub(super) async fn serve_client(connection: quinn::Connection, client: PublicKey, streams: &mpsc::Sender<ClientStream>) {
    while let Ok((send, receive)) = connection.accept_bi().await {
        if streams.send(ClientStream { client: client.clone(), send, receive }).await.is_err() {
            CloseReason::Stopping.close(&connection);
        }
    }
}

/// The dialling end of a client.
#[derive(Debug)]
pub struct ClientEndpoint {
    endpoint: quinn::Endpoint,
    identity: Identity,
}

/// Why a validator could not be reached.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// TLS refused the configuration.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The address cannot be dialled.
    #[error("cannot dial {address}: {source}")]
    Dial {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: quinn::ConnectError,
    },
    /// The handshake failed: the other end is not that key, or does not let this one in.
    #[error("handshake with {address}: {source}")]
    Handshake {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: quinn::ConnectionError,
    },
    /// Nobody answered in time.
    #[error("no answer from {address}")]
    Timeout {
        /// Where.
        address: SocketAddr,
    },
}

impl ClientEndpoint {
    /// Opens a socket on any port. `remote` says which family of addresses will be dialled. Needs a tokio runtime around it.
    ///
    /// # Errors
    ///
    /// When no socket can be had.
    pub fn new(identity: Identity, remote: SocketAddr) -> Result<Self, TransportError> {
        let address: SocketAddr = match remote {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = std::net::UdpSocket::bind(address).map_err(|source| TransportError::Listen { address, source })?;
        let endpoint = quinn::Endpoint::new(endpoint_config(&identity), None, socket, Arc::new(quinn::TokioRuntime))
            .map_err(|source| TransportError::Listen { address, source })?;
        Ok(Self { endpoint, identity })
    }

    /// Connects to the validator that holds `validator`.
    ///
    /// # Errors
    ///
    /// [`ConnectError`].
    pub async fn connect(&self, validator: &PublicKey, address: SocketAddr) -> Result<ClientConnection, ConnectError> {
        let config = client_config(&self.identity, validator, ALPN_CLIENT)?;
        let connecting =
            self.endpoint.connect_with(config, address, SERVER_NAME).map_err(|source| ConnectError::Dial { address, source })?;
        let connection = timeout(HANDSHAKE_TIMEOUT, connecting)
            .await
            .map_err(|_| ConnectError::Timeout { address })?
            .map_err(|source| ConnectError::Handshake { address, source })?;
        Ok(ClientConnection { connection })
    }

    /// Closes every connection and waits until the validators were told.
    pub async fn close(self) {
        self.endpoint.close(0_u32.into(), b"stopping");
        self.endpoint.wait_idle().await;
    }
}

/// A client's connection to one validator. Clones share it.
#[derive(Clone, Debug)]
pub struct ClientConnection {
    connection: quinn::Connection,
}

impl ClientConnection {
    /// Opens a stream for one request.
    ///
    /// # Errors
    ///
    /// When the connection is gone.
    pub async fn open(&self) -> Result<(quinn::SendStream, quinn::RecvStream), quinn::ConnectionError> {
        self.connection.open_bi().await
    }

    /// Waits until the connection ends, and says why it did.
    pub async fn closed(&self) -> quinn::ConnectionError {
        self.connection.closed().await
    }

    /// Why it ended, `None` while it lives.
    #[must_use]
    pub fn close_reason(&self) -> Option<quinn::ConnectionError> {
        self.connection.close_reason()
    }

    /// Bytes that came over it so far, UDP payloads, the handshake included.
    #[must_use]
    pub fn received_byte_count(&self) -> u64 {
        self.connection.stats().udp_rx.bytes
    }

    /// Ends it.
    pub fn close(&self) {
        CloseReason::Stopping.close(&self.connection);
    }
}
