//! Makes a workload from a seed: 60 % adds, 30 % cancels, 10 % takers, with the book held near a target depth.

use super::shadow::{Orders, ShadowBook};
use super::{BookSide, Header, Op, Record, TradeHash, Workload};
use crate::random::Random;

const MID_START: i64 = 10_000;
const MID_RANGE: std::ops::RangeInclusive<i64> = 9_000..=11_000;
/// One operation in so many moves the middle by a tick.
const MID_MOVES_EVERY: u64 = 64;
/// Of a hundred operations: adds below the first, cancels below the second, takers above.
const ADDS_BELOW: u64 = 60;
const CANCELS_BELOW: u64 = 90;
/// Adds lie within so many ticks of the middle.
const SPREAD_TICKS: u64 = 100;
const QTY_MAX: u64 = 100;
/// Lots that a taker eats on average at target depth: three orders of 50.
const TAKE_MEAN: u64 = 150;
/// Takers' limits lie so far through the touch.
const TAKE_THROUGH_TICKS: u32 = 20;
const ACCOUNTS: u64 = 50;

/// What to make.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recipe {
    /// Records in all.
    pub(crate) op_count: u64,
    /// Seed.
    pub(crate) seed: u64,
    /// Live orders of a side that the book is held near.
    pub(crate) depth: u64,
    /// Books.
    pub(crate) symbol_count: u64,
}

impl Default for Recipe {
    fn default() -> Self {
        Self { op_count: 4_000_000, seed: 42, depth: 1_000, symbol_count: 1 }
    }
}

/// Makes the workload of a recipe, the same on every machine.
pub(crate) fn generate(recipe: Recipe) -> Workload {
    let mut generator = Generator::new(recipe);
    let records = (0..recipe.op_count).map(|index| generator.record(index)).collect();
    Workload { header: generator.header, records }
}

struct Generator {
    recipe: Recipe,
    random: Random,
    orders: Orders,
    books: Vec<ShadowBook>,
    header: Header,
}

impl Generator {
    fn new(recipe: Recipe) -> Self {
        let header = Header {
            seed: recipe.seed,
            op_count: recipe.op_count,
            prefill_count: 2 * recipe.depth * recipe.symbol_count,
            trade_count: 0,
            traded_lots: 0,
            trade_hash: TradeHash::EMPTY,
            price_min: u32::MAX,
            price_max: 0,
        };
        Self {
            recipe,
            random: Random::new(recipe.seed),
            orders: Orders::new(),
            books: (0..recipe.symbol_count).map(|_| ShadowBook::new(MID_START)).collect(),
            header,
        }
    }

    /// Every draw below is part of the format: its order fixes the hash.
    fn record(&mut self, index: u64) -> Record {
        let prefill = index < self.header.prefill_count;
        let symbol = if prefill { index % self.recipe.symbol_count } else { self.random.below(self.recipe.symbol_count) };
        let book = &mut self.books[symbol as usize];
        if self.random.below(MID_MOVES_EVERY) == 0 {
            book.mid += if side(&mut self.random) == BookSide::Buy { 1 } else { -1 };
            book.mid = book.mid.clamp(*MID_RANGE.start(), *MID_RANGE.end());
        }
        let roll = if prefill { 0 } else { self.random.below(100) };
        let (op, order, side, price, qty) = if roll < ADDS_BELOW {
            let prefill_side = if (index / self.recipe.symbol_count).is_multiple_of(2) { BookSide::Buy } else { BookSide::Sell };
            let side = if prefill { prefill_side } else { side(&mut self.random) };
            self.add(symbol as usize, side)
        } else if roll < CANCELS_BELOW {
            self.cancel(symbol as usize)
        } else {
            self.take(symbol as usize)
        };
        Record { order, price, qty, op, side, account: (order % ACCOUNTS) as u16, symbol: symbol as u32 }
    }

