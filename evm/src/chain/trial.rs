//! Blocks that are tried on a state of the chain and dropped: sealed as this zone would, with real roots and hashes.
//!
//! The state root needs the one trie there is. A trial changes it and, when it ends, however it ends, takes every change back; meanwhile
//! nobody else can have the chain, since the trial borrows it alone.

use super::blocks::Sealed;
use super::history::HistoricState;
use super::outcome::{bloom, receipts};
use super::requests;
use super::rules::{self, BlockError, Inherited};
use crate::ethereum::{
    Address, B256, Block, BlockBody, EMPTY_OMMER_ROOT_HASH, Header, Withdrawals, calculate_receipt_root,
    calculate_transaction_root, calculate_withdrawals_root,
};
use crate::execution::parallel::Pool;
use crate::execution::serial::{self, ViewDatabase};
use crate::execution::{BlockContext, BlockResult, Ending, SystemCall, TransactionResult};
use crate::machine::{BundleRetention, ExecutionResult, State, SystemCallCommitEvm, WrapDatabaseRef};
use crate::state::{AccountState, Changes, Layered, WorldState};
use crate::store::Record;
use crate::transaction::Transaction;
use crate::trie::StateTrie;
use plinth_types::id::InboxIndex;

/// The state within a tried block.
pub type TrialDatabase<'s, 'a> = State<WrapDatabaseRef<ViewDatabase<'s, Layered<HistoricState<'a>>>>>;

/// Blocks one after another, on a state of the chain.
#[derive(Debug)]
pub struct Trial<'a> {
    state: Layered<HistoricState<'a>>,
    roots: Roots<'a>,
    chain_id: u64,
    deposit_contract: Option<Address>,
}

impl<'a> Trial<'a> {
    pub(super) fn start(
        state: HistoricState<'a>,
        world: &'a WorldState,
        trie: &'a mut StateTrie,
        workers: &'a Pool,
        chain_id: u64,
        deposit_contract: Option<Address>,
    ) -> Self {
        let mut roots = Roots { trie, workers, world, touched: Changes::default() };
        roots.apply(&state.difference());
        Self { state: Layered::new(state), roots, chain_id, deposit_contract }
    }

    /// EIP-155.
    pub const fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// The state after the blocks so far.
    pub const fn state(&self) -> &Layered<HistoricState<'a>> {
        &self.state
    }

    /// Changes the state beside any block.
    pub fn change(&mut self, changes: &Changes) {
        self.roots.apply(changes);
        self.state.apply(changes);
    }

    /// The header of a child of `parent` before execution: what only the parent decides. Its base fee is that of EIP-1559.
    pub fn child(&self, parent: &Header, parent_hash: B256) -> Header {
        let inherited = Inherited::from(parent);
        Header {
            parent_hash,
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            beneficiary: parent.beneficiary,
            number: inherited.number,
            gas_limit: parent.gas_limit,
            base_fee_per_gas: Some(inherited.base_fee),
            withdrawals_root: Some(calculate_withdrawals_root(&[])),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(inherited.excess_blob_gas),
            parent_beacon_block_root: Some(B256::ZERO),
            ..Header::default()
        }
    }

    /// Executes a block: system calls, what `run` does, system calls; and seals it.
    pub fn block<E: From<BlockError>>(
        &mut self,
        mut header: Header,
        run: impl FnOnce(&BlockContext, &mut TrialDatabase<'_, 'a>) -> Result<Vec<(Transaction, TransactionResult)>, E>,
    ) -> Result<Sealed, E> {
        let body = BlockBody { withdrawals: Some(Withdrawals::default()), ..BlockBody::default() };
        let contracts = requests::contracts(&self.state);
        let plan = rules::plan(&header, &body, self.chain_id, &contracts);
        let database = WrapDatabaseRef(ViewDatabase(&self.state));
        let mut database = State::builder().with_database(database).with_bundle_update().build();
        let opening_outputs = plan.before.iter().map(|call| system_call(&plan.context, &mut database, call)).collect();
        let ran = run(&plan.context, &mut database)?;
        let system_outputs = plan.after.iter().map(|call| system_call(&plan.context, &mut database, call)).collect();
        database.merge_transitions(BundleRetention::PlainState);
        let mut result = BlockResult {
            transactions: ran.iter().map(|(_, outcome)| Ok(outcome.clone())).collect(),
            opening_outputs,
            system_outputs,
            gas_used: ran.iter().map(|(_, outcome)| outcome.gas_used).sum(),
            blob_gas_used: 0,
            changes: serial::changes(database.take_bundle()),
        };
        result.changes.normalise(&self.state);
        let receipts = receipts(&ran.iter().map(|(transaction, outcome)| (transaction, outcome)).collect::<Vec<_>>());
        let (senders, transactions): (Vec<_>, Vec<_>) =
            ran.iter().map(|(transaction, _)| (transaction.sender(), transaction.envelope().clone())).unzip();
        header.transactions_root = calculate_transaction_root(&transactions);
        header.receipts_root = calculate_receipt_root(&receipts);
        header.logs_bloom = bloom(&receipts);
        header.gas_used = result.gas_used;
        header.requests_hash =
            Some(requests::hash(&result, &contracts, self.deposit_contract).map_err(|error| E::from(error.into()))?);
        self.change(&result.changes);
        header.state_root = self.roots.root(result.changes.accounts.len());
        let hash = header.hash_slow();
        self.state.insert_block_hash(header.number, hash);
        let block = Block::new(header, BlockBody { transactions, ..body });
        let record = Record { block, senders, receipts, inbox: Vec::new(), changes: Changes::default() };
        Ok(Sealed { hash, record, inbox_consumed: InboxIndex::new(0) })
    }
}

fn system_call(
    context: &BlockContext,
    database: &mut TrialDatabase<'_, '_>,
    call: &SystemCall,
) -> Result<crate::ethereum::Bytes, Ending> {
    match context.machine(database).system_call_commit(call.target, call.input.clone()) {
        Ok(ExecutionResult::Success { output, .. }) => Ok(output.into_data()),
        Ok(ExecutionResult::Halt { reason, .. }) => Err(Ending::Halt(reason)),
        // The database does not fail and a system call is not validated.
        Ok(ExecutionResult::Revert { .. }) | Err(_) => Err(Ending::Revert),
    }
}

/// The chain's trie, lent.
#[derive(Debug)]
struct Roots<'a> {
    trie: &'a mut StateTrie,
    workers: &'a Pool,
    world: &'a WorldState,
    /// Everything that was changed at any time.
    touched: Changes,
}

impl Roots<'_> {
    fn apply(&mut self, changes: &Changes) {
        for (address, change) in &changes.accounts {
            let touched = self.touched.accounts.entry(*address).or_default();
            touched.account = Some(AccountState::default());
            touched.wiped |= change.wiped || change.account.is_none();
            touched.storage.extend(change.storage.iter().map(|(slot, value)| (*slot, *value)));
        }
        self.trie.apply(changes, self.workers);
    }

    fn root(&mut self, changes: usize) -> B256 {
        self.trie.root(self.workers, changes)
    }
}

impl Drop for Roots<'_> {
    fn drop(&mut self) {
        self.trie.apply(&self.touched.inverse(self.world), self.workers);
    }
}
