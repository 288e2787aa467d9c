//! Market data: `MarketDataRequest` (V), full refresh (W), incremental refresh (X), `MarketDataRequestReject` (Y).
//!
//! * Levels by price (`AggregatedBook` Y), as the market data stage shows them; bids, offers, trades (269=0, 1, 2). `MarketDepth` 1 to
//!   [`MARKET_DEPTH_MAX`]; 0 asks for as many as there are and gets [`MARKET_DEPTH_MAX`].
//! * Once (263=0), or from now on (263=1): first all there is (W), then what has changed (265=1, X) or all again (265=0, W), until 263=2 with
//!   the same `MDReqID` or the end of the connection. A level that leaves the depth is deleted, one that comes into it is new.
//! * `RptSeq` (83, from 5.0 on) counts the entries of a subscription's instrument.
//! * **Conflated, never queued.** A consumer is told the book as it is when it can take it: while [`MARKET_BACKLOG_MAX`] bytes wait for its
//!   connection it is told nothing, and then what has changed since it was last told. States in between are left out; of trades the
//!   last [`MARKET_TRADES_KEPT_MAX`] are said. Nothing of it is said again: a resend request is answered with a gap fill.

use super::Desk;
use super::dialect::push_once;
use super::intake::Fault;
use super::request::{Inquiry, Subscribe};
use super::subscription::{Action, Entry, Kinds, PublicTrade, Subscription};
use crate::acceptor::Sessions;
use crate::codec::{tag, timestamp};
use crate::limits::{MARKET_BACKLOG_MAX, MARKET_DEPTH_MAX, MARKET_SUBSCRIPTIONS_MAX, MARKET_TRADES_KEPT_MAX};
use crate::market::MarketView;
use crate::session::{BodyWriter, Outbound};
use plinth_types::command::Side;
use plinth_types::id::{InstrumentId, SessionId, TimestampNs};
use plinth_types::reference::Instrument;

/// Entries in one message.
const ENTRIES_PER_MESSAGE: usize = 40;

const _: () = assert!(2 * MARKET_DEPTH_MAX * 76 + MARKET_TRADES_KEPT_MAX * 120 < 7 << 10, "a full refresh is one message");

/// The books as they are shown, and who wants them.
#[derive(Debug, Default)]
pub(super) struct MarketData {
    /// By number of the instrument.
    views: Vec<Option<MarketView>>,
    subscriptions: Vec<Subscription>,
    is_fed: bool,
    is_anyone_behind: bool,
}

/// Why a request is refused: `MDReqRejReason`, tag 281, and a text.
struct Refused(Option<&'static [u8]>, &'static str);

impl MarketData {
    fn view(&self, instrument: InstrumentId) -> Option<&MarketView> {
        self.views.get(instrument.get() as usize)?.as_ref()
    }

    pub(super) fn traded(&mut self, instrument: InstrumentId, trade: PublicTrade) {
        for own in self.subscriptions.iter_mut().filter(|own| own.instrument == instrument) {
            own.traded(trade);
            self.is_anyone_behind |= own.is_behind;
        }
    }

    pub(super) fn disconnected(&mut self, session: SessionId) {
        self.subscriptions.retain(|own| own.session != session);
    }
}

impl Desk {
    /// `MarketDataRequest`.
    pub(super) fn market_data_request(&mut self, inquiry: Inquiry<'_, '_>, reply: &mut Outbound) -> Result<(), Fault> {
        let request_id = inquiry.id(tag::MD_REQ_ID)?;
        let (session, now) = (inquiry.origin.session, inquiry.origin.now.utc);
        let done = match inquiry.subscribe()? {
            Subscribe::End => self.end_market_data(session, request_id),
            Subscribe::Once => self.begin_market_data(&inquiry, request_id, true),
            Subscribe::Begin => self.begin_market_data(&inquiry, request_id, false),
        };
        match done {
            Ok(()) => self.tell_market(session, now, reply),
            Err(Refused(reason, text)) => push_once(reply, b"Y", now, |body| {
                body.bytes(tag::MD_REQ_ID, request_id);
                if let Some(reason) = reason {
                    body.bytes(tag::MD_REQ_REJ_REASON, reason);
                }
                body.bytes(tag::TEXT, text.as_bytes());
            }),
        }
        Ok(())
    }

