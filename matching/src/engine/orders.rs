//! New orders, cancels, replaces.
//!
//! Everything is decided before anything changes. Refusals are looked for in this order, and the first is said:
//! * new: session in range (`NotMandated`), `OutOfSequence`, mandate (`NotMandated`), `Contradiction`, `Malformed`, `UnknownInstrument`,
//!   `TooLarge`, `PriceNotPositive`, `OutsideBands`, `TooSmall`, `OffLot`, `OffTick`, `NotInPhase`, `Suspended`, `NotionalTooLarge`,
//!   `TooManyOrders`, `WouldTake`, `CapacityReached`, `InsufficientFunds`;
//! * cancel: mandate, `UnknownOrder` (also another session's), `NotMandated` (another account's);
//! * replace: as cancel, then `TooLarge`, `PriceNotPositive`, `OutsideBands`, `TooSmall`, `OffLot`, `OffTick`, `NotInPhase`, `Suspended`,
//!   `NotionalTooLarge`, `AlreadyFilled`, `WouldTake`, `CapacityReached`, `InsufficientFunds`.
//!
//! `CapacityReached` and `TooManyOrders` are said to an order that could rest, before it is known whether it would: whether it trades does not change what is
//! refused.

use crate::engine::Engine;
use crate::engine::book::{Book, crosses, index_of, opposite, side_of};
use crate::engine::cross::{Incoming, Stop, Taken};
use crate::engine::iceberg;
use crate::engine::index::Place;
use crate::engine::mandates::{self, Act};
use crate::engine::marked::Marked;
use crate::engine::pool::{self, Mark, Node, Slot};
use crate::engine::protection::{self, Guard};
use crate::engine::terms;
use plinth_types::command::{Command, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::event::{CancelReason, Event, EventSink};
use plinth_types::id::{AccountId, AssetId, InstrumentId, OrderId};
use plinth_types::instructions::Lifetime;
use plinth_types::page::Touch;
use plinth_types::quantity::{Lots, Price, Qty};
use plinth_types::reject::Reject;

/// What an order that rests has beyond its terms.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extras {
    /// The most that is shown of it at a time.
    pub(crate) display: Option<Qty>,
    /// What ends it.
    pub(crate) lifetime: Option<Lifetime>,
}

impl Extras {
    pub(crate) const NONE: Self = Self { display: None, lifetime: None };
}

impl<T: Touch> Engine<T> {
    #[inline(never)]
    pub(crate) fn new_order<S: EventSink>(&mut self, command: &Command, new: &NewOrder, sink: &mut S) {
        // Apart, so that what market orders need costs limit orders nothing.
        match new.price {
            OrderPrice::Limit(price) => self.enter(command, new, Some(price), sink),
            OrderPrice::Market => self.market_order(command, new, sink),
        }
    }

    #[cold]
    fn market_order<S: EventSink>(&mut self, command: &Command, new: &NewOrder, sink: &mut S) {
        self.enter(command, new, None, sink);
    }

    #[inline(always)]
    fn enter<S: EventSink>(&mut self, command: &Command, new: &NewOrder, limit: Option<Price>, sink: &mut S) {
        let order = new.order;
        let (account, guard) = match self.admit(command, new, limit, Ok(())) {
            Ok(admitted) => admitted,
            Err(reject) => return sink.emit(Event::Rejected { order, reject }),
        };
        sink.emit(Event::Accepted { order });
        match limit {
            _ if guard != 0 => self.enter_guarded(new, account, limit, guard, sink),
            Some(limit) if self.only_rests(new, limit) => {
                self.rest(new, account, limit, new.qty);
            }
            Some(_) | None => self.enter_and_take(new, account, limit, 0, sink),
        }
    }

    /// Apart, so that what guarded accounts need costs others nothing.
    #[cold]
    fn enter_guarded<S: EventSink>(&mut self, new: &NewOrder, account: AccountId, limit: Option<Price>, guard: u8, sink: &mut S) {
        self.enter_and_take(new, account, limit, guard, sink);
    }

    /// What most orders do.
    #[inline(always)]
    fn only_rests(&mut self, new: &NewOrder, limit: Price) -> bool {
        let book = self.books.get(&mut self.touch, new.instrument.get() as usize);
        (new.time_in_force == TimeInForce::GoodTillCancel) & !book.is_pro_rata() & !would_take(book, new.side, limit.ticks())
    }

