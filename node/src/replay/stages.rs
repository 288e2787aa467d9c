//! How long each stage took, as a client sees it.

use hdrhistogram::Histogram;
use serde::Serialize;
use std::time::Duration;

/// One histogram for each stage.
#[derive(Debug, Default)]
pub(super) struct Stages {
    /// From the moment an order was due to its report.
    pub(super) order_ack: StageTimes,
    /// From the moment a cancel was due to its report.
    pub(super) cancel_ack: StageTimes,
    /// From the fill's report to the report that its block is available.
    pub(super) executed_to_available: StageTimes,
    /// From there to the report that it is settled.
    pub(super) available_to_settled: StageTimes,
    /// Both together.
    pub(super) executed_to_settled: StageTimes,
}

/// Times of one stage, in nanoseconds.
#[derive(Debug)]
pub(super) struct StageTimes(Histogram<u64>);

impl Default for StageTimes {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, 3_600_000_000_000, 3).expect("bounds and digits in range"))
    }
}

impl StageTimes {
    /// Counts one; beyond an hour it counts as an hour.
    pub(super) fn record(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// What a report shows of it.
    pub(super) fn percentiles(&self) -> Percentiles {
        let at = |quantile: f64| self.0.value_at_quantile(quantile).div_ceil(1_000);
        Percentiles { count: self.0.len(), p50_us: at(0.5), p90_us: at(0.9), p99_us: at(0.99), p999_us: at(0.999), max_us: at(1.0) }
    }
}

/// Percentiles of one stage, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// How many were measured.
    pub count: u64,
    /// Median.
    pub p50_us: u64,
    /// 90 %.
    pub p90_us: u64,
    /// 99 %.
    pub p99_us: u64,
    /// 99.9 %.
    pub p999_us: u64,
    /// The slowest.
    pub max_us: u64,
}
