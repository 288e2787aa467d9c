//! The roads between validators, and from clients to validators: QUIC (`quinn`), mutual TLS 1.3 with raw public keys (RFC 7250).
//!
//! * **Identity.** The TLS key *is* the ed25519 key of the validator or client; there is no certificate authority and no expiry.
//!   A key that is not on the allow-list does not get through the handshake ([`identity`]).
//! * **Validators** ([`hub`]) keep one connection per pair and one long-lived unidirectional stream per peer and [`Channel`], so that a
//!   vote never waits behind a block. A stream is `version, channel, (length u32 LE, bytes)*`. A length above the channel's bound
//!   closes the connection before anything is allocated for it or looked at.
//! * **Who dials**: the lower key, and whoever cannot be dialled. A validator behind a NAT has no listening address and dials all.
//! * **Who is let in** follows the committees of this epoch and the next (`Manager::track`): whoever is in neither is cut off. The
//!   addresses are a fixed book of all who are or may become validators.
//! * **Queues** are bounded. Outbound lanes drop the newest message when full, as the p2p traits of `commonware` allow. Inbound, each
//!   peer has its own share of each channel, in bytes, and its own rate; beyond them its stream is not read, so QUIC flow control holds
//!   it back.
//! * **Handshakes** under way are bounded; above a few, a peer must show that its address is its own before any key is touched (`Retry`).
//! * **Clients** (a zone's producer, an observer; [`client`]) speak request and response on bidirectional streams under their own
//!   ALPN; their keys are on a list of their own.
//! * Every task lives inside the [`Transport`]: dropping it closes the endpoint and ends them all.
//!
//! Known limitations: two validators that both cannot be dialled never connect; the address book is configuration, so a joining
//! validator that the others cannot dial must dial them.

pub mod channel;
pub mod client;
mod dial;
mod frame;
pub mod hub;
pub mod identity;
pub mod limits;
mod members;
pub mod p2p;
mod quic;
#[cfg(test)]
mod tests;

pub use channel::Channel;
pub use client::{ClientConnection, ClientEndpoint, ClientStream, ConnectError};
pub use frame::{FrameError, FrameReader, read_frame, write_frame};
pub use hub::{Transport, TransportConfig, TransportError};
pub use identity::{AllowList, Identity};
pub use p2p::{Oracle, QuicReceiver, QuicSender};

use plinth_types::id::PublicKey;
use std::net::SocketAddr;

/// Where a validator listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its key.
    pub key: PublicKey,
    /// Its address.
    pub address: SocketAddr,
}