    /// Not inlined, so that an order that only rests is never written out as an [`Incoming`].
    #[inline(never)]
    fn enter_and_take<S: EventSink>(&mut self, new: &NewOrder, account: AccountId, limit: Option<Price>, guard: u8, sink: &mut S) {
        let book = self.books.get(&mut self.touch, new.instrument.get() as usize);
        let incoming = incoming(book, new.order, account, new.instrument.get(), new.side, limit, new.qty);
        let incoming = Incoming { guard, ..incoming };
        match new.time_in_force {
            TimeInForce::GoodTillCancel => self.take_and_rest(incoming, new, Extras::NONE, sink),
            TimeInForce::ImmediateOrCancel => self.take_or_cancel(incoming, sink),
            TimeInForce::FillOrKill => self.fill_or_kill(incoming, sink),
        }
        self.go_triggered(sink);
    }

    #[inline(always)]
    pub(crate) fn take_or_cancel<S: EventSink>(&mut self, incoming: Incoming, sink: &mut S) {
        let Taken { left, stop, .. } = self.take(incoming, sink);
        if let Some(left) = left {
            let reason = match stop {
                Stop::NoLevel => CancelReason::Unfilled,
                Stop::Funds => CancelReason::FundsExhausted,
                Stop::SelfMatch => CancelReason::SelfMatch,
            };
            self.end(incoming, left, reason, sink);
        }
    }

    #[cold]
    pub(crate) fn fill_or_kill<S: EventSink>(&mut self, incoming: Incoming, sink: &mut S) {
        match self.fillable(incoming) {
            Ok(()) => {
                let taken = self.take(incoming, sink);
                assert!(taken.left.is_none(), "a fill-or-kill order that can be filled is");
            }
            Err(Stop::NoLevel | Stop::SelfMatch) => self.end(incoming, incoming.qty, CancelReason::NotFillable, sink),
            Err(Stop::Funds) => self.end(incoming, incoming.qty, CancelReason::FundsExhausted, sink),
        }
    }

    /// Checks a new order and reserves for it. Its number is used up if it was the next, refused or not. `instructions` says whether they
    /// can be followed.
    #[inline(always)]
    pub(crate) fn admit(
        &mut self,
        command: &Command,
        new: &NewOrder,
        limit: Option<Price>,
        instructions: Result<(), Reject>,
    ) -> Result<(AccountId, u8), Reject> {
        let (account, guard) = self.identify(command, new)?;
        self.admit_known(account, guard, new, limit, instructions)?;
        Ok((account, guard))
    }

    /// As [`Engine::admit`], of an order whose number is taken and whose account is known.
    #[inline(always)]
    pub(crate) fn admit_known(
        &mut self,
        account: AccountId,
        guard: u8,
        new: &NewOrder,
        limit: Option<Price>,
        instructions: Result<(), Reject>,
    ) -> Result<(), Reject> {
        let Self { touch, capacity, counters, custody, books, levels, guarded, firms, terms, .. } = self;
        let rests = new.time_in_force == TimeInForce::GoodTillCancel;
        if (new.post_only && !rests) || (limit.is_none() && rests) {
            return Err(Reject::Contradiction);
        }
        instructions?;
        let counters = counters.get(touch);
        if new.instrument.get() >= counters.instruments {
            return Err(Reject::UnknownInstrument { instrument: new.instrument });
        }
        let book = books.get(touch, new.instrument.get() as usize);
        check_terms(book, limit, new.qty)?;
        if book.has_terms() {
            terms::check(terms, touch, new.instrument.get(), limit, new.qty)?;
        }
        if !book.is_continuous() {
            book.check_phase(new)?;
        }
        if guard != 0 {
            protection::check(guarded, firms, touch, guard, account, limit, new.qty, rests)?;
        }
        let incoming = incoming(book, new.order, account, new.instrument.get(), new.side, limit, new.qty);
        if new.post_only && limit.is_some_and(|limit| would_take(book, new.side, limit.ticks())) {
            return Err(Reject::WouldTake);
        }
        if let Some(price) = limit {
            if rests
                && (counters.orders == capacity.orders_max
                    || !levels.has_room(touch, book, new.side, price.ticks(), new.qty.lots()))
            {
                return Err(Reject::CapacityReached);
            }
            custody.reserve(touch, account, incoming.gives, incoming.reservation(new.qty))?;
        }
        Ok(())
    }

