//! Each planted bug is found within a stated number of seeds. Needs the feature: `just planted-bugs`, or `cargo test --release --workspace
//! --features plinth-simulation/planted-bugs --test planted -- --nocapture`, prints how many seeds each one took. Two minutes of one
//! processor, once it is built; seeds count from 1, so a run takes as many each time:
//!
//! | Bug | Plan | Seeds | Allowed | Found by |
//! | --- | --- | --- | --- | --- |
//! | `bug-double-vote` | crashes | 1 | 10 | votes on the wire |
//! | `bug-skip-turnstile` | mixed | 1 | 20 | the auditors' turnstile |
//! | `bug-skip-nonce` | byzantine | 4 | 40 | the auditors' books of deposits |
//! | `bug-receipt-before-check` | mixed | 1 | 20 | a receipt for a body that nobody can have |
//! | `bug-vote-unchecked` | byzantine | 4 | 40 | a validator that does not start on what it helped to finalize |
//! | `bug-evidence-lost` | byzantine | 2 | 40 | a liar that nobody names |
//! | `bug-small-quorum` | splits | 1 | 5 | a certificate that no quorum signed |
//! | `bug-pool-forgets` | calm | 1 | 5 | zone blocks that are never ordered |

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
        Bug::PoolForgets => ("calm", 5),
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
