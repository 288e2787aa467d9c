//! What one consumer of market data has been told of one instrument, and what it is to be told next.

use crate::limits::MARKET_TRADES_KEPT_MAX;
use crate::market::{MarketView, ViewLevel};
use plinth_types::command::Side;
use plinth_types::id::{InstrumentId, SessionId, TimestampNs, TradeId};
use plinth_types::quantity::{Price, Qty};
use std::cmp::Ordering;
use std::collections::VecDeque;

/// Which entries are wanted: `MDEntryType`, tag 269.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Kinds {
    pub(super) bids: bool,
    pub(super) offers: bool,
    pub(super) trades: bool,
}

/// One trade, as anybody may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PublicTrade {
    pub(super) id: TradeId,
    pub(super) price: Price,
    pub(super) qty: Qty,
    pub(super) time: TimestampNs,
}

/// What happened to an entry: `MDUpdateAction`, tag 279.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    New,
    Change,
    Delete,
}

/// One entry of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Level { side: Side, level: ViewLevel, action: Action },
    Trade(PublicTrade),
}

/// A consumer's subscription to an instrument.
#[derive(Debug)]
pub(super) struct Subscription {
    pub(super) session: SessionId,
    pub(super) request_id: Box<[u8]>,
    pub(super) instrument: InstrumentId,
    /// Levels of each side.
    pub(super) depth: usize,
    pub(super) kinds: Kinds,
    /// Every message is a full refresh.
    pub(super) full: bool,
    /// It ends with the first message.
    pub(super) once: bool,
    /// What the consumer has of each side; `None`: nothing yet.
    told: Option<[Vec<ViewLevel>; 2]>,
    /// Trades that it has not been told of; the oldest go when there are too many.
    trades: VecDeque<PublicTrade>,
    /// Entries told so far.
    pub(super) rpt_seq: u64,
    pub(super) is_behind: bool,
}

impl Subscription {
    pub(super) fn new(
        (session, request_id): (SessionId, Box<[u8]>),
        instrument: InstrumentId,
        depth: usize,
        kinds: Kinds,
        (full, once): (bool, bool),
    ) -> Self {
        let trades = VecDeque::new();
        Self { session, request_id, instrument, depth, kinds, full, once, told: None, trades, rpt_seq: 0, is_behind: true }
    }

    pub(super) fn traded(&mut self, trade: PublicTrade) {
        if self.kinds.trades {
            if self.trades.len() == MARKET_TRADES_KEPT_MAX {
                self.trades.pop_front();
            }
            self.trades.push_back(trade);
            self.is_behind = true;
        }
    }

    /// Brings the consumer up to a view: what it is to be told, and whether that is all there is.
    pub(super) fn advance(&mut self, view: &MarketView) -> (Vec<Entry>, bool) {
        let cut = |levels: &[ViewLevel], wanted: bool| levels[..levels.len().min(if wanted { self.depth } else { 0 })].to_vec();
        let now = [cut(&view.bids, self.kinds.bids), cut(&view.offers, self.kinds.offers)];
        let is_whole = self.full || self.told.is_none();
        let before = self.told.take().filter(|_| !is_whole).unwrap_or_default();
        let mut entries = Vec::new();
        for (side, (before, now)) in [Side::Buy, Side::Sell].into_iter().zip(before.iter().zip(&now)) {
            difference(side, before, now, &mut entries);
        }
        entries.extend(self.trades.drain(..).map(Entry::Trade));
        self.told = Some(now);
        self.is_behind = false;
        (entries, is_whole)
    }
}

