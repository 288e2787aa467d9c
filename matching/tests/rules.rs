//! The rules of the book, one by one.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod flow;
mod zone;

use Side::{Buy, Sell};
use TimeInForce::{FillOrKill, GoodTillCancel, ImmediateOrCancel};
use flow::{account, asset, deposit, instrument, mandate};
use plinth_matching::engine::Engine;
use plinth_matching::limits::Capacity;
use plinth_matching::state;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::{AccountId, AssetId, InstrumentId, OrderId, SessionId, TradeId};
use plinth_types::limits::QTY_LOTS_MAX;
use plinth_types::quantity::{Lots, Price, Qty};
use plinth_types::reference::{Configuration, Scope};
use plinth_types::reject::Reject;
use zone::Stage;

const QUOTE: AssetId = AssetId::new(0);
const BASE: AssetId = AssetId::new(1);

/// One instrument, two sessions; session 1 trades for accounts 0 and 1 (mandates 0 and 1), session 2 for account 1 (mandate 2).
struct Zone {
    stage: Stage,
    last: [u64; 3],
}

impl Zone {
    fn new() -> Self {
        Self::with(1_000, 1_000, Qty::from_lots(1_000).unwrap())
    }

    fn with(cash: u128, goods: u128, qty_max: Qty) -> Self {
        let capacity = Capacity {
            orders_max: 1_000,
            accounts_max: 2,
            assets_max: 2,
            sessions_max: 3,
            instruments_max: 1,
            mandates_max: 4,
            levels_max: 64,
            spill_levels_max: 4,
        };
        let mut zone = Self { stage: Stage::new(Engine::new(capacity, ())), last: [0; 3] };
        let mut listed = instrument(0);
        listed.qty_max = qty_max;
        for configuration in [
            Configuration::AddAsset(asset(0)),
            Configuration::AddAsset(asset(1)),
            Configuration::OpenAccount(account(0)),
            Configuration::OpenAccount(account(1)),
            Configuration::ListInstrument(listed),
            Configuration::GrantMandate(mandate(0, 1, 0, Scope::Trade, u64::MAX)),
            Configuration::GrantMandate(mandate(1, 1, 1, Scope::Trade, 1_000)),
            Configuration::GrantMandate(mandate(2, 2, 1, Scope::Trade, u64::MAX)),
            Configuration::GrantMandate(mandate(3, 2, 1, Scope::CancelOnly, u64::MAX)),
        ] {
            assert_eq!(zone.send(0, 0, Body::Configure, &configuration.to_bytes()), [Event::Configured]);
        }
        for (index, (account, asset)) in (1..).zip([(0, 0), (0, 1), (1, 0), (1, 1)]) {
            let amount = [cash, goods][usize::from(asset)];
            let events = zone.send(0, 0, Body::Inbox, &deposit(index, account, asset, amount).to_bytes());
            assert!(matches!(events[..], [Event::Credited { .. }]), "{events:?}");
        }
        zone
    }

    fn send(&mut self, session: u16, mandate: u32, body: Body, tail: &[u8]) -> Vec<Event> {
        self.stage.send(session, mandate, body, tail)
    }

    /// The next order of the session that trades for `account`.
    fn order(&mut self, account: u32, side: Side, price: Option<i64>, lots: u64, tif: TimeInForce, post_only: bool) -> Vec<Event> {
        let (session, mandate) = if account == 0 { (1, 0) } else { (2, 2) };
        self.last[session] += 1;
        let new = NewOrder {
            order: id(session as u16, self.last[session]),
            instrument: InstrumentId::new(0),
            side,
            price: price.map_or(OrderPrice::Market, |ticks| OrderPrice::Limit(Price::from_ticks(ticks).unwrap())),
            qty: Qty::from_lots(lots).unwrap(),
            time_in_force: tif,
            post_only,
            instructed: false,
        };
        self.send(session as u16, mandate, Body::New(new), &[])
    }

    fn rest(&mut self, account: u32, side: Side, ticks: i64, lots: u64) -> OrderId {
        let events = self.order(account, side, Some(ticks), lots, GoodTillCancel, false);
        let [Event::Accepted { order }] = events[..] else { panic!("{events:?}") };
        order
    }

    fn replace(&mut self, order: OrderId, ticks: i64, lots: u64) -> Vec<Event> {
        let mandate = if order.session().get() == 1 { 0 } else { 2 };
        let (price, qty) = (Price::from_ticks(ticks).unwrap(), Qty::from_lots(lots).unwrap());
        self.send(order.session().get(), mandate, Body::Replace { order, price, qty }, &[])
    }

