//! A run in a folder (`--out DIR`), for `report` and `compare`.
//!
//! ```text
//! DIR/env.json       machine, system and build
//! DIR/figures.json   {"version": 1, "figures": {NAME: value}, "rounds": {NAME: [value of each round]}}
//! DIR/LOG.hlog       HDR V2 interval log of nanoseconds: one line for each stage, under its tag, all rounds together
//! ```

use crate::figures::{Figures, Span, write_hlog};
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Version of `figures.json`.
const VERSION: u32 = 1;
const ENV_FILE: &str = "env.json";
const FIGURES_FILE: &str = "figures.json";
const LOG_EXTENSION: &str = "hlog";

/// What a run found.
#[derive(Debug)]
pub(crate) struct Results {
    /// Machine, system and build.
    pub(crate) env: Map<String, Value>,
    /// Figures.
    pub(crate) figures: Map<String, Value>,
    /// What each round found, by figure.
    pub(crate) rounds: BTreeMap<String, Vec<f64>>,
    /// Latencies, by log and tag.
    pub(crate) spans: Vec<Span>,
}

/// Why a folder is no run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResultsError {
    /// A file cannot be read or written.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// A file is not what its name says.
    #[error("{}: {error}", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Why.
        error: serde_json::Error,
    },
    /// A file of another version.
    #[error("{}: version {version}, this program reads {VERSION}", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// What it says.
        version: u32,
    },
    /// A log with a line that is no histogram.
    #[error("{}: {what}", path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// Why.
        what: String,
    },
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct FiguresFile {
    version: u32,
    figures: Map<String, Value>,
    rounds: BTreeMap<String, Vec<f64>>,
}

/// Writes a run that took `duration`; makes the folder.
pub(crate) fn write(dir: &Path, figures: &Figures, env: &Map<String, Value>, duration: Duration) -> Result<(), ResultsError> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |error| ResultsError::Io { path, error }
    };
    fs::create_dir_all(dir).map_err(failed(dir))?;
    let rounds = figures.rounds().iter().cloned().collect();
    write_json(&dir.join(ENV_FILE), env)?;
    write_json(&dir.join(FIGURES_FILE), &FiguresFile { version: VERSION, figures: figures.values(), rounds })?;
    let mut logs: BTreeMap<&str, Vec<(&str, &hdrhistogram::Histogram<u64>)>> = BTreeMap::new();
    for span in figures.spans() {
        logs.entry(&span.log).or_default().push((&span.tag, &span.histogram));
    }
    for (log, spans) in logs {
        let path = dir.join(format!("{log}.{LOG_EXTENSION}"));
        write_hlog(&path, &spans, duration).map_err(failed(&path))?;
    }
    Ok(())
}

impl Results {
    /// Reads a run.
    pub(crate) fn read(dir: &Path) -> Result<Self, ResultsError> {
        let path = dir.join(FIGURES_FILE);
        let FiguresFile { version, figures, rounds } = read_json(&path)?;
        if version != VERSION {
            return Err(ResultsError::Version { path, version });
        }
        let listed = fs::read_dir(dir).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>());
        let mut logs = listed.map_err(|error| ResultsError::Io { path: dir.to_path_buf(), error })?;
        logs.retain(|path| path.extension().is_some_and(|extension| extension == LOG_EXTENSION));
        logs.sort();
        let mut spans = Vec::new();
        for log in logs {
            read_log(&log, &mut spans)?;
        }
        Ok(Self { env: read_json(&dir.join(ENV_FILE))?, figures, rounds, spans })
    }
}

