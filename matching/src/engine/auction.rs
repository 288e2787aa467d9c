//! Uncrossing: the one price at which most trades, and the trades.
//!
//! **Price.** The largest volume; of these prices the smallest surplus; if all of these leave a surplus of bids the highest of them, of
//! offers the lowest; else the one nearest to the last trade, and before the first trade their middle, rounded down.
//!
//! **How.** Levels are matched from the best on, as if they traded, until the marginal bid is below the marginal offer. What is left of the
//! marginal levels, and the levels behind them, decide between the prices that remain. Cost: the levels that cross, however wide apart.
//!
//! **Trades.** Best level first, oldest order first, on both sides, until one side has no order left at the price; an iceberg shows its
//! next part at the end of its level, as ever. The offer is the maker. The whole is one command: nothing comes between price and trades.
//!
//! Known limitations: self-match prevention does not hold in an auction; all trades are one command, which nothing bounds but the orders that
//! cross (`examples/worst_commands`).

use crate::engine::Engine;
use crate::engine::book::Book;
use crate::engine::cross::retire;
use crate::engine::iceberg;
use crate::engine::levels::Levels;
use crate::engine::marked::Marked;
use crate::engine::pool::Mark;
use crate::engine::quotes;
use plinth_clearing::Settlement;
use plinth_types::command::Side;
use plinth_types::event::{Event, EventSink};
use plinth_types::id::{AccountId, AssetId, InstrumentId, OrderId, TradeId};
use plinth_types::page::Touch;
use plinth_types::quantity::{Amount, Lots, Price, Qty};

/// At what price a crossed book would trade, and how much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clearing {
    price: i64,
    lots: u128,
    /// What would be left at the price, and of which side.
    surplus: u64,
    surplus_side: Side,
}

/// A level that orders are matched at.
#[derive(Clone, Copy, Debug)]
struct Marginal {
    price: i64,
    lots: u64,
}

impl<T: Touch> Engine<T> {
    /// Says at what price the book would trade now.
    pub(crate) fn indicate<S: EventSink>(&mut self, instrument: u32, sink: &mut S) {
        let Self { touch, books, levels, .. } = self;
        let book = books.get(touch, instrument as usize);
        let found = clear(touch, levels, book);
        let (lots, surplus) = found.map_or((0, 0), |found| (found.lots, found.surplus));
        sink.emit(Event::Indicative {
            instrument: InstrumentId::new(instrument),
            price: found.and_then(|found| Price::from_ticks(found.price)),
            lots: Lots::new(u64::try_from(lots).unwrap_or(u64::MAX)),
            surplus: Lots::new(surplus),
            surplus_side: found.map_or(Side::Buy, |found| found.surplus_side),
        });
    }

    /// Trades what crosses, at one price.
    pub(crate) fn uncross<S: EventSink>(&mut self, instrument: u32, sink: &mut S) {
        let Self { touch, books, levels, .. } = self;
        let book = books.get(touch, instrument as usize);
        let Some(found) = clear(touch, levels, book) else { return };
        let price = Price::from_ticks(found.price).expect("it is between prices of orders");
        while self.trade_heads(instrument, price, sink) {}
        let book = self.books.get_mut(&mut self.touch, instrument as usize);
        (book.last_price, book.auction_price) = (found.price, found.price);
        if book.waiting != 0 {
            self.observe(instrument, found.price);
        }
    }

    /// Trades the first bid with the first offer, if both are willing to at this price.
    fn trade_heads<S: EventSink>(&mut self, instrument: u32, price: Price, sink: &mut S) -> bool {
        let Self { touch, counters, custody, books, levels, nodes, .. } = self;
        let book = books.get(touch, instrument as usize);
        let (Some((bids, bid_at)), Some((offers, offer_at))) = (book.best(Side::Buy), book.best(Side::Sell)) else { return false };
        if bid_at < price.ticks() || offer_at > price.ticks() {
            return false;
        }
        let [base, quote] = book.assets.map(AssetId::new);
        let heads = [bids, offers].map(|level| levels.table.get(touch, level as usize).head);
        let [bid, offer] = heads.map(|slot| *nodes.get(touch, slot as usize));
        let qty = Qty::from_lots(bid.lots.min(offer.lots)).expect("a resting order has lots");
        let (buyer, seller) = (AccountId::new(bid.account), AccountId::new(offer.account));
        let limit = Price::from_ticks(bid_at).expect("prices are checked where they enter");
        let cost = |at: Price| at.notional(qty).expect("prices are above zero where orders enter");
        let (paid, moved) = (cost(price), Amount::of_lots(qty));
        let (gives, gets) = (custody.place(buyer, quote), custody.place(buyer, base));
        custody.settle(touch, Settlement { gives, given: paid, reserved: cost(limit), gets, got: moved });
        let (gives, gets) = (custody.place(seller, base), custody.place(seller, quote));
        custody.settle(touch, Settlement { gives, given: moved, reserved: moved, gets, got: paid });
        let counters = counters.get_mut(touch);
        counters.trades += 1;
        let id = |bits| OrderId::from_bits(bits).expect("a resting order has an id");
        let (maker, taker) = (id(offer.order), id(bid.order));
        sink.emit(Event::Traded { trade: TradeId::new(counters.trades), maker, taker, price, qty });
        self.fill_head(instrument, Side::Buy, bids, bid_at, qty);
        self.fill_head(instrument, Side::Sell, offers, offer_at, qty);
        true
    }

