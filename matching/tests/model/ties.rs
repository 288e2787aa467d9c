//! Ties: a list of which order is what to which, looked at whenever something happened to one of them.

use crate::waiting::Waiting;
use crate::{Found, Model, Order};
use plinth_types::codec::{Codec, Reader};
use plinth_types::command::{Command, NewOrder, OrderPrice, TimeInForce};
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::{AssetId, OrderId, TimestampNs};
use plinth_types::instructions::{Contingency, Instructions, Lifetime, Link, Trigger};
use plinth_types::quantity::{Lots, Price, Qty};
use plinth_types::reject::Reject;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Tie {
    id: u64,
    /// Who is to let the others in; `None` of a pair that is in.
    entry: Option<OrderId>,
    entry_came: bool,
    entry_refused: bool,
    limit: Option<OrderId>,
    stop: Option<OrderId>,
    updates: bool,
    /// What the stop has reserved.
    reserved: u128,
    /// What of the limit order's trades is settled.
    seen: u64,
}

impl Tie {
    fn has(&self, order: OrderId) -> bool {
        (self.entry_came && self.entry == Some(order)) || self.limit == Some(order) || self.stop == Some(order)
    }
}

impl Model {
    pub(crate) fn tied_order(
        &mut self,
        command: &Command,
        new: &NewOrder,
        account: usize,
        instructions: Instructions,
        link: Link,
    ) -> Result<(), Reject> {
        let Instructions { trigger, lifetime, .. } = instructions;
        let plain = instructions == Instructions { trigger, lifetime, link: Some(link), ..Instructions::NONE };
        if !plain || matches!(lifetime, Some(Lifetime::Opening | Lifetime::Closing)) {
            return Err(Reject::Contradiction);
        }
        if link.order.session() != new.order.session() {
            return Err(Reject::UnknownOrder);
        }
        let market = new.price == OrderPrice::Market;
        let gtc = new.time_in_force == TimeInForce::GoodTillCancel;
        let is_stop = trigger.is_some() && !new.post_only && !(market && gtc);
        let is_limit = trigger.is_none() && !market && gtc;
        let may_be_held = (is_stop && matches!(trigger, Some(Trigger::At(_)))) || (is_limit && !new.post_only);
        let pairs = link.contingency != Contingency::OneTriggersOther;
        let updates = link.contingency == Contingency::OneUpdatesOther;
        if !pairs && link.order > new.order {
            if !may_be_held {
                return Err(Reject::Contradiction);
            }
            self.note("held for an entry");
            return self.hold(command, new, account, instructions, Err(link.order));
        }
        let (found, other) = self.locate(link.order).ok_or(Reject::UnknownOrder)?;
        if other.account != account {
            return Err(Reject::NotMandated);
        }
        if other.instrument != new.instrument.get() as usize || (other.side == new.side) != pairs {
            return Err(Reject::Contradiction);
        }
        let tie = self.tie_of(link.order).copied();
        match (pairs, tie) {
            (false, Some(tie)) if tie.entry == Some(new.order) && trigger.is_none() => {
                self.note("entry");
                self.entry_order(command, new, account, lifetime, tie.id)
            }
            (true, Some(tie)) if matches!(found, Found::Held(_)) && (tie.limit.is_none() || tie.stop.is_none()) => {
                let fits = may_be_held && if tie.stop.is_none() { is_stop } else { is_limit };
                if !fits {
                    return Err(Reject::Contradiction);
                }
                self.note("bracket");
                self.hold(command, new, account, instructions, Ok((tie.id, updates)))
            }
            (true, None) if is_limit && matches!(found, Found::Waiting(_)) => {
                self.limit_of_pair(command, new, account, lifetime, link.order, updates)
            }
            (true, None) if is_stop && matches!(found, Found::Resting(_)) => {
                let for_auction = matches!(other.lifetime, Some(Lifetime::Opening | Lifetime::Closing));
                if other.display.is_some() || other.pegged.is_some() || other.group != 0 || for_auction {
                    return Err(Reject::Contradiction);
                }
                self.stop_of_pair(command, new, account, instructions, link.order, updates)
            }
            _ => Err(Reject::Contradiction),
        }
    }

