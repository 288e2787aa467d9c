//! What protects traders and the market, one scenario each.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod flow;
mod zone;

use SelfMatchMode::{CancelBoth, CancelNewest, CancelOldest, Decrement};
use Side::{Buy, Sell};
use TimeInForce::{FillOrKill, GoodTillCancel, ImmediateOrCancel};
use flow::{account, asset, deposit, instrument, mandate};
use plinth_matching::engine::Engine;
use plinth_matching::limits::Capacity;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, MassCancel, MassCancelCause, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::{AccountId, AssetId, InstrumentId, OrderId, SessionId, TradeId};
use plinth_types::quantity::{Amount, Lots, Price, Qty};
use plinth_types::reference::{Bands, Configuration, Protection, Scope, SelfMatch, SelfMatchMode, Suspension, Trader};
use plinth_types::reject::Reject;
use zone::Stage;

const ALL: MassCancel = MassCancel { session: None, account: None, instrument: None, side: None, cause: MassCancelCause::Request };

/// Two instruments; sessions 1, 2, 3 trade for accounts 0, 1, 2.
struct Zone {
    stage: Stage,
    last: [u64; 4],
}

impl Zone {
    fn new() -> Self {
        let capacity = Capacity {
            orders_max: 100,
            accounts_max: 4,
            assets_max: 3,
            sessions_max: 4,
            instruments_max: 2,
            mandates_max: 8,
            levels_max: 128,
            spill_levels_max: 4,
        };
        let mut zone = Self { stage: Stage::new(Engine::new(capacity, ())), last: [0; 4] };
        for id in 0..3 {
            zone.configure(Configuration::AddAsset(asset(id)));
            zone.configure(Configuration::OpenAccount(account(id.into())));
        }
        for id in 0..2 {
            zone.configure(Configuration::ListInstrument(instrument(id)));
        }
        for id in 0..3 {
            zone.configure(Configuration::GrantMandate(mandate(id, id as u16 + 1, id, Scope::Trade, u64::MAX)));
        }
        for (index, at) in (1..).zip(0..9) {
            let events = zone.send(0, 0, Body::Inbox, &deposit(index, at / 3, (at % 3) as u16, 10_000).to_bytes());
            assert!(matches!(events[..], [Event::Credited { .. }]), "{events:?}");
        }
        zone
    }

    fn send(&mut self, session: u16, mandate: u32, body: Body, tail: &[u8]) -> Vec<Event> {
        self.stage.send(session, mandate, body, tail)
    }

    fn try_configure(&mut self, configuration: Configuration) -> Vec<Event> {
        self.send(0, 0, Body::Configure, &configuration.to_bytes())
    }

    fn configure(&mut self, configuration: Configuration) {
        assert_eq!(self.try_configure(configuration), [Event::Configured]);
    }

    fn self_match(&mut self, account: u32, mode: SelfMatchMode) {
        self.configure(Configuration::Protect(Protection {
            self_match: Some(SelfMatch { group: 7, mode }),
            ..unprotected(account)
        }));
    }

    /// The next order on instrument 0 of the session that trades for `account`.
    fn order(&mut self, account: u32, side: Side, price: Option<i64>, lots: u64, time_in_force: TimeInForce) -> Vec<Event> {
        self.order_on(0, account, side, price, lots, time_in_force)
    }

    fn order_on(&mut self, on: u32, account: u32, side: Side, price: Option<i64>, lots: u64, tif: TimeInForce) -> Vec<Event> {
        let session = account as u16 + 1;
        self.last[usize::from(session)] += 1;
        let new = NewOrder {
            order: id(session, self.last[usize::from(session)]),
            instrument: InstrumentId::new(on),
            side,
            price: price.map_or(OrderPrice::Market, |ticks| OrderPrice::Limit(self::price(ticks))),
            qty: qty(lots),
            time_in_force: tif,
            post_only: false,
            instructed: false,
        };
        self.send(session, account, Body::New(new), &[])
    }

    fn rest(&mut self, account: u32, side: Side, ticks: i64, lots: u64) -> OrderId {
        let events = self.order(account, side, Some(ticks), lots, GoodTillCancel);
        let [Event::Accepted { order }] = events[..] else { panic!("{events:?}") };
        order
    }

    fn reserved(&self, account: u32, asset: u16) -> u128 {
        self.stage.engine.balance(AccountId::new(account), AssetId::new(asset)).unwrap().reserved.units()
    }
}

