//! What one request may trace: steps, bytes recorded, time.
//!
//! Bytes are those that a tracer copies: for each step of the struct logger its stack, memory and return data as asked for; inputs and outputs
//! of calls; code in the state before. Whoever exceeds a limit stops the machine and gets an error, never a part of a trace.

use crate::ethereum::{Address, GethDebugTracingOptions, Log, U256};
use crate::limits::{TRACE_BYTES_MAX, TRACE_STEPS_MAX, TRACE_TIME_MAX};
use crate::machine::{
    CallInputs, CallOutcome, ContextError, ContextTr, CreateInputs, CreateOutcome, DebugInspector, Inspector, Interpreter,
    JournalExt, LoopControl, ReturnData, TraceLimitBehavior, TraceLimits,
};
use crate::rpc::error::{invalid, limit};
use jsonrpsee::types::ErrorObjectOwned;
use std::time::Instant;

/// Steps between two looks at the clock.
const CLOCK_STEPS: u64 = 1 << 12;
/// Of a step or a call beside its stack, memory and data.
const ENTRY_BYTES: usize = 96;

/// A limit that a request has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum Exceeded {
    #[error("the trace takes more than {TRACE_STEPS_MAX} steps")]
    Steps,
    #[error("the trace records more than {TRACE_BYTES_MAX} bytes; leave out memory, stack or return data, or trace less")]
    Bytes,
    #[error("the trace takes more than {TRACE_TIME_MAX:?}")]
    Time,
}

/// What a request has left.
#[derive(Debug)]
pub(super) struct Budget {
    steps: u64,
    bytes: usize,
    until: Instant,
    exceeded: Option<Exceeded>,
}

impl Budget {
    pub(super) fn start() -> Self {
        Self { steps: TRACE_STEPS_MAX, bytes: TRACE_BYTES_MAX, until: Instant::now() + TRACE_TIME_MAX, exceeded: None }
    }

    pub(super) fn check_time(&mut self) -> Result<(), ErrorObjectOwned> {
        if Instant::now() > self.until {
            self.exceeded = Some(Exceeded::Time);
        }
        self.check()
    }

    pub(super) fn spend(&mut self, bytes: usize) -> Result<(), ErrorObjectOwned> {
        self.take(bytes);
        self.check()
    }

    fn check(&self) -> Result<(), ErrorObjectOwned> {
        self.exceeded.map_or(Ok(()), |exceeded| Err(limit(exceeded.to_string())))
    }

    fn take(&mut self, bytes: usize) {
        match self.bytes.checked_sub(bytes) {
            Some(left) => self.bytes = left,
            None => self.exceeded = Some(Exceeded::Bytes),
        }
    }

    fn step(&mut self, bytes: usize) {
        self.take(bytes);
        match self.steps.checked_sub(1) {
            Some(left) => self.steps = left,
            None => self.exceeded = Some(Exceeded::Steps),
        }
        if self.steps.is_multiple_of(CLOCK_STEPS) && Instant::now() > self.until {
            self.exceeded = Some(Exceeded::Time);
        }
    }
}

/// The tracer asked for, if it is one that is served; it records calls of at most `bytes`.
pub(super) fn tracer(options: &GethDebugTracingOptions, bytes: usize) -> Result<DebugInspector, ErrorObjectOwned> {
    let limits = TraceLimits::default().set_max_recorded_bytes(Some(bytes)).set_behavior(TraceLimitBehavior::Halt);
    match DebugInspector::new(options.clone()).map_err(|error| invalid(error.to_string()))? {
        DebugInspector::CallTracer(inner, config) => Ok(DebugInspector::CallTracer(inner.with_limits(limits), config)),
        DebugInspector::PreStateTracer(inner, config) => Ok(DebugInspector::PreStateTracer(inner.with_limits(limits), config)),
        DebugInspector::Default(inner, config) => Ok(DebugInspector::Default(inner.with_limits(limits), config)),
        served @ (DebugInspector::FourByte(_) | DebugInspector::Noop(_)) => Ok(served),
        DebugInspector::StateGasTracer(_)
        | DebugInspector::Mux(..)
        | DebugInspector::FlatCallTracer(_)
        | DebugInspector::Erc7562Tracer(..) => Err(invalid("unsupported tracer")),
    }
}

