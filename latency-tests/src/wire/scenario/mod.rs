//! Scenarios: what is sent, when and to what appliance, as TOML.
//!
//! ```toml
//! about = "Orders and cancels at random moments"
//! seed = 1                      # of random gaps
//! sessions = 4                  # messages take turns on them
//! warm_up_ms = 1_000            # does not count
//! duration_ms = 5_000           # counts
//! cancel_percent = 50           # of messages that are cancels
//! snapshot_interval_blocks = 20 # optional: the zone writes a snapshot so often
//! validators_absent = 1         # optional: of four; each turn to lead that is theirs ends in a view change
//! [pacing.poisson]              # or constant, burst, replayed
//! rate = 2_000
//! [slow_consumer]               # optional
//! sessions = 1                  # of the sessions, the last ones; they do not count
//! pause_ms = 250                # from one look at their socket to the next
//! ```
//!
//! An unknown key is an error with line and column.

mod catalogue;

use super::pace::{PaceError, Pacing, Schedule};
use serde::Deserialize;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Sessions of an appliance's demo.
const SESSIONS_MAX: u8 = 8;
/// Of a hundred messages one must be an order, or there is nothing to cancel.
const CANCEL_PERCENT_MAX: u8 = 99;
/// Of four validators three must be there, or nothing is final.
const VALIDATORS_ABSENT_MAX: u8 = 1;

/// One scenario.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    /// The file's name without `.toml`; empty for the one of the command line.
    #[serde(skip)]
    pub(crate) name: String,
    /// One line for reports.
    pub(crate) about: String,
    /// Of random gaps.
    #[serde(default = "one")]
    pub(crate) seed: u64,
    /// How messages follow each other.
    pub(crate) pacing: Pacing,
    /// Sessions; messages take turns on them.
    pub(crate) sessions: u8,
    /// Milliseconds that do not count.
    pub(crate) warm_up_ms: u32,
    /// Milliseconds that count.
    pub(crate) duration_ms: u32,
    /// Of a hundred messages, how many are cancels.
    pub(crate) cancel_percent: u8,
    /// Sessions that read rarely.
    pub(crate) slow_consumer: Option<SlowConsumer>,
    /// Zone blocks from one snapshot to the next, if not the appliance's own choice.
    pub(crate) snapshot_interval_blocks: Option<u32>,
    /// Validators that are of the committee and do not run.
    #[serde(default)]
    pub(crate) validators_absent: u8,
}

/// Sessions whose answers lie in their sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SlowConsumer {
    /// How many, the last ones.
    pub(crate) sessions: u8,
    /// Milliseconds from one look to the next.
    pub(crate) pause_ms: u32,
}

/// Why there is no such scenario.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScenarioError {
    /// Neither a file nor one that comes with the harness.
    #[error("there is no scenario {name}: give a .toml file or one of {}", catalogue::names().join(", "))]
    Unknown {
        /// As it was asked for.
        name: String,
    },
    /// The file cannot be read.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// It is not a scenario.
    #[error("scenario {name}: {error}")]
    Toml {
        /// Which one.
        name: String,
        /// Why, with line and column.
        error: toml::de::Error,
    },
    /// A value is out of its range.
    #[error("scenario {name}: {key} must be {least} to {most}, not {value}")]
    OutOfRange {
        /// Which one.
        name: String,
        /// The key.
        key: &'static str,
        /// What it says.
        value: u32,
        /// Least that it may say.
        least: u32,
        /// Most that it may say.
        most: u32,
    },
    /// Its pacing makes no schedule.
    #[error("scenario {name}: {error}")]
    Pace {
        /// Which one.
        name: String,
        /// Why.
        error: PaceError,
    },
}

impl Scenario {
    /// A file if it ends in `.toml`, else one that comes with the harness.
    pub(crate) fn load(asked: &str) -> Result<Self, ScenarioError> {
        let path = Path::new(asked);
        if path.extension().is_some_and(|extension| extension == "toml") {
            let text = std::fs::read_to_string(path).map_err(|error| ScenarioError::Io { path: path.to_path_buf(), error })?;
            let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            return Self::parse(&name, &text);
        }
        let text = catalogue::text(asked).ok_or_else(|| ScenarioError::Unknown { name: asked.to_owned() })?;
        Self::parse(asked, text)
    }

    /// Half orders and half cancels, evenly, behind a second that does not count: the one of the command line.
    pub(crate) fn constant(rate: u32, duration_ms: u32, sessions: u8) -> Result<Self, ScenarioError> {
        let plain = Self {
            name: String::new(),
            about: "Orders and cancels evenly".into(),
            seed: one(),
            pacing: Pacing::Constant { rate },
            sessions,
            warm_up_ms: 1_000,
            duration_ms,
            cancel_percent: 50,
            slow_consumer: None,
            snapshot_interval_blocks: None,
            validators_absent: 0,
        };
        plain.checked()
    }