    /// Takes traded lots off the first order of a level.
    fn fill_head(&mut self, instrument: u32, side: Side, level_slot: u32, ticks: i64, qty: Qty) {
        let Self {
            touch, counters, books, levels, nodes, index, guarded, firms, hidden, lifetimes, pegs, ties, groups, watch, ..
        } = self;
        let level = levels.table.get_mut(touch, level_slot as usize);
        let slot = level.head;
        let node = nodes.get_mut(touch, slot as usize);
        node.lots -= qty.lots();
        level.lots -= qty.lots();
        if node.group != 0 {
            quotes::count(groups, touch, watch, node.group, qty);
        }
        if node.marks & Mark::TIED != 0 {
            ties.note_trade(touch, node, slot, qty);
        }
        if node.lots != 0 {
            return;
        }
        let counters = counters.get_mut(touch);
        let marked = Marked { slot, account: AccountId::new(node.account), marks: node.marks };
        let next = iceberg::refresh(hidden, touch, nodes, level, marked).unwrap_or_else(|| {
            marked.end(guarded, firms, hidden, lifetimes, pegs, ties, nodes, touch, counters);
            retire(touch, counters, nodes, index, slot)
        });
        level.head = next;
        if next == 0 {
            level.tail = 0;
            let book = books.get_mut(touch, instrument as usize);
            levels.close(touch, book, side, ticks);
        } else {
            nodes.get_mut(touch, next as usize).prev = 0;
        }
    }
}

/// The price of a crossed book; `None` if nothing crosses.
fn clear<T: Touch>(touch: &mut T, levels: &Levels, book: &Book) -> Option<Clearing> {
    let (mut bid, mut offer) = (first(touch, levels, book, Side::Buy)?, first(touch, levels, book, Side::Sell)?);
    if bid.price < offer.price {
        return None;
    }
    let mut lots = 0_u128;
    loop {
        let matched = bid.lots.min(offer.lots);
        lots += u128::from(matched);
        (bid.lots, offer.lots) = (bid.lots - matched, offer.lots - matched);
        let next_bid = if bid.lots == 0 { behind(touch, levels, book, Side::Buy, bid.price) } else { Some(bid) };
        let next_offer = if offer.lots == 0 { behind(touch, levels, book, Side::Sell, offer.price) } else { Some(offer) };
        match (next_bid, next_offer) {
            (Some(next_bid), Some(next_offer)) if next_bid.price >= next_offer.price => (bid, offer) = (next_bid, next_offer),
            (next_bid, next_offer) => {
                let at = |price, surplus, surplus_side| Some(Clearing { price, lots, surplus, surplus_side });
                if bid.lots != 0 {
                    return at(bid.price, bid.lots, Side::Buy);
                }
                if offer.lots != 0 {
                    return at(offer.price, offer.lots, Side::Sell);
                }
                let (low, high) = between(next_bid, next_offer, offer.price, bid.price);
                if low <= high {
                    return at(nearest(book, low, high), 0, Side::Buy);
                }
                // The levels behind the marginal ones are neighbours: every price leaves one of them over.
                let (next_bid, next_offer) = (next_bid?, next_offer?);
                if next_bid.lots < next_offer.lots {
                    return at(next_bid.price, next_bid.lots, Side::Buy);
                }
                if next_offer.lots < next_bid.lots {
                    return at(next_offer.price, next_offer.lots, Side::Sell);
                }
                let further_bid = behind(touch, levels, book, Side::Buy, next_bid.price);
                let further_offer = behind(touch, levels, book, Side::Sell, next_offer.price);
                let (low, high) = between(further_bid, further_offer, offer.price, bid.price);
                let price = nearest(book, low, high);
                let side = if price <= next_bid.price { Side::Buy } else { Side::Sell };
                return at(price, next_bid.lots, side);
            }
        }
    }
}

/// The prices above a bid and below an offer, and between `low` and `high`.
fn between(bid: Option<Marginal>, offer: Option<Marginal>, low: i64, high: i64) -> (i64, i64) {
    (bid.map_or(low, |bid| low.max(bid.price + 1)), offer.map_or(high, |offer| high.min(offer.price - 1)))
}

/// The price that is nearest to the last trade, or the middle if there was none.
fn nearest(book: &Book, low: i64, high: i64) -> i64 {
    if book.last_price == 0 { low.midpoint(high) } else { book.last_price.clamp(low, high) }
}

fn first<T: Touch>(touch: &mut T, levels: &Levels, book: &Book, side: Side) -> Option<Marginal> {
    book.best(side).map(|(slot, price)| Marginal { price, lots: levels.table.get(touch, slot as usize).lots })
}

fn behind<T: Touch>(touch: &mut T, levels: &Levels, book: &Book, side: Side, price: i64) -> Option<Marginal> {
    let (slot, price) = levels.next(touch, book, side, price)?;
    Some(Marginal { price, lots: levels.table.get(touch, slot as usize).lots })
}
