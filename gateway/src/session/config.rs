//! Who may log on, and how.

use crate::codec::Version;
use crate::limits::COMP_ID_SIZE_MAX;
use plinth_types::id::SessionId;
use std::sync::Arc;

/// One session.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// Its number; not 0, which is the appliance.
    pub id: SessionId,
    /// The counterparty's `SenderCompID`.
    pub comp_id: String,
    /// What it shows to be itself.
    pub credential: Credential,
    /// Whether both sequences may start again at a logon.
    pub reset: ResetPolicy,
    /// The version that it speaks.
    pub version: Version,
}

impl SessionConfig {
    /// A FIX 4.4 session.
    #[must_use]
    pub fn new(id: SessionId, comp_id: &str, credential: Credential, reset: ResetPolicy) -> Self {
        Self { id, comp_id: comp_id.to_owned(), credential, reset, version: Version::Fix44 }
    }
}

/// What a logon must show.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// Nothing. For conformance tests on loopback.
    None,
    /// `Password`, tag 554, that this PHC string (argon2) was made of. `Username`, tag 553, is the `CompID` or absent.
    Password(Arc<str>),
}

impl core::fmt::Debug for Credential {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Password(_) => "Password(***)",
        })
    }
}

/// Whether both sequences may start again at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResetPolicy {
    /// Never: a logon with `ResetSeqNumFlag` is refused.
    Never,
    /// When the logon asks, with tag 141.
    OnRequest,
    /// At every logon.
    EveryLogon,
}

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SessionConfigError {
    /// Number 0 is the appliance.
    #[error("session {comp_id} has number 0, which is the appliance's own")]
    ReservedId {
        /// Whose.
        comp_id: String,
    },
    /// Used before.
    #[error("session number {id} or CompID {comp_id} is used twice")]
    Duplicate {
        /// The number.
        id: SessionId,
        /// The name.
        comp_id: String,
    },
    /// Empty, too long, or not printable ASCII.
    #[error("CompID {comp_id:?} is not 1 to {COMP_ID_SIZE_MAX} printable ASCII characters")]
    CompId {
        /// The name.
        comp_id: String,
    },
}

/// Whether a text may be a `CompID`.
pub(crate) fn is_comp_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= COMP_ID_SIZE_MAX && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
}
