//! What those who stand outside the transition may look at: status, reports, benches. Nothing here is told to the [`Touch`], and nothing
//! here changes anything.

use crate::engine::Engine;
use crate::engine::book::{Book, side_of};
use crate::engine::iceberg::left;
use crate::engine::lifetimes::List;
use crate::engine::pool::{Mark, Slot};
use crate::limits::Capacity;
use plinth_clearing::{Balance, Custody, Imbalance};
use plinth_types::command::Side;
use plinth_types::id::{AccountId, AssetId, InboxIndex, InstrumentId, MandateId, OrderId, Seq, SessionId, TimestampNs, TradeId};
use plinth_types::instructions::Lifetime;
use plinth_types::page::Touch;
use plinth_types::quantity::{Amount, Lots, Price, Qty};
use plinth_types::reference::{Account, Asset, Instrument, Mandate, Phase};
use plinth_types::terms::Terms;

/// The best price of a side and what rests at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BestLevel {
    /// The price.
    pub price: Price,
    /// What is shown of what is left of all orders at it.
    pub lots: Lots,
}

/// An order on the book, or one that waits to come there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RestingOrder {
    /// Which.
    pub order: OrderId,
    /// Whose money.
    pub account: AccountId,
    /// Of which instrument.
    pub instrument: InstrumentId,
    /// On which side.
    pub side: Side,
    /// Its limit.
    pub price: Price,
    /// What was asked for, what has traded included.
    pub qty: Qty,
    /// What is left.
    pub left: Qty,
    /// What is shown of it.
    pub shown: Qty,
    /// Whether it must never take.
    pub post_only: bool,
    /// The trade that it waits for, if it does and is not on the book; without a limit, `price` is what it reserved at.
    pub trigger: Option<Price>,
    /// Whether it is not on the book: it waits for a trade or an auction.
    pub waits: bool,
    /// What ends it; `None` if it stays until it is cancelled.
    pub lifetime: Option<Lifetime>,
}

impl<T: Touch> Engine<T> {
    /// Its bounds.
    #[must_use]
    pub const fn capacity(&self) -> &Capacity {
        &self.capacity
    }

    /// Who is told of every record used.
    #[must_use]
    pub const fn touch(&self) -> &T {
        &self.touch
    }

    /// Who is told of every record used, to be read and emptied.
    pub const fn touch_mut(&mut self) -> &mut T {
        &mut self.touch
    }

    /// The last command applied, 0 before the first.
    #[must_use]
    pub fn last_seq(&self) -> Seq {
        Seq::new(self.counters.record().last_seq)
    }

    /// The last trade made, 0 before the first; also how many there were.
    #[must_use]
    pub fn last_trade(&self) -> TradeId {
        TradeId::new(self.counters.record().trades)
    }

    /// The last inbox message consumed, 0 before the first.
    #[must_use]
    pub fn inbox_index(&self) -> InboxIndex {
        InboxIndex::new(self.counters.record().inbox)
    }

    /// How many orders rest, or wait for a trade.
    #[must_use]
    pub fn order_count(&self) -> u32 {
        self.counters.record().orders
    }

    /// Accounts, assets, balances.
    #[must_use]
    pub const fn custody(&self) -> &Custody {
        &self.custody
    }

