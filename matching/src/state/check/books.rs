//! The books, one after the other: where each lies, its levels and their orders, and what all orders together need.

use super::{Inconsistency, lifetimes, pegs, ties};
use crate::engine::Engine;
use crate::engine::bitmap::Span;
use crate::engine::book::{Book, Ladder, better, index_of, side_of};
use crate::engine::iceberg::Hidden;
use crate::engine::levels::Level;
use crate::engine::pool::{Mark, Node, Slot};
use crate::engine::protection::{HIGHEST_BAND, LOWEST_BAND};
use crate::engine::spill::SpillEntry;
use crate::engine::waiting::Waiting;
use crate::limits::{WINDOW_BITS_MAX, WINDOW_BITS_MIN};
use alloc::vec;
use alloc::vec::Vec;
use core::ops::Range;
use plinth_types::command::Side;
use plinth_types::id::{AccountId, AssetId, InstrumentId, OrderId};
use plinth_types::limits::PRICE_TICKS_MAX;
use plinth_types::page::Touch;
use plinth_types::quantity::{Price, Qty};
use plinth_types::reference::Phase;
use plinth_types::table::Record;

/// The books checked so far: where the next one must lie, and what their orders need.
pub(super) struct BooksWalk<'a, T: Touch> {
    pub(super) engine: &'a Engine<T>,
    level_slots: u32,
    levels: u32,
    words: u32,
    pub(super) orders: usize,
    icebergs: u32,
    /// Orders of lists.
    pub(super) lasting: u32,
    /// Orders that are pegged.
    pub(super) pegged: u32,
    /// By account and asset, as balances are.
    reserved: Vec<u128>,
}

impl<'a, T: Touch> BooksWalk<'a, T> {
    pub(super) fn new(engine: &'a Engine<T>) -> Self {
        let balances = engine.capacity.accounts_max as usize * usize::from(engine.capacity.assets_max);
        Self {
            engine,
            level_slots: 0,
            levels: 0,
            words: 0,
            orders: 0,
            icebergs: 0,
            lasting: 0,
            pegged: 0,
            reserved: vec![0; balances],
        }
    }

    pub(super) fn check(&mut self, instrument: u32) -> Result<(), Inconsistency> {
        let id = InstrumentId::new(instrument);
        let book = &self.engine.books.records()[instrument as usize];
        self.check_place(instrument, book).ok_or(Inconsistency::Book(id))?;
        let spill_levels = book.level_base[0] as usize + (2 << book.window_bits);
        let mut best = [None; 2];
        for side in [Side::Buy, Side::Sell] {
            let first = book.window_slot(side, 0) as usize;
            let window = first..first + (1 << book.window_bits);
            for (slot, price) in window.clone().zip(book.window_low..) {
                if self.check_level(instrument, book, slot, price, side).ok_or(Inconsistency::Level(id))? {
                    note_best(&mut best, side, slot, price);
                }
            }
            if !bitmap_is_right(self.engine, book.span(side), window) {
                return Err(Inconsistency::Bitmap(id));
            }
            for entry in self.check_spill(book, Ladder::Resting(side), spill_levels).ok_or(Inconsistency::Spill(id))? {
                let slot = entry.level as usize;
                if !self.check_level(instrument, book, slot, entry.price, side).ok_or(Inconsistency::Level(id))? {
                    return Err(Inconsistency::Spill(id));
                }
                note_best(&mut best, side, slot, entry.price);
            }
        }
        let crossed = matches!(best, [Some((_, bid)), Some((_, offer))] if bid >= offer);
        let named = [Side::Buy, Side::Sell].map(|side| book.best(side));
        let empty_is_zero = [0, 1].into_iter().all(|side| book.best_level[side] != 0 || book.best_price[side] == 0);
        if (crossed && book.is_continuous()) || named != best || !empty_is_zero {
            return Err(Inconsistency::Best(id));
        }
        self.check_waiting(instrument, book, spill_levels).ok_or(Inconsistency::Waiting(id))?;
        self.check_lists(instrument, book).ok_or(Inconsistency::Lifetimes)?;
        self.check_pegs(instrument, book).ok_or(Inconsistency::Pegged(id))
    }

