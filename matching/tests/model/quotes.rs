//! Mass quotes, and the bounds of their groups: plain lists, looked at from end to end.

use crate::{Model, Order};
use plinth_matching::limits::{QUOTE_GROUPS_MAX, QUOTE_PLACES_MAX};
use plinth_types::codec::{Codec, Reader};
use plinth_types::command::{Command, NewOrder, OrderPrice, Side, TimeInForce};
use plinth_types::event::{CancelReason, Event};
use plinth_types::id::{OrderId, QuoteGroupId, SessionId};
use plinth_types::quantity::{Lots, Price, Qty};
use plinth_types::quote::{MassQuote, QuoteEntries, QuoteEntry, QuoteGroup, QuoteSide};
use plinth_types::reject::Reject;

#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) said: QuoteGroup,
    pub(crate) stopped: bool,
    stopping: bool,
    /// When its window began, its fills and lots since; `None` before the first fill.
    window: Option<(u64, u32, u64)>,
    /// What it quotes: the instrument, the bid, the offer.
    places: Vec<(usize, [Option<OrderId>; 2])>,
}

impl Model {
    pub(crate) fn set_quote_group(&mut self, said: QuoteGroup) -> Result<(), Reject> {
        self.known_account(said.account)?;
        if said.group.get() == 0 || said.session == SessionId::APPLIANCE {
            return Err(Reject::Contradiction);
        }
        if usize::from(said.group.get()) >= QUOTE_GROUPS_MAX || said.session.get() >= self.capacity.sessions_max {
            return Err(Reject::CapacityReached);
        }
        let new = Group { said, stopped: false, stopping: false, window: None, places: vec![(0, [None; 2]); QUOTE_PLACES_MAX] };
        let group = self.groups.entry(said.group).or_insert(new);
        if (group.said.session, group.said.account) != (said.session, said.account) {
            return Err(Reject::Contradiction);
        }
        (group.said, group.window) = (said, None);
        Ok(())
    }

    pub(crate) fn mass_quote(&mut self, command: &Command, quotes: &MassQuote, tail: &[u8]) -> Result<(), Reject> {
        let last = self.last_order.get_mut(usize::from(command.session.get())).ok_or(Reject::NotMandated)?;
        if quotes.first != OrderId::new(command.session, *last + 1).unwrap() {
            return Err(Reject::OutOfSequence { expected: *last + 1 });
        }
        let first = *last + 1;
        *last += 2 * u64::from(quotes.entries);
        let account = self.mandated(command, true)?;
        let entries = QuoteEntries::read(&mut Reader::new(tail)).map_err(|_| Reject::Malformed)?;
        if entries.count() != usize::from(quotes.entries) {
            return Err(Reject::Malformed);
        }
        let id = quotes.group;
        let group = self.groups.get_mut(&id).ok_or(Reject::UnknownQuoteGroup { group: id })?;
        if group.said.session != command.session || group.said.account.get() as usize != account {
            return Err(Reject::NotMandated);
        }
        if quotes.reset {
            (group.stopped, group.window) = (false, None);
        }
        if group.stopped {
            return Err(Reject::QuotesStopped);
        }
        if self.late && quotes.entries != 0 {
            return Err(Reject::Expiring);
        }
        self.events.push(Event::Quoted { group: id });
        if quotes.clear {
            self.withdraw_quotes(id, CancelReason::Requoted);
        }
        for (at, entry) in (0..).zip(entries.iter()) {
            let number = |side: u64| OrderId::new(command.session, first + 2 * at + side).unwrap();
            let numbers = [number(0), number(1)];
            if let Err(reject) = self.quote(command, id, account, &entry, numbers) {
                let set = [entry.bid, entry.offer].map(|side| matches!(side, QuoteSide::Set { .. }));
                for (order, _) in numbers.into_iter().zip(set).filter(|&(_, set)| set) {
                    self.events.push(Event::Rejected { order, reject });
                }
            }
            self.go_triggered();
        }
        Ok(())
    }

