//! What market makers are told of their quotes: `MassQuoteAcknowledgement` (b), `QuoteStatusReport` (AI), and fills as `ExecutionReport`s.
//!
//! | what became of it | told by |
//! | --- | --- |
//! | a mass quote was taken | b with 297=0, and the entries that were refused with `QuoteEntryRejectReason` (368), in a set with the group's number |
//! | a mass quote was refused | b with 297=5, `QuoteRejectReason` (300) and a text |
//! | a side has traded | 8 with the `QuoteID` and `QuoteEntryID` that set it last (117, 299; 11 is 117 again) |
//! | a side is gone unasked | AI with 297=6 and a text |
//! | quotes were withdrawn as asked | AI with 297=1 for each symbol, or 297=4; refused 297=5 |
//!
//! Sides that are set, kept or replaced are told of by the acknowledgement only. 4.2 has no AI: there a `QuoteAcknowledgement` says it, with 297=1 for what
//! is gone unasked and its symbol in the text.

use super::Desk;
use super::dialect::push;
use super::outcome::{Execution, Source, text_of};
use super::reports::{NO_RECORD, NO_SYMBOL, side_code};
use crate::acceptor::Sessions;
use crate::codec::{Version, tag};
use crate::session::{BodyWriter, Outbound};
use crate::zone::Full;
use plinth_types::codec::Codec;
use plinth_types::command::{ClientOrderId, Command};
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::{InstrumentId, OrderId, Seq, TimestampNs};
use plinth_types::quote::{MassQuote, QuoteEntry, QuoteTail};
use plinth_types::reject::Reject;

/// Why the gateway itself refuses quotes.
#[derive(Clone, Copy, Debug)]
pub(super) enum QuoteRefusal {
    Duplicate,
    NoGroup,
    TooMany,
    Full(Full),
}

impl QuoteRefusal {
    /// `QuoteRejectReason`, tag 300.
    const fn reason(self) -> u64 {
        match self {
            Self::Duplicate => 6,
            Self::NoGroup => 9,
            Self::TooMany => 3,
            Self::Full(_) => 99,
        }
    }

    fn write_text(self, body: &mut BodyWriter<'_>) {
        let text = match self {
            Self::Duplicate => "quoted before",
            Self::NoGroup => "no quote group of this session, or more than one: name its number as QuoteSetID, or its Account",
            Self::TooMany => "more entries, or longer ids, than one message may have",
            Self::Full(full) => return body.text(tag::TEXT, format_args!("{full}")),
        };
        body.bytes(tag::TEXT, text.as_bytes());
    }
}

/// `QuoteEntryRejectReason`, tag 368, and `QuoteRejectReason`, tag 300, of what the zone refuses.
const fn reason_of(reject: Reject) -> u64 {
    match reject {
        Reject::UnknownInstrument { .. } => 1,
        Reject::NotInPhase => 2,
        Reject::TooLarge { .. }
        | Reject::InsufficientFunds { .. }
        | Reject::AmountTooLarge
        | Reject::TooManyOrders { .. }
        | Reject::NotionalTooLarge { .. }
        | Reject::CapacityReached => 3,
        Reject::Contradiction => 7,
        Reject::OffTick { .. } | Reject::OutsideBands { .. } | Reject::PriceNotPositive => 8,
        Reject::NotMandated | Reject::Suspended | Reject::UnknownQuoteGroup { .. } => 9,
        Reject::UnknownOrder
        | Reject::OutOfSequence { .. }
        | Reject::WouldTake
        | Reject::AlreadyFilled
        | Reject::UnknownAccount { .. }
        | Reject::UnknownAsset { .. }
        | Reject::Malformed
        | Reject::Expired
        | Reject::UnknownZone { .. }
        | Reject::NoLastTrade
        | Reject::OffLot { .. }
        | Reject::TooSmall { .. }
        | Reject::QuotesStopped
        | Reject::UnknownFirm { .. }
        | Reject::Expiring
        | Reject::NoReference
        | Reject::NotSupported => 99,
    }
}

/// What `QuoteStatus`, tag 297, says.
const ACCEPTED: &[u8] = b"0";
const CANCELLED_FOR_SYMBOL: &[u8] = b"1";
const CANCELLED_FOR_ALL: &[u8] = b"4";
const REFUSED: &[u8] = b"5";
const REMOVED: &[u8] = b"6";

