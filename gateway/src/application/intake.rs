//! Requests of clients: to commands, or to an answer at once.

use super::Desk;
use super::mass::Form;
use super::order::Order;
use super::outcome::{BusinessReject, Refusal, RequestKind};
use super::request::{Inquiry, Request};
use super::terms::{Terms, side, unsupported};
use crate::codec::{Message, Tag, tag};
use crate::dictionary::{SessionRejectReason, Violation};
use crate::session::{Application, Origin, Outbound};
use crate::zone::Zone;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, ClientOrderId, ClientTail, NewOrder, OrderPrice};
use plinth_types::id::{InstrumentId, MandateId, OrderId, SessionId};
use plinth_types::instructions::{Instructions, Trigger};
use plinth_types::quantity::Price;

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
        let inquiry = Inquiry { origin, message, request: &request };
        let outcome = match msg_type {
            _ if !origin.role.may_send(msg_type) => Err(Fault::Business(BusinessReject::not_authorized(origin.role))),
            b"D" | b"F" | b"G" if origin.is_throttled => self.throttled(Fault::Refused(Refusal::Throttled)),
            _ if origin.is_throttled => self.throttled(Fault::Business(BusinessReject::THROTTLED)),
            b"q" => self.mass_cancel(Form::Cancel, inquiry, zone, reply),
            b"CA" => self.mass_cancel(Form::Action, inquiry, zone, reply),
            b"AF" => self.mass_status(inquiry, reply),
            b"x" => self.security_list(inquiry, reply),
            b"c" => self.security_definition(inquiry, reply),
            b"AD" => self.trade_captures(inquiry, reply),
            b"AN" => self.positions(inquiry, zone, reply),
            b"BB" => self.collateral(inquiry, zone, reply),
            b"V" => self.market_data_request(inquiry, reply),
            b"e" => self.security_status(inquiry, reply),
            b"g" => self.session_status(inquiry, reply),
            b"i" => self.mass_quote(&inquiry, zone, reply),
            b"Z" => self.quote_cancel(&inquiry, zone, reply),
            b"E" => self.order_list(inquiry, zone, reply),
            b"M" => self.list_status(inquiry, reply),
            b"K" => self.list_cancel(inquiry, zone, reply),
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

    fn disconnected(&mut self, session: SessionId) {
        self.markets.disconnected(session);
        self.market_data.disconnected(session);
        self.searches.disconnected(session);
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
        let terms = Terms::read(request, &instrument)?;
        let orders = self.sessions.of(session);
        let index = orders.next_index();
        let order = OrderId::new(session, index).filter(|_| orders.has_room());
        let order = order.ok_or(Fault::Refused(Refusal::TooManyOrders))?;
        self.enter(Entry { origin, mandate, order, instrument: instrument.id, id, terms }, zone)
    }

    /// Has a new order sequenced, and keeps it under its number.
    pub(super) fn enter<Z: Zone>(&mut self, entry: Entry, zone: &mut Z) -> Result<(), Fault> {
        let Entry { origin, mandate, order, instrument, id, terms } = entry;
        let Terms { side, price, qty, time_in_force, post_only, instructions } = terms;
        let instructed = instructions.is_some();
        let new = NewOrder { order, instrument, side, price, qty, time_in_force, post_only, instructed };
        self.submit(Ask { origin, mandate, body: Body::New(new), instructions, id, orig: None }, zone)?;
        let orders = self.sessions.of(origin.session);
        orders.put(order.index(), Order::new(&new, id, mandate, instructions));
        orders.claim(id, order.index());
        Ok(())
    }

    fn cancel<Z: Zone>(&mut self, origin: Origin, request: &Request<'_>, zone: &mut Z) -> Result<(), Fault> {
        let (id, orig, index) = self.named(origin, request)?;
        let (order, mandate) = self.own_order(origin, request, index)?;
        self.submit(Ask { origin, mandate, body: Body::Cancel { order }, instructions: None, id, orig: Some(orig) }, zone)?;
        self.sessions.of(origin.session).claim(id, index);
        Ok(())
    }

    fn replace<Z: Zone>(&mut self, origin: Origin, request: &Request<'_>, zone: &mut Z) -> Result<(), Fault> {
        let (id, orig, index) = self.named(origin, request)?;
        let (order, mandate) = self.own_order(origin, request, index)?;
        let known = self.sessions.get(origin.session).and_then(|orders| orders.get(index));
        let known = known.ok_or(Fault::Refused(Refusal::UnknownOrder))?;
        let instrument = self.listing.instrument(known.instrument).ok_or(Fault::Refused(Refusal::UnknownSymbol))?;
        let terms = Terms::read(request, instrument)?;
        let price = new_price(known, request, &terms)?;
        let body = Body::Replace { order, price, qty: terms.qty };
        self.submit(Ask { origin, mandate, body, instructions: None, id, orig: Some(orig) }, zone)?;
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

    pub(super) fn mandate(&self, origin: Origin, account: Option<&[u8]>) -> Result<MandateId, Fault> {
        self.listing.mandate(origin.session, account).ok_or(Fault::Refused(Refusal::UnknownAccount))
    }

    pub(super) fn submit<Z: Zone>(&mut self, ask: Ask, zone: &mut Z) -> Result<(), Fault> {
        let Ask { origin, mandate, body, instructions, id, orig } = ask;
        self.tail.clear();
        if let Some(instructions) = instructions {
            instructions.encode(&mut self.tail);
        }
        let (msg_seq_num, client_order_id, orig_client_order_id) = (origin.msg_seq_num, id, orig);
        ClientTail { msg_seq_num, client_order_id, orig_client_order_id }.encode(&mut self.tail);
        zone.submit(origin.session, mandate, body, &self.tail).map(|_| ()).map_err(|full| {
            self.throttled_count += 1;
            Fault::Refused(Refusal::Full(full))
        })
    }
}

/// The price that a replacement gives an order: its limit, or the stop of one without limit. Nothing else of an order can be replaced.
fn new_price(known: &Order, request: &Request<'_>, terms: &Terms) -> Result<Price, Fault> {
    let asked = terms.instructions.unwrap_or(Instructions::NONE);
    let own = known.instructions.as_deref().copied().unwrap_or(Instructions::NONE);
    let lives_as_asked = terms.time_in_force == known.time_in_force && asked.lifetime == own.lifetime;
    let kept = [
        (request.time_in_force.is_none() || lives_as_asked, tag::TIME_IN_FORCE),
        (request.exec_inst.is_none() || terms.post_only == known.post_only, tag::EXEC_INST),
        (asked.display.is_none() || asked.display == own.display, tag::MAX_FLOOR),
        (asked.minimum.is_none(), tag::MIN_QTY),
        (asked.peg.is_some() == own.peg.is_some(), tag::ORD_TYPE),
        (asked.peg == own.peg, tag::PEG_OFFSET_VALUE),
    ];
    if let Some((_, tag)) = kept.into_iter().find(|(is_kept, _)| !is_kept) {
        return Err(unsupported(tag));
    }
    match (known.price, terms.price, own.trigger, asked.trigger) {
        (_, OrderPrice::Limit(price), ..) if own.peg.is_some() => Ok(price),
        (_, OrderPrice::Market, ..) if own.peg.is_some() => Err(Fault::Business(BusinessReject::missing(tag::PRICE))),
        (OrderPrice::Limit(_), OrderPrice::Limit(price), own, asked) if asked.is_none() || asked == own => Ok(price),
        (OrderPrice::Limit(_), OrderPrice::Limit(_), Some(Trigger::At(_)), Some(Trigger::At(_))) => Err(unsupported(tag::STOP_PX)),
        (OrderPrice::Market, OrderPrice::Market, Some(Trigger::At(_)), Some(Trigger::At(stop))) => Ok(stop),
        (OrderPrice::Limit(_) | OrderPrice::Market, ..) => Err(unsupported(tag::ORD_TYPE)),
    }
}

/// What is handed to the zone for a client.
pub(super) struct Ask {
    pub(super) origin: Origin,
    pub(super) mandate: MandateId,
    pub(super) body: Body,
    pub(super) instructions: Option<Instructions>,
    pub(super) id: ClientOrderId,
    pub(super) orig: Option<ClientOrderId>,
}

/// A new order whose number is known.
pub(super) struct Entry {
    pub(super) origin: Origin,
    pub(super) mandate: MandateId,
    pub(super) order: OrderId,
    pub(super) instrument: InstrumentId,
    pub(super) id: ClientOrderId,
    pub(super) terms: Terms,
}

pub(super) fn required(value: Option<&[u8]>, tag: Tag) -> Result<&[u8], Fault> {
    value.ok_or(Fault::Business(BusinessReject::missing(tag)))
}

pub(super) fn client_order_id(value: Option<&[u8]>, tag: Tag) -> Result<ClientOrderId, Fault> {
    let value = required(value, tag)?;
    ClientOrderId::new(value).ok_or(Fault::Session(Violation::of(SessionRejectReason::ValueIncorrect, tag)))
}
