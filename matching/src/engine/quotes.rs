//! Market makers' quotes: mass quotes, and the bounds of what may trade of them within a window.
//!
//! A quote's side is an order that names its group in its node. A group has a place for each instrument that it quotes, with the numbers of
//! its bid and offer; a number whose order is gone stands for nothing, so nobody who ends an order looks here, and a place is found again
//! when both its orders are gone. Books that ever had quotes count fills in a copy of the matching loop of their own; others pay nothing.
//!
//! * **A mass quote** is one command. First its number is taken, and who may send it is checked; then, entry by entry: what is replaced
//!   goes, bid before offer; then what is new enters as any limit order, and may trade. An order at the same price that is not to grow keeps
//!   its place. A side refused is gone, except that an entry whose bid is not below its offer changes nothing.
//! * **Windows** are of the commands' times: one begins with the first fill after the last one has ended. They do not slide, so around the
//!   end of one up to twice the bound can trade.
//! * **A bound that is reached** stops the group when all trades of the incoming order are made, before anything that they triggered goes: one
//!   order may trade beyond a bound. Fills count for resting quotes, and for both sides of an auction; not for a quote that comes in and
//!   takes.
//! * A stopped group stays so until a mass quote with `reset`.
//!
//! A quote may be cancelled as any order, and is not replaced but by a quote.

use crate::engine::Engine;
use crate::engine::book::{Special, index_of};
use crate::engine::incoming::{Incoming, incoming, resting};
use crate::engine::mandates::{self, Act};
use crate::engine::orders::Extras;
use crate::engine::pool::{Node, Slot};
use crate::engine::region;
use crate::limits::{QUOTE_GROUPS_MAX, QUOTE_PLACES_MAX};
use plinth_types::codec::{Codec, Reader};
use plinth_types::command::{Command, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::event::{CancelReason, Event, EventSink};
use plinth_types::id::{AccountId, OrderId, QuoteGroupId, SessionId};
use plinth_types::page::Touch;
use plinth_types::quantity::{Price, Qty};
use plinth_types::quote::{MassQuote, QuoteEntries, QuoteEntry, QuoteGroup, QuoteSide};
use plinth_types::reject::Reject;
use plinth_types::table::Table;
use plinth_types::table_record;

table_record! {
    /// A group, in the slot of its number; zero where none is.
    pub(crate) struct GroupRecord in region::QUOTE_GROUPS, 64 bytes {
        pub(crate) window_ns: u64,
        /// Lots within a window; 0 is no bound.
        pub(crate) lots_max: u64,
        /// Time of the first fill of the present window.
        pub(crate) since: u64,
        /// Lots traded since.
        pub(crate) lots: u64,
        /// Fills within a window; 0 is no bound.
        pub(crate) fills_max: u32,
        /// Fills since; 0 before the first of a window.
        pub(crate) fills: u32,
        pub(crate) account: u32,
        /// Who quotes; 0 where no group is.
        pub(crate) session: u16,
        /// One of [`OPEN`], [`STOPPED`]; [`STOPPING`] only within a command.
        pub(crate) state: u8,
    }
}

table_record! {
    /// What a group quotes of one instrument.
    pub(crate) struct Place in region::QUOTES, 32 bytes {
        /// The numbers of its bid and offer; 0 without one, and of no meaning when the order is gone.
        pub(crate) orders: [u64; 2],
        pub(crate) instrument: u32,
    }
}

pub(crate) const OPEN: u8 = 0;
pub(crate) const STOPPED: u8 = 1;
pub(crate) const STOPPING: u8 = 2;

const SIDES: [Side; 2] = [Side::Buy, Side::Sell];

/// Who counts fills, and how.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Watch {
    /// The time of the present command.
    pub(crate) now: u64,
    /// Whether a group is stopping.
    pub(crate) tripped: bool,
    /// Whether a group has stopped with the present command: orders of other books are gone.
    pub(crate) stopped: bool,
}

