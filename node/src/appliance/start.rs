//! Starting: the folder, the zone from its journal, the validators, the stages.

use super::admin::Admin;
use super::bridge::{self, Own};
use super::control::CoreHandle;
use super::core::Core;
use super::cursor::Cursor;
use super::desk::{Desk, Refusals};
use super::folder::{DataFolder, FolderError};
use super::intake::{Backlog, Intake};
use super::market::{MarketStage, MarketWaker};
use super::markets::{self, Operator};
use super::parts;
use super::producer::{Pace, ProducerStage, Rejections, ZoneHead};
use super::reference::sequence_new_reference;
use super::rules::sequence_rules;
use super::running::Appliance;
use super::scheduling::Scheduling;
use super::space::SpaceWatch;
use super::status;
use super::timetable::Timetable;
use super::views::{VIEWS_DEPTH, Views};
use crate::config::schema::Durability;
use crate::config::{self, ConfigError, Resolved, demo};
use crate::proving::{Prover, SpoolError};
use crate::seccomp::{self, SeccompError};
use crate::told::{TOLD_FILE, ToldError, ToldLog, Trades};
use crossbeam_channel::{bounded, unbounded};
use plinth_gateway::clock::Now;
use plinth_gateway::{Gateway, GatewayError};
use plinth_market_data::net::StageError;
use plinth_matching::journal::JournalError;
use plinth_matching::replica::{self, ReplicaError};
use plinth_settlement::genesis::ZoneMode;
use plinth_settlement::link::{CarrierError, LinkError};
use plinth_types::id::TimestampNs;
use plinth_validator as validator;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{fmt, io};
use thiserror::Error;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tracing::warn;

pub(super) const BY_AUDITORS: &str = "ATTESTED BY AUDITORS";
pub(super) const VALIDITY_PROOF: &str = "VALIDITY PROOF";

/// What tag 20002 and the status say stands for a proof, in the mode that the genesis gives the zone.
pub(super) const fn attestation(mode: ZoneMode) -> &'static str {
    match mode {
        ZoneMode::Attested { .. } => "ATTESTED 1/1, PRODUCER ONLY",
        ZoneMode::Audited { .. } => BY_AUDITORS,
        ZoneMode::Proven { .. } => VALIDITY_PROOF,
    }
}

/// Longest time from start to ready: four validators find each other, and the first deposits are finalized.
pub(super) const READY_TIMEOUT: Duration = Duration::from_secs(90);
/// File of the data directory that has what a prover of this process says.
const PROVER_LOG: &str = "prover.log";
/// Questions that may wait for the core stage.
const CONTROL_DEPTH: usize = 64;
/// Records that may wait for the core stage; then the bridge waits, and behind it settlement's news.
const RECORDS_DEPTH: usize = 4_096;

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
    /// Which parts run in this process.
    pub parts: Parts,
    /// A program to prove the zone's blocks with: `plinth-prove`, or one that does as it does.
    pub prover: Option<PathBuf>,
}

