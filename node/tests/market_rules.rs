//! Rules of the market from the configuration file, in force in the real appliance.

#![allow(clippy::unwrap_used, reason = "a test")]

mod market;

use market::{Firm, Market, write_order};
use plinth_gateway::codec::{Tag, tag};
use plinth_node::config::rules::MarketRules;
use plinth_node::config::{ConfigError, Resolved, demo, load};
use plinth_types::id::InstrumentId;
use std::fs;

/// The demo's file, in which the first instrument is in `phase` all day, trades in thousandths, and the first account has a firm.
fn configure(file: &std::path::Path, demo: &str, phase: &str, suspended: bool) {
    let rules = format!(
        r#"window_bits = 18

[[instrument.rules]]
calendar = "all day"
lot = "0.001"

[[calendar]]
name = "all day"
weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
steps = [{{ at = 00:00:00, phase = "{phase}" }}]

[[firm]]
name = "NORTH"
accounts = ["FIRM1"]
suspended = {suspended}
"#
    );
    fs::write(file, demo.replacen("window_bits = 18\n", &rules, 1)).unwrap();
}

fn send(firm: &mut Firm, changes: &[(Tag, &str)]) -> String {
    let id = firm.next_id();
    firm.send(b"D", |message| write_order(message, &id, changes));
    id
}

#[test]
fn an_order_of_the_day_goes_with_the_day_that_the_file_says() {
    let folder = tempfile::tempdir().unwrap();
    demo::create(folder.path(), demo::Committee::default(), &demo::Vouching::default()).unwrap();
    let file = folder.path().join(demo::CONFIG_FILE);
    let demo = fs::read_to_string(&file).unwrap();

    configure(&file, &demo, "continuous", false);
    let market = Market::open_in(folder.path());
    let mut firm = market.log_on(0);
    let day = send(&mut firm, &[(tag::TIME_IN_FORCE, "0")]);
    let told = [(tag::CL_ORD_ID, day.as_str()), (tag::EXEC_TYPE, "0"), (tag::TIME_IN_FORCE, "0")];
    firm.expect("an order of the day", "8", &told);
    let stays = firm.accepts_an_order("one of the day");
    send(&mut firm, &[(tag::ORDER_QTY, "0.0015")]);
    firm.expect("no multiple of the lot", "8", &[(tag::EXEC_TYPE, "8"), (tag::ORD_REJ_REASON, "13")]);
    let numbers = firm.client.numbers();
    market.appliance.kill().unwrap();

    // By the next file the day is over.
    configure(&file, &demo, "pre-open", false);
    let market = Market::open_in(folder.path());
    let mut firm = market.log_on_behind(0, numbers);
    firm.expect("the end of the day", "8", &[(tag::CL_ORD_ID, day.as_str()), (tag::EXEC_TYPE, "C"), (tag::ORD_STATUS, "C")]);
    firm.send(b"H", |message| {
        message.bytes(tag::CL_ORD_ID, stays.as_bytes());
        message.bytes(tag::SYMBOL, b"BTC/USD");
        message.bytes(tag::SIDE, b"1");
    });
    firm.expect("what stays", "8", &[(tag::CL_ORD_ID, stays.as_str()), (tag::EXEC_TYPE, "I"), (tag::ORD_STATUS, "0")]);
    let numbers = firm.client.numbers();
    market.appliance.kill().unwrap();

    // By the last one its firm is stopped.
    configure(&file, &demo, "pre-open", true);
    let market = Market::open_in(folder.path());
    let mut firm = market.log_on_behind(0, numbers);
    firm.expect(
        "what the kill switch took",
        "8",
        &[(tag::CL_ORD_ID, stays.as_str()), (tag::EXEC_TYPE, "4"), (tag::TEXT, "suspended")],
    );
    send(&mut firm, &[]);
    firm.expect("no more orders", "8", &[(tag::EXEC_TYPE, "8"), (tag::TEXT, "session or account suspended")]);
    market.log_on(1).accepts_an_order("another firm");
    assert!(market.appliance.stop().unwrap().success());
}

/// The demo's file with some more in front of its sessions, behind its last instrument.
fn load_with(more: &str) -> Result<Resolved, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    demo::create(folder.path(), demo::Committee::default(), &demo::Vouching::default()).unwrap();
    let file = folder.path().join(demo::CONFIG_FILE);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("[[session]]", &format!("{more}\n[[session]]"), 1)).unwrap();
    load(&file)
}

#[test]
fn the_documented_rules_are_read_as_they_stand() {
    let text = include_str!("../../docs/market-rules.md");
    let block = text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let MarketRules { changes, groups, firms, accounts, .. } = load_with(block).unwrap().rules;
    let of_bonds = changes.iter().filter(|dated| dated.change.instrument() == InstrumentId::new(1));
    // Terms, calendar and reaches at first; then other terms and no reaches, under the same calendar.
    assert_eq!(of_bonds.map(|dated| dated.at.get() / 1_000_000_000).collect::<Vec<_>>(), [0, 0, 0, 1_799_020_800, 1_799_020_800]);
    assert_eq!((groups.len(), firms.len()), (1, 1));
    assert_eq!(accounts.iter().filter(|own| own.firm.get() == 1).count(), 2);
}

#[test]
fn rules_that_cannot_be_are_refused_with_their_entry() {
    const CALENDAR: &str = "[[calendar]]\nname = \"c\"\nweekdays = []\n";
    let of_calendar = |rest: &str| format!("{CALENDAR}{rest}");
    let wrong = [
        ("[[instrument.rules]]\ncalendar = \"none\"".to_owned(), "no calendar is named 'none'"),
        ("[[instrument.rules]]\nlot = \"2\"\nqty_min = \"3\"".to_owned(), "rules of instrument 'BOND/USD'"),
        ("[[instrument.rules]]\nlot = \"two\"".to_owned(), "rules of instrument 'BOND/USD': lot 'two'"),
        ("[[instrument.rules]]\nfrom = 2027-01-01".to_owned(), "2027-01-01 is no moment"),
        ("[[instrument.rules]]\n[[instrument.rules]]".to_owned(), "dates do not ascend"),
        ("[[quote_group]]\nsession = \"X\"\naccount = \"FIRM1\"\nwindow_ms = 1".to_owned(), "quote_group 1"),
        ("[[firm]]\nname = \"N\"\naccounts = [\"FIRM1\", \"FIRM1\"]".to_owned(), "firm 'N'"),
        (of_calendar("steps = [{ at = 09:00:00.5, phase = \"halt\" }]"), "no full second"),
        (of_calendar("steps = [{ at = 09:00:00, phase = \"halt\" }, { at = 08:00:00, phase = \"halt\" }]"), "calendar 'c'"),
        (of_calendar("steps = []\nholidays = [09:00:00]"), "09:00:00 is no date"),
        (of_calendar("steps = []\nholidays = [2027-01-01]\nshort_days = [2027-01-01]"), "said twice"),
        (of_calendar("steps = []\nutc_offset_min = 900"), "calendar 'c'"),
        (of_calendar("stepps = []"), "unknown field `stepps`"),
    ];
    for (more, expected) in wrong {
        let error = load_with(&more).unwrap_err().to_string();
        assert!(error.contains(expected), "{more}: {error}");
    }
}