/// Counts a fill of a quote's order.
#[cold]
pub(crate) fn count<T: Touch>(groups: &mut Table<GroupRecord>, touch: &mut T, watch: &mut Watch, group: u16, qty: Qty) {
    let record = groups.get_mut(touch, usize::from(group));
    if record.fills == 0 || watch.now.saturating_sub(record.since) >= record.window_ns {
        (record.since, record.fills, record.lots) = (watch.now, 0, 0);
    }
    record.fills = record.fills.saturating_add(1);
    record.lots = record.lots.saturating_add(qty.lots());
    let reached = |count: u64, bound: u64| bound != 0 && count >= bound;
    if reached(record.fills.into(), record.fills_max.into()) || reached(record.lots, record.lots_max) {
        record.state = STOPPING;
        watch.tripped = true;
    }
}

/// A mass quote that may be done.
pub(crate) struct Quoter {
    account: AccountId,
    guard: u8,
    group: QuoteGroupId,
}

impl<T: Touch> Engine<T> {
    #[cold]
    pub(crate) fn mass_quote<S: EventSink>(&mut self, command: &Command, quotes: &MassQuote, tail: &[u8], sink: &mut S) {
        let group = quotes.group;
        let (quoter, entries) = match self.admit_quotes(command, quotes, tail) {
            Ok(admitted) => admitted,
            Err(reject) => return sink.emit(Event::QuotesRefused { group, reject }),
        };
        sink.emit(Event::Quoted { group });
        if quotes.clear {
            self.withdraw_quotes(group.get(), CancelReason::Requoted, sink);
        }
        for (entry, numbers) in entries.iter().zip(quotes.numbers()) {
            self.quote(&quoter, &entry, numbers, sink);
            self.go_triggered(sink);
        }
    }

    /// Takes the numbers, checks who quotes, and reads what.
    pub(crate) fn admit_quotes(
        &mut self,
        command: &Command,
        quotes: &MassQuote,
        tail: &[u8],
    ) -> Result<(Quoter, QuoteEntries), Reject> {
        let Self { touch, mandates, sessions, groups, .. } = self;
        let session = usize::from(command.session.get());
        if session >= sessions.records().len() {
            return Err(Reject::NotMandated);
        }
        let record = sessions.get_mut(touch, session);
        let expected = record.orders + 1;
        if quotes.first.session() != command.session || quotes.first.index() != expected {
            return Err(Reject::OutOfSequence { expected });
        }
        let last = record.orders + 2 * u64::from(quotes.entries);
        if quotes.entries != 0 && OrderId::new(command.session, last).is_none() {
            return Err(Reject::CapacityReached);
        }
        record.orders = last;
        let (account, guard) = mandates::account(mandates, touch, command, Act::Trade)?;
        let entries = QuoteEntries::read(&mut Reader::new(tail)).map_err(|_| Reject::Malformed)?;
        if entries.count() != usize::from(quotes.entries) {
            return Err(Reject::Malformed);
        }
        let group = quotes.group;
        let known = usize::from(group.get()) < QUOTE_GROUPS_MAX;
        let record = if known { groups.get_mut(touch, usize::from(group.get())) } else { return Err(unknown(group)) };
        match record.session {
            0 => return Err(unknown(group)),
            session if session != command.session.get() || record.account != account.get() => return Err(Reject::NotMandated),
            _ => {}
        }
        if quotes.reset {
            (record.state, record.fills, record.lots) = (OPEN, 0, 0);
        }
        if record.state == STOPPED {
            return Err(Reject::QuotesStopped);
        }
        Ok((Quoter { account, guard, group }, entries))
    }