    /// Takes a new order's number, and finds the account and what guards it.
    #[inline(always)]
    pub(crate) fn identify(&mut self, command: &Command, new: &NewOrder) -> Result<(AccountId, u8), Reject> {
        let Self { touch, mandates, sessions, .. } = self;
        let session = usize::from(command.session.get());
        if session >= sessions.records().len() {
            return Err(Reject::NotMandated);
        }
        let record = sessions.get_mut(touch, session);
        let expected = record.orders + 1;
        if new.order.session() != command.session || new.order.index() != expected {
            return Err(Reject::OutOfSequence { expected });
        }
        record.orders = expected;
        mandates::account(mandates, touch, command, Act::Trade)
    }

    /// Refuses an order that its account may not have: `resting` if it takes one of its open orders.
    pub(crate) fn check_guarded(&mut self, order: &Incoming, resting: bool) -> Result<(), Reject> {
        if order.guard == 0 {
            return Ok(());
        }
        let Incoming { guard, account, limit, qty, .. } = *order;
        protection::check(&self.guarded, &self.firms, &mut self.touch, guard, account, limit, qty, resting)
    }

    #[inline(never)]
    pub(crate) fn cancel<S: EventSink>(&mut self, command: &Command, order: OrderId, sink: &mut S) {
        match self.find_own(command, order, Act::Cancel) {
            Ok((place, _)) => {
                let lots = self.take_off(place);
                sink.emit(Event::Cancelled { order, lots, reason: CancelReason::Requested });
            }
            Err(reject) => sink.emit(Event::CancelRejected { order, reject }),
        }
    }

    #[inline(never)]
    pub(crate) fn replace<S: EventSink>(&mut self, command: &Command, order: OrderId, price: Price, qty: Qty, sink: &mut S) {
        match self.try_replace(command, order, price, qty, sink) {
            Ok(()) => self.go_triggered(sink),
            Err(reject) => sink.emit(Event::CancelRejected { order, reject }),
        }
    }

    fn try_replace<S: EventSink>(
        &mut self,
        command: &Command,
        order: OrderId,
        price: Price,
        qty: Qty,
        sink: &mut S,
    ) -> Result<(), Reject> {
        let (place, guard) = self.find_own(command, order, Act::Trade)?;
        let node = *self.nodes.get(&mut self.touch, place.slot as usize);
        if node.marks & Mark::PEGGED != 0 {
            return self.replace_pegged(place, guard, price, qty, sink);
        }
        if node.marks & Mark::WAITING != 0 {
            return self.replace_waiting(place, guard, price, qty, sink);
        }
        if node.group != 0 {
            return Err(Reject::Contradiction);
        }
        let extras = self.extras(place.slot, &node);
        let open = iceberg::left(&self.hidden, &mut self.touch, place.slot, &node);
        let book = self.books.get(&mut self.touch, node.instrument as usize);
        check_terms(book, Some(price), qty)?;
        if book.has_terms() {
            terms::check(&self.terms, &mut self.touch, node.instrument, Some(price), qty)?;
        }
        book.check_halt()?;
        if guard != 0 {
            let account = AccountId::new(node.account);
            protection::check(&self.guarded, &self.firms, &mut self.touch, guard, account, Some(price), qty, false)?;
        }
        let filled = node.total - open;
        let Some(left) = qty.lots().checked_sub(filled) else { return Err(Reject::AlreadyFilled) };
        let Some(left) = Qty::from_lots(left) else {
            self.take_off(place);
            sink.emit(Event::Replaced { order, price, qty, kept_priority: false });
            sink.emit(Event::Cancelled { order, lots: Lots::ZERO, reason: CancelReason::ReplacedToFilled });
            return Ok(());
        };
        let old = resting(book, &node, open);
        if price.ticks() == node.price && left < old.qty {
            self.shrink(place.slot, &old, left, qty);
            sink.emit(Event::Replaced { order, price, qty, kept_priority: true });
            return Ok(());
        }
        let incoming = Incoming { limit: Some(price), worst: price.ticks(), qty: left, guard, ..old };
        let post_only = node.post_only != 0;
        if post_only && would_take(book, incoming.side, price.ticks()) {
            return Err(Reject::WouldTake);
        }
        if !self.levels.has_room(&mut self.touch, book, incoming.side, price.ticks(), left.lots()) {
            return Err(Reject::CapacityReached);
        }
        let (amount, released) = (incoming.reservation(left), old.reservation(old.qty));
        self.custody.can_reserve(&mut self.touch, incoming.account, incoming.gives, amount, released)?;
        self.take_off(place);
        let reserved = self.custody.reserve(&mut self.touch, incoming.account, incoming.gives, amount);
        reserved.expect("it was just found that this can be reserved");
        sink.emit(Event::Replaced { order, price, qty, kept_priority: false });
        let terms = NewOrder {
            order,
            instrument: InstrumentId::new(incoming.instrument),
            side: incoming.side,
            price: OrderPrice::Limit(price),
            qty,
            time_in_force: TimeInForce::GoodTillCancel,
            post_only,
            instructed: false,
        };
        self.take_and_rest(incoming, &terms, extras, sink);
        Ok(())
    }

