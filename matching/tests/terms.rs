//! What orders must be like, and changes of instruments at a date, one scenario each.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod flow;
mod zone;

use Side::{Buy, Sell};
use TimeInForce::{GoodTillCancel, ImmediateOrCancel};
use plinth_matching::limits::DATED_MAX;
use plinth_matching::state;
use plinth_types::calendar::{Calendar, Step};
use plinth_types::codec::Codec;
use plinth_types::command::{Body, MassCancel, MassCancelCause, Side, TimeInForce};
use plinth_types::event::Event;
use plinth_types::few::Few;
use plinth_types::id::{InstrumentId, Seq, TimestampNs};
use plinth_types::instructions::{Instructions, Trigger};
use plinth_types::reference::{Bands, Configuration, Phase};
use plinth_types::reject::Reject;
use plinth_types::terms::{Change, Dated, Terms, TickRow};
use zone::{Pair, price, qty};

const INSTRUMENT: InstrumentId = InstrumentId::new(0);

fn zone() -> Pair {
    Pair::new(50, 100_000)
}

/// Every second price from 1 on, every fifth from 50 on.
fn terms() -> Terms {
    let row = |from, ticks| TickRow { from: price(from), ticks };
    Terms { lot: qty(2), qty_min: qty(4), ticks: Few::new(&[row(1, 2), row(50, 5)]).unwrap(), ..Terms::none(INSTRUMENT) }
}

impl Pair {
    fn date(&mut self, at: u64, change: Change) -> Vec<Event> {
        self.try_configure(Configuration::Date(Dated { at: TimestampNs::new(at), change }))
    }

    fn limit(&mut self, side: Side, ticks: i64, lots: u64) -> Vec<Event> {
        self.order(0, side, Some(ticks), lots, GoodTillCancel, None)
    }

    fn refused(&mut self, ticks: i64, lots: u64) -> Option<Reject> {
        match self.limit(Buy, ticks, lots)[..] {
            [Event::Rejected { reject, .. }] => Some(reject),
            [Event::Accepted { .. }] => None,
            ref events => panic!("{events:?}"),
        }
    }

    /// Lets the time be that of the next command.
    fn pass(&mut self) -> Vec<Event> {
        let mass = MassCancel { session: None, account: None, instrument: None, side: None, cause: MassCancelCause::Request };
        let mut events = self.stage.send(0, 0, Body::MassCancel(mass), &[]);
        events.pop();
        events
    }
}

#[test]
fn orders_keep_to_lots_smallest_quantities_and_tick_tables() {
    let mut zone = zone();
    let off = zone.limit(Sell, 53, 3);
    let [Event::Accepted { order }] = off[..] else { panic!("{off:?}") };
    let seq = Seq::new(zone.stage.seq + 1);
    assert_eq!(zone.date(0, Change::Terms(terms())), [Event::Configured, Event::TookEffect { instrument: INSTRUMENT, seq }]);
    assert_eq!(zone.stage.engine.terms(INSTRUMENT), Some(terms()));
    let cases = [
        (48, 2, Some(Reject::TooSmall { qty_min: qty(4) })),
        (48, 5, Some(Reject::OffLot { lot: qty(2) })),
        (47, 4, Some(Reject::OffTick { ticks: 2 })),
        (48, 4, None),
        (52, 4, Some(Reject::OffTick { ticks: 5 })),
        (50, 4, None),
    ];
    for (ticks, lots, expected) in cases {
        assert_eq!(zone.refused(ticks, lots), expected, "{lots} at {ticks}");
    }
    // What rests stays as it is, trades, and cannot be replaced by its like.
    let replace = Body::Replace { order, price: price(53), qty: qty(3) };
    let refused = Event::CancelRejected { order, reject: Reject::TooSmall { qty_min: qty(4) } };
    assert_eq!(zone.send(0, replace, &[]), [refused]);
    let events = zone.order(1, Buy, Some(55), 4, ImmediateOrCancel, None);
    assert_eq!(zone::trades(&events), [(order, 3)]);
    assert_eq!(zone.date(0, Change::Terms(Terms::none(INSTRUMENT))).len(), 2);
    assert_eq!(zone.refused(47, 1), None);
}

#[test]
fn a_trigger_keeps_to_the_tick_table_and_a_trailing_one_goes_where_trades_go() {
    let mut zone = zone();
    zone.limit(Sell, 53, 4);
    zone.order(1, Buy, Some(53), 4, GoodTillCancel, None);
    zone.date(0, Change::Terms(terms()));
    let mut stop = |trigger| {
        let with = Instructions { trigger: Some(trigger), ..Instructions::NONE };
        zone.order(0, Sell, None, 4, ImmediateOrCancel, Some(with))
    };
    assert!(matches!(stop(Trigger::At(price(47)))[..], [Event::Rejected { reject: Reject::OffTick { ticks: 2 }, .. }]));
    assert!(matches!(stop(Trigger::At(price(48)))[..], [Event::Accepted { .. }]));
    assert!(matches!(stop(Trigger::Trailing { ticks: 4 })[..], [Event::Accepted { .. }]));
}

