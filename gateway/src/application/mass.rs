//! What concerns many orders at once.

use super::Desk;
use super::dialect::push;
use super::intake::{Ask, Fault, client_order_id};
use super::outcome::BusinessReject;
use super::reports::{NO_RECORD, write_status};
use super::request::{Inquiry, Request};
use super::terms::{incorrect, side};
use crate::acceptor::Sessions;
use crate::codec::{Tag, tag};
use crate::session::{BodyWriter, Outbound};
use crate::zone::Zone;
use core::fmt;
use plinth_types::command::{Body, ClientTail, Command, MassCancel, MassCancelCause};
use plinth_types::event::Event;
use plinth_types::id::{InstrumentId, MandateId, OrderId, Seq};

/// The index that a mass cancel's `ClOrdID` is claimed for: no order has it.
pub(super) const NO_ORDER: u64 = 0;
/// `MassActionType`, tag 1373.
const CANCEL_ORDERS: &[u8] = b"3";

/// In which messages a mass cancel is asked for and told.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// `OrderMassCancelRequest`, `OrderMassCancelReport`.
    Cancel,
    /// `OrderMassActionRequest`, `OrderMassActionReport`, from 5.0 SP1 on.
    Action,
}

impl Form {
    /// An action's tail names the request twice, which nothing else does.
    fn of(client: &ClientTail) -> Self {
        if client.orig_client_order_id.is_some() { Self::Action } else { Self::Cancel }
    }

    /// Which orders are meant: all, or those of a symbol, in codes that both forms share.
    const fn scope(self) -> Tag {
        match self {
            Self::Cancel => tag::MASS_CANCEL_REQUEST_TYPE,
            Self::Action => tag::MASS_ACTION_SCOPE,
        }
    }

    fn write_done(self, kind: &[u8], record: Seq, orders: u64, body: &mut BodyWriter<'_>) {
        match self {
            Self::Cancel => {
                body.text(tag::ORDER_ID, format_args!("M{record}"));
                body.bytes(tag::MASS_CANCEL_REQUEST_TYPE, kind);
                body.bytes(tag::MASS_CANCEL_RESPONSE, kind);
            }
            Self::Action => {
                body.text(tag::MASS_ACTION_REPORT_ID, format_args!("M{record}"));
                body.bytes(tag::MASS_ACTION_TYPE, CANCEL_ORDERS);
                body.bytes(tag::MASS_ACTION_SCOPE, kind);
                body.bytes(tag::MASS_ACTION_RESPONSE, b"1");
            }
        }
        body.number(tag::TOTAL_AFFECTED_ORDERS, orders);
    }

    fn write_refused(self, kind: &[u8], id: fmt::Arguments<'_>, refusal: MassRefusal<'_>, body: &mut BodyWriter<'_>) {
        let MassRefusal { is_unknown_symbol, text } = refusal;
        match self {
            Self::Cancel => {
                body.text(tag::ORDER_ID, id);
                body.bytes(tag::MASS_CANCEL_REQUEST_TYPE, kind);
                body.bytes(tag::MASS_CANCEL_RESPONSE, b"0");
                body.number(tag::MASS_CANCEL_REJECT_REASON, u64::from(is_unknown_symbol));
            }
            Self::Action => {
                body.text(tag::MASS_ACTION_REPORT_ID, id);
                body.bytes(tag::MASS_ACTION_TYPE, CANCEL_ORDERS);
                body.bytes(tag::MASS_ACTION_SCOPE, kind);
                body.bytes(tag::MASS_ACTION_RESPONSE, b"0");
                body.number(tag::MASS_ACTION_REJECT_REASON, u64::from(is_unknown_symbol));
            }
        }
        body.text(tag::TEXT, text);
    }

    const fn report(self) -> &'static [u8] {
        match self {
            Self::Cancel => b"r",
            Self::Action => b"BZ",
        }
    }
}

/// Why no order was cancelled.
struct MassRefusal<'a> {
    is_unknown_symbol: bool,
    text: fmt::Arguments<'a>,
}

impl Desk {
    /// `OrderMassCancelRequest` or `OrderMassActionRequest`: handed to the zone as one command. Refused at once where it names what we do not do.
    pub(super) fn mass_cancel<Z: Zone>(
        &mut self,
        form: Form,
        inquiry: Inquiry<'_, '_>,
        zone: &mut Z,
        reply: &mut Outbound,
    ) -> Result<(), Fault> {
        let Inquiry { origin, message, request } = inquiry;
        let id = client_order_id(request.cl_ord_id, tag::CL_ORD_ID)?;
        let kind = message.get(form.scope()).unwrap_or_default();
        let refuse = |is_unknown_symbol: bool, text: &str, reply: &mut Outbound| {
            push(reply, NO_RECORD, form.report(), origin.now.utc, |body| {
                body.bytes(tag::CL_ORD_ID, id.as_bytes());
                let refusal = MassRefusal { is_unknown_symbol, text: format_args!("{text}") };
                form.write_refused(kind, format_args!("NONE"), refusal, body);
            });
            Ok(())
        };
        if self.sessions.get(origin.session).is_some_and(|orders| orders.find(&id).is_some()) {
            return refuse(false, "duplicate ClOrdID", reply);
        }
        if matches!(form, Form::Action) && message.get(tag::MASS_ACTION_TYPE) != Some(CANCEL_ORDERS) {
            return Err(incorrect(tag::MASS_ACTION_TYPE));
        }
        let instrument = match kind {
            b"7" => None,
            b"1" => match self.named_instrument(request)? {
                Some(instrument) => Some(instrument),
                None => return refuse(true, "unknown symbol", reply),
            },
            _ if matches!(form, Form::Action) => return refuse(false, "only 1374=1 and 1374=7 are supported", reply),
            _ => return refuse(false, "only 530=1 and 530=7 are supported", reply),
        };
        let side = request.side.map(|value| side(Some(value))).transpose()?;
        let mass = MassCancel { session: Some(origin.session), account: None, instrument, side, cause: MassCancelCause::Request };
        let (body, mandate) = (Body::MassCancel(mass), MandateId::new(0));
        let orig = matches!(form, Form::Action).then_some(id);
        if self.submit(Ask { origin, mandate, body, instructions: None, id, orig }, zone).is_err() {
            return refuse(false, "throttled", reply);
        }
        self.sessions.of(origin.session).claim(id, NO_ORDER);
        Ok(())
    }

    /// What the zone made of a mass cancel that a client asked for.
    pub(super) fn mass_cancelled(event: &Event, client: &ClientTail, command: &Command, sessions: &mut Sessions<'_>) {
        let Body::MassCancel(mass) = command.body else { return };
        let Some(out) = sessions.outbound(command.session) else { return };
        let kind: &[u8] = if mass.instrument.is_some() { b"1" } else { b"7" };
        let form = Form::of(client);
        push(out, command.seq, form.report(), command.time, |body| {
            body.bytes(tag::CL_ORD_ID, client.client_order_id.as_bytes());
            if let Event::MassCancelled { orders } = *event {
                form.write_done(kind, command.seq, orders.into(), body);
            } else if let Event::MassCancelRejected { reject } = *event {
                let refusal = MassRefusal { is_unknown_symbol: false, text: format_args!("{reject}") };
                form.write_refused(kind, format_args!("M{}", command.seq), refusal, body);
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
