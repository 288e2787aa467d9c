//! Pairs and brackets, one scenario each.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod flow;
mod zone;

use Contingency::{OneCancelsOther, OneTriggersOther, OneUpdatesOther};
use Side::{Buy, Sell};
use TimeInForce::{GoodTillCancel, ImmediateOrCancel};
use plinth_matching::limits::EXPIRED_MAX;
use plinth_types::command::{Body, MassCancel, MassCancelCause, Side, TimeInForce};
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::{InstrumentId, OrderId, SessionId, TimestampNs};
use plinth_types::instructions::{Contingency, Instructions, Lifetime, Link, Trigger};
use plinth_types::quantity::Lots;
use plinth_types::reference::{Configuration, Phase, PhaseChange};
use plinth_types::reject::Reject;
use zone::{Pair, price, qty, trades};

const BASE: u16 = 1;
const QUOTE: u16 = 0;

impl Pair {
    fn plain(&mut self, account: u32, side: Side, price: i64, lots: u64) -> OrderId {
        let events = self.order(account, side, Some(price), lots, GoodTillCancel, None);
        assert!(matches!(events[0], Event::Accepted { .. }), "{events:?}");
        self.last_of(account as u16 + 1)
    }

    /// An order of account 0 with a tie.
    fn tied(
        &mut self,
        side: Side,
        limit: Option<i64>,
        lots: u64,
        trigger: Option<i64>,
        link: (Contingency, OrderId),
    ) -> Vec<Event> {
        let (contingency, order) = link;
        let trigger = trigger.map(|ticks| Trigger::At(price(ticks)));
        let with = Instructions { trigger, link: Some(Link { contingency, order }), ..Instructions::NONE };
        let time_in_force = if limit.is_some() { GoodTillCancel } else { ImmediateOrCancel };
        self.order(0, side, limit, lots, time_in_force, Some(with))
    }

    /// The number that account 0's order after next but so many has.
    fn number(&self, ahead: u64) -> OrderId {
        let last = self.last_of(1);
        OrderId::new(SessionId::new(1), last.index() + ahead).unwrap()
    }

    /// A sell limit at 70 with a stop at 50 that sells at the market.
    fn pair(&mut self, contingency: Contingency, lots: u64) -> (OrderId, OrderId) {
        let limit = self.plain(0, Sell, 70, lots);
        assert_eq!(self.tied(Sell, None, lots, Some(50), (contingency, limit)).len(), 1);
        (limit, self.last_of(1))
    }

    /// Held for the order that account 0 sends next: 10 lots to sell at 70, or when 50 trades.
    fn bracket(&mut self) -> (OrderId, OrderId) {
        let entry = self.number(3);
        assert_eq!(self.tied(Sell, Some(70), 10, None, (OneTriggersOther, entry)).len(), 1);
        let limit = self.last_of(1);
        assert_eq!(self.tied(Sell, None, 10, Some(50), (OneUpdatesOther, limit)).len(), 1);
        (limit, self.last_of(1))
    }

    fn cancel(&mut self, order: OrderId) -> Vec<Event> {
        self.send(0, Body::Cancel { order }, &[])
    }

    fn is_open(&self, order: OrderId) -> bool {
        self.stage.engine.order(order).is_some()
    }

    fn left(&self, order: OrderId) -> u64 {
        self.stage.engine.order(order).unwrap().left.lots()
    }

    fn phase(&mut self, phase: Phase) -> Vec<Event> {
        self.try_configure(Configuration::SetPhase(PhaseChange { instrument: InstrumentId::new(0), phase }))
    }
}

/// Account 0 has sent an order, which is gone.
fn zone() -> Pair {
    let mut zone = Pair::new(400, 100_000);
    zone.order(0, Buy, Some(40), 1, ImmediateOrCancel, None);
    zone
}

fn linked(order: OrderId, lots: u64) -> Event {
    Event::Cancelled { order, lots: Lots::new(lots), reason: CancelReason::Linked }
}

