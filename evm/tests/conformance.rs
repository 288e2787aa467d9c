//! The public test suites, if `PLINTH_FIXTURES` names a directory that has them.

use plinth_evm::conformance::{Report, run_blockchain_tests, run_state_tests};
use std::path::PathBuf;

fn fixtures(part: &str) -> Option<PathBuf> {
    let found =
        std::env::var_os("PLINTH_FIXTURES").map(|root| PathBuf::from(root).join("evm").join(part)).filter(|path| path.exists());
    if found.is_none() {
        eprintln!("skipped: PLINTH_FIXTURES has no evm/{part}");
    }
    found
}

fn all_passed(report: &Report, passed_min: usize) {
    assert!(report.failed.is_empty(), "{} failed, first: {:#?}", report.failed.len(), &report.failed[..report.failed.len().min(5)]);
    assert!(report.passed >= passed_min, "only {} ran, {:?} skipped", report.passed, report.skipped);
}

#[test]
fn every_osaka_state_test_gives_its_root_and_logs_with_any_number_of_workers() {
    let Some(root) = fixtures("dev/state_tests") else { return };
    all_passed(&run_state_tests(&root).unwrap(), 500);
}

#[test]
fn every_osaka_blockchain_test_ends_with_its_block_and_state() {
    let Some(root) = fixtures("dev/blockchain_tests") else { return };
    all_passed(&run_blockchain_tests(&root).unwrap(), 40);
}
