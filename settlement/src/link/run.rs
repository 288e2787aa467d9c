//! The link's thread, and the node's handle on it.

use super::courier::{self, Destination, Due, Parcel};
use super::follower::{self, Source};
use super::limits::{CLOSE_TIMEOUT, EVENT_RETRY_DELAY, EVENTS_WAITING_MAX};
use super::refusals::Refusals;
use super::tracker::Tracker;
use super::window::{Window, WindowError};
use super::{LinkEvent, SealedBlock};
use crate::block::Transaction;
use crate::committee::{Committee, ValidatorCount};
use crate::consensus::timestamp;
use crate::dispersal::ReaderKey;
use crate::genesis::Genesis;
use crate::keys::{self, KeyError, SecretKey};
use crate::ledger::{Outcome, State};
use crate::stages::{Stage, StageFigures, Stages, write_log};
use crate::transport::Peer;
use crate::transport::{ClientEndpoint, Identity, TransportError};
use commonware_utils::sync::Mutex;
use crossbeam_channel::{Receiver, Sender, TrySendError};
use plinth_types::digest::Digest;
use plinth_types::id::{Height, PublicKey, ZoneId};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};
use thiserror::Error;
use tokio::sync::{mpsc as commands, oneshot, watch};
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep, timeout};
use tracing::error;

/// What a link needs.
#[derive(Clone, Debug)]
pub struct LinkConfig {
    /// The producer's key: signs headers, and is the client's identity towards validators.
    pub producer: SecretKey,
    /// To whose holders bodies are enciphered.
    pub reader_key: ReaderKey,
    /// The zone.
    pub zone: ZoneId,
    /// The chain.
    pub genesis: Arc<Genesis>,
    /// Where the validators listen; those that are missing are not asked.
    pub validators: Vec<Peer>,
    /// The first settlement block that is reported; 1 is the first there is.
    pub from: Height,
}

/// Why a link did not start, or did not take something.
#[derive(Debug, Error)]
pub enum LinkError {
    /// A key that is none.
    #[error("key {key}: {error}")]
    Key {
        /// Which.
        key: PublicKey,
        /// What is wrong.
        error: KeyError,
    },
    /// No validator was named.
    #[error("a link without validators")]
    NoValidators,
    /// No thread could be had.
    #[error("no thread: {0}")]
    Thread(std::io::Error),
    /// No socket could be had.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// Too much waits to be ordered, or it is of another zone.
    #[error("{0}")]
    Refused(String),
    /// The link's thread is gone.
    #[error("the link has ended")]
    Ended,
}

/// How a link is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LinkStatus {
    /// Height of the last settlement block that it verified.
    pub height: Height,
    /// Validators connected.
    pub validators_connected: usize,
    /// Zone blocks that are not ordered.
    pub blocks_waiting: usize,
    /// What it measured.
    pub stages: Vec<StageFigures>,
}

