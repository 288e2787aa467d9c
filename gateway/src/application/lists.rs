//! Lists: `NewOrderList` (E), orders of one instrument and account whose fates are tied.
//!
//! | `ContingencyType` | orders | what the zone is asked for |
//! | --- | --- | --- |
//! | 1 | a limit order and a stop of one side | a pair: what ends one ends the other, a trade of the limit order too, also of a part |
//! | 3 | the same | a pair: a trade of the limit order takes as much off the stop |
//! | 2 | an entry, and an order of the other side | the second comes in when the entry is done, with as much as that traded |
//! | 2 | an entry, and a limit order and a stop of the other side | a bracket: these two come in so, as a pair of type 3 |
//!
//! * The orders of a list are taken together: what is wrong with one, as far as can be said here, refuses all with the same reason.
//! * **What waits goes first.** A stop is in before its limit order, what is held before its entry, so no trade is too early for them. If the
//!   zone refuses a stop its limit order is refused too, and the other way about the stop stays: whoever wanted both has the one that protects.
//! * If the zone takes no more in the midst of a list, what was handed over is cancelled again, under its own id.
//! * From then on each is an order like any other, with reports, cancels and replaces of its own; what a tie ends says so in its text. Reports
//!   name no list. `list_status.rs` says what becomes of the whole.
//! * A `ListID` is good for one list of its session that the zone took.
//! * Versions before 5.0 SP1 know no tag 1385; a list has it all the same (`build.rs`).
//!
//! Known limitations: no lists without a tie, in fragments, to be bid for, or to be executed later (`ListExecute`).

use super::Desk;
use super::intake::{Ask, Entry, Fault, client_order_id, required};
use super::list_status::ListNote;
use super::outcome::Refusal;
use super::request::{Inquiry, Request};
use super::terms::{Terms, incorrect};
use crate::codec::{Message, tag};
use crate::limits::LIST_ORDERS_MAX;
use crate::session::{Origin, Outbound};
use crate::zone::Zone;
use plinth_types::codec::Codec;
use plinth_types::command::{Body, ClientOrderId, Side};
use plinth_types::id::{InstrumentId, MandateId, OrderId, SessionId};
use plinth_types::instructions::{Contingency, Instructions, Lifetime, Link};

/// A list as it is written.
struct List<'a> {
    id: ClientOrderId,
    contingency: Contingency,
    orders: Vec<Request<'a>>,
}

/// An order that can be handed to the zone, but for its number.
#[derive(Clone, Copy)]
struct Draft {
    id: ClientOrderId,
    terms: Terms,
}

/// A draft, and the place in the list as it goes to the zone of the order that it is tied to.
struct Step {
    draft: Draft,
    tie: Option<(Contingency, usize)>,
}

impl<'a> List<'a> {
    fn read(message: &Message<'a>, poss_resend: bool) -> Result<Self, Fault> {
        let mut orders: Vec<Request<'a>> = Vec::new();
        let mut is_group = false;
        for (tag, value) in message.fields() {
            is_group |= tag == tag::NO_ORDERS;
            if is_group && tag == tag::CL_ORD_ID {
                if orders.len() == LIST_ORDERS_MAX {
                    return Err(incorrect(tag::NO_ORDERS));
                }
                orders.push(Request { poss_resend, ..Request::default() });
            }
            if let Some(order) = orders.last_mut() {
                order.take(tag, value);
            }
        }
        if message.get(tag::LIST_EXEC_INST_TYPE).is_some_and(|value| value != b"1") {
            return Err(incorrect(tag::LIST_EXEC_INST_TYPE));
        }
        let total = required(message.get(tag::TOT_NO_ORDERS), tag::TOT_NO_ORDERS)?;
        if total != orders.len().to_string().as_bytes() {
            return Err(incorrect(tag::TOT_NO_ORDERS));
        }
        let contingency = match required(message.get(tag::CONTINGENCY_TYPE), tag::CONTINGENCY_TYPE)? {
            b"1" => Contingency::OneCancelsOther,
            b"2" => Contingency::OneTriggersOther,
            b"3" => Contingency::OneUpdatesOther,
            _ => return Err(incorrect(tag::CONTINGENCY_TYPE)),
        };
        Ok(Self { id: client_order_id(message.get(tag::LIST_ID), tag::LIST_ID)?, contingency, orders })
    }
}

