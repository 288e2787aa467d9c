//! Workers: take, execute, hand in, commit what is next.

use super::commit::{Commits, Effect, Outcome, Verdict};
use super::database::TrackedDatabase;
use super::fees;
use super::overlay::Overlay;
use super::queue::Queue;
use super::transfer::PlainTransfer;
use crate::ethereum::{Address, Bytes, U256};
use crate::execution::effects::{AccountWrite, Writes};
use crate::execution::{BlockPlan, BlockResult, Ending, Rejection, SystemCall, TransactionResult};
use crate::limits::WORKERS_MAX;
use crate::machine::{ExecuteEvm, ExecutionResult, MainnetContext, MainnetEvm, SystemCallEvm, TxEnv};
use crate::schedule::Release;
use crate::state::StateView;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use std::sync::{Mutex, PoisonError, TryLockError};

/// Transactions a worker takes at once from what the cursor passes: enough to make the queue's lock cheap, few enough to share fairly.
const BATCH: usize = 8;
/// Looks at the queue before a worker without work yields its processor.
const SPINS: u32 = 64;
/// A block with fewer transactions is not worth waking anybody for.
const PARALLEL_FROM: usize = 16;

/// The executor's threads, kept from block to block.
#[derive(Debug)]
pub struct Pool {
    threads: Option<rayon::ThreadPool>,
    workers: usize,
}

/// The threads could not be started.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// Zero, or more than [`WORKERS_MAX`].
    #[error("{workers} workers: from 1 to {WORKERS_MAX} are possible")]
    Count {
        /// As asked for.
        workers: usize,
    },
    /// The operating system refused.
    #[error("cannot start worker threads: {0}")]
    Start(#[from] rayon::ThreadPoolBuildError),
}

impl Pool {
    /// One worker runs on the caller's thread.
    pub fn new(workers: usize) -> Result<Self, PoolError> {
        if workers == 0 || workers > WORKERS_MAX {
            return Err(PoolError::Count { workers });
        }
        let threads = (workers > 1)
            .then(|| rayon::ThreadPoolBuilder::new().num_threads(workers).thread_name(|index| format!("evm-{index}")).build())
            .transpose()?;
        Ok(Self { threads, workers })
    }

    /// How many.
    pub const fn workers(&self) -> usize {
        self.workers
    }

    /// Runs `task` for each piece, on all workers.
    pub fn for_each<T: Send, R: Send>(&self, pieces: Vec<T>, task: impl Fn(T) -> R + Sync) -> Vec<R> {
        use rayon::iter::{IntoParallelIterator, ParallelIterator};
        match &self.threads {
            Some(threads) => threads.install(|| pieces.into_par_iter().map(&task).collect()),
            None => pieces.into_iter().map(task).collect(),
        }
    }
}

/// How a block went; no part of its result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Executions, repeated ones counted.
    pub executions: u64,
    /// Transactions executed again because a value read had changed: predictions that erred. One may stand here twice.
    pub repeated: Vec<u32>,
    /// Plain transfers done without the machine.
    pub transfers: u64,
}

/// Executes `transactions` in their order on `state`; see the module's documentation.
pub fn execute<S: StateView>(
    state: &S,
    plan: &BlockPlan,
    transactions: &[&TxEnv],
    release: &[Release],
    pool: &Pool,
) -> (BlockResult, Stats) {
    let releases = (0..transactions.len()).map(|index| release.get(index).map_or(0, |release| release.after));
    execute_with(state, plan, transactions, Queue::new(releases), |block| match &pool.threads {
        Some(threads) if transactions.len() >= PARALLEL_FROM => drop(threads.broadcast(|_| Worker::new(block).run())),
        Some(_) | None => Worker::new(block).run(),
    })
}

/// Executes as [`execute`] does, on the caller's thread, in an interleaving laid down: transactions run in the order of `runs` (each once), and what
/// is ready is committed after those runs for which `commit` holds, and at the end. For tests: no scheduler of a real machine is this unkind.
pub fn execute_interleaved<S: StateView>(
    state: &S,
    plan: &BlockPlan,
    transactions: &[&TxEnv],
    runs: &[u32],
    commit: impl Fn(usize) -> bool + Sync,
) -> (BlockResult, Stats) {
    execute_with(state, plan, transactions, Queue::new(transactions.iter().map(|_| 0)), |block| {
        let mut worker = Worker::new(block);
        for (step, index) in runs.iter().enumerate() {
            worker.run_one(*index);
            if commit(step) {
                worker.commit_ready();
            }
        }
        worker.commit_ready();
        worker.report();
    })
}

