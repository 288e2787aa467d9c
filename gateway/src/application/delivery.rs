//! Records and events to orders and reports: the same live and in a replay.

use super::Desk;
use super::mass::NO_ORDER;
use super::orders::Order;
use super::reports::{Execution, RequestKind, Source};
use super::trades::{Milestone, Trade};
use crate::acceptor::Sessions;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, ClientTail, Command};
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::OrderId;
use plinth_types::message::Note;
use plinth_types::quantity::{Price, Qty};
use plinth_types::reference::Configuration;
use plinth_types::reject::Reject;

impl Desk {
    /// Takes one durable record with what came of it. `live` is false while the journal is replayed: then the inbound numbers of sessions are
    /// taken from the records too.
    pub fn deliver(&mut self, command: &Command, tail: &[u8], events: &[Event], live: bool, sessions: &mut Sessions<'_>) {
        let client = match command.body {
            Body::New(_) | Body::Cancel { .. } | Body::Replace { .. } => ClientTail::of(&command.body, tail).ok(),
            Body::Configure => {
                if events.contains(&Event::Configured)
                    && let Ok(item) = Configuration::decode(tail)
                {
                    self.listing.add(&item);
                }
                return self.unasked(command, events, sessions);
            }
            Body::MassCancel(_) => {
                self.unasked(command, events, sessions);
                if let Ok(client) = ClientTail::decode(tail) {
                    self.sessions.of(command.session).claim(client.client_order_id, NO_ORDER);
                    if !live {
                        sessions.recovered(command.session, client.msg_seq_num);
                    }
                    Self::mass_cancelled(command, events, &client, sessions);
                }
                return;
            }
            Body::Note => {
                if let Ok(Note::BlockStatus { height, last_seq, status, settlement_height, settlement_time }) = Note::decode(tail) {
                    let (record, time) = (command.seq, command.time);
                    let milestone = Milestone { record, time, height, last_seq, status, settlement_height, settlement_time };
                    self.block_status(&milestone, sessions);
                }
                return;
            }
            // An owner may have had an order cancelled through settlement.
            Body::Inbox => return self.unasked(command, events, sessions),
            Body::Withdraw => return,
        };
        // An order that came another way than through FIX is nobody's here.
        let Some(client) = client else { return };
        self.note_request(command, &client);
        if !live {
            sessions.recovered(command.session, client.msg_seq_num);
        }
        for (ordinal, event) in (0..).zip(events) {
            self.event(event, &client, Source { command, ordinal }, sessions);
        }
    }

    /// What became of orders without a request of their own: a mass cancel, a suspension, an auction.
    fn unasked(&mut self, command: &Command, events: &[Event], sessions: &mut Sessions<'_>) {
        for (ordinal, event) in (0..).zip(events) {
            let source = Source { command, ordinal };
            if let Event::Cancelled { order, reason, .. } = *event {
                self.execute(order, source, sessions, |own| {
                    own.cancel(None);
                    Some(Execution::Cancelled { by: None, text: text_of(reason) })
                });
            }
            self.traded_both(event, source, sessions);
        }
    }

    /// What was added when the request was handed to the zone, from the record.
    fn note_request(&mut self, command: &Command, client: &ClientTail) {
        let orders = self.sessions.of(command.session);
        let index = match command.body {
            // Live, the order is there since it was handed over, and its id is used up.
            Body::New(new) if orders.is_same(new.order.index(), &client.client_order_id) => return,
            Body::New(new) if new.order.session() == command.session => {
                orders.put(new.order.index(), Order::new(&new, client.client_order_id, command.mandate));
                new.order.index()
            }
            Body::Cancel { order } | Body::Replace { order, .. } if order.session() == command.session => order.index(),
            Body::New(_)
            | Body::Cancel { .. }
            | Body::Replace { .. }
            | Body::MassCancel(_)
            | Body::Configure
            | Body::Inbox
            | Body::Withdraw
            | Body::Note => return,
        };
        orders.claim(client.client_order_id, index);
    }

