//! What reports are about: what happened to an order, and why something is refused.

use crate::codec::{Tag, Version, tag};
use crate::session::{BodyWriter, Role};
use crate::zone::Full;
use plinth_types::command::{ClientOrderId, Command};
use plinth_types::event::CancelReason;
use plinth_types::quantity::{Price, Qty};
use plinth_types::reject::Reject;

/// Why the gateway itself refuses a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refusal {
    UnknownSymbol,
    UnknownAccount,
    UnknownOrder,
    TooLate,
    DuplicateId,
    DuplicateList,
    Unsupported { tag: Tag },
    Contradiction,
    TooManyOrders,
    Throttled,
    Full(Full),
}

impl Refusal {
    /// `OrdRejReason`, tag 103.
    pub(super) const fn ord_rej_reason(self) -> u64 {
        match self {
            Self::UnknownSymbol => 1,
            Self::TooLate => 4,
            Self::UnknownOrder => 5,
            Self::DuplicateId | Self::DuplicateList => 6,
            Self::Unsupported { .. } | Self::Contradiction => 11,
            Self::UnknownAccount => 15,
            Self::TooManyOrders | Self::Throttled | Self::Full(_) => 99,
        }
    }

    /// `CxlRejReason`, tag 102.
    pub(super) const fn cxl_rej_reason(self) -> u64 {
        match self {
            Self::TooLate => 0,
            Self::UnknownOrder => 1,
            Self::Unsupported { .. } => 2,
            Self::DuplicateId | Self::DuplicateList => 6,
            Self::UnknownSymbol
            | Self::UnknownAccount
            | Self::Contradiction
            | Self::TooManyOrders
            | Self::Throttled
            | Self::Full(_) => 99,
        }
    }

    pub(super) fn write_text(self, body: &mut BodyWriter<'_>) {
        let text = match self {
            Self::UnknownSymbol => "unknown symbol",
            Self::UnknownAccount => "no mandate of this session for the account",
            Self::UnknownOrder => "unknown order",
            Self::TooLate => "too late, the order is over",
            Self::DuplicateId => "duplicate ClOrdID",
            Self::DuplicateList => "duplicate ListID",
            Self::Unsupported { tag } => {
                return body.text(tag::TEXT, format_args!("tag {tag} has a value that is not supported"));
            }
            Self::Contradiction => "order terms contradict each other",
            Self::TooManyOrders => "capacity reached",
            Self::Throttled => THROTTLED,
            Self::Full(full) => return body.text(tag::TEXT, format_args!("{full}")),
        };
        body.bytes(tag::TEXT, text.as_bytes());
    }
}

/// `BusinessMessageReject`.
#[derive(Clone, Copy, Debug)]
pub(super) struct BusinessReject {
    /// Tag 380.
    pub(super) reason: u64,
    pub(super) text: &'static str,
    pub(super) missing: Option<Tag>,
}

impl BusinessReject {
    pub(super) const UNSUPPORTED_TYPE: Self = Self { reason: 3, text: "Unsupported Message Type", missing: None };

    pub(super) const fn not_authorized(role: Role) -> Self {
        Self { reason: 6, text: role.refusal(), missing: None }
    }

    pub(super) const UNKNOWN_ACCOUNT: Self = Self { reason: 1, text: "no mandate for the account", missing: None };

    pub(super) const UNKNOWN_LIST: Self = Self { reason: 1, text: "Unknown list", missing: None };

    pub(super) const UNKNOWN_SECURITY: Self = Self { reason: 2, text: "Unknown security", missing: None };

    pub(super) const TOO_MANY_SUBSCRIPTIONS: Self = Self { reason: 0, text: "too many subscriptions", missing: None };

    /// The zone takes not even cancels.
    pub(super) const FULL: Self = Self { reason: 4, text: "throttled", missing: None };

    pub(super) const THROTTLED: Self = Self { reason: 0, text: THROTTLED, missing: None };

    pub(super) const fn missing(tag: Tag) -> Self {
        Self { reason: 5, text: "Conditionally Required Field Missing", missing: Some(tag) }
    }
}

/// What an `OrderCancelReject` answers: `CxlRejResponseTo`, tag 434.
#[derive(Clone, Copy, Debug)]
pub(super) enum RequestKind {
    Cancel,
    Replace,
}

impl RequestKind {
    pub(super) const fn code(self) -> &'static [u8] {
        match self {
            Self::Cancel => b"1",
            Self::Replace => b"2",
        }
    }
}

/// Where a report comes from: gives `ExecID` and time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) command: &'a Command,
    /// Which of the command's events.
    pub(super) ordinal: u64,
}

/// What an `ExecutionReport` is about, beyond the order itself.
#[derive(Clone, Copy, Debug)]
pub(super) enum Execution {
    New,
    Rejected(Reject),
    Trade {
        price: Price,
        qty: Qty,
    },
    Cancelled {
        by: Option<(ClientOrderId, ClientOrderId)>,
        reason: CancelReason,
    },
    Replaced {
        was: ClientOrderId,
    },
    /// The zone made it smaller.
    Restated,
    /// The trade or the auction came that it waited for.
    Triggered,
    /// Its time has come.
    Expired,
    /// It follows a price, which has moved; `None`: it waits for one.
    Repriced {
        price: Option<Price>,
    },
}

impl Execution {
    /// `ExecType`, tag 150.
    pub(super) const fn exec_type(self, version: Version) -> &'static [u8] {
        match self {
            Self::New => b"0",
            Self::Rejected(_) => b"8",
            Self::Trade { .. } => b"F",
            Self::Cancelled { .. } => b"4",
            Self::Replaced { .. } => b"5",
            Self::Triggered if version.is_at_least(Version::Fix50) => b"L",
            Self::Expired => b"C",
            Self::Restated | Self::Triggered | Self::Repriced { .. } => b"D",
        }
    }
}

/// Why an order ended, as its client reads it; `None` where the client asked itself or another report said it.
pub(super) const fn text_of(reason: CancelReason) -> Option<&'static str> {
    match reason {
        CancelReason::Requested | CancelReason::ReplacedToFilled => None,
        CancelReason::Unfilled => Some("nothing more to take"),
        CancelReason::NotFillable => Some("cannot be filled whole"),
        CancelReason::FundsExhausted => Some("insufficient funds for more"),
        CancelReason::MassRequested => Some("mass cancel"),
        CancelReason::Disconnected => Some("connection lost"),
        CancelReason::Suspended => Some("suspended"),
        CancelReason::SelfMatch => Some("self-match prevention"),
        CancelReason::OwnerRequested => Some("cancelled by the account's owner"),
        CancelReason::NoRoom => Some("no room to rest"),
        CancelReason::Requoted => Some("quote replaced or withdrawn"),
        CancelReason::QuotesStopped => Some("quotes stopped by their protection"),
        CancelReason::Expired => Some("expired"),
        CancelReason::Linked => Some("an order that it is tied to"),
    }
}

/// What a session hears that asks more often than it may.
const THROTTLED: &str = "more than this session's rate";