/// What makes the levels `now` of the levels `before`; both are best first.
fn difference(side: Side, before: &[ViewLevel], now: &[ViewLevel], entries: &mut Vec<Entry>) {
    let (mut old, mut new) = (before.iter().peekable(), now.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => match side {
                Side::Buy => new.price.cmp(&old.price),
                Side::Sell => old.price.cmp(&new.price),
            },
        };
        let (action, level) = match order {
            Ordering::Less => (Action::Delete, old.next()),
            Ordering::Greater => (Action::New, new.next()),
            Ordering::Equal => {
                let was = old.next().map(|level| level.lots);
                let level = new.next().filter(|level| Some(level.lots) != was);
                (Action::Change, level)
            }
        };
        entries.extend(level.map(|&level| Entry::Level { side, level, action }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use plinth_types::quantity::Lots;
    use std::collections::BTreeMap;

    fn levels(side: Side, text: &[(i64, u64)]) -> Vec<ViewLevel> {
        let mut levels: Vec<ViewLevel> = text
            .iter()
            .map(|&(price, lots)| ViewLevel { price: Price::from_ticks(price).unwrap(), lots: Lots::new(lots) })
            .collect();
        levels.sort_by_key(|level| if side == Side::Buy { -level.price.ticks() } else { level.price.ticks() });
        levels
    }

    /// Every pair of books over four prices and three sizes: the consumer that follows the entries ends with the book.
    #[test]
    fn a_consumer_that_follows_every_entry_has_the_view() {
        let books: Vec<Vec<(i64, u64)>> = (0..81_u32)
            .map(|code| {
                (0..4).map(|at| (i64::from(at) + 1, u64::from(code / 3_u32.pow(at) % 3))).filter(|(_, lots)| *lots > 0).collect()
            })
            .collect();
        for side in [Side::Buy, Side::Sell] {
            for (before, now) in books.iter().flat_map(|before| books.iter().map(move |now| (before, now))) {
                let mut entries = Vec::new();
                difference(side, &levels(side, before), &levels(side, now), &mut entries);
                let mut have: BTreeMap<i64, u64> = before.iter().copied().collect();
                for entry in &entries {
                    let Entry::Level { side: of, level, action } = *entry else { panic!("a trade came of levels") };
                    assert_eq!(of, side);
                    let (price, lots) = (level.price.ticks(), level.lots.get());
                    match action {
                        Action::New => assert_eq!(have.insert(price, lots), None, "new and there"),
                        Action::Change => assert_ne!(have.insert(price, lots), Some(lots), "changed to the same"),
                        Action::Delete => assert!(have.remove(&price).is_some(), "deleted and not there"),
                    }
                }
                assert_eq!(have, now.iter().copied().collect(), "{side:?}: {before:?} to {now:?}");
            }
        }
    }

    #[test]
    fn who_is_behind_is_told_one_state_and_the_last_trades() {
        let mut own = Subscription::new(
            (SessionId::new(1), Box::from(&b"r"[..])),
            InstrumentId::new(0),
            1,
            Kinds { bids: true, offers: false, trades: true },
            (false, false),
        );
        let view = |lots| MarketView {
            instrument: InstrumentId::new(0),
            bids: levels(Side::Buy, &[(5, lots), (4, 9)]),
            offers: levels(Side::Sell, &[(6, 1)]),
        };
        let (first, is_whole) = own.advance(&view(1));
        assert!(is_whole && first.len() == 1, "the best bid alone: {first:?}");
        for trade in 0..3 * MARKET_TRADES_KEPT_MAX as u64 {
            let (id, time) = (TradeId::new(trade), TimestampNs::new(0));
            own.traded(PublicTrade { id, price: Price::from_ticks(5).unwrap(), qty: Qty::from_lots(1).unwrap(), time });
        }
        let (next, is_whole) = own.advance(&view(7));
        assert!(!is_whole);
        assert_eq!(next.len(), 1 + MARKET_TRADES_KEPT_MAX);
        assert!(matches!(next[0], Entry::Level { action: Action::Change, .. }));
        assert!(matches!(next[1], Entry::Trade(trade) if trade.id == TradeId::new(2 * MARKET_TRADES_KEPT_MAX as u64)));
    }
}
