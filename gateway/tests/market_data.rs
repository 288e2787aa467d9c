//! Market data for consumers that read and for one that does not.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use plinth_gateway::limits::{MARKET_BACKLOG_MAX, MARKET_DEPTH_MAX};
use plinth_gateway::market::{MarketView, ViewLevel};
use plinth_types::id::InstrumentId;
use plinth_types::quantity::{Lots, Price};
use std::collections::BTreeMap;
use support::{firms, split, value};

/// A book of `MARKET_DEPTH_MAX` levels a side that no earlier view equals.
fn view(step: u64) -> MarketView {
    let side = |offset: i64, away: i64| {
        let level = |at: i64| ViewLevel {
            price: Price::from_ticks(offset + away * at + (step % 7) as i64).unwrap(),
            lots: Lots::new(1 + step * 31 + at as u64),
        };
        (0..MARKET_DEPTH_MAX as i64).map(level).collect()
    };
    MarketView { instrument: InstrumentId::new(0), bids: side(1_000, -1), offers: side(2_000, 1) }
}

/// What a consumer has that does what it is told: sizes by side and price.
fn follow(book: &mut BTreeMap<(String, String), String>, message: &[u8]) {
    let is_whole = value(message, "35").as_deref() == Some("W");
    if is_whole {
        book.clear();
    }
    let (mut action, mut side, mut price) = (String::new(), String::new(), String::new());
    for (tag, value) in split(message) {
        match tag.as_str() {
            "279" => action = value,
            "269" => side = value,
            "270" => {
                if action == "2" {
                    assert!(book.remove(&(side.clone(), value.clone())).is_some(), "deleted and not there: {value}");
                }
                price = value;
            }
            "271" => {
                let before = book.insert((side.clone(), price.clone()), value);
                assert_eq!(before.is_some(), action == "1", "{action} of {side} {price}");
            }
            _ => {}
        }
    }
}

#[test]
fn a_consumer_that_does_not_read_is_told_the_last_state_and_costs_no_memory() {
    let mut runner = firms::runner_of_all();
    runner.show(view(0));
    let script = "i7,CONNECT\n\
        I7,8=FIX.4.4|35=A|34=1|49=FIRM7|52=<TIME>|56=PLINTH|98=0|108=600|554=secret7|\n\
        P7,35=A|\n\
        I7,8=FIX.4.4|35=V|34=2|49=FIRM7|52=<TIME>|56=PLINTH|262=m|263=1|264=0|265=1|267=2|269=0|269=1|146=1|55=BTC/USD|";
    runner.run(script.as_bytes()).unwrap();
    let mut book = BTreeMap::new();
    follow(&mut book, &runner.take(7).unwrap());
    assert_eq!(book.len(), 2 * MARKET_DEPTH_MAX);

    // Nothing is taken off its wire meanwhile.
    let first = runner.acceptor.sessions()[6].next_out().get();
    let now = runner.now().utc;
    for step in 1..5_000 {
        let (desk, mut sessions) = runner.acceptor.parts();
        desk.market_view(view(step), now, &mut sessions);
        let (_, mut sessions) = runner.acceptor.parts();
        let waiting = sessions.outbound(runner_session()).unwrap().unsent_size();
        assert!(waiting <= MARKET_BACKLOG_MAX + (32 << 10), "{waiting} bytes wait at step {step}");
    }
    let said = runner.acceptor.sessions()[6].next_out().get() - first;
    assert!(said < 100, "{said} messages for a consumer that reads none");

    // It reads again: old increments, then the difference to the last state.
    runner.settle();
    runner.show(view(4_999));
    while let Some(message) = runner.try_take(7) {
        follow(&mut book, &message);
    }
    let mut fresh = BTreeMap::new();
    runner
        .run(b"I7,8=FIX.4.4|35=V|34=3|49=FIRM7|52=<TIME>|56=PLINTH|262=n|263=0|264=0|267=2|269=0|269=1|146=1|55=BTC/USD|")
        .unwrap();
    follow(&mut fresh, &runner.take(7).unwrap());
    assert_eq!(book, fresh, "what it has is what there is");

    // None of it is said again.
    runner.run(b"I7,8=FIX.4.4|35=2|34=4|49=FIRM7|52=<TIME>|56=PLINTH|7=1|16=0|").unwrap();
    let answer = runner.take(7).unwrap();
    assert_eq!((value(&answer, "35").as_deref(), value(&answer, "123").as_deref()), (Some("4"), Some("Y")));
    assert!(runner.try_take(7).is_none());
}

const fn runner_session() -> plinth_types::id::SessionId {
    plinth_types::id::SessionId::new(7)
}
