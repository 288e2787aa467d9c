//! Matching: an incoming order takes from the best levels of the other side, oldest order first, at the resting order's price.

use crate::engine::book::{crosses, index_of, opposite};
use crate::engine::{Engine, pool};
use plinth_clearing::Fill;
use plinth_types::command::Side;
use plinth_types::event::{Event, EventSink};
use plinth_types::id::{AccountId, AssetId, OrderId, TradeId};
use plinth_types::page::Touch;
use plinth_types::quantity::{Amount, Price, Qty};

/// An order on its way in: checked, and reserved for if it has a limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Incoming {
    pub(crate) order: OrderId,
    pub(crate) account: AccountId,
    pub(crate) instrument: u32,
    pub(crate) side: Side,
    /// `None` for a market order, which has no reservation.
    pub(crate) limit: Option<Price>,
    /// What is to trade or rest.
    pub(crate) qty: Qty,
    pub(crate) base: AssetId,
    pub(crate) quote: AssetId,
}

/// Why taking ended with something left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// No level is left within the limit.
    NoLevel,
    /// The account of a market order cannot pay for, or deliver, one lot more.
    Funds,
}

impl Incoming {
    /// The worst price that it takes, in ticks.
    #[inline(always)]
    pub(crate) const fn worst(&self) -> i64 {
        match (self.limit, self.side) {
            (Some(limit), _) => limit.ticks(),
            (None, Side::Buy) => i64::MAX,
            (None, Side::Sell) => i64::MIN,
        }
    }

    /// What an order of `qty` lots reserves, and of which asset; nothing without limit.
    #[inline(always)]
    pub(crate) fn reservation(&self, qty: Qty) -> (AssetId, Amount) {
        match (self.side, self.limit) {
            (Side::Buy, Some(limit)) => (self.quote, limit.notional(qty).expect("a limit is above zero")),
            (Side::Sell, Some(_)) => (self.base, Amount::of_lots(qty)),
            (Side::Buy, None) => (self.quote, Amount::ZERO),
            (Side::Sell, None) => (self.base, Amount::ZERO),
        }
    }
}

impl<T: Touch> Engine<T> {
    /// Trades what can be traded now. Returns what is left, and why.
    #[inline]
    pub(crate) fn take<S: EventSink>(&mut self, taker: &Incoming, sink: &mut S) -> (Option<Qty>, Stop) {
        let Self { touch, counters, custody, books, nodes, index, .. } = self;
        let maker_side = opposite(taker.side);
        let worst = taker.worst();
        let mut left = Some(taker.qty);
        'levels: while let Some(wanted) = left {
            let Some((level_slot, ticks)) = books.book(touch, taker.instrument).best(maker_side) else {
                return (left, Stop::NoLevel);
            };
            if !crosses(taker.side, worst, ticks) {
                return (left, Stop::NoLevel);
            }
            let price = Price::from_ticks(ticks).expect("prices are checked where they enter");
            let mut wanted = wanted;
            let level = books.levels.get_mut(touch, level_slot as usize);
            loop {
                let slot = level.head;
                let node = nodes.get_mut(touch, slot as usize);
                let resting = Qty::from_lots(node.lots).expect("a resting order has lots");
                let mut qty = wanted.min(resting);
                if taker.limit.is_none() {
                    match affordable(custody.available(touch, taker.account, paid_in(taker)), taker.side, price, qty) {
                        Some(affordable) => qty = affordable,
                        None => {
                            if let Some(head) = (level.head != 0).then_some(level.head) {
                                nodes.get_mut(touch, head as usize).prev = 0;
                            }
                            return (Some(wanted), Stop::Funds);
                        }
                    }
                }
                let maker = OrderId::from_bits(node.order).expect("a resting order has an id");
                let maker_account = AccountId::new(node.account);
                let next = node.next;
                node.lots -= qty.lots();
                level.lots -= qty.lots();
                if node.lots == 0 {
                    level.head = next;
                    index.remove(touch, maker.bits(), slot);
                    pool::give(nodes, touch, counters.get_mut(&mut (), 0), slot);
                }
                custody.settle(touch, &fill(taker, maker_account, price, qty));
                let counters = counters.get_mut(&mut (), 0);
                counters.trades += 1;
                let trade = TradeId::new(counters.trades);
                sink.emit(Event::Traded { trade, maker, taker: taker.order, price, qty });
                left = wanted.after_fill(qty);
                if level.head == 0 {
                    level.tail = 0;
                    books.close(touch, taker.instrument, maker_side, ticks);
                    continue 'levels;
                }
                match left {
                    Some(rest) => wanted = rest,
                    None => break,
                }
            }
            let head = level.head;
            nodes.get_mut(touch, head as usize).prev = 0;
        }
        (None, Stop::NoLevel)
    }

    /// Whether a fill-or-kill order could trade whole. A buyer without limit must be able to pay for the whole, what it would receive for
    /// own resting orders not counted.
    pub(crate) fn fillable(&mut self, taker: &Incoming) -> Result<(), Stop> {
        let maker_side = opposite(taker.side);
        let available = self.custody.available(&mut self.touch, taker.account, paid_in(taker)).units();
        let mut level = self.books.book(&mut self.touch, taker.instrument).best(maker_side);
        let (mut left, mut cost) = (taker.qty.lots(), 0_u128);
        while let Some((slot, ticks)) = level {
            if !crosses(taker.side, taker.worst(), ticks) {
                break;
            }
            let lots = self.books.levels.get(&mut self.touch, slot as usize).lots.min(left);
            left -= lots;
            cost += match taker.side {
                Side::Buy => u128::from(lots) * u128::from(ticks.unsigned_abs()),
                Side::Sell => u128::from(lots),
            };
            if left == 0 {
                return if taker.limit.is_none() && cost > available { Err(Stop::Funds) } else { Ok(()) };
            }
            level = self.books.next(&mut self.touch, taker.instrument, maker_side, ticks);
        }
        Err(Stop::NoLevel)
    }
}

/// The asset that the taker gives.
#[inline(always)]
fn paid_in(taker: &Incoming) -> AssetId {
    [taker.quote, taker.base][index_of(taker.side)]
}

/// How much of `qty` an account with `available` can pay for or deliver.
fn affordable(available: Amount, side: Side, price: Price, qty: Qty) -> Option<Qty> {
    let lots = match side {
        Side::Buy => available.units() / u128::from(price.ticks().unsigned_abs()),
        Side::Sell => available.units(),
    };
    Qty::from_lots(u64::try_from(lots).unwrap_or(u64::MAX).min(qty.lots()))
}

/// Both legs of a trade. A resting order reserved exactly what it delivers; the taker reserved at its limit.
#[inline(always)]
fn fill(taker: &Incoming, maker: AccountId, price: Price, qty: Qty) -> Fill {
    let notional = price.notional(qty).expect("a resting order's price is above zero");
    let (_, taker_reserved) = taker.reservation(qty);
    let (base, quote) = (taker.base, taker.quote);
    match taker.side {
        Side::Buy => Fill {
            buyer: taker.account,
            seller: maker,
            base,
            quote,
            qty,
            notional,
            buyer_reserved: taker_reserved,
            seller_reserved: Amount::of_lots(qty),
        },
        Side::Sell => Fill {
            buyer: maker,
            seller: taker.account,
            base,
            quote,
            qty,
            notional,
            buyer_reserved: notional,
            seller_reserved: taker_reserved,
        },
    }
}
