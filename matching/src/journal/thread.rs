//! The journal's thread: ring → batch → disk → published sequence numbers.

use super::batch::Batch;
use super::disk::{Directory, Disk, FileDisk, Lock};
use super::error::{DiskError, DiskOp, JournalError};
use super::format::SegmentIndex;
use super::limits::{
    BATCH_SIZE_MAX, FLOOR_IDLE, IDLE_WAIT_MAX, PREPARE_RETRY_INTERVAL, RING_CELLS_DEFAULT, SEGMENT_HEADER_SIZE,
    SEGMENT_SIZE_DEFAULT, SYNC_INTERVAL,
};
use super::recover::{Identity, Report};
use super::writer::{Durability, End, Writer, open};
use crate::ring::{RecordConsumer, RecordProducer, RingFull, Signal, WaitStrategy, record_ring};
use plinth_types::command::Command;
use plinth_types::id::{Seq, TimestampNs};
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread::JoinHandle;
use std::time::Instant;

/// Something to call on the journal's thread.
pub type Hook = Arc<dyn Fn() + Send + Sync>;

/// What a journal is told at start.
#[derive(Clone)]
pub struct JournalConfig {
    /// Directory of its segments.
    pub path: PathBuf,
    /// Which journal it is.
    pub identity: Identity,
    /// Bytes of a segment made from now on.
    pub segment_size: u64,
    /// Most bytes written at once.
    pub batch_size_max: usize,
    /// Cells of the ring in front of it; a power of two.
    pub ring_cells: usize,
    /// What an acknowledgement means.
    pub durability: Durability,
    /// What its thread does when the ring is empty.
    pub wait: WaitStrategy,
    /// Called by its thread first: to pin it, say.
    pub on_start: Option<Hook>,
    /// Called by its thread when more may be acknowledged: once per batch, and after a failure. It wakes whoever holds answers back and must not
    /// block.
    pub on_publish: Option<Hook>,
    /// Called by its thread when more is durable, behind the other one: once per batch, or per background sync. It wakes whoever follows the
    /// journal and must not block.
    pub on_durable: Option<Hook>,
}

impl JournalConfig {
    /// The usual configuration of the journal in `path`.
    #[must_use]
    pub fn new(path: PathBuf, identity: Identity) -> Self {
        Self {
            path,
            identity,
            segment_size: SEGMENT_SIZE_DEFAULT,
            batch_size_max: BATCH_SIZE_MAX,
            ring_cells: RING_CELLS_DEFAULT,
            durability: Durability::default(),
            wait: WaitStrategy::default(),
            on_start: None,
            on_publish: None,
            on_durable: None,
        }
    }

    /// Replays the journal into `visit` and finds its end, see [`open`]. The directory stays locked until the end is dropped, or the
    /// journal that was started with it.
    ///
    /// # Errors
    ///
    /// As [`open`], and [`JournalError::InUse`].
    pub fn open<E: From<JournalError>>(
        &self,
        now: TimestampNs,
        visit: impl FnMut(&Command, &[u8]) -> Result<(), E>,
    ) -> Result<(End, Report), E> {
        let lock = Lock::take(&self.path)?;
        let mut disk = FileDisk::create(&self.path).map_err(JournalError::from)?;
        let (end, report) = open(&mut disk, self.identity, self.segment_size, now, visit)?;
        Ok((End { lock: Some(lock), ..end }, report))
    }
}

impl fmt::Debug for JournalConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, identity, segment_size, batch_size_max, ring_cells, durability, wait, .. } = self;
        f.debug_struct("JournalConfig")
            .field("path", path)
            .field("identity", identity)
            .field("segment_size", segment_size)
            .field("batch_size_max", batch_size_max)
            .field("ring_cells", ring_cells)
            .field("durability", durability)
            .field("wait", wait)
            .finish_non_exhaustive()
    }
}

/// How far the journal is, for everybody to read.
#[derive(Debug)]
pub struct JournalStatus {
    acknowledgeable: AtomicU64,
    durable: AtomicU64,
    space_low: AtomicBool,
    reserve_low: AtomicBool,
    failure: OnceLock<JournalError>,
    work: Signal,
}

impl JournalStatus {
    fn new(last: Seq) -> Self {
        Self {
            acknowledgeable: AtomicU64::new(last.get()),
            durable: AtomicU64::new(last.get()),
            space_low: AtomicBool::new(false),
            reserve_low: AtomicBool::new(false),
            failure: OnceLock::new(),
            work: Signal::default(),
        }
    }

