//! The tape's trades against those that the appliance made.

use super::tape::{TapeOrderId, TapeTrade};
use plinth_types::quantity::{Price, Qty};
use std::collections::HashMap;

/// A trade as its two orders' reports tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct MadeTrade {
    /// The order that bought.
    pub(super) buy: TapeOrderId,
    /// The order that sold.
    pub(super) sell: TapeOrderId,
    /// At what price.
    pub(super) price: Price,
    /// How much.
    pub(super) qty: Qty,
}

impl MadeTrade {
    /// What the tape says of a trade, less its number and time.
    #[must_use]
    pub(super) const fn of(trade: &TapeTrade) -> Self {
        Self { buy: trade.buy, sell: trade.sell, price: trade.price, qty: trade.qty }
    }
}

/// What the tape and the appliance agree on, and what not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    /// Trades with the same two orders, price and quantity.
    pub(super) reproduced: usize,
    /// The tape's others, by the venue's number.
    pub(super) missing: Vec<u64>,
    /// The appliance's others.
    pub(super) extra: Vec<MadeTrade>,
}

/// Compares as multisets: the same pair of orders may trade the same quantity twice.
#[must_use]
pub(super) fn compare(tape: &[TapeTrade], made: &[MadeTrade]) -> Comparison {
    let mut open: HashMap<MadeTrade, usize> = HashMap::new();
    for trade in made {
        *open.entry(*trade).or_default() += 1;
    }
    let mut comparison = Comparison::default();
    for trade in tape {
        match open.get_mut(&MadeTrade::of(trade)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                comparison.reproduced += 1;
            }
            Some(_) | None => comparison.missing.push(trade.id),
        }
    }
    comparison.extra = open.into_iter().flat_map(|(trade, count)| std::iter::repeat_n(trade, count)).collect();
    comparison.extra.sort_unstable();
    comparison
}
