//! Requests of clients: to commands, or to an answer at once.

use super::Desk;
use super::orders::Order;
use super::reports::{BusinessReject, Refusal, RequestKind};
use super::request::Request;
use crate::codec::decimal::{self, DecimalError};
use crate::codec::{Message, Tag, tag};
use crate::dictionary::{SessionRejectReason, Violation};
use crate::limits::ORDERS_KEPT_MAX;
use crate::session::{Application, Origin, Outbound};
use crate::zone::Zone;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, ClientOrderId, ClientTail, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::id::{MandateId, OrderId};
use plinth_types::quantity::{Price, Qty};

/// Why a request was not handed to the zone.
pub(super) enum Fault {
    /// `Reject`: a value is not what its field may hold.
    Session(Violation),
    /// `BusinessMessageReject`.
    Business(BusinessReject),
    /// `ExecutionReport` or `OrderCancelReject`: understood, and refused.
    Refused(Refusal),
}

impl Application for Desk {
    fn message<Z: Zone>(&mut self, origin: Origin, message: &Message<'_>, zone: &mut Z, reply: &mut Outbound) {
        let request = Request::read(message);
        let msg_type = message.msg_type();
        let outcome = match msg_type {
            _ if !origin.role.may_send(msg_type) => Err(Fault::Business(BusinessReject::not_authorized(origin.role))),
            b"D" | b"F" | b"G" if origin.is_throttled => self.throttled(Fault::Refused(Refusal::Throttled)),
            _ if origin.is_throttled => self.throttled(Fault::Business(BusinessReject::THROTTLED)),
            b"q" => self.mass_cancel(origin, message, &request, zone, reply),
            b"AF" => self.mass_status(origin, message, &request, reply),
            b"x" => self.security_list(origin, message, &request, reply),
            b"D" => self.new_order(origin, &request, zone, reply),
            b"F" => self.cancel(origin, &request, zone),
            b"G" => self.replace(origin, &request, zone),
            b"H" => self.status(origin, &request, reply),
            _ => Err(Fault::Business(BusinessReject::UNSUPPORTED_TYPE)),
        };
        match outcome {
            Ok(()) => {}
            Err(Fault::Session(violation)) => reply.push_reject(origin.msg_seq_num, msg_type, violation, origin.now.utc),
            Err(Fault::Business(reject)) => Self::report_business_reject(origin, msg_type, reject, reply),
            Err(Fault::Refused(refusal)) => match msg_type {
                b"F" => self.report_cancel_refused(origin, RequestKind::Cancel, &request, refusal, reply),
                b"G" => self.report_cancel_refused(origin, RequestKind::Replace, &request, refusal, reply),
                _ => Self::report_order_refused(origin, &request, refusal, reply),
            },
        }
    }
}

impl Desk {
    const fn throttled(&mut self, fault: Fault) -> Result<(), Fault> {
        self.throttled_count += 1;
        Err(fault)
    }

    fn new_order<Z: Zone>(
        &mut self,
        origin: Origin,
        request: &Request<'_>,
        zone: &mut Z,
        reply: &mut Outbound,
    ) -> Result<(), Fault> {
        let id = client_order_id(request.cl_ord_id, tag::CL_ORD_ID)?;
        let session = origin.session;
        if let Some(index) = self.sessions.get(session).and_then(|orders| orders.find(&id)) {
            if request.poss_resend {
                self.report_status(origin, request, index, reply);
                return Ok(());
            }
            return Err(Fault::Refused(Refusal::DuplicateId));
        }
        let symbol = required(request.symbol, tag::SYMBOL)?;
        let instrument = *self.listing.by_symbol(symbol).ok_or(Fault::Refused(Refusal::UnknownSymbol))?;
        let mandate = self.mandate(origin, request.account)?;
        let side = side(request.side)?;
        let qty = quantity(required(request.order_qty, tag::ORDER_QTY)?, instrument.qty_decimals)?;
        let price = match request.ord_type {
            Some(b"1") if request.price.is_some() => return Err(Fault::Refused(Refusal::Unsupported { tag: tag::PRICE })),
            Some(b"1") => OrderPrice::Market,
            Some(b"2") => OrderPrice::Limit(price(required(request.price, tag::PRICE)?, instrument.price_decimals)?),
            Some(_) | None => return Err(Fault::Refused(Refusal::Unsupported { tag: tag::ORD_TYPE })),
        };
        let time_in_force = time_in_force(request.time_in_force, price)?;
        let post_only = match request.exec_inst {
            None => false,
            Some(b"6") => true,
            Some(_) => return Err(Fault::Refused(Refusal::Unsupported { tag: tag::EXEC_INST })),
        };
        if let Some(tag) = request.unsupported {
            return Err(Fault::Refused(Refusal::Unsupported { tag }));
        }
        if post_only && time_in_force != TimeInForce::GoodTillCancel {
            return Err(Fault::Refused(Refusal::Contradiction));
        }
        let orders = self.sessions.of(session);
        let index = orders.next_index();
        let order = OrderId::new(session, index).filter(|_| index <= ORDERS_KEPT_MAX as u64);
        let order = order.ok_or(Fault::Refused(Refusal::TooManyOrders))?;
        let new = NewOrder { order, instrument: instrument.id, side, price, qty, time_in_force, post_only, instructed: false };
        self.submit(origin, mandate, Body::New(new), id, None, zone)?;
        let orders = self.sessions.of(session);
        orders.put(index, Order::new(&new, id, mandate));
        orders.claim(id, index);
        Ok(())
    }

