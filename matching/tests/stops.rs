//! Stops, stop limits and trailing stops, one scenario each.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod flow;
mod zone;

use Side::{Buy, Sell};
use TimeInForce::{GoodTillCancel, ImmediateOrCancel};
use plinth_matching::limits::{TRAILING_MAX, WAITING_MAX};
use plinth_types::codec::Codec;
use plinth_types::command::{Body, NewOrder, Side, TimeInForce};
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::{InstrumentId, OrderId, TradeId};
use plinth_types::instructions::{Instructions, Trigger};
use plinth_types::quantity::Lots;
use plinth_types::reject::Reject;
use zone::{Pair, price, qty};

impl Pair {
    fn stop(&mut self, account: u32, side: Side, price: Option<i64>, lots: u64, trigger: Option<Trigger>) -> Vec<Event> {
        let time_in_force = if price.is_some() { GoodTillCancel } else { ImmediateOrCancel };
        let with = trigger.map(|trigger| Instructions { trigger: Some(trigger), ..Instructions::NONE });
        self.order(account, side, price, lots, time_in_force, with)
    }

    fn accepted(&mut self, account: u32, side: Side, price: Option<i64>, lots: u64, trigger: Option<Trigger>) -> OrderId {
        let events = self.stop(account, side, price, lots, trigger);
        let [Event::Accepted { order }] = events[..] else { panic!("{events:?}") };
        order
    }

    /// A trade of one lot at this price.
    fn trade_at(&mut self, ticks: i64) -> Vec<Event> {
        self.accepted(1, Sell, Some(ticks), 1, None);
        self.stop(1, Buy, Some(ticks), 1, None)
    }

    fn trigger(&self, order: OrderId) -> i64 {
        self.stage.engine.order(order).unwrap().trigger.unwrap().ticks()
    }
}

fn zone(orders_max: u32) -> Pair {
    Pair::new(orders_max, 1_000_000)
}

fn at(ticks: i64) -> Option<Trigger> {
    Some(Trigger::At(price(ticks)))
}

fn triggered(events: &[Event]) -> Vec<OrderId> {
    events.iter().filter_map(|event| if let Event::Triggered { order } = *event { Some(order) } else { None }).collect()
}

#[test]
fn a_stop_waits_off_the_book_reserves_and_then_trades_as_a_market_order() {
    let mut zone = zone(100);
    let stop = zone.accepted(0, Buy, None, 3, at(60));
    assert_eq!(zone.stage.engine.best(InstrumentId::new(0), Buy), None);
    assert_eq!((zone.trigger(stop), zone.reserved(0, 0)), (60, 180));
    assert_eq!(triggered(&zone.trade_at(59)), []);
    let offer = zone.accepted(1, Sell, Some(62), 2, None);
    let events = zone.trade_at(60);
    let trade = Event::Traded { trade: TradeId::new(3), maker: offer, taker: stop, price: price(62), qty: qty(2) };
    let rest = Event::Cancelled { order: stop, lots: Lots::new(1), reason: CancelReason::Unfilled };
    assert_eq!(events[2..], [Event::Triggered { order: stop }, trade, rest]);
    assert_eq!(zone.reserved(0, 0), 0);
}

#[test]
fn a_stop_limit_rests_at_its_limit_with_what_it_reserved() {
    let mut zone = zone(100);
    let stop = zone.accepted(0, Sell, Some(40), 5, at(50));
    zone.trade_at(51);
    zone.accepted(1, Buy, Some(41), 2, None);
    let events = zone.trade_at(50);
    assert_eq!(triggered(&events), [stop]);
    let resting = zone.stage.engine.order(stop).unwrap();
    assert_eq!((resting.price, resting.left, resting.trigger), (price(40), qty(3), None));
    assert_eq!(zone.reserved(0, 1), 3);
}

#[test]
fn one_that_is_triggered_already_goes_at_once() {
    let mut zone = zone(100);
    zone.trade_at(50);
    let events = zone.stop(0, Sell, Some(45), 1, at(50));
    let order = zone.last_of(1);
    assert_eq!(events, [Event::Accepted { order }, Event::Triggered { order }]);
}

/// One order takes from 40 up to 60: it passes the trigger of the sell at its beginning and that of the buy at its end.
#[test]
fn every_trade_of_an_order_triggers_not_only_its_last() {
    let mut zone = zone(100);
    zone.trade_at(50);
    let sell = zone.accepted(0, Sell, Some(90), 1, at(45));
    let buy = zone.accepted(0, Buy, Some(1), 1, at(58));
    zone.accepted(1, Sell, Some(40), 1, None);
    zone.accepted(1, Sell, Some(60), 1, None);
    assert_eq!(triggered(&zone.stop(1, Buy, Some(60), 2, None)), [buy, sell], "buys first");
}

