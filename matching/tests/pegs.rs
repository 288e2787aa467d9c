//! Pegged orders, one scenario each. That the prices are right whatever happens, the naive model checks after every command.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod flow;
mod zone;

use PegReference::{Market, Mid, Primary};
use Side::{Buy, Sell};
use TimeInForce::{GoodTillCancel, ImmediateOrCancel};
use plinth_matching::limits::PEGGED_MAX;
use plinth_types::command::{Body, Side, TimeInForce};
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::{InstrumentId, OrderId};
use plinth_types::instructions::{Instructions, Peg, PegReference};
use plinth_types::quantity::Lots;
use plinth_types::reference::{Bands, Configuration, Phase, PhaseChange};
use plinth_types::reject::Reject;
use zone::{Pair, price, qty, trades};

const INSTRUMENT: InstrumentId = InstrumentId::new(0);

impl Pair {
    fn pegged(&mut self, side: Side, limit: Option<i64>, to: PegReference, offset_ticks: i32) -> Vec<Event> {
        let with = Instructions { peg: Some(Peg { to, offset_ticks }), ..Instructions::NONE };
        self.order(0, side, limit, 2, GoodTillCancel, Some(with))
    }

    /// The order and the price that it gets at once.
    fn placed(&mut self, side: Side, to: PegReference, offset_ticks: i32) -> (OrderId, i64) {
        let events = self.pegged(side, None, to, offset_ticks);
        let [Event::Accepted { order }, Event::Repriced { price: Some(price), .. }] = events[..] else { panic!("{events:?}") };
        (order, price.ticks())
    }

    fn rest(&mut self, side: Side, ticks: i64) -> OrderId {
        self.order(1, side, Some(ticks), 1, GoodTillCancel, None);
        self.last_of(2)
    }

    fn cancel(&mut self, order: OrderId) -> Vec<Event> {
        self.send(u32::from(order.session().get()) - 1, Body::Cancel { order }, &[])
    }

    fn phase(&mut self, phase: Phase) -> Vec<Event> {
        self.try_configure(Configuration::SetPhase(PhaseChange { instrument: INSTRUMENT, phase }))
    }
}

fn moved(order: OrderId, to: Option<i64>) -> Event {
    Event::Repriced { order, price: to.map(price) }
}

/// A market of 50 to 55.
fn market() -> (Pair, OrderId, OrderId) {
    let mut zone = Pair::new(100, 10_000);
    let (bid, offer) = (zone.rest(Buy, 50), zone.rest(Sell, 55));
    (zone, bid, offer)
}

#[test]
fn a_peg_follows_its_own_side_the_middle_or_the_other_side() {
    let (mut zone, ..) = market();
    assert_eq!(zone.placed(Buy, Primary, -2).1, 48);
    assert_eq!(zone.placed(Buy, Mid, 0).1, 52, "half a tick goes down");
    assert_eq!(zone.placed(Sell, Mid, 0).1, 53, "or up");
    assert_eq!(zone.placed(Sell, Market, 4).1, 54);
    assert_eq!(zone.placed(Sell, Primary, 3).1, 58);
    assert_eq!(zone.reserved(0, 0), 2 * (48 + 52));
}

#[test]
fn it_moves_with_its_reference_to_the_end_of_the_queue_and_stays_while_that_stays() {
    let (mut zone, ..) = market();
    let (peg, _) = zone.placed(Buy, Primary, 0);
    let better = zone.rest(Buy, 51);
    assert_eq!(zone.stage.engine.order(peg).unwrap().price, price(51));
    let third = zone.rest(Buy, 51);
    let queue: Vec<OrderId> = zone.stage.engine.queue(INSTRUMENT, Buy).map(|order| order.order).collect();
    assert_eq!(queue[..3], [better, peg, third]);
    assert_eq!(zone.cancel(better), [Event::Cancelled { order: better, lots: Lots::new(1), reason: CancelReason::Requested }]);
    assert_eq!(zone.cancel(third)[1..], [moved(peg, Some(50))], "it does not follow itself");
}

#[test]
fn it_never_crosses_the_book_or_another_peg() {
    let (mut zone, ..) = market();
    assert_eq!(zone.placed(Buy, Market, 7).1, 54);
    assert_eq!(zone.placed(Sell, Market, -7).1, 55, "above the older bid");
    let (mut zone, _, offer) = market();
    let (bid, _) = zone.placed(Buy, Market, 0);
    let events = zone.order(1, Sell, Some(54), 3, ImmediateOrCancel, None);
    assert_eq!(trades(&events), [(bid, 2)], "it is traded with where it is, and does not run away within the command");
    assert!(zone.stage.engine.order(offer).is_some());
}

#[test]
fn its_limit_and_the_bands_hold_it_back() {
    let (mut zone, ..) = market();
    zone.pegged(Buy, Some(51), Mid, 0);
    let peg = zone.last_of(1);
    assert_eq!(zone.stage.engine.order(peg).unwrap().price, price(51));
    let bands = |low, high| {
        Configuration::SetBands(Bands { instrument: INSTRUMENT, low: price(low), high: price(high), market_reach: None })
    };
    assert_eq!(zone.try_configure(bands(10, 40))[1..], [moved(peg, Some(40))]);
    assert_eq!(zone.try_configure(bands(52, 90))[1..], [moved(peg, None)], "beyond the far band it waits");
    assert_eq!(zone.try_configure(bands(10, 90))[1..], [moved(peg, Some(51))]);
}