    /// What the account owns and has reserved of the quote and of the base asset.
    fn money(&self, account: u32) -> [(u128, u128); 2] {
        [QUOTE, BASE].map(|asset| {
            let balance = self.stage.engine.balance(AccountId::new(account), asset).unwrap();
            (balance.settled.units(), balance.reserved.units())
        })
    }
}

fn id(session: u16, index: u64) -> OrderId {
    OrderId::new(SessionId::new(session), index).unwrap()
}

fn trade(number: u64, maker: OrderId, taker: OrderId, ticks: i64, lots: u64) -> Event {
    let (price, qty) = (Price::from_ticks(ticks).unwrap(), Qty::from_lots(lots).unwrap());
    Event::Traded { trade: TradeId::new(number), maker, taker, price, qty }
}

fn cancelled(order: OrderId, lots: u64, reason: CancelReason) -> Event {
    Event::Cancelled { order, lots: Lots::new(lots), reason }
}

#[test]
fn orders_trade_by_price_then_age_at_the_resting_price() {
    let mut zone = Zone::new();
    let (dear, first, second) = (zone.rest(0, Sell, 52, 1), zone.rest(0, Sell, 50, 2), zone.rest(0, Sell, 50, 2));
    let taker = id(2, 1);
    let events = zone.order(1, Buy, Some(55), 6, GoodTillCancel, false);
    let trades = [trade(1, first, taker, 50, 2), trade(2, second, taker, 50, 2), trade(3, dear, taker, 52, 1)];
    assert_eq!(events, [&[Event::Accepted { order: taker }], &trades[..]].concat());
    // 252 paid and one lot reserved at 55: what the limit exceeded the prices by is free again.
    assert_eq!(zone.money(1), [(1_000 - 252, 55), (1_005, 0)]);
    assert_eq!(zone.money(0), [(1_252, 0), (995, 0)]);
}

#[test]
fn an_order_reserves_and_a_cancel_releases() {
    let mut zone = Zone::new();
    let (bid, offer) = (zone.rest(0, Buy, 50, 3), zone.rest(0, Sell, 60, 4));
    assert_eq!(zone.money(0), [(1_000, 150), (1_000, 4)]);
    assert_eq!(zone.send(1, 0, Body::Cancel { order: bid }, &[]), [cancelled(bid, 3, CancelReason::Requested)]);
    assert_eq!(zone.send(1, 0, Body::Cancel { order: offer }, &[]), [cancelled(offer, 4, CancelReason::Requested)]);
    assert_eq!(zone.money(0), [(1_000, 0), (1_000, 0)]);
    let gone = Event::CancelRejected { order: bid, reject: Reject::UnknownOrder };
    assert_eq!(zone.send(1, 0, Body::Cancel { order: bid }, &[]), [gone]);
}

#[test]
fn an_unfunded_order_is_refused_with_what_is_missing() {
    let mut zone = Zone::new();
    zone.rest(0, Buy, 90, 10);
    let refused =
        |index, asset, shortfall| Event::Rejected { order: id(1, index), reject: Reject::InsufficientFunds { asset, shortfall } };
    assert_eq!(zone.order(0, Buy, Some(34), 3, GoodTillCancel, false), [refused(2, QUOTE, 2)]);
    zone.rest(0, Sell, 95, 999);
    assert_eq!(zone.order(0, Sell, Some(95), 5, GoodTillCancel, false), [refused(4, BASE, 4)]);
}

#[test]
fn a_shortfall_beyond_64_bits_is_told_as_the_largest() {
    let mut zone = Zone::with(1_000, 1_000, Qty::from_lots(QTY_LOTS_MAX).unwrap());
    let events = zone.order(0, Buy, Some(1 << 40), QTY_LOTS_MAX, GoodTillCancel, false);
    let reject = Reject::InsufficientFunds { asset: QUOTE, shortfall: u64::MAX };
    assert_eq!(events, [Event::Rejected { order: id(1, 1), reject }]);
}

#[test]
fn a_fill_or_kill_order_trades_whole_or_changes_nothing() {
    let mut zone = Zone::new();
    let (near, far) = (zone.rest(0, Sell, 50, 2), zone.rest(0, Sell, 51, 2));
    let before = state::pages(&zone.stage.engine).count();
    let (accepted, kill) = (Event::Accepted { order: id(2, 1) }, CancelReason::NotFillable);
    assert_eq!(zone.order(1, Buy, Some(51), 5, FillOrKill, false), [accepted, cancelled(id(2, 1), 5, kill)]);
    let accepted = Event::Accepted { order: id(2, 2) };
    assert_eq!(zone.order(1, Buy, Some(50), 3, FillOrKill, false), [accepted, cancelled(id(2, 2), 3, kill)]);
    assert_eq!((zone.money(1), state::pages(&zone.stage.engine).count()), ([(1_000, 0), (1_000, 0)], before));
    let taker = id(2, 3);
    let trades = [trade(1, near, taker, 50, 2), trade(2, far, taker, 51, 2)];
    assert_eq!(zone.order(1, Buy, Some(51), 4, FillOrKill, false), [&[Event::Accepted { order: taker }], &trades[..]].concat());
}

