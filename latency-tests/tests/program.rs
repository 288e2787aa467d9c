//! The program says what it measures, and refuses what it does not know.

use std::process::Command;

#[test]
fn every_figure_has_a_command_and_help() {
    for command in
        ["engine", "journal", "wire", "state", "settle", "disperse", "relay", "rate", "control", "jitter", "report", "compare"]
    {
        let output = Command::new(env!("CARGO_BIN_EXE_latency-tests")).args([command, "--help"]).output().unwrap();
        assert!(output.status.success(), "{command}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("--json"), "{command}");
    }
    let unknown = Command::new(env!("CARGO_BIN_EXE_latency-tests")).arg("everything").output().unwrap();
    assert!(!unknown.status.success());
}

#[test]
fn a_run_that_is_kept_is_reported_and_compared() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
    let run = |words: &[&str]| Command::new(env!("CARGO_BIN_EXE_latency-tests")).args(words).output().unwrap();
    assert!(run(&["jitter", "--duration", "1", "--out", &at("a")]).status.success());
    assert!(run(&["report", &at("a"), &at("a"), "--html", &at("page.html")]).status.success());
    assert!(std::fs::read_to_string(at("page.html")).unwrap().contains("jitter.max_us"));
    let compared = run(&["compare", &at("a"), &at("a")]);
    assert!(compared.status.success());
    assert!(String::from_utf8_lossy(&compared.stdout).contains("no interval: 1 rounds"));
    let missing = run(&["compare", &at("a"), &at("b")]);
    assert!(!missing.status.success() && String::from_utf8_lossy(&missing.stderr).contains("figures.json"));
}