    fn event(&mut self, event: &Event, client: &ClientTail, source: Source<'_>, sessions: &mut Sessions<'_>) {
        match *event {
            Event::Accepted { order } => self.execute(order, source, sessions, |own| {
                own.accept();
                Some(Execution::New)
            }),
            Event::Rejected { order, reject } => {
                self.execute(order, source, sessions, |own| {
                    own.reject();
                    Some(Execution::Rejected(reject))
                });
                if matches!(reject, Reject::OutOfSequence { .. })
                    && let Some(orders) = self.sessions.get_mut(order.session())
                {
                    orders.forget_last(order.index());
                }
            }
            Event::Traded { .. } => self.traded_both(event, source, sessions),
            Event::Cancelled { order, reason, .. } => {
                let by = match (reason, client.orig_client_order_id) {
                    (CancelReason::Requested, Some(orig)) => Some((client.client_order_id, orig)),
                    // The report of the replace said that nothing is left.
                    (CancelReason::ReplacedToFilled, _) => return,
                    (CancelReason::Requested, None) => None,
                    (
                        CancelReason::Unfilled
                        | CancelReason::NotFillable
                        | CancelReason::FundsExhausted
                        | CancelReason::MassRequested
                        | CancelReason::Disconnected
                        | CancelReason::Suspended
                        | CancelReason::SelfMatch
                        | CancelReason::OwnerRequested
                        | CancelReason::NoRoom,
                        _,
                    ) => None,
                };
                let text = text_of(reason);
                self.execute(order, source, sessions, |own| {
                    own.cancel(by.map(|(id, _)| id));
                    Some(Execution::Cancelled { by, text })
                });
            }
            Event::Reduced { order, qty } => self.execute(order, source, sessions, |own| {
                own.reduce(qty);
                Some(Execution::Restated)
            }),
            Event::Replaced { order, price, qty, .. } => self.execute(order, source, sessions, |own| {
                let was = own.client_order_id;
                own.replace(client.client_order_id, price, qty);
                Some(Execution::Replaced { was })
            }),
            Event::CancelRejected { order, reject } => self.cancel_rejected(order, reject, client, source, sessions),
            // No order that waits comes through FIX yet.
            Event::Triggered { .. }
            | Event::PhaseChanged { .. }
            | Event::Indicative { .. }
            | Event::TookEffect { .. }
            | Event::MassCancelled { .. }
            | Event::MassCancelRejected { .. }
            | Event::Credited { .. }
            | Event::InboxRefused { .. }
            | Event::InboxIgnored { .. }
            | Event::Withdrawn { .. }
            | Event::WithdrawalRefused { .. }
            | Event::Configured
            | Event::ConfigurationRefused { .. } => {}
        }
    }

    /// Reports a trade to both sides and keeps it for its settlement.
    fn traded_both(&mut self, event: &Event, source: Source<'_>, sessions: &mut Sessions<'_>) {
        let Event::Traded { trade, maker, taker, price, qty } = *event else { return };
        self.traded(maker, price, qty, source, sessions);
        self.traded(taker, price, qty, source, sessions);
        let (record, time) = (source.command.seq, source.command.time);
        self.trades.push(Trade { record, ordinal: source.ordinal, id: trade, time, price, qty, maker, taker });
    }

    fn traded(&mut self, order: OrderId, price: Price, qty: Qty, source: Source<'_>, sessions: &mut Sessions<'_>) {
        self.execute(order, source, sessions, |own| {
            own.fill(price, qty);
            Some(Execution::Trade { price, qty })
        });
    }

    /// Changes an order and reports it to its session.
    fn execute(
        &mut self,
        id: OrderId,
        source: Source<'_>,
        sessions: &mut Sessions<'_>,
        change: impl FnOnce(&mut Order) -> Option<Execution>,
    ) {
        let Some(own) = self.sessions.get_mut(id.session()).and_then(|orders| orders.get_mut(id.index())) else { return };
        let Some(execution) = change(own) else { return };
        let order = *own;
        if let Some(out) = sessions.outbound(id.session()) {
            self.report(id, &order, execution, source, out);
        }
    }

    fn cancel_rejected(&self, id: OrderId, reject: Reject, client: &ClientTail, source: Source<'_>, sessions: &mut Sessions<'_>) {
        // The order named may be another session's; the answer is for the one who asked.
        let session = source.command.session;
        let kind = match source.command.body {
            Body::Replace { .. } => RequestKind::Replace,
            Body::Cancel { .. }
            | Body::New(_)
            | Body::MassCancel(_)
            | Body::Configure
            | Body::Inbox
            | Body::Withdraw
            | Body::Note => RequestKind::Cancel,
        };
        let Some(order) = self.sessions.get(session).and_then(|orders| orders.get(id.index())) else { return };
        let orig = client.orig_client_order_id.unwrap_or(order.client_order_id);
        if let Some(out) = sessions.outbound(session) {
            Self::report_cancel_reject(id, order, kind, client.client_order_id, orig, reject, source, out);
        }
    }
}

/// Why an order ended, as its client reads it; `None` where the client asked itself or another report said it.
const fn text_of(reason: CancelReason) -> Option<&'static str> {
    match reason {
        CancelReason::Requested | CancelReason::ReplacedToFilled => None,
        CancelReason::Unfilled => Some("nothing more to take"),
        CancelReason::NotFillable => Some("cannot be filled whole"),
        CancelReason::FundsExhausted => Some("insufficient funds for more"),
        CancelReason::MassRequested => Some("mass cancel"),
        CancelReason::Disconnected => Some("connection lost"),
        CancelReason::Suspended => Some("suspended"),
        CancelReason::SelfMatch => Some("self-match prevention"),
        CancelReason::OwnerRequested => Some("cancelled by the account's owner"),
        CancelReason::NoRoom => Some("no room to rest"),
    }
}
