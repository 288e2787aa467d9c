//! What becomes of lists: `ListStatus` (N), `ListStatusRequest` (M), `ListCancelRequest` (K).
//!
//! * A list that the zone took is told by `ListStatus` with `ListStatusType` 1 (acknowledged), behind the first reports of its orders and once
//!   it is durable. Requests and cancels are answered with 2 (response). What is refused is told order by order, as ever.
//! * `ListOrderStatus` is 3 (executing) while an order is open, 7 (rejected) if the zone refused all, else 6 (all done); 4 (cancelling) answers
//!   a `ListCancelRequest` that still found something open.
//! * A `ListCancelRequest` has no `ClOrdID`s, so each open order is cancelled under its own; a tie may have ended it before its turn, and nobody
//!   hears of that. What waits goes first: an entry that goes before its exits would let them in.
//! * Which orders are a list's says a note behind them in the journal ([`ListNote`]).
//!
//! Known limitations: a list whose note a crash has cut off from its orders is unknown by its `ListID`, and so are lists after a journal was
//! rebuilt from settlement; their orders are not.

use super::Desk;
use super::dialect::push;
use super::intake::{Ask, Fault, client_order_id};
use super::order::{Order, OrderState};
use super::outcome::BusinessReject;
use super::reports::{NO_RECORD, write_avg_px};
use super::request::Inquiry;
use crate::acceptor::Sessions;
use crate::codec::tag;
use crate::session::Outbound;
use crate::zone::Zone;
use plinth_types::command::{Body, ClientOrderId, Command};
use plinth_types::id::{MandateId, OrderId, Seq, TimestampNs};
use plinth_types::record;
use std::collections::HashMap;

/// The tail of the note behind a list's orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ListNote {
    /// `ListID`.
    pub(super) list: ClientOrderId,
    /// The first of its orders. The others' numbers follow.
    pub(super) first: OrderId,
    pub(super) orders: u8,
}

impl ListNote {
    /// Version of the encoding. It is the first byte of the note's tail, and no tag of a [`Note`](plinth_types::message::Note) or a bust.
    const VERSION: u8 = 0x82;
}

record!(ListNote { list, first, orders }, version "list note version");

/// A session's lists.
#[derive(Debug, Default)]
pub(super) struct Lists(HashMap<ClientOrderId, ListNote>);

impl Lists {
    pub(super) fn is_used(&self, list: &ClientOrderId) -> bool {
        self.0.contains_key(list)
    }

    /// The first list of a name counts.
    pub(super) fn put(&mut self, note: ListNote) {
        self.0.entry(note.list).or_insert(note);
    }
}

/// `ListStatusType`, tag 429.
#[derive(Clone, Copy)]
enum Occasion {
    Acknowledged,
    Asked,
    Cancelled,
}

impl Desk {
    /// `ListStatusRequest`.
    pub(super) fn list_status(&self, inquiry: Inquiry<'_, '_>, reply: &mut Outbound) -> Result<(), Fault> {
        let list = self.named_list(inquiry)?;
        self.report_list(&list, Occasion::Asked, (NO_RECORD, inquiry.origin.now.utc), reply);
        Ok(())
    }

    /// `ListCancelRequest`: a cancel of each order that is open.
    pub(super) fn list_cancel<Z: Zone>(
        &mut self,
        inquiry: Inquiry<'_, '_>,
        zone: &mut Z,
        reply: &mut Outbound,
    ) -> Result<(), Fault> {
        let origin = inquiry.origin;
        let list = self.named_list(inquiry)?;
        let open = self.orders_of(&list).filter(|(_, order)| !order.is_over());
        let open: Vec<(OrderId, MandateId, ClientOrderId)> =
            open.map(|(id, order)| (id, order.mandate, order.client_order_id)).collect();
        for &(order, mandate, id) in &open {
            let ask = Ask { origin, mandate, body: Body::Cancel { order }, instructions: None, id, orig: Some(id) };
            self.submit(ask, zone).map_err(|_| Fault::Business(BusinessReject::FULL))?;
        }
        let occasion = if open.is_empty() { Occasion::Asked } else { Occasion::Cancelled };
        self.report_list(&list, occasion, (NO_RECORD, origin.now.utc), reply);
        Ok(())
    }

