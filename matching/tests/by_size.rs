//! Matching by size, one scenario each: who takes how much of what comes in. All orders are at one price, oldest first.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod flow;
mod zone;

use Side::{Buy, Sell};
use TimeInForce::{FillOrKill, GoodTillCancel, ImmediateOrCancel};
use plinth_matching::limits::ALLOCATED_MAX;
use plinth_types::command::{Side, TimeInForce};
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::{InstrumentId, OrderId, TimestampNs};
use plinth_types::instructions::Instructions;
use plinth_types::quantity::Lots;
use plinth_types::reference::{Configuration, Protection, SelfMatch, SelfMatchMode};
use plinth_types::terms::{Change, Dated, Matching, ProRata, Terms};
use zone::{Pair, qty, trades};

const AT: i64 = 50;

fn zone(top_max: u64, time_percent: u8, minimum: u64) -> Pair {
    let mut zone = Pair::new(1_100, 1_000_000);
    let matching = Matching::Size(ProRata { top_max: Lots::new(top_max), time_percent, minimum: qty(minimum) });
    let change = Change::Terms(Terms { matching, ..Terms::none(InstrumentId::new(0)) });
    let events = zone.try_configure(Configuration::Date(Dated { at: TimestampNs::new(0), change }));
    assert!(matches!(events[..], [Event::Configured, Event::TookEffect { .. }]), "{events:?}");
    zone
}

impl Pair {
    fn rest(&mut self, lots: u64, display: Option<u64>) -> OrderId {
        let with = display.map(|display| Instructions { display: Some(qty(display)), ..Instructions::NONE });
        let events = self.order(0, Sell, Some(AT), lots, GoodTillCancel, with);
        let [Event::Accepted { order }] = events[..] else { panic!("{events:?}") };
        order
    }

    fn take(&mut self, lots: u64) -> Vec<(OrderId, u64)> {
        trades(&self.order(1, Buy, Some(AT), lots, ImmediateOrCancel, None))
    }
}

/// Who takes how much of `taken`, where orders of `shown` lots rest.
fn taken(mut zone: Pair, shown: &[u64], taken: u64) -> Vec<u64> {
    let orders: Vec<OrderId> = shown.iter().map(|&lots| zone.rest(lots, None)).collect();
    let made = zone.take(taken);
    assert!(made.is_sorted_by_key(|(order, _)| *order), "in order of age");
    let of = |order: &OrderId| made.iter().find(|(maker, _)| maker == order).map_or(0, |&(_, lots)| lots);
    orders.iter().map(of).collect()
}

#[test]
fn an_order_is_divided_by_size_rounded_down_and_what_is_left_goes_by_age() {
    assert_eq!(taken(zone(0, 0, 1), &[4, 8, 28], 20), [2, 4, 14]);
    assert_eq!(taken(zone(0, 0, 1), &[10, 10, 10], 10), [4, 3, 3]);
    // 0.4, 3.2 and 6.4 lots: the leftover is one, and the oldest has room for it.
    assert_eq!(taken(zone(0, 0, 1), &[2, 16, 32], 10), [1, 3, 6]);
}

#[test]
fn a_share_below_the_minimum_is_nothing() {
    // 1.33 lots would be one; what it does not get is left over and goes by age.
    assert_eq!(taken(zone(0, 0, 2), &[20, 4, 6], 10), [8, 0, 2]);
    assert_eq!(taken(zone(0, 0, 1), &[20, 4, 6], 10), [7, 1, 2]);
}

#[test]
fn the_order_that_bettered_the_market_comes_first_up_to_its_bound() {
    // 8 are left: nothing, 3.6 and 3.6 lots by size, and 2 left over.
    assert_eq!(taken(zone(6, 0, 1), &[10, 20, 20], 14), [6 + 2, 3, 3]);
    assert_eq!(taken(zone(40, 0, 1), &[10, 20, 20], 12), [10, 1, 1]);
    // One that came to a price that others had already stands first without having bettered anything.
    let mut zone = zone(6, 0, 1);
    let first = zone.rest(5, None);
    let others = [zone.rest(20, None), zone.rest(20, None)];
    zone.send(0, plinth_types::command::Body::Cancel { order: first }, &[]);
    assert_eq!(zone.take(10), [(others[0], 5), (others[1], 5)]);
}

