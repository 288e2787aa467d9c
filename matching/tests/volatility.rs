//! Volatility auctions, one scenario each.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod flow;
mod zone;

use Side::{Buy, Sell};
use TimeInForce::{FillOrKill, GoodTillCancel, ImmediateOrCancel};
use plinth_matching::state;
use plinth_types::command::{Side, TimeInForce};
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::{InstrumentId, OrderId, TimestampNs};
use plinth_types::quantity::Lots;
use plinth_types::reference::{Configuration, Phase, PhaseChange};
use plinth_types::terms::{Change, Dated, Volatility};
use zone::{Pair, trades};

const INSTRUMENT: InstrumentId = InstrumentId::new(0);
const STARTS: Event = Event::PhaseChanged { instrument: INSTRUMENT, phase: Phase::VolatilityAuction };

/// The last trade was at 50, and at 51 to 55 one lot each is offered.
fn zone(from_last: Option<u32>, from_auction: Option<u32>) -> (Pair, Vec<OrderId>) {
    let mut zone = Pair::new(50, 100_000);
    zone.rest(Sell, 50);
    zone.order(1, Buy, Some(50), 1, GoodTillCancel, None);
    let change = Change::Volatility(Volatility { instrument: INSTRUMENT, from_last, from_auction });
    assert_eq!(zone.try_configure(Configuration::Date(Dated { at: TimestampNs::new(0), change })).len(), 2);
    let offers = (51..=55).map(|ticks| zone.rest(Sell, ticks)).collect();
    (zone, offers)
}

impl Pair {
    fn rest(&mut self, side: Side, ticks: i64) -> OrderId {
        let events = self.order(0, side, Some(ticks), 1, GoodTillCancel, None);
        let [Event::Accepted { order }] = events[..] else { panic!("{events:?}") };
        order
    }

    fn phase(&self) -> Phase {
        self.stage.engine.phase(INSTRUMENT).unwrap()
    }

    fn reopen(&mut self) -> Vec<Event> {
        let change = PhaseChange { instrument: INSTRUMENT, phase: Phase::Continuous };
        self.try_configure(Configuration::SetPhase(change)).split_off(2)
    }
}

#[test]
fn an_order_trades_within_and_its_rest_goes_into_the_auction_that_it_starts() {
    let (mut zone, offers) = zone(Some(2), None);
    let events = zone.order(1, Buy, Some(54), 9, GoodTillCancel, None);
    assert_eq!(trades(&events), [(offers[0], 1), (offers[1], 1)]);
    assert_eq!((events.last(), zone.phase()), (Some(&STARTS), Phase::VolatilityAuction));
    let restored = state::restore(*zone.stage.engine.capacity(), state::pages(&zone.stage.engine), ()).unwrap();
    zone.stage.engine = restored;
    // Seven lots at 54 meet two offers there and below; now the last trade is at the auction's price.
    let events = zone.reopen();
    assert_eq!(trades(&events), [(offers[2], 1), (offers[3], 1)]);
    assert_eq!(zone.stage.engine.last_price(INSTRUMENT).unwrap().ticks(), 54);
    let events = zone.order(1, Buy, Some(55), 1, ImmediateOrCancel, None);
    assert_eq!((trades(&events), zone.phase()), (vec![(offers[4], 1)], Phase::Continuous));
}

#[test]
fn an_order_that_stays_within_or_only_rests_starts_nothing() {
    let (mut zone, offers) = zone(Some(2), None);
    assert_eq!(trades(&zone.order(1, Buy, Some(52), 9, GoodTillCancel, None)), [(offers[0], 1), (offers[1], 1)]);
    assert_eq!(zone.phase(), Phase::Continuous);
    // The reference follows: from 52 on, 54 is within.
    assert_eq!(trades(&zone.order(1, Buy, Some(54), 2, GoodTillCancel, None)), [(offers[2], 1), (offers[3], 1)]);
    zone.rest(Buy, 20);
    assert_eq!(zone.phase(), Phase::Continuous);
}

#[test]
fn what_does_not_rest_ends_and_what_must_be_whole_interrupts_nothing() {
    let (mut zone, offers) = zone(Some(2), None);
    let events = zone.order(1, Buy, Some(53), 3, FillOrKill, None);
    let order = zone.last_of(2);
    let killed = Event::Cancelled { order, lots: Lots::new(3), reason: CancelReason::NotFillable };
    assert_eq!((events.last(), zone.phase()), (Some(&killed), Phase::Continuous));
    let events = zone.order(1, Buy, None, 3, ImmediateOrCancel, None);
    assert_eq!(trades(&events), [(offers[0], 1), (offers[1], 1)]);
    let order = zone.last_of(2);
    let rest = Event::Cancelled { order, lots: Lots::new(1), reason: CancelReason::Unfilled };
    assert_eq!(events[3..], [STARTS, rest]);
}

/// The bound that is nearer holds; the auction's price stays when trades move on.
#[test]
fn the_price_of_the_last_auction_bounds_too() {
    let (mut zone, offers) = zone(Some(3), Some(1));
    assert_eq!(zone.order(1, Buy, Some(53), 3, GoodTillCancel, None).len(), 4, "there was no auction yet");
    assert_eq!(zone.order(1, Buy, Some(57), 4, GoodTillCancel, None).len(), 3, "the book ends within");
    zone.rest(Sell, 59);
    assert_eq!(zone.order(1, Buy, Some(59), 1, ImmediateOrCancel, None)[1], STARTS);
    zone.rest(Sell, 57);
    assert_eq!(trades(&zone.reopen()).len(), 1);
    assert_eq!(zone.stage.engine.last_price(INSTRUMENT).unwrap().ticks(), 57);
    let near = zone.rest(Sell, 58);
    assert_eq!(trades(&zone.order(1, Buy, Some(58), 1, ImmediateOrCancel, None)), [(near, 1)]);
    // One from the last trade at 58, but two from the auction at 57.
    assert_eq!(zone.order(1, Buy, Some(59), 1, ImmediateOrCancel, None)[1], STARTS);
    assert_eq!(offers.len(), 5);
}
