//! Bounds and pauses of a link.

use std::time::Duration;

/// Zone blocks that wait to be ordered; more are refused.
pub const BLOCKS_WAITING_MAX: usize = 128;
/// Bytes of bodies that wait to be ordered; more are refused.
pub const BODIES_WAITING_SIZE_MAX: usize = 128 << 20;
/// Transactions that wait to be ordered; more are refused.
pub const TRANSACTIONS_WAITING_MAX: usize = 1_024;
/// Blocks whose messages wait to be ordered; further blocks with messages are refused.
pub const OUTBOXES_WAITING_MAX: usize = 1_024;
/// Events that the node has not taken; then the link waits.
pub const EVENTS_WAITING_MAX: usize = 4_096;
/// Blocks taken without a certificate behind them; then the validator is left.
pub const UNCERTIFIED_BLOCKS_MAX: usize = 4_096;
/// Blocks under one certificate that are applied at once while catching up.
pub const BATCH_BLOCKS_MAX: usize = 256;
/// A followed validator that sends nothing for this long is left, if another one is connected.
pub const SILENCE_MAX: Duration = Duration::from_secs(3);
/// An answer that has not come after this is not waited for.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// A validator that has not verified a proof after this, those of others before it included, is asked again.
pub const PROOF_ANSWER_TIMEOUT: Duration = Duration::from_secs(90);
/// A verdict that is not ordered after this is brought again.
pub const VERDICT_PATIENCE: Duration = Duration::from_secs(30);
/// What was delivered and is still not ordered after this is delivered again, the next time after twice as long.
pub const RESEND_INTERVAL: Duration = Duration::from_secs(1);
/// Longest pause before what is still not ordered is delivered again.
pub const RESEND_INTERVAL_MAX: Duration = Duration::from_secs(30);
/// Pause before a validator that lacks a block or message before is tried again.
pub const NOT_YET_DELAY: Duration = Duration::from_millis(5);
/// First pause before a validator is dialled again.
pub const REDIAL_DELAY_MIN: Duration = Duration::from_millis(50);
/// Longest pause before a validator is dialled again.
pub const REDIAL_DELAY_MAX: Duration = Duration::from_secs(1);
/// Pause before the node's full event queue is tried again.
pub const EVENT_RETRY_DELAY: Duration = Duration::from_millis(5);
/// A link that does not say goodbye in this time stops without.
pub const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

const _: () = assert!(BATCH_BLOCKS_MAX <= UNCERTIFIED_BLOCKS_MAX);