    fn end_market_data(&mut self, session: SessionId, request_id: &[u8]) -> Result<(), Refused> {
        let subscriptions = &mut self.market_data.subscriptions;
        let before = subscriptions.len();
        subscriptions.retain(|own| own.session != session || *own.request_id != *request_id);
        if subscriptions.len() == before { Err(Refused(None, "no such subscription")) } else { Ok(()) }
    }

    fn begin_market_data(&mut self, inquiry: &Inquiry<'_, '_>, request_id: &[u8], once: bool) -> Result<(), Refused> {
        let session = inquiry.origin.session;
        if !self.market_data.is_fed {
            return Err(Refused(None, "no market data here, or not yet"));
        }
        let own = |own: &&Subscription| own.session == session;
        if self.market_data.subscriptions.iter().filter(own).any(|own| *own.request_id == *request_id) {
            return Err(Refused(Some(b"1"), "MDReqID is in use"));
        }
        let depth = match inquiry.message.get(tag::MARKET_DEPTH).map(|depth| std::str::from_utf8(depth).map(str::parse::<usize>)) {
            Some(Ok(Ok(0))) => MARKET_DEPTH_MAX,
            Some(Ok(Ok(depth @ 1..=MARKET_DEPTH_MAX))) => depth,
            Some(_) | None => return Err(Refused(Some(b"5"), "depths are 0 to 40")),
        };
        let full = match (inquiry.message.get(tag::MD_UPDATE_TYPE), once) {
            (Some(b"0") | None, _) | (_, true) => true,
            (Some(b"1"), false) => false,
            (Some(_), false) => return Err(Refused(Some(b"6"), "only 265=0 and 265=1 are supported")),
        };
        if inquiry.message.get(tag::AGGREGATED_BOOK) == Some(b"N") {
            return Err(Refused(Some(b"7"), "books are aggregated by price"));
        }
        let (mut kinds, mut instruments) = (Kinds::default(), Vec::new());
        for (tag, value) in inquiry.message.fields() {
            match (tag, value) {
                (tag::MD_ENTRY_TYPE, b"0") => kinds.bids = true,
                (tag::MD_ENTRY_TYPE, b"1") => kinds.offers = true,
                (tag::MD_ENTRY_TYPE, b"2") => kinds.trades = true,
                (tag::MD_ENTRY_TYPE, _) => return Err(Refused(Some(b"8"), "only 269=0, 1 and 2 are supported")),
                (tag::SYMBOL, symbol) => {
                    let instrument = self.listing.by_symbol(symbol).ok_or(Refused(Some(b"0"), "unknown symbol"))?;
                    if !instruments.contains(&instrument.id) {
                        instruments.push(instrument.id);
                    }
                }
                _ => {}
            }
        }
        if self.market_data.subscriptions.iter().filter(own).count() + instruments.len() > MARKET_SUBSCRIPTIONS_MAX {
            return Err(Refused(Some(b"2"), "too many subscriptions"));
        }
        let made = instruments
            .into_iter()
            .map(|instrument| Subscription::new((session, request_id.into()), instrument, depth, kinds, (full, once)));
        self.market_data.subscriptions.extend(made);
        Ok(())
    }

    /// The book of an instrument is now so.
    pub fn market_view(&mut self, mut view: MarketView, now: TimestampNs, sessions: &mut Sessions<'_>) {
        let index = view.instrument.get() as usize;
        if index >= crate::limits::LISTED_MAX {
            return;
        }
        view.bids.truncate(MARKET_DEPTH_MAX);
        view.offers.truncate(MARKET_DEPTH_MAX);
        let MarketData { views, subscriptions, is_fed, is_anyone_behind } = &mut self.market_data;
        *is_fed = true;
        if views.len() <= index {
            views.resize_with(index + 1, || None);
        }
        for own in subscriptions.iter_mut().filter(|own| own.instrument == view.instrument) {
            own.is_behind = true;
            *is_anyone_behind = true;
        }
        views[index] = Some(view);
        self.tell_markets(now, sessions);
    }

    /// Tells those who are behind and can take it.
    pub fn tell_markets(&mut self, now: TimestampNs, sessions: &mut Sessions<'_>) {
        if !self.market_data.is_anyone_behind {
            return;
        }
        let mut behind: Vec<SessionId> =
            self.market_data.subscriptions.iter().filter(|own| own.is_behind).map(|own| own.session).collect();
        behind.sort_unstable();
        behind.dedup();
        for session in behind {
            if let Some(out) = sessions.outbound(session) {
                self.tell_market(session, now, out);
            }
        }
    }

