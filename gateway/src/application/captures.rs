//! `TradeCaptureReportRequest` (AD): a session's own trades, or those of all sessions that a drop-copy session hears.
//!
//! * Answered with `TradeCaptureReportRequestAck` (AQ) and then the trades that fit (AE), oldest first, each as far as it has come by now.
//! * `TradeRequestType` 0 and 1. Conditions: `Symbol`, `Side`, `OrderID`, `ClOrdID`, `TrdMatchID`, and one or two `TradeDate`s or
//!   `TransactTime`s: from the first, to the second. Another condition is refused, 749=99, and so is more than an answer
//!   [holds](TRADES_ANSWERED_MAX).
//! * Looked for among the newest [trades](TRADES_SEARCHED_MAX); who asks more often than [this](REQUESTS) is refused.

use super::Desk;
use super::dialect::push;
use super::intake::Fault;
use super::outcome::BusinessReject;
use super::reports::{ECHO_SIZE_MAX, NO_RECORD};
use super::request::Inquiry;
use super::terms::side;
use super::trades::{Occasion, Trade};
use crate::codec::{Tag, tag, timestamp};
use crate::limits::{SECOND_NS, TRADES_ANSWERED_MAX, TRADES_SEARCHED_MAX};
use crate::rate::Rate;
use crate::session::Outbound;
use plinth_types::command::Side;
use plinth_types::id::{InstrumentId, OrderId, SessionId, TimestampNs};

/// How often a session may have trades looked for.
pub(super) const REQUESTS: Rate = Rate { interval_ns: SECOND_NS / 2, burst: 4 };

/// Which trades are wanted.
#[derive(Debug, Default)]
struct Wanted<'a> {
    instrument: Option<InstrumentId>,
    side: Option<Side>,
    order_id: Option<&'a [u8]>,
    client_order_id: Option<&'a [u8]>,
    match_id: Option<&'a [u8]>,
    dates: Vec<&'a [u8]>,
    times: Vec<TimestampNs>,
}

/// Why nothing is looked for: `TradeRequestResult`, tag 749, and a text.
struct Refused(u64, String);

impl<'a> Wanted<'a> {
    fn read(desk: &Desk, inquiry: &Inquiry<'_, 'a>) -> Result<Self, Refused> {
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
                tag::ORDER_ID => own.order_id = Some(value),
                tag::CL_ORD_ID => own.client_order_id = Some(value),
                tag::TRD_MATCH_ID => own.match_id = Some(value),
                tag::TRADE_DATE => own.dates.push(value),
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
        let date = timestamp::format_date(trade.time);
        self.instrument.is_none_or(|instrument| order.instrument == instrument)
            && self.side.is_none_or(|side| order.side == side)
            && self.client_order_id.is_none_or(|own| order.client_order_id.as_bytes() == own)
            && self.order_id.is_none_or(|own| format!("{id}").as_bytes() == own)
            && self.match_id.is_none_or(|own| format!("{}", trade.id).as_bytes() == own)
            && self.dates.first().is_none_or(|&from| &date[..] >= from)
            && self.dates.get(1).is_none_or(|&to| &date[..] <= to)
            && self.times.first().is_none_or(|&from| trade.time >= from)
            && self.times.get(1).is_none_or(|&to| trade.time <= to)
    }
}

impl Desk {
    /// Looks for trades and reports them.
    pub(super) fn trade_captures(&mut self, inquiry: Inquiry<'_, '_>, reply: &mut Outbound) -> Result<(), Fault> {
        let request_id = inquiry.id(tag::TRADE_REQUEST_ID)?;
        if !self.searches.take(inquiry.origin.session, inquiry.origin.now.mono) {
            return Err(Fault::Business(BusinessReject::THROTTLED));
        }
        match self.find_trades(&inquiry) {
            Ok(found) => {
                let count = found.len() as u64;
                Self::acknowledge(&inquiry, request_id, Ok(count), reply);
                for (position, (trade, id)) in (1..).zip(&found) {
                    let occasion = Occasion::Asked { request_id, count, is_last: position == count };
                    push(reply, NO_RECORD, b"AE", inquiry.origin.now.utc, |body| self.write_trade(trade, *id, occasion, body));
                }
            }
            Err(refused) => Self::acknowledge(&inquiry, request_id, Err(refused), reply),
        }
        Ok(())
    }

    /// What fits, oldest first.
    fn find_trades(&self, inquiry: &Inquiry<'_, '_>) -> Result<Vec<(Trade, OrderId)>, Refused> {
        let wanted = Wanted::read(self, inquiry)?;
        let speaks_for = self.speaks_for(inquiry.origin.session);
        let mut found = Vec::new();
        for trade in self.trades.newest_first().take(TRADES_SEARCHED_MAX) {
            for id in [trade.taker, trade.maker] {
                if speaks_for.contains(&id.session()) && wanted.fits(self, trade, id) {
                    found.push((*trade, id));
                }
            }
            if found.len() > TRADES_ANSWERED_MAX {
                return Err(Refused(99, format!("more than {TRADES_ANSWERED_MAX} trades, ask for fewer")));
            }
        }
        found.reverse();
        Ok(found)
    }

    /// The sessions whose trades and accounts a session may ask about.
    pub(super) fn speaks_for(&self, session: SessionId) -> Vec<SessionId> {
        std::iter::once(session).chain(self.firms.heard_by(session).iter().copied()).collect()
    }

    fn acknowledge(inquiry: &Inquiry<'_, '_>, request_id: &[u8], result: Result<u64, Refused>, reply: &mut Outbound) {
        let symbol = inquiry.request.symbol.filter(|symbol| symbol.len() <= ECHO_SIZE_MAX).unwrap_or(b"[N/A]");
        push(reply, NO_RECORD, b"AQ", inquiry.origin.now.utc, |body| {
            body.bytes(tag::TRADE_REQUEST_ID, request_id);
            body.bytes(tag::TRADE_REQUEST_TYPE, inquiry.message.get(tag::TRADE_REQUEST_TYPE).unwrap_or(b"0"));
            body.bytes(tag::SYMBOL, symbol);
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
