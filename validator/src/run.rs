//! Starts and stops a validator on threads of its own.

use crate::assemble::{Assembled, assemble};
use crate::limits::{BLOCKING_THREADS_MAX, CLOSE_TIMEOUT, THREAD_STACK_SIZE};
use crate::{ValidatorConfig, ValidatorStatus, VerifierError};
use commonware_runtime::{Runner as _, Spawner as _, tokio as runtime};
use futures::future::select_all;
use plinth_settlement::block::GovernedTransaction;
use plinth_settlement::checkpoint::{Checkpoint, Handover};
use plinth_settlement::consensus::checkpoints::{Checkpoints, RecordError};
use plinth_settlement::consensus::{Chain, Consensus, ConsensusError, Evidence};
use plinth_settlement::keys::KeyError;
use plinth_settlement::mempool::PoolError;
use plinth_settlement::stages::{Histograms, write_log};
use plinth_settlement::transport::TransportError;
use plinth_types::id::{Height, PublicKey};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};
use thiserror::Error;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;
use tracing::{error, info};

/// A validator of one chain.
#[derive(Debug)]
pub struct Validator;

/// Why a validator did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// Its directory cannot be made.
    #[error("{path}: {source}")]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// No thread could be had.
    #[error("no thread: {0}")]
    Thread(std::io::Error),
    /// A key that is none.
    #[error("key {key}: {error}")]
    Key {
        /// Which.
        key: PublicKey,
        /// What is wrong.
        error: KeyError,
    },
    /// Without listening nobody can dial it, so it needs addresses to dial.
    #[error("a validator that listens nowhere needs the address of every other one; {0} has none")]
    AddressMissing(PublicKey),
    /// The network refused.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The address of HTTP cannot be listened on.
    #[error("HTTP: cannot listen on {address}: {source}")]
    Http {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The program that verifies proofs cannot be asked.
    #[error("proof verifier: {0}")]
    Verifier(#[from] VerifierError),
    /// Consensus refused.
    #[error(transparent)]
    Consensus(#[from] Box<ConsensusError>),
    /// The groups that sign checkpoints do not fit what they have signed.
    #[error(transparent)]
    Handovers(#[from] RecordError),
    /// It panicked; the log says where.
    #[error("the validator's thread ended while it started")]
    Died,
}

/// A validator's thread did not end as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the validator's thread panicked; the log says where")]
pub struct StopError;

/// A running validator. Dropping it stops it.
#[derive(Debug)]
pub struct ValidatorHandle {
    key: PublicKey,
    listen: SocketAddr,
    http_address: Option<SocketAddr>,
    chain: Chain,
    checkpoints: Checkpoints,
    connected: watch::Receiver<usize>,
    started: SystemTime,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the validator's thread hands out once it runs.
struct Started {
    listen: SocketAddr,
    http_address: Option<SocketAddr>,
    chain: Chain,
    checkpoints: Checkpoints,
    connected: watch::Receiver<usize>,
}

impl Validator {
    /// Starts one; returns when it listens, its ledger is rebuilt, and it takes part.
    ///
    /// # Errors
    ///
    /// [`StartError`].
    pub fn start(config: ValidatorConfig) -> Result<ValidatorHandle, StartError> {
        check_peers(&config)?;
        std::fs::create_dir_all(&config.directory)
            .map_err(|source| StartError::Directory { path: config.directory.clone(), source })?;
        let key = config.key.public_key();
        let (stop, stopped) = oneshot::channel();
        let (report, started) = mpsc::sync_channel(1);
        let name = format!("validator {}", &key.to_string()[..6]);
        let thread = std::thread::Builder::new()
            .name(name)
            .stack_size(THREAD_STACK_SIZE)
            .spawn(move || {
                let runner = runtime::Runner::new(
                    runtime::Config::new()
                        .with_worker_threads(config.worker_threads.get())
                        .with_max_blocking_threads(BLOCKING_THREADS_MAX)
                        .with_thread_stack_size(THREAD_STACK_SIZE)
                        .with_storage_directory(config.directory.clone()),
                );
                runner.start(|context| run(context, config, stopped, report));
            })
            .map_err(StartError::Thread)?;
        let Started { listen, http_address, chain, checkpoints, connected } = match started.recv() {
            Ok(started) => started?,
            Err(mpsc::RecvError) => return Err(StartError::Died),
        };
        let (stop, thread) = (Some(stop), Some(thread));
        Ok(ValidatorHandle { key, listen, http_address, chain, checkpoints, connected, started: SystemTime::now(), stop, thread })
    }
}

impl ValidatorHandle {
    /// How it is.
    #[must_use]
    pub fn status(&self) -> ValidatorStatus {
        let running = self.thread.as_ref().is_some_and(|thread| !thread.is_finished());
        ValidatorStatus::read(self.key, self.listen, running, &self.chain, *self.connected.borrow())
    }

    /// Its key.
    #[must_use]
    pub const fn key(&self) -> PublicKey {
        self.key
    }

    /// Height of its last finalized block, as it grows.
    #[must_use]
    pub fn height(&self) -> watch::Receiver<Height> {
        self.chain.height()
    }

    /// The ledger behind its last finalized block.
    #[must_use]
    pub fn ledger(&self) -> plinth_settlement::ledger::State {
        self.chain.finalized()
    }

    /// Where its histograms and checkpoints are served over HTTP.
    #[must_use]
    pub const fn http_address(&self) -> Option<SocketAddr> {
        self.http_address
    }

    /// The newest checkpoint that it signed with others.
    #[must_use]
    pub fn checkpoint(&self) -> Option<Checkpoint> {
        self.checkpoints.latest()
    }

    /// From one group of checkpoints to the next, as far as they are whole.
    #[must_use]
    pub fn handovers(&self) -> Vec<Handover> {
        self.checkpoints.handovers()
    }

    /// Evidence of Byzantine validators.
    #[must_use]
    pub fn evidence(&self) -> Vec<Evidence> {
        self.chain.evidence()
    }

    /// Takes a decision of the governors; it is ordered when this validator next proposes a block.
    ///
    /// # Errors
    ///
    /// [`PoolError`]: not the governors', or not the next one.
    pub fn govern(&self, decision: GovernedTransaction) -> Result<(), PoolError> {
        self.chain.govern(decision).map(|_| ())
    }

    /// What it measured, stage by stage.
    #[must_use]
    pub fn histograms(&self) -> Histograms {
        self.chain.with_stages(|stages| stages.histograms().clone())
    }

    /// Writes its histograms as an HDR V2 interval log.
    ///
    /// # Errors
    ///
    /// What `out` refuses.
    pub fn write_stages(&self, out: &mut impl std::io::Write) -> std::io::Result<()> {
        let duration = self.started.elapsed().unwrap_or(Duration::ZERO);
        write_log(&self.histograms(), &format!("validator {}", self.key), self.started, duration, out)
    }

    /// Stops it: peers are told, tasks end, threads are joined.
    ///
    /// # Errors
    ///
    /// [`StopError`] if it had panicked.
    pub fn stop(mut self) -> Result<(), StopError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), StopError> {
        drop(self.stop.take());
        self.thread.take().map_or(Ok(()), |thread| thread.join().map_err(|_| StopError))
    }
}

impl Drop for ValidatorHandle {
    fn drop(&mut self) {
        if self.end().is_err() {
            error!(key = %self.key, "the validator had panicked");
        }
    }
}

/// Two validators of which neither can be dialled never meet.
fn check_peers(config: &ValidatorConfig) -> Result<(), StartError> {
    let me = config.key.public_key();
    let mut others = config.genesis.committee().keys().iter().filter(|key| **key != me);
    let missing = others.find(|key| config.peers.iter().all(|peer| peer.key != **key));
    match missing {
        Some(key) if config.listen.is_none() => Err(StartError::AddressMissing(*key)),
        Some(_) | None => Ok(()),
    }
}

async fn run(
    context: runtime::Context,
    config: ValidatorConfig,
    stopped: oneshot::Receiver<()>,
    report: mpsc::SyncSender<Result<Started, StartError>>,
) {
    let key = config.key.public_key();
    let (Assembled { transport, listen, http_address, consensus, checkpoints }, service) = match assemble(&context, config).await {
        Ok(assembled) => assembled,
        Err(error) => {
            let _starter_gone = report.send(Err(error)).is_err();
            return;
        }
    };
    let started = Started { listen, http_address, chain: consensus.chain.clone(), checkpoints, connected: transport.connected() };
    if report.send(Ok(started)).is_err() {
        return;
    }
    info!(%key, %listen, "validator runs");
    let Consensus { tasks, .. } = consensus;
    tokio::select! {
        // An error too means stop: the handle was dropped.
        _ = stopped => {}
        (ended, index, _) = select_all(tasks) => error!(%key, index, ?ended, "a consensus task ended; the validator stops"),
        () = service => error!(%key, "the service for clients ended; the validator stops"),
    }
    if context.stop(0, Some(CLOSE_TIMEOUT)).await.is_err() {
        info!(%key, "stopped with tasks under way");
    }
    if timeout(CLOSE_TIMEOUT, transport.close()).await.is_err() {
        info!(%key, "stopped without a goodbye to every peer");
    }
    info!(%key, "validator stopped");
}