    fn tell_market(&mut self, session: SessionId, now: TimestampNs, out: &mut Outbound) {
        let Self { listing, market_data, .. } = self;
        let mut subscriptions = std::mem::take(&mut market_data.subscriptions);
        subscriptions.retain_mut(|own| {
            let wanted = own.session == session && own.is_behind && out.unsent_size() < MARKET_BACKLOG_MAX;
            let known = listing.instrument(own.instrument).zip(market_data.view(own.instrument));
            let Some((instrument, view)) = known.filter(|_| wanted) else { return true };
            let (entries, is_whole) = own.advance(view);
            if is_whole {
                write_full_refresh(own, instrument, &entries, now, out);
            } else {
                write_increments(own, instrument, &entries, now, out);
            }
            !own.once
        });
        market_data.is_anyone_behind = subscriptions.iter().any(|own| own.is_behind);
        market_data.subscriptions = subscriptions;
    }
}

fn write_full_refresh(own: &mut Subscription, instrument: &Instrument, entries: &[Entry], now: TimestampNs, out: &mut Outbound) {
    push_once(out, b"W", now, |body| {
        body.bytes(tag::MD_REQ_ID, &own.request_id);
        body.bytes(tag::SYMBOL, instrument.symbol.as_str().as_bytes());
        body.number(tag::NO_MD_ENTRIES, entries.len() as u64);
        for entry in entries {
            own.rpt_seq += 1;
            write_entry(entry, None, own.rpt_seq, instrument, body);
        }
    });
}

fn write_increments(own: &mut Subscription, instrument: &Instrument, entries: &[Entry], now: TimestampNs, out: &mut Outbound) {
    for entries in entries.chunks(ENTRIES_PER_MESSAGE) {
        push_once(out, b"X", now, |body| {
            body.bytes(tag::MD_REQ_ID, &own.request_id);
            body.number(tag::NO_MD_ENTRIES, entries.len() as u64);
            for entry in entries {
                own.rpt_seq += 1;
                let action = match entry {
                    Entry::Level { action: Action::New, .. } | Entry::Trade(_) => b"0",
                    Entry::Level { action: Action::Change, .. } => b"1",
                    Entry::Level { action: Action::Delete, .. } => b"2",
                };
                write_entry(entry, Some(action), own.rpt_seq, instrument, body);
            }
        });
    }
}

/// One entry; `action` is that of an increment, which also names its instrument.
fn write_entry(entry: &Entry, action: Option<&[u8]>, rpt_seq: u64, instrument: &Instrument, body: &mut BodyWriter<'_>) {
    let (kind, price, lots) = match entry {
        Entry::Level { side: Side::Buy, level, .. } => (b"0", level.price, level.lots.get()),
        Entry::Level { side: Side::Sell, level, .. } => (b"1", level.price, level.lots.get()),
        Entry::Trade(trade) => (b"2", trade.price, trade.qty.lots()),
    };
    if let Some(action) = action {
        body.bytes(tag::MD_UPDATE_ACTION, action);
    }
    body.bytes(tag::MD_ENTRY_TYPE, kind);
    if action.is_some() {
        if let Entry::Trade(trade) = entry {
            body.number(tag::MD_ENTRY_ID, trade.id.get());
        }
        body.bytes(tag::SYMBOL, instrument.symbol.as_str().as_bytes());
    }
    body.decimal(tag::MD_ENTRY_PX, price.ticks(), instrument.price_decimals);
    if !matches!(entry, Entry::Level { action: Action::Delete, .. }) {
        body.unsigned(tag::MD_ENTRY_SIZE, lots.into(), instrument.qty_decimals);
    }
    if let Entry::Trade(trade) = entry {
        let time = timestamp::format(trade.time);
        body.bytes(tag::MD_ENTRY_DATE, &time[..8]);
        body.bytes(tag::MD_ENTRY_TIME, &time[9..21]);
    }
    if body.version().is_at_least(crate::codec::Version::Fix50) {
        body.number(tag::RPT_SEQ, rpt_seq);
    }
}
