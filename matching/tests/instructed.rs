//! Icebergs and minimum quantities, one scenario each.

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
use plinth_types::id::{AccountId, AssetId, InstrumentId, OrderId, SessionId, TradeId};
use plinth_types::instructions::Instructions;
use plinth_types::quantity::{Lots, Price, Qty};
use plinth_types::reference::{Configuration, Scope};
use plinth_types::reject::Reject;
use zone::Stage;

const NONE: Instructions = Instructions { display: None, minimum: None, trigger: None };

/// One instrument; sessions 1 and 2 trade for accounts 0 and 1.
struct Zone {
    stage: Stage,
    last: [u64; 3],
}

impl Zone {
    fn new() -> Self {
        let capacity = Capacity {
            orders_max: 20,
            accounts_max: 2,
            assets_max: 2,
            sessions_max: 3,
            instruments_max: 1,
            mandates_max: 2,
            levels_max: 64,
            spill_levels_max: 4,
        };
        let mut zone = Self { stage: Stage::new(Engine::new(capacity, ())), last: [0; 3] };
        let mut opening = Vec::new();
        for id in 0..2_u16 {
            opening.push(Configuration::AddAsset(asset(id)));
            opening.push(Configuration::OpenAccount(account(id.into())));
            opening.push(Configuration::GrantMandate(mandate(id.into(), id + 1, id.into(), Scope::Trade, u64::MAX)));
        }
        opening.push(Configuration::ListInstrument(instrument(0)));
        for configuration in opening {
            assert_eq!(zone.send(0, 0, Body::Configure, &configuration.to_bytes()), [Event::Configured]);
        }
        for at in 0..4_u64 {
            zone.send(0, 0, Body::Inbox, &deposit(at + 1, at as u32 / 2, at as u16 % 2, 10_000).to_bytes());
        }
        zone
    }

    fn send(&mut self, session: u16, mandate: u32, body: Body, tail: &[u8]) -> Vec<Event> {
        self.stage.send(session, mandate, body, tail)
    }

    fn order(&mut self, account: u32, side: Side, ticks: i64, lots: u64, tif: TimeInForce, with: Instructions) -> Vec<Event> {
        let session = account as u16 + 1;
        self.last[usize::from(session)] += 1;
        let new = NewOrder {
            order: id(session, self.last[usize::from(session)]),
            instrument: InstrumentId::new(0),
            side,
            price: OrderPrice::Limit(Price::from_ticks(ticks).unwrap()),
            qty: qty(lots),
            time_in_force: tif,
            post_only: false,
            instructed: with != NONE,
        };
        let tail = if new.instructed { with.to_bytes() } else { Vec::new() };
        self.send(session, account, Body::New(new), &tail)
    }

    fn rest(&mut self, side: Side, ticks: i64, lots: u64, display: Option<u64>) -> OrderId {
        let events = self.order(0, side, ticks, lots, GoodTillCancel, Instructions { display: display.map(qty), ..NONE });
        let [Event::Accepted { order }] = events[..] else { panic!("{events:?}") };
        order
    }

    fn shown(&self, side: Side) -> u64 {
        self.stage.engine.best(InstrumentId::new(0), side).map_or(0, |best| best.lots.get())
    }

    fn reserved(&self, account: u32, asset: u16) -> u128 {
        self.stage.engine.balance(AccountId::new(account), AssetId::new(asset)).unwrap().reserved.units()
    }
}

fn id(session: u16, index: u64) -> OrderId {
    OrderId::new(SessionId::new(session), index).unwrap()
}

fn qty(lots: u64) -> Qty {
    Qty::from_lots(lots).unwrap()
}

/// The trades among events: which resting order, how much.
fn trades(events: &[Event]) -> Vec<(OrderId, u64)> {
    let made = |event: &Event| {
        let Event::Traded { maker, qty, .. } = *event else { return None };
        Some((maker, qty.lots()))
    };
    events.iter().filter_map(made).collect()
}

#[test]
fn an_iceberg_shows_a_part_reserves_the_whole_and_comes_back_at_the_end_of_the_queue() {
    let mut zone = Zone::new();
    let iceberg = zone.rest(Sell, 50, 10, Some(4));
    let plain = zone.rest(Sell, 50, 3, None);
    assert_eq!((zone.shown(Sell), zone.reserved(0, 1)), (7, 13));
    // All that is shown at the price trades before anything hidden does.
    let events = zone.order(1, Buy, 50, 9, ImmediateOrCancel, NONE);
    assert_eq!(trades(&events), [(iceberg, 4), (plain, 3), (iceberg, 2)]);
    assert_eq!((zone.shown(Sell), zone.reserved(0, 1)), (2, 4));
    assert_eq!(zone.stage.engine.order(iceberg).unwrap().left, qty(4));
    // The last part is smaller than what may be shown.
    let events = zone.order(1, Buy, 50, 9, ImmediateOrCancel, NONE);
    assert_eq!(trades(&events), [(iceberg, 2), (iceberg, 2)]);
    assert_eq!((zone.shown(Sell), zone.reserved(0, 1), zone.stage.engine.order_count()), (0, 0, 0));
}

