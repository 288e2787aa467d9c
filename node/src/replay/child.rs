//! An appliance as a child process: started on a scratch folder, asked for its status, stopped or killed.
//!
//! Harness and tests use the very program that operators run, over the very interfaces that they have: its command line, its ready
//! file, `plinth status`, `/proc`.

use crate::appliance::ReadyMarketData;
use crate::config::demo::CONFIG_FILE;
use serde::Deserialize;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// A start on an empty folder makes keys and hashes eight passwords; on a busy machine that takes seconds.
const READY_WITHIN: Duration = Duration::from_secs(60);
const STOPPED_WITHIN: Duration = Duration::from_secs(30);
const ASK_EVERY: Duration = Duration::from_millis(10);

/// What a running appliance says of itself in its ready file.
#[derive(Clone, Debug, Deserialize)]
pub struct Ready {
    /// Process id.
    pub pid: u32,
    /// Where FIX is accepted.
    pub fix: SocketAddr,
    /// Where FIX is accepted over TLS, if it is.
    #[serde(default)]
    pub fix_tls: Option<SocketAddr>,
    /// Sessions whose password is known.
    pub sessions: Vec<Login>,
    /// What trades.
    pub instruments: Vec<Listing>,
    /// The feed, if there is one.
    #[serde(default)]
    pub market_data: Option<ReadyMarketData>,
}

/// What a client needs to log on.
#[derive(Clone, Deserialize)]
pub struct Login {
    /// `SenderCompID`, FIX tag 49, of the client.
    pub sender_comp_id: String,
    /// `TargetCompID`, FIX tag 56.
    pub target_comp_id: String,
    /// `Password`, FIX tag 554.
    pub password: String,
    /// `Account`, FIX tag 1.
    pub account: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login {{ {} to {}, account {} }}", self.sender_comp_id, self.target_comp_id, self.account)
    }
}

/// An instrument, as a client needs it.
#[derive(Clone, Debug, Deserialize)]
pub struct Listing {
    /// `Symbol`, FIX tag 55.
    pub symbol: String,
    /// Decimal places of a price.
    pub price_decimals: u8,
    /// Decimal places of a quantity.
    pub qty_decimals: u8,
}

/// What `plinth status --json` says, as far as harnesses look at it.
#[derive(Clone, Debug, Deserialize)]
pub struct Status {
    /// Process id.
    pub pid: u32,
    /// `sync` or `async`.
    pub durability: String,
    /// Orders accepted since the first start.
    pub orders: u64,
    /// Trades since the first start.
    pub trades: u64,
    /// Trades in settled blocks.
    #[serde(default)]
    pub trades_settled: u64,
    /// Last zone block sealed.
    pub zone_height: u64,
    /// Last zone block available.
    pub available_height: u64,
    /// Last zone block settled.
    pub settled_height: u64,
    /// Last settlement block finalized.
    pub settlement_height: u64,
    /// Whether every asset is conserved.
    pub ledger_conserved: bool,
    /// Whether the disk is so full that only cancels are taken.
    #[serde(default)]
    pub disk_space_low: bool,
    /// Percentiles per stage of settlement, as the zone's side saw them.
    #[serde(default)]
    pub stages: Vec<Stage>,
    /// Validators of the appliance's process.
    #[serde(default)]
    pub validators: Vec<Validator>,
}

/// One validator.
#[derive(Clone, Debug, Deserialize)]
pub struct Validator {
    /// Last block it finalized.
    pub height: u64,
    /// Percentiles per stage, as it saw them.
    pub stages: Vec<Stage>,
}

/// One stage of a block's way through settlement.
#[derive(Clone, Debug, Deserialize)]
pub struct Stage {
    /// From which moment to which.
    pub stage: String,
    /// Blocks measured.
    pub count: u64,
    /// Median, in microseconds.
    pub p50_us: u64,
    /// 99th percentile, in microseconds.
    pub p99_us: u64,
}

/// A running appliance that dies with this value.
#[derive(Debug)]
pub struct ChildAppliance {
    child: Child,
    binary: PathBuf,
    data_dir: PathBuf,
    ready: Ready,
}

/// Why there is no appliance.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    /// The program could not be started or asked.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        error: io::Error,
    },
    /// It ended before it was ready.
    #[error("the appliance ended before it was ready ({0}); see {1}")]
    Ended(ExitStatus, PathBuf),
    /// It was not ready, or not gone, in time.
    #[error("the appliance took longer than {} s to {what}", within.as_secs())]
    TooSlow {
        /// To do what.
        what: &'static str,
        /// How long was waited.
        within: Duration,
    },
    /// What it said does not read.
    #[error("{what} does not read: {error}")]
    Unreadable {
        /// Which answer.
        what: &'static str,
        /// Why.
        error: serde_json::Error,
    },
}

impl ChildAppliance {
    /// Starts `binary up` on `data_dir` with `extra` arguments, on a free port, and waits until it is ready. Its log goes to
    /// `appliance.log` beside its data.
    ///
    /// # Errors
    ///
    /// [`ChildError`] when it does not come up.
    pub fn start(binary: &Path, data_dir: &Path, extra: &[&str]) -> Result<Self, ChildError> {
        let up = [OsStr::new("up"), OsStr::new("--data-dir"), data_dir.as_os_str()];
        Self::start_as(binary, &up, data_dir, extra)
    }

