//! What few orders say beyond side, quantity and price, in fields: read from requests, written to reports.
//!
//! | `TimeInForce` | with | the zone is asked for |
//! | --- | --- | --- |
//! | 0 day, or none | | an order until its instrument's day ends; one without a limit never rests, so it is immediate-or-cancel |
//! | 1 | | one until it is cancelled |
//! | 2, 7 | | one for the opening, the closing auction only; 40=B is a limit order with 59=7, for versions that lack that |
//! | 3, 4 | | immediate-or-cancel, fill-or-kill |
//! | 6 | `ExpireTime` or `ExpireDate` | one until then; a date is good to its end in UTC |
//!
//! `TimeInForce` 3 and 4 of an order that waits for a trade say what holds once it is triggered, and until then it waits; the others say how long it
//! waits, too. A pegged order (40=P) names what it follows with `ExecInst` R, M or P, or `PegPriceType` 5, 2 or 4: its own best price, the middle,
//! the best price of the other side; `PegOffsetValue` is added to that. `Price` is the worst price that it may have. A trailing stop is `ExecInst`
//! a, or `PegPriceType` 8. `PegOffsetType` 0 is a price, 2 ticks; pegs float (`PegMoveType` 0).

use super::intake::{Fault, required};
use super::order::Order;
use super::outcome::{BusinessReject, Refusal};
use super::request::Request;
use super::terms::{incorrect, price, unsupported};
use crate::codec::{Version, tag, timestamp};
use crate::limits::SECOND_NS;
use crate::session::BodyWriter;
use plinth_types::command::{OrderPrice, Side, TimeInForce};
use plinth_types::id::TimestampNs;
use plinth_types::instructions::{Instructions, Lifetime, Peg, PegReference, Trigger};

/// `ExecInst`, tag 18, and `PegPriceType`, tag 1094: what we know of their values.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ExecInst {
    pub(super) post_only: bool,
    pub(super) trails: bool,
    pub(super) follows: Option<PegReference>,
}

impl ExecInst {
    pub(super) fn read(request: &Request<'_>) -> Result<Self, Fault> {
        let mut own = Self::default();
        for value in request.exec_inst.into_iter().flat_map(|value| value.split(|&byte| byte == b' ')) {
            match value {
                b"6" => own.post_only = true,
                b"a" => own.trails = true,
                b"R" => own.follow(PegReference::Primary)?,
                b"M" => own.follow(PegReference::Mid)?,
                b"P" => own.follow(PegReference::Market)?,
                _ => return Err(unsupported(tag::EXEC_INST)),
            }
        }
        match request.peg_price_type {
            None => {}
            Some(b"5") => own.follow(PegReference::Primary)?,
            Some(b"2") => own.follow(PegReference::Mid)?,
            Some(b"4") => own.follow(PegReference::Market)?,
            Some(b"8") => own.trails = true,
            Some(_) => return Err(unsupported(tag::PEG_PRICE_TYPE)),
        }
        if own.trails && own.follows.is_some() {
            return Err(Fault::Refused(Refusal::Contradiction));
        }
        Ok(own)
    }

    /// Said twice it must be the same.
    fn follow(&mut self, to: PegReference) -> Result<(), Fault> {
        match self.follows.replace(to) {
            Some(before) if before != to => Err(Fault::Refused(Refusal::Contradiction)),
            Some(_) | None => Ok(()),
        }
    }
}

