//! Every bound of the feed, by name. What a stranger can make the server do follows from these.

use std::time::Duration;

/// Most shares of one ITCH order: its quantities have 32 bits. One share is one lot.
pub const ITCH_SHARES_MAX: u32 = u32::MAX;
/// Most ITCH orders that stand for one large order; a larger one is not carried. It bounds what one command makes the feed say.
pub const ITCH_PIECES_MAX: u64 = 64;
/// Most decimals of a price in ITCH.
pub const ITCH_PRICE_DECIMALS: u8 = 4;
/// Instruments of a feed: `Stock Locate` has 16 bits, and 0 stands for none.
pub const ITCH_LOCATES_MAX: u32 = u16::MAX as u32;
/// Longest ITCH message, in bytes: NOII, `I`.
pub const ITCH_MESSAGE_SIZE_MAX: usize = 50;

/// Levels that a conflated consumer may be behind by, side by side; beyond, it is given the whole book.
pub const CONFLATED_LEVELS_MAX: usize = 1_024;

/// Bytes of a MoldUDP64 header.
pub const MOLD_HEADER_SIZE: usize = 20;
/// Largest datagram that the server sends, in bytes: within an Ethernet frame with room for tunnels.
pub const DATAGRAM_SIZE_MAX: usize = 1_400;
/// Largest datagram that a receiver looks at.
pub const DATAGRAM_SIZE_RECEIVED_MAX: usize = 9_000;
/// Bytes of a retransmission request: exactly a header.
pub const REQUEST_SIZE: usize = MOLD_HEADER_SIZE;
/// Bytes of datagrams kept for retransmission; older ones need a snapshot.
pub const RETRANSMIT_STORE_SIZE: usize = 32 << 20;
/// Silence after which the server sends a heartbeat.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);

/// Bytes that one address is sent for requests, each second.
pub const RETRANSMIT_BYTES_PER_S_MAX: u64 = 4 << 20;
/// Bytes that one address is sent for requests at once after a rest.
pub const RETRANSMIT_BURST_SIZE_MAX: u64 = 1 << 20;
/// Bytes that all addresses together are sent for requests, each second.
pub const RETRANSMIT_TOTAL_BYTES_PER_S_MAX: u64 = 16 << 20;
/// Addresses whose requests are counted at the same time; others wait.
pub const REQUEST_SOURCES_MAX: usize = 256;
/// Requests answered in one turn of the server: publishing goes on between.
pub const REQUESTS_PER_TURN_MAX: usize = 64;

/// Datagrams that a receiver holds behind a gap.
pub const HELD_DATAGRAMS_MAX: usize = 4_096;
/// Time after which a receiver asks again for what it lacks.
pub const REQUEST_INTERVAL: Duration = Duration::from_millis(20);
/// Unanswered requests after which a receiver needs a snapshot.
pub const REQUESTS_UNANSWERED_MAX: u32 = 50;
/// Messages of one request: a receiver asks for no more than it can hold.
pub const REQUEST_MESSAGES_MAX: u16 = 1_024;

/// Consumers that are sent a snapshot at the same time; others are not accepted yet.
pub const SNAPSHOT_CONNECTIONS_MAX: usize = 8;
/// Time in which a consumer must have taken its snapshot.
pub const SNAPSHOT_PATIENCE: Duration = Duration::from_secs(30);
/// Messages behind which a snapshot is made anew rather than given out again: well within what is kept for retransmission.
pub const SNAPSHOT_AGE_MESSAGES_MAX: u64 = 10_000;
/// Most bytes of a snapshot that a consumer takes.
pub const SNAPSHOT_SIZE_MAX: usize = 1 << 30;

const _: () = assert!(MOLD_HEADER_SIZE + 2 + ITCH_MESSAGE_SIZE_MAX <= DATAGRAM_SIZE_MAX, "a datagram holds any message");
const _: () = assert!(DATAGRAM_SIZE_MAX <= DATAGRAM_SIZE_RECEIVED_MAX);
const _: () = assert!(RETRANSMIT_BURST_SIZE_MAX >= DATAGRAM_SIZE_MAX as u64, "an answer can be paid for");
// A consumer with a snapshot of that age can be sent what is behind it, each message in a datagram of its own.
const _: () = assert!(
    SNAPSHOT_AGE_MESSAGES_MAX as usize * (MOLD_HEADER_SIZE + 2 + ITCH_MESSAGE_SIZE_MAX) * 2 < RETRANSMIT_STORE_SIZE,
    "what is behind a snapshot can be asked for"
);
