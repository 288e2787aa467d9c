//! `control`: does the harness see what it must? A server that stalls once, measured open loop and closed loop.
//!
//! While a server does nothing, a closed loop sends nothing: of all its messages one is late, and no percentile that anybody prints knows
//! of it. The open loop's schedule goes on, and each message that was due meanwhile is late by what was left of the stall.

use crate::figures::{Figures, rounded};
use crate::wire::{Echo, Pacing, Schedule, Stall, Waiting};
use hdrhistogram::Histogram;
use std::error::Error;
use std::io;
use std::time::Duration;

/// Messages a second of the open loop.
const RATE: u32 = 1_000;
/// Messages of either loop.
const COUNT: u64 = 5_000;
const STALL: Stall = Stall { behind: COUNT / 2, lasts: Duration::from_millis(100) };
/// A message is late from here on.
const LATE: Duration = Duration::from_millis(50);
/// What each loop must find: this many messages are due in the part of the stall in which half of it is still to come.
const LATE_COUNT_MIN: u64 = RATE as u64 * (STALL.lasts.as_millis() - LATE.as_millis()) as u64 / 1_000;

/// Runs; `false` if the stall is not where it must be.
pub(crate) fn run(figures: &mut Figures) -> Result<bool, Box<dyn Error>> {
    let (open, closed) = measure()?;
    for (name, histogram) in [("open", &open), ("closed", &closed)] {
        figures.add(format!("control.{name}_p999_us"), rounded(histogram.value_at_quantile(0.999) as f64 / 1e3));
        figures.add(format!("control.{name}_late"), late_count(histogram));
    }
    figures.add("control.stall_ms", STALL.lasts.as_millis() as u64);
    figures.add("control.messages", COUNT);
    Ok(is_charged(&open) && is_seen(&open) && !is_seen(&closed))
}

/// Latencies of the open loop, and of the closed one.
fn measure() -> io::Result<(Histogram<u64>, Histogram<u64>)> {
    let echo = Echo { connection_count: 1, request_size: 165, answer_size: 150, waiting: Waiting::Blocks, stall: Some(STALL) };
    let duration = Duration::from_secs(COUNT / u64::from(RATE));
    let schedule = Schedule::new(&Pacing::Constant { rate: RATE }, Duration::ZERO, duration, 1).map_err(io::Error::other)?;
    Ok((echo.measure(&schedule)?, echo.measure_closed(COUNT)?))
}

fn late_count(histogram: &Histogram<u64>) -> u64 {
    histogram.len() - histogram.count_between(0, LATE.as_nanos() as u64 - 1)
}

/// Whether each message that was due in the first half of the stall is late. A bucket of the histogram is 0.1 % wide, so one at the edge
/// may fall to the other side.
fn is_charged(open: &Histogram<u64>) -> bool {
    late_count(open) + 1 >= LATE_COUNT_MIN
}

/// Whether the 99.9th percentile is late.
fn is_seen(histogram: &Histogram<u64>) -> bool {
    histogram.value_at_quantile(0.999) >= LATE.as_nanos() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lower bounds follow from the schedule and hold on any machine; the upper one leaves room for four other delays of 50 ms.
    #[test]
    fn a_stall_is_charged_to_every_message_that_was_due_in_it_and_a_closed_loop_hides_it() {
        let (open, closed) = measure().unwrap();
        assert_eq!((open.len(), closed.len()), (COUNT, COUNT));
        assert!(is_charged(&open), "{} late", late_count(&open));
        assert!(is_seen(&open));
        assert!(late_count(&closed) >= 1);
        assert!(!is_seen(&closed), "{} late", late_count(&closed));
    }
}
