//! `ExecutionReport` (8), `OrderCancelReject` (9), `BusinessMessageReject` (j).

use super::Desk;
use super::dialect::push;
use super::instructions::{write_instructions, write_time_in_force};
use super::order::Order;
use super::outcome::{BusinessReject, Execution, Refusal, RequestKind, Source, text_of};
use super::request::Request;
use crate::codec::{Version, decimal, tag};
use crate::dictionary::{SessionRejectReason, Violation};
use crate::limits::AVG_PX_EXTRA_DECIMALS;
use crate::session::{BodyWriter, Origin, Outbound};
use plinth_types::command::{ClientOrderId, OrderPrice, Side};
use plinth_types::event::CancelReason;
use plinth_types::id::{OrderId, Seq, SessionId, TimestampNs};
use plinth_types::reject::Reject;

impl Desk {
    /// Reports what an event did to an order.
    pub(super) fn report(&self, id: OrderId, execution: Execution, source: Source<'_>, copy_of: Option<&str>, out: &mut Outbound) {
        let Some(order) = self.order(id) else { return };
        let command = source.command;
        let (price_decimals, qty_decimals) = self.decimals(order);
        push(out, command.seq, b"8", command.time, |body| {
            let (cl_ord_id, orig) = match execution {
                Execution::Cancelled { by: Some((id, orig)), .. } => (id, Some(orig)),
                Execution::Replaced { was } => (order.client_order_id, Some(was)),
                Execution::New
                | Execution::Rejected(_)
                | Execution::Trade { .. }
                | Execution::Restated
                | Execution::Triggered
                | Execution::Expired
                | Execution::Repriced { .. }
                | Execution::Cancelled { by: None, .. } => (order.client_order_id, None),
            };
            self.write_terms(id, order, cl_ord_id.as_bytes(), orig.as_ref().map(ClientOrderId::as_bytes), body);
            write_exec_id(command.seq, source.ordinal, order.side, body);
            body.time(tag::TRANSACT_TIME, command.time);
            if let Some(comp_id) = copy_of {
                body.bytes(tag::COPY_MSG_INDICATOR, b"Y");
                write_origin(comp_id, body);
            }
            if let Some(quote) = self.quote(id) {
                body.bytes(tag::QUOTE_ID, quote.order.client_order_id.as_bytes());
                body.bytes(tag::QUOTE_ENTRY_ID, quote.entry_id.as_bytes());
            }
            body.bytes(tag::EXEC_TYPE, execution.exec_type(body.version()));
            match execution {
                Execution::New | Execution::Replaced { .. } => {}
                // Of an order that is tied to none, self-match prevention alone does that.
                Execution::Restated if order.is_tied() => body.bytes(tag::TEXT, b"as much as an order that it is tied to"),
                Execution::Restated => self.write_group(id, order, body),
                Execution::Triggered => body.bytes(tag::TEXT, b"triggered"),
                Execution::Expired => body.bytes(tag::TEXT, b"expired"),
                Execution::Repriced { price } => {
                    body.bytes(tag::EXEC_RESTATEMENT_REASON, REPRICED);
                    match price {
                        Some(price) => body.decimal(tag::PEGGED_PRICE, price.ticks(), price_decimals),
                        None => body.bytes(tag::TEXT, b"no price to follow"),
                    }
                }
                Execution::Rejected(reject) => {
                    body.number(tag::ORD_REJ_REASON, reject.ord_rej_reason().into());
                    body.text(tag::TEXT, format_args!("{reject}"));
                }
                Execution::Trade { price, qty } => {
                    body.decimal(tag::LAST_PX, price.ticks(), price_decimals);
                    body.unsigned(tag::LAST_QTY, qty.lots().into(), qty_decimals);
                    body.bytes(tag::ZONE_STATE, b"EXECUTED");
                }
                Execution::Cancelled { reason, .. } => {
                    if let Some(text) = text_of(reason) {
                        body.bytes(tag::TEXT, text.as_bytes());
                    }
                    if reason == CancelReason::SelfMatch {
                        self.write_group(id, order, body);
                    }
                }
            }
        });
    }