/// A running link. Dropping it stops it.
#[derive(Debug)]
pub struct ZoneLink {
    commands: Option<commands::UnboundedSender<Command>>,
    events: Receiver<LinkEvent>,
    measured: Arc<Mutex<Measured>>,
    started: SystemTime,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
enum Command {
    Submit(Box<SealedBlock>, oneshot::Sender<Result<(), WindowError>>),
    Bring(Box<Transaction>, oneshot::Sender<Result<(), WindowError>>),
}

#[derive(Debug, Default)]
struct Measured {
    stages: Stages,
    status: LinkStatus,
    /// Behind the last verified block; `None` before the first.
    ledger: Option<State>,
}

impl ZoneLink {
    /// Starts a link on a thread of its own.
    ///
    /// # Errors
    ///
    /// [`LinkError`].
    pub fn start(config: LinkConfig) -> Result<Self, LinkError> {
        let destinations = config.validators.iter().map(|peer| {
            let key = keys::to_consensus(&peer.key).map_err(|error| LinkError::Key { key: peer.key, error })?;
            Ok(Destination { key: peer.key, consensus_key: key, address: peer.address })
        });
        let destinations = destinations.collect::<Result<Vec<_>, LinkError>>()?;
        let Some(remote) = destinations.first().map(|destination| destination.address) else {
            return Err(LinkError::NoValidators);
        };
        let (command_sender, command_receiver) = commands::unbounded_channel();
        let (event_sender, events) = crossbeam_channel::bounded(EVENTS_WAITING_MAX);
        let (report, started) = mpsc::sync_channel(1);
        let measured = Arc::<Mutex<Measured>>::default();
        let shared_measured = Arc::clone(&measured);
        let thread = std::thread::Builder::new().name("zone link".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => {
                    let _starter_gone = report.send(Err(LinkError::Thread(error))).is_err();
                    return;
                }
            };
            runtime.block_on(LocalSet::new().run_until(async move {
                let endpoint = match ClientEndpoint::new(Identity::new(config.producer.to_consensus()), remote) {
                    Ok(endpoint) => Rc::new(endpoint),
                    Err(error) => {
                        let _starter_gone = report.send(Err(error.into())).is_err();
                        return;
                    }
                };
                let _starter_gone = report.send(Ok(())).is_err();
                let shared = Rc::new(Shared::new(&config, event_sender, shared_measured));
                run(shared, endpoint, destinations, command_receiver).await;
            }));
        });
        let thread = thread.map_err(LinkError::Thread)?;
        started.recv().map_err(|_| LinkError::Ended)??;
        Ok(Self { commands: Some(command_sender), events, measured, started: SystemTime::now(), thread: Some(thread) })
    }

    /// Hands over a zone block. It is sent until a block of its height is ordered; one that is ordered already is dropped.
    ///
    /// # Errors
    ///
    /// [`LinkError::Refused`] when too much waits already: nothing was taken, and it is to be tried again when something was ordered.
    pub fn submit(&self, block: SealedBlock) -> Result<(), LinkError> {
        self.command(|answer| Command::Submit(Box::new(block), answer))
    }

    /// Hands over a transaction. It is sent until the ledger is past it, or it is refused by more validators than can be Byzantine.
    ///
    /// # Errors
    ///
    /// [`LinkError::Refused`] when too many wait already.
    pub fn bring(&self, transaction: Transaction) -> Result<(), LinkError> {
        self.command(|answer| Command::Bring(Box::new(transaction), answer))
    }

    /// What the link tells, in order. A node that does not take it holds the link up.
    #[must_use]
    pub const fn events(&self) -> &Receiver<LinkEvent> {
        &self.events
    }

    /// How it is.
    #[must_use]
    pub fn status(&self) -> LinkStatus {
        let measured = self.measured.lock();
        LinkStatus { stages: measured.stages.figures(), ..measured.status.clone() }
    }

    /// The ledger behind the last settlement block that it verified; `None` before the first.
    #[must_use]
    pub fn ledger(&self) -> Option<State> {
        self.measured.lock().ledger.clone()
    }

    /// Writes its histograms as an HDR V2 interval log.
    ///
    /// # Errors
    ///
    /// What `out` refuses.
    pub fn write_stages(&self, out: &mut impl std::io::Write) -> std::io::Result<()> {
        let duration = self.started.elapsed().unwrap_or(Duration::ZERO);
        let histograms = self.measured.lock().stages.histograms().clone();
        write_log(&histograms, "zone", self.started, duration, out)
    }

    /// Stops it. What waits is not sent any more; the node has it.
    pub fn stop(mut self) {
        self.end();
    }

    fn command(&self, command: impl FnOnce(oneshot::Sender<Result<(), WindowError>>) -> Command) -> Result<(), LinkError> {
        let (answer, taken) = oneshot::channel();
        let sender = self.commands.as_ref().ok_or(LinkError::Ended)?;
        sender.send(command(answer)).map_err(|_| LinkError::Ended)?;
        let taken = taken.blocking_recv().map_err(|_| LinkError::Ended)?;
        taken.map_err(|error| LinkError::Refused(error.to_string()))
    }

    fn end(&mut self) {
        drop(self.commands.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            error!("the link had panicked");
        }
    }
}

