//! Starting and stopping.

use super::admin::Admin;
use super::announce::{Ready, ReadyInstrument, ReadyValidator};
use super::bridge;
use super::core::{ApplianceRecord, Control, Core, CoreError, CoreStatus, sequence};
use super::cursor::Cursor;
use super::folder::{DataFolder, FolderError};
use super::producer::{ProducerError, ProducerStage, ZoneHead};
use super::status;
use crate::config::schema::Durability;
use crate::config::{self, ConfigError, Resolved, demo};
use crossbeam_channel::{Sender, bounded};
use plinth_gateway::clock::Now;
use plinth_gateway::session::{Credential, ResetPolicy, SessionConfig};
use plinth_gateway::{Gateway, GatewayConfig, GatewayError, Waker};
use plinth_matching::journal::{self, Identity, JournalError};
use plinth_matching::pipeline::Fused;
use plinth_matching::replica::{self, ReplicaError, ZoneConfig};
use plinth_settlement::block::SignedDeposit;
use plinth_settlement::link::{LinkConfig, LinkError, ZoneLink};
use plinth_types::id::{Height, ZoneId};
use plinth_types::reference::Configuration;
use plinth_validator::{self as validator, Peer, Validator, ValidatorConfig, ValidatorHandle};
use std::net::{SocketAddr, UdpSocket};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{fmt, io};
use thiserror::Error;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What tag 20002 and the status say until blocks are proven.
pub(super) const ATTESTATION: &str = "ATTESTED 1/1, PRODUCER ONLY";

/// Longest time from start to ready: four validators find each other, and the first deposits are finalized.
const READY_TIMEOUT: Duration = Duration::from_secs(90);
/// Records that other threads may have waiting for the core stage.
const CONTROL_DEPTH: usize = 4_096;

/// What to start.
#[derive(Clone, Debug)]
pub struct Options {
    /// The data directory.
    pub folder: PathBuf,
    /// Configuration file, if not the one in the data directory.
    pub config: Option<PathBuf>,
    /// Overrides `fix.listen`.
    pub fix_listen: Option<SocketAddr>,
    /// Overrides `durability`.
    pub durability: Option<Durability>,
}