#[test]
fn a_part_of_the_limit_order_that_trades_ends_the_stop_and_what_is_left_rests_alone() {
    let mut zone = zone();
    let (limit, stop) = zone.pair(OneCancelsOther, 10);
    let events = zone.order(1, Buy, Some(70), 4, GoodTillCancel, None);
    assert_eq!(trades(&events), [(limit, 4)]);
    assert_eq!(*events.last().unwrap(), linked(stop, 10));
    assert_eq!((zone.left(limit), zone.stage.engine.tied_orders(limit).count()), (6, 0));
    assert_eq!(zone.reserved(0, BASE), 6);
}

#[test]
fn a_trade_of_the_limit_order_takes_as_much_off_the_stop_and_its_whole_ends_it() {
    let mut zone = zone();
    let (limit, stop) = zone.pair(OneUpdatesOther, 10);
    let events = zone.order(1, Buy, Some(70), 4, GoodTillCancel, None);
    assert_eq!(*events.last().unwrap(), Event::Reduced { order: stop, qty: qty(4) });
    assert_eq!((zone.left(limit), zone.left(stop), zone.reserved(0, BASE)), (6, 6, 6));
    let events = zone.order(1, Buy, Some(70), 6, GoodTillCancel, None);
    assert_eq!(*events.last().unwrap(), linked(stop, 6));
    assert_eq!((zone.stage.engine.order_count(), zone.reserved(0, BASE)), (0, 0));
}

#[test]
fn a_pair_reserves_once_and_a_dearer_stop_only_what_is_beyond() {
    let mut zone = zone();
    zone.pair(OneCancelsOther, 10);
    assert_eq!(zone.reserved(0, BASE), 10);
    let mut zone = self::zone();
    let limit = zone.plain(0, Buy, 40, 10);
    zone.tied(Buy, Some(62), 10, Some(60), (OneCancelsOther, limit));
    let stop = zone.last_of(1);
    assert_eq!(zone.reserved(0, QUOTE), 620);
    // The other way round: a limit order joins a stop that reserved for itself.
    zone.cancel(limit);
    assert!(!zone.is_open(stop));
    assert_eq!(zone.reserved(0, QUOTE), 0);
    zone.order(
        0,
        Buy,
        Some(62),
        10,
        GoodTillCancel,
        Some(Instructions { trigger: Some(Trigger::At(price(60))), ..Instructions::NONE }),
    );
    let stop = zone.last_of(1);
    zone.tied(Buy, Some(40), 10, None, (OneUpdatesOther, stop));
    assert_eq!(zone.reserved(0, QUOTE), 620);
    // A lot of the limit order is given for 40; the stop then needs 62 for each of nine.
    let events = zone.order(1, Sell, Some(40), 1, GoodTillCancel, None);
    assert_eq!(zone.reserved(0, QUOTE), 558, "{events:?}");
}

#[test]
fn a_stop_that_is_triggered_ends_the_limit_order_before_it_goes() {
    let mut zone = zone();
    let (limit, stop) = zone.pair(OneUpdatesOther, 10);
    zone.plain(1, Buy, 49, 10);
    zone.plain(1, Sell, 50, 1);
    let events = zone.order(1, Buy, Some(50), 1, GoodTillCancel, None);
    assert_eq!(events[2..4], [linked(limit, 10), Event::Triggered { order: stop }]);
    assert_eq!((zone.stage.engine.order_count(), zone.reserved(0, BASE)), (0, 0));
}

#[test]
fn what_ends_one_ends_the_other() {
    for ended in [0, 1] {
        let mut zone = zone();
        let (limit, stop) = zone.pair(OneCancelsOther, 10);
        let [ended, other] = if ended == 0 { [limit, stop] } else { [stop, limit] };
        let requested = Event::Cancelled { order: ended, lots: Lots::new(10), reason: CancelReason::Requested };
        assert_eq!(zone.cancel(ended), [requested, linked(other, 10)]);
        assert_eq!(zone.reserved(0, BASE), 0);
    }
    // A mass cancel takes both itself, so neither is left to its tie.
    let mut zone = zone();
    zone.pair(OneCancelsOther, 10);
    let session = Some(SessionId::new(1));
    let mass = MassCancel { session, account: None, instrument: None, side: None, cause: MassCancelCause::Disconnect };
    let events = zone.send(0, Body::MassCancel(mass), &[]);
    assert_eq!(events.last(), Some(&Event::MassCancelled { orders: 2 }));
    assert_eq!(events.len(), 3);
}

