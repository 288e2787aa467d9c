//! Which actions may be under way together.
//!
//! Eight sessions are eight streams of bytes: what two of them carry at the same moment is sequenced by chance. So that two runs make
//! the same trades, an action waits for every earlier one whose outcome, swapped with its own, could differ:
//!
//! * A taker waits until nothing is under way, and all later ones wait for its report.
//! * What rests waits for earlier orders and cancels of the other side at prices that it crosses (does it take?), and for earlier orders
//!   of its own side and price (who is first in the queue?).
//! * A cancel waits for its own order's report (is there anything to cancel?) and for earlier orders of the other side that cross its
//!   price.
//!
//! Everything else commutes and overtakes. Where both are of one session, waiting for the earlier one to be *sent* is enough: FIX keeps
//! a session's order. The rule looks at prices only, never at what the book holds, so it waits more often than it must.
//!
//! Sans-IO: the player says what it sent and what was answered.

use super::plan::{Action, Aim, Plan};
use plinth_types::command::{OrderPrice, Side};
use plinth_types::quantity::Price;
use std::collections::{BTreeMap, VecDeque};

/// Position of an action in [`Plan::actions`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ActionIndex(usize);

impl ActionIndex {
    /// The position.
    #[must_use]
    pub(super) const fn get(self) -> usize {
        self.0
    }
}

/// Hands out a plan's actions as soon as they may go.
#[derive(Debug)]
pub(super) struct Schedule<'a> {
    plan: &'a Plan,
    /// First action that has not been looked at.
    next: usize,
    /// Most actions that are looked at and not finished.
    window: usize,
    /// Actions from `first` on: `None` once finished.
    pending: VecDeque<Option<Pending>>,
    first: usize,
    unfinished: usize,
    /// A taker is under way.
    barrier: bool,
    /// Unfinished actions by the side and price of their order.
    levels: [BTreeMap<Price, Vec<ActionIndex>>; 2],
    /// The unfinished action that sends an order, by order.
    coming: Vec<Option<ActionIndex>>,
    ready: VecDeque<ActionIndex>,
}

#[derive(Debug, Default)]
struct Pending {
    sent: bool,
    waits_for: usize,
    freed_by_sending: Vec<ActionIndex>,
    freed_by_finishing: Vec<ActionIndex>,
}

impl<'a> Schedule<'a> {
    /// Starts at the plan's first action, with at most `window` actions looked at and not finished.
    #[must_use]
    pub(super) fn new(plan: &'a Plan, window: usize) -> Self {
        Self {
            plan,
            next: 0,
            window,
            pending: VecDeque::with_capacity(window),
            first: 0,
            unfinished: 0,
            barrier: false,
            levels: [BTreeMap::new(), BTreeMap::new()],
            coming: vec![None; plan.orders.len()],
            ready: VecDeque::new(),
        }
    }

    /// The next action that may be sent now; `due_at_ms` bounds it when the tape's own speed is kept. The caller follows with
    /// [`Schedule::sent`], or with [`Schedule::finished`] if there is nothing to send.
    pub(super) fn poll(&mut self, due_at_ms: u64) -> Option<ActionIndex> {
        while self.admit(due_at_ms) {}
        self.ready.pop_front()
    }

    /// Stamp of the next action that has not been looked at; `None` behind the last.
    #[must_use]
    pub(super) fn next_due_at_ms(&self) -> Option<u64> {
        self.plan.actions.get(self.next).map(Action::at_ms)
    }

    /// The action is on its way.
    pub(super) fn sent(&mut self, action: ActionIndex) {
        let Some(pending) = self.pending_mut(action) else { return };
        pending.sent = true;
        let freed = std::mem::take(&mut pending.freed_by_sending);
        self.free(freed);
    }

    /// The action was answered, or there was nothing to send. Saying so twice changes nothing.
    pub(super) fn finished(&mut self, action: ActionIndex) {
        let Some(slot) = action.0.checked_sub(self.first).and_then(|at| self.pending.get_mut(at)) else { return };
        let Some(pending) = slot.take() else { return };
        self.unfinished -= 1;
        self.barrier = false;
        let sends = self.plan.actions[action.0];
        if let Action::New { order, .. } = sends {
            self.coming[order] = None;
        }
        if let Some((side, price)) = self.level(sends) {
            let levels = &mut self.levels[side as usize];
            let level = levels.get_mut(&price).expect("an unfinished action stands at its level");
            level.retain(|other| *other != action);
            if level.is_empty() {
                levels.remove(&price);
            }
        }
        while matches!(self.pending.front(), Some(None)) {
            self.pending.pop_front();
            self.first += 1;
        }
        self.free(pending.freed_by_sending);
        self.free(pending.freed_by_finishing);
    }