#[test]
fn post_only_rests_or_is_refused_and_stays_post_only() {
    let mut zone = Zone::new();
    zone.rest(0, Sell, 50, 2);
    let refused = Event::Rejected { order: id(2, 1), reject: Reject::WouldTake };
    assert_eq!(zone.order(1, Buy, Some(50), 1, GoodTillCancel, true), [refused]);
    assert_eq!(zone.order(1, Buy, Some(49), 1, GoodTillCancel, true), [Event::Accepted { order: id(2, 2) }]);
    let refused = Event::CancelRejected { order: id(2, 2), reject: Reject::WouldTake };
    assert_eq!(zone.replace(id(2, 2), 50, 1), [refused]);
    assert_eq!(zone.stage.engine.order(id(2, 2)).unwrap().price.ticks(), 49);
}

#[test]
fn terms_that_contradict_each_other_are_refused_and_use_up_the_number() {
    let mut zone = Zone::new();
    for (price, tif, post_only) in [
        (Some(50), ImmediateOrCancel, true),
        (Some(50), FillOrKill, true),
        (None, GoodTillCancel, false),
        (None, ImmediateOrCancel, true),
        (None, GoodTillCancel, true),
    ] {
        let events = zone.order(0, Buy, price, 1, tif, post_only);
        let order = id(1, zone.last[1]);
        assert_eq!(events, [Event::Rejected { order, reject: Reject::Contradiction }]);
    }
    assert_eq!(zone.stage.engine.next_order_index(SessionId::new(1)), Some(6));
}

#[test]
fn a_market_order_trades_as_far_as_it_can_pay() {
    let mut zone = Zone::new();
    let (cheap, dear) = (zone.rest(0, Sell, 50, 10), zone.rest(0, Sell, 60, 900));
    let taker = id(2, 1);
    let events = zone.order(1, Buy, None, 100, ImmediateOrCancel, false);
    // 500 for ten, then eight more for 480 of the 500 left.
    let trades = [trade(1, cheap, taker, 50, 10), trade(2, dear, taker, 60, 8)];
    let end = cancelled(taker, 82, CancelReason::FundsExhausted);
    assert_eq!(events, [&[Event::Accepted { order: taker }], &trades[..], &[end]].concat());
    assert_eq!(zone.money(1)[0], (20, 0));
}

#[test]
fn a_market_order_sells_as_far_as_it_holds_and_ends_with_the_book() {
    let mut zone = Zone::with(1_000_000, 10, Qty::from_lots(1_000).unwrap());
    let bid = zone.rest(0, Buy, 50, 6);
    let events = zone.order(1, Sell, None, 20, ImmediateOrCancel, false);
    let taker = id(2, 1);
    let end = cancelled(taker, 14, CancelReason::Unfilled);
    assert_eq!(events, [Event::Accepted { order: taker }, trade(1, bid, taker, 50, 6), end]);
    let bid = zone.rest(0, Buy, 50, 6);
    let taker = id(2, 2);
    let events = zone.order(1, Sell, None, 5, ImmediateOrCancel, false);
    let end = cancelled(taker, 1, CancelReason::FundsExhausted);
    assert_eq!(events, [Event::Accepted { order: taker }, trade(2, bid, taker, 50, 4), end]);
    let taker = id(2, 3);
    let end = cancelled(taker, 1, CancelReason::FundsExhausted);
    assert_eq!(zone.order(1, Sell, None, 1, FillOrKill, false), [Event::Accepted { order: taker }, end]);
}

#[test]
fn a_replace_keeps_its_place_only_if_it_shrinks_at_the_same_price() {
    for (ticks, lots, kept) in [(50, 2, true), (50, 3, false), (50, 4, false), (49, 2, false)] {
        let mut zone = Zone::new();
        let (first, second) = (zone.rest(0, Buy, 50, 3), zone.rest(0, Buy, 50, 3));
        let (price, qty) = (Price::from_ticks(ticks).unwrap(), Qty::from_lots(lots).unwrap());
        assert_eq!(zone.replace(first, ticks, lots), [Event::Replaced { order: first, price, qty, kept_priority: kept }]);
        assert_eq!(zone.money(0)[0].1, ticks as u128 * u128::from(lots) + 150);
        let events = zone.order(1, Sell, Some(50), 1, ImmediateOrCancel, false);
        let maker = if kept { first } else { second };
        assert_eq!(events[1], trade(1, maker, id(2, 1), 50, 1), "replaced to {lots} at {ticks}");
    }
}

