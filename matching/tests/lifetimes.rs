//! Orders of the day, until a time, at the open, at the close: one scenario each.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod flow;
mod zone;

use Side::{Buy, Sell};
use flow::{account, asset, deposit, instrument, mandate};
use plinth_matching::engine::Engine;
use plinth_matching::limits::{AUCTION_MAX, Capacity, EXPIRED_MAX};
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::{InstrumentId, MandateId, OrderId, Seq, SessionId, TimestampNs};
use plinth_types::instructions::{Instructions, Lifetime, Trigger};
use plinth_types::quantity::{Lots, Price, Qty};
use plinth_types::reference::{Configuration, Expiry, Phase, PhaseChange, Scope};
use plinth_types::reject::Reject;
use zone::Stage;

const INSTRUMENT: InstrumentId = InstrumentId::new(0);
const GONE: CancelReason = CancelReason::Expired;

/// One instrument; session 1 trades for account 0.
struct Zone {
    stage: Stage,
    last: u64,
}

impl Zone {
    fn new() -> Self {
        let capacity = Capacity {
            orders_max: 2 * AUCTION_MAX,
            accounts_max: 1,
            assets_max: 2,
            sessions_max: 2,
            instruments_max: 1,
            mandates_max: 1,
            levels_max: 64,
            spill_levels_max: 4,
        };
        let mut zone = Self { stage: Stage::new(Engine::new(capacity, ())), last: 0 };
        for configuration in [
            Configuration::AddAsset(asset(0)),
            Configuration::AddAsset(asset(1)),
            Configuration::OpenAccount(account(0)),
            Configuration::ListInstrument(instrument(0)),
            Configuration::GrantMandate(mandate(0, 1, 0, Scope::Trade, u64::MAX)),
        ] {
            assert_eq!(zone.configure(configuration), [Event::Configured]);
        }
        for at in 0..2 {
            zone.stage.send(0, 0, Body::Inbox, &deposit(u64::from(at) + 1, 0, at, 10_000_000).to_bytes());
        }
        zone
    }

    fn configure(&mut self, configuration: Configuration) -> Vec<Event> {
        self.stage.send(0, 0, Body::Configure, &configuration.to_bytes())
    }

    fn phase(&mut self, phase: Phase) -> Vec<Event> {
        self.configure(Configuration::SetPhase(PhaseChange { instrument: INSTRUMENT, phase }))
    }

    fn new_order(&mut self, side: Side, ticks: i64, instructed: bool) -> Body {
        self.last += 1;
        Body::New(NewOrder {
            order: id(self.last),
            instrument: INSTRUMENT,
            side,
            price: OrderPrice::Limit(price(ticks)),
            qty: Qty::from_lots(2).unwrap(),
            time_in_force: TimeInForce::GoodTillCancel,
            post_only: false,
            instructed,
        })
    }

    fn order(&mut self, side: Side, ticks: i64, lifetime: Lifetime) -> Vec<Event> {
        let body = self.new_order(side, ticks, true);
        self.stage.send(1, 0, body, &Instructions { lifetime: Some(lifetime), ..Instructions::NONE }.to_bytes())
    }

    fn accepted(&mut self, side: Side, ticks: i64, lifetime: Lifetime) -> OrderId {
        let events = self.order(side, ticks, lifetime);
        let [Event::Accepted { order }] = events[..] else { panic!("{events:?}") };
        order
    }

    /// Without the checks of the whole state, which would take minutes for a crowd.
    fn crowd(&mut self, count: u32, lifetime: Lifetime) {
        for _ in 0..count {
            let body = self.new_order(Buy, 40, true);
            let tail = Instructions { lifetime: Some(lifetime), ..Instructions::NONE }.to_bytes();
            let events = self.stage.send_unchecked(1, 0, body, &tail);
            assert!(matches!(events[..], [Event::Accepted { .. }]), "{events:?}");
        }
    }

    /// A command stamped with this time.
    fn at(&mut self, time: u64, session: u16, body: Body, tail: &[u8]) -> Vec<Event> {
        self.stage.seq += 1;
        let command = Command {
            seq: Seq::new(self.stage.seq),
            time: TimestampNs::new(time),
            session: SessionId::new(session),
            mandate: MandateId::new(0),
            body,
            tail_size: tail.len() as u16,
        };
        let mut events = Vec::new();
        self.stage.engine.apply(&command, tail, &mut events);
        plinth_matching::state::check(&self.stage.engine).unwrap();
        events
    }

    fn open(&self) -> u32 {
        self.stage.engine.order_count()
    }
}

fn id(index: u64) -> OrderId {
    OrderId::new(SessionId::new(1), index).unwrap()
}

fn price(ticks: i64) -> Price {
    Price::from_ticks(ticks).unwrap()
}

fn until(time: u64) -> Lifetime {
    Lifetime::Until(TimestampNs::new(time))
}