    fn tie_of(&self, order: OrderId) -> Option<&Tie> {
        self.ties.iter().find(|tie| tie.has(order))
    }

    fn tie_mut(&mut self, id: u64) -> &mut Tie {
        self.ties.iter_mut().find(|tie| tie.id == id).unwrap()
    }

    /// Who else is tied to it.
    pub(crate) fn tied_to(&self, order: OrderId) -> Vec<OrderId> {
        let Some(tie) = self.tie_of(order) else { return Vec::new() };
        let entry = tie.entry.filter(|_| tie.entry_came);
        [entry, tie.limit, tie.stop].into_iter().flatten().filter(|&other| other != order).collect()
    }

    fn new_tie(&mut self, limit: Option<OrderId>, stop: Option<OrderId>, updates: bool) -> u64 {
        let id = self.next_place();
        let seen = limit.map_or(0, |limit| self.filled(limit));
        let tie = Tie { id, entry: None, entry_came: false, entry_refused: false, limit, stop, updates, reserved: 0, seen };
        self.ties.push(tie);
        id
    }

    /// Holds an order: with that of a tie, or for an entry.
    fn hold(
        &mut self,
        command: &Command,
        new: &NewOrder,
        account: usize,
        instructions: Instructions,
        with: Result<(u64, bool), OrderId>,
    ) -> Result<(), Reject> {
        let order = Order { lifetime: instructions.lifetime, ..self.entering(new, account)? };
        let trigger = match instructions.trigger {
            Some(Trigger::At(price)) => Some(price.ticks()),
            _ => None,
        };
        if trigger.is_some() {
            self.check_terms(&Order { limit: trigger, ..order })?;
        }
        self.check_terms(&order)?;
        self.check_phase(order.instrument, true)?;
        let reserves = Order { limit: order.limit.or(trigger), ..order };
        self.check_guard(command, &reserves, true)?;
        if self.open_orders() == self.capacity.orders_max as usize {
            return Err(Reject::CapacityReached);
        }
        self.events.push(Event::Accepted { order: order.id });
        let place = self.next_place();
        let held = Waiting {
            order: Order { place, ..reserves },
            limit: order.limit,
            trigger: trigger.unwrap_or(0),
            trail: None,
            time_in_force: new.time_in_force,
            triggered: false,
        };
        self.held.push(held);
        let id = match with {
            Ok((id, updates)) => {
                self.tie_mut(id).updates = updates;
                id
            }
            Err(entry) => {
                let id = self.new_tie(None, None, false);
                self.tie_mut(id).entry = Some(entry);
                id
            }
        };
        let tie = self.tie_mut(id);
        if trigger.is_some() {
            tie.stop = Some(order.id);
        } else {
            tie.limit = Some(order.id);
        }
        Ok(())
    }

    fn entry_order(
        &mut self,
        command: &Command,
        new: &NewOrder,
        account: usize,
        lifetime: Option<Lifetime>,
        tie: u64,
    ) -> Result<(), Reject> {
        let order = self.admit_plain(command, new, Order { lifetime, ..self.entering(new, account)? }, 0)?;
        self.events.push(Event::Accepted { order: order.id });
        self.tie_mut(tie).entry_came = true;
        self.execute(order, new.time_in_force, None);
        self.after_entering(order.id);
        Ok(())
    }