/// An entry that the zone refused, in full or one side of it.
struct RefusedEntry {
    id: ClientOrderId,
    instrument: InstrumentId,
    reject: Reject,
}

impl Desk {
    /// What came of a mass quote or a quote cancel as a whole, before what came of its sides.
    pub(super) fn quotes_done(
        &mut self,
        command: &Command,
        quotes: &MassQuote,
        tail: &[u8],
        events: &[Event],
        sessions: &mut Sessions<'_>,
    ) {
        let Ok(tail) = QuoteTail::decode(tail) else { return };
        let orders = self.sessions.of(command.session);
        for event in events {
            if let Event::Replaced { order, .. } = *event
                && let Some(quote) = orders.quotes().get_mut(order.index())
                && let Some(id) = tail.entry_id(quote.order.instrument)
            {
                quote.entry_id = id;
            }
        }
        let refused =
            events.iter().find_map(|event| if let Event::QuotesRefused { reject, .. } = event { Some(*reject) } else { None });
        if matches!(refused, Some(Reject::OutOfSequence { .. })) {
            orders.quotes().give_back(quotes.first.index());
        }
        let Some(out) = sessions.outbound(command.session) else { return };
        let id = tail.client.client_order_id;
        let is_cancel = tail.is_cancel(quotes);
        match refused {
            Some(reject) if is_cancel => Self::report_quote_status(out, command.seq, command.time, |body| {
                write_status(&id, NO_SYMBOL, REFUSED, command.time, body);
                body.text(tag::TEXT, format_args!("{reject}"));
            }),
            Some(reject) => push(out, command.seq, b"b", command.time, |body| {
                write_head(&id, REFUSED, body);
                body.number(tag::QUOTE_REJECT_REASON, reason_of(reject));
                body.text(tag::TEXT, format_args!("{reject}"));
            }),
            None if is_cancel => self.report_withdrawn(command, quotes, &tail, out),
            None => self.acknowledge_quotes(command, quotes, &tail, events, out),
        }
    }

    /// Forgets the sides of a mass quote that nothing came of.
    pub(super) fn quotes_told(&mut self, command: &Command, quotes: &MassQuote) {
        self.sessions.of(command.session).quotes().forget_pending(quotes.first.index(), 2 * u64::from(quotes.entries));
    }

    fn acknowledge_quotes(&self, command: &Command, quotes: &MassQuote, tail: &QuoteTail, events: &[Event], out: &mut Outbound) {
        let id = tail.client.client_order_id;
        let refused: Vec<RefusedEntry> = refused_entries(quotes, tail, events).collect();
        push(out, command.seq, b"b", command.time, |body| {
            write_head(&id, ACCEPTED, body);
            if let Some(first) = refused.first() {
                body.text(tag::TEXT, format_args!("{}", first.reject));
                body.number(tag::NO_QUOTE_SETS, 1);
                body.number(tag::QUOTE_SET_ID, quotes.group.get().into());
                body.number(tag::TOT_NO_QUOTE_ENTRIES, quotes.entries.into());
                body.number(tag::NO_QUOTE_ENTRIES, refused.len() as u64);
            }
            for entry in &refused {
                body.bytes(tag::QUOTE_ENTRY_ID, entry.id.as_bytes());
                body.bytes(tag::SYMBOL, self.symbol_or_none(entry.instrument));
                body.number(tag::QUOTE_ENTRY_REJECT_REASON, reason_of(entry.reject));
            }
        });
    }

    fn report_withdrawn(&self, command: &Command, quotes: &MassQuote, tail: &QuoteTail, out: &mut Outbound) {
        let id = tail.client.client_order_id;
        let mut tell = |symbol: &[u8], status: &[u8]| {
            Self::report_quote_status(out, command.seq, command.time, |body| write_status(&id, symbol, status, command.time, body));
        };
        if quotes.clear {
            return tell(NO_SYMBOL, CANCELLED_FOR_ALL);
        }
        for QuoteEntry { instrument, .. } in tail.entries.iter() {
            tell(self.symbol_or_none(instrument), CANCELLED_FOR_SYMBOL);
        }
    }