#[test]
fn a_replace_counts_what_has_traded() {
    let mut zone = Zone::new();
    let order = zone.rest(0, Buy, 50, 5);
    zone.order(1, Sell, Some(50), 3, ImmediateOrCancel, false);
    assert_eq!(zone.replace(order, 50, 2), [Event::CancelRejected { order, reject: Reject::AlreadyFilled }]);
    let (price, qty) = (Price::from_ticks(40).unwrap(), Qty::from_lots(7).unwrap());
    assert_eq!(zone.replace(order, 40, 7), [Event::Replaced { order, price, qty, kept_priority: false }]);
    assert_eq!(zone.stage.engine.order(order).unwrap().left.lots(), 4);
    assert_eq!(zone.money(0)[0], (850, 160));
    let events = zone.replace(order, 40, 3);
    assert!(matches!(
        events[..],
        [Event::Replaced { .. }, Event::Cancelled { lots: Lots::ZERO, reason: CancelReason::ReplacedToFilled, .. }]
    ));
    assert_eq!(zone.money(0)[0], (850, 0));
}

#[test]
fn a_replaced_order_may_trade_and_needs_the_difference_only() {
    let mut zone = Zone::new();
    let offer = zone.rest(1, Sell, 60, 10);
    let order = zone.rest(0, Buy, 50, 18);
    let refused = Event::CancelRejected { order, reject: Reject::InsufficientFunds { asset: QUOTE, shortfall: 80 } };
    assert_eq!(zone.replace(order, 60, 18), [refused]);
    let (price, qty) = (Price::from_ticks(60).unwrap(), Qty::from_lots(16).unwrap());
    let replaced = Event::Replaced { order, price, qty, kept_priority: false };
    assert_eq!(zone.replace(order, 60, 16), [replaced, trade(1, offer, order, 60, 10)]);
    assert_eq!(zone.money(0), [(400, 360), (1_010, 0)]);
}

#[test]
fn an_account_may_trade_with_itself_and_owns_what_it_owned() {
    let mut zone = Zone::new();
    let maker = zone.rest(0, Sell, 50, 5);
    let events = zone.order(0, Buy, Some(55), 8, GoodTillCancel, false);
    assert_eq!(events[1..], [trade(1, maker, id(1, 2), 50, 5)]);
    assert_eq!(zone.money(0), [(1_000, 165), (1_000, 0)]);
}

#[test]
fn prices_outside_the_window_trade_in_order_and_are_bounded() {
    // The window is 32 to 95; four levels may lie outside on each side.
    let mut zone = Zone::with(1_000_000, 1_000, Qty::from_lots(1_000).unwrap());
    let offers = [200, 96, 40, 5_000, 97, 50].map(|ticks| zone.rest(0, Sell, ticks, 1));
    let full = Event::Rejected { order: id(1, 7), reject: Reject::CapacityReached };
    assert_eq!(zone.order(0, Sell, Some(300), 1, GoodTillCancel, false), [full]);
    let same_level = zone.rest(0, Sell, 200, 1);
    let events = zone.order(1, Buy, Some(5_000), 7, ImmediateOrCancel, false);
    let makers: Vec<OrderId> =
        events.iter().filter_map(|event| if let Event::Traded { maker, .. } = event { Some(*maker) } else { None }).collect();
    assert_eq!(makers, [offers[2], offers[5], offers[1], offers[4], offers[0], same_level, offers[3]]);
    assert_eq!(zone.stage.engine.best(InstrumentId::new(0), Sell), None);
    let bids = [10, 31, 100, 40].map(|ticks| zone.rest(1, Buy, ticks, 1));
    let depth: Vec<i64> = zone.stage.engine.depth(InstrumentId::new(0), Buy).map(|level| level.price.ticks()).collect();
    assert_eq!(depth, [100, 40, 31, 10]);
    for (at, order) in [(2, Some(40)), (3, Some(31)), (1, Some(10)), (0, None)] {
        zone.send(2, 3, Body::Cancel { order: bids[at] }, &[]);
        assert_eq!(zone.stage.engine.best(InstrumentId::new(0), Buy).map(|level| level.price.ticks()), order);
    }
}