impl Desk {
    /// `NewOrderList`.
    pub(super) fn order_list<Z: Zone>(
        &mut self,
        inquiry: Inquiry<'_, '_>,
        zone: &mut Z,
        reply: &mut Outbound,
    ) -> Result<(), Fault> {
        let origin = inquiry.origin;
        let list = List::read(inquiry.message, inquiry.request.poss_resend)?;
        if inquiry.request.poss_resend && self.tell_known(origin, &list, reply) {
            return Ok(());
        }
        match self.drafts(origin, &list).and_then(|(place, drafts)| Ok((place, steps(list.contingency, &drafts)?))) {
            Ok((place, steps)) => {
                if let Err((from, refusal)) = self.submit_list(origin, list.id, place, &steps, zone) {
                    let is_left = |request: &&Request<'_>| {
                        let id = request.cl_ord_id.and_then(ClientOrderId::new);
                        steps[from..].iter().any(|step| Some(step.draft.id) == id)
                    };
                    let left = list.orders.iter().filter(is_left);
                    left.for_each(|request| Self::report_order_refused(origin, request, refusal, reply));
                }
                Ok(())
            }
            Err(Fault::Refused(refusal)) => {
                list.orders.iter().for_each(|request| Self::report_order_refused(origin, request, refusal, reply));
                Ok(())
            }
            Err(fault) => Err(fault),
        }
    }

    /// Answers a list that came again with what its orders are; `false` if none of them is known.
    fn tell_known(&self, origin: Origin, list: &List<'_>, reply: &mut Outbound) -> bool {
        let Some(orders) = self.sessions.get(origin.session) else { return false };
        let index = |request: &Request<'_>| request.cl_ord_id.and_then(ClientOrderId::new).and_then(|id| orders.find(&id));
        if !list.orders.iter().any(|request| index(request).is_some()) {
            return false;
        }
        for request in &list.orders {
            match index(request) {
                Some(index) => self.report_status(origin, request, index, reply),
                None => Self::report_unknown_status(origin, request, reply),
            }
        }
        true
    }

    /// The orders, in the order in which they are written, all of one instrument and account.
    fn drafts(&mut self, origin: Origin, list: &List<'_>) -> Result<((InstrumentId, MandateId), Vec<Draft>), Fault> {
        if self.sessions.get(origin.session).is_some_and(|orders| orders.lists.is_used(&list.id)) {
            return Err(Fault::Refused(Refusal::DuplicateList));
        }
        let mut place = None;
        let mut drafts: Vec<Draft> = Vec::new();
        for request in &list.orders {
            let id = client_order_id(request.cl_ord_id, tag::CL_ORD_ID)?;
            let is_used = self.sessions.get(origin.session).is_some_and(|orders| orders.find(&id).is_some());
            if is_used || drafts.iter().any(|draft| draft.id == id) {
                return Err(Fault::Refused(Refusal::DuplicateId));
            }
            let symbol = required(request.symbol, tag::SYMBOL)?;
            let instrument = *self.listing.by_symbol(symbol).ok_or(Fault::Refused(Refusal::UnknownSymbol))?;
            let own = (instrument.id, self.mandate(origin, request.account)?);
            if *place.get_or_insert(own) != own {
                return Err(Fault::Refused(Refusal::Contradiction));
            }
            drafts.push(Draft { id, terms: Terms::read(request, &instrument)? });
        }
        place.map(|place| (place, drafts)).ok_or(incorrect(tag::NO_ORDERS))
    }

    /// Hands over all, or says from which one on nothing was.
    fn submit_list<Z: Zone>(
        &mut self,
        origin: Origin,
        list: ClientOrderId,
        (instrument, mandate): (InstrumentId, MandateId),
        steps: &[Step],
        zone: &mut Z,
    ) -> Result<(), (usize, Refusal)> {
        let orders = self.sessions.of(origin.session);
        let first = orders.next_index();
        let numbers: Option<Vec<OrderId>> = (first..).take(steps.len()).map(|index| OrderId::new(origin.session, index)).collect();
        let numbers = numbers.filter(|numbers| orders.has_room_for(numbers.len())).ok_or((0, Refusal::TooManyOrders))?;
        for (at, (step, &order)) in steps.iter().zip(&numbers).enumerate() {
            let Draft { id, terms } = step.draft;
            let link = step.tie.map(|(contingency, to)| Link { contingency, order: numbers[to] });
            let instructions = Some(Instructions { link, ..terms.instructions.unwrap_or(Instructions::NONE) });
            let terms = Terms { instructions, ..terms };
            let refused = match self.enter(Entry { origin, mandate, order, instrument, id, terms }, zone) {
                Ok(()) => None,
                Err(Fault::Refused(refusal)) => Some(refusal),
                Err(Fault::Session(_) | Fault::Business(_)) => Some(Refusal::Contradiction),
            };
            if let Some(refusal) = refused {
                self.take_back(origin, mandate, steps.iter().zip(&numbers).take(at), zone);
                return Err((at, refusal));
            }
        }
        let Some(&first) = numbers.first() else { return Ok(()) };
        let note = ListNote { list, first, orders: numbers.len() as u8 };
        if let Err(full) = zone.submit(SessionId::APPLIANCE, MandateId::new(0), Body::Note, &note.to_bytes()) {
            self.take_back(origin, mandate, steps.iter().zip(&numbers), zone);
            return Err((steps.len(), Refusal::Full(full)));
        }
        // Live, it is known before it is durable, as its orders are.
        self.sessions.of(origin.session).lists.put(note);
        Ok(())
    }

    /// Cancels what was handed over of a list. Cancels pass longer than orders do; one that does not leaves an order that its client sees.
    fn take_back<'a, Z: Zone>(
        &mut self,
        origin: Origin,
        mandate: MandateId,
        entered: impl Iterator<Item = (&'a Step, &'a OrderId)>,
        zone: &mut Z,
    ) {
        for (step, &order) in entered {
            let id = step.draft.id;
            let ask = Ask { origin, mandate, body: Body::Cancel { order }, instructions: None, id, orig: Some(id) };
            if self.submit(ask, zone).is_err() {
                return;
            }
        }
    }
}