    /// Whether the instrument can be listed, and its book lies behind the one before.
    fn check_place(&mut self, instrument: u32, book: &Book) -> Option<()> {
        let engine = self.engine;
        let listed = book.instrument(InstrumentId::new(instrument))?;
        let known = |asset| engine.custody.known_asset(&mut (), asset).is_ok();
        let sound = listed.base != listed.quote
            && known(listed.base)
            && known(listed.quote)
            && LOWEST_BAND <= book.band_low
            && book.band_low <= book.band_high
            && book.band_high <= HIGHEST_BAND
            && (WINDOW_BITS_MIN..=WINDOW_BITS_MAX).contains(&book.window_bits)
            && book.level_base == [1, 1 + (1 << book.window_bits)].map(|first| first + self.level_slots)
            && book.word_base == [0, Span::word_count(book.window_bits) as u32].map(|first| first + self.words)
            && book.spill_base == engine.levels.spill_base(instrument)
            && [book.last_price, book.auction_price].iter().all(|price| (0..=PRICE_TICKS_MAX).contains(price))
            && Phase::from_code(book.phase).is_some()
            && book.spill_count.iter().all(|&count| count <= engine.capacity.spill_levels_max);
        if !sound {
            return None;
        }
        self.levels += 1 << book.window_bits;
        self.level_slots += engine.levels.level_slots(book.window_bits);
        self.words += 2 * Span::word_count(book.window_bits) as u32;
        (self.levels <= engine.capacity.levels_max).then_some(())
    }

    /// The used part of a ladder, if it is sorted, outside the window if it must be, and the whole has the ladder's levels.
    pub(super) fn check_spill(&self, book: &Book, ladder: Ladder, spill_levels: usize) -> Option<Vec<SpillEntry>> {
        let max = usize::from(self.engine.capacity.spill_levels_max);
        let first_level = spill_levels + ladder.index() * max;
        let used = book.spill_used(ladder, self.engine.capacity.spill_levels_max);
        let entries = self.engine.levels.spill.entries.records();
        let all = &entries[used.start..used.start + max];
        let (entries, unused) = all.split_at(used.len());
        let mut slots: Vec<usize> = all.iter().map(|entry| entry.level as usize).collect();
        slots.sort_unstable();
        let sound = slots.into_iter().eq(first_level..first_level + max)
            && (matches!(ladder, Ladder::Waiting(_)) || entries.iter().all(|entry| book.window_level(entry.price).is_none()))
            && entries.windows(2).all(|pair| better(ladder.ranked_as(), pair[1].price, pair[0].price))
            && unused.iter().all(|entry| entry.price == 0 && self.is_empty(entry.level as usize));
        sound.then(|| entries.to_vec())
    }

    fn is_empty(&self, level: usize) -> bool {
        self.engine.levels.table.records()[level] == Level::ZERO
    }

    /// Walks a level of `side` at `price`. Whether it has orders; `None` if something is wrong.
    fn check_level(&mut self, instrument: u32, book: &Book, slot: usize, price: i64, side: Side) -> Option<bool> {
        let level = self.engine.levels.table.records()[slot];
        if level == Level::ZERO {
            return Some(false);
        }
        let (mut at, mut prev, mut lots) = (level.head, 0, 0_u64);
        while at != 0 {
            let node = *self.engine.nodes.records().get(at as usize)?;
            let placed = node.prev == prev && node.level as usize == slot && node.instrument == instrument && node.price == price;
            if !placed || usize::from(node.side) != index_of(side) || node.post_only > 1 {
                return None;
            }
            let open = self.check_hidden(at, &node)?;
            self.check_order(book, &node, open)?;
            lots = lots.checked_add(open)?;
            self.orders += 1;
            // A ring of links ends here: there are no more nodes than this.
            if self.orders > self.engine.counters.record().orders as usize {
                return None;
            }
            (prev, at) = (at, node.next);
        }
        (level.head != 0 && level.tail == prev && level.lots == lots).then_some(true)
    }

    /// What is left of an order, shown or not, if its marks and what it hides can be.
    fn check_hidden(&mut self, slot: Slot, node: &Node) -> Option<u64> {
        let hidden = self.engine.hidden.records()[slot as usize];
        let iceberg = node.marks & Mark::ICEBERG != 0;
        if node.marks & Mark::WAITING != 0 || self.engine.waiting.records()[slot as usize] != Waiting::ZERO {
            return None;
        }
        let sound = if iceberg { (1..=hidden.display).contains(&node.lots) } else { hidden == Hidden::ZERO };
        self.icebergs += u32::from(iceberg);
        (sound && node.marks & !Mark::ALL == 0).then(|| node.lots.checked_add(hidden.lots))?
    }

    /// Checks an order's own terms and adds up what it needs.
    pub(super) fn check_order(&mut self, book: &Book, node: &Node, open: u64) -> Option<()> {
        let order = OrderId::from_bits(node.order)?;
        let session = self.engine.sessions.records().get(usize::from(order.session().get()))?;
        let price = Price::from_ticks(node.price).filter(|price| price.ticks() > 0)?;
        let (left, total) = (Qty::from_lots(open)?, Qty::from_lots(node.total)?);
        let account = AccountId::new(node.account);
        self.engine.custody.known_account(&mut (), account).ok()?;
        if order.index() > session.orders || left > total || node.total > book.qty_max {
            return None;
        }
        let [base, quote] = book.assets;
        let (asset, amount) = match side_of(node.side) {
            Side::Buy => (quote, price.notional(left)?.units()),
            Side::Sell => (base, u128::from(open)),
        };
        let by_tie = node.marks & (Mark::TIED | Mark::WAITING) == Mark::TIED | Mark::WAITING;
        let amount = if by_tie { ties::reserved(self.engine, node)? } else { amount };
        let reserved =
            &mut self.reserved[node.account as usize * usize::from(self.engine.capacity.assets_max) + usize::from(asset)];
        *reserved = reserved.checked_add(amount)?;
        Some(())
    }