#[test]
fn a_replaced_order_keeps_its_tie() {
    let mut zone = zone();
    let (limit, stop) = zone.pair(OneUpdatesOther, 10);
    zone.send(0, Body::Replace { order: limit, price: price(80), qty: qty(12) }, &[]);
    zone.send(0, Body::Replace { order: stop, price: price(45), qty: qty(8) }, &[]);
    assert_eq!(zone.stage.engine.tied_orders(limit).collect::<Vec<_>>(), [stop]);
    assert_eq!(zone.reserved(0, BASE), 12);
    // Replaced into the market it trades, which counts.
    zone.plain(1, Buy, 60, 3);
    zone.send(0, Body::Replace { order: limit, price: price(60), qty: qty(12) }, &[]);
    assert_eq!((zone.left(limit), zone.left(stop)), (9, 5));
}

#[test]
fn a_limit_order_that_trades_in_an_auction_ends_its_stop_before_the_price_triggers_it() {
    let mut zone = zone();
    let (limit, stop) = zone.pair(OneCancelsOther, 10);
    zone.phase(Phase::OpeningAuction);
    // The auction's price is below the stop's trigger after the replace.
    zone.send(0, Body::Replace { order: limit, price: price(40), qty: qty(10) }, &[]);
    zone.plain(1, Buy, 40, 10);
    let events = zone.phase(Phase::Continuous);
    let ends = events.iter().filter(|event| matches!(event, Event::Cancelled { .. } | Event::Triggered { .. }));
    assert_eq!(ends.copied().collect::<Vec<_>>(), [linked(stop, 10)]);
}

#[test]
fn a_bracket_waits_for_its_entry_reserves_nothing_and_comes_in_as_a_pair() {
    let mut zone = zone();
    let (limit, stop) = zone.bracket();
    assert_eq!((zone.reserved(0, BASE), zone.stage.engine.best(InstrumentId::new(0), Sell)), (0, None));
    zone.plain(1, Sell, 60, 10);
    // The entry trades at once, and nothing of it was too early.
    let events = zone.tied(Buy, Some(60), 10, None, (OneTriggersOther, limit));
    assert_eq!(*events.last().unwrap(), Event::Triggered { order: limit });
    assert_eq!(zone.stage.engine.best(InstrumentId::new(0), Sell).unwrap().price, price(70));
    assert_eq!(zone.stage.engine.tied_orders(stop).collect::<Vec<_>>(), [limit]);
    assert_eq!(zone.reserved(0, BASE), 10);
}

#[test]
fn a_bracket_comes_in_with_what_its_entry_traded_when_that_is_done() {
    let mut zone = zone();
    let (limit, stop) = zone.bracket();
    zone.tied(Buy, Some(60), 10, None, (OneTriggersOther, limit));
    let entry = zone.last_of(1);
    zone.order(1, Sell, Some(60), 4, GoodTillCancel, None);
    assert_eq!(zone.stage.engine.best(InstrumentId::new(0), Sell), None, "a part lets nothing in");
    let events = zone.cancel(entry);
    let cut = |order| Event::Reduced { order, qty: qty(6) };
    assert_eq!(events[1..], [cut(limit), cut(stop), Event::Triggered { order: limit }]);
    assert_eq!((zone.left(limit), zone.left(stop), zone.reserved(0, BASE)), (4, 4, 4));
}