    /// Does one entry.
    fn quote<S: EventSink>(&mut self, quoter: &Quoter, entry: &QuoteEntry, numbers: [OrderId; 2], sink: &mut S) {
        let sides = [entry.bid, entry.offer];
        let refuse = |sink: &mut S, reject: Reject| {
            for (order, _) in numbers.iter().zip(sides).filter(|(_, side)| matches!(side, QuoteSide::Set { .. })) {
                sink.emit(Event::Rejected { order: *order, reject });
            }
        };
        if let [QuoteSide::Set { price: bid, .. }, QuoteSide::Set { price: offer, .. }] = sides
            && bid >= offer
        {
            return refuse(sink, Reject::Contradiction);
        }
        if entry.instrument.get() >= self.counters.get(&mut self.touch).instruments {
            return refuse(sink, Reject::UnknownInstrument { instrument: entry.instrument });
        }
        let group = quoter.group.get();
        let Some(place) = self.quote_place(group, entry.instrument.get()) else {
            return refuse(sink, Reject::CapacityReached);
        };
        let mut entering = [None; 2];
        for (side, wanted) in SIDES.into_iter().zip(sides) {
            entering[index_of(side)] = self.revise(group, place, side, wanted, sink);
        }
        for (side, terms) in SIDES.into_iter().zip(entering) {
            let Some((price, qty)) = terms else { continue };
            let order = numbers[index_of(side)];
            let new = NewOrder {
                order,
                instrument: entry.instrument,
                side,
                price: OrderPrice::Limit(price),
                qty,
                time_in_force: TimeInForce::GoodTillCancel,
                post_only: false,
                instructed: false,
            };
            match self.enter_quote(quoter, &new, price, sink) {
                Ok(()) => self.places.get_mut(&mut self.touch, place).orders[index_of(side)] = order.bits(),
                Err(reject) => sink.emit(Event::Rejected { order, reject }),
            }
        }
    }

    /// Makes room for what a side is to be; what is to enter, if something is.
    fn revise<S: EventSink>(
        &mut self,
        group: u16,
        place: usize,
        side: Side,
        wanted: QuoteSide,
        sink: &mut S,
    ) -> Option<(Price, Qty)> {
        let order = self.places.get(&mut self.touch, place).orders[index_of(side)];
        let old = self.live_quote(group, order);
        let terms = match wanted {
            QuoteSide::Keep => return None,
            QuoteSide::Withdraw => None,
            QuoteSide::Set { price, qty } => Some((price, qty)),
        };
        let Some((slot, node)) = old else { return terms };
        if let Some((price, qty)) = terms
            && node.price == price.ticks()
            && qty.lots() <= node.lots
        {
            self.keep_quote(slot, &node, price, qty, sink);
            return None;
        }
        self.take_off_slot(slot, &node, CancelReason::Requoted, sink);
        self.places.get_mut(&mut self.touch, place).orders[index_of(side)] = 0;
        terms
    }

    /// Leaves a quote where it stands, with `qty` of what it has.
    fn keep_quote<S: EventSink>(&mut self, slot: Slot, node: &Node, price: Price, qty: Qty, sink: &mut S) {
        let total = Qty::from_lots(node.total - (node.lots - qty.lots())).expect("what is left is part of the total");
        if qty.lots() < node.lots {
            let book = self.books.get(&mut self.touch, node.instrument as usize);
            let order = resting(book, node, node.lots);
            self.shrink(slot, &order, qty, total);
        }
        let order = OrderId::from_bits(node.order).expect("a resting order has an id");
        sink.emit(Event::Replaced { order, price, qty: total, kept_priority: true });
    }

    fn enter_quote<S: EventSink>(&mut self, quoter: &Quoter, new: &NewOrder, price: Price, sink: &mut S) -> Result<(), Reject> {
        let group = quoter.group.get();
        // The other side of this entry may have traded.
        if self.groups.get(&mut self.touch, usize::from(group)).state != OPEN {
            return Err(Reject::QuotesStopped);
        }
        self.admit_known(quoter.account, quoter.guard, new, Some(price), Ok(()))?;
        sink.emit(Event::Accepted { order: new.order });
        let instrument = new.instrument.get();
        let book = self.books.get_mut(&mut self.touch, instrument as usize);
        book.special |= Special::QUOTED;
        let order = incoming(book, new.order, quoter.account, instrument, new.side, Some(price), new.qty);
        self.take_and_rest(Incoming { guard: quoter.guard, group, ..order }, new, Extras::NONE, sink);
        Ok(())
    }

    /// The place of an instrument, or a free one.
    fn quote_place(&mut self, group: u16, instrument: u32) -> Option<usize> {
        let Self { touch, places: table, .. } = self;
        let of_it = |place: &Place| place.instrument == instrument && place.orders != [0; 2];
        if let Some(found) = places(group).find(|&at| of_it(table.get(touch, at))) {
            return Some(found);
        }
        let free = places(group).find(|&at| {
            let orders = self.places.get(&mut self.touch, at).orders;
            orders.into_iter().all(|order| self.live_quote(group, order).is_none())
        })?;
        *self.places.get_mut(&mut self.touch, free) = Place { orders: [0; 2], instrument };
        Some(free)
    }