    /// What is left when all books are checked.
    pub(super) fn finish(mut self) -> Result<(), Inconsistency> {
        self.check_held().ok_or(Inconsistency::Ties)?;
        let (engine, counters) = (self.engine, self.engine.counters.record());
        let counted = counters.levels_used == self.levels
            && counters.level_slots_used == self.level_slots
            && counters.words_used == self.words
            && counters.orders as usize == self.orders
            && counters.icebergs == self.icebergs;
        if !counted {
            return Err(Inconsistency::Counters);
        }
        let spills = engine.levels.spill_base(counters.instruments) as usize;
        let clean = engine.books.records()[counters.instruments as usize..].iter().all(|book| *book == Record::ZERO)
            && self.is_empty(0)
            && engine.levels.table.records()[1 + self.level_slots as usize..].iter().all(|level| *level == Record::ZERO)
            && engine.levels.bitmap.words.records()[self.words as usize..].iter().all(|word| *word == Record::ZERO)
            && engine.levels.spill.entries.records()[spills..].iter().all(|entry| *entry == Record::ZERO);
        if !clean {
            return Err(Inconsistency::Leftover);
        }
        if !pegs::are_right(engine, self.pegged) {
            return Err(Inconsistency::Counters);
        }
        if !lifetimes::are_right(engine, self.lasting) {
            return Err(Inconsistency::Lifetimes);
        }
        if !ties::are_right(engine) {
            return Err(Inconsistency::Ties);
        }
        if !pool_is_right(engine) {
            return Err(Inconsistency::Pool);
        }
        if !engine.index.check(&engine.nodes) {
            return Err(Inconsistency::Index);
        }
        for (at, &needed) in self.reserved.iter().enumerate() {
            let assets = usize::from(engine.capacity.assets_max);
            let (account, asset) = (AccountId::new((at / assets) as u32), AssetId::new((at % assets) as u16));
            let reserved = engine.balance(account, asset).map_or(0, |balance| balance.reserved.units());
            if reserved != needed {
                return Err(Inconsistency::Reserved { account, asset });
            }
        }
        Ok(())
    }
}

fn note_best(best: &mut [Option<(u32, i64)>; 2], side: Side, slot: usize, price: i64) {
    let best = &mut best[index_of(side)];
    if best.is_none_or(|(_, other)| better(side, price, other)) {
        *best = Some((slot as u32, price));
    }
}

/// Whether each bit says if its level, or its word of the tier below, is in use.
fn bitmap_is_right<T: Touch>(engine: &Engine<T>, span: Span, window: Range<usize>) -> bool {
    let words = engine.levels.bitmap.words.records();
    let mut used: Vec<bool> = engine.levels.table.records()[window].iter().map(|level| *level != Level::ZERO).collect();
    let end = span.base as usize + Span::word_count(span.window_bits);
    let mut base = span.base as usize;
    for _ in 0..crate::engine::bitmap::TIERS {
        let expected = used.chunks(64).map(|bits| bits.iter().rev().fold(0_u64, |word, &bit| word << 1 | u64::from(bit)));
        let count = expected.len();
        if !expected.eq(words[base..base + count].iter().map(|word| word.bits)) {
            return false;
        }
        used = words[base..base + count].iter().map(|word| word.bits != 0).collect();
        base += count;
    }
    // Wide windows leave words unused.
    words[base..end].iter().all(|word| word.bits == 0)
}

/// Whether the nodes that hold no order are zero, and those used before are on the free list once each.
fn pool_is_right<T: Touch>(engine: &Engine<T>) -> bool {
    let (nodes, counters) = (engine.nodes.records(), engine.counters.record());
    let (used, unused) = nodes.split_at(1 + counters.nodes_used as usize);
    let live = used.iter().filter(|node| node.order != 0).count();
    let mut left = counters.nodes_used - counters.orders;
    let mut slot: Slot = counters.nodes_free;
    while slot != 0 {
        let Some(node) = used.get(slot as usize) else { return false };
        if left == 0 || *node != (Node { next: node.next, ..Node::ZERO }) {
            return false;
        }
        left -= 1;
        slot = node.next;
    }
    let free_is_bare = nodes
        .iter()
        .zip(engine.hidden.records())
        .zip(engine.waiting.records())
        .all(|((node, hidden), waiting)| node.order != 0 || (*hidden == Hidden::ZERO && *waiting == Waiting::ZERO));
    free_is_bare
        && left == 0
        && live == counters.orders as usize
        && used[0] == Node::ZERO
        && unused.iter().all(|node| *node == Node::ZERO)
}