#[test]
fn without_a_reference_it_waits_or_is_refused() {
    let (mut zone, _, offer) = market();
    let (peg, _) = zone.placed(Buy, Mid, 0);
    assert_eq!(zone.cancel(offer)[1..], [moved(peg, None)]);
    let found = zone.stage.engine.order(peg).unwrap();
    assert_eq!((found.waits, zone.reserved(0, 0)), (true, 104));
    assert_eq!(zone.pegged(Buy, None, Market, 0), [Event::Rejected { order: zone.last_of(1), reject: Reject::NoReference }]);
    assert_eq!(zone.pegged(Buy, Some(60), Market, 0), [Event::Accepted { order: zone.last_of(1) }]);
    assert_eq!(zone.reserved(0, 0), 104 + 120);
    let limited = zone.last_of(1);
    let events = zone.order(1, Sell, Some(60), 1, GoodTillCancel, None);
    assert_eq!(events[1..], [moved(peg, Some(55)), moved(limited, Some(59))]);
}

#[test]
fn it_is_not_on_the_book_outside_the_continuous_phase() {
    let (mut zone, ..) = market();
    let (peg, _) = zone.placed(Buy, Primary, 0);
    assert_eq!(zone.phase(Phase::ClosingAuction).last(), Some(&moved(peg, None)));
    zone.rest(Buy, 56);
    let events = zone.phase(Phase::Continuous);
    assert_eq!(trades(&events).len(), 1, "the auction is without it");
    assert_eq!(events.last(), Some(&moved(peg, Some(50))));
}

#[test]
fn what_cannot_be_paid_is_cancelled() {
    let (mut zone, ..) = market();
    let (first, _) = zone.placed(Buy, Primary, 0);
    zone.order(0, Buy, Some(33), 30, GoodTillCancel, None);
    let left = 10_000 - zone.reserved(0, 0);
    zone.order(0, Buy, Some(1), 40.min(left as u64), GoodTillCancel, None);
    while 10_000 - zone.reserved(0, 0) >= 4 {
        let lots = ((10_000 - zone.reserved(0, 0)) / 4).min(40) as u64;
        zone.order(0, Buy, Some(4), lots, GoodTillCancel, None);
    }
    let events = zone.order(1, Buy, Some(54), 1, GoodTillCancel, None);
    assert_eq!(events[1..], [Event::Cancelled { order: first, lots: Lots::new(2), reason: CancelReason::FundsExhausted }]);
}

#[test]
fn a_replace_changes_its_limit_and_keeps_its_place_only_if_it_shrinks() {
    let (mut zone, ..) = market();
    let (peg, _) = zone.placed(Buy, Mid, 0);
    let replace =
        |zone: &mut Pair, ticks, lots| zone.send(0, Body::Replace { order: peg, price: price(ticks), qty: qty(lots) }, &[]);
    let replaced = |ticks, lots, kept_priority| Event::Replaced { order: peg, price: price(ticks), qty: qty(lots), kept_priority };
    assert_eq!(replace(&mut zone, 51, 4), [replaced(51, 4, false), moved(peg, Some(51))]);
    assert_eq!(replace(&mut zone, 51, 3), [replaced(51, 3, true)]);
    assert_eq!(zone.reserved(0, 0), 3 * 51);
    zone.order(1, Sell, Some(51), 1, ImmediateOrCancel, None);
    let ended = Event::Cancelled { order: peg, lots: Lots::ZERO, reason: CancelReason::ReplacedToFilled };
    assert_eq!(replace(&mut zone, 51, 1), [replaced(51, 1, false), ended]);
    assert_eq!(zone.stage.engine.order_count(), 2);
}

#[test]
fn a_side_of_a_book_has_so_many_and_all_move_with_one_command() {
    let (mut zone, ..) = market();
    let pegs: Vec<OrderId> = (0..PEGGED_MAX).map(|_| zone.placed(Buy, Primary, -1).0).collect();
    assert_eq!(zone.pegged(Buy, None, Primary, 0), [Event::Rejected { order: zone.last_of(1), reject: Reject::CapacityReached }]);
    zone.placed(Sell, Primary, 1);
    let events = zone.order(1, Buy, Some(52), 1, GoodTillCancel, None);
    let expected: Vec<Event> = pegs.iter().map(|&peg| moved(peg, Some(51))).collect();
    assert_eq!(events[1..], expected);
}

#[test]
fn what_a_pegged_order_cannot_be_is_refused() {
    let (mut zone, ..) = market();
    let with = Instructions { peg: Some(Peg { to: Mid, offset_ticks: 0 }), display: Some(qty(1)), ..Instructions::NONE };
    let events = zone.order(0, Buy, None, 2, GoodTillCancel, Some(with));
    assert_eq!(events, [Event::Rejected { order: zone.last_of(1), reject: Reject::Contradiction }]);
    let with = Instructions { display: None, ..with };
    let events = zone.order(0, Buy, None, 2, ImmediateOrCancel, Some(with));
    assert_eq!(events, [Event::Rejected { order: zone.last_of(1), reject: Reject::Contradiction }]);
}