    fn limit_of_pair(
        &mut self,
        command: &Command,
        new: &NewOrder,
        account: usize,
        lifetime: Option<Lifetime>,
        stop: OrderId,
        updates: bool,
    ) -> Result<(), Reject> {
        let (_, waiting) = self.locate(stop).unwrap();
        let (asset, full) = self.needs(&waiting);
        let order = self.admit_plain(command, new, Order { lifetime, ..self.entering(new, account)? }, full)?;
        let beyond = self.beyond(&order, &waiting);
        let left = self.available(account, asset) + full - self.needs(&order).1;
        if beyond > left {
            return Err(Reject::InsufficientFunds { asset: AssetId::new(asset), shortfall: (beyond - left) as u64 });
        }
        self.events.push(Event::Accepted { order: order.id });
        self.note("limit order to a stop");
        let id = self.new_tie(Some(order.id), Some(stop), updates);
        self.set_reserved(id, account, asset, full, beyond);
        self.enter(order);
        self.after_entering(order.id);
        Ok(())
    }

    fn stop_of_pair(
        &mut self,
        command: &Command,
        new: &NewOrder,
        account: usize,
        instructions: Instructions,
        limit: OrderId,
        updates: bool,
    ) -> Result<(), Reject> {
        let (_, resting) = self.locate(limit).unwrap();
        let waiting = self.check_stop(command, new, account, instructions.trigger.unwrap(), instructions.lifetime)?;
        let (asset, full) = self.needs(&waiting.order);
        let beyond = self.beyond(&resting, &waiting.order);
        let available = self.available(account, asset);
        if beyond > available {
            return Err(Reject::InsufficientFunds { asset: AssetId::new(asset), shortfall: (beyond - available) as u64 });
        }
        self.events.push(Event::Accepted { order: new.order });
        if self.goes_at_once(&waiting) {
            self.note("stop that goes at once instead of its limit order");
            self.end_order(limit, CancelReason::Linked);
            self.wait_or_go(waiting);
            return Ok(());
        }
        self.note("stop to a limit order");
        let id = self.new_tie(Some(limit), Some(new.order), updates);
        self.wait_or_go(waiting);
        self.set_reserved(id, account, asset, full, beyond);
        Ok(())
    }

    /// As a plain new order is let in, of an account that gets so much back.
    fn admit_plain(&mut self, command: &Command, new: &NewOrder, order: Order, released: u128) -> Result<Order, Reject> {
        let rests = new.time_in_force == TimeInForce::GoodTillCancel;
        if (new.post_only && !rests) || (order.limit.is_none() && rests) {
            return Err(Reject::Contradiction);
        }
        self.check_terms(&order)?;
        self.check_phase(order.instrument, rests && !new.post_only)?;
        self.check_guard(command, &order, rests)?;
        let order = self.reaching(order);
        if new.post_only && self.best_maker(&order).is_some() {
            return Err(Reject::WouldTake);
        }
        if rests && (self.open_orders() == self.capacity.orders_max as usize || !self.has_room(&order)) {
            return Err(Reject::CapacityReached);
        }
        self.can_pay(&order, released)?;
        Ok(order)
    }

    /// What a stop may need beyond what its limit order has.
    fn beyond(&self, limit: &Order, stop: &Order) -> u128 {
        let (covered, needed) = (self.needs(limit).1, self.needs(stop).1);
        let longer = Order { left: stop.left.saturating_sub(limit.left), ..*stop };
        needed.saturating_sub(covered).max(self.needs(&longer).1)
    }

    pub(crate) fn set_reserved(&mut self, tie: u64, account: usize, asset: u16, before: u128, after: u128) {
        let balance = self.balances.entry((account, asset)).or_default();
        balance.reserved = balance.reserved - before + after;
        self.tie_mut(tie).reserved = after;
    }

    /// What a stop that is to leave has reserved by its tie, which then has nothing more; `None` without one.
    pub(crate) fn take_reserved(&mut self, order: OrderId) -> Option<u128> {
        let tie = self.ties.iter_mut().find(|tie| tie.entry.is_none() && tie.stop == Some(order))?;
        Some(std::mem::take(&mut tie.reserved))
    }

    pub(crate) fn is_paired(&self, stop: OrderId) -> bool {
        self.ties.iter().any(|tie| tie.entry.is_none() && tie.stop == Some(stop))
    }

