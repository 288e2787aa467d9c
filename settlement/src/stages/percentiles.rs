//! A histogram as a percentile distribution, which HdrHistogram's plotter reads (`.hgrm`).

use hdrhistogram::Histogram;
use std::io::{Result, Write};

/// Values between two halvings of what lies above.
const TICKS_PER_HALF: u32 = 5;

/// Writes the values of a histogram by percentile, in its own unit.
///
/// # Errors
///
/// What `out` refuses.
#[allow(clippy::float_arithmetic, reason = "figures for people; nothing that validators agree on")]
pub fn write_percentiles(histogram: &Histogram<u64>, out: &mut impl Write) -> Result<()> {
    writeln!(out, "{:>12} {:>14} {:>10} {:>14}\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")?;
    let mut count = 0;
    for step in histogram.iter_quantiles(TICKS_PER_HALF) {
        count += step.count_since_last_iteration();
        let (value, quantile) = (step.value_iterated_to() as f64, step.quantile_iterated_to());
        write!(out, "{value:>12.3} {quantile:>2.12} {count:>10}")?;
        if quantile < 1.0 {
            write!(out, " {:>14.2}", 1.0 / (1.0 - quantile))?;
        }
        writeln!(out)?;
    }
    let (mean, deviation) = (histogram.mean(), histogram.stdev());
    writeln!(out, "#[Mean    = {mean:>12.3}, StdDeviation   = {deviation:>12.3}]")?;
    writeln!(out, "#[Max     = {:>12.3}, Total count    = {:>12}]", histogram.max() as f64, histogram.len())?;
    writeln!(out, "#[Buckets = {:>12}, SubBuckets     = {:>12}]", histogram.buckets(), histogram.distinct_values())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_values_is_the_maximum_and_counts_all() {
        let mut histogram = Histogram::<u64>::new_with_bounds(1, 1_000_000, 3).unwrap();
        (1..=1_000).for_each(|value| histogram.record(value).unwrap());
        let mut out = Vec::new();
        write_percentiles(&histogram, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let values: Vec<Vec<f64>> = text
            .lines()
            .filter(|line| line.starts_with(' ') && !line.contains("Value"))
            .map(|line| line.split_whitespace().map(|word| word.parse().unwrap()).collect())
            .collect();
        assert_eq!(values.last().unwrap(), &[1_000.0, 1.0, 1_000.0]);
        assert!(values.windows(2).all(|pair| pair[0][0] <= pair[1][0] && pair[0][2] <= pair[1][2]), "ascending");
        assert!(values.iter().any(|value| value[1] == 0.5 && value[0] == 500.0), "{text}");
    }
}
