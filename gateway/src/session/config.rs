//! Who may log on, and how.

use super::schedule::Schedule;
use crate::codec::Version;
use crate::limits::COMP_ID_SIZE_MAX;
use crate::rate::Rate;
use crate::tls::CertificateName;
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
    /// Names of the certificates that its connections may have, over TLS and only there; empty for a session without TLS.
    pub certificates: Vec<CertificateName>,
    /// Whether both sequences may start again at a logon.
    pub reset: ResetPolicy,
    /// The version that it speaks.
    pub version: Version,
    /// What it may do.
    pub role: Role,
    /// Whose it is: a drop-copy session hears what the others of its firm are told.
    pub firm: Option<String>,
    /// Its hours; `None` for a session that is always open and goes on until it asks for a reset.
    pub schedule: Option<Schedule>,
    /// How often it may ask.
    pub throttle: Throttle,
    /// Whether its orders are taken off the books when its connection ends, whoever ended it; a restart of ours counts.
    pub cancel_on_disconnect: bool,
}

/// How often a session may ask. What is too much is refused at once, costs nothing of the rate, and uses up no `ClOrdID`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Throttle {
    /// Orders, replacements, and whatever takes nothing off the books; `None` for no limit but the zone's own.
    pub requests: Option<Rate>,
    /// Cancels and mass cancels, which have a rate of their own: they pass when orders do not.
    pub cancels: Option<Rate>,
}

/// What a session may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    #[default]
    Trade,
    /// Cancel, and ask about its orders.
    CancelOnly,
    /// Hear what the other sessions of its firm are told; ask about their trades and accounts; trade nothing.
    DropCopy,
    /// Ask about instruments and hear of their markets; trade nothing.
    MarketData,
}

impl Role {
    /// Whether a type of application message is for it.
    #[must_use]
    pub const fn may_send(self, msg_type: &[u8]) -> bool {
        match self {
            Self::Trade => true,
            Self::CancelOnly => matches!(msg_type, b"F" | b"q" | b"CA" | b"K" | b"H" | b"M" | b"AF" | b"x" | b"c" | b"e" | b"g"),
            Self::DropCopy => matches!(msg_type, b"AD" | b"AN" | b"BB" | b"x" | b"c" | b"e" | b"g"),
            Self::MarketData => matches!(msg_type, b"V" | b"e" | b"g" | b"x" | b"c"),
        }
    }

    /// What a session hears that sends something else.
    #[must_use]
    pub const fn refusal(self) -> &'static str {
        match self {
            Self::Trade => "Not authorized",
            Self::CancelOnly => "Not authorized: this session may only cancel",
            Self::DropCopy => "Not authorized: this session is for drop copies",
            Self::MarketData => "Not authorized: this session is for market data",
        }
    }
}

impl SessionConfig {
    /// A FIX 4.4 session.
    #[must_use]
    pub fn new(id: SessionId, comp_id: &str, credential: Credential, reset: ResetPolicy) -> Self {
        Self {
            id,
            comp_id: comp_id.to_owned(),
            credential,
            certificates: Vec::new(),
            reset,
            version: Version::Fix44,
            role: Role::Trade,
            firm: None,
            schedule: None,
            throttle: Throttle::default(),
            cancel_on_disconnect: false,
        }
    }
}

/// What a logon must show.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    /// Nothing. For conformance tests on loopback.
    None,
    /// `Password`, tag 554, that this PHC string (argon2) was made of. `Username`, tag 553, is the `CompID` or absent.
    Password(Arc<str>),
    /// `RawData`, tag 96: a signature of this Ed25519 public key over the [logon](super::SignedLogon). Good once.
    Key([u8; 32]),
}

impl core::fmt::Debug for Credential {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Password(_) => "Password(***)",
            Self::Key(_) => "Key",
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
    /// A drop-copy session without a firm would hear nothing.
    #[error("drop-copy session {comp_id} has no firm")]
    NoFirm {
        /// Whose.
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
