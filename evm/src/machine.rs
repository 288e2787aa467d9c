//! The virtual machine, pinned: every name of revm this crate uses enters here, so that a new major of revm is mended in one file.

pub use revm::bytecode::Bytecode;
pub use revm::bytecode::opcode;
pub use revm::context::{BlockEnv, CfgEnv, Context, Journal, TxEnv};
pub use revm::context_interface::block::BlobExcessGasAndPrice;
pub use revm::context_interface::either::Either;
pub use revm::context_interface::result::{EVMError, ExecutionResult, HaltReason, InvalidTransaction, OutOfGasError, Output};
pub use revm::context_interface::transaction::{RecoveredAuthority, RecoveredAuthorization, SignedAuthorization};
pub use revm::context_interface::{
    Block, Cfg, ContextError, ContextSetters, ContextTr, JournalTr, Transaction as TransactionFields,
};
pub use revm::database::in_memory_db::AccountState as CachedState;
pub use revm::database::states::bundle_state::BundleRetention;
pub use revm::database::{BundleState, CacheDB, State};
pub use revm::database_interface::WrapDatabaseRef;
pub use revm::handler::post_execution::reward_beneficiary;
pub use revm::handler::{EthPrecompiles, EvmTr, FrameResult, Handler, MainnetContext, MainnetHandler, PrecompileProvider};
pub use revm::inspector::JournalExt;
pub use revm::interpreter::interpreter::EthInterpreter;
pub use revm::interpreter::interpreter_types::{Jumps, LoopControl, ReturnData};
pub use revm::interpreter::{
    CallInputs, CallOutcome, CreateInputs, CreateOutcome, InstructionResult, Interpreter, InterpreterResult, InterpreterTypes,
};
pub use revm::primitives::AddressSet;
pub use revm::primitives::hardfork::SpecId;
pub use revm::state::{Account, AccountInfo, EvmState};
pub use revm::{
    Database, DatabaseCommit, DatabaseRef, ExecuteCommitEvm, ExecuteEvm, InspectEvm, Inspector, MainBuilder, MainContext,
    MainnetEvm, SystemCallCommitEvm, SystemCallEvm,
};
pub use revm_inspectors::access_list::AccessListInspector;
pub use revm_inspectors::tracing::{DebugInspector, TraceLimitBehavior, TraceLimits};