    /// The last record whose effects may leave the process, under the configured durability.
    #[must_use]
    pub fn acknowledgeable(&self) -> Seq {
        Seq::new(self.acknowledgeable.load(Ordering::Acquire))
    }

    /// The last record that survives a power failure; the replica stops here in every durability mode.
    #[must_use]
    pub fn durable(&self) -> Seq {
        Seq::new(self.durable.load(Ordering::Acquire))
    }

    /// Whether the next segment could not be allocated, or the host says that its reserve of disk space is touched: no new orders,
    /// while the current segment still takes cancels.
    #[must_use]
    pub fn is_space_low(&self) -> bool {
        self.space_low.load(Ordering::Acquire) || self.reserve_low.load(Ordering::Acquire)
    }

    /// Says whether the host's reserve of disk space is touched. The journal itself sees only its own allocations fail.
    pub fn set_reserve_low(&self, is_low: bool) {
        self.reserve_low.store(is_low, Ordering::Release);
    }

    /// The error that stopped the journal for good. The process must exit.
    #[must_use]
    pub fn failure(&self) -> Option<&JournalError> {
        self.failure.get()
    }
}

/// The sequencer's side of a running journal. Dropping it waits until the thread has written what was handed over;
/// [`Journal::shutdown`] also says whether it could.
#[derive(Debug)]
pub struct Journal {
    /// `None` once it is shut down.
    ring: Option<RecordProducer<1>>,
    status: Arc<JournalStatus>,
    thread: Option<JoinHandle<()>>,
}

impl Journal {
    /// Starts the journal's thread at the end that [`JournalConfig::open`] found.
    ///
    /// # Errors
    ///
    /// When the directory cannot be opened or the kernel has no io_uring.
    ///
    /// # Panics
    ///
    /// If the configured sizes contradict each other.
    pub fn start(config: &JournalConfig, end: End) -> Result<Self, JournalError> {
        assert!(
            config.segment_size >= (SEGMENT_HEADER_SIZE + config.batch_size_max) as u64,
            "a segment of {} bytes holds no batch of {}",
            config.segment_size,
            config.batch_size_max
        );
        let mut allocator = Directory::create(&config.path)?;
        let segment_size = config.segment_size;
        let path = config.path.clone();
        let allocate = move |segment| allocator.allocate(segment, segment_size);
        Self::start_on(config, end, move || FileDisk::to_append(&path), allocate)
    }

    /// As [`Journal::start`], on any disk. `disk` is called on the journal's thread, `allocate` on its helper's.
    pub(crate) fn start_on<D: Disk>(
        config: &JournalConfig,
        end: End,
        disk: impl FnOnce() -> Result<D, DiskError> + Send + 'static,
        allocate: impl FnMut(SegmentIndex) -> Result<(), DiskError> + Send + 'static,
    ) -> Result<Self, JournalError> {
        let (producer, [consumer]) = record_ring(config.ring_cells);
        let status = Arc::new(JournalStatus::new(end.last_seq()));
        let (opened, opening) = mpsc::sync_channel(1);
        let mut stage = Stage {
            config: config.clone(),
            ring: consumer,
            batch: Batch::new(config.batch_size_max),
            status: Arc::clone(&status),
            allocation: Allocation::start(allocate),
            is_guarded: true,
            sync_due: Instant::now(),
        };
        let run = move || {
            if let Some(hook) = &stage.config.on_start {
                hook();
            }
            match disk() {
                Ok(disk) => {
                    let sent = opened.send(Ok(()));
                    debug_assert!(sent.is_ok(), "the starter waits");
                    let mut writer = Writer::new(disk, end);
                    stage.run(&mut writer);
                    // The writer holds the directory's lock; the stage waits for its helper first.
                    drop(stage);
                    drop(writer);
                }
                Err(error) => drop(opened.send(Err(error))),
            }
        };
        let thread = std::thread::Builder::new().name("journal".into()).spawn(run).map_err(|_| JournalError::ThreadLost)?;
        opening.recv().map_err(|_| JournalError::ThreadLost)??;
        Ok(Self { ring: Some(producer), status, thread: Some(thread) })
    }

