//! A schedule: when each message is due, decided before the first is sent, and the same from the same seed.

use crate::random::Random;
use serde::Deserialize;
use std::time::{Duration, Instant};

/// Messages of one run, those that warm up included.
const MESSAGES_MAX: usize = 10_000_000;

/// How messages follow each other.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Pacing {
    /// Evenly.
    Constant {
        /// Messages a second.
        rate: u32,
    },
    /// At moments that know nothing of each other: gaps are exponential.
    Poisson {
        /// Messages a second, on average.
        rate: u32,
    },
    /// Many at once, then none.
    Burst {
        /// Messages of a burst.
        size: u32,
        /// Milliseconds from one burst to the next.
        every_ms: u32,
    },
    /// As it once was: gaps that were recorded, from the first again behind the last.
    Replayed {
        /// Microseconds from each message to the next.
        gaps_us: Vec<u32>,
    },
}

/// Why there is no schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PaceError {
    /// Nothing would ever be due, or everything at once.
    #[error("the pacing never gets on: a rate, a size, an interval or all gaps are zero")]
    Standstill,
    /// More than a run may have.
    #[error("more than {MESSAGES_MAX} messages")]
    TooMany,
}

/// When messages are due: first some that do not count, then those that do.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    /// Nanoseconds behind the start, ascending.
    due_ns: Vec<u64>,
    /// Messages that warm up.
    warm_up_count: u64,
}

impl Schedule {
    pub(crate) fn new(pacing: &Pacing, warm_up: Duration, duration: Duration, seed: u64) -> Result<Self, PaceError> {
        let end = (warm_up + duration).as_nanos() as u64;
        let mut due_ns = Vec::new();
        let mut moments = Moments::new(pacing, seed)?;
        loop {
            let moment = moments.next();
            if moment >= end {
                break;
            }
            if due_ns.len() == MESSAGES_MAX {
                return Err(PaceError::TooMany);
            }
            due_ns.push(moment);
        }
        let warm_up_count = due_ns.partition_point(|&due| due < warm_up.as_nanos() as u64) as u64;
        Ok(Self { due_ns, warm_up_count })
    }

    /// All messages.
    pub(crate) const fn count(&self) -> u64 {
        self.due_ns.len() as u64
    }

    /// When message `index` is due; behind the last one, when that was.
    pub(crate) fn due(&self, start: Instant, index: u64) -> Instant {
        let due = self.due_ns.get(index as usize).or(self.due_ns.last());
        start + Duration::from_nanos(due.copied().unwrap_or(0))
    }

    /// Whether its latency counts.
    pub(crate) const fn counts(&self, index: u64) -> bool {
        index >= self.warm_up_count
    }
}

/// The moments of a pacing, in nanoseconds, without end.
struct Moments<'a> {
    pacing: &'a Pacing,
    random: Random,
    index: u64,
    /// The moment before.
    now_ns: u64,
}

impl<'a> Moments<'a> {
    fn new(pacing: &'a Pacing, seed: u64) -> Result<Self, PaceError> {
        let moves = match pacing {
            Pacing::Constant { rate } | Pacing::Poisson { rate } => *rate > 0,
            Pacing::Burst { size, every_ms } => *size > 0 && *every_ms > 0,
            Pacing::Replayed { gaps_us } => gaps_us.iter().any(|&gap| gap > 0),
        };
        moves.then(|| Self { pacing, random: Random::new(seed), index: 0, now_ns: 0 }).ok_or(PaceError::Standstill)
    }

    fn next(&mut self) -> u64 {
        let index = self.index;
        self.index += 1;
        match self.pacing {
            Pacing::Constant { rate } => return (u128::from(index) * 1_000_000_000 / u128::from(*rate)) as u64,
            Pacing::Burst { size, every_ms } => return index / u64::from(*size) * u64::from(*every_ms) * 1_000_000,
            Pacing::Poisson { rate } => {
                // Uniform in (0, 1], so that the logarithm is finite.
                let uniform = ((self.random.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
                self.now_ns += (-uniform.ln() * 1e9 / f64::from(*rate)) as u64;
            }
            Pacing::Replayed { gaps_us } if index > 0 => {
                let gap = gaps_us[((index - 1) % gaps_us.len() as u64) as usize];
                self.now_ns += u64::from(gap) * 1_000;
            }
            Pacing::Replayed { .. } => {}
        }
        self.now_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due_ns(pacing: &Pacing, seed: u64) -> Vec<u64> {
        Schedule::new(pacing, Duration::ZERO, Duration::from_secs(10), seed).unwrap().due_ns
    }

    #[test]
    fn messages_are_due_at_the_rate_and_the_first_second_does_not_count() {
        let pacing = Pacing::Constant { rate: 2_000 };
        let schedule = Schedule::new(&pacing, Duration::from_secs(1), Duration::from_secs(5), 1).unwrap();
        assert_eq!(schedule.count(), 12_000);
        assert!(!schedule.counts(1_999) && schedule.counts(2_000));
        let start = Instant::now();
        assert_eq!(schedule.due(start, 11_999) - start, Duration::from_nanos(5_999_500_000));
    }

    #[test]
    fn random_gaps_come_from_the_seed_and_are_exponential() {
        let pacing = Pacing::Poisson { rate: 1_000 };
        let due = due_ns(&pacing, 7);
        assert_eq!(due, due_ns(&pacing, 7));
        assert_ne!(due, due_ns(&pacing, 8));
        assert!((9_700..10_300).contains(&due.len()), "{} messages", due.len());
        // Of exponential gaps, 1 - 1/e are shorter than their mean.
        let short = due.windows(2).filter(|pair| pair[1] - pair[0] < 1_000_000).count();
        assert!((6_100..6_550).contains(&(short * 10_000 / due.len())), "{short} of {}", due.len());
    }

    #[test]
    fn a_burst_is_due_at_one_moment() {
        let due = due_ns(&Pacing::Burst { size: 50, every_ms: 100 }, 1);
        assert_eq!(due.len(), 5_000);
        assert!(due[..50].iter().all(|&moment| moment == 0));
        assert_eq!((due[50], due[4_999]), (100_000_000, 9_900_000_000));
    }

    #[test]
    fn recorded_gaps_come_again() {
        let due = due_ns(&Pacing::Replayed { gaps_us: vec![1_000, 0, 500] }, 1);
        assert_eq!(due[..5], [0, 1_000_000, 1_000_000, 1_500_000, 2_500_000]);
    }

    #[test]
    fn what_never_gets_on_is_no_schedule() {
        for pacing in
            [Pacing::Constant { rate: 0 }, Pacing::Replayed { gaps_us: vec![0, 0] }, Pacing::Burst { size: 0, every_ms: 1 }]
        {
            let refused = Schedule::new(&pacing, Duration::ZERO, Duration::from_secs(1), 1);
            assert_eq!(refused.err(), Some(PaceError::Standstill), "{pacing:?}");
        }
        let many = Schedule::new(&Pacing::Constant { rate: 2_000_000_000 }, Duration::ZERO, Duration::from_secs(1), 1);
        assert_eq!(many.err(), Some(PaceError::TooMany));
    }
}