#[test]
fn an_iceberg_takes_with_all_of_its_quantity() {
    let mut zone = Zone::new();
    let offer = zone.rest(Sell, 50, 6, None);
    let events = zone.order(1, Buy, 50, 10, GoodTillCancel, Instructions { display: Some(qty(3)), ..NONE });
    assert_eq!(trades(&events), [(offer, 6)]);
    assert_eq!((zone.shown(Buy), zone.stage.engine.order(id(2, 1)).unwrap().left), (3, qty(4)));
}

#[test]
fn a_fill_or_kill_order_counts_what_is_hidden() {
    let mut zone = Zone::new();
    let iceberg = zone.rest(Sell, 50, 5, Some(2));
    let events = zone.order(1, Buy, 50, 5, FillOrKill, NONE);
    assert_eq!(trades(&events), [(iceberg, 2), (iceberg, 2), (iceberg, 1)]);
}

#[test]
fn a_smaller_iceberg_keeps_its_place_and_loses_what_is_hidden_first() {
    let mut zone = Zone::new();
    let iceberg = zone.rest(Sell, 50, 10, Some(4));
    let plain = zone.rest(Sell, 50, 1, None);
    let price = Price::from_ticks(50).unwrap();
    let smaller = |lots| Body::Replace { order: iceberg, price, qty: qty(lots) };
    let kept = |lots| [Event::Replaced { order: iceberg, price, qty: qty(lots), kept_priority: true }];
    assert_eq!(zone.send(1, 0, smaller(5), &[]), kept(5));
    assert_eq!((zone.shown(Sell), zone.reserved(0, 1)), (5, 6));
    assert_eq!(zone.send(1, 0, smaller(3), &[]), kept(3));
    assert_eq!((zone.shown(Sell), zone.reserved(0, 1)), (4, 4));
    // Elsewhere it shows as much at a time as it did.
    let moved = Body::Replace { order: iceberg, price: Price::from_ticks(49).unwrap(), qty: qty(9) };
    zone.send(1, 0, moved, &[]);
    assert_eq!((zone.shown(Sell), zone.reserved(0, 1)), (4, 10));
    let gone = Event::Cancelled { order: iceberg, lots: Lots::new(9), reason: CancelReason::Requested };
    assert_eq!(zone.send(1, 0, Body::Cancel { order: iceberg }, &[]), [gone]);
    assert_eq!((zone.shown(Sell), zone.reserved(0, 1)), (1, 1));
    assert!(zone.stage.engine.order(plain).is_some());
}

#[test]
fn an_order_trades_its_minimum_at_once_or_nothing() {
    let mut zone = Zone::new();
    let offers = [zone.rest(Sell, 50, 3, None), zone.rest(Sell, 51, 3, None)];
    let minimum = |lots| Instructions { minimum: Some(qty(lots)), ..NONE };
    let events = zone.order(1, Buy, 50, 5, ImmediateOrCancel, minimum(4));
    let killed = Event::Cancelled { order: id(2, 1), lots: Lots::new(5), reason: CancelReason::NotFillable };
    assert_eq!(events, [Event::Accepted { order: id(2, 1) }, killed]);
    let events = zone.order(1, Buy, 51, 8, ImmediateOrCancel, minimum(4));
    assert_eq!(trades(&events), [(offers[0], 3), (offers[1], 3)]);
    let rest = Event::Cancelled { order: id(2, 2), lots: Lots::new(2), reason: CancelReason::Unfilled };
    assert_eq!(events.last(), Some(&rest));
    assert_eq!((zone.stage.engine.last_trade(), zone.reserved(1, 0)), (TradeId::new(2), 0));
}

#[test]
fn instructions_that_cannot_be_followed_are_refused() {
    let mut zone = Zone::new();
    let (display, minimum) = (Some(qty(2)), Some(qty(2)));
    let (shows, least) = (Instructions { display, ..NONE }, Instructions { minimum, ..NONE });
    let refused = [
        (1, GoodTillCancel, shows),
        (2, ImmediateOrCancel, shows),
        (2, GoodTillCancel, least),
        (2, FillOrKill, least),
        (1, ImmediateOrCancel, least),
        (2, GoodTillCancel, Instructions { display, minimum, trigger: None }),
    ];
    for (index, (lots, tif, with)) in (1..).zip(refused) {
        let reject = Event::Rejected { order: id(2, index), reject: Reject::Contradiction };
        assert_eq!(zone.order(1, Buy, 50, lots, tif, with), [reject], "{with:?}");
    }
}
