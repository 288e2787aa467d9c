//! Mass quotes and what protects market makers, one scenario each.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod flow;
mod zone;

use QuoteSide::{Keep, Withdraw};
use Side::{Buy, Sell};
use TimeInForce::{GoodTillCancel, ImmediateOrCancel};
use plinth_matching::engine::Engine;
use plinth_matching::limits::{Capacity, QUOTE_PLACES_MAX};
use plinth_matching::state;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Side, TimeInForce};
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::{AccountId, InstrumentId, OrderId, QuoteGroupId, SessionId};
use plinth_types::quantity::Lots;
use plinth_types::quote::{MassQuote, QuoteEntries, QuoteEntry, QuoteGroup, QuoteSide};
use plinth_types::reference::{Configuration, Scope};
use plinth_types::reject::Reject;
use zone::{Pair, Stage, price, qty, trades};

const GROUP: QuoteGroupId = QuoteGroupId::new(9);

/// Session 1 quotes for account 0; session 2 trades for account 1.
struct Desk {
    pair: Pair,
    numbers: u64,
}

impl Desk {
    fn new(window_ns: u64, fills_max: Option<u32>, lots_max: Option<u64>) -> Self {
        let mut desk = Self { pair: Pair::new(50, 100_000), numbers: 0 };
        desk.protect(window_ns, fills_max, lots_max);
        desk
    }

    fn protect(&mut self, window_ns: u64, fills_max: Option<u32>, lots_max: Option<u64>) {
        self.pair.configure(Configuration::SetQuoteGroup(QuoteGroup {
            group: GROUP,
            session: SessionId::new(1),
            account: AccountId::new(0),
            window_ns,
            fills_max,
            lots_max: lots_max.map(qty),
        }));
    }

    fn send(&mut self, reset: bool, clear: bool, sides: &[[QuoteSide; 2]]) -> Vec<Event> {
        let quotes = MassQuote { first: self.number(1), group: GROUP, entries: sides.len() as u8, reset, clear };
        self.numbers += 2 * sides.len() as u64;
        self.pair.send(0, Body::MassQuote(quotes), &entries(0, sides).to_bytes())
    }

    /// What one entry says, behind the acknowledgement.
    fn quote(&mut self, bid: QuoteSide, offer: QuoteSide) -> Vec<Event> {
        let mut events = self.send(false, false, &[[bid, offer]]);
        assert_eq!(events.remove(0), Event::Quoted { group: GROUP });
        events
    }

    /// The number so many behind the last one.
    fn number(&self, behind: u64) -> OrderId {
        OrderId::new(SessionId::new(1), self.numbers + behind).unwrap()
    }

    fn take(&mut self, side: Side, ticks: i64, lots: u64) -> Vec<Event> {
        self.pair.order(1, side, Some(ticks), lots, ImmediateOrCancel, None)
    }
}

fn entries(first: u32, sides: &[[QuoteSide; 2]]) -> QuoteEntries {
    let entry =
        |(instrument, &[bid, offer]): (u32, &[QuoteSide; 2])| QuoteEntry { instrument: InstrumentId::new(instrument), bid, offer };
    QuoteEntries::new(&(first..).zip(sides).map(entry).collect::<Vec<_>>()).unwrap()
}

fn set(ticks: i64, lots: u64) -> QuoteSide {
    QuoteSide::Set { price: price(ticks), qty: qty(lots) }
}

fn requoted(order: OrderId, lots: u64) -> Event {
    Event::Cancelled { order, lots: Lots::new(lots), reason: CancelReason::Requoted }
}

#[test]
fn a_quote_that_is_not_to_grow_keeps_its_place_and_its_number() {
    let mut desk = Desk::new(0, None, None);
    let (bid, offer) = (desk.number(1), desk.number(2));
    assert_eq!(desk.quote(set(40, 10), set(60, 10)), [Event::Accepted { order: bid }, Event::Accepted { order: offer }]);
    assert_eq!((desk.pair.reserved(0, 0), desk.pair.reserved(0, 1)), (400, 10));
    assert_eq!(trades(&desk.take(Buy, 60, 3)), [(offer, 3)]);
    // Seven are left, and so many are asked for; its total stays what it was. The bid is to be smaller.
    let kept = |order, ticks, total| Event::Replaced { order, price: price(ticks), qty: qty(total), kept_priority: true };
    assert_eq!(desk.quote(set(40, 4), set(60, 7)), [kept(bid, 40, 4), kept(offer, 60, 10)]);
    assert_eq!((desk.pair.reserved(0, 0), desk.pair.reserved(0, 1)), (160, 7));
    // More, or elsewhere, is a new order under the new number; the other side is left alone.
    let new = desk.number(2);
    assert_eq!(desk.quote(Keep, set(60, 8)), [requoted(offer, 7), Event::Accepted { order: new }]);
    assert_eq!(desk.quote(Withdraw, Withdraw), [requoted(bid, 4), requoted(new, 8)]);
    assert_eq!(desk.quote(Withdraw, Keep), []);
    assert_eq!((desk.pair.reserved(0, 0), desk.pair.reserved(0, 1)), (0, 0));
}