    fn cancel<Z: Zone>(&mut self, origin: Origin, request: &Request<'_>, zone: &mut Z) -> Result<(), Fault> {
        let (id, orig, index) = self.named(origin, request)?;
        let (order, mandate) = self.own_order(origin, request, index)?;
        self.submit(origin, mandate, Body::Cancel { order }, id, Some(orig), zone)?;
        self.sessions.of(origin.session).claim(id, index);
        Ok(())
    }

    fn replace<Z: Zone>(&mut self, origin: Origin, request: &Request<'_>, zone: &mut Z) -> Result<(), Fault> {
        let (id, orig, index) = self.named(origin, request)?;
        let (order, mandate) = self.own_order(origin, request, index)?;
        let known = self.sessions.get(origin.session).and_then(|orders| orders.get(index));
        let known = *known.ok_or(Fault::Refused(Refusal::UnknownOrder))?;
        let instrument = self.listing.instrument(known.instrument).ok_or(Fault::Refused(Refusal::UnknownSymbol))?;
        let qty = quantity(required(request.order_qty, tag::ORDER_QTY)?, instrument.qty_decimals)?;
        if request.ord_type != Some(b"2") {
            return Err(Fault::Refused(Refusal::Unsupported { tag: tag::ORD_TYPE }));
        }
        let price = price(required(request.price, tag::PRICE)?, instrument.price_decimals)?;
        let limit = OrderPrice::Limit(price);
        let same_life = request.time_in_force.is_none()
            || time_in_force(request.time_in_force, limit).is_ok_and(|life| life == known.time_in_force);
        if !same_life {
            return Err(Fault::Refused(Refusal::Unsupported { tag: tag::TIME_IN_FORCE }));
        }
        if request.exec_inst.is_some_and(|exec_inst| (exec_inst == b"6") != known.post_only) {
            return Err(Fault::Refused(Refusal::Unsupported { tag: tag::EXEC_INST }));
        }
        if let Some(tag) = request.unsupported {
            return Err(Fault::Refused(Refusal::Unsupported { tag }));
        }
        self.submit(origin, mandate, Body::Replace { order, price, qty }, id, Some(orig), zone)?;
        self.sessions.of(origin.session).claim(id, index);
        Ok(())
    }

    fn status(&self, origin: Origin, request: &Request<'_>, reply: &mut Outbound) -> Result<(), Fault> {
        let id = client_order_id(request.cl_ord_id, tag::CL_ORD_ID)?;
        match self.sessions.get(origin.session).and_then(|orders| orders.find(&id)) {
            Some(index) => self.report_status(origin, request, index, reply),
            None => Self::report_unknown_status(origin, request, reply),
        }
        Ok(())
    }

    /// The ids of a cancel or replace, and the order that they name.
    fn named(&self, origin: Origin, request: &Request<'_>) -> Result<(ClientOrderId, ClientOrderId, u64), Fault> {
        let id = client_order_id(request.cl_ord_id, tag::CL_ORD_ID)?;
        let orig = client_order_id(request.orig_cl_ord_id, tag::ORIG_CL_ORD_ID)?;
        let orders = self.sessions.get(origin.session).ok_or(Fault::Refused(Refusal::UnknownOrder))?;
        if orders.find(&id).is_some() {
            return Err(Fault::Refused(Refusal::DuplicateId));
        }
        let index = orders.find(&orig).ok_or(Fault::Refused(Refusal::UnknownOrder))?;
        Ok((id, orig, index))
    }