#[test]
fn a_percentage_goes_by_time_before_the_rest_goes_by_size() {
    // 40 % of 10 are 4, all of the first; 6 are divided by 6, 10 and 20.
    assert_eq!(taken(zone(0, 40, 1), &[10, 10, 20], 10), [4 + 1 + 1, 1, 3]);
    assert_eq!(taken(zone(0, 100, 1), &[10, 10, 20], 15), [10, 5, 0]);
}

#[test]
fn whoever_takes_all_takes_all_and_goes_to_the_next_price() {
    let mut zone = zone(0, 0, 1);
    let here = [zone.rest(3, None), zone.rest(4, None)];
    zone.order(0, Sell, Some(AT + 1), 5, GoodTillCancel, None);
    let behind = zone.last_of(1);
    let events = zone.order(1, Buy, Some(AT + 1), 9, FillOrKill, None);
    assert_eq!(trades(&events), [(here[0], 3), (here[1], 4), (behind, 2)]);
}

#[test]
fn an_iceberg_takes_part_with_what_it_shows_and_goes_to_the_end_of_its_price() {
    let mut zone = zone(0, 100, 1);
    let orders = [zone.rest(4, None), zone.rest(6, Some(2)), zone.rest(8, None)];
    assert_eq!(zone.take(6), [(orders[0], 4), (orders[1], 2)]);
    assert_eq!(zone.take(9), [(orders[2], 8), (orders[1], 1)]);
}

/// As many small orders as take part, and a large one behind them that would have a share.
#[test]
fn only_so_many_orders_take_part_and_those_behind_wait() {
    let mut zone = zone(0, 0, 1);
    let small: Vec<OrderId> = (0..ALLOCATED_MAX).map(|_| zone.rest(1, None)).collect();
    let large = zone.rest(40, None);
    let made = zone.take(40);
    assert_eq!(made, small[..40].iter().map(|&order| (order, 1)).collect::<Vec<_>>());
    // Now it is among them: 40 of 1,024 lots, of which it shows 40.
    let made = zone.take(40);
    assert_eq!((made.len(), made.last()), (40, Some(&(large, 1))));
}

#[test]
fn an_account_without_self_matches_meets_all_who_take_part() {
    for (mode, expected) in [
        (SelfMatchMode::CancelNewest, None),
        (SelfMatchMode::CancelBoth, None),
        (SelfMatchMode::CancelOldest, Some(4)),
        (SelfMatchMode::Decrement, Some(2)),
    ] {
        let mut zone = zone(0, 0, 1);
        let other = zone.rest(20, None);
        zone.order(1, Sell, Some(AT), 2, GoodTillCancel, None);
        let self_match = Some(SelfMatch { group: 7, mode });
        let protection = |account| Protection { account, self_match, orders_max: None, notional_max: None };
        zone.configure(Configuration::Protect(protection(plinth_types::id::AccountId::new(1))));
        let killed = zone.order(1, Buy, Some(AT), 4, FillOrKill, None);
        let is_killed = killed.iter().any(|event| matches!(event, Event::Cancelled { reason: CancelReason::NotFillable, .. }));
        // A fill-or-kill order goes where own orders do not stop it.
        assert_eq!(is_killed, mode != SelfMatchMode::CancelOldest, "{mode:?}");
        let made = if is_killed { zone.take(4) } else { trades(&killed) };
        assert_eq!(made, expected.map(|lots| (other, lots)).into_iter().collect::<Vec<_>>(), "{mode:?}");
    }
}
