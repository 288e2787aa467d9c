//! What the appliance's messages say to the player.

use super::tape::{PRICE_DECIMALS, QTY_DECIMALS, TapeOrderId};
use plinth_gateway::codec::{Message, Tag, decimal, tag};
use plinth_types::command::Side;
use plinth_types::quantity::{Price, Qty};

/// One message, as far as the player cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// The order is in.
    Accepted { order: TapeOrderId },
    /// It never was; `would_take` if because it was to rest and would have traded.
    Refused { order: TapeOrderId, would_take: bool },
    /// One side of a trade.
    Traded { order: TapeOrderId, trade: TradeKey, side: Side, price: Price, qty: Qty, filled: bool },
    /// What was left is gone; `asked` if by a cancel.
    Cancelled { order: TapeOrderId, asked: bool },
    /// There was nothing to cancel.
    CancelRefused { order: TapeOrderId },
    /// A trade's block got further; `again` if the message says that it may have been sent before.
    Settlement { trade: TradeKey, state: TradeState, again: bool },
}

/// What both sides' reports of one trade share: `ExecID` less its last part, the side. Ascending in the order of execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct TradeKey {
    record: u64,
    ordinal: u64,
}

/// How far a trade's block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TradeState {
    /// Ordered and recoverable.
    Available,
    /// Value has moved as the policy says.
    Settled,
}

/// How the appliance words the refusal of a post-only order.
const WOULD_TAKE: &str = "post-only order would take";

/// Why a message cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// A field is missing or has no meaning for its message.
    #[error("message {msg_type:?} with a bad or missing field {tag}: {message}")]
    Field {
        /// Type of the message.
        msg_type: String,
        /// Which field.
        tag: Tag,
        /// The whole of it, for a person.
        message: String,
    },
    /// The appliance says that we broke the protocol.
    #[error("refused as a protocol error: {message}")]
    Protocol {
        /// The whole of it, for a person.
        message: String,
    },
}

/// Reads a message; `None` for one that is no answer (a heartbeat, a replay's own logout).
pub(super) fn read(message: &Message<'_>, run: &str) -> Result<Option<Report>, ReportError> {
    match message.msg_type() {
        b"8" => execution_report(message, run),
        b"9" => Ok(Some(Report::CancelRefused { order: client_order(message, run)?.0 })),
        b"AE" => trade_capture(message).map(Some),
        b"3" | b"j" => Err(ReportError::Protocol { message: message.to_string() }),
        _ => Ok(None),
    }
}

fn execution_report(message: &Message<'_>, run: &str) -> Result<Option<Report>, ReportError> {
    let (order, is_cancel) = client_order(message, run)?;
    Ok(Some(match field(message, tag::EXEC_TYPE)? {
        b"0" => Report::Accepted { order },
        b"8" => Report::Refused { order, would_take: message.get(tag::TEXT) == Some(WOULD_TAKE.as_bytes()) },
        // Expired is how an order that may not rest ends; cancelled, how one that was cancelled does.
        b"4" | b"C" => Report::Cancelled { order, asked: is_cancel },
        b"F" => Report::Traded {
            order,
            trade: trade_key(message)?,
            side: match field(message, tag::SIDE)? {
                b"1" => Side::Buy,
                b"2" => Side::Sell,
                _ => return Err(bad(message, tag::SIDE)),
            },
            price: scaled(message, tag::LAST_PX, PRICE_DECIMALS)
                .and_then(Price::from_ticks)
                .ok_or_else(|| bad(message, tag::LAST_PX))?,
            qty: scaled(message, tag::LAST_QTY, QTY_DECIMALS)
                .and_then(|lots| Qty::from_lots(lots.unsigned_abs()))
                .ok_or_else(|| bad(message, tag::LAST_QTY))?,
            filled: field(message, tag::ORD_STATUS)? == b"2",
        },
        _ => return Ok(None),
    }))
}

fn trade_capture(message: &Message<'_>) -> Result<Report, ReportError> {
    let state = match field(message, tag::ZONE_STATE)? {
        b"AVAILABLE" => TradeState::Available,
        b"SETTLED" => TradeState::Settled,
        _ => return Err(bad(message, tag::ZONE_STATE)),
    };
    let again = message.is_set(tag::POSS_RESEND) || message.is_set(tag::POSS_DUP_FLAG);
    Ok(Report::Settlement { trade: trade_key(message)?, state, again })
}

/// The order that `ClOrdID` means, and whether it is a cancel's.
fn client_order(message: &Message<'_>, run: &str) -> Result<(TapeOrderId, bool), ReportError> {
    let text = std::str::from_utf8(field(message, tag::CL_ORD_ID)?).ok().and_then(|text| text.strip_prefix(run));
    let text = text.ok_or_else(|| bad(message, tag::CL_ORD_ID))?;
    let digits = text.strip_suffix('c');
    let id = digits.unwrap_or(text).parse().map_err(|_| bad(message, tag::CL_ORD_ID))?;
    Ok((TapeOrderId::new(id), digits.is_some()))
}