/// The trade that an order waits for, or the price that it follows, if it does.
pub(super) fn trigger_or_peg(
    request: &Request<'_>,
    inst: ExecInst,
    side: Side,
    decimals: u8,
) -> Result<(Option<Trigger>, Option<Peg>), Fault> {
    let stops = matches!(request.ord_type, Some(b"3" | b"4"));
    let pegged = matches!(request.ord_type, Some(b"P"));
    if request.stop_px.is_some() && !stops {
        return Err(unsupported(tag::STOP_PX));
    }
    if pegged != (inst.trails || inst.follows.is_some()) {
        return Err(unsupported(tag::EXEC_INST));
    }
    if !pegged && let Some((tag, _)) = peg_details(request).into_iter().find(|(_, value)| value.is_some()) {
        return Err(unsupported(tag));
    }
    if stops {
        let stop = required(request.stop_px, tag::STOP_PX)?;
        return Ok((Some(Trigger::At(price(stop, decimals, tag::STOP_PX)?)), None));
    }
    match inst.follows {
        Some(to) => Ok((None, Some(Peg { to, offset_ticks: peg_offset(request, decimals)?.unwrap_or(0) }))),
        None if inst.trails => trail(request, side, decimals).map(|trigger| (Some(trigger), None)),
        None => Ok((None, None)),
    }
}

fn trail(request: &Request<'_>, side: Side, decimals: u8) -> Result<Trigger, Fault> {
    let offset = peg_offset(request, decimals)?.ok_or(Fault::Business(BusinessReject::missing(tag::PEG_OFFSET_VALUE)))?;
    let behind = match side {
        Side::Buy => i64::from(offset),
        Side::Sell => -i64::from(offset),
    };
    let ticks = u32::try_from(behind).ok().filter(|&ticks| ticks > 0);
    ticks.map(|ticks| Trigger::Trailing { ticks }).ok_or_else(|| incorrect(tag::PEG_OFFSET_VALUE))
}

/// In ticks.
fn peg_offset(request: &Request<'_>, decimals: u8) -> Result<Option<i32>, Fault> {
    if !matches!(request.peg_move_type, None | Some(b"0")) {
        return Err(unsupported(tag::PEG_MOVE_TYPE));
    }
    let decimals = match request.peg_offset_type {
        None | Some(b"0") => decimals,
        Some(b"2") => 0,
        Some(_) => return Err(unsupported(tag::PEG_OFFSET_TYPE)),
    };
    let Some(offset) = request.peg_offset else { return Ok(None) };
    let ticks = price(offset, decimals, tag::PEG_OFFSET_VALUE)?.ticks();
    i32::try_from(ticks).map(Some).map_err(|_| incorrect(tag::PEG_OFFSET_VALUE))
}