    /// Reports that a cancel or replace was refused by the zone.
    #[expect(clippy::too_many_arguments, reason = "an OrderCancelReject joins a request, an order and a reason")]
    pub(super) fn report_cancel_reject(
        id: OrderId,
        order: &Order,
        kind: RequestKind,
        client_order_id: ClientOrderId,
        orig: ClientOrderId,
        reject: Reject,
        source: Source<'_>,
        out: &mut Outbound,
    ) {
        let too_late = reject == Reject::UnknownOrder && order.is_over();
        push(out, source.command.seq, b"9", source.command.time, |body| {
            body.bytes(tag::CL_ORD_ID, client_order_id.as_bytes());
            body.text(tag::ORDER_ID, format_args!("{id}"));
            body.bytes(tag::ORD_STATUS, order.ord_status());
            body.bytes(tag::ORIG_CL_ORD_ID, orig.as_bytes());
            body.time(tag::TRANSACT_TIME, source.command.time);
            body.number(tag::CXL_REJ_REASON, if too_late { 0 } else { reject.cxl_rej_reason().into() });
            body.bytes(tag::CXL_REJ_RESPONSE_TO, kind.code());
            if too_late {
                Refusal::TooLate.write_text(body);
            } else {
                body.text(tag::TEXT, format_args!("{reject}"));
            }
        });
    }

    /// Answers a status request, or an order that came again as `PossResend`.
    pub(super) fn report_status(&self, origin: Origin, request: &Request<'_>, index: u64, out: &mut Outbound) {
        let Some(order) = self.sessions.get(origin.session).and_then(|orders| orders.get(index)) else {
            return Self::report_unknown_status(origin, request, out);
        };
        let Some(id) = OrderId::new(origin.session, index) else { return };
        push(out, NO_RECORD, b"8", origin.now.utc, |body| {
            self.write_terms(id, order, request.cl_ord_id.unwrap_or_default(), None, body);
            write_status(origin.now.utc, body);
            write_status_req_id(request, body);
        });
    }

    /// Answers a status request for an order that never was.
    pub(super) fn report_unknown_status(origin: Origin, request: &Request<'_>, out: &mut Outbound) {
        push(out, NO_RECORD, b"8", origin.now.utc, |body| {
            write_no_order(request, body);
            write_status(origin.now.utc, body);
            body.number(tag::ORD_REJ_REASON, Refusal::UnknownOrder.ord_rej_reason());
            Refusal::UnknownOrder.write_text(body);
            write_status_req_id(request, body);
        });
    }

    /// Refuses an order that the zone never saw.
    pub(super) fn report_order_refused(origin: Origin, request: &Request<'_>, refusal: Refusal, out: &mut Outbound) {
        push(out, NO_RECORD, b"8", origin.now.utc, |body| {
            write_no_order(request, body);
            body.text(tag::EXEC_ID, format_args!("R{}-{}", origin.msg_seq_num, origin.now.utc));
            body.time(tag::TRANSACT_TIME, origin.now.utc);
            body.bytes(tag::EXEC_TYPE, b"8");
            body.number(tag::ORD_REJ_REASON, refusal.ord_rej_reason());
            refusal.write_text(body);
        });
    }

    /// Refuses a cancel or replace that the zone never saw.
    pub(super) fn report_cancel_refused(
        &self,
        origin: Origin,
        kind: RequestKind,
        request: &Request<'_>,
        refusal: Refusal,
        out: &mut Outbound,
    ) {
        let orders = self.sessions.get(origin.session);
        let orig = request.orig_cl_ord_id.unwrap_or_default();
        let index = ClientOrderId::new(orig).and_then(|id| orders?.find(&id));
        let order = index.and_then(|index| Some((OrderId::new(origin.session, index)?, orders?.get(index)?)));
        push(out, NO_RECORD, b"9", origin.now.utc, |body| {
            body.bytes(tag::CL_ORD_ID, request.cl_ord_id.unwrap_or_default());
            match order {
                Some((id, order)) => {
                    body.text(tag::ORDER_ID, format_args!("{id}"));
                    body.bytes(tag::ORD_STATUS, order.ord_status());
                }
                None => {
                    body.bytes(tag::ORDER_ID, b"NONE");
                    body.bytes(tag::ORD_STATUS, b"8");
                }
            }
            body.bytes(tag::ORIG_CL_ORD_ID, orig);
            body.time(tag::TRANSACT_TIME, origin.now.utc);
            body.number(tag::CXL_REJ_REASON, refusal.cxl_rej_reason());
            body.bytes(tag::CXL_REJ_RESPONSE_TO, kind.code());
            refusal.write_text(body);
        });
    }

