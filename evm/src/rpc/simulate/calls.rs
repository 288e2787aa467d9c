//! The calls of a block, one after another.

use super::super::error::{self, CallError, simulation};
use super::super::params::Call;
use super::precompiles::Precompiles;
use super::transfers::Transfers;
use crate::chain::TrialDatabase;
use crate::ethereum::{Bytes, Log, SignableTransaction, Signature, TxEip1559, TxEip2930, TxEnvelope, TxLegacy, U256};
use crate::execution::{BlockContext, Rejection, TransactionResult};
use crate::machine::{Database, DatabaseCommit, ExecuteEvm, ExecutionResult, InspectEvm, InvalidTransaction, MainBuilder, TxEnv};
use crate::transaction::Transaction;
use jsonrpsee::types::ErrorObjectOwned;

const NONCE_TOO_LOW: i32 = -38_010;
const NONCE_TOO_HIGH: i32 = -38_011;
const FEE_TOO_LOW: i32 = -38_012;
const INTRINSIC_GAS: i32 = -38_013;
const FUNDS: i32 = -38_014;
const BLOCK_GAS: i32 = -38_015;
const SENDER_WITH_CODE: i32 = -38_024;
const INITCODE_SIZE: i32 = -38_025;
const INTERNAL: i32 = -32_603;

/// How calls are run.
#[derive(Debug)]
pub(super) struct Runner {
    /// Of all calls that are still to come.
    pub(super) gas_left: u64,
    /// Whether nonces, senders and fees must be right.
    pub(super) validation: bool,
    pub(super) trace_transfers: bool,
    pub(super) precompiles: Precompiles,
}

/// A call that ran.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) transaction: Transaction,
    pub(super) result: TransactionResult,
    pub(super) seen: Called,
}

/// What is told of a call.
#[derive(Debug)]
pub(super) struct Called {
    pub(super) return_data: Bytes,
    /// With movements of ETH, if they were asked for.
    pub(super) logs: Vec<Log>,
    pub(super) gas_used: u64,
    /// Before refunds.
    pub(super) max_used_gas: u64,
    pub(super) error: Option<CallError>,
}

impl Runner {
    pub(super) fn run(
        &mut self,
        context: &BlockContext,
        database: &mut TrialDatabase<'_, '_>,
        calls: &[Call],
    ) -> Result<Vec<Ran>, ErrorObjectOwned> {
        let mut block_gas_left = context.env.gas_limit;
        let mut ran = Vec::with_capacity(calls.len());
        for call in calls {
            let wanted = call.gas().unwrap_or(block_gas_left);
            if wanted > block_gas_left {
                let used = context.env.gas_limit - block_gas_left;
                let text = format!("block gas limit reached: {used} + {wanted} > {}", context.env.gas_limit);
                return Err(simulation(BLOCK_GAS, text));
            }
            let tx = self.transaction(context, database, call, wanted.min(self.gas_left))?;
            let one = self.one(context, database, tx)?;
            self.gas_left = self.gas_left.saturating_sub(one.result.gas_used);
            block_gas_left = block_gas_left.saturating_sub(one.result.gas_used);
            ran.push(one);
        }
        Ok(ran)
    }

    /// With the sender's next nonce, and fees per gas as EIP-1559 has them, unless the call says otherwise.
    fn transaction(
        &self,
        context: &BlockContext,
        database: &mut TrialDatabase<'_, '_>,
        call: &Call,
        gas: u64,
    ) -> Result<TxEnv, ErrorObjectOwned> {
        let mut tx = call.env(context.cfg.chain_id, gas)?;
        if !call.has_gas_price() {
            tx.tx_type = 2;
            tx.gas_priority_fee = tx.gas_priority_fee.or(Some(0));
        }
        if !call.has_nonce() {
            let sender = database.basic(tx.caller).map_err(|error| error::server(error.to_string()))?;
            tx.nonce = sender.map_or(0, |sender| sender.nonce);
        }
        Ok(tx)
    }