fn trade_key(message: &Message<'_>) -> Result<TradeKey, ReportError> {
    let text = std::str::from_utf8(field(message, tag::EXEC_ID)?).ok();
    let mut parts = text.into_iter().flat_map(|text| text.split('-')).map(str::parse);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(Ok(record)), Some(Ok(ordinal)), Some(Ok(1 | 2)), None) => Ok(TradeKey { record, ordinal }),
        _ => Err(bad(message, tag::EXEC_ID)),
    }
}

/// A decimal field in the tape's units. The appliance may write more places than the tape has; they are then zeros.
fn scaled(message: &Message<'_>, tag: Tag, decimals: u32) -> Option<i64> {
    decimal::parse(message.get(tag)?, u8::try_from(decimals).ok()?).ok()
}

fn field<'a>(message: &Message<'a>, tag: Tag) -> Result<&'a [u8], ReportError> {
    message.get(tag).ok_or_else(|| bad(message, tag))
}

fn bad(message: &Message<'_>, tag: Tag) -> ReportError {
    let msg_type = String::from_utf8_lossy(message.msg_type()).into_owned();
    ReportError::Field { msg_type, tag, message: message.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plinth_gateway::codec::frame::{self, Frame};
    use plinth_gateway::codec::{Builder, Fields};
    use plinth_types::reject::Reject;

    fn parsed(msg_type: &[u8], fields: &[(Tag, &str)]) -> Result<Option<Report>, ReportError> {
        let mut builder = Builder::default();
        builder.start(msg_type);
        fields.iter().for_each(|(tag, value)| builder.bytes(*tag, value.as_bytes()));
        let bytes = builder.finish().to_vec();
        let mut table = Fields::default();
        assert!(matches!(frame::next(&bytes, &mut table), Frame::Message { .. }));
        read(&Message::new(&bytes, &table), "run-")
    }

    #[test]
    fn a_fill_names_the_order_the_trade_and_its_terms() {
        let fill = [
            (tag::CL_ORD_ID, "run-42"),
            (tag::EXEC_ID, "7-1-2"),
            (tag::EXEC_TYPE, "F"),
            (tag::SIDE, "2"),
            (tag::LAST_PX, "78318.00"),
            (tag::LAST_QTY, "0.50000000"),
            (tag::ORD_STATUS, "2"),
        ];
        let expected = Report::Traded {
            order: TapeOrderId::new(42),
            trade: TradeKey { record: 7, ordinal: 1 },
            side: Side::Sell,
            price: Price::from_ticks(7_831_800).unwrap(),
            qty: Qty::from_lots(50_000_000).unwrap(),
            filled: true,
        };
        assert_eq!(parsed(b"8", &fill), Ok(Some(expected)));
        for at in 0..fill.len() {
            let mut without = fill.to_vec();
            without.remove(at);
            assert!(parsed(b"8", &without).is_err(), "without {:?}", fill[at]);
        }
    }

    #[test]
    fn a_cancel_and_the_end_of_an_order_that_may_not_rest_differ() {
        let order = TapeOrderId::new(42);
        let cancel = [(tag::CL_ORD_ID, "run-42c"), (tag::ORIG_CL_ORD_ID, "run-42"), (tag::EXEC_TYPE, "4")];
        assert_eq!(parsed(b"8", &cancel), Ok(Some(Report::Cancelled { order, asked: true })));
        let unfilled = [(tag::CL_ORD_ID, "run-42"), (tag::EXEC_TYPE, "4")];
        assert_eq!(parsed(b"8", &unfilled), Ok(Some(Report::Cancelled { order, asked: false })));
        assert_eq!(parsed(b"9", &cancel[..1]), Ok(Some(Report::CancelRefused { order })));
    }

    #[test]
    fn another_runs_order_and_a_protocol_error_are_not_ours_to_count() {
        assert!(matches!(parsed(b"8", &[(tag::CL_ORD_ID, "other-42"), (tag::EXEC_TYPE, "0")]), Err(ReportError::Field { .. })));
        assert!(matches!(parsed(b"j", &[(tag::TEXT, "throttled")]), Err(ReportError::Protocol { .. })));
        assert_eq!(parsed(b"0", &[]), Ok(None));
    }

    #[test]
    fn the_refusal_of_a_post_only_order_is_told_from_others() {
        let order = TapeOrderId::new(42);
        for (text, would_take) in [(Reject::WouldTake.to_string(), true), (Reject::CapacityReached.to_string(), false)] {
            let refused = [(tag::CL_ORD_ID, "run-42"), (tag::EXEC_TYPE, "8"), (tag::TEXT, &text)];
            assert_eq!(parsed(b"8", &refused), Ok(Some(Report::Refused { order, would_take })));
        }
    }

    #[test]
    fn settlement_is_told_by_trade_and_state() {
        let fields = [(tag::EXEC_ID, "7-1-1"), (tag::ZONE_STATE, "SETTLED"), (tag::POSS_RESEND, "Y")];
        let trade = TradeKey { record: 7, ordinal: 1 };
        let expected = Report::Settlement { trade, state: TradeState::Settled, again: true };
        assert_eq!(parsed(b"AE", &fields), Ok(Some(expected)));
        assert!(parsed(b"AE", &[(tag::EXEC_ID, "7-1-1"), (tag::ZONE_STATE, "PROVEN")]).is_err());
    }
}
