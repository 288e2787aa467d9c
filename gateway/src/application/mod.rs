//! Orders: what clients ask in FIX, what the zone is asked, and what clients are told of it.
//!
//! ```text
//! listing.rs   instruments, accounts and mandates, as configured and as the journal changes them
//! order.rs     one order, and what becomes of it
//! orders.rs    a session's orders and the client ids that are used up
//! request.rs   the fields of a request, read once; which of them we honour
//! terms.rs, instructions.rs   what an order asks for, read from its fields
//! intake.rs    NewOrderSingle, OrderCancelRequest, OrderCancelReplaceRequest, OrderStatusRequest
//! lists.rs, list_status.rs   NewOrderList, ListStatusRequest, ListCancelRequest
//! mass.rs      OrderMassCancelRequest, OrderMassActionRequest, OrderMassStatusRequest
//! quotes.rs, quote_numbers.rs, quote_reports.rs   MassQuote, QuoteCancel
//! reference.rs SecurityListRequest, SecurityDefinitionRequest
//! trading_rules.rs   what an instrument's orders must be like
//! market_data.rs, subscription.rs   MarketDataRequest
//! status.rs    phases: SecurityStatusRequest, TradingSessionStatusRequest
//! delivery.rs  records and events to orders and reports
//! outcome.rs   what reports are about, and why something is refused
//! reports.rs   ExecutionReport, OrderCancelReject, BusinessMessageReject
//! dialect.rs   reports in the words of each version
//! trades.rs    trades and how far they have come, TradeCaptureReport
//! captures.rs  TradeCaptureReportRequest
//! busts.rs     trades that are taken back
//! holdings.rs  RequestForPositions, CollateralInquiry
//! ```
//!
//! The [`Desk`] is a pure function of journaled records: [`Desk::deliver`] is the only place where an order changes, and it is called with
//! the same records live and in the replay after a restart. What it adds when it hands a request to the zone (the next order number, the
//! `ClOrdID`) is what the record will say.
//!
//! # Rules of engagement
//!
//! * `OrdType` 1 (market: takes what it can pay, the rest is cancelled), 2 (limit), 3, 4 and P for orders that wait or follow a price (`terms.rs`).
//!   `TimeInForce` 0 to 4, 6 and 7 (`instructions.rs`); none is 0, the day. `ExecInst` 6 is post-only.
//! * A field that asks for something we do not do (a discretion, a participation) is never ignored: the order is rejected with 103=11 and the
//!   tag in the text. Parties, allocations and the like are carried by nobody and ignored.
//! * Unknown symbol: rejected, 103=1. A quantity or price that is no number, has too many decimals or does not fit: `Reject` naming the tag.
//! * `ClOrdID` is unique per session for ever, over cancels and replaces too, and over sequence resets. A second use is rejected (103=6,
//!   102=6); with `PossResend` it is answered with the order's status. Only requests that reached the zone use one up.
//! * `OrderMassCancelRequest` (from 4.3 on) with 530=7 takes all orders of the session off the books, with 530=1 those of `Symbol`; `Side` narrows
//!   either; `OrderMassActionRequest` (from 5.0 SP1 on) with 1373=3 and 1374=7 or 1 does the same. Each order's report says why, then `OrderMassCancelReport` says how many. `OrderMassStatusRequest` knows 585=7 and 585=1.
//! * A session may be configured with a rate: what is more than that is refused, with 103=99 or 380=0, and its `ClOrdID` stays free. Cancels have a
//!   rate of their own.
//! * A session may be configured to lose its orders with its connection. A session's role says which messages it may send; others are answered
//!   with 380=6.
//! * `OrderID` is `SESSION-INDEX`. `ExecID` is `RECORD-EVENT-SIDE`, so a report sent again has the same one; `R…` for a rejection by the
//!   gateway itself, `0` for a status.
//! * `AvgPx` has [four places](crate::limits::AVG_PX_EXTRA_DECIMALS) more than the price, half to even. Everything else is exact.
//! * A trade that is no more is taken back (`busts.rs`): 150=H with the fill's `ExecID` in 19 and the order as it stands without it, and 487=1 if it
//!   was reported as available. Tag 20001 says `BUSTED` then.
//! * Tag 20001 says how far a trade has come: `EXECUTED` on fills (the zone's word), `AVAILABLE` and `SETTLED` on `TradeCaptureReport`s; 20002
//!   says under which attestation, 20003 and 20004 the heights of the settlement block and the zone block.

mod busts;
mod captures;
mod delivery;
mod dialect;
mod holdings;
mod instructions;
mod intake;
mod list_status;
mod listing;
mod lists;
mod market_data;
mod mass;
mod order;
mod orders;
mod outcome;
mod quote_numbers;
mod quote_reports;
mod quotes;
mod reference;
mod reports;
mod request;
mod status;
mod subscription;
mod terms;
mod trades;
mod trading_rules;

pub use listing::Listing;

use crate::limits::SEARCHERS_KEPT_MAX;
use crate::rate::Rates;
use crate::session::Firms;
use captures::Searches;
use holdings::WaitingAnswers;
use market_data::MarketData;
use order::Order;
use orders::{OrderBooks, SessionOrders};
use plinth_types::id::{OrderId, SessionId};
use quote_numbers::Quote;
use status::Markets;
use trades::Trades;

/// Keeps orders and speaks about them.
#[derive(Debug)]
pub struct Desk {
    listing: Listing,
    /// What tag 20002 says of settled and available trades, such as `ATTESTED 1/1, PRODUCER ONLY`.
    attestation: String,
    sessions: OrderBooks,
    trades: Trades,
    firms: Firms,
    /// Questions for trades.
    search_rates: Rates<SessionId>,
    searches: Searches,
    markets: Markets,
    waiting: WaitingAnswers,
    market_data: MarketData,
    tail: Vec<u8>,
    throttled_count: u64,
}

impl Desk {
    /// A desk without orders. `attestation` is what tag 20002 says.
    #[must_use]
    pub fn new(listing: Listing, firms: Firms, attestation: &str) -> Self {
        Self {
            listing,
            attestation: attestation.to_owned(),
            sessions: OrderBooks::default(),
            trades: Trades::default(),
            firms,
            search_rates: Rates::new(captures::REQUESTS, SEARCHERS_KEPT_MAX),
            searches: Searches::default(),
            markets: Markets::default(),
            waiting: WaitingAnswers::default(),
            market_data: MarketData::default(),
            tail: Vec::with_capacity(128),
            throttled_count: 0,
        }
    }

    /// A client's order; `None` if it came another way than through FIX.
    fn order(&self, id: OrderId) -> Option<&Order> {
        self.sessions.get(id.session())?.get(id.index())
    }

    /// A side of a quote.
    fn quote(&self, id: OrderId) -> Option<&Quote> {
        self.sessions.get(id.session())?.quote(id.index())
    }

    /// Orders of a session, from the first.
    #[must_use]
    pub fn order_count(&self, session: SessionId) -> u64 {
        self.sessions.get(session).map_or(0, SessionOrders::count)
    }

    /// Trades that are not settled.
    #[must_use]
    pub fn unsettled_count(&self) -> usize {
        self.trades.unsettled_count()
    }

    /// Requests refused because the zone was full, or because their session asks too often.
    #[must_use]
    pub const fn throttled_count(&self) -> u64 {
        self.throttled_count
    }
}
