//! Every limit of this crate, with the reason for its size.

use std::time::Duration;

/// Worker threads of the executor.
pub const WORKERS_MAX: usize = 64;
/// Access-set keys one transaction may have before it counts as unknown: beyond that, scheduling it costs more than running it again.
pub const ACCESS_KEYS_MAX: usize = 1_024;
/// Contract entry points whose access pattern is remembered.
pub const TEMPLATES_MAX: usize = 65_536;
/// Slots one remembered pattern may have.
pub const TEMPLATE_SLOTS_MAX: usize = 64;
/// A block in the journal: twice the largest block by RLP (EIP-7934) for its receipts, and as much again for its changes.
pub const RECORD_BYTES_MAX: usize = 64 << 20;
/// Assets that a bridge takes: as many as a zone header can total.
pub const BRIDGE_ASSETS_MAX: usize = plinth_types::limits::HEADER_ASSETS_MAX;
/// Messages of the inbox that one block consumes: as many as a zone header can refuse. 256 credits to new accounts use a third of the gas
/// of a system call.
pub const INBOX_PER_BLOCK_MAX: usize = plinth_types::limits::HEADER_REFUSED_MAX;
/// Blocks that are executed and not ordered by settlement; then the producer waits.
pub const BLOCKS_AHEAD_MAX: u64 = 128;
/// Messages that wait for a block; more than settlement keeps pending, so reaching it is settlement's fault.
pub const INBOX_WAITING_MAX: usize = 16_384;
/// A block as RLP (EIP-7934: 10 MiB less 2 MiB for what consensus adds).
pub const BLOCK_RLP_BYTES_MAX: usize = 8 << 20;
/// Blocks whose state can still be asked for.
pub const STATE_HISTORY_BLOCKS: usize = 128;
/// Transactions waiting, of all senders.
pub const POOL_TRANSACTIONS_MAX: usize = 50_000;
/// Transactions waiting, of one sender.
pub const POOL_SENDER_MAX: usize = 256;
/// A transaction as bytes (geth's limit too).
pub const TRANSACTION_BYTES_MAX: usize = 128 << 10;
/// Percent by which both fees of a replacement must exceed those of what it replaces.
pub const REPLACEMENT_PERCENT: u128 = 10;
/// Logs one `eth_getLogs` may return.
pub const LOGS_MAX: usize = 10_000;
/// Blocks one `eth_getLogs` may look through.
pub const LOGS_BLOCKS_MAX: u64 = 10_000;
/// Blocks of one `eth_feeHistory`.
pub const FEE_HISTORY_BLOCKS_MAX: u64 = 1_024;
/// Gas of one `eth_call` or estimate, and of all calls of one `eth_simulateV1`.
pub const CALL_GAS_MAX: u64 = 50_000_000;
/// Runs of one `eth_createAccessList`: each may touch more with the list of the one before.
pub const ACCESS_LIST_RUNS_MAX: usize = 4;
/// Transactions that `txpool_content` and `txpool_inspect` list.
pub const POOL_LISTED_MAX: usize = 10_000;
/// Steps that one `debug_trace*` may take: as many as the gas of the largest transaction can pay for.
pub const TRACE_STEPS_MAX: u64 = 1 << 24;
/// Bytes that a tracer may copy for one request: about twice that is the answer, in hexadecimal.
pub const TRACE_BYTES_MAX: usize = 16 << 20;
/// How long one `debug_trace*` may take; so much later may the next block be.
pub const TRACE_TIME_MAX: Duration = Duration::from_secs(2);
/// Requests for traces and simulations that run at once: each may hold hundreds of megabytes while its answer is made.
pub const TRACES_AT_ONCE_MAX: usize = 2;
/// Blocks that one `eth_simulateV1` may try, those that fill gaps included: the standard's number.
pub const SIMULATED_BLOCKS_MAX: u64 = 256;
/// Slots of one `eth_getProof`.
pub const PROOF_SLOTS_MAX: usize = 1_024;
/// A JSON-RPC request.
pub const REQUEST_BYTES_MAX: u32 = 2 << 20;
/// A JSON-RPC answer.
pub const RESPONSE_BYTES_MAX: u32 = 32 << 20;
/// Calls in one JSON-RPC batch.
pub const BATCH_MAX: u32 = 1_000;
/// Connections to the JSON-RPC server.
pub const CONNECTIONS_MAX: u32 = 512;
