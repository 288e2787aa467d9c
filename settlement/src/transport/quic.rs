//! QUIC parameters common to listening and dialling ends.

use super::identity::{AllowList, Identity};
use super::limits::{CLIENT_STREAMS_MAX, HANDSHAKES_MAX, IDLE_TIMEOUT, KEEP_ALIVE_INTERVAL};
use super::{Channel, TransportError};
use commonware_codec::Encode;
use commonware_cryptography::ed25519::PublicKey;
use commonware_cryptography::{Hasher, Sha256};
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use std::sync::Arc;
use std::time::Duration;

/// Name sent in the handshake; keys, not names, decide who the peer is.
pub(super) const SERVER_NAME: &str = "plinth";

/// Why this end closed a connection; the peer sees the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseReason {
    /// This end stops.
    Stopping,
    /// A newer connection of the same peer takes its place.
    Replaced,
    /// The peer is blocked, or its key may not speak the protocol it chose.
    Refused,
    /// The peer sent what the protocol does not allow.
    ProtocolViolation,
}

impl CloseReason {
    pub(super) fn close(self, connection: &quinn::Connection) {
        let (code, text): (u32, &[u8]) = match self {
            Self::Stopping => (0, b"stopping"),
            Self::Replaced => (1, b"replaced"),
            Self::Refused => (2, b"refused"),
            Self::ProtocolViolation => (3, b"protocol violation"),
        };
        connection.close(code.into(), text);
    }
}

fn transport_config() -> quinn::TransportConfig {
    let mut config = quinn::TransportConfig::default();
    config
        .max_concurrent_uni_streams(u32::from(2 * Channel::ALL.len() as u8).into())
        .max_concurrent_bidi_streams(CLIENT_STREAMS_MAX.into())
        .keep_alive_interval(Some(KEEP_ALIVE_INTERVAL))
        .max_idle_timeout(Some(IDLE_TIMEOUT.try_into().expect("a few seconds fit a QUIC idle timeout")))
        // The default of 333 ms makes the first retransmission of a handshake on a LAN wait for a second.
        .initial_rtt(Duration::from_millis(10))
        .stream_receive_window((4_u32 << 20).into())
        .receive_window((16_u32 << 20).into())
        .send_window(16 << 20)
        .datagram_receive_buffer_size(None);
    config
}

/// Endpoint parameters. The key of stateless resets follows from the identity, so that after a crash the new process can tell its
/// peers at once that their old connections are gone, instead of leaving them to the idle timeout.
pub(super) fn endpoint_config(identity: &Identity) -> quinn::EndpointConfig {
    let key = Sha256::hash(&[b"plinth/stateless-reset/1", &identity.key().encode()]);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(key.as_ref());
    let mut config = quinn::EndpointConfig::new(Arc::new(ResetKey(bytes)));
    // The default generator marks ids with a key of the process, and a new process would ignore packets of the old one's.
    config.cid_generator(|| Box::new(RandomIds));
    config
}

struct RandomIds;

impl RandomIds {
    const SIZE: usize = 8;
}

impl quinn::ConnectionIdGenerator for RandomIds {
    fn generate_cid(&mut self) -> quinn::ConnectionId {
        quinn::ConnectionId::new(&rand::random::<[u8; Self::SIZE]>())
    }

    fn cid_len(&self) -> usize {
        Self::SIZE
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}

pub(super) fn server_config(identity: &Identity, allowed: AllowList) -> Result<quinn::ServerConfig, TransportError> {
    let tls = identity.server_tls(allowed).map_err(TransportError::Tls)?;
    let crypto = QuicServerConfig::try_from(Arc::new(tls)).map_err(|_| TransportError::NoInitialCipher)?;
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(Arc::new(transport_config())).max_incoming(HANDSHAKES_MAX);
    Ok(config)
}

pub(super) fn client_config(identity: &Identity, expected: &PublicKey, alpn: &[u8]) -> Result<quinn::ClientConfig, TransportError> {
    let tls = identity.client_tls(expected, alpn).map_err(TransportError::Tls)?;
    let crypto = QuicClientConfig::try_from(Arc::new(tls)).map_err(|_| TransportError::NoInitialCipher)?;
    let mut config = quinn::ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(transport_config()));
    Ok(config)
}

/// HMAC-SHA-256 (RFC 2104) with a 32-byte key.
struct ResetKey([u8; 32]);

impl ResetKey {
    fn mac(&self, data: &[u8]) -> [u8; 32] {
        let pad = |byte: u8| {
            let mut block = [byte; 64];
            block.iter_mut().zip(self.0).for_each(|(pad, key)| *pad ^= key);
            block
        };
        let inner = Sha256::hash(&[&pad(0x36), data]);
        let outer = Sha256::hash(&[&pad(0x5c), inner.as_ref()]);
        let mut mac = [0; 32];
        mac.copy_from_slice(outer.as_ref());
        mac
    }
}

impl quinn::crypto::HmacKey for ResetKey {
    fn sign(&self, data: &[u8], signature_out: &mut [u8]) {
        signature_out.copy_from_slice(&self.mac(data));
    }

    fn signature_len(&self) -> usize {
        32
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), quinn::crypto::CryptoError> {
        if self.mac(data) == signature { Ok(()) } else { Err(quinn::crypto::CryptoError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reset_key_is_hmac_sha256() {
        // Computed with Python's hmac module: key 32 times 0x0b, data "Hi There".
        let mac = ResetKey([0x0b; 32]).mac(b"Hi There");
        let hex: String = mac.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, EXPECTED);
    }

    const EXPECTED: &str = "198a607eb44bfbc69903a0f1cf2bbdc5ba0aa3f3d9ae3c1c7a3b1696a0b68cf7";
}
