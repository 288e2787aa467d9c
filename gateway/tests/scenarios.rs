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
