//! What FIX clients see of a market of the real appliance: its book as it moves, and a halt by an operator, through a `kill -9` each.

#![allow(clippy::unwrap_used, reason = "a test stops where something is wrong")]

mod market;

use market::feed::Feed;
use market::owners::Owners;
use market::{Firm, Market, WITHIN, now, write_order};
use plinth_gateway::client::{Client, ClientConfig};
use plinth_gateway::codec::{Message, Tag, Version, tag};
use plinth_market_data::itch::view::View;
use plinth_market_data::net::{self, Client as FeedClient};
use plinth_node::config::demo;
use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::{Duration, Instant};

const BTC: &[&str] = &["--instrument", "BTC/USD"];
const BOND: &[&str] = &["--instrument", "BOND/USD"];
/// `TradSesStatus`, tag 340.
const OPEN: &str = "2";
const HALTED: &str = "1";

/// The demo with a feed. The first instrument is continuous all day by a calendar, and its auctions take a second; the third firm speaks 5.0 SP2.
fn configure(folder: &Path) -> Feed {
    demo::create(folder, demo::Committee::default(), &demo::Vouching::default()).unwrap();
    let file = folder.join(demo::CONFIG_FILE);
    let text = fs::read_to_string(&file).unwrap();
    let rules = r#"window_bits = 18
volatility_auction_s = 1

[[instrument.rules]]
calendar = "all day"

[[calendar]]
name = "all day"
weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
steps = [{ at = 00:00:00, phase = "continuous" }]
"#;
    let text = text.replacen("window_bits = 18\n", rules, 1);
    let text = text.replacen("comp_id = \"FIRM3\"\n", "comp_id = \"FIRM3\"\nversion = \"FIX.5.0SP2\"\n", 1);
    assert!(text.contains("version = ") && text.contains("all day"), "the demo's file is another: {text}");
    fs::write(file, text).unwrap();
    let feed = Feed::free();
    feed.configure(folder);
    feed
}

#[test]
fn a_market_that_an_operator_halts_stays_halted_through_a_kill_until_it_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let feed = configure(folder.path());
    let operator = Owners(folder.path());
    let market = Market::open_in(folder.path());
    let Feed { own, requests, snapshots } = feed;
    let config = net::ClientConfig { listen: own, interface: Ipv4Addr::LOCALHOST, requests, snapshots };
    let mut view = FeedClient::join(config).unwrap();
    let mut firm = market.log_on(0);
    let rests = firm.accepts_an_order("a start");
    follow_status(&mut firm, ("17", "continuous"));
    follow_session(&mut firm, OPEN, "");

    operator.done(&["market", "halt"], BTC);
    told_status(&mut firm, "2", "halt");
    told_session(&mut firm, OPEN, "halted: BTC/USD");
    operator.done(&["market", "halt"], BOND);
    told_session(&mut firm, HALTED, "halted: BTC/USD, BOND/USD");
    operator.done(&["market", "resume"], BOND);
    told_session(&mut firm, OPEN, "halted: BTC/USD");
    until_state(&mut view, b'H');
    assert_eq!(state(&operator), ("halt".to_owned(), true));
    refused_in_phase(&mut firm);
    let cancel = firm.next_id();
    firm.send(b"F", |message| {
        for (tag, value) in
            [(tag::CL_ORD_ID, cancel.as_str()), (tag::ORIG_CL_ORD_ID, &rests), (tag::SYMBOL, "BTC/USD"), (tag::SIDE, "1")]
        {
            message.bytes(tag, value.as_bytes());
        }
        message.time(tag::TRANSACT_TIME, now());
    });
    firm.expect("cancels are taken", "8", &[(tag::CL_ORD_ID, &cancel), (tag::EXEC_TYPE, "4")]);
    operator.refused(&["market", "halt"], &["--instrument", "DOGE"], "there is no instrument \"DOGE\"");
    operator.refused(&["market", "resume"], &["--instrument", "BOND/USD"], "no operator has halted it");
    let numbers = firm.client.numbers();
    market.appliance.kill().unwrap();

    // The calendar would have it open.
    let market = Market::open_in(folder.path());
    let mut firm = market.log_on_behind(0, numbers);
    refused_in_phase(&mut firm);
    follow_status(&mut firm, ("2", "halt"));
    follow_session(&mut firm, OPEN, "halted: BTC/USD");
    assert_eq!(state(&operator), ("halt".to_owned(), true));

    operator.done(&["market", "resume"], BTC);
    told_status(&mut firm, "17", "continuous");
    told_session(&mut firm, OPEN, "");
    until_state(&mut view, b'T');
    assert_eq!(state(&operator), ("continuous".to_owned(), false));
    firm.accepts_an_order("a halt");
    operator.refused(&["market", "resume"], BTC, "no operator has halted it");

    operator.done(&["market", "halt"], BTC);
    told_status(&mut firm, "2", "halt");
    told_session(&mut firm, OPEN, "halted: BTC/USD");
    operator.done(&["market", "resume"], &[BTC, &["--auction"]].concat());
    told_status(&mut firm, "22", "volatility auction");
    told_session(&mut firm, OPEN, "");
    told_status(&mut firm, "17", "continuous");
    told_session(&mut firm, OPEN, "");
    let numbers = firm.client.numbers();
    market.appliance.kill().unwrap();

    let market = Market::open_in(folder.path());
    market.log_on_behind(0, numbers).accepts_an_order("what was resumed stays so");
    assert_eq!(state(&operator), ("continuous".to_owned(), false));
    assert!(market.appliance.stop().unwrap().success());
}

