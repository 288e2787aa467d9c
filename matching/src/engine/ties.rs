//! Ties: what one order's fate does to others of the same session and account. One record holds up to three orders of a book.
//!
//! * **A pair** is a limit order on the book and a stop of the same side that waits. What ends one ends the other, a cancel, a replace to
//!   nothing or an expiry too. A trade of the limit order ends the stop (`OneCancelsOther`; a part of it does, as FIX has it), or takes as
//!   much off it (`OneUpdatesOther`). A stop that is triggered ends the limit order first. So never can both trade, in no phase, and no
//!   matching loop has to know of ties but for noting trades.
//! * **Held orders** wait, off the book, for an entry of the other side that is to come: an order that names the first of them, whose number
//!   that one has named. They come first, so no fill of the entry can be too early for them. When the entry has traded in full, or what is
//!   left of it has ended, they come in with what it traded, as a pair if there are two, and are cut down to that; if it ends without a
//!   trade, or never was, they end too. Nothing of them comes in before: a part of a fill would make many orders of one, or lose its place.
//! * **Money.** A pair reserves once: the limit order all that it needs, the stop what it may need beyond that. Held orders reserve nothing,
//!   since what they deliver is often what the entry is to bring.
//! * **When.** Trades and ends are noted as they happen, and settled behind the trades of the order that caused them, before anything that
//!   these triggered goes, in the order in which the ties were first noted; of what is cancelled or expires, behind that. Held orders come in
//!   last, behind all that was triggered, so that no trade from before triggers them; all within the same command. While orders are due that one command could not take off nothing may trade, so held orders whose entry ends then end.
//!
//! Every end here has the reason [`Linked`](plinth_types::event::CancelReason::Linked).
//!
//! Known limitations: a pair is one limit order, shown whole, and one stop, of the same side; two stops, or both sides, are no pair. An entry
//! has no trigger, held stops do not trail. Held orders whose entry's number was used by an order that does not name them stay until
//! they are cancelled.

use crate::engine::counters::Counters;
use crate::engine::incoming::Incoming;
use crate::engine::pool::{Mark, Node, Slot};
use crate::engine::region;
use crate::limits::TIES_MAX;
use plinth_types::id::OrderId;
use plinth_types::instructions::Contingency;
use plinth_types::page::Touch;
use plinth_types::quantity::{Amount, Qty};
use plinth_types::table::{Record, Table};
use plinth_types::table_record;

/// A tie's place in its table; 0 is none.
pub(crate) type TieSlot = u32;

table_record! {
    /// Orders that are tied, or a free record.
    pub(crate) struct Tie in region::TIES, 64 bytes {
        /// The order that is to let the others in, in the 64-bit form of its id; 0 of a pair that is in.
        pub(crate) entry_order: u64,
        /// What the stop has reserved: the low half, and the high half.
        pub(crate) reserved: [u64; 2],
        /// Lots of the entry, or of the limit order, that have traded and are not settled; 0 between commands.
        pub(crate) traded: u64,
        /// The entry while it rests, 0 before and after.
        pub(crate) entry: Slot,
        /// The limit order, 0 without one.
        pub(crate) limit: Slot,
        /// The stop, 0 without one.
        pub(crate) stop: Slot,
        /// The next tie to settle; in a free record the next free one.
        pub(crate) next: TieSlot,
        /// One of [`Tie::SINGLE`], [`Tie::CANCELS`], [`Tie::UPDATES`]; 0 in a free record.
        pub(crate) kind: u8,
        /// Who has ended and is not settled: bits of [`Ended`]; 0 between commands.
        pub(crate) ended: u8,
    }
}

impl Tie {
    /// One held order.
    pub(crate) const SINGLE: u8 = 1;
    /// A trade of the limit order ends the stop.
    pub(crate) const CANCELS: u8 = 2;
    /// A trade of the limit order takes as much off the stop.
    pub(crate) const UPDATES: u8 = 3;

    /// Whether its orders wait for an entry.
    pub(crate) const fn is_held(&self) -> bool {
        self.entry_order != 0
    }

    /// What the stop has reserved.
    pub(crate) fn reserved(&self) -> Amount {
        let [low, high] = self.reserved.map(u128::from);
        Amount::new(high << 64 | low).expect("it was an amount")
    }

    pub(crate) fn set_reserved(&mut self, amount: Amount) {
        let units = amount.units();
        self.reserved = [units as u64, (units >> 64) as u64];
    }