    /// The order of a group that has this number, if it is still there.
    fn live_quote(&mut self, group: u16, order: u64) -> Option<(Slot, Node)> {
        if order == 0 {
            return None;
        }
        let place = self.index.find(&mut self.touch, &self.nodes, order)?;
        let node = *self.nodes.get(&mut self.touch, place.slot as usize);
        (node.group == group).then_some((place.slot, node))
    }

    /// Takes off all that a group quotes: by place, bid before offer.
    fn withdraw_quotes<S: EventSink>(&mut self, group: u16, reason: CancelReason, sink: &mut S) {
        for at in places(group) {
            let orders = core::mem::take(&mut self.places.get_mut(&mut self.touch, at).orders);
            for order in orders {
                if let Some((slot, node)) = self.live_quote(group, order) {
                    self.take_off_slot(slot, &node, reason, sink);
                }
            }
        }
    }

    /// Stops the groups that reached a bound.
    #[cold]
    pub(crate) fn stop_quotes<S: EventSink>(&mut self, sink: &mut S) {
        self.watch.tripped = false;
        self.watch.stopped = true;
        for group in 1..QUOTE_GROUPS_MAX {
            if self.groups.get(&mut self.touch, group).state == STOPPING {
                self.groups.get_mut(&mut self.touch, group).state = STOPPED;
                sink.emit(Event::QuotesStopped { group: QuoteGroupId::new(group as u16) });
                self.withdraw_quotes(group as u16, CancelReason::QuotesStopped, sink);
            }
        }
    }

    /// Makes a group, or changes its bounds.
    pub(crate) fn set_quote_group(&mut self, group: &QuoteGroup) -> Result<(), Reject> {
        let touch = &mut self.touch;
        self.custody.known_account(touch, group.account)?;
        if group.group.get() == 0 || group.session == SessionId::APPLIANCE {
            return Err(Reject::Contradiction);
        }
        let slot = usize::from(group.group.get());
        if slot >= QUOTE_GROUPS_MAX || group.session.get() >= self.capacity.sessions_max {
            return Err(Reject::CapacityReached);
        }
        let record = self.groups.get_mut(touch, slot);
        let same = record.session == group.session.get() && record.account == group.account.get();
        if record.session != 0 && !same {
            return Err(Reject::Contradiction);
        }
        *record = GroupRecord {
            window_ns: group.window_ns,
            lots_max: group.lots_max.map_or(0, Qty::lots),
            since: 0,
            lots: 0,
            fills_max: group.fills_max.unwrap_or(0),
            fills: 0,
            account: group.account.get(),
            session: group.session.get(),
            state: record.state,
        };
        Ok(())
    }

    /// A group of quotes as it was set; `None` if there is no such group.
    #[must_use]
    pub fn quote_group(&self, group: QuoteGroupId) -> Option<QuoteGroup> {
        let record = self.groups.records().get(usize::from(group.get())).filter(|record| record.session != 0)?;
        Some(QuoteGroup {
            group,
            session: SessionId::new(record.session),
            account: AccountId::new(record.account),
            window_ns: record.window_ns,
            fills_max: (record.fills_max != 0).then_some(record.fills_max),
            lots_max: Qty::from_lots(record.lots_max),
        })
    }

    /// Whether a group's quotes are stopped; `None` if there is no such group.
    #[must_use]
    pub fn quotes_stopped(&self, group: QuoteGroupId) -> Option<bool> {
        let record = self.groups.records().get(usize::from(group.get())).filter(|record| record.session != 0)?;
        Some(record.state == STOPPED)
    }
}

/// Slots of a group's places.
pub(crate) fn places(group: u16) -> core::ops::Range<usize> {
    let first = usize::from(group) * QUOTE_PLACES_MAX;
    first..first + QUOTE_PLACES_MAX
}

const fn unknown(group: QuoteGroupId) -> Reject {
    Reject::UnknownQuoteGroup { group }
}
