//! What an order asks for, read from its fields: side, quantity, price, life and instructions.
//!
//! | `OrdType` | fields | the zone is asked for |
//! | --- | --- | --- |
//! | 1 market, 2 limit | `Price` of a limit order | as named |
//! | 3 stop, 4 stop limit | `StopPx`; `Price` of a stop limit | an order that waits for a trade at the stop or beyond |
//! | P with `ExecInst` a | `PegOffsetValue`, above zero for a buy, below for a sell; `Price` if it has a limit | one that waits, its stop trailing the last trade |
//!
//! `MinQty` and `MaxFloor` (from 5.0 on also `DisplayQty`) may stand with each; which of them go together is the zone's to say.
//! `TimeInForce` of an order that waits says what holds once it is triggered; until then it waits.

use super::intake::{Fault, required};
use super::outcome::Refusal;
use super::request::Request;
use crate::codec::decimal::{self, DecimalError};
use crate::codec::{Tag, tag};
use crate::dictionary::{SessionRejectReason, Violation};
use plinth_types::command::{OrderPrice, Side, TimeInForce};
use plinth_types::instructions::{Instructions, Trigger};
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
        let inst = ExecInst::read(request.exec_inst)?;
        let price = order_price(request, instrument.price_decimals)?;
        let trigger = trigger(request, inst, side, instrument.price_decimals)?;
        let time_in_force = time_in_force(request.time_in_force, price, trigger.is_some())?;
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
        let instructions = Instructions { display, minimum: part(request.min_qty, tag::MIN_QTY)?, trigger, ..Instructions::NONE };
        let is_instructed = display.is_some() || instructions.minimum.is_some() || trigger.is_some();
        let instructions = is_instructed.then_some(instructions);
        Ok(Self { side, price, qty, time_in_force, post_only: inst.post_only, instructions })
    }
}

/// `ExecInst`, tag 18: what we know of its values.
#[derive(Clone, Copy, Debug, Default)]
struct ExecInst {
    post_only: bool,
    trails: bool,
}

impl ExecInst {
    fn read(value: Option<&[u8]>) -> Result<Self, Fault> {
        let mut own = Self::default();
        for value in value.into_iter().flat_map(|value| value.split(|&byte| byte == b' ')) {
            match value {
                b"6" => own.post_only = true,
                b"a" => own.trails = true,
                _ => return Err(unsupported(tag::EXEC_INST)),
            }
        }
        Ok(own)
    }
}

fn order_price(request: &Request<'_>, decimals: u8) -> Result<OrderPrice, Fault> {
    match (request.ord_type, request.price) {
        (Some(b"1" | b"3"), Some(_)) => Err(unsupported(tag::PRICE)),
        (Some(b"1" | b"3" | b"P"), None) => Ok(OrderPrice::Market),
        (Some(b"2" | b"4" | b"P"), value) => Ok(OrderPrice::Limit(price(required(value, tag::PRICE)?, decimals, tag::PRICE)?)),
        (Some(_) | None, _) => Err(unsupported(tag::ORD_TYPE)),
    }
}

/// The trade that an order waits for, if it does.
fn trigger(request: &Request<'_>, inst: ExecInst, side: Side, decimals: u8) -> Result<Option<Trigger>, Fault> {
    let stops = matches!(request.ord_type, Some(b"3" | b"4"));
    let pegged = matches!(request.ord_type, Some(b"P"));
    if request.stop_px.is_some() && !stops {
        return Err(unsupported(tag::STOP_PX));
    }
    if request.peg_offset.is_some() && !pegged {
        return Err(unsupported(tag::PEG_OFFSET_VALUE));
    }
    if pegged != inst.trails {
        return Err(unsupported(tag::EXEC_INST));
    }
    if stops {
        let stop = required(request.stop_px, tag::STOP_PX)?;
        return Ok(Some(Trigger::At(price(stop, decimals, tag::STOP_PX)?)));
    }
    if pegged {
        let offset = required(request.peg_offset, tag::PEG_OFFSET_VALUE)?;
        let offset = price(offset, decimals, tag::PEG_OFFSET_VALUE)?.ticks();
        let behind = match side {
            Side::Buy => offset,
            Side::Sell => -offset,
        };
        let ticks = u32::try_from(behind).ok().filter(|&ticks| ticks > 0);
        return ticks.map(|ticks| Some(Trigger::Trailing { ticks })).ok_or_else(|| incorrect(tag::PEG_OFFSET_VALUE));
    }
    Ok(None)
}

pub(super) fn side(value: Option<&[u8]>) -> Result<Side, Fault> {
    match value {
        Some(b"1") => Ok(Side::Buy),
        Some(b"2") => Ok(Side::Sell),
        Some(_) | None => Err(unsupported(tag::SIDE)),
    }
}

/// How long an order lives. One without a limit never rests, so without a word it is immediate-or-cancel.
fn time_in_force(value: Option<&[u8]>, price: OrderPrice, waits: bool) -> Result<TimeInForce, Fault> {
    match (value, price) {
        (Some(b"3"), _) => Ok(TimeInForce::ImmediateOrCancel),
        (Some(b"4"), _) => Ok(TimeInForce::FillOrKill),
        (None | Some(b"0"), OrderPrice::Market) => Ok(TimeInForce::ImmediateOrCancel),
        (Some(b"1"), OrderPrice::Market) if waits => Ok(TimeInForce::ImmediateOrCancel),
        (Some(b"1"), OrderPrice::Market) => Err(Fault::Refused(Refusal::Contradiction)),
        (None | Some(b"0" | b"1"), OrderPrice::Limit(_)) => Ok(TimeInForce::GoodTillCancel),
        (Some(_), _) => Err(unsupported(tag::TIME_IN_FORCE)),
    }
}

fn quantity(value: &[u8], decimals: u8, tag: Tag) -> Result<Qty, Fault> {
    let lots = decimal::parse(value, decimals).map_err(|error| bad_decimal(error, tag))?;
    u64::try_from(lots).ok().and_then(Qty::from_lots).ok_or_else(|| incorrect(tag))
}

fn price(value: &[u8], decimals: u8, tag: Tag) -> Result<Price, Fault> {
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
