//! TLS 1.3 with certificates on both sides: what a listener shows, whom it believes, and which certificate belongs to which session.
//!
//! * 1.3 only, no resumption (so no ticket outlives a certificate that is struck from the configuration), no early data, ALPN
//!   [`fix`](ALPN). A client that offers another application protocol is refused; one that offers none is taken.
//! * A client without a certificate of the [authorities](TlsFiles::authorities) does not get past the handshake, so it never reaches
//!   the FIX session. A certificate alone is not enough: a session is bound to [names of certificates](CertificateName), and its own
//!   credential is asked for as well.
//!
//! [`development`] makes certificates where there is no authority yet.
//!
//! Known limitations: files are read at the start; new certificates of ours, new authorities and revocation lists need a restart. A client's
//! certificate is struck off by taking its name out of the configuration.

mod certificate;
pub mod development;

pub use certificate::{CertificateName, CertificateNameError, PeerCertificate};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The application protocol, as ALPN names it.
pub const ALPN: &[u8] = b"fix";

/// PEM files of one side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// Its certificate, and those between it and the authority.
    pub certificates: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
    /// Certificates of the authorities that the other side's must come from.
    pub authorities: PathBuf,
}

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is not PEM of the right kind.
    #[error("{}: {problem}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong. Says nothing of a key's content.
        problem: String,
    },
    /// Certificate and key do not go together, or are of a kind that is not supported.
    #[error("certificate {}: {source}", path.display())]
    Certificate {
        /// The certificate's file.
        path: PathBuf,
        /// The library's word.
        source: rustls::Error,
    },
    /// The authorities cannot be used.
    #[error("authorities {}: {problem}", path.display())]
    Authorities {
        /// Their file.
        path: PathBuf,
        /// What is wrong with them.
        problem: String,
    },
}

/// What a listener shows, and whom it believes.
#[derive(Clone)]
pub struct TlsConfig {
    pub(crate) server: Arc<ServerConfig>,
}

impl core::fmt::Debug for TlsConfig {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("TlsConfig { .. }")
    }
}

impl TlsConfig {
    /// Reads certificates, key and authorities.
    ///
    /// # Errors
    ///
    /// [`TlsError`] naming the file.
    pub fn from_files(files: &TlsFiles) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let roots = Arc::new(trusted(&files.authorities)?);
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider.clone())
            .build()
            .map_err(|error| TlsError::Authorities { path: files.authorities.clone(), problem: error.to_string() })?;
        let wrong = |source| TlsError::Certificate { path: files.certificates.clone(), source };
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(wrong)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(certificates(&files.certificates)?, private_key(&files.key)?)
            .map_err(wrong)?;
        server.alpn_protocols = vec![ALPN.to_vec()];
        server.send_tls13_tickets = 0;
        server.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        server.max_early_data_size = 0;
        Ok(Self { server: Arc::new(server) })
    }
}

/// What a client shows, whom it believes, and whom it expects.
#[derive(Clone)]
pub struct TlsClientConfig {
    pub(crate) client: Arc<ClientConfig>,
    pub(crate) server_name: ServerName<'static>,
}

impl core::fmt::Debug for TlsClientConfig {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "TlsClientConfig {{ server_name: {:?} }}", self.server_name)
    }
}

impl TlsClientConfig {
    /// Reads certificates, key and authorities. The server must have a certificate of the authorities for `server_name`, which is a DNS name or
    /// an address.
    ///
    /// # Errors
    ///
    /// [`TlsError`] naming the file.
    pub fn from_files(files: &TlsFiles, server_name: &str) -> Result<Self, TlsError> {
        let wrong = |source| TlsError::Certificate { path: files.certificates.clone(), source };
        let mut client = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(wrong)?
            .with_root_certificates(trusted(&files.authorities)?)
            .with_client_auth_cert(certificates(&files.certificates)?, private_key(&files.key)?)
            .map_err(wrong)?;
        client.alpn_protocols = vec![ALPN.to_vec()];
        let server_name = ServerName::try_from(server_name.to_owned())
            .map_err(|error| TlsError::File { path: files.authorities.clone(), problem: format!("{server_name}: {error}") })?;
        Ok(Self { client: Arc::new(client), server_name })
    }
}

fn trusted(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(path)? {
        store.add(certificate).map_err(|error| TlsError::Authorities { path: path.into(), problem: error.to_string() })?;
    }
    Ok(store)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let file = |problem: String| TlsError::File { path: path.into(), problem };
    let found = CertificateDer::pem_file_iter(path).map_err(|error| file(error.to_string()))?;
    let found = found.collect::<Result<Vec<_>, _>>().map_err(|error| file(error.to_string()))?;
    if found.is_empty() {
        return Err(file("no certificate is in it".to_owned()));
    }
    Ok(found)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| TlsError::File { path: path.into(), problem: error.to_string() })
}