#[test]
fn a_bracket_ends_with_an_entry_that_did_not_trade_or_never_was() {
    let mut zone = zone();
    let (limit, stop) = zone.bracket();
    zone.tied(Buy, Some(60), 10, None, (OneTriggersOther, limit));
    let entry = zone.last_of(1);
    assert_eq!(zone.cancel(entry)[1..], [linked(limit, 10), linked(stop, 10)]);
    let (limit, stop) = zone.bracket();
    let events = zone.tied(Buy, Some(60), 1_000, None, (OneTriggersOther, limit));
    assert!(matches!(events[0], Event::Rejected { reject: Reject::TooLarge { .. }, .. }));
    assert_eq!(events[1..], [linked(limit, 10), linked(stop, 10)]);
    // An entry that is only one of the two that are held takes the other with it.
    let (limit, stop) = zone.bracket();
    assert_eq!(zone.cancel(stop)[1..], [linked(limit, 10)]);
    let events = zone.tied(Buy, Some(60), 10, None, (OneTriggersOther, limit));
    assert!(matches!(events[..], [Event::Rejected { reject: Reject::UnknownOrder, .. }]), "{events:?}");
}

#[test]
fn where_nothing_may_trade_held_orders_end_with_their_entry() {
    let mut zone = zone();
    let (limit, stop) = zone.bracket();
    zone.tied(Buy, Some(60), 10, None, (OneTriggersOther, limit));
    let entry = zone.last_of(1);
    zone.order(1, Sell, Some(60), 4, GoodTillCancel, None);
    let crowd = EXPIRED_MAX + 2;
    let due = TimestampNs::new(zone.stage.seq + u64::from(crowd) + 1);
    for _ in 0..crowd {
        let with = Instructions { lifetime: Some(Lifetime::Until(due)), ..Instructions::NONE };
        zone.order(1, Buy, Some(1), 1, GoodTillCancel, Some(with));
    }
    // The crowd's time comes with the next command, and one command ends only so many.
    assert!(zone.is_open(entry));
    let events = zone.cancel(entry);
    assert_eq!(events[events.len() - 2..], [linked(limit, 10), linked(stop, 10)]);
}

#[test]
fn held_orders_do_not_come_in_while_a_day_that_is_over_leaves_orders() {
    let mut zone = zone();
    let (limit, stop) = zone.bracket();
    let link = Some(Link { contingency: OneTriggersOther, order: limit });
    let day = Instructions { lifetime: Some(Lifetime::Day), ..Instructions::NONE };
    zone.order(0, Buy, Some(60), 10, GoodTillCancel, Some(Instructions { link, ..day }));
    zone.order(1, Sell, Some(60), 4, GoodTillCancel, None);
    for _ in 0..=EXPIRED_MAX {
        zone.order(1, Buy, Some(1), 1, GoodTillCancel, Some(day));
    }
    // The entry goes with the first part of what the day leaves.
    let events = zone.phase(Phase::PreOpen);
    assert!(zone.phase(Phase::PreOpen).len() < events.len());
    let ends: Vec<Event> = events.into_iter().filter(|event| [linked(limit, 10), linked(stop, 10)].contains(event)).collect();
    assert_eq!(ends, [linked(limit, 10), linked(stop, 10)]);
}

#[test]
fn ties_that_cannot_be_are_refused_and_use_up_the_number() {
    let mut zone = zone();
    let reject = |events: Vec<Event>| match events[..] {
        [Event::Rejected { reject, .. }] => reject,
        ref events => panic!("{events:?}"),
    };
    let limit = zone.plain(0, Sell, 70, 5);
    let other = zone.plain(1, Sell, 71, 5);
    let missing = OrderId::new(SessionId::new(1), 77).unwrap();
    for (tied, expected) in [
        (zone.tied(Sell, None, 5, Some(50), (OneCancelsOther, other)), Reject::UnknownOrder),
        (zone.tied(Sell, None, 5, Some(50), (OneCancelsOther, missing)), Reject::UnknownOrder),
        (zone.tied(Buy, None, 5, Some(90), (OneCancelsOther, limit)), Reject::Contradiction),
        (zone.tied(Sell, Some(60), 5, None, (OneCancelsOther, limit)), Reject::Contradiction),
        (zone.tied(Buy, Some(60), 5, None, (OneTriggersOther, limit)), Reject::Contradiction),
    ] {
        assert_eq!(reject(tied), expected);
    }
    zone.tied(Sell, None, 5, Some(50), (OneCancelsOther, limit));
    assert_eq!(reject(zone.tied(Sell, None, 5, Some(50), (OneCancelsOther, limit))), Reject::Contradiction, "a pair is two");
}
