//! The pinned bytes of dated changes (terms, bands, calendars), of quotes, and of firms.

#![allow(clippy::unwrap_used, reason = "tests")]

use plinth_golden::Fixtures;
use plinth_types::calendar::{Calendar, Exception, Hours, Step};
use plinth_types::command::{Body, ClientOrderId, ClientTail, Command};
use plinth_types::few::Few;
use plinth_types::firm::{FirmAccount, FirmLimits};
use plinth_types::id::{AccountId, FirmId, InstrumentId, MandateId, MsgSeqNum, OrderId, QuoteGroupId, Seq, SessionId, TimestampNs};
use plinth_types::quantity::{Amount, Lots, Price, Qty};
use plinth_types::quote::{MassQuote, QuoteEntries, QuoteEntry, QuoteEntryIds, QuoteGroup, QuoteSide, QuoteTail};
use plinth_types::reference::{Bands, Configuration, Phase, Suspension, Trader};
use plinth_types::terms::{Change, Dated, Matching, ProRata, Terms, TickRow, Volatility};

#[test]
fn dated_changes() {
    let price = |ticks| Price::from_ticks(ticks).unwrap();
    let qty = |lots| Qty::from_lots(lots).unwrap();
    let instrument = InstrumentId::new(0x0102_0304);
    let rows = [TickRow { from: price(1), ticks: 1 }, TickRow { from: price(0x0203), ticks: 5 }];
    let terms = Terms { instrument, lot: qty(10), qty_min: qty(20), ticks: Few::new(&rows).unwrap(), matching: Matching::Time };
    let by_size = Matching::Size(ProRata { top_max: Lots::new(7), time_percent: 40, minimum: qty(2) });
    let calendar = Calendar {
        instrument,
        utc_offset_min: -300,
        weekdays: 0b1_1111,
        full: Few::new(&[
            Step { second: 34_200, phase: Phase::Continuous },
            Step { second: 57_600, phase: Phase::ClosingAuction },
            Step { second: 57_900, phase: Phase::Halt },
        ])
        .unwrap(),
        short: Few::new(&[Step { second: 34_200, phase: Phase::Continuous }]).unwrap(),
        exceptions: Few::new(&[
            Exception { day: 20_783, hours: Hours::Closed },
            Exception { day: 20_784, hours: Hours::Short },
            Exception { day: 20_785, hours: Hours::Full },
        ])
        .unwrap(),
    };
    let date = |change| Configuration::Date(Dated { at: TimestampNs::new(0x0102_0304_0506_0708), change });
    let volatility = Volatility { instrument, from_last: Some(0x0203), from_auction: Some(0x0405) };
    let bands = Bands { instrument, low: price(2), high: price(9), market_reach: Some(3) };
    Fixtures::of(env!("CARGO_MANIFEST_DIR")).values(
        "dated_change",
        &[
            ("terms", date(Change::Terms(terms))),
            ("by_size", date(Change::Terms(Terms { matching: by_size, ..terms }))),
            ("no_terms", date(Change::Terms(Terms::none(instrument)))),
            ("bands", date(Change::Bands(bands))),
            ("calendar", date(Change::Calendar(calendar))),
            ("volatility", date(Change::Volatility(volatility))),
            ("no_volatility", date(Change::Volatility(Volatility { from_last: None, from_auction: None, ..volatility }))),
        ],
    );
}

#[test]
fn firms() {
    let (firm, account) = (FirmId::new(0x0102), AccountId::new(0x0304_0506));
    let limits = FirmLimits { firm, orders_max: Some(9), notional_max: Amount::new(0x0102_0304_0506_0708_090a) };
    Fixtures::of(env!("CARGO_MANIFEST_DIR")).values(
        "firm",
        &[
            ("limits", Configuration::SetFirm(limits)),
            ("no_limits", Configuration::SetFirm(FirmLimits { orders_max: None, notional_max: None, ..limits })),
            ("assign", Configuration::AssignFirm(FirmAccount { account, firm })),
            ("suspend", Configuration::Suspend(Suspension { trader: Trader::Firm(firm), suspended: true })),
        ],
    );
}

#[test]
fn quotes() {
    let (group, session) = (QuoteGroupId::new(0x0102), SessionId::new(3));
    let fixtures = Fixtures::of(env!("CARGO_MANIFEST_DIR"));
    let set = |ticks, lots| QuoteSide::Set { price: Price::from_ticks(ticks).unwrap(), qty: Qty::from_lots(lots).unwrap() };
    let entry = |instrument, bid, offer| QuoteEntry { instrument: InstrumentId::new(instrument), bid, offer };
    let entries = [entry(1, set(0x0102, 7), set(0x0103, 9)), entry(0x0102_0304, QuoteSide::Keep, QuoteSide::Withdraw)];
    fixtures.values("quote_entries", &[("two", QuoteEntries::new(&entries).unwrap()), ("none", QuoteEntries::EMPTY)]);
    let id = |text: &str| ClientOrderId::new(text.as_bytes()).unwrap();
    let (msg_seq_num, client_order_id) = (MsgSeqNum::new(0x0102), id("q-1"));
    let client = ClientTail { msg_seq_num, client_order_id, orig_client_order_id: None };
    let ids = QuoteEntryIds::new(&[id("e"), id("an entry")]).unwrap();
    let named = QuoteTail { entries: QuoteEntries::new(&entries).unwrap(), client, ids };
    let withdrawn = QuoteTail { entries: QuoteEntries::EMPTY, client, ids: QuoteEntryIds::EMPTY };
    fixtures.values("quote_tail", &[("named", named), ("withdrawn", withdrawn)]);
    let bounds = QuoteGroup {
        group,
        session,
        account: AccountId::new(4),
        window_ns: 1_000_000_000,
        fills_max: Some(5),
        lots_max: Some(Qty::from_lots(0x0102_0304).unwrap()),
    };
    let free = QuoteGroup { fills_max: None, lots_max: None, ..bounds };
    fixtures.values(
        "quote_group",
        &[("bounded", Configuration::SetQuoteGroup(bounds)), ("unbounded", Configuration::SetQuoteGroup(free))],
    );
    let quotes = MassQuote { first: OrderId::new(session, 9).unwrap(), group, entries: 2, reset: true, clear: false };
    let head = |quotes| {
        let body = Body::MassQuote(quotes);
        let (seq, time) = (Seq::new(7), TimestampNs::new(11));
        Command { seq, time, session, mandate: MandateId::new(5), body, tail_size: 96 }.head().to_vec()
    };
    let clear = MassQuote { entries: 0, reset: false, clear: true, ..quotes };
    fixtures.named("mass_quote_head", &[("quotes", head(quotes)), ("withdraw_all", head(clear))]);
}