fn id(session: u16, index: u64) -> OrderId {
    OrderId::new(SessionId::new(session), index).unwrap()
}

fn price(ticks: i64) -> Price {
    Price::from_ticks(ticks).unwrap()
}

fn qty(lots: u64) -> Qty {
    Qty::from_lots(lots).unwrap()
}

fn unprotected(account: u32) -> Protection {
    Protection { account: AccountId::new(account), self_match: None, orders_max: None, notional_max: None }
}

fn trade(number: u64, maker: OrderId, taker: OrderId, ticks: i64, lots: u64) -> Event {
    Event::Traded { trade: TradeId::new(number), maker, taker, price: price(ticks), qty: qty(lots) }
}

fn cancelled(order: OrderId, lots: u64, reason: CancelReason) -> Event {
    Event::Cancelled { order, lots: Lots::new(lots), reason }
}

/// Accounts 0 and 1 are one group; account 2 stands in front of the own order, and behind it.
fn zone_with_own_order_in_the_way(mode: SelfMatchMode) -> (Zone, [OrderId; 3]) {
    let mut zone = Zone::new();
    zone.self_match(0, CancelNewest);
    zone.self_match(1, mode);
    let orders = [zone.rest(2, Sell, 50, 1), zone.rest(0, Sell, 50, 4), zone.rest(2, Sell, 51, 9)];
    (zone, orders)
}

#[test]
fn the_takers_account_says_what_happens_to_two_orders_of_one_group() {
    let taker = id(2, 1);
    let accepted = Event::Accepted { order: taker };
    let ends = |order, lots| cancelled(order, lots, CancelReason::SelfMatch);
    let less = |order, lots| Event::Reduced { order, qty: qty(lots) };
    for mode in [CancelNewest, CancelOldest, CancelBoth, Decrement] {
        let (mut zone, [front, own, back]) = zone_with_own_order_in_the_way(mode);
        let events = zone.order(1, Buy, Some(51), 6, GoodTillCancel);
        let first = trade(1, front, taker, 50, 1);
        match mode {
            CancelNewest => assert_eq!(events, [accepted, first, ends(taker, 5)]),
            CancelOldest => assert_eq!(events, [accepted, first, ends(own, 4), trade(2, back, taker, 51, 5)]),
            CancelBoth => assert_eq!(events, [accepted, first, ends(own, 4), ends(taker, 5)]),
            Decrement => assert_eq!(events, [accepted, first, ends(own, 4), less(taker, 4), trade(2, back, taker, 51, 1)]),
        }
        assert_eq!(zone.reserved(1, 0), 0, "{mode:?}");
        assert_eq!(zone.reserved(0, 1), if mode == CancelNewest { 4 } else { 0 }, "{mode:?}");
    }
}

#[test]
fn decrementing_leaves_the_larger_order_where_it_stands_and_smaller() {
    let (mut zone, [front, own, _]) = zone_with_own_order_in_the_way(Decrement);
    let taker = id(2, 1);
    let events = zone.order(1, Buy, Some(50), 3, ImmediateOrCancel);
    let less = Event::Reduced { order: own, qty: qty(2) };
    let ended = cancelled(taker, 2, CancelReason::SelfMatch);
    assert_eq!(events, [Event::Accepted { order: taker }, trade(1, front, taker, 50, 1), less, ended]);
    let left = zone.stage.engine.order(own).unwrap();
    assert_eq!((left.left, left.qty, zone.reserved(0, 1)), (qty(2), qty(2), 2));
    // A taker that rests after it was decremented asks for what it did not lose.
    zone.order(1, Buy, Some(50), 5, GoodTillCancel);
    let rests = zone.stage.engine.order(id(2, 2)).unwrap();
    assert_eq!((rests.left, rests.qty, zone.reserved(1, 0)), (qty(3), qty(3), 150));
}

#[test]
fn a_fill_or_kill_order_counts_only_what_it_may_trade_with() {
    for (mode, fills) in [(CancelNewest, false), (CancelOldest, true), (CancelBoth, false), (Decrement, false)] {
        let (mut zone, [front, own, back]) = zone_with_own_order_in_the_way(mode);
        let (taker, accepted) = (id(2, 1), Event::Accepted { order: id(2, 1) });
        let events = zone.order(1, Buy, Some(51), 10, FillOrKill);
        if fills {
            let gone = cancelled(own, 4, CancelReason::SelfMatch);
            assert_eq!(events, [accepted, trade(1, front, taker, 50, 1), gone, trade(2, back, taker, 51, 9)]);
        } else {
            assert_eq!(events, [accepted, cancelled(taker, 10, CancelReason::NotFillable)], "{mode:?}");
        }
    }
}

