//! One seed, from plan to verdict.

use crate::chain::Chain;
use crate::coverage::Coverage;
use crate::limits::WORLD_TIMEOUT;
use crate::oracle::Violation;
use crate::outside::Outside;
use crate::panics;
use crate::plan::Plan;
use crate::wire::{Heard, Notes};
use crate::world::{End, World};
use commonware_runtime::deterministic;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What came of a seed.
#[derive(Clone, Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// The plan's name.
    pub plan: &'static str,
    /// How many validators.
    pub validators: usize,
    /// What must never happen and did; the first is the cause to look for.
    pub violations: Vec<Violation>,
    /// The runtime's checksum over every step of every task, every message and every write, and the id of the last final block;
    /// empty if the run broke off.
    pub digest: String,
    /// Which states it visited.
    pub coverage: Coverage,
    /// Settlement blocks.
    pub blocks: u64,
    /// From healing to the next block, each time.
    pub recoveries: Vec<Duration>,
    /// How long it took inside.
    pub simulated: Duration,
    /// How long it took outside.
    pub wall: Duration,
}

/// Runs a plan once.
#[must_use]
pub fn run(plan: &Plan, seed: u64) -> Report {
    panics::keep();
    let started = Instant::now();
    let chain = Arc::new(Chain::new(plan.validators, &plan.committee, plan.epoch_blocks));
    let notes = Heard::new(&chain, plan.byzantine.keys().copied().collect());
    let mut outside = Outside::new(&chain, plan, seed);
    let ran = catch_unwind(AssertUnwindSafe(|| lives(plan, seed, &chain, &notes, &mut outside)));
    let left = panics::take();
    panics::release();

    let mut heard = notes.lock();
    let (digest, simulated) = match ran {
        Ok((auditor, simulated)) => (format!("{auditor}-{}", outside.books().last()), simulated),
        Err(_) => {
            heard.violations.push(Violation::Panic(left.join("; ")));
            (String::new(), Duration::ZERO)
        }
    };
    if heard.violations.is_empty() {
        let judged = outside.judge(plan, &heard.contradictions);
        heard.violations.extend(judged.err());
    }
    Report {
        seed,
        plan: plan.name,
        validators: plan.validators,
        violations: heard.violations.clone(),
        digest,
        coverage: heard.coverage.clone(),
        blocks: outside.books().height(),
        recoveries: outside.recoveries.clone(),
        simulated,
        wall: started.elapsed(),
    }
}

/// Runs a plan twice; a second digest that differs is a violation.
#[must_use]
pub fn run_twice(plan: &Plan, seed: u64) -> Report {
    let mut report = run(plan, seed);
    let again = run(plan, seed);
    report.wall += again.wall;
    if report.digest != again.digest {
        let what = format!("digests {} and {}", report.digest, again.digest);
        report.violations.push(Violation::Determinism(what));
    }
    report
}

fn lives(plan: &Plan, seed: u64, chain: &Arc<Chain>, notes: &Notes, outside: &mut Outside) -> (String, Duration) {
    let config = deterministic::Config::default()
        .with_seed(seed)
        .with_timeout(Some(WORLD_TIMEOUT))
        // A validator that panics is a process that ends; the world goes on and counts it.
        .with_catch_panics(true);
    let mut runner = deterministic::Runner::new(config);
    let (mut next, mut order): (usize, Vec<usize>) = (0, (0..plan.validators).collect());
    loop {
        let (outside, starting) = (&mut *outside, std::mem::take(&mut order));
        let (life, checkpoint) = runner.start_and_recover(|context| async move {
            let clock = context.auditor();
            let mut world = World::boot(context, plan, chain, notes, outside, &starting).await;
            let end = world.live(next).await;
            (end, world.elapsed(), clock.state())
        });
        match life {
            (End::Done, elapsed, digest) => return (digest, elapsed),
            (End::PowerLoss(at, starting), ..) => {
                (next, order) = (at, starting);
                runner = deterministic::Runner::from(checkpoint);
            }
        }
    }
}