    fn quote(
        &mut self,
        command: &Command,
        group: QuoteGroupId,
        account: usize,
        entry: &QuoteEntry,
        numbers: [OrderId; 2],
    ) -> Result<(), Reject> {
        if let (QuoteSide::Set { price: bid, .. }, QuoteSide::Set { price: offer, .. }) = (entry.bid, entry.offer)
            && bid >= offer
        {
            return Err(Reject::Contradiction);
        }
        let instrument = entry.instrument.get() as usize;
        self.instruments.get(instrument).ok_or(Reject::UnknownInstrument { instrument: entry.instrument })?;
        let places = &self.groups[&group].places;
        let named = places.iter().position(|&(of, orders)| of == instrument && orders != [None; 2]);
        let live = |order: &Option<OrderId>| order.is_some_and(|id| self.orders.iter().any(|other| other.id == id));
        let free = places.iter().position(|(_, orders)| !orders.iter().any(live));
        let at = named.or(free).ok_or(Reject::CapacityReached)?;
        if named.is_none() {
            self.groups.get_mut(&group).unwrap().places[at] = (instrument, [None; 2]);
        }
        let mut entering = Vec::new();
        for (index, wanted) in [entry.bid, entry.offer].into_iter().enumerate() {
            let old = self.groups[&group].places[at].1[index];
            let old = old.and_then(|id| self.orders.iter().position(|order| order.id == id));
            let terms = match wanted {
                QuoteSide::Keep => continue,
                QuoteSide::Withdraw => None,
                QuoteSide::Set { price, qty } => Some((price, qty)),
            };
            match (old, terms) {
                (Some(old), Some((price, qty)))
                    if self.orders[old].limit == Some(price.ticks()) && qty.lots() <= self.orders[old].left =>
                {
                    self.keep_quote(old, price, qty);
                    continue;
                }
                (Some(old), _) => {
                    let gone = self.take_off(old);
                    let lots = Lots::new(gone.left);
                    self.events.push(Event::Cancelled { order: gone.id, lots, reason: CancelReason::Requoted });
                    self.groups.get_mut(&group).unwrap().places[at].1[index] = None;
                }
                (None, _) => {}
            }
            entering.extend(terms.map(|terms| (index, terms)));
        }
        for (index, (price, qty)) in entering {
            let new = NewOrder {
                order: numbers[index],
                instrument: entry.instrument,
                side: [Side::Buy, Side::Sell][index],
                price: OrderPrice::Limit(price),
                qty,
                time_in_force: TimeInForce::GoodTillCancel,
                post_only: false,
                instructed: false,
            };
            match self.enter_quote(command, group, account, &new) {
                Ok(()) => self.groups.get_mut(&group).unwrap().places[at].1[index] = Some(new.order),
                Err(reject) => self.events.push(Event::Rejected { order: new.order, reject }),
            }
        }
        Ok(())
    }

    fn keep_quote(&mut self, at: usize, price: Price, qty: Qty) {
        let (asset, before) = self.needs(&self.orders[at]);
        let order = &mut self.orders[at];
        order.total -= order.left - qty.lots();
        (order.left, order.shown) = (qty.lots(), qty.lots());
        let order = *order;
        let (_, after) = self.needs(&order);
        self.balances.get_mut(&(order.account, asset)).unwrap().reserved -= before - after;
        let qty = Qty::from_lots(order.total).unwrap();
        self.events.push(Event::Replaced { order: order.id, price, qty, kept_priority: true });
    }

    fn enter_quote(&mut self, command: &Command, group: QuoteGroupId, account: usize, new: &NewOrder) -> Result<(), Reject> {
        if self.groups[&group].stopping || self.groups[&group].stopped {
            return Err(Reject::QuotesStopped);
        }
        let order = Order { group: group.get(), ..self.entering(new, account)? };
        self.check_terms(&order)?;
        self.check_phase(order.instrument, true)?;
        self.check_guard(command, &order, true)?;
        if self.open_orders() == self.capacity.orders_max as usize || !self.has_room(&order) {
            return Err(Reject::CapacityReached);
        }
        self.can_pay(&order, 0)?;
        self.events.push(Event::Accepted { order: order.id });
        self.execute(order, TimeInForce::GoodTillCancel, None);
        Ok(())
    }

    fn withdraw_quotes(&mut self, group: QuoteGroupId, reason: CancelReason) {
        let places = self.groups[&group].places.clone();
        self.groups.get_mut(&group).unwrap().places.iter_mut().for_each(|(_, orders)| *orders = [None; 2]);
        for id in places.into_iter().flat_map(|(_, orders)| orders).flatten() {
            if let Some(at) = self.orders.iter().position(|order| order.id == id) {
                let gone = self.take_off(at);
                self.events.push(Event::Cancelled { order: id, lots: Lots::new(gone.left), reason });
            }
        }
    }

    /// A resting order of a group has traded.
    pub(crate) fn count_fill(&mut self, group: u16, lots: u64) {
        let now = self.now;
        let Some(group) = self.groups.get_mut(&QuoteGroupId::new(group)) else { return };
        let (since, fills, traded) = match group.window {
            Some((since, fills, traded)) if now.saturating_sub(since) < group.said.window_ns => (since, fills, traded),
            Some(_) | None => (now, 0, 0),
        };
        let (fills, traded) = (fills + 1, traded + lots);
        group.window = Some((since, fills, traded));
        let reached =
            group.said.fills_max.is_some_and(|max| fills >= max) || group.said.lots_max.is_some_and(|max| traded >= max.lots());
        group.stopping |= reached;
    }

    /// When the trades of an order are all made.
    pub(crate) fn stop_quotes(&mut self) {
        let stopping: Vec<QuoteGroupId> = self.groups.iter().filter(|(_, group)| group.stopping).map(|(&id, _)| id).collect();
        for id in stopping {
            let group = self.groups.get_mut(&id).unwrap();
            (group.stopping, group.stopped) = (false, true);
            self.events.push(Event::QuotesStopped { group: id });
            self.withdraw_quotes(id, CancelReason::QuotesStopped);
        }
    }
}
