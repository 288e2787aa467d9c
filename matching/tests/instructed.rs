//! Icebergs and minimum quantities, one scenario each.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod flow;
mod zone;

use Side::{Buy, Sell};
use TimeInForce::{FillOrKill, GoodTillCancel, ImmediateOrCancel};
use plinth_types::command::{Body, Side, TimeInForce};
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::{InstrumentId, OrderId, SessionId, TradeId};
use plinth_types::instructions::Instructions;
use plinth_types::quantity::{Lots, Price};
use plinth_types::reject::Reject;
use zone::{Pair, qty, trades};

const NONE: Instructions = Instructions::NONE;

impl Pair {
    fn with(&mut self, account: u32, side: Side, ticks: i64, lots: u64, tif: TimeInForce, with: Instructions) -> Vec<Event> {
        self.order(account, side, Some(ticks), lots, tif, (with != NONE).then_some(with))
    }

    fn rest(&mut self, side: Side, ticks: i64, lots: u64, display: Option<u64>) -> OrderId {
        let events = self.with(0, side, ticks, lots, GoodTillCancel, Instructions { display: display.map(qty), ..NONE });
        let [Event::Accepted { order }] = events[..] else { panic!("{events:?}") };
        order
    }

    fn shown(&self, side: Side) -> u64 {
        self.stage.engine.best(InstrumentId::new(0), side).map_or(0, |best| best.lots.get())
    }
}

fn zone() -> Pair {
    Pair::new(20, 10_000)
}

fn id(session: u16, index: u64) -> OrderId {
    OrderId::new(SessionId::new(session), index).unwrap()
}

#[test]
fn an_iceberg_shows_a_part_reserves_the_whole_and_comes_back_at_the_end_of_the_queue() {
    let mut zone = zone();
    let iceberg = zone.rest(Sell, 50, 10, Some(4));
    let plain = zone.rest(Sell, 50, 3, None);
    assert_eq!((zone.shown(Sell), zone.reserved(0, 1)), (7, 13));
    // All that is shown at the price trades before anything hidden does.
    let events = zone.with(1, Buy, 50, 9, ImmediateOrCancel, NONE);
    assert_eq!(trades(&events), [(iceberg, 4), (plain, 3), (iceberg, 2)]);
    assert_eq!((zone.shown(Sell), zone.reserved(0, 1)), (2, 4));
    assert_eq!(zone.stage.engine.order(iceberg).unwrap().left, qty(4));
    // The last part is smaller than what may be shown.
    let events = zone.with(1, Buy, 50, 9, ImmediateOrCancel, NONE);
    assert_eq!(trades(&events), [(iceberg, 2), (iceberg, 2)]);
    assert_eq!((zone.shown(Sell), zone.reserved(0, 1), zone.stage.engine.order_count()), (0, 0, 0));
}

#[test]
fn an_iceberg_takes_with_all_of_its_quantity() {
    let mut zone = zone();
    let offer = zone.rest(Sell, 50, 6, None);
    let events = zone.with(1, Buy, 50, 10, GoodTillCancel, Instructions { display: Some(qty(3)), ..NONE });
    assert_eq!(trades(&events), [(offer, 6)]);
    assert_eq!((zone.shown(Buy), zone.stage.engine.order(id(2, 1)).unwrap().left), (3, qty(4)));
}

#[test]
fn a_fill_or_kill_order_counts_what_is_hidden() {
    let mut zone = zone();
    let iceberg = zone.rest(Sell, 50, 5, Some(2));
    let events = zone.with(1, Buy, 50, 5, FillOrKill, NONE);
    assert_eq!(trades(&events), [(iceberg, 2), (iceberg, 2), (iceberg, 1)]);
}

#[test]
fn a_smaller_iceberg_keeps_its_place_and_loses_what_is_hidden_first() {
    let mut zone = zone();
    let iceberg = zone.rest(Sell, 50, 10, Some(4));
    let plain = zone.rest(Sell, 50, 1, None);
    let price = Price::from_ticks(50).unwrap();
    let smaller = |lots| Body::Replace { order: iceberg, price, qty: qty(lots) };
    let kept = |lots| [Event::Replaced { order: iceberg, price, qty: qty(lots), kept_priority: true }];
    assert_eq!(zone.send(0, smaller(5), &[]), kept(5));
    assert_eq!((zone.shown(Sell), zone.reserved(0, 1)), (5, 6));
    assert_eq!(zone.send(0, smaller(3), &[]), kept(3));
    assert_eq!((zone.shown(Sell), zone.reserved(0, 1)), (4, 4));
    // Elsewhere it shows as much at a time as it did.
    let moved = Body::Replace { order: iceberg, price: Price::from_ticks(49).unwrap(), qty: qty(9) };
    zone.send(0, moved, &[]);
    assert_eq!((zone.shown(Sell), zone.reserved(0, 1)), (4, 10));
    let gone = Event::Cancelled { order: iceberg, lots: Lots::new(9), reason: CancelReason::Requested };
    assert_eq!(zone.send(0, Body::Cancel { order: iceberg }, &[]), [gone]);
    assert_eq!((zone.shown(Sell), zone.reserved(0, 1)), (1, 1));
    assert!(zone.stage.engine.order(plain).is_some());
}

#[test]
fn an_order_trades_its_minimum_at_once_or_nothing() {
    let mut zone = zone();
    let offers = [zone.rest(Sell, 50, 3, None), zone.rest(Sell, 51, 3, None)];
    let minimum = |lots| Instructions { minimum: Some(qty(lots)), ..NONE };
    let events = zone.with(1, Buy, 50, 5, ImmediateOrCancel, minimum(4));
    let killed = Event::Cancelled { order: id(2, 1), lots: Lots::new(5), reason: CancelReason::NotFillable };
    assert_eq!(events, [Event::Accepted { order: id(2, 1) }, killed]);
    let events = zone.with(1, Buy, 51, 8, ImmediateOrCancel, minimum(4));
    assert_eq!(trades(&events), [(offers[0], 3), (offers[1], 3)]);
    let rest = Event::Cancelled { order: id(2, 2), lots: Lots::new(2), reason: CancelReason::Unfilled };
    assert_eq!(events.last(), Some(&rest));
    assert_eq!((zone.stage.engine.last_trade(), zone.reserved(1, 0)), (TradeId::new(2), 0));
}

#[test]
fn instructions_that_cannot_be_followed_are_refused() {
    let mut zone = zone();
    let (display, minimum) = (Some(qty(2)), Some(qty(2)));
    let (shows, least) = (Instructions { display, ..NONE }, Instructions { minimum, ..NONE });
    let refused = [
        (1, GoodTillCancel, shows),
        (2, ImmediateOrCancel, shows),
        (2, GoodTillCancel, least),
        (2, FillOrKill, least),
        (1, ImmediateOrCancel, least),
        (2, GoodTillCancel, Instructions { display, minimum, ..Instructions::NONE }),
    ];
    for (index, (lots, tif, with)) in (1..).zip(refused) {
        let reject = Event::Rejected { order: id(2, index), reject: Reject::Contradiction };
        assert_eq!(zone.with(1, Buy, 50, lots, tif, with), [reject], "{with:?}");
    }
}
