//! Where a figure was measured. A figure without it says nothing.

use serde_json::{Map, Value};
use std::fs;
use std::process::Command;

/// Machine, system and build of this run.
pub(crate) fn describe() -> Map<String, Value> {
    let mut env = Map::new();
    env.insert("cpu".into(), cpu_model().into());
    env.insert("cores".into(), std::thread::available_parallelism().map_or(0, usize::from).into());
    env.insert("kernel".into(), first_line("/proc/sys/kernel/osrelease").into());
    env.insert("load_average".into(), load_average().into());
    env.insert("commit".into(), commit().into());
    env.insert("rustc".into(), env!("PLINTH_RUSTC").into());
    env
}

fn cpu_model() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let line = info.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split_once(':')).map_or("unknown", |(_, model)| model.trim()).to_owned()
}

fn load_average() -> String {
    first_line("/proc/loadavg").split(' ').take(3).collect::<Vec<_>>().join(" ")
}

fn first_line(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().lines().next().unwrap_or("unknown").to_owned()
}

/// The tree's commit when the harness runs in one, `-dirty` if it was changed; else the one it was built from.
fn commit() -> String {
    let built = env!("PLINTH_COMMIT");
    let described = Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]).output();
    match described {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        Ok(_) | Err(_) => built.to_owned(),
    }
}
