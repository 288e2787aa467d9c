//! The session layer against the acceptance definitions of QuickFIX for FIX 4.4, run on the sans-IO core with an echoing application.
//! They are fixtures outside the repository (`PLINTH_FIXTURES`); without them the test says so and passes.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use plinth_gateway::acceptor::Acceptor;
use plinth_gateway::session::{Credential, ResetPolicy, SessionConfig};
use plinth_types::id::SessionId;
use std::path::PathBuf;
use support::{Echo, Journal, Runner};

/// Needs field tables of messages that no part of the appliance reads yet (`SecurityDefinition`).
const OUT_OF_REACH: [&str; 0] = [];

fn acceptor() -> Acceptor<Echo> {
    let session = SessionConfig {
        id: SessionId::new(1),
        comp_id: "TW44".to_owned(),
        credential: Credential::None,
        reset: ResetPolicy::EveryLogon,
    };
    Acceptor::new("ISLD", vec![session], Echo::default()).unwrap()
}

#[test]
fn the_fix44_definitions_pass() {
    let root = std::env::var_os("PLINTH_FIXTURES").map_or_else(|| PathBuf::from("../../shared/fixtures"), PathBuf::from);
    let Ok(folder) = std::fs::read_dir(root.join("fix-acceptance/fix44")) else {
        println!("skipped: no fixtures under {}", root.display());
        return;
    };
    let mut paths: Vec<PathBuf> = folder.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some()).collect();
    paths.sort();
    let mut failures = Vec::new();
    for path in &paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let mut runner = Runner::new(Box::new(acceptor), Journal::default());
        let result = runner.run(&std::fs::read(path).unwrap());
        if let Err(why) = result
            && !OUT_OF_REACH.contains(&name.as_str())
        {
            failures.push(format!("{name}: {why}"));
        }
    }
    println!("{} of {} definitions pass", paths.len() - failures.len(), paths.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