    fn one(&self, context: &BlockContext, database: &mut TrialDatabase<'_, '_>, tx: TxEnv) -> Result<Ran, ErrorObjectOwned> {
        let mut context = context.clone();
        let cfg = &mut context.cfg;
        // EIP-7825 and the block's limit bound what is sent; here the gas that all calls share does.
        cfg.tx_gas_limit_cap = Some(u64::MAX);
        cfg.disable_block_gas_limit = true;
        if !self.validation {
            cfg.disable_nonce_check = true;
            cfg.disable_eip3607 = true;
            cfg.disable_base_fee = tx.gas_price == 0;
        }
        if self.validation && tx.nonce == u64::MAX {
            return Err(refused(&Rejection::Invalid(InvalidTransaction::NonceOverflowInTransaction), &tx, context.env.basefee));
        }
        let mut transfers = Transfers::default();
        let machine = context.context(&mut *database);
        let run = if self.trace_transfers {
            let machine = machine.build_mainnet_with_inspector(&mut transfers);
            machine.with_precompiles(self.precompiles.clone()).inspect_tx(tx.clone())
        } else {
            machine.build_mainnet().with_precompiles(self.precompiles.clone()).transact(tx.clone())
        };
        let run = run.map_err(|error| refused(&Rejection::from(error), &tx, context.env.basefee))?;
        database.commit(run.state);
        let max_used_gas = max_used_gas(&run.result);
        let result = TransactionResult::from(run.result);
        let seen = Called {
            return_data: if result.is_success() { result.output.clone() } else { Bytes::new() },
            logs: if self.trace_transfers { transfers.into_logs() } else { result.logs.clone() },
            gas_used: result.gas_used,
            max_used_gas,
            error: error::call_error(&result),
        };
        Ok(Ran { transaction: unsigned(&tx), result, seen })
    }
}

fn max_used_gas(result: &ExecutionResult) -> u64 {
    result.gas().total_gas_spent().max(result.gas().floor_gas())
}

/// The transaction with a signature of zeros: nobody signed it.
fn unsigned(tx: &TxEnv) -> Transaction {
    let signature = Signature::new(U256::ZERO, U256::ZERO, false);
    let (chain_id, access_list) = (tx.chain_id.unwrap_or_default(), tx.access_list.clone());
    let TxEnv { nonce, gas_limit, kind: to, value, gas_price, data: input, .. } = tx.clone();
    let envelope: TxEnvelope = match tx.tx_type {
        0 => TxLegacy { chain_id: tx.chain_id, nonce, gas_price, gas_limit, to, value, input }.into_signed(signature).into(),
        1 => TxEip2930 { chain_id, nonce, gas_price, gas_limit, to, value, access_list, input }.into_signed(signature).into(),
        _ => {
            let max_priority_fee_per_gas = tx.gas_priority_fee.unwrap_or_default();
            let max_fee_per_gas = gas_price;
            TxEip1559 { chain_id, nonce, gas_limit, max_fee_per_gas, max_priority_fee_per_gas, to, value, access_list, input }
                .into_signed(signature)
                .into()
        }
    };
    Transaction::sent_by(envelope, tx.caller)
}

/// Geth's codes and words.
fn refused(rejection: &Rejection, tx: &TxEnv, base_fee: u64) -> ErrorObjectOwned {
    let from = tx.caller;
    let (code, text) = match rejection {
        #[expect(clippy::wildcard_enum_match_arm, reason = "the machine's own words serve for the rest")]
        Rejection::Invalid(invalid) => match invalid {
            InvalidTransaction::NonceTooLow { tx, state } => {
                (NONCE_TOO_LOW, format!("nonce too low: address {from}, tx: {tx} state: {state}"))
            }
            InvalidTransaction::NonceTooHigh { tx, state } => {
                (NONCE_TOO_HIGH, format!("nonce too high: address {from}, tx: {tx} state: {state}"))
            }
            InvalidTransaction::NonceOverflowInTransaction => {
                (INTERNAL, format!("nonce has max value: address {from}, nonce: {}", tx.nonce))
            }
            InvalidTransaction::GasPriceLessThanBasefee => (
                FEE_TOO_LOW,
                format!(
                    "max fee per gas less than block base fee: address {from}, maxFeePerGas: {}, baseFee: {base_fee}",
                    tx.gas_price
                ),
            ),
            InvalidTransaction::CallGasCostMoreThanGasLimit { initial_gas: needed, gas_limit }
            | InvalidTransaction::GasFloorMoreThanGasLimit { gas_floor: needed, gas_limit } => {
                (INTRINSIC_GAS, format!("intrinsic gas too low: have {gas_limit}, want {needed}"))
            }
            InvalidTransaction::LackOfFundForMaxFee { fee, balance } => {
                (FUNDS, format!("insufficient funds for gas * price + value: address {from} have {balance} want {fee}"))
            }
            InvalidTransaction::RejectCallerWithCode => (SENDER_WITH_CODE, format!("sender not an eoa: address {from}")),
            InvalidTransaction::CreateInitCodeSizeLimit => (INITCODE_SIZE, "max initcode size exceeded".to_owned()),
            other => (INTERNAL, other.to_string()),
        },
        Rejection::BlockFull { .. } | Rejection::BlobsFull { .. } | Rejection::Machine(_) => (INTERNAL, rejection.to_string()),
    };
    simulation(code, format!("err: {text} (supplied gas {})", tx.gas_limit))
}
