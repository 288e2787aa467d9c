//! Records and events to orders and reports: the same live and in a replay.

use super::Desk;
use super::list_status::ListNote;
use super::mass::NO_ORDER;
use super::order::Order;
use super::outcome::{Execution, RequestKind, Source};
use super::status::Indicative;
use super::subscription::PublicTrade;
use super::trades::{Milestone, Reached, Trade};
use crate::acceptor::Sessions;
use crate::bust::Bust;
use plinth_types::codec::{Codec, Reader};
use plinth_types::command::{Body, ClientTail, Command};
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::OrderId;
use plinth_types::instructions::Instructions;
use plinth_types::message::Note;
use plinth_types::quote::QuoteTail;
use plinth_types::reference::Configuration;
use plinth_types::reject::Reject;

impl Desk {
    /// Takes one durable record with what came of it. `live` is false while the journal is replayed: then the inbound numbers of sessions are
    /// taken from the records too.
    pub fn deliver(&mut self, command: &Command, tail: &[u8], events: &[Event], live: bool, sessions: &mut Sessions<'_>) {
        match command.body {
            Body::Configure => {
                if events.contains(&Event::Configured)
                    && let Ok(item) = Configuration::decode(tail)
                {
                    self.listing.add(&item);
                }
            }
            Body::Note => {
                self.note(command, tail, sessions);
                return self.release_answers(command.seq, sessions);
            }
            Body::New(_)
            | Body::Cancel { .. }
            | Body::Replace { .. }
            | Body::MassCancel(_)
            | Body::MassQuote(_)
            | Body::Inbox
            | Body::Withdraw => {}
        }
        let client = client_of(command, tail);
        if let Some(client) = &client {
            self.note_request(command, tail, client);
            if !live {
                sessions.recovered(command.session, client.msg_seq_num);
            }
        }
        if let Body::MassQuote(quotes) = &command.body {
            self.quotes_done(command, quotes, tail, events, sessions);
        }
        for (ordinal, event) in (0..).zip(events) {
            self.event(event, client.as_ref(), Source { command, ordinal }, sessions);
        }
        if let Body::MassQuote(quotes) = &command.body {
            self.quotes_told(command, quotes);
        }
        self.tell_status(command, events, sessions);
        self.release_answers(command.seq, sessions);
    }

    fn note(&mut self, command: &Command, tail: &[u8], sessions: &mut Sessions<'_>) {
        if let Ok(Note::BlockStatus { height, last_seq, status, settlement_height, settlement_time }) = Note::decode(tail) {
            let reached = Reached { status, height, settlement_height, settlement_time };
            let milestone = Milestone { record: command.seq, time: command.time, last_seq, reached };
            self.block_status(&milestone, sessions);
        }
        if let Ok(bust) = Bust::decode(tail) {
            self.bust(&bust, command, sessions);
        }
        if let Ok(list) = ListNote::decode(tail) {
            self.list_noted(list, command, sessions);
        }
    }

    /// What was added when the request was handed to the zone, from the record.
    fn note_request(&mut self, command: &Command, tail: &[u8], client: &ClientTail) {
        let orders = self.sessions.of(command.session);
        let index = match command.body {
            // Live, the order is there since it was handed over, and its id is used up.
            Body::New(new) if orders.is_same(new.order.index(), &client.client_order_id) => return,
            Body::New(new) if new.order.session() == command.session => {
                let instructions = new.instructed.then(|| Instructions::read(&mut Reader::new(tail)).ok()).flatten();
                orders.put(new.order.index(), Order::new(&new, client.client_order_id, command.mandate, instructions));
                new.order.index()
            }
            Body::Cancel { order } | Body::Replace { order, .. } if order.session() == command.session => order.index(),
            Body::MassCancel(_) => NO_ORDER,
            Body::MassQuote(quotes) => {
                if let Ok(tail) = QuoteTail::decode(tail) {
                    orders.set_quotes(&quotes, &tail, command.mandate);
                }
                return;
            }
            Body::New(_)
            | Body::Cancel { .. }
            | Body::Replace { .. }
            | Body::Configure
            | Body::Inbox
            | Body::Withdraw
            | Body::Note => return,
        };
        orders.claim(client.client_order_id, index);
    }

