//! The FIX acceptor's part of the configuration: where it listens, who may log on with what.

use super::hex;
use super::resolve::{ConfigError, value};
use super::schema;
use plinth_gateway::codec::Version;
use plinth_gateway::driver::Listen;
use plinth_gateway::rate::Rate;
use plinth_gateway::session::{Credential, ResetPolicy, Role, Schedule, SessionConfig, Throttle};
use plinth_gateway::tls::{TlsConfig, TlsFiles};
use plinth_types::id::SessionId;
use std::net::SocketAddr;
use std::path::Path;

/// Where to listen: plain TCP first, if it is wanted.
pub(super) fn listen(folder: &Path, fix: &schema::Fix) -> Result<Vec<Listen>, ConfigError> {
    let mut listen = Vec::new();
    if let Some(address) = fix.listen {
        check_plain(address)?;
        listen.push(Listen::plain(address));
    }
    if let Some(tls) = &fix.tls {
        let files = TlsFiles {
            certificates: folder.join(&tls.certificate_file),
            key: folder.join(&tls.key_file),
            authorities: folder.join(&tls.client_authorities_file),
        };
        let config = TlsConfig::from_files(&files).map_err(|error| value("fix.tls", &error))?;
        listen.push(Listen { address: tls.listen, tls: Some(config) });
    }
    if listen.is_empty() {
        return Err(value("fix", &"neither listen nor tls.listen: nobody could log on"));
    }
    Ok(listen)
}

/// When it may be logged on, if that is not always.
fn schedule(entry: &str, session: &schema::Session) -> Result<Option<Schedule>, ConfigError> {
    let Some(hours) = &session.hours else {
        return if session.daily_reset { Err(value(entry, &"daily_reset needs hours")) } else { Ok(None) };
    };
    let parsed = hours.split_once('-').and_then(|(opens, closes)| Some((seconds(opens)?, seconds(closes)?)));
    let (opens_s, closes_s) = parsed.ok_or_else(|| value(entry, &format!("hours '{hours}' are not like 08:00-22:00")))?;
    Ok(Some(Schedule { opens_s, closes_s, resets: session.daily_reset }))
}

/// Seconds since midnight of a time such as 08:00.
fn seconds(time: &str) -> Option<u32> {
    let (hours, minutes) = time.trim().split_once(':')?;
    let number = |text: &str, end: u32| text.parse::<u32>().ok().filter(|number| text.len() == 2 && *number < end);
    Some(number(hours, 24)? * 3_600 + number(minutes, 60)? * 60)
}

/// Plain TCP is read and changed by whoever is on the way.
pub(super) fn check_plain(address: SocketAddr) -> Result<(), ConfigError> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    Err(value("fix.listen", &"plain TCP is for loopback addresses only; [fix.tls] listens on any"))
}

/// One session as the gateway takes it.
pub(super) fn session(id: SessionId, session: &schema::Session) -> Result<SessionConfig, ConfigError> {
    let entry = format!("session '{}'", session.comp_id);
    let credential = match (&session.password_hash, &session.public_key) {
        (Some(hash), None) => Credential::Password(hash.as_str().into()),
        (None, Some(key)) => Credential::Key(hex::decode(key).map_err(|error| value(&entry, &format!("public_key: {error}")))?),
        (Some(_), Some(_)) | (None, None) => return Err(value(&entry, &"either password_hash or public_key")),
    };
    let name = session.version.as_deref().unwrap_or(Version::default().name());
    let version = Version::from_name(name).ok_or_else(|| {
        let problem = format!("'{name}' is no version of FIX; known are {}", Version::ALL.map(Version::name).join(", "));
        value(&format!("{entry}: version"), &problem)
    })?;
    let certificates = session.certificates.iter().map(|name| name.parse().map_err(|error| value(&entry, &error)));
    let reset = if session.may_reset { ResetPolicy::OnRequest } else { ResetPolicy::Never };
    Ok(SessionConfig {
        certificates: certificates.collect::<Result<_, _>>()?,
        version,
        role: match session.role {
            schema::Role::Trade => Role::Trade,
            schema::Role::CancelOnly => Role::CancelOnly,
            schema::Role::DropCopy => Role::DropCopy,
            schema::Role::MarketData => Role::MarketData,
        },
        firm: session.firm.clone(),
        schedule: schedule(&entry, session)?,
        throttle: Throttle {
            requests: session.requests_per_second.map(|count| Rate::per_second(count.into())),
            cancels: session.cancels_per_second.map(|count| Rate::per_second(count.into())),
        },
        cancel_on_disconnect: session.cancel_on_disconnect,
        ..SessionConfig::new(id, &session.comp_id, credential, reset)
    })
}
