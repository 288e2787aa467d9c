//! An order in the words of matching: what it takes, what it has reserved, what it would deliver.

use crate::engine::book::{Book, crosses, index_of, opposite, side_of};
use crate::engine::cross::Stop;
use crate::engine::pool::Node;
use plinth_types::command::Side;
use plinth_types::id::{AccountId, AssetId, OrderId};
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
    /// The worst price that it takes, in ticks.
    pub(crate) worst: i64,
    /// What is to trade or rest.
    pub(crate) qty: Qty,
    /// The asset it delivers, and reserves.
    pub(crate) gives: AssetId,
    /// The asset it receives.
    pub(crate) gets: AssetId,
    /// What guards its account: bits of [`Guard`].
    pub(crate) guard: u8,
    /// The group of a quote; 0 for any other order.
    pub(crate) group: u16,
}

impl Incoming {
    /// What it delivers for trades of so many lots that cost so much.
    #[inline(always)]
    pub(crate) fn given(&self, cost: u128, lots: u64) -> Amount {
        let units = if self.side == Side::Buy { cost } else { u128::from(lots) };
        Amount::new(units).expect("what is traded is in custody")
    }

    /// What it would deliver for `lots` at this price.
    pub(crate) fn cost(&self, lots: u64, ticks: i64) -> u128 {
        match self.side {
            Side::Buy => u128::from(lots) * u128::from(ticks.unsigned_abs()),
            Side::Sell => u128::from(lots),
        }
    }

    /// Whether it could deliver `cost`: what has a limit has reserved.
    pub(crate) fn afford(&self, cost: u128, available: u128) -> Result<(), Stop> {
        if self.limit.is_none() && cost > available { Err(Stop::Funds) } else { Ok(()) }
    }

    /// What `qty` of it reserves of the asset it gives.
    #[inline(always)]
    pub(crate) const fn reservation(&self, qty: Qty) -> Amount {
        match self.limit {
            Some(limit) => amount(per_lot(self.side, limit), qty),
            None => Amount::ZERO,
        }
    }
}

/// What a side delivers for each lot of a trade: a buyer the price, a seller one unit.
#[inline(always)]
pub(crate) const fn per_lot(side: Side, price: Price) -> Price {
    match side {
        Side::Buy => price,
        Side::Sell => ONE_UNIT,
    }
}

/// What `qty` lots are at so much each.
#[inline(always)]
pub(crate) const fn amount(each: Price, qty: Qty) -> Amount {
    each.notional(qty).expect("prices are above zero where orders enter")
}

const ONE_UNIT: Price = Price::from_ticks(1).expect("one is a price");

/// The worst price that an order without limit takes now.
#[cold]
fn market_worst(book: &Book, side: Side) -> i64 {
    let reach = i64::from(book.market_reach);
    match (book.market_reach, book.best(opposite(side)), side) {
        (u32::MAX, _, Side::Buy) | (_, None, Side::Buy) => i64::MAX,
        (u32::MAX, _, Side::Sell) | (_, None, Side::Sell) => i64::MIN,
        (_, Some((_, best)), Side::Buy) => best + reach,
        (_, Some((_, best)), Side::Sell) => best - reach,
    }
}

/// Whether an order with this limit would trade at once.
#[inline(always)]
pub(crate) fn would_take(book: &Book, side: Side, limit: i64) -> bool {
    let maker = 1 - index_of(side);
    // Both are cheap, and one branch is cheaper than two.
    (book.best_level[maker] != 0) & crosses(side, limit, book.best_price[maker])
}

#[inline(always)]
pub(crate) fn incoming(
    book: &Book,
    order: OrderId,
    account: AccountId,
    instrument: u32,
    side: Side,
    limit: Option<Price>,
    qty: Qty,
) -> Incoming {
    let (gives, gets) = (AssetId::new(book.assets[1 - index_of(side)]), AssetId::new(book.assets[index_of(side)]));
    let worst = limit.map_or_else(|| market_worst(book, side), Price::ticks);
    Incoming { order, account, instrument, side, limit, worst, qty, gives, gets, guard: 0, group: 0 }
}

/// A resting order of which `open` lots are left in the words of an incoming one.
#[inline(always)]
pub(crate) fn resting(book: &Book, node: &Node, open: u64) -> Incoming {
    incoming(
        book,
        OrderId::from_bits(node.order).expect("a resting order has an id"),
        AccountId::new(node.account),
        node.instrument,
        side_of(node.side),
        Some(Price::from_ticks(node.price).expect("prices are checked where they enter")),
        Qty::from_lots(open).expect("a resting order has lots"),
    )
}
