//! Tests of the rules against the real capture: a plain price-time book that says what a venue would have done.

use super::expect::{MadeTrade, compare};
use super::plan::{Action, Aim, Plan, PlannedOrder};
use super::schedule::{ActionIndex, Schedule};
use super::tape::{Tape, TapeOrderId};
use plinth_types::command::{OrderPrice, Side};
use plinth_types::quantity::{Price, Qty};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::path::PathBuf;

/// A price-time book of one instrument, as naive as it can be.
#[derive(Default)]
struct Book {
    bids: BTreeMap<Price, VecDeque<(TapeOrderId, Qty)>>,
    asks: BTreeMap<Price, VecDeque<(TapeOrderId, Qty)>>,
    resting: HashMap<TapeOrderId, (Side, Price)>,
    trades: Vec<MadeTrade>,
    refused: usize,
    cancelled: usize,
}

impl Book {
    fn best_against(&self, order: &PlannedOrder) -> Option<Price> {
        let best = match order.side {
            Side::Buy => *self.asks.keys().next()?,
            Side::Sell => *self.bids.keys().next_back()?,
        };
        let reaches = match (order.price, order.side) {
            (OrderPrice::Market, _) => true,
            (OrderPrice::Limit(limit), Side::Buy) => best <= limit,
            (OrderPrice::Limit(limit), Side::Sell) => best >= limit,
        };
        reaches.then_some(best)
    }

    fn levels(&mut self, side: Side) -> &mut BTreeMap<Price, VecDeque<(TapeOrderId, Qty)>> {
        match side {
            Side::Buy => &mut self.bids,
            Side::Sell => &mut self.asks,
        }
    }

    fn submit(&mut self, order: &PlannedOrder) {
        if order.aim == Aim::Rest && self.best_against(order).is_some() {
            self.refused += 1;
            return;
        }
        let other = match order.side {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        };
        let mut left = Some(order.qty);
        while let (Some(qty), Some(price)) = (left, self.best_against(order)) {
            let level = self.levels(other).get_mut(&price).unwrap();
            let (maker, resting) = level.front_mut().unwrap();
            let (maker, traded) = (*maker, qty.min(*resting));
            left = qty.after_fill(traded);
            match resting.after_fill(traded) {
                Some(rest) => *resting = rest,
                None => self.remove(maker),
            }
            let (buy, sell) = match order.side {
                Side::Buy => (order.id, maker),
                Side::Sell => (maker, order.id),
            };
            self.trades.push(MadeTrade { buy, sell, price, qty: traded });
        }
        if let (Some(qty), OrderPrice::Limit(price)) = (left, order.price) {
            self.levels(order.side).entry(price).or_default().push_back((order.id, qty));
            self.resting.insert(order.id, (order.side, price));
        }
    }

    fn cancel(&mut self, order: &PlannedOrder) {
        if self.resting.contains_key(&order.id) {
            self.remove(order.id);
            self.cancelled += 1;
        }
    }

    fn remove(&mut self, id: TapeOrderId) {
        let (side, price) = self.resting.remove(&id).unwrap();
        let levels = self.levels(side);
        let level = levels.get_mut(&price).unwrap();
        level.retain(|(resting, _)| *resting != id);
        if level.is_empty() {
            levels.remove(&price);
        }
    }

    fn act(&mut self, plan: &Plan, action: Action) {
        match action {
            Action::New { order, .. } => self.submit(&plan.orders[order]),
            Action::Cancel { order, .. } => self.cancel(&plan.orders[order]),
        }
    }
}

/// The capture, or `None` with a word about it.
fn sample() -> Option<Tape> {
    let named = std::env::var_os("PLINTH_SAMPLE").map(PathBuf::from);
    let folder = named.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../sample-data")));
    if !folder.join("orders.csv.gz").exists() {
        eprintln!(
            "skipped: no sample in {} (scripts/sample-data.sh fetches it; PLINTH_SAMPLE names another folder)",
            folder.display()
        );
        return None;
    }
    Some(Tape::read(&folder).unwrap())
}

#[test]
fn the_rules_reproduce_281_of_the_284_trades() {
    let Some(tape) = sample() else { return };
    assert_eq!((tape.rows.len(), tape.trades.len()), (314_057, 284));
    let plan = Plan::new(&tape, 8);
    assert_eq!((plan.orders.len(), plan.left_out.stale, plan.left_out.without_quantity), (156_885, 2, 2));
    let mut book = Book::default();
    plan.actions.iter().for_each(|&action| book.act(&plan, action));
    let comparison = compare(&tape.trades, &book.trades);
    // The first and the last are the fills of two buys of 5 USD each, which the capture shows without a quantity: they cannot be sent.
    // The middle one follows: their maker has 6,377 lots more left, so its last fill is larger by those (the one extra trade).
    assert_eq!(comparison.missing, [568_697_549, 568_697_554, 568_701_031]);
    assert_eq!(comparison.extra.len(), 1);
    let [short] = [tape.trades.iter().find(|trade| trade.id == 568_697_554).unwrap()];
    assert_eq!(comparison.extra[0].qty.lots(), short.qty.lots() + 6_377);
    assert_eq!((comparison.reproduced, book.refused), (281, 100_518));
}

/// The schedule hands actions to eight sessions; each session keeps its own order, the venue takes from them in any order, and answers
/// come back late. The trades must be those of the tape's order.
#[test]
fn however_sessions_interleave_the_trades_are_the_same() {
    let Some(tape) = sample() else { return };
    let plan = Plan::new(&tape, 8);
    let mut in_order = Book::default();
    plan.actions.iter().for_each(|&action| in_order.act(&plan, action));
    for seed in [1, 2] {
        let (book, in_flight_mean) = interleaved(&plan, seed);
        assert_eq!(book.trades, in_order.trades, "seed {seed}");
        assert_eq!((book.refused, book.cancelled), (in_order.refused, in_order.cancelled), "seed {seed}");
        assert!(in_flight_mean > 1, "seed {seed}: the schedule lets nothing overlap");
    }
}

fn interleaved(plan: &Plan, seed: u64) -> (Book, usize) {
    let mut random = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut draw = |below: usize| {
        random ^= random >> 12;
        random ^= random << 25;
        random ^= random >> 27;
        (random.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % below
    };
    let mut schedule = Schedule::new(plan, 256);
    let mut book = Book::default();
    let mut sessions: Vec<VecDeque<ActionIndex>> = vec![VecDeque::new(); 8];
    let mut answers: Vec<VecDeque<ActionIndex>> = vec![VecDeque::new(); 8];
    let (mut in_flight_sum, mut steps) = (0, 0);
    while !schedule.is_done() {
        while let Some(index) = schedule.poll(u64::MAX) {
            let action = plan.actions[index.get()];
            let gone = matches!(action, Action::Cancel { order, .. } if !book.resting.contains_key(&plan.orders[order].id));
            if gone {
                schedule.finished(index);
            } else {
                sessions[plan.orders[action.order()].firm.get()].push_back(index);
                schedule.sent(index);
            }
        }
        in_flight_sum += sessions.iter().chain(&answers).map(VecDeque::len).sum::<usize>();
        steps += 1;
        let (at, answering) = (draw(8), draw(2) == 0);
        if answering {
            if let Some(index) = answers[at].pop_front() {
                schedule.finished(index);
            }
        } else if let Some(index) = sessions[at].pop_front() {
            book.act(plan, plan.actions[index.get()]);
            answers[at].push_back(index);
        }
    }
    (book, in_flight_sum / steps)
}