    /// A list that the zone took is durable.
    pub(super) fn list_noted(&mut self, note: ListNote, command: &Command, sessions: &mut Sessions<'_>) {
        let session = note.first.session();
        self.sessions.of(session).lists.put(note);
        if let Some(out) = sessions.outbound(session) {
            self.report_list(&note, Occasion::Acknowledged, (command.seq, command.time), out);
        }
    }

    fn named_list(&self, inquiry: Inquiry<'_, '_>) -> Result<ListNote, Fault> {
        let id = client_order_id(inquiry.message.get(tag::LIST_ID), tag::LIST_ID)?;
        let lists = self.sessions.get(inquiry.origin.session).map(|orders| &orders.lists);
        lists.and_then(|lists| lists.0.get(&id)).copied().ok_or(Fault::Business(BusinessReject::UNKNOWN_LIST))
    }

    /// As they went to the zone.
    fn orders_of(&self, list: &ListNote) -> impl Iterator<Item = (OrderId, &Order)> {
        let (session, first) = (list.first.session(), list.first.index());
        let ids = (first..).take(list.orders.into()).filter_map(move |index| OrderId::new(session, index));
        ids.filter_map(|id| Some((id, self.order(id)?)))
    }

    fn report_list(&self, list: &ListNote, occasion: Occasion, (record, now): (Seq, TimestampNs), out: &mut Outbound) {
        let status = match occasion {
            Occasion::Cancelled => CANCELLING,
            Occasion::Acknowledged | Occasion::Asked => {
                let states = || self.orders_of(list).map(|(_, order)| order.state);
                match () {
                    () if self.orders_of(list).any(|(_, order)| !order.is_over()) => EXECUTING,
                    () if states().all(|state| state == OrderState::Rejected) => REJECTED,
                    () => ALL_DONE,
                }
            }
        };
        push(out, record, b"N", now, |body| {
            body.bytes(tag::LIST_ID, list.list.as_bytes());
            body.bytes(tag::LIST_STATUS_TYPE, if matches!(occasion, Occasion::Acknowledged) { b"1" } else { b"2" });
            body.number(tag::NO_RPTS, 1);
            body.bytes(tag::LIST_ORDER_STATUS, status);
            body.number(tag::RPT_SEQ, 1);
            body.time(tag::TRANSACT_TIME, now);
            body.number(tag::TOT_NO_ORDERS, list.orders.into());
            body.number(tag::NO_ORDERS, self.orders_of(list).count() as u64);
            for (_, order) in self.orders_of(list) {
                let (price_decimals, qty_decimals) = self.decimals(order);
                body.bytes(tag::CL_ORD_ID, order.client_order_id.as_bytes());
                body.unsigned(tag::CUM_QTY, order.filled_lots.into(), qty_decimals);
                body.bytes(tag::ORD_STATUS, order.ord_status());
                body.unsigned(tag::LEAVES_QTY, order.leaves_lots().into(), qty_decimals);
                let cancelled = order.qty_lots - order.filled_lots - order.leaves_lots();
                body.unsigned(tag::CXL_QTY, cancelled.into(), qty_decimals);
                write_avg_px(order, price_decimals, body);
            }
        });
    }
}

/// `ListOrderStatus`, tag 431.
const EXECUTING: &[u8] = b"3";
const CANCELLING: &[u8] = b"4";
const ALL_DONE: &[u8] = b"6";
const REJECTED: &[u8] = b"7";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bust::Bust;
    use plinth_types::codec::Codec;
    use plinth_types::id::SessionId;
    use plinth_types::message::Note;

    #[test]
    fn the_bytes_of_a_list_note_are_pinned_and_are_no_other_note() {
        let list = ClientOrderId::new(b"L1").unwrap();
        let note = ListNote { list, first: OrderId::new(SessionId::new(2), 7).unwrap(), orders: 3 };
        let bytes = note.to_bytes();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, GOLDEN);
        assert_eq!(ListNote::decode(&bytes), Ok(note));
        assert!(Note::decode(&bytes).is_err() && Bust::decode(&bytes).is_err());
    }

    const GOLDEN: &str = "82024c31070000000000020003";
}
