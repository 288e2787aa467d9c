//! The oracle: one transaction after another on plain revm, with revm's own state layer and its own handling of fees.
//!
//! Nothing here is shared with the parallel executor but the machine's context and the shape of the result, so that a fault of one does not
//! hide in the other.

use super::context::GAS_PER_BLOB;
use super::{BlockPlan, BlockResult, Ending, Rejection, SystemCall, TransactionResult};
use crate::ethereum::{Address, B256, Bytes, U256};
use crate::machine::{
    AccountInfo, BundleRetention, Bytecode, Database, DatabaseRef, ExecuteCommitEvm, ExecutionResult, JournalTr, MainnetContext,
    MainnetEvm, State, SystemCallCommitEvm, TxEnv, WrapDatabaseRef,
};
use crate::state::{AccountChange, AccountState, Changes, StateView};
use std::convert::Infallible;

/// A state as revm's databases see it.
#[derive(Debug)]
pub struct ViewDatabase<'a, S>(pub &'a S);

impl<S: StateView> DatabaseRef for ViewDatabase<'_, S> {
    type Error = Infallible;

    fn basic_ref(&self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.0.account(&address).map(AccountInfo::from))
    }

    fn code_by_hash_ref(&self, code_hash: B256) -> Result<Bytecode, Infallible> {
        Ok(self.0.code(&code_hash))
    }

    fn storage_ref(&self, address: Address, index: U256) -> Result<U256, Infallible> {
        Ok(self.0.storage(&address, &index))
    }

    fn block_hash_ref(&self, number: u64) -> Result<B256, Infallible> {
        Ok(self.0.block_hash(number))
    }
}

type Machine<'a, S> = MainnetEvm<MainnetContext<State<WrapDatabaseRef<ViewDatabase<'a, S>>>>>;

/// Executes `transactions` in their order on `state`.
pub fn execute<S: StateView>(state: &S, plan: &BlockPlan, transactions: &[&TxEnv]) -> BlockResult {
    let database = State::builder().with_database(WrapDatabaseRef(ViewDatabase(state))).with_bundle_update().build();
    let mut machine = plan.context.machine(database);
    let opening_outputs = plan.before.iter().map(|call| system_call(&mut machine, call)).collect();
    let (mut gas_used, mut blob_gas_used) = (0, 0);
    let mut results = Vec::with_capacity(transactions.len());
    for tx in transactions {
        let result = plan
            .context
            .room(tx, gas_used, blob_gas_used)
            .and_then(|()| machine.transact_commit((*tx).clone()).map(TransactionResult::from).map_err(Rejection::from));
        if let Ok(result) = &result {
            gas_used += result.gas_used;
            blob_gas_used += tx.blob_hashes.len() as u64 * GAS_PER_BLOB;
        }
        results.push(result);
    }
    for (address, amount) in &plan.credits {
        credit(&mut machine, *address, *amount);
    }
    // A new machine: the old one keeps precompiles warm, which a system call finds cold (no access list, no warming; as before the block).
    let mut machine = plan.context.machine(machine.ctx.journaled_state.database);
    let system_outputs = plan.after.iter().map(|call| system_call(&mut machine, call)).collect();
    let database = machine.ctx.journaled_state.db_mut();
    database.merge_transitions(BundleRetention::PlainState);
    BlockResult {
        transactions: results,
        opening_outputs,
        system_outputs,
        gas_used,
        blob_gas_used,
        changes: changes(database.take_bundle()),
    }
}

fn system_call<S: StateView>(machine: &mut Machine<'_, S>, call: &SystemCall) -> Result<Bytes, Ending> {
    match machine.system_call_commit(call.target, call.input.clone()) {
        Ok(ExecutionResult::Success { output, .. }) => Ok(output.into_data()),
        Ok(ExecutionResult::Revert { .. }) => Err(Ending::Revert),
        Ok(ExecutionResult::Halt { reason, .. }) => Err(Ending::Halt(reason)),
        // The database does not fail and a system call is not validated.
        Err(_) => Err(Ending::Revert),
    }
}

fn credit<S: StateView>(machine: &mut Machine<'_, S>, address: Address, amount: U256) {
    let database = machine.ctx.journaled_state.db_mut();
    let found = database.basic(address).unwrap_or_default();
    if amount.is_zero() && found.is_none() {
        return;
    }
    let mut account = crate::machine::Account::from(found.unwrap_or_default());
    account.info.balance = account.info.balance.saturating_add(amount);
    account.mark_touch();
    crate::machine::DatabaseCommit::commit(database, [(address, account)].into_iter().collect());
}

/// What a bundle of revm's changed.
pub(crate) fn changes(bundle: crate::machine::BundleState) -> Changes {
    let mut changes = Changes::default();
    for (address, account) in bundle.state {
        let change = AccountChange {
            account: account.info.as_ref().map(AccountState::from),
            wiped: account.was_destroyed(),
            storage: account.storage.iter().map(|(slot, value)| (*slot, value.present_value)).collect(),
        };
        changes.accounts.insert(address, change);
    }
    changes.codes.extend(bundle.contracts);
    changes
}