    /// Makes a resting order smaller where it stands.
    pub(crate) fn shrink(&mut self, slot: Slot, order: &Incoming, left: Qty, total: Qty) {
        let freed = order.qty.after_fill(left).expect("it becomes smaller");
        self.custody.release(&mut self.touch, order.account, order.gives, order.reservation(freed));
        let node = self.nodes.get_mut(&mut self.touch, slot as usize);
        node.total = total.lots();
        if node.level != 0 {
            self.levels.table.get_mut(&mut self.touch, node.level as usize).lots -= freed.lots();
        }
        if node.marks & Mark::ICEBERG == 0 {
            node.lots = left.lots();
        } else {
            self.melt(slot, freed.lots());
        }
    }

    /// Where the resting order is that `command` names, if it may.
    #[inline(always)]
    fn find_own(&mut self, command: &Command, order: OrderId, act: Act) -> Result<(Place, u8), Reject> {
        let touch = &mut self.touch;
        let (account, guard) = mandates::account(&self.mandates, touch, command, act)?;
        if order.session() != command.session {
            return Err(Reject::UnknownOrder);
        }
        let place = self.index.find(touch, &self.nodes, order.bits()).ok_or(Reject::UnknownOrder)?;
        if self.nodes.get(touch, place.slot as usize).account != account.get() {
            return Err(Reject::NotMandated);
        }
        Ok((place, guard))
    }

    /// Ends a resting order and releases what it reserved. Says what was left of it.
    #[inline(always)]
    pub(crate) fn take_off(&mut self, place: Place) -> Lots {
        let Self { touch, counters, custody, books, levels, nodes, index, guarded, firms, hidden, lifetimes, pegs, .. } = self;
        let node = nodes.get(touch, place.slot as usize);
        let open = iceberg::left(hidden, touch, place.slot, node);
        if node.marks != 0 {
            if node.marks & Mark::WAITING != 0 {
                return self.take_off_waiting(place);
            }
            let marked = Marked { slot: place.slot, account: AccountId::new(node.account), marks: node.marks };
            let counters = counters.get_mut(touch);
            marked.end(guarded, firms, hidden, lifetimes, pegs, nodes, touch, counters);
        }
        let book = books.get_mut(touch, node.instrument as usize);
        let order = resting(book, node, open);
        custody.release(touch, order.account, order.gives, order.reservation(order.qty));
        levels.unlink(touch, book, nodes, place.slot, open);
        index.remove_at(touch, place.at);
        let counters = counters.get_mut(touch);
        pool::give(nodes, touch, counters, place.slot);
        order.qty.into()
    }

    /// What the order in `slot` takes with it when it is replaced.
    fn extras(&mut self, slot: Slot, node: &Node) -> Extras {
        if node.marks & (Mark::ICEBERG | Mark::LASTING) == 0 {
            return Extras::NONE;
        }
        Extras { display: self.display(slot, node), lifetime: self.lifetimes.of(&mut self.touch, slot) }
    }

    /// Trades what can be traded of `incoming`, rests what is left under `terms` and with `extras`.
    #[inline(always)]
    pub(crate) fn take_and_rest<S: EventSink>(&mut self, incoming: Incoming, terms: &NewOrder, extras: Extras, sink: &mut S) {
        let Taken { left, stop, lost } = self.take(incoming, sink);
        let (Some(left), Some(limit)) = (left, incoming.limit) else { return };
        if stop == Stop::SelfMatch {
            return self.end(incoming, left, CancelReason::SelfMatch, sink);
        }
        let book = self.books.get_mut(&mut self.touch, incoming.instrument as usize);
        if book.is_pro_rata() {
            book.note_top(incoming.order, incoming.side, limit.ticks());
        }
        let qty = Qty::from_lots(terms.qty.lots() - lost).expect("what is left is part of the total");
        let slot = self.rest(&NewOrder { qty, ..*terms }, incoming.account, limit, left);
        if incoming.guard & Guard::ALL_COUNTED != 0 {
            self.count(slot, incoming.account);
        }
        if incoming.group != 0 {
            self.nodes.get_mut(&mut self.touch, slot as usize).group = incoming.group;
        }
        if let Some(display) = extras.display {
            self.hide(slot, display);
        }
        if let Some(lifetime) = extras.lifetime {
            self.begin_lifetime(slot, lifetime);
        }
    }

