//! Which order's time passes first: a heap of all orders that have one, across all books.
//!
//! Entries lie from place 1 on, each before the two at twice its place; the order itself knows its place. Of one time the order with
//! the lower number goes first, so the order of expiries does not depend on how the heap came to be.

use crate::engine::counters::Counters;
use crate::engine::lifetimes::Lifetimes;
use crate::engine::pool::{Node, Slot};
use crate::engine::region;
use plinth_types::page::Touch;
use plinth_types::table::{Record, Table};
use plinth_types::table_record;

table_record! {
    /// An order whose time passes; zero behind the last one, and at place 0.
    pub(crate) struct Deadline in region::DEADLINES, 16 bytes {
        /// From this time on it does not trade, in nanoseconds; above zero.
        pub(crate) at: u64,
        /// The order.
        pub(crate) slot: Slot,
    }
}

/// The place of the one that passes first.
pub(crate) const FIRST: usize = 1;

impl Counters {
    /// Whether a change of an instrument takes effect.
    #[inline(always)]
    pub(crate) const fn has_date(&self, time: u64) -> bool {
        !time <= self.until_date
    }

    /// Whether an order's time has come.
    #[inline(always)]
    pub(crate) const fn is_due(&self, time: u64) -> bool {
        // One compare: without an order this is the largest number, which is below none.
        self.next_due.wrapping_sub(1) < time
    }
}

impl Lifetimes {
    /// Puts the order in `slot` among the deadlines.
    pub(crate) fn add_deadline<T: Touch>(
        &mut self,
        touch: &mut T,
        counters: &mut Counters,
        nodes: &Table<Node>,
        slot: Slot,
        at: u64,
    ) {
        counters.deadlines += 1;
        let place = counters.deadlines as usize;
        self.put(touch, place, Deadline { at, slot });
        self.rise(touch, nodes, place);
        counters.next_due = self.deadlines.get(touch, FIRST).at;
    }

    /// Takes the order in `slot` out.
    pub(crate) fn remove_deadline<T: Touch>(&mut self, touch: &mut T, counters: &mut Counters, nodes: &Table<Node>, slot: Slot) {
        let place = self.orders.get(touch, slot as usize).prev as usize;
        let end = counters.deadlines as usize;
        let last = *self.deadlines.get(touch, end);
        *self.deadlines.get_mut(touch, end) = Deadline::ZERO;
        counters.deadlines -= 1;
        if place < end {
            self.put(touch, place, last);
            self.rise(touch, nodes, place);
            self.sink(touch, nodes, place, end - 1);
        }
        counters.next_due = self.deadlines.get(touch, FIRST).at;
    }

    fn rise<T: Touch>(&mut self, touch: &mut T, nodes: &Table<Node>, mut place: usize) {
        while place > FIRST && self.is_before(touch, nodes, place, place / 2) {
            self.swap(touch, place, place / 2);
            place /= 2;
        }
    }

    fn sink<T: Touch>(&mut self, touch: &mut T, nodes: &Table<Node>, mut place: usize, end: usize) {
        loop {
            let (left, right) = (2 * place, 2 * place + 1);
            if left > end {
                return;
            }
            let first = if right <= end && self.is_before(touch, nodes, right, left) { right } else { left };
            if !self.is_before(touch, nodes, first, place) {
                return;
            }
            self.swap(touch, first, place);
            place = first;
        }
    }

    fn is_before<T: Touch>(&self, touch: &mut T, nodes: &Table<Node>, place: usize, other: usize) -> bool {
        let (one, other) = (*self.deadlines.get(touch, place), *self.deadlines.get(touch, other));
        if one.at != other.at {
            return one.at < other.at;
        }
        nodes.get(touch, one.slot as usize).order < nodes.get(touch, other.slot as usize).order
    }

    fn swap<T: Touch>(&mut self, touch: &mut T, place: usize, other: usize) {
        let (one, two) = (*self.deadlines.get(touch, place), *self.deadlines.get(touch, other));
        self.put(touch, place, two);
        self.put(touch, other, one);
    }

    fn put<T: Touch>(&mut self, touch: &mut T, place: usize, deadline: Deadline) {
        *self.deadlines.get_mut(touch, place) = deadline;
        self.orders.get_mut(touch, deadline.slot as usize).prev = place as u32;
    }
}