/// Two changes of one date in the order of their commands, one before them, and one that is later; a snapshot between.
#[test]
fn a_change_takes_effect_with_the_first_command_that_is_not_before_its_date() {
    let mut zone = zone();
    let now = zone.stage.seq;
    let bands = |high| Bands { instrument: INSTRUMENT, low: price(1), high: price(high), market_reach: None };
    let first = Seq::new(now + 1);
    for (at, change) in [
        (now + 7, Change::Bands(bands(70))),
        (now + 7, Change::Bands(bands(60))),
        (now + 6, Change::Terms(terms())),
        (now + 90, Change::Terms(Terms::none(INSTRUMENT))),
    ] {
        assert_eq!(zone.date(at, change), [Event::Configured]);
    }
    assert_eq!(zone.pass(), []);
    let restored = state::restore(*zone.stage.engine.capacity(), state::pages(&zone.stage.engine), ()).unwrap();
    assert_eq!(state::root_of(&restored), state::root_of(&zone.stage.engine));
    zone.stage.engine = restored;
    let took = |behind: u64| Event::TookEffect { instrument: INSTRUMENT, seq: Seq::new(first.get() + behind) };
    // The command that it takes effect with is refused by it already.
    let events = zone.limit(Buy, 47, 4);
    let order = zone.last_of(1);
    assert_eq!(events, [took(2), Event::Rejected { order, reject: Reject::OffTick { ticks: 2 } }]);
    assert_eq!(zone.pass(), [took(0), took(1)]);
    assert_eq!(zone.refused(65, 4), Some(Reject::OutsideBands { band: price(60) }));
    assert_eq!(zone.stage.engine.dated_changes().map(|(seq, _)| seq.get()).collect::<Vec<_>>(), [first.get() + 3]);
    zone.stage.seq += 90;
    assert_eq!(zone.pass(), [took(3)]);
    assert_eq!(zone.refused(47, 1), None);
}

#[test]
fn what_waits_for_its_date_is_bounded() {
    let mut zone = zone();
    let date = zone.stage.seq + 1_000;
    for _ in 0..DATED_MAX {
        assert_eq!(zone.date(date, Change::Terms(terms())), [Event::Configured]);
    }
    let refused = [Event::ConfigurationRefused { reject: Reject::CapacityReached }];
    assert_eq!(zone.date(date, Change::Terms(terms())), refused);
    assert_eq!(zone.date(0, Change::Terms(terms())), refused, "one that is due takes a place, too");
    zone.stage.seq = date;
    assert_eq!(zone.pass().len(), DATED_MAX);
    assert_eq!(zone.date(0, Change::Terms(Terms::none(INSTRUMENT))).len(), 2);
}

#[test]
fn changes_that_cannot_be_are_refused() {
    let mut zone = zone();
    let other = InstrumentId::new(1);
    let unknown = Reject::UnknownInstrument { instrument: other };
    let bands = Bands { instrument: INSTRUMENT, low: price(5), high: price(4), market_reach: None };
    for (change, reject) in [
        (Change::Terms(Terms::none(other)), unknown),
        (Change::Terms(Terms { qty_min: qty(3), ..terms() }), Reject::Contradiction),
        (Change::Bands(bands), Reject::Contradiction),
        (Change::Calendar(Calendar { weekdays: 200, ..calendar() }), Reject::Contradiction),
    ] {
        assert_eq!(zone.date(0, change), [Event::ConfigurationRefused { reject }], "{change:?}");
    }
    let not_mine = Configuration::Date(Dated { at: TimestampNs::new(0), change: Change::Terms(terms()) });
    let refused = [Event::ConfigurationRefused { reject: Reject::NotMandated }];
    assert_eq!(zone.send(0, Body::Configure, &not_mine.to_bytes()), refused);
}

fn calendar() -> Calendar {
    let open = Few::new(&[Step { second: 9 * 3_600, phase: Phase::Continuous }]).unwrap();
    Calendar { instrument: INSTRUMENT, utc_offset_min: 0, weekdays: 31, full: open, short: open, exceptions: Few::EMPTY }
}

#[test]
fn a_calendar_is_kept_for_whoever_drives_the_phases() {
    let mut zone = zone();
    assert_eq!(zone.stage.engine.calendar(INSTRUMENT), None);
    zone.date(0, Change::Calendar(calendar()));
    assert_eq!(zone.stage.engine.calendar(INSTRUMENT), Some(calendar()));
    assert_eq!(zone.stage.engine.phase(INSTRUMENT), Some(Phase::Continuous), "the core looks at no calendar");
}