fn execute_with<S: StateView>(
    state: &S,
    plan: &BlockPlan,
    transactions: &[&TxEnv],
    queue: Queue,
    run: impl FnOnce(&Block<'_, S>),
) -> (BlockResult, Stats) {
    let overlay = Overlay::new(state);
    let opening_outputs = plan.before.iter().map(|call| system_call(&overlay, plan, call)).collect();
    let block = Block {
        overlay: &overlay,
        plan,
        transactions,
        queue,
        slots: transactions.iter().map(|_| Slot::default()).collect(),
        commits: Mutex::new(Commits::new(&plan.context, transactions.len())),
        abandoned: AtomicBool::new(false),
        executions: AtomicU64::new(0),
        repeated: Mutex::default(),
        transfers: AtomicU64::new(0),
    };
    run(&block);
    let Block { commits, executions, repeated, transfers, .. } = block;
    let stats = Stats {
        executions: executions.into_inner(),
        repeated: repeated.into_inner().unwrap_or_else(PoisonError::into_inner),
        transfers: transfers.into_inner(),
    };
    let mut commits = commits.into_inner().unwrap_or_else(PoisonError::into_inner);
    commits.settle_fees(&overlay);
    for (address, amount) in &plan.credits {
        credit(&overlay, *address, *amount);
    }
    let system_outputs = plan.after.iter().map(|call| system_call(&overlay, plan, call)).collect();
    let Commits { results, gas_used, blob_gas_used, .. } = commits;
    let changes = overlay.into_changes();
    (BlockResult { transactions: results, opening_outputs, system_outputs, gas_used, blob_gas_used, changes }, stats)
}

/// What one worker leaves for whoever commits.
#[derive(Debug, Default)]
struct Slot {
    ready: AtomicBool,
    outcome: Mutex<Option<Box<Outcome>>>,
}

struct Block<'a, S> {
    overlay: &'a Overlay<'a, S>,
    plan: &'a BlockPlan,
    transactions: &'a [&'a TxEnv],
    queue: Queue,
    slots: Vec<Slot>,
    commits: Mutex<Commits<'a>>,
    /// A worker panicked.
    abandoned: AtomicBool,
    executions: AtomicU64,
    repeated: Mutex<Vec<u32>>,
    transfers: AtomicU64,
}

type Machine<'a, S> = MainnetEvm<MainnetContext<TrackedDatabase<'a, S>>>;

struct Worker<'b, 'a, S: StateView> {
    block: &'b Block<'a, S>,
    machine: Machine<'b, S>,
    executions: u64,
    repeated: Vec<u32>,
    transfers: u64,
}

impl<'b, 'a, S: StateView> Worker<'b, 'a, S> {
    fn new(block: &'b Block<'a, S>) -> Self {
        let machine = block.plan.context.machine(TrackedDatabase::new(block.overlay));
        Self { block, machine, executions: 0, repeated: Vec::new(), transfers: 0 }
    }

    fn run(mut self) {
        let leaving = AbandonOnPanic(&self.block.abandoned);
        let count = self.block.transactions.len() as u32;
        let mut batch = Vec::with_capacity(BATCH);
        let (mut idle, mut seen) = (0u32, None);
        while self.block.queue.committed() < count && !self.block.abandoned.load(Ordering::Relaxed) {
            let releases = Some(self.block.queue.releases());
            batch.clear();
            if seen != releases {
                self.block.queue.take(&mut batch);
            }
            if batch.is_empty() {
                seen = releases;
                self.commit_ready();
                idle += 1;
                if idle.is_multiple_of(SPINS) {
                    std::thread::yield_now();
                } else {
                    std::hint::spin_loop();
                }
                continue;
            }
            (idle, seen) = (0, None);
            for &index in &batch {
                self.run_one(index);
                self.commit_ready();
            }
        }
        self.report();
        std::mem::forget(leaving);
    }