    /// Refuses a message of the application as a whole. Before 4.2 sessions have only the session's reject for that.
    pub(super) fn report_business_reject(origin: Origin, msg_type: &[u8], reject: BusinessReject, out: &mut Outbound) {
        if !out.version().is_at_least(Version::Fix42) {
            let violation = reject.missing.map(|tag| Violation::of(SessionRejectReason::RequiredTagMissing, tag));
            return match violation {
                Some(violation) => out.push_reject(origin.msg_seq_num, msg_type, violation, origin.now.utc),
                None => out.push_reject_text(origin.msg_seq_num, msg_type, reject.text, origin.now.utc),
            };
        }
        push(out, NO_RECORD, b"j", origin.now.utc, |body| {
            body.number(tag::REF_SEQ_NUM, origin.msg_seq_num.get());
            match reject.missing {
                None => body.bytes(tag::TEXT, reject.text.as_bytes()),
                Some(missing) => body.text(tag::TEXT, format_args!("{} ({missing})", reject.text)),
            }
            body.bytes(tag::REF_MSG_TYPE, msg_type);
            body.number(tag::BUSINESS_REJECT_REASON, reject.reason);
        });
    }

    /// The fields that describe an order in any report.
    pub(super) fn write_terms(&self, id: OrderId, order: &Order, cl_ord_id: &[u8], orig: Option<&[u8]>, body: &mut BodyWriter<'_>) {
        let (price_decimals, qty_decimals) = self.decimals(order);
        if let Some(account) = self.listing.account_of(id.session(), order.mandate) {
            body.bytes(tag::ACCOUNT, account.as_bytes());
        }
        write_avg_px(order, price_decimals, body);
        body.bytes(tag::CL_ORD_ID, cl_ord_id);
        body.unsigned(tag::CUM_QTY, order.filled_lots.into(), qty_decimals);
        if order.post_only {
            body.bytes(tag::EXEC_INST, b"6");
        }
        if let Some(instructions) = &order.instructions {
            write_instructions(instructions, order.side, (price_decimals, qty_decimals), body);
        }
        write_order_id(id, body);
        body.unsigned(tag::ORDER_QTY, order.qty_lots.into(), qty_decimals);
        body.bytes(tag::ORD_STATUS, order.ord_status());
        body.bytes(tag::ORD_TYPE, order.ord_type());
        if let OrderPrice::Limit(price) = order.price {
            body.decimal(tag::PRICE, price.ticks(), price_decimals);
        }
        if let Some(orig) = orig {
            body.bytes(tag::ORIG_CL_ORD_ID, orig);
        }
        body.bytes(tag::SIDE, side_code(order.side));
        if let Some(instrument) = self.listing.instrument(order.instrument) {
            body.bytes(tag::SYMBOL, instrument.symbol.as_str().as_bytes());
        }
        write_time_in_force(order, body);
        body.unsigned(tag::LEAVES_QTY, order.leaves_lots().into(), qty_decimals);
    }

    /// Which group an order was not to trade within.
    fn write_group(&self, id: OrderId, order: &Order, body: &mut BodyWriter<'_>) {
        if let Some(group) = self.listing.self_match_group(id.session(), order.mandate) {
            body.number(tag::SELF_MATCH_GROUP, group.into());
        }
    }

    /// Decimal places of an order's prices and quantities.
    pub(super) fn decimals(&self, order: &Order) -> (u8, u8) {
        self.listing.instrument(order.instrument).map_or((0, 0), |instrument| (instrument.price_decimals, instrument.qty_decimals))
    }

    /// Name of the account that an order acts on.
    pub(super) fn account_name(&self, session: SessionId, order: &Order) -> Option<&str> {
        self.listing.account_of(session, order.mandate)
    }
}