fn gone(order: OrderId) -> Event {
    Event::Cancelled { order, lots: Lots::new(2), reason: GONE }
}

fn expire(ends_day: bool) -> Vec<u8> {
    Configuration::Expire(Expiry { instrument: INSTRUMENT, ends_day }).to_bytes()
}

#[test]
fn nothing_trades_with_an_order_whose_time_has_come() {
    let mut zone = Zone::new();
    let late = zone.accepted(Sell, 50, until(1_000));
    let early = zone.accepted(Sell, 50, until(900));
    assert_eq!(zone.stage.engine.next_due(), Some(TimestampNs::new(900)));
    let order = zone.new_order(Buy, 50, false);
    // At 899 it trades with the older one, which lives longer; at 900 the other one is gone before the taker comes.
    assert!(matches!(zone.at(899, 1, order, &[])[1], Event::Traded { maker, .. } if maker == late));
    let order = zone.new_order(Buy, 50, false);
    assert_eq!(zone.at(900, 1, order, &[]), [gone(early), Event::Accepted { order: id(zone.last) }]);
    assert_eq!(zone.stage.engine.next_due(), None);
}

#[test]
fn an_order_that_comes_too_late_is_refused_and_its_number_is_used_up() {
    let mut zone = Zone::new();
    let now = zone.stage.seq + 1;
    assert_eq!(zone.order(Buy, 40, until(now)), [Event::Rejected { order: id(1), reject: Reject::Expired }]);
    assert_eq!(zone.stage.engine.next_order_index(SessionId::new(1)), Some(2));
}

#[test]
fn of_a_crowd_only_so_many_go_with_a_command_and_nothing_trades_before_all_have() {
    let mut zone = Zone::new();
    zone.crowd(2 * EXPIRED_MAX + 1, until(100_000));
    let kept = zone.accepted(Buy, 39, Lifetime::Day);
    let (first, second) =
        (zone.new_order(Sell, 40, false), Body::Replace { order: kept, price: price(41), qty: Qty::from_lots(1).unwrap() });
    let events = zone.at(100_000, 1, first, &[]);
    assert_eq!(events.len(), 1 + EXPIRED_MAX as usize);
    assert_eq!(events[..2], [gone(id(1)), gone(id(2))], "of one time the lower number goes first");
    assert_eq!(events.last(), Some(&Event::Rejected { order: id(zone.last), reject: Reject::Expiring }));
    let events = zone.at(100_000, 1, second, &[]);
    assert_eq!(events.last(), Some(&Event::CancelRejected { order: kept, reject: Reject::Expiring }));
    assert!(zone.stage.engine.is_due(TimestampNs::new(100_000)));
    // A cancel is taken, and takes the last one off before.
    let events = zone.at(100_000, 1, Body::Cancel { order: kept }, &[]);
    assert_eq!(
        events,
        [
            gone(id(u64::from(2 * EXPIRED_MAX + 1))),
            Event::Cancelled { order: kept, lots: Lots::new(2), reason: CancelReason::Requested }
        ]
    );
    assert_eq!(zone.open(), 0);
}

#[test]
fn a_day_ends_with_pre_open_and_takes_stops_and_orders_at_the_close_along() {
    let mut zone = Zone::new();
    let resting = zone.accepted(Buy, 40, Lifetime::Day);
    let body = zone.new_order(Sell, 30, true);
    let stop = Instructions { trigger: Some(Trigger::At(price(30))), lifetime: Some(Lifetime::Day), ..Instructions::NONE };
    zone.stage.send(1, 0, body, &stop.to_bytes());
    let close = zone.accepted(Sell, 60, Lifetime::Closing);
    let open = zone.accepted(Sell, 60, Lifetime::Opening);
    let kept = zone.accepted(Buy, 39, until(u64::MAX));
    assert_eq!(zone.phase(Phase::Halt).len(), 3, "an interruption: configured, changed, indicative");
    assert_eq!(zone.phase(Phase::PreOpen).len(), 3, "a halt ends no day");
    zone.phase(Phase::ClosingAuction);
    let events = zone.phase(Phase::PreOpen);
    // The order at the close came in with its auction and went with it.
    assert_eq!(events[2..], [gone(close), gone(resting), gone(id(2))]);
    assert_eq!((zone.open(), zone.stage.engine.order(open).unwrap().waits), (2, true));
    assert!(!zone.stage.engine.order(kept).unwrap().waits);
}