/// What the status says of the first market.
fn state(operator: &Owners<'_>) -> (String, bool) {
    let market = &operator.status()["markets"][0];
    assert_eq!(market["symbol"], "BTC/USD");
    (market["phase"].as_str().unwrap().to_owned(), market["halted_by_operator"].as_bool().unwrap())
}

fn follow_status(firm: &mut Firm, (status, text): (&str, &str)) {
    firm.send(b"e", |message| {
        message.bytes(tag::SECURITY_STATUS_REQ_ID, b"follow");
        message.bytes(tag::SYMBOL, b"BTC/USD");
        message.bytes(tag::SUBSCRIPTION_REQUEST_TYPE, b"1");
    });
    firm.expect("the status", "f", &[(tag::SECURITY_TRADING_STATUS, status), (tag::TEXT, text)]);
}

fn told_status(firm: &mut Firm, status: &str, text: &str) {
    let unasked = (tag::UNSOLICITED_INDICATOR, "Y");
    firm.expect("a change", "f", &[(tag::SYMBOL, "BTC/USD"), unasked, (tag::SECURITY_TRADING_STATUS, status), (tag::TEXT, text)]);
}

/// Asks how all markets together are, and to hear of it from now on; `halted` is the text.
fn follow_session(firm: &mut Firm, status: &str, halted: &str) {
    firm.send(b"g", |message| {
        message.bytes(tag::TRAD_SES_REQ_ID, b"all");
        message.bytes(tag::SUBSCRIPTION_REQUEST_TYPE, b"1");
    });
    session_is(firm, "N", status, halted);
}

fn told_session(firm: &mut Firm, status: &str, halted: &str) {
    session_is(firm, "Y", status, halted);
}

fn session_is(firm: &mut Firm, unasked: &str, status: &str, halted: &str) {
    let fields = [(tag::UNSOLICITED_INDICATOR, unasked), (tag::TRAD_SES_STATUS, status)];
    assert_eq!(firm.read("the markets together", "h", &fields, [tag::TEXT]), [halted]);
}

fn refused_in_phase(firm: &mut Firm) {
    let id = firm.next_id();
    firm.send(b"D", |message| write_order(message, &id, &[]));
    firm.expect("no order in a halt", "8", &[(tag::CL_ORD_ID, &id), (tag::EXEC_TYPE, "8"), (tag::ORD_REJ_REASON, "2")]);
}

fn until_state(feed: &mut FeedClient, state: u8) {
    let deadline = Instant::now() + WITHIN;
    let is_there = |view: &View| view.stock(1).is_some_and(|stock| stock.state == state);
    while !is_there(feed.view()) {
        feed.turn(Duration::from_millis(50)).unwrap();
        assert!(Instant::now() < deadline, "no state {state}: {:?}", feed.counts());
    }
}

#[test]
fn a_book_over_fix_is_refreshed_in_full_and_then_by_increments_without_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path());
    let market = Market::open_in(folder.path());
    let mut maker = market.log_on(0);
    maker.accepts_an_order("a start");
    let mut book = Book::follow(&market, 2, Version::Fix50Sp2);
    book.until("one bid", &[("0", "77000.00", "0.00100000")]);
    maker.accepts_an_order("another");
    book.until("two bids of one price", &[("0", "77000.00", "0.00200000")]);
    let offer = maker.next_id();
    maker.send(b"D", |message| write_order(message, &offer, &[(tag::SIDE, "2"), (tag::PRICE, "77001.00")]));
    book.until("an offer", &[("0", "77000.00", "0.00200000"), ("1", "77001.00", "0.00100000")]);
    let mut taker = market.log_on(1);
    let sold = taker.next_id();
    taker.send(b"D", |message| write_order(message, &sold, &[(tag::SIDE, "2"), (tag::ORDER_QTY, "0.0015")]));
    book.until("what a trade left", &[("0", "77000.00", "0.00050000"), ("1", "77001.00", "0.00100000")]);
    assert_eq!(book.trades, [("77000.00".to_owned(), "0.00100000".to_owned()), ("77000.00".to_owned(), "0.00050000".to_owned())]);
    assert!(book.refreshes == 1 && book.increments >= 3, "{} refreshes, {} increments", book.refreshes, book.increments);
    drop((maker, taker, book));
    market.appliance.kill().unwrap();

    let market = Market::open_in(folder.path());
    let mut book = Book::follow(&market, 3, Version::Fix44);
    book.until("the same book", &[("0", "77000.00", "0.00050000"), ("1", "77001.00", "0.00100000")]);
    drop(book);
    assert!(market.appliance.stop().unwrap().success());
}

