//! What concerns many orders at once.

use super::Desk;
use super::dialect::push;
use super::intake::{Ask, Fault, client_order_id};
use super::outcome::BusinessReject;
use super::reports::{NO_RECORD, write_status};
use super::request::{Inquiry, Request};
use super::terms::{incorrect, side};
use crate::acceptor::Sessions;
use crate::codec::{Message, tag};
use crate::session::{Origin, Outbound};
use crate::zone::Zone;
use plinth_types::command::{Body, ClientTail, Command, MassCancel, MassCancelCause};
use plinth_types::event::Event;
use plinth_types::id::{InstrumentId, MandateId, OrderId};

/// The index that a mass cancel's `ClOrdID` is claimed for: no order has it.
pub(super) const NO_ORDER: u64 = 0;

impl Desk {
    /// `OrderMassCancelRequest`: handed to the zone as one command. Refused at once where it names what we do not do.
    pub(super) fn mass_cancel<Z: Zone>(
        &mut self,
        origin: Origin,
        message: &Message<'_>,
        request: &Request<'_>,
        zone: &mut Z,
        reply: &mut Outbound,
    ) -> Result<(), Fault> {
        let id = client_order_id(request.cl_ord_id, tag::CL_ORD_ID)?;
        let kind = message.get(tag::MASS_CANCEL_REQUEST_TYPE).unwrap_or_default();
        let refuse = |reason: u64, text: &str, reply: &mut Outbound| {
            push(reply, NO_RECORD, b"r", origin.now.utc, |body| {
                body.bytes(tag::CL_ORD_ID, id.as_bytes());
                body.bytes(tag::ORDER_ID, b"NONE");
                body.bytes(tag::TEXT, text.as_bytes());
                body.bytes(tag::MASS_CANCEL_REQUEST_TYPE, kind);
                body.bytes(tag::MASS_CANCEL_RESPONSE, b"0");
                body.number(tag::MASS_CANCEL_REJECT_REASON, reason);
            });
            Ok(())
        };
        if self.sessions.get(origin.session).is_some_and(|orders| orders.find(&id).is_some()) {
            return refuse(0, "duplicate ClOrdID", reply);
        }
        let instrument = match kind {
            b"7" => None,
            b"1" => match self.named_instrument(request)? {
                Some(instrument) => Some(instrument),
                None => return refuse(1, "unknown symbol", reply),
            },
            _ => return refuse(0, "only 530=1 and 530=7 are supported", reply),
        };
        let side = request.side.map(|value| side(Some(value))).transpose()?;
        let mass = MassCancel { session: Some(origin.session), account: None, instrument, side, cause: MassCancelCause::Request };
        let (body, mandate) = (Body::MassCancel(mass), MandateId::new(0));
        if self.submit(Ask { origin, mandate, body, instructions: None, id, orig: None }, zone).is_err() {
            return refuse(0, "throttled", reply);
        }
        self.sessions.of(origin.session).claim(id, NO_ORDER);
        Ok(())
    }

    /// What the zone made of a mass cancel that a client asked for.
    pub(super) fn mass_cancelled(event: &Event, client: &ClientTail, command: &Command, sessions: &mut Sessions<'_>) {
        let Body::MassCancel(mass) = command.body else { return };
        let Some(out) = sessions.outbound(command.session) else { return };
        let kind: &[u8] = if mass.instrument.is_some() { b"1" } else { b"7" };
        push(out, command.seq, b"r", command.time, |body| {
            body.bytes(tag::CL_ORD_ID, client.client_order_id.as_bytes());
            body.text(tag::ORDER_ID, format_args!("M{}", command.seq));
            body.bytes(tag::MASS_CANCEL_REQUEST_TYPE, kind);
            if let Event::MassCancelled { orders } = *event {
                body.bytes(tag::MASS_CANCEL_RESPONSE, kind);
                body.number(tag::TOTAL_AFFECTED_ORDERS, orders.into());
            } else if let Event::MassCancelRejected { reject } = *event {
                body.bytes(tag::MASS_CANCEL_RESPONSE, b"0");
                body.number(tag::MASS_CANCEL_REJECT_REASON, 0);
                body.text(tag::TEXT, format_args!("{reject}"));
            }
        });
    }

    /// `OrderMassStatusRequest`: one report for each open order, numbered; one that says "unknown" if there is none.
    pub(super) fn mass_status(&self, inquiry: Inquiry<'_, '_>, reply: &mut Outbound) -> Result<(), Fault> {
        let Inquiry { origin, message, request } = inquiry;
        let request_id = inquiry.id(tag::MASS_STATUS_REQ_ID)?;
        let instrument = match message.get(tag::MASS_STATUS_REQ_TYPE) {
            Some(b"7") => None,
            Some(b"1") => self.named_instrument(request)?,
            Some(_) | None => return Err(incorrect(tag::MASS_STATUS_REQ_TYPE)),
        };
        let wanted = || {
            let open = self.sessions.get(origin.session).into_iter().flat_map(|orders| orders.open());
            open.filter(move |(_, order)| instrument.is_none_or(|instrument| order.instrument == instrument))
        };
        let count = wanted().count() as u64;
        if count == 0 {
            Self::report_unknown_status(origin, request, reply);
        }
        for (position, (index, order)) in (1..).zip(wanted()) {
            let Some(id) = OrderId::new(origin.session, index) else { continue };
            push(reply, NO_RECORD, b"8", origin.now.utc, |body| {
                self.write_terms(id, order, order.client_order_id.as_bytes(), None, body);
                write_status(origin.now.utc, body);
                body.bytes(tag::MASS_STATUS_REQ_ID, request_id);
                body.number(tag::TOT_NUM_REPORTS, count);
                body.bytes(tag::LAST_RPT_REQUESTED, if position == count { b"Y" } else { b"N" });
            });
        }
        Ok(())
    }

    fn named_instrument(&self, request: &Request<'_>) -> Result<Option<InstrumentId>, Fault> {
        let symbol = request.symbol.ok_or(Fault::Business(BusinessReject::missing(tag::SYMBOL)))?;
        Ok(self.listing.by_symbol(symbol).map(|instrument| instrument.id))
    }
}
