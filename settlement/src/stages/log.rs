//! The histograms as an HDR V2 interval log, which `HistogramLogProcessor` and its kin read: one line per stage, tagged by name.

use super::{Stage, Stages};
use hdrhistogram::serialization::V2Serializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use std::io::{Error, Write};
use std::time::{Duration, SystemTime};

/// Microseconds of the recorded values in one unit of the log's human-readable maximum (milliseconds).
const US_PER_MS: f64 = 1_000.0;

/// Writes everything recorded since `start` as one interval for each stage.
///
/// # Errors
///
/// What `out` refuses.
pub fn write_log(stages: &Stages, start: SystemTime, duration: Duration, out: &mut impl Write) -> Result<(), Error> {
    let mut serializer = V2Serializer::new();
    let mut builder = IntervalLogWriterBuilder::new();
    builder.with_base_time(start).with_start_time(start).with_max_value_divisor(US_PER_MS);
    builder.add_comment("values are microseconds, maxima milliseconds; tags name the stage");
    let mut writer = builder.begin_log_with(out, &mut serializer)?;
    for stage in Stage::ALL {
        let histogram = stages.histogram(stage);
        if !histogram.is_empty() {
            writer.write_histogram(histogram, Duration::ZERO, duration, Tag::new(stage.name())).map_err(Error::other)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hdrhistogram::Histogram;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
    use plinth_types::id::TimestampNs;

    #[test]
    fn a_log_reads_back_as_what_was_recorded() {
        let mut stages = Stages::default();
        stages.record(Stage::Total, TimestampNs::new(0), TimestampNs::new(4_000_000));
        let mut log = Vec::new();
        write_log(&stages, SystemTime::UNIX_EPOCH, Duration::from_secs(1), &mut log).unwrap();
        let read: Vec<(String, Histogram<u64>)> = IntervalLogIterator::new(&log)
            .filter_map(|entry| match entry.unwrap() {
                LogEntry::Interval(interval) => {
                    let bytes = decode_base64(interval.encoded_histogram());
                    let histogram = Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
                    Some((interval.tag()?.as_str().to_owned(), histogram))
                }
                LogEntry::StartTime(_) | LogEntry::BaseTime(_) => None,
            })
            .collect();
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].0, "executed-finalized");
        assert_eq!(&read[0].1, stages.histogram(Stage::Total));
    }

    /// RFC 4648, enough for a test without another dependency.
    fn decode_base64(text: &str) -> Vec<u8> {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let digits = text.bytes().filter_map(|byte| ALPHABET.iter().position(|digit| *digit == byte));
        let (mut out, mut bits, mut count) = (Vec::new(), 0_usize, 0);
        for digit in digits {
            (bits, count) = (bits << 6 | digit, count + 6);
            if count >= 8 {
                count -= 8;
                out.push((bits >> count) as u8);
                bits &= (1 << count) - 1;
            }
        }
        out
    }
}
