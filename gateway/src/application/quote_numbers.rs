//! Quotes of a session: the order numbers that mass quotes have taken, and the sides that stand or have traded.
//!
//! A mass quote takes two numbers for each of its entries, and most of them are soon of no order any more; so a session's orders are kept by their
//! number less those of quotes below it, and of quotes only what is needed. Numbers that follow one another are one run, however many mass quotes
//! took them.

use super::order::Order;
use plinth_types::command::ClientOrderId;
use std::collections::HashMap;

/// One side of a quote. The order's own id is the `QuoteID` that set it last.
#[derive(Clone, Debug)]
pub(super) struct Quote {
    pub(super) order: Order,
    /// `QuoteEntryID`, tag 299.
    pub(super) entry_id: ClientOrderId,
}

/// Numbers that quotes took, one behind the other.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: u64,
    count: u64,
    /// How many are in the runs before.
    before: u64,
}

/// Of one session.
#[derive(Debug, Default)]
pub(super) struct Quotes {
    /// Ascending.
    runs: Vec<Run>,
    kept: HashMap<u64, Quote>,
}

impl Quotes {
    /// How many numbers are taken.
    pub(super) fn taken(&self) -> u64 {
        self.runs.last().map_or(0, |run| run.before + run.count)
    }

    /// An order's number less those of quotes below it; `None` if it is a quote's itself.
    pub(super) fn place(&self, index: u64) -> Option<u64> {
        match self.run_of(index) {
            None => Some(index),
            Some(run) if index < run.first + run.count => None,
            Some(run) => Some(index - run.before - run.count),
        }
    }

    /// The number of the order in a place.
    pub(super) fn index(&self, place: u64) -> u64 {
        let below = self.runs.partition_point(|run| run.first - run.before <= place);
        place + below.checked_sub(1).map_or(0, |last| self.runs[last].before + self.runs[last].count)
    }

    /// Takes numbers that are behind all others.
    pub(super) fn take(&mut self, first: u64, count: u64) {
        match self.runs.last_mut() {
            Some(last) if last.first + last.count == first => last.count += count,
            _ if count == 0 => {}
            _ => self.runs.push(Run { first, count, before: self.taken() }),
        }
    }

    /// Gives numbers back, from `first` on: the zone did not count them.
    pub(super) fn give_back(&mut self, first: u64) {
        while let Some(last) = self.runs.last_mut().filter(|last| last.first + last.count > first) {
            last.count = first.saturating_sub(last.first);
            if last.count == 0 {
                self.runs.pop();
            }
        }
        self.kept.retain(|&index, _| index < first);
    }

    pub(super) fn kept_count(&self) -> usize {
        self.kept.len()
    }

    pub(super) fn put(&mut self, index: u64, quote: Quote) {
        self.kept.entry(index).or_insert(quote);
    }

    pub(super) fn get(&self, index: u64) -> Option<&Quote> {
        self.kept.get(&index)
    }

    pub(super) fn get_mut(&mut self, index: u64) -> Option<&mut Quote> {
        self.kept.get_mut(&index)
    }

    /// Forgets a side that is over, unless it has traded: trades name it for as long as they are asked about.
    pub(super) fn forget_if_over(&mut self, index: u64) {
        if self.kept.get(&index).is_some_and(|quote| quote.order.is_over() && quote.order.filled_lots == 0) {
            self.kept.remove(&index);
        }
    }

    /// Forgets sides that nothing has come of: what stood was left where it was.
    pub(super) fn forget_pending(&mut self, first: u64, count: u64) {
        for index in first..first + count {
            if self.kept.get(&index).is_some_and(|quote| quote.order.is_pending()) {
                self.kept.remove(&index);
            }
        }
    }

    fn run_of(&self, index: u64) -> Option<&Run> {
        let below = self.runs.partition_point(|run| run.first <= index);
        self.runs.get(below.checked_sub(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_are_found_between_the_numbers_of_quotes() {
        let mut quotes = Quotes::default();
        // Order 1, quotes 2 to 7, orders 8 and 9, quotes 10 and 11, order 12.
        quotes.take(2, 4);
        quotes.take(6, 2);
        quotes.take(10, 2);
        quotes.take(12, 0);
        assert_eq!((quotes.runs.len(), quotes.taken()), (2, 8));
        let expected = [Some(1), None, None, None, None, None, None, Some(2), Some(3), None, None, Some(4)];
        for (index, place) in (1..).zip(expected) {
            assert_eq!(quotes.place(index), place, "{index}");
            if let Some(place) = place {
                assert_eq!(quotes.index(place), index);
            }
        }
        quotes.give_back(10);
        assert_eq!((quotes.taken(), quotes.place(10)), (6, Some(4)));
        quotes.give_back(5);
        assert_eq!((quotes.taken(), quotes.place(5)), (3, Some(2)));
        quotes.give_back(1);
        assert_eq!((quotes.taken(), quotes.place(5)), (0, Some(5)));
    }
}