    /// Puts an order, for which there is room, on the book. Not inlined: it needs all the registers there are.
    #[inline(never)]
    fn rest(&mut self, terms: &NewOrder, account: AccountId, limit: Price, left: Qty) -> Slot {
        let Self { touch, counters, books, levels, nodes, index, .. } = self;
        let counters = counters.get_mut(touch);
        let slot = pool::take(nodes, touch, counters);
        let book = books.get_mut(touch, terms.instrument.get() as usize);
        let place = levels.link(touch, book, nodes, slot, terms.side, limit.ticks(), left.lots());
        *nodes.get_mut(touch, slot as usize) = Node {
            order: terms.order.bits(),
            price: limit.ticks(),
            lots: left.lots(),
            total: terms.qty.lots(),
            next: 0,
            prev: place.prev,
            level: place.level,
            instrument: terms.instrument.get(),
            account: account.get(),
            side: index_of(terms.side) as u8,
            post_only: u8::from(terms.post_only),
            marks: 0,
            group: 0,
        };
        index.insert(touch, terms.order.bits(), slot);
        slot
    }

    /// Ends an order that does not rest: releases what is reserved for the rest of it.
    pub(crate) fn end<S: EventSink>(&mut self, incoming: Incoming, left: Qty, reason: CancelReason, sink: &mut S) {
        if incoming.limit.is_some() {
            self.custody.release(&mut self.touch, incoming.account, incoming.gives, incoming.reservation(left));
        }
        sink.emit(Event::Cancelled { order: incoming.order, lots: left.into(), reason });
    }
}

#[inline(always)]
pub(crate) fn check_terms(book: &Book, limit: Option<Price>, qty: Qty) -> Result<(), Reject> {
    if qty.lots() > book.qty_max {
        return Err(Reject::TooLarge {
            qty_max: Qty::from_lots(book.qty_max).expect("an instrument's largest order is a quantity"),
        });
    }
    match limit {
        Some(price) if !book.within_bands(price.ticks()) => Err(outside(book, price)),
        Some(_) | None => Ok(()),
    }
}

/// Why a price is refused that is not between the bands, the lower of which is above zero.
#[cold]
fn outside(book: &Book, price: Price) -> Reject {
    if price.ticks() <= 0 {
        return Reject::PriceNotPositive;
    }
    let band = if price.ticks() < book.band_low { book.band_low } else { book.band_high };
    Reject::OutsideBands { band: Price::from_ticks(band).expect("bands are prices") }
}

/// The worst price that an order without limit takes now.
#[cold]
fn market_worst(book: &Book, side: Side) -> i64 {
    let reach = i64::from(book.market_reach);
    match (book.market_reach, book.best(opposite(side)), side) {
        (u32::MAX, _, Side::Buy) | (_, None, Side::Buy) => i64::MAX,
        (u32::MAX, _, Side::Sell) | (_, None, Side::Sell) => i64::MIN,
        (_, Some((_, best)), Side::Buy) => best + reach,
        (_, Some((_, best)), Side::Sell) => best - reach,
    }
}

/// Whether an order with this limit would trade at once.
#[inline(always)]
fn would_take(book: &Book, side: Side, limit: i64) -> bool {
    let maker = 1 - index_of(side);
    // Both are cheap, and one branch is cheaper than two.
    (book.best_level[maker] != 0) & crosses(side, limit, book.best_price[maker])
}

#[inline(always)]
pub(crate) fn incoming(
    book: &Book,
    order: OrderId,
    account: AccountId,
    instrument: u32,
    side: Side,
    limit: Option<Price>,
    qty: Qty,
) -> Incoming {
    let (gives, gets) = (AssetId::new(book.assets[1 - index_of(side)]), AssetId::new(book.assets[index_of(side)]));
    let worst = limit.map_or_else(|| market_worst(book, side), Price::ticks);
    Incoming { order, account, instrument, side, limit, worst, qty, gives, gets, guard: 0, group: 0 }
}

/// A resting order of which `open` lots are left in the words of an incoming one.
#[inline(always)]
pub(crate) fn resting(book: &Book, node: &Node, open: u64) -> Incoming {
    incoming(
        book,
        OrderId::from_bits(node.order).expect("a resting order has an id"),
        AccountId::new(node.account),
        node.instrument,
        side_of(node.side),
        Some(Price::from_ticks(node.price).expect("prices are checked where they enter")),
        Qty::from_lots(open).expect("a resting order has lots"),
    )
}
