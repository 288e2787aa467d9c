//! A crash at every point of a session's daily reset: between the record of the reset and whatever follows, as far as the first order of the
//! new day and its answer.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use plinth_gateway::application::Desk;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, ClientTail};
use plinth_types::message::Note;
use std::collections::BTreeMap;
use support::{Runner, firms, show, value};

/// FIRM8, which is closed from 12:01 to 12:03 and begins anew then.
const FIRM: u32 = 8;

/// The client: its numbers are those of the new day.
struct Client {
    runner: Runner<Desk>,
    next_out: u64,
    next_in: u64,
    /// What it sent under a number, and may have to send again: a `ClOrdID`.
    sent: BTreeMap<u64, &'static str>,
    /// Reports of the new day, as ClOrdID, ExecType, OrdRejReason.
    told: Vec<[String; 3]>,
    is_answered: bool,
    /// For what it lacks.
    has_asked: bool,
}

impl Client {
    /// Whose order `a` of the day before rests, and whose session is about to open again.
    fn behind_a_day() -> Self {
        let runner = firms::runner_of_all();
        let mut own =
            Self { runner, next_out: 1, next_in: 1, sent: BTreeMap::new(), told: Vec::new(), is_answered: false, has_asked: false };
        own.log_on();
        own.order("a");
        assert_eq!(own.told, [["a", "0", ""]]);
        own.runner.run(b"w170").unwrap();
        while own.runner.try_take(FIRM).is_some() {}
        Self { next_out: 1, next_in: 1, sent: BTreeMap::new(), told: Vec::new(), ..own }
    }

    fn send(&mut self, number: u64, kind: &str, body: &str) {
        let line = format!("I{FIRM},8=FIX.4.4|35={kind}|34={number}|49=FIRM8|52=<TIME>|56=PLINTH|{body}");
        self.runner.run(line.as_bytes()).unwrap();
        self.hear();
    }

    fn next_number(&mut self) -> u64 {
        self.next_out += 1;
        self.next_out - 1
    }

    fn log_on(&mut self) {
        self.runner.connect(FIRM);
        (self.is_answered, self.has_asked) = (false, false);
        let number = self.next_number();
        self.send(number, "A", "98=0|108=600|554=secret8|");
        if !self.is_answered {
            // Nothing says that the number was used.
            self.next_out = number;
        }
    }

    fn order(&mut self, id: &'static str) {
        let number = self.next_number();
        self.sent.insert(number, id);
        self.send(number, "D", &order(id));
    }

    fn hear(&mut self) {
        while let Some(message) = self.runner.try_take(FIRM) {
            let field = |tag: &str| value(&message, tag).unwrap_or_default();
            let number: u64 = field("34").parse().unwrap();
            let kind = field("35");
            if kind == "A" {
                self.is_answered = true;
                self.next_out = self.next_out.max(2);
            }
            if number > self.next_in {
                // A gap: what is behind it comes again, but for what the other side asks.
                if !std::mem::replace(&mut self.has_asked, true) {
                    let (from, ask) = (self.next_in, self.next_number());
                    self.send(ask, "2", &format!("7={from}|16=0|"));
                }
                if kind == "2" {
                    self.say_again(field("7").parse().unwrap());
                }
                continue;
            }
            if number < self.next_in {
                assert_eq!(field("43"), "Y", "expected {}: {}", self.next_in, show(&message));
                continue;
            }
            self.has_asked = false;
            self.next_in = if kind == "4" { field("36").parse().unwrap() } else { number + 1 };
            match kind.as_str() {
                "8" => self.told.push(["11", "150", "103"].map(&field)),
                "2" => self.say_again(field("7").parse().unwrap()),
                "A" | "4" => {}
                other => panic!("{other}: {}", show(&message)),
            }
        }
    }

    fn say_again(&mut self, from: u64) {
        for number in from..self.next_out {
            match self.sent.get(&number).copied() {
                Some(id) => self.send(number, "D", &format!("43=Y|122=<TIME>|{}", order(id))),
                None => self.send(number, "4", &format!("43=Y|122=<TIME>|36={}|123=Y|", number + 1)),
            }
        }
    }

