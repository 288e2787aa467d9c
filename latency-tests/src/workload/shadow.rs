//! The generator's own book of one symbol: it knows what is live, so that adds never cross and takers find their size.

use super::BookSide;
use std::collections::{BTreeMap, VecDeque};

/// Every order that the generator ever made, of all symbols; index 0 is none.
#[derive(Debug)]
pub(super) struct Orders(Vec<Entry>);

#[derive(Clone, Copy, Debug)]
struct Entry {
    side: BookSide,
    price: u32,
    qty: u32,
    /// Where it stands in its book's list of live orders.
    live_at: u32,
    live: bool,
}

/// One book.
#[derive(Debug)]
pub(super) struct ShadowBook {
    bids: BTreeMap<u32, VecDeque<u64>>,
    asks: BTreeMap<u32, VecDeque<u64>>,
    live: [Vec<u64>; 2],
    /// Where adds gather, in ticks.
    pub(super) mid: i64,
}

/// One trade of a taker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fill {
    pub(super) maker: u64,
    pub(super) price: u32,
    pub(super) qty: u32,
}

impl Orders {
    pub(super) fn new() -> Self {
        Self(vec![Entry { side: BookSide::Buy, price: 0, qty: 0, live_at: 0, live: false }])
    }

    /// Number of the next order.
    pub(super) fn next_number(&self) -> u64 {
        self.0.len() as u64
    }

    /// Side and price of an order.
    pub(super) fn terms(&self, order: u64) -> (BookSide, u32) {
        let entry = &self.0[order as usize];
        (entry.side, entry.price)
    }

    /// Numbers an order that never rests.
    pub(super) fn push_taker(&mut self, side: BookSide, qty: u32) -> u64 {
        let order = self.next_number();
        self.0.push(Entry { side, price: 0, qty, live_at: 0, live: false });
        order
    }
}

impl ShadowBook {
    pub(super) fn new(mid: i64) -> Self {
        Self { bids: BTreeMap::new(), asks: BTreeMap::new(), live: [Vec::new(), Vec::new()], mid }
    }

    pub(super) fn best_bid(&self) -> Option<u32> {
        self.bids.keys().next_back().copied()
    }

    pub(super) fn best_ask(&self) -> Option<u32> {
        self.asks.keys().next().copied()
    }

    pub(super) fn live(&self, side: BookSide) -> &[u64] {
        &self.live[side as usize]
    }

    /// Rests an order that does not cross.
    pub(super) fn add(&mut self, orders: &mut Orders, side: BookSide, price: u32, qty: u32) -> u64 {
        let order = orders.next_number();
        let live = &mut self.live[side as usize];
        orders.0.push(Entry { side, price, qty, live_at: live.len() as u32, live: true });
        live.push(order);
        self.levels(side).entry(price).or_default().push_back(order);
        order
    }

    /// Takes an order off, if it is live in this very book.
    pub(super) fn cancel(&mut self, orders: &mut Orders, order: u64) {
        let Entry { side, price, live_at, live, .. } = orders.0[order as usize];
        if !live || self.live[side as usize].get(live_at as usize) != Some(&order) {
            return;
        }
        let levels = self.levels(side);
        let queue = levels.get_mut(&price).expect("a live order has a level");
        let at = queue.iter().position(|other| *other == order).expect("a live order stands in its queue");
        queue.remove(at);
        if queue.is_empty() {
            levels.remove(&price);
        }
        self.forget(orders, order);
    }

    /// The best maker's fill against `left` lots at `limit`, if any.
    pub(super) fn take_one(&mut self, orders: &mut Orders, side: BookSide, limit: u32, left: u32) -> Option<Fill> {
        let (price, maker_side) = match side {
            BookSide::Buy => (self.best_ask().filter(|best| *best <= limit)?, BookSide::Sell),
            BookSide::Sell => (self.best_bid().filter(|best| *best >= limit)?, BookSide::Buy),
        };
        let levels = self.levels(maker_side);
        let queue = levels.get_mut(&price).expect("the best level exists");
        let maker = *queue.front().expect("a level has an order");
        let entry = &mut orders.0[maker as usize];
        let qty = entry.qty.min(left);
        entry.qty -= qty;
        if entry.qty == 0 {
            queue.pop_front();
            if queue.is_empty() {
                levels.remove(&price);
            }
            self.forget(orders, maker);
        }
        Some(Fill { maker, price, qty })
    }

    fn levels(&mut self, side: BookSide) -> &mut BTreeMap<u32, VecDeque<u64>> {
        match side {
            BookSide::Buy => &mut self.bids,
            BookSide::Sell => &mut self.asks,
        }
    }

    fn forget(&mut self, orders: &mut Orders, order: u64) {
        let Entry { side, live_at, .. } = orders.0[order as usize];
        let live = &mut self.live[side as usize];
        live.swap_remove(live_at as usize);
        if let Some(&moved) = live.get(live_at as usize) {
            orders.0[moved as usize].live_at = live_at;
        }
        orders.0[order as usize].live = false;
    }
}
