//! Which rules fired.

use plinth_types::event::Event;
use plinth_types::reject::Reject;

/// The kind of an event, with the reason of a refusal or end.
pub(crate) fn kind(event: &Event) -> String {
    let refused = |what: &str, reject: &Reject| {
        let text = format!("{reject:?}");
        format!("{what} {}", text.split([' ', '{']).next().unwrap())
    };
    match event {
        Event::Accepted { .. } => "accepted".into(),
        Event::Rejected { reject, .. } => refused("rejected", reject),
        Event::Traded { .. } => "traded".into(),
        Event::Cancelled { reason, .. } => format!("cancelled {reason:?}"),
        Event::Reduced { .. } => "reduced".into(),
        Event::MassCancelled { .. } => "mass cancelled".into(),
        Event::MassCancelRejected { reject } => refused("mass cancel rejected", reject),
        Event::Replaced { kept_priority, .. } => format!("replaced kept={kept_priority}"),
        Event::CancelRejected { reject, .. } => refused("cancel rejected", reject),
        Event::Credited { .. } => "credited".into(),
        Event::CreditRefused { reject, .. } => refused("credit refused", reject),
        Event::Configured => "configured".into(),
        Event::ConfigurationRefused { reject } => refused("configuration refused", reject),
    }
}

pub(crate) const KINDS: &[&str] = &[
    "accepted",
    "cancel rejected AlreadyFilled",
    "cancel rejected CapacityReached",
    "cancel rejected InsufficientFunds",
    "cancel rejected NotMandated",
    "cancel rejected NotionalTooLarge",
    "cancel rejected OutsideBands",
    "cancel rejected PriceNotPositive",
    "cancel rejected TooLarge",
    "cancel rejected UnknownOrder",
    "cancel rejected WouldTake",
    "cancelled Disconnected",
    "cancelled FundsExhausted",
    "cancelled MassRequested",
    "cancelled NotFillable",
    "cancelled ReplacedToFilled",
    "cancelled Requested",
    "cancelled SelfMatch",
    "cancelled Suspended",
    "cancelled Unfilled",
    "configuration refused CapacityReached",
    "configuration refused Contradiction",
    "configuration refused Malformed",
    "configuration refused NotMandated",
    "configuration refused OutOfSequence",
    "configuration refused UnknownAccount",
    "configuration refused UnknownAsset",
    "configuration refused UnknownInstrument",
    "configured",
    "credit refused AmountTooLarge",
    "credit refused Malformed",
    "credit refused NotMandated",
    "credit refused OutOfSequence",
    "credit refused UnknownAccount",
    "credit refused UnknownAsset",
    "credited",
    "mass cancel rejected NotMandated",
    "mass cancel rejected UnknownAccount",
    "mass cancel rejected UnknownInstrument",
    "mass cancelled",
    "reduced",
    "rejected CapacityReached",
    "rejected Contradiction",
    "rejected InsufficientFunds",
    "rejected Malformed",
    "rejected NotMandated",
    "rejected NotionalTooLarge",
    "rejected OutOfSequence",
    "rejected OutsideBands",
    "rejected PriceNotPositive",
    "rejected Suspended",
    "rejected TooLarge",
    "rejected TooManyOrders",
    "rejected UnknownInstrument",
    "rejected WouldTake",
    "replaced kept=false",
    "replaced kept=true",
    "traded",
];
