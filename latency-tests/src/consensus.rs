//! `settle.consensus_p50_ms` and its peer, over commonware's own transport: what `consensus-bench` says, the two taking turns.

use crate::appliance::Folder;
use crate::figures::{Figures, rounded};
use serde_json::Value;
use std::error::Error;
use std::path::Path;
use std::process::Command;

const ROUNDS: usize = 3;
/// Our transport first.
const TRANSPORTS: [&str; 2] = ["quic", "tcp"];
const MEASURES: [&str; 3] = ["p50_ms", "p99_ms", "cpu_ms_per_block"];

/// Adds the figures: medians of several rounds.
pub(crate) fn run(bench: &Path, dir: &Path, figures: &mut Figures) -> Result<(), Box<dyn Error>> {
    if !bench.exists() {
        return Err(format!("there is no {}: cargo build --release --workspace --bins makes it", bench.display()).into());
    }
    let mut seen: [[Vec<f64>; MEASURES.len()]; TRANSPORTS.len()] = Default::default();
    for round in 0..ROUNDS {
        for (transport, seen) in TRANSPORTS.iter().zip(&mut seen) {
            let folder = Folder(dir.join(format!("latency-tests-consensus-{}-{round}-{transport}", std::process::id())));
            let output = Command::new(bench).args(["--transport", transport, "--dir"]).arg(&folder.0).output()?;
            if !output.status.success() {
                return Err(format!("{} over {transport}: {}", bench.display(), String::from_utf8_lossy(&output.stderr)).into());
            }
            let told: Value = serde_json::from_slice(&output.stdout)?;
            for (measure, values) in MEASURES.iter().zip(seen) {
                values.push(told[*measure].as_f64().ok_or_else(|| format!("{} does not say {measure}", bench.display()))?);
            }
        }
    }
    let medians = seen.map(|measures| measures.map(median));
    for (transport, medians) in ["", "tcp_"].iter().zip(&medians) {
        for (measure, value) in MEASURES.iter().zip(medians) {
            figures.add(format!("settle.{transport}consensus_{measure}"), rounded(*value));
        }
    }
    figures.add("settle.consensus_tcp_ratio", rounded(medians[0][0] / medians[1][0]));
    Ok(())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
