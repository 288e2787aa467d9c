//! How long orders rest: until their day ends, until a time, or for one auction.
//!
//! An order with a lifetime has a mark, and a record in its node's slot that holds it in a list of its book, oldest first, or among the
//! deadlines of the zone; so the end of a day or an auction finds what is to go without looking at anything else. Orders without pay
//! for nothing.
//!
//! | List | holds | they go |
//! | --- | --- | --- |
//! | `Day` | orders of the day, wherever they are | to `Over` when the day ends |
//! | `Opening`, `Closing` | orders that wait for that auction, off the book | on the book when its phase begins; `Closing` to `Over` when the day ends |
//! | `Auction` | orders for an auction, on the book | with the next uncrossing, after it |
//! | `Over` | orders of a day that has ended | batch by batch |
//!
//! See `expiry` for when each of them goes.

use crate::engine::counters::Counters;
use crate::engine::deadlines::Deadline;
use crate::engine::pool::{Node, Slot};
use crate::engine::region;
use crate::limits::Capacity;
use plinth_types::id::TimestampNs;
use plinth_types::instructions::Lifetime;
use plinth_types::page::Touch;
use plinth_types::table::{Record, Table};
use plinth_types::table_record;

table_record! {
    /// How long an order lives; zero for one that stays until it is cancelled.
    pub(crate) struct Lasting in region::LIFETIMES, 16 bytes {
        /// The order before it in its list; of one with a time its place among the deadlines.
        pub(crate) prev: Slot,
        /// The order behind it in its list.
        pub(crate) next: Slot,
        /// What was asked for: see [`Lasting::kind_of`].
        pub(crate) kind: u8,
        /// The number of the list that it was put into, which `Over` may have taken over; 0 for one with a time.
        pub(crate) list: u8,
    }
}

table_record! {
    /// The lists of one book.
    pub(crate) struct Lists in region::LISTS, 64 bytes {
        /// The oldest order of each, 0 without one.
        pub(crate) heads: [Slot; LISTS],
        /// The youngest.
        pub(crate) tails: [Slot; LISTS],
        /// Orders for an auction, on the book or not.
        pub(crate) auction_orders: u32,
    }
}

/// How many lists a book has.
pub(crate) const LISTS: usize = 5;

/// A list of orders of one book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    Day,
    Opening,
    Closing,
    Auction,
    Over,
}

impl List {
    pub(crate) const ALL: [Self; LISTS] = [Self::Day, Self::Opening, Self::Closing, Self::Auction, Self::Over];

    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    /// Whether its orders are not on the book.
    pub(crate) const fn is_parked(self) -> bool {
        matches!(self, Self::Opening | Self::Closing)
    }

    /// The list of this number.
    pub(crate) const fn of(index: u8) -> Option<Self> {
        match index {
            0 => Some(Self::Day),
            1 => Some(Self::Opening),
            2 => Some(Self::Closing),
            3 => Some(Self::Auction),
            4 => Some(Self::Over),
            _ => None,
        }
    }
}

impl Lasting {
    const DAY: u8 = 1;
    const UNTIL: u8 = 2;
    const OPENING: u8 = 3;
    const CLOSING: u8 = 4;

    pub(crate) const fn kind_of(lifetime: Lifetime) -> u8 {
        match lifetime {
            Lifetime::Day => Self::DAY,
            Lifetime::Until(_) => Self::UNTIL,
            Lifetime::Opening => Self::OPENING,
            Lifetime::Closing => Self::CLOSING,
        }
    }

    /// Whether its time is what ends it.
    pub(crate) const fn has_time(&self) -> bool {
        self.kind == Self::UNTIL
    }
}

/// The lifetimes of all orders.
#[derive(Clone, Debug)]
pub(crate) struct Lifetimes {
    pub(crate) orders: Table<Lasting>,
    pub(crate) lists: Table<Lists>,
    pub(crate) deadlines: Table<Deadline>,
}

impl Lifetimes {
    pub(crate) fn new(capacity: &Capacity) -> Self {
        let slots = 1 + capacity.orders_max as usize;
        Self { orders: Table::new(slots), lists: Table::new(capacity.instruments_max as usize), deadlines: Table::new(slots) }
    }