#[test]
fn a_kill_switch_takes_orders_off_and_lets_nothing_in_until_it_is_released() {
    for trader in [Trader::Session(SessionId::new(1)), Trader::Account(AccountId::new(0))] {
        let mut zone = Zone::new();
        let (bid, offer, other) = (zone.rest(0, Buy, 40, 1), zone.rest(0, Sell, 60, 2), zone.rest(1, Sell, 60, 3));
        let gone = [cancelled(bid, 1, CancelReason::Suspended), cancelled(offer, 2, CancelReason::Suspended)];
        let stop = Configuration::Suspend(Suspension { trader, suspended: true });
        assert_eq!(zone.try_configure(stop), [&[Event::Configured], &gone[..]].concat());
        let refused = [Event::Rejected { order: id(1, 3), reject: Reject::Suspended }];
        assert_eq!(zone.order(0, Buy, Some(60), 1, ImmediateOrCancel), refused);
        // A mandate granted meanwhile is no way around it.
        zone.configure(Configuration::GrantMandate(mandate(3, 1, 0, Scope::Trade, u64::MAX)));
        let new = NewOrder {
            order: id(1, 4),
            instrument: InstrumentId::new(0),
            side: Buy,
            price: OrderPrice::Limit(price(60)),
            qty: qty(1),
            time_in_force: GoodTillCancel,
            post_only: false,
            instructed: false,
        };
        let events = zone.send(1, 3, Body::New(new), &[]);
        assert_eq!(events, [Event::Rejected { order: id(1, 4), reject: Reject::Suspended }]);
        zone.last[1] = 4;
        zone.configure(Configuration::Suspend(Suspension { trader, suspended: false }));
        let events = zone.order(0, Buy, Some(60), 1, ImmediateOrCancel);
        assert_eq!(events, [Event::Accepted { order: id(1, 5) }, trade(1, other, id(1, 5), 60, 1)]);
    }
}

#[test]
fn a_mass_cancel_takes_what_fits_in_the_order_of_the_books() {
    let mut zone = Zone::new();
    let far = zone.rest(0, Buy, 40, 1);
    let near = zone.rest(0, Buy, 45, 1);
    let behind = zone.rest(0, Buy, 45, 2);
    let offer = zone.rest(0, Sell, 60, 3);
    zone.rest(1, Buy, 45, 1);
    assert_eq!(zone.order_on(1, 0, Buy, Some(50), 4, GoodTillCancel), [Event::Accepted { order: id(1, 5) }]);
    let one = |side, instrument| MassCancel { session: Some(SessionId::new(1)), side, instrument, ..ALL };
    let gone = |order, lots| cancelled(order, lots, CancelReason::MassRequested);
    let events = zone.send(1, 0, Body::MassCancel(one(Some(Sell), None)), &[]);
    assert_eq!(events, [gone(offer, 3), Event::MassCancelled { orders: 1 }]);
    let events = zone.send(1, 0, Body::MassCancel(one(None, Some(InstrumentId::new(0)))), &[]);
    assert_eq!(events, [gone(near, 1), gone(behind, 2), gone(far, 1), Event::MassCancelled { orders: 3 }]);
    // What the appliance does when a connection is lost.
    let lost = MassCancel { cause: MassCancelCause::Disconnect, ..one(None, None) };
    let events = zone.send(0, 0, Body::MassCancel(lost), &[]);
    assert_eq!(events, [cancelled(id(1, 5), 4, CancelReason::Disconnected), Event::MassCancelled { orders: 1 }]);
    assert_eq!((zone.stage.engine.order_count(), zone.reserved(0, 0)), (1, 0));
}

