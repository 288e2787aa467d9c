//! The engine checked against a slow one that is obviously right: one list of orders, scanned from end to end, and its own arithmetic of
//! balances. Same commands in, same events out, same balances, for every seed.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod admission;
mod auction;
mod by_size;
mod compare;
mod firms;
#[path = "../flow/mod.rs"]
mod flow;
mod kinds;
mod lifetimes;
mod messages;
mod pegs;
mod quotes;
mod reference;
mod terms;
mod ties;
mod trading;
mod volatility;
mod waiting;

use firms::Firm;
use flow::{Flow, Rng};
use kinds::{KINDS, kind};
use pegs::Pegged;
use plinth_matching::engine::Engine;
use plinth_matching::limits::Capacity;
use plinth_matching::state;
use plinth_types::calendar::Calendar;
use plinth_types::command::{Body, Command, Side};
use plinth_types::event::{CancelReason, Event, EventSink};
use plinth_types::id::{FirmId, OrderId, QuoteGroupId, Seq, ZoneId};
use plinth_types::instructions::Lifetime;
use plinth_types::limits::COMMAND_HEAD_SIZE;
use plinth_types::quantity::Lots;
use plinth_types::reference::{Bands, Instrument, Mandate, Phase, SelfMatch};
use plinth_types::terms::{Dated, Terms, Volatility};
use quotes::Group;
use std::collections::{BTreeMap, BTreeSet};
use waiting::Waiting;

#[derive(Clone, Copy, Debug)]
struct Order {
    id: OrderId,
    account: usize,
    instrument: usize,
    side: Side,
    /// `None` is a market order.
    limit: Option<i64>,
    /// How far a market order trades, if that is bounded.
    reach: Option<i64>,
    left: u64,
    /// The part of what is left that can trade now, and the most that it is; `None`: always all.
    shown: u64,
    display: Option<u64>,
    total: u64,
    post_only: bool,
    /// Of a quote, its group.
    group: u16,
    /// Of an order that trades, the worst price without an interruption.
    bound: Option<i64>,
    lifetime: Option<Lifetime>,
    /// Its place among orders with a lifetime: the lower goes first.
    place: u64,
    /// Its day has ended.
    over: bool,
    pegged: Option<Pegged>,
}

impl Order {
    /// With `left` lots, of which as much is shown as may be.
    fn with(self, left: u64) -> Self {
        Self { left, shown: self.display.map_or(left, |display| display.min(left)), ..self }
    }

    /// Smaller, but no more is shown than was.
    fn smaller(self, left: u64) -> Self {
        Self { left, shown: self.shown.min(left), ..self }
    }
}

/// Where an order is.
#[derive(Clone, Copy, Debug)]
enum Found {
    Resting(usize),
    Waiting(usize),
    Parked(usize),
    Idle(usize),
    Held(usize),
}

