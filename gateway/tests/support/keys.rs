//! Certificates on disk, as an operator would have them.

use plinth_gateway::clock::Now;
use plinth_gateway::tls::development::{Authority, Side};
use plinth_gateway::tls::{CertificateName, PeerCertificate, TlsClientConfig, TlsConfig, TlsFiles};
use plinth_types::id::TimestampNs;
use std::path::PathBuf;
use tempfile::TempDir;

pub struct Keys {
    pub folder: TempDir,
    authority: Authority,
}

impl Keys {
    pub fn new() -> Self {
        let keys = Self { folder: tempfile::tempdir().unwrap(), authority: Authority::create(Now::read().utc).unwrap() };
        keys.write("authority.pem", keys.authority.certificate());
        keys
    }

    /// A certificate with its key, for one of our own names.
    pub fn issue(&self, name: &str, side: Side, now: TimestampNs) -> (TlsFiles, PeerCertificate) {
        let issued = self.authority.issue(&[name], side, now).unwrap();
        let file = format!("{name}-{}", issued.der.len() + usize::from(issued.der[issued.der.len() - 1]) * 10_000);
        let files = TlsFiles {
            certificates: self.write(&format!("{file}.pem"), &issued.certificate),
            key: self.write(&format!("{file}.key"), &issued.key),
            authorities: self.folder.path().join("authority.pem"),
        };
        (files, PeerCertificate::new(&issued.der))
    }

    /// What a gateway on loopback shows.
    pub fn server(&self) -> TlsConfig {
        TlsConfig::from_files(&self.issue("localhost", Side::Server, Now::read().utc).0).unwrap()
    }

    /// What a client shows, and how its certificate is named.
    pub fn client(&self, name: &str) -> (TlsClientConfig, CertificateName) {
        let (files, certificate) = self.issue(name, Side::Client, Now::read().utc);
        (TlsClientConfig::from_files(&files, "localhost").unwrap(), CertificateName::Fingerprint(*certificate.fingerprint()))
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}
