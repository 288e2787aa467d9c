//! A client's certificate, and the names under which a configuration knows it.

use rustls::pki_types::{CertificateDer, DnsName, ServerName};
use rustls::server::ParsedCertificate;
use sha2::{Digest, Sha256};
use std::str::FromStr;

/// A certificate that a client has shown, whose key it holds, and which an authority of ours has signed.
#[derive(Clone, PartialEq, Eq)]
pub struct PeerCertificate {
    der: CertificateDer<'static>,
    fingerprint: [u8; 32],
}

impl PeerCertificate {
    /// From its DER bytes.
    #[must_use]
    pub fn new(der: &[u8]) -> Self {
        Self { der: CertificateDer::from(der.to_vec()), fingerprint: Sha256::digest(der).into() }
    }

    /// SHA-256 of its DER bytes.
    #[must_use]
    pub const fn fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }
}

impl core::fmt::Debug for PeerCertificate {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "PeerCertificate({})", CertificateName::Fingerprint(self.fingerprint))
    }
}

/// How a configuration names a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateName {
    /// `sha256:` and 64 hexadecimal digits: this certificate and no other.
    Fingerprint([u8; 32]),
    /// `dns:` and a name: any certificate of the authorities with this name among its subject alternative names. It may be renewed without a
    /// change here; a wildcard in a certificate counts for every name that it matches.
    Subject(DnsName<'static>),
}

impl CertificateName {
    /// Whether a certificate has this name.
    #[must_use]
    pub fn is_of(&self, certificate: &PeerCertificate) -> bool {
        match self {
            Self::Fingerprint(fingerprint) => *fingerprint == certificate.fingerprint,
            Self::Subject(name) => {
                let name = ServerName::DnsName(name.clone());
                ParsedCertificate::try_from(&certificate.der)
                    .is_ok_and(|parsed| rustls::client::verify_server_name(&parsed, &name).is_ok())
            }
        }
    }
}

impl core::fmt::Display for CertificateName {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Fingerprint(bytes) => {
                f.write_str(FINGERPRINT)?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::Subject(name) => write!(f, "{SUBJECT}{}", name.as_ref()),
        }
    }
}

/// Not a name of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{text}' is neither sha256:, followed by 64 hexadecimal digits, nor dns:, followed by a name")]
pub struct CertificateNameError {
    text: String,
}

impl FromStr for CertificateName {
    type Err = CertificateNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = if let Some(digits) = text.strip_prefix(FINGERPRINT) {
            crate::codec::hex::decode(digits.as_bytes()).map(Self::Fingerprint)
        } else {
            let name = text.strip_prefix(SUBJECT).map(str::to_owned);
            name.and_then(|name| DnsName::try_from(name).ok()).map(Self::Subject)
        };
        name.ok_or_else(|| CertificateNameError { text: text.to_owned() })
    }
}

const FINGERPRINT: &str = "sha256:";
const SUBJECT: &str = "dns:";

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(names: &[&str]) -> PeerCertificate {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        PeerCertificate::new(rcgen::generate_simple_self_signed(names).unwrap().cert.der())
    }

    #[test]
    fn a_certificate_is_known_by_its_fingerprint_or_a_name_in_it() {
        let (own, other) = (certificate(&["firm1.example", "x.firm1.example"]), certificate(&["firm1.example.org"]));
        let fingerprint = CertificateName::Fingerprint(*own.fingerprint());
        assert!(fingerprint.is_of(&own) && !fingerprint.is_of(&other));
        for (name, is_own) in
            [("dns:firm1.example", true), ("dns:FIRM1.example", true), ("dns:example", false), ("dns:irm1.example", false)]
        {
            let name: CertificateName = name.parse().unwrap();
            assert_eq!(name.is_of(&own), is_own, "{name}");
            assert!(!name.is_of(&other) && !name.is_of(&PeerCertificate::new(b"no certificate")), "{name}");
        }
        assert_eq!(fingerprint.to_string().parse(), Ok(fingerprint));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["", "sha256:", "sha256:ab", "firm1.example", "dns:", "dns:a b", &format!("sha256:{}", "g".repeat(64))] {
            assert!(text.parse::<CertificateName>().is_err(), "{text}");
        }
    }
}
