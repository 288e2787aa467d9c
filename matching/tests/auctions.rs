//! Phases and auctions, one scenario each. That the price is right whatever the book is, the naive model checks by trying every price.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod flow;
mod zone;

use Side::{Buy, Sell};
use TimeInForce::{FillOrKill, GoodTillCancel, ImmediateOrCancel};
use flow::{account, asset, deposit, instrument, mandate};
use plinth_matching::engine::Engine;
use plinth_matching::limits::Capacity;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::{AccountId, AssetId, InstrumentId, OrderId, SessionId};
use plinth_types::instructions::{Instructions, Trigger};
use plinth_types::quantity::{Lots, Price, Qty};
use plinth_types::reference::{Configuration, Phase, PhaseChange, Scope};
use plinth_types::reject::Reject;
use zone::Stage;

const INSTRUMENT: InstrumentId = InstrumentId::new(0);

/// One instrument; session 1 trades for account 0.
struct Zone {
    stage: Stage,
    last: u64,
}

impl Zone {
    fn new() -> Self {
        let capacity = Capacity {
            orders_max: 100,
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
            assert_eq!(zone.stage.send(0, 0, Body::Configure, &configuration.to_bytes()), [Event::Configured]);
        }
        for at in 0..2 {
            zone.stage.send(0, 0, Body::Inbox, &deposit(u64::from(at) + 1, 0, at, 100_000).to_bytes());
        }
        zone
    }

    fn order(&mut self, side: Side, ticks: i64, lots: u64, time_in_force: TimeInForce, with: Option<Instructions>) -> Vec<Event> {
        self.last += 1;
        let new = NewOrder {
            order: self.last(),
            instrument: INSTRUMENT,
            side,
            price: OrderPrice::Limit(price(ticks)),
            qty: Qty::from_lots(lots).unwrap(),
            time_in_force,
            post_only: false,
            instructed: with.is_some(),
        };
        self.stage.send(1, 0, Body::New(new), &with.map_or_else(Vec::new, |with| with.to_bytes()))
    }

    fn last(&self) -> OrderId {
        OrderId::new(SessionId::new(1), self.last).unwrap()
    }

    fn rest(&mut self, side: Side, ticks: i64, lots: u64) -> OrderId {
        let events = self.order(side, ticks, lots, GoodTillCancel, None);
        let [Event::Accepted { order }] = events[..] else { panic!("{events:?}") };
        order
    }

    /// What the change says after it is said itself.
    fn change(&mut self, phase: Phase) -> Vec<Event> {
        let change = Configuration::SetPhase(PhaseChange { instrument: INSTRUMENT, phase });
        let mut events = self.stage.send(0, 0, Body::Configure, &change.to_bytes());
        assert_eq!(events[..2], [Event::Configured, Event::PhaseChanged { instrument: INSTRUMENT, phase }]);
        events.split_off(2)
    }

    fn trade_at(&mut self, ticks: i64) {
        self.rest(Sell, ticks, 1);
        assert_eq!(self.order(Buy, ticks, 1, GoodTillCancel, None).len(), 2);
    }
}

fn price(ticks: i64) -> Price {
    Price::from_ticks(ticks).unwrap()
}

/// Buyer, seller, price and lots of the trades.
fn trades(events: &[Event]) -> Vec<(OrderId, OrderId, i64, u64)> {
    let made = |event: &Event| {
        let Event::Traded { maker, taker, price, qty, .. } = *event else { return None };
        Some((taker, maker, price.ticks(), qty.lots()))
    };
    events.iter().filter_map(made).collect()
}

#[test]
fn the_price_follows_from_volume_surplus_pressure_and_the_last_trade() {
    use Side::{Buy as B, Sell as S};
    type Case = (&'static str, Option<i64>, &'static [(Side, i64, u64)], (i64, u64, u64));
    let cases: [Case; 9] = [
        ("most volume", None, &[(B, 60, 5), (B, 55, 5), (S, 50, 4), (S, 55, 6)], (55, 10, 0)),
        ("least surplus", None, &[(B, 60, 5), (B, 52, 9), (S, 50, 5), (S, 58, 1)], (55, 5, 0)),
        ("bids left over press upwards", None, &[(B, 60, 9), (S, 50, 5)], (60, 5, 4)),
        ("offers left over press downwards", Some(60), &[(B, 60, 5), (S, 50, 9)], (50, 5, 4)),
        ("the last trade, between", Some(57), &[(B, 60, 5), (S, 50, 5)], (57, 5, 0)),
        ("the last trade, above", Some(70), &[(B, 60, 5), (S, 50, 5)], (60, 5, 0)),
        ("no last trade: the middle", None, &[(B, 61, 5), (S, 50, 5)], (55, 5, 0)),
        ("neighbours, fewer bids", None, &[(B, 60, 5), (S, 50, 5), (B, 54, 2), (S, 55, 3)], (54, 5, 2)),
        ("neighbours, as many: the last trade", Some(57), &[(B, 60, 5), (S, 50, 5), (B, 54, 2), (S, 55, 2)], (57, 5, 2)),
    ];
    for (name, last, orders, expected) in cases {
        let mut zone = Zone::new();
        last.into_iter().for_each(|ticks| zone.trade_at(ticks));
        zone.change(Phase::OpeningAuction);
        for &(side, ticks, lots) in orders {
            zone.rest(side, ticks, lots);
        }
        let events = zone.change(Phase::OpeningAuction);
        let [Event::Indicative { price, lots, surplus, .. }] = events[..] else { panic!("{events:?}") };
        assert_eq!((price.unwrap().ticks(), lots.get(), surplus.get()), expected, "{name}");
        let made = trades(&zone.change(Phase::Continuous));
        assert_eq!(made.iter().map(|trade| trade.3).sum::<u64>(), expected.1, "{name}");
        assert!(made.iter().all(|trade| trade.2 == expected.0), "{name}");
    }
}

