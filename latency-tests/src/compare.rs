//! `compare A B`: which figures of two runs differ by more than their rounds do.
//!
//! The rounds of a run are whole and apart from each other, so they may be drawn as independent; the latencies within one may not, since
//! one stall is in thousands of them. So the interval is a bootstrap over rounds: 10,000 times, as many rounds as there are are drawn from
//! each run with replacement, and the ratio of their medians is taken; the interval is from the 2.5th to the 97.5th percentile of these
//! ratios. The draws come from a fixed seed. It is a statement on these rounds on that machine: what both runs share, it cannot see, and
//! with few rounds it is too narrow.

use crate::figures::median;
use crate::random::Random;
use crate::results::Results;
use std::error::Error;
use std::path::PathBuf;

/// Fewer rounds have no interval.
const ROUNDS_MIN: usize = 5;
const DRAWS: usize = 10_000;
const SEED: u64 = 1;

/// What `compare` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct CompareArgs {
    /// A run's folder, as --out made it: the base
    base: PathBuf,
    /// Another run's
    other: PathBuf,
}

/// How a figure of the other run stands to that of the base.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Ratio {
    /// Of the medians of all rounds.
    ratio: f64,
    /// 95 %, if there are enough rounds.
    interval: Option<(f64, f64)>,
}

/// Runs.
pub(crate) fn run(args: &CompareArgs) -> Result<bool, Box<dyn Error>> {
    let (base, other) = (Results::read(&args.base)?, Results::read(&args.other)?);
    for (key, value) in &base.env {
        if other.env.get(key) != Some(value) {
            println!("{key}: {value} and {}", other.env.get(key).unwrap_or(&serde_json::Value::Null));
        }
    }
    let width = base.rounds.keys().map(String::len).max().unwrap_or(0);
    let mut compared = 0;
    for (name, before) in &base.rounds {
        let Some(after) = other.rounds.get(name) else { continue };
        compared += 1;
        let numbers = format!("{:>12.3} {:>12.3}", median(before), median(after));
        println!("{name:width$} {numbers}  {}", verdict(compare(before, after), before.len().min(after.len())));
    }
    if compared == 0 {
        return Err("the two runs have no figure of rounds in common".into());
    }
    println!("ratio of medians, 95 % by bootstrap over rounds ({DRAWS} draws)");
    Ok(true)
}

fn verdict(compared: Option<Ratio>, round_count: usize) -> String {
    match compared {
        None => "no ratio: the base is 0".into(),
        Some(Ratio { ratio, interval: None }) => format!("x{ratio:.3}, no interval: {round_count} rounds, {ROUNDS_MIN} are needed"),
        Some(Ratio { ratio, interval: Some((low, high)) }) => {
            let word = if low > 1.0 || high < 1.0 { "differs" } else { "same within its rounds" };
            format!("x{ratio:.3} [{low:.3}, {high:.3}] {word}")
        }
    }
}

/// `None` if the base is 0, in any draw.
fn compare(before: &[f64], after: &[f64]) -> Option<Ratio> {
    let ratio = ratio_of(median(before), median(after))?;
    if before.len().min(after.len()) < ROUNDS_MIN {
        return Some(Ratio { ratio, interval: None });
    }
    let mut random = Random::new(SEED);
    let mut ratios = Vec::with_capacity(DRAWS);
    for _ in 0..DRAWS {
        ratios.push(ratio_of(median(&draw(before, &mut random)), median(&draw(after, &mut random)))?);
    }
    ratios.sort_by(f64::total_cmp);
    let at = |per_mille: usize| ratios[(DRAWS - 1) * per_mille / 1_000];
    Some(Ratio { ratio, interval: Some((at(25), at(975))) })
}

fn ratio_of(before: f64, after: f64) -> Option<f64> {
    (before != 0.0).then(|| after / before)
}

fn draw(values: &[f64], random: &mut Random) -> Vec<f64> {
    values.iter().map(|_| values[random.below(values.len() as u64) as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rounds around `middle`, a few per cent apart, from `seed`.
    fn rounds(middle: f64, seed: u64) -> Vec<f64> {
        let mut random = Random::new(seed);
        (0..10).map(|_| middle * (0.97 + random.below(60) as f64 / 1_000.0)).collect()
    }

    fn interval(before: &[f64], after: &[f64]) -> (f64, f64) {
        compare(before, after).unwrap().interval.unwrap()
    }

    #[test]
    fn a_change_that_is_larger_than_the_rounds_differ_is_seen_and_nothing_else() {
        let (low, high) = interval(&rounds(100.0, 1), &rounds(120.0, 2));
        assert!(low > 1.0 && low < 1.2 && high > 1.2 && high < 1.3, "{low} {high}");
        // Of a hundred pairs of equal runs, five are expected to differ; none would mean that the interval is too wide.
        let differ = (0..100).filter(|&seed| {
            let (low, high) = interval(&rounds(100.0, 1_000 + seed), &rounds(100.0, 2_000 + seed));
            low > 1.0 || high < 1.0
        });
        assert!((1..=15).contains(&differ.count()));
    }

    #[test]
    fn the_interval_is_the_same_each_time_and_around_the_ratio() {
        let (before, after) = (rounds(50.0, 5), rounds(60.0, 6));
        let compared = compare(&before, &after).unwrap();
        assert_eq!(compare(&before, &after), Some(compared));
        let (low, high) = compared.interval.unwrap();
        assert!(low <= compared.ratio && compared.ratio <= high);
    }

    #[test]
    fn few_rounds_have_no_interval_and_nothing_has_no_ratio() {
        assert_eq!(compare(&[2.0, 2.0, 2.0], &[3.0, 3.0, 3.0]), Some(Ratio { ratio: 1.5, interval: None }));
        assert_eq!(compare(&[0.0; 9], &[0.0; 9]), None);
    }
}
