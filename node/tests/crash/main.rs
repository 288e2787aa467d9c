//! Kills the real appliance at random moments of a busy market and holds it to its word.
//!
//! Four firms trade over FIX; each keeps a log of everything it sent and was told ([`log::ClientLog`]), which is the only oracle. After
//! a random number of answers, in the middle of a burst, the process is killed with SIGKILL and started again on the same data
//! directory. The firms come back as FIX lets them: with the number they expect, or (some of the time) having forgotten all that they
//! heard, so that every report is said again and must be what it was.
//!
//! What must hold (FAULTS I1, I2, I5):
//! * every answered order is known, under the same number, with at least the fills that were reported;
//! * every report is of an order that was sent, as it was sent: nothing is invented;
//! * no outbound number ever carries two messages, no `ExecID` two contents;
//! * an order whose fate a crash hid, sent again as `PossResend`, exists once;
//! * both sides report the same trades; an order's fills add up to its `CumQty`;
//! * every trade is settled in the end, and is newly reported so once; every asset is conserved.

#![allow(clippy::unwrap_used, clippy::type_complexity, reason = "helpers of tests are tests")]

mod firm;
mod log;

use firm::Firm;
use plinth_node::replay::child::ChildAppliance;
use std::path::Path;
use std::time::{Duration, Instant};

const KILLS: u32 = 24;
const FIRMS: usize = 4;
/// Requests on their way at once, but for the last burst: the market is busy, not flooded.
const OPEN_MAX: usize = 64;
const ANSWERED_WITHIN: Duration = Duration::from_secs(120);
const SETTLED_WITHIN: Duration = Duration::from_secs(120);