    /// Open accounts, by number.
    pub fn accounts(&self) -> impl Iterator<Item = Account> + '_ {
        self.custody.accounts()
    }

    /// Assets, by number.
    pub fn assets(&self) -> impl Iterator<Item = Asset> + '_ {
        self.custody.assets()
    }

    /// Listed instruments, by number.
    pub fn instruments(&self) -> impl Iterator<Item = Instrument> + '_ {
        (0..).map(InstrumentId::new).zip(self.listed_books()).filter_map(|(id, book)| book.instrument(id))
    }

    /// One instrument; `None` if it is not listed.
    #[must_use]
    pub fn instrument(&self, instrument: InstrumentId) -> Option<Instrument> {
        self.listed_book(instrument)?.instrument(instrument)
    }

    /// Granted mandates, by number.
    pub fn mandates(&self) -> impl Iterator<Item = Mandate> + '_ {
        (0..).map(MandateId::new).zip(self.mandates.records()).map_while(|(id, record)| record.mandate(id))
    }

    /// What an account has of an asset; `None` if either is unknown.
    #[must_use]
    pub fn balance(&self, account: AccountId, asset: AssetId) -> Option<Balance> {
        self.custody.balance(account, asset)
    }

    /// All that is in custody of an asset; `None` if it is unknown.
    #[must_use]
    pub fn total(&self, asset: AssetId) -> Option<Amount> {
        self.custody.total(asset)
    }

    /// All that ever left the zone of an asset; `None` if it is unknown.
    #[must_use]
    pub fn withdrawn(&self, asset: AssetId) -> Option<Amount> {
        self.custody.withdrawn(asset)
    }

    /// Checks custody's invariants over the whole state. Cost: one pass over all balances.
    ///
    /// # Errors
    ///
    /// The first [`Imbalance`].
    pub fn check_conservation(&self) -> Result<(), Imbalance> {
        self.custody.check()
    }

    /// Price of the last trade; `None` before the first.
    #[must_use]
    pub fn last_price(&self, instrument: InstrumentId) -> Option<Price> {
        Price::from_ticks(self.listed_book(instrument)?.last_price).filter(|price| price.ticks() != 0)
    }

    /// What its orders must be like; `None` if it is not listed.
    #[must_use]
    pub fn terms(&self, instrument: InstrumentId) -> Option<Terms> {
        self.listed_book(instrument)?;
        self.terms.records()[instrument.get() as usize].terms(instrument)
    }

    /// Whether an order's time has come at `time`: a command would first take it off.
    #[must_use]
    pub fn is_due(&self, time: TimestampNs) -> bool {
        self.counters.record().is_due(time.get())
    }

    /// When the next order's time comes; `None` if no order has one.
    #[must_use]
    pub fn next_due(&self) -> Option<TimestampNs> {
        let next = self.counters.record().next_due;
        (next != 0).then_some(TimestampNs::new(next))
    }

    /// Whether orders of a day that has ended are still to be taken off.
    #[must_use]
    pub fn is_expiring(&self, instrument: InstrumentId) -> bool {
        self.listed_book(instrument).is_some() && self.lifetimes.first(&mut (), instrument.get(), List::Over) != 0
    }

    /// Its phase; `None` if it is not listed.
    #[must_use]
    pub fn phase(&self, instrument: InstrumentId) -> Option<Phase> {
        Some(self.listed_book(instrument)?.current_phase())
    }

    /// The best bid (`Side::Buy`) or offer (`Side::Sell`); `None` for an empty side or an instrument that is not listed.
    #[must_use]
    pub fn best(&self, instrument: InstrumentId, side: Side) -> Option<BestLevel> {
        let (level, price) = self.listed_book(instrument)?.best(side)?;
        Some(self.level(level, price))
    }

    /// All levels of a side, best first; nothing for an instrument that is not listed.
    pub fn depth(&self, instrument: InstrumentId, side: Side) -> impl Iterator<Item = BestLevel> + '_ {
        let book = self.listed_book(instrument);
        let mut next = book.and_then(|book| book.best(side));
        core::iter::from_fn(move || {
            let (level, price) = next?;
            next = self.levels.next(&mut (), book?, side, price);
            Some(self.level(level, price))
        })
    }

    /// A resting order; `None` if it is not on the book.
    #[must_use]
    pub fn order(&self, order: OrderId) -> Option<RestingOrder> {
        self.resting(self.index.find(&mut (), &self.nodes, order.bits())?.slot)
    }

    /// All orders of a side in the order in which they would trade, but for what icebergs hide; nothing for an instrument that is not listed.
    pub fn queue(&self, instrument: InstrumentId, side: Side) -> impl Iterator<Item = RestingOrder> + '_ {
        let book = self.listed_book(instrument);
        let mut level = book.and_then(|book| book.best(side));
        let mut slot = level.map_or(0, |(level, _)| self.levels.table.records()[level as usize].head);
        core::iter::from_fn(move || {
            if slot == 0 {
                level = self.levels.next(&mut (), book?, side, level?.1);
                slot = self.levels.table.records()[level?.0 as usize].head;
            }
            let resting = self.resting(slot);
            slot = self.nodes.records()[slot as usize].next;
            resting
        })
    }

    /// The order in a slot that is in use.
    fn resting(&self, slot: Slot) -> Option<RestingOrder> {
        let node = self.nodes.records()[slot as usize];
        Some(RestingOrder {
            order: OrderId::from_bits(node.order)?,
            account: AccountId::new(node.account),
            instrument: InstrumentId::new(node.instrument),
            side: side_of(node.side),
            price: Price::from_ticks(node.price)?,
            qty: Qty::from_lots(node.total)?,
            left: Qty::from_lots(left(&self.hidden, &mut (), slot, &node))?,
            shown: Qty::from_lots(node.lots)?,
            post_only: node.post_only != 0,
            trigger: Price::from_ticks(self.waiting.records()[slot as usize].trigger).filter(|trigger| trigger.ticks() != 0),
            waits: node.marks & Mark::WAITING != 0,
            lifetime: self.lifetimes.of(&mut (), slot),
        })
    }

    /// The number that a session's next order must carry; `None` for a session out of range.
    #[must_use]
    pub fn next_order_index(&self, session: SessionId) -> Option<u64> {
        self.sessions.records().get(usize::from(session.get())).map(|record| record.orders + 1)
    }

    /// What is shown at a level. Cost: one look at each order of it while there are icebergs.
    fn level(&self, level: u32, price: i64) -> BestLevel {
        let level = self.levels.table.records()[level as usize];
        let mut lots = level.lots;
        let mut slot = if self.counters.record().icebergs == 0 { 0 } else { level.head };
        while slot != 0 {
            lots -= self.hidden.records()[slot as usize].lots;
            slot = self.nodes.records()[slot as usize].next;
        }
        let lots = Lots::new(lots);
        BestLevel { price: Price::from_ticks(price).expect("prices are checked where they enter"), lots }
    }

    fn listed_books(&self) -> &[Book] {
        &self.books.records()[..self.counters.record().instruments as usize]
    }

    fn listed_book(&self, instrument: InstrumentId) -> Option<&Book> {
        self.listed_books().get(instrument.get() as usize)
    }
}
