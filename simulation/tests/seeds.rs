//! A sample of seeds of every plan, each run twice; and the same seed in two processes.

use plinth_simulation::byzantine::Behaviour;
use plinth_simulation::plan::{NAMES, Plan, RESTARTS, SPLITS, Step};
use plinth_simulation::producer::Conduct;
use plinth_simulation::run::{Report, run, run_twice};
use std::process::Command;

fn assert_sound(report: &Report) {
    let Report { seed, plan, violations, .. } = report;
    assert!(violations.is_empty(), "again: plinth-sim --seed {seed} --plan {plan}: {violations:?}");
}

#[test]
fn every_plan_holds_and_repeats() {
    for name in NAMES {
        for seed in [1, 2] {
            let report = run_twice(&Plan::new(name, seed).unwrap(), seed);
            assert_sound(&report);
            assert!(report.blocks > 10, "{name} {seed}: {} blocks", report.blocks);
        }
    }
}

#[test]
fn different_seeds_run_differently() {
    let [first, second] = [3, 4].map(|seed| run(&Plan::new("crashes", seed).unwrap(), seed).digest);
    assert_ne!(first, second);
}

/// Hash maps of another process draw other keys: what depends on their order differs here.
#[test]
fn two_processes_give_one_digest() {
    let digest = || {
        let arguments = ["--seed", "5", "--plan", "byzantine", "--once", "--json"];
        let output = Command::new(env!("CARGO_BIN_EXE_plinth-sim")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let first: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        first["digest"].as_str().unwrap().to_owned()
    };
    let (first, second) = (digest(), digest());
    assert_eq!(first, second);
    assert!(first.len() > 64, "{first}");
}

/// Each way of lying, among four validators and in fair weather, so that nothing else is to blame.
#[test]
fn every_liar_is_borne_and_whoever_signs_twice_is_named() {
    for (behaviour, seed) in Behaviour::ALL.into_iter().zip(1..) {
        let mut plan = Plan::new("restarts", 0).unwrap();
        plan.byzantine = [(seed as usize % 4, behaviour)].into();
        plan.steps = vec![Step::Run(std::time::Duration::from_secs(6)), Step::Settle];
        assert_sound(&run(&plan, seed));
    }
}

#[test]
fn every_bad_producer_harms_its_own_zone_alone() {
    let conducts = [Conduct::Silent, Conduct::Withholding, Conduct::Lying, Conduct::TwoFaced, Conduct::Overdrawing];
    for (conduct, seed) in conducts.into_iter().zip(1..) {
        let mut plan = Plan::new("restarts", 0).unwrap();
        plan.conducts = vec![Conduct::Honest, conduct, conduct];
        plan.steps = vec![Step::Run(std::time::Duration::from_secs(6)), Step::Settle];
        assert_sound(&run(&plan, seed));
    }
}

#[test]
#[ignore = "minutes: every division of four validators and every order of coming back, each at six moments"]
fn every_split_and_every_order_of_coming_back() {
    for (name, cases) in [("splits", SPLITS), ("restarts", RESTARTS)] {
        for case in 0..cases as u64 {
            assert_sound(&run(&Plan::new(name, case).unwrap(), case));
        }
    }
}

#[test]
fn bad_arguments_get_a_clear_error() {
    for (arguments, says) in [
        (vec![], "--seed"),
        (vec!["--seed", "x"], "invalid digit"),
        (vec!["--seed", "1", "--seeds", "0"], "0 is not in 1.."),
        (vec!["--seed", "1", "--plan", "mixde"], "possible values: mixed"),
        (vec!["--seed", "1", "--minutes", "-3"], "-3"),
        (vec!["--seed", "1", "--minutes=-3"], "above 0"),
        (vec!["--seed", "18446744073709551615", "--seeds", "2"], "exceed the largest seed"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_plinth-sim")).args(&arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.contains(says), "{arguments:?}: {text}");
    }
}
