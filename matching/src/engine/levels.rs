//! The price levels of all books: first-come-first-served lists of orders, found by price.
//!
//! A level within its book's window is found by subtraction, and the next one through the bitmap; each side has its own. Other levels are in the side's sorted spill. What matches orders sees neither: it
//! asks for the best level of a side, and closes it when it is empty.

use crate::engine::bitmap::{Bitmap, TIERS};
use crate::engine::book::{Book, LADDERS, Ladder, better, index_of, side_of};
use crate::engine::pool::{Node, Slot};
use crate::engine::region;
use crate::engine::spill::Spill;
use crate::limits::Capacity;
use plinth_types::command::Side;
use plinth_types::page::Touch;
use plinth_types::table::Table;
use plinth_types::table_record;

table_record! {
    /// The orders of one price, oldest first.
    pub(crate) struct Level in region::LEVELS, 16 bytes {
        /// The oldest order; 0 in an empty level.
        pub(crate) head: Slot,
        /// The youngest order.
        pub(crate) tail: Slot,
        /// What is left of all of them, shown or not.
        pub(crate) lots: u64,
    }
}

/// Where an order has been put: last in its level.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LastPlace {
    pub(crate) level: u32,
    pub(crate) prev: Slot,
}

/// The levels of all books. Its methods take the book they work on.
#[derive(Clone, Debug)]
pub(crate) struct Levels {
    pub(crate) table: Table<Level>,
    pub(crate) bitmap: Bitmap,
    pub(crate) spill: Spill,
    spill_levels_max: u16,
}

impl Levels {
    pub(crate) fn new(capacity: &Capacity) -> Self {
        let spills = capacity.instruments_max as usize * LADDERS * usize::from(capacity.spill_levels_max);
        let words = capacity.levels_max as usize / 64 * 2 * TIERS;
        Self {
            table: Table::new(1 + 2 * capacity.levels_max as usize + spills),
            bitmap: Bitmap::new(words),
            spill: Spill::new(spills),
            spill_levels_max: capacity.spill_levels_max,
        }
    }

    /// Level slots that a book of `2^window_bits` levels needs.
    pub(crate) fn level_slots(&self, window_bits: u8) -> u32 {
        (2 << window_bits) + LADDERS as u32 * u32::from(self.spill_levels_max)
    }

    /// Gives the ladders of a new book their levels.
    pub(crate) fn furnish<T: Touch>(&mut self, touch: &mut T, book: &Book) {
        let spill_levels = usize::from(self.spill_levels_max) * LADDERS;
        let base = book.spill_base as usize;
        self.spill.furnish(touch, base..base + spill_levels, book.level_base[0] + (2 << book.window_bits));
    }

    /// First ladder entry of the book at `instrument`.
    pub(crate) fn spill_base(&self, instrument: u32) -> u32 {
        instrument * LADDERS as u32 * u32::from(self.spill_levels_max)
    }

    /// Whether an order of `lots` can rest at `price`: there is a level for it, and the level's sum does not overflow.
    #[inline(always)]
    pub(crate) fn has_room<T: Touch>(&self, touch: &mut T, book: &Book, side: Side, price: i64, lots: u64) -> bool {
        let level = match book.window_level(price) {
            Some(level) => book.window_slot(side, level),
            None => return self.has_room_on(touch, book, Ladder::Resting(side), price, lots),
        };
        self.table.get(touch, level as usize).lots.checked_add(lots).is_some()
    }

    /// As [`Levels::has_room`], on a ladder.
    #[inline]
    pub(crate) fn has_room_on<T: Touch>(&self, touch: &mut T, book: &Book, ladder: Ladder, price: i64, lots: u64) -> bool {
        let used = book.spill_used(ladder, self.spill_levels_max);
        match self.spill.search(touch, used.clone(), ladder.ranked_as(), price) {
            Ok(at) => {
                let level = self.spill.entries.get(touch, at).level;
                self.table.get(touch, level as usize).lots.checked_add(lots).is_some()
            }
            Err(_) => used.len() < usize::from(self.spill_levels_max),
        }
    }

