//! The orders that have a lifetime: those of each book's lists, of which some wait for an auction, and the deadlines.

use super::books::BooksWalk;
use crate::engine::Engine;
use crate::engine::book::Book;
use crate::engine::deadlines::Deadline;
use crate::engine::iceberg::Hidden;
use crate::engine::lifetimes::{Lasting, List};
use crate::engine::pool::{Mark, Node, Slot};
use crate::engine::waiting::{Waiting, code_of};
use crate::limits::AUCTION_MAX;
use plinth_types::command::TimeInForce;
use plinth_types::id::TimestampNs;
use plinth_types::instructions::Lifetime;
use plinth_types::page::Touch;
use plinth_types::table::Record;

impl<T: Touch> BooksWalk<'_, T> {
    /// Walks the lists of a book.
    pub(super) fn check_lists(&mut self, instrument: u32, book: &Book) -> Option<()> {
        let lists = self.engine.lifetimes.lists.records()[instrument as usize];
        let mut auction_orders = 0;
        for list in List::ALL {
            let (tail, of_auctions) = self.check_list(instrument, book, list, lists.heads[list.index()])?;
            auction_orders += of_auctions;
            let tradable = book.is_continuous() && matches!(list, List::Auction | List::Over) && tail != 0;
            if tail != lists.tails[list.index()] || tradable {
                return None;
            }
        }
        (lists.auction_orders == auction_orders && auction_orders <= AUCTION_MAX).then_some(())
    }

    /// Walks a list from `head`. Its last order, and how many are for an auction.
    fn check_list(&mut self, instrument: u32, book: &Book, list: List, head: Slot) -> Option<(Slot, u32)> {
        let (mut at, mut prev, mut of_auctions) = (head, 0, 0);
        while at != 0 {
            let node = *self.engine.nodes.records().get(at as usize)?;
            let lasting = self.engine.lifetimes.orders.records()[at as usize];
            let own = List::of(lasting.list)?;
            let placed = node.order != 0 && node.instrument == instrument && lasting.prev == prev;
            if !placed || node.marks & Mark::LASTING == 0 || !belongs(&lasting, own, list) {
                return None;
            }
            if own.is_parked() {
                self.check_parked(book, at, &node)?;
            } else if list == List::Auction && node.marks & Mark::WAITING != 0 {
                return None;
            }
            of_auctions += u32::from(own != List::Day);
            self.lasting += 1;
            // A ring of links ends here: there are no more nodes than this.
            if self.lasting > self.engine.counters.record().orders {
                return None;
            }
            (prev, at) = (at, lasting.next);
        }
        Some((prev, of_auctions))
    }

    /// Checks an order that waits for an auction.
    fn check_parked(&mut self, book: &Book, slot: Slot, node: &Node) -> Option<()> {
        let waiting = self.engine.waiting.records()[slot as usize];
        let expected = Waiting { since: waiting.since, time_in_force: code_of(TimeInForce::GoodTillCancel), ..Waiting::ZERO };
        let sound = waiting == expected
            && (1..=self.engine.counters.record().last_seq).contains(&waiting.since)
            && node.marks & !(Mark::COUNTED | Mark::OF_FIRM) == Mark::WAITING | Mark::LASTING
            && self.engine.hidden.records()[slot as usize] == Hidden::ZERO
            && (node.level, node.prev, node.next) == (0, 0, 0)
            && node.lots == node.total
            && node.side <= 1
            && node.post_only == 0;
        self.orders += 1;
        if sound { self.check_order(book, node, node.lots) } else { None }
    }
}

/// Whether an order that was put into `own` can be in `list`.
fn belongs(lasting: &Lasting, own: List, list: List) -> bool {
    let kind = |lifetime| lasting.kind == Lasting::kind_of(lifetime);
    let of_own = match own {
        List::Day => kind(Lifetime::Day),
        List::Opening => kind(Lifetime::Opening),
        List::Closing => kind(Lifetime::Closing),
        List::Auction => kind(Lifetime::Opening) || kind(Lifetime::Closing),
        List::Over => false,
    };
    of_own && if list == List::Over { matches!(own, List::Day | List::Closing) } else { own == list }
}

/// Whether the deadlines are a heap of the orders that have one, and no others have a lifetime than these and `listed` ones.
pub(super) fn are_right<T: Touch>(engine: &Engine<T>, listed: u32) -> bool {
    let (nodes, orders) = (engine.nodes.records(), engine.lifetimes.orders.records());
    let (entries, count) = (engine.lifetimes.deadlines.records(), engine.counters.record().deadlines as usize);
    let Some((used, unused)) = entries.split_at_checked(1 + count) else { return false };
    let rank = |entry: &Deadline| nodes.get(entry.slot as usize).map(|node| (entry.at, node.order));
    let placed = used.iter().enumerate().skip(1).all(|(place, entry)| {
        let (Some(node), Some(lasting)) = (nodes.get(entry.slot as usize), orders.get(entry.slot as usize)) else { return false };
        let expected =
            Lasting { prev: place as u32, next: 0, kind: Lasting::kind_of(Lifetime::Until(TimestampNs::new(0))), list: 0 };
        let ordered = place == 1 || rank(&used[place / 2]) < rank(entry);
        entry.at > 0 && node.marks & Mark::LASTING != 0 && *lasting == expected && ordered
    });
    let marked = nodes.iter().filter(|node| node.marks & Mark::LASTING != 0).count();
    let bare = nodes.iter().zip(orders).all(|(node, lasting)| node.marks & Mark::LASTING != 0 || *lasting == Lasting::ZERO);
    let lists = &engine.lifetimes.lists.records()[engine.counters.record().instruments as usize..];
    placed
        && engine.counters.record().next_due == entries[1].at
        && bare
        && marked == count + listed as usize
        && used[0] == Deadline::ZERO
        && unused.iter().all(|entry| *entry == Deadline::ZERO)
        && lists.iter().all(|lists| *lists == Record::ZERO)
}