    /// When its messages are due.
    pub(crate) fn schedule(&self) -> Result<Schedule, ScenarioError> {
        let (warm_up, duration) = (Duration::from_millis(self.warm_up_ms.into()), Duration::from_millis(self.duration_ms.into()));
        let made = Schedule::new(&self.pacing, warm_up, duration, self.seed);
        made.map_err(|error| ScenarioError::Pace { name: self.name.clone(), error })
    }

    /// Sessions that read whenever something has come; only they count.
    pub(crate) fn prompt_sessions(&self) -> usize {
        usize::from(self.sessions - self.slow_consumer.map_or(0, |slow| slow.sessions))
    }

    fn parse(name: &str, text: &str) -> Result<Self, ScenarioError> {
        let parsed: Self = toml::from_str(text).map_err(|error| ScenarioError::Toml { name: name.to_owned(), error })?;
        Self { name: name.to_owned(), ..parsed }.checked()
    }

    fn checked(self) -> Result<Self, ScenarioError> {
        let in_range = |key, value: u32, least: u32, most: u32| {
            let fits = (least..=most).contains(&value);
            fits.then_some(()).ok_or_else(|| ScenarioError::OutOfRange { name: self.name.clone(), key, value, least, most })
        };
        in_range("sessions", self.sessions.into(), 1, SESSIONS_MAX.into())?;
        in_range("duration_ms", self.duration_ms, 1, u32::MAX)?;
        in_range("cancel_percent", self.cancel_percent.into(), 0, CANCEL_PERCENT_MAX.into())?;
        in_range("validators_absent", self.validators_absent.into(), 0, VALIDATORS_ABSENT_MAX.into())?;
        if let Some(slow) = self.slow_consumer {
            in_range("slow_consumer.sessions", slow.sessions.into(), 1, u32::from(self.sessions) - 1)?;
            in_range("slow_consumer.pause_ms", slow.pause_ms, 1, 10_000)?;
        }
        self.schedule()?;
        Ok(self)
    }
}

const fn one() -> u64 {
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str =
        "about = 'plain'\nsessions = 2\nwarm_up_ms = 0\nduration_ms = 100\ncancel_percent = 50\n[pacing.constant]\nrate = 100\n";

    #[test]
    fn every_scenario_that_comes_with_the_harness_reads_and_has_a_schedule() {
        for name in catalogue::names() {
            let scenario = Scenario::load(name).unwrap();
            assert_eq!(scenario.name, name);
            assert!(scenario.schedule().unwrap().count() > 0, "{name}");
        }
    }

    #[test]
    fn an_unknown_key_is_an_error_with_line_and_column() {
        for (text, place) in [
            (format!("colour = 'red'\n{PLAIN}"), "line 1, column 1"),
            (format!("{PLAIN}[slow_consumer]\nsessions = 1\npause_ms = 1\npuase_ms = 2\n"), "line 11, column 1"),
            (format!("{PLAIN}rat = 3\n"), "line 8, column 1"),
            (PLAIN.replace("constant", "steady"), "line 6, column 9"),
            (PLAIN.replace("sessions = 2", "sessions = 'two'"), "line 2, column 12"),
        ] {
            let error = Scenario::parse("wrong", &text).unwrap_err().to_string();
            assert!(error.contains("scenario wrong") && error.contains(place), "{error}");
        }
        let missing = Scenario::parse("wrong", "about = ''\n").unwrap_err().to_string();
        assert!(missing.contains("missing field"), "{missing}");
    }

    #[test]
    fn values_have_ranges() {
        for (from, to, key) in [
            ("sessions = 2", "sessions = 9", "sessions"),
            ("cancel_percent = 50", "cancel_percent = 100", "cancel_percent"),
            ("cancel_percent = 50", "cancel_percent = 50\nvalidators_absent = 2", "validators_absent"),
            (
                "cancel_percent = 50",
                "cancel_percent = 50\nslow_consumer = { sessions = 2, pause_ms = 1 }",
                "slow_consumer.sessions",
            ),
            ("rate = 100", "rate = 0", "never gets on"),
        ] {
            let error = Scenario::parse("wrong", &PLAIN.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
        assert!(Scenario::parse("right", PLAIN).is_ok());
        assert!(Scenario::load("nowhere").unwrap_err().to_string().contains("poisson"));
    }
}