    /// Makes the order in `slot` the last one of the level at `price`. Its own node is the caller's to write.
    ///
    /// # Panics
    ///
    /// Without [`Levels::has_room`].
    #[inline(always)]
    #[expect(clippy::too_many_arguments, reason = "one call, inlined: a struct would be written to memory and read back")]
    pub(crate) fn link<T: Touch>(
        &mut self,
        touch: &mut T,
        book: &mut Book,
        nodes: &mut Table<Node>,
        slot: Slot,
        side: Side,
        price: i64,
        lots: u64,
    ) -> LastPlace {
        let (window, level_slot) = match book.window_level(price) {
            Some(level) => (Some(level), book.window_slot(side, level)),
            None => (None, open_spill(&mut self.spill, touch, book, self.spill_levels_max, Ladder::Resting(side), price)),
        };
        let level = self.table.get_mut(touch, level_slot as usize);
        let prev = level.tail;
        level.tail = slot;
        level.lots += lots;
        if prev == 0 {
            level.head = slot;
            if let Some(level) = window {
                self.bitmap.set(touch, book.span(side), level);
            }
            if book.best(side).is_none_or(|(_, best)| better(side, price, best)) {
                book.set_best(side, Some((level_slot, price)));
            }
        } else {
            nodes.get_mut(touch, prev as usize).next = slot;
        }
        LastPlace { level: level_slot, prev }
    }

    /// Takes the order in `slot`, of which `lots` are left, out of its level. Its node keeps what it says.
    #[inline(always)]
    pub(crate) fn unlink<T: Touch>(&mut self, touch: &mut T, book: &mut Book, nodes: &mut Table<Node>, slot: Slot, lots: u64) {
        let node = nodes.get(touch, slot as usize);
        let Node { price, side, level, .. } = *node;
        let chain = (node.prev, node.next);
        if self.detach(touch, nodes, chain, level, lots) {
            self.close(touch, book, side_of(side), price);
        }
    }

    /// Takes the order between these two out of the chain of its level, and says whether the level is empty now.
    #[inline(always)]
    pub(crate) fn detach<T: Touch>(
        &mut self,
        touch: &mut T,
        nodes: &mut Table<Node>,
        (prev, next): (Slot, Slot),
        level: u32,
        lots: u64,
    ) -> bool {
        let level = self.table.get_mut(touch, level as usize);
        level.lots -= lots;
        if prev == 0 {
            level.head = next;
        } else {
            nodes.get_mut(touch, prev as usize).next = next;
        }
        if next == 0 {
            level.tail = prev;
        } else {
            nodes.get_mut(touch, next as usize).prev = prev;
        }
        level.head == 0
    }

    /// Makes the order in `slot` the last one of those that wait on `side` for `trigger`. Its own node is the caller's to write.
    ///
    /// # Panics
    ///
    /// Without [`Levels::has_room_on`].
    #[expect(clippy::too_many_arguments, reason = "as link")]
    pub(crate) fn link_waiting<T: Touch>(
        &mut self,
        touch: &mut T,
        book: &mut Book,
        nodes: &mut Table<Node>,
        slot: Slot,
        side: Side,
        trigger: i64,
        lots: u64,
    ) -> LastPlace {
        let level_slot = open_spill(&mut self.spill, touch, book, self.spill_levels_max, Ladder::Waiting(side), trigger);
        let level = self.table.get_mut(touch, level_slot as usize);
        let prev = level.tail;
        level.tail = slot;
        level.lots += lots;
        if prev == 0 {
            level.head = slot;
        } else {
            nodes.get_mut(touch, prev as usize).next = slot;
        }
        LastPlace { level: level_slot, prev }
    }

    /// Takes the order in `slot`, which waits for `trigger`, out of its level. Its node keeps what it says.
    pub(crate) fn unlink_waiting<T: Touch>(
        &mut self,
        touch: &mut T,
        book: &mut Book,
        nodes: &mut Table<Node>,
        slot: Slot,
        trigger: i64,
    ) {
        let Node { level, lots, side, prev, next, .. } = *nodes.get(touch, slot as usize);
        if self.detach(touch, nodes, (prev, next), level, lots) {
            close_spill(&mut self.spill, touch, book, self.spill_levels_max, Ladder::Waiting(side_of(side)), trigger);
        }
    }