/// What an account is protected from.
#[derive(Clone, Copy, Debug, Default)]
struct Guarded {
    self_match: Option<SelfMatch>,
    orders_max: Option<u32>,
    notional_max: Option<u128>,
    suspended: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Balance {
    settled: u128,
    reserved: u128,
}

#[derive(Debug)]
struct Model {
    capacity: Capacity,
    accounts: usize,
    assets: usize,
    totals: Vec<u128>,
    balances: BTreeMap<(usize, u16), Balance>,
    instruments: Vec<Instrument>,
    mandates: Vec<Mandate>,
    last_order: Vec<u64>,
    suspended_sessions: BTreeSet<u16>,
    guarded: BTreeMap<usize, Guarded>,
    bands: BTreeMap<usize, Bands>,
    /// Oldest first: whoever loses its place goes to the end.
    orders: Vec<Order>,
    /// Oldest first, too.
    waiting: Vec<Waiting>,
    /// Those that wait for an auction.
    parked: Vec<Order>,
    /// Pegged orders without a price.
    idle: Vec<Order>,
    /// Those that wait for an entry.
    held: Vec<Waiting>,
    ties: Vec<ties::Tie>,
    /// Ties that are to be looked at.
    noted: Vec<u64>,
    /// Ties whose held orders are to be let in.
    ready: Vec<u64>,
    /// What traded of each order.
    filled: BTreeMap<OrderId, u64>,
    places: u64,
    /// More is due by time than one command ends.
    late: bool,
    last_prices: BTreeMap<usize, i64>,
    phases: BTreeMap<usize, Phase>,
    terms: BTreeMap<usize, Terms>,
    /// The order that last bettered the market, by instrument and whether it buys.
    top: BTreeMap<(usize, bool), OrderId>,
    /// How often rules fired that no event names.
    fired: BTreeMap<&'static str, u64>,
    calendars: BTreeMap<usize, Calendar>,
    volatility: BTreeMap<usize, Volatility>,
    auction_prices: BTreeMap<usize, i64>,
    /// With the commands that brought them.
    dated: Vec<(u64, Dated)>,
    groups: BTreeMap<QuoteGroupId, Group>,
    firms: BTreeMap<FirmId, Firm>,
    /// By account.
    firm_of: BTreeMap<usize, FirmId>,
    /// The time of the present command.
    now: u64,
    trades: u64,
    inbox: u64,
    withdrawn: Vec<u128>,
    withdrawals: BTreeMap<u32, u64>,
    sent: BTreeMap<ZoneId, u64>,
    events: Vec<Event>,
}

impl Model {
    fn new(capacity: Capacity) -> Self {
        Self {
            capacity,
            accounts: 0,
            assets: 0,
            totals: vec![0; usize::from(capacity.assets_max)],
            balances: BTreeMap::new(),
            instruments: Vec::new(),
            mandates: Vec::new(),
            last_order: vec![0; usize::from(capacity.sessions_max)],
            suspended_sessions: BTreeSet::new(),
            guarded: BTreeMap::new(),
            bands: BTreeMap::new(),
            orders: Vec::new(),
            waiting: Vec::new(),
            parked: Vec::new(),
            idle: Vec::new(),
            held: Vec::new(),
            ties: Vec::new(),
            noted: Vec::new(),
            ready: Vec::new(),
            filled: BTreeMap::new(),
            places: 0,
            late: false,
            last_prices: BTreeMap::new(),
            phases: BTreeMap::new(),
            terms: BTreeMap::new(),
            top: BTreeMap::new(),
            fired: BTreeMap::new(),
            calendars: BTreeMap::new(),
            volatility: BTreeMap::new(),
            auction_prices: BTreeMap::new(),
            dated: Vec::new(),
            groups: BTreeMap::new(),
            firms: BTreeMap::new(),
            firm_of: BTreeMap::new(),
            now: 0,
            trades: 0,
            inbox: 0,
            withdrawn: vec![0; usize::from(capacity.assets_max)],
            withdrawals: BTreeMap::new(),
            sent: BTreeMap::new(),
            events: Vec::new(),
        }
    }