fn read_log(path: &Path, spans: &mut Vec<Span>) -> Result<(), ResultsError> {
    let bytes = fs::read(path).map_err(|error| ResultsError::Io { path: path.to_path_buf(), error })?;
    let wrong = |what: String| ResultsError::Log { path: path.to_path_buf(), what };
    let log = path.file_stem().unwrap_or_default().to_string_lossy();
    for entry in IntervalLogIterator::new(&bytes) {
        let LogEntry::Interval(interval) = entry.map_err(|error| wrong(format!("{error:?}")))? else { continue };
        let tag = interval.tag().map(|tag| tag.as_str()).unwrap_or_default().to_owned();
        let encoded = base64(interval.encoded_histogram()).ok_or_else(|| wrong(format!("{tag} is not base64")))?;
        let histogram =
            Deserializer::new().deserialize(&mut encoded.as_slice()).map_err(|error| wrong(format!("{tag}: {error}")))?;
        spans.push(Span { log: log.clone().into_owned(), tag, histogram });
    }
    Ok(())
}

/// Standard base64 with padding; `None` for anything else.
fn base64(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for group in text.as_bytes().chunks(4) {
        let padding = group.iter().rev().take_while(|&&byte| byte == b'=').count();
        let mut word = 0_u32;
        for &byte in &group[..group.len() - padding] {
            let digit = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            word = word << 6 | u32::from(digit);
        }
        if group.len() != 4 || padding > 2 {
            return None;
        }
        word <<= 6 * padding;
        bytes.extend_from_slice(&word.to_be_bytes()[1..4 - padding]);
    }
    Some(bytes)
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), ResultsError> {
    let mut text = serde_json::to_string_pretty(value).map_err(|error| ResultsError::Json { path: path.to_path_buf(), error })?;
    text.push('\n');
    fs::write(path, text).map_err(|error| ResultsError::Io { path: path.to_path_buf(), error })
}

fn read_json<T: for<'a> Deserialize<'a>>(path: &Path) -> Result<T, ResultsError> {
    let bytes = fs::read(path).map_err(|error| ResultsError::Io { path: path.to_path_buf(), error })?;
    serde_json::from_slice(&bytes).map_err(|error| ResultsError::Json { path: path.to_path_buf(), error })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::histogram;

    #[test]
    fn a_run_reads_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let mut figures = Figures::default();
        let mut latencies = histogram();
        for round in 1..=3_u64 {
            figures.add_round("wire.p50_us", round as f64 * 1.5);
            latencies.record(round * 1_000).unwrap();
        }
        figures.add("wire.note", "text");
        figures.add_span("wire.burst", "order_sync", &latencies);
        figures.add_span("wire.burst", "order_sync", &latencies);
        let env = Map::from_iter([("cores".to_owned(), Value::from(2))]);
        write(dir.path(), &figures, &env, Duration::from_secs(1)).unwrap();
        let read = Results::read(dir.path()).unwrap();
        assert_eq!((read.env, read.figures), (env, figures.values()));
        assert_eq!(read.rounds["wire.p50_us"], [1.5, 3.0, 4.5]);
        let [span] = read.spans.as_slice() else { panic!("{:?}", read.spans) };
        assert_eq!((span.log.as_str(), span.tag.as_str(), span.histogram.len()), ("wire.burst", "order_sync", 6));
    }

    #[test]
    fn what_is_no_run_says_which_file_and_why() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Results::read(dir.path()).unwrap_err().to_string().contains(FIGURES_FILE));
        let put = |text: &str| fs::write(dir.path().join(FIGURES_FILE), text).unwrap();
        put(r#"{"version": 2, "figures": {}, "rounds": {}}"#);
        assert!(matches!(Results::read(dir.path()), Err(ResultsError::Version { version: 2, .. })));
        put(r#"{"version": 1, "figures": {}, "rounds": {}}"#);
        fs::write(dir.path().join(ENV_FILE), "{}").unwrap();
        fs::write(dir.path().join("wire.hlog"), "Tag=a,0.000,1.000,1.0,HIST?\n").unwrap();
        assert!(matches!(Results::read(dir.path()), Err(ResultsError::Log { .. })));
    }

    #[test]
    fn base64_reads_what_the_standard_says() {
        for (text, bytes) in [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmFy", "foobar")] {
            assert_eq!(base64(text).unwrap(), bytes.as_bytes(), "{text}");
        }
        for text in ["Zg=", "Zg", "Z===", "Z!==", "===="] {
            assert_eq!(base64(text), None, "{text}");
        }
    }
}