    /// All that was noted is settled.
    pub(crate) const fn set_settled(&mut self) {
        (self.traded, self.ended, self.next) = (0, 0, 0);
    }

    /// Its orders.
    pub(crate) const fn slots(&self) -> [Slot; 3] {
        [self.entry, self.limit, self.stop]
    }
}

/// The kind of a pair with this contingency.
pub(crate) const fn kind_of(contingency: Contingency) -> Option<u8> {
    match contingency {
        Contingency::OneCancelsOther => Some(Tie::CANCELS),
        Contingency::OneUpdatesOther => Some(Tie::UPDATES),
        Contingency::OneTriggersOther => None,
    }
}

/// Bits of what has happened to a tie.
pub(crate) struct Ended;

impl Ended {
    pub(crate) const ENTRY: u8 = 1;
    pub(crate) const LIMIT: u8 = 1 << 1;
    pub(crate) const STOP: u8 = 1 << 2;
    /// It is among those to settle.
    pub(crate) const NOTED: u8 = 1 << 7;
}

/// All ties.
#[derive(Clone, Debug)]
pub(crate) struct Ties {
    pub(crate) table: Table<Tie>,
    /// Those to settle, and those whose held orders are to be let in; empty between commands.
    noted: Queue,
    ready: Queue,
}

/// Ties in a row, by [`Tie::next`]; 0 without one.
#[derive(Clone, Copy, Debug, Default)]
struct Queue {
    first: TieSlot,
    last: TieSlot,
}

impl Queue {
    fn push<T: Touch>(&mut self, table: &mut Table<Tie>, touch: &mut T, at: TieSlot) {
        table.get_mut(touch, at as usize).next = 0;
        match self.last {
            0 => self.first = at,
            last => table.get_mut(touch, last as usize).next = at,
        }
        self.last = at;
    }

    fn pop<T: Touch>(&mut self, table: &Table<Tie>, touch: &mut T) -> Option<TieSlot> {
        let at = self.first;
        if at == 0 {
            return None;
        }
        self.first = table.get(touch, at as usize).next;
        if self.first == 0 {
            self.last = 0;
        }
        Some(at)
    }
}

impl Ties {
    pub(crate) fn new() -> Self {
        Self { table: Table::new(1 + TIES_MAX as usize), noted: Queue::default(), ready: Queue::default() }
    }

    /// Whether something is to be settled.
    #[inline(always)]
    pub(crate) const fn is_noted(&self) -> bool {
        self.noted.first != 0
    }

    /// Whether held orders are to be let in.
    pub(crate) const fn is_ready(&self) -> bool {
        self.ready.first != 0
    }

    /// Whether there is room for one more.
    pub(crate) fn has_room(counters: &Counters) -> bool {
        counters.ties_free != 0 || counters.ties_used < TIES_MAX
    }

    /// Takes a free record for this tie.
    pub(crate) fn take<T: Touch>(&mut self, touch: &mut T, counters: &mut Counters, tie: Tie) -> TieSlot {
        counters.watched += 1;
        let at = if counters.ties_free == 0 {
            counters.ties_used += 1;
            counters.ties_used
        } else {
            counters.ties_free
        };
        let record = self.table.get_mut(touch, at as usize);
        if counters.ties_free == at {
            counters.ties_free = record.next;
        }
        *record = tie;
        at
    }

    /// Gives a record back whose orders are no longer tied.
    pub(crate) fn give<T: Touch>(&mut self, touch: &mut T, counters: &mut Counters, at: TieSlot) {
        *self.table.get_mut(touch, at as usize) = Tie { next: counters.ties_free, ..Tie::ZERO };
        counters.ties_free = at;
        counters.watched -= 1;
    }

    pub(crate) fn get<T: Touch>(&self, touch: &mut T, at: TieSlot) -> &Tie {
        self.table.get(touch, at as usize)
    }

    pub(crate) fn get_mut<T: Touch>(&mut self, touch: &mut T, at: TieSlot) -> &mut Tie {
        self.table.get_mut(touch, at as usize)
    }

    /// What an order of the tie that waits has reserved, which is released now: held orders have nothing.
    pub(crate) fn take_reserved<T: Touch>(&mut self, touch: &mut T, at: TieSlot) -> Amount {
        let tie = self.table.get_mut(touch, at as usize);
        let reserved = tie.reserved();
        tie.set_reserved(Amount::ZERO);
        reserved
    }

