//! The host: who calls, one zone process at a time, and when to stop.

use crate::HostConfig;
use crate::limits::{ACCEPT_RETRY_DELAY, CALLERS_MAX};
use crate::proofs::Proofs;
use crate::road::Road;
use crate::session;
use crate::welcome::check_hello;
use plinth_settlement::ledger::{State, ZoneStatus};
use plinth_settlement::link::{CarrierError, LinkError, ProofCarrier, ProofDelivery, ZoneLink};
use plinth_types::id::{Height, ProducerEpoch, PublicKey};
use plinth_zone_protocol::host::{Caller, Listener, Wish};
use plinth_zone_protocol::limits::STATUS_ASSETS_MAX;
use plinth_zone_protocol::{AssetFlow, Hello, HostStatus, ProtocolError, Reason, Refusal};
use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError, TryLockError, Weak};
use std::{io, thread};
use thiserror::Error;

/// Why a host does not start, or may not go on.
#[derive(Debug, Error)]
pub enum HostError {
    /// The data directory cannot be made or written.
    #[error("{path}: {error}")]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another host runs on it.
    #[error("{path}: in use by another host")]
    InUse {
        /// Which.
        path: PathBuf,
    },
    /// The socket.
    #[error(transparent)]
    Socket(#[from] ProtocolError),
    /// The link to the validators.
    #[error("settlement link: {0}")]
    Link(#[from] LinkError),
    /// The link's thread is gone; the log says why.
    #[error("the settlement link has ended")]
    LinkEnded,
    /// Proofs cannot be carried.
    #[error("proofs: {0}")]
    Proofs(#[from] CarrierError),
    /// No thread could be had.
    #[error("no thread: {0}")]
    Thread(io::Error),
    /// The zone is somebody else's: what this host would seal is never ordered.
    #[error("the zone's producer is {producer} since epoch {epoch}; this host's key is not, and it stops")]
    NotProducer {
        /// Whose.
        producer: PublicKey,
        /// Since when.
        epoch: ProducerEpoch,
    },
}

/// A running host. It keeps nothing on disk but the lock of its directory, and stops with its process: any signal will do.
#[derive(Clone, Debug)]
pub struct Host {
    pub(crate) config: Arc<HostConfig>,
    view: Arc<Mutex<View>>,
    served: Arc<AtomicBool>,
    pub(crate) proofs: Proofs,
    _lock: Arc<File>,
}

/// What the status shows beside the ledger.
#[derive(Debug, Default)]
pub(crate) struct View {
    pub(crate) executed: Height,
    pub(crate) told: Height,
    pub(crate) processed: Height,
    welcomed_count: u64,
    refused: Reason,
    /// The link at hand, and the first epoch that is its zone process's own.
    link: Weak<ZoneLink>,
    own_epoch: Option<ProducerEpoch>,
}

impl Host {
    /// Locks the directory and listens. What ends the host comes out of the receiver.
    ///
    /// # Errors
    ///
    /// [`HostError`].
    pub fn start(config: HostConfig) -> Result<(Self, Receiver<HostError>), HostError> {
        let lock = lock(&config.directory)?;
        let listener = Listener::bind(&config.socket)?;
        let (config, served) = (Arc::new(config), Arc::new(AtomicBool::new(false)));
        let proofs = Proofs::new(config.bodies_are_proofs);
        let host = Self { config, view: Arc::default(), served, proofs, _lock: Arc::new(lock) };
        let road = Arc::new(Mutex::new(Some(Road::new(&host.config, Height::new(0))?)));
        if let Some(road) = &*road.lock().unwrap_or_else(PoisonError::into_inner) {
            host.watch(road);
        }
        if host.config.bodies_are_proofs {
            let carrier = ProofCarrier::new(&host.config.key, &host.config.validators)?;
            let delivery = ProofDelivery::new(carrier, host.config.zone);
            let carrying = host.clone();
            let carry = move || carrying.proofs.carry(delivery, carrying.config.zone, || carrying.link());
            thread::Builder::new().name("zone proofs".into()).spawn(carry).map_err(HostError::Thread)?;
        }
        let (fatal, ended) = mpsc::channel();
        let accepting = host.clone();
        let accept = move || accepting.accept(&listener, &road, &fatal);
        thread::Builder::new().name("zone host".into()).spawn(accept).map_err(HostError::Thread)?;
        Ok((host, ended))
    }

    fn accept(&self, listener: &Listener, road: &Arc<Mutex<Option<Road>>>, fatal: &Sender<HostError>) {
        let callers = Arc::new(AtomicUsize::new(0));
        loop {
            let caller = match listener.accept() {
                Ok(caller) => caller,
                Err(error) => {
                    // Out of descriptors, perhaps: others have to end first.
                    tracing::warn!(%error, "no caller");
                    thread::sleep(ACCEPT_RETRY_DELAY);
                    continue;
                }
            };
            if callers.fetch_add(1, Ordering::AcqRel) >= CALLERS_MAX {
                callers.fetch_sub(1, Ordering::AcqRel);
                continue;
            }
            let (host, road, fatal, done) = (self.clone(), Arc::clone(road), fatal.clone(), Arc::clone(&callers));
            let answer = move || {
                if let Err(error) = host.answer(caller, &road) {
                    // Nobody hears it only when the program is ending already.
                    let _ = fatal.send(error);
                }
                done.fetch_sub(1, Ordering::AcqRel);
            };
            if let Err(error) = thread::Builder::new().name("zone caller".into()).spawn(answer) {
                callers.fetch_sub(1, Ordering::AcqRel);
                tracing::warn!(%error, "no thread for a caller");
            }
        }
    }

    fn answer(&self, mut caller: Caller, road: &Mutex<Option<Road>>) -> Result<(), HostError> {
        match caller.wish() {
            Ok(Wish::Status) => {
                // Who is gone need not be told.
                let _ = caller.tell_status(self.status());
                Ok(())
            }
            Ok(Wish::Zone(hello)) if let Err(refusal) = check_hello(&self.config, &hello) => session::refuse(self, caller, refusal),
            Ok(Wish::Zone(hello)) => match road.try_lock() {
                Err(TryLockError::WouldBlock) => {
                    caller.refuse(Refusal::Busy);
                    Ok(())
                }
                Ok(mut road) => self.serve(&mut road, hello, caller),
                Err(TryLockError::Poisoned(road)) => self.serve(&mut road.into_inner(), hello, caller),
            },
            Err(error) => {
                let refusal = Refusal::Malformed(Reason::new(error));
                self.refused(&refusal);
                caller.refuse(refusal);
                Ok(())
            }
        }
    }

    fn serve(&self, road: &mut Option<Road>, hello: Hello, caller: Caller) -> Result<(), HostError> {
        let served = session::serve(self, road, hello, caller);
        self.leave();
        served
    }

    pub(crate) fn with_view<T>(&self, look: impl FnOnce(&mut View) -> T) -> T {
        look(&mut self.view.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn watch(&self, road: &Road) {
        self.with_view(|view| view.link = Arc::downgrade(road.link()));
    }

    /// The link at hand.
    fn link(&self) -> Option<Arc<ZoneLink>> {
        self.with_view(|view| view.link.clone()).upgrade()
    }

    pub(crate) fn welcomed(&self, hello: &Hello) {
        self.served.store(true, Ordering::Release);
        self.with_view(|view| {
            view.welcomed_count += 1;
            view.own_epoch = Some(hello.epoch);
            (view.executed, view.told, view.processed) = (hello.height, hello.settlement_height, hello.settlement_height);
        });
    }

    pub(crate) fn refused(&self, refusal: &Refusal) {
        tracing::warn!(%refusal, "a caller was refused");
        self.with_view(|view| view.refused = Reason::new(refusal));
    }

    /// The zone process is gone: who waits for room in the link on its behalf stops.
    pub(crate) fn leave(&self) {
        self.served.store(false, Ordering::Release);
    }

    pub(crate) fn is_served(&self) -> bool {
        self.served.load(Ordering::Acquire)
    }

    /// What is refused for that reason ends the host too.
    pub(crate) fn stops_for(&self, refusal: &Refusal) -> Result<(), HostError> {
        if let Refusal::NotProducer { producer, epoch } = *refusal {
            Err(HostError::NotProducer { producer, epoch })
        } else {
            Ok(())
        }
    }

    /// Whether the zone is still this host's, as far as the ledger says. Asked now and then: while no zone process is connected nobody else
    /// looks. A connected one is told before the host ends.
    ///
    /// # Errors
    ///
    /// [`HostError::NotProducer`].
    pub fn check(&self) -> Result<(), HostError> {
        if self.is_served() {
            return Ok(());
        }
        let own_epoch = self.with_view(|view| view.own_epoch);
        let (Some(ledger), Some(own_epoch)) = (self.link().and_then(|link| link.ledger()), own_epoch) else { return Ok(()) };
        let Some(zone) = ledger.zone(self.config.zone) else { return Ok(()) };
        let (producer, epoch) = (zone.producer(), zone.epoch());
        if epoch >= own_epoch && producer != self.config.key.public_key() {
            return Err(HostError::NotProducer { producer, epoch });
        }
        Ok(())
    }

    /// How it is.
    #[must_use]
    pub fn status(&self) -> HostStatus {
        let link = self.link();
        let link_status = link.as_ref().map(|link| link.status()).unwrap_or_default();
        let ledger = link.and_then(|link| link.ledger());
        let ledger = ledger.unwrap_or_else(|| State::genesis(Arc::clone(&self.config.genesis)));
        let zone = ledger.zone(self.config.zone).expect("the configuration names a zone of the genesis");
        let flows = zone.turnstiles().take(STATUS_ASSETS_MAX).map(|(asset, flow)| AssetFlow {
            asset,
            in_flight: flow.in_flight,
            paid_in: flow.paid_in,
            leaving: flow.leaving,
            paid_out: flow.paid_out,
        });
        let assets = flows.collect::<Vec<_>>().into();
        self.with_view(|view| HostStatus {
            chain: ledger.chain(),
            zone: zone.id(),
            key: self.config.key.public_key(),
            producer: zone.producer(),
            epoch: zone.epoch(),
            frozen: zone.status() != ZoneStatus::Open,
            validators_connected: u32::try_from(link_status.validators_connected).unwrap_or(u32::MAX),
            settlement_height: ledger.height(),
            settlement_time: ledger.time(),
            connected: self.is_served(),
            welcomed_count: view.welcomed_count,
            refused: view.refused.clone(),
            executed: view.executed,
            ordered: zone.height(),
            available: zone.available(),
            settled: zone.settled(),
            waiting_count: u32::try_from(link_status.blocks_waiting).unwrap_or(u32::MAX),
            told: view.told,
            processed: view.processed,
            inbox_appended: zone.inbox().appended(),
            inbox_consumed: zone.inbox().consumed(),
            assets,
        })
    }
}

fn lock(directory: &std::path::Path) -> Result<File, HostError> {
    let failed = |error| HostError::Directory { path: directory.into(), error };
    fs::create_dir_all(directory).map_err(failed)?;
    let lock = File::options().create(true).truncate(false).write(true).open(directory.join("host.lock")).map_err(failed)?;
    lock.try_lock().map_err(|error| match error {
        fs::TryLockError::WouldBlock => HostError::InUse { path: directory.into() },
        fs::TryLockError::Error(error) => failed(error),
    })?;
    Ok(lock)
}
