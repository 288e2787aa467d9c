//! What a subcommand prints: a table for people, and with `--json`, as the last line, one object for machines.

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
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
    rounds: Vec<(String, Vec<f64>)>,
    spans: Vec<Span>,
}

/// Latencies of one kind, of all rounds.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    /// The log that it belongs to, without `.hlog`.
    pub(crate) log: String,
    /// Its tag in there.
    pub(crate) tag: String,
    /// Nanoseconds.
    pub(crate) histogram: Histogram<u64>,
}

impl Figures {
    /// Adds one.
    pub(crate) fn add(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.rows.push((name.into(), value.into()));
    }

    /// Adds what one round found; the figure is the median of its rounds.
    pub(crate) fn add_round(&mut self, name: impl Into<String>, value: f64) {
        let (name, value) = (name.into(), rounded(value));
        match self.rounds.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => self.rounds.push((name, vec![value])),
        }
    }

    /// Adds, of one round, the percentiles of a histogram of nanoseconds, in microseconds, under `NAME_p50_us` and so on; `suffix` comes last.
    pub(crate) fn add_percentiles_us(&mut self, name: &str, suffix: &str, histogram: &Histogram<u64>) {
        for (label, quantile) in [("p50", 0.5), ("p99", 0.99), ("p999", 0.999)] {
            self.add_round(format!("{name}{label}_us{suffix}"), histogram.value_at_quantile(quantile) as f64 / 1e3);
        }
    }

    /// Adds the latencies of one round to those of the rounds before.
    pub(crate) fn add_span(&mut self, log: &str, tag: &str, histogram: &Histogram<u64>) {
        match self.spans.iter_mut().find(|span| span.log == log && span.tag == tag) {
            Some(span) => span.histogram.add(histogram).expect("histograms of the harness have the same bounds"),
            None => self.spans.push(Span { log: log.to_owned(), tag: tag.to_owned(), histogram: histogram.clone() }),
        }
    }

    /// Whether there is none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.rounds.is_empty()
    }

    /// All of them by name: those of rounds as medians.
    pub(crate) fn values(&self) -> Map<String, Value> {
        let medians = self.rounds.iter().map(|(name, values)| (name.clone(), Value::from(median(values))));
        medians.chain(self.rows.iter().cloned()).collect()
    }

    /// What each round found, by figure.
    pub(crate) fn rounds(&self) -> &[(String, Vec<f64>)] {
        &self.rounds
    }

    /// What the last round found.
    pub(crate) fn last_round(&self, name: &str) -> Option<f64> {
        let (_, values) = self.rounds.iter().find(|(known, _)| known == name)?;
        values.last().copied()
    }

    /// Latencies.
    pub(crate) fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Prints them all, for people and then for machines.
    pub(crate) fn print(&self, env: &Map<String, Value>, as_json: bool) {
        let medians = self.rounds.iter().map(|(name, values)| (name, Value::from(median(values))));
        let rows: Vec<(&String, Value)> = medians.chain(self.rows.iter().map(|(name, value)| (name, value.clone()))).collect();
        let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in &rows {
            println!("{name:width$}  {}", plain(value));
        }
        let machine: Vec<String> = env.iter().map(|(name, value)| format!("{name}: {}", plain(value))).collect();
        println!("{}", machine.join(", "));
        if as_json {
            println!("{}", json!({ "figures": self.values(), "env": env }));
        }
    }
}

/// The middle value, or the mean of the two in the middle; 0 of none.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => 0.0,
        count if count.is_multiple_of(2) => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
        count => sorted[count / 2],
    }
}

/// Three significant decimals are enough for any figure of ours.
pub(crate) fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

/// As people read it.
pub(crate) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Writes histograms as one HDR V2 log, each under its tag; compressed, as the readers of other languages want it.
pub(crate) fn write_hlog(path: &Path, spans: &[(&str, &Histogram<u64>)], duration: Duration) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut serializer = V2DeflateSerializer::new();
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
