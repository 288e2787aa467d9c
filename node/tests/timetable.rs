//! Calendars and volatility auctions, followed second by second over an engine without sockets.

#![allow(clippy::unwrap_used, reason = "a test")]

use plinth_gateway::Full;
use plinth_matching::engine::Engine;
use plinth_matching::limits::Capacity;
use plinth_node::appliance::timetable::{Market, Timetable};
use plinth_types::calendar::{Calendar, Step};
use plinth_types::codec::Codec;
use plinth_types::command::{Body, Command, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::digest::Digest;
use plinth_types::event::{CancelReason, Event};
use plinth_types::few::Few;
use plinth_types::id::{
    AccountId, AssetId, InboxIndex, InstrumentId, MandateId, OrderId, PublicKey, Seq, SessionId, Signature, TimestampNs, ZoneId,
};
use plinth_types::instructions::{Instructions, Lifetime};
use plinth_types::message::{InboxKind, InboxMessage};
use plinth_types::quantity::{Amount, Price, Qty};
use plinth_types::reference::{Account, Asset, Configuration, Instrument, Mandate, Name, Phase, PhaseChange, Scope, SignedMandate};
use plinth_types::terms::{Change, Dated};
use plinth_types::transfer::{Address, Party};

/// Noon of a Monday, in seconds.
const MONDAY: u64 = 19_723 * 86_400 + 12 * 3_600;
const BONDS: InstrumentId = InstrumentId::new(0);

const SECOND_NS: u64 = 1_000_000_000;

struct Zone {
    engine: Engine<()>,
    second: u64,
    events: Vec<Event>,
}

impl Market for Zone {
    fn engine(&self) -> &Engine<()> {
        &self.engine
    }

    fn configure(&mut self, item: &Configuration) -> Result<(), Full> {
        self.apply(SessionId::APPLIANCE, Body::Configure, &item.to_bytes());
        Ok(())
    }
}

impl Zone {
    /// With one instrument, continuous from 9 to 17:30 on weekdays, closing until 17:35; the account of session 1 has funds.
    fn open() -> Self {
        let capacity = Capacity { orders_max: 1_024, levels_max: 256, ..Capacity::default() };
        let mut zone = Self { engine: Engine::new(capacity, ()), second: MONDAY, events: Vec::new() };
        let name = |text| Name::new(text).unwrap();
        let (id, owner) = (AccountId::new(0), PublicKey([1; 32]));
        let mandate = Mandate {
            id: MandateId::new(0),
            session: SessionId::new(1),
            account: id,
            scope: Scope::Trade,
            expires_at: TimestampNs::new(u64::MAX),
        };
        let step = |hour: u32, minute: u32, phase| Step { second: hour * 3_600 + minute * 60, phase };
        let steps = [
            step(8, 0, Phase::PreOpen),
            step(9, 0, Phase::Continuous),
            step(17, 30, Phase::ClosingAuction),
            step(17, 35, Phase::PreOpen),
        ];
        let calendar = Calendar {
            instrument: BONDS,
            utc_offset_min: 0,
            weekdays: 0b1_1111,
            full: Few::new(&steps).unwrap(),
            short: Few::EMPTY,
            exceptions: Few::EMPTY,
        };
        for item in [
            Configuration::AddAsset(Asset { id: AssetId::new(0), name: name("USD"), decimals: 2 }),
            Configuration::AddAsset(Asset { id: AssetId::new(1), name: name("BOND"), decimals: 0 }),
            Configuration::OpenAccount(Account { id, name: name("A"), owner }),
            Configuration::ListInstrument(Instrument {
                id: BONDS,
                symbol: name("BOND/USD"),
                base: AssetId::new(1),
                quote: AssetId::new(0),
                price_decimals: 2,
                qty_decimals: 0,
                qty_max: Qty::from_lots(1_000).unwrap(),
                window_low: Price::from_ticks(1).unwrap(),
                window_bits: 6,
            }),
            Configuration::GrantMandate(SignedMandate { mandate, signature: Signature([0; 64]) }),
            Configuration::Date(Dated { at: TimestampNs::new(0), change: Change::Calendar(calendar) }),
        ] {
            zone.configure(&item).unwrap();
        }
        let funds = InboxMessage {
            zone: ZoneId::TRADING,
            index: InboxIndex::new(1),
            id: Digest::ZERO,
            from: Party::owner(owner),
            channel_seq: 1,
            kind: InboxKind::Transfer,
            asset: AssetId::new(0),
            amount: Amount::new(1_000_000).unwrap(),
            account: Address::of_account(id),
        };
        zone.apply(SessionId::APPLIANCE, Body::Inbox, &funds.to_bytes());
        zone
    }

    fn apply(&mut self, session: SessionId, body: Body, tail: &[u8]) {
        let command = Command {
            seq: Seq::new(self.engine.last_seq().get() + 1),
            time: self.now(),
            session,
            mandate: MandateId::new(0),
            body,
            tail_size: tail.len() as u16,
        };
        self.engine.apply(&command, tail, &mut self.events);
    }

    fn now(&self) -> TimestampNs {
        TimestampNs::new(self.second * SECOND_NS)
    }

    fn bid_for_the_day(&mut self, index: u64) {
        let session = SessionId::new(1);
        let new = NewOrder {
            order: OrderId::new(session, index).unwrap(),
            instrument: BONDS,
            side: Side::Buy,
            price: OrderPrice::Limit(Price::from_ticks(7).unwrap()),
            qty: Qty::from_lots(1).unwrap(),
            time_in_force: TimeInForce::GoodTillCancel,
            post_only: false,
            instructed: true,
        };
        let day = Instructions { lifetime: Some(Lifetime::Day), ..Instructions::NONE };
        self.apply(session, Body::New(new), &day.to_bytes());
    }

    /// Lets the timetable do all that it has to do at a time of Monday; the phases that come of it.
    fn at(&mut self, timetable: &mut Timetable, hour: u64, minute: u64, second: u64) -> Vec<Phase> {
        self.second = MONDAY - 12 * 3_600 + hour * 3_600 + minute * 60 + second;
        self.events.clear();
        let turns = (0..64).take_while(|_| timetable.turn(self.now(), self)).count();
        assert!(turns < 64, "it never comes to rest");
        let phases =
            self.events.iter().filter_map(|event| if let Event::PhaseChanged { phase, .. } = event { Some(*phase) } else { None });
        phases.collect()
    }

    fn expired(&self) -> usize {
        let is_expired = |event: &&Event| matches!(event, Event::Cancelled { reason: CancelReason::Expired, .. });
        self.events.iter().filter(is_expired).count()
    }
}

const fn set(instrument: InstrumentId, phase: Phase) -> Configuration {
    Configuration::SetPhase(PhaseChange { instrument, phase })
}

fn timetable(zone: &Zone) -> Timetable {
    Timetable::new(zone.now(), vec![Some(30)])
}

#[test]
fn phases_change_at_their_second_and_a_day_takes_all_its_orders_with_it() {
    let mut zone = Zone::open();
    let mut timetable = timetable(&zone);
    assert_eq!(zone.at(&mut timetable, 12, 0, 0), [], "a new market is continuous already");
    (1..=600).for_each(|index| zone.bid_for_the_day(index));
    assert_eq!(zone.engine.order_count(), 600);
    assert_eq!(zone.at(&mut timetable, 17, 29, 59), []);
    assert_eq!(zone.at(&mut timetable, 17, 30, 0), [Phase::ClosingAuction]);
    assert_eq!(zone.at(&mut timetable, 17, 34, 59), []);
    assert_eq!(zone.at(&mut timetable, 17, 35, 0), [Phase::PreOpen]);
    assert_eq!((zone.expired(), zone.engine.order_count()), (600, 0), "more than go with one command");
    assert_eq!(zone.at(&mut timetable, 24 + 8, 0, 0), [Phase::PreOpen]);
    assert_eq!(zone.at(&mut timetable, 24 + 9, 0, 1), [Phase::Continuous]);
}

#[test]
fn after_an_outage_over_a_close_the_market_goes_where_it_should_be_without_the_orders_of_that_day() {
    let mut zone = Zone::open();
    (1..=300).for_each(|index| zone.bid_for_the_day(index));
    let mut timetable = timetable(&zone);
    assert_eq!(zone.at(&mut timetable, 24 + 10, 0, 0), [Phase::Halt, Phase::Continuous]);
    assert_eq!((zone.expired(), zone.engine.order_count()), (300, 0));
    // Down over the opening alone nothing of the day goes.
    zone.bid_for_the_day(301);
    assert_eq!(zone.at(&mut timetable, 24 + 17, 30, 0), [Phase::ClosingAuction]);
    assert_eq!(zone.engine.order_count(), 1);
}

#[test]
fn a_volatility_auction_ends_in_time_and_a_halt_by_word_of_mouth_lasts() {
    let mut zone = Zone::open();
    let mut timetable = timetable(&zone);
    zone.at(&mut timetable, 12, 0, 0);
    zone.configure(&set(BONDS, Phase::VolatilityAuction)).unwrap();
    assert_eq!(zone.at(&mut timetable, 12, 0, 1), []);
    assert_eq!(zone.at(&mut timetable, 12, 0, 30), []);
    assert_eq!(zone.at(&mut timetable, 12, 0, 31), [Phase::Continuous]);
    zone.configure(&set(BONDS, Phase::Halt)).unwrap();
    assert_eq!(zone.at(&mut timetable, 12, 10, 0), []);
    assert_eq!(zone.at(&mut timetable, 17, 30, 0), [Phase::ClosingAuction]);
}

#[test]
fn a_market_that_an_operator_has_halted_waits_for_an_operator_but_its_days_end() {
    let mut zone = Zone::open();
    let mut first = timetable(&zone);
    zone.at(&mut first, 12, 0, 0);
    (1..=300).for_each(|index| zone.bid_for_the_day(index));
    zone.configure(&set(BONDS, Phase::Halt)).unwrap();
    first.hold(BONDS);
    assert_eq!(zone.at(&mut first, 17, 30, 0), []);
    assert_eq!(zone.engine.order_count(), 300);
    assert_eq!(zone.at(&mut first, 17, 35, 0), []);
    assert_eq!((zone.expired(), zone.engine.order_count()), (300, 0), "the day is over all the same");

    let mut restarted = timetable(&zone);
    restarted.hold(BONDS);
    assert_eq!(zone.at(&mut restarted, 24 + 9, 0, 0), [], "nor does the next day open it");
    restarted.release(BONDS);
    zone.configure(&set(BONDS, Phase::Continuous)).unwrap();
    zone.bid_for_the_day(301);
    assert_eq!(zone.at(&mut restarted, 24 + 9, 30, 0), []);
    assert_eq!(zone.at(&mut restarted, 24 + 17, 30, 0), [Phase::ClosingAuction]);

    zone.configure(&set(BONDS, Phase::Halt)).unwrap();
    let mut late = timetable(&zone);
    late.hold(BONDS);
    assert_eq!(zone.at(&mut late, 48 + 10, 0, 0), [], "down over the close");
    assert_eq!((zone.expired(), zone.engine.order_count()), (1, 0));
}

#[test]
fn a_zone_that_was_down_begins_in_the_phase_of_its_calendar() {
    let mut zone = Zone::open();
    let mut timetable = timetable(&zone);
    assert_eq!(zone.at(&mut timetable, 17, 32, 0), [Phase::ClosingAuction], "one step is not late");
    let mut timetable = Timetable::new(zone.now(), Vec::new());
    assert_eq!(zone.at(&mut timetable, 17, 33, 0), [], "and a restart in the same phase changes nothing");
    zone.configure(&set(BONDS, Phase::Continuous)).unwrap();
    let mut timetable = Timetable::new(TimestampNs::new(0), Vec::new());
    assert_eq!(zone.at(&mut timetable, 17, 33, 0), [Phase::ClosingAuction]);
}

#[test]
fn a_change_whose_date_has_come_takes_effect_without_any_order() {
    let mut zone = Zone::open();
    let mut timetable = timetable(&zone);
    let other =
        Calendar { full: Few::new(&[Step { second: 0, phase: Phase::Halt }]).unwrap(), ..zone.engine.calendar(BONDS).unwrap() };
    let at = TimestampNs::new((MONDAY + 3_600) * SECOND_NS);
    zone.configure(&Configuration::Date(Dated { at, change: Change::Calendar(other) })).unwrap();
    assert_eq!(zone.at(&mut timetable, 12, 59, 59), []);
    assert_eq!(zone.at(&mut timetable, 13, 0, 0), [], "it is a calendar of tomorrow's steps");
    assert_eq!(zone.engine.calendar(BONDS), Some(other));
    assert_eq!(zone.at(&mut timetable, 24, 0, 0), [Phase::Halt]);
}
