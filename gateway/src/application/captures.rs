//! `TradeCaptureReportRequest` (AD): a session's own trades, or those of all sessions that a drop-copy session hears.
//!
//! * Answered with `TradeCaptureReportRequestAck` (AQ) and then the trades that fit (AE), oldest first, each as far as it has come by now.
//! * `TradeRequestType` 0 and 1. Conditions: `Symbol`, `Side`, `OrderID`, `ClOrdID`, `TrdMatchID`, and one or two `TradeDate`s or
//!   `TransactTime`s: from the first, to the second. Another condition is refused, 749=99, and so is more than an answer
//!   [holds](TRADES_ANSWERED_MAX).
//! * Looked for among the newest [trades](TRADES_SEARCHED_MAX), [some](TRADES_SEARCHED_PER_TURN) at a time, so that nobody waits for it; the answer
//!   comes when all are looked at. Who asks more often than [this](REQUESTS), or before so many answers have come, is refused.

use super::Desk;
use super::dialect::push;
use super::intake::Fault;
use super::outcome::BusinessReject;
use super::reports::{ECHO_SIZE_MAX, NO_RECORD};
use super::request::Inquiry;
use super::terms::side;
use super::trades::{Occasion, Trade};
use crate::acceptor::Sessions;
use crate::codec::{Tag, tag, timestamp};
use crate::limits::{SECOND_NS, TRADES_ANSWERED_MAX, TRADES_SEARCHED_MAX, TRADES_SEARCHED_PER_TURN};
use crate::rate::Rate;
use crate::session::Outbound;
use plinth_types::command::Side;
use plinth_types::id::{InstrumentId, OrderId, SessionId, TimestampNs};
use std::collections::VecDeque;

/// How often a session may have trades looked for.
pub(super) const REQUESTS: Rate = Rate { interval_ns: SECOND_NS / 2, burst: 4 };

/// Which trades are wanted.
#[derive(Debug, Default)]
struct Wanted {
    instrument: Option<InstrumentId>,
    side: Option<Side>,
    order_id: Option<Box<[u8]>>,
    client_order_id: Option<Box<[u8]>>,
    match_id: Option<Box<[u8]>>,
    dates: Vec<Box<[u8]>>,
    times: Vec<TimestampNs>,
}

/// A question that is being looked for.
#[derive(Debug)]
struct Search {
    session: SessionId,
    /// Whose trades.
    speaks_for: Vec<SessionId>,
    wanted: Wanted,
    head: Head,
    /// How many trades there were before those that have been looked at.
    next: u64,
    /// The trade at which it ends.
    end: u64,
    /// Numbers of the trades, and whose side; the newest first.
    found: Vec<(u64, OrderId)>,
}

/// What an acknowledgement sends back.
#[derive(Debug)]
struct Head {
    request_id: Box<[u8]>,
    kind: Box<[u8]>,
    symbol: Box<[u8]>,
}

/// Questions that are being looked for, in turn.
#[derive(Debug, Default)]
pub(super) struct Searches(VecDeque<Search>);

impl Searches {
    pub(super) fn disconnected(&mut self, session: SessionId) {
        self.0.retain(|own| own.session != session);
    }

    fn count_of(&self, session: SessionId) -> u64 {
        self.0.iter().filter(|own| own.session == session).count() as u64
    }
}

/// Why nothing is looked for: `TradeRequestResult`, tag 749, and a text.
struct Refused(u64, String);

impl Wanted {
    fn read(desk: &Desk, inquiry: &Inquiry<'_, '_>) -> Result<Self, Refused> {
        if !matches!(inquiry.message.get(tag::TRADE_REQUEST_TYPE), Some(b"0" | b"1")) {
            return Err(Refused(8, "only 569=0 and 569=1 are supported".to_owned()));
        }
        let mut own = Self::default();
        for (tag, value) in inquiry.message.fields() {
            match tag {
                tag::SYMBOL => {
                    let instrument = desk.listing.by_symbol(value).ok_or_else(|| Refused(1, "unknown symbol".to_owned()))?;
                    own.instrument = Some(instrument.id);
                }
                tag::SIDE => own.side = Some(side(Some(value)).map_err(|_| Refused(99, "unknown side".to_owned()))?),
                tag::ORDER_ID => own.order_id = Some(value.into()),
                tag::CL_ORD_ID => own.client_order_id = Some(value.into()),
                tag::TRD_MATCH_ID => own.match_id = Some(value.into()),
                tag::TRADE_DATE => own.dates.push(value.into()),
                tag::TRANSACT_TIME => own.times.extend(timestamp::parse(value)),
                _ if is_unsupported(tag) => return Err(Refused(99, format!("condition on tag {tag} is not supported"))),
                _ => {}
            }
        }
        if own.dates.len() > 2 || own.times.len() > 2 {
            return Err(Refused(99, "more than two dates".to_owned()));
        }
        Ok(own)
    }

    /// Whether one side of a trade fits.
    fn fits(&self, desk: &Desk, trade: &Trade, id: OrderId) -> bool {
        let Some(order) = desk.order(id) else { return false };
        let is_same =
            |own: &Option<Box<[u8]>>, value: &dyn Fn() -> String| own.as_deref().is_none_or(|own| value().as_bytes() == own);
        self.instrument.is_none_or(|instrument| order.instrument == instrument)
            && self.side.is_none_or(|side| order.side == side)
            && self.client_order_id.as_deref().is_none_or(|own| order.client_order_id.as_bytes() == own)
            && is_same(&self.order_id, &|| format!("{id}"))
            && is_same(&self.match_id, &|| format!("{}", trade.id))
            && self.has_date(trade.time)
            && self.times.first().is_none_or(|&from| trade.time >= from)
            && self.times.get(1).is_none_or(|&to| trade.time <= to)
    }

