//! What an order asks for, read from its fields: side, quantity, price, and what `instructions.rs` reads.
//!
//! | `OrdType` | fields | the zone is asked for |
//! | --- | --- | --- |
//! | 1 market, 2 limit | `Price` of a limit order | as named |
//! | 3 stop, 4 stop limit | `StopPx`; `Price` of a stop limit | an order that waits for a trade at the stop or beyond |
//! | P with `ExecInst` a | `PegOffsetValue`, above zero for a buy, below for a sell; `Price` if it has a limit | one that waits, its stop trailing the last trade |
//! | P with `ExecInst` R, M or P | `PegOffsetValue`, `Price` if there are any | one that follows a price of the book |
//! | B limit on close | `Price` | a limit order for the closing auction |
//!
//! `MinQty` and `MaxFloor` (from 5.0 on also `DisplayQty`) may stand with each; which of them go together is the zone's to say.

use super::instructions::{ExecInst, time_in_force, trigger_or_peg};
use super::intake::{Fault, required};
use super::outcome::Refusal;
use super::request::Request;
use crate::codec::decimal::{self, DecimalError};
use crate::codec::{Tag, tag};
use crate::dictionary::{SessionRejectReason, Violation};
use plinth_types::command::{OrderPrice, Side, TimeInForce};
use plinth_types::instructions::Instructions;
use plinth_types::quantity::{Price, Qty};
use plinth_types::reference::Instrument;

/// What an order asks for, whosever it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    pub(super) side: Side,
    pub(super) price: OrderPrice,
    pub(super) qty: Qty,
    pub(super) time_in_force: TimeInForce,
    pub(super) post_only: bool,
    pub(super) instructions: Option<Instructions>,
}

impl Terms {
    /// Of an order in an instrument. A field that asks for what we do not do is refused, never passed over.
    pub(super) fn read(request: &Request<'_>, instrument: &Instrument) -> Result<Self, Fault> {
        let side = side(request.side)?;
        let qty = quantity(required(request.order_qty, tag::ORDER_QTY)?, instrument.qty_decimals, tag::ORDER_QTY)?;
        let inst = ExecInst::read(request)?;
        let price = order_price(request, instrument.price_decimals)?;
        let (trigger, peg) = trigger_or_peg(request, inst, side, instrument.price_decimals)?;
        let (time_in_force, lifetime) = time_in_force(request, price, trigger, peg)?;
        if let Some(tag) = request.unsupported {
            return Err(unsupported(tag));
        }
        if inst.post_only && time_in_force != TimeInForce::GoodTillCancel {
            return Err(Fault::Refused(Refusal::Contradiction));
        }
        let part = |value: Option<&[u8]>, tag| value.map(|value| quantity(value, instrument.qty_decimals, tag)).transpose();
        let display = match (part(request.max_floor, tag::MAX_FLOOR)?, part(request.display_qty, tag::DISPLAY_QTY)?) {
            (Some(floor), Some(display)) if floor != display => return Err(Fault::Refused(Refusal::Contradiction)),
            (floor, display) => floor.or(display),
        };
        let minimum = part(request.min_qty, tag::MIN_QTY)?;
        let instructions = Instructions { display, minimum, trigger, lifetime, peg, ..Instructions::NONE };
        let instructions = Some(instructions).filter(|instructions| *instructions != Instructions::NONE);
        Ok(Self { side, price, qty, time_in_force, post_only: inst.post_only, instructions })
    }
}

fn order_price(request: &Request<'_>, decimals: u8) -> Result<OrderPrice, Fault> {
    match (request.ord_type, request.price) {
        (Some(b"1" | b"3"), Some(_)) => Err(unsupported(tag::PRICE)),
        (Some(b"1" | b"3" | b"P"), None) => Ok(OrderPrice::Market),
        (Some(b"2" | b"4" | b"B" | b"P"), value) => {
            Ok(OrderPrice::Limit(price(required(value, tag::PRICE)?, decimals, tag::PRICE)?))
        }
        (Some(_) | None, _) => Err(unsupported(tag::ORD_TYPE)),
    }
}

pub(super) fn side(value: Option<&[u8]>) -> Result<Side, Fault> {
    match value {
        Some(b"1") => Ok(Side::Buy),
        Some(b"2") => Ok(Side::Sell),
        Some(_) | None => Err(unsupported(tag::SIDE)),
    }
}

fn quantity(value: &[u8], decimals: u8, tag: Tag) -> Result<Qty, Fault> {
    Qty::from_lots(lots(value, decimals, tag)?).ok_or_else(|| incorrect(tag))
}

pub(super) fn lots(value: &[u8], decimals: u8, tag: Tag) -> Result<u64, Fault> {
    let lots = decimal::parse(value, decimals).map_err(|error| bad_decimal(error, tag))?;
    u64::try_from(lots).map_err(|_| incorrect(tag))
}

pub(super) fn price(value: &[u8], decimals: u8, tag: Tag) -> Result<Price, Fault> {
    let ticks = decimal::parse(value, decimals).map_err(|error| bad_decimal(error, tag))?;
    Price::from_ticks(ticks).ok_or_else(|| incorrect(tag))
}

const fn bad_decimal(error: DecimalError, tag: Tag) -> Fault {
    let reason = match error {
        DecimalError::NotANumber => SessionRejectReason::DataFormatIncorrect,
        DecimalError::TooManyDecimals { .. } | DecimalError::TooLarge => SessionRejectReason::ValueIncorrect,
    };
    Fault::Session(Violation::of(reason, tag))
}

/// A field has a value that we do not take.
pub(super) const fn incorrect(tag: Tag) -> Fault {
    Fault::Session(Violation::of(SessionRejectReason::ValueIncorrect, tag))
}

pub(super) const fn unsupported(tag: Tag) -> Fault {
    Fault::Refused(Refusal::Unsupported { tag })
}