#[test]
fn triggers_go_nearest_first_then_oldest_and_cascade() {
    let mut zone = zone(100);
    zone.trade_at(50);
    // Each takes an offer whose price triggers the next one.
    let far = zone.accepted(0, Buy, None, 1, at(70));
    let near: Vec<OrderId> = (0..3).map(|_| zone.accepted(0, Buy, None, 1, at(60))).collect();
    let middle = zone.accepted(0, Buy, None, 1, at(65));
    for ticks in [61, 65, 66, 70, 71] {
        zone.accepted(1, Sell, Some(ticks), 1, None);
    }
    let events = zone.trade_at(60);
    assert_eq!(triggered(&events), [near[0], near[1], near[2], middle, far]);
    assert_eq!(zone.stage.engine.order_count(), 0);
}

#[test]
fn a_trail_follows_the_market_and_never_goes_back() {
    let mut zone = zone(100);
    let refused = zone.stop(0, Sell, None, 1, Some(Trigger::Trailing { ticks: 3 }));
    assert_eq!(refused, [Event::Rejected { order: zone.last_of(1), reject: Reject::NoLastTrade }]);
    zone.trade_at(50);
    let sell = zone.accepted(0, Sell, None, 1, Some(Trigger::Trailing { ticks: 3 }));
    let buy = zone.accepted(0, Buy, None, 1, Some(Trigger::Trailing { ticks: 9 }));
    for (ticks, expected) in [(52, (49, 59)), (51, (49, 59)), (57, (54, 59)), (55, (54, 59))] {
        assert_eq!(triggered(&zone.trade_at(ticks)), [], "at {ticks}");
        assert_eq!((zone.trigger(sell), zone.trigger(buy)), expected, "at {ticks}");
    }
    assert_eq!(triggered(&zone.trade_at(54)), [sell]);
    assert_eq!(zone.trigger(buy), 59);
    assert_eq!(triggered(&zone.trade_at(40)), []);
    assert_eq!(zone.trigger(buy), 49);
}

#[test]
fn a_waiting_order_is_replaced_by_what_it_has() {
    let mut zone = zone(100);
    zone.trade_at(50);
    let market = zone.accepted(0, Buy, None, 4, at(60));
    let limit = zone.accepted(0, Buy, Some(80), 4, at(60));
    let replace = |zone: &mut Pair, order, ticks, lots| {
        zone.stage.send(1, 0, Body::Replace { order, price: price(ticks), qty: qty(lots) }, &[])
    };
    let replaced =
        |order, ticks, lots, kept_priority| Event::Replaced { order, price: price(ticks), qty: qty(lots), kept_priority };
    assert_eq!(replace(&mut zone, market, 60, 3), [replaced(market, 60, 3, true)]);
    assert_eq!(replace(&mut zone, market, 55, 3), [replaced(market, 55, 3, false)]);
    assert_eq!(replace(&mut zone, limit, 70, 4), [replaced(limit, 70, 4, false)]);
    assert_eq!((zone.trigger(market), zone.trigger(limit)), (55, 60));
    assert_eq!(zone.reserved(0, 0), 3 * 55 + 4 * 70);
    let events = replace(&mut zone, market, 50, 3);
    assert_eq!(events[..2], [replaced(market, 50, 3, false), Event::Triggered { order: market }]);
}

/// The last two refusals of a crowd: as many as may wait in a book, and as many of them as may trail.
#[test]
fn a_crowd_that_waits_is_bounded_and_goes_in_one_command() {
    let mut zone = zone(2 * WAITING_MAX);
    zone.trade_at(50);
    let send = |zone: &mut Pair, trigger| {
        // Without the checks of the whole state after each, which would take minutes.
        let new = NewOrder { instructed: true, ..zone.next(0, Sell, None, 1, ImmediateOrCancel) };
        let tail = Instructions { trigger: Some(trigger), ..Instructions::NONE }.to_bytes();
        zone.stage.send_unchecked(1, 0, Body::New(new), &tail)
    };
    for count in 0..=TRAILING_MAX {
        let events = send(&mut zone, Trigger::Trailing { ticks: 1 + count % 3 });
        assert_eq!(matches!(events[..], [Event::Accepted { .. }]), count < TRAILING_MAX, "{events:?}");
    }
    for count in TRAILING_MAX..=WAITING_MAX {
        let events = send(&mut zone, Trigger::At(price(45 + i64::from(count % 4))));
        assert_eq!(matches!(events[..], [Event::Accepted { .. }]), count < WAITING_MAX, "{events:?}");
    }
    let refused = send(&mut zone, Trigger::Trailing { ticks: 1 });
    assert_eq!(refused, [Event::Rejected { order: zone.last_of(1), reject: Reject::CapacityReached }]);
    let events = zone.trade_at(40);
    assert_eq!(triggered(&events).len(), WAITING_MAX as usize);
    assert_eq!(zone.stage.engine.order_count(), 0);
}