#[test]
fn a_level_whose_sum_would_overflow_takes_no_more() {
    let mut zone = Zone::with(1 << 70, 1 << 70, Qty::from_lots(QTY_LOTS_MAX).unwrap());
    // 255 orders of 2^56 lots fit 64 bits, one more does not.
    (0..255).for_each(|_| {
        zone.rest(0, Buy, 33, QTY_LOTS_MAX);
    });
    let refused = Event::Rejected { order: id(1, 256), reject: Reject::CapacityReached };
    assert_eq!(zone.order(0, Buy, Some(33), QTY_LOTS_MAX, GoodTillCancel, false), [refused]);
    let last = zone.rest(0, Buy, 33, QTY_LOTS_MAX - 1);
    let refused = Event::CancelRejected { order: last, reject: Reject::CapacityReached };
    assert_eq!(zone.replace(last, 33, QTY_LOTS_MAX), [refused]);
    zone.rest(0, Buy, 34, QTY_LOTS_MAX);
}

#[test]
fn a_mandate_is_for_its_session_its_account_its_scope_and_its_time() {
    let mut zone = Zone::new();
    let order = zone.rest(1, Buy, 50, 1);
    let not_mandated = Event::CancelRejected { order, reject: Reject::NotMandated };
    let (price, qty) = (Price::from_ticks(50).unwrap(), Qty::from_lots(2).unwrap());
    assert_eq!(zone.send(2, 3, Body::Replace { order, price, qty }, &[]), [not_mandated], "cancel only");
    assert_eq!(zone.send(2, 0, Body::Cancel { order }, &[]), [not_mandated], "another session's");
    assert_eq!(zone.send(2, 9, Body::Cancel { order }, &[]), [not_mandated], "no such mandate");
    let unknown = Event::CancelRejected { order, reject: Reject::UnknownOrder };
    assert_eq!(zone.send(1, 1, Body::Cancel { order }, &[]), [unknown], "another session's order is not told of");
    let mine = zone.rest(0, Buy, 50, 1);
    let not_mandated = Event::CancelRejected { order: mine, reject: Reject::NotMandated };
    assert_eq!(zone.send(1, 1, Body::Cancel { order: mine }, &[]), [not_mandated], "another account's");
    zone.stage.seq = 999;
    let gone = Event::CancelRejected { order: id(1, 9), reject: Reject::UnknownOrder };
    assert_eq!(zone.send(1, 1, Body::Cancel { order: id(1, 9) }, &[]), [gone], "valid up to its last nanosecond");
    let expired = Event::CancelRejected { order: id(1, 9), reject: Reject::NotMandated };
    assert_eq!(zone.send(1, 1, Body::Cancel { order: id(1, 9) }, &[]), [expired]);
    assert_eq!(zone.send(2, 3, Body::Cancel { order }, &[]), [cancelled(order, 1, CancelReason::Requested)]);
}

#[test]
fn a_number_is_used_once_refused_or_not() {
    let mut zone = Zone::new();
    assert_eq!(
        zone.order(0, Buy, Some(0), 1, GoodTillCancel, false),
        [Event::Rejected { order: id(1, 1), reject: Reject::PriceNotPositive }]
    );
    zone.last[1] = 0;
    let repeated = Event::Rejected { order: id(1, 1), reject: Reject::OutOfSequence { expected: 2 } };
    assert_eq!(zone.order(0, Buy, Some(50), 1, GoodTillCancel, false), [repeated]);
    zone.last[1] = 2;
    let skipped = Event::Rejected { order: id(1, 3), reject: Reject::OutOfSequence { expected: 2 } };
    assert_eq!(zone.order(0, Buy, Some(50), 1, GoodTillCancel, false), [skipped]);
    zone.last[1] = 1;
    assert_eq!(zone.order(0, Buy, Some(50), 1, GoodTillCancel, false), [Event::Accepted { order: id(1, 2) }]);
}

#[test]
fn a_note_is_not_executed() {
    let mut zone = Zone::new();
    let (root, last) = (state::root_of(&zone.stage.engine), zone.stage.engine.last_seq());
    assert_eq!(zone.send(1, 0, Body::Note, &[1, 2, 3]), []);
    assert_eq!((state::root_of(&zone.stage.engine), zone.stage.engine.last_seq()), (root, last));
}

#[test]
#[should_panic(expected = "command 13 comes after 13")]
fn a_command_is_not_executed_twice() {
    let mut zone = Zone::new();
    zone.stage.seq -= 1;
    zone.order(0, Buy, Some(50), 1, GoodTillCancel, false);
}