    /// Executes a transaction and hands its outcome in.
    fn run_one(&mut self, index: u32) {
        let outcome = self.execute(index, true);
        let slot = &self.block.slots[index as usize];
        *slot.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(outcome));
        slot.ready.store(true, Ordering::Release);
    }

    fn report(&mut self) {
        self.block.executions.fetch_add(self.executions, Ordering::Relaxed);
        self.block.repeated.lock().unwrap_or_else(PoisonError::into_inner).append(&mut self.repeated);
        self.block.transfers.fetch_add(self.transfers, Ordering::Relaxed);
    }

    fn execute(&mut self, index: u32, plainly: bool) -> Outcome {
        let tx = self.block.transactions[index as usize];
        // Before the first read: whatever is committed after this counts as later.
        let started_at = self.block.queue.committed();
        self.executions += 1;
        if plainly
            && let Some(transfer) = PlainTransfer::of(tx, &self.block.plan.context)
            && let Some((before, after)) = transfer.apply(self.block.overlay)
        {
            self.transfers += 1;
            return Outcome { started_at, effect: Effect::Transfer { transfer, before, after } };
        }
        let (result, fee) = fees::transact(&mut self.machine, tx.clone());
        let journal = self.machine.finalize();
        let reads = self.machine.ctx.journaled_state.database.take_reads();
        let writes = if result.is_ok() { Writes::from_journal(journal) } else { Writes::default() };
        let result = result.map(TransactionResult::from).map_err(Rejection::from);
        Outcome { started_at, effect: Effect::Executed { reads, result, writes, fee } }
    }

    /// Commits as far as outcomes are there, unless another worker is at it.
    fn commit_ready(&mut self) {
        let block = self.block;
        // Who panics while committing has taken an outcome that nobody will find again.
        while !block.abandoned.load(Ordering::Relaxed) {
            // Two workers pass here after one handed in and the other let go of the lock: one of them sees what the other did.
            fence(Ordering::SeqCst);
            let next = block.queue.committed() as usize;
            if !block.slots.get(next).is_some_and(|slot| slot.ready.load(Ordering::Acquire)) {
                return;
            }
            let mut commits = match block.commits.try_lock() {
                Ok(commits) => commits,
                Err(TryLockError::WouldBlock) => return,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            };
            while self.commit_next(&mut commits) {}
        }
    }

    fn commit_next(&mut self, commits: &mut Commits<'_>) -> bool {
        let block = self.block;
        let index = commits.next;
        let Some(slot) = block.slots.get(index as usize).filter(|slot| slot.ready.load(Ordering::Acquire)) else { return false };
        let Some(mut outcome) = slot.outcome.lock().unwrap_or_else(PoisonError::into_inner).take() else { return false };
        let tx = block.transactions[index as usize];
        let mut plainly = true;
        loop {
            match commits.commit(block.overlay, tx, &mut outcome) {
                Verdict::Committed => break,
                Verdict::Stale => {}
                Verdict::NotPlain => plainly = false,
            }
            // All before it are committed and the lock is held: what it reads now is final, but for fees, which the check settles first.
            self.repeated.push(index);
            *outcome = self.execute(index, plainly);
        }
        block.queue.commit(index);
        true
    }
}

struct AbandonOnPanic<'a>(&'a AtomicBool);

impl Drop for AbandonOnPanic<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn system_call<S: StateView>(overlay: &Overlay<'_, S>, plan: &BlockPlan, call: &SystemCall) -> Result<Bytes, Ending> {
    let mut machine = plan.context.machine(TrackedDatabase::new(overlay));
    let result = machine.system_call_one(call.target, call.input.clone());
    let journal = machine.finalize();
    let output = match result {
        Ok(ExecutionResult::Success { output, .. }) => Ok(output.into_data()),
        Ok(ExecutionResult::Revert { .. }) | Err(_) => Err(Ending::Revert),
        Ok(ExecutionResult::Halt { reason, .. }) => Err(Ending::Halt(reason)),
    };
    let writes = Writes::from_journal(journal);
    overlay.insert_codes(writes.codes);
    writes.accounts.iter().for_each(|write| overlay.write_account(write));
    writes.slots.into_iter().for_each(|(address, slot, value)| overlay.write_slot(address, slot, value));
    output
}

fn credit<S: StateView>(overlay: &Overlay<'_, S>, address: Address, amount: U256) {
    let mut account = overlay.account(&address).unwrap_or_default();
    account.balance = account.balance.saturating_add(amount);
    let account = (!account.is_empty()).then_some(account);
    overlay.write_account(&AccountWrite { address, account, wiped: false });
}