    fn apply(&mut self, command: &Command, tail: &[u8]) {
        if command.body != Body::Note {
            self.now = command.time.get();
            self.take_effect(command.time);
            self.late = self.expire_late(command.time);
            self.go_triggered();
        }
        match command.body {
            Body::New(new) => {
                if let Err(reject) = self.new_order(command, &new, tail) {
                    self.events.push(Event::Rejected { order: new.order, reject });
                    self.refused_entry(&new, tail);
                }
                self.go_triggered();
            }
            Body::Cancel { order } => match self.find(command, order, false) {
                Ok(found) => {
                    let gone = self.remove(found);
                    let lots = Lots::new(gone.left);
                    self.events.push(Event::Cancelled { order, lots, reason: CancelReason::Requested });
                }
                Err(reject) => self.events.push(Event::CancelRejected { order, reject }),
            },
            Body::Replace { order, price, qty } => {
                if let Err(reject) = self.replace(command, order, price, qty) {
                    self.events.push(Event::CancelRejected { order, reject });
                }
                self.go_triggered();
            }
            Body::Configure => {
                let at = self.events.len();
                let event = match self.configure(command, tail) {
                    Ok(()) => Event::Configured,
                    Err(reject) => Event::ConfigurationRefused { reject },
                };
                // What a suspension cancels comes after it.
                self.events.insert(at, event);
                self.take_effect(command.time);
            }
            Body::MassCancel(mass) => {
                let event = match self.mass_cancel(command, &mass) {
                    Ok(orders) => Event::MassCancelled { orders },
                    Err(reject) => Event::MassCancelRejected { reject },
                };
                self.events.push(event);
            }
            Body::MassQuote(quotes) => {
                let group = quotes.group;
                if let Err(reject) = self.mass_quote(command, &quotes, tail) {
                    self.events.push(Event::QuotesRefused { group, reject });
                }
            }
            Body::Inbox => self.inbox(command, tail),
            Body::Withdraw => {
                let event = self.withdraw(command, tail).unwrap_or_else(|reject| Event::WithdrawalRefused { reject });
                self.events.push(event);
            }
            Body::Note => return,
        }
        self.go_triggered();
        self.reprice();
    }
}

#[test]
fn the_engine_says_what_the_model_says() {
    let (seeds, commands_per_seed) = (160_u64, 4_000);
    let mut fired: BTreeMap<String, u64> = BTreeMap::new();
    for seed in 0..seeds {
        let mut flow = Flow::new(seed);
        let mut engine = Engine::new(flow.capacity, ());
        let mut model = Model::new(flow.capacity);
        let mut events = Vec::new();
        for step in 0..commands_per_seed {
            let (command, tail) = flow.next_command();
            engine.apply(&command, &tail, &mut events);
            model.apply(&command, &tail);
            assert_eq!(events, model.events, "seed {seed}, step {step}, {command:?}");
            events.iter().for_each(|event| *fired.entry(kind(event)).or_default() += 1);
            events.clear();
            model.events.clear();
            if step % 200 == 0 {
                model.compare(&engine, &format!("seed {seed}, step {step}"));
            }
        }
        model.compare(&engine, &format!("seed {seed}, at the end"));
        model.fired.iter().for_each(|(rule, count)| *fired.entry(format!("rule: {rule}")).or_default() += count);
    }
    println!("{} commands over {seeds} seeds", seeds * commands_per_seed);
    fired.iter().for_each(|(kind, count)| println!("{count:>9} {kind}"));
    assert_eq!(fired.keys().map(String::as_str).collect::<Vec<_>>(), KINDS, "every kind of event fires");
}

/// FNV-1a over the text of events.
struct EventHash(u64);

impl EventSink for EventHash {
    fn emit(&mut self, event: Event) {
        for byte in format!("{event:?}").bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

#[test]
fn two_runs_say_the_same() {
    let run = |seed| {
        let mut flow = Flow::new(seed);
        let mut engine = Engine::new(flow.capacity, ());
        let mut hash = EventHash(0xcbf2_9ce4_8422_2325);
        for _ in 0..20_000 {
            let (command, tail) = flow.next_command();
            engine.apply(&command, &tail, &mut hash);
        }
        (hash.0, state::root_of(&engine))
    };
    let seed = 77;
    assert_eq!(run(seed), run(seed), "seed {seed}");
    assert_ne!(run(seed), run(seed + 1), "the seed matters");
}

/// Whatever a hostile producer or settlement sequences: random bytes where bytes decode, random fields where they would not.
#[test]
fn no_command_that_decodes_panics_the_engine() {
    let mut applied = 0_u64;
    for seed in 0..40 {
        let mut flow = Flow::new(seed);
        let mut engine = Engine::new(flow.capacity, ());
        let mut rng = Rng(seed + 1_000_000);
        let mut seq = 0;
        for _ in 0..5_000 {
            let (command, mut tail) = flow.next_command();
            let mut head = command.head();
            for _ in 0..rng.below(4) {
                // Reserved bytes stay: a head that does not decode tests the decoder, not the engine.
                let at = 8 + rng.below(46) as usize;
                head[at] = if rng.one_in(2) { rng.next() as u8 } else { [0, 1, 0x7f, 0x80, 0xff][rng.below(5) as usize] };
            }
            if rng.one_in(20) {
                let at = [24, 32, 40][rng.below(3) as usize];
                let extreme = [1, u64::MAX, 1 << 47, 1 << 56, (1 << 56) - 1, u64::MAX << 47][rng.below(6) as usize];
                head[at..at + 8].copy_from_slice(&extreme.to_le_bytes());
            }
            for _ in 0..rng.below(3) {
                if let Some(at) = (tail.len() as u64).checked_sub(1) {
                    tail[rng.below(at + 1) as usize] = rng.next() as u8;
                }
            }
            if rng.one_in(30) {
                tail = (0..rng.below(1_025)).map(|_| rng.next() as u8).collect();
            }
            let head: [u8; COMMAND_HEAD_SIZE] = head;
            if let Ok(command) = Command::from_head(&head) {
                seq += 1;
                engine.apply(&Command { seq: Seq::new(seq), ..command }, &tail, &mut ());
                applied += 1;
            }
        }
        engine.check_conservation().unwrap();
        state::check(&engine).unwrap_or_else(|error| panic!("{error}, seed {seed}"));
    }
    println!("{applied} commands applied");
    assert!(applied > 100_000, "most commands decode: {applied}");
}
