//! From a first message to a session: whose logon it is, and what must be verified before it counts.

use super::{Acceptor, LinkId, LinkState, Unshown};
use crate::clock::{MonoNs, Now};
use crate::codec::frame::{self, Fields, Frame};
use crate::codec::{Message, hex, tag, timestamp};
use crate::dictionary::{Dictionary, MsgType};
use crate::limits::{PASSWORD_SIZE_MAX, VERIFICATIONS_WAITING_MAX};
use crate::session::{Application, Credential, SessionConfig, SignedLogon};
use crate::tls::PeerCertificate;
use plinth_types::id::{MsgSeqNum, TimestampNs};
use std::sync::Arc;

/// A question to whoever verifies what logons show.
#[derive(Debug)]
pub struct Verification {
    /// Who asks.
    pub link: LinkId,
    /// What was shown.
    pub proof: Proof,
}

/// What a logon shows, and what it must fit.
pub enum Proof {
    /// A password.
    Password {
        /// What was shown.
        password: Box<[u8]>,
        /// PHC string of the right password.
        hash: Arc<str>,
    },
    /// An Ed25519 signature.
    Signature {
        /// Public key of the session.
        key: [u8; 32],
        /// What must have been signed: a [`SignedLogon`].
        text: Box<[u8]>,
        /// What was shown.
        signature: [u8; 64],
    },
}

impl core::fmt::Debug for Proof {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Password { .. } => "Password(***)",
            Self::Signature { .. } => "Signature(***)",
        })
    }
}

impl<A: Application> Acceptor<A> {
    /// The next proof to be verified.
    pub fn take_verification(&mut self) -> Option<Verification> {
        self.verifications.pop_front()
    }

    /// A proof was verified.
    pub fn verified(&mut self, link: LinkId, is_right: bool, now: Now) {
        let Some(own) = self.links.get_mut(link.index as usize).filter(|own| own.generation == link.generation) else { return };
        if !matches!(own.state, LinkState::Verifying { .. }) {
            return;
        }
        let address = own.address;
        if let LinkState::Verifying { session, logon, .. } = std::mem::replace(&mut own.state, LinkState::Refused) {
            self.pending_count -= 1;
            // Another connection may have been quicker, and may even be gone again.
            if is_right && self.sessions[session].is_idle() && self.is_first_use(session, &logon.0) {
                self.bind(link, session, &logon.0, now);
            } else {
                self.refused_count += 1;
                if !is_right {
                    self.failures.count(address, now.mono);
                }
            }
        }
    }

    pub(super) fn first_message(&mut self, link: LinkId, since: MonoNs, bytes: &[u8], now: Now) {
        let message = Message::new(bytes, &self.fields);
        let own = &self.links[link.index as usize];
        let address = own.address;
        let Some(session) = self.identify(&message, own.certificate.as_ref(), now) else { return self.refuse(link) };
        let proof = match &self.sessions[session].config().credential {
            Credential::None => {
                self.pending_count -= 1;
                return self.bind(link, session, bytes, now);
            }
            Credential::Password(hash) => {
                let password = message.get(tag::PASSWORD).filter(|password| password.len() <= PASSWORD_SIZE_MAX);
                password.map(|password| Proof::Password { password: password.into(), hash: hash.clone() })
            }
            Credential::Key(key) => {
                let signed = SignedLogon::of(&message).filter(|_| self.fresh_use(session, &message).is_some());
                let signature = message.get(tag::RAW_DATA).and_then(hex::decode);
                let proof = |(signed, signature): (SignedLogon<'_>, _)| Proof::Signature {
                    key: *key,
                    text: signed.text().into(),
                    signature,
                };
                signed.zip(signature).map(proof)
            }
        };
        match proof.filter(|_| self.verifications.len() < VERIFICATIONS_WAITING_MAX) {
            // A verification costs tens of milliseconds: who logs on all the time waits.
            Some(proof) if self.logons.take((address, session), now.mono) => {
                self.verifications.push_back(super::Verification { link, proof });
                self.links[link.index as usize].state = LinkState::Verifying { since, session, logon: Unshown(bytes.into()) };
            }
            Some(_) | None => self.refuse(link),
        }
    }

    /// Whose logon this is, if it is a good one as far as can be seen.
    fn identify(&self, message: &Message<'_>, certificate: Option<&PeerCertificate>, now: Now) -> Option<usize> {
        if message.msg_type() != b"A" || message.get(tag::TARGET_COMP_ID) != Some(&self.comp_id) {
            return None;
        }
        let comp_id = message.get(tag::SENDER_COMP_ID)?;
        let session = *self.by_comp_id.get(comp_id)?;
        let config = self.sessions[session].config();
        let version = config.version;
        let is_version =
            message.begin_string() == version.begin_string() && message.get(tag::DEFAULT_APPL_VER_ID) == version.appl_ver_id();
        if !is_version || !is_bound(config, certificate) || Dictionary::of(version).check(message) != Ok(MsgType::Logon) {
            return None;
        }
        let is_named = message.get(tag::USERNAME).is_none_or(|name| name == comp_id);
        let is_good = is_named && self.sessions[session].is_idle() && crate::session::is_time_accurate(message, now);
        is_good.then_some(session)
    }

    /// Time and number of a signed logon that has not been used, as far as they can tell.
    fn fresh_use(&self, session: usize, message: &Message<'_>) -> Option<(TimestampNs, MsgSeqNum)> {
        let own = (message.get(tag::SENDING_TIME).and_then(timestamp::parse)?, message.msg_seq_num()?);
        (own > self.signed_at[session] && own.0 >= self.opened_at).then_some(own)
    }

    /// Uses up a logon that was verified. One without a signature may be used again.
    fn is_first_use(&mut self, session: usize, logon: &[u8]) -> bool {
        if !matches!(self.sessions[session].config().credential, Credential::Key(_)) {
            return true;
        }
        let mut fields = Fields::default();
        let Frame::Message { .. } = frame::next(logon, &mut fields) else { return false };
        let Some(own) = self.fresh_use(session, &Message::new(logon, &fields)) else { return false };
        self.signed_at[session] = own;
        true
    }
}

/// Whether a connection with this certificate, or without TLS, may be a session's.
fn is_bound(config: &SessionConfig, certificate: Option<&PeerCertificate>) -> bool {
    match certificate {
        Some(certificate) => config.certificates.iter().any(|name| name.is_of(certificate)),
        None => config.certificates.is_empty(),
    }
}