    pub(crate) fn filled(&self, order: OrderId) -> u64 {
        self.filled.get(&order).copied().unwrap_or(0)
    }

    /// Something happened to the order.
    pub(crate) fn note_order(&mut self, order: OrderId) {
        if let Some(id) = self.tie_of(order).map(|tie| tie.id)
            && !self.noted.contains(&id)
        {
            self.noted.push(id);
        }
    }

    /// It traded as a resting order: before its end that concerns limit orders only.
    pub(crate) fn note_fill(&mut self, order: OrderId) {
        if self.ties.iter().any(|tie| tie.limit == Some(order)) || self.locate(order).is_none() {
            self.note_order(order);
        }
    }

    /// It has entered, rests or is gone.
    pub(crate) fn after_entering(&mut self, order: OrderId) {
        let Some(tie) = self.tie_of(order) else { return };
        let traded = tie.limit == Some(order) && self.filled(order) > tie.seen;
        if traded || self.locate(order).is_none() {
            self.note_order(order);
        }
    }

    /// An order was refused for which others may be held.
    pub(crate) fn refused_entry(&mut self, new: &NewOrder, tail: &[u8]) {
        let used = self.last_order.get(usize::from(new.order.session().get())) == Some(&new.order.index());
        let link = Instructions::read(&mut Reader::new(tail)).ok().filter(|_| new.instructed && used).and_then(|read| read.link);
        let Some(link) = link else { return };
        if let Some(tie) = self.ties.iter_mut().find(|tie| tie.has(link.order) && tie.entry == Some(new.order) && !tie.entry_came) {
            tie.entry_refused = true;
            self.note("entry refused");
            self.note_order(link.order);
        }
    }

    fn end_order(&mut self, order: OrderId, reason: CancelReason) -> bool {
        let Some((found, _)) = self.locate(order) else { return false };
        let lots = Lots::new(self.remove(found).left);
        self.events.push(Event::Cancelled { order, lots, reason });
        true
    }

    pub(crate) fn settle_ties(&mut self) {
        while let Some(&id) = self.noted.first() {
            let tie = *self.tie_mut(id);
            match tie.entry {
                Some(entry) => self.settle_held(tie, entry),
                None => self.settle_pair(tie),
            }
            self.noted.remove(0);
        }
    }

    fn drop_tie(&mut self, id: u64) {
        self.ties.retain(|tie| tie.id != id);
    }

    fn settle_pair(&mut self, tie: Tie) {
        let (limit, stop) = (tie.limit.unwrap(), tie.stop.unwrap());
        let (resting, waiting) = (self.locate(limit), self.locate(stop));
        let traded = self.filled(limit) - tie.seen;
        if let (Some((_, resting)), Some((found, waiting))) = (resting, waiting) {
            if traded == 0 || (tie.updates && traded < waiting.left) {
                self.cut(found, traded);
                let (_, waiting) = self.locate(stop).unwrap();
                let (asset, beyond) = (self.needs(&waiting).0, self.beyond(&resting, &waiting));
                if beyond <= self.available(waiting.account, asset) + tie.reserved {
                    self.set_reserved(tie.id, waiting.account, asset, tie.reserved, beyond);
                    self.tie_mut(tie.id).seen += traded;
                    return;
                }
                self.end_order(stop, CancelReason::FundsExhausted);
                self.end_order(limit, CancelReason::Linked);
                return self.drop_tie(tie.id);
            }
            self.note("the stop of a pair that traded");
        }
        if self.end_order(stop, CancelReason::Linked) {
            self.note("the stop ends with its limit order");
        } else {
            self.note("the limit order ends with its stop");
            self.end_order(limit, CancelReason::Linked);
        }
        self.drop_tie(tie.id);
    }

