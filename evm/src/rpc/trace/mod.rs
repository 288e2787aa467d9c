//! `debug_trace*`: transactions executed again with a tracer, answered in geth's shapes.
//!
//! - Tracers: the default struct logger, `callTracer`, `prestateTracer` (also with `diffMode`), `4byteTracer`, `noopTracer`. Others, and
//!   JavaScript, are refused.
//! - A transaction is traced on the state before its block, after the block's opening calls and the transactions before it. That state is kept
//!   for [`crate::limits::STATE_HISTORY_BLOCKS`] blocks.
//! - One request is bounded in steps, bytes and time ([`budget`]); the option `timeout` is not heeded. The chain's lock is held to read
//!   meanwhile, so a trace can delay the next block by [`crate::limits::TRACE_TIME_MAX`]. [`crate::limits::TRACES_AT_ONCE_MAX`] run at once.

mod budget;

use super::call::loosen;
use super::error::{self, Answer, invalid, pruned, server};
use super::overrides::{self, Overridden};
use super::params::{Arguments, BlockName, Call};
use crate::chain::Sealed;
use crate::ethereum::{B256, DefaultFrame, GethDebugTracingCallOptions, GethDebugTracingOptions, GethTrace};
use crate::execution::serial::ViewDatabase;
use crate::execution::{BlockContext, BlockPlan, Rejection};
use crate::limits::CALL_GAS_MAX;
use crate::machine::{
    CacheDB, DatabaseCommit, DebugInspector, EvmState, ExecuteCommitEvm, InspectEvm, MainBuilder, SystemCallCommitEvm, TxEnv,
};
use crate::node::{Node, unix_time_s};
use crate::state::StateView;
use crate::transaction::Transaction;
use budget::{Bounded, Budget};
use jsonrpsee::types::ErrorObjectOwned;
use serde_json::{Value, json};

pub(super) fn transaction(node: &Node, mut arguments: Arguments) -> Answer {
    let (hash, options): (B256, Option<GethDebugTracingOptions>) = (arguments.next()?, arguments.optional()?);
    let chain = node.chain();
    let place = chain.blocks().locate(&hash).ok_or_else(|| server("transaction not found"))?;
    let block = chain.blocks().by_number(place.number).ok_or_else(|| server("transaction not found"))?;
    let (state, plan) = chain.before(block).ok_or_else(|| pruned(place.number.saturating_sub(1)))?;
    let mut replay = Replay::open(CacheDB::new(ViewDatabase(&state)), &plan, options.unwrap_or_default())?;
    for index in 0..place.index {
        replay.pass(&sent(block, index)?)?;
    }
    replay.trace(sent(block, place.index)?.env())
}

pub(super) fn block(node: &Node, mut arguments: Arguments) -> Answer {
    let (name, options): (BlockName, Option<GethDebugTracingOptions>) = (arguments.next()?, arguments.optional()?);
    let chain = node.chain();
    let named = name.find(&chain)?.ok_or_else(|| server(format!("block {name} not found")))?;
    let block = chain.blocks().by_number(named.number).ok_or_else(|| server(format!("block {name} not found")))?;
    if named.number == chain.blocks().first() {
        return Err(server("genesis is not traceable"));
    }
    let (state, plan) = chain.before(block).ok_or_else(|| pruned(named.number - 1))?;
    let mut replay = Replay::open(CacheDB::new(ViewDatabase(&state)), &plan, options.unwrap_or_default())?;
    let traces = (0..block.record.block.body.transactions.len()).map(|index| {
        let transaction = sent(block, index)?;
        Ok(json!({ "txHash": transaction.hash(), "result": replay.trace(transaction.env())? }))
    });
    traces.collect::<Result<_, _>>().map(Value::Array)
}