#[test]
fn a_crowd_of_a_day_goes_batch_by_batch_and_holds_up_the_next_uncrossing() {
    let mut zone = Zone::new();
    zone.crowd(EXPIRED_MAX + 3, Lifetime::Day);
    let close = zone.accepted(Sell, 60, Lifetime::Closing);
    let events = zone.phase(Phase::PreOpen);
    assert_eq!(events.len(), 2 + EXPIRED_MAX as usize + 1);
    assert!(zone.stage.engine.is_expiring(INSTRUMENT));
    let today = zone.accepted(Buy, 41, Lifetime::Day);
    assert_eq!(zone.phase(Phase::Continuous), [Event::ConfigurationRefused { reject: Reject::Expiring }]);
    // Orders of the new day stay when one in the middle of the old is cancelled meanwhile.
    let cancelled = id(u64::from(EXPIRED_MAX) + 2);
    zone.stage.send(1, 0, Body::Cancel { order: cancelled }, &[]);
    let events = zone.stage.send(0, 0, Body::Configure, &expire(false));
    assert_eq!(
        events,
        [Event::Configured, gone(id(u64::from(EXPIRED_MAX) + 1)), gone(id(u64::from(EXPIRED_MAX) + 3)), gone(close)]
    );
    assert!(!zone.stage.engine.is_expiring(INSTRUMENT));
    zone.phase(Phase::Continuous);
    assert_eq!((zone.open(), zone.stage.engine.order(today).is_some()), (1, true));
    assert_eq!(zone.stage.send(0, 0, Body::Configure, &expire(true)), [Event::ConfigurationRefused { reject: Reject::NotInPhase }]);
    zone.phase(Phase::Halt);
    assert_eq!(zone.stage.send(0, 0, Body::Configure, &expire(true)), [Event::Configured, gone(today)]);
}

#[test]
fn an_order_at_the_open_waits_for_its_auction_and_goes_with_it() {
    let mut zone = Zone::new();
    let (first, second) = (zone.accepted(Buy, 50, Lifetime::Opening), zone.accepted(Sell, 45, Lifetime::Opening));
    assert_eq!(zone.stage.engine.best(INSTRUMENT, Buy), None, "it is not on the book");
    let plain = zone.new_order(Sell, 44, false);
    assert_eq!(zone.stage.send(1, 0, plain, &[]).len(), 1, "and does not trade");
    zone.phase(Phase::PreOpen);
    let events = zone.phase(Phase::OpeningAuction);
    assert_eq!(events[2..4], [Event::Triggered { order: first }, Event::Triggered { order: second }]);
    let third = zone.accepted(Sell, 51, Lifetime::Opening);
    let events = zone.phase(Phase::Continuous);
    assert!(matches!(events[2], Event::Traded { taker, .. } if taker == first), "{events:?}");
    assert_eq!(events[3..], [gone(second), gone(third)]);
    assert_eq!(zone.open(), 0);
}

#[test]
fn an_auction_takes_so_many_orders_and_they_come_and_go_in_one_command() {
    let mut zone = Zone::new();
    zone.crowd(AUCTION_MAX, Lifetime::Opening);
    assert_eq!(zone.order(Buy, 40, Lifetime::Closing), [Event::Rejected { order: id(zone.last), reject: Reject::CapacityReached }]);
    assert_eq!(zone.phase(Phase::OpeningAuction).len(), 3 + AUCTION_MAX as usize);
    assert_eq!(zone.phase(Phase::Continuous).len(), 2 + AUCTION_MAX as usize);
    assert_eq!(zone.open(), 0);
}

#[test]
fn a_replaced_order_keeps_its_lifetime() {
    let mut zone = Zone::new();
    let (dated, parked) = (zone.accepted(Buy, 40, until(5_000)), zone.accepted(Buy, 40, Lifetime::Closing));
    for order in [dated, parked] {
        let moved = Body::Replace { order, price: price(41), qty: Qty::from_lots(2).unwrap() };
        let replaced = Event::Replaced { order, price: price(41), qty: Qty::from_lots(2).unwrap(), kept_priority: false };
        assert_eq!(zone.stage.send(1, 0, moved, &[]), [replaced]);
        let smaller = Body::Replace { order, price: price(41), qty: Qty::from_lots(1).unwrap() };
        let replaced = Event::Replaced { order, price: price(41), qty: Qty::from_lots(1).unwrap(), kept_priority: true };
        assert_eq!(zone.stage.send(1, 0, smaller, &[]), [replaced]);
    }
    let lives = |zone: &Zone, order| zone.stage.engine.order(order).unwrap().lifetime;
    assert_eq!((lives(&zone, dated), lives(&zone, parked)), (Some(until(5_000)), Some(Lifetime::Closing)));
    let expired = Event::Cancelled { order: dated, lots: Lots::new(1), reason: GONE };
    assert_eq!(zone.at(5_000, 0, Body::Configure, &expire(false)), [expired, Event::Configured]);
    // In the auction it is on the book and can be replaced there; it stays an order at the close.
    zone.phase(Phase::ClosingAuction);
    let bigger = Body::Replace { order: parked, price: price(41), qty: Qty::from_lots(2).unwrap() };
    zone.stage.send(1, 0, bigger, &[]);
    assert_eq!(zone.phase(Phase::Continuous)[2..], [gone(parked)]);
}