/// Why an appliance did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The data directory cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The configuration is wrong.
    #[error("configuration: {0}")]
    Config(#[from] ConfigError),
    /// The first configuration could not be written.
    #[error("cannot write a first configuration to {}: {error}", path.display())]
    Init {
        /// Where.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The zone could not be recovered from its journal.
    #[error("the zone cannot be recovered: {0}")]
    Recover(#[from] ReplicaError),
    /// The journal did not start.
    #[error("journal: {0}")]
    Journal(#[from] JournalError),
    /// The FIX acceptor did not start.
    #[error("gateway: {0}")]
    Gateway(#[from] GatewayError),
    /// A validator did not start.
    #[error("validator {index}: {error}")]
    Validator {
        /// Its place in the configuration.
        index: usize,
        /// Why.
        error: validator::StartError,
    },
    /// The link to the validators did not start.
    #[error("settlement link: {0}")]
    Link(#[from] LinkError),
    /// Reference data that is in force differs from the file.
    #[error("the zone's {entry} differs from the configuration; what is in force cannot be edited, only added to")]
    Changed {
        /// Which.
        entry: String,
    },
    /// Not everything came up in time.
    #[error("not ready after {seconds} s: {missing}")]
    NotReady {
        /// How long was waited.
        seconds: u64,
        /// What is missing.
        missing: String,
    },
    /// The operating system gave no thread, socket or signal handler.
    #[error("{what}: {error}")]
    System {
        /// For what.
        what: &'static str,
        /// Why.
        error: io::Error,
    },
}

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
    ready: Ready,
    core: CoreHandle,
    core_thread: JoinHandle<Result<(), CoreError>>,
    producer_thread: JoinHandle<Result<(), ProducerError>>,
    bridge_thread: JoinHandle<()>,
    link: Arc<ZoneLink>,
    stopping: Arc<AtomicBool>,
    validators: Arc<Vec<ValidatorHandle>>,
    admin: Admin,
    failures: UnboundedReceiver<String>,
    folder: DataFolder,
}

/// How other threads reach the core stage.
#[derive(Clone, Debug)]
pub(super) struct CoreHandle {
    control: Sender<Control>,
    waker: Waker,
}

impl CoreHandle {
    /// False when the core stage is gone.
    pub(super) fn send(&self, control: Control) -> bool {
        let sent = self.control.send(control).is_ok();
        self.waker.wake();
        sent
    }

    /// `None` when the core stage is gone.
    pub(super) fn ask(&self) -> Option<CoreStatus> {
        let (sender, receiver) = bounded(1);
        self.send(Control::Ask(sender));
        receiver.recv_timeout(Duration::from_secs(10)).ok()
    }
}

impl Appliance {
    /// Starts everything and returns when clients can trade.
    ///
    /// # Errors
    ///
    /// [`StartError`]; what had started is stopped again.
    pub fn start(options: Options) -> Result<Self, StartError> {
        let deadline = Instant::now() + READY_TIMEOUT;
        let folder = DataFolder::open(&options.folder)?;
        let resolved = resolve(&options, &folder)?;
        let (failed, failures) = unbounded_channel();
        let settlement_addresses = addresses(&resolved)?;
        let validators = Arc::new(start_validators(&folder, &resolved, &settlement_addresses)?);

        let mut gateway = Gateway::bind(gateway_config(&resolved))?;
        let (published, is_published) = bounded(1);
        let zone_config = zone_config(&folder, &resolved, gateway.waker(), published);
        let mut cursor = Cursor::default();
        let recovered = replica::recover(&zone_config, Now::read().utc, |command, tail, events| {
            cursor.observe(command, tail, events);
            gateway.recover(command, tail, events);
        })?;
        let (mut zone, producer) = recovered.start(&zone_config.journal)?;
        sequence_new_reference(&mut zone, &resolved.reference)?;
        let fix = gateway.local_addr()?;

        let (control, controls) = bounded(CONTROL_DEPTH);
        let handle = CoreHandle { control, waker: gateway.waker() };
        let stopping = Arc::new(AtomicBool::new(false));
        let head = Arc::new(Mutex::new(ZoneHead { height: producer.height(), state_root: producer.replica().root() }));
        let link = Arc::new(start_link(&resolved, &settlement_addresses, cursor.settlement)?);
        let stage = ProducerStage {
            producer,
            journal: Arc::clone(zone.journal()),
            published: is_published,
            link: Arc::clone(&link),
            head: Arc::clone(&head),
            resend_from: cursor.available.next(),
            stopping: Arc::clone(&stopping),
        };
        let idle_spin = Duration::from_micros(resolved.zone.idle_spin_us);
        let core_cpu = resolved.zone.core_cpu;
        let core = Core { zone, gateway, control: controls, cursor, idle_spin };
        let core_thread = spawn("plinth-core", failed.clone(), move || {
            pin(core_cpu);
            core.run()
        })?;
        let producer_thread = spawn("plinth-producer", failed, move || stage.run())?;
        let (events, told) = (link.events().clone(), handle.clone());
        let bridge_thread = thread::Builder::new()
            .name("plinth-bridge".into())
            .spawn(move || bridge::run(&events, &told))
            .map_err(|error| system("a thread", error))?;
        submit_deposits(&link, &resolved)?;

        let reporter = status::Reporter {
            started: Instant::now(),
            fix,
            chain: resolved.chain,
            durability: durability_name(resolved.durability),
            genesis: Arc::clone(&resolved.genesis),
            validators: Arc::clone(&validators),
            head,
            core: handle.clone(),
            link: Arc::clone(&link),
        };
        let admin = Admin::start(folder.path(), move || reporter.status()).map_err(|error| system("admin socket", error))?;
        let ready = ready(&folder, &resolved, &settlement_addresses, fix, admin.path());
        let appliance = Self {
            ready,
            core: handle,
            core_thread,
            producer_thread,
            bridge_thread,
            link,
            stopping,
            validators,
            admin,
            failures,
            folder,
        };
        appliance.wait_ready(resolved.deposits.len() as u64, deadline)
    }

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
        let Self { core, core_thread, producer_thread, bridge_thread, link, stopping, validators, admin, folder, .. } = self;
        let stages_folder = folder.stages();
        drop(admin);
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

    fn wait_ready(mut self, deposits: u64, deadline: Instant) -> Result<Self, StartError> {
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
            thread::sleep(Duration::from_millis(20));
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

fn resolve(options: &Options, folder: &DataFolder) -> Result<Resolved, StartError> {
    let path = match &options.config {
        Some(path) => path.clone(),
        None => {
            let path = folder.path().join(demo::CONFIG_FILE);
            if !path.exists() {
                demo::create(folder.path(), demo::VALIDATOR_COUNT)
                    .map_err(|error| StartError::Init { path: path.clone(), error })?;
            }
            path
        }
    };
    let mut resolved = config::load(&path)?;
    if let Some(listen) = options.fix_listen {
        resolved.set_fix_listen(listen)?;
    }
    if let Some(durability) = options.durability {
        resolved.durability = durability;
    }
    Ok(resolved)
}

/// Where each validator listens, free ports chosen for those of this process that ask for one.
fn addresses(resolved: &Resolved) -> Result<Vec<Peer>, StartError> {
    let address = |configured: SocketAddr| match configured.port() {
        0 => UdpSocket::bind(configured).and_then(|socket| socket.local_addr()),
        _ => Ok(configured),
    };
    let peer = |validator: &config::ResolvedValidator| {
        let address = address(validator.address).map_err(|error| system("a free UDP port", error))?;
        Ok(Peer { key: validator.key, address })
    };
    resolved.validators.iter().map(peer).collect()
}

fn start_validators(folder: &DataFolder, resolved: &Resolved, peers: &[Peer]) -> Result<Vec<ValidatorHandle>, StartError> {
    let own = resolved.validators.iter().zip(peers).enumerate().filter_map(|(index, (validator, peer))| {
        let config = ValidatorConfig {
            key: validator.secret.clone()?,
            listen: peer.address,
            peers: peers.to_vec(),
            genesis: Arc::clone(&resolved.genesis),
            directory: folder.validator(index),
            clients: Vec::new(),
            idle_interval: Duration::from_millis(resolved.idle_interval_ms),
            worker_threads: NonZeroUsize::MIN,
        };
        Some((index, config))
    });
    own.map(|(index, config)| Validator::start(config).map_err(|error| StartError::Validator { index, error })).collect()
}

fn start_link(resolved: &Resolved, peers: &[Peer], settlement: Height) -> Result<ZoneLink, LinkError> {
    ZoneLink::start(LinkConfig {
        producer: resolved.producer.clone(),
        zone: ZoneId::TRADING,
        genesis: Arc::clone(&resolved.genesis),
        validators: peers.to_vec(),
        // The last block that the journal speaks of may have said more than was written before a crash; it is heard again.
        from: settlement.max(Height::new(1)),
    })
}

/// Each deposit is sent until it is ordered; those that were ordered before are dropped.
fn submit_deposits(link: &ZoneLink, resolved: &Resolved) -> Result<(), LinkError> {
    resolved
        .deposits
        .iter()
        .try_for_each(|(deposit, signature)| link.deposit(SignedDeposit { deposit: *deposit, signature: *signature }))
}

fn gateway_config(resolved: &Resolved) -> GatewayConfig {
    let session = |own: &config::ResolvedSession| SessionConfig {
        id: own.id,
        comp_id: own.session.comp_id.clone(),
        credential: Credential::Password(own.session.password_hash.as_str().into()),
        reset: if own.session.may_reset { ResetPolicy::OnRequest } else { ResetPolicy::Never },
    };
    GatewayConfig {
        listen: resolved.fix.listen,
        comp_id: resolved.fix.comp_id.clone(),
        sessions: resolved.sessions.iter().map(session).collect(),
        // The journal has them all: what is new was sequenced before the first client can log on.
        reference: Vec::new(),
        attestation: ATTESTATION.to_owned(),
    }
}

fn zone_config(folder: &DataFolder, resolved: &Resolved, waker: Waker, published: Sender<()>) -> ZoneConfig {
    let identity = Identity { chain: resolved.chain, zone: ZoneId::TRADING };
    let mut config = ZoneConfig::new(folder.zone(), identity, resolved.zone.capacity.core());
    config.journal.durability = match resolved.durability {
        Durability::Sync => journal::Durability::Sync,
        Durability::Async => journal::Durability::Async,
    };
    config.journal.on_publish = Some(Arc::new(move || {
        waker.wake();
        // A signal that is waiting already says all that this one would.
        let _ = published.try_send(());
    }));
    config.block.interval = Duration::from_millis(resolved.zone.block_interval_ms);
    config.snapshot_every = NonZeroU64::new(resolved.zone.snapshot_interval_blocks);
    config
}

/// Sequences what the configuration has beyond what is in force: all of it on the first start.
fn sequence_new_reference(zone: &mut Fused, reference: &[Configuration]) -> Result<(), StartError> {
    for item in reference {
        let engine = zone.engine();
        let in_force = match item {
            Configuration::AddAsset(asset) => engine.assets().find(|own| own.id == asset.id).map(Configuration::AddAsset),
            Configuration::OpenAccount(account) => {
                engine.accounts().find(|own| own.id == account.id).map(Configuration::OpenAccount)
            }
            Configuration::ListInstrument(instrument) => engine.instrument(instrument.id).map(Configuration::ListInstrument),
            Configuration::GrantMandate(signed) => {
                let own = engine.mandates().find(|own| own.id == signed.mandate.id);
                own.map(|mandate| Configuration::GrantMandate(plinth_types::reference::SignedMandate { mandate, ..*signed }))
            }
        };
        match in_force {
            Some(own) if own == *item => {}
            Some(_) => return Err(StartError::Changed { entry: entry_name(item) }),
            // An empty ring in front of a journal that has just started holds far more than any configuration.
            None => sequence_now(zone, item)?,
        }
    }
    Ok(())
}

fn sequence_now(zone: &mut Fused, item: &Configuration) -> Result<(), StartError> {
    let record = ApplianceRecord::Configure(*item);
    while sequence(zone, Now::read().utc, &record).is_err() {
        if let Some(error) = zone.failed() {
            return Err(error.clone().into());
        }
        thread::yield_now();
    }
    Ok(())
}

fn entry_name(item: &Configuration) -> String {
    match item {
        Configuration::AddAsset(asset) => format!("asset {} ('{}')", asset.id, asset.name),
        Configuration::OpenAccount(account) => format!("account {} ('{}')", account.id, account.name),
        Configuration::ListInstrument(instrument) => format!("instrument {} ('{}')", instrument.id, instrument.symbol),
        Configuration::GrantMandate(signed) => format!("mandate {}", signed.mandate.id),
    }
}

fn ready(folder: &DataFolder, resolved: &Resolved, peers: &[Peer], fix: SocketAddr, admin: &Path) -> Ready {
    let instruments = resolved.reference.iter().filter_map(|item| match item {
        Configuration::ListInstrument(instrument) => Some(ReadyInstrument {
            symbol: instrument.symbol.as_str().to_owned(),
            price_decimals: instrument.price_decimals,
            qty_decimals: instrument.qty_decimals,
        }),
        Configuration::AddAsset(_) | Configuration::OpenAccount(_) | Configuration::GrantMandate(_) => None,
    });
    let validators = resolved.validators.iter().zip(peers).map(|(validator, peer)| ReadyValidator {
        public_key: peer.key.to_string(),
        address: peer.address,
        here: validator.secret.is_some(),
    });
    Ready {
        pid: std::process::id(),
        fix,
        admin: admin.to_path_buf(),
        data_dir: folder.path().to_path_buf(),
        durability: durability_name(resolved.durability),
        sessions: demo::credentials(folder.path()),
        instruments: instruments.collect(),
        validators: validators.collect(),
    }
}

const fn durability_name(durability: Durability) -> &'static str {
    match durability {
        Durability::Sync => "sync",
        Durability::Async => "async",
    }
}

fn spawn<E: fmt::Display + Send + 'static>(
    name: &'static str,
    failed: UnboundedSender<String>,
    run: impl FnOnce() -> Result<(), E> + Send + 'static,
) -> Result<JoinHandle<Result<(), E>>, StartError> {
    let body = move || {
        run().inspect_err(|error| {
            // Nobody listens only when the appliance is stopping already.
            let _ = failed.send(format!("{name}: {error}"));
        })
    };
    thread::Builder::new().name(name.into()).spawn(body).map_err(|error| system("a thread", error))
}

fn join<E>(thread: JoinHandle<Result<(), E>>) -> Option<()> {
    thread.join().ok()?.ok()
}

const fn system(what: &'static str, error: io::Error) -> StartError {
    StartError::System { what, error }
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

/// Pins the calling thread, if it is asked to. A processor that is not there is said and lived without.
fn pin(cpu: Option<usize>) {
    let Some(cpu) = cpu else { return };
    let mut set = rustix::thread::CpuSet::new();
    set.set(cpu);
    if let Err(error) = rustix::thread::sched_setaffinity(None, &set) {
        tracing::warn!(cpu, %error, "the core stage is not pinned");
    }
}
