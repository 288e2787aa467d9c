//! How often something may happen: the generic cell rate algorithm. One instant for each thing that is limited, no queue, no timer.

use crate::clock::MonoNs;
use std::collections::HashMap;
use std::hash::Hash;

/// `burst` at once, and one more every `interval_ns`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Nanoseconds from one to the next in the long run.
    pub interval_ns: u64,
    /// How many may come at once; at least 1.
    pub burst: u64,
}

impl Rate {
    /// So many a second, and as many of them at once.
    #[must_use]
    pub const fn per_second(count: u64) -> Self {
        let count = if count == 0 { 1 } else { count };
        Self { interval_ns: SECOND_NS / count, burst: count }
    }
}

/// What was used up of a rate: the instant at which nothing of it will be any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    until: MonoNs,
}

impl Spent {
    /// Whether one more would be too many.
    #[must_use]
    pub const fn is_over(self, rate: Rate, now: MonoNs) -> bool {
        self.until.since_ns(now) > (rate.burst - 1) * rate.interval_ns
    }

    /// Counts one, whether it was too many or not.
    pub fn count(&mut self, rate: Rate, now: MonoNs) {
        self.until = self.until.max(now).after_ns(rate.interval_ns);
    }

    /// Counts one, unless it is too many.
    pub fn take(&mut self, rate: Rate, now: MonoNs) -> bool {
        let fits = !self.is_over(rate, now);
        if fits {
            self.count(rate, now);
        }
        fits
    }
}

/// One rate for each of many keys, of which a bounded number is remembered.
#[derive(Debug)]
pub struct Rates<K> {
    rate: Rate,
    kept_max: usize,
    spent: HashMap<K, Spent>,
}

impl<K: Copy + Eq + Hash> Rates<K> {
    /// Nobody has used up anything. Beyond `kept_max` keys those that may go on soonest are forgotten first.
    #[must_use]
    pub fn new(rate: Rate, kept_max: usize) -> Self {
        Self { rate, kept_max, spent: HashMap::new() }
    }

    /// Whether one more of a key's would be too many.
    #[must_use]
    pub fn is_over(&self, key: K, now: MonoNs) -> bool {
        self.spent.get(&key).is_some_and(|spent| spent.is_over(self.rate, now))
    }

    /// Counts one.
    pub fn count(&mut self, key: K, now: MonoNs) {
        if self.spent.len() >= self.kept_max && !self.spent.contains_key(&key) {
            self.spent.retain(|_, spent| spent.until > now);
            if self.spent.len() >= self.kept_max
                && let Some(soonest) = self.spent.iter().min_by_key(|(_, spent)| spent.until).map(|(key, _)| *key)
            {
                self.spent.remove(&soonest);
            }
        }
        self.spent.entry(key).or_default().count(self.rate, now);
    }

    /// Counts one, unless it is too many.
    pub fn take(&mut self, key: K, now: MonoNs) -> bool {
        let fits = !self.is_over(key, now);
        if fits {
            self.count(key, now);
        }
        fits
    }
}

const SECOND_NS: u64 = crate::limits::SECOND_NS;

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { interval_ns: 6 * SECOND_NS, burst: 10 };

    const fn at(second: u64) -> MonoNs {
        MonoNs::new(second * SECOND_NS)
    }

    #[test]
    fn a_burst_passes_and_then_one_an_interval() {
        let mut rates = Rates::new(RATE, 100);
        for _ in 0..RATE.burst {
            assert!(rates.take(1, at(1)));
        }
        assert!(!rates.take(1, at(1)) && !rates.take(1, at(6)));
        assert!(rates.take(1, at(7)), "one is back after an interval");
        assert!(!rates.take(1, at(7)) && rates.take(2, at(1)), "others are not concerned");
        let passed = (8..10_008).filter(|&second| rates.take(1, at(second))).count();
        assert_eq!(passed, 10_000 / 6);
    }

    #[test]
    fn what_is_too_many_costs_nothing_more() {
        let mut spent = Spent::default();
        let rate = Rate::per_second(1_000);
        assert_eq!((0..5_000).filter(|_| spent.take(rate, at(1))).count(), 1_000);
        assert_eq!((0..5_000).filter(|_| spent.take(rate, at(2))).count(), 1_000, "a second later all is back");
    }

    #[test]
    fn memory_is_bounded_however_many_keys_there_are() {
        let mut rates = Rates::new(RATE, 4_096);
        (0..6_000_u32).for_each(|key| rates.count(key, at(1)));
        assert!(rates.spent.len() <= 4_096);
    }
}