    /// Whether every action is finished.
    #[must_use]
    pub(super) fn is_done(&self) -> bool {
        self.next == self.plan.actions.len() && self.unfinished == 0
    }

    /// Looks at one more action; false when it must wait to be looked at.
    fn admit(&mut self, due_at_ms: u64) -> bool {
        let Some(&action) = self.plan.actions.get(self.next) else { return false };
        if action.at_ms() > due_at_ms || self.barrier || self.unfinished >= self.window {
            return false;
        }
        if self.takes(action) {
            if self.unfinished > 0 {
                return false;
            }
            self.barrier = true;
        }
        let index = ActionIndex(self.next);
        let mut pending = Pending::default();
        self.wait_for_earlier(index, action, &mut pending);
        if let Action::New { order, .. } = action {
            self.coming[order] = Some(index);
        }
        if let Some((side, price)) = self.level(action) {
            self.levels[side as usize].entry(price).or_default().push(index);
        }
        if pending.waits_for == 0 {
            self.ready.push_back(index);
        }
        self.pending.push_back(Some(pending));
        self.unfinished += 1;
        self.next += 1;
        true
    }

    fn wait_for_earlier(&mut self, index: ActionIndex, action: Action, pending: &mut Pending) {
        if let (Action::Cancel { order, .. }, Some(own)) = (action, self.coming[action.order()]) {
            debug_assert_eq!(self.plan.actions[own.0].order(), order);
            self.wait(index, own, pending, true);
        }
        let Some((side, price)) = self.level(action) else { return };
        let is_new = matches!(action, Action::New { .. });
        let other_side = match side {
            Side::Buy => Side::Sell,
            Side::Sell => Side::Buy,
        };
        let crossed = match side {
            Side::Buy => self.levels[other_side as usize].range(..=price),
            Side::Sell => self.levels[other_side as usize].range(price..),
        };
        let mut earlier: Vec<ActionIndex> = crossed.flat_map(|(_, level)| level).copied().collect();
        // Two cancels commute whatever they cancel.
        earlier.retain(|other| is_new || self.is_new(*other));
        if is_new && let Some(level) = self.levels[side as usize].get(&price) {
            earlier.extend(level.iter().filter(|other| self.is_new(**other)));
        }
        for other in earlier {
            let same_session = self.firm_of(action) == self.firm_of(self.plan.actions[other.0]);
            self.wait(index, other, pending, !same_session);
        }
    }

    /// Makes `index` wait for `other`: until it is answered, or only until it is sent.
    fn wait(&mut self, index: ActionIndex, other: ActionIndex, pending: &mut Pending, for_answer: bool) {
        let Some(earlier) = self.pending_mut(other) else { return };
        if for_answer {
            earlier.freed_by_finishing.push(index);
        } else if earlier.sent {
            return;
        } else {
            earlier.freed_by_sending.push(index);
        }
        pending.waits_for += 1;
    }

    fn free(&mut self, waiting: Vec<ActionIndex>) {
        for index in waiting {
            let pending = self.pending_mut(index).expect("what waits is not finished");
            pending.waits_for -= 1;
            if pending.waits_for == 0 {
                self.ready.push_back(index);
            }
        }
    }

    fn pending_mut(&mut self, action: ActionIndex) -> Option<&mut Pending> {
        self.pending.get_mut(action.0.checked_sub(self.first)?)?.as_mut()
    }

    fn is_new(&self, action: ActionIndex) -> bool {
        matches!(self.plan.actions[action.0], Action::New { .. })
    }

    fn takes(&self, action: Action) -> bool {
        match action {
            Action::New { order, .. } => self.plan.orders[order].aim == Aim::Take,
            Action::Cancel { .. } => false,
        }
    }

    fn firm_of(&self, action: Action) -> super::plan::FirmIndex {
        self.plan.orders[action.order()].firm
    }

    fn level(&self, action: Action) -> Option<(Side, Price)> {
        let order = &self.plan.orders[action.order()];
        match order.price {
            OrderPrice::Limit(price) => Some((order.side, price)),
            OrderPrice::Market => None,
        }
    }
}