#[test]
fn a_session_cancels_its_own_orders_only() {
    let mut zone = Zone::new();
    zone.rest(0, Buy, 40, 1);
    let refused = |reject| [Event::MassCancelRejected { reject }];
    let others = MassCancel { session: Some(SessionId::new(1)), ..ALL };
    assert_eq!(zone.send(2, 1, Body::MassCancel(others), &[]), refused(Reject::NotMandated));
    assert_eq!(zone.send(2, 1, Body::MassCancel(ALL), &[]), refused(Reject::NotMandated));
    let account = AccountId::new(3);
    let nobody = MassCancel { account: Some(account), ..ALL };
    assert_eq!(zone.send(0, 0, Body::MassCancel(nobody), &[]), refused(Reject::UnknownAccount { account }));
    let instrument = InstrumentId::new(2);
    let nowhere = MassCancel { instrument: Some(instrument), ..ALL };
    assert_eq!(zone.send(0, 0, Body::MassCancel(nowhere), &[]), refused(Reject::UnknownInstrument { instrument }));
}

#[test]
fn an_account_has_so_many_open_orders_and_no_larger_ones() {
    let mut zone = Zone::new();
    let old = zone.rest(0, Buy, 40, 1);
    let notional_max = Amount::new(200);
    zone.configure(Configuration::Protect(Protection { orders_max: Some(2), notional_max, ..unprotected(0) }));
    let refused = |index, reject| [Event::Rejected { order: id(1, index), reject }];
    let too_much = Reject::NotionalTooLarge { notional_max: 200 };
    assert_eq!(zone.order(0, Buy, Some(41), 5, GoodTillCancel), refused(2, too_much));
    let offer = zone.rest(0, Sell, 40 + 1, 3);
    assert_eq!(zone.order(0, Buy, Some(40), 1, GoodTillCancel), refused(4, Reject::TooManyOrders { orders_max: 2 }));
    // An order that cannot rest needs no place.
    let events = zone.order(0, Buy, Some(40), 1, ImmediateOrCancel);
    assert_eq!(events, [Event::Accepted { order: id(1, 5) }, cancelled(id(1, 5), 1, CancelReason::Unfilled)]);
    let (price, qty) = (price(41), qty(5));
    let replaced = zone.send(1, 0, Body::Replace { order: old, price, qty }, &[]);
    assert_eq!(replaced, [Event::CancelRejected { order: old, reject: too_much }]);
    // A fill and a cancel give their places back.
    zone.order(1, Buy, Some(41), 3, ImmediateOrCancel);
    assert!(zone.stage.engine.order(offer).is_none());
    zone.send(1, 0, Body::Cancel { order: old }, &[]);
    zone.rest(0, Buy, 40, 1);
    zone.rest(0, Buy, 40, 1);
    assert_eq!(zone.order(0, Buy, Some(40), 1, GoodTillCancel), refused(8, Reject::TooManyOrders { orders_max: 2 }));
}

#[test]
fn bands_bound_new_prices_and_how_far_a_market_order_reaches() {
    let mut zone = Zone::new();
    let outside = zone.rest(0, Sell, 70, 1);
    let bands = Bands { instrument: InstrumentId::new(0), low: price(45), high: price(60), market_reach: Some(1) };
    zone.configure(Configuration::SetBands(bands));
    let refused = |index, band| [Event::Rejected { order: id(2, index), reject: Reject::OutsideBands { band: price(band) } }];
    assert_eq!(zone.order(1, Buy, Some(61), 1, GoodTillCancel), refused(1, 60));
    assert_eq!(zone.order(1, Buy, Some(44), 1, GoodTillCancel), refused(2, 45));
    let not_positive = [Event::Rejected { order: id(2, 3), reject: Reject::PriceNotPositive }];
    assert_eq!(zone.order(1, Buy, Some(0), 1, GoodTillCancel), not_positive);
    assert!(zone.stage.engine.order(outside).is_some(), "what rests stays");
    let makers = [zone.rest(0, Sell, 50, 1), zone.rest(0, Sell, 51, 1), zone.rest(0, Sell, 52, 1)];
    let taker = id(2, 4);
    let events = zone.order(1, Buy, None, 3, ImmediateOrCancel);
    let trades = [trade(1, makers[0], taker, 50, 1), trade(2, makers[1], taker, 51, 1)];
    let rest = [cancelled(taker, 1, CancelReason::Unfilled)];
    assert_eq!(events, [&[Event::Accepted { order: taker }], &trades[..], &rest].concat());
    let refused = [Event::ConfigurationRefused { reject: Reject::Contradiction }];
    assert_eq!(zone.try_configure(Configuration::SetBands(Bands { low: price(61), ..bands })), refused);
    assert_eq!(zone.try_configure(Configuration::SetBands(Bands { low: price(0), ..bands })), refused);
}
