//! Certificates for development: an authority, one certificate for the gateway, one for each client.

use super::demo::write_new;
use plinth_gateway::tls::development::{Authority, Issued, Side};
use plinth_gateway::tls::{CertificateName, PeerCertificate};
use plinth_types::id::TimestampNs;
use std::fs;
use std::io;
use std::path::Path;

/// Makes `folder` with `authority.pem` and a certificate with its key for the server and for each client. The authority's own key is not kept,
/// so nothing can be added later. Returns how each client's certificate is named in a `[[session]]`.
///
/// # Errors
///
/// When a name cannot be one of a certificate, the folder cannot be written, or holds such files already.
pub fn create(folder: &Path, server: &str, clients: &[String], now: TimestampNs) -> io::Result<Vec<CertificateName>> {
    fs::create_dir_all(folder)?;
    let authority = Authority::create(now).map_err(io::Error::other)?;
    write_new(&folder.join("authority.pem"), authority.certificate().as_bytes(), 0o644)?;
    let issue = |file: &str, name: &str, side| {
        let Issued { certificate, key, der } = authority.issue(&[name], side, now).map_err(io::Error::other)?;
        write_new(&folder.join(format!("{file}.key")), key.as_bytes(), 0o600)?;
        write_new(&folder.join(format!("{file}.pem")), certificate.as_bytes(), 0o644)?;
        Ok(CertificateName::Fingerprint(*PeerCertificate::new(&der).fingerprint()))
    };
    issue("server", server, Side::Server)?;
    clients.iter().map(|client| issue(client, &client.to_ascii_lowercase(), Side::Client)).collect()
}