/// What makes a report one of a status, which came of no event.
pub(super) fn write_status(now: TimestampNs, body: &mut BodyWriter<'_>) {
    body.bytes(tag::EXEC_ID, b"0");
    body.time(tag::TRANSACT_TIME, now);
    body.bytes(tag::EXEC_TYPE, b"I");
}

/// Whose a copy is: the session that was told, as the firm that the order came from.
pub(super) fn write_origin(comp_id: &str, body: &mut BodyWriter<'_>) {
    body.number(tag::NO_PARTY_IDS, 1);
    body.bytes(tag::PARTY_ID, comp_id.as_bytes());
    body.bytes(tag::PARTY_ID_SOURCE, b"D");
    body.bytes(tag::PARTY_ROLE, b"13");
}

/// `Side`, tag 54.
pub(super) const fn side_code(side: Side) -> &'static [u8] {
    match side {
        Side::Buy => b"1",
        Side::Sell => b"2",
    }
}

/// `ExecID`, tag 17: the same for the same event, however often it is reported.
pub(super) fn write_exec_id(seq: Seq, ordinal: u64, side: Side, body: &mut BodyWriter<'_>) {
    let side = match side {
        Side::Buy => 1,
        Side::Sell => 2,
    };
    body.numbers(tag::EXEC_ID, &[seq.get(), ordinal, side]);
}

/// `OrderID`, tag 37, as [`OrderId`] is shown.
pub(super) fn write_order_id(id: OrderId, body: &mut BodyWriter<'_>) {
    body.numbers(tag::ORDER_ID, &[id.session().get().into(), id.index()]);
}

pub(super) fn write_avg_px(order: &Order, price_decimals: u8, body: &mut BodyWriter<'_>) {
    if order.filled_lots == 0 {
        return body.bytes(tag::AVG_PX, b"0");
    }
    let scale = 10_u128.pow(AVG_PX_EXTRA_DECIMALS.into());
    // A notional has at most 103 bits, the scale 14.
    let average = decimal::divide_half_even(order.filled_notional * scale, order.filled_lots.into());
    body.unsigned(tag::AVG_PX, average, price_decimals + AVG_PX_EXTRA_DECIMALS);
}

/// The fields that an `ExecutionReport` must have, of an order that never was.
fn write_no_order(request: &Request<'_>, body: &mut BodyWriter<'_>) {
    body.bytes(tag::AVG_PX, b"0");
    if let Some(id) = request.cl_ord_id {
        body.bytes(tag::CL_ORD_ID, id);
    }
    body.bytes(tag::CUM_QTY, b"0");
    body.bytes(tag::ORDER_ID, b"NONE");
    body.bytes(tag::ORD_STATUS, b"8");
    let echoed = [
        (tag::ORDER_QTY, request.order_qty, None),
        (tag::SIDE, request.side, Some(UNDISCLOSED)),
        (tag::SYMBOL, request.symbol, Some(NO_SYMBOL)),
    ];
    for (tag, value, otherwise) in echoed {
        if let Some(value) = value.filter(|value| value.len() <= ECHO_SIZE_MAX).or(otherwise) {
            body.bytes(tag, value);
        }
    }
    body.bytes(tag::LEAVES_QTY, b"0");
}

fn write_status_req_id(request: &Request<'_>, body: &mut BodyWriter<'_>) {
    if let Some(id) = request.status_req_id.filter(|id| id.len() <= ECHO_SIZE_MAX) {
        body.bytes(tag::ORD_STATUS_REQ_ID, id);
    }
}

/// `ExecRestatementReason`, tag 378: the price of the order has changed.
const REPRICED: &[u8] = b"3";
/// `Side` and `Symbol`, which a report must have, of an order that nobody knows.
const UNDISCLOSED: &[u8] = b"7";
pub(super) const NO_SYMBOL: &[u8] = b"[N/A]";
/// The record of an answer that came of none.
pub(super) const NO_RECORD: Seq = Seq::new(0);
/// Longest value of a client's that is sent back.
pub(super) const ECHO_SIZE_MAX: usize = 64;
