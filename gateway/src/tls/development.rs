//! An authority for development and tests: certificates without a company's own machinery. Its key lies beside what it signs, so whoever can
//! read that folder can be anyone: not for an appliance that others rely on.

use crate::codec::timestamp;
use plinth_types::id::TimestampNs;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};

/// Why no certificate was made.
#[derive(Debug, thiserror::Error)]
#[error("certificate: {0}")]
pub struct DevelopmentError(#[from] rcgen::Error);

/// Signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

/// Which side of a connection a certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Who listens.
    Server,
    /// Who connects.
    Client,
}

/// A certificate with its key.
#[derive(Clone)]
pub struct Issued {
    /// PEM, and the authority's behind it is not.
    pub certificate: String,
    /// PEM.
    pub key: String,
    /// DER of the certificate.
    pub der: Vec<u8>,
}

impl Authority {
    /// A new one, good from the day before `now` for ten years.
    ///
    /// # Errors
    ///
    /// When the system gives no random numbers.
    pub fn create(now: TimestampNs) -> Result<Self, DevelopmentError> {
        let mut params = params(&[], "Plinth development authority", now, AUTHORITY_YEARS)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), certificate })
    }

    /// Its certificate, PEM: what both sides believe.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// A certificate for one side under these DNS names or addresses, good from the day before `now` for a year.
    ///
    /// # Errors
    ///
    /// When a name is none, or the system gives no random numbers.
    pub fn issue(&self, names: &[&str], side: Side, now: TimestampNs) -> Result<Issued, DevelopmentError> {
        let mut params = params(names, names.first().copied().unwrap_or_default(), now, CERTIFICATE_YEARS)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match side {
            Side::Server => ExtendedKeyUsagePurpose::ServerAuth,
            Side::Client => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        let key = KeyPair::generate()?;
        let certificate: Certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued { certificate: certificate.pem(), key: key.serialize_pem(), der: certificate.der().to_vec() })
    }
}

fn params(names: &[&str], common_name: &str, now: TimestampNs, years: i32) -> Result<CertificateParams, DevelopmentError> {
    let mut params = CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())?;
    params.distinguished_name.push(DnType::CommonName, common_name);
    let date = |time: TimestampNs, later: i32| {
        let digits = timestamp::format_date(time);
        let number = |digits: &[u8]| digits.iter().fold(0_u16, |number, digit| number * 10 + u16::from(digit - b'0'));
        // The 29th of February is not in every year.
        let (month, day) = (number(&digits[4..6]) as u8, (number(&digits[6..8]) as u8).min(28));
        rcgen::date_time_ymd(i32::from(number(&digits[..4])) + later, month, day)
    };
    params.not_before = date(TimestampNs::new(now.get().saturating_sub(DAY_NS)), 0);
    params.not_after = date(now, years);
    Ok(params)
}

impl core::fmt::Debug for Authority {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Authority { .. }")
    }
}

impl core::fmt::Debug for Issued {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Issued { .. }")
    }
}

const AUTHORITY_YEARS: i32 = 10;
const CERTIFICATE_YEARS: i32 = 1;
const DAY_NS: u64 = 86_400 * crate::limits::SECOND_NS;
