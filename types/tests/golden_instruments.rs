//! The pinned bytes of dated changes: terms, bands, calendars.

#![allow(clippy::unwrap_used, reason = "tests")]

use plinth_golden::Fixtures;
use plinth_types::calendar::{Calendar, Exception, Hours, Step};
use plinth_types::few::Few;
use plinth_types::id::{InstrumentId, TimestampNs};
use plinth_types::quantity::{Lots, Price, Qty};
use plinth_types::reference::{Bands, Configuration, Phase};
use plinth_types::terms::{Change, Dated, Matching, ProRata, Terms, TickRow};

#[test]
fn dated_changes() {
    let price = |ticks| Price::from_ticks(ticks).unwrap();
    let qty = |lots| Qty::from_lots(lots).unwrap();
    let instrument = InstrumentId::new(0x0102_0304);
    let rows = [TickRow { from: price(1), ticks: 1 }, TickRow { from: price(0x0203), ticks: 5 }];
    let terms = Terms { instrument, lot: qty(10), qty_min: qty(20), ticks: Few::new(&rows).unwrap(), matching: Matching::Time };
    let by_size = Matching::Size(ProRata { top_max: Lots::new(7), time_percent: 40, minimum: qty(2) });
    let calendar = Calendar {
        instrument,
        utc_offset_min: -300,
        weekdays: 0b1_1111,
        full: Few::new(&[
            Step { second: 34_200, phase: Phase::Continuous },
            Step { second: 57_600, phase: Phase::ClosingAuction },
            Step { second: 57_900, phase: Phase::Halt },
        ])
        .unwrap(),
        short: Few::new(&[Step { second: 34_200, phase: Phase::Continuous }]).unwrap(),
        exceptions: Few::new(&[
            Exception { day: 20_783, hours: Hours::Closed },
            Exception { day: 20_784, hours: Hours::Short },
            Exception { day: 20_785, hours: Hours::Full },
        ])
        .unwrap(),
    };
    let date = |change| Configuration::Date(Dated { at: TimestampNs::new(0x0102_0304_0506_0708), change });
    let bands = Bands { instrument, low: price(2), high: price(9), market_reach: Some(3) };
    Fixtures::of(env!("CARGO_MANIFEST_DIR")).values(
        "dated_change",
        &[
            ("terms", date(Change::Terms(terms))),
            ("by_size", date(Change::Terms(Terms { matching: by_size, ..terms }))),
            ("no_terms", date(Change::Terms(Terms::none(instrument)))),
            ("bands", date(Change::Bands(bands))),
            ("calendar", date(Change::Calendar(calendar))),
        ],
    );
}
