//! Every script under `tests/scenarios`, against sessions and orders as they run in the appliance, over a naive zone.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::path::PathBuf;

#[test]
fn every_scenario_goes_as_written() {
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios")).unwrap();
    let mut paths: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let failures: Vec<String> = paths
        .iter()
        .filter_map(|path| {
            let name = path.file_name()?.to_string_lossy().into_owned();
            let result = support::firms::runner().run(&std::fs::read(path).unwrap());
            result.err().map(|why| format!("{name}: {why}"))
        })
        .collect();
    println!("{} of {} scenarios pass", paths.len() - failures.len(), paths.len());
    assert!(paths.len() > 20, "the scenarios are gone");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Every block of the rules of engagement is a script.
#[test]
fn every_example_of_the_rules_of_engagement_goes_as_written() {
    let text = include_str!("../../docs/fix-rules-of-engagement.md");
    let blocks: Vec<&str> = text.split("```fix\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    let failures: Vec<String> = (1..)
        .zip(&blocks)
        .filter_map(|(number, block)| {
            let result = support::firms::runner_of_all().run(block.as_bytes());
            result.err().map(|why| format!("block {number}: {why}"))
        })
        .collect();
    println!("{} of {} examples pass", blocks.len() - failures.len(), blocks.len());
    assert!(blocks.len() > 5, "the examples are gone");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