    /// The order to be changed, if the request describes it rightly.
    fn own_order(&self, origin: Origin, request: &Request<'_>, index: u64) -> Result<(OrderId, MandateId), Fault> {
        let unknown = || Fault::Refused(Refusal::UnknownOrder);
        let order = self.sessions.get(origin.session).and_then(|orders| orders.get(index)).ok_or_else(unknown)?;
        let instrument = self.listing.instrument(order.instrument).ok_or_else(unknown)?;
        let is_same_symbol = request.symbol.is_none_or(|symbol| symbol == instrument.symbol.as_str().as_bytes());
        if !is_same_symbol || side(request.side)? != order.side {
            return Err(unknown());
        }
        if order.is_over() {
            return Err(Fault::Refused(Refusal::TooLate));
        }
        let id = OrderId::new(origin.session, index).ok_or_else(unknown)?;
        Ok((id, order.mandate))
    }

    fn mandate(&self, origin: Origin, account: Option<&[u8]>) -> Result<MandateId, Fault> {
        self.listing.mandate(origin.session, account).ok_or(Fault::Refused(Refusal::UnknownAccount))
    }

    pub(super) fn submit<Z: Zone>(
        &mut self,
        origin: Origin,
        mandate: MandateId,
        body: Body,
        client_order_id: ClientOrderId,
        orig_client_order_id: Option<ClientOrderId>,
        zone: &mut Z,
    ) -> Result<(), Fault> {
        self.tail.clear();
        ClientTail { msg_seq_num: origin.msg_seq_num, client_order_id, orig_client_order_id }.encode(&mut self.tail);
        zone.submit(origin.session, mandate, body, &self.tail).map(|_| ()).map_err(|full| {
            self.throttled_count += 1;
            Fault::Refused(Refusal::Full(full))
        })
    }
}

fn required(value: Option<&[u8]>, tag: Tag) -> Result<&[u8], Fault> {
    value.ok_or(Fault::Business(BusinessReject::missing(tag)))
}

pub(super) fn client_order_id(value: Option<&[u8]>, tag: Tag) -> Result<ClientOrderId, Fault> {
    let value = required(value, tag)?;
    ClientOrderId::new(value).ok_or(Fault::Session(Violation::of(SessionRejectReason::ValueIncorrect, tag)))
}

pub(super) fn side(value: Option<&[u8]>) -> Result<Side, Fault> {
    match value {
        Some(b"1") => Ok(Side::Buy),
        Some(b"2") => Ok(Side::Sell),
        Some(_) | None => Err(Fault::Refused(Refusal::Unsupported { tag: tag::SIDE })),
    }
}

/// How long an order lives. A market order never rests, so without a word it is immediate-or-cancel.
fn time_in_force(value: Option<&[u8]>, price: OrderPrice) -> Result<TimeInForce, Fault> {
    match (value, price) {
        (None | Some(b"0"), OrderPrice::Market) | (Some(b"3"), _) => Ok(TimeInForce::ImmediateOrCancel),
        (None | Some(b"0" | b"1"), OrderPrice::Limit(_)) => Ok(TimeInForce::GoodTillCancel),
        (Some(b"4"), _) => Ok(TimeInForce::FillOrKill),
        (Some(b"1"), OrderPrice::Market) => Err(Fault::Refused(Refusal::Contradiction)),
        (Some(_), _) => Err(Fault::Refused(Refusal::Unsupported { tag: tag::TIME_IN_FORCE })),
    }
}

fn quantity(value: &[u8], decimals: u8) -> Result<Qty, Fault> {
    let lots = decimal::parse(value, decimals).map_err(|error| bad_decimal(error, tag::ORDER_QTY))?;
    let incorrect = Fault::Session(Violation::of(SessionRejectReason::ValueIncorrect, tag::ORDER_QTY));
    u64::try_from(lots).ok().and_then(Qty::from_lots).ok_or(incorrect)
}

fn price(value: &[u8], decimals: u8) -> Result<Price, Fault> {
    let ticks = decimal::parse(value, decimals).map_err(|error| bad_decimal(error, tag::PRICE))?;
    Price::from_ticks(ticks).ok_or(Fault::Session(Violation::of(SessionRejectReason::ValueIncorrect, tag::PRICE)))
}

const fn bad_decimal(error: DecimalError, tag: Tag) -> Fault {
    let reason = match error {
        DecimalError::NotANumber => SessionRejectReason::DataFormatIncorrect,
        DecimalError::TooManyDecimals { .. } | DecimalError::TooLarge => SessionRejectReason::ValueIncorrect,
    };
    Fault::Session(Violation::of(reason, tag))
}