/// The orders as they go to the zone: what waits first.
fn steps(contingency: Contingency, drafts: &[Draft]) -> Result<Vec<Step>, Fault> {
    let contradiction = || Fault::Refused(Refusal::Contradiction);
    if !drafts.iter().all(can_be_tied) {
        return Err(contradiction());
    }
    match (contingency, drafts) {
        (Contingency::OneCancelsOther | Contingency::OneUpdatesOther, [one, other]) => {
            let [stop, limit] = pair(one, other).ok_or_else(contradiction)?;
            Ok(vec![Step { draft: stop, tie: None }, Step { draft: limit, tie: Some((contingency, 0)) }])
        }
        (Contingency::OneTriggersOther, [entry, held]) if may_let_in(entry, held.terms.side) => {
            Ok(vec![Step { draft: *held, tie: Some((contingency, 1)) }, Step { draft: *entry, tie: Some((contingency, 0)) }])
        }
        (Contingency::OneTriggersOther, [entry, one, other]) if may_let_in(entry, one.terms.side) => {
            let [stop, limit] = pair(one, other).ok_or_else(contradiction)?;
            Ok(vec![
                Step { draft: stop, tie: Some((contingency, 2)) },
                Step { draft: limit, tie: Some((Contingency::OneUpdatesOther, 0)) },
                Step { draft: *entry, tie: Some((contingency, 0)) },
            ])
        }
        _ => Err(contradiction()),
    }
}

fn can_be_tied(draft: &Draft) -> bool {
    let Some(instructions) = draft.terms.instructions else { return true };
    let Instructions { trigger, lifetime, .. } = instructions;
    let for_auction = matches!(lifetime, Some(Lifetime::Opening | Lifetime::Closing));
    instructions == Instructions { trigger, lifetime, ..Instructions::NONE } && !for_auction
}

fn waits(draft: &Draft) -> bool {
    draft.terms.instructions.is_some_and(|instructions| instructions.trigger.is_some())
}

fn may_let_in(entry: &Draft, exit: Side) -> bool {
    !waits(entry) && entry.terms.side != exit
}

/// The stop, then the limit order.
fn pair(one: &Draft, other: &Draft) -> Option<[Draft; 2]> {
    match (waits(one), waits(other)) {
        _ if one.terms.side != other.terms.side => None,
        (true, false) => Some([*one, *other]),
        (false, true) => Some([*other, *one]),
        (true, true) | (false, false) => None,
    }
}
