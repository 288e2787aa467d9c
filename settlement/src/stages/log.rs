//! The histograms as an HDR V2 interval log, which `HistogramLogProcessor` and its kin read: one line per stage, tagged by name.

use super::{Histograms, Stage};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, IntervalLogWriterBuilder, LogEntry, Tag};
use hdrhistogram::serialization::{Deserializer, V2Serializer};
use hdrhistogram::{Histogram, serialization};
use std::io::{Error, Write};
use std::time::{Duration, SystemTime};

/// Microseconds of the recorded values in one unit of the log's human-readable maximum (milliseconds).
const US_PER_MS: f64 = 1_000.0;

/// Why bytes are no log of stages.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Not the lines of an interval log.
    #[error("no interval log, from byte {offset} on")]
    Line {
        /// Where it goes wrong.
        offset: usize,
    },
    /// A tag that is no stage's name.
    #[error("interval {index} is of '{tag}', which is no stage")]
    Stage {
        /// Which interval.
        index: usize,
        /// What it says.
        tag: String,
    },
    /// A histogram that cannot be decoded.
    #[error("the histogram of interval {index}: {error}")]
    Histogram {
        /// Which interval.
        index: usize,
        /// What is wrong.
        error: String,
    },
}

/// Writes everything recorded since `start` as one interval for each stage; `whose` goes into the comment.
///
/// # Errors
///
/// What `out` refuses.
pub fn write_log(
    histograms: &Histograms,
    whose: &str,
    start: SystemTime,
    duration: Duration,
    out: &mut impl Write,
) -> Result<(), Error> {
    let mut serializer = V2Serializer::new();
    let mut builder = IntervalLogWriterBuilder::new();
    builder.with_base_time(start).with_start_time(start).with_max_value_divisor(US_PER_MS);
    let comment = format!("{whose}: values are microseconds, maxima milliseconds; tags name the stage");
    builder.add_comment(&comment);
    let mut writer = builder.begin_log_with(out, &mut serializer)?;
    for stage in Stage::ALL {
        let histogram = histograms.of(stage);
        if !histogram.is_empty() {
            writer.write_histogram(histogram, Duration::ZERO, duration, Tag::new(stage.name())).map_err(Error::other)?;
        }
    }
    Ok(())
}

/// Reads what [`write_log`] wrote; intervals of one stage are merged.
///
/// # Errors
///
/// [`LogError`].
pub fn read_log(log: &[u8]) -> Result<Histograms, LogError> {
    let mut histograms = Histograms::default();
    for (index, entry) in IntervalLogIterator::new(log).enumerate() {
        let serialization::interval_log::LogIteratorError::ParseError { offset } = match entry {
            Ok(LogEntry::Interval(interval)) => {
                let tag = interval.tag().map_or("", |tag| tag.as_str());
                let stage = Stage::ALL.into_iter().find(|stage| stage.name() == tag);
                let stage = stage.ok_or_else(|| LogError::Stage { index, tag: tag.to_owned() })?;
                let wrong = |error: String| LogError::Histogram { index, error };
                let bytes = STANDARD.decode(interval.encoded_histogram()).map_err(|error| wrong(error.to_string()))?;
                let histogram: Histogram<u64> =
                    Deserializer::new().deserialize(&mut bytes.as_slice()).map_err(|error| wrong(error.to_string()))?;
                histograms.add(stage, &histogram);
                continue;
            }
            Ok(LogEntry::StartTime(_) | LogEntry::BaseTime(_)) => continue,
            Err(error) => error,
        };
        return Err(LogError::Line { offset });
    }
    Ok(histograms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stages::Stages;
    use plinth_types::id::TimestampNs;

    fn log(us: &[u64]) -> (Histograms, Vec<u8>) {
        let mut stages = Stages::default();
        us.iter().for_each(|us| stages.record(Stage::Total, TimestampNs::new(0), TimestampNs::new(us * 1_000)));
        let mut log = Vec::new();
        write_log(stages.histograms(), "test", SystemTime::UNIX_EPOCH, Duration::from_secs(1), &mut log).unwrap();
        (stages.histograms().clone(), log)
    }

    #[test]
    fn a_log_reads_back_as_what_was_recorded() {
        let (recorded, log) = log(&[4_000, 900, 1]);
        assert_eq!(read_log(&log).unwrap(), recorded);
        assert!(String::from_utf8(log).unwrap().contains("Tag=executed-finalized,"));
    }

    #[test]
    fn logs_of_several_validators_merge_into_the_one_that_all_would_have_written() {
        let ((_, first), (_, second), (all, _)) = (log(&[100, 900_000]), log(&[250]), log(&[100, 250, 900_000]));
        let mut merged = read_log(&first).unwrap();
        merged.merge(&read_log(&second).unwrap());
        assert_eq!(merged, all);
        assert_eq!(merged.figures()[0].count, 3);
    }

    #[test]
    fn what_is_no_log_is_refused_and_says_where() {
        let (_, log) = log(&[7]);
        let text = String::from_utf8(log).unwrap();
        let wrong = |from: &str, to: &str| read_log(text.replace(from, to).as_bytes()).unwrap_err().to_string();
        assert!(wrong("executed-finalized", "elsewhere").contains("'elsewhere', which is no stage"));
        assert!(wrong("HIST", "AAAA").contains("histogram of interval"), "a cookie of another format");
        assert!(wrong("Tag=", "Gat=").contains("from byte"), "{text}");
        assert!(read_log(b"\xff\xfe").is_err());
    }
}