/// A tracer that stops the machine when the budget is spent.
#[derive(Debug)]
pub(super) struct Bounded<'a> {
    tracer: DebugInspector,
    budget: &'a mut Budget,
}

impl<'a> Bounded<'a> {
    pub(super) fn new(options: &GethDebugTracingOptions, budget: &'a mut Budget) -> Result<Self, ErrorObjectOwned> {
        Ok(Self { tracer: tracer(options, budget.bytes)?, budget })
    }

    /// The tracer, if the budget sufficed.
    pub(super) fn finish(self) -> Result<DebugInspector, ErrorObjectOwned> {
        let inner = match &self.tracer {
            DebugInspector::CallTracer(inner, _) | DebugInspector::PreStateTracer(inner, _) | DebugInspector::Default(inner, _) => {
                Some(inner)
            }
            DebugInspector::FourByte(_)
            | DebugInspector::Noop(_)
            | DebugInspector::StateGasTracer(_)
            | DebugInspector::Mux(..)
            | DebugInspector::FlatCallTracer(_)
            | DebugInspector::Erc7562Tracer(..) => None,
        };
        if let Some(inner) = inner {
            self.budget.take(inner.recorded_bytes());
            if inner.limit_exceeded() {
                self.budget.exceeded = Some(Exceeded::Bytes);
            }
        }
        self.budget.check()?;
        Ok(self.tracer)
    }

    /// A call has ended with an output of this length.
    fn take_call(&mut self, output: usize) {
        if !matches!(self.tracer, DebugInspector::FourByte(_) | DebugInspector::Noop(_)) {
            self.budget.take(ENTRY_BYTES + output);
        }
    }

    /// What the tracer copies of this step.
    fn step_bytes(&self, interpreter: &Interpreter) -> usize {
        let DebugInspector::Default(_, config) = &self.tracer else { return 0 };
        let stack = if config.is_stack_enabled() { interpreter.stack.len() * 32 } else { 0 };
        let memory = if config.is_memory_enabled() { interpreter.memory.len() } else { 0 };
        let data = if config.is_return_data_enabled() { interpreter.return_data.buffer().len() } else { 0 };
        ENTRY_BYTES + stack + memory + data
    }
}

impl<CTX: ContextTr<Journal: JournalExt>> Inspector<CTX> for Bounded<'_> {
    fn initialize_interp(&mut self, interpreter: &mut Interpreter, context: &mut CTX) {
        self.tracer.initialize_interp(interpreter, context);
    }

    fn step(&mut self, interpreter: &mut Interpreter, context: &mut CTX) {
        let bytes = self.step_bytes(interpreter);
        self.budget.step(bytes);
        if let Some(exceeded) = self.budget.exceeded {
            if context.error().is_ok() {
                *context.error() = Err(ContextError::Custom(exceeded.to_string()));
            }
            interpreter.bytecode.reset_action();
            interpreter.halt_fatal();
        } else {
            self.tracer.step(interpreter, context);
        }
    }

    fn step_end(&mut self, interpreter: &mut Interpreter, context: &mut CTX) {
        self.tracer.step_end(interpreter, context);
    }

    fn log(&mut self, context: &mut CTX, log: Log) {
        Inspector::<CTX>::log(&mut self.tracer, context, log);
    }

    fn log_full(&mut self, interpreter: &mut Interpreter, context: &mut CTX, log: Log) {
        self.tracer.log_full(interpreter, context, log);
    }

    fn call(&mut self, context: &mut CTX, inputs: &mut CallInputs) -> Option<CallOutcome> {
        self.tracer.call(context, inputs)
    }

    fn call_end(&mut self, context: &mut CTX, inputs: &CallInputs, outcome: &mut CallOutcome) {
        self.take_call(outcome.result.output.len());
        self.tracer.call_end(context, inputs, outcome);
    }

    fn create(&mut self, context: &mut CTX, inputs: &mut CreateInputs) -> Option<CreateOutcome> {
        self.tracer.create(context, inputs)
    }

    fn create_end(&mut self, context: &mut CTX, inputs: &CreateInputs, outcome: &mut CreateOutcome) {
        self.take_call(outcome.result.output.len());
        self.tracer.create_end(context, inputs, outcome);
    }

    fn selfdestruct(&mut self, contract: Address, target: Address, value: U256) {
        Inspector::<CTX>::selfdestruct(&mut self.tracer, contract, target, value);
    }
}