pub(super) fn call(node: &Node, mut arguments: Arguments) -> Answer {
    let (tried, block): (Call, Option<BlockName>) = (arguments.next()?, arguments.optional()?);
    let options: GethDebugTracingCallOptions = arguments.optional()?.unwrap_or_default();
    if options.tx_index.is_some() {
        return Err(invalid("txIndex is not supported"));
    }
    let chain = node.chain();
    let (state, header) = block.unwrap_or_default().surroundings(&chain, unix_time_s(), node.fees_to())?;
    let mut context = chain.context(&header);
    overrides::block(&mut context, options.block_overrides)?;
    let database = overrides::state(&state, options.state_overrides, &context)?;
    let tx = tried.env(context.cfg.chain_id, tried.gas().unwrap_or(CALL_GAS_MAX))?;
    loosen(&mut context.cfg, &tx);
    Replay::open(database, &BlockPlan::plain(context), options.tracing_options)?.trace(&tx)
}

fn sent(block: &Sealed, index: usize) -> Result<Transaction, ErrorObjectOwned> {
    let record = &block.record;
    let sent = record.block.body.transactions.get(index).zip(record.senders.get(index));
    sent.map(|(envelope, sender)| Transaction::sent_by(envelope.clone(), *sender)).ok_or_else(|| server("transaction not found"))
}

/// A block being executed again.
struct Replay<'a, S> {
    database: Overridden<'a, S>,
    context: &'a BlockContext,
    options: GethDebugTracingOptions,
    budget: Budget,
}

impl<'a, S: StateView> Replay<'a, S> {
    /// After the block's opening calls.
    fn open(
        mut database: Overridden<'a, S>,
        plan: &'a BlockPlan,
        options: GethDebugTracingOptions,
    ) -> Result<Self, ErrorObjectOwned> {
        budget::tracer(&options, 0)?;
        for call in &plan.before {
            let mut machine = plan.context.machine(&mut database);
            machine.system_call_commit(call.target, call.input.clone()).map_err(|error| refused(Rejection::from(error)))?;
        }
        Ok(Self { database, context: &plan.context, options, budget: Budget::start() })
    }

    /// Executes a transaction without looking.
    fn pass(&mut self, transaction: &Transaction) -> Result<(), ErrorObjectOwned> {
        self.budget.check_time()?;
        let mut machine = self.context.machine(&mut self.database);
        machine.transact_commit(transaction.env().clone()).map(drop).map_err(|error| refused(Rejection::from(error)))
    }

    /// Executes a transaction and tells what the tracer saw.
    fn trace(&mut self, tx: &TxEnv) -> Answer {
        self.budget.check_time()?;
        let mut bounded = Bounded::new(&self.options, &mut self.budget)?;
        let run = self.context.context(&mut self.database).build_mainnet_with_inspector(&mut bounded).inspect_tx(tx.clone());
        let mut tracer = bounded.finish()?;
        let run = run.map_err(|error| refused(Rejection::from(error)))?;
        self.budget.spend(prestate_bytes(&tracer, &run.state))?;
        let mut trace = tracer
            .get_result(None, tx, &self.context.env, &run, &mut self.database)
            .map_err(|error| server(format!("tracing failed: {error}")))?;
        self.database.commit(run.state);
        if let GethTrace::Default(frame) = &mut trace {
            omit_zero_refunds(frame);
        }
        serde_json::to_value(trace).map_err(|error| server(error.to_string()))
    }
}

/// As geth, which names a refund only where there is one.
fn omit_zero_refunds(frame: &mut DefaultFrame) {
    for step in &mut frame.struct_logs {
        step.refund_counter = step.refund_counter.filter(|refund| *refund > 0);
    }
}

/// Code that the prestate tracer will copy.
fn prestate_bytes(tracer: &DebugInspector, state: &EvmState) -> usize {
    if !matches!(tracer, DebugInspector::PreStateTracer(..)) {
        return 0;
    }
    state.values().filter_map(|account| account.info.code.as_ref()).map(|code| code.original_byte_slice().len()).sum()
}

fn refused(rejection: Rejection) -> ErrorObjectOwned {
    error::rejection(&rejection)
}
