//! Sessions and orders under random operations, honest and hostile, with crashes anywhere. The oracles are the peers' own records.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use plinth_gateway::application::Desk;
use plinth_gateway::codec::{Builder, tag};
use plinth_types::command::{Body, ClientTail};
use plinth_types::event::Event;
use plinth_types::id::{OrderId, SessionId};
use plinth_types::message::BlockStatus;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use support::{Runner, firms, split, value};

/// Xorshift: the same numbers for the same seed, everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// What of a message must be the same each time its number is used.
fn essence(message: &[u8]) -> String {
    let keep = |tag: &str| !matches!(tag, "8" | "9" | "10" | "43" | "52" | "97" | "122");
    split(message).iter().filter(|(tag, _)| keep(tag)).map(|(tag, value)| format!("{tag}={value}|")).collect()
}

fn is_gap_fill(message: &[u8]) -> bool {
    value(message, "35").as_deref() == Some("4")
}

/// A peer that follows the standard, and writes down what it was told.
struct Peer {
    firm: u16,
    link: u32,
    connected: bool,
    next_out: u64,
    next_in: u64,
    asked: bool,
    /// What it sent, so that it can be sent again.
    sent: BTreeMap<u64, (Vec<u8>, Vec<u8>)>,
    /// What it was told, by number.
    told: HashMap<u64, String>,
    exec_ids: HashSet<String>,
    trade_reports: HashSet<String>,
    orders: HashMap<String, String>,
}

impl Peer {
    fn new(firm: u16) -> Self {
        Self {
            firm,
            link: u32::from(firm),
            connected: false,
            next_out: 1,
            next_in: 1,
            asked: false,
            sent: BTreeMap::new(),
            told: HashMap::new(),
            exec_ids: HashSet::new(),
            trade_reports: HashSet::new(),
            orders: HashMap::new(),
        }
    }

    fn message(&self, runner: &Runner<Desk>, msg_type: &[u8], number: u64, poss_dup: bool, body: &[u8]) -> Vec<u8> {
        let mut builder = Builder::default();
        let now = runner.now().utc;
        builder.start(msg_type);
        builder.number(tag::MSG_SEQ_NUM, number);
        if poss_dup {
            builder.bytes(tag::POSS_DUP_FLAG, b"Y");
            builder.time(tag::ORIG_SENDING_TIME, now);
        }
        builder.bytes(tag::SENDER_COMP_ID, format!("FIRM{}", self.firm).as_bytes());
        builder.time(tag::SENDING_TIME, now);
        builder.bytes(tag::TARGET_COMP_ID, b"PLINTH");
        builder.raw(body);
        builder.finish().to_vec()
    }

    fn send(&mut self, runner: &mut Runner<Desk>, msg_type: &[u8], body: &str) {
        let body = body.replace('|', "\x01").into_bytes();
        let number = self.next_out;
        self.next_out += 1;
        let message = self.message(runner, msg_type, number, false, &body);
        self.sent.insert(number, (msg_type.to_vec(), body));
        runner.send(self.link, &message);
    }

    fn connect(&mut self, runner: &mut Runner<Desk>) {
        runner.connect(self.link);
        self.connected = true;
        self.asked = false;
        let logon = format!("98=0|108=600|553=FIRM{0}|554=secret{0}|", self.firm);
        self.send(runner, b"A", &logon);
    }

    /// Reads one message, if there is one. `false` if not.
    fn read(&mut self, runner: &mut Runner<Desk>) -> bool {
        let Some(message) = runner.try_take(self.link) else {
            self.connected &= !runner.is_closed(self.link);
            return false;
        };
        let number: u64 = value(&message, "34").unwrap().parse().unwrap();
        let msg_type = value(&message, "35").unwrap();
        let poss_dup = value(&message, "43").as_deref() == Some("Y");
        if !is_gap_fill(&message) {
            let told = essence(&message);
            let before = self.told.entry(number).or_insert_with(|| told.clone());
            assert_eq!(*before, told, "number {number} of firm {} carries two messages", self.firm);
        }
        if msg_type == "2" {
            self.repeat(runner, &message);
        }
        if number > self.next_in {
            if !self.asked {
                self.asked = true;
                let begin = self.next_in;
                self.send(runner, b"2", &format!("7={begin}|16=0|"));
            }
            return true;
        }
        if number < self.next_in {
            assert!(
                poss_dup,
                "number {number} of firm {} again, {} was expected: {}",
                self.firm,
                self.next_in,
                support::show(&message)
            );
            return true;
        }
        self.asked = false;
        self.next_in = if is_gap_fill(&message) { value(&message, "36").unwrap().parse().unwrap() } else { number + 1 };
        self.note(&msg_type, &message);
        true
    }

