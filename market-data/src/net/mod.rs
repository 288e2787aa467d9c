//! The sockets and the clock: a server that publishes a feed, and a client that follows it.
//!
//! ```text
//! server ── UDP datagrams ──► targets (unicast or groups)          client: receiver ─► view
//!    ▲ ───── UDP answers ───────────────────────────────────────────► ▲
//!    └────── UDP requests ◄───────────────────────────────────────── gaps
//!    TCP snapshots ─────────────────────────────────────────────────► at the start, and when requests bring nothing
//! ```
//!
//! A snapshot is a head and blocks: version u8 = 1 │ session [u8; 10] │ next message u64 │ blocks u64 │ bytes of blocks u64, big-endian. The blocks
//! are `R` and `H` of each stock and `A` of each order, with the tracking number of the stock's last message; the stream goes on with the
//! next message.
//!
//! Known limitation: IPv4 groups only.

mod client;
mod server;
mod snapshot;
mod stage;

pub use client::{Client, ClientConfig, ClientError, Counts};
pub use server::{Server, ServerConfig, ServerCounts};
pub use snapshot::{SnapshotError, SnapshotHead};
pub use stage::{Journal, Stage, StageConfig, StageError};
