//! Each planted bug is found within a stated number of seeds. Needs the feature: `cargo test --release --workspace --features
//! plinth-simulation/planted-bugs --test planted -- --nocapture` prints how many seeds each one took.

#![cfg(feature = "planted-bugs")]

use plinth_settlement::planted::{Bug, plant};
use plinth_simulation::plan::Plan;
use plinth_simulation::run::run;

/// The plan that looks for it, and within how many seeds it must be found.
const fn budget(bug: Bug) -> (&'static str, u64) {
    match bug {
        Bug::DoubleVote => ("crashes", 10),
        Bug::SkipTurnstile | Bug::ReceiptBeforeCheck => ("mixed", 20),
        Bug::SkipNonce | Bug::VoteUnchecked | Bug::EvidenceLost => ("byzantine", 40),
        Bug::PoolForgets => ("crashes", 10),
        Bug::SmallQuorum => ("splits", 5),
    }
}

#[test]
fn every_planted_bug_is_found() {
    for bug in Bug::ALL {
        let (plan, seeds_max) = budget(bug);
        plant(Some(bug));
        let found = (1..=seeds_max).find_map(|seed| {
            let report = run(&Plan::new(plan, seed).unwrap(), seed);
            report.violations.into_iter().next().map(|violation| (seed, violation))
        });
        plant(None);
        let (seed, violation) = found.unwrap_or_else(|| panic!("{}: not within {seeds_max} seeds of {plan}", bug.name()));
        println!("{}: {seed} seeds of {plan}, of {seeds_max} allowed: {violation}", bug.name());
    }
}
