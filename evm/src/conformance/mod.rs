//! Ethereum's public test suites, run against this crate's own path: its decoder, its parallel executor with several numbers of workers, its
//! trie; beside it the serial oracle, which must agree.

mod blockchain_tests;
mod json;
mod state_tests;

pub use blockchain_tests::run_blockchain_tests;
pub use state_tests::run_state_tests;

use std::path::PathBuf;

/// What became of a suite.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Cases that came out as the fixture says.
    pub passed: usize,
    /// Cases of forks that this crate does not run, by fork.
    pub skipped: std::collections::BTreeMap<String, usize>,
    /// Cases that did not, with what differed.
    pub failed: Vec<String>,
}

impl Report {
    pub(crate) fn skip(&mut self, fork: &str) {
        *self.skipped.entry(fork.to_owned()).or_default() += 1;
    }

    pub(crate) fn note(&mut self, name: &str, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => self.passed += 1,
            Err(difference) => self.failed.push(format!("{name}: {difference}")),
        }
    }
}

/// A fixture file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FixtureError {
    /// The file itself.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// Its JSON.
    #[error("{path}: {error}")]
    Json {
        /// Which.
        path: PathBuf,
        /// Where and what.
        error: serde_json::Error,
    },
}

/// Numbers of workers that every case is run with.
pub(crate) const WORKERS: [usize; 3] = [1, 2, 4];
