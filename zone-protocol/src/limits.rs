//! Bounds and pauses of the protocol.

use plinth_types::limits::{BODY_SIZE_MAX, HEADER_ASSETS_MAX, HEADER_REFUSED_MAX, OUTBOX_MESSAGES_MAX};
use std::time::Duration;

/// Most bytes of a frame, its length not counted: the largest zone block with all it can send.
pub const FRAME_SIZE_MAX: usize =
    BODY_SIZE_MAX + 1_024 + HEADER_ASSETS_MAX * 18 + HEADER_REFUSED_MAX * 8 + OUTBOX_MESSAGES_MAX * 160;
/// A frame that has begun and is not whole after this is given up, and the connection with it.
pub const FRAME_TIMEOUT: Duration = Duration::from_secs(10);
/// A caller that says nothing for this long is cut off.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// A zone that reads nothing for this long, while more waits for it than the kernel keeps, is cut off.
pub const STALL_MAX: Duration = Duration::from_secs(60);
/// News that a zone was told and has not called processed; then it is told no more.
pub const NEWS_UNPROCESSED_MAX: usize = 1_024;
/// Most zone blocks that one settlement block orders, makes available, settles or rejects.
pub const NEWS_BLOCKS_MAX: usize = 16_384;
/// Most zone blocks that one settlement block orders: few more than may wait to be available.
pub const NEWS_ORDERED_MAX: usize = 4_096;
/// Most messages that one settlement block appends to one inbox.
pub const NEWS_INBOX_MAX: usize = 8_192;
/// Most assets of a status.
pub const STATUS_ASSETS_MAX: usize = 1_024;
/// Longest reason, in bytes; the rest is cut off.
pub const REASON_SIZE_MAX: usize = 512;
/// Longest path of a socket, in bytes: what the kernel takes, and the name under which it is made.
pub const SOCKET_PATH_SIZE_MAX: usize = 107 - NEW_SUFFIX.len();
/// Behind the name of a socket while it is made.
pub(crate) const NEW_SUFFIX: &str = ".new";
/// Pause before a host that is not there is called again.
pub const REDIAL_DELAY: Duration = Duration::from_millis(100);

const _: () = assert!(FRAME_SIZE_MAX <= u32::MAX as usize, "a frame's length is four bytes");
const _: () = assert!(
    NEWS_BLOCKS_MAX * 72 + NEWS_ORDERED_MAX * 136 + NEWS_INBOX_MAX * 256 < FRAME_SIZE_MAX,
    "the news of one settlement block fit a frame"
);
