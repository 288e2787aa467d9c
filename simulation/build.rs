//! Says which commit is built: `git describe`, or the version where there is no repository.

use std::path::Path;
use std::process::Command;

fn main() {
    let described = Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]).output();
    let commit = match described {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Ok(_) | Err(_) => format!("v{}", std::env::var("CARGO_PKG_VERSION").unwrap_or_default()),
    };
    println!("cargo::rustc-env=PLINTH_COMMIT={commit}");
    // The first changes with the branch, the second with each commit. A file that is not there would be built for each time.
    for path in ["../.git/HEAD", "../.git/logs/HEAD"].into_iter().filter(|path| Path::new(path).exists()) {
        println!("cargo::rerun-if-changed={path}");
    }
    println!("cargo::rerun-if-changed=src");
}
