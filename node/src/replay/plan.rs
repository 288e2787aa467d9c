//! What eight firms would have sent: the tape's rows as orders and cancels.

use super::tape::{Row, RowKind, Tape, TapeOrderId};
use plinth_types::command::{OrderPrice, Side};
use plinth_types::quantity::{Price, Qty};
use std::collections::{HashMap, HashSet};

/// Prices from here on (999,999,999.00) are how the venue writes a market buy.
const MARKET_BUY_FROM: i64 = 99_999_999_900;

/// Which of the firms; the first is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct FirmIndex(u8);

impl FirmIndex {
    /// The index.
    #[must_use]
    pub(super) const fn get(self) -> usize {
        self.0 as usize
    }
}

/// What an order may do on arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aim {
    /// Rest, or be refused: it goes out post-only.
    Rest,
    /// Trade, and rest with what is left if it has a limit.
    Take,
}

/// An order to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PlannedOrder {
    /// The venue's number, sent as `ClOrdID`.
    pub(super) id: TapeOrderId,
    /// Who sends it.
    pub(super) firm: FirmIndex,
    /// Which side.
    pub(super) side: Side,
    /// Limit or market.
    pub(super) price: OrderPrice,
    /// How much.
    pub(super) qty: Qty,
    /// Post-only or not.
    pub(super) aim: Aim,
}

/// One thing to send, in tape order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Send the order of this index.
    New {
        /// Into [`Plan::orders`].
        order: usize,
        /// When the capture received it, in milliseconds since 1970.
        at_ms: u64,
    },
    /// Cancel what is left of the order of this index.
    Cancel {
        /// Into [`Plan::orders`].
        order: usize,
        /// When the capture received it, in milliseconds since 1970.
        at_ms: u64,
    },
}

impl Action {
    /// The order it is about.
    #[must_use]
    pub(super) const fn order(&self) -> usize {
        match self {
            Self::New { order, .. } | Self::Cancel { order, .. } => *order,
        }
    }

    /// When the capture received it, in milliseconds since 1970.
    #[must_use]
    pub(super) const fn at_ms(&self) -> u64 {
        match self {
            Self::New { at_ms, .. } | Self::Cancel { at_ms, .. } => *at_ms,
        }
    }
}

/// Rows that are not sent, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LeftOut {
    /// Orders of the snapshot that were not on the book any more.
    pub(super) stale: usize,
    /// Orders that the capture shows without a quantity.
    pub(super) without_quantity: usize,
    /// Deletions of orders that the capture never saw created.
    pub(super) unknown_deletions: usize,
    /// The venue's own fill reports.
    pub(super) changes: usize,
}

/// All that is to be sent.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Every order once.
    pub(super) orders: Vec<PlannedOrder>,
    /// What is sent, in tape order.
    pub(super) actions: Vec<Action>,
    /// What is not.
    pub(super) left_out: LeftOut,
}

impl Plan {
    /// Turns the tape into what `firm_count` firms send.
    ///
    /// # Panics
    ///
    /// If `firm_count` is 0.
    #[must_use]
    pub(super) fn new(tape: &Tape, firm_count: u8) -> Self {
        assert!(firm_count > 0, "somebody must send");
        let takers: HashSet<TapeOrderId> = tape.trades.iter().map(super::tape::TapeTrade::taker).collect();
        let stale = stale(tape);
        let mut plan = Self { orders: Vec::new(), actions: Vec::new(), left_out: LeftOut::default() };
        let mut known = HashMap::new();
        let mut dropped = HashSet::new();
        for row in &tape.rows {
            match row.kind {
                RowKind::Changed => plan.left_out.changes += 1,
                RowKind::Created if stale.contains(&row.id) => {
                    plan.left_out.stale += 1;
                    dropped.insert(row.id);
                }
                RowKind::Created => match Qty::from_lots(row.lots.get()) {
                    None => {
                        plan.left_out.without_quantity += 1;
                        dropped.insert(row.id);
                    }
                    Some(qty) => {
                        let order = plan.orders.len();
                        known.insert(row.id, order);
                        plan.orders.push(planned(row, qty, takers.contains(&row.id), firm_count));
                        plan.actions.push(Action::New { order, at_ms: row.received_at_ms });
                    }
                },
                RowKind::Deleted => match known.get(&row.id) {
                    Some(&order) => plan.actions.push(Action::Cancel { order, at_ms: row.received_at_ms }),
                    None if dropped.contains(&row.id) => {}
                    None => plan.left_out.unknown_deletions += 1,
                },
            }
        }
        plan
    }

    /// Cuts the plan behind its first `action_count` actions.
    pub(super) fn truncate(&mut self, action_count: usize) {
        self.actions.truncate(action_count);
    }
}

fn planned(row: &Row, qty: Qty, takes: bool, firm_count: u8) -> PlannedOrder {
    let market = row.price.ticks() == 0 || row.price.ticks() >= MARKET_BUY_FROM;
    let level_firm = pick(row.price.ticks().unsigned_abs(), firm_count);
    let (price, aim, firm) = match (market, takes) {
        // A market order neither rests nor can be post-only.
        (true, _) => (OrderPrice::Market, Aim::Take, pick(row.id.get(), firm_count)),
        (false, true) => (OrderPrice::Limit(row.price), Aim::Take, other_firm(level_firm, row.id, firm_count)),
        (false, false) => (OrderPrice::Limit(row.price), Aim::Rest, level_firm),
    };
    PlannedOrder { id: row.id, firm: FirmIndex(firm), side: row.side, price, qty, aim }
}

/// The orders of one price level come from one firm: FIX keeps a session's own order, so who stands first in a queue needs no waiting.
/// Whoever takes is another firm than the one whose level its limit is, so that value changes hands.
fn other_firm(level_firm: u8, id: TapeOrderId, firm_count: u8) -> u8 {
    match firm_count {
        1 => 0,
        _ => (level_firm + 1 + pick(id.get(), firm_count - 1)) % firm_count,
    }
}

/// Spreads numbers evenly over firms (Fibonacci hashing).
fn pick(number: u64, firm_count: u8) -> u8 {
    let mixed = u128::from(number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32);
    u8::try_from((mixed * u128::from(firm_count)) >> 32).expect("below the count of firms")
}

/// Orders of the opening snapshot (all stamped with its time, the first row's) that nothing but the synthetic end deletes, although the
/// tape traded through their price.
fn stale(tape: &Tape) -> HashSet<TapeOrderId> {
    let (Some(first), Some(last)) = (tape.rows.first(), tape.rows.last()) else { return HashSet::new() };
    let traded = tape.trades.iter().map(|trade| trade.price);
    let (Some(lowest), Some(highest)) = (traded.clone().min(), traded.max()) else { return HashSet::new() };
    let traded_through = |side: Side, price: Price| match side {
        Side::Buy => price > lowest,
        Side::Sell => price < highest,
    };
    let at_end: HashSet<TapeOrderId> = tape
        .rows
        .iter()
        .filter(|row| row.kind == RowKind::Deleted && row.received_at_ms == last.received_at_ms)
        .map(|row| row.id)
        .collect();
    tape.rows
        .iter()
        .filter(|row| row.kind == RowKind::Created && row.exchange_at_ms == first.exchange_at_ms)
        .filter(|row| traded_through(row.side, row.price) && at_end.contains(&row.id))
        .map(|row| row.id)
        .collect()
}
