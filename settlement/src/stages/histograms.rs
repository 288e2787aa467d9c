//! One histogram for each stage: recorded, merged, told.

use super::{STAGE_US_MAX, Stage, StageFigures};
use hdrhistogram::Histogram;
use std::collections::BTreeMap;

/// A histogram for each stage, in microseconds. Those of several validators can be merged: all have the same bounds and digits.
#[derive(Clone, Debug, PartialEq)]
pub struct Histograms(BTreeMap<Stage, Histogram<u64>>);

impl Default for Histograms {
    fn default() -> Self {
        let histogram = || Histogram::new_with_bounds(1, STAGE_US_MAX, 3).expect("bounds of one microsecond to one hour are sound");
        Self(Stage::ALL.into_iter().map(|stage| (stage, histogram())).collect())
    }
}

impl Histograms {
    pub(super) fn record(&mut self, stage: Stage, us: u64) {
        if let Some(histogram) = self.0.get_mut(&stage) {
            histogram.saturating_record(us.max(1));
        }
    }

    /// Adds what another one counted. A time beyond [`STAGE_US_MAX`] counts as that.
    pub fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|(stage, histogram)| self.add(*stage, histogram));
    }

    pub(super) fn add(&mut self, stage: Stage, from: &Histogram<u64>) {
        let Some(histogram) = self.0.get_mut(&stage) else { return };
        for recorded in from.iter_recorded() {
            histogram.saturating_record_n(recorded.value_iterated_to().max(1), recorded.count_at_value());
        }
    }

    /// The histogram of a stage, in microseconds.
    #[must_use]
    pub fn of(&self, stage: Stage) -> &Histogram<u64> {
        &self.0[&stage]
    }

    /// Percentiles of every stage that was ever recorded.
    #[must_use]
    pub fn figures(&self) -> Vec<StageFigures> {
        let recorded = self.0.iter().filter(|(_, histogram)| !histogram.is_empty());
        recorded
            .map(|(stage, histogram)| StageFigures {
                stage: *stage,
                count: histogram.len(),
                us_p50: histogram.value_at_quantile(0.50),
                us_p99: histogram.value_at_quantile(0.99),
                us_max: histogram.max(),
            })
            .collect()
    }
}