    fn is_told(&self, id: &str, exec_type: &str) -> bool {
        self.told.iter().any(|told| told[0] == id && told[1] == exec_type)
    }

    /// Resets of the session in the journal.
    fn resets(&self) -> usize {
        let records = self.runner.journal.records.iter();
        let notes = records.filter(|(command, ..)| command.body == Body::Note).filter_map(|(_, tail, _)| Note::decode(tail).ok());
        notes.filter(|note| matches!(note, Note::ResetSession { session } if u32::from(session.get()) == FIRM)).count()
    }

    /// Times that an order with this id was handed to the zone.
    fn entered(&self, id: &str) -> usize {
        let records = self.runner.journal.records.iter();
        let orders = records.filter(|(command, ..)| matches!(command.body, Body::New(_)));
        let ids = orders.filter_map(|(command, tail, _)| ClientTail::of(&command.body, tail).ok());
        ids.filter(|tail| tail.client_order_id.as_bytes() == id.as_bytes()).count()
    }
}

fn order(id: &str) -> String {
    format!("11={id}|54=1|38=1|55=BTC/USD|60=<TIME>|40=2|44=1.00|59=1|")
}

/// The session has opened, its client logs on and sends the order `n`; so many records become durable one after another, then a crash
/// leaves so many of the others. `None` if there were fewer.
fn crashed(durable: usize, left: usize) -> Option<Client> {
    let mut client = Client::behind_a_day();
    let resets = client.resets();
    client.runner.hold(true);
    client.runner.run(b"w11").unwrap();
    client.log_on();
    for _ in 0..durable {
        if !client.runner.deliver_held() {
            return None;
        }
        client.hear();
        if client.is_answered && client.sent.is_empty() {
            client.order("n");
        }
    }
    if client.runner.journal.records.len() < client.runner.journal.delivered + left {
        return None;
    }
    client.runner.crash_with_held(left);
    assert!(client.resets() <= resets + 1);
    Some(client)
}

#[test]
fn a_crash_anywhere_in_a_daily_reset_loses_nothing_and_resets_once() {
    let mut points = 0;
    for durable in 0.. {
        let mut lefts = 0;
        for left in 0.. {
            let Some(mut client) = crashed(durable, left) else { break };
            lefts += 1;
            client.check(&format!("{durable} durable, {left} left"));
        }
        if lefts == 0 {
            break;
        }
        points += lefts;
    }
    // The reset, the first reservation behind it, and the order: before and behind each, and with each written that nobody has heard of.
    assert_eq!(points, 7);
}

impl Client {
    fn check(&mut self, at: &str) {
        let was_told = self.is_told("n", "0");
        self.log_on();
        self.runner.run(b"w1").unwrap();
        self.hear();
        assert!(self.is_answered, "{at}");
        assert!(!self.told.iter().any(|told| told[0] == "a"), "{at}: a report of the day before: {:?}", self.told);
        // What the crash took of the new day is asked for, or sent again by a client that heard no answer.
        if !self.is_told("n", "0") {
            self.order("n");
        }
        assert!(self.is_told("n", "0") || self.told.iter().any(|told| told[0] == "n" && told[2] == "6"), "{at}: {:?}", self.told);
        assert_eq!(self.entered("n"), 1, "{at}: told before the crash: {was_told}");
        // The day before is over and nothing of it is forgotten: its id stays used, its order rests.
        self.order("a");
        assert_eq!(self.told.last().unwrap(), &["a", "8", "6"], "{at}");
        let number = self.next_number();
        self.send(number, "F", "41=a|11=c|54=1|55=BTC/USD|60=<TIME>|");
        assert_eq!(self.told.last().unwrap(), &["c", "4", ""], "{at}");
        let resets = self.resets();
        // Another crash on the same day begins nothing anew.
        self.runner.restart();
        let (next_in, next_out) = (self.next_in, self.next_out);
        self.log_on();
        self.runner.run(b"w1").unwrap();
        self.hear();
        assert!(self.is_answered && self.next_in > next_in && self.next_out > next_out, "{at}");
        self.order("n");
        assert_eq!(self.told.last().unwrap(), &["n", "8", "6"], "{at}");
        assert_eq!((self.resets(), self.entered("n"), self.entered("a")), (resets, 1, 1), "{at}");
    }
}