    /// Hands a record over; never waits. The sequence numbers must be consecutive.
    ///
    /// # Errors
    ///
    /// [`RingFull`].
    ///
    /// # Panics
    ///
    /// If `tail` is not of the command's tail size.
    #[inline]
    pub fn append(&mut self, command: &Command, tail: &[u8]) -> Result<(), RingFull> {
        let ring = self.ring.as_mut().ok_or(RingFull)?;
        ring.push(command, tail)?;
        self.status.work.notify();
        Ok(())
    }

    /// Whether a record with a tail of `tail_size` bytes fits and leaves `reserved` cells free.
    #[inline]
    pub fn has_room(&mut self, tail_size: usize, reserved: usize) -> bool {
        self.ring.as_mut().is_some_and(|ring| ring.has_room(tail_size, reserved))
    }

    /// How far it is; may be kept and read by any thread.
    #[must_use]
    pub const fn status(&self) -> &Arc<JournalStatus> {
        &self.status
    }

    /// Lets the thread write and sync what was handed over, and waits for it.
    ///
    /// # Errors
    ///
    /// The error that stopped it.
    pub fn shutdown(mut self) -> Result<(), JournalError> {
        let ended = self.close();
        match self.status.failure() {
            Some(error) => Err(error.clone()),
            None => ended,
        }
    }

    fn close(&mut self) -> Result<(), JournalError> {
        drop(self.ring.take());
        self.status.work.notify();
        self.thread.take().map_or(Ok(()), |thread| thread.join().map_err(|_| JournalError::ThreadLost))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Who wants to know calls `shutdown`.
        drop(self.close());
    }
}

/// What the thread owns.
struct Stage {
    config: JournalConfig,
    ring: RecordConsumer<1>,
    batch: Batch,
    status: Arc<JournalStatus>,
    allocation: Allocation,
    /// Whether the last record lies below a floor on disk.
    is_guarded: bool,
    /// When an `async` journal looks after its sync again.
    sync_due: Instant,
}

impl Stage {
    fn run<D: Disk>(&mut self, writer: &mut Writer<D>) {
        if let Err(error) = self.write_all(writer) {
            // Only this thread sets it.
            drop(self.status.failure.set(error));
            call(self.config.on_publish.as_ref());
        }
    }

    fn write_all<D: Disk>(&mut self, writer: &mut Writer<D>) -> Result<(), JournalError> {
        loop {
            self.allocation.tend(writer, &self.status);
            if self.batch.fill(&mut self.ring) {
                self.commit(writer)?;
            } else if self.ring.is_finished() {
                return self.guard(writer);
            } else {
                self.idle(writer)?;
            }
        }
    }

    fn commit<D: Disk>(&mut self, writer: &mut Writer<D>) -> Result<(), JournalError> {
        if writer.must_roll(&self.batch) {
            self.allocation.finish(writer, &self.status)?;
        }
        writer.commit(&mut self.batch, self.config.durability)?;
        self.is_guarded = false;
        if self.config.durability == Durability::Async && self.sync_due <= Instant::now() {
            self.sync_behind(writer)?;
        }
        self.publish(writer);
        Ok(())
    }

    fn idle<D: Disk>(&mut self, writer: &mut Writer<D>) -> Result<(), JournalError> {
        let timeout = if writer.durable() < writer.written() {
            SYNC_INTERVAL
        } else if self.is_guarded {
            IDLE_WAIT_MAX
        } else {
            FLOOR_IDLE
        };
        let Self { ring, config, status, .. } = self;
        if status.work.wait(config.wait, timeout, || !ring.is_empty() || ring.is_finished()) {
            return Ok(());
        }
        if writer.durable() < writer.written() {
            self.sync_behind(writer)?;
            self.publish(writer);
        } else if !self.is_guarded {
            self.guard(writer)?;
        }
        Ok(())
    }

    fn sync_behind<D: Disk>(&mut self, writer: &mut Writer<D>) -> Result<(), JournalError> {
        self.sync_due = Instant::now() + SYNC_INTERVAL;
        writer.sync_behind()
    }

    /// Makes everything durable and writes an empty batch that says so.
    fn guard<D: Disk>(&mut self, writer: &mut Writer<D>) -> Result<(), JournalError> {
        writer.sync()?;
        self.publish(writer);
        debug_assert!(self.batch.is_empty());
        // Without room for it the last batch stays unguarded: no reason to fail.
        if !self.is_guarded && !writer.must_roll(&self.batch) {
            writer.commit(&mut self.batch, Durability::Sync)?;
        }
        self.is_guarded = true;
        Ok(())
    }