    fn note(&mut self, msg_type: &str, message: &[u8]) {
        match msg_type {
            "8" => {
                let (id, order) = (value(message, "11").unwrap(), value(message, "37").unwrap());
                let exec_id = value(message, "17").unwrap();
                if exec_id == "0" || order == "NONE" {
                    return;
                }
                self.exec_ids.insert(exec_id);
                assert_eq!(*self.orders.entry(id).or_insert_with(|| order.clone()), order, "one ClOrdID, one order");
            }
            "AE" => {
                self.trade_reports.insert(value(message, "571").unwrap());
            }
            "3" | "5" | "j" => panic!("an honest peer was told {}", support::show(message)),
            _ => {}
        }
    }

    /// Answers a resend request: orders again, the rest as gaps.
    fn repeat(&self, runner: &mut Runner<Desk>, request: &[u8]) {
        let begin: u64 = value(request, "7").unwrap().parse().unwrap();
        for number in begin..self.next_out {
            let (msg_type, body) = &self.sent[&number];
            let message = if matches!(&msg_type[..], b"D" | b"F" | b"G") {
                self.message(runner, msg_type, number, true, body)
            } else {
                self.message(runner, b"4", number, true, format!("36={}\x01123=Y\x01", number + 1).as_bytes())
            };
            runner.send(self.link, &message);
        }
    }
}

/// Two honest peers trade while lines break and the appliance dies at any moment, also while it makes good for the last death.
#[test]
fn honest_peers_miss_nothing_whatever_dies() {
    for seed in 1..=120_u64 {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        // Small blocks, so that many are reserved, and many crashes fall between two of them.
        let mut runner = firms::runner_in_blocks_of(8);
        runner.settle();
        let mut peers = [Peer::new(1), Peer::new(2)];
        let mut order = 0;
        for _ in 0..250 {
            let peer = &mut peers[random.below(2) as usize];
            match random.below(100) {
                _ if !peer.connected => peer.connect(&mut runner),
                0..40 => {
                    order += 1;
                    let (side, price) = (1 + random.below(2), 100 + random.below(3));
                    peer.send(
                        &mut runner,
                        b"D",
                        &format!("11=o{order}|54={side}|38=1|40=2|44={price}.00|55=BTC/USD|60=20260225-12:00:00|"),
                    );
                }
                40..75 => {
                    for _ in 0..random.below(12) {
                        peer.read(&mut runner);
                    }
                }
                75..80 => {
                    peer.connected = false;
                    runner.hang_up(peer.link);
                }
                80..86 => runner.hold(random.chance(50)),
                86..90 => {
                    runner.block(BlockStatus::Available);
                    if random.chance(50) {
                        runner.block(BlockStatus::Settled);
                    }
                }
                90..95 => {
                    // Of what was not delivered, a part was durable all the same.
                    let (delivered, all) = (runner.journal.delivered, runner.journal.records.len());
                    let kept = delivered + random.below((all - delivered) as u64 + 1) as usize;
                    runner.journal.records.truncate(kept);
                    runner.restart();
                    peers.iter_mut().for_each(|peer| peer.connected = false);
                }
                _ => runner.advance(random.below(5) * 1_000_000_000),
            }
        }
        runner.hold(false);
        // Orders that were lost with a crash come again with the first round, and trade; their blocks come with the second.
        for _ in 0..3 {
            for peer in &mut peers {
                runner.hang_up(peer.link);
                peer.connect(&mut runner);
                while peer.read(&mut runner) {}
                assert!(peer.connected, "seed {seed}: an honest peer was cut off");
            }
            runner.block(BlockStatus::Available);
            runner.block(BlockStatus::Settled);
        }
        for peer in &mut peers {
            while peer.read(&mut runner) {}
        }
        let (exec_ids, trade_reports) = due(&runner);
        for peer in &peers {
            let session = SessionId::new(peer.firm);
            let missing: Vec<_> = exec_ids[&session].iter().filter(|id| !peer.exec_ids.contains(*id)).collect();
            assert!(missing.is_empty(), "seed {seed}, firm {}: never told of {missing:?}", peer.firm);
            let invented: Vec<_> = peer.exec_ids.iter().filter(|id| !exec_ids[&session].contains(*id)).collect();
            assert!(invented.is_empty(), "seed {seed}, firm {}: told of {invented:?}, which is not journaled", peer.firm);
            let missing: Vec<_> = trade_reports[&session].iter().filter(|id| !peer.trade_reports.contains(*id)).collect();
            assert!(missing.is_empty(), "seed {seed}, firm {}: never told of trades {missing:?}", peer.firm);
        }
        // One ClOrdID, one order, over all that was journaled.
        let mut ids = HashSet::new();
        for (command, tail, events) in &runner.journal.records {
            if matches!(command.body, Body::New(_)) && !matches!(events[0], Event::Rejected { .. }) {
                let tail = ClientTail::of(&command.body, tail).unwrap();
                assert!(
                    ids.insert((command.session, tail.client_order_id)),
                    "seed {seed}: {:?} made two orders",
                    tail.client_order_id
                );
            }
        }
    }
}