/// The new bid is above the old offer.
#[test]
fn both_sides_move_without_meeting_each_other() {
    let mut desk = Desk::new(0, None, None);
    desk.quote(set(40, 10), set(42, 10));
    let [bid, offer] = [desk.number(0), desk.number(1)].map(|order| OrderId::from_bits(order.bits() - 1).unwrap());
    let new = [desk.number(1), desk.number(2)];
    let events = desk.quote(set(45, 10), set(47, 10));
    let entered = new.map(|order| Event::Accepted { order });
    assert_eq!(events, [[requoted(bid, 10), requoted(offer, 10)], entered].concat());
    let crossed = [desk.number(1), desk.number(2)].map(|order| Event::Rejected { order, reject: Reject::Contradiction });
    assert_eq!(desk.quote(set(46, 1), set(46, 1)), crossed);
    assert_eq!(desk.pair.stage.engine.order_count(), 2);
}

#[test]
fn a_quote_takes_what_it_crosses_and_is_refused_by_itself() {
    let mut desk = Desk::new(0, None, None);
    desk.pair.order(1, Sell, Some(50), 2, GoodTillCancel, None);
    let rested = desk.pair.last_of(2);
    let (bid, offer) = (desk.number(1), desk.number(2));
    let events = desk.quote(set(50, 5), set(60, 40_000));
    assert_eq!(trades(&events), [(rested, 2)]);
    let refused = Event::Rejected { order: offer, reject: Reject::TooLarge { qty_max: qty(flow::QTY_MAX) } };
    assert_eq!(events.last(), Some(&refused));
    let replace = Body::Replace { order: bid, price: price(49), qty: qty(5) };
    let refused = Event::CancelRejected { order: bid, reject: Reject::Contradiction };
    assert_eq!(desk.pair.send(0, replace, &[]), [refused]);
    let gone = Event::Cancelled { order: bid, lots: Lots::new(3), reason: CancelReason::Requested };
    assert_eq!(desk.pair.send(0, Body::Cancel { order: bid }, &[]), [gone]);
}

#[test]
fn fills_within_a_window_stop_the_group_until_it_is_reset() {
    let mut desk = Desk::new(1_000, Some(2), None);
    desk.quote(set(40, 10), set(60, 10));
    let (bid, offer) = (desk.number(0), desk.number(0));
    let (bid, offer) = (OrderId::from_bits(bid.bits() - 1).unwrap(), offer);
    assert_eq!(trades(&desk.take(Buy, 60, 1)), [(offer, 1)]);
    let restored = state::restore(*desk.pair.stage.engine.capacity(), state::pages(&desk.pair.stage.engine), ()).unwrap();
    desk.pair.stage.engine = restored;
    let events = desk.take(Sell, 40, 1);
    assert_eq!(trades(&events), [(bid, 1)]);
    let pulled = |order| Event::Cancelled { order, lots: Lots::new(9), reason: CancelReason::QuotesStopped };
    assert_eq!(events[2..], [Event::QuotesStopped { group: GROUP }, pulled(bid), pulled(offer)]);
    assert_eq!(desk.pair.stage.engine.quotes_stopped(GROUP), Some(true));
    let refused = [Event::QuotesRefused { group: GROUP, reject: Reject::QuotesStopped }];
    assert_eq!(desk.send(false, false, &[[set(40, 1), Keep]]), refused, "its numbers are used up");
    assert_eq!(desk.send(true, false, &[[set(40, 1), Keep]]).len(), 2);
    assert_eq!(desk.pair.stage.engine.quotes_stopped(GROUP), Some(false));
}