#[test]
fn an_auction_trades_by_price_then_age_and_releases_what_a_bid_does_not_pay() {
    let mut zone = Zone::new();
    zone.change(Phase::PreOpen);
    let early = zone.rest(Buy, 60, 3);
    let better = zone.rest(Buy, 62, 2);
    let late = zone.rest(Buy, 60, 3);
    let offers = [zone.rest(Sell, 55, 4), zone.rest(Sell, 50, 2)];
    let quote = |zone: &Zone| zone.stage.engine.balance(AccountId::new(0), AssetId::new(0)).unwrap();
    assert_eq!(quote(&zone).reserved.units(), 60 * 6 + 62 * 2);
    assert_eq!(zone.change(Phase::OpeningAuction).len(), 1, "no trade between pre-open and an auction");
    let events = zone.change(Phase::Continuous);
    let expected = [(better, offers[1], 60, 2), (early, offers[0], 60, 3), (late, offers[0], 60, 1)];
    assert_eq!(trades(&events), expected);
    assert_eq!(quote(&zone).reserved.units(), 60 * 2);
    assert_eq!(zone.stage.engine.last_price(INSTRUMENT), Some(price(60)));
}

#[test]
fn a_phase_without_trades_takes_what_rests_and_a_halt_takes_cancels() {
    let mut zone = Zone::new();
    zone.trade_at(50);
    let order = zone.rest(Buy, 40, 2);
    let stop = |ticks| Some(Instructions { trigger: Some(Trigger::At(price(ticks))), ..Instructions::NONE });
    zone.change(Phase::VolatilityAuction);
    for (time_in_force, with) in [(ImmediateOrCancel, None), (FillOrKill, None), (GoodTillCancel, stop(49))] {
        let events = zone.order(Buy, 60, 1, time_in_force, with);
        assert_eq!(events, [Event::Rejected { order: zone.last(), reject: Reject::NotInPhase }]);
    }
    assert_eq!(zone.order(Buy, 60, 1, GoodTillCancel, stop(51)), [Event::Accepted { order: zone.last() }]);
    zone.change(Phase::Halt);
    let events = zone.order(Buy, 40, 1, GoodTillCancel, None);
    assert_eq!(events, [Event::Rejected { order: zone.last(), reject: Reject::NotInPhase }]);
    let replace = Body::Replace { order, price: price(41), qty: Qty::from_lots(2).unwrap() };
    assert_eq!(zone.stage.send(1, 0, replace, &[]), [Event::CancelRejected { order, reject: Reject::NotInPhase }]);
    let cancelled = Event::Cancelled { order, lots: Lots::new(2), reason: CancelReason::Requested };
    assert_eq!(zone.stage.send(1, 0, Body::Cancel { order }, &[]), [cancelled]);
}

#[test]
fn a_halt_interrupts_an_auction_and_a_closing_one_ends_the_day() {
    let mut zone = Zone::new();
    zone.change(Phase::ClosingAuction);
    zone.rest(Buy, 60, 2);
    zone.rest(Sell, 50, 1);
    assert_eq!(trades(&zone.change(Phase::Halt)), []);
    assert_eq!(trades(&zone.change(Phase::ClosingAuction)), []);
    assert_eq!(trades(&zone.change(Phase::PreOpen)).len(), 1);
    let nothing =
        Event::Indicative { instrument: INSTRUMENT, price: None, lots: Lots::ZERO, surplus: Lots::ZERO, surplus_side: Buy };
    assert_eq!(zone.change(Phase::OpeningAuction), [nothing]);
}

#[test]
fn the_price_of_an_auction_triggers_what_waits() {
    let mut zone = Zone::new();
    let stop = Instructions { trigger: Some(Trigger::At(price(55))), ..Instructions::NONE };
    let events = zone.order(Sell, 45, 1, GoodTillCancel, Some(stop));
    let [Event::Accepted { order }] = events[..] else { panic!("{events:?}") };
    zone.change(Phase::OpeningAuction);
    let bid = zone.rest(Buy, 55, 2);
    zone.rest(Sell, 50, 1);
    let events = zone.change(Phase::Continuous);
    assert_eq!(trades(&events)[1..], [(order, bid, 55, 1)].map(|(seller, buyer, at, lots)| (seller, buyer, at, lots)));
    assert!(events.contains(&Event::Triggered { order }));
}