    fn add(&mut self, symbol: usize, side: BookSide) -> (Op, u64, BookSide, u32, u32) {
        let book = &mut self.books[symbol];
        // The smaller of two draws: denser near the middle.
        let distance = self.random.below(SPREAD_TICKS).min(self.random.below(SPREAD_TICKS)) as i64;
        let price = match side {
            BookSide::Buy => (book.mid - 1 - distance).min(book.best_ask().map_or(i64::MAX, |ask| i64::from(ask) - 1)),
            BookSide::Sell => (book.mid + 1 + distance).max(book.best_bid().map_or(i64::MIN, |bid| i64::from(bid) + 1)),
        } as u32;
        let qty = 1 + self.random.below(QTY_MAX) as u32;
        self.header.price_min = self.header.price_min.min(price);
        self.header.price_max = self.header.price_max.max(price);
        (Op::Add, book.add(&mut self.orders, side, price, qty), side, price, qty)
    }

    fn cancel(&mut self, symbol: usize) -> (Op, u64, BookSide, u32, u32) {
        let book = &mut self.books[symbol];
        let (bids, asks) = (book.live(BookSide::Buy).len() as u64, book.live(BookSide::Sell).len() as u64);
        let from = if self.random.below(bids + asks + 1) < bids { BookSide::Buy } else { BookSide::Sell };
        let any = self.random.below(100) == 0;
        let live = book.live(from);
        let order = if any || live.is_empty() {
            1 + self.random.below(self.orders.next_number() - 1)
        } else {
            live[self.random.below(live.len() as u64) as usize]
        };
        let (side, price) = self.orders.terms(order);
        book.cancel(&mut self.orders, order);
        (Op::Cancel, order, side, price, 0)
    }

    fn take(&mut self, symbol: usize) -> (Op, u64, BookSide, u32, u32) {
        let book = &mut self.books[symbol];
        let (bids, asks) = (book.live(BookSide::Buy).len() as u64, book.live(BookSide::Sell).len() as u64);
        let heavier = if asks > bids { BookSide::Buy } else { BookSide::Sell };
        let side = if self.random.below(4) < 3 { heavier } else { side(&mut self.random) };
        let (against, best) = match side {
            BookSide::Buy => (asks, book.best_ask().map(|ask| ask + TAKE_THROUGH_TICKS)),
            BookSide::Sell => (bids, book.best_bid().map(|bid| bid - TAKE_THROUGH_TICKS)),
        };
        let mean = TAKE_MEAN * against / self.recipe.depth.max(1) + 1;
        let qty = 1 + self.random.below(2 * mean) as u32;
        let price = best.unwrap_or(book.mid as u32);
        let taker = self.orders.push_taker(side, qty);
        let mut left = qty;
        while left > 0 {
            let Some(fill) = book.take_one(&mut self.orders, side, price, left) else { break };
            left -= fill.qty;
            self.header.trade_count += 1;
            self.header.traded_lots += u64::from(fill.qty);
            self.header.trade_hash.add(fill.maker, taker, u64::from(fill.price), u64::from(fill.qty));
        }
        (Op::Take, taker, side, price, qty)
    }
}

const fn side(random: &mut Random) -> BookSide {
    if random.next() >> 63 == 0 { BookSide::Buy } else { BookSide::Sell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_seed_gives_the_published_trades() {
        let workload = generate(Recipe::default());
        assert_eq!(workload.records.len(), 4_000_000);
        assert_eq!(workload.header.trade_count, 1_569_935);
        assert_eq!(workload.header.trade_hash.bits(), 0x2565_3ba4_5764_a44f);
    }

    #[test]
    fn several_symbols_each_get_their_share() {
        let workload = generate(Recipe { op_count: 50_000, depth: 100, symbol_count: 4, seed: 7 });
        for symbol in 0..4 {
            assert!(workload.records.iter().filter(|record| record.symbol == symbol).count() > 10_000, "symbol {symbol}");
        }
    }
}