    fn has_date(&self, time: TimestampNs) -> bool {
        let Some(from) = self.dates.first() else { return true };
        let date = timestamp::format_date(time);
        date[..] >= **from && self.dates.get(1).is_none_or(|to| date[..] <= **to)
    }
}

impl Desk {
    /// Begins to look for trades.
    pub(super) fn trade_captures(&mut self, inquiry: Inquiry<'_, '_>, reply: &mut Outbound) -> Result<(), Fault> {
        let (session, now) = (inquiry.origin.session, inquiry.origin.now);
        let symbol = inquiry.request.symbol.filter(|symbol| symbol.len() <= ECHO_SIZE_MAX).unwrap_or(b"[N/A]");
        let kind = inquiry.message.get(tag::TRADE_REQUEST_TYPE).unwrap_or(b"0");
        let head = Head { request_id: inquiry.id(tag::TRADE_REQUEST_ID)?.into(), kind: kind.into(), symbol: symbol.into() };
        if self.searches.count_of(session) >= REQUESTS.burst || !self.search_rates.take(session, now.mono) {
            return Err(Fault::Business(BusinessReject::THROTTLED));
        }
        match Wanted::read(self, &inquiry) {
            Err(refused) => head.acknowledge(Err(refused), now.utc, reply),
            Ok(wanted) => {
                let numbers = self.trades.numbers();
                let end = numbers.start.max(numbers.end.saturating_sub(TRADES_SEARCHED_MAX as u64));
                let speaks_for = self.speaks_for(session);
                self.searches.0.push_back(Search { session, speaks_for, wanted, head, next: numbers.end, end, found: Vec::new() });
            }
        }
        Ok(())
    }

    /// Looks further for what was asked first, and answers when all trades are looked at; whose turn it was waits for the others'. `true` if there was
    /// something to look for.
    pub fn search_on(&mut self, now: TimestampNs, sessions: &mut Sessions<'_>) -> bool {
        let Some(mut search) = self.searches.0.pop_front() else { return false };
        match self.look_further(&mut search) {
            Ok(false) => self.searches.0.push_back(search),
            Ok(true) => {
                if let Some(out) = sessions.outbound(search.session) {
                    self.answer(&search, now, out);
                }
            }
            Err(refused) => {
                if let Some(out) = sessions.outbound(search.session) {
                    search.head.acknowledge(Err(refused), now, out);
                }
            }
        }
        true
    }

    /// Whether it is done.
    fn look_further(&self, search: &mut Search) -> Result<bool, Refused> {
        for _ in 0..TRADES_SEARCHED_PER_TURN {
            // What is behind a trade that was forgotten is forgotten too.
            let Some(trade) = search.next.checked_sub(1).filter(|&next| next >= search.end).and_then(|next| self.trades.get(next))
            else {
                return Ok(true);
            };
            search.next -= 1;
            for id in [trade.taker, trade.maker] {
                if search.speaks_for.contains(&id.session()) && search.wanted.fits(self, trade, id) {
                    search.found.push((search.next, id));
                }
            }
            if search.found.len() > TRADES_ANSWERED_MAX {
                return Err(Refused(99, format!("more than {TRADES_ANSWERED_MAX} trades, ask for fewer")));
            }
        }
        Ok(false)
    }

    /// Says what was found, oldest first, as far as each has come by now.
    fn answer(&self, search: &Search, now: TimestampNs, out: &mut Outbound) {
        let found: Vec<(&Trade, OrderId)> =
            search.found.iter().rev().filter_map(|&(number, id)| Some((self.trades.get(number)?, id))).collect();
        let count = found.len() as u64;
        search.head.acknowledge(Ok(count), now, out);
        for (position, (trade, id)) in (1..).zip(found) {
            let occasion = Occasion::Asked { request_id: &search.head.request_id, count, is_last: position == count };
            push(out, NO_RECORD, b"AE", now, |body| self.write_trade(trade, id, occasion, body));
        }
    }

    /// The sessions whose trades and accounts a session may ask about.
    pub(super) fn speaks_for(&self, session: SessionId) -> Vec<SessionId> {
        std::iter::once(session).chain(self.firms.heard_by(session).iter().copied()).collect()
    }
}

impl Head {
    fn acknowledge(&self, result: Result<u64, Refused>, now: TimestampNs, out: &mut Outbound) {
        push(out, NO_RECORD, b"AQ", now, |body| {
            body.bytes(tag::TRADE_REQUEST_ID, &self.request_id);
            body.bytes(tag::TRADE_REQUEST_TYPE, &self.kind);
            body.bytes(tag::SYMBOL, &self.symbol);
            match &result {
                Ok(count) => {
                    body.number(tag::TOT_NUM_TRADE_REPORTS, *count);
                    body.number(tag::TRADE_REQUEST_RESULT, 0);
                    // Accepted, and the trades follow; or completed, since there are none.
                    body.number(tag::TRADE_REQUEST_STATUS, if *count == 0 { 1 } else { 0 });
                }
                Err(Refused(result, text)) => {
                    body.number(tag::TRADE_REQUEST_RESULT, *result);
                    body.number(tag::TRADE_REQUEST_STATUS, 2);
                    body.bytes(tag::TEXT, text.as_bytes());
                }
            }
        });
    }
}

/// Conditions that we do not look at: `ExecID`, `ExecType`, parties, groups of instruments, sessions, and ids of reports.
const fn is_unsupported(tag: Tag) -> bool {
    matches!(
        tag.get(),
        17 | 150 | 336 | 442 | 453 | 555 | 571 | 573 | 578 | 579 | 625 | 711 | 715 | 818 | 820 | 828..=830 | 855 | 943
    )
}