    /// Notes that the tie is to be settled.
    pub(crate) fn note<T: Touch>(&mut self, touch: &mut T, at: TieSlot) {
        let tie = self.table.get_mut(touch, at as usize);
        if tie.ended & Ended::NOTED != 0 {
            return;
        }
        tie.ended |= Ended::NOTED;
        self.noted.push(&mut self.table, touch, at);
    }

    /// Puts a tie whose held orders are to be let in behind the others.
    pub(crate) fn make_ready<T: Touch>(&mut self, touch: &mut T, at: TieSlot) {
        self.ready.push(&mut self.table, touch, at);
    }

    /// The tie that is to be settled first. It counts as noted until it is settled, so nothing that settling does notes it again.
    pub(crate) fn take_noted<T: Touch>(&mut self, touch: &mut T) -> Option<TieSlot> {
        self.noted.pop(&self.table, touch)
    }

    /// The tie whose held orders are to be let in first.
    pub(crate) fn take_ready<T: Touch>(&mut self, touch: &mut T) -> Option<TieSlot> {
        self.ready.pop(&self.table, touch)
    }

    /// Notes a trade of the resting order in `slot`; only those of a limit order concern anybody before its end.
    #[cold]
    pub(crate) fn note_trade<T: Touch>(&mut self, touch: &mut T, node: &Node, slot: Slot, qty: Qty) {
        let tie = self.table.get_mut(touch, node.tie as usize);
        if tie.limit == slot {
            tie.traded += qty.lots();
            self.note(touch, node.tie);
        }
    }

    /// Notes the end of the order in `slot`; its node is still as it was.
    pub(crate) fn note_end<T: Touch>(&mut self, touch: &mut T, node: &Node, slot: Slot) {
        let tie = self.table.get_mut(touch, node.tie as usize);
        if tie.entry == slot {
            tie.entry = 0;
            tie.traded = node.total - node.lots;
            tie.ended |= Ended::ENTRY;
        } else if tie.limit == slot {
            tie.limit = 0;
            tie.ended |= Ended::LIMIT;
        } else {
            tie.stop = 0;
            tie.ended |= Ended::STOP;
        }
        self.note(touch, node.tie);
    }
}

/// What a stop may need beyond what the limit order it is paired with has reserved. Trades of the limit order never make it more: they
/// take as much off the stop, or end it.
pub(crate) fn beyond(limit: &Incoming, stop: &Incoming) -> Amount {
    let (covered, needed) = (limit.reservation(limit.qty), stop.reservation(stop.qty));
    let dearer = needed.checked_sub(covered).unwrap_or(Amount::ZERO);
    let longer = stop.qty.after_fill(stop.qty.min(limit.qty)).map_or(Amount::ZERO, |longer| stop.reservation(longer));
    dearer.max(longer)
}

/// Puts the order in `slot` last among those that are held. The one before it.
pub(crate) fn hold<T: Touch>(nodes: &mut Table<Node>, touch: &mut T, counters: &mut Counters, slot: Slot) -> Slot {
    let prev = counters.held_tail;
    counters.held_tail = slot;
    match prev {
        0 => counters.held_head = slot,
        prev => nodes.get_mut(touch, prev as usize).next = slot,
    }
    prev
}

/// Takes an order out from those that are held.
pub(crate) fn unhold<T: Touch>(nodes: &mut Table<Node>, touch: &mut T, counters: &mut Counters, node: &Node) {
    match node.prev {
        0 => counters.held_head = node.next,
        prev => nodes.get_mut(touch, prev as usize).next = node.next,
    }
    match node.next {
        0 => counters.held_tail = node.prev,
        next => nodes.get_mut(touch, next as usize).prev = node.prev,
    }
}

impl Node {
    /// Ties it.
    pub(crate) const fn tie_to(&mut self, at: TieSlot) {
        self.tie = at;
        self.marks |= Mark::TIED;
    }

    /// Leaves it to itself.
    pub(crate) const fn untie(&mut self) {
        self.tie = 0;
        self.marks &= !Mark::TIED;
    }

    /// Its tie; `None` without one.
    pub(crate) const fn tied(&self) -> Option<TieSlot> {
        if self.marks & Mark::TIED == 0 { None } else { Some(self.tie) }
    }

    /// Its number.
    pub(crate) fn id(&self) -> OrderId {
        OrderId::from_bits(self.order).expect("a live order has an id")
    }
}