/// Report ids that each session must have been told of, from the journal alone.
fn due(runner: &Runner<Desk>) -> (HashMap<SessionId, BTreeSet<String>>, HashMap<SessionId, BTreeSet<String>>) {
    let sessions = [SessionId::new(1), SessionId::new(2)];
    let mut exec_ids: HashMap<_, BTreeSet<String>> = sessions.iter().map(|id| (*id, BTreeSet::new())).collect();
    let mut trades = exec_ids.clone();
    let mut sides: HashMap<OrderId, u8> = HashMap::new();
    for (command, _, events) in &runner.journal.records {
        if let Body::New(new) = command.body {
            sides.insert(new.order, if new.side == plinth_types::command::Side::Buy { 1 } else { 2 });
        }
        for (ordinal, event) in events.iter().enumerate() {
            for order in event.changed() {
                let id = format!("{}-{ordinal}-{}", command.seq, sides[&order]);
                exec_ids.get_mut(&order.session()).unwrap().insert(id);
            }
            if let Event::Traded { trade, maker, taker, .. } = event {
                for order in [maker, taker] {
                    let reports = trades.get_mut(&order.session()).unwrap();
                    for letter in ['A', 'S'] {
                        reports.insert(format!("{trade}-{}-{letter}", sides[order]));
                    }
                }
            }
        }
    }
    (exec_ids, trades)
}

/// With the last number of a block used, a peer that has it would see no gap after a crash, and never ask for what had no number yet.
#[test]
fn the_last_number_of_a_block_is_not_used_before_the_next_is_durable() {
    let mut runner = firms::runner_in_blocks_of(8);
    runner.settle();
    runner.journal.refuses_notes = true;
    let mut peer = Peer::new(1);
    peer.connect(&mut runner);
    for order in 0..12 {
        peer.send(&mut runner, b"D", &format!("11=o{order}|54=1|38=1|40=2|44=1.00|55=BTC/USD|60=20260225-12:00:00|"));
    }
    while peer.read(&mut runner) {}
    assert_eq!(peer.next_in, 8, "seven of eight numbers may be used");
    runner.restart();
    runner.journal.refuses_notes = false;
    runner.settle();
    peer.connect(&mut runner);
    while peer.read(&mut runner) {}
    assert_eq!(peer.exec_ids.len(), 12);
}

/// A peer that says anything at any time. Nothing panics, no number carries two messages, garbage changes nothing.
#[test]
fn a_hostile_peer_breaks_nothing() {
    for seed in 1..=200_u64 {
        let mut random = Random(seed.wrapping_mul(0xD134_2543_DE82_EF95));
        let mut runner = firms::runner();
        runner.settle();
        let mut told: HashMap<(u32, u64), String> = HashMap::new();
        let mut next = [1_u64; 4];
        for _ in 0..300 {
            let firm = 1 + random.below(3) as u32;
            match random.below(100) {
                0..6 => runner.connect(firm),
                6..14 => {
                    let reset = if random.chance(30) { "141=Y|" } else { "" };
                    if !reset.is_empty() && random.chance(80) {
                        next[firm as usize] = 1;
                    }
                    let body = format!("98=0|108={}|{reset}553=FIRM{firm}|554=secret{firm}|", random.below(40));
                    hostile(&mut runner, &mut random, firm, b"A", &mut next[firm as usize], &body);
                }
                14..18 => runner.hang_up(firm),
                18..21 => {
                    runner.journal.records.truncate(runner.journal.delivered);
                    runner.restart();
                }
                21..25 => runner.hold(random.chance(40)),
                25..28 => runner.journal.is_full = random.chance(50),
                28..31 => runner.advance(random.below(20) * 1_000_000_000),
                31..38 => {
                    let before = numbers(&runner);
                    let garbage: Vec<u8> =
                        (0..random.below(300)).map(|_| b"8=FIX.4\x0193501D"[random.below(14) as usize]).collect();
                    let was_bound = runner.acceptor.sessions().iter().filter(|session| session.is_active()).count();
                    runner.send(firm, &garbage);
                    runner.send(firm, b"\x0110=000\x01");
                    let is_bound = runner.acceptor.sessions().iter().filter(|session| session.is_active()).count();
                    assert_eq!((before, was_bound), (numbers(&runner), is_bound), "seed {seed}: garbage changed a session");
                }
                _ => {
                    let (msg_type, body) = anything(&mut random);
                    hostile(&mut runner, &mut random, firm, msg_type, &mut next[firm as usize], &body);
                }
            }
            for firm in 1..=3 {
                while let Some(message) = runner.try_take(firm) {
                    let number: u64 = value(&message, "34").unwrap().parse().unwrap();
                    if value(&message, "35").as_deref() == Some("A") && value(&message, "141").as_deref() == Some("Y") {
                        told.retain(|(own, _), _| *own != firm);
                    }
                    if !is_gap_fill(&message) {
                        let essence = essence(&message);
                        let before = told.entry((firm, number)).or_insert_with(|| essence.clone());
                        assert_eq!(*before, essence, "seed {seed}: number {number} of firm {firm} carries two messages");
                    }
                }
            }
        }
    }
}