    /// Makes an order that waits or is held smaller; what it has reserved stays so.
    fn cut(&mut self, found: Found, lots: u64) {
        let waiting = match found {
            Found::Waiting(at) => &mut self.waiting[at],
            Found::Held(at) => &mut self.held[at],
            Found::Resting(_) | Found::Parked(_) | Found::Idle(_) => unreachable!("it waits or is held"),
        };
        waiting.order.left -= lots;
        waiting.order.shown -= lots;
        waiting.order.total -= lots;
        if let Some(qty) = Qty::from_lots(lots) {
            self.events.push(Event::Reduced { order: waiting.order.id, qty });
            self.note(if matches!(found, Found::Held(_)) { "held order cut" } else { "stop cut" });
        }
    }

    fn settle_held(&mut self, tie: Tie, entry: OrderId) {
        let orders: Vec<OrderId> = [tie.limit, tie.stop].into_iter().flatten().collect();
        let whole = orders.iter().all(|&order| self.locate(order).is_some());
        let done = tie.entry_refused || (tie.entry_came && self.locate(entry).is_none());
        if whole && !done {
            return;
        }
        let filled = self.filled(entry);
        let instrument = orders.iter().find_map(|&order| self.locate(order)).map(|(_, order)| order.instrument);
        let late = self.late(TimestampNs::new(self.now)).is_some() || instrument.is_some_and(|at| self.over(at).next().is_some());
        if whole && filled > 0 && !late {
            return self.ready.push(tie.id);
        }
        self.note(if !whole { "a held order ends with the other" } else { "held orders end with their entry" });
        for order in orders {
            self.end_order(order, CancelReason::Linked);
        }
        self.drop_tie(tie.id);
    }

    /// Nothing else is to be done. Whether there was somebody to let in.
    pub(crate) fn let_first_in(&mut self) -> bool {
        if self.ready.is_empty() {
            return false;
        }
        let tie = self.ready.remove(0);
        let tie = *self.tie_mut(tie);
        self.let_in(tie, self.filled(tie.entry.unwrap()));
        self.noted.retain(|&noted| noted != tie.id);
        true
    }

    fn let_in(&mut self, tie: Tie, filled: u64) {
        for order in [tie.limit, tie.stop].into_iter().flatten() {
            let (found, held) = self.locate(order).unwrap();
            self.cut(found, held.left.saturating_sub(filled));
        }
        let held = |model: &Self, order: OrderId| *model.held.iter().find(|held| held.order.id == order).unwrap();
        let limit = tie.limit.map(|limit| held(self, limit));
        let stop = tie.stop.map(|stop| held(self, stop));
        let end = |model: &mut Self, reason| {
            for order in [tie.limit, tie.stop].into_iter().flatten() {
                model.end_order(order, reason);
            }
            model.drop_tie(tie.id);
        };
        if let Some(stop) = stop.filter(|stop| self.goes_at_once(stop)) {
            self.note("a held stop that is triggered already");
            if let Some(limit) = tie.limit {
                self.end_order(limit, CancelReason::Linked);
            }
            if self.can_pay(&stop.order, 0).is_err() {
                self.end_order(stop.order.id, CancelReason::FundsExhausted);
                return self.drop_tie(tie.id);
            }
            self.drop_tie(tie.id);
            self.held.retain(|held| held.order.id != stop.order.id);
            return self.wait_or_go(stop);
        }
        let no_room =
            limit.is_some_and(|limit| !self.has_room(&limit.order)) || stop.is_some_and(|stop| !self.has_room_to_wait(&stop));
        if no_room {
            self.note("no room to let in");
            return end(self, CancelReason::NoRoom);
        }
        let of_limit = limit.map_or(0, |limit| self.needs(&limit.order).1);
        let of_stop = match (limit, stop) {
            (Some(limit), Some(stop)) => self.beyond(&limit.order, &stop.order),
            (_, stop) => stop.map_or(0, |stop| self.needs(&stop.order).1),
        };
        let first = limit.or(stop).unwrap().order;
        let (asset, _) = self.needs(&first);
        if of_limit + of_stop > self.available(first.account, asset) {
            self.note("no money to let in");
            return end(self, CancelReason::FundsExhausted);
        }
        self.note(if limit.is_some() && stop.is_some() { "bracket let in" } else { "one let in" });
        self.drop_tie(tie.id);
        self.held.retain(|held| !tie.has(held.order.id));
        if let Some(stop) = stop {
            self.wait_or_go(stop);
        }
        if let (Some(limit), Some(stop)) = (limit, stop) {
            let id = self.new_tie(Some(limit.order.id), Some(stop.order.id), tie.updates);
            self.set_reserved(id, first.account, asset, self.needs(&stop.order).1, of_stop);
        }
        if let Some(Waiting { order, .. }) = limit {
            self.events.push(Event::Triggered { order: order.id });
            self.enter(order);
            self.after_entering(order.id);
        }
    }