#[test]
fn killed_at_random_moments_the_appliance_keeps_its_word() {
    let seed =
        std::env::var("PLINTH_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| u64::from(std::process::id()));
    println!("PLINTH_SEED={seed}");
    let mut random = Random::new(seed);
    let folder = tempfile::tempdir().unwrap();
    let mut firms: Vec<Firm> = (0..FIRMS).map(Firm::new).collect();
    let started = Instant::now();
    let mut slowest_start = Duration::ZERO;
    for kill in 0..KILLS {
        let at = Instant::now();
        let appliance = start(folder.path());
        slowest_start = slowest_start.max(at.elapsed());
        come_back(&mut firms, &appliance, &mut random);
        let status = appliance.status().unwrap();
        assert!(status.ledger_conserved, "kill {kill}: the ledger lost or made value");
        trade_until(&mut firms, 5 + random.below(120), &mut random);
        // The kill falls into a burst: some of it journaled, some answered, some neither.
        for _ in 0..random.below(150) {
            random_order(&mut firms, &mut random);
            firms.iter_mut().for_each(Firm::flush);
            std::thread::sleep(Duration::from_micros(random.below(100)));
        }
        appliance.kill().unwrap();
        firms.iter_mut().for_each(Firm::lose_connection);
    }
    let appliance = start(folder.path());
    come_back(&mut firms, &appliance, &mut random);
    firms.iter_mut().for_each(Firm::ask_about_everything);
    wait_for(&mut firms, ANSWERED_WITHIN, "an answer to every question", |firms| firms.iter().all(|firm| firm.log.is_answered()));
    wait_for(&mut firms, ANSWERED_WITHIN, "every fill", |firms| firms.iter().all(|firm| firm.log.adds_up()));
    let trades = agree(&firms);
    assert!(trades > 0, "nobody traded: the test tests nothing");
    wait_for(&mut firms, SETTLED_WITHIN, "settlement of every trade", |firms| firms.iter().all(|firm| firm.log.is_settled()));
    let status = appliance.status().unwrap();
    assert!(status.ledger_conserved && status.settled_height > 0);
    assert_eq!(status.trades, trades, "the appliance counts the trades that its clients were told of");
    let orders: usize = firms.iter().map(|firm| firm.log.order_count()).sum();
    println!(
        "{KILLS} kills in {:.1} s, {orders} orders, {trades} trades, slowest start {:.2} s",
        started.elapsed().as_secs_f64(),
        slowest_start.as_secs_f64()
    );
    firms.iter_mut().for_each(Firm::leave);
    assert!(appliance.stop().unwrap().success());
}

fn start(folder: &Path) -> ChildAppliance {
    ChildAppliance::start(Path::new(env!("CARGO_BIN_EXE_plinth")), folder, &[])
        .unwrap_or_else(|error| panic!("{error}\n{}", std::fs::read_to_string(folder.join("appliance.log")).unwrap_or_default()))
}

/// Logs everybody on and clears up what the crash left open: half of it by asking, half by sending it again as a possible resend.
fn come_back(firms: &mut [Firm], appliance: &ChildAppliance, random: &mut Random) {
    for firm in firms.iter_mut() {
        let forget = random.below(4) == 0;
        firm.log_on(appliance.ready(), forget);
    }
    for firm in firms.iter_mut() {
        firm.clear_up(|| random.below(2) == 0);
    }
    wait_for(firms, ANSWERED_WITHIN, "the fate of every order", |firms| firms.iter().all(|firm| firm.log.is_answered()));
}

/// Sends orders and cancels until the firms have heard `answers` more answers.
fn trade_until(firms: &mut [Firm], answers: u64, random: &mut Random) {
    let heard = |firms: &[Firm]| firms.iter().map(|firm| firm.log.answer_count()).sum::<u64>();
    let target = heard(firms) + answers;
    let deadline = Instant::now() + ANSWERED_WITHIN;
    while heard(firms) < target {
        assert!(Instant::now() < deadline, "the appliance stopped answering");
        if firms.iter().map(|firm| firm.log.open_count()).sum::<usize>() < OPEN_MAX {
            random_order(firms, random);
        }
        firms.iter_mut().for_each(|firm| {
            firm.flush();
            firm.listen();
        });
    }
}

/// Firms 0 and 1 buy, 2 and 3 sell, all within a few ticks, so that about half of the orders trade.
fn random_order(firms: &mut [Firm], random: &mut Random) {
    let at = random.below(FIRMS as u64) as usize;
    let firm = &mut firms[at];
    if random.below(4) == 0 && firm.cancel_one(random.below(u64::MAX)) {
        return;
    }
    let side = if at < FIRMS / 2 { firm::Side::Buy } else { firm::Side::Sell };
    let price_ticks = 7_800_000 + random.below(8);
    let lots = (1 + random.below(50)) * 1_000;
    firm.order(side, price_ticks, lots, random.below(8) == 0);
}

fn wait_for(firms: &mut [Firm], within: Duration, what: &str, done: impl Fn(&[Firm]) -> bool) {
    let deadline = Instant::now() + within;
    while !done(firms) {
        if Instant::now() >= deadline {
            let open: Vec<String> = firms.iter().map(|firm| firm.log.open_questions()).collect();
            panic!("waited {} s for {what}; open: {open:#?}", within.as_secs());
        }
        firms.iter_mut().for_each(|firm| {
            firm.flush();
            firm.wait_a_little();
            firm.listen();
        });
    }
}

/// Both sides of every trade say the same. Returns how many trades there are.
fn agree(firms: &[Firm]) -> u64 {
    let mut sides = std::collections::BTreeMap::<_, Vec<_>>::new();
    for firm in firms {
        for (trade, terms) in firm.log.fills() {
            sides.entry(trade).or_default().push(terms);
        }
    }
    for (trade, terms) in &sides {
        assert_eq!(terms.len(), 2, "trade {trade} has the sides {terms:?}");
        let (one, two) = (terms[0], terms[1]);
        assert_eq!((&one.price, &one.qty), (&two.price, &two.qty), "trade {trade}");
        assert_ne!(one.side, two.side, "trade {trade}");
    }
    sides.len() as u64
}

/// xorshift64*.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 1) % bound
    }
}