    fn publish<D: Disk>(&self, writer: &Writer<D>) {
        let acknowledgeable = match self.config.durability {
            Durability::Sync => writer.durable(),
            Durability::Async => writer.written(),
        };
        let durable_before = self.status.durable.swap(writer.durable().get(), Ordering::Release);
        let before = self.status.acknowledgeable.swap(acknowledgeable.get(), Ordering::Release);
        if before < acknowledgeable.get() {
            call(self.config.on_publish.as_ref());
        }
        if durable_before < writer.durable().get() {
            call(self.config.on_durable.as_ref());
        }
    }
}

fn call(hook: Option<&Hook>) {
    if let Some(hook) = hook {
        hook();
    }
}

/// A helper that allocates the next segment while the current one is filled.
struct Allocation {
    /// `None` once it is told to end.
    requests: Option<mpsc::Sender<SegmentIndex>>,
    results: mpsc::Receiver<(SegmentIndex, Result<(), DiskError>)>,
    state: AllocationState,
    helper: Option<JoinHandle<()>>,
}

#[derive(Clone, Copy)]
enum AllocationState {
    Idle,
    Asked,
    Failed(Instant, DiskError),
}

impl Allocation {
    fn start(mut allocate: impl FnMut(SegmentIndex) -> Result<(), DiskError> + Send + 'static) -> Self {
        let (requests, asked) = mpsc::channel();
        let (answers, results) = mpsc::channel();
        let serve = move || {
            for segment in asked {
                if answers.send((segment, allocate(segment))).is_err() {
                    break;
                }
            }
        };
        // Without the thread every request goes unanswered, which reads as "no space".
        let helper = std::thread::Builder::new().name("journal-space".into()).spawn(serve).ok();
        Self { requests: Some(requests), results, state: AllocationState::Idle, helper }
    }

    /// Asks for the segment that is wanted, or takes the answer. Never waits.
    fn tend<D: Disk>(&mut self, writer: &mut Writer<D>, status: &JournalStatus) {
        match self.state {
            AllocationState::Asked => {
                if let Ok(answer) = self.results.try_recv() {
                    self.answered(answer, writer, status);
                }
            }
            AllocationState::Failed(since, _) if since.elapsed() < PREPARE_RETRY_INTERVAL => {}
            AllocationState::Idle | AllocationState::Failed(..) => {
                if let Some(segment) = writer.segment_wanted() {
                    let sent = self.requests.as_ref().is_some_and(|requests| requests.send(segment).is_ok());
                    self.state = if sent { AllocationState::Asked } else { no_helper(segment) };
                }
            }
        }
    }

    /// Waits for the segment that is wanted: the current one is full.
    fn finish<D: Disk>(&mut self, writer: &mut Writer<D>, status: &JournalStatus) -> Result<(), JournalError> {
        self.tend(writer, status);
        if matches!(self.state, AllocationState::Asked) {
            match self.results.recv() {
                Ok(answer) => self.answered(answer, writer, status),
                Err(mpsc::RecvError) => self.state = no_helper(SegmentIndex::NONE),
            }
        }
        match self.state {
            AllocationState::Failed(_, error) => Err(error.into()),
            AllocationState::Idle | AllocationState::Asked => Ok(()),
        }
    }

    fn answered<D: Disk>(
        &mut self,
        (segment, result): (SegmentIndex, Result<(), DiskError>),
        writer: &mut Writer<D>,
        status: &JournalStatus,
    ) {
        status.space_low.store(result.is_err(), Ordering::Release);
        self.state = match result {
            Ok(()) => {
                writer.segment_ready(segment);
                AllocationState::Idle
            }
            Err(error) => AllocationState::Failed(Instant::now(), error),
        };
    }
}

impl Drop for Allocation {
    /// Waits for the helper: the next journal in this directory must not meet it.
    fn drop(&mut self) {
        self.requests = None;
        if let Some(helper) = self.helper.take() {
            // It has nothing to say; if it panicked, the segment it was making has no name yet.
            drop(helper.join());
        }
    }
}

fn no_helper(segment: SegmentIndex) -> AllocationState {
    let error = DiskError { op: DiskOp::Allocate, segment, offset: 0, errno: libc::EAGAIN };
    AllocationState::Failed(Instant::now(), error)
}