    /// A side of a quote has changed. What its session has asked for itself is told by the acknowledgement.
    pub(super) fn quote_executed(&mut self, id: OrderId, execution: Execution, source: Source<'_>, sessions: &mut Sessions<'_>) {
        let text = match execution {
            Execution::Trade { .. } => {
                sessions.tell(id.session(), |out, copy_of| self.report(id, execution, source, copy_of, out));
                None
            }
            Execution::Cancelled { reason: CancelReason::Requoted, .. } => None,
            Execution::Cancelled { reason, .. } => Some(text_of(reason).unwrap_or("cancelled")),
            Execution::Restated => Some("reduced by self-match prevention"),
            Execution::New
            | Execution::Rejected(_)
            | Execution::Replaced { .. }
            | Execution::Triggered
            | Execution::Expired
            | Execution::Repriced { .. } => None,
        };
        if let Some((text, order)) = text.zip(self.order(id))
            && let Some(out) = sessions.outbound(id.session())
        {
            let (quote, command) = (order.client_order_id, source.command);
            let status = if order.is_over() { REMOVED } else { ACCEPTED };
            Self::report_quote_status(out, command.seq, command.time, |body| {
                let symbol = self.symbol_or_none(order.instrument);
                if body.version().is_at_least(Version::Fix43) {
                    write_status(&quote, symbol, status, command.time, body);
                    body.bytes(tag::SIDE, side_code(order.side));
                    body.bytes(tag::TEXT, text.as_bytes());
                } else {
                    write_status(&quote, symbol, if status == REMOVED { CANCELLED_FOR_SYMBOL } else { status }, command.time, body);
                    body.text(tag::TEXT, format_args!("{}: {text}", String::from_utf8_lossy(symbol)));
                }
            });
        }
        self.sessions.of(id.session()).quotes().forget_if_over(id.index());
    }

    /// Refuses a mass quote that the zone never saw.
    pub(super) fn acknowledge_refused(id: ClientOrderId, refusal: QuoteRefusal, now: TimestampNs, out: &mut Outbound) {
        push(out, NO_RECORD, b"b", now, |body| {
            write_head(&id, REFUSED, body);
            body.number(tag::QUOTE_REJECT_REASON, refusal.reason());
            refusal.write_text(body);
        });
    }

    /// Refuses a quote cancel that the zone never saw.
    pub(super) fn cancel_refused(id: ClientOrderId, refusal: QuoteRefusal, now: TimestampNs, out: &mut Outbound) {
        Self::report_quote_status(out, NO_RECORD, now, |body| {
            write_status(&id, NO_SYMBOL, REFUSED, now, body);
            refusal.write_text(body);
        });
    }

    /// A `QuoteStatusReport`, or what 4.2 has for it.
    fn report_quote_status(out: &mut Outbound, record: Seq, time: TimestampNs, body: impl FnOnce(&mut BodyWriter<'_>)) {
        let msg_type: &[u8] = if out.version().is_at_least(Version::Fix43) { b"AI" } else { b"b" };
        push(out, record, msg_type, time, body);
    }

    fn symbol_or_none(&self, instrument: InstrumentId) -> &[u8] {
        self.listing.instrument(instrument).map_or(NO_SYMBOL, |instrument| instrument.symbol.as_str().as_bytes())
    }
}

fn refused_entries<'a>(quotes: &'a MassQuote, tail: &'a QuoteTail, events: &'a [Event]) -> impl Iterator<Item = RefusedEntry> + 'a {
    let entries = quotes.numbers().zip(tail.entries.iter()).zip(tail.ids.iter());
    entries.filter_map(|((numbers, entry), id)| {
        let refused = |event: &Event| if let Event::Rejected { order, reject } = *event { Some((order, reject)) } else { None };
        let (_, reject) = events.iter().filter_map(refused).find(|(order, _)| numbers.contains(order))?;
        Some(RefusedEntry { id, instrument: entry.instrument, reject })
    })
}

fn write_head(id: &ClientOrderId, status: &[u8], body: &mut BodyWriter<'_>) {
    body.bytes(tag::QUOTE_ID, id.as_bytes());
    body.bytes(tag::QUOTE_STATUS, status);
}

fn write_status(id: &ClientOrderId, symbol: &[u8], status: &[u8], time: TimestampNs, body: &mut BodyWriter<'_>) {
    write_head(id, status, body);
    // 4.2 has it in its sets only.
    if body.version().is_at_least(Version::Fix43) {
        body.bytes(tag::SYMBOL, symbol);
    }
    body.time(tag::TRANSACT_TIME, time);
}