impl Drop for ZoneLink {
    fn drop(&mut self) {
        self.end();
    }
}

/// What the link's tasks share; all run on one thread.
pub(super) struct Shared {
    pub(super) tracker: RefCell<Tracker>,
    pub(super) changed: watch::Sender<()>,
    window: RefCell<Window>,
    refusals: RefCell<Refusals>,
    events: Sender<LinkEvent>,
    measured: Arc<Mutex<Measured>>,
    from: Height,
    /// As of the last final block.
    committee: RefCell<Committee>,
}

impl Shared {
    fn new(config: &LinkConfig, events: Sender<LinkEvent>, measured: Arc<Mutex<Measured>>) -> Self {
        Self {
            tracker: RefCell::new(Tracker::new(Arc::clone(&config.genesis))),
            changed: watch::Sender::new(()),
            window: RefCell::new(Window::new(config.zone, config.producer.clone(), config.reader_key.clone())),
            refusals: RefCell::default(),
            events,
            measured,
            from: config.from,
            committee: RefCell::new(config.genesis.committee().clone()),
        }
    }

    /// Takes note of a final block, and reports it if it is one to be reported.
    pub(super) async fn finalized(&self, outcome: Outcome) {
        let (height, now) = (outcome.height, timestamp(SystemTime::now()));
        let (finalized, executed) = self.window.borrow_mut().finalized(outcome, self.tracker.borrow().state());
        let ordered = !(finalized.ordered.is_empty() && finalized.rejected.is_empty());
        let committee = self.tracker.borrow().state().committee().clone();
        let replaced = self.committee.replace(committee.clone()) != committee
            || self.window.borrow().stale(self.tracker.borrow().state()).is_some();
        if (ordered || replaced)
            && let Err(error) = self.window.borrow_mut().seal(self.tracker.borrow().state())
        {
            error!(%error, "a block cannot be sealed");
        }
        self.refusals.borrow_mut().retain(|id| self.waits(id));
        self.tell_refused();
        {
            let mut measured = self.measured.lock();
            executed.iter().for_each(|executed| measured.stages.record(Stage::Receipt, *executed, now));
            measured.status.height = height;
            measured.ledger = Some(self.tracker.borrow().state().clone());
            measured.status.blocks_waiting = self.window.borrow().waiting_count();
        }
        if ordered || replaced || !finalized.inbox.is_empty() {
            self.changed.send_replace(());
        }
        // What was handed over to a link that was still behind may have been rejected in the blocks that it catches up with.
        if height < self.from && finalized.rejected.is_empty() {
            return;
        }
        let mut event = LinkEvent::Finalized(finalized);
        while let Err(TrySendError::Full(back)) = self.events.try_send(event) {
            event = back;
            sleep(EVENT_RETRY_DELAY).await;
        }
    }

    /// Tells the node something that it may miss when it does not listen.
    pub(super) fn tell(&self, event: LinkEvent) {
        let _not_heard = self.events.try_send(event).is_err();
    }

    /// A validator refuses a block or transaction, by its ledger of a height.
    pub(super) fn refused(&self, id: Digest, validator: PublicKey, judged_at: Height, reason: String) {
        if self.waits(&id) {
            self.refusals.borrow_mut().note(id, validator, judged_at, reason);
            self.tell_refused();
        }
    }

    /// Tells what more validators refuse than can be Byzantine, by ledgers that the link knows.
    fn tell_refused(&self) {
        let faults_max = self.committee.borrow().count().faults_max();
        let certain = self.refusals.borrow_mut().certain(self.height(), faults_max);
        for (id, reason) in certain {
            let height = self.window.borrow().sealed().find(|(_, sealed)| sealed.id == id).map(|(height, _)| *height);
            if let Some(height) = height {
                self.tell(LinkEvent::BlockRefused { height, reason });
            } else if self.window.borrow_mut().give_up(id) {
                self.tell(LinkEvent::TransactionRefused { id, reason });
            }
        }
    }

