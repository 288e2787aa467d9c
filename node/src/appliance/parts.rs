//! Each part's own configuration, from the resolved one.

use super::announce::{Ready, ReadyInstrument, ReadyValidator};
use super::folder::DataFolder;
use super::market::{MarketWaker, ReadyMarketData};
use super::scheduling::Scheduling;
use super::start::{Options, Parts, StartError, attestation, system};
use crate::config::schema::Durability;
use crate::config::{self, Resolved, demo};
use crate::proving::limits::PROVEN_COMMANDS_MAX;
use crate::proving::{ProofReport, ProofStage, Spool, ZoneFacts};
use crate::seccomp::Programs;
use crossbeam_channel::Sender;
use plinth_gateway::driver::{Backend, DriverConfig};
use plinth_gateway::{GatewayConfig, Waker};
use plinth_matching::journal::{self, Identity};
use plinth_matching::replica::ZoneConfig;
use plinth_settlement::block::{SignedDeposit, Transaction};
use plinth_settlement::genesis::ZoneMode;
use plinth_settlement::link::{LinkConfig, LinkError, ProofCarrier, ProofDelivery, ZoneLink};
use plinth_types::id::{Height, ZoneId};
use plinth_types::reference::Configuration;
use plinth_validator::{Peer, Validator, ValidatorConfig, ValidatorHandle};
use std::net::{SocketAddr, UdpSocket};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Where each validator listens, free ports chosen for those of this process that ask for one.
pub(super) fn addresses(resolved: &Resolved) -> Result<Vec<Peer>, StartError> {
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

pub(super) fn start_validators(
    folder: &DataFolder,
    resolved: &Resolved,
    peers: &[Peer],
) -> Result<Vec<ValidatorHandle>, StartError> {
    let own = resolved.validators.iter().zip(peers).enumerate().filter_map(|(index, (validator, peer))| {
        let config = ValidatorConfig {
            key: validator.secret.clone()?,
            listen: Some(peer.address),
            http: None,
            peers: peers.to_vec(),
            genesis: Arc::clone(&resolved.genesis),
            directory: folder.validator(index),
            clients: Vec::new(),
            idle_interval: Duration::from_millis(resolved.idle_interval_ms),
            worker_threads: NonZeroUsize::MIN,
            state_sync: false,
            proof_verifiers: resolved.proof_verifiers.clone(),
            checkpoints: None,
        };
        Some((index, config))
    });
    own.map(|(index, config)| Validator::start(config).map_err(|error| StartError::Validator { index, error })).collect()
}

pub(super) fn start_link(resolved: &Resolved, peers: &[Peer], settlement: Height) -> Result<ZoneLink, LinkError> {
    ZoneLink::start(LinkConfig {
        producer: resolved.producer.clone(),
        reader_key: resolved.reader_key.clone(),
        zone: ZoneId::TRADING,
        genesis: Arc::clone(&resolved.genesis),
        validators: peers.to_vec(),
        // The last block that the journal speaks of may have said more than was written before a crash; it is heard again.
        from: settlement.max(Height::new(1)),
    })
}

/// The way of proofs to the validators. It is there in every mode: governors may decide that the zone is to be proven.
pub(super) fn proof_stage(
    folder: &DataFolder,
    resolved: &Resolved,
    peers: &[Peer],
    link: &Arc<ZoneLink>,
    stopping: &Arc<AtomicBool>,
) -> Result<(ProofStage, Arc<Mutex<ProofReport>>), StartError> {
    let zone_folder = folder.zone().canonicalize().map_err(|error| system("the zone's folder", error))?;
    let facts = ZoneFacts { version: 1, chain: resolved.chain.get(), zone_folder, capacity: resolved.zone.capacity };
    let delivery = ProofDelivery::new(ProofCarrier::new(&resolved.producer, peers)?, ZoneId::TRADING);
    let report = Arc::<Mutex<ProofReport>>::default();
    let stage = ProofStage {
        spool: Spool::open(folder.proving(), &facts)?,
        delivery,
        link: Arc::clone(link),
        report: Arc::clone(&report),
        stopping: Arc::clone(stopping),
    };
    Ok((stage, report))
}

/// Each deposit is sent until it is ordered; those that were ordered before are dropped.
pub(super) fn submit_deposits(link: &ZoneLink, resolved: &Resolved) -> Result<(), LinkError> {
    resolved.deposits.iter().try_for_each(|(deposit, signature)| {
        link.bring(Transaction::Deposit(SignedDeposit { deposit: *deposit, signature: *signature }))
    })
}

pub(super) fn gateway_config(resolved: &Resolved) -> GatewayConfig {
    GatewayConfig {
        listen: resolved.listen.clone(),
        comp_id: resolved.fix.comp_id.clone(),
        sessions: resolved.sessions.iter().map(|session| session.config.clone()).collect(),
        // The journal has them all: what is new was sequenced before the first client can log on.
        reference: Vec::new(),
        attestation: attestation(resolved.mode).to_owned(),
        driver: DriverConfig {
            backend: match resolved.fix.driver {
                config::schema::FixDriver::IoUring => Backend::Ring,
                config::schema::FixDriver::Epoll => Backend::Poll,
            },
            busy_poll: Duration::from_micros(resolved.fix.busy_poll_us),
            connections_max: resolved.fix.connections_max,
            ..DriverConfig::default()
        },
    }
}

/// The slice of the threads that every answer waits for.
pub(super) fn slice(resolved: &Resolved) -> Duration {
    Duration::from_micros(resolved.zone.hot_slice_us)
}

pub(super) fn zone_config(
    folder: &DataFolder,
    resolved: &Resolved,
    waker: Waker,
    market: Option<MarketWaker>,
    durable: Sender<()>,
) -> ZoneConfig {
    let identity = Identity { chain: resolved.chain, zone: ZoneId::TRADING };
    let mut config = ZoneConfig::new(folder.zone(), identity, resolved.zone.capacity.core());
    config.journal.durability = match resolved.durability {
        Durability::Sync => journal::Durability::Sync,
        Durability::Async => journal::Durability::Async,
    };
    let scheduling = Scheduling { cpu: None, slice: slice(resolved) };
    config.journal.on_start = Some(Arc::new(move || scheduling.apply("journal")));
    config.journal.on_publish = Some(Arc::new(move || waker.wake()));
    config.journal.on_durable = Some(Arc::new(move || {
        market.iter().for_each(MarketWaker::wake);
        // A signal that is waiting already says all that this one would.
        let _ = durable.try_send(());
    }));
    config.block.interval = Duration::from_millis(resolved.zone.block_interval_ms);
    if matches!(resolved.mode, ZoneMode::Proven { .. }) {
        config.block.commands_max = PROVEN_COMMANDS_MAX;
    }
    config.snapshot_every = NonZeroU64::new(resolved.zone.snapshot_interval_blocks);
    config
}

/// The same files, for who only reads them: nobody is woken.
pub(super) fn zone_files(config: &ZoneConfig) -> ZoneConfig {
    let mut config = config.clone();
    config.journal.on_start = None;
    config.journal.on_publish = None;
    config.journal.on_durable = None;
    config
}

pub(super) fn ready(
    folder: &DataFolder,
    resolved: &Resolved,
    peers: &[Peer],
    (fix, market_data): (&[SocketAddr], Option<ReadyMarketData>),
    admin: &Path,
) -> Ready {
    let instruments = resolved.reference.iter().filter_map(|item| {
        let Configuration::ListInstrument(instrument) = item else { return None };
        Some(ReadyInstrument {
            symbol: instrument.symbol.as_str().to_owned(),
            price_decimals: instrument.price_decimals,
            qty_decimals: instrument.qty_decimals,
        })
    });
    let validators = resolved.validators.iter().zip(peers).map(|(validator, peer)| ReadyValidator {
        public_key: peer.key.to_string(),
        address: peer.address,
        here: validator.secret.is_some(),
    });
    Ready {
        pid: std::process::id(),
        fix: fix[0],
        fix_tls: tls_address(resolved, fix),
        market_data,
        admin: admin.to_path_buf(),
        data_dir: folder.path().to_path_buf(),
        durability: durability_name(resolved.durability),
        attestation: attestation(resolved.mode),
        sessions: demo::credentials(folder.path()),
        instruments: instruments.collect(),
        validators: validators.collect(),
    }
}

/// Whether this process starts programs: its validators' verifiers of proofs, or a prover.
pub(super) fn programs(resolved: &Resolved, options: &Options) -> Programs {
    let verifies = options.parts == Parts::Appliance && !resolved.proof_verifiers.is_empty();
    if verifies || options.prover.is_some() { Programs::Allowed } else { Programs::Denied }
}

/// Which of the gateway's addresses is the one with TLS.
pub(super) fn tls_address(resolved: &Resolved, fix: &[SocketAddr]) -> Option<SocketAddr> {
    resolved.listen.iter().zip(fix).find_map(|(listen, address)| listen.tls.as_ref().map(|_| *address))
}

pub(super) const fn durability_name(durability: Durability) -> &'static str {
    match durability {
        Durability::Sync => "sync",
        Durability::Async => "async",
    }
}
