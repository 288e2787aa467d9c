//! What each message of a run is, decided before the first is sent.

use std::collections::VecDeque;

/// Orders of a session that rest at once; behind these, every message of it is a cancel.
const RESTING_MAX: usize = 1_000;

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A new order.
    Order,
    /// A cancel of the order that message `order` was. It may be gone: then the venue says so.
    Cancel {
        /// Index of that message.
        order: u64,
    },
}

/// The messages of all sessions, which take turns.
#[derive(Debug)]
pub(super) struct Plan {
    steps: Vec<Step>,
    session_count: u64,
}

impl Plan {
    /// `count` messages, of which `cancel_percent` of a hundred are cancels, evenly: of the session's oldest order that rests, or if
    /// none does, of its last one once more.
    pub(super) fn new(count: u64, session_count: usize, cancel_percent: u8) -> Self {
        let mut sessions: Vec<Session> = (0..session_count).map(|_| Session::default()).collect();
        let step = |index: u64| sessions[(index % session_count as u64) as usize].next(index, cancel_percent);
        Self { steps: (0..count).map(step).collect(), session_count: session_count as u64 }
    }

    /// What message `index` is.
    pub(super) fn step(&self, index: u64) -> Step {
        self.steps[index as usize]
    }

    /// The session that sends message `index`.
    pub(super) const fn session(&self, index: u64) -> usize {
        (index % self.session_count) as usize
    }
}

#[derive(Debug, Default)]
struct Session {
    resting: VecDeque<u64>,
    last_order: Option<u64>,
    /// Hundredths of a cancel that are due.
    owed: u32,
}

impl Session {
    fn next(&mut self, index: u64, cancel_percent: u8) -> Step {
        self.owed += u32::from(cancel_percent);
        let is_cancel = self.owed >= 100 || self.resting.len() >= RESTING_MAX;
        if let Some(last) = self.last_order.filter(|_| is_cancel) {
            self.owed = self.owed.saturating_sub(100);
            return Step::Cancel { order: self.resting.pop_front().unwrap_or(last) };
        }
        self.resting.push_back(index);
        self.last_order = Some(index);
        Step::Order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cancels(plan: &Plan, count: u64) -> usize {
        (0..count).filter(|&index| plan.step(index) != Step::Order).count()
    }

    #[test]
    fn half_cancels_are_orders_and_their_cancels_in_turn() {
        let plan = Plan::new(8, 2, 50);
        let steps: Vec<Step> = (0..8).map(|index| plan.step(index)).collect();
        let (first, second) = (Step::Cancel { order: 0 }, Step::Cancel { order: 1 });
        assert_eq!(steps[..4], [Step::Order, Step::Order, first, second]);
        assert_eq!(steps[6..], [Step::Cancel { order: 4 }, Step::Cancel { order: 5 }]);
    }

    #[test]
    fn the_share_of_cancels_is_the_one_asked_for() {
        for percent in [0, 10, 50, 90, 99] {
            let plan = Plan::new(4_000, 4, percent);
            assert_eq!(cancels(&plan, 4_000), 40 * usize::from(percent), "{percent} %");
        }
    }

    #[test]
    fn an_order_is_cancelled_only_behind_it_and_by_its_own_session() {
        let plan = Plan::new(10_000, 3, 60);
        for index in 0..10_000 {
            if let Step::Cancel { order } = plan.step(index) {
                assert!(order < index && plan.session(order) == plan.session(index));
                assert_eq!(plan.step(order), Step::Order);
            }
        }
    }

    #[test]
    fn no_more_than_the_most_orders_rest() {
        let count = 5_000;
        let plan = Plan::new(count, 1, 0);
        assert_eq!(count as usize - 2 * cancels(&plan, count), RESTING_MAX);
    }
}