fn numbers(runner: &Runner<Desk>) -> Vec<(u64, u64)> {
    runner.acceptor.sessions().iter().map(|session| (session.next_in().get(), session.next_out().get())).collect()
}

fn hostile(runner: &mut Runner<Desk>, random: &mut Random, firm: u32, msg_type: &[u8], next: &mut u64, body: &str) {
    let number = match random.below(20) {
        0 => random.below(10),
        1 => *next + random.below(5),
        2 => u64::MAX >> (4 + random.below(60)),
        _ => {
            *next = runner.acceptor.sessions()[firm as usize - 1].next_in().get().max(1);
            *next
        }
    };
    *next = number.saturating_add(1);
    let mut builder = Builder::default();
    let now = runner.now().utc;
    builder.start(msg_type);
    builder.number(tag::MSG_SEQ_NUM, number);
    if random.chance(15) {
        builder.bytes(tag::POSS_DUP_FLAG, b"Y");
        if random.chance(70) {
            builder.time(tag::ORIG_SENDING_TIME, now);
        }
    }
    if random.chance(10) {
        builder.bytes(tag::POSS_RESEND, b"Y");
    }
    builder.bytes(tag::SENDER_COMP_ID, format!("FIRM{firm}").as_bytes());
    builder.time(tag::SENDING_TIME, now);
    builder.bytes(tag::TARGET_COMP_ID, if random.chance(2) { b"NOBODY" } else { b"PLINTH" });
    builder.raw(body.replace('|', "\x01").as_bytes());
    let mut bytes = builder.finish().to_vec();
    if random.chance(3) {
        let at = random.below(bytes.len() as u64) as usize;
        bytes[at] = random.below(256) as u8;
    }
    runner.send(firm, &bytes);
}

fn anything(random: &mut Random) -> (&'static [u8], String) {
    let mut number = || match random.below(8) {
        0 => u64::MAX >> (6 + random.below(50)),
        1 => 0,
        _ => random.below(60),
    };
    let (a, b, c) = (number(), number(), number());
    let id = a % 30;
    let order = format!("11=c{id}|54={}|38={b}|40={}|44={c}.{}|55=BTC/USD|60=20260225-12:00:00|", 1 + b % 3, 1 + c % 3, a % 200);
    let choices: [(&[u8], String); 14] = [
        (b"0", String::new()),
        (b"1", format!("112={a}|")),
        (b"1", format!("112={}|", "x".repeat((a % 9_000) as usize))),
        (b"2", format!("7={a}|16={b}|")),
        (b"3", format!("45={a}|58=why|")),
        (b"4", format!("36={a}|123=Y|")),
        (b"4", format!("36={a}|")),
        (b"5", String::new()),
        (b"D", order.clone()),
        (b"D", format!("{order}59=3|18=6|1=BETA|")),
        (b"F", format!("11=x{b}|41=c{id}|54=1|55=BTC/USD|60=20260225-12:00:00|")),
        (b"G", format!("41=c{}|{order}", c % 30)),
        (b"H", format!("11=c{id}|54=1|")),
        (b"AE", format!("571={a}|58={}|", "y".repeat((b % 8_000) as usize))),
    ];
    choices[random.below(14) as usize].clone()
}

#[test]
fn every_prefix_of_a_logon_is_harmless() {
    let mut runner = firms::runner();
    let logon = Peer::new(1).message(&runner, b"A", 1, false, b"98=0\x01108=30\x01553=FIRM1\x01554=secret1\x01");
    for size in 0..logon.len() {
        runner.connect(1);
        runner.send(1, &logon[..size]);
        assert!(!runner.acceptor.sessions()[0].is_active());
        runner.hang_up(1);
    }
    runner.connect(1);
    runner.send(1, &logon);
    assert!(runner.acceptor.sessions()[0].is_active());
}
