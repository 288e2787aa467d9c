//! Questions for trades, when there are many.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use plinth_gateway::application::Desk;
use plinth_gateway::codec::timestamp;
use plinth_gateway::limits::{TRADES_ANSWERED_MAX, TRADES_SEARCHED_PER_TURN};
use support::{Runner, firms, framed, value};

const TRADES: usize = 3 * TRADES_SEARCHED_PER_TURN;

/// FIRM1 has offered, FIRM2 has taken so often, a lot at a time.
fn traded(times: usize) -> Runner<Desk> {
    let mut runner = firms::runner();
    let mut script = String::new();
    for firm in [1, 2] {
        let logon = format!("49=FIRM{firm}|52=<TIME>|56=PLINTH|98=0|108=600|554=secret{firm}|");
        script += &format!("i{firm},CONNECT\nI{firm},8=FIX.4.4|35=A|34=1|{logon}\nP{firm},35=A|\n");
    }
    let order = |firm: u8, number: usize, side: u8, qty: usize| {
        let terms = format!("11=o{number}|54={side}|38={qty}|40=2|44=1.00|55=BTC/USD|60=<TIME>|");
        format!("I{firm},8=FIX.4.4|35=D|34={number}|49=FIRM{firm}|52=<TIME>|56=PLINTH|{terms}\n")
    };
    script += &order(1, 2, 2, times);
    (0..times).for_each(|trade| script += &order(2, trade + 2, 1, 1));
    runner.run(script.as_bytes()).unwrap();
    for firm in [1, 2] {
        while runner.try_take(firm).is_some() {}
    }
    runner
}

fn ask(firm: u8, number: usize, condition: &str) -> String {
    let request = format!("568=t{number}|569=0|{condition}");
    format!("I{firm},8=FIX.4.4|35=AD|34={number}|49=FIRM{firm}|52=<TIME>|56=PLINTH|{request}\n")
}

#[test]
fn who_asks_for_many_trades_gets_them_all_and_keeps_nobody_waiting() {
    let mut runner = traded(TRADES);
    let next = TRADES + 2;
    let test_request = format!("I2,8=FIX.4.4|35=1|34={}|49=FIRM2|52=<TIME>|56=PLINTH|112=alive|\n", next + 1);
    let time = timestamp::format(runner.now().utc);
    let together = [ask(2, next, ""), test_request, ask(2, next + 2, "11=o3|")]
        .concat()
        .replace("<TIME>", std::str::from_utf8(&time).unwrap());
    let bytes: Vec<u8> = together.lines().flat_map(|line| framed(line[3..].replace('|', "\x01").as_bytes())).collect();
    runner.send(2, &bytes);
    let heard: Vec<Vec<u8>> = std::iter::from_fn(|| runner.try_take(2)).collect();
    assert_eq!(value(&heard[0], "112").as_deref(), Some("alive"), "what came behind the question did not wait for its answer");
    let answered = |number: usize| -> Vec<String> {
        let number = Some(format!("t{number}"));
        heard.iter().filter(|message| value(message, "568") == number).filter_map(|message| value(message, "11")).collect()
    };
    let expected: Vec<String> = (2..next).map(|number| format!("o{number}")).collect();
    assert_eq!(answered(next), expected, "each once, the oldest first");
    assert_eq!(answered(next + 2), ["o3"]);
    runner.run(ask(1, 3, "").as_bytes()).unwrap();
    let others = std::iter::from_fn(|| runner.try_take(1)).filter(|message| value(message, "35").as_deref() == Some("AE"));
    assert_eq!(others.count(), TRADES, "the other side has its own");
}

#[test]
fn who_asks_too_often_is_refused() {
    let mut runner = traded(TRADES);
    let next = TRADES + 2;
    let questions: String = (0..6).map(|index| ask(2, next + index, "")).collect();
    runner.run(questions.as_bytes()).unwrap();
    let kinds: Vec<String> = std::iter::from_fn(|| runner.try_take(2)).filter_map(|message| value(&message, "35")).collect();
    assert_eq!(kinds.iter().filter(|kind| *kind == "AQ").count(), 4);
    assert_eq!(kinds.iter().filter(|kind| *kind == "j").count(), 2);
}

#[test]
fn more_trades_than_an_answer_holds_are_refused() {
    let mut runner = traded(TRADES_ANSWERED_MAX + 1);
    let answer = |runner: &mut Runner<Desk>, number, condition| {
        runner.run(ask(1, number, condition).as_bytes()).unwrap();
        let answer = runner.try_take(1).unwrap();
        assert!(runner.try_take(1).is_none());
        ["35", "748", "749"].map(|tag| value(&answer, tag).unwrap_or_default())
    };
    assert_eq!(answer(&mut runner, 3, ""), ["AQ", "", "99"]);
    assert_eq!(answer(&mut runner, 4, "580=1|75=20260225|"), ["AQ", "", "99"]);
    assert_eq!(answer(&mut runner, 5, "580=1|75=20260226|"), ["AQ", "0", "0"]);
}