/// Which parts run in this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parts {
    /// The trading zone, and the validators whose secret keys the configuration names. Writes a first configuration where there is none.
    #[default]
    Appliance,
    /// The trading zone alone, beside validators that are processes of their own.
    Zone,
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
    /// What was told of trades cannot be read or kept.
    #[error(transparent)]
    Told(#[from] ToldError),
    /// The journal did not start.
    #[error("journal: {0}")]
    Journal(#[from] JournalError),
    /// The FIX acceptor did not start.
    #[error("gateway: {0}")]
    Gateway(#[from] GatewayError),
    /// The market data stage did not start.
    #[error(transparent)]
    MarketData(#[from] StageError),
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
    /// There is no policy on system calls.
    #[error("seccomp: {0}")]
    Seccomp(#[from] SeccompError),
    /// Proofs cannot be asked for.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// Proofs cannot be brought.
    #[error("proofs: {0}")]
    Proofs(#[from] CarrierError),
    /// Reference data that is in force differs from the file.
    #[error("the zone's {entry} differs from the configuration; what is in force cannot be edited, only added to")]
    Changed {
        /// Which.
        entry: String,
    },
    /// The zone does not take what the file wants.
    #[error("the zone refuses the configuration's {entry}: it has no room for it, or other parts that it cannot change")]
    Refused {
        /// What.
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
        seccomp::confine(resolved.security.seccomp, parts::programs(&resolved, &options))?;
        let (failed, failures) = unbounded_channel();
        let settlement_addresses = parts::addresses(&resolved)?;
        let validators = match options.parts {
            Parts::Appliance => parts::start_validators(&folder, &resolved, &settlement_addresses)?,
            Parts::Zone => Vec::new(),
        };
        let validators = Arc::new(validators);

        let mut gateway = Gateway::bind(parts::gateway_config(&resolved))?;
        let (more_durable, is_more_durable) = bounded(1);
        let market_waker = resolved.market_data.as_ref().map(|_| MarketWaker::new()).transpose()?;
        let zone_config = parts::zone_config(&folder, &resolved, gateway.waker(), market_waker.clone(), more_durable);
        let mut cursor = Cursor::default();
        let mut held = BTreeSet::new();
        let mut last_time = TimestampNs::new(0);
        let (told_path, identity) = (folder.zone().join(TOLD_FILE), zone_config.block.identity);
        let mut trades = Trades::new(&ToldLog::read(&told_path, identity)?);
        let rejected = trades.rejected();
        let recovered = replica::recover_rejected(&zone_config, Now::read().utc, rejected, |command, tail, events| {
            last_time = command.time;
            cursor.observe(command, tail, events);
            markets::observe(&mut held, command, tail, events);
            gateway.recover(command, tail, events);
            trades.observe(command, tail, gateway.told(command, events));
        })?;
        if let Some(first) = recovered.recut_from {
            warn!(%first, "rejected blocks give another result than recorded, and are sealed anew");
        }
        let told = ToldLog::rewrite(&told_path, identity, &trades.entries())?;
        let (said, is_said) = unbounded();
        let mut timetable = Timetable::new(last_time, resolved.rules.auctions_s.clone());
        held.into_iter().for_each(|instrument| timetable.hold(instrument));
        let (mut zone, producer) = recovered.start(&zone_config.journal)?;
        sequence_new_reference(&mut zone, &resolved.reference)?;
        sequence_rules(&mut zone, &resolved.rules)?;
        let fix = gateway.local_addrs()?;

        let (control, controls) = bounded(CONTROL_DEPTH);
        let (records, to_sequence) = bounded(RECORDS_DEPTH);
        let handle = CoreHandle::new(control, records, gateway.waker());
        let stopping = Arc::new(AtomicBool::new(false));
        let head = Arc::new(Mutex::new(ZoneHead { height: producer.height(), state_root: producer.replica().root() }));
        let (settlement, epoch) = (cursor.settlement, cursor.epoch);
        let link = Arc::new(parts::start_link(&resolved, &settlement_addresses, cursor.settlement)?);
        let reserve = resolved.zone.disk_reserve_mib << 20;
        let space_watch = SpaceWatch::start(folder.path(), reserve, Arc::clone(zone.journal()), failed.clone())
            .map_err(|error| system("a thread", error))?;
        let market_config = resolved.market_data.as_ref().zip(market_waker.clone());
        let (shown, views) = bounded(VIEWS_DEPTH);
        let market = market_config.map(|(config, waker)| {
            let views = Views::new(shown, gateway.waker());
            let journal = (Arc::clone(zone.journal()), zone_config.journal.path.as_path());
            MarketStage::open(config, zone_config.capacity, journal, waker, views, Arc::clone(&stopping))
                .map(|stage| (stage, config))
        });
        let market = market.transpose()?;
        let feed = market.as_ref().map(|(stage, config)| stage.ready(config)).transpose();
        let feed = feed.map_err(|error| system("the feed's addresses", error))?.flatten();
        let (rejections, refusals) = (Arc::new(Rejections::new(cursor.settled.next())), Arc::<Refusals>::default());
        let backlog = Arc::new(Backlog::new(producer.height(), cursor.settled));
        let (proofs, proof_report) = parts::proof_stage(&folder, &resolved, &settlement_addresses, &link, &stopping)?;
        let stage = ProducerStage {
            producer,
            journal: Arc::clone(zone.journal()),
            durable: is_more_durable,
            link: Arc::clone(&link),
            head: Arc::clone(&head),
            backlog: Arc::clone(&backlog),
            pace: Pace::new(zone_config.block.interval, resolved.zone.provers),
            rejections: Arc::clone(&rejections),
            resend_from: cursor.settled.next(),
            zone: parts::zone_files(&zone_config),
            said: is_said,
            told,
            stopping: Arc::clone(&stopping),
        };
        let idle_spin = Duration::from_micros(resolved.zone.idle_spin_us);
        let scheduling = Scheduling { cpu: resolved.zone.core_cpu, slice: parts::slice(&resolved) };
        let core = Core {
            zone,
            intake: Intake::new(Arc::clone(&backlog)),
            gateway,
            control: controls,
            records: to_sequence,
            views,
            waiting: None,
            cursor,
            withdrawals: BTreeMap::new(),
            operator: Operator::default(),
            timetable,
            busts: trades.busts().into(),
            said,
            idle_spin,
        };
        let core_thread = spawn("plinth-core", failed.clone(), move || {
            scheduling.apply("plinth-core");
            core.run()
        })?;
        let producer_thread = spawn("plinth-producer", failed.clone(), move || stage.run())?;
        let market = market.map(|(stage, _)| spawn("market data", failed.clone(), move || stage.run())).transpose()?;
        let proofs_thread = spawn("plinth-proofs", failed.clone(), move || proofs.run())?;
        let prover = options.prover.map(|program| Prover::start(program, folder.proving(), &folder.path().join(PROVER_LOG)));
        let prover = prover.transpose().map_err(|error| system("the prover", error))?;
        let (events, told) = (link.events().clone(), handle.clone());
        let bridge_thread = thread::Builder::new()
            .name("plinth-bridge".into())
            .spawn({
                let (rejections, refusals, backlog) = (Arc::clone(&rejections), Arc::clone(&refusals), Arc::clone(&backlog));
                let own = Own { producer: resolved.producer.public_key(), epoch, head: Arc::clone(&head) };
                move || bridge::run(&events, &told, (&rejections, &refusals, &backlog), &own, &failed)
            })
            .map_err(|error| system("a thread", error))?;
        parts::submit_deposits(&link, &resolved)?;

        let reporter = status::Reporter {
            started: Instant::now(),
            fix: fix[0],
            fix_tls: parts::tls_address(&resolved, &fix),
            chain: resolved.chain,
            durability: parts::durability_name(resolved.durability),
            seccomp: resolved.security.seccomp.name(),
            attestation: attestation(resolved.mode),
            validators: Arc::clone(&validators),
            head,
            space: space_watch.space().clone(),
            core: handle.clone(),
            link: Arc::clone(&link),
            rejections,
            backlog,
            proofs: proof_report,
            refusals: Arc::clone(&refusals),
        };
        let desk = Desk::new(&resolved, handle.clone(), Arc::clone(&link), Arc::clone(&validators), settlement, refusals);
        let admin = Admin::start(folder.path(), move || reporter.status(), desk).map_err(|error| system("admin socket", error))?;
        let ready = parts::ready(&folder, &resolved, &settlement_addresses, (&fix, feed), admin.path());
        let appliance = Self {
            ready,
            core: handle,
            core_thread,
            producer_thread,
            proofs_thread,
            prover,
            market: market.zip(market_waker),
            bridge_thread,
            link,
            stopping,
            validators,
            admin,
            space_watch,
            failures,
            folder,
        };
        appliance.wait_ready(resolved.deposits.len() as u64, deadline)
    }
}

fn resolve(options: &Options, folder: &DataFolder) -> Result<Resolved, StartError> {
    let path = match &options.config {
        Some(path) => path.clone(),
        None => {
            let path = folder.path().join(demo::CONFIG_FILE);
            if !path.exists() && options.parts == Parts::Appliance {
                let vouching = if options.prover.is_some() { demo::Vouching::proven() } else { Ok(demo::Vouching::Attested) };
                vouching
                    .and_then(|vouching| demo::create(folder.path(), demo::Committee::default(), &vouching))
                    .map_err(|error| StartError::Init { path: path.clone(), error })?;
            }
            path
        }
    };
    let mut resolved = config::load(&path)?;
    if options.parts == Parts::Zone {
        resolved.keep_zone_only()?;
    }
    if let Some(listen) = options.fix_listen {
        resolved.set_fix_listen(listen)?;
    }
    if let Some(durability) = options.durability {
        resolved.durability = durability;
    }
    Ok(resolved)
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

pub(super) const fn system(what: &'static str, error: io::Error) -> StartError {
    StartError::System { what, error }
}
