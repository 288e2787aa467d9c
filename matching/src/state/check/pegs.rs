//! The pegged orders of each book: that they are the marked ones, and at the prices that follow from the rest of the book.

use super::books::BooksWalk;
use crate::engine::Engine;
use crate::engine::book::Book;
use crate::engine::iceberg::Hidden;
use crate::engine::pegs::{BOOK_MAX, PegBook, Pegged};
use crate::engine::pool::{Mark, Node, Slot};
use crate::engine::reprice::{Market, parked};
use crate::limits::PEGGED_MAX;
use alloc::vec::Vec;
use plinth_types::limits::PRICE_TICKS_MAX;
use plinth_types::page::Touch;
use plinth_types::table::Record;

impl<T: Touch> BooksWalk<'_, T> {
    /// Looks at all of a book. Those that wait are counted as orders here.
    pub(super) fn check_pegs(&mut self, instrument: u32, book: &Book) -> Option<()> {
        let pegs = self.engine.pegs.books.records()[instrument as usize];
        let start = instrument as usize * BOOK_MAX;
        let all = &self.engine.pegs.orders.records()[start..start + BOOK_MAX];
        if pegs.counts.iter().any(|&count| count > PEGGED_MAX) {
            return None;
        }
        let (used, unused) = all.split_at(pegs.count());
        let mut counts = [0; 2];
        let mut slots: Vec<Slot> = used.iter().map(|pegged| pegged.slot).collect();
        slots.sort_unstable();
        slots.dedup();
        for pegged in used {
            let node = *self.engine.nodes.records().get(pegged.slot as usize)?;
            let sound = node.order != 0
                && node.instrument == instrument
                && node.side <= 1
                && node.post_only == 0
                && node.marks & (Mark::PEGGED | Mark::ICEBERG) == Mark::PEGGED
                && pegged.reference().is_some()
                && (0..=PRICE_TICKS_MAX).contains(&pegged.limit)
                && i32::try_from(pegged.offset).is_ok();
            if !sound {
                return None;
            }
            if node.marks & Mark::WAITING != 0 {
                self.check_waiting_peg(book, pegged.slot, &node)?;
            }
            counts[usize::from(node.side)] += 1;
        }
        self.pegged += counts[0] + counts[1];
        let sound = counts == pegs.counts
            && slots.len() == used.len()
            && unused.iter().all(|pegged| *pegged == Pegged::ZERO)
            && if pegs.count() == 0 {
                pegs == PegBook::ZERO
            } else {
                pegs == Market::of(self.engine).peg_book(&mut (), instrument, pegs.counts)
            };
        let slate = Market::of(self.engine).slate(&mut (), instrument, &pegs);
        let placed = slate.iter().take(pegs.count()).all(|&(slot, price)| {
            let node = &self.engine.nodes.records()[slot as usize];
            if node.marks & Mark::WAITING != 0 { price == 0 } else { price == node.price }
        });
        (sound && placed).then_some(())
    }

    /// Checks a pegged order that is not on the book.
    fn check_waiting_peg(&mut self, book: &Book, slot: Slot, node: &Node) -> Option<()> {
        let waiting = self.engine.waiting.records()[slot as usize];
        let sound = waiting == parked(waiting.since)
            && (1..=self.engine.counters.record().last_seq).contains(&waiting.since)
            && self.engine.hidden.records()[slot as usize] == Hidden::ZERO
            && (node.level, node.prev, node.next) == (0, 0, 0);
        self.orders += 1;
        if sound { self.check_order(book, node, node.lots) } else { None }
    }
}

/// Whether no other orders are marked as pegged than those of the books.
pub(super) fn are_right<T: Touch>(engine: &Engine<T>, pegged: u32) -> bool {
    let marked = engine.nodes.records().iter().filter(|node| node.marks & Mark::PEGGED != 0).count();
    let instruments = engine.counters.record().instruments as usize;
    let bare = engine.pegs.books.records()[instruments..].iter().all(|book| *book == PegBook::ZERO)
        && engine.pegs.orders.records()[instruments * BOOK_MAX..].iter().all(|order| *order == Pegged::ZERO);
    bare && marked == pegged as usize && engine.counters.record().pegged == pegged
}
