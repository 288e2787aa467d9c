//! A fixed schedule: when each message is due, decided before the first is sent.

use std::time::{Duration, Instant};

/// Messages at a fixed rate: first some that do not count, then those that do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    interval: Duration,
    /// Messages that warm up.
    warm_up_count: u64,
    /// All messages.
    pub(super) count: u64,
}

impl Schedule {
    pub(super) fn new(rate: u32, warm_up: Duration, duration: Duration) -> Self {
        let interval = Duration::from_secs(1) / rate.max(1);
        let count_in = |time: Duration| (time.as_nanos() / interval.as_nanos().max(1)) as u64;
        let warm_up_count = count_in(warm_up);
        Self { interval, warm_up_count, count: warm_up_count + count_in(duration) }
    }

    /// When message `index` is due.
    pub(super) fn due(&self, start: Instant, index: u64) -> Instant {
        start + Duration::from_nanos((self.interval.as_nanos() as u64).saturating_mul(index))
    }

    /// Whether its latency counts.
    pub(super) const fn counts(&self, index: u64) -> bool {
        index >= self.warm_up_count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_due_at_the_rate_and_the_first_second_does_not_count() {
        let schedule = Schedule::new(2_000, Duration::from_secs(1), Duration::from_secs(5));
        assert_eq!(schedule.count, 12_000);
        assert!(!schedule.counts(1_999) && schedule.counts(2_000));
        let start = Instant::now();
        assert_eq!(schedule.due(start, 12_000) - start, Duration::from_secs(6));
    }
}
