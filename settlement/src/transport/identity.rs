//! Who is at the other end: ed25519 keys as TLS identities, and the list of those let in.

use bytes::Bytes;
use commonware_codec::{DecodeExt, Encode};
use commonware_cryptography::{
    Signer,
    ed25519::{PrivateKey, PublicKey},
};
use commonware_utils::sync::Mutex;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, SignatureScheme};
use std::collections::BTreeSet;
use std::sync::Arc;

/// DER prefix of an ed25519 SubjectPublicKeyInfo (RFC 8410); the 32 key bytes follow.
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// DER prefix of a PKCS#8 v1 ed25519 private key (RFC 8410); the 32 seed bytes follow.
const PKCS8_PREFIX: [u8; 16] = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// ALPN of validators among themselves.
pub(super) const ALPN_VALIDATOR: &[u8] = b"plinth-validator/1";
/// ALPN of clients.
pub(super) const ALPN_CLIENT: &[u8] = b"plinth-client/1";

/// The key of this end, ready for TLS.
#[derive(Clone)]
pub struct Identity {
    key: PrivateKey,
    certified: Arc<CertifiedKey>,
    provider: Arc<CryptoProvider>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Identity({})", self.key.public_key())
    }
}

impl Identity {
    /// Prepares a key.
    ///
    /// # Panics
    ///
    /// Never for a well-formed ed25519 key, which is all that [`PrivateKey`] holds.
    #[must_use]
    pub fn new(key: PrivateKey) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut pkcs8 = PKCS8_PREFIX.to_vec();
        pkcs8.extend_from_slice(&key.encode());
        let signing =
            provider.key_provider.load_private_key(PrivateKeyDer::Pkcs8(pkcs8.into())).expect("an ed25519 seed in PKCS#8 loads");
        let spki = signing.public_key().expect("an ed25519 key has a public half");
        let certified = Arc::new(CertifiedKey::new(vec![CertificateDer::from(spki.to_vec())], signing));
        Self { key, certified, provider }
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    pub(super) const fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// TLS of the listening side: lets in who is on the list, under either ALPN.
    pub(super) fn server_tls(&self, allowed: AllowList) -> Result<rustls::ServerConfig, rustls::Error> {
        let mut config = rustls::ServerConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(Arc::new(KeyVerifier { allowed, provider: self.provider.clone() }))
            .with_cert_resolver(Arc::new(rustls::server::AlwaysResolvesServerRawPublicKeys::new(self.certified.clone())));
        config.alpn_protocols = vec![ALPN_VALIDATOR.to_vec(), ALPN_CLIENT.to_vec()];
        Ok(config)
    }

    /// TLS of the dialling side: accepts exactly one key.
    pub(super) fn client_tls(&self, expected: &PublicKey, alpn: &[u8]) -> Result<rustls::ClientConfig, rustls::Error> {
        let verifier = KeyVerifier { allowed: AllowList::new([expected.clone()]), provider: self.provider.clone() };
        let mut config = rustls::ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_cert_resolver(Arc::new(rustls::client::AlwaysResolvesClientRawPublicKeys::new(self.certified.clone())));
        config.alpn_protocols = vec![alpn.to_vec()];
        Ok(config)
    }
}

/// The keys that a listening end lets in. Clones share the list, so it can change while connections run.
#[derive(Clone, Debug, Default)]
pub struct AllowList(Arc<Mutex<BTreeSet<PublicKey>>>);

impl AllowList {
    /// A list of these keys.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        Self(Arc::new(Mutex::new(keys.into_iter().collect())))
    }

    /// Whether the key is on it.
    #[must_use]
    pub fn contains(&self, key: &PublicKey) -> bool {
        self.0.lock().contains(key)
    }

    /// The keys, ascending.
    #[must_use]
    pub fn keys(&self) -> Vec<PublicKey> {
        self.0.lock().iter().cloned().collect()
    }

    /// Adds a key.
    pub fn insert(&self, key: PublicKey) {
        self.0.lock().insert(key);
    }

    /// Takes a key off; a connection it already has stays.
    pub fn remove(&self, key: &PublicKey) {
        self.0.lock().remove(key);
    }
}

/// The key that the other end proved to hold, and the ALPN it chose.
pub(super) fn peer_of(connection: &quinn::Connection) -> Option<(PublicKey, Vec<u8>)> {
    let chain = connection.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
    let key = key_from_spki(chain.first()?.as_ref())?;
    let handshake = connection.handshake_data()?.downcast::<quinn::crypto::rustls::HandshakeData>().ok()?;
    Some((key, handshake.protocol?))
}

fn key_from_spki(der: &[u8]) -> Option<PublicKey> {
    PublicKey::decode(Bytes::copy_from_slice(der.strip_prefix(&SPKI_PREFIX)?)).ok()
}

#[derive(Debug)]
struct KeyVerifier {
    allowed: AllowList,
    provider: Arc<CryptoProvider>,
}

impl KeyVerifier {
    fn check(&self, end_entity: &CertificateDer<'_>) -> Result<(), rustls::Error> {
        match key_from_spki(end_entity.as_ref()) {
            Some(key) if self.allowed.contains(&key) => Ok(()),
            Some(_) | None => Err(rustls::Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)),
        }
    }

    fn check_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let spki = SubjectPublicKeyInfoDer::from(certificate.as_ref());
        verify_tls13_signature_with_raw_key(message, &spki, signature, &self.provider.signature_verification_algorithms)
    }
}

/// What both ends' verifiers have in common: TLS 1.3, ed25519, raw public keys.
macro_rules! raw_ed25519_only {
    () => {
        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            Err(rustls::Error::General("only TLS 1.3 is spoken here".into()))
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            certificate: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            self.check_signature(message, certificate, signature)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            vec![SignatureScheme::ED25519]
        }

        fn requires_raw_public_keys(&self) -> bool {
            true
        }
    };
}

impl ServerCertVerifier for KeyVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.check(end_entity).map(|()| ServerCertVerified::assertion())
    }

    raw_ed25519_only!();
}

impl ClientCertVerifier for KeyVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.check(end_entity).map(|()| ClientCertVerified::assertion())
    }

    raw_ed25519_only!();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tls_identity_is_the_ed25519_key() {
        let identity = Identity::new(PrivateKey::from_seed(7));
        let spki = identity.certified.cert.first().expect("one raw key").as_ref().to_vec();
        assert_eq!(key_from_spki(&spki), Some(identity.public_key()));
        assert_eq!(key_from_spki(&spki[..43]), None);
    }
}
