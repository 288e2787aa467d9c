//! Bounds and pauses of the consensus stack.

use std::time::Duration;

/// How far a block's time may lie ahead of the clock of who verifies it.
pub const CLOCK_TOLERANCE: Duration = Duration::from_millis(500);
/// How long a proposer waits for content unless configured otherwise.
pub const IDLE_INTERVAL_DEFAULT: Duration = Duration::from_millis(500);
/// Longest idle interval that can be configured.
pub const IDLE_INTERVAL_MAX: Duration = Duration::from_secs(60);
/// How long a proposer waits for content when an empty block would settle something, or bring it nearer.
pub const SETTLING_INTERVAL: Duration = Duration::from_millis(50);
/// A leader that says nothing for this long beyond the idle interval loses its turn.
pub const LEADER_GRACE: Duration = Duration::from_millis(500);
/// A proposal that is not certified for this long beyond the leader's time is given up.
pub const CERTIFICATION_GRACE: Duration = Duration::from_millis(500);
/// A leader that was silent for this long beyond the certification time is skipped at once, until it speaks again.
pub const SKIP_GRACE: Duration = Duration::from_millis(500);
/// Pause before a vote to give up a view is said again.
pub const TIMEOUT_RETRY: Duration = Duration::from_millis(500);
/// A peer that does not answer a request for this long is not asked further.
pub const FETCH_TIMEOUT: Duration = Duration::from_millis(1_000);
/// Pause before a request is made again.
pub const FETCH_RETRY_DELAY: Duration = Duration::from_millis(50);
/// An epoch's engine goes on for this long behind the epoch's last block, for those who have not heard that it is final.
pub const ENGINE_GRACE: Duration = Duration::from_millis(500);
/// A validator whose ledger does not grow for this long, beyond what a view may take, asks the others for the end of the epoch.
pub const STALL_INTERVAL: Duration = Duration::from_secs(1);
/// Views kept behind the last finalized one, for peers that are behind.
pub const VIEWS_RETAINED: u64 = 128;
/// Messages that wait for one of the library's actors.
pub const MAILBOX_SIZE: usize = 1_024;
/// Blocks of each peer that wait unordered.
pub const BLOCKS_PER_PEER_BUFFERED: usize = 16;
/// Missing blocks fetched at once.
pub const REPAIR_MAX: usize = 64;
/// Finalized blocks handed to the ledger before it has acknowledged the first of them.
pub const PENDING_ACKS_MAX: usize = 16;
/// Blocks of one file of an archive.
pub const ARCHIVE_SECTION_ITEMS: u64 = 65_536;
/// Views of one file of the cache of blocks that are not final.
pub const CACHE_SECTION_VIEWS: u64 = 256;
/// Bytes written at once into a journal or archive.
pub const WRITE_BUFFER_SIZE: usize = 64 << 10;
/// Bytes read at once when a journal or archive is opened.
pub const REPLAY_BUFFER_SIZE: usize = 256 << 10;
/// Bytes of a page of cached storage.
pub const CACHE_PAGE_SIZE: u16 = 4_096;
/// Pages of cached storage.
pub const CACHE_PAGES: usize = 256;
/// Blocks between two prunings of the store: what a state that was offered then needs stays until the next.
pub const PRUNE_INTERVAL_BLOCKS: u64 = 1_024;
/// A new validator fetches the state of a chain that is so many blocks ahead, and the blocks of one that is not.
pub const JOIN_BLOCKS_MIN: u64 = 32;
/// How long a new validator waits for somebody to show that the chain is ahead.
pub const JOIN_PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// How often every donor is asked before a start that needs one fails.
pub const JOIN_ROUNDS_MAX: usize = 20;
/// Pause between two rounds.
pub const JOIN_PAUSE: Duration = Duration::from_millis(500);
/// Finalized blocks kept in memory for clients that follow the chain.
pub const RECENT_BLOCKS_MAX: usize = 256;
/// Certificates kept until their block is applied.
pub const CERTIFICATES_WAITING_MAX: usize = 256;
/// Zone blocks that were ordered and that the rebuilder has not looked at yet: as many as a late validator repairs its shards of.
pub const ORDERED_BLOCKS_MAX: usize = 4_096;
/// Final blocks whose part of a checkpoint waits to be signed; the oldest goes unsigned.
pub const STATEMENTS_WAITING_MAX: usize = 64;
/// Pieces of evidence kept.
pub const EVIDENCE_MAX: usize = 256;

const _: () = assert!(CACHE_PAGE_SIZE > 0 && CACHE_PAGES > 0 && MAILBOX_SIZE > 0 && WRITE_BUFFER_SIZE > 0);
