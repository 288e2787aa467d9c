//! Notes the compiler and the commit, which every printed figure names.

use std::process::Command;

fn main() {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    println!("cargo::rustc-env=PLINTH_RUSTC={}", output(&rustc, &["--version"]));
    println!("cargo::rustc-env=PLINTH_COMMIT={}", output("git", &["rev-parse", "--short=12", "HEAD"]));
    println!("cargo::rerun-if-changed=build.rs");
}

fn output(program: &str, args: &[&str]) -> String {
    let run = Command::new(program).args(args).output().ok().filter(|run| run.status.success());
    run.map_or_else(|| "unknown".into(), |run| String::from_utf8_lossy(&run.stdout).trim().to_owned())
}