    /// As [`ChildAppliance::start`], of the trading zone alone: `binary run` with the configuration in `data_dir`.
    ///
    /// # Errors
    ///
    /// [`ChildError`] when it does not come up.
    pub fn start_zone(binary: &Path, data_dir: &Path, extra: &[&str]) -> Result<Self, ChildError> {
        let config = data_dir.join(CONFIG_FILE);
        let run = [OsStr::new("run"), OsStr::new("--config"), config.as_os_str()];
        Self::start_as(binary, &run, data_dir, extra)
    }

    fn start_as(binary: &Path, command: &[&OsStr], data_dir: &Path, extra: &[&str]) -> Result<Self, ChildError> {
        let failed = |what: &str| {
            let what = what.to_owned();
            move |error| ChildError::Io { what, error }
        };
        fs::create_dir_all(data_dir).map_err(failed("make the data directory"))?;
        let ready_file = data_dir.join("ready.json");
        match fs::remove_file(&ready_file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove the old ready file")(error)),
            Ok(()) | Err(_) => {}
        }
        let log_path = data_dir.join("appliance.log");
        let log = fs::OpenOptions::new().create(true).append(true).open(&log_path).map_err(failed("open the log"))?;
        let mut child = Command::new(binary)
            .args(command)
            .args(["--fix-listen", "127.0.0.1:0"])
            .arg("--ready-file")
            .arg(&ready_file)
            .args(extra)
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed("share the log"))?)
            .stderr(log)
            .spawn()
            .map_err(failed("start the appliance"))?;
        let ready = match wait_until_ready(&mut child, &ready_file, &log_path) {
            Ok(ready) => ready,
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(error);
            }
        };
        Ok(Self { child, binary: binary.to_path_buf(), data_dir: data_dir.to_path_buf(), ready })
    }

    /// How to reach it.
    #[must_use]
    pub const fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Its data directory.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Asks `plinth status`.
    ///
    /// # Errors
    ///
    /// [`ChildError`] when it does not answer.
    pub fn status(&self) -> Result<Status, ChildError> {
        status_of(&self.binary, &self.data_dir)
    }

    /// Largest resident memory so far, in KiB; `None` once it is gone.
    #[must_use]
    pub fn memory_peak_kib(&self) -> Option<u64> {
        memory_peak_kib(self.child.id())
    }

    /// Kills it as a power switch would, and waits until it is gone.
    ///
    /// # Errors
    ///
    /// [`ChildError::Io`] when the system refuses.
    pub fn kill(mut self) -> Result<(), ChildError> {
        let killed = self.child.kill().and_then(|()| self.child.wait());
        killed.map(drop).map_err(|error| ChildError::Io { what: "kill the appliance".into(), error })
    }

    /// Asks it to stop, as Ctrl-C does, and waits until it has.
    ///
    /// # Errors
    ///
    /// [`ChildError::TooSlow`] when it does not; it is then killed.
    pub fn stop(self) -> Result<ExitStatus, ChildError> {
        let asked = Command::new("kill").arg("-INT").arg(self.child.id().to_string()).status();
        asked.map_err(|error| ChildError::Io { what: "send SIGINT".into(), error })?;
        self.wait()
    }

    /// Waits until it has ended by itself.
    ///
    /// # Errors
    ///
    /// [`ChildError::TooSlow`] when it does not; it is then killed.
    pub fn wait(mut self) -> Result<ExitStatus, ChildError> {
        let deadline = Instant::now() + STOPPED_WITHIN;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Ok(status),
                Ok(None) if Instant::now() < deadline => std::thread::sleep(ASK_EVERY),
                Ok(None) => return Err(ChildError::TooSlow { what: "stop", within: STOPPED_WITHIN }),
                Err(error) => return Err(ChildError::Io { what: "wait for the appliance".into(), error }),
            }
        }
    }
}

impl Drop for ChildAppliance {
    fn drop(&mut self) {
        // Both fail when it is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks the appliance that runs on `data_dir`.
///
/// # Errors
///
/// [`ChildError`] when none answers.
pub fn status_of(binary: &Path, data_dir: &Path) -> Result<Status, ChildError> {
    let asked = Command::new(binary).args(["status", "--json", "--data-dir"]).arg(data_dir).output();
    let answer = asked.map_err(|error| ChildError::Io { what: "run plinth status".into(), error })?;
    if !answer.status.success() {
        let error = io::Error::other(String::from_utf8_lossy(&answer.stderr).trim().to_owned());
        return Err(ChildError::Io { what: "plinth status".into(), error });
    }
    serde_json::from_slice(&answer.stdout).map_err(|error| ChildError::Unreadable { what: "plinth status", error })
}

/// Largest resident memory of a process so far (`VmHWM`), in KiB; `None` when there is no such process.
#[must_use]
pub fn memory_peak_kib(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn wait_until_ready(child: &mut Child, ready_file: &Path, log: &Path) -> Result<Ready, ChildError> {
    let deadline = Instant::now() + READY_WITHIN;
    while Instant::now() < deadline {
        if let Ok(bytes) = fs::read(ready_file) {
            return serde_json::from_slice(&bytes).map_err(|error| ChildError::Unreadable { what: "the ready file", error });
        }
        let ended = child.try_wait().map_err(|error| ChildError::Io { what: "wait for the appliance".into(), error })?;
        if let Some(status) = ended {
            return Err(ChildError::Ended(status, log.to_path_buf()));
        }
        std::thread::sleep(ASK_EVERY);
    }
    Err(ChildError::TooSlow { what: "start", within: READY_WITHIN })
}