    /// Of the last block that the link verified.
    pub(super) fn height(&self) -> Height {
        self.tracker.borrow().state().height()
    }

    /// Which shard is a validator's, and of how many.
    pub(super) fn place_of(&self, validator: &PublicKey) -> Option<(u16, ValidatorCount)> {
        let committee = self.committee.borrow();
        committee.index_of(validator).map(|index| (index, committee.count()))
    }

    /// Whether something still waits to be ordered.
    pub(super) fn waits(&self, id: &Digest) -> bool {
        let (window, tracker) = (self.window.borrow(), self.tracker.borrow());
        window.sealed().any(|(_, sealed)| sealed.id == *id) || window.transactions(tracker.state()).any(|(known, _)| known == id)
    }

    /// The first block or transaction that was never brought, or that is to be brought again now. A block that is not due holds up no
    /// other one.
    pub(super) fn next_due(&self, due: &BTreeMap<Digest, Due>, now: Instant) -> Option<Parcel> {
        let is_due = |id: &Digest| due.get(id).is_none_or(|due| due.at <= now);
        let (window, tracker) = (self.window.borrow(), self.tracker.borrow());
        let block =
            window.sealed().find(|(_, sealed)| is_due(&sealed.id)).map(|(_, sealed)| Parcel::Block(Box::new(sealed.clone())));
        let transaction = || {
            let first = window.transactions(tracker.state()).find(|(id, _)| is_due(id));
            first.map(|(id, transaction)| Parcel::Transaction(*id, Box::new(transaction.clone())))
        };
        block.or_else(transaction)
    }

    fn take(&self, command: Command) {
        let tracker = self.tracker.borrow();
        let (taken, answer) = match command {
            Command::Submit(block, answer) => (self.window.borrow_mut().submit(*block, tracker.state()), answer),
            Command::Bring(transaction, answer) => (self.window.borrow_mut().bring(*transaction, tracker.state()), answer),
        };
        self.measured.lock().status.blocks_waiting = self.window.borrow().waiting_count();
        self.changed.send_replace(());
        let _node_gone = answer.send(taken).is_err();
    }
}

async fn run(
    shared: Rc<Shared>,
    endpoint: Rc<ClientEndpoint>,
    destinations: Vec<Destination>,
    mut commands: commands::UnboundedReceiver<Command>,
) {
    let mut tasks = tokio::task::JoinSet::new();
    let mut sources = Vec::new();
    for destination in destinations {
        let (sender, connection) = watch::channel(None);
        sources.push(Source { key: destination.key, connection: connection.clone() });
        tasks.spawn_local(courier::run(Rc::clone(&shared), Rc::clone(&endpoint), destination, sender));
        tasks.spawn_local(count_connections(Rc::clone(&shared), connection));
    }
    tasks.spawn_local(follower::run(Rc::clone(&shared), sources));
    while let Some(command) = commands.recv().await {
        shared.take(command);
    }
    tasks.shutdown().await;
    if let Ok(endpoint) = Rc::try_unwrap(endpoint) {
        let _not_told = timeout(CLOSE_TIMEOUT, endpoint.close()).await.is_err();
    }
}

async fn count_connections(shared: Rc<Shared>, mut connection: watch::Receiver<Option<crate::transport::ClientConnection>>) {
    let mut was_connected = false;
    while connection.changed().await.is_ok() {
        let connected = connection.borrow().is_some();
        let mut measured = shared.measured.lock();
        match (was_connected, connected) {
            (false, true) => measured.status.validators_connected += 1,
            (true, false) => measured.status.validators_connected -= 1,
            (false, false) | (true, true) => {}
        }
        was_connected = connected;
    }
}
