//! The orders that wait for a trade: those of each ladder level, and those that trail.

use super::books::BooksWalk;
use crate::engine::book::{Book, Ladder, index_of, side_of};
use crate::engine::iceberg::Hidden;
use crate::engine::pool::{Mark, Node, Slot};
use crate::engine::waiting::{Waiting, time_in_force_of, triggers};
use crate::limits::{TRAILING_MAX, WAITING_MAX};
use plinth_types::command::{Side, TimeInForce};
use plinth_types::page::Touch;
use plinth_types::table::Record;

impl<T: Touch> BooksWalk<'_, T> {
    /// Walks all of a book. `spill_levels` is its first level behind the window.
    pub(super) fn check_waiting(&mut self, instrument: u32, book: &Book, spill_levels: usize) -> Option<()> {
        let before = self.orders;
        for side in [Side::Buy, Side::Sell] {
            for entry in self.check_spill(book, Ladder::Waiting(side), spill_levels)? {
                let level = self.engine.levels.table.records()[entry.level as usize];
                let (tail, lots) = self.check_chain(instrument, book, level.head, |node, waiting| {
                    let placed = node.level == entry.level && usize::from(node.side) == index_of(side);
                    placed && waiting.trail == 0 && waiting.trigger == entry.price
                })?;
                if level.head == 0 || (level.tail, level.lots) != (tail, lots) {
                    return None;
                }
            }
        }
        let in_ladders = self.orders;
        let (tail, _) = self.check_chain(instrument, book, book.trailing_head, |node, waiting| {
            let side = side_of(node.side);
            let trail = i64::from(waiting.trail);
            let at_most = if side == Side::Buy { book.last_price + trail } else { trail - book.last_price };
            let trigger = if side == Side::Buy { waiting.trigger } else { -waiting.trigger };
            node.level == 0 && trail != 0 && book.last_price != 0 && trigger <= at_most
        })?;
        let sound = tail == book.trailing_tail
            && (book.waiting, book.trailing) == ((self.orders - before) as u32, (self.orders - in_ladders) as u32)
            && book.waiting <= WAITING_MAX
            && book.trailing <= TRAILING_MAX;
        sound.then_some(())
    }

    /// Walks a chain from `head`. Its last order and the sum of its lots.
    fn check_chain(
        &mut self,
        instrument: u32,
        book: &Book,
        head: Slot,
        fits: impl Fn(&Node, &Waiting) -> bool,
    ) -> Option<(Slot, u64)> {
        let (mut at, mut prev, mut lots, mut since) = (head, 0, 0_u64, 0);
        while at != 0 {
            let node = *self.engine.nodes.records().get(at as usize)?;
            let waiting = self.engine.waiting.records()[at as usize];
            let placed = node.prev == prev && node.instrument == instrument && node.side <= 1 && node.post_only == 0;
            let marked = node.marks & !(Mark::COUNTED | Mark::OF_FIRM | Mark::LASTING | Mark::TIED) == Mark::WAITING
                && self.engine.hidden.records()[at as usize] == Hidden::ZERO;
            // Several may come in with one command.
            let queued = since <= waiting.since && waiting.since > 0 && waiting.since <= self.engine.counters.record().last_seq;
            if !placed
                || !marked
                || !queued
                || node.lots != node.total
                || !is_sound(book, &node, &waiting)
                || !fits(&node, &waiting)
            {
                return None;
            }
            self.check_order(book, &node, node.lots)?;
            lots = lots.checked_add(node.lots)?;
            since = waiting.since;
            self.orders += 1;
            // A ring of links ends here: there are no more nodes than this.
            if self.orders > self.engine.counters.record().orders as usize {
                return None;
            }
            (prev, at) = (at, node.next);
        }
        Some((prev, lots))
    }
}

/// Whether an order can wait for this, and is not triggered yet.
fn is_sound(book: &Book, node: &Node, waiting: &Waiting) -> bool {
    let market = waiting.market != 0;
    let terms = match time_in_force_of(waiting.time_in_force) {
        None => false,
        Some(TimeInForce::GoodTillCancel) => !market,
        Some(TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill) => true,
    };
    terms
        && waiting.market <= 1
        && (waiting.triggered, waiting.held) == (0, 0)
        && waiting.trigger > 0
        && (!market || waiting.trail != 0 || node.price == waiting.trigger)
        && !triggers(side_of(node.side), waiting.trigger, book.last_price)
}
