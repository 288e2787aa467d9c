//! What a subcommand prints: a table for people, and with `--json`, as the last line, one object for machines.

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2Serializer;
use hdrhistogram::serialization::interval_log::IntervalLogWriterBuilder;
use serde_json::{Map, Value, json};
use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Figures by name, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    rows: Vec<(String, Value)>,
}

impl Figures {
    /// Adds one.
    pub(crate) fn add(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.rows.push((name.into(), value.into()));
    }

    /// Adds the percentiles of a histogram of nanoseconds, in microseconds, under `NAME_p50_us` and so on; `suffix` comes last.
    pub(crate) fn add_percentiles_us(&mut self, name: &str, suffix: &str, histogram: &Histogram<u64>) {
        for (label, quantile) in [("p50", 0.5), ("p99", 0.99), ("p999", 0.999)] {
            self.add(format!("{name}{label}_us{suffix}"), rounded(histogram.value_at_quantile(quantile) as f64 / 1e3));
        }
    }

    /// Prints them all, for people and then for machines.
    pub(crate) fn print(&self, env: &Map<String, Value>, as_json: bool) {
        let width = self.rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in &self.rows {
            println!("{name:width$}  {}", plain(value));
        }
        let machine: Vec<String> = env.iter().map(|(name, value)| format!("{name}: {}", plain(value))).collect();
        println!("{}", machine.join(", "));
        if as_json {
            let figures: Map<String, Value> = self.rows.iter().cloned().collect();
            println!("{}", json!({ "figures": figures, "env": env }));
        }
    }
}

/// Three significant decimals are enough for any figure of ours.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Writes histograms as one HDR V2 log, each under its tag.
pub(crate) fn write_hlog(path: &Path, spans: &[(&str, &Histogram<u64>)], duration: Duration) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut serializer = V2Serializer::new();
    let now = SystemTime::now();
    let mut log = IntervalLogWriterBuilder::new()
        .add_comment("latency-tests, nanoseconds")
        .with_start_time(now.checked_sub(duration).unwrap_or(now))
        .begin_log_with(&mut file, &mut serializer)?;
    for (name, histogram) in spans {
        let tag = hdrhistogram::serialization::interval_log::Tag::new(name);
        let written = log.write_histogram(histogram, Duration::ZERO, duration, tag);
        written.map_err(|error| io::Error::other(format!("{error:?}")))?;
    }
    Ok(())
}

/// A histogram of nanoseconds up to a minute, to three digits.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("bounds and digits in range")
}
