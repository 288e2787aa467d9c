//! A running appliance: what it offers, how it is waited for, how it stops.

use super::admin::Admin;
use super::announce::Ready;
use super::control::{Control, CoreHandle};
use super::core::CoreError;
use super::folder::DataFolder;
use super::market::MarketWaker;
use super::producer::ProducerError;
use super::space::SpaceWatch;
use super::start::{READY_TIMEOUT, StartError};
use crate::proving::{Prover, SpoolError};
use plinth_market_data::net::StageError;
use plinth_settlement::link::ZoneLink;
use plinth_validator::ValidatorHandle;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{fmt, io};
use tokio::sync::mpsc::UnboundedReceiver;

/// How often a start that is not ready looks again.
const READY_LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// How a run ended.
#[derive(Debug)]
pub enum Stopped {
    /// Asked to, everything durable said and written.
    Clean,
    /// A stage could not go on.
    Failed(String),
}

impl Stopped {
    /// Whether it ended because it was asked to.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        matches!(self, Self::Clean)
    }
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clean => f.write_str("stopped"),
            Self::Failed(why) => write!(f, "stopped: {why}"),
        }
    }
}

/// A running appliance.
#[derive(Debug)]
pub struct Appliance {
    pub(super) ready: Ready,
    pub(super) core: CoreHandle,
    pub(super) core_thread: JoinHandle<Result<(), CoreError>>,
    pub(super) producer_thread: JoinHandle<Result<(), ProducerError>>,
    pub(super) proofs_thread: JoinHandle<Result<(), SpoolError>>,
    pub(super) prover: Option<Prover>,
    pub(super) market: Option<(JoinHandle<Result<(), StageError>>, MarketWaker)>,
    pub(super) bridge_thread: JoinHandle<()>,
    pub(super) link: Arc<ZoneLink>,
    pub(super) stopping: Arc<AtomicBool>,
    pub(super) validators: Arc<Vec<ValidatorHandle>>,
    pub(super) admin: Admin,
    pub(super) space_watch: SpaceWatch,
    pub(super) failures: UnboundedReceiver<String>,
    pub(super) folder: DataFolder,
}

impl Appliance {
    /// What is there and how to reach it.
    #[must_use]
    pub const fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Blocks until Ctrl-C, SIGTERM or the failure of a stage, and stops everything.
    #[must_use]
    pub fn run_until_signal(mut self) -> Stopped {
        let why = match wait_for_end(&mut self.failures) {
            Ok(why) => why,
            Err(error) => Some(format!("signal handler: {error}")),
        };
        match (why, self.stop()) {
            (Some(failed), _) => Stopped::Failed(failed),
            (None, stopped) => stopped,
        }
    }

    /// Stops everything: intake first, then each stage when what came before it is done.
    #[must_use]
    pub fn stop(self) -> Stopped {
        let Self {
            core,
            core_thread,
            producer_thread,
            proofs_thread,
            prover,
            market,
            bridge_thread,
            link,
            stopping,
            validators,
            admin,
            space_watch,
            folder,
            ..
        } = self;
        let stages_folder = folder.stages();
        drop(admin);
        drop(space_watch);
        drop(prover);
        core.send(Control::Stop);
        let mut problems = Vec::new();
        // A stage that failed has said why on its channel.
        if join(core_thread).is_none() {
            problems.push("the core stage failed");
        }
        stopping.store(true, Ordering::Release);
        if join(producer_thread).is_none() {
            problems.push("the producer stage failed");
        }
        if join(proofs_thread).is_none() {
            problems.push("the way of proofs failed");
        }
        if let Some((thread, waker)) = market {
            waker.wake();
            if join(thread).is_none() {
                problems.push("the market data stage failed");
            }
        }
        // Producer and admin socket are gone, and the bridge holds no more than the link's channel, which ends with it.
        match Arc::into_inner(link) {
            Some(link) => {
                if write_stages(&stages_folder, &link, &validators).is_err() {
                    problems.push("the stage histograms could not be written");
                }
                link.stop();
            }
            None => problems.push("the settlement link is still in use"),
        }
        if bridge_thread.join().is_err() {
            problems.push("the bridge failed");
        }
        match Arc::into_inner(validators) {
            Some(validators) => {
                if !validators.into_iter().all(|validator| validator.stop().is_ok()) {
                    problems.push("a validator failed");
                }
            }
            None => problems.push("a validator is still in use"),
        }
        if problems.is_empty() { Stopped::Clean } else { Stopped::Failed(problems.join(", ")) }
    }

    pub(super) fn wait_ready(mut self, deposits: u64, deadline: Instant) -> Result<Self, StartError> {
        loop {
            let credited = self.core.ask().map_or(0, |status| status.inbox_index.get());
            if credited >= deposits {
                return Ok(self);
            }
            let failure = self.failures.try_recv().ok();
            if Instant::now() > deadline || failure.is_some() {
                let missing = failure.unwrap_or_else(|| {
                    let heights: Vec<u64> = self.validators.iter().map(|validator| validator.status().height.get()).collect();
                    format!("{credited} of {deposits} deposits credited, validators at heights {heights:?}")
                });
                let _ = self.stop();
                return Err(StartError::NotReady { seconds: READY_TIMEOUT.as_secs(), missing });
            }
            thread::sleep(READY_LOOK_INTERVAL);
        }
    }
}

/// The histograms of every stage as HDR V2 interval logs: one file for the zone's own side, one for each validator of this process.
fn write_stages(folder: &Path, link: &ZoneLink, validators: &[ValidatorHandle]) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let file = |name: &str| std::fs::File::create(folder.join(name)).map(io::BufWriter::new);
    link.write_stages(&mut file("zone.hlog")?)?;
    validators.iter().try_for_each(|validator| {
        let key = validator.key().to_string();
        validator.write_stages(&mut file(&format!("validator-{}.hlog", &key[..16]))?)
    })
}

/// Prints the table for people, and writes the ready file for scripts.
///
/// # Errors
///
/// When the file or standard output cannot be written.
pub fn announce(appliance: &Appliance, ready_file: Option<&Path>) -> io::Result<()> {
    let ready = appliance.ready();
    io::Write::write_all(&mut io::stdout(), ready.table().as_bytes())?;
    ready_file.map_or(Ok(()), |path| ready.write(path))
}

fn join<E>(thread: JoinHandle<Result<(), E>>) -> Option<()> {
    thread.join().ok()?.ok()
}

/// `None` for a signal, the reason for a failure.
fn wait_for_end(failures: &mut UnboundedReceiver<String>) -> io::Result<Option<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed.map(|()| None),
            _ = terminate.recv() => Ok(None),
            failure = failures.recv() => Ok(failure),
        }
    })
}