const fn peg_details<'a>(request: &Request<'a>) -> [(crate::codec::Tag, Option<&'a [u8]>); 3] {
    [
        (tag::PEG_OFFSET_VALUE, request.peg_offset),
        (tag::PEG_OFFSET_TYPE, request.peg_offset_type),
        (tag::PEG_MOVE_TYPE, request.peg_move_type),
    ]
}

/// How long an order lives: what its head says, and how long it rests. `waits`: for a trade, or for a price to follow.
pub(super) fn time_in_force(
    request: &Request<'_>,
    price: OrderPrice,
    trigger: Option<Trigger>,
    peg: Option<Peg>,
) -> Result<(TimeInForce, Option<Lifetime>), Fault> {
    let value = match (request.ord_type, request.time_in_force) {
        (Some(b"B"), None | Some(b"0" | b"7")) => Some(&b"7"[..]),
        (Some(b"B"), Some(_)) => return Err(Fault::Refused(Refusal::Contradiction)),
        (_, value) => value,
    };
    let ends = [(tag::EXPIRE_TIME, request.expire_time), (tag::EXPIRE_DATE, request.expire_date)];
    if value != Some(b"6")
        && let Some((tag, _)) = ends.into_iter().find(|(_, value)| value.is_some())
    {
        return Err(unsupported(tag));
    }
    let is_market = price == OrderPrice::Market;
    let lifetime = match value {
        Some(b"3") => return Ok((TimeInForce::ImmediateOrCancel, None)),
        Some(b"4") => return Ok((TimeInForce::FillOrKill, None)),
        None | Some(b"0") if is_market && trigger.is_none() && peg.is_none() => return Ok((TimeInForce::ImmediateOrCancel, None)),
        None | Some(b"0") => Some(Lifetime::Day),
        Some(b"1") => None,
        Some(b"2") => Some(Lifetime::Opening),
        Some(b"6") => Some(Lifetime::Until(end(request)?)),
        Some(b"7") => Some(Lifetime::Closing),
        Some(_) => return Err(unsupported(tag::TIME_IN_FORCE)),
    };
    match (is_market, trigger, peg) {
        // It does not rest once it is triggered.
        (true, Some(_), None) => Ok((TimeInForce::ImmediateOrCancel, lifetime)),
        (true, None, None) => Err(Fault::Refused(Refusal::Contradiction)),
        _ => Ok((TimeInForce::GoodTillCancel, lifetime)),
    }
}

fn end(request: &Request<'_>) -> Result<TimestampNs, Fault> {
    match (request.expire_time, request.expire_date) {
        (Some(_), Some(_)) => Err(Fault::Refused(Refusal::Contradiction)),
        (Some(time), None) => timestamp::parse(time).ok_or_else(|| incorrect(tag::EXPIRE_TIME)),
        (None, Some(date)) => {
            let end = timestamp::parse_date(date).and_then(|day| (day + 1).checked_mul(SECONDS_PER_DAY * SECOND_NS));
            end.map(TimestampNs::new).ok_or_else(|| incorrect(tag::EXPIRE_DATE))
        }
        (None, None) => Err(Fault::Business(BusinessReject::missing(tag::EXPIRE_TIME))),
    }
}

/// `TimeInForce`, and `ExpireTime` with it.
pub(super) fn write_time_in_force(order: &Order, body: &mut BodyWriter<'_>) {
    let lifetime = order.instructions.as_ref().and_then(|instructions| instructions.lifetime);
    let code: &[u8] = match (lifetime, order.time_in_force) {
        (Some(Lifetime::Day), _) => b"0",
        (Some(Lifetime::Opening), _) => b"2",
        (Some(Lifetime::Until(_)), _) => b"6",
        (Some(Lifetime::Closing), _) => b"7",
        (None, TimeInForce::GoodTillCancel) => b"1",
        (None, TimeInForce::ImmediateOrCancel) => b"3",
        (None, TimeInForce::FillOrKill) => b"4",
    };
    body.bytes(tag::TIME_IN_FORCE, code);
    if let Some(Lifetime::Until(time)) = lifetime {
        body.time(tag::EXPIRE_TIME, time);
    }
}

/// What few orders have, less how long they rest.
pub(super) fn write_instructions(
    instructions: &Instructions,
    side: Side,
    (price_decimals, qty_decimals): (u8, u8),
    body: &mut BodyWriter<'_>,
) {
    let is_new = body.version().is_at_least(Version::Fix50);
    if let Some(display) = instructions.display {
        body.unsigned(if is_new { tag::DISPLAY_QTY } else { tag::MAX_FLOOR }, display.lots().into(), qty_decimals);
    }
    if let Some(minimum) = instructions.minimum {
        body.unsigned(tag::MIN_QTY, minimum.lots().into(), qty_decimals);
    }
    match instructions.trigger {
        None => {}
        Some(Trigger::At(stop)) => body.decimal(tag::STOP_PX, stop.ticks(), price_decimals),
        Some(Trigger::Trailing { ticks }) => {
            let offset = match side {
                Side::Buy => i64::from(ticks),
                Side::Sell => -i64::from(ticks),
            };
            body.bytes(tag::EXEC_INST, b"a");
            body.decimal(tag::PEG_OFFSET_VALUE, offset, price_decimals);
        }
    }
    if let Some(Peg { to, offset_ticks }) = instructions.peg {
        let (inst, kind): (&[u8], &[u8]) = match to {
            PegReference::Primary => (b"R", b"5"),
            PegReference::Mid => (b"M", b"2"),
            PegReference::Market => (b"P", b"4"),
        };
        body.bytes(tag::EXEC_INST, inst);
        body.decimal(tag::PEG_OFFSET_VALUE, offset_ticks.into(), price_decimals);
        if is_new {
            body.bytes(tag::PEG_PRICE_TYPE, kind);
        }
    }
}

const SECONDS_PER_DAY: u64 = 86_400;
