//! Bounds of the transport.

use std::time::Duration;

/// Longest frame of votes, certificates and consensus requests, in bytes.
pub const VOTE_FRAME_SIZE_MAX: usize = 64 << 10;
/// Longest frame that carries a settlement block, in bytes.
pub const BLOCK_FRAME_SIZE_MAX: usize = 2 << 20;
/// Longest frame that carries a shard of a zone body or a proof of fraud, in bytes.
pub const SHARD_FRAME_SIZE_MAX: usize = 5 << 19;
/// Longest frame of gossip (receipts, headers, what clients bring), in bytes.
pub const GOSSIP_FRAME_SIZE_MAX: usize = 64 << 10;
/// Longest frame of a part of a checkpoint's signature, in bytes.
pub const CHECKPOINT_FRAME_SIZE_MAX: usize = 256;
/// Messages that wait in one outbound lane.
pub const LANE_FRAMES_MAX: usize = 2_048;
/// Bytes that wait in one outbound lane.
pub const LANE_BYTES_MAX: usize = 16 << 20;
/// Bytes of one peer that wait unread in one inbound channel.
pub const INBOUND_BYTES_PER_PEER_MAX: usize = 4 << 20;
/// What a frame counts for at least, so that small ones are bounded too.
pub const INBOUND_FRAME_CHARGE_MIN: usize = 8 << 10;
/// Messages of one peer that wait unread in one inbound channel.
pub const INBOUND_FRAMES_PER_PEER_MAX: usize = INBOUND_BYTES_PER_PEER_MAX / INBOUND_FRAME_CHARGE_MIN;
/// Streams that one client may have open.
pub const CLIENT_STREAMS_MAX: u32 = 64;
/// Accepted client streams that wait for the validator to take them.
pub const CLIENT_ACCEPT_QUEUE_MAX: usize = 256;
/// A handshake that takes longer is given up.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(2);
/// Handshakes under way at once.
pub const HANDSHAKES_MAX: usize = 256;
/// With more handshakes than this under way, a peer must first show that its address is its own (`Retry`, RFC 9000, section 8.1.2).
pub const HANDSHAKES_UNVALIDATED_MAX: usize = 32;
/// A silent connection is probed this often.
pub const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(1);
/// A connection that stays silent is dead.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(4);
/// First pause before a peer is dialled again.
pub const REDIAL_DELAY_MIN: Duration = Duration::from_millis(50);
/// Longest pause before a peer is dialled again.
pub const REDIAL_DELAY_MAX: Duration = Duration::from_secs(1);

const _: () = assert!(BLOCK_FRAME_SIZE_MAX <= LANE_BYTES_MAX, "a lane holds at least one block");
const _: () = assert!(BLOCK_FRAME_SIZE_MAX <= INBOUND_BYTES_PER_PEER_MAX, "a share holds at least one block");
const _: () = assert!(crate::limits::TRANSACTION_SIZE_MAX + 64 <= GOSSIP_FRAME_SIZE_MAX, "what clients bring fits a frame");
const _: () = assert!(HANDSHAKES_UNVALIDATED_MAX < HANDSHAKES_MAX);
const _: () =
    assert!(crate::dispersal::limits::SHARD_SIZE_MAX + 64 <= SHARD_FRAME_SIZE_MAX, "a shard of the largest body fits a frame");
const _: () = assert!(crate::dispersal::limits::FRAUD_SIZE_MAX + 64 <= SHARD_FRAME_SIZE_MAX, "a proof of fraud fits a frame");
const _: () = assert!(crate::limits::BLOCK_SIZE_MAX + 4_096 <= BLOCK_FRAME_SIZE_MAX, "a block fits a frame");