    /// A stop that is triggered ends its pair: before it goes, all is reserved for it.
    pub(crate) fn part(&mut self, stop: &Order) {
        let Some(tie) = self.ties.iter().find(|tie| tie.entry.is_none() && tie.stop == Some(stop.id)).copied() else { return };
        self.note("a stop of a pair that is triggered");
        self.drop_tie(tie.id);
        self.end_order(tie.limit.unwrap(), CancelReason::Linked);
        let (asset, full) = self.needs(stop);
        let balance = self.balances.get_mut(&(stop.account, asset)).unwrap();
        balance.reserved = balance.reserved - tie.reserved + full;
    }

    /// What a replaced order of a tie makes its stop need: its tie, what that had, what it will have.
    pub(crate) fn beyond_when(&self, new: &Order) -> Option<(u64, u128, u128)> {
        let tie = self.ties.iter().find(|tie| tie.entry.is_none() && tie.limit == Some(new.id))?;
        let (_, stop) = self.locate(tie.stop.unwrap()).unwrap();
        Some((tie.id, tie.reserved, self.beyond(new, &stop)))
    }

    pub(crate) fn replace_held(&mut self, command: &Command, at: usize, price: Price, qty: Qty) -> Result<(), Reject> {
        let old = self.held[at];
        let (limit, lots) = (Some(price.ticks()), qty.lots());
        let mut new = Waiting { order: Order { limit, left: lots, shown: lots, total: lots, ..old.order }, ..old };
        self.check_terms(&new.order)?;
        match old.limit {
            Some(_) => new.limit = limit,
            None => new.trigger = price.ticks(),
        }
        self.check_phase(new.order.instrument, true)?;
        self.check_guard(command, &new.order, false)?;
        self.held[at] = new;
        self.note("held order replaced");
        self.events.push(Event::Replaced { order: old.order.id, price, qty, kept_priority: true });
        Ok(())
    }

    /// Replaces the stop of a pair, for which there is room.
    pub(crate) fn replace_paired(&mut self, new: Waiting, price: Price, qty: Qty) -> Result<(), Reject> {
        let order = new.order.id;
        let tie = *self.tie_of(order).unwrap();
        let (_, limit) = self.locate(tie.limit.unwrap()).unwrap();
        let (asset, full) = self.needs(&new.order);
        let beyond = self.beyond(&limit, &new.order);
        let available = self.available(new.order.account, asset) + tie.reserved;
        if beyond > available {
            return Err(Reject::InsufficientFunds { asset: AssetId::new(asset), shortfall: (beyond - available) as u64 });
        }
        self.note("stop of a pair replaced");
        self.waiting.retain(|waiting| waiting.order.id != order);
        self.events.push(Event::Replaced { order, price, qty, kept_priority: false });
        let balance = self.balances.entry((new.order.account, asset)).or_default();
        balance.reserved -= tie.reserved;
        if self.goes_at_once(&new) {
            self.drop_tie(tie.id);
            self.end_order(limit.id, CancelReason::Linked);
            self.wait_or_go(new);
            return Ok(());
        }
        self.wait_or_go(new);
        self.set_reserved(tie.id, new.order.account, asset, full, beyond);
        Ok(())
    }
}
