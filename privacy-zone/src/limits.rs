//! Bounds and pauses of the zone's process.

use plinth_privacy::limits::{BLOCK_PAYOUTS_MAX, LEGS_MAX};
use plinth_types::limits::BODY_SIZE_MAX;
use std::time::Duration;

/// Most bytes of a wallet's request: a transaction of all its legs, or a registry of about fourteen thousand holders.
pub const REQUEST_SIZE_MAX: usize = 1 << 20;
/// Most bytes of an answer: a body whole.
pub const ANSWER_SIZE_MAX: usize = BODY_SIZE_MAX + 64;
/// An answer with blocks ends behind the block that passes this many bytes.
pub const BLOCKS_ANSWER_SIZE: usize = 1 << 20;
/// Blocks in one answer.
pub const BLOCKS_ANSWER_MAX: usize = 4_096;
/// Headers in one answer.
pub const HEADERS_ANSWER_MAX: usize = 512;
/// How long a wallet waits for the zone to hear of what validators prove to be settled.
pub const SETTLED_PATIENCE: Duration = Duration::from_secs(10);
/// Blocks behind the last settled one that a wallet looks at: those that settlement may have ordered, and those ahead of it.
pub const UNSETTLED_BLOCKS_MAX: u64 = (1 << 14) + BLOCKS_AHEAD_MAX;
/// Most bytes that `plinth-light` says.
pub const LIGHT_ANSWER_SIZE_MAX: u64 = 64 << 10;
/// Connections of wallets at one time.
pub const CONNECTIONS_MAX: usize = 256;
/// Connections of one address at one time; the machine's own addresses are not counted.
pub const CONNECTIONS_PER_ADDRESS_MAX: usize = 16;
/// A wallet that says nothing for this long is cut off.
pub const IDLE_MAX: Duration = Duration::from_secs(60);
/// A request that has begun and is not whole after this is given up; so is an answer that is not read.
pub const FRAME_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a submission is waited for; then the wallet is told that it still waits.
pub const SUBMIT_PATIENCE: Duration = Duration::from_secs(60);
/// Transactions that wait for a block.
pub const QUEUE_TRANSACTIONS_MAX: usize = 1_024;
/// Directives that wait for a block.
pub const QUEUE_DIRECTIVES_MAX: usize = 16;
/// Bytes of transactions taken into one block. The witness of their nullifiers adds less than as much again, so the body fits.
pub const BLOCK_TRANSACTIONS_SIZE_MAX: usize = 3 << 19;
/// What waits for the writer; whoever brings more waits.
pub const EVENTS_MAX: usize = 256;
/// Events between two looks at whether a block is due.
pub const EVENTS_PER_TURN_MAX: usize = 64;
/// Blocks beyond the last one that settlement has ordered; then none is made until it has.
pub const BLOCKS_AHEAD_MAX: u64 = 128;
/// Messages of the inbox that wait for a block; settlement keeps fewer for a zone.
pub const INBOX_WAITING_MAX: usize = 1 << 16;
/// Settlement blocks without news of the zone, after which the position is written down by itself.
pub const POSITION_INTERVAL: u64 = 1_024;
/// Most bytes of a record of the journal: a block as it is handed over.
pub const RECORD_SIZE_MAX: usize = BODY_SIZE_MAX + (64 << 10);
/// Senders of bad proofs are heard again after this.
pub const SENDERS_WINDOW: Duration = Duration::from_secs(60);
/// How often the writer looks at its clocks when nothing happens.
pub const TURN: Duration = Duration::from_millis(500);
/// How long a host that is not there is called before the program says so and calls on.
pub const DIAL_PATIENCE: Duration = Duration::from_secs(10);
/// Pause before a host that hung up is called again.
pub const REJOIN_DELAY: Duration = Duration::from_millis(500);
/// Most bytes of a zone header in front of the body that is its proof.
pub const PROOF_HEADER_SIZE_MAX: usize = 8 << 10;
/// Most bytes of a configuration or key file.
pub const FILE_SIZE_MAX: u64 = 1 << 20;
/// Wallets that one request for quotes goes to.
pub const RFQ_PARTIES_MAX: usize = 64;
/// Blocks of the zone within which a swap at a quote must be settled: as long as who quoted is bound.
pub const RFQ_BLOCKS: u64 = 64;

const _: () = assert!(2 * BLOCK_TRANSACTIONS_SIZE_MAX + (256 << 10) < BODY_SIZE_MAX, "transactions, witness and state fit a body");
const _: () = assert!(HEADERS_ANSWER_MAX * PROOF_HEADER_SIZE_MAX <= ANSWER_SIZE_MAX, "headers fit an answer");
const _: () = assert!(LEGS_MAX * 8_192 < REQUEST_SIZE_MAX, "any transaction can be submitted");
const _: () = assert!(BLOCK_PAYOUTS_MAX * 256 < 32 << 10, "outbox and header fit beside the body");
