//! `jitter`: what the machine itself loses. A thread reads the clock without end; where two readings lie apart, something else had its core.
//!
//! No percentile of a busy client can be better than this, and one that blocks adds the wake-up to it.

use crate::figures::{Figures, histogram};
use std::time::{Duration, Instant};

/// Two readings so far apart are a gap; reading the clock takes some tens of nanoseconds.
const GAP_MIN: Duration = Duration::from_micros(1);

/// What `jitter` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct JitterArgs {
    /// Seconds to spin
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    duration: u64,
}

/// Runs.
pub(crate) fn run(args: &JitterArgs, figures: &mut Figures) -> bool {
    let start = Instant::now();
    let end = start + Duration::from_secs(args.duration);
    let mut gaps = Gaps::new(start);
    loop {
        let now = Instant::now();
        gaps.read(now);
        if now >= end {
            break;
        }
    }
    gaps.tell(figures);
    true
}

/// Gaps between readings of a clock.
struct Gaps {
    first: Instant,
    last: Instant,
    lost: Duration,
    histogram: hdrhistogram::Histogram<u64>,
}

impl Gaps {
    fn new(now: Instant) -> Self {
        Self { first: now, last: now, lost: Duration::ZERO, histogram: histogram() }
    }

    fn read(&mut self, now: Instant) {
        let gap = now.saturating_duration_since(self.last);
        self.last = now;
        if gap >= GAP_MIN {
            self.lost += gap;
            self.histogram.saturating_record(gap.as_nanos() as u64);
        }
    }

    fn longer_than(&self, bound: Duration) -> u64 {
        self.histogram.len() - self.histogram.count_between(0, bound.as_nanos() as u64)
    }

    fn tell(&self, figures: &mut Figures) {
        let seconds = self.last.saturating_duration_since(self.first).as_secs_f64();
        for bound_us in [10, 100, 1_000] {
            let count = self.longer_than(Duration::from_micros(bound_us));
            figures.add_round(format!("jitter.gaps_over_{bound_us}us_per_s"), count as f64 / seconds);
        }
        figures.add_round("jitter.lost_ppm", self.lost.as_secs_f64() / seconds * 1e6);
        figures.add_round("jitter.max_us", self.histogram.max() as f64 / 1e3);
        figures.add_percentiles_us("jitter.gap_", "", &self.histogram);
        figures.add_span("jitter", "gap", &self.histogram);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_between_two_readings_is_lost_from_a_microsecond_on() {
        let start = Instant::now();
        let mut gaps = Gaps::new(start);
        let mut now = start;
        for gap_ns in [40, 999, 2_000, 50, 150_000, 60] {
            now += Duration::from_nanos(gap_ns);
            gaps.read(now);
        }
        assert_eq!(gaps.lost, Duration::from_nanos(152_000));
        let counts = [1, 10, 100, 1_000].map(|bound_us| gaps.longer_than(Duration::from_micros(bound_us)));
        assert_eq!(counts, [2, 1, 1, 0]);
    }
}