    /// What the order in `slot` was given; `None` if it stays until it is cancelled.
    pub(crate) fn of<T: Touch>(&self, touch: &mut T, slot: Slot) -> Option<Lifetime> {
        let lasting = *self.orders.get(touch, slot as usize);
        match lasting.kind {
            Lasting::DAY => Some(Lifetime::Day),
            Lasting::UNTIL => Some(Lifetime::Until(TimestampNs::new(self.deadlines.get(touch, lasting.prev as usize).at))),
            Lasting::OPENING => Some(Lifetime::Opening),
            Lasting::CLOSING => Some(Lifetime::Closing),
            _ => None,
        }
    }

    /// Gives the order in `slot` a lifetime.
    pub(crate) fn begin<T: Touch>(
        &mut self,
        touch: &mut T,
        counters: &mut Counters,
        nodes: &Table<Node>,
        slot: Slot,
        lifetime: Lifetime,
        is_parked: bool,
    ) {
        let list = match lifetime {
            Lifetime::Until(time) => {
                *self.orders.get_mut(touch, slot as usize) = Lasting { kind: Lasting::UNTIL, ..Lasting::ZERO };
                return self.add_deadline(touch, counters, nodes, slot, time.get());
            }
            Lifetime::Day => List::Day,
            Lifetime::Opening if is_parked => List::Opening,
            Lifetime::Closing if is_parked => List::Closing,
            Lifetime::Opening | Lifetime::Closing => List::Auction,
        };
        let instrument = nodes.get(touch, slot as usize).instrument;
        let lists = self.lists.get_mut(touch, instrument as usize);
        lists.auction_orders += u32::from(list != List::Day);
        let prev = lists.tails[list.index()];
        lists.tails[list.index()] = slot;
        if prev == 0 {
            lists.heads[list.index()] = slot;
        } else {
            self.orders.get_mut(touch, prev as usize).next = slot;
        }
        *self.orders.get_mut(touch, slot as usize) =
            Lasting { prev, next: 0, kind: Lasting::kind_of(lifetime), list: list.index() as u8 };
    }

    /// Forgets the lifetime of the order in `slot`, which is gone but for its node.
    pub(crate) fn end<T: Touch>(&mut self, touch: &mut T, counters: &mut Counters, nodes: &Table<Node>, slot: Slot) {
        let lasting = *self.orders.get(touch, slot as usize);
        if lasting.has_time() {
            self.remove_deadline(touch, counters, nodes, slot);
        } else {
            let instrument = nodes.get(touch, slot as usize).instrument;
            let lists = self.lists.get_mut(touch, instrument as usize);
            lists.auction_orders -= u32::from(usize::from(lasting.list) != List::Day.index());
            // `Over` may have taken its list over.
            let own = usize::from(lasting.list);
            let head = if lists.heads[own] == slot { own } else { List::Over.index() };
            let tail = if lists.tails[own] == slot { own } else { List::Over.index() };
            if lasting.prev == 0 {
                lists.heads[head] = lasting.next;
            }
            if lasting.next == 0 {
                lists.tails[tail] = lasting.prev;
            }
            if lasting.prev != 0 {
                self.orders.get_mut(touch, lasting.prev as usize).next = lasting.next;
            }
            if lasting.next != 0 {
                self.orders.get_mut(touch, lasting.next as usize).prev = lasting.prev;
            }
        }
        *self.orders.get_mut(touch, slot as usize) = Lasting::ZERO;
    }

    /// Makes the orders of `list` the last of those that are to go.
    pub(crate) fn give_over<T: Touch>(&mut self, touch: &mut T, instrument: u32, list: List) {
        let lists = self.lists.get_mut(touch, instrument as usize);
        let (head, tail) = (lists.heads[list.index()], lists.tails[list.index()]);
        if head == 0 {
            return;
        }
        let before = lists.tails[List::Over.index()];
        (lists.heads[list.index()], lists.tails[list.index()]) = (0, 0);
        lists.tails[List::Over.index()] = tail;
        if before == 0 {
            lists.heads[List::Over.index()] = head;
        } else {
            self.orders.get_mut(touch, before as usize).next = head;
            self.orders.get_mut(touch, head as usize).prev = before;
        }
    }

    /// The oldest order of a list; 0 without one.
    pub(crate) fn first<T: Touch>(&self, touch: &mut T, instrument: u32, list: List) -> Slot {
        self.lists.get(touch, instrument as usize).heads[list.index()]
    }
}
