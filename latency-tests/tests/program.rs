//! The program says what it measures, and refuses what it does not know.

use std::process::Command;

#[test]
fn every_figure_has_a_command_and_help() {
    for command in ["engine", "journal", "wire", "state", "settle", "disperse", "relay"] {
        let output = Command::new(env!("CARGO_BIN_EXE_latency-tests")).args([command, "--help"]).output().unwrap();
        assert!(output.status.success(), "{command}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("--json"), "{command}");
    }
    let unknown = Command::new(env!("CARGO_BIN_EXE_latency-tests")).arg("everything").output().unwrap();
    assert!(!unknown.status.success());
}