/// A book as a FIX client rebuilds it.
struct Book {
    client: Client,
    /// By side and price.
    levels: BTreeMap<(String, String), String>,
    trades: Vec<(String, String)>,
    /// The next `RptSeq`, in the versions that have it.
    next: Option<u64>,
    refreshes: usize,
    increments: usize,
}

impl Book {
    fn follow(market: &Market, index: usize, version: Version) -> Self {
        let login = market.login(index);
        let config = ClientConfig::new(&login.sender_comp_id, &login.target_comp_id).password(&login.password).version(version);
        let mut client = Client::connect(market.ready().fix, config).unwrap();
        client.logon(Instant::now() + WITHIN).unwrap();
        let next = version.is_at_least(Version::Fix50).then_some(1);
        let mut own = Self { client, levels: BTreeMap::new(), trades: Vec::new(), next, refreshes: 0, increments: 0 };
        // Until the stage has shown the book for the first time the request is refused.
        while own.refreshes == 0 {
            own.subscribe();
            while !own.take() {}
        }
        own
    }

    fn subscribe(&mut self) {
        let sent = self.client.send(b"V", |message| {
            for (tag, value) in [
                (tag::MD_REQ_ID, "book"),
                (tag::SUBSCRIPTION_REQUEST_TYPE, "1"),
                (tag::MARKET_DEPTH, "0"),
                (tag::MD_UPDATE_TYPE, "1"),
                (Tag::new(267), "3"),
                (tag::MD_ENTRY_TYPE, "0"),
                (tag::MD_ENTRY_TYPE, "1"),
                (tag::MD_ENTRY_TYPE, "2"),
                (tag::NO_RELATED_SYM, "1"),
                (tag::SYMBOL, "BTC/USD"),
            ] {
                message.bytes(tag, value.as_bytes());
            }
        });
        sent.unwrap();
    }

    fn until(&mut self, what: &str, levels: &[(&str, &str, &str)]) {
        let wanted: BTreeMap<_, _> =
            levels.iter().map(|(side, price, qty)| (((*side).to_owned(), (*price).to_owned()), (*qty).to_owned())).collect();
        let deadline = Instant::now() + WITHIN;
        while self.levels != wanted {
            assert!(Instant::now() < deadline, "no {what}: {:?}", self.levels);
            self.take();
        }
    }

    /// Takes one message; whether it was an answer to the request.
    fn take(&mut self) -> bool {
        let message = self.client.next(Instant::now() + WITHIN).unwrap();
        let message = message.unwrap_or_else(|| panic!("nothing came: {:?}", self.levels));
        match message.msg_type() {
            b"W" => {
                self.refreshes += 1;
                self.levels.clear();
            }
            b"X" => self.increments += 1,
            b"Y" => {
                assert_eq!(message.get(tag::TEXT), Some(&b"no market data here, or not yet"[..]), "{message}");
                return true;
            }
            _ => return false,
        }
        let begins = if message.msg_type() == b"W" { tag::MD_ENTRY_TYPE } else { tag::MD_UPDATE_ACTION };
        for entry in entries(&message, begins) {
            if let Some(next) = &mut self.next {
                assert_eq!(entry[&tag::RPT_SEQ], next.to_string());
                *next += 1;
            }
            let level = (entry[&tag::MD_ENTRY_TYPE].clone(), entry[&tag::MD_ENTRY_PX].clone());
            match (level.0.as_str(), entry.get(&tag::MD_UPDATE_ACTION).map(String::as_str)) {
                ("2", _) => self.trades.push((level.1, entry[&tag::MD_ENTRY_SIZE].clone())),
                (_, Some("2")) => assert!(self.levels.remove(&level).is_some(), "{level:?} was not there"),
                (_, None | Some("0" | "1")) => drop(self.levels.insert(level, entry[&tag::MD_ENTRY_SIZE].clone())),
                (_, Some(other)) => panic!("an action {other}"),
            }
        }
        true
    }
}

/// The entries of a refresh, each of which begins with the same field.
fn entries(message: &Message<'_>, begins: Tag) -> Vec<BTreeMap<Tag, String>> {
    let mut all: Vec<BTreeMap<Tag, String>> = Vec::new();
    for (tag, value) in message.fields() {
        if tag == begins {
            all.push(BTreeMap::new());
        }
        if let Some(entry) = all.last_mut() {
            entry.insert(tag, String::from_utf8_lossy(value).into_owned());
        }
    }
    all
}
