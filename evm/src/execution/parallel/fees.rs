//! The beneficiary's fees as a sum.
//!
//! Plain revm loads the beneficiary at the end of every transaction to add its fee, so that each transaction reads what the one before it
//! wrote. Here the fee is handed to the commit instead, unless the transaction itself has loaded the beneficiary: then its balance is a value
//! it may have seen, and revm's own way is taken.

use crate::ethereum::U256;
use crate::machine::{
    Block, ContextSetters, ContextTr, Database, EVMError, EvmTr, ExecutionResult, FrameResult, HaltReason, Handler, JournalTr,
    MainnetContext, MainnetEvm, SpecId, TransactionFields, TxEnv, reward_beneficiary,
};
use std::cell::Cell;
use std::marker::PhantomData;

#[derive(Debug)]
struct FeeHandler<DB> {
    /// Set where the beneficiary was not touched.
    fee: Cell<Option<U256>>,
    database: PhantomData<DB>,
}

impl<DB: Database> Handler for FeeHandler<DB> {
    type Evm = MainnetEvm<MainnetContext<DB>>;
    type Error = EVMError<DB::Error>;
    type HaltReason = HaltReason;

    fn reward_beneficiary(&self, evm: &mut Self::Evm, exec_result: &mut FrameResult) -> Result<(), Self::Error> {
        let beneficiary = evm.ctx.block().beneficiary();
        if evm.ctx.journal_mut().evm_state().contains_key(&beneficiary) {
            return reward_beneficiary(evm.ctx_mut(), exec_result.gas()).map_err(EVMError::Database);
        }
        let base_fee = u128::from(evm.ctx.block().basefee());
        let price = evm.ctx.tx().effective_gas_price(base_fee);
        let london = evm.ctx.cfg().spec().is_enabled_in(SpecId::LONDON);
        let tip = if london { price.saturating_sub(base_fee) } else { price };
        let gas = exec_result.gas();
        let used = gas.used().saturating_sub(gas.reservoir());
        self.fee.set(Some(U256::from(tip) * U256::from(used)));
        Ok(())
    }
}

/// Executes `tx`, leaving its effects in the journal. The fee is returned if it is not in the journal.
pub(super) fn transact<DB: Database>(
    machine: &mut MainnetEvm<MainnetContext<DB>>,
    tx: TxEnv,
) -> (Result<ExecutionResult, EVMError<DB::Error>>, Option<U256>) {
    machine.ctx.set_tx(tx);
    let mut handler = FeeHandler { fee: Cell::new(None), database: PhantomData };
    let result = handler.run(machine);
    (result, handler.fee.take())
}