    /// Slot and trigger of the level nearest to the market of those that orders of `side` wait at; `beyond` a trigger if one is given.
    pub(crate) fn next_waiting<T: Touch>(&self, touch: &mut T, book: &Book, side: Side, beyond: Option<i64>) -> Option<(u32, i64)> {
        let ladder = Ladder::Waiting(side);
        let used = book.spill_used(ladder, self.spill_levels_max);
        let end = match beyond {
            None => used.end,
            Some(trigger) => {
                let (Ok(end) | Err(end)) = self.spill.search(touch, used.clone(), ladder.ranked_as(), trigger);
                end
            }
        };
        (end > used.start).then(|| {
            let entry = self.spill.entries.get(touch, end - 1);
            (entry.level, entry.price)
        })
    }

    /// Forgets a level that has become empty, and finds the next best one if it was the best.
    #[inline(never)]
    pub(crate) fn close<T: Touch>(&mut self, touch: &mut T, book: &mut Book, side: Side, price: i64) {
        match book.window_level(price) {
            Some(level) => self.bitmap.clear(touch, book.span(side), level),
            None => close_spill(&mut self.spill, touch, book, self.spill_levels_max, Ladder::Resting(side), price),
        }
        if book.best(side).is_some_and(|(_, best)| best == price) {
            let next = next_level(&self.bitmap, &self.spill, touch, book, self.spill_levels_max, side, price);
            book.set_best(side, next);
        }
    }

    /// Slot and price of the best level of `side` that is worse than `price`.
    #[inline]
    pub(crate) fn next<T: Touch>(&self, touch: &mut T, book: &Book, side: Side, price: i64) -> Option<(u32, i64)> {
        next_level(&self.bitmap, &self.spill, touch, book, self.spill_levels_max, side, price)
    }
}

/// The spill level of `price`, made if need be.
#[cold]
fn open_spill<T: Touch>(spill: &mut Spill, touch: &mut T, book: &mut Book, max: u16, ladder: Ladder, price: i64) -> u32 {
    let used = book.spill_used(ladder, max);
    match spill.search(touch, used.clone(), ladder.ranked_as(), price) {
        Ok(at) => spill.entries.get(touch, at).level,
        Err(at) => {
            assert!(used.len() < usize::from(max), "an order without room was refused");
            book.spill_count[ladder.index()] += 1;
            spill.insert(touch, at, used.end, price)
        }
    }
}

#[cold]
fn close_spill<T: Touch>(spill: &mut Spill, touch: &mut T, book: &mut Book, max: u16, ladder: Ladder, price: i64) {
    let used = book.spill_used(ladder, max);
    let at =
        spill.search(touch, used.clone(), ladder.ranked_as(), price).expect("a spilled level is in the spill until it is empty");
    spill.remove(touch, at, used.end);
    book.spill_count[ladder.index()] -= 1;
}

#[inline(always)]
fn next_level<T: Touch>(
    bitmap: &Bitmap,
    spill: &Spill,
    touch: &mut T,
    book: &Book,
    spill_levels_max: u16,
    side: Side,
    price: i64,
) -> Option<(u32, i64)> {
    let within = next_in_window(bitmap, touch, book, side, price);
    if book.spill_count[index_of(side)] == 0 {
        return within;
    }
    let used = book.spill_used(Ladder::Resting(side), spill_levels_max);
    let (Ok(end) | Err(end)) = spill.search(touch, used.clone(), side, price);
    let outside = (end > used.start).then(|| spill.entries.get(touch, end - 1));
    match (within, outside) {
        (None, None) => None,
        (Some(level), None) => Some(level),
        (None, Some(entry)) => Some((entry.level, entry.price)),
        (Some((_, price)), Some(entry)) if better(side, entry.price, price) => Some((entry.level, entry.price)),
        (Some(level), Some(_)) => Some(level),
    }
}

#[inline(always)]
fn next_in_window<T: Touch>(bitmap: &Bitmap, touch: &mut T, book: &Book, side: Side, price: i64) -> Option<(u32, i64)> {
    let span = book.span(side);
    let width = 1_i64 << book.window_bits;
    let at = price - book.window_low;
    let level = match side {
        Side::Buy => bitmap.below(touch, span, at.clamp(0, width) as u32),
        Side::Sell => bitmap.at_or_above(touch, span, (at + 1).clamp(0, width) as u32),
    }?;
    Some((book.window_slot(side, level), book.window_low + i64::from(level)))
}