    /// One event. `client` is the request that asked for what happened, if a client's did: phases, suspensions, an owner's word through
    /// settlement change orders unasked.
    fn event(&mut self, event: &Event, client: Option<&ClientTail>, source: Source<'_>, sessions: &mut Sessions<'_>) {
        match *event {
            Event::Accepted { order } => self.execute(order, source, sessions, |own| {
                own.accept();
                Execution::New
            }),
            Event::Rejected { order, reject } => {
                self.execute(order, source, sessions, |own| {
                    own.reject();
                    Execution::Rejected(reject)
                });
                if matches!(reject, Reject::OutOfSequence { .. })
                    && let Some(orders) = self.sessions.get_mut(order.session())
                {
                    orders.forget_last(order.index());
                }
            }
            Event::Traded { trade, maker, taker, price, qty } => {
                for order in [maker, taker] {
                    self.execute(order, source, sessions, |own| {
                        own.fill(price, qty);
                        Execution::Trade { price, qty }
                    });
                }
                if let Some(instrument) = self.order(maker).map(|order| order.instrument) {
                    self.markets.traded(instrument, price);
                    self.market_data.traded(instrument, PublicTrade { id: trade, price, qty, time: source.command.time });
                }
                let (record, time) = (source.command.seq, source.command.time);
                self.trades.push(Trade {
                    record,
                    ordinal: source.ordinal,
                    id: trade,
                    time,
                    price,
                    qty,
                    maker,
                    taker,
                    reached: None,
                });
            }
            // The report of the replace said that nothing is left.
            Event::Cancelled { reason: CancelReason::ReplacedToFilled, .. } => {}
            Event::Cancelled { order, reason: CancelReason::Expired, .. } => self.execute(order, source, sessions, |own| {
                own.expire();
                Execution::Expired
            }),
            Event::Cancelled { order, reason, .. } => {
                let ids = client.and_then(|client| Some((client.client_order_id, client.orig_client_order_id?)));
                let by = ids.filter(|(id, orig)| reason == CancelReason::Requested && id != orig);
                self.execute(order, source, sessions, |own| {
                    own.cancel(by.map(|(id, _)| id));
                    Execution::Cancelled { by, reason }
                });
            }
            Event::Reduced { order, qty } => self.execute(order, source, sessions, |own| {
                own.reduce(qty);
                Execution::Restated
            }),
            Event::Replaced { order, price, qty, .. } => {
                let Some(client) = client else { return };
                self.execute(order, source, sessions, |own| {
                    let was = own.client_order_id;
                    own.replace(client.client_order_id, price, qty);
                    Execution::Replaced { was }
                });
            }
            Event::Repriced { order, price } => self.execute(order, source, sessions, |_| Execution::Repriced { price }),
            Event::Triggered { order } => self.execute(order, source, sessions, |_| Execution::Triggered),
            Event::CancelRejected { order, reject } => {
                let Some(client) = client else { return };
                self.cancel_rejected(order, reject, client, source, sessions);
            }
            Event::MassCancelled { .. } | Event::MassCancelRejected { .. } => {
                let Some(client) = client else { return };
                Self::mass_cancelled(event, client, source.command, sessions);
            }
            Event::PhaseChanged { instrument, phase } => self.markets.phase_changed(instrument, phase),
            Event::Indicative { instrument, price, lots, surplus, surplus_side } => {
                let indicative = price.map(|price| Indicative { price, lots, surplus, surplus_side });
                self.markets.indicated(instrument, indicative);
            }
            Event::TookEffect { instrument, .. } => self.listing.took_effect(instrument),
            Event::Quoted { .. }
            | Event::QuotesRefused { .. }
            | Event::QuotesStopped { .. }
            | Event::Credited { .. }
            | Event::InboxRefused { .. }
            | Event::InboxIgnored { .. }
            | Event::Withdrawn { .. }
            | Event::WithdrawalRefused { .. }
            | Event::Configured
            | Event::ConfigurationRefused { .. } => {}
        }
    }

    /// Changes an order and reports it to its session. An order that came another way than through FIX is nobody's here.
    fn execute(
        &mut self,
        id: OrderId,
        source: Source<'_>,
        sessions: &mut Sessions<'_>,
        change: impl FnOnce(&mut Order) -> Execution,
    ) {
        let Some(own) = self.sessions.get_mut(id.session()).and_then(|orders| orders.get_mut(id.index())) else { return };
        let execution = change(own);
        if self.quote(id).is_some() {
            return self.quote_executed(id, execution, source, sessions);
        }
        sessions.tell(id.session(), |out, copy_of| self.report(id, execution, source, copy_of, out));
    }

    fn cancel_rejected(&self, id: OrderId, reject: Reject, client: &ClientTail, source: Source<'_>, sessions: &mut Sessions<'_>) {
        // The order named may be another session's; the answer is for the one who asked.
        let session = source.command.session;
        if client.orig_client_order_id == Some(client.client_order_id) {
            // Ours, of a list. No client's request can have such ids.
            return;
        }
        let is_replace = matches!(source.command.body, Body::Replace { .. });
        let kind = if is_replace { RequestKind::Replace } else { RequestKind::Cancel };
        let Some(order) = self.sessions.get(session).and_then(|orders| orders.get(id.index())) else { return };
        let orig = client.orig_client_order_id.unwrap_or(order.client_order_id);
        if let Some(out) = sessions.outbound(session) {
            Self::report_cancel_reject(id, order, kind, client.client_order_id, orig, reject, source, out);
        }
    }
}

/// What the client said that asked for a command; `None` if no client did.
fn client_of(command: &Command, tail: &[u8]) -> Option<ClientTail> {
    match command.body {
        Body::New(_) | Body::Cancel { .. } | Body::Replace { .. } | Body::MassCancel(_) | Body::MassQuote(_) => {
            ClientTail::of(&command.body, tail).ok()
        }
        Body::Configure | Body::Inbox | Body::Withdraw | Body::Note => None,
    }
}