#[test]
fn lots_count_too_one_order_may_trade_beyond_and_a_new_window_begins_anew() {
    let mut desk = Desk::new(10, None, Some(6));
    desk.quote(set(40, 20), Keep);
    assert_eq!(desk.take(Sell, 40, 5).len(), 2);
    desk.pair.stage.seq += 10;
    assert_eq!(desk.take(Sell, 40, 5).len(), 2, "the first window is over");
    let events = desk.take(Sell, 40, 8);
    assert!(matches!(events[1..], [Event::Traded { .. }, Event::QuotesStopped { .. }, Event::Cancelled { .. }]), "{events:?}");
}

#[test]
fn all_is_withdrawn_at_once_and_what_cannot_be_is_refused() {
    let mut desk = Desk::new(0, None, None);
    desk.quote(set(40, 1), set(60, 1));
    let events = desk.send(false, true, &[]);
    assert!(matches!(events[..], [Event::Quoted { .. }, Event::Cancelled { .. }, Event::Cancelled { .. }]), "{events:?}");
    let refused = |reject| [Event::QuotesRefused { group: GROUP, reject }];
    let quotes = MassQuote { first: desk.number(2), group: GROUP, entries: 0, reset: false, clear: true };
    let none = QuoteEntries::EMPTY.to_bytes();
    let expected = desk.number(1).index();
    assert_eq!(desk.pair.send(0, Body::MassQuote(quotes), &none), refused(Reject::OutOfSequence { expected }));
    let quotes = MassQuote { first: desk.number(1), ..quotes };
    assert_eq!(desk.pair.send(0, Body::MassQuote(quotes), &[]), refused(Reject::Malformed));
    let other = MassQuote { first: OrderId::new(SessionId::new(2), 1).unwrap(), ..quotes };
    assert_eq!(desk.pair.send(1, Body::MassQuote(other), &none), refused(Reject::NotMandated));
    let unknown = QuoteGroupId::new(8);
    let events = desk.pair.send(0, Body::MassQuote(MassQuote { group: unknown, ..quotes }), &none);
    assert_eq!(events, [Event::QuotesRefused { group: unknown, reject: Reject::UnknownQuoteGroup { group: unknown } }]);
}

#[test]
fn a_group_quotes_so_many_instruments_and_a_place_is_free_when_its_orders_are_gone() {
    let count = QUOTE_PLACES_MAX as u32 + 1;
    let capacity = Capacity {
        orders_max: 200,
        accounts_max: 1,
        assets_max: 3,
        sessions_max: 2,
        instruments_max: count,
        mandates_max: 1,
        levels_max: 64 * count,
        spill_levels_max: 1,
    };
    let mut stage = Stage::new(Engine::new(capacity, ()));
    let mut opening: Vec<Configuration> = (0..3).map(|id| Configuration::AddAsset(flow::asset(id))).collect();
    opening.push(Configuration::OpenAccount(flow::account(0)));
    opening.extend((0..count).map(|id| Configuration::ListInstrument(flow::instrument(id))));
    opening.push(Configuration::GrantMandate(flow::mandate(0, 1, 0, Scope::Trade, u64::MAX)));
    let (session, account) = (SessionId::new(1), AccountId::new(0));
    let group = QuoteGroup { group: GROUP, session, account, window_ns: 0, fills_max: None, lots_max: None };
    opening.push(Configuration::SetQuoteGroup(group));
    for configuration in opening {
        assert_eq!(stage.send(0, 0, Body::Configure, &configuration.to_bytes()), [Event::Configured]);
    }
    stage.send(0, 0, Body::Inbox, &flow::deposit(1, 0, 0, 1_000_000).to_bytes());
    let mut numbers = 0;
    let mut quote = |instrument: u32, bid: QuoteSide| {
        let first = OrderId::new(session, numbers + 1).unwrap();
        numbers += 2;
        let quotes = MassQuote { first, group: GROUP, entries: 1, reset: false, clear: false };
        (first, stage.send(1, 0, Body::MassQuote(quotes), &entries(instrument, &[[bid, Keep]]).to_bytes()).split_off(1))
    };
    for instrument in 0..count - 1 {
        let (order, events) = quote(instrument, set(40, 1));
        assert_eq!(events, [Event::Accepted { order }]);
    }
    let (order, events) = quote(count - 1, set(40, 1));
    assert_eq!(events, [Event::Rejected { order, reject: Reject::CapacityReached }]);
    assert_eq!(quote(7, Withdraw).1.len(), 1);
    let (order, events) = quote(count - 1, set(40, 1));
    assert_eq!(events, [Event::Accepted { order }]);
}
