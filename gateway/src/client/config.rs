//! Who logs on to whom, and how it can fail.

use crate::codec::Version;
use crate::tls::TlsClientConfig;
use ed25519_dalek::SigningKey;
use plinth_types::id::MsgSeqNum;
use std::io;

/// Who logs on to whom.
#[derive(Clone)]
pub struct ClientConfig {
    pub(super) sender: String,
    pub(super) target: String,
    pub(super) password: Option<String>,
    pub(super) key: Option<SigningKey>,
    pub(super) tls: Option<TlsClientConfig>,
    pub(super) heartbeat_s: u64,
    pub(super) reset: bool,
    pub(super) version: Version,
}

impl ClientConfig {
    /// Our `CompID` and the acceptor's; heartbeats every 30 seconds.
    #[must_use]
    pub fn new(sender: &str, target: &str) -> Self {
        Self {
            sender: sender.to_owned(),
            target: target.to_owned(),
            password: None,
            key: None,
            tls: None,
            heartbeat_s: 30,
            reset: false,
            version: Version::default(),
        }
    }

    /// Sent as 554, with the `CompID` as 553.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// Sign the logon with the Ed25519 key of this seed.
    #[must_use]
    pub fn key(mut self, seed: &[u8; 32]) -> Self {
        self.key = Some(SigningKey::from_bytes(seed));
        self
    }

    /// Connect over TLS.
    #[must_use]
    pub fn tls(mut self, tls: TlsClientConfig) -> Self {
        self.tls = Some(tls);
        self
    }

    /// The version of FIX to speak; by default 4.4.
    #[must_use]
    pub const fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// `HeartBtInt`, in seconds.
    #[must_use]
    pub const fn heartbeat_s(mut self, seconds: u64) -> Self {
        self.heartbeat_s = seconds;
        self
    }

    /// Log on with `ResetSeqNumFlag`; the session must have the right.
    #[must_use]
    pub const fn reset(mut self, reset: bool) -> Self {
        self.reset = reset;
        self
    }
}

impl core::fmt::Debug for ClientConfig {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ClientConfig {{ {} to {}, heartbeat {} s, reset {} }}", self.sender, self.target, self.heartbeat_s, self.reset)
    }
}

/// Where a session stands: what survives a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Number of the next message we send.
    pub next_out: MsgSeqNum,
    /// Number of the next message we expect.
    pub next_in: MsgSeqNum,
}

impl Numbers {
    /// A session that never was.
    pub const START: Self = Self { next_out: MsgSeqNum::new(1), next_in: MsgSeqNum::new(1) };
}

/// Why the client stopped.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The socket failed.
    #[error("socket: {0}")]
    Io(#[from] io::Error),
    /// TLS: a certificate that one side does not accept, or bytes that are none of it.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The server closed the connection.
    #[error("the server closed the connection")]
    Closed,
    /// The server said goodbye.
    #[error("the server logged out: {text:?}")]
    LoggedOut {
        /// Its words, tag 58.
        text: String,
    },
    /// A number that the server has used before.
    #[error("message {received} came again without PossDupFlag, {expected} was expected")]
    SeqNumTooLow {
        /// What was expected.
        expected: MsgSeqNum,
        /// What came.
        received: MsgSeqNum,
    },
    /// Nothing came in time.
    #[error("no answer in time")]
    TimedOut,
}
