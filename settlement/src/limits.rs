//! Every bound of the base layer, by name. A genesis may choose lower ones, never higher ones.

use plinth_types::limits::{BODY_SIZE_MAX, HEADER_ASSETS_MAX, HEADER_REFUSED_MAX, OUTBOX_MESSAGES_MAX};

/// Fewest validators: with fewer than four no fault is tolerated.
pub const VALIDATORS_MIN: usize = 4;
/// Most validators of one chain.
pub const VALIDATORS_MAX: usize = 100;
/// Most keys that govern one chain.
pub const GOVERNORS_MAX: usize = 16;
/// Most auditors of one zone.
pub const AUDITORS_MAX: usize = 16;
/// Most producers that wait to take over one zone.
pub const STANDBYS_MAX: usize = 16;
/// Most caps of one zone.
pub const CAPS_MAX: usize = 64;
/// Most zone blocks of one zone that one settlement block settles; the next one goes on.
pub const SETTLED_PER_BLOCK_MAX: usize = 64;
/// Most messages of one zone that wait for a cap; what comes then goes back to its sender.
pub const QUEUED_MAX: usize = 4_096;
/// Most queued messages of one zone that one settlement block delivers.
pub const RELEASED_PER_BLOCK_MAX: usize = 1_024;
/// Notice of a change of a zone's mode where the genesis says nothing else, in settlement blocks.
pub const NOTICE_BLOCKS_DEFAULT: u32 = 3_600;
/// Shortest epoch, in settlement blocks.
pub const EPOCH_BLOCKS_MIN: u32 = 2;
/// Longest epoch, in settlement blocks.
pub const EPOCH_BLOCKS_MAX: u32 = 1 << 24;
/// An epoch where the genesis says nothing else: an hour of one-second blocks.
pub const EPOCH_BLOCKS_DEFAULT: u32 = 3_600;
/// Most zones of one chain.
pub const ZONES_MAX: usize = 16;
/// Most assets of one chain.
pub const ASSETS_MAX: usize = 1_024;
/// Most balances that a genesis issues.
pub const GENESIS_BALANCES_MAX: usize = 1 << 16;
/// Most bytes of a genesis in its text form; read before it is parsed.
pub const GENESIS_TEXT_SIZE_MAX: usize = 16 << 20;
/// Most bytes of one settlement block, in its canonical encoding: room for a proof of fraud, which shows a MiB of a body.
pub const BLOCK_SIZE_MAX: usize = 3 << 19;
/// Most transactions of one settlement block.
pub const BLOCK_TRANSACTIONS_MAX: usize = 4_096;
/// Most receipts behind one header: one of each validator.
pub const HEADER_RECEIPTS_MAX: usize = VALIDATORS_MAX;
/// Most messages that wait in one zone's inbox. A deposit beyond it is refused, so a zone that does not consume cannot grow state.
pub const INBOX_PENDING_MAX: usize = 4_096;
/// Most zone blocks of one zone that are ordered and not yet available: a zone that withholds stops itself there.
pub const UNAVAILABLE_HEADERS_MAX: usize = 256;
/// Most zone blocks of one zone that are ordered and not yet settled.
pub const UNSETTLED_HEADERS_MAX: usize = 16_384;
/// Longest delay between available and settled in an attested zone, in settlement blocks.
pub const ATTESTATION_DELAY_BLOCKS_MAX: u32 = 4_096;

/// Most handovers between the first group's key and the last one's that a light client goes over.
pub const HANDOVERS_KEPT_MAX: usize = 1 << 16;
/// Most epochs that a receipt goes over: a hundred years of those that last a day, seven of those that last an hour.
pub const RECEIPT_STEPS_MAX: usize = 1 << 16;
/// Longest receipt that is read, in bytes.
pub const RECEIPT_SIZE_MAX: usize = 1 << 30;

/// Most deposits that the pool holds.
pub const POOL_DEPOSITS_MAX: usize = 8_192;
/// How far ahead of its last deposit an owner may fill the pool, in deposits.
pub const POOL_DEPOSITS_PER_OWNER_MAX: usize = 64;
/// Most lists of messages, verdicts and exits of one zone that the pool holds.
pub const POOL_OTHERS_PER_ZONE_MAX: usize = 1_024;
/// How far ahead of the last decision the pool holds decisions.
pub const POOL_DECISIONS_MAX: u64 = 16;
/// How far ahead of a zone's last ordered header the pool holds headers, in zone blocks.
pub const POOL_HEADERS_AHEAD_MAX: u64 = 256;
/// Most different headers of one zone and height that the pool holds: the producer's first word, and proof that it said another.
pub const POOL_HEADERS_PER_HEIGHT_MAX: usize = 2;
/// Most receipts of one validator that the pool holds while their header is unknown; the oldest goes first.
pub const POOL_ORPHAN_RECEIPTS_PER_VALIDATOR_MAX: usize = 512;

/// Most valid signatures that a pool remembers: several blocks' worth.
pub const SIGNATURES_REMEMBERED_MAX: usize = 1 << 14;

/// More bytes than any transaction needs: a zone header with the most totals, refusals and receipts, or the longest outbox.
pub const TRANSACTION_SIZE_MAX: usize =
    1_024 + HEADER_ASSETS_MAX * 18 + HEADER_REFUSED_MAX * 8 + OUTBOX_MESSAGES_MAX * 101 + HEADER_RECEIPTS_MAX * 96;

const _: () = assert!(TRANSACTION_SIZE_MAX < BLOCK_SIZE_MAX / 16, "a block has room for headers of every zone");
const _: () = assert!(VALIDATORS_MAX <= u16::MAX as usize, "shards are numbered in two bytes");
const _: () = assert!(BODY_SIZE_MAX <= u32::MAX as usize, "the coding carries the body's size in four bytes");
